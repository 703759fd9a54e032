//! IP packets with UDP or TCP inside, checksums and all.

use std::net::{IpAddr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;
const HOPS: u8 = 64;

/// The flags of a TCP segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// FIN.
    pub const FIN: Self = Self(0x01);
    /// SYN.
    pub const SYN: Self = Self(0x02);
    /// RST.
    pub const RST: Self = Self(0x04);
    /// PSH.
    pub const PSH: Self = Self(0x08);
    /// ACK.
    pub const ACK: Self = Self(0x10);

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A TCP segment in an IP packet. Both addresses are of one family.
pub fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    flags: Flags,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    // Five words of header.
    segment.push(5 << 4);
    segment.push(flags.0);
    segment.extend(u16::MAX.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    let sum = transport_sum(from.ip(), to.ip(), TCP, &segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ip(from.ip(), to.ip(), TCP, &segment)
}

/// A UDP datagram in an IP packet. Both addresses are of one family.
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    // Zero would say that there is none.
    let sum = match transport_sum(from.ip(), to.ip(), UDP, &datagram) {
        0 => u16::MAX,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    ip(from.ip(), to.ip(), UDP, &datagram)
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + body.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend(((20 + body.len()) as u16).to_be_bytes());
            // No identification; not to be fragmented.
            packet.extend([0, 0, 0x40, 0, HOPS, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = !fold(sum_of(0, &packet));
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        _ => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((body.len() as u16).to_be_bytes());
            packet.extend([protocol, HOPS]);
            packet.extend(octets_of_v6(from));
            packet.extend(octets_of_v6(to));
        }
    }
    packet.extend(body);
    packet
}

fn octets_of_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The checksum over the pseudo header and what follows it.
fn transport_sum(from: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> u16 {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum_of(sum_of(0, &from.octets()), &to.octets()),
        _ => sum_of(sum_of(0, &octets_of_v6(from)), &octets_of_v6(to)),
    };
    let sum = addresses + u64::from(protocol) + body.len() as u64;
    !fold(sum_of(sum, body))
}

fn sum_of(sum: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    sum + words.sum::<u64>()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    sum as u16
}
