//! From handles to objects.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock};

use crate::handle::{Handle, MAX_OBJECTS};
use crate::lock;

/// Slots by handle. A slot that is freed waits behind [`REUSE_DELAY`] others before it is used again, with
/// the next generation, so that a stale handle is refused for a long time.
///
/// Memory grows in chunks and never moves: a look-up takes the lock of one slot, which nobody else wants
/// unless they use the same handle. (24 bytes a slot for a value of two words.)
pub(crate) struct Table<T> {
    chunks: [OnceLock<Box<Chunk<T>>>; CHUNKS],
    free: Mutex<Free>,
    capacity: u32,
}

const CHUNK: usize = 256;
const CHUNKS: usize = MAX_OBJECTS as usize / CHUNK;
const REUSE_DELAY: usize = 1024;

type Chunk<T> = [Mutex<Slot<T>>; CHUNK];

struct Slot<T> {
    generation: u8,
    value: Option<T>,
}

struct Free {
    /// Freed indexes, the oldest first.
    queue: VecDeque<u32>,
    /// The lowest index that was never used.
    fresh: u32,
}

impl<T> Table<T> {
    /// A table of at most `capacity` values.
    pub(crate) const fn new(capacity: u32) -> Self {
        assert!(capacity <= MAX_OBJECTS);
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            free: Mutex::new(Free { queue: VecDeque::new(), fresh: 0 }),
            capacity,
        }
    }

    /// Stores a value; `None` if the table is full.
    pub(crate) fn insert(&self, value: T) -> Option<Handle> {
        let index = self.free_index()?;
        let mut slot = lock(self.slot_or_grow(index));
        slot.value = Some(value);
        Some(Handle::new(index, slot.generation))
    }

    /// What `read` makes of the value of this handle; `None` if it has none. The slot is locked meanwhile.
    pub(crate) fn with<R>(&self, handle: Handle, read: impl FnOnce(&T) -> R) -> Option<R> {
        let (index, generation) = handle.parts()?;
        let slot = lock(self.slot(index)?);
        match &slot.value {
            Some(value) if slot.generation == generation => Some(read(value)),
            _ => None,
        }
    }

    /// Takes the value of this handle out, if it has one and `wanted` says so. The handle is stale from here on.
    pub(crate) fn remove_if(&self, handle: Handle, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let (index, generation) = handle.parts()?;
        let mut slot = lock(self.slot(index)?);
        if slot.generation != generation || !slot.value.as_ref().is_some_and(wanted) {
            return None;
        }
        let value = slot.value.take();
        slot.generation = generation.wrapping_add(1);
        drop(slot);
        lock(&self.free).queue.push_back(index);
        value
    }

    fn free_index(&self) -> Option<u32> {
        let mut free = lock(&self.free);
        if free.queue.len() > REUSE_DELAY || free.fresh == self.capacity {
            return free.queue.pop_front();
        }
        free.fresh += 1;
        Some(free.fresh - 1)
    }

    fn slot(&self, index: u32) -> Option<&Mutex<Slot<T>>> {
        let chunk = self.chunks[index as usize / CHUNK].get()?;
        Some(&chunk[index as usize % CHUNK])
    }

    fn slot_or_grow(&self, index: u32) -> &Mutex<Slot<T>> {
        let chunk = self.chunks[index as usize / CHUNK]
            .get_or_init(|| Box::new([const { Mutex::new(Slot { generation: 0, value: None }) }; CHUNK]));
        &chunk[index as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_value_is_gone_and_its_handle_stale() {
        let table = Table::new(16);
        let handle = table.insert("a").unwrap();
        assert_eq!(table.with(handle, |v| *v), Some("a"));
        assert_eq!(table.remove_if(handle, |_| false), None);
        assert_eq!(table.remove_if(handle, |_| true), Some("a"));
        assert_eq!(table.remove_if(handle, |_| true), None);
        assert_eq!(table.with(handle, |v| *v), None);
    }

    #[test]
    fn slots_are_reused_late_and_under_another_generation() {
        let table = Table::new(MAX_OBJECTS);
        let mut seen = std::collections::HashSet::new();
        for round in 0..10 * REUSE_DELAY {
            let handle = table.insert(round).unwrap();
            assert!(seen.insert(handle), "{handle:?} came back after {round} rounds");
            assert_eq!(table.remove_if(handle, |_| true), Some(round));
        }
        let highest = seen.iter().filter_map(|h| h.parts()).map(|(index, _)| index).max();
        assert!(highest.unwrap() <= REUSE_DELAY as u32 + 1, "the table grew without need");
    }

    #[test]
    fn a_full_table_refuses_and_recovers() {
        let table = Table::new(3);
        let handles: Vec<_> = (0..3).map(|v| table.insert(v).unwrap()).collect();
        assert_eq!(table.insert(3), None);
        assert_eq!(table.remove_if(handles[1], |_| true), Some(1));
        let again = table.insert(4).unwrap();
        assert_ne!(again, handles[1]);
        assert_eq!(table.with(handles[1], |v| *v), None);
        assert_eq!(table.with(again, |v| *v), Some(4));
    }

    #[test]
    fn a_handle_beyond_the_grown_part_is_refused() {
        let table: Table<u32> = Table::new(MAX_OBJECTS);
        assert_eq!(table.with(Handle::new(MAX_OBJECTS - 1, 0), |v| *v), None);
    }
}
