//! What clients hold by opaque values, so that a value that names nothing is found out.

use std::sync::{Arc, PoisonError, RwLock};

/// Values by handle. A slot is used again under another handle.
pub struct Slab<T>(RwLock<Slots<T>>);

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

impl<T> Slab<T> {
    pub const fn new() -> Self {
        Self(RwLock::new(Slots { slots: Vec::new(), free: Vec::new() }))
    }

    /// The new handle: never zero, and never all bits of 32.
    pub fn insert(&self, value: Arc<T>) -> usize {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let at = all.free.pop().unwrap_or_else(|| {
            all.slots.push(Slot { generation: 1, value: None });
            all.slots.len() as u32 - 1
        });
        let slot = &mut all.slots[at as usize];
        slot.value = Some(value);
        (slot.generation as usize) << 32 | at as usize
    }

    pub fn get(&self, handle: usize) -> Option<Arc<T>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let slot = all.slots.get(handle & 0xFFFF_FFFF)?;
        slot.value.as_ref().filter(|_| slot.generation as usize == handle >> 32).cloned()
    }

    pub fn remove(&self, handle: usize) -> Option<Arc<T>> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let at = handle & 0xFFFF_FFFF;
        let slot = all.slots.get_mut(at).filter(|slot| slot.generation as usize == handle >> 32)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        all.free.push(at as u32);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_names_nothing() {
        let slab = Slab::new();
        let first = slab.insert(Arc::new(1));
        assert_eq!(slab.get(first).as_deref(), Some(&1));
        assert_eq!(slab.remove(first).as_deref(), Some(&1));
        let second = slab.insert(Arc::new(2));
        assert_ne!(first, second);
        for none in [0, 1, first, second + 1, usize::MAX, 0xFFFF_FFFF] {
            assert_eq!(slab.get(none), None, "{none:#x}");
            assert_eq!(slab.remove(none), None, "{none:#x}");
        }
        assert_eq!(slab.get(second).as_deref(), Some(&2));
    }
}
