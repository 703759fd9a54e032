//! Version negotiation of `WSAStartup`.

use windlass_abi::{WsaError, make_version};

/// The highest version, 2.2.
pub const HIGHEST: u16 = make_version(2, 2);

/// The supported versions, the lowest first (WSA-STARTUP-2).
const SUPPORTED: [(u8, u8); 5] = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)];

/// What `WSAStartup` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// `wVersion`: the version to use, low byte major.
    pub version: u16,
    /// `wHighVersion`: the highest version there is, low byte major.
    pub high: u16,
}

/// The largest supported version that is not above the request (WSA-STARTUP-1 to 4).
///
/// # Errors
/// `WSAVERNOTSUPPORTED`: the request is below 1.0.
pub fn negotiate(requested: u16) -> Result<Negotiated, WsaError> {
    let [major, minor] = requested.to_le_bytes();
    let fits = SUPPORTED.iter().rev().find(|version| **version <= (major, minor));
    let (major, minor) = *fits.ok_or(WsaError::WSAVERNOTSUPPORTED)?;
    Ok(Negotiated { version: make_version(major, minor), high: HIGHEST })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(major: u8, minor: u8) -> Option<(u8, u8)> {
        let negotiated = negotiate(make_version(major, minor)).ok()?;
        assert_eq!(negotiated.high, 0x0202);
        let [major, minor] = negotiated.version.to_le_bytes();
        Some((major, minor))
    }

    // proves: WSA-STARTUP-1, WSA-STARTUP-2
    #[test]
    fn wsa_startup_3_the_largest_version_not_above_the_request() {
        for (requested, expected) in [
            ((1, 0), (1, 0)),
            ((1, 1), (1, 1)),
            ((1, 2), (1, 1)),
            ((1, 255), (1, 1)),
            ((2, 0), (2, 0)),
            ((2, 1), (2, 1)),
            ((2, 2), (2, 2)),
            ((2, 3), (2, 2)),
            ((3, 0), (2, 2)),
            ((255, 255), (2, 2)),
        ] {
            assert_eq!(agreed(requested.0, requested.1), Some(expected), "{requested:?}");
        }
    }

    #[test]
    fn wsa_startup_4_a_request_below_1_0_is_refused() {
        for minor in 0..=255 {
            assert_eq!(negotiate(make_version(0, minor)), Err(WsaError::WSAVERNOTSUPPORTED));
        }
    }

    // proves: WSA-STARTUP-2
    #[test]
    fn wsa_startup_3_every_pair_of_bytes_gets_the_best_version_not_above_it() {
        for requested in 0..=u16::MAX {
            let [major, minor] = requested.to_le_bytes();
            let best = SUPPORTED.iter().filter(|v| **v <= (major, minor)).max().copied();
            assert_eq!(agreed(major, minor), best, "{major}.{minor}");
        }
    }
}
