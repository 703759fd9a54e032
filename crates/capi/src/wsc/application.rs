//! `WSCSetApplicationCategory` and `WSCGetApplicationCategory` (WSC-APP-1 to -4).
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{NO_ERROR, WsaError};
use windlass_catalog::{LspCategories, Width};

use super::{TRANSPORT, change, read_protocols};
use crate::boundary::{array, call_errno, store, store_if_wanted};

/// Counted text; the length leaves the NUL out (WSC-APP-1).
unsafe fn counted(text: *const u16, len: u32) -> Result<String, WsaError> {
    // SAFETY: the caller of the export vouches for the text.
    String::from_utf16(unsafe { array(text, len as usize) }?).map_err(|_| WsaError::WSAEINVAL)
}

/// The program that the arguments name. Null `extra` matches by path only (WSC-APP-4).
unsafe fn program(path: *const u16, len: u32, extra: *const u16, extra_len: u32) -> Result<(String, Option<String>), WsaError> {
    if path.is_null() || len == 0 {
        return Err(WsaError::WSAEINVAL);
    }
    // SAFETY: the caller of the export vouches for the texts.
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
            let permitted = LspCategories::from_bits_retain(permitted);
            let before = change(Width::NATIVE, TRANSPORT, |catalog| {
                catalog.set_application_category(&path, extra.as_deref(), permitted)
            })?;
            store_if_wanted(previous, before.bits());
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
            let found = read_protocols(Width::NATIVE)?.application_category(&path, extra.as_deref())?;
            store(permitted, found.bits())?;
            Ok(NO_ERROR)
        })
    }
}
