//! `WSPSend` and `WSPSendTo`.
//!
//! The way of a send that succeeds: one load of the flags, one system call.

use std::io::IoSlice;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use windlass_abi::{MSG_DONTROUTE, MSG_OOB, WsaError};
use windlass_spi::Result;
use windlass_spi::buffers::{INLINE, SendBuffers};
use windlass_spi::socket::OpenSocket;

use crate::Tcpip;
use crate::blocking::{Wait, until_done};
use crate::connect::{check_connected, check_peer};
use crate::error::from_errno;
use crate::network_events;
use crate::overlapped;
use crate::shutdown::{reset, reset_if_data_came};
use crate::sockaddr::{SocketAddress, parse_or};
use crate::socket::{Flags, Kind, TcpSocket};

/// What keeps a send from going straight to the kernel.
const OBSTACLES: u32 =
    Flags::SHUT_SEND | Flags::SHUT_RECEIVE | Flags::CONNECTING | Flags::ABORTED | Flags::SENDS_PENDING;

/// The most slices that the kernel takes at once.
const MOST_SLICES: usize = 1024;

/// Every send: never waits in the kernel, never raises SIGPIPE.
const ALWAYS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// How often an error for an earlier datagram is passed over before it is told after all.
const PASSED_OVER: u32 = 8;

/// Sends to the peer: everything on a blocking stream (WSP-SEND-2).
///
/// # Errors
/// WSAENOTCONN, WSAESHUTDOWN, WSAECONNRESET, WSAECONNABORTED: the state of the socket. WSAEWOULDBLOCK,
/// WSAETIMEDOUT, WSAEINTR: there is no room (in time). WSAEMSGSIZE (WSP-SEND-3). WSAEOPNOTSUPP: flags (WSP-SEND-5).
#[inline]
pub fn send(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, buffers: &SendBuffers<'_>, flags: u32) -> Result<u32> {
    let sent = transmit(tcpip, socket, buffers, flags, None);
    network_events::after_send(socket, sent == Err(WsaError::WSAEWOULDBLOCK));
    sent
}

/// Sends a datagram to `to`, which a stream ignores (WSP-STO-1). Without it, to the default peer.
///
/// # Errors
/// As [`send`], and WSAEAFNOSUPPORT, WSAEFAULT, WSAEADDRNOTAVAIL, WSAENETUNREACH, WSAEACCES: the address.
#[inline]
pub fn send_to(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: u32,
    to: Option<&[u8]>,
) -> Result<u32> {
    let to = destination(socket, to)?;
    let sent = transmit(tcpip, socket, buffers, flags, to);
    network_events::after_send(socket, sent == Err(WsaError::WSAEWOULDBLOCK));
    sent
}

/// Where a datagram goes, if the caller says so; a stream ignores it (WSP-STO-1).
///
/// # Errors
/// WSAEAFNOSUPPORT, WSAEFAULT, WSAEADDRNOTAVAIL: the address.
#[inline]
pub fn destination(socket: &TcpSocket, to: Option<&[u8]>) -> Result<Option<SocketAddress>> {
    match (socket.kind, to) {
        (Kind::Datagram, Some(name)) => {
            let address = parse_or(name, socket.family, WsaError::WSAEAFNOSUPPORT)?;
            check_peer(address)?;
            Ok(Some(address))
        }
        _ => Ok(None),
    }
}

/// The kernel's flags for an overlapped send.
///
/// # Errors
/// WSAEOPNOTSUPP (WSP-SEND-5).
pub fn overlapped_flags(socket: &TcpSocket, flags: u32) -> Result<SendFlags> {
    kernel_flags(flags, socket.kind)
}

/// Inlined, with one system call in it: a return is what costs most after a system call.
#[inline(always)]
fn transmit(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: u32,
    to: Option<SocketAddress>,
) -> Result<u32> {
    let state = socket.flags.load();
    if state & OBSTACLES != 0 || flags != 0 {
        return unusual(tcpip, socket, buffers, flags, to);
    }
    match system_call(socket, buffers, ALWAYS, to) {
        Ok(sent) if sent == buffers.total() => Ok(count(sent)),
        Err(Errno::AGAIN) if state & Flags::NONBLOCKING != 0 => Err(WsaError::WSAEWOULDBLOCK),
        first => go_on(tcpip, socket, buffers, ALWAYS, to, first),
    }
}

/// A send with flags, or on a socket whose state may forbid it.
#[cold]
#[inline(never)]
fn unusual(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: u32,
    to: Option<SocketAddress>,
) -> Result<u32> {
    check_state(socket)?;
    let flags = kernel_flags(flags, socket.kind)?;
    if socket.flags.any(Flags::SENDS_PENDING) {
        overlapped::await_send_turn(tcpip, socket)?;
        check_state(socket)?;
    }
    let first = system_call(socket, buffers, flags, to);
    go_on(tcpip, socket, buffers, flags, to, first)
}

