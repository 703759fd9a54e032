//! Handles, whatever they name.
#![allow(unsafe_code, reason = "exports write to the client's memory")]

use windlass_abi::{BOOL, FALSE, HANDLE, INVALID_HANDLE_VALUE, TRUE, WsaError};
use windlass_io::{Handle, handle};
use windlass_runtime::Function;
use windlass_runtime::report::verify;

use crate::boundary::{call, store};

use super::invalid;

/// What `GetCurrentProcess` returns.
pub const CURRENT_PROCESS: HANDLE = INVALID_HANDLE_VALUE;

const DUPLICATE_CLOSE_SOURCE: u32 = 1;
const DUPLICATE_SAME_ACCESS: u32 = 2;

/// Closes a handle of any object. That of the calling thread or process stays. A socket is closed with `closesocket`.
#[unsafe(no_mangle)]
pub extern "system" fn CloseHandle(object: HANDLE) -> BOOL {
    call(FALSE, || {
        let named = Handle::from(object);
        if object != CURRENT_PROCESS && named != Handle::CURRENT_THREAD {
            let closed = handle::close(named);
            verify::handle_closed(named.value(), closed.is_ok(), Function::WsaCloseEvent);
            closed?;
        }
        Ok(TRUE)
    })
}

/// Another handle of the same object, in this process. Every handle has every access. Without a place for the new
/// handle, only `DUPLICATE_CLOSE_SOURCE` makes sense: it closes the old one, as it does when the call fails later.
///
/// Errors: `ERROR_INVALID_HANDLE`; `ERROR_INVALID_PARAMETER` (unknown options).
///
/// # Safety
/// `target` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DuplicateHandle(
    source_process: HANDLE,
    source: HANDLE,
    target_process: HANDLE,
    target: *mut HANDLE,
    _access: u32,
    _inherit: BOOL,
    options: u32,
) -> BOOL {
    call(FALSE, || {
        if options & !(DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS) != 0 {
            return invalid();
        }
        if source_process != CURRENT_PROCESS || target_process != CURRENT_PROCESS {
            return Err(WsaError::WSA_INVALID_HANDLE);
        }
        let named = Handle::from(source);
        let made = match target.is_null() {
            true => None,
            false => Some(handle::duplicate(named)?),
        };
        if options & DUPLICATE_CLOSE_SOURCE != 0 && named != Handle::CURRENT_THREAD {
            handle::close(named)?;
        }
        match made {
            // SAFETY: not null, and the caller vouches for it.
            Some(made) => unsafe { store(target, made.into()) }?,
            None if options & DUPLICATE_CLOSE_SOURCE == 0 => return invalid(),
            None => {}
        }
        Ok(TRUE)
    })
}
