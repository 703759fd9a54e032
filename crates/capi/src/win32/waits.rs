//! Waits and sleep.
#![allow(unsafe_code, reason = "exports read the client's pointers")]

use windlass_abi::{BOOL, FALSE, HANDLE, WSA_WAIT_FAILED, WSA_WAIT_IO_COMPLETION};
use windlass_io::Handle;
use windlass_io::event::Event;
use windlass_io::mutex::Mutex;
use windlass_io::semaphore::Semaphore;
use windlass_io::wait::{Slept, sleep_ex};

use crate::boundary::call;
use crate::events::{duration, wait};

/// Waits until an object is signalled, or the time is over.
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

/// Waits until one object, or each, is signalled, or the time is over.
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

/// Lets time pass, at least so much; 0 lets another thread run.
#[unsafe(no_mangle)]
pub extern "system" fn Sleep(milliseconds: u32) {
    match milliseconds {
        0 => std::thread::yield_now(),
        _ => drop(SleepEx(milliseconds, FALSE)),
    }
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

/// Signals an event, releases a semaphore once or lets go of a mutex, and then waits for another object. Other threads
/// may come between the two. Both handles are looked at before anything is done.
///
/// Errors: `ERROR_INVALID_HANDLE`, `ERROR_TOO_MANY_POSTS`, `ERROR_NOT_OWNER`.
#[unsafe(no_mangle)]
pub extern "system" fn SignalObjectAndWait(
    signalled: HANDLE,
    waited: HANDLE,
    milliseconds: u32,
    alertable: BOOL,
) -> u32 {
    let done = call(false, || {
        // Kept open for the wait, whoever closes the handle meanwhile.
        let (signalled, waited) = (Handle::from(signalled), Handle::from(waited));
        windlass_io::wait::can_wait_for(waited)?;
        if let Ok(event) = Event::of(signalled) {
            event.set();
        } else if let Ok(semaphore) = Semaphore::of(signalled) {
            semaphore.release(1)?;
        } else {
            Mutex::of(signalled)?.release()?;
        }
        Ok(true)
    });
    if done { WaitForSingleObjectEx(waited, milliseconds, alertable) } else { WSA_WAIT_FAILED }
}
