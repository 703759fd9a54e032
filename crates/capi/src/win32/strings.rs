//! lstrlen and lstrcpyn.
#![allow(unsafe_code, reason = "text is in the client's memory")]

use core::ptr::null_mut;

use crate::boundary::{call, until_zero};

use super::invalid;

/// The length without the NUL; 0 for null.
///
/// # Safety
/// `text` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn lstrlenA(text: *const u8) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { length(text) }
}

/// The same.
///
/// # Safety
/// `text` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn lstrlenW(text: *const u16) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { length(text) }
}

/// Copies what fits into `room` units with its NUL, and gives the destination; null if there is no room, or no text.
///
/// # Safety
/// The pointers must be null, or have room and be NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn lstrcpynA(to: *mut u8, from: *const u8, room: i32) -> *mut u8 {
    // SAFETY: as the caller vouches.
    unsafe { copy(to, from, room) }
}

/// The same.
///
/// # Safety
/// The pointers must be null, or have room and be NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn lstrcpynW(to: *mut u16, from: *const u16, room: i32) -> *mut u16 {
    // SAFETY: as the caller vouches.
    unsafe { copy(to, from, room) }
}

/// # Safety
/// `text` must be null or NUL-terminated.
unsafe fn length<U: Copy + Default + PartialEq>(text: *const U) -> i32 {
    // SAFETY: as the caller vouches.
    let units = unsafe { until_zero(text) }.unwrap_or_default();
    i32::try_from(units.len()).unwrap_or(i32::MAX)
}

/// # Safety
/// The pointers must be null, or have room and be NUL-terminated.
unsafe fn copy<U: Copy + Default + PartialEq>(to: *mut U, from: *const U, room: i32) -> *mut U {
    call(null_mut(), || {
        if to.is_null() || from.is_null() || room <= 0 {
            return invalid();
        }
        for at in 0..room as usize {
            // SAFETY: nothing behind the NUL is read, and there is room, as the caller vouches.
            unsafe {
                let last = at + 1 == room as usize;
                let unit = if last { U::default() } else { from.add(at).read_unaligned() };
                to.add(at).write_unaligned(unit);
                if unit == U::default() {
                    break;
                }
            }
        }
        Ok(to)
    })
}
