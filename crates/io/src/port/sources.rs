//! What readiness is told to: the sources of a port, by the tokens that its epoll set knows them by.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bitflags::bitflags;
use rustix::event::epoll::EventFlags;

use crate::{lock, thread};

bitflags! {
    /// What may be possible on a descriptor now.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Readiness: u32 {
        /// Something can be received, or accepted.
        const READ = 1;
        /// Something can be sent; a connection is made.
        const WRITE = 1 << 1;
        /// Urgent data.
        const URGENT = 1 << 2;
        /// The peer sends no more: what is left can be received, then its end. Once told, it is told with every event.
        const READ_CLOSED = 1 << 3;
        /// Both directions are shut. Once told, it is told with every event.
        const CLOSED = 1 << 4;
        /// An error waits to be fetched.
        const ERROR = 1 << 5;
    }
}

impl Readiness {
    const STICKY: Self = Self::READ_CLOSED.union(Self::CLOSED);

    const EPOLL: [(Self, EventFlags); 6] = [
        (Self::READ, EventFlags::IN),
        (Self::WRITE, EventFlags::OUT),
        (Self::URGENT, EventFlags::PRI),
        (Self::READ_CLOSED, EventFlags::RDHUP),
        (Self::CLOSED, EventFlags::HUP),
        (Self::ERROR, EventFlags::ERR),
    ];

    pub(super) fn from_epoll(flags: EventFlags) -> Self {
        Self::EPOLL.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(ready, _)| *ready).collect()
    }

    /// All of it, by edges.
    pub(super) fn epoll_interest() -> EventFlags {
        Self::EPOLL.iter().map(|(_, flag)| *flag).collect::<EventFlags>() | EventFlags::ET
    }
}

/// What becomes ready: a socket, with the operations that are pending on it.
pub trait Source: Send + Sync {
    /// The descriptor, the same as long as the source lives. It is registered once, by its edges.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Does what pending operations can be done now, with system calls that do not block, until one would block, and
    /// pushes the packets of those that are complete.
    ///
    /// It is told edges: what it leaves undone without having found that it would block is not told again, so it
    /// remembers that, and tries at once when the next operation is started. It may be told something
    /// that is no longer so. It is called by threads that wait for packets, one at a time for a source; what happens
    /// meanwhile is told by another call afterwards. It must not wait for packets itself, or drop the association
    /// of another source; it may drop its own, post, and start operations.
    fn ready(&self, events: Readiness, out: &mut super::Completions<'_>);
}

/// Slots by token, in chunks that never move, each twice the one before.
pub(super) struct Sources {
    chunks: [OnceLock<Box<[Entry]>>; CHUNKS],
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    indexes: Vec<u32>,
    /// The lowest index that was never used.
    fresh: u32,
}

const FIRST_CHUNK: u32 = 64;
/// Together four million.
const CHUNKS: usize = 16;

/// One slot. Its state is its generation (32 bits) above the flags: events not yet told, sticky ones, and these.
struct Entry {
    state: AtomicU64,
    /// Marks the thread that calls the source, or 0.
    caller: AtomicUsize,
    key: AtomicUsize,
    /// Locked by the caller for the call: who drops the association waits for it.
    source: Mutex<Option<Arc<dyn Source>>>,
}

/// Between insertion and the drop of the guard.
const LIVE: u64 = 1 << 16;
/// A thread calls the source, and tells it what comes in meanwhile.
const CALLED: u64 = 1 << 17;
/// The guard was dropped by the source itself; the caller cleans up.
const ORPHANED: u64 = 1 << 18;
const EVENTS: u64 = 0xFF;
const STICKY_SHIFT: u32 = 8;
const GENERATION_SHIFT: u32 = 32;

impl Sources {
    /// What no source is known by.
    pub(super) const NO_TOKEN: u64 = u64::MAX;

