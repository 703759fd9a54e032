//! Threads as objects: what their handles say of their lives and ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use windlass_abi::WsaError;

use super::{Apc, CURRENT, Current, HAS_RECORD, Thread, current};
use crate::deadline::Deadline;
use crate::handle::Handle;
use crate::lock;
use crate::object::{self, Object};
use crate::waitable::Waitable;

/// What a handle says of a thread's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// It still runs (`STILL_ACTIVE`).
    StillActive,
    /// It has exited with this code.
    Exited(u32),
}

/// A thread that does not run yet: it can be waited for, and take APCs, which it runs before anything else.
#[derive(Debug)]
pub struct Newborn(Arc<Thread>);

impl Newborn {
    /// A thread to be.
    pub fn new() -> Self {
        Self(Thread::new(false))
    }

    /// The same, but it waits in [`begin`](Self::begin) until it is [resumed](Thread::resume).
    pub fn suspended() -> Self {
        let newborn = Self::new();
        lock(&newborn.0.state).suspended = true;
        newborn
    }

    /// A handle of the thread: signalled once it has exited, to be closed by [`handle::close`](crate::handle::close)
    /// whether it runs or not. Errors: WSA_NOT_ENOUGH_MEMORY.
    pub fn open(&self) -> Result<Handle, WsaError> {
        self.0.open()
    }

    /// Makes the calling thread the one that was announced, waits until it is resumed if it is suspended, and runs the APCs that were queued to it. To be called
    /// before anything else of this crate in a thread; a thread that has a record already keeps it, and the one that
    /// was announced has exited.
    pub fn begin(self) {
        HAS_RECORD.set(true);
        let record = self.0.clone();
        let adopted = CURRENT.try_with(|here| here.current.set(Current::new(record)).is_ok());
        if adopted == Ok(true) {
            while self.0.is_suspended() {
                self.0.waker.park(Deadline::NEVER);
            }
            self.0.run_apcs();
        }
    }
}

impl Default for Newborn {
    fn default() -> Self {
        Self::new()
    }
}

impl Thread {
    /// A handle of the thread, as [`Newborn::open`].
    pub fn open(&self) -> Result<Handle, WsaError> {
        let this = self.this.upgrade().ok_or(WsaError::WSA_INVALID_HANDLE)?;
        object::insert(Object::Thread(this))
    }

    /// Whether the thread has exited, and how.
    pub fn exit_code(&self) -> ExitCode {
        match lock(&self.state).exited {
            true => ExitCode::Exited(self.exit_code.load(Ordering::Acquire)),
            false => ExitCode::StillActive,
        }
    }

    /// What [`exit_code`](Self::exit_code) will say once the thread has exited; 0 unless this is called.
    pub fn set_exit_code(&self, code: u32) {
        self.exit_code.store(code, Ordering::Release);
    }

    /// Queues a call for the thread, as [`queue_apc`](super::queue_apc). Errors: WSAEFAULT if it has exited.
    pub fn queue(&self, apc: Apc) -> Result<(), WsaError> {
        self.push(0, apc)
    }

    /// Lets a [suspended](Newborn::suspended) thread go on; whether it was suspended.
    pub fn resume(&self) -> bool {
        let was = std::mem::take(&mut lock(&self.state).suspended);
        if was {
            self.waker.wake();
        }
        was
    }

    fn is_suspended(&self) -> bool {
        lock(&self.state).suspended
    }

    pub(crate) fn waitable(&self) -> &Arc<Waitable> {
        &self.end
    }
}

/// The thread of a handle; [`Handle::CURRENT_THREAD`] is the calling one. Errors: WSA_INVALID_HANDLE.
pub fn by_handle(handle: Handle) -> Result<Arc<Thread>, WsaError> {
    if handle == Handle::CURRENT_THREAD {
        return Ok(current());
    }
    match object::get(handle) {
        Some(Object::Thread(thread)) => Ok(thread),
        _ => Err(WsaError::WSA_INVALID_HANDLE),
    }
}
