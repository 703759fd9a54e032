//! `WSPConnect`: connections, and the default peer of datagram sockets.
//!
//! The kernel tells how an attempt ended to whoever asks first, and only once: by calling connect again,
//! which also makes the socket fit for the next attempt. [`settle`] does that under a lock and keeps the
//! answer, so that any function may ask: it is the one way in which [`Flags::CONNECTING`] ends.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, getpeername};
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::Connect;

use crate::bind::{bind_kernel, local_address};
use crate::error::{from_connect, from_errno};
pub use crate::inspect::peer_has_ended;
use crate::network_events::{self, Outcome};
use crate::sockaddr::{SocketAddress, from_kernel, is_dissolving, parse_or};
use crate::socket::{Common, Flags, Kind, TcpSocket};
use crate::{Tcpip, blocking};

/// Connects a stream, or sets the default peer of a datagram socket.
///
/// # Errors
/// WSAEWOULDBLOCK: goes on in the background (WSP-CONN-2). WSAEALREADY, WSAEISCONN, WSAEINVAL: the socket
/// is connecting, connected, listening (WSP-CONN-3). WSAEADDRNOTAVAIL: no such peer (WSP-CONN-4).
/// WSAEAFNOSUPPORT, WSAEFAULT: the name. WSAEPROTONOSUPPORT: user data (WSP-CONN-7). WSAEOPNOTSUPP: quality
/// of service (WSP-CONN-8). What the attempt came to. WSAEINTR: cancelled; it goes on in the background.
pub fn connect(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, request: &Connect<'_>) -> Result<()> {
    if request.wants_qos {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    let outcome = match socket.kind {
        Kind::Datagram => set_peer(socket, request.name),
        Kind::Stream if request.caller_data.is_some() => Err(WsaError::WSAEPROTONOSUPPORT),
        Kind::Stream => connect_stream(tcpip, socket, request.name),
    };
    network_events::after_connect(socket, &outcome);
    outcome
}

fn connect_stream(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, name: &[u8]) -> Result<()> {
    let peer = parse_or(name, socket.family, WsaError::WSAEAFNOSUPPORT)?;
    if socket.flags.any(Flags::LISTENING) {
        return Err(WsaError::WSAEINVAL);
    }
    check_peer(peer)?;
    match start(socket, peer)? {
        Started::Connected => Ok(()),
        Started::Background if socket.flags.any(Flags::NONBLOCKING) => Err(WsaError::WSAEWOULDBLOCK),
        Started::Background => wait(tcpip, socket),
    }
}

/// How an attempt has begun.
pub enum Started {
    /// It has succeeded.
    Connected,
    /// It goes on.
    Background,
}

/// Begins an attempt to connect a stream.
///
/// # Errors
/// WSAEALREADY, WSAEISCONN (WSP-CONN-3), and what the attempt came to at once.
pub fn start(socket: &TcpSocket, peer: SocketAddress) -> Result<Started> {
    settle(socket, socket.fd());
    let mut rare = socket.rare();
    if socket.flags.any(Flags::CONNECTING) {
        return Err(WsaError::WSAEALREADY);
    }
    if socket.flags.any(Flags::CONNECTED) {
        return Err(WsaError::WSAEISCONN);
    }
    socket.flags.clear(Flags::CONNECT_FAILED);
    rare.connect_error = None;
    match rustix::net::connect(socket.fd(), &peer) {
        Ok(()) => {
            rare.connected_at = Some(Instant::now());
            socket.flags.set(Flags::CONNECTED | Flags::BOUND);
            Ok(Started::Connected)
        }
        Err(Errno::INPROGRESS | Errno::INTR) => {
            rare.connecting_to = Some(peer);
            socket.flags.set(Flags::CONNECTING | Flags::BOUND);
            Ok(Started::Background)
        }
        Err(errno) => Err(from_connect(errno)),
    }
}

fn wait(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>) -> Result<()> {
    let attempt = || settle(socket, socket.fd()).unwrap_or(Err(WsaError::WSAEWOULDBLOCK));
    let outcome = blocking::until_done(tcpip, socket, PollFlags::OUT, None, attempt);
    if outcome.is_err() {
        forget_failure(socket);
    }
    outcome
}

/// The caller is told of a failed attempt now, so nobody else has to be.
pub fn forget_failure(socket: &Common) {
    if socket.flags.clear(Flags::CONNECT_FAILED) != 0 {
        socket.rare().error = None;
    }
}

/// How the latest attempt to connect ended; nothing while it goes on, or if there was none.
pub fn settle(socket: &Common, fd: BorrowedFd<'_>) -> Option<Outcome> {
    const ENDED: u32 = Flags::CONNECTED | Flags::CONNECT_FAILED;
    let flags = socket.flags.load();
    if flags & (Flags::CONNECTING | ENDED) == 0 {
        return None;
    }
    let mut rare = socket.rare();
    if let Some(peer) = rare.connecting_to {
        match rustix::net::connect(fd, &peer) {
            Err(Errno::ALREADY | Errno::INPROGRESS | Errno::INTR) => return None,
            Ok(()) | Err(Errno::ISCONN) => {
                rare.connected_at = Some(Instant::now());
                socket.flags.set(Flags::CONNECTED);
            }
            Err(errno) => {
                let error = from_connect(errno);
                rare.error = Some(error);
                rare.connect_error = Some(error);
                socket.flags.set(Flags::CONNECT_FAILED);
            }
        }
        rare.connecting_to = None;
        socket.flags.clear(Flags::CONNECTING);
    }
    match socket.flags.load() & ENDED {
        0 => None,
        ended if ended & Flags::CONNECTED != 0 => Some(Ok(())),
        _ => Some(Err(rare.connect_error.unwrap_or(WsaError::WSAECONNREFUSED))),
    }
}

/// Why a stream that is not connected cannot be used: WSAENOTCONN. Nothing if it is connected after all.
pub fn check_connected(socket: &TcpSocket) -> Result<()> {
    match settle(socket, socket.fd()) {
        Some(Ok(())) => Ok(()),
        _ => Err(WsaError::WSAENOTCONN),
    }
}

/// The kernel takes these for this machine, Winsock for no address (WSP-CONN-4).
pub fn check_peer(peer: SocketAddress) -> Result<()> {
    if peer.ip().is_unspecified() || peer.port() == 0 { Err(WsaError::WSAEADDRNOTAVAIL) } else { Ok(()) }
}

/// `WSPConnect` of a datagram socket (WSP-CONN-4, WSP-CONN-5).
fn set_peer(socket: &TcpSocket, name: &[u8]) -> Result<()> {
    if is_dissolving(name, socket.family) {
        return dissolve(socket);
    }
    let peer = parse_or(name, socket.family, WsaError::WSAEAFNOSUPPORT)?;
    check_peer(peer)?;
    let changes = current_peer(socket) != Some(peer);
    if changes {
        drop_queued(socket, |_| true);
    }
    rustix::net::connect(socket.fd(), &peer).map_err(from_connect)?;
    if changes {
        // What came in between; from here on the kernel keeps others out.
        drop_queued(socket, |source| source != peer);
    }
    socket.flags.clear(Flags::DISSOLVED);
    socket.flags.set(Flags::CONNECTED | Flags::BOUND);
    Ok(())
}

/// Gives up the default peer. The local address stays, which the kernel would forget unless the client
/// chose its port itself.
fn dissolve(socket: &TcpSocket) -> Result<()> {
    let before = local_address(socket)?;
    rustix::net::connect_unspec(socket.fd()).map_err(from_errno)?;
    let mut after = local_address(socket)?;
    if before.port() != after.port() {
        after.set_port(before.port());
        bind_kernel(socket, after).map_err(from_errno)?;
    }
    socket.flags.set(Flags::DISSOLVED);
    socket.flags.clear(Flags::CONNECTED);
    Ok(())
}

fn current_peer(socket: &TcpSocket) -> Option<SocketAddress> {
    from_kernel(getpeername(socket.fd()).ok()??).ok()
}

/// Drops datagrams from the head of the queue while they are `unwanted`.
fn drop_queued(socket: &TcpSocket, unwanted: impl Fn(SocketAddress) -> bool) {
    let mut nothing = [0u8; 0];
    // FIONREAD counts by looking too.
    let _looking = socket.rare();
    loop {
        match rustix::net::recvfrom(socket.fd(), &mut nothing, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, _, source)) => {
                if !source.and_then(|source| from_kernel(source).ok()).is_none_or(&unwanted) {
                    return;
                }
            }
            // An error for an earlier datagram; it is taken by being told.
            Err(Errno::CONNREFUSED | Errno::INTR) => continue,
            Err(_) => return,
        }
        // The one that was looked at; another thread may have taken it first.
        let _ = rustix::net::recv(socket.fd(), &mut nothing, RecvFlags::DONTWAIT);
    }
}
