//! Socket addresses as providers hand them out.

use core::fmt;

use windlass_abi::{SOCKADDR_STORAGE, WsaError};

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
    fn rt_11_reads_the_family_in_host_order() {
        let mut bytes = [0u8; 16];
        bytes[..2].copy_from_slice(&23u16.to_ne_bytes());
        assert_eq!(Address::from_bytes(&bytes).unwrap().family(), 23);
        assert_eq!(family_of(&[2]), 0);
    }
}
