//! FormatMessage: the texts of errors.
#![allow(unsafe_code, reason = "text goes to the client's memory")]

use core::ffi::c_void;

use windlass_abi::WsaError;

use crate::boundary::{Result, call, store, store_all};
use crate::text::{Unit, terminated};

use super::heap::{GetProcessHeap, HeapAlloc};
use super::texts::text;
use super::{code, fail, invalid};

const ALLOCATE_BUFFER: u32 = 0x100;
const IGNORE_INSERTS: u32 = 0x200;
const FROM_HMODULE: u32 = 0x800;
const FROM_SYSTEM: u32 = 0x1000;
const ARGUMENT_ARRAY: u32 = 0x2000;
const MAX_WIDTH_MASK: u32 = 0xFF;

/// The primary language of a language identifier, which its low 10 bits name, and those that English texts serve.
const PRIMARY: u32 = 0x3FF;
const SERVED: [u32; 2] = [0, 9];

/// Stores the text of an error and a NUL, and gives its length without it. The text ends with CR and LF, or with a blank
/// if the width (the low byte of the flags) is `FORMAT_MESSAGE_MAX_WIDTH_MASK`. With `FORMAT_MESSAGE_ALLOCATE_BUFFER`,
/// `buffer` is where the address of memory for `LocalFree` goes, which has room for `size` units at least. Inserts do
/// not occur, and modules have no texts.
///
/// Errors: `ERROR_MR_MID_NOT_FOUND`; `ERROR_RESOURCE_LANG_NOT_FOUND` (another language than English or the neutral
/// one); `ERROR_INSUFFICIENT_BUFFER`; `ERROR_INVALID_PARAMETER` (other flags or widths, no buffer);
/// `ERROR_NOT_ENOUGH_MEMORY`.
///
/// # Safety
/// `buffer` must be null or as said.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn FormatMessageA(
    flags: u32,
    _source: *const c_void,
    message: u32,
    language: u32,
    buffer: *mut u8,
    size: u32,
    _arguments: *mut c_void,
) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { format(flags, message, language, buffer, size) }
}

/// The same.
///
/// # Safety
/// `buffer` must be null or as said.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn FormatMessageW(
    flags: u32,
    _source: *const c_void,
    message: u32,
    language: u32,
    buffer: *mut u16,
    size: u32,
    _arguments: *mut c_void,
) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { format(flags, message, language, buffer, size) }
}

/// # Safety
/// `buffer` must be null or have that much room, or, if so flagged, room for a pointer.
unsafe fn format<U: Unit>(flags: u32, message: u32, language: u32, buffer: *mut U, size: u32) -> u32 {
    call(0, || {
        let units = terminated::<U>(&find(flags, message, language)?);
        if buffer.is_null() {
            return invalid();
        }
        // SAFETY: as the caller vouches.
        unsafe {
            if flags & ALLOCATE_BUFFER != 0 {
                let room = units.len().max(size as usize) * size_of::<U>();
                let memory = HeapAlloc(GetProcessHeap(), 0, room).cast::<U>();
                store_all(memory, &units).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
                store(buffer.cast::<*mut U>(), memory)?;
            } else if units.len() > size as usize {
                return fail(code::INSUFFICIENT_BUFFER);
            } else {
                store_all(buffer, &units)?;
            }
        }
        Ok(units.len() as u32 - 1)
    })
}

fn find(flags: u32, message: u32, language: u32) -> Result<String> {
    let end = match flags & MAX_WIDTH_MASK {
        0 => "\r\n",
        MAX_WIDTH_MASK => " ",
        _ => return invalid(),
    };
    let known = MAX_WIDTH_MASK | ALLOCATE_BUFFER | IGNORE_INSERTS | FROM_HMODULE | FROM_SYSTEM | ARGUMENT_ARRAY;
    if flags & !known != 0 || flags & (FROM_HMODULE | FROM_SYSTEM) == 0 {
        return invalid();
    }
    let found = text(message).filter(|_| flags & FROM_SYSTEM != 0).map_or_else(|| fail(code::MR_MID_NOT_FOUND), Ok)?;
    if !SERVED.contains(&(language & PRIMARY)) {
        return fail(code::RESOURCE_LANG_NOT_FOUND);
    }
    Ok(format!("{found}{end}"))
}
