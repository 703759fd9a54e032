//! The store of records, and which thread has which.

use super::record::Record;
use super::sync::{AtomicU32, Mutex, MutexGuard, Ordering, PoisonError};
#[cfg(not(loom))]
use std::sync::OnceLock;

/// How many records are there from the start.
const FIRST: usize = if cfg!(loom) { 3 } else { 512 };
/// How many times the store can double.
#[cfg(not(loom))]
const DOUBLINGS: usize = 20;

/// The records that exist. They are never freed, but go from a thread that has ended to a new one.
///
/// A thread does not give its record back when it ends: a destructor of a thread-local variable
/// would keep the module of a provider mapped until every thread that ever called it has ended.
/// Instead, a thread that would make the store larger looks which owners have died.
pub(super) struct Records {
    first: [Record; FIRST],
    #[cfg(not(loom))]
    more: [OnceLock<Box<[Record]>>; DOUBLINGS],
    /// How many records have ever been used.
    used: AtomicU32,
    /// The process that the owners of living records belong to.
    process: AtomicU32,
    free: Mutex<Free>,
}

struct Free {
    /// The index of the first free record plus one; zero if there is none.
    head: u32,
    /// Look for dead owners when so many records are in use; zero stands for the first time.
    reap_at: u32,
}

impl Records {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            first: [const { Record::new() }; FIRST],
            more: [const { OnceLock::new() }; DOUBLINGS],
            used: AtomicU32::new(0),
            process: AtomicU32::new(0),
            free: Mutex::new(Free { head: 0, reap_at: 0 }),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            first: core::array::from_fn(|_| Record::new()),
            used: AtomicU32::new(0),
            process: AtomicU32::new(0),
            free: Mutex::new(Free { head: 0, reap_at: 0 }),
        }
    }

    /// A record for the calling thread. `bury` drops what a dead thread had pinned, with no lock held.
    pub(super) fn claim(&self, bury: impl Fn(&Record)) -> &Record {
        loop {
            let mut free = self.lock();
            let used = self.used.load(Ordering::Relaxed);
            let record = if free.head != 0 {
                let record = self.get(free.head - 1);
                free.head = record.next_free.load(Ordering::Relaxed);
                record
            } else if used < free.reap_at() {
                let record = self.make(used);
                record.index.store(used, Ordering::Relaxed);
                // Release: whoever sees the new count sees the record.
                self.used.store(used + 1, Ordering::Release);
                record
            } else {
                let dead = self.take_dead(used);
                free.reap_at = (2 * (used - dead.len() as u32)).max(FIRST as u32);
                let (pinned, idle): (Vec<_>, Vec<_>) = dead.into_iter().partition(|record| !record.places().is_empty());
                idle.into_iter().for_each(|record| free.give(record));
                drop(free);
                for record in pinned {
                    bury(record);
                    self.lock().give(record);
                }
                continue;
            };
            self.take_over(record);
            return record;
        }
    }

    /// Makes the calling thread the owner of a record, in this process. In the child of a fork, the
    /// records of all other threads do not count from now on. Only atomic operations and system calls.
    pub(super) fn take_over(&self, record: &Record) {
        let (process, thread) = threads::current();
        record.process.store(process, Ordering::Relaxed);
        record.thread.store(thread, Ordering::Relaxed);
        self.process.store(process, Ordering::Relaxed);
    }

    /// The record of this index, which has been used.
    pub(super) fn get(&self, index: u32) -> &Record {
        match self.first.get(index as usize) {
            Some(record) => record,
            None => self.get_more(index as usize),
        }
    }

    /// Every record that has been used in this process.
    pub(super) fn each<'a>(&'a self, mut visit: impl FnMut(&'a Record)) {
        let used = self.used.load(Ordering::Acquire);
        let process = self.process.load(Ordering::Relaxed);
        let records = (0..used).map(|index| self.get(index));
        records.filter(|record| record.process.load(Ordering::Relaxed) == process).for_each(&mut visit);
    }

    /// Takes the records of dead threads, so that nobody else finds them.
    fn take_dead(&self, used: u32) -> Vec<&Record> {
        let (process, _) = threads::current();
        let dead = (0..used).map(|index| self.get(index)).filter(|record| {
            let thread = record.thread.load(Ordering::Relaxed);
            // After a fork the records of the parent's threads stay as they are.
            record.process.load(Ordering::Relaxed) == process && thread != 0 && !threads::is_alive(thread)
        });
        let dead: Vec<&Record> = dead.collect();
        dead.iter().for_each(|record| record.thread.store(0, Ordering::Relaxed));
        dead
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(not(loom))]
impl Records {
    fn make(&self, index: u32) -> &Record {
        if let Some((chunk, _)) = locate(index as usize) {
            let size = FIRST << chunk;
            self.more[chunk].get_or_init(|| (0..size).map(|_| Record::new()).collect());
        }
        self.get(index)
    }

    #[cold]
    fn get_more(&self, index: usize) -> &Record {
        let (chunk, at) = locate(index).expect("the first records are elsewhere");
        &self.more[chunk].get().expect("made before it was counted")[at]
    }
}

/// In which chunk after the first records an index is, and where. Chunk `n` has `FIRST << n` records.
#[cfg(not(loom))]
fn locate(index: usize) -> Option<(usize, usize)> {
    let chunk = (index / FIRST + 1).ilog2() as usize;
    let start = (FIRST << chunk) - FIRST;
    chunk.checked_sub(1).map(|_| (chunk, index - start))
}

#[cfg(loom)]
impl Records {
    fn make(&self, index: u32) -> &Record {
        self.get(index)
    }

    fn get_more(&self, _: usize) -> &Record {
        unreachable!("a model has few threads")
    }
}

impl Free {
    /// Takes in a record without an owner and without pins.
    fn give(&mut self, record: &Record) {
        record.reset();
        record.next_free.store(self.head, Ordering::Relaxed);
        self.head = record.index() + 1;
    }

    fn reap_at(&self) -> u32 {
        self.reap_at.max(FIRST as u32)
    }
}

#[cfg(all(target_os = "linux", not(loom)))]
mod threads {
    use rustix::process::{Pid, test_kill_process};

    /// The calling process and thread.
    pub(super) fn current() -> (u32, u32) {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        (process.cast_unsigned(), rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned())
    }

    /// Whether there is such a thread. A thread that cannot be signalled is there.
    pub(super) fn is_alive(thread: u32) -> bool {
        Pid::from_raw(thread.cast_signed())
            .is_some_and(|thread| test_kill_process(thread) != Err(rustix::io::Errno::SRCH))
    }
}

#[cfg(any(not(target_os = "linux"), loom))]
mod threads {
    pub(super) fn current() -> (u32, u32) {
        (1, 1)
    }

    pub(super) fn is_alive(_: u32) -> bool {
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_each_other() {
        assert_eq!(locate(0), None);
        assert_eq!(locate(FIRST - 1), None);
        let mut expected = (1, 0);
        for index in FIRST..FIRST * 40 {
            assert_eq!(locate(index), Some(expected), "{index}");
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn knows_the_living_from_the_dead() {
        let (_, thread) = threads::current();
        assert!(threads::is_alive(thread));
        let dead = std::thread::spawn(|| threads::current().1).join().unwrap();
        // The kernel may need a moment to forget a thread that has been joined.
        while threads::is_alive(dead) {
            std::thread::yield_now();
        }
    }
}
