//! `WSPRecv` and `WSPRecvFrom`.
//!
//! The way of a receive that finds data: one load of the flags, one system call.

use std::io::IoSliceMut;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, SocketAddrAny, sockopt};
use windlass_abi::{MSG_OOB, MSG_PEEK, MSG_PUSH_IMMEDIATE, MSG_WAITALL, WsaError};
use windlass_spi::Result;
use windlass_spi::address::Address;
use windlass_spi::buffers::{INLINE, RecvBuffers};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::Received;

use crate::bind::is_bound;
use crate::blocking::{Wait, until_done};
use crate::connect::check_connected;
use crate::error::from_errno;
use crate::sockaddr::{SocketAddress, check_capacity, from_kernel, to_address};
use crate::socket::{Flags, Kind, TcpSocket};
use crate::{Tcpip, network_events, out_of_band, overlapped};

/// What keeps a receive from going straight to the kernel.
const OBSTACLES: u32 = Flags::SHUT_RECEIVE
    | Flags::RECEIVE_DISCONNECTED
    | Flags::CONNECTING
    | Flags::ABORTED
    | Flags::DISSOLVED
    | Flags::RECEIVES_PENDING;

/// The most slices that the kernel takes at once.
const MOST_SLICES: usize = 1024;

/// Receives what a stream has, or one datagram (WSP-RECV-2).
///
/// # Errors
/// WSAENOTCONN, WSAEINVAL, WSAESHUTDOWN, WSAECONNRESET, WSAECONNABORTED, WSAENETRESET: the state of the socket.
/// WSAEWOULDBLOCK, WSAETIMEDOUT, WSAEINTR: there is nothing (in time). WSAEMSGSIZE: the buffers hold the head of a longer
/// datagram (WSP-RECV-4). WSAEOPNOTSUPP: flags (WSP-RECV-6).
#[inline]
pub fn recv(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
) -> Result<Received> {
    let outcome = receive(tcpip, socket, buffers, flags, &mut Source::Unwanted);
    network_events::after_recv(socket);
    outcome
}

/// The same with the sender's address, which only datagrams have (WSP-RFROM-1).
///
/// # Errors
/// As [`recv`]. WSAEFAULT: `capacity` is too small; nothing is received (WSP-RFROM-2).
#[inline]
pub fn recv_from(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
    capacity: Option<usize>,
) -> Result<(Received, Option<Address>)> {
    let mut source = match socket.kind {
        Kind::Stream => Source::Unwanted,
        Kind::Datagram => {
            check_capacity(capacity, socket.family)?;
            Source::Wanted(None)
        }
    };
    let outcome = receive(tcpip, socket, buffers, flags, &mut source);
    network_events::after_recv(socket);
    let address = match source {
        Source::Wanted(Some(address)) => Some(to_address(&from_kernel(address)?)),
        _ => None,
    };
    Ok((outcome?, address))
}

/// Where the sender's address goes.
enum Source {
    Unwanted,
    Wanted(Option<SocketAddrAny>),
}

/// Inlined, with one system call in it: a return is what costs most after a system call.
#[inline(always)]
fn receive(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
    source: &mut Source,
) -> Result<Received> {
    /// With both, there is nothing to wait for and nothing to ask.
    const AT_ONCE: u32 = Flags::NONBLOCKING | Flags::BOUND;
    let state = socket.flags.load();
    let room = buffers.total();
    if state & OBSTACLES != 0 || flags != 0 || room == 0 {
        return unusual(tcpip, socket, buffers, flags, source);
    }
    let flags = always(socket.kind);
    match system_call(socket, buffers, flags, source) {
        Ok(Came { length, cut: false }) if length != 0 && length <= room => Ok(received(length)),
        Err(Errno::AGAIN) if state & AT_ONCE == AT_ONCE => Err(WsaError::WSAEWOULDBLOCK),
        first => go_on(tcpip, socket, buffers, flags, source, first),
    }
}

