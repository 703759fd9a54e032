//! Control data of datagrams, between Winsock's layout and the kernel's (API-X57).
//!
//! A piece is a `WSACMSGHDR` (length with itself, level, type) and its data, each at a multiple of eight bytes.

use nix::sys::socket::{ControlMessage, ControlMessageOwned};
use windlass_abi::{
    IP_HOPLIMIT, IP_PKTINFO, IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS,
    WsaError,
};
use windlass_spi::Result;

/// One piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The local IPv4 address and the interface.
    Packet4 { address: [u8; 4], interface: u32 },
    /// The local IPv6 address and the interface.
    Packet6 { address: [u8; 16], interface: u32 },
    /// Time to live.
    Ttl(i32),
    /// Hop limit.
    HopLimit(i32),
    /// Type of service.
    Tos(u8),
    /// Traffic class.
    TrafficClass(i32),
}

const HEAD: usize = 16;

fn aligned(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// Reads what a client wants to send along.
///
/// # Errors
/// WSAEINVAL: malformed, or something that cannot be sent.
pub fn read(mut bytes: &[u8]) -> Result<Vec<Control>> {
    let mut pieces = Vec::new();
    while bytes.len() >= HEAD {
        let word = |at: usize| i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let length = bytes.first_chunk().map_or(0, |length| usize::from_ne_bytes(*length));
        let data = bytes.get(HEAD..length).ok_or(WsaError::WSAEINVAL)?;
        pieces.push(piece(word(8), word(12), data).ok_or(WsaError::WSAEINVAL)?);
        bytes = &bytes[aligned(length).min(bytes.len())..];
    }
    if bytes.is_empty() { Ok(pieces) } else { Err(WsaError::WSAEINVAL) }
}

fn piece(level: i32, kind: i32, data: &[u8]) -> Option<Control> {
    let word = || data.first_chunk().map(|word| i32::from_ne_bytes(*word));
    let interface = |at: usize| data.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word));
    match (level, kind) {
        (IPPROTO_IP, IP_PKTINFO) => Some(Control::Packet4 { address: *data.first_chunk()?, interface: interface(4)? }),
        (IPPROTO_IPV6, IPV6_PKTINFO) => {
            Some(Control::Packet6 { address: *data.first_chunk()?, interface: interface(16)? })
        }
        (IPPROTO_IP, IP_TTL | IP_HOPLIMIT) => word().map(Control::Ttl),
        (IPPROTO_IPV6, IPV6_HOPLIMIT) => word().map(Control::HopLimit),
        (IPPROTO_IP, IP_TOS) => word().map(|tos| Control::Tos(tos as u8)),
        (IPPROTO_IPV6, IPV6_TCLASS) => word().map(Control::TrafficClass),
        _ => None,
    }
}

/// What the kernel takes of a piece, which it is lent to `then`.
pub fn to_kernel<R>(pieces: &[Control], then: impl FnOnce(&[ControlMessage<'_>]) -> R) -> R {
    let packets4: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match *piece {
            Control::Packet4 { address, interface } => Some(libc::in_pktinfo {
                ipi_ifindex: interface.cast_signed(),
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(address) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            }),
            _ => None,
        })
        .collect();
    let packets6: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match *piece {
            Control::Packet6 { address, interface } => {
                Some(libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: address }, ipi6_ifindex: interface })
            }
            _ => None,
        })
        .collect();
    let (mut packets4, mut packets6) = (packets4.iter(), packets6.iter());
    let messages: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Control::Packet4 { .. } => packets4.next().map(ControlMessage::Ipv4PacketInfo),
            Control::Packet6 { .. } => packets6.next().map(ControlMessage::Ipv6PacketInfo),
            Control::Ttl(ttl) => Some(ControlMessage::Ipv4Ttl(ttl)),
            Control::HopLimit(limit) => Some(ControlMessage::Ipv6HopLimit(limit)),
            Control::Tos(tos) => Some(ControlMessage::Ipv4Tos(tos)),
            Control::TrafficClass(class) => Some(ControlMessage::Ipv6TClass(class)),
        })
        .collect();
    then(&messages)
}

