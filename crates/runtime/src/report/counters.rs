//! Numbers, kept apart for each thread so that counting costs no shared memory.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

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

/// The numbers of every thread, and of those that are gone.
struct All {
    threads: Vec<Arc<Numbers>>,
    gone: [u64; COUNTERS],
}

static ALL: Mutex<All> = Mutex::new(All { threads: Vec::new(), gone: [0; COUNTERS] });

/// The numbers of one thread; added to those of the gone when it exits.
struct Mine(Arc<Numbers>);

thread_local! {
    static MINE: OnceCell<Mine> = const { OnceCell::new() };
}

/// Adds to a counter of the calling thread. Only the thread itself writes, so no atomic addition is needed.
pub(super) fn add(counter: Counter, more: u64) {
    let added = MINE.try_with(|mine| {
        let cell = &mine.get_or_init(Mine::new).0[counter as usize];
        cell.store(cell.load(Relaxed) + more, Relaxed);
    });
    if added.is_err() {
        // The thread is exiting, and its numbers are with those of the gone already.
        all().gone[counter as usize] += more;
    }
}

/// Forgets everything: a child made by fork counts for itself.
pub(super) fn restart() {
    let mut all = all();
    all.gone = [0; COUNTERS];
    for numbers in &all.threads {
        numbers.iter().for_each(|number| number.store(0, Relaxed));
    }
}

/// The record of the sums.
pub(super) fn record(violations: u64, dropped: u64) -> impl Serialize {
    let sums = sums();
    let of = |counter: Counter| sums[counter as usize];
    Counters {
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

#[derive(Serialize)]
struct Counters {
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

fn sums() -> [u64; COUNTERS] {
    let all = all();
    std::array::from_fn(|at| all.gone[at] + all.threads.iter().map(|numbers| numbers[at].load(Relaxed)).sum::<u64>())
}

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mine {
    fn new() -> Self {
        let numbers = Arc::new(Numbers::default());
        all().threads.push(numbers.clone());
        Self(numbers)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut all = all();
        for at in 0..COUNTERS {
            all.gone[at] += self.0[at].load(Relaxed);
        }
        all.threads.retain(|numbers| !Arc::ptr_eq(numbers, &self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_gone_still_count() {
        let before = sums()[Counter::SocketsOpened as usize];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1000).for_each(|_| add(Counter::SocketsOpened, 1)));
            }
        });
        add(Counter::SocketsOpened, 2);
        assert_eq!(sums()[Counter::SocketsOpened as usize], before + 8002);
    }
}
