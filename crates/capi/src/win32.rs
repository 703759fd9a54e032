//! The slice of Win32 that Winsock programs lean on: errors, events, waits, sleep, identities.
#![allow(unsafe_code, reason = "exports read the client's pointers")]

use core::ffi::c_void;

use rustix::time::{ClockId, clock_gettime};
use windlass_abi::{BOOL, FALSE, HANDLE, WSA_WAIT_IO_COMPLETION};
use windlass_io::event::{self, Reset};
use windlass_io::wait::{Slept, sleep_ex};
use windlass_runtime::thread;

use crate::boundary::call;
use crate::events::{duration, on, wait};

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

/// Closes an event object. A socket is closed with `closesocket`.
#[unsafe(no_mangle)]
pub extern "system" fn CloseHandle(handle: HANDLE) -> BOOL {
    on(handle, event::close)
}

/// Named events and security attributes do not exist here; a name is `ERROR_INVALID_PARAMETER`.
///
/// # Safety
/// The pointers are looked at, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateEventA(
    attributes: *mut c_void,
    manual: BOOL,
    initial: BOOL,
    name: *const u8,
) -> HANDLE {
    create_event(attributes, manual, initial, name.cast())
}

/// As [`CreateEventA`].
///
/// # Safety
/// The pointers are looked at, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateEventW(
    attributes: *mut c_void,
    manual: BOOL,
    initial: BOOL,
    name: *const u16,
) -> HANDLE {
    create_event(attributes, manual, initial, name.cast())
}

fn create_event(_attributes: *mut c_void, manual: BOOL, initial: BOOL, name: *const c_void) -> HANDLE {
    call(core::ptr::null_mut(), || {
        if !name.is_null() {
            return Err(windlass_abi::WsaError::WSA_INVALID_PARAMETER);
        }
        let reset = if manual == FALSE { Reset::Auto } else { Reset::Manual };
        Ok(event::create(reset, initial != FALSE)?.into())
    })
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

/// Waits until an event is signalled, or the time is over.
#[unsafe(no_mangle)]
pub extern "system" fn WaitForSingleObject(handle: HANDLE, milliseconds: u32) -> u32 {
    WaitForSingleObjectEx(handle, milliseconds, FALSE)
}

/// The same, where completion routines may run meanwhile.
#[unsafe(no_mangle)]
pub extern "system" fn WaitForSingleObjectEx(handle: HANDLE, milliseconds: u32, alertable: BOOL) -> u32 {
    // SAFETY: one handle, on our own stack.
    unsafe { wait(1, &raw const handle, FALSE, milliseconds, alertable) }
}

/// Waits until one event, or each, is signalled, or the time is over.
///
/// # Safety
/// `handles` must be null or `count` handles.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WaitForMultipleObjects(
    count: u32,
    handles: *const HANDLE,
    all: BOOL,
    milliseconds: u32,
) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { wait(count, handles, all, milliseconds, FALSE) }
}

/// The same, where completion routines may run meanwhile.
///
/// # Safety
/// `handles` must be null or `count` handles.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WaitForMultipleObjectsEx(
    count: u32,
    handles: *const HANDLE,
    all: BOOL,
    milliseconds: u32,
    alertable: BOOL,
) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { wait(count, handles, all, milliseconds, alertable) }
}

/// Lets time pass.
#[unsafe(no_mangle)]
pub extern "system" fn Sleep(milliseconds: u32) {
    SleepEx(milliseconds, FALSE);
}

/// 0 when the time is over, `WAIT_IO_COMPLETION` when a completion routine ran (WPU-APC-6).
#[unsafe(no_mangle)]
pub extern "system" fn SleepEx(milliseconds: u32, alertable: BOOL) -> u32 {
    call(0, || {
        Ok(match sleep_ex(duration(milliseconds), alertable != FALSE) {
            Slept::TimedOut => 0,
            Slept::IoCompletion => WSA_WAIT_IO_COMPLETION,
        })
    })
}

/// Milliseconds of [`GetTickCount64`], which wrap after 49.7 days.
#[unsafe(no_mangle)]
pub extern "system" fn GetTickCount() -> u32 {
    GetTickCount64() as u32
}

/// Milliseconds since the system started.
#[unsafe(no_mangle)]
pub extern "system" fn GetTickCount64() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// The system's number of this thread.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentThreadId() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// The system's number of this process.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentProcessId() -> u32 {
    std::process::id()
}