/// What the kernel has told with a datagram, as far as Winsock knows it.
pub fn from_kernel(message: &ControlMessageOwned) -> Option<Control> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Control::Packet4 {
            address: info.ipi_addr.s_addr.to_ne_bytes(),
            interface: info.ipi_ifindex.cast_unsigned(),
        }),
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some(Control::Packet6 { address: info.ipi6_addr.s6_addr, interface: info.ipi6_ifindex })
        }
        ControlMessageOwned::Ipv4Ttl(ttl) => Some(Control::Ttl(*ttl)),
        ControlMessageOwned::Ipv6HopLimit(limit) => Some(Control::HopLimit(*limit)),
        ControlMessageOwned::Ipv4Tos(tos) => Some(Control::Tos(*tos)),
        ControlMessageOwned::Ipv6TClass(class) => Some(Control::TrafficClass(*class)),
        _ => None,
    }
}

/// Lays pieces out, as many as fit; says whether all did.
pub fn write(pieces: &[Control], room: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    for piece in pieces {
        let (level, kind, data): (i32, i32, Vec<u8>) = match *piece {
            Control::Packet4 { address, interface } => {
                (IPPROTO_IP, IP_PKTINFO, [&address[..], &interface.to_ne_bytes()].concat())
            }
            Control::Packet6 { address, interface } => {
                (IPPROTO_IPV6, IPV6_PKTINFO, [&address[..], &interface.to_ne_bytes()].concat())
            }
            Control::Ttl(ttl) => (IPPROTO_IP, IP_HOPLIMIT, ttl.to_ne_bytes().into()),
            Control::HopLimit(limit) => (IPPROTO_IPV6, IPV6_HOPLIMIT, limit.to_ne_bytes().into()),
            Control::Tos(tos) => (IPPROTO_IP, IP_TOS, i32::from(tos).to_ne_bytes().into()),
            Control::TrafficClass(class) => (IPPROTO_IPV6, IPV6_TCLASS, class.to_ne_bytes().into()),
        };
        let length = HEAD + data.len();
        if bytes.len() + length > room {
            return (bytes, false);
        }
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(&level.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&data);
        bytes.resize(aligned(bytes.len()).min(room), 0);
    }
    (bytes, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Control; 6] = [
        Control::Packet4 { address: [127, 0, 0, 1], interface: 1 },
        Control::Packet6 { address: [9; 16], interface: 7 },
        Control::Ttl(64),
        Control::HopLimit(3),
        Control::Tos(0x10),
        Control::TrafficClass(0x20),
    ];

    #[test]
    fn api_x57_what_is_laid_out_is_read_back() {
        let (bytes, all) = write(&ALL, 1000);
        assert!(all);
        assert_eq!(bytes.len() % 8, 0);
        assert_eq!(read(&bytes), Ok(ALL.to_vec()));
        // The last piece may lack its padding.
        assert_eq!(read(&bytes[..bytes.len() - 4]), Ok(ALL.to_vec()));
        assert_eq!(read(&[]), Ok(vec![]));
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let (bytes, all) = write(&ALL[..2], 24 + 35);
        assert!(!all);
        assert_eq!(read(&bytes), Ok(ALL[..1].to_vec()));
        assert_eq!(write(&ALL, 23), (vec![], false));
        assert_eq!(write(&[Control::Ttl(1)], 20).0.len(), 20);
    }

    #[test]
    fn malformed_pieces_are_refused() {
        let (good, _) = write(&ALL[..1], 1000);
        for length in [0usize, 15, 25, 1 << 40, usize::MAX] {
            let mut bad = good.clone();
            bad[..8].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(read(&bad), Err(WsaError::WSAEINVAL), "{length}");
        }
        assert_eq!(read(&good[..20]), Err(WsaError::WSAEINVAL));
        assert_eq!(read(&good[..3]), Err(WsaError::WSAEINVAL));
        let mut unknown = good;
        unknown[12] = 99;
        assert_eq!(read(&unknown), Err(WsaError::WSAEINVAL));
    }
}