/// A receive with flags, without room, or on a socket whose state may forbid it.
#[cold]
#[inline(never)]
fn unusual(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
    source: &mut Source,
) -> Result<Received> {
    // Out-of-band data may be received at any time (OOB-1).
    if socket.flags.any(Flags::RECEIVES_PENDING) && flags & MSG_OOB == 0 {
        overlapped::await_receive_turn(tcpip, socket)?;
    }
    check_state(socket, source)?;
    let flags = kernel_flags(flags, socket.kind, socket.flags.load())?;
    if socket.kind == Kind::Stream {
        if flags.contains(RecvFlags::OOB) {
            return out_of_band::recv(tcpip, socket, buffers, flags.contains(RecvFlags::PEEK)).map(received);
        }
        if buffers.total() == 0 {
            return probe(tcpip, socket).map(|()| received(0));
        }
        if flags.contains(RecvFlags::WAITALL) {
            return fill(tcpip, socket, buffers, flags.difference(RecvFlags::WAITALL)).map(received);
        }
    }
    let first = any_system_call(socket, buffers, flags, source);
    go_on(tcpip, socket, buffers, flags, source, first)
}

/// What follows from the first try: its result, or a wait for a better one.
#[cold]
#[inline(never)]
fn go_on(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    source: &mut Source,
    first: rustix::io::Result<Came>,
) -> Result<Received> {
    let room = buffers.total();
    let outcome = conclude(socket, room, first).unwrap_or_else(|| attempt(socket, buffers, flags, source));
    match outcome {
        Err(WsaError::WSAEWOULDBLOCK) => {
            check_bound(socket)?;
            if socket.flags.any(Flags::NONBLOCKING) {
                return Err(WsaError::WSAEWOULDBLOCK);
            }
            until_done(tcpip, socket, PollFlags::IN, socket.recv_limit(), || {
                check_state(socket, source)?;
                attempt(socket, buffers, flags, source)
            })
        }
        done => done,
    }
    .map(received)
}

/// Tries until the kernel has something to say to this receive.
fn attempt(socket: &TcpSocket, buffers: &mut RecvBuffers<'_>, flags: RecvFlags, source: &mut Source) -> Result<usize> {
    let room = buffers.total();
    loop {
        let came = any_system_call(socket, buffers, flags, source);
        if let Some(outcome) = conclude(socket, room, came) {
            return outcome;
        }
    }
}

/// What the kernel's answer means; nothing if it was about something else, such as an error that an earlier
/// datagram met (WSP-RFROM-4).
fn conclude(socket: &TcpSocket, room: usize, came: rustix::io::Result<Came>) -> Option<Result<usize>> {
    Some(match came {
        Ok(Came { length: 0, .. }) if room > 0 => at_end(socket),
        Ok(Came { length, cut }) if cut || length > room => Err(WsaError::WSAEMSGSIZE),
        Ok(Came { length, .. }) => Ok(length),
        Err(Errno::INTR) => return None,
        Err(Errno::CONNREFUSED) if socket.kind == Kind::Datagram && !socket.flags.any(Flags::UDP_CONNRESET) => {
            return None;
        }
        Err(errno) => Err(refusal(socket, errno)),
    })
}

/// The system call of any receive, one that only looks included: `FIONREAD` counts datagrams by looking past them
/// (WSP-IOCTL-6), and the kernel would show this one what is being counted.
fn any_system_call(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    source: &mut Source,
) -> rustix::io::Result<Came> {
    let _looking = (flags.contains(RecvFlags::PEEK) && socket.kind == Kind::Datagram).then(|| socket.rare());
    system_call(socket, buffers, flags, source)
}

/// What the kernel has received.
struct Came {
    /// The length, of a datagram the true one.
    length: usize,
    /// Whether the kernel says that there was no room for all.
    cut: bool,
}

