//! Between the A and W forms: the ANSI code page is UTF-8 here (API-7).

#![allow(unsafe_code, reason = "text goes to the client's memory")]

use windlass_abi::{WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WsaError};

use crate::boundary::{Result, array_mut, load, store};

/// Stores UTF-16 text and its NUL in a client's buffer of `*len` units, and in `*len` how many that is. Too little room
/// is `WSAEFAULT`, with the number needed (WSC-PATH-1, WPU-GPP-1).
///
/// # Safety
/// `len` must be null or a number of units, `buffer` null or that large.
pub unsafe fn hand_out_wide(text: &str, buffer: *mut u16, len: *mut i32) -> Result<()> {
    // SAFETY: as the caller vouches.
    let room = usize::try_from(unsafe { load(len) }?).map_err(|_| WsaError::WSAEFAULT)?;
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    // SAFETY: it was readable above and is the client's to write.
    unsafe { store(len, units.len() as i32) }?;
    if room < units.len() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room for the text, as the client says.
    unsafe { array_mut(buffer, units.len()) }?.copy_from_slice(&units);
    Ok(())
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
