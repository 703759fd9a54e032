//! Critical sections: locks that their owner may enter again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::Deadline;
use crate::thread::{Key, key};

use super::{rouse, sleep_while};

/// A critical section, laid out as `CRITICAL_SECTION`: 40 bytes.
#[derive(Debug)]
#[repr(C)]
pub struct CriticalSection {
    debug: u64,
    /// [`FREE`], [`HELD`] or [`WANTED`].
    lock: AtomicU32,
    /// How often the owner has entered.
    recursion: AtomicU32,
    /// The key of the owner's thread, zero without one.
    owner: AtomicU64,
    semaphore: u64,
    /// How often to look again before sleeping.
    spin: AtomicU64,
}

/// -1, as Windows has it.
const FREE: u32 = u32::MAX;
const HELD: u32 = 0;
/// Held, and somebody may sleep.
const WANTED: u32 = 1;

/// The bits of a spin count; Windows keeps flags in the others.
const SPINS: u32 = 0x00FF_FFFF;

impl CriticalSection {
    /// One that nobody is in. `spins` is how often a thread looks again before it sleeps, at most 24 bits.
    pub const fn new(spins: u32) -> Self {
        Self {
            debug: 0,
            lock: AtomicU32::new(FREE),
            recursion: AtomicU32::new(0),
            owner: AtomicU64::new(0),
            semaphore: 0,
            spin: AtomicU64::new((spins & SPINS) as u64),
        }
    }

    /// Enters, once the thread that is in has left. Its owner enters again at once.
    pub fn enter(&self) {
        let me = key();
        if self.is_owner(me) {
            self.recursion.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if !self.take() && !(0..self.spin.load(Ordering::Relaxed)).any(|_| self.spin_and_take()) {
            while self.lock.swap(WANTED, Ordering::Acquire) != FREE {
                sleep_while(&self.lock, WANTED, Deadline::NEVER);
            }
        }
        self.own(me);
    }

    /// Enters if that needs no waiting.
    pub fn try_enter(&self) -> bool {
        let me = key();
        if self.is_owner(me) {
            self.recursion.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let entered = self.take();
        if entered {
            self.own(me);
        }
        entered
    }

    /// Leaves once; whoever has left as often as it entered lets another in. Without effect in a thread that is not in.
    pub fn leave(&self) {
        if !self.is_owner(key()) {
            return;
        }
        if self.recursion.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        self.owner.store(0, Ordering::Relaxed);
        if self.lock.swap(FREE, Ordering::Release) == WANTED {
            rouse(&self.lock, 1);
        }
    }

    /// Changes how often a thread looks again before it sleeps; gives what it was.
    pub fn set_spins(&self, spins: u32) -> u32 {
        self.spin.swap((spins & SPINS).into(), Ordering::Relaxed) as u32
    }

    fn spin_and_take(&self) -> bool {
        std::hint::spin_loop();
        self.lock.load(Ordering::Relaxed) == FREE && self.take()
    }

    fn take(&self) -> bool {
        self.lock.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Only the owner finds itself, and only it writes itself.
    fn is_owner(&self, thread: Key) -> bool {
        self.owner.load(Ordering::Relaxed) == thread.value()
    }

    fn own(&self, thread: Key) {
        self.owner.store(thread.value(), Ordering::Relaxed);
        self.recursion.store(1, Ordering::Relaxed);
    }
}
