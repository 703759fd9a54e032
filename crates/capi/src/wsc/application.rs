//! `WSCSetApplicationCategory` and `WSCGetApplicationCategory` (WSC-APP-1 to -4).
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{NO_ERROR, WsaError};
use windlass_catalog::{Store, wsc};

use crate::boundary::{Result, array, call_errno, store, store_if_wanted};

/// Counted text; the length leaves the NUL out (WSC-APP-1).
///
/// # Safety
/// `text` must be null or `len` characters.
unsafe fn counted(text: *const u16, len: u32) -> Result<String> {
    // SAFETY: as the caller vouches.
    String::from_utf16(unsafe { array(text, len as usize) }?).map_err(|_| WsaError::WSAEINVAL)
}

/// The program that the arguments name. Null `extra` matches by path only (WSC-APP-4).
///
/// # Safety
/// As [`counted`], for both.
unsafe fn program(path: *const u16, len: u32, extra: *const u16, extra_len: u32) -> Result<(String, Option<String>)> {
    if path.is_null() || len == 0 {
        return Err(WsaError::WSAEINVAL);
    }
    // SAFETY: as the caller vouches.
    unsafe {
        let extra = if extra.is_null() { None } else { Some(counted(extra, extra_len)?) };
        Ok((counted(path, len)?, extra))
    }
}

/// Adds categories that a program permits; lengths are in characters.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCSetApplicationCategory(
    path: *const u16,
    len: u32,
    extra: *const u16,
    extra_len: u32,
    permitted: u32,
    previous: *mut u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (path, extra) = program(path, len, extra, extra_len)?;
            let before = wsc::set_application_category(&Store::from_env(), &path, extra.as_deref(), permitted)?;
            store_if_wanted(previous, before);
            Ok(NO_ERROR)
        })
    }
}

/// The categories that a program permits.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCGetApplicationCategory(
    path: *const u16,
    len: u32,
    extra: *const u16,
    extra_len: u32,
    permitted: *mut u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (path, extra) = program(path, len, extra, extra_len)?;
            let found = wsc::get_application_category(&Store::from_env(), &path, extra.as_deref())?;
            store(permitted, found).map(|()| NO_ERROR)
        })
    }
}
