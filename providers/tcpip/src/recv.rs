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
use crate::sockaddr::{check_capacity, from_kernel, to_address};
use crate::socket::{Flags, Kind, TcpSocket};
use crate::{Tcpip, network_events, out_of_band};

/// What keeps a receive from going straight to the kernel.
const OBSTACLES: u32 =
    Flags::SHUT_RECEIVE | Flags::RECEIVE_DISCONNECTED | Flags::CONNECTING | Flags::ABORTED | Flags::DISSOLVED;

/// The most slices that the kernel takes at once.
const MOST_SLICES: usize = 1024;

/// Receives what a stream has, or one datagram (WSP-RECV-2).
///
/// # Errors
/// WSAENOTCONN, WSAEINVAL, WSAESHUTDOWN, WSAECONNRESET, WSAECONNABORTED, WSAENETRESET: the state of the socket.
/// WSAEWOULDBLOCK, WSAETIMEDOUT, WSAEINTR: there is nothing (in time). WSAEMSGSIZE: the buffers hold the head of a longer
/// datagram (WSP-RECV-4). WSAEOPNOTSUPP: flags (WSP-RECV-6).
pub fn recv(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
) -> Result<Received> {
    let received = receive(tcpip, socket, buffers, flags, &mut Source::Unwanted);
    network_events::after_recv(socket);
    received
}

/// The same with the sender's address, which only datagrams have (WSP-RFROM-1).
///
/// # Errors
/// As [`recv`]. WSAEFAULT: `capacity` is too small; nothing is received (WSP-RFROM-2).
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
    let received = receive(tcpip, socket, buffers, flags, &mut source);
    network_events::after_recv(socket);
    let address = match source {
        Source::Wanted(Some(address)) => Some(to_address(&from_kernel(address)?)),
        _ => None,
    };
    Ok((received?, address))
}

/// Where the sender's address goes.
enum Source {
    Unwanted,
    Wanted(Option<SocketAddrAny>),
}

#[inline]
fn receive(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
    source: &mut Source,
) -> Result<Received> {
    let state = socket.flags.load();
    if state & OBSTACLES != 0 {
        check_state(socket, source)?;
    }
    let flags = if flags == 0 { always(socket.kind) } else { kernel_flags(flags, socket.kind, state)? };
    if socket.kind == Kind::Stream && (buffers.total() == 0 || flags.intersects(RecvFlags::OOB | RecvFlags::WAITALL)) {
        return special(tcpip, socket, buffers, flags);
    }
    match attempt(socket, buffers, flags, source) {
        Err(WsaError::WSAEWOULDBLOCK) => {
            check_bound(socket)?;
            if state & Flags::NONBLOCKING != 0 {
                return Err(WsaError::WSAEWOULDBLOCK);
            }
            until_done(tcpip, socket, PollFlags::IN, socket.recv_limit(), || {
                check_state(socket, source)?;
                attempt(socket, buffers, flags, source)
            })
        }
        done => done,
    }
    .map(|bytes| Received { bytes: count(bytes), flags: 0 })
}

/// The receives of a stream that are more than one system call.
#[cold]
fn special(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
) -> Result<Received> {
    let bytes = if flags.contains(RecvFlags::OOB) {
        out_of_band::recv(tcpip, socket, buffers, flags.contains(RecvFlags::PEEK))?
    } else if buffers.total() == 0 {
        probe(tcpip, socket)?;
        0
    } else {
        fill(tcpip, socket, buffers, flags.difference(RecvFlags::WAITALL))?
    };
    Ok(Received { bytes: count(bytes), flags: 0 })
}

/// One try. Errors that earlier datagrams met are passed over (WSP-RFROM-4).
#[inline]
fn attempt(socket: &TcpSocket, buffers: &mut RecvBuffers<'_>, flags: RecvFlags, source: &mut Source) -> Result<usize> {
    loop {
        let room = buffers.total();
        // FIONREAD may be counting, and the kernel would let this look at what is being counted.
        let looking = (flags.contains(RecvFlags::PEEK) && socket.kind == Kind::Datagram).then(|| socket.rare());
        let received = match (buffers.single(), &mut *source) {
            (Some(buffer), Source::Unwanted) => {
                rustix::net::recv(socket.fd(), buffer, flags).map(|(_, length)| (length, false))
            }
            (Some(buffer), Source::Wanted(address)) => {
                rustix::net::recvfrom(socket.fd(), buffer, flags).map(|(_, length, from)| {
                    *address = from;
                    (length, false)
                })
            }
            (None, source) => scatter(socket, buffers, flags, source),
        };
        drop(looking);
        match received {
            Ok((0, _)) if room > 0 => return at_end(socket),
            Ok((length, cut)) if cut || length > room => return Err(WsaError::WSAEMSGSIZE),
            Ok((length, _)) => return Ok(length),
            Err(Errno::CONNREFUSED) if socket.kind == Kind::Datagram && !socket.flags.any(Flags::UDP_CONNRESET) => {}
            Err(Errno::INTR) => {}
            Err(errno) => return Err(refusal(socket, errno)),
        }
    }
}

/// The length of what came, and whether the kernel has cut it.
fn scatter(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    source: &mut Source,
) -> rustix::io::Result<(usize, bool)> {
    let mut scratch: [IoSliceMut<'_>; INLINE] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut slices = buffers.as_io_slices(&mut scratch);
    let most = slices.len().min(MOST_SLICES);
    let mut control = RecvAncillaryBuffer::default();
    let message = rustix::net::recvmsg(socket.fd(), &mut slices[..most], &mut control, flags)?;
    if let Source::Wanted(address) = source {
        *address = message.address;
    }
    Ok((message.bytes, socket.kind == Kind::Datagram && message.flags.contains(ReturnFlags::TRUNC)))
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
        let mut byte = [0u8];
        match rustix::net::recv(socket.fd(), &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK) {
            Ok((_, 0)) => at_end(socket).map(|_| ()),
            Ok(_) => Ok(()),
            Err(errno) => Err(refusal(socket, errno)),
        }
    };
    match peek() {
        Err(WsaError::WSAEWOULDBLOCK) if !socket.flags.any(Flags::NONBLOCKING) => {
            until_done(tcpip, socket, PollFlags::IN, socket.recv_limit(), peek)
        }
        done => done,
    }
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
fn check_bound(socket: &TcpSocket) -> Result<()> {
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

/// The count as the interface has it.
fn count(bytes: usize) -> u32 {
    bytes.try_into().unwrap_or(u32::MAX)
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
