//! What a thread holds and is in the middle of.

use std::cell::{Cell, RefCell};

use windlass_io::thread;

use crate::report;

thread_local! {
    static LOCKS: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
    static ROUTINES: Cell<u32> = const { Cell::new(0) };
    static END: End = End(thread::key().value());
}

/// The calling thread has taken a lock of this kind, at this address.
#[inline]
pub fn lock_taken(address: usize, kind: &'static str) {
    if report::is_verifying() {
        // A thread that is exiting runs no callbacks any more.
        let _ = LOCKS.try_with(|locks| locks.borrow_mut().push((address, kind)));
    }
}

/// It has let go of it once.
#[inline]
pub fn lock_released(address: usize) {
    if report::is_verifying() {
        let _ = LOCKS.try_with(|locks| {
            let mut locks = locks.borrow_mut();
            if let Some(at) = locks.iter().rposition(|lock| lock.0 == address) {
                locks.remove(at);
            }
        });
    }
}

/// A lock that the calling thread holds, in words.
pub(super) fn any() -> Option<String> {
    let taken = LOCKS.try_with(|locks| locks.borrow().first().copied()).ok().flatten();
    match taken {
        Some((address, kind)) => Some(format!("{kind} at {address:#x}")),
        None => (thread::owned_mutexes() > 0).then(|| "a mutex".to_owned()),
    }
}

/// How many completion routines the calling thread is in.
pub(super) fn routines() -> u32 {
    ROUTINES.get()
}

/// For as long as it lives, the thread is in a completion routine.
pub(crate) struct InRoutine(());

impl InRoutine {
    pub(crate) fn new() -> Self {
        ROUTINES.set(ROUTINES.get() + 1);
        Self(())
    }
}

impl Drop for InRoutine {
    fn drop(&mut self) {
        ROUTINES.set(ROUTINES.get() - 1);
    }
}

/// Has the operations of the calling thread told of its exit: its routines do not run any more (API-19).
pub(super) fn end_with_thread() {
    let _ = END.try_with(|_| {});
}

struct End(u64);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(verifier) = super::current() {
            verifier.thread_ended(self.0);
        }
    }
}
