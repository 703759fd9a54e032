//! `WSAEnumProtocols`, and handing lists of protocols to a client.
#![allow(unsafe_code, reason = "exports write the client's memory")]

use windlass_abi::{SOCKET_ERROR, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WsaError};
use windlass_runtime::{self as runtime, Function};

use crate::boundary::{Result, call, load, store, store_all, until_zero};
use crate::text::info_a;

/// The numbers before the 0 that ends a client's list; null is all (WSC-ENUM-2).
///
/// # Safety
/// `protocols` must be null or a list that ends with 0.
pub unsafe fn protocol_filter(protocols: *const i32) -> Result<Option<Vec<i32>>> {
    // SAFETY: as the caller vouches.
    if protocols.is_null() { Ok(None) } else { unsafe { until_zero(protocols) }.map(Some) }
}

/// Copies a list into a client's buffer of `*len` bytes: its length. Too little room is `WSAENOBUFS`; the size needed
/// is stored either way (WSC-ENUM-3, WSC-ENUM-4).
///
/// # Safety
/// `len` must be null or the number of bytes of `buffer`, which must be null or that large.
pub unsafe fn hand_out<T: Copy>(list: &[T], buffer: *mut T, len: *mut u32) -> Result<i32> {
    let needed = size_of_val(list);
    // SAFETY: as the caller vouches; the length was readable, and is the client's to write.
    unsafe {
        let room = load(len)? as usize;
        store(len, needed as u32)?;
        if room < needed || buffer.is_null() {
            return Err(WsaError::WSAENOBUFS);
        }
        store_all(buffer, list)?;
    }
    Ok(list.len() as i32)
}

/// Base and chain entries, not the hidden ones, in catalog order (WEP-1 to WEP-4): their number.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEnumProtocolsW(
    protocols: *mut i32,
    buffer: *mut WSAPROTOCOL_INFOW,
    len: *mut u32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { enumerate(protocols, buffer, len, |info| *info) }
}

/// As [`WSAEnumProtocolsW`].
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEnumProtocolsA(
    protocols: *mut i32,
    buffer: *mut WSAPROTOCOL_INFOA,
    len: *mut u32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { enumerate(protocols, buffer, len, info_a) }
}

/// # Safety
/// The pointers must be null or as the page of the functions says.
unsafe fn enumerate<T: Copy>(
    protocols: *const i32,
    buffer: *mut T,
    len: *mut u32,
    convert: impl Fn(&WSAPROTOCOL_INFOW) -> T,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaEnumProtocols)?;
        // SAFETY: as the caller vouches.
        let filter = unsafe { protocol_filter(protocols) }?;
        let found: Vec<T> = runtime::catalogs::enum_protocols(filter.as_deref())?.iter().map(convert).collect();
        // SAFETY: as the caller vouches.
        unsafe { hand_out(&found, buffer, len) }
    })
}
