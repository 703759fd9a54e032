//! How the calling thread sleeps.

use std::sync::Arc;

use crate::deadline::Deadline;
use crate::port::Pause;
use crate::thread::{self, Thread};
use crate::waker::Waker;

/// The calling thread, about to sleep, and what wakes it.
///
/// Only a thread that has an identity can be sent APCs, and only such a thread has a record with a waker
/// of its own. Any other sleeps on a spare waker and leaves nothing behind: a record is dropped when its thread
/// exits, and until then it would keep a shared object that links this crate, a provider say, from being unmapped.
#[derive(Debug)]
pub(crate) struct Blocker {
    thread: Option<Arc<Thread>>,
    waker: Arc<Waker>,
}

/// Why a thread stopped blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unblocked {
    Ready,
    /// APCs are queued, and not yet run.
    Apcs,
    TimedOut,
}

impl Blocker {
    /// The calling thread; on `spare`, if it has no waker.
    pub(crate) fn here(spare: impl FnOnce() -> Arc<Waker>) -> Self {
        let thread = thread::existing();
        let waker = thread.as_ref().map_or_else(spare, |thread| thread.waker().clone());
        Self { thread, waker }
    }

    pub(crate) fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    /// The spare waker, if that is what the thread slept on.
    pub(crate) fn spare(&self) -> Option<&Arc<Waker>> {
        self.thread.is_none().then_some(&self.waker)
    }

    /// True if APCs are queued.
    pub(crate) fn has_apcs(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.has_apcs())
    }

    /// Runs what is queued, and what that queues.
    pub(crate) fn run_apcs(&self) {
        self.thread.iter().for_each(|thread| thread.run_apcs());
    }

    /// Sleeps until `ready`, or, if alertable, until an APC is queued, or the deadline, in this order. Whoever
    /// makes it ready wakes the thread. Meanwhile it is not active in its completion port.
    pub(crate) fn block(&self, deadline: Deadline, alertable: bool, mut ready: impl FnMut() -> bool) -> Unblocked {
        let mut pause = None;
        loop {
            if ready() {
                return Unblocked::Ready;
            }
            if alertable && self.has_apcs() {
                return Unblocked::Apcs;
            }
            if deadline.has_passed() {
                return Unblocked::TimedOut;
            }
            pause.get_or_insert_with(Pause::begin);
            self.waker.park(deadline);
        }
    }
}
