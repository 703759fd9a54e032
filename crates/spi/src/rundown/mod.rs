//! Rundown: closing what other threads may be using, at no cost to those who use it.
//!
//! A call [pins](pin) a key, which is a store into a record of its own thread, and *then* looks up
//! what the key stands for. A closer first makes the look-up fail, and then [drains](drain) the key:
//! it waits until the calls that may have found it have left. The order between a pin and the
//! look-up behind it costs nothing, because the closer makes the kernel interrupt every running
//! thread (`membarrier`). Where the kernel refuses that, both sides use a fence.
//!
//! Nobody waits for a callback. While client code runs inside a call ([`in_callback`]), the pins of
//! its thread do not hold up a closer, so that a close or a clean-up called from there cannot
//! deadlock, and neither can one that the callback waits for. A closer does not wait for its own
//! thread's pins either. What such calls still use is freed by the last of them to leave
//! ([`Remaining::then`]).
//!
//! In the child of a fork, nothing that another thread of the parent had pinned counts.
//!
//! Keys are numbers; [`Domain`] makes them. Two things with the same key share the wait and nothing
//! else.
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use windlass_spi::rundown::{self, Domain};
//!
//! static DOORS: Domain = Domain::new();
//! static OPEN: AtomicBool = AtomicBool::new(true);
//!
//! fn enter() -> bool {
//!     let _pin = rundown::pin(DOORS.key(7));
//!     // Only now is it known whether the door is open, and it stays usable until the pin is dropped.
//!     OPEN.load(Ordering::Acquire)
//! }
//!
//! assert!(enter());
//! OPEN.store(false, Ordering::Release);
//! rundown::drain(|key| key == DOORS.key(7), None).then(|| println!("nobody is inside"));
//! assert!(!enter());
//! ```

mod barrier;
mod record;
mod records;
mod registry;
mod sync;

#[cfg(test)]
mod tests;

pub use process::{Pin, Remaining, drain, drain_for, in_callback, pin, pinned};

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU32, Ordering};

/// A set of 2³² keys that no other domain of the process shares.
pub struct Domain {
    /// Zero until the first key is made.
    number: AtomicU32,
}

const _: () = assert!(usize::BITS == 64, "a key is a domain and an item, 32 bits each");

impl Domain {
    /// A domain.
    pub const fn new() -> Self {
        Self { number: AtomicU32::new(0) }
    }

    /// The key of one item.
    #[inline]
    pub fn key(&self, item: u32) -> NonZeroUsize {
        let number = match self.number.load(Ordering::Relaxed) {
            0 => self.number(),
            number => number,
        };
        let key = (number as usize) << 32 | item as usize;
        NonZeroUsize::new(key).expect("a domain's number is not zero")
    }

    /// The item of a key, if it is of this domain.
    pub fn item(&self, key: NonZeroUsize) -> Option<u32> {
        self.contains(key).then_some(key.get() as u32)
    }

    /// Whether a key is of this domain.
    pub fn contains(&self, key: NonZeroUsize) -> bool {
        self.key(0).get() >> 32 == key.get() >> 32
    }

    #[cold]
    fn number(&self) -> u32 {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        match self.number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new,
            Err(earlier) => earlier,
        }
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self::new()
    }
}

/// The registry of this process (of this module, in a shared object that has its own copy).
mod process {
    use super::record::Record;
    use super::registry::{self, Registry};
    use core::cell::Cell;
    use core::marker::PhantomData;
    use core::num::NonZeroUsize;
    use std::time::{Duration, Instant};

    #[cfg(not(loom))]
    static REGISTRY: Registry = Registry::new();
    /// So that the rest of the crate compiles. A model makes registries of its own.
    #[cfg(loom)]
    static REGISTRY: std::sync::LazyLock<Registry> =
        std::sync::LazyLock::new(|| Registry::with_mode(super::barrier::Mode::Fenced));

