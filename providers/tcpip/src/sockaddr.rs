//! Socket addresses: the Windows layout on one side, the kernel's on the other.
//!
//! The two differ in the number of `AF_INET6` (23 and 10); sizes and byte orders are the same: the
//! family in host order, all the rest in network order (RT-11).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use rustix::net::SocketAddrAny;
use windlass_abi::{AF_INET, AF_INET6, AF_UNSPEC, WsaError};
use windlass_spi::Result;
use windlass_spi::address::Address;

use crate::socket::Family;

/// An IPv4 or IPv6 address with its port, scope and flow, in host terms.
pub type SocketAddress = SocketAddr;

/// Bytes of `SOCKADDR_IN`.
pub const IP4_LENGTH: usize = 16;
/// Bytes of `SOCKADDR_IN6`.
pub const IP6_LENGTH: usize = 28;

impl Family {
    /// Bytes of this family's address structure.
    pub const fn address_length(self) -> usize {
        match self {
            Self::Ip4 => IP4_LENGTH,
            Self::Ip6 => IP6_LENGTH,
        }
    }

    /// The address that stands for any address, and port zero.
    pub const fn any(self) -> SocketAddress {
        match self {
            Self::Ip4 => SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
            Self::Ip6 => SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)),
        }
    }
}

/// What a client passed as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Address(SocketAddress),
    /// The family is not the socket's.
    OtherFamily,
}

/// Reads the name of a socket of `family`. Bytes after the structure are ignored.
///
/// # Errors
/// WSAEFAULT: too short for the family.
pub fn parse(name: &[u8], family: Family) -> Result<Name> {
    let given = u16::from_ne_bytes(bytes_at(name, 0).ok_or(WsaError::WSAEFAULT)?);
    if i32::from(given) != family.windows() {
        return Ok(Name::OtherFamily);
    }
    let address = match family {
        Family::Ip4 => decode_v4(name).map(SocketAddr::V4),
        Family::Ip6 => decode_v6(name).map(SocketAddr::V6),
    };
    address.map(Name::Address).ok_or(WsaError::WSAEFAULT)
}

/// Reads the name of a socket of `family` where another family is `mismatch`.
///
/// # Errors
/// WSAEFAULT: too short; `mismatch`.
pub fn parse_or(name: &[u8], family: Family, mismatch: WsaError) -> Result<SocketAddress> {
    match parse(name, family)? {
        Name::Address(address) => Ok(address),
        Name::OtherFamily => Err(mismatch),
    }
}

/// Whether `name` is an address of zeros, by which a datagram socket gives up its peer (WSP-CONN-4). The
/// family may be the socket's or AF_UNSPEC, the port anything.
pub fn is_dissolving(name: &[u8], family: Family) -> bool {
    match bytes_at(name, 0).map(u16::from_ne_bytes) {
        Some(given) if i32::from(given) == AF_UNSPEC => true,
        _ => matches!(parse(name, family), Ok(Name::Address(address)) if address.ip().is_unspecified()),
    }
}

/// Writes an address in the Windows layout; gives the bytes used.
pub fn encode(address: &SocketAddress) -> ([u8; IP6_LENGTH], usize) {
    let mut bytes = [0; IP6_LENGTH];
    let family = match address {
        SocketAddr::V4(_) => AF_INET,
        SocketAddr::V6(_) => AF_INET6,
    };
    bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            bytes[4..8].copy_from_slice(&v4.ip().octets());
            (bytes, IP4_LENGTH)
        }
        SocketAddr::V6(v6) => {
            bytes[4..8].copy_from_slice(&v6.flowinfo().to_be_bytes());
            bytes[8..24].copy_from_slice(&v6.ip().octets());
            bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
            (bytes, IP6_LENGTH)
        }
    }
}

/// The same as what the SDK stores for the client.
pub fn to_address(address: &SocketAddress) -> Address {
    let (bytes, length) = encode(address);
    Address::from_bytes(&bytes[..length]).unwrap_or(Address::EMPTY)
}

/// What the kernel said an address is; it speaks only the two families that sockets of this provider have.
pub fn from_kernel(address: SocketAddrAny) -> Result<SocketAddress> {
    SocketAddr::try_from(address).map_err(|_| WsaError::WSASYSCALLFAILURE)
}

