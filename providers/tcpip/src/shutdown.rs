//! `WSPShutdown`, `WSPSendDisconnect`, `WSPRecvDisconnect`, and resets of a socket that stays open.

use rustix::io::Errno;
use rustix::net;
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::transport::Shutdown;

use crate::bind::free_remains;
use crate::connect::check_connected;
use crate::error::from_errno;
use crate::overlapped;
use crate::socket::{Flags, Kind, TcpSocket};

/// Ends one direction or both, at once and whatever linger says (WSP-SHUT-3).
///
/// A stream that is not to receive is reset if data is queued, or when a later call finds that data has come; what
/// nobody calls for is reset by its close (WSP-SHUT-2). Overlapped receives that wait end with WSAESHUTDOWN; overlapped sends
/// go out before the end of the stream.
///
/// # Errors
/// WSAENOTCONN: a stream without connection.
pub fn shutdown(socket: &TcpSocket, how: Shutdown) -> Result<()> {
    let flags = match how {
        Shutdown::Receive => Flags::SHUT_RECEIVE,
        Shutdown::Send => Flags::SHUT_SEND,
        Shutdown::Both => Flags::SHUT_RECEIVE | Flags::SHUT_SEND,
    };
    if socket.kind == Kind::Stream {
        check_connected(socket)?;
        if flags & Flags::SHUT_SEND != 0 {
            free_remains(socket);
        }
    }
    // Set first, for those that the kernel wakes.
    socket.flags.set(flags);
    let Some(now) = overlapped::shut_down(socket, how) else { return Ok(()) };
    let kernel = match now {
        Shutdown::Receive => net::Shutdown::Read,
        Shutdown::Send => net::Shutdown::Write,
        Shutdown::Both => net::Shutdown::Both,
    };
    match net::shutdown(socket.fd(), kernel) {
        Ok(()) => {}
        // Without a peer the kernel shuts a datagram socket down as well, and wakes whoever waits.
        Err(Errno::NOTCONN) if socket.kind == Kind::Datagram => {}
        // The connection is over, and its end not yet told.
        Err(Errno::NOTCONN) if socket.flags.any(Flags::RESET | Flags::ABORTED) => {}
        Err(errno) => return Err(from_errno(errno)),
    }
    if socket.kind == Kind::Stream && flags & Flags::SHUT_RECEIVE != 0 {
        reset_if_data_came(socket);
    }
    overlapped::after_shutdown(socket);
    Ok(())
}

/// Ends the sending direction. There is no user data at disconnect (WSP-SDIS-1).
///
/// # Errors
/// WSAENOPROTOOPT: data. WSAENOTCONN.
pub fn send_disconnect(socket: &TcpSocket, data: Option<&[u8]>) -> Result<()> {
    if data.is_some_and(|data| !data.is_empty()) {
        return Err(WsaError::WSAENOPROTOOPT);
    }
    shutdown(socket, Shutdown::Send)
}

/// Ends the receiving direction for the client, and leaves the connection alone: what comes is
/// acknowledged until the window is full (WSP-RDIS-2).
///
/// # Errors
/// WSAENOPROTOOPT: data was asked for; the protocol has none. WSAENOTCONN.
pub fn recv_disconnect(socket: &TcpSocket, data: Option<&mut [u8]>) -> Result<usize> {
    if data.is_some() {
        return Err(WsaError::WSAENOPROTOOPT);
    }
    if socket.kind == Kind::Stream {
        check_connected(socket)?;
    }
    socket.flags.set(Flags::RECEIVE_DISCONNECTED);
    overlapped::after_shutdown(socket);
    Ok(0)
}

/// Resets a stream that is not to receive but has data.
pub fn reset_if_data_came(socket: &TcpSocket) {
    if rustix::io::ioctl_fionread(socket.fd()).is_ok_and(|bytes| bytes > 0) {
        reset(socket);
    }
}

/// Resets the connection; the socket stays open, fit for nothing but its close.
pub fn reset(socket: &TcpSocket) {
    socket.flags.set(Flags::ABORTED);
    // It fails only if there is no connection left to reset.
    let _ = net::connect_unspec(socket.fd());
}
