//! Slim reader/writer locks.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::Deadline;

use super::{ALL, rouse, sleep_while};

/// A lock for many readers or one writer, laid out as `SRWLOCK`: 8 bytes, zero when free. Nobody may take it again
/// while holding it. Readers that come while a writer waits wait behind it.
#[derive(Debug, Default)]
#[repr(C)]
pub struct SrwLock {
    /// How many readers are in, or [`WRITER`], and who sleeps.
    state: AtomicU32,
    /// Counts the turns given to writers, which sleep on it.
    turns: AtomicU32,
}

const COUNT: u32 = (1 << 30) - 1;
const WRITER: u32 = COUNT;
const READERS_SLEEP: u32 = 1 << 30;
const WRITERS_SLEEP: u32 = 1 << 31;

impl SrwLock {
    /// A free lock.
    pub const fn new() -> Self {
        Self { state: AtomicU32::new(0), turns: AtomicU32::new(0) }
    }

    /// Waits until no writer is in or before it, and is in with other readers.
    pub fn acquire_shared(&self) {
        while !self.try_acquire_shared() {
            let state = self.state.load(Ordering::Relaxed);
            if may_read(state) {
                continue;
            }
            if self.mark(state, READERS_SLEEP) {
                sleep_while(&self.state, state | READERS_SLEEP, Deadline::NEVER);
            }
        }
    }

    /// The same if it needs no waiting.
    pub fn try_acquire_shared(&self) -> bool {
        let join = |state: u32| may_read(state).then(|| state + 1);
        self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, join).is_ok()
    }

    /// Ends one reader's stay. Without effect if no reader is in.
    pub fn release_shared(&self) {
        let leave = |state: u32| (1..WRITER).contains(&(state & COUNT)).then(|| state - 1);
        if let Ok(before) = self.state.fetch_update(Ordering::Release, Ordering::Relaxed, leave) {
            self.pass_on(before - 1);
        }
    }

    /// Waits until nobody is in, and keeps all others out.
    pub fn acquire_exclusive(&self) {
        // Who has slept cannot know whether others still do.
        let mut others = 0;
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & COUNT == 0 {
                let taken = state | WRITER | others;
                if self.state.compare_exchange_weak(state, taken, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return;
                }
            } else if self.mark(state, WRITERS_SLEEP) {
                others = WRITERS_SLEEP;
                let turn = self.turns.load(Ordering::Acquire);
                let state = self.state.load(Ordering::Relaxed);
                if state & COUNT != 0 && state & WRITERS_SLEEP != 0 {
                    sleep_while(&self.turns, turn, Deadline::NEVER);
                }
            }
        }
    }

    /// The same if it needs no waiting.
    pub fn try_acquire_exclusive(&self) -> bool {
        let take = |state: u32| (state & COUNT == 0).then_some(state | WRITER);
        self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, take).is_ok()
    }

    /// Ends the writer's stay. Without effect if none is in.
    pub fn release_exclusive(&self) {
        let leave = |state: u32| (state & COUNT == WRITER).then(|| state - WRITER);
        if let Ok(before) = self.state.fetch_update(Ordering::Release, Ordering::Relaxed, leave) {
            self.pass_on(before - WRITER);
        }
    }

    /// Says in the state that somebody sleeps; false if the state has changed.
    fn mark(&self, state: u32, sleeper: u32) -> bool {
        state & sleeper != 0
            || self.state.compare_exchange(state, state | sleeper, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Wakes who is next: a writer, or else all readers. `state` is what the leaver left.
    fn pass_on(&self, state: u32) {
        if state & COUNT != 0 || state == 0 {
            return;
        }
        let mut state = state;
        if state & WRITERS_SLEEP != 0 {
            let left = state & !WRITERS_SLEEP;
            if self.state.compare_exchange(state, left, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                // Somebody is in again, and will pass it on; or somebody else has come to sleep.
                return self.pass_on_again();
            }
            self.turns.fetch_add(1, Ordering::Release);
            if rouse(&self.turns, 1) {
                return;
            }
            state = left;
        }
        if state == READERS_SLEEP {
            match self.state.compare_exchange(state, 0, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => drop(rouse(&self.state, ALL)),
                Err(_) => self.pass_on_again(),
            }
        }
    }

    fn pass_on_again(&self) {
        self.pass_on(self.state.load(Ordering::Relaxed));
    }
}

/// Readers do not overtake those who sleep.
fn may_read(state: u32) -> bool {
    state & COUNT < WRITER - 1 && state & (READERS_SLEEP | WRITERS_SLEEP) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_with_a_writer_in_and_sleepers_of_both_kinds_can_be_asked() {
        let lock = SrwLock { state: AtomicU32::new(u32::MAX), turns: AtomicU32::new(0) };
        assert!(!lock.try_acquire_shared());
        assert!(!lock.try_acquire_exclusive());
    }
}