/// Refuses room for a peer's address that is too small, before anything else happens (WSP-ACCEPT-5, WSP-RFROM-2).
///
/// # Errors
/// WSAEFAULT: `capacity` is given and smaller than the family's address.
pub fn check_capacity(capacity: Option<usize>, family: Family) -> Result<()> {
    match capacity {
        Some(room) if room < family.address_length() => Err(WsaError::WSAEFAULT),
        _ => Ok(()),
    }
}

fn decode_v4(name: &[u8]) -> Option<SocketAddrV4> {
    if name.len() < IP4_LENGTH {
        return None;
    }
    let port = u16::from_be_bytes(bytes_at(name, 2)?);
    Some(SocketAddrV4::new(Ipv4Addr::from(bytes_at::<4>(name, 4)?), port))
}

fn decode_v6(name: &[u8]) -> Option<SocketAddrV6> {
    let port = u16::from_be_bytes(bytes_at(name, 2)?);
    let flow = u32::from_be_bytes(bytes_at(name, 4)?);
    let scope = u32::from_ne_bytes(bytes_at(name, 24)?);
    Some(SocketAddrV6::new(Ipv6Addr::from(bytes_at::<16>(name, 8)?), port, flow, scope))
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "127.0.0.1:4660";

    fn v6() -> SocketAddress {
        SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 0x1234, 0x0102_0304, 7))
    }

    #[test]
    fn rt_11_family_is_in_host_order_and_the_rest_in_network_order() {
        let (bytes, length) = encode(&V4.parse().unwrap());
        assert_eq!(length, 16);
        assert_eq!(bytes[..2], 2u16.to_ne_bytes());
        assert_eq!(bytes[2..8], [0x12, 0x34, 127, 0, 0, 1]);
        assert_eq!(bytes[8..16], [0; 8]);

        let (bytes, length) = encode(&v6());
        assert_eq!(length, 28);
        assert_eq!(bytes[..2], 23u16.to_ne_bytes());
        assert_eq!(bytes[2..8], [0x12, 0x34, 1, 2, 3, 4]);
        assert_eq!(bytes[8..10], [0xfe, 0x80]);
        assert_eq!(bytes[24..28], 7u32.to_ne_bytes());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (address, family) in [(V4.parse().unwrap(), Family::Ip4), (v6(), Family::Ip6)] {
            let (bytes, length) = encode(&address);
            assert_eq!(parse(&bytes[..length], family), Ok(Name::Address(address)));
            for short in 0..length {
                assert_eq!(parse(&bytes[..short], family), Err(WsaError::WSAEFAULT), "{short} bytes");
            }
        }
    }

    #[test]
    fn wsp_bind_1_another_family_is_told_apart() {
        let (bytes, length) = encode(&v6());
        assert_eq!(parse(&bytes[..length], Family::Ip4), Ok(Name::OtherFamily));
        assert_eq!(parse_or(&bytes, Family::Ip4, WsaError::WSAEFAULT), Err(WsaError::WSAEFAULT));
        assert_eq!(parse_or(&bytes, Family::Ip4, WsaError::WSAEAFNOSUPPORT), Err(WsaError::WSAEAFNOSUPPORT));
        // The kernel's own number for IPv6 means nothing to Winsock.
        assert_eq!(parse(&10u16.to_ne_bytes(), Family::Ip6), Ok(Name::OtherFamily));
    }

    #[test]
    fn wsp_conn_4_an_address_of_zeros_dissolves() {
        for family in [Family::Ip4, Family::Ip6] {
            let (bytes, length) = encode(&family.any());
            assert!(is_dissolving(&bytes[..length], family));
            assert!(is_dissolving(&[0; 16], family));
            assert!(!is_dissolving(&[], family));
        }
        let (bytes, length) = encode(&V4.parse().unwrap());
        assert!(!is_dissolving(&bytes[..length], Family::Ip4));
    }

    #[test]
    fn wsp_rfrom_2_too_little_room_is_refused() {
        assert_eq!(check_capacity(None, Family::Ip6), Ok(()));
        assert_eq!(check_capacity(Some(28), Family::Ip6), Ok(()));
        assert_eq!(check_capacity(Some(27), Family::Ip6), Err(WsaError::WSAEFAULT));
        assert_eq!(check_capacity(Some(15), Family::Ip4), Err(WsaError::WSAEFAULT));
    }
}
