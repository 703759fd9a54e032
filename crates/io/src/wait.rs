//! Waits for objects, and alertable sleep (contract: api, API-S12 to API-S14; upcalls, WPU-APC-6).

use std::sync::Arc;
use std::time::Duration;

use windlass_abi::{WSA_MAXIMUM_WAIT_EVENTS, WsaError};

use crate::block::{Blocker, Unblocked};
use crate::deadline::Deadline;
use crate::handle::Handle;
use crate::object;
use crate::thread;
use crate::waitable::{self, Acquired, Locked, Waitable};
use crate::waker::Waker;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object of this index satisfied it; 0 when all did.
    Signalled(usize),
    /// The same, and it, or one of all, is a mutex that a thread abandoned by its exit (`WAIT_ABANDONED_0`): the
    /// caller owns it now, and should not trust what it protects.
    Abandoned(usize),
    /// At least one APC ran (`WSA_WAIT_IO_COMPLETION`).
    IoCompletion,
    /// The time has passed (`WSA_WAIT_TIMEOUT`).
    TimedOut,
}

/// Waits until one of the objects, or all of them, are signalled.
///
/// * For any: the smallest index that is signalled satisfies the wait, and only that object's state is taken
///   (API-S13). An object may be named more than once.
/// * A mutex satisfies the waits of its owner, as often as it asks; who gets one with [`Outcome::Abandoned`] owns it.
/// * For all: nothing is taken before all are signalled; then all at once. The index is 0.
/// * `timeout` is at least so long, on the monotonic clock; zero tests and returns; `None` and
///   `Duration::MAX` are without limit.
/// * Alertable: APCs of this thread run, all that are queued and those that they queue themselves, and end the
///   wait (WPU-APC-4, API-S14). As on NT, a wait that is satisfied at once runs none; a test with
///   no time-out does, if it is not satisfied.
///
/// Threads that wait for an auto-reset event, a semaphore or a mutex get it in the order in which they came. A wait goes
/// on when a handle that it was given is closed: it keeps the object, not the handle.
///
/// Errors: WSA_INVALID_PARAMETER (no handle, more than 64, or the same object twice in a wait for all),
/// WSA_INVALID_HANDLE (API-S12).
pub fn wait_for(
    handles: &[Handle],
    all: bool,
    timeout: Option<Duration>,
    alertable: bool,
) -> Result<Outcome, WsaError> {
    if handles.is_empty() || handles.len() > WSA_MAXIMUM_WAIT_EVENTS as usize {
        return Err(WsaError::WSA_INVALID_PARAMETER);
    }
    if let [handle] = handles {
        return wait_on(&[object::waitable(*handle)?], all, timeout, alertable);
    }
    let objects: Vec<_> = handles.iter().map(|&handle| object::waitable(handle)).collect::<Result<_, _>>()?;
    wait_on(&objects, all, timeout, alertable)
}

/// Whether a wait could be for this handle. Errors: WSA_INVALID_HANDLE.
pub fn can_wait_for(handle: Handle) -> Result<(), WsaError> {
    object::waitable(handle).map(drop)
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slept {
    /// For the whole time.
    TimedOut,
    /// Until at least one APC had run.
    IoCompletion,
}

/// Sleeps for this time (`None`: without limit), or, if alertable, until APCs of this thread have run: those that
/// are queued already, before it sleeps at all (WPU-APC-6).
pub fn sleep_ex(timeout: Option<Duration>, alertable: bool) -> Slept {
    let blocker = blocker();
    match blocker.block(Deadline::after(timeout), alertable, || false) {
        Unblocked::Apcs => {
            blocker.run_apcs();
            Slept::IoCompletion
        }
        Unblocked::Ready | Unblocked::TimedOut => Slept::TimedOut,
    }
}

/// [`wait_for`] without handles: 1 to 64 objects.
fn wait_on(
    objects: &[Arc<Waitable>],
    all: bool,
    timeout: Option<Duration>,
    alertable: bool,
) -> Result<Outcome, WsaError> {
    if all && has_duplicates(objects) {
        return Err(WsaError::WSA_INVALID_PARAMETER);
    }
    let all = all && objects.len() > 1;
    let key = thread::key();
    let mut locked = Locked::new(&objects[0], &objects[1..]);
    if let Some(acquired) = locked.try_acquire(objects, all, key) {
        drop(locked);
        return Ok(outcome(objects, all, acquired));
    }
    if timeout == Some(Duration::ZERO) {
        drop(locked);
        let ran = alertable && sleep_ex(timeout, true) == Slept::IoCompletion;
        return Ok(if ran { Outcome::IoCompletion } else { Outcome::TimedOut });
    }
    let deadline = Deadline::after(timeout);
    let blocker = blocker();
    let wait = locked.enqueue(objects, all, key, blocker.waker().clone());
    drop(locked);

    let unblocked = blocker.block(deadline, alertable, || wait.is_satisfied());
    let satisfied = wait.give_up();
    waitable::dequeue(objects, &wait);
    Ok(match (satisfied, unblocked) {
        (Some(acquired), _) => outcome(objects, all, acquired),
        (None, Unblocked::Apcs) => {
            blocker.run_apcs();
            Outcome::IoCompletion
        }
        (None, Unblocked::Ready | Unblocked::TimedOut) => Outcome::TimedOut,
    })
}

/// How a satisfied wait ended. The thread remembers the mutexes that it owns from here on.
fn outcome(objects: &[Arc<Waitable>], all: bool, Acquired { index, spoils }: Acquired) -> Outcome {
    if spoils.owned {
        let taken = if all { objects } else { &objects[index..=index] };
        taken.iter().for_each(thread::remember);
    }
    if spoils.abandoned { Outcome::Abandoned(index) } else { Outcome::Signalled(index) }
}

fn blocker() -> Blocker {
    Blocker::here(|| Arc::new(Waker::new()))
}

fn has_duplicates(objects: &[Arc<Waitable>]) -> bool {
    let mut addresses: Vec<_> = objects.iter().map(Arc::as_ptr).collect();
    addresses.sort_unstable();
    addresses.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests;
