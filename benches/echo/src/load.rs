//! The load: connections of one thread, over epoll, with one message under way on each.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, connect, send, socket_with, sockopt};

use crate::case::{Case, Mode};
use crate::statistics::Latencies;

/// What a run has done.
pub struct Done {
    /// In the units of the case.
    pub count: f64,
    pub elapsed: Duration,
    pub latencies: Latencies,
}

/// A load that is connected to a server.
pub struct Load {
    case: Case,
    address: SocketAddrV4,
    set: OwnedFd,
    peers: Vec<Peer>,
    message: Vec<u8>,
    scratch: Vec<u8>,
    events: Vec<epoll::Event>,
}

struct Peer {
    socket: OwnedFd,
    written: usize,
    read: usize,
    since: Instant,
}

/// Longer than anything on the loopback interface takes.
const LOST: Duration = Duration::from_millis(500);

impl Load {
    /// Connects to a server on this port.
    pub fn connect(case: Case, port: u16) -> io::Result<Self> {
        let mut load = Self {
            case,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            set: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            peers: Vec::with_capacity(case.connections),
            message: (0..case.size).map(|at| at as u8).collect(),
            scratch: vec![0; 256 << 10],
            events: Vec::with_capacity(256),
        };
        for at in 0..case.connections {
            let socket = load.open(at)?;
            load.peers.push(Peer { socket, written: 0, read: 0, since: Instant::now() });
        }
        Ok(load)
    }

    /// Opens the connection of a peer. Accepts are measured from here, so that their connections are not waited for.
    fn open(&self, at: usize) -> io::Result<OwnedFd> {
        let kind = if self.case.mode == Mode::Udp { SocketType::DGRAM } else { SocketType::STREAM };
        let flags = if self.case.mode == Mode::Accept { SocketFlags::NONBLOCK } else { SocketFlags::empty() };
        let socket = socket_with(AddressFamily::INET, kind, flags | SocketFlags::CLOEXEC, None)?;
        if kind == SocketType::STREAM {
            sockopt::set_tcp_nodelay(&socket, true)?;
            // A close leaves nothing behind that takes a port.
            sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        }
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        rustix::io::ioctl_fionbio(&socket, true)?;
        epoll::add(&self.set, &socket, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
        Ok(socket)
    }

    /// Sends the first message on every connection.
    pub fn start(&mut self) -> io::Result<()> {
        if matches!(self.case.mode, Mode::Echo | Mode::Udp) {
            (0..self.peers.len()).try_for_each(|at| self.send_message(at))?;
        }
        Ok(())
    }

    /// Goes on for so long.
    pub fn run(&mut self, duration: Duration) -> io::Result<Done> {
        let mut latencies = Latencies::default();
        let mut count = 0.0;
        let start = Instant::now();
        let mut now = start;
        while now - start < duration {
            self.events.clear();
            let wait = Timespec { tv_sec: 0, tv_nsec: LOST.as_nanos() as i64 };
            match epoll::wait(&self.set, spare_capacity(&mut self.events), Some(&wait)) {
                Ok(0) => self.nothing_came(duration)?,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in 0..self.events.len() {
                let at = self.events[event].data.u64() as usize;
                count += match self.case.mode {
                    Mode::Echo | Mode::Udp => self.echoed(at, &mut latencies)?,
                    Mode::Bulk => self.received(at)?,
                    Mode::Accept => self.accepted(at, &mut latencies)?,
                };
            }
            now = Instant::now();
        }
        Ok(Done { count, elapsed: now - start, latencies })
    }

    /// A datagram may get lost; nothing else may.
    fn nothing_came(&mut self, duration: Duration) -> io::Result<()> {
        if self.case.mode == Mode::Udp {
            return self.start();
        }
        if duration > LOST { Err(io::Error::other("the server has stopped answering")) } else { Ok(()) }
    }

    fn send_message(&mut self, at: usize) -> io::Result<()> {
        let peer = &mut self.peers[at];
        (peer.written, peer.read, peer.since) = (0, 0, Instant::now());
        self.go_on_sending(at)
    }

    /// What does not fit is sent when some of the rest has come back.
    fn go_on_sending(&mut self, at: usize) -> io::Result<()> {
        let peer = &mut self.peers[at];
        while peer.written < self.message.len() {
            match send(&peer.socket, &self.message[peer.written..], SendFlags::NOSIGNAL) {
                Ok(len) => peer.written += len,
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Bytes have come back.
    fn echoed(&mut self, at: usize, latencies: &mut Latencies) -> io::Result<f64> {
        let peer = &mut self.peers[at];
        match rustix::io::read(&peer.socket, &mut self.scratch[..]) {
            Ok(0) => return Err(io::Error::other("the server has closed a connection")),
            Ok(len) => peer.read += len,
            Err(Errno::AGAIN) => return Ok(0.0),
            Err(error) => return Err(error.into()),
        }
        if peer.read < self.message.len() {
            self.go_on_sending(at)?;
            return Ok(0.0);
        }
        latencies.add(peer.since.elapsed());
        self.send_message(at)?;
        Ok(1.0)
    }

    /// Mebibytes that came.
    fn received(&mut self, at: usize) -> io::Result<f64> {
        match rustix::io::read(&self.peers[at].socket, &mut self.scratch[..]) {
            Ok(0) => Err(io::Error::other("the server has closed the connection")),
            Ok(len) => Ok(len as f64 / f64::from(1 << 20)),
            Err(Errno::AGAIN) => Ok(0.0),
            Err(error) => Err(error.into()),
        }
    }

    /// The server has accepted and closed: the next connection.
    fn accepted(&mut self, at: usize, latencies: &mut Latencies) -> io::Result<f64> {
        match rustix::io::read(&self.peers[at].socket, &mut self.scratch[..64]) {
            Ok(_) | Err(Errno::CONNRESET) => {}
            Err(Errno::AGAIN) => return Ok(0.0),
            Err(error) => return Err(error.into()),
        }
        latencies.add(self.peers[at].since.elapsed());
        let since = Instant::now();
        let socket = self.open(at)?;
        self.peers[at] = Peer { socket, written: 0, read: 0, since };
        Ok(1.0)
    }
}
