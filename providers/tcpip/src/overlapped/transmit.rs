//! `TransmitFile` and `TransmitPackets` (API-X40 to API-X46): sends, in the queue of sends, from memory and from files.
//!
//! On a stream a file goes from the kernel's pages to the socket (sendfile). A datagram is put together in memory.

use std::collections::VecDeque;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::PollFlags;
use rustix::fs::{FileType, SeekFrom};
use rustix::io::Errno;
use rustix::net::SendFlags;
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::operation::{Completion, FilePart, Piece, PieceSource, Request, Started, Transmission};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::Shutdown;

use super::disconnect_ex::{Disconnecting, disconnect};
use super::{State, Transmit, await_send_turn, count};
use crate::bind::free_remains;
use crate::blocking::until_done;
use crate::connect::check_connected;
use crate::error::from_errno;
use crate::shutdown::shutdown;
use crate::socket::{Flags, Kind, TcpSocket};
use crate::{Tcpip, send};

/// The most that the kernel takes of a file at once.
const MOST: u64 = 0x7fff_f000;

/// Datagrams that wait to be sent.
pub(super) type Packets = VecDeque<Vec<u8>>;

/// `TransmitFile` and `TransmitPackets` that block, whatever the blocking mode.
///
/// # Errors
/// As [`prepare`]; those of sending and disconnecting; WSAEINTR, WSAETIMEDOUT.
pub fn transmit(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, mut transmission: Transmission) -> Result<u32> {
    let mut packets = prepare(socket, &mut transmission)?;
    if socket.flags.any(Flags::SENDS_PENDING) {
        await_send_turn(tcpip, socket)?;
    }
    let flags = send::overlapped_flags(socket, 0)?;
    let mut sent = 0;
    let mut attempt = || {
        send::check_state(socket)?;
        go_on(socket, &mut transmission, packets.as_mut(), flags, &mut sent).unwrap_or(Err(WsaError::WSAEWOULDBLOCK))
    };
    match attempt() {
        Err(WsaError::WSAEWOULDBLOCK) => until_done(tcpip, socket, PollFlags::OUT, socket.send_limit(), attempt),
        done => done,
    }?;
    match (transmission.disconnect, transmission.reuse) {
        (true, true) => disconnect(tcpip, socket, true)?,
        (true, false) => shutdown(socket, Shutdown::Send)?,
        (false, _) => {}
    }
    Ok(count(sent))
}

/// Looks at what is to be sent: how long files are, and what makes a datagram.
///
/// # Errors
/// WSAENOTCONN. WSAEINVAL: an offset behind the end of a file (API-X41), something that is no plain file, or a disconnect
/// of datagrams (API-X45).
pub(super) fn prepare(socket: &TcpSocket, transmission: &mut Transmission) -> Result<Option<Packets>> {
    for piece in &mut transmission.pieces {
        if let PieceSource::File(part) = &mut piece.source {
            measure(part)?;
        }
    }
    match socket.kind {
        Kind::Stream => check_connected(socket).map(|()| None),
        Kind::Datagram if transmission.disconnect => Err(WsaError::WSAEINVAL),
        Kind::Datagram if !socket.flags.any(Flags::CONNECTED) => Err(WsaError::WSAENOTCONN),
        Kind::Datagram => packets(transmission).map(Some),
    }
}

fn measure(part: &mut FilePart) -> Result<()> {
    let found = rustix::fs::fstat(&part.file).map_err(from_errno)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(WsaError::WSAEINVAL);
    }
    let size = found.st_size.unsigned_abs();
    let start = match part.offset {
        Some(offset) if offset > size => return Err(WsaError::WSAEINVAL),
        Some(offset) => offset,
        None => rustix::fs::seek(&part.file, SeekFrom::Current(0)).map_err(from_errno)?,
    };
    let left = size.saturating_sub(start);
    part.length = Some(part.length.map_or(left, |length| length.min(left)));
    Ok(())
}

fn packets(transmission: &mut Transmission) -> Result<Packets> {
    let mut packets = Packets::new();
    let mut packet = Vec::new();
    let mut end = |packet: &mut Vec<u8>| {
        let whole = std::mem::take(packet);
        match transmission.datagram as usize {
            0 => packets.push_back(whole),
            most => packets.extend(whole.chunks(most).map(<[u8]>::to_vec)),
        }
    };
    let last = transmission.pieces.len();
    for (at, Piece { source, ends_packet }) in transmission.pieces.drain(..).enumerate() {
        match source {
            PieceSource::Memory(array) => packet.extend_from_slice(&array.buffers().to_contiguous()),
            PieceSource::File(part) => read(&part, &mut packet)?,
        }
        if ends_packet || at + 1 == last {
            end(&mut packet);
        }
    }
    Ok(packets)
}

