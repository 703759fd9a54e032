//! `WSPAccept`: connections that wait at a listening socket, and the client's condition function.

use std::os::fd::AsFd;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, getsockname};
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::condition::{Condition, Decision};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{Accept, Accepted, NewSocket};

use crate::Tcpip;
use crate::blocking::until_done;
use crate::connect::check_connected;
use crate::error::{from_accept, is_of_one_connection};
use crate::network_events;
use crate::sockaddr::{check_capacity, from_kernel, to_address};
use crate::socket::{Flags, Kind, Pending, TcpSocket};

/// Takes the first connection that waits, if the client's condition function agrees.
///
/// The handshake of a connection is over before anyone is asked, so a rejected peer sees a reset
/// (WSP-ACCEPT-11).
///
/// # Errors
/// WSAEOPNOTSUPP: not connection-oriented. WSAEINVAL: not listening, or the condition function's answer is
/// none. WSAEFAULT: no room for the peer's address (WSP-ACCEPT-5). WSAEWOULDBLOCK, WSAEINTR: there is no
/// connection. WSAECONNREFUSED: rejected. WSATRY_AGAIN: deferred (WSP-ACCEPT-7). WSAECONNRESET: the peer withdrew.
/// WSAEMFILE, WSAENOBUFS: no resources.
pub fn accept(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, request: Accept<'_, '_>) -> Result<Accepted<TcpSocket>> {
    let accepted = take(tcpip, socket, request);
    network_events::after_accept(socket, matches!(accepted, Err(WsaError::WSATRY_AGAIN)));
    accepted
}

fn take(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, request: Accept<'_, '_>) -> Result<Accepted<TcpSocket>> {
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    if !socket.flags.any(Flags::LISTENING) {
        return Err(WsaError::WSAEINVAL);
    }
    check_capacity(request.capacity, socket.family)?;
    let pending = match first(socket) {
        Err(WsaError::WSAEWOULDBLOCK) if !socket.flags.any(Flags::NONBLOCKING) => {
            until_done(tcpip, socket, PollFlags::IN, None, || first(socket))
        }
        found => found,
    }?;
    let pending = match request.condition {
        None => pending,
        Some(condition) => ask(socket, pending, condition)?,
    };
    let accepted = TcpSocket::accepted_by(socket, pending.fd);
    network_events::inherit(tcpip, socket, &accepted)?;
    let address = to_address(&pending.peer);
    Ok(Accepted { socket: NewSocket::Ifs { handle: accepted.handle(), state: accepted }, address })
}

/// The head of the queue: what was deferred, then what the kernel has; WSAEWOULDBLOCK if there is none.
pub fn first(socket: &TcpSocket) -> Result<Pending> {
    if socket.flags.any(Flags::DEFERRED) {
        let mut rare = socket.rare();
        let head = rare.deferred.pop_front();
        socket.flags.put(Flags::DEFERRED, !rare.deferred.is_empty());
        if let Some(head) = head {
            return Ok(head);
        }
    }
    loop {
        match acceptfrom_with(socket.fd(), SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok((fd, peer)) => {
                let peer = from_kernel(peer.ok_or(WsaError::WSASYSCALLFAILURE)?)?;
                return Ok(Pending { fd, peer });
            }
            Err(Errno::INTR) => {}
            Err(errno) if is_of_one_connection(errno) => {}
            Err(errno) => return Err(from_accept(errno)),
        }
    }
}

fn ask(socket: &TcpSocket, pending: Pending, condition: &mut Condition<'_>) -> Result<Pending> {
    let local = getsockname(pending.fd.as_fd()).map_err(from_accept).and_then(from_kernel)?;
    // The client may do anything in there; nothing is locked.
    match condition.decide(&to_address(&pending.peer), None, &to_address(&local)) {
        Ok(Decision::Accept) => Ok(pending),
        Ok(Decision::Reject) => {
            pending.refuse();
            Err(WsaError::WSAECONNREFUSED)
        }
        Ok(Decision::Defer) => {
            put_back(socket, pending);
            Err(WsaError::WSATRY_AGAIN)
        }
        Err(error) => {
            // Not an answer: the connection waits for a better one.
            put_back(socket, pending);
            Err(error)
        }
    }
}

/// Makes a connection the head of the queue again.
pub fn put_back(socket: &TcpSocket, pending: Pending) {
    let mut rare = socket.rare();
    rare.deferred.push_front(pending);
    socket.flags.set(Flags::DEFERRED);
}

/// `SO_UPDATE_ACCEPT_CONTEXT`: what `AcceptEx` has connected gets the properties of its listener (API-X16).
///
/// # Errors
/// WSAENOTCONN: there is no connection. WSAEINVAL: the listener does not listen.
pub fn update_context(socket: &TcpSocket, listener: &TcpSocket) -> Result<()> {
    check_connected(socket)?;
    if !listener.flags.any(Flags::LISTENING) || listener.family != socket.family {
        return Err(WsaError::WSAEINVAL);
    }
    socket.inherit(listener);
    Ok(())
}
