//! The C edge: panics and null pointers end here, as Winsock errors.
//!
//! Every export runs inside one of the `call` functions. Pointers that a client gives are read and
//! written only through the helpers below, which answer `WSAEFAULT` for null.
#![allow(unsafe_code, reason = "the C boundary dereferences the client's pointers")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use windlass_abi::{NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_runtime::thread;

/// The result of the work behind an export.
pub type Result<T> = core::result::Result<T, WsaError>;

/// Runs an export that reports through the thread error (API-3).
#[inline]
pub fn call<R>(failure: R, body: impl FnOnce() -> Result<R>) -> R {
    match unwound(body) {
        Ok(value) => value,
        Err(error) => {
            thread::set_last_error(error.code());
            failure
        }
    }
}

/// Runs an export that returns the code itself (API-3); the thread error gets it too.
pub fn call_code(body: impl FnOnce() -> Result<()>) -> i32 {
    match unwound(body) {
        Ok(()) => NO_ERROR,
        Err(error) => {
            thread::set_last_error(error.code());
            error.code()
        }
    }
}

/// Runs an export that reports through `lpErrno` and the thread error (LC-ERR-5).
///
/// # Safety
/// `errno` must be null or point to an int that can be written.
pub unsafe fn call_errno(errno: *mut i32, body: impl FnOnce() -> Result<i32>) -> i32 {
    let result = match errno.is_null() {
        true => Err(WsaError::WSAEFAULT),
        false => unwound(body),
    };
    match result {
        Ok(value) => value,
        Err(error) => {
            thread::set_last_error(error.code());
            if !errno.is_null() {
                // SAFETY: not null, and the caller vouches for it.
                unsafe { errno.write(error.code()) };
            }
            SOCKET_ERROR
        }
    }
}

#[inline]
fn unwound<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(WsaError::WSASYSCALLFAILURE))
}

/// Reads one value.
///
/// # Safety
/// `from` must be null or readable.
pub unsafe fn load<T: Copy>(from: *const T) -> Result<T> {
    if from.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and the caller vouches for it.
    Ok(unsafe { from.read_unaligned() })
}

/// Writes one value.
///
/// # Safety
/// `to` must be null or writable.
pub unsafe fn store<T>(to: *mut T, value: T) -> Result<()> {
    if to.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and the caller vouches for it.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// Writes one value where the client may leave the pointer out.
///
/// # Safety
/// `to` must be null or writable.
pub unsafe fn store_if_wanted<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, and the caller vouches for it.
        unsafe { to.write_unaligned(value) };
    }
}

/// The elements of an array; empty where the length is zero, whatever the pointer.
///
/// # Safety
/// `from` must be null or point to `len` aligned elements that outlive the answer.
pub unsafe fn array<'a, T>(from: *const T, len: usize) -> Result<&'a [T]> {
    match (len, from.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(WsaError::WSAEFAULT),
        // SAFETY: not null, and the caller vouches for it.
        _ => Ok(unsafe { core::slice::from_raw_parts(from, len) }),
    }
}

/// The same for an array that is written.
///
/// # Safety
/// As [`array`], and nothing else uses the elements meanwhile.
pub unsafe fn array_mut<'a, T>(from: *mut T, len: usize) -> Result<&'a mut [T]> {
    match (len, from.is_null()) {
        (0, _) => Ok(&mut []),
        (_, true) => Err(WsaError::WSAEFAULT),
        // SAFETY: not null, and the caller vouches for it.
        _ => Ok(unsafe { core::slice::from_raw_parts_mut(from, len) }),
    }
}

/// The bytes of a C string, without the NUL.
///
/// # Safety
/// `text` must be null or NUL-terminated, and outlive the answer.
pub unsafe fn bytes<'a>(text: *const u8) -> Result<&'a [u8]> {
    if text.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and the caller vouches for the NUL.
    Ok(unsafe { core::ffi::CStr::from_ptr(text.cast()) }.to_bytes())
}

/// The units of a UTF-16 string, without the NUL.
///
/// # Safety
/// `text` must be null or NUL-terminated and aligned, and outlive the answer.
pub unsafe fn wide<'a>(text: *const u16) -> Result<&'a [u16]> {
    if text.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    let mut len = 0;
    // SAFETY: every unit up to the NUL is readable, as the caller vouches.
    while unsafe { text.add(len).read() } != 0 {
        len += 1;
    }
    // SAFETY: these units were just read.
    Ok(unsafe { core::slice::from_raw_parts(text, len) })
}

/// A UTF-16 string as Rust text; unpaired surrogates are `WSAEINVAL`.
///
/// # Safety
/// As [`wide`].
pub unsafe fn wide_text(text: *const u16) -> Result<String> {
    // SAFETY: as the caller vouches.
    String::from_utf16(unsafe { wide(text) }?).map_err(|_| WsaError::WSAEINVAL)
}