/// What follows from the first try: its result, or a wait for the rest.
#[cold]
#[inline(never)]
fn go_on(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    to: Option<SocketAddress>,
    first: rustix::io::Result<usize>,
) -> Result<u32> {
    let blocks = !socket.flags.any(Flags::NONBLOCKING);
    let outcome = conclude(socket, first).unwrap_or_else(|| attempt(socket, buffers, flags, to));
    match (outcome, socket.kind) {
        (Ok(sent), Kind::Stream) if blocks && sent < buffers.total() => send_rest(tcpip, socket, buffers, flags, sent),
        (Err(WsaError::WSAEWOULDBLOCK), Kind::Stream) if blocks => send_rest(tcpip, socket, buffers, flags, 0),
        (Err(WsaError::WSAEWOULDBLOCK), Kind::Datagram) if blocks => {
            until_done(tcpip, socket, PollFlags::OUT, socket.send_limit(), || {
                check_state(socket)?;
                attempt(socket, buffers, flags, to).map(count)
            })
        }
        (outcome, _) => outcome.map(count),
    }
}

/// Tries until the kernel has something to say to this send. An error that an earlier datagram met is not
/// this one's (WSP-RFROM-4): the kernel has told it instead of sending.
pub fn attempt(
    socket: &TcpSocket,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    to: Option<SocketAddress>,
) -> Result<usize> {
    told(socket, || system_call(socket, buffers, flags, to))
}

/// The same for any system call that sends.
pub fn told(socket: &TcpSocket, mut call: impl FnMut() -> rustix::io::Result<usize>) -> Result<usize> {
    for _ in 0..PASSED_OVER {
        if let Some(outcome) = conclude(socket, call()) {
            return outcome;
        }
    }
    call().map_err(|errno| refusal(socket, errno))
}

/// What the kernel's answer means; nothing if it was about something else.
fn conclude(socket: &TcpSocket, sent: rustix::io::Result<usize>) -> Option<Result<usize>> {
    match sent {
        Ok(sent) => Some(Ok(sent)),
        Err(Errno::INTR) => None,
        Err(Errno::CONNREFUSED) if socket.kind == Kind::Datagram && !socket.flags.any(Flags::UDP_CONNRESET) => None,
        Err(errno) => Some(Err(refusal(socket, errno))),
    }
}

#[inline(always)]
fn system_call(
    socket: &TcpSocket,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    to: Option<SocketAddress>,
) -> rustix::io::Result<usize> {
    match (buffers.single(), to) {
        (Some(bytes), None) => rustix::net::send(socket.fd(), bytes, flags),
        (Some(bytes), Some(to)) => rustix::net::sendto(socket.fd(), bytes, flags, &to),
        (None, to) => gather(socket, buffers, flags, to),
    }
}

#[inline(never)]
fn gather(
    socket: &TcpSocket,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    to: Option<SocketAddress>,
) -> rustix::io::Result<usize> {
    let mut scratch = [IoSlice::new(&[]); INLINE];
    let slices = buffers.as_io_slices(&mut scratch);
    let whole;
    let contiguous;
    let slices = match socket.kind {
        Kind::Stream => &slices[..slices.len().min(MOST_SLICES)],
        // A datagram is one call.
        Kind::Datagram if slices.len() > MOST_SLICES => {
            whole = buffers.to_contiguous();
            contiguous = [IoSlice::new(&whole)];
            &contiguous[..]
        }
        Kind::Datagram => &slices[..],
    };
    send_slices(socket, slices, flags, to)
}

