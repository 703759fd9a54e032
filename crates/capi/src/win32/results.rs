//! The results of overlapped operations by their Win32 names, and how operations are cancelled.
//!
//! An error is the operation's own, as Winsock has it: a connection that was reset is `WSAECONNRESET`.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use windlass_abi::{
    BOOL, FALSE, HANDLE, SOCKET, TRUE, WSA_WAIT_IO_COMPLETION, WSA_WAIT_TIMEOUT, WSAOVERLAPPED,
    WSS_OPERATION_IN_PROGRESS, WsaError,
};
use windlass_io::wait::{Slept, sleep_ex};
use windlass_io::{Deadline, Handle, file};
use windlass_runtime::{self as runtime, Function, is_socket};
use windlass_spi::status;

use crate::boundary::{Result, call, store};
use crate::dispatch::forward_bool;
use crate::transfer::pending_event;

use super::{code, fail, invalid};

/// The result of an operation; with `wait` that of one that pends, when it is over.
///
/// Errors: the operation's; `ERROR_IO_INCOMPLETE` (it pends), `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER` (a null pointer).
///
/// # Safety
/// `overlapped` must be null or that of an operation, `bytes` null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetOverlappedResult(
    file: HANDLE,
    overlapped: *mut WSAOVERLAPPED,
    bytes: *mut u32,
    wait: BOOL,
) -> BOOL {
    let milliseconds = if wait == FALSE { 0 } else { u32::MAX };
    // SAFETY: as the caller vouches.
    call(FALSE, || unsafe { result(file, overlapped, bytes, milliseconds, false) })
}

/// The same, waiting so long at most. An alertable wait ends when procedure calls ran.
///
/// Errors: also `WAIT_TIMEOUT`, `WAIT_IO_COMPLETION`.
///
/// # Safety
/// As [`GetOverlappedResult`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetOverlappedResultEx(
    file: HANDLE,
    overlapped: *mut WSAOVERLAPPED,
    bytes: *mut u32,
    milliseconds: u32,
    alertable: BOOL,
) -> BOOL {
    // SAFETY: as the caller vouches.
    call(FALSE, || unsafe { result(file, overlapped, bytes, milliseconds, alertable != FALSE) })
}

/// # Safety
/// As [`GetOverlappedResult`].
unsafe fn result(
    file: HANDLE,
    overlapped: *mut WSAOVERLAPPED,
    bytes: *mut u32,
    milliseconds: u32,
    alertable: bool,
) -> Result<BOOL> {
    if overlapped.is_null() || !overlapped.is_aligned() || bytes.is_null() {
        return invalid();
    }
    // SAFETY: not null, aligned, and the caller vouches for it; whoever completes it stores the status atomically.
    let status = || unsafe { AtomicUsize::from_ptr(&raw mut (*overlapped).Internal).load(Ordering::Acquire) };
    if status() == WSS_OPERATION_IN_PROGRESS {
        // SAFETY: as the caller vouches.
        unsafe { until_over(file.addr(), overlapped, milliseconds, alertable) }?;
    }
    let status = status();
    if status == WSS_OPERATION_IN_PROGRESS {
        return fail(code::IO_INCOMPLETE);
    }
    // SAFETY: the operation is over, so nobody writes.
    let transferred = unsafe { (&raw const (*overlapped).InternalHigh).read() };
    // SAFETY: not null, and the caller vouches for it.
    unsafe { store(bytes, transferred as u32) }?;
    status::error_of(status).map_or(Ok(TRUE), Err)
}