#[inline(always)]
fn system_call(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    source: &mut Source,
) -> rustix::io::Result<Came> {
    let whole = |length| Came { length, cut: false };
    match (buffers.single(), source) {
        (Some(buffer), Source::Unwanted) => {
            rustix::net::recv(socket.fd(), buffer, flags).map(|(_, length)| whole(length))
        }
        (Some(buffer), Source::Wanted(address)) => {
            rustix::net::recvfrom(socket.fd(), buffer, flags).map(|(_, length, from)| {
                *address = from;
                whole(length)
            })
        }
        (None, source) => scatter(socket, buffers, flags, source),
    }
}

#[inline(never)]
fn scatter(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    source: &mut Source,
) -> rustix::io::Result<Came> {
    let mut scratch: [IoSliceMut<'_>; INLINE] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut slices = buffers.as_io_slices(&mut scratch);
    let most = slices.len().min(MOST_SLICES);
    let mut control = RecvAncillaryBuffer::default();
    let message = rustix::net::recvmsg(socket.fd(), &mut slices[..most], &mut control, flags)?;
    if let Source::Wanted(address) = source {
        *address = message.address;
    }
    let cut = socket.kind == Kind::Datagram && message.flags.contains(ReturnFlags::TRUNC);
    Ok(Came { length: message.bytes, cut })
}

/// Fills the buffers, as far as the connection has anything to give (MSG_WAITALL).
fn fill(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
) -> Result<usize> {
    let wait = Wait::begin(tcpip, &[socket], socket.recv_limit())?;
    let mut filled = 0;
    for buffer in buffers.iter_mut() {
        let mut rest = buffer;
        while !rest.is_empty() {
            let more = match rustix::net::recv(socket.fd(), &mut *rest, flags) {
                Ok((_, 0)) => at_end(socket),
                Ok((_, length)) => Ok(length),
                Err(Errno::INTR) => continue,
                Err(errno) => Err(refusal(socket, errno)),
            };
            match more {
                Ok(0) => return Ok(filled),
                Ok(length) => {
                    filled += length;
                    rest = &mut rest[length..];
                }
                Err(WsaError::WSAEWOULDBLOCK) => match wait.on_socket(socket, PollFlags::IN) {
                    Ok(_) => check_state(socket, &Source::Unwanted)?,
                    // What has come is not lost; the next call tells why there is no more.
                    Err(WsaError::WSAETIMEDOUT) if filled > 0 => return Ok(filled),
                    Err(error) => return Err(error),
                },
                Err(_) if filled > 0 => return Ok(filled),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(filled)
}

/// Completes when data is there or the stream has ended, and takes nothing (WSP-RECV-10).
fn probe(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>) -> Result<()> {
    let peek = || {
        check_state(socket, &Source::Unwanted)?;
        peek(socket)
    };
    match peek() {
        Err(WsaError::WSAEWOULDBLOCK) if !socket.flags.any(Flags::NONBLOCKING) => {
            until_done(tcpip, socket, PollFlags::IN, socket.recv_limit(), peek)
        }
        done => done,
    }
}

/// Whether data is there or the stream has ended; WSAEWOULDBLOCK if neither.
fn peek(socket: &TcpSocket) -> Result<()> {
    let mut byte = [0u8];
    match rustix::net::recv(socket.fd(), &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Ok((_, 0)) => at_end(socket).map(|_| ()),
        Ok(_) => Ok(()),
        Err(errno) => Err(refusal(socket, errno)),
    }
}

/// The kernel's flags for an overlapped receive, which waits for MSG_WAITALL whatever the blocking mode (MODE-4).
///
/// # Errors
/// WSAEOPNOTSUPP: flags that only a call that is not overlapped can have (WSP-RECV-6).
pub fn overlapped_flags(socket: &TcpSocket, flags: u32) -> Result<RecvFlags> {
    if flags & (MSG_PEEK | MSG_OOB) != 0 {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    let flags = kernel_flags(flags, socket.kind, socket.flags.load() & !Flags::NONBLOCKING)?;
    Ok(flags.difference(RecvFlags::WAITALL))
}

/// Whether the state of the socket allows an overlapped receive.
pub fn check_overlapped(socket: &TcpSocket, wants_source: bool) -> Result<()> {
    check_state(socket, &if wants_source { Source::Wanted(None) } else { Source::Unwanted })
}

/// One try of an overlapped receive: what came, or WSAEWOULDBLOCK; and from where, if that is wanted and known.
pub fn attempt_overlapped(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    wants_source: bool,
) -> (Result<usize>, Option<SocketAddress>) {
    let wants_source = wants_source && socket.kind == Kind::Datagram;
    let mut source = if wants_source { Source::Wanted(None) } else { Source::Unwanted };
    let outcome = check_state(socket, &source).and_then(|()| match socket.kind {
        Kind::Stream if buffers.total() == 0 => peek(socket).map(|()| 0),
        _ => attempt(socket, buffers, flags, &mut source),
    });
    let from = match source {
        Source::Wanted(Some(address)) => from_kernel(address).ok(),
        _ => None,
    };
    (outcome, from)
}

/// What it means that nothing came although there was room: an empty datagram, the end of a stream, or
/// a shutdown or a reset that the kernel tells in the same way.
#[cold]
fn at_end(socket: &TcpSocket) -> Result<usize> {
    let state = socket.flags.load();
    if state & Flags::SHUT_RECEIVE != 0 {
        Err(WsaError::WSAESHUTDOWN)
    } else if state & Flags::ABORTED != 0 {
        Err(WsaError::WSAECONNABORTED)
    } else if state & Flags::RESET != 0 {
        Err(WsaError::WSAECONNRESET)
    } else {
        Ok(0)
    }
}

/// Whether the state of the socket allows a receive at all.
#[cold]
fn check_state(socket: &TcpSocket, source: &Source) -> Result<()> {
    let state = socket.flags.load();
    if state & (Flags::SHUT_RECEIVE | Flags::RECEIVE_DISCONNECTED) != 0 {
        return Err(WsaError::WSAESHUTDOWN);
    }
    if state & Flags::CONNECTING != 0 {
        check_connected(socket)?;
    }
    if state & Flags::ABORTED != 0 {
        return Err(WsaError::WSAECONNABORTED);
    }
    // A socket that gave up its peer is asked for datagrams by WSPRecvFrom alone (WSP-CONN-4).
    match source {
        Source::Unwanted if state & Flags::DISSOLVED != 0 => Err(WsaError::WSAENOTCONN),
        _ => Ok(()),
    }
}

/// A datagram socket without a local address can receive nothing, ever (WSP-RECV-1).
pub fn check_bound(socket: &TcpSocket) -> Result<()> {
    match socket.kind {
        Kind::Datagram if !socket.flags.any(Flags::BOUND) && !is_bound(socket)? => Err(WsaError::WSAEINVAL),
        _ => Ok(()),
    }
}

/// What it means that the kernel refused a receive.
#[cold]
pub fn refusal(socket: &TcpSocket, errno: Errno) -> WsaError {
    match (socket.kind, errno) {
        (_, Errno::AGAIN) => WsaError::WSAEWOULDBLOCK,
        (Kind::Stream, Errno::CONNRESET | Errno::PIPE) => {
            socket.flags.set(Flags::RESET);
            WsaError::WSAECONNRESET
        }
        (Kind::Stream, Errno::TIMEDOUT) => {
            socket.flags.set(Flags::RESET);
            // The kernel has one number for an unanswered probe and for unanswered data (WSP-SSO-3).
            match sockopt::socket_keepalive(socket.fd()) {
                Ok(true) => WsaError::WSAENETRESET,
                _ => WsaError::WSAETIMEDOUT,
            }
        }
        (Kind::Datagram, Errno::CONNREFUSED) => WsaError::WSAECONNRESET,
        (_, other) => from_errno(other),
    }
}

#[inline]
fn always(kind: Kind) -> RecvFlags {
    match kind {
        Kind::Stream => RecvFlags::DONTWAIT,
        // The true length tells a datagram that was cut.
        Kind::Datagram => RecvFlags::DONTWAIT | RecvFlags::TRUNC,
    }
}

/// The kernel's flags for Winsock's (WSP-RECV-6). `state` is the socket's flags.
fn kernel_flags(flags: u32, kind: Kind, state: u32) -> Result<RecvFlags> {
    let mut wanted = always(kind);
    match (flags & !MSG_PEEK & !MSG_PUSH_IMMEDIATE, kind) {
        (0, _) => {}
        (MSG_OOB, Kind::Stream) if state & Flags::OOB_INLINE != 0 => return Err(WsaError::WSAEINVAL),
        (MSG_OOB, Kind::Stream) => wanted |= RecvFlags::OOB,
        (MSG_WAITALL, Kind::Stream) if flags & MSG_PEEK == 0 && state & Flags::NONBLOCKING == 0 => {
            wanted |= RecvFlags::WAITALL;
        }
        _ => return Err(WsaError::WSAEOPNOTSUPP),
    }
    if flags & MSG_PEEK != 0 {
        wanted |= RecvFlags::PEEK;
    }
    Ok(wanted)
}

/// The result as the interface has it.
#[inline]
fn received(bytes: usize) -> Received {
    Received { bytes: bytes.try_into().unwrap_or(u32::MAX), flags: 0 }
}

#[cfg(test)]
mod tests {
    use windlass_abi::{MSG_DONTROUTE, MSG_PARTIAL};

    use super::*;

    const REFUSED: Result<RecvFlags> = Err(WsaError::WSAEOPNOTSUPP);

    #[test]
    fn wsp_recv_6_flags_that_do_not_fit_are_refused() {
        let stream = |flags, state| kernel_flags(flags, Kind::Stream, state);
        let datagram = |flags| kernel_flags(flags, Kind::Datagram, 0);
        assert_eq!(stream(MSG_PEEK, 0), Ok(RecvFlags::DONTWAIT | RecvFlags::PEEK));
        assert_eq!(stream(MSG_OOB | MSG_PEEK, 0), Ok(RecvFlags::DONTWAIT | RecvFlags::OOB | RecvFlags::PEEK));
        assert_eq!(stream(MSG_WAITALL, 0), Ok(RecvFlags::DONTWAIT | RecvFlags::WAITALL));
        assert_eq!(stream(MSG_WAITALL, Flags::NONBLOCKING), REFUSED);
        assert_eq!(stream(MSG_WAITALL | MSG_PEEK, 0), REFUSED);
        assert_eq!(stream(MSG_WAITALL | MSG_OOB, 0), REFUSED);
        assert_eq!(stream(MSG_PUSH_IMMEDIATE, 0), Ok(RecvFlags::DONTWAIT));
        assert_eq!(datagram(MSG_PEEK), Ok(RecvFlags::DONTWAIT | RecvFlags::TRUNC | RecvFlags::PEEK));
        for flag in [MSG_OOB, MSG_WAITALL, MSG_PARTIAL, MSG_DONTROUTE, 1 << 30] {
            assert_eq!(datagram(flag), REFUSED, "{flag:#x}");
        }
        for flag in [MSG_PARTIAL, MSG_DONTROUTE, 1 << 30] {
            assert_eq!(stream(flag, 0), REFUSED, "{flag:#x}");
        }
    }

    #[test]
    fn wsp_recv_8_out_of_band_receive_is_invalid_when_inline() {
        assert_eq!(kernel_flags(MSG_OOB, Kind::Stream, Flags::OOB_INLINE), Err(WsaError::WSAEINVAL));
    }
}
