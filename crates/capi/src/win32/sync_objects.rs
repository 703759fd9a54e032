//! Events, semaphores and mutexes. They have no names and no security: a name is `ERROR_INVALID_PARAMETER`, attributes are
//! not looked at.
#![allow(unsafe_code, reason = "exports write to the client's memory")]

use core::ffi::c_void;

use windlass_abi::{BOOL, FALSE, HANDLE, TRUE};
use windlass_io::Handle;
use windlass_io::event::{self, Reset};
use windlass_io::mutex::{self, Mutex};
use windlass_io::semaphore::{self, Semaphore};
use windlass_runtime::Function;
use windlass_runtime::report::verify;

use crate::boundary::{Result, call, store_if_wanted};
use crate::events::on;

use super::invalid;

/// Declares the A and the W form of a function that makes an object.
macro_rules! maker {
    ($(#[$doc:meta])* $narrow:ident, $wide:ident($($arg:ident: $ty:ty),*) $make:expr) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The pointers are looked at, not followed.
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $narrow(_attributes: *mut c_void, $($arg: $ty,)* name: *const u8) -> HANDLE {
            unnamed(name.cast(), || $make)
        }

        /// The same.
        ///
        /// # Safety
        /// The pointers are looked at, not followed.
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $wide(_attributes: *mut c_void, $($arg: $ty,)* name: *const u16) -> HANDLE {
            unnamed(name.cast(), || $make)
        }
    };
}

fn unnamed(name: *const c_void, make: impl FnOnce() -> Result<Handle>) -> HANDLE {
    call(core::ptr::null_mut(), || if name.is_null() { Ok(make()?.into()) } else { invalid() })
}

maker! {
    /// Makes an event.
    CreateEventA, CreateEventW(manual: BOOL, initial: BOOL)
    event::create(if manual == FALSE { Reset::Auto } else { Reset::Manual }, initial != FALSE)
        .inspect(|event| verify::event_opened(event.value(), Function::WsaCreateEvent))
}

maker! {
    /// Makes a semaphore. Errors: `ERROR_INVALID_PARAMETER` unless 0 <= initial <= maximum and 0 < maximum.
    CreateSemaphoreA, CreateSemaphoreW(initial: i32, maximum: i32)
    match (u32::try_from(initial), u32::try_from(maximum)) {
        (Ok(initial), Ok(maximum)) => semaphore::create(initial, maximum),
        _ => invalid(),
    }
}

maker! {
    /// Makes a mutex.
    CreateMutexA, CreateMutexW(owned: BOOL)
    mutex::create(owned != FALSE)
}

/// Signals an event.
#[unsafe(no_mangle)]
pub extern "system" fn SetEvent(handle: HANDLE) -> BOOL {
    on(handle, event::set)
}

/// Ends the signal of an event.
#[unsafe(no_mangle)]
pub extern "system" fn ResetEvent(handle: HANDLE) -> BOOL {
    on(handle, event::reset)
}

/// Adds to the count of a semaphore. Errors: `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER` (nothing to add),
/// `ERROR_TOO_MANY_POSTS` (the count would exceed its maximum; nothing is added, and `previous` is left alone).
///
/// # Safety
/// `previous` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ReleaseSemaphore(handle: HANDLE, count: i32, previous: *mut i32) -> BOOL {
    call(FALSE, || {
        let semaphore = Semaphore::of(handle.into())?;
        let before = semaphore.release(u32::try_from(count).or_else(|_| invalid())?)?;
        // SAFETY: as the caller vouches.
        unsafe { store_if_wanted(previous, before as i32) };
        Ok(TRUE)
    })
}

/// Lets go of a mutex once. Errors: `ERROR_INVALID_HANDLE`, `ERROR_NOT_OWNER`.
#[unsafe(no_mangle)]
pub extern "system" fn ReleaseMutex(handle: HANDLE) -> BOOL {
    on(handle, |handle| Mutex::of(handle)?.release())
}
