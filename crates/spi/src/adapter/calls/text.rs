//! `WSPAddressToString` and `WSPStringToAddress`.

use windlass_abi::{SOCKADDR, WSAPROTOCOL_INFOW, WsaError};

use super::{args, zero};
use crate::adapter::entry::Entry;
use crate::transport::Transport;

/// `WSPAddressToString`. The length is in UTF-16 units with the NUL (WSP-A2S-2); too small is
/// `WSAEFAULT` and the length needed (WSP-A2S-3).
pub unsafe extern "system" fn wsp_address_to_string<E: Entry>(
    address: *mut SOCKADDR,
    address_length: u32,
    info: *mut WSAPROTOCOL_INFOW,
    text: *mut u16,
    length: *mut u32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = E::provider().enter()?;
        let address_length = i32::try_from(address_length).map_err(|_| WsaError::WSAEFAULT)?;
        // SAFETY: the client's, null or readable.
        let address = unsafe { args::name(address, address_length) }?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        // SAFETY: the client's, null or readable.
        let room = unsafe { args::read(length) }? as usize;
        let result = call.transport.address_to_string(address, &info)?;
        let units: Vec<u16> = result.encode_utf16().chain([0]).collect();
        // SAFETY: it was read before.
        unsafe { args::store(length, units.len() as u32) };
        if text.is_null() || room < units.len() {
            return Err(WsaError::WSAEFAULT);
        }
        for (at, unit) in units.iter().enumerate() {
            // SAFETY: there is room for it.
            unsafe { args::store(text.add(at), *unit) };
        }
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPStringToAddress`. The length is in bytes; too small is `WSAEFAULT` and the length needed
/// (WSP-S2A-2).
pub unsafe extern "system" fn wsp_string_to_address<E: Entry>(
    text: *mut u16,
    family: i32,
    info: *mut WSAPROTOCOL_INFOW,
    address: *mut SOCKADDR,
    length: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = E::provider().enter()?;
        // SAFETY: the client's, null or readable.
        let text = unsafe { args::text(text) }?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        // SAFETY: the client's, null or readable.
        let room = unsafe { args::read(length) }?;
        let room = usize::try_from(room).map_err(|_| WsaError::WSAEFAULT)?;
        let result = call.transport.string_to_address(&text, family, &info)?;
        if address.is_null() || room < result.len() {
            // SAFETY: it was read before.
            unsafe { args::store(length, result.len() as i32) };
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: both are there, with room.
        unsafe { args::store_name(&result, address, length) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}
