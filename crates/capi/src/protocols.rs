//! `WSAEnumProtocols`, and handing lists of protocols to a client.
#![allow(unsafe_code, reason = "exports write the client's memory")]

use core::mem::size_of;

use windlass_abi::{SOCKET_ERROR, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WsaError};
use windlass_runtime::{self as runtime, Function};

use crate::boundary::{Result, array_mut, call, load, store};
use crate::text::info_a;

/// The numbers before the 0 that ends a client's list; null is all (WSC-ENUM-2).
///
/// # Safety
/// `protocols` must be null or a list that ends with 0.
pub unsafe fn protocol_filter<'a>(protocols: *const i32) -> Option<&'a [i32]> {
    if protocols.is_null() {
        return None;
    }
    let mut count = 0;
    // SAFETY: every element up to the 0 is readable, as the caller vouches.
    while unsafe { protocols.add(count).read() } != 0 {
        count += 1;
    }
    // SAFETY: these elements were just read.
    Some(unsafe { core::slice::from_raw_parts(protocols, count) })
}

/// Copies a list into a client's buffer of `*len` bytes: their number. Too little room is `WSAENOBUFS`; the size needed
/// is stored either way (WSC-ENUM-3, WSC-ENUM-4).
///
/// # Safety
/// `len` must be null or a number of bytes, `buffer` null or that large.
pub unsafe fn hand_out<T: Copy>(list: Vec<T>, buffer: *mut T, len: *mut u32) -> Result<i32> {
    // SAFETY: as the caller vouches.
    let room = unsafe { load(len) }? as usize;
    let needed = list.len() * size_of::<T>();
    // SAFETY: it was readable above and is the client's to write.
    unsafe { store(len, needed as u32) }?;
    if room < needed || buffer.is_null() {
        return Err(WsaError::WSAENOBUFS);
    }
    // SAFETY: there is room for the list, as the client says.
    unsafe { array_mut(buffer, list.len()) }?.copy_from_slice(&list);
    Ok(list.len() as i32)
}

/// Base and chain entries, not the hidden ones, in catalog order (WEP-1 to WEP-4): their number.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEnumProtocolsW(protocols: *mut i32, buffer: *mut WSAPROTOCOL_INFOW, len: *mut u32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { enumerate(protocols, buffer, len, |info| *info) }
}

/// As [`WSAEnumProtocolsW`].
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEnumProtocolsA(protocols: *mut i32, buffer: *mut WSAPROTOCOL_INFOA, len: *mut u32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { enumerate(protocols, buffer, len, info_a) }
}

unsafe fn enumerate<T: Copy>(
    protocols: *const i32,
    buffer: *mut T,
    len: *mut u32,
    convert: impl Fn(&WSAPROTOCOL_INFOW) -> T,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaEnumProtocols)?;
        // SAFETY: as the caller of the export vouches.
        let filter = unsafe { protocol_filter(protocols) };
        let found = runtime::catalogs::enum_protocols(filter)?.iter().map(convert).collect();
        // SAFETY: as the caller of the export vouches.
        unsafe { hand_out(found, buffer, len) }
    })
}
