//! `WSPListen`: passive sockets.

use rustix::net::sockopt;
use windlass_abi::WsaError;
use windlass_spi::Result;

use crate::bind::is_bound;
use crate::connect;
use crate::error::from_errno;
use crate::network_events;
use crate::socket::{Flags, Kind, TcpSocket};

/// The backlog that stands for as many as reasonable (WSP-LISTEN-2); the kernel has a limit of its own.
const REASONABLE: i32 = 4096;

/// Makes the socket passive, or changes its backlog (WSP-LISTEN-3). A backlog below zero is how
/// `SOMAXCONN_HINT` marks its number; zero is one.
///
/// The kernel lets a peer that finds the queue full try again instead of refusing it (WSP-LISTEN-4 asks
/// for the latter), unless `net.ipv4.tcp_abort_on_overflow` is set.
///
/// # Errors
/// WSAEOPNOTSUPP: not connection-oriented. WSAEISCONN: connected, or about to be. WSAEINVAL: not bound
/// (WSP-LISTEN-1). WSAEADDRINUSE: another socket listens there.
pub fn listen(socket: &TcpSocket, backlog: i32) -> Result<()> {
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    connect::settle(socket, socket.fd());
    if socket.flags.any(Flags::CONNECTING | Flags::CONNECTED) {
        return Err(WsaError::WSAEISCONN);
    }
    if !is_bound(socket)? {
        return Err(WsaError::WSAEINVAL);
    }
    sockopt::set_socket_reuseaddr(socket.fd(), true).map_err(from_errno)?;
    rustix::net::listen(socket.fd(), clamp(backlog)).map_err(|errno| {
        // Bound it stays, and in the way of others.
        let _ = sockopt::set_socket_reuseaddr(socket.fd(), socket.flags.any(Flags::REUSE_ADDRESS));
        from_errno(errno)
    })?;
    socket.flags.set(Flags::LISTENING);
    network_events::after_listen(socket);
    Ok(())
}

fn clamp(backlog: i32) -> i32 {
    match backlog {
        i32::MIN..0 => backlog.saturating_neg().clamp(200, 65_535),
        0 => 1,
        _ => backlog.min(REASONABLE),
    }
}

#[cfg(test)]
mod tests {
    use windlass_abi::SOMAXCONN;

    use super::*;

    #[test]
    fn wsp_listen_2_the_backlog_is_clamped_silently() {
        assert_eq!(clamp(SOMAXCONN), REASONABLE);
        assert_eq!(clamp(5), 5);
        assert_eq!(clamp(0), 1);
        assert_eq!(clamp(-10), 200);
        assert_eq!(clamp(-1000), 1000);
        assert_eq!(clamp(i32::MIN), 65_535);
    }
}
