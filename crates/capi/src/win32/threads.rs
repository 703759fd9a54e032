//! Threads: their start, their end, their procedure calls.
//!
//! A thread of `CreateThread` is a thread of the system, detached, that knows of its handle. Any other thread has a
//! handle as soon as somebody asks for it (`DuplicateHandle` of `GetCurrentThread`), and its exit signals it too.
#![allow(unsafe_code, reason = "starts threads of the system, and calls the client's functions")]

use core::ffi::c_void;
use core::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use windlass_abi::{BOOL, FALSE, HANDLE, LPWSAUSERAPC, TRUE, WsaError};
use windlass_io::thread::{self, ExitCode, Newborn};
use windlass_io::{Handle, handle};

use crate::boundary::{Result, call, store};

use super::{code, fail, invalid};

const CREATE_SUSPENDED: u32 = 0x4;
const STACK_SIZE_PARAM_IS_A_RESERVATION: u32 = 0x10000;
const STILL_ACTIVE: u32 = 259;

/// What a thread does. `ExitThread` unwinds it.
type Routine = unsafe extern "C-unwind" fn(*mut c_void) -> u32;

/// What a thread needs at its start.
struct Birth {
    newborn: Newborn,
    id: Arc<OnceLock<u32>>,
    routine: Routine,
    argument: *mut c_void,
}

/// Starts a thread, and gives its handle. `stack` is in bytes: at least so much is there, and no less than the system
/// gives every thread, unless `STACK_SIZE_PARAM_IS_A_RESERVATION` says that so much is enough.
///
/// Errors: `ERROR_INVALID_PARAMETER` (no function, unknown flags), `ERROR_NOT_ENOUGH_MEMORY`.
///
/// # Safety
/// `routine` must be null or a function that takes `argument`; `id` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateThread(
    _attributes: *mut c_void,
    stack: usize,
    routine: *const c_void,
    argument: *const c_void,
    flags: u32,
    id: *mut u32,
) -> HANDLE {
    call(core::ptr::null_mut(), || {
        if routine.is_null() || flags & !(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION) != 0 {
            return invalid();
        }
        // SAFETY: not null, and the caller vouches for the function. Null pointers are not functions.
        let routine = unsafe { core::mem::transmute::<*const c_void, Routine>(routine) };
        let newborn = if flags & CREATE_SUSPENDED == 0 { Newborn::new() } else { Newborn::suspended() };
        let handle = newborn.open()?;
        let told = Arc::new(OnceLock::new());
        let birth = Box::new(Birth { newborn, id: told.clone(), routine, argument: argument.cast_mut() });
        if let Err(error) = start(birth, stack, flags & STACK_SIZE_PARAM_IS_A_RESERVATION != 0) {
            handle::close(handle)?;
            return Err(error);
        }
        if !id.is_null() {
            // SAFETY: not null, and the caller vouches for it.
            unsafe { store(id, *told.wait()) }?;
        }
        Ok(handle.into())
    })
}

/// Starts a thread of the system.
fn start(birth: Box<Birth>, stack: usize, exact: bool) -> Result<()> {
    let attributes = Attributes::new(stack, exact)?;
    let birth = Box::into_raw(birth);
    let mut thread = MaybeUninit::uninit();
    // SAFETY: `live` takes the box, and is of the type that pthread_create takes, but for being unwound by the
    // system's own means, which every function that it calls allows.
    let result = unsafe {
        let run = core::mem::transmute::<
            unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
            extern "C" fn(*mut c_void) -> *mut c_void,
        >(live);
        libc::pthread_create(thread.as_mut_ptr(), &raw const attributes.0, run, birth.cast())
    };
    if result != 0 {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(birth) });
        return Err(WsaError::WSA_NOT_ENOUGH_MEMORY);
    }
    Ok(())
}

/// The attributes of a detached thread.
struct Attributes(libc::pthread_attr_t);

impl Attributes {
    /// Errors: WSA_NOT_ENOUGH_MEMORY.
    fn new(stack: usize, exact: bool) -> Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialised before anything else, and only if that worked.
        let mut made = unsafe {
            match libc::pthread_attr_init(attributes.as_mut_ptr()) {
                0 => Self(attributes.assume_init()),
                _ => return Err(WsaError::WSA_NOT_ENOUGH_MEMORY),
            }
        };
        let mut usual = 0;
        // SAFETY: they are initialised.
        let result = unsafe {
            libc::pthread_attr_setdetachstate(&raw mut made.0, libc::PTHREAD_CREATE_DETACHED);
            libc::pthread_attr_getstacksize(&raw const made.0, &raw mut usual);
            let least = if exact { libc::PTHREAD_STACK_MIN } else { usual };
            let page = rustix::param::page_size();
            match stack.checked_next_multiple_of(page) {
                Some(0) => 0,
                Some(wanted) => libc::pthread_attr_setstacksize(&raw mut made.0, wanted.max(least)),
                None => libc::EINVAL,
            }
        };
        if result == 0 { Ok(made) } else { Err(WsaError::WSA_NOT_ENOUGH_MEMORY) }
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: they are initialised.
        unsafe { libc::pthread_attr_destroy(&raw mut self.0) };
    }
}

