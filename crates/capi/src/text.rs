//! Text of clients, and the A and W forms: the ANSI code page is UTF-8 here (API-7).
#![allow(unsafe_code, reason = "text comes from and goes to the client's memory")]

use windlass_abi::{WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WsaError};

use crate::boundary::{Result, load, store, store_all, until_zero};

/// A unit of text: a byte of UTF-8 in the A forms, 16 bits of UTF-16 in the W forms.
pub trait Unit: Copy + Default + PartialEq {
    /// The units of a text.
    fn encode(text: &str) -> impl Iterator<Item = Self>;
    /// The text of some units; `None` if they are malformed.
    fn decode(units: Vec<Self>) -> Option<String>;
}

impl Unit for u8 {
    fn encode(text: &str) -> impl Iterator<Item = Self> {
        text.bytes()
    }

    fn decode(units: Vec<Self>) -> Option<String> {
        String::from_utf8(units).ok()
    }
}

impl Unit for u16 {
    fn encode(text: &str) -> impl Iterator<Item = Self> {
        text.encode_utf16()
    }

    fn decode(units: Vec<Self>) -> Option<String> {
        String::from_utf16(&units).ok()
    }
}

/// A text and its NUL.
pub fn terminated<U: Unit>(text: &str) -> Vec<U> {
    U::encode(text).chain([U::default()]).collect()
}

/// A client's text; malformed text is `WSAEINVAL`.
///
/// # Safety
/// `text` must be null or NUL-terminated.
pub unsafe fn read<U: Unit>(text: *const U) -> Result<String> {
    // SAFETY: as the caller vouches.
    U::decode(unsafe { until_zero(text) }?).ok_or(WsaError::WSAEINVAL)
}

/// The same where the client may leave the text out.
///
/// # Safety
/// As [`read`].
pub unsafe fn read_if_given<U: Unit>(text: *const U) -> Result<Option<String>> {
    // SAFETY: as the caller vouches.
    if text.is_null() { Ok(None) } else { unsafe { read(text) }.map(Some) }
}

/// Stores a text and its NUL in a client's buffer of `room` units. Too little room is `WSAEFAULT`.
///
/// # Safety
/// `buffer` must be null or that large.
pub unsafe fn hand_out<U: Unit>(text: &str, buffer: *mut U, room: usize) -> Result<()> {
    let units = terminated::<U>(text);
    if room < units.len() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room for it, as the client says.
    unsafe { store_all(buffer, &units) }
}

/// The same where `len` is the room, and afterwards how many units the text has with its NUL, whether it fits or not
/// (API-8, WSC-PATH-1).
///
/// # Safety
/// `len` must be null or the number of units of `buffer`, which must be null or that large.
pub unsafe fn hand_out_measured<U: Unit>(text: &str, buffer: *mut U, len: *mut u32) -> Result<()> {
    // SAFETY: as the caller vouches; it was readable, and is the client's to write.
    unsafe {
        let room = load(len)? as usize;
        store(len, terminated::<U>(text).len() as u32)?;
        hand_out(text, buffer, room)
    }
}

/// The name in a fixed array: UTF-16 up to the NUL.
fn narrow(wide: &[u16; 256]) -> [u8; 256] {
    let len = wide.iter().position(|unit| *unit == 0).unwrap_or(wide.len());
    let text = String::from_utf16_lossy(&wide[..len]);
    let mut bytes = [0; 256];
    let end = text.floor_char_boundary(bytes.len() - 1);
    bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
    bytes
}

/// The same the other way round.
fn widen(narrow: &[u8; 256]) -> [u16; 256] {
    let len = narrow.iter().position(|byte| *byte == 0).unwrap_or(narrow.len());
    let mut wide = [0; 256];
    for (slot, unit) in wide[..255].iter_mut().zip(String::from_utf8_lossy(&narrow[..len]).encode_utf16()) {
        *slot = unit;
    }
    wide
}

macro_rules! convert {
    ($from:expr => $to:ident { szProtocol: $name:expr }) => {{
        let from = $from;
        $to {
            dwServiceFlags1: from.dwServiceFlags1,
            dwServiceFlags2: from.dwServiceFlags2,
            dwServiceFlags3: from.dwServiceFlags3,
            dwServiceFlags4: from.dwServiceFlags4,
            dwProviderFlags: from.dwProviderFlags,
            ProviderId: from.ProviderId,
            dwCatalogEntryId: from.dwCatalogEntryId,
            ProtocolChain: from.ProtocolChain,
            iVersion: from.iVersion,
            iAddressFamily: from.iAddressFamily,
            iMaxSockAddr: from.iMaxSockAddr,
            iMinSockAddr: from.iMinSockAddr,
            iSocketType: from.iSocketType,
            iProtocol: from.iProtocol,
            iProtocolMaxOffset: from.iProtocolMaxOffset,
            iNetworkByteOrder: from.iNetworkByteOrder,
            iSecurityScheme: from.iSecurityScheme,
            dwMessageSize: from.dwMessageSize,
            dwProviderReserved: from.dwProviderReserved,
            szProtocol: $name(&from.szProtocol),
        }
    }};
}

/// The A form of protocol information.
pub fn info_a(info: &WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOA {
    convert!(info => WSAPROTOCOL_INFOA { szProtocol: narrow })
}

/// The W form of protocol information.
pub fn info_w(info: &WSAPROTOCOL_INFOA) -> WSAPROTOCOL_INFOW {
    convert!(info => WSAPROTOCOL_INFOW { szProtocol: widen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_7_names_survive_both_ways_and_are_cut_between_characters() {
        let mut info = WSAPROTOCOL_INFOW { iProtocol: 6, dwCatalogEntryId: 1001, ..Default::default() };
        for (slot, unit) in info.szProtocol.iter_mut().zip("Überträger ✓".encode_utf16()) {
            *slot = unit;
        }
        let back = info_w(&info_a(&info));
        assert_eq!(back.szProtocol, info.szProtocol);
        assert_eq!((back.iProtocol, back.dwCatalogEntryId), (6, 1001));

        info.szProtocol = [0x20AC; 256];
        let cut = info_a(&info).szProtocol;
        let len = cut.iter().position(|byte| *byte == 0).unwrap();
        assert_eq!(str::from_utf8(&cut[..len]).unwrap(), "€".repeat(85));
        assert_eq!(info_w(&info_a(&info)).szProtocol[255], 0);
    }
}
