//! Condition variables.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::Deadline;

use super::{ALL, rouse, sleep_while};

/// A condition variable, laid out as `CONDITION_VARIABLE`: 8 bytes, zero at first. A sleep may end for nothing: who
/// sleeps looks for what it waits for.
#[derive(Debug, Default)]
#[repr(C)]
pub struct ConditionVariable {
    /// Changes with every wake.
    wakes: AtomicU32,
    /// How many sleep or are about to.
    pub(super) sleepers: AtomicU32,
}

impl ConditionVariable {
    /// One that nobody sleeps on.
    pub const fn new() -> Self {
        Self { wakes: AtomicU32::new(0), sleepers: AtomicU32::new(0) }
    }

    /// Lets go of a lock, sleeps until it is woken or the deadline, and takes the lock again. A wake by a thread that
    /// took the lock after this one let go of it is not missed. False if the deadline came first.
    pub fn sleep(&self, deadline: Deadline, release: impl FnOnce(), acquire: impl FnOnce()) -> bool {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let wakes = self.wakes.load(Ordering::SeqCst);
        release();
        let woken = loop {
            if self.wakes.load(Ordering::SeqCst) != wakes {
                break true;
            }
            if deadline.has_passed() {
                break false;
            }
            sleep_while(&self.wakes, wakes, deadline);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        acquire();
        woken
    }

    /// Wakes one sleeper at least, if there is one.
    pub fn wake_one(&self) {
        self.wake(1);
    }

    /// Wakes everyone who sleeps.
    pub fn wake_all(&self) {
        self.wake(ALL);
    }

    fn wake(&self, count: u32) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            rouse(&self.wakes, count);
        }
    }
}
