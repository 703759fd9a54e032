//! One connection, or one socket for datagrams: which packets stand for what it does.

use std::net::{Ipv4Addr, SocketAddr};

use super::packet::{Flags, tcp, udp};

/// The bytes of a segment: as many as a packet can have, less what its headers take.
const SEGMENT: usize = 65_000;
/// The bytes of a datagram.
const DATAGRAM: usize = 65_507;

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this socket.
    Out,
    /// To it.
    In,
}

/// The packets of one socket.
#[derive(Clone, Debug)]
pub struct Flow {
    local: SocketAddr,
    remote: SocketAddr,
    /// The next number of each side.
    sequence: [u32; 2],
    open: bool,
    ended: [bool; 2],
}

impl Flow {
    /// A socket whose numbers begin at these, so that two connections do not look alike.
    pub fn new(local: SocketAddr, remote: SocketAddr, seed: u32) -> Self {
        let (local, remote) = alike(local, remote);
        Self { local, remote, sequence: [seed, seed.rotate_left(16) ^ 0x5757_4C44], open: false, ended: [false; 2] }
    }

    /// A connection begins, from the side that `direction` says: three packets.
    pub fn open(&mut self, direction: Direction) -> Vec<Vec<u8>> {
        if self.open {
            return Vec::new();
        }
        self.open = true;
        let other = other(direction);
        let first = self.tcp(direction, Flags::SYN, &[]);
        let second = self.tcp(other, Flags::SYN.and(Flags::ACK), &[]);
        let third = self.tcp(direction, Flags::ACK, &[]);
        vec![first, second, third]
    }

    /// Bytes of a stream: as many segments as they need, each acknowledged. A connection that was not seen to begin begins now.
    pub fn stream(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut packets = self.open(Direction::Out);
        let chunks = bytes.chunks(SEGMENT);
        let last = chunks.len().saturating_sub(1);
        for (number, chunk) in chunks.enumerate() {
            let push = if number == last { Flags::PSH } else { Flags::default() };
            packets.push(self.tcp(direction, Flags::ACK.and(push), chunk));
            packets.push(self.tcp(other(direction), Flags::ACK, &[]));
        }
        packets
    }

    /// One side says that it sends no more.
    pub fn finish(&mut self, direction: Direction) -> Vec<Vec<u8>> {
        if !self.open || std::mem::replace(&mut self.ended[index(direction)], true) {
            return Vec::new();
        }
        let end = self.tcp(direction, Flags::FIN.and(Flags::ACK), &[]);
        vec![end, self.tcp(other(direction), Flags::ACK, &[])]
    }

    /// One side breaks the connection.
    pub fn reset(&mut self, direction: Direction) -> Vec<Vec<u8>> {
        if !std::mem::replace(&mut self.open, false) {
            return Vec::new();
        }
        vec![self.tcp(direction, Flags::RST.and(Flags::ACK), &[])]
    }

    /// A datagram to or from this address, which is that of the connection if none is given.
    pub fn datagram(&self, direction: Direction, peer: Option<SocketAddr>, bytes: &[u8]) -> Vec<u8> {
        let (local, remote) = alike(self.local, peer.unwrap_or(self.remote));
        let bytes = &bytes[..bytes.len().min(DATAGRAM)];
        match direction {
            Direction::Out => udp(local, remote, bytes),
            Direction::In => udp(remote, local, bytes),
        }
    }

    fn tcp(&mut self, direction: Direction, flags: Flags, bytes: &[u8]) -> Vec<u8> {
        let (mine, theirs) = (index(direction), index(other(direction)));
        let (from, to) = match direction {
            Direction::Out => (self.local, self.remote),
            Direction::In => (self.remote, self.local),
        };
        let acknowledged = if flags.has(Flags::ACK) { self.sequence[theirs] } else { 0 };
        let packet = tcp(from, to, self.sequence[mine], acknowledged, flags, bytes);
        let counted = bytes.len() as u32 + u32::from(flags.has(Flags::SYN)) + u32::from(flags.has(Flags::FIN));
        self.sequence[mine] = self.sequence[mine].wrapping_add(counted);
        packet
    }
}

fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Out => Direction::In,
        Direction::In => Direction::Out,
    }
}

fn index(direction: Direction) -> usize {
    match direction {
        Direction::Out => 0,
        Direction::In => 1,
    }
}

/// Two addresses of one family: a socket that is bound to nothing yet has an address of none in particular.
fn alike(local: SocketAddr, remote: SocketAddr) -> (SocketAddr, SocketAddr) {
    match (local, remote) {
        (SocketAddr::V4(_), SocketAddr::V6(_)) if local.ip() == Ipv4Addr::UNSPECIFIED => {
            (SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), local.port()), remote)
        }
        _ => (local, remote),
    }
}
