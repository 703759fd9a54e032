//! Locks in the client's memory: [`windlass_io::locks`] behind pointers. A null pointer is left alone where the function
//! cannot say so.
#![allow(unsafe_code, reason = "the locks are in the client's memory")]

use core::ffi::c_void;

use windlass_abi::{BOOL, FALSE, TRUE, WsaError};
use windlass_io::Deadline;
use windlass_io::locks::{Begin, ConditionVariable, CriticalSection, InitOnce, SrwLock};
use windlass_runtime::report::verify::{lock_released, lock_taken};

use crate::boundary::{Result, call, store, store_if_wanted};

use super::{code, fail, invalid};

const CRITICAL_SECTION_NO_DEBUG_INFO: u32 = 0x0100_0000;
const CONDITION_VARIABLE_LOCKMODE_SHARED: u32 = 1;
const INIT_ONCE_CHECK_ONLY: u32 = 1;
const INIT_ONCE_ASYNC: u32 = 2;
const INIT_ONCE_INIT_FAILED: u32 = 4;

/// A lock in the client's memory. Errors: `ERROR_INVALID_PARAMETER` (null, or not aligned).
///
/// # Safety
/// `from` must be null or one of these, initialised, that lives as long as the answer is used.
unsafe fn at<'a, T>(from: *mut c_void) -> Result<&'a T> {
    let from = from.cast::<T>();
    if !from.is_aligned() {
        return invalid();
    }
    // SAFETY: aligned, and the caller vouches for the rest.
    unsafe { from.as_ref() }.map_or_else(invalid, Ok)
}

/// Puts a new lock into the client's memory.
///
/// # Safety
/// `to` must be null or have room for it.
unsafe fn put<T>(to: *mut c_void, lock: T) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        unsafe { store(to.cast::<T>(), lock) }.or_else(|_| invalid())?;
        Ok(TRUE)
    })
}

/// Remembers who has taken a lock, should the program be verified.
fn taken<T>(lock: &T, kind: &'static str, taken: bool) -> bool {
    if taken {
        lock_taken(core::ptr::from_ref(lock).addr(), kind);
    }
    taken
}

fn released<T>(lock: &T) {
    lock_released(core::ptr::from_ref(lock).addr());
}

const SECTION: &str = "a critical section";
const SLIM: &str = "a slim lock";

/// What a lock that is taken answers.
const BUSY: u8 = 0;

/// Declares functions that do one thing with one lock.
macro_rules! with {
    ($($(#[$doc:meta])* fn $name:ident($lock:ident: $ty:ty) $(-> $out:ty, $failed:ident)? { $($work:tt)* })*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// The pointer must be null or lead to such a lock.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $name(lock: *mut c_void) $(-> $out)? {
                call(($($failed)?), || {
                    // SAFETY: as the caller vouches.
                    let $lock: &$ty = unsafe { at(lock) }?;
                    Ok({ $($work)* })
                })
            }
        )*
    };
}

/// Makes a critical section that nobody is in.
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitializeCriticalSection(section: *mut c_void) {
    // SAFETY: as the caller vouches.
    unsafe { put(section, CriticalSection::new(0)) };
}

/// The same, and who finds it taken looks again so often before it sleeps.
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitializeCriticalSectionAndSpinCount(section: *mut c_void, spins: u32) -> BOOL {
    // SAFETY: as the caller vouches.
    unsafe { put(section, CriticalSection::new(spins)) }
}

/// The same. Errors: `ERROR_INVALID_PARAMETER` (flags other than `CRITICAL_SECTION_NO_DEBUG_INFO`).
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitializeCriticalSectionEx(section: *mut c_void, spins: u32, flags: u32) -> BOOL {
    if flags & !CRITICAL_SECTION_NO_DEBUG_INFO != 0 {
        return call(FALSE, invalid);
    }
    // SAFETY: as the caller vouches.
    unsafe { put(section, CriticalSection::new(spins)) }
}

/// Changes the spin count, and gives the one before.
///
/// # Safety
/// The pointer must be null or lead to a critical section.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SetCriticalSectionSpinCount(section: *mut c_void, spins: u32) -> u32 {
    // SAFETY: as the caller vouches.
    call(0, || Ok(unsafe { at::<CriticalSection>(section) }?.set_spins(spins)))
}

