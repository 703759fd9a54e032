//! The pins of one thread.

use core::num::NonZeroUsize;

use super::sync::{AtomicBool, AtomicU32, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use super::sync::{compiler_fence, fence};

/// How many pins of a thread are kept without a lock. The SDK needs one for each nested call.
pub(super) const SLOTS: usize = if cfg!(loom) { 2 } else { 16 };

/// What one thread has pinned. Only the owner writes the slots; closers read them.
///
/// All zero at the start, so that a static array of records costs nothing until it is used.
#[repr(C, align(64))]
pub(super) struct Record {
    /// A closer waits for a pin of this record, so whoever changes one has to tell.
    watched: AtomicU32,
    /// The kernel refused `membarrier`: this side pays for the fence.
    fenced: AtomicBool,
    /// The keys pinned; zero if free.
    slots: [AtomicUsize; SLOTS],
    /// Which slots are in a callback, a bit for each.
    marks: AtomicU32,
    /// How many callbacks the thread is in.
    callbacks: AtomicU32,
    /// The place that the next pin in `more` gets.
    next_place: AtomicUsize,
    /// The owner's thread and process; zero if there is none.
    pub(super) thread: AtomicU32,
    pub(super) process: AtomicU32,
    pub(super) index: AtomicU32,
    /// In the list of free records, the next one's index plus one.
    pub(super) next_free: AtomicU32,
    /// The pins that found every slot taken.
    more: Mutex<Option<Box<Overflow>>>,
}

/// Behind a pointer, so that a record that never needs it is all zero.
#[derive(Default)]
struct Overflow {
    pins: Vec<More>,
}

/// A pin that found every slot taken.
struct More {
    place: usize,
    key: NonZeroUsize,
    /// The callback that it is in, counted from one; zero if in none.
    callback: u32,
}

/// A pin as a closer saw it.
pub(super) struct Seen {
    pub(super) place: usize,
    /// It is in a callback.
    pub(super) marked: bool,
}

/// What [`Record::leave_callback`] puts back.
pub(super) struct Marks(u32);

impl Record {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            watched: AtomicU32::new(0),
            fenced: AtomicBool::new(false),
            slots: [const { AtomicUsize::new(0) }; SLOTS],
            marks: AtomicU32::new(0),
            callbacks: AtomicU32::new(0),
            next_place: AtomicUsize::new(0),
            thread: AtomicU32::new(0),
            process: AtomicU32::new(0),
            index: AtomicU32::new(0),
            next_free: AtomicU32::new(0),
            more: Mutex::new(None),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            watched: AtomicU32::new(0),
            fenced: AtomicBool::new(true),
            slots: core::array::from_fn(|_| AtomicUsize::new(0)),
            marks: AtomicU32::new(0),
            callbacks: AtomicU32::new(0),
            next_place: AtomicUsize::new(0),
            thread: AtomicU32::new(0),
            process: AtomicU32::new(0),
            index: AtomicU32::new(0),
            next_free: AtomicU32::new(0),
            more: Mutex::new(None),
        }
    }

    /// Whether this side pays for the fence between its pin and its check.
    pub(super) fn set_fenced(&self, fenced: bool) {
        self.fenced.store(fenced, Ordering::Relaxed);
    }

    /// Pins a key: the place it got. A check that follows is not moved before it.
    #[inline]
    pub(super) fn enter(&self, key: NonZeroUsize) -> usize {
        // A call of the runtime's and the one that the SDK nests in it are the rule, more the exception.
        let place = match self.slots.iter().take(2).position(|slot| slot.load(Ordering::Relaxed) == 0) {
            Some(place) => {
                // Release: a closer that finds this pin in place of an older one has synchronised with
                // the end of the older one.
                self.slots[place].store(key.get(), Ordering::Release);
                place
            }
            None => self.enter_nested(key),
        };
        self.light_barrier();
        place
    }

    #[cold]
    fn enter_nested(&self, key: NonZeroUsize) -> usize {
        for (place, slot) in self.slots.iter().enumerate().skip(2) {
            if slot.load(Ordering::Relaxed) == 0 {
                slot.store(key.get(), Ordering::Release);
                return place;
            }
        }
        let place = self.next_place.load(Ordering::Relaxed).max(SLOTS);
        self.next_place.store(place + 1, Ordering::Relaxed);
        self.more().get_or_insert_default().pins.push(More { place, key, callback: 0 });
        place
    }

    /// Takes a pin back. True if a closer has to be told.
    #[inline]
    #[must_use]
    pub(super) fn leave(&self, place: usize) -> bool {
        match self.slots.get(place) {
            Some(slot) => slot.store(0, Ordering::Release),
            None => self.leave_more(place),
        }
        self.light_barrier();
        self.is_watched()
    }

    #[cold]
    fn leave_more(&self, place: usize) {
        let mut more = self.more();
        if let Some(overflow) = more.as_mut() {
            // The last one in is most often the first one out.
            if let Some(at) = overflow.pins.iter().rposition(|pin| pin.place == place) {
                overflow.pins.remove(at);
            }
            if overflow.pins.is_empty() {
                *more = None;
            }
        }
    }

    /// Marks every pin as being in a callback, except the one at `keep`. The caller tells a closer
    /// that watches.
    pub(super) fn enter_callback(&self, keep: Option<usize>) -> Marks {
        let old = self.marks.load(Ordering::Relaxed);
        let mut marks = old;
        for (place, slot) in self.slots.iter().enumerate() {
            if slot.load(Ordering::Relaxed) != 0 && keep != Some(place) {
                marks |= 1 << place;
            }
        }
        let depth = self.callbacks.load(Ordering::Relaxed) + 1;
        self.callbacks.store(depth, Ordering::Relaxed);
        for pin in self.more().iter_mut().flat_map(|more| more.pins.iter_mut()) {
            if pin.callback == 0 && keep != Some(pin.place) {
                pin.callback = depth;
            }
        }
        self.marks.store(marks, Ordering::Release);
        self.light_barrier();
        Marks(old)
    }

    /// Ends what [`enter_callback`](Self::enter_callback) began.
    pub(super) fn leave_callback(&self, old: Marks) {
        let depth = self.callbacks.load(Ordering::Relaxed);
        self.callbacks.store(depth - 1, Ordering::Relaxed);
        for pin in self.more().iter_mut().flat_map(|more| more.pins.iter_mut()) {
            if pin.callback == depth {
                pin.callback = 0;
            }
        }
        self.marks.store(old.0, Ordering::Release);
        self.light_barrier();
    }

    /// Whether a closer watches the pins of this record.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) != 0
    }

    /// For closers, who do it under their lock.
    pub(super) fn watch(&self, watched: bool) {
        self.watched.store(watched.into(), Ordering::Relaxed);
    }

    /// Every pin with a key that is wanted. For closers, after a heavy barrier.
    pub(super) fn find(&self, wanted: &dyn Fn(NonZeroUsize) -> bool, mut found: impl FnMut(Seen)) {
        let marks = self.marks.load(Ordering::Acquire);
        for (place, slot) in self.slots.iter().enumerate() {
            // Acquire: what the owner did before it left happens before what the closer does next.
            let key = NonZeroUsize::new(slot.load(Ordering::Acquire));
            if key.is_some_and(wanted) {
                found(Seen { place, marked: marks & (1 << place) != 0 });
            }
        }
        for pin in self.more().iter().flat_map(|more| more.pins.iter()) {
            if wanted(pin.key) {
                found(Seen { place: pin.place, marked: pin.callback != 0 });
            }
        }
    }

    /// Whether a wanted key is pinned at `place`: if so, whether it is in a callback.
    pub(super) fn holds(&self, place: usize, wanted: &dyn Fn(NonZeroUsize) -> bool) -> Option<bool> {
        let mut held = None;
        self.find(wanted, |seen| {
            if seen.place == place {
                held = Some(seen.marked);
            }
        });
        held
    }

    /// Every place that is pinned.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut places = Vec::new();
        self.find(&|_| true, |seen| places.push(seen.place));
        places
    }

    /// The keys that the owner has pinned, those of inner calls first. For the owner.
    pub(super) fn own_keys(&self) -> Vec<NonZeroUsize> {
        let mut keys: Vec<_> = self.more().iter().flat_map(|more| more.pins.iter().map(|pin| pin.key)).collect();
        let slots = self.slots.iter().filter_map(|slot| NonZeroUsize::new(slot.load(Ordering::Relaxed)));
        keys.splice(0..0, slots);
        keys.reverse();
        keys
    }

    /// The number of this record.
    pub(super) fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Makes a record that a dead thread has left as good as new. Its pins are gone already.
    pub(super) fn reset(&self) {
        self.marks.store(0, Ordering::Relaxed);
        self.callbacks.store(0, Ordering::Relaxed);
        self.thread.store(0, Ordering::Relaxed);
    }

    /// Orders what this thread stored before what it loads next, as seen by a closer between its two
    /// heavy barriers.
    #[inline]
    fn light_barrier(&self) {
        if self.fenced.load(Ordering::Relaxed) {
            fence(Ordering::SeqCst);
        } else {
            compiler_fence(Ordering::SeqCst);
        }
    }

    fn more(&self) -> MutexGuard<'_, Option<Box<Overflow>>> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
