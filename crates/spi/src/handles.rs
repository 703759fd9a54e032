//! A table from socket handles to small words, indexed by descriptor number.
//!
//! A look-up takes no lock and touches two lines of memory. Each entry carries a generation, so that
//! a number that was closed and opened again in between is told from the old one. What a word stands
//! for must be kept from being freed by other means: pin a key first, and look up then
//! ([`rundown`](crate::rundown)).

use core::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use windlass_abi::{SOCKET, WsaError};

/// The table. It grows with the highest number used: 8 bytes for each, in chunks that double.
pub struct Table {
    chunks: [OnceLock<Box<[AtomicU64]>>; CHUNKS],
}

/// What a handle is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Generation and value; the value is not zero.
    word: u64,
}

/// The first chunk's length; chunk `n` has `FIRST << n` entries.
const FIRST: usize = 64;
/// Enough for 2³⁰ descriptors, the most that Linux allows.
const CHUNKS: usize = 25;
/// The bits of a word that hold the value: enough for an address in user space.
const VALUE_BITS: u32 = 48;

impl Entry {
    /// The largest value that an entry can hold.
    pub const MAX: u64 = (1 << VALUE_BITS) - 1;

    /// The value that the handle is bound to.
    #[inline]
    pub fn value(self) -> u64 {
        self.word & Self::MAX
    }

    /// Counts the bindings that this number has had.
    pub fn generation(self) -> u16 {
        (self.word >> VALUE_BITS) as u16
    }

    fn of(word: u64) -> Option<Self> {
        (word & Self::MAX != 0).then_some(Self { word })
    }
}

impl Table {
    /// An empty table. It allocates nothing.
    pub const fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// What a handle is bound to, if it is.
    #[inline]
    pub fn get(&self, handle: SOCKET) -> Option<Entry> {
        // Acquire: what the word stands for was made before it was bound.
        Entry::of(self.slot(handle)?.load(Ordering::Acquire))
    }

    /// Binds a free handle. `WSAEINVAL` if it is bound already, `WSAEMFILE` if the number is too large.
    ///
    /// # Panics
    /// If `value` is zero or larger than [`Entry::MAX`].
    pub fn insert(&self, handle: SOCKET, value: u64) -> Result<Entry, WsaError> {
        self.bind(handle, value, false).map(|(new, _)| new)
    }

    /// Binds a handle, whether it is free or not: the new entry, and the old one. `WSAEMFILE` if the
    /// number is too large.
    ///
    /// # Panics
    /// If `value` is zero or larger than [`Entry::MAX`].
    pub fn replace(&self, handle: SOCKET, value: u64) -> Result<(Entry, Option<Entry>), WsaError> {
        self.bind(handle, value, true)
    }

    /// Frees a handle, and says what it was bound to. Of several callers one gets the entry.
    pub fn remove(&self, handle: SOCKET) -> Option<Entry> {
        let slot = self.slot(handle)?;
        let mut word = slot.load(Ordering::Relaxed);
        loop {
            let entry = Entry::of(word)?;
            match slot.compare_exchange(word, freed(word), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(entry),
                Err(now) => word = now,
            }
        }
    }