fn read(part: &FilePart, into: &mut Vec<u8>) -> Result<()> {
    let mut left = part.length.unwrap_or(0) as usize;
    let mut offset = part.offset;
    while left > 0 {
        let mut bytes = [0; 4096];
        let room = &mut bytes[..left.min(4096)];
        let got = match offset {
            Some(at) => rustix::io::pread(&part.file, &mut *room, at),
            None => rustix::io::read(&part.file, &mut *room),
        };
        match got {
            Ok(0) => break,
            Ok(got) => {
                into.extend_from_slice(&bytes[..got]);
                left -= got;
                offset = offset.map(|at| at + got as u64);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(from_errno(errno)),
        }
    }
    Ok(())
}

/// Sends as far as the kernel takes it. Nothing: some is left.
fn go_on(
    socket: &TcpSocket,
    transmission: &mut Transmission,
    packets: Option<&mut Packets>,
    flags: SendFlags,
    sent: &mut usize,
) -> Option<Result<()>> {
    let outcome = match packets {
        Some(packets) => send_packets(socket, packets, flags, sent),
        None => send_pieces(socket, &mut transmission.pieces, flags, sent),
    };
    match outcome {
        Err(WsaError::WSAEWOULDBLOCK) => None,
        done => Some(done),
    }
}

fn send_packets(socket: &TcpSocket, packets: &mut Packets, flags: SendFlags, sent: &mut usize) -> Result<()> {
    while let Some(packet) = packets.front() {
        *sent += send::told(socket, || rustix::net::send(socket.fd(), packet, flags))?;
        packets.pop_front();
    }
    Ok(())
}

fn send_pieces(socket: &TcpSocket, pieces: &mut VecDeque<Piece>, flags: SendFlags, sent: &mut usize) -> Result<()> {
    while let Some(piece) = pieces.front_mut() {
        let done = match &mut piece.source {
            PieceSource::Memory(array) => {
                let left = array.buffers();
                if left.total() == 0 {
                    None
                } else {
                    let taken = send::attempt(socket, &left, flags, None)?;
                    array.advance(taken);
                    Some(taken)
                }
            }
            PieceSource::File(part) => send_file(socket, part)?,
        };
        match done {
            Some(taken) => *sent += taken,
            None => {
                pieces.pop_front();
            }
        }
    }
    Ok(())
}

/// Sends some of a file; nothing if all of it has been sent, or the file has become shorter.
fn send_file(socket: &TcpSocket, part: &mut FilePart) -> Result<Option<usize>> {
    let left = part.length.unwrap_or(0);
    if left == 0 {
        return Ok(None);
    }
    let taken = send::told(socket, || {
        without_signal(|| rustix::fs::sendfile(socket.fd(), &part.file, part.offset.as_mut(), left.min(MOST) as usize))
    })?;
    part.length = Some(left - taken as u64);
    Ok((taken != 0).then_some(taken))
}

/// A connection that is over raises SIGPIPE in the thread that sends a file, and there is no flag against it.
fn without_signal(call: impl FnOnce() -> rustix::io::Result<usize>) -> rustix::io::Result<usize> {
    let pipe = SigSet::from(Signal::SIGPIPE);
    let Ok(before) = pipe.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK) else { return call() };
    let result = call();
    if result == Err(Errno::PIPE) {
        // Taken if it is there, lest it be delivered when the mask is back. Without a descriptor for that it is, as it would be to
        // any other program that sends files.
        let _ = SignalFd::with_flags(&pipe, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(|fd| fd.read_signal());
    }
    let _ = before.thread_set_mask();
    result
}

impl Transmit {
    /// Goes on with a transmission. Nothing: some is left.
    pub(super) fn attempt_transmission(&mut self, socket: &TcpSocket) -> Option<Completion> {
        let Request::Transmit { transmission, .. } = &mut self.operation.request else {
            return Some(Completion::failed(WsaError::WSAEINVAL));
        };
        let outcome = go_on(socket, transmission, self.packets.as_deref_mut(), self.flags, &mut self.sent)?;
        Some(match outcome {
            Ok(()) => Completion::of(count(self.sent)),
            Err(error) => Completion::failed(error),
        })
    }

    /// Whether a disconnect follows.
    pub(super) fn disconnects(&self) -> bool {
        matches!(&self.operation.request, Request::Transmit { transmission, .. } if transmission.disconnect)
    }
}

impl State {
    /// Ends the connection after a transmission, and then the operation; with reuse, when the connection is over.
    pub(super) fn finish_transmission(
        &mut self,
        socket: &TcpSocket,
        mut transmit: Transmit,
        end: Completion,
        is_pending: bool,
    ) -> Started {
        let reuse = match &transmit.operation.request {
            Request::Transmit { transmission, link } if end.error.is_none() && transmission.disconnect => {
                end_sending(socket);
                transmission.reuse.then_some(*link)
            }
            _ => None,
        };
        let Some(link) = reuse else { return transmit.operation.complete(end) };
        let started = if is_pending { Ok(()) } else { transmit.operation.pend() };
        if started.is_err() || self.connections().disconnect.is_some() {
            return transmit.operation.complete(Completion::failed(WsaError::WSAENOTCONN));
        }
        let disconnecting = Disconnecting::after(transmit.operation, link, end.bytes);
        self.connections().disconnect = Some((link.handle(), disconnecting));
        Started::Pending
    }
}

fn end_sending(socket: &TcpSocket) {
    free_remains(socket);
    socket.flags.set(Flags::SHUT_SEND);
    // It fails if the connection is over already.
    let _ = rustix::net::shutdown(socket.fd(), rustix::net::Shutdown::Write);
}
