//! Numbers, kept apart for each thread so that counting costs no shared memory.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::loader::fork;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// `providers_started`: successful calls of WSPStartup.
    ProvidersStarted,
    /// `providers_cleaned_up`: calls of WSPCleanup that balance them.
    ProvidersCleanedUp,
    /// `sockets_opened`: sockets created, accepted or joined.
    SocketsOpened,
    /// `sockets_closed`: sockets that the program closed.
    SocketsClosed,
    /// `sockets_reset`: sockets that were open at the last clean-up.
    SocketsReset,
    /// `operations_completed`: calls that moved data, and overlapped operations that ended well.
    OperationsCompleted,
    /// `operations_aborted`: the same that ended because somebody cancelled them.
    OperationsAborted,
}

const COUNTERS: usize = Counter::OperationsAborted as usize + 1;

type Numbers = [AtomicU64; COUNTERS];

/// The numbers of every thread of a process, and of those that are gone.
#[derive(Default)]
pub(super) struct Counters(Mutex<All>);

#[derive(Default)]
struct All {
    threads: Vec<Arc<Numbers>>,
    gone: [u64; COUNTERS],
}

/// The numbers of one thread; added to those of the gone when it exits.
struct Mine {
    numbers: Arc<Numbers>,
    of: &'static Counters,
    generation: u32,
}

thread_local! {
    static MINE: RefCell<Option<Mine>> = const { RefCell::new(None) };
}

impl Counters {
    /// Adds to a counter of the calling thread. Only the thread itself writes, so no atomic addition is needed.
    pub(super) fn add(&'static self, counter: Counter, more: u64) {
        let added = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            if !mine.as_ref().is_some_and(Mine::is_of_this_process) {
                // What the parent of a fork counts is not ours to touch.
                std::mem::forget(mine.replace(Mine::new(self)));
            }
            let Some(mine) = &*mine else { return };
            let cell = &mine.numbers[counter as usize];
            cell.store(cell.load(Relaxed) + more, Relaxed);
        });
        if added.is_err() {
            // The thread is exiting, and its numbers are with those of the gone already.
            self.all().gone[counter as usize] += more;
        }
    }

    /// The record of the sums.
    pub(super) fn record(&self, violations: u64, dropped: u64) -> impl Serialize + use<> {
        let sums = self.sums();
        let of = |counter: Counter| sums[counter as usize];
        Record {
            event: "counters",
            providers_started: of(Counter::ProvidersStarted),
            providers_cleaned_up: of(Counter::ProvidersCleanedUp),
            sockets_opened: of(Counter::SocketsOpened),
            sockets_closed: of(Counter::SocketsClosed),
            sockets_reset: of(Counter::SocketsReset),
            operations_completed: of(Counter::OperationsCompleted),
            operations_aborted: of(Counter::OperationsAborted),
            violations,
            dropped,
            pid: std::process::id(),
        }
    }

    fn sums(&self) -> [u64; COUNTERS] {
        let all = self.all();
        std::array::from_fn(|at| {
            all.gone[at] + all.threads.iter().map(|numbers| numbers[at].load(Relaxed)).sum::<u64>()
        })
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mine {
    fn new(of: &'static Counters) -> Self {
        let numbers = Arc::new(Numbers::default());
        of.all().threads.push(numbers.clone());
        Self { numbers, of, generation: fork::generation() }
    }

    fn is_of_this_process(&self) -> bool {
        self.generation == fork::generation()
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            return;
        }
        let mut all = self.of.all();
        for at in 0..COUNTERS {
            all.gone[at] += self.numbers[at].load(Relaxed);
        }
        all.threads.retain(|numbers| !Arc::ptr_eq(numbers, &self.numbers));
    }
}

#[derive(Serialize)]
struct Record {
    event: &'static str,
    providers_started: u64,
    providers_cleaned_up: u64,
    sockets_opened: u64,
    sockets_closed: u64,
    sockets_reset: u64,
    operations_completed: u64,
    operations_aborted: u64,
    violations: u64,
    dropped: u64,
    pid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_gone_still_count() {
        let counters: &'static Counters = Box::leak(Box::default());
        let count = || (0..1000).for_each(|_| counters.add(Counter::SocketsOpened, 1));
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(count)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::thread::spawn(|| counters.add(Counter::SocketsOpened, 2)).join().unwrap();
        assert_eq!(counters.sums()[Counter::SocketsOpened as usize], 8002);
        assert!(counters.all().threads.is_empty());
    }
}
