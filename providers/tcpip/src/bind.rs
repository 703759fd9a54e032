//! `WSPBind`, `WSPGetSockName`, `WSPGetPeerName`: local and remote names.
//!
//! What a second socket on the same address means differs between Windows and Linux.
//!
//! | | Windows | here |
//! |---|---|---|
//! | no option | fails while another socket is bound; connections that linger after their listener do not matter | the same |
//! | `SO_REUSEADDR` | takes the address from whoever has it | shares it with sockets that have the option too; several streams may listen |
//! | `SO_EXCLUSIVEADDRUSE` | keeps `SO_REUSEADDR` out | every socket keeps it out anyway |
//!
//! For a stream the kernel's own SO_REUSEADDR decides whether connections in TIME_WAIT are in the way,
//! but with it two sockets may be bound at once as long as none listens. So a socket is bound without it
//! first; if only such connections were in the way, the second try with it works, for a socket
//! that is merely bound has it off and stays in the way. It goes on for good when the socket listens, and when a
//! connection ends, so that what remains of them is in nobody's way.

use rustix::io::Errno;
use rustix::net::{getpeername, getsockname, sockopt};
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::address::Address;

use crate::error::from_errno;
use crate::sockaddr::{SocketAddress, from_kernel, parse_or, to_address};
use crate::socket::{Flags, Kind, TcpSocket};

/// Gives the socket its local address.
///
/// # Errors
/// WSAEFAULT: too short, or of another family (WSP-BIND-1). WSAEINVAL: bound already (WSP-BIND-2).
/// WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAEACCES: the address cannot be had (WSP-BIND-4, WSP-BIND-5).
pub fn bind(socket: &TcpSocket, name: &[u8]) -> Result<()> {
    let address = parse_or(name, socket.family, WsaError::WSAEFAULT)?;
    match (socket.kind, socket.flags.any(Flags::REUSE_ADDRESS)) {
        (Kind::Stream, true) => {
            sockopt::set_socket_reuseport(socket.fd(), true).map_err(from_errno)?;
            sockopt::set_socket_reuseaddr(socket.fd(), true).map_err(from_errno)?;
            bind_kernel(socket, address)
        }
        (Kind::Datagram, true) => {
            sockopt::set_socket_reuseaddr(socket.fd(), true).map_err(from_errno)?;
            bind_kernel(socket, address)
        }
        (Kind::Stream, false) => bind_kernel(socket, address).or_else(|error| match error {
            Errno::ADDRINUSE => bind_over_remains(socket, address),
            other => Err(other),
        }),
        (Kind::Datagram, false) => bind_kernel(socket, address),
    }
    .map_err(from_errno)?;
    socket.flags.set(Flags::BOUND | Flags::BOUND_BY_NAME);
    Ok(())
}

/// The local address.
///
/// # Errors
/// WSAEINVAL: the socket has none yet (WSP-GSN-2).
pub fn get_sock_name(socket: &TcpSocket) -> Result<Address> {
    let local = local_address(socket)?;
    if local.port() == 0 { Err(WsaError::WSAEINVAL) } else { Ok(to_address(&local)) }
}

/// The peer's address.
///
/// # Errors
/// WSAENOTCONN: there is no peer (WSP-GPN-1).
pub fn get_peer_name(socket: &TcpSocket) -> Result<Address> {
    let peer = getpeername(socket.fd()).map_err(from_errno)?.ok_or(WsaError::WSAENOTCONN)?;
    Ok(to_address(&from_kernel(peer)?))
}

/// The local address as the kernel has it: with port zero if the socket is unbound.
pub fn local_address(socket: &TcpSocket) -> Result<SocketAddress> {
    from_kernel(getsockname(socket.fd()).map_err(from_errno)?)
}

/// Whether the socket has a local address. The answer yes is kept.
pub fn is_bound(socket: &TcpSocket) -> Result<bool> {
    if socket.flags.any(Flags::BOUND) {
        return Ok(true);
    }
    let bound = local_address(socket)?.port() != 0;
    socket.flags.put(Flags::BOUND, bound);
    Ok(bound)
}

/// Lets others have the address that a stream was bound to, once only remains of its connection are left.
pub fn free_remains(socket: &TcpSocket) {
    if socket.flags.any(Flags::BOUND_BY_NAME) {
        // It cannot fail on an open socket; if it did, others would have to wait for the remains to go.
        let _ = sockopt::set_socket_reuseaddr(socket.fd(), true);
    }
}

/// Binds again what has lost its port, to exactly this address.
pub fn bind_kernel(socket: &TcpSocket, address: SocketAddress) -> rustix::io::Result<()> {
    rustix::net::bind(socket.fd(), &address)
}

fn bind_over_remains(socket: &TcpSocket, address: SocketAddress) -> rustix::io::Result<()> {
    sockopt::set_socket_reuseaddr(socket.fd(), true)?;
    let bound = bind_kernel(socket, address);
    sockopt::set_socket_reuseaddr(socket.fd(), false)?;
    bound
}
