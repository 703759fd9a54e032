//! LocalAlloc and GlobalAlloc: blocks of the heap of the process that never move.
#![allow(unsafe_code, reason = "hands out memory")]

use core::ptr::null_mut;

use windlass_abi::{FALSE, HANDLE, WsaError};

use crate::boundary::call;

use super::heap::{GetProcessHeap, HeapAlloc, HeapFree};
use super::invalid;

/// LMEM_ZEROINIT and GMEM_ZEROINIT.
const ZEROINIT: u32 = 0x40;
const HEAP_ZERO_MEMORY: u32 = 0x8;

/// Allocates memory, zero with `LMEM_ZEROINIT`. Errors: `ERROR_NOT_ENOUGH_MEMORY`, `ERROR_INVALID_PARAMETER` (other
/// flags: memory that moves does not exist).
#[unsafe(no_mangle)]
pub extern "system" fn LocalAlloc(flags: u32, size: usize) -> HANDLE {
    call(null_mut(), || {
        if flags & !ZEROINIT != 0 {
            return invalid();
        }
        let zero = if flags & ZEROINIT != 0 { HEAP_ZERO_MEMORY } else { 0 };
        let memory = HeapAlloc(GetProcessHeap(), zero, size);
        if memory.is_null() { Err(WsaError::WSA_NOT_ENOUGH_MEMORY) } else { Ok(memory) }
    })
}

/// Frees it, and returns null; what cannot be freed is returned. Errors: `ERROR_INVALID_HANDLE`.
///
/// # Safety
/// `memory` must be null or from `LocalAlloc`, `GlobalAlloc` or `FormatMessage`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn LocalFree(memory: HANDLE) -> HANDLE {
    call(memory, || {
        // SAFETY: as the caller vouches.
        match unsafe { HeapFree(GetProcessHeap(), 0, memory) } {
            FALSE => Err(WsaError::WSA_INVALID_HANDLE),
            _ => Ok(null_mut()),
        }
    })
}

/// As [`LocalAlloc`].
#[unsafe(no_mangle)]
pub extern "system" fn GlobalAlloc(flags: u32, size: usize) -> HANDLE {
    LocalAlloc(flags, size)
}

/// As [`LocalFree`].
///
/// # Safety
/// As [`LocalFree`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GlobalFree(memory: HANDLE) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { LocalFree(memory) }
}
