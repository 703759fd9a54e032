//! `DisconnectEx`: the end of a connection, after which the socket may serve again (API-X30 to API-X32).
//!
//! It is over when both sides have ended it and nothing is left to send: when the kernel has no connection any more, or
//! only its remains (TIME_WAIT). With reuse, what still arrives is received and dropped, lest a full window keep the peer
//! from ending its side.

use rustix::event::{PollFd, PollFlags, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, getpeername, sockopt};
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::operation::{Completion, Operation, Request, SocketLink, Started};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::Shutdown;

use super::check_open;
use super::connections::Connections;
use crate::Tcpip;
use crate::bind::{bind_kernel, local_address};
use crate::blocking::Wait;
use crate::connect::check_connected;
use crate::create::kernel_socket;
use crate::error::from_errno;
use crate::network_events;
use crate::shutdown::shutdown;
use crate::sockaddr::SocketAddress;
use crate::socket::{Flags, Kind, TcpSocket};

/// A `DisconnectEx` under way.
pub(super) struct Disconnecting {
    pub operation: Operation,
    reuse: bool,
    link: SocketLink,
    /// What was sent before.
    bytes: u32,
}

/// Starts a `DisconnectEx`.
///
/// # Errors
/// WSAEOPNOTSUPP: not connection-oriented. WSAENOTCONN: not connected, or about to be disconnected already (API-X32).
pub(super) fn start(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, operation: Operation) -> Result<Started> {
    let Request::Disconnect { reuse, link } = operation.request else { return Err(WsaError::WSAEINVAL) };
    begin(socket, reuse)?;
    let mut state = socket.operations().lock();
    check_open(socket)?;
    if state.connections.as_ref().is_some_and(|connections| connections.disconnect.is_some()) {
        return Err(WsaError::WSAENOTCONN);
    }
    let mut disconnecting = Disconnecting { operation, reuse, link, bytes: 0 };
    if let Some(end) = attempt(socket, reuse) {
        end.and_then(|()| disconnecting.finish())?;
        if reuse {
            state.replaced(socket);
        }
        return Ok(disconnecting.operation.complete(Completion::default()));
    }
    state.drive(tcpip, socket, &disconnecting.operation)?;
    disconnecting.operation.pend()?;
    state.connections().disconnect = Some((socket.handle(), disconnecting));
    Ok(Started::Pending)
}

/// `DisconnectEx` that blocks, whatever the blocking mode (API-X31).
///
/// # Errors
/// As [`start`], and WSAEINTR.
pub fn disconnect(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, reuse: bool) -> Result<()> {
    begin(socket, reuse)?;
    until_over(tcpip, socket, reuse)?;
    if reuse {
        let mut state = socket.operations().lock();
        check_open(socket)?;
        renew(socket)?;
        state.replaced(socket);
    }
    Ok(())
}

/// Waits until the connection is over.
///
/// The last steps change nothing that readiness would tell as a level, so that an edge is waited for.
fn until_over(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, reuse: bool) -> Result<()> {
    let edges = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(from_errno)?;
    let interest = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
    epoll::add(&edges, socket.fd(), epoll::EventData::new_u64(0), interest).map_err(from_errno)?;
    let wait = Wait::begin(tcpip, &[socket], None)?;
    loop {
        if let Some(end) = attempt(socket, reuse) {
            return end;
        }
        wait.on(&mut [PollFd::new(&edges, PollFlags::IN)])?;
        let mut edge = Vec::with_capacity(1);
        // Takes the edge; without one the next look decides.
        let _ =
            epoll::wait(&edges, rustix::buffer::spare_capacity(&mut edge), Some(&rustix::event::Timespec::default()));
    }
}

/// Ends the sending direction.
fn begin(socket: &TcpSocket, reuse: bool) -> Result<()> {
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    check_connected(socket)?;
    if reuse {
        let local = local_address(socket).ok().filter(|local| local.port() != 0);
        let mut rare = socket.rare();
        rare.local = rare.local.or(local);
    }
    match socket.flags.any(Flags::SHUT_SEND) {
        true if reuse => Ok(()),
        true => Err(WsaError::WSAENOTCONN),
        false => shutdown(socket, Shutdown::Send),
    }
}