fn send_slices(
    socket: &TcpSocket,
    slices: &[IoSlice<'_>],
    flags: SendFlags,
    to: Option<SocketAddress>,
) -> rustix::io::Result<usize> {
    let mut control = SendAncillaryBuffer::default();
    match to {
        None => rustix::net::sendmsg(socket.fd(), slices, &mut control, flags),
        Some(to) => rustix::net::sendmsg_addr(socket.fd(), &to, slices, &mut control, flags),
    }
}

/// Sends what is left of a blocking stream send, of which `sent` bytes are taken (WSP-SEND-2).
#[cold]
fn send_rest(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    sent: usize,
) -> Result<u32> {
    let mut slices: Vec<IoSlice<'_>> = buffers.iter().map(IoSlice::new).collect();
    let mut rest = &mut slices[..];
    IoSlice::advance_slices(&mut rest, sent);
    let wait = Wait::begin(tcpip, &[socket], socket.send_limit())?;
    while !rest.is_empty() {
        // Another thread may have shut the socket down meanwhile.
        check_state(socket)?;
        match send_slices(socket, &rest[..rest.len().min(MOST_SLICES)], flags, None) {
            Ok(more) => IoSlice::advance_slices(&mut rest, more),
            Err(errno) => match refusal(socket, errno) {
                WsaError::WSAEWOULDBLOCK => {
                    let left: usize = rest.iter().map(|slice| slice.len()).sum();
                    wait.on_socket(socket, PollFlags::OUT).inspect_err(|error| {
                        // The peer would take what follows for the rest of this message (WSP-CBC-4).
                        if *error == WsaError::WSAEINTR && left < buffers.total() && !socket.is_closed() {
                            reset(socket);
                        }
                    })?;
                }
                WsaError::WSAEINTR => {}
                error => return Err(error),
            },
        }
    }
    Ok(count(buffers.total()))
}

/// Whether the state of the socket allows a send at all.
#[cold]
pub fn check_state(socket: &TcpSocket) -> Result<()> {
    let state = socket.flags.load();
    if state & Flags::SHUT_SEND != 0 {
        return Err(WsaError::WSAESHUTDOWN);
    }
    if state & Flags::CONNECTING != 0 {
        check_connected(socket)?;
    }
    if socket.kind == Kind::Stream && state & Flags::SHUT_RECEIVE != 0 {
        reset_if_data_came(socket);
    }
    if socket.flags.any(Flags::ABORTED) { Err(WsaError::WSAECONNABORTED) } else { Ok(()) }
}

/// What it means that the kernel refused a send.
#[cold]
fn refusal(socket: &TcpSocket, errno: Errno) -> WsaError {
    match (socket.kind, errno) {
        (_, Errno::AGAIN) => WsaError::WSAEWOULDBLOCK,
        (Kind::Stream, Errno::PIPE) => broken(socket),
        (Kind::Stream, Errno::CONNRESET) => {
            socket.flags.set(Flags::RESET);
            WsaError::WSAECONNRESET
        }
        // No peer was named and there is none (WSP-STO-3).
        (Kind::Datagram, Errno::DESTADDRREQ) => WsaError::WSAENOTCONN,
        (Kind::Datagram, Errno::CONNREFUSED) => WsaError::WSAECONNRESET,
        (Kind::Datagram, Errno::PIPE) => WsaError::WSAESHUTDOWN,
        (_, other) => from_errno(other),
    }
}

/// The kernel has one number for a stream that was never connected, one shut down and one that broke.
fn broken(socket: &TcpSocket) -> WsaError {
    let state = socket.flags.load();
    if state & Flags::SHUT_SEND != 0 {
        WsaError::WSAESHUTDOWN
    } else if state & Flags::ABORTED != 0 {
        WsaError::WSAECONNABORTED
    } else if state & Flags::CONNECTED != 0 {
        socket.flags.set(Flags::RESET);
        WsaError::WSAECONNRESET
    } else {
        WsaError::WSAENOTCONN
    }
}

/// The kernel's flags for Winsock's (WSP-SEND-5). The route is not for the sender to choose: MSG_DONTROUTE
/// is ignored, as the option is (OPT-4).
fn kernel_flags(flags: u32, kind: Kind) -> Result<SendFlags> {
    match (flags & !MSG_DONTROUTE, kind) {
        (0, _) => Ok(ALWAYS),
        (MSG_OOB, Kind::Stream) => Ok(ALWAYS | SendFlags::OOB),
        _ => Err(WsaError::WSAEOPNOTSUPP),
    }
}

/// The count as the interface has it. More than it holds has been sent all the same.
#[inline]
fn count(bytes: usize) -> u32 {
    bytes.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use windlass_abi::MSG_PARTIAL;

    use super::*;

    #[test]
    fn wsp_send_5_unsupported_flags_are_refused() {
        let refused = Err(WsaError::WSAEOPNOTSUPP);
        assert_eq!(kernel_flags(MSG_OOB, Kind::Stream), Ok(ALWAYS | SendFlags::OOB));
        assert_eq!(kernel_flags(MSG_OOB, Kind::Datagram), refused);
        for kind in [Kind::Stream, Kind::Datagram] {
            assert_eq!(kernel_flags(MSG_DONTROUTE, kind), Ok(ALWAYS));
            assert_eq!(kernel_flags(MSG_PARTIAL, kind), refused);
        }
        for bit in (0..32).map(|bit| 1 << bit).filter(|bit| bit & (MSG_OOB | MSG_DONTROUTE) == 0) {
            assert_eq!(kernel_flags(bit, Kind::Stream), refused, "{bit:#x}");
        }
    }

    #[test]
    fn no_send_waits_in_the_kernel_or_raises_a_signal() {
        for flags in [0, MSG_OOB, MSG_DONTROUTE] {
            assert!(kernel_flags(flags, Kind::Stream).unwrap().contains(SendFlags::DONTWAIT | SendFlags::NOSIGNAL));
        }
    }
}
