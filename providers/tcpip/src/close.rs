//! `WSPCloseSocket`, and what the last clean-up does to open sockets.
//!
//! The descriptor itself is closed when the socket is dropped; the kernel then sends what is queued and
//! ends the connection in the background, without this process if need be (WSP-CLEANUP-16, WSP-CLEANUP-17).
//!
//! | linger | blocking | non-blocking |
//! |---|---|---|
//! | off | returns at once, the kernel sends the rest | the same |
//! | 0 | reset | the same |
//! | n seconds | waits until all is acknowledged; after n seconds reset | WSAEWOULDBLOCK while anything is not acknowledged |

use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use windlass_abi::WsaError;
use windlass_io::Deadline;
use windlass_io::blocking::Reason;
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{Cancel, Shutdown};

use crate::Tcpip;
use crate::bind::free_remains;
use crate::blocking::Wait;
use crate::inspect::inspect;
use crate::network_events;
use crate::overlapped;
use crate::shutdown::shutdown;
use crate::socket::{Flags, Kind, TcpSocket, reset_on_close};

/// Does what linger asks for before the descriptor goes (WSP-CLOSE-5).
///
/// Another descriptor of the same socket keeps the connection as it is (WSP-CLOSE-7).
///
/// # Errors
/// WSAEWOULDBLOCK: the socket stays open, no disconnect has begun. WSAEINTR: cancelled while it waited.
pub fn close(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>) -> Result<()> {
    if socket.kind == Kind::Datagram {
        return Ok(());
    }
    let is_shared = socket.count_out();
    finish(tcpip, socket, is_shared).inspect_err(|_| socket.count_in())
}

fn finish(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, is_shared: bool) -> Result<()> {
    if is_shared {
        if socket.flags.any(Flags::SHARED) {
            // Another process may have cleaned up and left its reset behind. Whoever is last decides; nobody
            // knows who that is but the kernel.
            let now = socket.linger_seconds().filter(|seconds| *seconds == 0).map(|_| Duration::ZERO);
            let _ = set_socket_linger(socket.fd(), now);
        }
        return Ok(());
    }
    let limit = match socket.linger_seconds() {
        None => None,
        Some(0) => {
            hard(socket);
            None
        }
        Some(_) if !is_connected(socket) => None,
        Some(_) if socket.flags.any(Flags::NONBLOCKING) => match unacknowledged(socket) {
            0 => None,
            _ => return Err(WsaError::WSAEWOULDBLOCK),
        },
        Some(seconds) => Some(Duration::from_secs(seconds.into())),
    };
    if !socket.flags.any(Flags::LISTENING) {
        free_remains(socket);
    }
    limit.map_or(Ok(()), |limit| linger(tcpip, socket, limit))
}

/// Ends the calls and operations that wait for the socket, and its event registration (WSP-CLOSE-2, WSP-CLEANUP-6).
pub fn cancel(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, why: Cancel) {
    socket.mark_closed();
    socket.count_out();
    network_events::drop_registration(socket, why);
    overlapped::cancel(tcpip, socket, why);
    let reason = match why {
        Cancel::Close => Reason::Closed,
        Cancel::CleanUp => Reason::CleanedUp,
    };
    tcpip.blocked.cancel_key(socket.handle(), reason);
}

/// Makes the close that follows a reset (WSP-CLEANUP-14). While another process has the socket too, the kernel
/// only counts this descriptor out, and a later close there says anew how the connection ends (WSP-CLEANUP-27).
pub fn abort(socket: &TcpSocket) {
    if socket.kind == Kind::Stream {
        hard(socket);
    }
}

fn hard(socket: &TcpSocket) {
    // It cannot fail on an open socket; if it did, the close would be graceful.
    let _ = reset_on_close(socket.fd());
}

fn is_connected(socket: &TcpSocket) -> bool {
    let flags = socket.flags.load();
    flags & Flags::CONNECTED != 0 && flags & (Flags::RESET | Flags::ABORTED) == 0
}

fn unacknowledged(socket: &TcpSocket) -> u32 {
    inspect(socket.fd()).map_or(0, |connection| connection.unacknowledged)
}

/// The kernel does not say when the last byte is acknowledged, so it is asked, less and less often. A
/// cancellation ends the wait at once.
fn linger(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, limit: Duration) -> Result<()> {
    const FIRST: Duration = Duration::from_micros(500);
    const LONGEST: Duration = Duration::from_millis(50);
    if !socket.flags.any(Flags::SHUT_SEND) && shutdown(socket, Shutdown::Send).is_err() {
        // The connection is over, and with it all there is to wait for.
        return Ok(());
    }
    let deadline = Deadline::after(Some(limit));
    let mut interval = FIRST;
    while unacknowledged(socket) != 0 {
        if deadline.has_passed() {
            hard(socket);
            break;
        }
        let left = deadline.remaining().unwrap_or(LONGEST);
        Wait::begin(tcpip, &[socket], Some(left.min(interval)))?.on(&mut [])?;
        interval = (interval * 2).min(LONGEST);
    }
    Ok(())
}