/// Whether the connection is over. Nothing: not yet.
fn attempt(socket: &TcpSocket, reuse: bool) -> Option<Result<()>> {
    if reuse {
        drop_what_came(socket);
    }
    match getpeername(socket.fd()) {
        // A reset ends it as well.
        Ok(None) | Err(Errno::NOTCONN) => Some(Ok(())),
        Ok(Some(_)) | Err(_) => None,
    }
}

fn drop_what_came(socket: &TcpSocket) {
    let mut bytes = [0u8; 4096];
    while let Ok((_, 1..)) | Err(Errno::INTR) = rustix::net::recv(socket.fd(), &mut bytes, RecvFlags::DONTWAIT) {}
}

impl Connections {
    /// Looks whether the connection is over; says whether the socket refers to a new one of the kernel.
    pub(super) fn go_on_disconnecting(&mut self, socket: &TcpSocket) -> bool {
        let Some((_, disconnecting)) = &self.disconnect else { return false };
        let Some(end) = attempt(socket, disconnecting.reuse) else { return false };
        let Some((_, disconnecting)) = self.disconnect.take() else { return false };
        let (end, reuse) = (end.and_then(|()| disconnecting.finish()), disconnecting.reuse);
        let bytes = if end.is_ok() { disconnecting.bytes } else { 0 };
        disconnecting.operation.complete(Completion { error: end.err(), ..Completion::of(bytes) });
        reuse
    }
}

impl Disconnecting {
    /// What follows a transmission of so many bytes.
    pub(super) fn after(operation: Operation, link: SocketLink, bytes: u32) -> Self {
        Self { operation, reuse: true, link, bytes }
    }

    fn finish(&self) -> Result<()> {
        if !self.reuse {
            return Ok(());
        }
        let renewed = self.link.with(|socket: &OpenSocket<TcpSocket>| renew(socket));
        renewed.unwrap_or(Err(WsaError::WSA_OPERATION_ABORTED))
    }
}

/// Makes the socket fit for another connection: one that was accepted is new, one that was connected is bound as before
/// (API-X31).
fn renew(socket: &OpenSocket<TcpSocket>) -> Result<()> {
    const OF_THE_CONNECTION: u32 = Flags::CONNECTED
        | Flags::CONNECTING
        | Flags::CONNECT_FAILED
        | Flags::SHUT_SEND
        | Flags::SHUT_RECEIVE
        | Flags::RECEIVE_DISCONNECTED
        | Flags::RESET
        | Flags::ABORTED
        | Flags::URGENT;
    let mut rare = socket.rare();
    if rare.was_accepted {
        let new = kernel_socket(socket.family, socket.kind)?;
        socket.replace(std::os::fd::AsFd::as_fd(&new))?;
        socket.flags.clear(Flags::BOUND | Flags::BOUND_BY_NAME);
    } else {
        rustix::net::connect_unspec(socket.fd()).map_err(from_errno)?;
        if let Some(local) = rare.local.take() {
            bind_again(socket, local)?;
        }
    }
    rare.was_accepted = false;
    rare.connected_at = None;
    rare.error = None;
    rare.connect_error = None;
    rare.urgent.clear();
    socket.flags.clear(OF_THE_CONNECTION);
    drop(rare);
    network_events::after_replacement(socket);
    Ok(())
}

/// Takes back the address that the kernel has given up with the connection, if it has: it names the address either way.
fn bind_again(socket: &TcpSocket, local: SocketAddress) -> Result<()> {
    // Only what remains of the connection is in the way.
    let reuses = sockopt::socket_reuseaddr(socket.fd()).map_err(from_errno)?;
    sockopt::set_socket_reuseaddr(socket.fd(), true).map_err(from_errno)?;
    let bound = bind_kernel(socket, local);
    sockopt::set_socket_reuseaddr(socket.fd(), reuses).map_err(from_errno)?;
    match bound {
        // It is bound still.
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(errno) => Err(from_errno(errno)),
    }
}
