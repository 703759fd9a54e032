//! Socket addresses as providers hand them out.

use core::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use windlass_abi::{AF_INET, AF_INET6, SOCKADDR_STORAGE, WsaError};

/// A socket address, owned: at most 128 bytes, the first two of which are the family in host byte
/// order (RT-11).
#[derive(Clone, Copy)]
pub struct Address {
    length: u8,
    bytes: [u8; Address::MAX],
}

impl Address {
    /// The room that any address fits in, in bytes.
    pub const MAX: usize = size_of::<SOCKADDR_STORAGE>();

    /// An address of no bytes.
    pub const EMPTY: Self = Self { length: 0, bytes: [0; Self::MAX] };

    /// Copies an address. More than [`MAX`](Self::MAX) bytes are `WSAEFAULT`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WsaError> {
        let mut address = Self::EMPTY;
        address.bytes.get_mut(..bytes.len()).ok_or(WsaError::WSAEFAULT)?.copy_from_slice(bytes);
        address.length = bytes.len() as u8;
        Ok(address)
    }

    /// The address as the client sees it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The same, to change in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.length)]
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The address family, zero (`AF_UNSPEC`) if there are fewer than two bytes.
    pub fn family(&self) -> i32 {
        family_of(self.as_bytes())
    }
}

/// The address family that a socket address begins with, zero (`AF_UNSPEC`) if it is too short.
pub fn family_of(address: &[u8]) -> i32 {
    match address {
        [low, high, ..] => i32::from(u16::from_ne_bytes([*low, *high])),
        _ => 0,
    }
}

/// The Internet address that a `SOCKADDR_IN` or `SOCKADDR_IN6` stands for: nothing if the family is another one, or there
/// are too few bytes for it. Bytes after the structure are ignored.
pub fn internet_address_of(address: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(part(address, 2)?);
    match family_of(address) {
        AF_INET => {
            part::<16>(address, 0)?;
            Some(SocketAddrV4::new(part::<4>(address, 4)?.into(), port).into())
        }
        AF_INET6 => {
            let (flow, scope) = (u32::from_be_bytes(part(address, 4)?), u32::from_ne_bytes(part(address, 24)?));
            Some(SocketAddrV6::new(part::<16>(address, 8)?.into(), port, flow, scope).into())
        }
        _ => None,
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

impl From<SocketAddr> for Address {
    /// A `SOCKADDR_IN` of 16 bytes, or a `SOCKADDR_IN6` of 28.
    fn from(from: SocketAddr) -> Self {
        let mut address = Self::EMPTY;
        let mut put = |at: usize, bytes: &[u8]| address.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        put(2, &from.port().to_be_bytes());
        let (family, length) = match from {
            SocketAddr::V4(from) => {
                put(4, &from.ip().octets());
                (AF_INET, 16)
            }
            SocketAddr::V6(from) => {
                put(4, &from.flowinfo().to_be_bytes());
                put(8, &from.ip().octets());
                put(24, &from.scope_id().to_ne_bytes());
                (AF_INET6, 28)
            }
        };
        put(0, &(family as u16).to_ne_bytes());
        address.length = length;
        address
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Address {}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:02x?})", self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_up_to_128_bytes() {
        assert_eq!(Address::MAX, 128);
        assert_eq!(Address::from_bytes(&[7; 128]).unwrap().as_bytes(), &[7; 128]);
        assert_eq!(Address::from_bytes(&[7; 129]), Err(WsaError::WSAEFAULT));
        assert!(Address::from_bytes(&[]).unwrap().is_empty());
    }

    #[test]
    fn rt_11_an_internet_address_is_read_back() {
        let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 0x1234, 0x0102_0304, 7);
        for (address, length) in [("127.0.0.1:4660".parse().unwrap(), 16), (SocketAddr::V6(v6), 28)] {
            let bytes = Address::from(address);
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes.as_bytes()[2..4], [0x12, 0x34]);
            assert_eq!(internet_address_of(bytes.as_bytes()), Some(address));
            let longer = [bytes.as_bytes(), &[0xAA; 100]].concat();
            assert_eq!(internet_address_of(&longer), Some(address));
            for short in 0..length {
                assert_eq!(internet_address_of(&longer[..short]), None, "{short} bytes");
            }
        }
        assert_eq!(Address::from(SocketAddr::V6(v6)).as_bytes()[2..10], [0x12, 0x34, 1, 2, 3, 4, 0xfe, 0x80]);
        assert_eq!(internet_address_of(&[200; 40]), None);
    }

    #[test]
    fn rt_11_reads_the_family_in_host_order() {
        let mut bytes = [0u8; 16];
        bytes[..2].copy_from_slice(&23u16.to_ne_bytes());
        assert_eq!(Address::from_bytes(&bytes).unwrap().family(), 23);
        assert_eq!(family_of(&[2]), 0);
    }
}
