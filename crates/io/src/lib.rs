//! What the I/O manager of NT is to Winsock: event objects, completion ports, waits, thread identities and
//! APC queues.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handle`] | the values that programs hold objects by |
//! | [`event`] | event objects, manual-reset and auto-reset |
//! | [`file`](mod@file) | plain files and standard streams |
//! | [`semaphore`], [`mutex`] | semaphores, and mutexes with owners that may abandon them |
//! | [`port`] | completion ports, and the sockets whose completions go there |
//! | [`wait`] | waits on one object, any of several, or all; alertable sleep |
//! | [`thread`] | threads: their identities (WSATHREADID), APC queues, exits and exit codes |
//! | [`locks`] | critical sections, reader/writer locks, condition variables, one-time initialisation |
//! | [`waker`] | how a blocked thread is woken, on a futex or on a descriptor |
//! | [`blocking`] | blocking calls of a provider that another thread can cancel |
//! | [`deadline`] | time limits on the monotonic clock |
//!
//! Nothing here starts a thread, and nothing polls: whoever waits is queued on what it waits for and is
//! woken by whoever signals it. No lock of this crate is held while a caller's code runs (APCs, drops of
//! APCs; of a [`port::Source`] only its own, which only its end asks for), and none is held by a thread that blocks, so that every function that signals may be called from
//! any thread and any completion context (UPV-6).
//!
//! Validity of a call (a started Winsock, null pointers) is the business of the layers above: every
//! function here works from the first instruction of a process to its last.

pub mod blocking;
pub mod deadline;
pub mod event;
pub mod file;
pub mod handle;
pub mod locks;
pub mod mutex;
pub mod port;
pub mod semaphore;
pub mod thread;
pub mod wait;
pub mod waker;

mod block;
mod futex;
mod object;
mod poll;
mod signal;
mod table;
mod waitable;

/// Another has done it already.
pub const ERROR_ALREADY_EXISTS: i32 = 183;
/// A mutex is not owned by the thread that lets go of it.
pub const ERROR_NOT_OWNER: i32 = 288;
/// A semaphore's count would exceed its maximum.
pub const ERROR_TOO_MANY_POSTS: i32 = 298;

pub use deadline::Deadline;
pub use handle::Handle;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to a thread that held the lock: no critical section of this crate can panic
/// half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets other threads run until `condition` holds; for tests that need to know that a thread sleeps.
#[cfg(test)]
fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}
