//! MultiByteToWideChar and WideCharToMultiByte: `CodePage` behind pointers.
#![allow(unsafe_code, reason = "text comes from and goes to the client's memory")]

use windlass_abi::{BOOL, WsaError};

use crate::boundary::{Result, array, call, store_all, store_if_wanted, until_zero};

use super::code_page::CodePage;
use super::{code, fail, invalid};

const MB_PRECOMPOSED: u32 = 0x1;
const MB_ERR_INVALID_CHARS: u32 = 0x8;
const WC_ERR_INVALID_CHARS: u32 = 0x80;
const WC_NO_BEST_FIT_CHARS: u32 = 0x400;

/// Converts `len` bytes, or those up to and with the NUL if it is -1, to UTF-16; gives how many units there are. With
/// no room (`room` is 0) nothing is stored.
///
/// Errors: `ERROR_INVALID_PARAMETER` (a code page that is not known, null or equal pointers, a length of 0),
/// `ERROR_INVALID_FLAGS`, `ERROR_INSUFFICIENT_BUFFER`, `ERROR_NO_UNICODE_TRANSLATION` (malformed text, with
/// `MB_ERR_INVALID_CHARS`).
///
/// # Safety
/// The pointers must be null or lead to that much.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn MultiByteToWideChar(
    page: u32,
    flags: u32,
    text: *const u8,
    len: i32,
    buffer: *mut u16,
    room: i32,
) -> i32 {
    call(0, || {
        let page = CodePage::of(page).map_or_else(invalid, Ok)?;
        // SAFETY: as the caller vouches.
        let text = unsafe { input(text, len, buffer.cast()) }?;
        let known = if page == CodePage::Utf8 { 0 } else { MB_PRECOMPOSED } | MB_ERR_INVALID_CHARS;
        if flags & !known != 0 {
            return fail(code::INVALID_FLAGS);
        }
        let wide = page.decode(&text, flags & MB_ERR_INVALID_CHARS != 0);
        // SAFETY: as the caller vouches.
        unsafe { output(&wide.or_else(|_| fail(code::NO_UNICODE_TRANSLATION))?, buffer, room) }
    })
}

/// Converts `len` units, or those up to and with the NUL if it is -1, from UTF-16; gives how many bytes there are. With
/// no room (`room` is 0) nothing is stored. What the code page does not have becomes `*default`, a question mark if
/// that is null, and `*used_default` says whether that happened.
///
/// Errors: those of [`MultiByteToWideChar`]; `ERROR_INVALID_PARAMETER` also for a default in UTF-8, which needs none.
///
/// # Safety
/// The pointers must be null or lead to that much.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WideCharToMultiByte(
    page: u32,
    flags: u32,
    text: *const u16,
    len: i32,
    buffer: *mut u8,
    room: i32,
    default: *const u8,
    used_default: *mut BOOL,
) -> i32 {
    call(0, || {
        let page = CodePage::of(page).map_or_else(invalid, Ok)?;
        let utf8 = page == CodePage::Utf8;
        if utf8 && !(default.is_null() && used_default.is_null()) {
            return invalid();
        }
        // SAFETY: as the caller vouches.
        let text = unsafe { input(text, len, buffer.cast()) }?;
        if flags & !if utf8 { WC_ERR_INVALID_CHARS } else { WC_NO_BEST_FIT_CHARS } != 0 {
            return fail(code::INVALID_FLAGS);
        }
        // SAFETY: null, or the caller vouches for it.
        let stand_in = unsafe { default.as_ref() }.copied().unwrap_or(b'?');
        let encoded = page.encode(&text, stand_in, utf8 && flags & WC_ERR_INVALID_CHARS != 0);
        let (bytes, replaced) = encoded.or_else(|_| fail(code::NO_UNICODE_TRANSLATION))?;
        // SAFETY: as the caller vouches.
        unsafe {
            let len = output(&bytes, buffer, room)?;
            store_if_wanted(used_default, replaced.into());
            Ok(len)
        }
    })
}

/// The text to convert.
///
/// # Safety
/// `text` must be null, `len` units, or NUL-terminated if that is -1.
unsafe fn input<U: Copy + Default + PartialEq>(text: *const U, len: i32, buffer: *const u8) -> Result<Vec<U>> {
    if text.is_null() || len == 0 || len < -1 || text.cast::<u8>() == buffer {
        return invalid();
    }
    // SAFETY: as the caller vouches.
    unsafe {
        match len {
            -1 => until_zero(text).map(|mut text| {
                text.push(U::default());
                text
            }),
            _ => array(text, len as usize).map(<[U]>::to_vec).map_err(|_| WsaError::WSA_INVALID_PARAMETER),
        }
    }
}

/// Stores the result, and gives its length.
///
/// # Safety
/// `buffer` must be null or have that much room.
unsafe fn output<U: Copy>(result: &[U], buffer: *mut U, room: i32) -> Result<i32> {
    let len = i32::try_from(result.len()).or_else(|_| invalid())?;
    match room {
        0 => return Ok(len),
        ..0 => return invalid(),
        _ if buffer.is_null() => return invalid(),
        _ if room < len => return fail(code::INSUFFICIENT_BUFFER),
        // SAFETY: not null, and there is room for it, as the client says.
        _ => unsafe { store_all(buffer, result) }?,
    }
    Ok(len)
}
