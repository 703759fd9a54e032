//! `WSPSelect` and the provider's `WSAPoll`: readiness of many sockets at once.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll as poll_kernel};
use rustix::io::Errno;
use windlass_abi::{POLLERR, POLLHUP, POLLNVAL, POLLRDBAND, POLLRDNORM, POLLWRNORM, WsaError};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{Interest, Polled, Selected};

use crate::Tcpip;
use crate::blocking::{Wait, Woken};
use crate::error::from_errno;
use crate::readiness::{Readiness, Wanted, interest, is_spent, look};
use crate::socket::TcpSocket;

/// Waits until one of the entries is ready, and marks those that are (WSP-SELECT-4). No time at all: looks
/// without waiting (WSP-SELECT-5).
///
/// # Errors
/// WSAEINTR: cancelled. WSAENOBUFS.
pub fn select(tcpip: &Tcpip, entries: &mut [Selected<'_, TcpSocket>], timeout: Option<Duration>) -> Result<()> {
    entries.iter_mut().for_each(|entry| entry.ready = false);
    wait_for_any(tcpip, entries, timeout)
}

/// Waits until one of the elements has something to tell, and stores it (API-S7 to API-S11).
///
/// # Errors
/// WSAEINVAL: an element asks for what cannot be asked for (API-S9). WSAEINTR: cancelled. WSAENOBUFS.
pub fn poll(tcpip: &Tcpip, entries: &mut [Polled<'_, TcpSocket>], timeout: Option<Duration>) -> Result<()> {
    const POSSIBLE: i16 = POLLRDNORM | POLLRDBAND | POLLWRNORM;
    if entries.iter().any(|entry| entry.events & !POSSIBLE != 0) {
        return Err(WsaError::WSAEINVAL);
    }
    entries.iter_mut().for_each(|entry| entry.revents = 0);
    match wait_for_any(tcpip, entries, timeout) {
        // A close is told by the element, not by the call.
        Err(WsaError::WSAEINTR | WsaError::WSAENOTSOCK) if entries.iter().any(|entry| entry.socket.is_closed()) => {
            for entry in entries.iter_mut().filter(|entry| entry.socket.is_closed()) {
                entry.revents = POLLNVAL;
            }
            Ok(())
        }
        done => done,
    }
}

/// An element of either call.
trait Entry<'a> {
    fn socket(&self) -> &'a OpenSocket<TcpSocket>;
    fn wanted(&self) -> Wanted;
    /// Takes what was found; says whether that ends the wait.
    fn tell(&mut self, found: Readiness) -> bool;
}

impl<'a> Entry<'a> for Selected<'a, TcpSocket> {
    fn socket(&self) -> &'a OpenSocket<TcpSocket> {
        self.socket
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            read: self.interest == Interest::Read,
            write: self.interest == Interest::Write,
            urgent: self.interest == Interest::Except,
            end: false,
        }
    }

    fn tell(&mut self, found: Readiness) -> bool {
        self.ready = match self.interest {
            Interest::Read => found.read,
            Interest::Write => found.write,
            Interest::Except => found.failed || found.urgent,
        };
        self.ready
    }
}

impl<'a> Entry<'a> for Polled<'a, TcpSocket> {
    fn socket(&self) -> &'a OpenSocket<TcpSocket> {
        self.socket
    }

    fn wanted(&self) -> Wanted {
        let asked = |bit: i16| self.events & bit != 0;
        // The end of a connection is told whatever was asked for.
        Wanted { read: asked(POLLRDNORM), write: asked(POLLWRNORM), urgent: asked(POLLRDBAND), end: true }
    }

    fn tell(&mut self, found: Readiness) -> bool {
        let bit = |told: bool, bit: i16| if told { bit } else { 0 };
        self.revents = self.events
            & (bit(found.read, POLLRDNORM) | bit(found.urgent, POLLRDBAND) | bit(found.write, POLLWRNORM))
            | bit(found.ended, POLLHUP)
            | bit(found.broken, POLLERR);
        self.revents != 0
    }
}

fn wait_for_any<'a, E: Entry<'a>>(tcpip: &Tcpip, entries: &mut [E], timeout: Option<Duration>) -> Result<()> {
    let mut spent = vec![false; entries.len()];
    {
        let mut watched = Watched::new(entries, &spent);
        match poll_kernel(&mut watched.fds, Some(&Timespec::default())) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(from_errno(errno)),
        }
        if watched.tell(entries, &mut spent) || timeout == Some(Duration::ZERO) {
            return Ok(());
        }
    }
    let sockets: Vec<_> = entries.iter().map(Entry::socket).collect();
    let wait = Wait::begin(tcpip, &sockets, timeout)?;
    loop {
        let mut watched = Watched::new(entries, &spent);
        let woken = wait.on(&mut watched.fds)?;
        if watched.tell(entries, &mut spent) || woken == Woken::TimedOut {
            return Ok(());
        }
    }
}

/// The descriptors that the kernel is asked about, and the elements they are of.
struct Watched<'f> {
    fds: Vec<PollFd<'f>>,
    owners: Vec<usize>,
}

impl<'f> Watched<'f> {
    fn new<'a: 'f, E: Entry<'a>>(entries: &[E], spent: &[bool]) -> Self {
        let mut watched = Self { fds: Vec::with_capacity(entries.len()), owners: Vec::with_capacity(entries.len()) };
        for (at, entry) in entries.iter().enumerate().filter(|(at, _)| !spent[*at]) {
            if let Some(flags) = interest(entry.socket(), entry.wanted()) {
                watched.fds.push(PollFd::from_borrowed_fd(entry.socket().fd(), flags));
                watched.owners.push(at);
            }
        }
        watched
    }

    /// Tells every element what was found; says whether any has something to tell in turn.
    fn tell<'a, E: Entry<'a>>(&self, entries: &mut [E], spent: &mut [bool]) -> bool {
        let mut answers = self.owners.iter().zip(&self.fds).peekable();
        let mut any = false;
        for (at, entry) in entries.iter_mut().enumerate() {
            let answer = answers.next_if(|(owner, _)| **owner == at);
            let found = answer.map_or(PollFlags::empty(), |(_, fd)| fd.revents());
            let told = entry.tell(look(entry.socket(), found));
            spent[at] |= !told && is_spent(entry.socket(), found);
            any |= told;
        }
        any
    }
}
