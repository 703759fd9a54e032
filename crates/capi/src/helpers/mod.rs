//! Helpers that need neither start-up nor a provider (API-2): byte order, address text, set membership.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

mod inet;

use core::cell::RefCell;
use core::ffi::c_void;

use windlass_abi::{FD_SET, IN_ADDR, SOCKET, WsaError};

use crate::boundary::{array, array_mut, bytes, call, wide};
pub use inet::INADDR_NONE;

#[unsafe(export_name = "ws2_htonl")]
pub extern "system" fn htonl(hostlong: u32) -> u32 {
    hostlong.to_be()
}

#[unsafe(export_name = "ws2_htons")]
pub extern "system" fn htons(hostshort: u16) -> u16 {
    hostshort.to_be()
}

#[unsafe(export_name = "ws2_ntohl")]
pub extern "system" fn ntohl(netlong: u32) -> u32 {
    u32::from_be(netlong)
}

#[unsafe(export_name = "ws2_ntohs")]
pub extern "system" fn ntohs(netshort: u16) -> u16 {
    u16::from_be(netshort)
}

/// API-12. A null set has no members.
///
/// # Safety
/// `set` must be null or an `fd_set` with `fd_count` elements.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn __WSAFDIsSet(s: SOCKET, set: *mut FD_SET) -> i32 {
    call(0, || {
        if set.is_null() {
            return Ok(0);
        }
        // SAFETY: not null; the array is as long as the count says, however large the client's FD_SETSIZE is.
        let members = unsafe {
            let first = (&raw const (*set).fd_array).cast::<SOCKET>();
            array(first, (*set).fd_count as usize)
        }?;
        Ok(members.contains(&s).into())
    })
}

/// API-B4.
///
/// # Safety
/// `cp` must be null or NUL-terminated.
#[unsafe(export_name = "ws2_inet_addr")]
pub unsafe extern "system" fn inet_addr(cp: *const u8) -> u32 {
    // SAFETY: as the caller vouches.
    call(INADDR_NONE, || Ok(inet::inet_addr(unsafe { bytes(cp) }?)))
}

thread_local! {
    /// Where `inet_ntoa` leaves its answer (API-B7).
    static NTOA: RefCell<[u8; 16]> = const { RefCell::new([0; 16]) };
}

/// The answer lives until the thread's next call (API-B7).
#[unsafe(export_name = "ws2_inet_ntoa")]
pub extern "system" fn inet_ntoa(address: IN_ADDR) -> *const u8 {
    call(core::ptr::null(), || {
        let text = inet::ntop(&address.s_addr.to_ne_bytes());
        NTOA.with_borrow_mut(|buffer| {
            buffer.fill(0);
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(buffer.as_ptr())
        })
    })
}

/// API-B5: 1, 0 for text that is no address, -1 for an error.
///
/// # Safety
/// `text` must be null or NUL-terminated; `address` null or room for 4 or 16 bytes.
#[unsafe(export_name = "ws2_inet_pton")]
pub unsafe extern "system" fn inet_pton(family: i32, text: *const u8, address: *mut c_void) -> i32 {
    call(-1, || {
        // SAFETY: as the caller vouches.
        let text = unsafe { bytes(text) }?;
        // SAFETY: as the caller vouches.
        unsafe { pton(family, &String::from_utf8_lossy(text), address) }
    })
}

/// The UTF-16 form of [`inet_pton`].
///
/// # Safety
/// As [`inet_pton`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InetPtonW(family: i32, text: *const u16, address: *mut c_void) -> i32 {
    call(-1, || {
        // SAFETY: as the caller vouches.
        let text = unsafe { wide(text) }?;
        // SAFETY: as the caller vouches.
        unsafe { pton(family, &String::from_utf16_lossy(text), address) }
    })
}

unsafe fn pton(family: i32, text: &str, address: *mut c_void) -> Result<i32, WsaError> {
    let len = inet::address_len(family)?;
    // SAFETY: the caller of the export has room for an address of the family.
    let room = unsafe { array_mut(address.cast::<u8>(), len) }?;
    match inet::pton(family, text)? {
        Some(parsed) => {
            room.copy_from_slice(&parsed);
            Ok(1)
        }
        None => Ok(0),
    }
}

/// API-B6: the text in `buffer`, or null.
///
/// # Safety
/// `address` must be null or an address of the family; `buffer` null or `size` characters.
#[unsafe(export_name = "ws2_inet_ntop")]
pub unsafe extern "system" fn inet_ntop(family: i32, address: *const c_void, buffer: *mut u8, size: usize) -> *const u8 {
    call(core::ptr::null(), || {
        // SAFETY: as the caller vouches.
        let text = unsafe { ntop(family, address) }?;
        // SAFETY: as the caller vouches.
        unsafe { terminated(text.bytes(), text.len(), buffer, size) }?;
        Ok(buffer.cast_const())
    })
}

/// The UTF-16 form of [`inet_ntop`].
///
/// # Safety
/// As [`inet_ntop`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InetNtopW(family: i32, address: *const c_void, buffer: *mut u16, size: usize) -> *const u16 {
    call(core::ptr::null(), || {
        // SAFETY: as the caller vouches.
        let text = unsafe { ntop(family, address) }?;
        // SAFETY: as the caller vouches.
        unsafe { terminated(text.encode_utf16(), text.len(), buffer, size) }?;
        Ok(buffer.cast_const())
    })
}

unsafe fn ntop(family: i32, address: *const c_void) -> Result<String, WsaError> {
    let len = inet::address_len(family)?;
    // SAFETY: the caller of the export gives an address of the family.
    let address = unsafe { array(address.cast::<u8>(), len) }.map_err(|_| WsaError::WSA_INVALID_PARAMETER)?;
    Ok(inet::ntop(address))
}

/// Stores text and a NUL; too little room is `ERROR_INVALID_PARAMETER`, the page's code (API-B6).
unsafe fn terminated<T: Copy + Default>(
    text: impl Iterator<Item = T>,
    len: usize,
    buffer: *mut T,
    size: usize,
) -> Result<(), WsaError> {
    if buffer.is_null() || size <= len {
        return Err(WsaError::WSA_INVALID_PARAMETER);
    }
    // SAFETY: not null, and `size` is the caller's own.
    let room = unsafe { array_mut(buffer, size) }?;
    for (slot, unit) in room.iter_mut().zip(text.chain([T::default()])) {
        *slot = unit;
    }
    Ok(())
}

