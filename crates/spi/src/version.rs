//! Version negotiation between a client and a provider.

use windlass_abi::{WsaError, make_version};

/// A version of the SPI, ordered by major and then by minor number (WSP-STARTUP-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The number before the dot.
    pub major: u8,
    /// The number after the dot.
    pub minor: u8,
}

impl Version {
    /// The version `major.minor`.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Reads a `MAKEWORD`: the low byte is the major number.
    pub const fn from_word(word: u16) -> Self {
        let [major, minor] = word.to_le_bytes();
        Self { major, minor }
    }

    /// The `MAKEWORD` of this version.
    pub const fn to_word(self) -> u16 {
        make_version(self.major, self.minor)
    }
}

/// The range of versions that a provider can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The lowest one.
    pub lowest: Version,
    /// The highest one.
    pub highest: Version,
}

impl Versions {
    /// Version 2.2 alone, which is what the runtime asks for (WSP-STARTUP-16).
    pub const ONLY_2_2: Self = Self { lowest: Version::new(2, 2), highest: Version::new(2, 2) };

    /// What both sides can use if the client can use `requested` and everything below it: the lower
    /// of the two highest versions (WSP-STARTUP-8).
    ///
    /// A request below [`lowest`](Self::lowest) is `WSAVERNOTSUPPORTED`.
    pub fn negotiate(&self, requested: Version) -> Result<Version, WsaError> {
        if requested < self.lowest {
            return Err(WsaError::WSAVERNOTSUPPORTED);
        }
        Ok(requested.min(self.highest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(lowest: (u8, u8), highest: (u8, u8)) -> Versions {
        Versions { lowest: Version::new(lowest.0, lowest.1), highest: Version::new(highest.0, highest.1) }
    }

    #[test]
    fn wsp_startup_10_worked_cases() {
        let cases = [
            (range((1, 1), (1, 1)), (1, 1), Some((1, 1))),
            (range((1, 0), (1, 0)), (1, 1), Some((1, 0))),
            (range((1, 0), (1, 1)), (1, 0), Some((1, 0))),
            (range((1, 0), (1, 1)), (1, 1), Some((1, 1))),
            (range((1, 1), (1, 1)), (1, 0), None),
            (range((1, 1), (1, 1)), (2, 0), Some((1, 1))),
            (range((2, 0), (2, 0)), (2, 0), Some((2, 0))),
            (range((2, 2), (2, 2)), (2, 2), Some((2, 2))),
        ];
        for (versions, (major, minor), expected) in cases {
            let found = versions.negotiate(Version::new(major, minor)).ok();
            assert_eq!(found, expected.map(|(a, b)| Version::new(a, b)), "{versions:?} {major}.{minor}");
        }
    }

    // proves: WSP-STARTUP-8
    #[test]
    fn wsp_startup_9_compares_major_before_minor_for_all_byte_pairs() {
        let ranges = [
            range((2, 2), (2, 2)),
            range((1, 0), (2, 2)),
            range((1, 1), (2, 1)),
            range((0, 5), (3, 0)),
            range((2, 255), (255, 0)),
        ];
        for versions in ranges {
            for word in 0..=u16::MAX {
                let (major, minor) = ((word & 0xff) as u8, (word >> 8) as u8);
                // One number that grows with the version, made without the type under test.
                let rank = |v: (u8, u8)| u32::from(v.0) * 1000 + u32::from(v.1);
                let (low, high) = (
                    rank((versions.lowest.major, versions.lowest.minor)),
                    rank((versions.highest.major, versions.highest.minor)),
                );
                let asked = rank((major, minor));
                let answer = versions.negotiate(Version::from_word(word));
                if asked < low {
                    assert_eq!(answer, Err(WsaError::WSAVERNOTSUPPORTED));
                } else {
                    let got = answer.unwrap();
                    assert_eq!(rank((got.major, got.minor)), asked.min(high));
                    assert_eq!(Version::from_word(got.to_word()), got);
                }
            }
        }
    }
}