    /// Frees a handle if it is still bound to this entry, not to a later one with the same value.
    pub fn remove_if(&self, handle: SOCKET, entry: Entry) -> bool {
        self.slot(handle).is_some_and(|slot| {
            let freed = freed(entry.word);
            slot.compare_exchange(entry.word, freed, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// Every handle that is bound while it is looked at.
    pub fn entries(&self) -> impl Iterator<Item = (SOCKET, Entry)> {
        let chunks = self.chunks.iter().enumerate().filter_map(|(n, chunk)| Some((n, chunk.get()?)));
        chunks.flat_map(|(n, chunk)| {
            let start = start(n);
            let entries = chunk.iter().map(|slot| Entry::of(slot.load(Ordering::Acquire)));
            entries.enumerate().filter_map(move |(at, entry)| Some((start + at, entry?)))
        })
    }

    fn bind(&self, handle: SOCKET, value: u64, replace: bool) -> Result<(Entry, Option<Entry>), WsaError> {
        assert!(value != 0 && value <= Entry::MAX, "a value takes {VALUE_BITS} bits and is not zero");
        let (chunk, at) = locate(handle).ok_or(WsaError::WSAEMFILE)?;
        let entries = self.chunks[chunk].get_or_init(|| (0..FIRST << chunk).map(|_| AtomicU64::new(0)).collect());
        let mut word = entries[at].load(Ordering::Relaxed);
        loop {
            let old = Entry::of(word);
            if old.is_some() && !replace {
                return Err(WsaError::WSAEINVAL);
            }
            let generation = (word >> VALUE_BITS).wrapping_add(1);
            let new = Entry { word: generation << VALUE_BITS | value };
            match entries[at].compare_exchange(word, new.word, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok((new, old)),
                Err(now) => word = now,
            }
        }
    }

    #[inline]
    fn slot(&self, handle: SOCKET) -> Option<&AtomicU64> {
        let (chunk, at) = locate(handle)?;
        self.chunks[chunk].get()?.get(at)
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} (generation {})", self.value(), self.generation())
    }
}

/// In which chunk a handle is, and where.
#[inline]
fn locate(handle: SOCKET) -> Option<(usize, usize)> {
    let shifted = handle.checked_add(FIRST)?;
    let chunk = (shifted.ilog2() - FIRST.ilog2()) as usize;
    (chunk < CHUNKS).then(|| (chunk, shifted - (FIRST << chunk)))
}

/// The first handle of a chunk.
fn start(chunk: usize) -> SOCKET {
    (FIRST << chunk) - FIRST
}

/// The word of a freed entry: the generation alone.
fn freed(word: u64) -> u64 {
    word & !Entry::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use windlass_abi::INVALID_SOCKET;

    #[test]
    fn every_number_has_one_place() {
        let mut expected = (0, 0);
        for handle in 0..100_000 {
            assert_eq!(locate(handle), Some(expected), "{handle}");
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
                assert_eq!(start(expected.0), handle + 1);
            }
        }
        assert!(locate((1 << 30) - 1).is_some());
        assert_eq!(locate(INVALID_SOCKET), None);
        assert_eq!(locate(INVALID_SOCKET - FIRST), None);
    }

    #[test]
    fn binds_and_frees() {
        let table = Table::new();
        assert_eq!(table.get(5), None);
        let first = table.insert(5, 77).unwrap();
        assert_eq!(table.get(5), Some(first));
        assert_eq!(first.value(), 77);
        assert_eq!(table.insert(5, 78), Err(WsaError::WSAEINVAL));
        assert_eq!(table.remove(5), Some(first));
        assert_eq!((table.remove(5), table.get(5)), (None, None));
        let second = table.insert(5, 77).unwrap();
        assert_ne!(first, second, "the same value, but another generation");
        assert!(!table.remove_if(5, first));
        let (third, old) = table.replace(5, Entry::MAX).unwrap();
        assert_eq!((old, third.value()), (Some(second), Entry::MAX));
        assert!(table.remove_if(5, third));
        assert_eq!(table.insert(INVALID_SOCKET, 1), Err(WsaError::WSAEMFILE));
        assert_eq!(table.get(INVALID_SOCKET), None);
    }

    #[test]
    fn generations_wrap_without_touching_the_value() {
        let table = Table::new();
        for round in 0..70_000u64 {
            let entry = table.insert(1, round + 1).unwrap();
            assert_eq!(entry.value(), round + 1);
            assert_eq!(u64::from(entry.generation()), (round + 1) & 0xffff);
            assert_eq!(table.remove(1), Some(entry));
        }
    }

    #[test]
    fn lists_what_is_bound() {
        let table = Table::new();
        let bound: HashMap<SOCKET, u64> = (0..2000).step_by(7).map(|n| (n, n as u64 * 3 + 1)).collect();
        for (handle, value) in &bound {
            table.insert(*handle, *value).unwrap();
        }
        let listed: HashMap<SOCKET, u64> = table.entries().map(|(handle, entry)| (handle, entry.value())).collect();
        assert_eq!(listed, bound);
    }

    #[test]
    fn of_many_threads_one_binds_and_one_frees() {
        let table = Table::new();
        for handle in 0..200 {
            let count = |results: Vec<bool>| results.into_iter().filter(|won| *won).count();
            let race = |act: &(dyn Fn() -> bool + Sync)| {
                std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..4).map(|_| scope.spawn(act)).collect();
                    count(threads.into_iter().map(|thread| thread.join().unwrap()).collect())
                })
            };
            assert_eq!(race(&|| table.insert(handle, 9).is_ok()), 1);
            assert_eq!(race(&|| table.remove(handle).is_some()), 1);
        }
    }
}
