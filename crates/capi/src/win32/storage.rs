//! Thread-local storage, on the keys of the system's threads.
#![allow(unsafe_code, reason = "calls the system's threads library")]

use core::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use windlass_abi::{BOOL, FALSE, TRUE, WsaError};
use windlass_runtime::thread;

use crate::boundary::{Result, call};

use super::invalid;

const TLS_OUT_OF_INDEXES: u32 = u32::MAX;

/// How many keys the system has.
const KEYS: usize = 1024;

/// Which keys are ours: those of others are not to be touched.
static OURS: [AtomicU64; KEYS / 64] = [const { AtomicU64::new(0) }; KEYS / 64];

/// The word and the bit of a key.
fn place(key: u32) -> Option<(&'static AtomicU64, u64)> {
    Some((OURS.get(key as usize / 64)?, 1 << (key % 64)))
}

fn own(key: u32) -> Result<libc::pthread_key_t> {
    match place(key) {
        Some((word, bit)) if word.load(Ordering::Acquire) & bit != 0 => Ok(key),
        _ => invalid(),
    }
}

/// A new index, whose value is null in every thread. Errors: `ERROR_NOT_ENOUGH_MEMORY`, and `TLS_OUT_OF_INDEXES`.
#[unsafe(no_mangle)]
pub extern "system" fn TlsAlloc() -> u32 {
    call(TLS_OUT_OF_INDEXES, || {
        let mut key = 0;
        // SAFETY: our own variable; no function runs when a thread exits.
        if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
            return Err(WsaError::WSA_NOT_ENOUGH_MEMORY);
        }
        let (word, bit) = place(key).ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        word.fetch_or(bit, Ordering::AcqRel);
        Ok(key)
    })
}

/// The calling thread's value. Success sets the thread error to 0, to be told from a failure if the value is null.
///
/// Errors: `ERROR_INVALID_PARAMETER` (no index of `TlsAlloc`).
#[unsafe(no_mangle)]
pub extern "system" fn TlsGetValue(index: u32) -> *mut c_void {
    call(core::ptr::null_mut(), || {
        let key = own(index)?;
        thread::set_last_error(0);
        // SAFETY: the key is ours.
        Ok(unsafe { libc::pthread_getspecific(key) })
    })
}

/// Sets the calling thread's value. Errors: `ERROR_INVALID_PARAMETER`, `ERROR_NOT_ENOUGH_MEMORY`.
///
/// # Safety
/// `value` is kept, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn TlsSetValue(index: u32, value: *const c_void) -> BOOL {
    call(FALSE, || {
        // SAFETY: the key is ours.
        match unsafe { libc::pthread_setspecific(own(index)?, value) } {
            0 => Ok(TRUE),
            _ => Err(WsaError::WSA_NOT_ENOUGH_MEMORY),
        }
    })
}

/// Ends an index. The values are forgotten, not freed. Errors: `ERROR_INVALID_PARAMETER`.
#[unsafe(no_mangle)]
pub extern "system" fn TlsFree(index: u32) -> BOOL {
    call(FALSE, || {
        let Some((word, bit)) = place(index) else { return invalid() };
        if word.fetch_and(!bit, Ordering::AcqRel) & bit == 0 {
            return invalid();
        }
        // SAFETY: the key is ours, and whoever took the bit ends it alone.
        unsafe { libc::pthread_key_delete(index) };
        Ok(TRUE)
    })
}
