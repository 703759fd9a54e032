//! What a socket is ready for, in the terms of `WSPSelect` and `WSAPoll` (WSP-SELECT-6, API-S11).
//!
//! The kernel's answer alone does not say it: it reports a socket that was never connected as hung up
//! and writable, tells a failed attempt as both, and an error of an earlier datagram as readable.

use rustix::event::PollFlags;
use rustix::net::sockopt;
use windlass_spi::socket::OpenSocket;

use crate::connect::settle;
use crate::out_of_band;
use crate::socket::{Flags, Kind, TcpSocket};

/// What a socket is ready for; all may hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A connection to accept, data, or the end of it.
    pub read: bool,
    /// Room to send, or connected.
    pub write: bool,
    /// Out-of-band data that is not in line.
    pub urgent: bool,
    /// An attempt to connect has failed.
    pub failed: bool,
    /// The peer has ended its direction, or the connection is over.
    pub ended: bool,
    /// The connection was reset, or an error waits.
    pub broken: bool,
}

/// What to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub read: bool,
    pub write: bool,
    pub urgent: bool,
    /// The end of a connection; what is [`Readiness::broken`] is found in any case.
    pub end: bool,
}

/// What to ask the kernel for, to learn of `wanted`. Nothing: the kernel has nothing to tell about this
/// socket, now or later, and would answer at once.
pub fn interest(socket: &OpenSocket<TcpSocket>, wanted: Wanted) -> Option<PollFlags> {
    let state = socket.flags.load();
    let mut flags = PollFlags::empty();
    match socket.kind {
        Kind::Stream if state & Flags::LISTENING != 0 => flags.set(PollFlags::IN, wanted.read),
        // How the attempt ends decides what there is to ask for.
        Kind::Stream if state & Flags::CONNECTING != 0 => flags |= PollFlags::OUT,
        Kind::Stream if state & Flags::CONNECTED == 0 => return None,
        Kind::Stream => {
            let refused = state & RECEIVE_REFUSED != 0;
            flags.set(PollFlags::IN, wanted.read);
            flags.set(PollFlags::OUT, wanted.write);
            flags.set(PollFlags::PRI, wanted.urgent && state & Flags::OOB_INLINE == 0);
            flags.set(PollFlags::RDHUP, wanted.end && !refused);
        }
        Kind::Datagram => {
            flags.set(PollFlags::IN, wanted.read);
            flags.set(PollFlags::OUT, wanted.write);
        }
    }
    Some(flags)
}

/// Whether the kernel's answer would be the same at once, although it was of no interest.
pub fn is_spent(socket: &OpenSocket<TcpSocket>, found: PollFlags) -> bool {
    socket.kind == Kind::Stream
        && found.intersects(PollFlags::HUP | PollFlags::ERR)
        && !socket.flags.any(Flags::CONNECTING)
}

const RECEIVE_REFUSED: u32 = Flags::SHUT_RECEIVE | Flags::RECEIVE_DISCONNECTED;

/// What the socket is ready for, given what the kernel said about its [`interest`].
pub fn look(socket: &OpenSocket<TcpSocket>, found: PollFlags) -> Readiness {
    let state = socket.flags.load();
    match socket.kind {
        Kind::Datagram => look_at_datagrams(socket, state, found),
        Kind::Stream if state & Flags::LISTENING != 0 => {
            Readiness { read: found.contains(PollFlags::IN) || state & Flags::DEFERRED != 0, ..Readiness::default() }
        }
        Kind::Stream if state & (Flags::CONNECTING | Flags::CONNECT_FAILED) != 0 => look_at_attempt(socket, found),
        Kind::Stream if state & Flags::CONNECTED == 0 => Readiness::default(),
        Kind::Stream => look_at_connection(socket, state, found),
    }
}

fn look_at_connection(socket: &TcpSocket, state: u32, found: PollFlags) -> Readiness {
    let broken = found.contains(PollFlags::ERR) || state & (Flags::RESET | Flags::ABORTED) != 0;
    let over = broken || found.contains(PollFlags::HUP);
    // Such a receive fails at once.
    let refused = state & RECEIVE_REFUSED != 0;
    let urgent = state & Flags::OOB_INLINE == 0
        && (state & Flags::URGENT != 0 || found.contains(PollFlags::PRI))
        && out_of_band::collect(socket, socket.fd());
    Readiness {
        read: found.contains(PollFlags::IN) || over || refused,
        write: found.contains(PollFlags::OUT) || over,
        urgent,
        failed: false,
        ended: over || found.contains(PollFlags::RDHUP) && !refused,
        broken,
    }
}

fn look_at_attempt(socket: &TcpSocket, found: PollFlags) -> Readiness {
    let nothing = Readiness::default();
    if found.is_empty() && socket.flags.any(Flags::CONNECTING) {
        return nothing;
    }
    match settle(socket, socket.fd()) {
        None => nothing,
        Some(Ok(())) => Readiness { write: true, ..nothing },
        Some(Err(_)) => Readiness { failed: true, ended: true, broken: true, ..nothing },
    }
}

fn look_at_datagrams(socket: &TcpSocket, state: u32, found: PollFlags) -> Readiness {
    let error = found.contains(PollFlags::ERR);
    let told = error && state & Flags::UDP_CONNRESET != 0;
    if error && !told {
        // An error that is not told would be found again and again (WSP-RFROM-4). Asking for it ends it.
        let _ = sockopt::socket_error(socket.fd());
    }
    let refused = state & Flags::SHUT_RECEIVE != 0;
    Readiness {
        read: found.contains(PollFlags::IN) || told || refused,
        write: found.contains(PollFlags::OUT),
        broken: told,
        ..Readiness::default()
    }
}