/// Waits for the end of an operation on a socket. Only there operations pend.
///
/// # Safety
/// As [`GetOverlappedResult`].
unsafe fn until_over(s: SOCKET, overlapped: *mut WSAOVERLAPPED, milliseconds: u32, alertable: bool) -> Result<()> {
    const FUNCTION: Function = Function::GetOverlappedResult;
    if !is_socket(s) {
        return Err(WsaError::WSA_INVALID_HANDLE);
    }
    let deadline = Deadline::after_millis(milliseconds);
    // SAFETY: as the caller vouches.
    let event = || unsafe { pending_event(overlapped) };
    if milliseconds != 0 && event().is_some() {
        return runtime::overlapped::wait(s, FUNCTION, deadline.remaining(), alertable, event);
    }
    // Without an event the socket itself would be signalled. Asking makes its provider go on with what it has.
    let mut interval = Duration::from_micros(50);
    loop {
        let (mut transferred, mut flags) = (0, 0);
        // SAFETY: as the caller vouches; the others are live locals.
        let over = forward_bool(FUNCTION, s, |provider, errno| unsafe {
            (provider.lpWSPGetOverlappedResult)(s, overlapped, &mut transferred, FALSE, &mut flags, errno)
        });
        let incomplete = over == FALSE && runtime::thread::last_error() == code::IO_INCOMPLETE;
        if !incomplete || milliseconds == 0 {
            return Ok(());
        }
        if deadline.has_passed() {
            return fail(WSA_WAIT_TIMEOUT as i32);
        }
        let left = deadline.remaining().unwrap_or(interval);
        if sleep_ex(Some(left.min(interval)), alertable) == Slept::IoCompletion {
            return fail(WSA_WAIT_IO_COMPLETION as i32);
        }
        interval = (interval * 2).min(Duration::from_millis(10));
    }
}

/// Cancels what the calling thread has started on a socket and pends: it ends with `WSA_OPERATION_ABORTED`. Succeeds also if nothing
/// does.
///
/// Errors: `ERROR_INVALID_HANDLE`, `ERROR_NOT_SUPPORTED` (the socket's provider cannot).
#[unsafe(no_mangle)]
pub extern "system" fn CancelIo(file: HANDLE) -> BOOL {
    call(FALSE, || cancel(file, core::ptr::null_mut(), true).map(|_| TRUE))
}

/// Cancels the operation with this structure, or with a null pointer all that pend on a socket, whoever has started them.
///
/// Errors: `ERROR_NOT_FOUND` (there is none), and those of [`CancelIo`].
///
/// # Safety
/// `overlapped` is compared, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CancelIoEx(file: HANDLE, overlapped: *mut WSAOVERLAPPED) -> BOOL {
    call(FALSE, || match cancel(file, overlapped, false)? {
        0 => fail(code::NOT_FOUND),
        _ => Ok(TRUE),
    })
}

/// How many operations were cancelled.
fn cancel(file: HANDLE, overlapped: *mut WSAOVERLAPPED, own: bool) -> Result<u32> {
    if is_file(file) {
        // Transfers on files are done in their calls.
        return Ok(0);
    }
    runtime::ports::cancel(file.addr(), overlapped, own).or_else(of_a_handle)
}

const SKIP_COMPLETION_PORT_ON_SUCCESS: u8 = 1;
/// No file or socket has an event of its own here: this one is true of all.
const SKIP_SET_EVENT_ON_HANDLE: u8 = 2;

/// How the ends of a socket's operations are told. With `FILE_SKIP_COMPLETION_PORT_ON_SUCCESS` those that succeed in their call
/// have no packet; `FILE_SKIP_SET_EVENT_ON_HANDLE` has no effect. What is set stays.
///
/// Errors: `ERROR_INVALID_PARAMETER` (other flags), `ERROR_INVALID_HANDLE`, `ERROR_NOT_SUPPORTED` (the socket's provider cannot; none
/// can whose handles are not the operating system's).
#[unsafe(no_mangle)]
pub extern "system" fn SetFileCompletionNotificationModes(file: HANDLE, flags: u8) -> BOOL {
    call(FALSE, || {
        if flags & !(SKIP_COMPLETION_PORT_ON_SUCCESS | SKIP_SET_EVENT_ON_HANDLE) != 0 {
            return invalid();
        }
        if !is_file(file) {
            if !is_socket(file.addr()) {
                return Err(WsaError::WSA_INVALID_HANDLE);
            }
            if flags & SKIP_COMPLETION_PORT_ON_SUCCESS != 0 {
                runtime::ports::skip_success(file.addr()).or_else(of_a_handle)?;
            }
        }
        Ok(TRUE)
    })
}

fn is_file(handle: HANDLE) -> bool {
    file::File::of(Handle::from(handle)).is_ok()
}

/// What an error of a socket is called where it might have been any handle.
pub(super) fn of_a_handle<T>(error: WsaError) -> Result<T> {
    match error {
        WsaError::WSAEOPNOTSUPP => fail(code::NOT_SUPPORTED),
        WsaError::WSAENOTSOCK | WsaError::WSANOTINITIALISED => Err(WsaError::WSA_INVALID_HANDLE),
        error => Err(error),
    }
}
