//! What a protocol information says of a duplicate: who has the socket, and which one it is.
//!
//! | field | holds |
//! |---|---|
//! | `dwProviderReserved` | the token of the one use; not zero (WSP-DUP-2) |
//! | `dwServiceFlags2` | the process that has the socket |
//! | `dwServiceFlags3`, `dwServiceFlags4` | a secret that the fetching process must know |
//!
//! The three flags are reserved by Winsock and zero in every catalog entry.

use rustix::rand::{GetRandomFlags, getrandom};
use windlass_abi::{WSAPROTOCOL_INFOW, WsaError};
use windlass_spi::Result;

/// The name of one duplicate, for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub number: u32,
    pub owner: u32,
    pub secret: u64,
}

impl Token {
    /// A token that nobody can guess.
    ///
    /// # Errors
    /// WSAENOBUFS: the system has no random numbers.
    pub fn new(owner: u32) -> Result<Self> {
        let mut bytes = [0u8; 12];
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            Ok(filled) if filled == bytes.len() => Ok(Self::from_random(owner, bytes)),
            _ => Err(WsaError::WSAENOBUFS),
        }
    }

    fn from_random(owner: u32, bytes: [u8; 12]) -> Self {
        let [a, b, c, d, secret @ ..] = bytes;
        Self { number: u32::from_ne_bytes([a, b, c, d]).max(1), owner, secret: u64::from_ne_bytes(secret) }
    }

    /// Writes the token into a copy of the socket's catalog entry.
    pub fn store(self, info: &mut WSAPROTOCOL_INFOW) {
        info.dwProviderReserved = self.number;
        info.dwServiceFlags2 = self.owner;
        info.dwServiceFlags3 = self.secret as u32;
        info.dwServiceFlags4 = (self.secret >> 32) as u32;
    }

    /// Reads a token; whether it is good is for its owner to say.
    pub fn load(info: &WSAPROTOCOL_INFOW) -> Self {
        Self {
            number: info.dwProviderReserved,
            owner: info.dwServiceFlags2,
            secret: u64::from(info.dwServiceFlags4) << 32 | u64::from(info.dwServiceFlags3),
        }
    }

    /// The abstract name of the Unix socket where the owner hands the socket out.
    pub fn socket_name(self) -> Vec<u8> {
        format!("windlass/duplicate/{}/{:08x}", self.owner, self.number).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsp_dup_2_the_token_is_not_zero_and_travels_in_the_information() {
        let zero = Token::from_random(7, [0; 12]);
        assert_eq!((zero.number, zero.secret), (1, 0));
        let token = Token::new(7).unwrap();
        assert_ne!(token.number, 0);
        assert_ne!(token, Token::new(7).unwrap());
        let mut info = WSAPROTOCOL_INFOW { dwServiceFlags1: 5, dwCatalogEntryId: 1001, ..Default::default() };
        token.store(&mut info);
        assert_eq!(Token::load(&info), token);
        // What the runtime chooses the provider by stays.
        assert_eq!((info.dwServiceFlags1, info.dwCatalogEntryId), (5, 1001));
    }

    #[test]
    fn the_name_does_not_tell_the_secret() {
        let name = Token { number: 0xab, owner: 12, secret: 0x1234_5678_9abc_def0 }.socket_name();
        assert_eq!(name, b"windlass/duplicate/12/000000ab");
    }
}
