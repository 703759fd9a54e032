//! Helpers that need neither start-up nor a provider (API-2): byte order, address text, set membership.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

mod inet;

use core::cell::RefCell;
use core::ffi::c_void;
use core::ptr::null;

use windlass_abi::{FD_SET, IN_ADDR, SOCKET, WsaError};

use crate::boundary::{Result, array, call, store_all, until_zero};
use crate::readiness::members;
use crate::text::{self, Unit};
pub use inet::INADDR_NONE;

/// 32 bits from the host's byte order to that of the network.
#[unsafe(export_name = "ws2_htonl")]
pub extern "system" fn htonl(hostlong: u32) -> u32 {
    hostlong.to_be()
}

/// 16 bits from the host's byte order to that of the network.
#[unsafe(export_name = "ws2_htons")]
pub extern "system" fn htons(hostshort: u16) -> u16 {
    hostshort.to_be()
}

/// 32 bits from the network's byte order to that of the host.
#[unsafe(export_name = "ws2_ntohl")]
pub extern "system" fn ntohl(netlong: u32) -> u32 {
    u32::from_be(netlong)
}

/// 16 bits from the network's byte order to that of the host.
#[unsafe(export_name = "ws2_ntohs")]
pub extern "system" fn ntohs(netshort: u16) -> u16 {
    u16::from_be(netshort)
}

/// Whether a set has a socket (API-12). A null set has no members.
///
/// # Safety
/// `set` must be null or an `fd_set` with `fd_count` elements.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn __WSAFDIsSet(s: SOCKET, set: *mut FD_SET) -> i32 {
    // SAFETY: as the caller vouches.
    call(0, || Ok(unsafe { members(set) }?.contains(&s).into()))
}

/// The IPv4 address that a text says, in network byte order, or `INADDR_NONE` (API-B4).
///
/// # Safety
/// `cp` must be null or NUL-terminated.
#[unsafe(export_name = "ws2_inet_addr")]
pub unsafe extern "system" fn inet_addr(cp: *const u8) -> u32 {
    // SAFETY: as the caller vouches.
    call(INADDR_NONE, || Ok(inet::inet_addr(&unsafe { until_zero(cp) }?)))
}

thread_local! {
    /// Where `inet_ntoa` leaves its answer (API-B7).
    static NTOA: RefCell<[u8; 16]> = const { RefCell::new([0; 16]) };
}

/// The text of an IPv4 address, which lives until the thread's next call (API-B7).
#[unsafe(export_name = "ws2_inet_ntoa")]
pub extern "system" fn inet_ntoa(address: IN_ADDR) -> *const u8 {
    call(null(), || {
        let text = inet::ntop(&address.s_addr.to_ne_bytes());
        NTOA.with_borrow_mut(|buffer| {
            buffer.fill(0);
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(buffer.as_ptr())
        })
    })
}

/// The address that a text says: 1, 0 for text that is no address, -1 for an error (API-B5).
///
/// # Safety
/// `text` must be null or NUL-terminated; `address` null or room for 4 or 16 bytes.
#[unsafe(export_name = "ws2_inet_pton")]
pub unsafe extern "system" fn inet_pton(family: i32, text: *const u8, address: *mut c_void) -> i32 {
    // SAFETY: as the caller vouches.
    call(-1, || unsafe { pton(family, text, address) })
}

/// The UTF-16 form of [`inet_pton`].
///
/// # Safety
/// As [`inet_pton`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InetPtonW(family: i32, text: *const u16, address: *mut c_void) -> i32 {
    // SAFETY: as the caller vouches.
    call(-1, || unsafe { pton(family, text, address) })
}

/// # Safety
/// As [`inet_pton`].
unsafe fn pton<U: Unit>(family: i32, text: *const U, address: *mut c_void) -> Result<i32> {
    if address.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller vouches.
    let text = U::decode(unsafe { until_zero(text) }?).unwrap_or_default();
    match inet::pton(family, &text)? {
        // SAFETY: the caller has room for an address of the family.
        Some(parsed) => unsafe { store_all(address.cast(), &parsed) }.map(|()| 1),
        None => Ok(0),
    }
}

/// The text of an address in `buffer`, which is the result, or null (API-B6).
///
/// # Safety
/// `address` must be null or an address of the family; `buffer` null or `size` characters.
#[unsafe(export_name = "ws2_inet_ntop")]
pub unsafe extern "system" fn inet_ntop(
    family: i32,
    address: *const c_void,
    buffer: *mut u8,
    size: usize,
) -> *const u8 {
    // SAFETY: as the caller vouches.
    call(null(), || unsafe { ntop(family, address, buffer, size) })
}

/// The UTF-16 form of [`inet_ntop`].
///
/// # Safety
/// As [`inet_ntop`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InetNtopW(
    family: i32,
    address: *const c_void,
    buffer: *mut u16,
    size: usize,
) -> *const u16 {
    // SAFETY: as the caller vouches.
    call(null(), || unsafe { ntop(family, address, buffer, size) })
}

/// Bad pointers and too little room are `ERROR_INVALID_PARAMETER`, the page's code (API-B6).
///
/// # Safety
/// As [`inet_ntop`].
unsafe fn ntop<U: Unit>(family: i32, address: *const c_void, buffer: *mut U, size: usize) -> Result<*const U> {
    let len = inet::address_len(family)?;
    // SAFETY: as the caller vouches.
    let written = unsafe {
        array(address.cast::<u8>(), len).and_then(|address| text::hand_out(&inet::ntop(address), buffer, size))
    };
    written.map(|()| buffer.cast_const()).map_err(|_| WsaError::WSA_INVALID_PARAMETER)
}
