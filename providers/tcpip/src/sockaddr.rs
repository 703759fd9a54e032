//! Socket addresses: the Windows layout on one side, the kernel's on the other.
//!
//! The two differ in the number of `AF_INET6` (23 and 10); sizes and byte orders are the same: the
//! family in host order, all the rest in network order (RT-11).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use rustix::net::SocketAddrAny;
use windlass_abi::{AF_UNSPEC, WsaError};
use windlass_spi::Result;
use windlass_spi::address::{Address, family_of, internet_address_of};

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
    if name.len() < size_of::<u16>() {
        return Err(WsaError::WSAEFAULT);
    }
    if family_of(name) != family.windows() {
        return Ok(Name::OtherFamily);
    }
    internet_address_of(name).map(Name::Address).ok_or(WsaError::WSAEFAULT)
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
    match name {
        [_, _, ..] if family_of(name) == AF_UNSPEC => true,
        _ => matches!(parse(name, family), Ok(Name::Address(address)) if address.ip().is_unspecified()),
    }
}

/// Writes an address in the Windows layout; gives the bytes used.
pub fn encode(address: &SocketAddress) -> ([u8; IP6_LENGTH], usize) {
    let address = Address::from(*address);
    let mut bytes = [0; IP6_LENGTH];
    bytes[..address.len()].copy_from_slice(address.as_bytes());
    (bytes, address.len())
}

/// The same as what the SDK stores for the client.
pub fn to_address(address: &SocketAddress) -> Address {
    Address::from(*address)
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
