//! The error of the calling thread.
#![allow(unsafe_code, reason = "exports have C names")]

use windlass_runtime::thread;

/// The same slot as `WSAGetLastError` (LC-ERR-10).
#[unsafe(no_mangle)]
pub extern "system" fn GetLastError() -> u32 {
    thread::last_error() as u32
}

/// The same slot as `WSASetLastError` (LC-ERR-10).
#[unsafe(no_mangle)]
pub extern "system" fn SetLastError(code: u32) {
    thread::set_last_error(code as i32);
}
