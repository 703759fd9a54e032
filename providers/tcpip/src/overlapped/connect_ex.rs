//! `ConnectEx`: a connection and its first data (API-X20 to API-X24).

use rustix::net::SendFlags;
use windlass_abi::{SOCKET, WsaError};
use windlass_spi::Result;
use windlass_spi::operation::{Completion, Operation, Request, Started};
use windlass_spi::socket::OpenSocket;

use super::connections::Connections;
use super::{check_open, count};
use crate::bind::local_address;
use crate::sockaddr::parse_or;
use crate::socket::{Flags, Kind, TcpSocket};
use crate::{Tcpip, connect, network_events, send};

/// A `ConnectEx` under way.
pub(super) struct Connecting {
    pub operation: Operation,
    /// The descriptor it was started on.
    pub handle: SOCKET,
    flags: SendFlags,
    sent: usize,
}

/// Starts a `ConnectEx`.
///
/// # Errors
/// WSAEOPNOTSUPP: not connection-oriented. WSAEINVAL: not bound, or listening; WSAEISCONN, WSAEALREADY (API-X20). What the
/// attempt came to at once.
pub(super) fn start(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, mut operation: Operation) -> Result<Started> {
    let Request::Connect { name, .. } = &operation.request else { return Err(WsaError::WSAEINVAL) };
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    let peer = parse_or(name, socket.family, WsaError::WSAEAFNOSUPPORT)?;
    if socket.flags.any(Flags::LISTENING) || !socket.flags.any(Flags::BOUND) {
        return Err(WsaError::WSAEINVAL);
    }
    connect::check_peer(peer)?;
    let mut state = socket.operations().lock();
    check_open(socket)?;
    if state.connections.as_ref().is_some_and(|connections| connections.connect.is_some()) {
        return Err(WsaError::WSAEALREADY);
    }
    socket.rare().local = local_address(socket).ok().filter(|local| local.port() != 0);
    let begun = connect::start(socket, peer);
    if begun.is_err() {
        connect::forget_failure(socket);
    }
    begun?;
    let flags = send::overlapped_flags(socket, 0)?;
    operation.pend()?;
    let mut connecting = Connecting { operation, handle: socket.handle(), flags, sent: 0 };
    match connecting.attempt(socket) {
        Some(end) => {
            connecting.operation.complete(end);
        }
        None => {
            if let Err(error) = state.drive(tcpip, socket, &connecting.operation) {
                connecting.operation.complete(Completion::failed(error));
                return Ok(Started::Pending);
            }
            state.connections().connect = Some(connecting);
        }
    }
    drop(state);
    // A registration learns how the attempt ends, too.
    network_events::after_connect(socket, &Err(WsaError::WSAEWOULDBLOCK));
    Ok(Started::Pending)
}

impl Connections {
    /// Goes on with an attempt to connect, and then with its data.
    pub(super) fn go_on_connecting(&mut self, socket: &TcpSocket) {
        let Some(mut connecting) = self.connect.take() else { return };
        match connecting.attempt(socket) {
            None => self.connect = Some(connecting),
            Some(end) => {
                connecting.operation.complete(end);
            }
        }
    }
}

impl Connecting {
    /// Nothing: it goes on.
    fn attempt(&mut self, socket: &TcpSocket) -> Option<Completion> {
        match connect::settle(socket, socket.fd())? {
            Ok(()) => {}
            Err(error) => {
                connect::forget_failure(socket);
                return Some(Completion::failed(error));
            }
        }
        let Request::Connect { data, .. } = &mut self.operation.request else {
            return Some(Completion::failed(WsaError::WSAEINVAL));
        };
        let Some(data) = data else { return Some(Completion::default()) };
        loop {
            let left = data.buffers();
            if left.total() == 0 {
                return Some(Completion::of(count(self.sent)));
            }
            match send::attempt(socket, &left, self.flags, None) {
                Err(WsaError::WSAEWOULDBLOCK) => return None,
                Err(error) => return Some(Completion::failed(error)),
                Ok(sent) => {
                    data.advance(sent);
                    self.sent += sent;
                }
            }
        }
    }
}
