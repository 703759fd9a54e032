//! Text for a debugger.
#![allow(unsafe_code, reason = "text comes from the client's memory")]

use std::io::Write;
use std::sync::OnceLock;

use windlass_abi::BOOL;

use crate::boundary::call;
use crate::text::{Unit, read_if_given};

/// Writes the text to the standard error if `WINDLASS_DEBUG_OUTPUT` is 1; otherwise nobody sees it, as without a
/// debugger on Windows.
///
/// # Safety
/// `text` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn OutputDebugStringA(text: *const u8) {
    // SAFETY: as the caller vouches.
    unsafe { output(text) };
}

/// The same.
///
/// # Safety
/// `text` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn OutputDebugStringW(text: *const u16) {
    // SAFETY: as the caller vouches.
    unsafe { output(text) };
}

/// # Safety
/// `text` must be null or NUL-terminated.
unsafe fn output<U: Unit>(text: *const U) {
    static WANTED: OnceLock<bool> = OnceLock::new();
    if !*WANTED.get_or_init(|| std::env::var_os("WINDLASS_DEBUG_OUTPUT").is_some_and(|value| value == "1")) {
        return;
    }
    call((), || {
        // SAFETY: as the caller vouches.
        if let Some(text) = unsafe { read_if_given(text) }? {
            // Nobody is told of text that cannot be written.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        Ok(())
    });
}

/// Whether another process traces this one.
#[unsafe(no_mangle)]
pub extern "system" fn IsDebuggerPresent() -> BOOL {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|pid| pid.trim() != "0").into()
}
