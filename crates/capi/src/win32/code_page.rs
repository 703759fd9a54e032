//! Code pages: from their bytes to UTF-16 and back. No character is fitted to one that looks like it.

/// A code page that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePage {
    Utf8,
    /// Latin text of Windows; its five unused bytes are control characters.
    Windows1252,
    /// ISO 8859-1: each byte is its character.
    Latin1,
}

/// The characters of 0x80 to 0x9F in Windows-1252.
const WINDOWS_1252: [u16; 32] = [
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D,
    0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
    0x0153, 0x009D, 0x017E, 0x0178,
];

/// A character cannot be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untranslatable;

impl CodePage {
    /// The code page of a number; those of the process and the thread are UTF-8 (API-7).
    pub fn of(number: u32) -> Option<Self> {
        match number {
            0 | 1 | 3 | 65001 => Some(Self::Utf8),
            1252 => Some(Self::Windows1252),
            28591 => Some(Self::Latin1),
            _ => None,
        }
    }

    /// The UTF-16 of some bytes. What is malformed becomes U+FFFD, or is refused if `strict`.
    pub fn decode(self, bytes: &[u8], strict: bool) -> Result<Vec<u16>, Untranslatable> {
        match self {
            Self::Utf8 if strict => Ok(str::from_utf8(bytes).map_err(|_| Untranslatable)?.encode_utf16().collect()),
            Self::Utf8 => Ok(String::from_utf8_lossy(bytes).encode_utf16().collect()),
            Self::Windows1252 | Self::Latin1 => Ok(bytes.iter().map(|byte| self.unit(*byte)).collect()),
        }
    }

    /// The bytes of some UTF-16, and whether something was replaced: by U+FFFD in UTF-8, else by `default`. With
    /// `strict` unpaired surrogates are refused.
    pub fn encode(self, units: &[u16], default: u8, strict: bool) -> Result<(Vec<u8>, bool), Untranslatable> {
        let mut bytes = Vec::with_capacity(units.len());
        let mut replaced = false;
        for character in char::decode_utf16(units.iter().copied()) {
            match (self, character) {
                (_, Err(_)) if strict => return Err(Untranslatable),
                (Self::Utf8, character) => {
                    replaced |= character.is_err();
                    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                    bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
                }
                (_, character) => {
                    let byte = character.ok().and_then(|character| self.byte(character));
                    replaced |= byte.is_none();
                    bytes.push(byte.unwrap_or(default));
                }
            }
        }
        Ok((bytes, replaced))
    }

    fn unit(self, byte: u8) -> u16 {
        match byte {
            0x80..=0x9F if self == Self::Windows1252 => WINDOWS_1252[byte as usize - 0x80],
            _ => byte.into(),
        }
    }

    fn byte(self, character: char) -> Option<u8> {
        let code = u32::from(character);
        if self == Self::Windows1252
            && let Some(at) = WINDOWS_1252.iter().position(|unit| u32::from(*unit) == code)
        {
            return Some(0x80 + at as u8);
        }
        let unused = self == Self::Windows1252 && (0x80..0xA0).contains(&code);
        u8::try_from(code).ok().filter(|_| !unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn every_byte_of_a_single_byte_page_survives_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        for page in [CodePage::Latin1, CodePage::Windows1252] {
            let wide = page.decode(&all, true).unwrap();
            assert_eq!(wide.len(), 256);
            assert_eq!(page.encode(&wide, b'?', false), Ok((all.clone(), false)));
        }
    }

    #[test]
    fn the_pages_differ_where_they_should() {
        assert_eq!(CodePage::Windows1252.decode(b"\x80\x9f\xe9", false), Ok(units("€Ÿé")));
        assert_eq!(CodePage::Latin1.decode(b"\x80\xe9", false), Ok(vec![0x80, 0xE9]));
        assert_eq!(CodePage::Windows1252.encode(&units("€é\u{80}中"), b'?', false), Ok((b"\x80\xe9??".into(), true)));
        assert_eq!(CodePage::Latin1.encode(&units("€é"), b'_', false), Ok((b"_\xe9".into(), true)));
    }

    #[test]
    fn utf_8_is_whole_or_replaced_or_refused() {
        let text = "é€😀";
        assert_eq!(CodePage::Utf8.decode(text.as_bytes(), true), Ok(units(text)));
        assert_eq!(CodePage::Utf8.encode(&units(text), 0, true), Ok((text.into(), false)));
        assert_eq!(CodePage::Utf8.decode(b"a\xffb\xe2\x82", false), Ok(units("a\u{fffd}b\u{fffd}")));
        assert_eq!(CodePage::Utf8.decode(b"a\xff", true), Err(Untranslatable));
        assert_eq!(CodePage::Utf8.encode(&[0x61, 0xD800], 0, false), Ok(("a\u{fffd}".into(), true)));
        assert_eq!(CodePage::Utf8.encode(&[0xDC00], 0, true), Err(Untranslatable));
    }

    #[test]
    fn a_pair_of_surrogates_is_one_character_that_is_replaced_once() {
        assert_eq!(CodePage::Latin1.encode(&units("a😀b"), b'?', false), Ok((b"a?b".into(), true)));
    }
}