with! {
    /// Enters, once the thread that is in has left.
    fn EnterCriticalSection(section: CriticalSection) { section.enter(); taken(section, SECTION, true); }
    /// Enters if that needs no waiting.
    fn TryEnterCriticalSection(section: CriticalSection) -> BOOL, FALSE { taken(section, SECTION, section.try_enter()).into() }
    /// Leaves once. Without effect in a thread that is not in.
    fn LeaveCriticalSection(section: CriticalSection) { released(section); section.leave() }
    /// A critical section keeps nothing that had to be given back.
    fn DeleteCriticalSection(_section: CriticalSection) { () }

    /// Waits until nobody is in, and keeps all others out.
    fn AcquireSRWLockExclusive(lock: SrwLock) { lock.acquire_exclusive(); taken(lock, SLIM, true); }
    /// Waits until no writer is in or before it.
    fn AcquireSRWLockShared(lock: SrwLock) { lock.acquire_shared(); taken(lock, SLIM, true); }
    /// The same if it needs no waiting.
    fn TryAcquireSRWLockExclusive(lock: SrwLock) -> u8, BUSY { taken(lock, SLIM, lock.try_acquire_exclusive()).into() }
    /// The same if it needs no waiting.
    fn TryAcquireSRWLockShared(lock: SrwLock) -> u8, BUSY { taken(lock, SLIM, lock.try_acquire_shared()).into() }
    /// Ends a writer's stay.
    fn ReleaseSRWLockExclusive(lock: SrwLock) { released(lock); lock.release_exclusive() }
    /// Ends a reader's stay.
    fn ReleaseSRWLockShared(lock: SrwLock) { released(lock); lock.release_shared() }

    /// Wakes one sleeper.
    fn WakeConditionVariable(condition: ConditionVariable) { condition.wake_one() }
    /// Wakes every sleeper.
    fn WakeAllConditionVariable(condition: ConditionVariable) { condition.wake_all() }
}

/// Makes a lock that is free.
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitializeSRWLock(lock: *mut c_void) {
    // SAFETY: as the caller vouches.
    unsafe { put(lock, SrwLock::new()) };
}

/// Makes a condition variable that nobody sleeps on.
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitializeConditionVariable(condition: *mut c_void) {
    // SAFETY: as the caller vouches.
    unsafe { put(condition, ConditionVariable::new()) };
}

/// Leaves a critical section, which the thread has entered once, sleeps until it is woken, and enters again. Errors:
/// `ERROR_TIMEOUT`.
///
/// # Safety
/// The pointers must be null or lead to such locks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SleepConditionVariableCS(
    condition: *mut c_void,
    section: *mut c_void,
    milliseconds: u32,
) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        let section: &CriticalSection = unsafe { at(section) }?;
        // SAFETY: as the caller vouches.
        unsafe { sleep_on(condition, milliseconds, || section.leave(), || section.enter()) }
    })
}

/// The same with a slim lock, held as `flags` say. Errors: `ERROR_TIMEOUT`, `ERROR_INVALID_PARAMETER` (other flags).
///
/// # Safety
/// The pointers must be null or lead to such locks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SleepConditionVariableSRW(
    condition: *mut c_void,
    lock: *mut c_void,
    milliseconds: u32,
    flags: u32,
) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        let lock: &SrwLock = unsafe { at(lock) }?;
        match flags {
            // SAFETY: as the caller vouches.
            0 => unsafe { sleep_on(condition, milliseconds, || lock.release_exclusive(), || lock.acquire_exclusive()) },
            // SAFETY: as the caller vouches.
            CONDITION_VARIABLE_LOCKMODE_SHARED => unsafe {
                sleep_on(condition, milliseconds, || lock.release_shared(), || lock.acquire_shared())
            },
            _ => invalid(),
        }
    })
}

/// # Safety
/// The pointer must be null or lead to a condition variable.
unsafe fn sleep_on(
    condition: *mut c_void,
    milliseconds: u32,
    release: impl FnOnce(),
    acquire: impl FnOnce(),
) -> Result<BOOL> {
    // SAFETY: as the caller vouches.
    let condition: &ConditionVariable = unsafe { at(condition) }?;
    if condition.sleep(Deadline::after_millis(milliseconds), release, acquire) { Ok(TRUE) } else { fail(code::TIMEOUT) }
}