    pub(super) fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::new(Free::default()) }
    }

    /// Keeps a source; `None` if there are too many.
    pub(super) fn insert(&self, key: usize, source: Arc<dyn Source>) -> Option<u64> {
        let mut free = lock(&self.free);
        let index = match free.indexes.pop() {
            Some(index) => index,
            None => {
                let (chunk, _) = place(free.fresh);
                let size = FIRST_CHUNK << chunk;
                self.chunks.get(chunk)?.get_or_init(|| (0..size).map(|_| Entry::new()).collect());
                free.fresh += 1;
                free.fresh - 1
            }
        };
        drop(free);
        let entry = self.entry(index)?;
        entry.key.store(key, Ordering::Relaxed);
        *lock(&entry.source) = Some(source);
        let generation = entry.state.load(Ordering::Relaxed) >> GENERATION_SHIFT << GENERATION_SHIFT;
        entry.state.store(generation | LIVE, Ordering::Release);
        Some(generation | u64::from(index))
    }

    /// Tells a source what happened, with what happens meanwhile, through `call`, which gets the key as well; unless
    /// another thread calls it already and will tell it. Returns the source if it has removed itself.
    #[must_use = "the source is still registered"]
    pub(super) fn deliver(
        &self,
        token: u64,
        events: Readiness,
        mut call: impl FnMut(&dyn Source, Readiness, usize),
    ) -> Option<Arc<dyn Source>> {
        let entry = self.entry(token as u32)?;
        let turn = entry.begin(token, events)?;
        let source = lock(&entry.source);
        let caller = Caller::new(entry, token);
        if let Some(source) = &*source {
            let key = entry.key.load(Ordering::Relaxed);
            while let Some(ready) = turn.next() {
                call(&**source, ready, key);
            }
        }
        drop(caller);
        drop(source);
        if turn.is_orphaned() { self.free(token, entry) } else { None }
    }

    /// Takes a source out. When this returns, no call of it is under way or begins; unless it is the source itself that
    /// asks for this, out of a call: then [`deliver`](Self::deliver) returns it after that call.
    #[must_use = "the source is still registered"]
    pub(super) fn remove(&self, token: u64) -> Option<Arc<dyn Source>> {
        let entry = self.entry(token as u32)?;
        let own = entry.caller.load(Ordering::Relaxed) == thread::mark();
        entry.state.fetch_or(if own { ORPHANED } else { 0 }, Ordering::Relaxed);
        entry.state.fetch_and(!LIVE, Ordering::Release);
        if own { None } else { self.free(token, entry) }
    }

    /// What was told of a source and stays so.
    pub(super) fn sticky(&self, token: u64) -> Readiness {
        let state = self.entry(token as u32).map_or(0, |entry| entry.state.load(Ordering::Acquire));
        sticky(if is_live(state, token) { state } else { 0 })
    }

    /// Forgets what was told of a source and stays so.
    pub(super) fn forget_sticky(&self, token: u64) {
        let Some(entry) = self.entry(token as u32) else { return };
        let forget = |state| is_live(state, token).then_some(state & !(EVENTS << STICKY_SHIFT));
        let _ = entry.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, forget);
    }

    /// Frees the slot; no call is under way once the lock is there.
    fn free(&self, token: u64, entry: &Entry) -> Option<Arc<dyn Source>> {
        let source = lock(&entry.source).take();
        let generation = (token >> GENERATION_SHIFT).wrapping_add(1);
        entry.state.store(generation << GENERATION_SHIFT, Ordering::Release);
        lock(&self.free).indexes.push(token as u32);
        source
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        let (chunk, at) = place(index);
        self.chunks.get(chunk)?.get()?.get(at)
    }
}

/// The chunk of an index, and its place there.
fn place(index: u32) -> (usize, usize) {
    let chunk = (u64::from(index) / u64::from(FIRST_CHUNK) + 1).ilog2();
    let before = (u64::from(FIRST_CHUNK) << chunk) - u64::from(FIRST_CHUNK);
    (chunk as usize, (u64::from(index) - before) as usize)
}

fn same_generation(state: u64, token: u64) -> bool {
    state >> GENERATION_SHIFT == token >> GENERATION_SHIFT
}

fn is_live(state: u64, token: u64) -> bool {
    same_generation(state, token) && state & LIVE != 0
}

fn sticky(state: u64) -> Readiness {
    Readiness::from_bits_truncate((state >> STICKY_SHIFT & EVENTS) as u32)
}

impl Entry {
    fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            caller: AtomicUsize::new(0),
            key: AtomicUsize::new(0),
            source: Mutex::new(None),
        }
    }

    /// Notes what happened; if nobody calls the source now, the caller's turn to do so.
    fn begin(&self, token: u64, events: Readiness) -> Option<Turn<'_>> {
        let sticky = u64::from((events & Readiness::STICKY).bits()) << STICKY_SHIFT;
        let noted = u64::from(events.bits()) | sticky | CALLED;
        let note = |state| is_live(state, token).then_some(state | noted);
        let before = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, note).ok()?;
        (before & CALLED == 0).then_some(Turn { entry: self, token })
    }
}

/// The right to call a source, and the duty to tell it everything.
struct Turn<'e> {
    entry: &'e Entry,
    token: u64,
}

impl Turn<'_> {
    /// What is to be told next; `None`, and the turn is given back, if there is nothing, or nobody to tell it to.
    /// Under the lock of the source, which may be another by now.
    fn next(&self) -> Option<Readiness> {
        let take = |state: u64| {
            let over = state & LIVE == 0 || state & EVENTS == 0;
            same_generation(state, self.token).then_some(state & !if over { CALLED } else { EVENTS })
        };
        let state = self.entry.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()?;
        let events = Readiness::from_bits_truncate((state & EVENTS) as u32);
        (state & LIVE != 0 && !events.is_empty()).then(|| events | sticky(state))
    }

    /// True if the source has removed itself, and its slot is to be freed.
    fn is_orphaned(&self) -> bool {
        let state = self.entry.state.load(Ordering::Acquire);
        same_generation(state, self.token) && state & ORPHANED != 0
    }
}

/// Marks an entry as called by this thread.
struct Caller<'e> {
    entry: &'e Entry,
    token: u64,
}

impl<'e> Caller<'e> {
    fn new(entry: &'e Entry, token: u64) -> Self {
        entry.caller.store(thread::mark(), Ordering::Relaxed);
        Self { entry, token }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.entry.caller.store(0, Ordering::Relaxed);
        if std::thread::panicking() {
            // The source may be called again. (Nobody else can free the slot before the lock is.)
            let give_back = |state| same_generation(state, self.token).then_some(state & !CALLED);
            let _ = self.entry.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, give_back);
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("slots", &lock(&self.free).fresh).finish_non_exhaustive()
    }
}
