//! Identifiers nobody else has.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use windlass_abi::{GUID, WsaError};

/// A GUID of random bits (version 4).
///
/// # Errors
/// `WSASYSCALLFAILURE`: the system gives no random bits.
pub fn random_guid() -> Result<GUID, WsaError> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(len) => filled += len,
            Err(Errno::INTR) => {}
            Err(_) => return Err(WsaError::WSASYSCALLFAILURE),
        }
    }
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0x3 << 62;
    let bits = u128::from_be_bytes(bytes) & !VERSION & !VARIANT;
    Ok(GUID::from_u128(bits | 0x4 << 76 | 0x2 << 62))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsc_chain_4_generated_guids_are_random_ones_of_version_4() {
        let made: Vec<GUID> = (0..64).map(|_| random_guid().unwrap()).collect();
        let distinct: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(distinct.len(), made.len());
        for guid in made {
            assert_eq!(guid.data3 >> 12, 4, "{guid}");
            assert_eq!(guid.data4[0] >> 6, 0b10, "{guid}");
        }
    }
}