    thread_local! {
        // Without a destructor: usable for as long as the thread runs.
        static RECORD: Cell<Option<&'static Record>> = const { Cell::new(None) };
    }

    /// Keeps what a key stands for from being freed, on this thread, until it is dropped.
    #[must_use = "what is pinned is free to go when the pin is dropped"]
    pub struct Pin {
        record: &'static Record,
        place: usize,
        thread: PhantomData<*const ()>,
    }

    /// Pins a key for the calling thread. Look up what it stands for afterwards, not before.
    #[inline]
    pub fn pin(key: NonZeroUsize) -> Pin {
        let record = record();
        Pin { record, place: record.enter(key), thread: PhantomData }
    }

    impl Drop for Pin {
        #[inline]
        fn drop(&mut self) {
            REGISTRY.leave(self.record, self.place);
        }
    }

    /// The keys that the calling thread has pinned, those of inner calls first.
    pub fn pinned() -> Vec<NonZeroUsize> {
        record().own_keys()
    }

    /// Runs client code. Until it returns, no closer waits for the pins that this thread has now.
    pub fn in_callback<R>(body: impl FnOnce() -> R) -> R {
        REGISTRY.in_callback(record(), None, body)
    }

    /// Waits until every pin of a wanted key has been dropped, apart from those of this thread and
    /// those in a callback. The caller has made sure that whoever pins from now on finds closed what
    /// the keys stand for.
    ///
    /// While it waits, the pins of this thread count as being in a callback, so that two threads that
    /// each close what the other one uses do not wait for each other. All but `keep`, the closing
    /// call's own pin: others do wait for that one, and what is left does not include it, because the
    /// caller promises not to use what is freed.
    pub fn drain(wanted: impl Fn(NonZeroUsize) -> bool, keep: Option<&Pin>) -> Remaining {
        drain_until(&wanted, keep, None)
    }

    /// The same as [`drain`], but gives up waiting after this time: then [`Remaining`] holds pins that
    /// others use.
    pub fn drain_for(wanted: impl Fn(NonZeroUsize) -> bool, keep: Option<&Pin>, limit: Duration) -> Remaining {
        // A limit beyond the end of the clock is none.
        drain_until(&wanted, keep, Instant::now().checked_add(limit))
    }

    fn drain_until(wanted: &dyn Fn(NonZeroUsize) -> bool, keep: Option<&Pin>, end: Option<Instant>) -> Remaining {
        let me = record();
        let keep = keep.map(|pin| pin.place);
        let left = REGISTRY.in_callback(me, keep, || REGISTRY.drain_until(wanted, Some(me), keep, end));
        Remaining { left }
    }

    /// The pins that a [`drain`] did not wait for: those of its own thread, and those in a callback.
    #[must_use = "what is still pinned must not be freed"]
    pub struct Remaining {
        left: registry::Remaining<'static>,
    }

    impl Remaining {
        /// Whether none is left: nobody uses any more what the keys stood for.
        pub fn is_empty(&self) -> bool {
            self.left.is_empty()
        }

        /// Does `work` when the last of them has been dropped: at once if there is none, else on the
        /// thread that drops it.
        pub fn then(self, work: impl FnOnce() + Send + 'static) {
            self.left.then(work);
        }
    }

    #[inline]
    fn record() -> &'static Record {
        match RECORD.get() {
            Some(record) => record,
            None => claim(),
        }
    }

    #[cold]
    fn claim() -> &'static Record {
        #[cfg(unix)]
        crate::adapter::fork::run_in_children(in_child);
        let record = REGISTRY.claim();
        RECORD.set(Some(record));
        record
    }

    /// The other threads are gone, and so are their calls. A thread without a record has nothing pinned,
    /// and claims one before it waits for anybody.
    #[cfg(unix)]
    extern "C" fn in_child() {
        if let Some(record) = RECORD.get() {
            REGISTRY.inherit(record);
        }
    }
}