/// Makes a one-time initialisation that nobody has begun.
///
/// # Safety
/// The pointer must be null or have room for one.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitOnceInitialize(once: *mut c_void) {
    // SAFETY: as the caller vouches.
    unsafe { put(once, InitOnce::new()) };
}

/// What initialises: the initialisation, the parameter, and where the context goes.
type Initialise = unsafe extern "system" fn(*mut c_void, *mut c_void, *mut *mut c_void) -> BOOL;

/// Runs a function once, however many threads ask; the others wait for it. If it fails, another tries.
///
/// # Safety
/// The pointers must be null or lead to an initialisation, a function, and a place for its context.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitOnceExecuteOnce(
    once: *mut c_void,
    initialise: *const c_void,
    parameter: *mut c_void,
    context: *mut *mut c_void,
) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        let state: &InitOnce = unsafe { at(once) }?;
        let made = match state.begin()? {
            Begin::Done(made) => made,
            Begin::Initialise if initialise.is_null() => {
                state.fail()?;
                return invalid();
            }
            Begin::Initialise => {
                let mut made = core::ptr::null_mut();
                // SAFETY: not null, and the caller vouches for it.
                let succeeded = unsafe {
                    let initialise = core::mem::transmute::<*const c_void, Initialise>(initialise);
                    initialise(once, parameter, &raw mut made)
                };
                if succeeded == FALSE {
                    state.fail()?;
                    // The error is the function's.
                    return Ok(FALSE);
                }
                if let Err(error) = state.complete(made.addr()) {
                    state.fail()?;
                    return Err(error);
                }
                made.addr()
            }
        };
        // SAFETY: as the caller vouches.
        unsafe { store_if_wanted(context, core::ptr::with_exposed_provenance_mut(made)) };
        Ok(TRUE)
    })
}

/// Begins an initialisation, or waits for who has begun; with `INIT_ONCE_ASYNC` nobody waits, and the first to complete
/// wins; with `INIT_ONCE_CHECK_ONLY` nothing is begun.
///
/// Errors: `ERROR_INVALID_PARAMETER` (unknown flags, a mixture of both ways), `ERROR_GEN_FAILURE` (checked, not done).
///
/// # Safety
/// The pointers must be null or lead to an initialisation and places for the answers.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitOnceBeginInitialize(
    once: *mut c_void,
    flags: u32,
    pending: *mut BOOL,
    context: *mut *mut c_void,
) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        let state: &InitOnce = unsafe { at(once) }?;
        let begun = match flags {
            0 => state.begin()?,
            INIT_ONCE_ASYNC => state.begin_racing()?,
            INIT_ONCE_CHECK_ONLY => {
                state.done().map_or_else(|| fail(code::GEN_FAILURE), |made| Ok(Begin::Done(made)))?
            }
            _ => return invalid(),
        };
        // SAFETY: as the caller vouches.
        unsafe {
            store(pending, (begun == Begin::Initialise).into()).or_else(|_| invalid())?;
            if let Begin::Done(made) = begun {
                store_if_wanted(context, core::ptr::with_exposed_provenance_mut(made));
            }
        }
        Ok(TRUE)
    })
}

/// Ends what `InitOnceBeginInitialize` began, with a context whose two low bits are zero, or without success.
///
/// Errors: `ERROR_INVALID_PARAMETER` (unknown flags, nothing begun, the low bits), `ERROR_ALREADY_EXISTS` (another
/// thread has completed first, with `INIT_ONCE_ASYNC`).
///
/// # Safety
/// `once` must be null or lead to an initialisation.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InitOnceComplete(once: *mut c_void, flags: u32, context: *mut c_void) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        let state: &InitOnce = unsafe { at(once) }?;
        match flags {
            0 => state.complete(context.expose_provenance())?,
            INIT_ONCE_ASYNC => state.complete_racing(context.expose_provenance())?,
            INIT_ONCE_INIT_FAILED if context.is_null() => state.fail()?,
            _ => return Err(WsaError::WSA_INVALID_PARAMETER),
        }
        Ok(TRUE)
    })
}