/// The life of a thread. `ExitThread` may unwind this frame while the routine runs: it owns nothing then.
unsafe extern "C-unwind" fn live(birth: *mut c_void) -> *mut c_void {
    // SAFETY: `start` has made it for this thread.
    let (routine, argument) = unsafe { begin(birth.cast()) };
    // SAFETY: the caller of CreateThread vouches for both.
    end(unsafe { routine(argument) });
    core::ptr::null_mut()
}

/// # Safety
/// `birth` must be a box that nobody else has.
unsafe fn begin(birth: *mut Birth) -> (Routine, *mut c_void) {
    // SAFETY: as the caller vouches.
    let Birth { newborn, id, routine, argument } = *unsafe { Box::from_raw(birth) };
    let _ = id.set(super::GetCurrentThreadId());
    newborn.begin();
    (routine, argument)
}

/// Keeps the exit code for whoever asks.
fn end(code: u32) {
    call((), || {
        thread::current().set_exit_code(code);
        Ok(())
    });
}

unsafe extern "C-unwind" {
    fn pthread_exit(value: *mut c_void) -> !;
}

/// Ends the calling thread, whoever started it, as `pthread_exit` does: what is on its stack is unwound.
///
/// # Safety
/// Between the thread's start and this call are frames of C or C++ only: not from within a procedure call, a
/// completion routine or another callback.
#[unsafe(no_mangle)]
pub unsafe extern "system-unwind" fn ExitThread(code: u32) -> ! {
    end(code);
    // SAFETY: as the caller vouches; this frame owns nothing.
    unsafe { pthread_exit(core::ptr::null_mut()) }
}

/// How a thread has exited; `STILL_ACTIVE` while it runs.
///
/// # Safety
/// `exit_code` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetExitCodeThread(handle: HANDLE, exit_code: *mut u32) -> BOOL {
    call(FALSE, || {
        let known = match thread::by_handle(handle.into())?.exit_code() {
            ExitCode::StillActive => STILL_ACTIVE,
            ExitCode::Exited(code) => code,
        };
        // SAFETY: as the caller vouches.
        unsafe { store(exit_code, known) }?;
        Ok(TRUE)
    })
}

/// Lets a thread of `CREATE_SUSPENDED` start: 1. 0 for a thread that was not suspended.
#[unsafe(no_mangle)]
pub extern "system" fn ResumeThread(handle: HANDLE) -> u32 {
    call(u32::MAX, || Ok(thread::by_handle(handle.into())?.resume().into()))
}

/// Lets another thread run, and says so: the system does not tell whether one did.
#[unsafe(no_mangle)]
pub extern "system" fn SwitchToThread() -> BOOL {
    std::thread::yield_now();
    TRUE
}

/// A handle that names the calling thread, whoever that is where it is used.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentThread() -> HANDLE {
    Handle::CURRENT_THREAD.into()
}

/// The system's number of this thread.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentThreadId() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// A handle that names this process, for `DuplicateHandle`.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentProcess() -> HANDLE {
    super::handles::CURRENT_PROCESS
}

/// The system's number of this process.
#[unsafe(no_mangle)]
pub extern "system" fn GetCurrentProcessId() -> u32 {
    std::process::id()
}

/// Queues a call for a thread, which runs it when it waits alertably, or before it starts. Not 0 if it is queued.
///
/// Errors: `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER` (no function), `ERROR_GEN_FAILURE` (the thread has exited).
///
/// # Safety
/// `procedure` must be null or a function that may be called with `data` at any time.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn QueueUserAPC(procedure: LPWSAUSERAPC, handle: HANDLE, data: usize) -> u32 {
    call(0, || {
        let target = thread::by_handle(handle.into())?;
        let procedure = procedure.map_or_else(invalid, Ok)?;
        // SAFETY: as the caller vouches.
        let queued = target.queue(Box::new(move || unsafe { procedure(data) }));
        queued.or_else(|_| fail(code::GEN_FAILURE))?;
        Ok(1)
    })
}
