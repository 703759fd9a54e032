//! The records of all threads, and those who wait for pins to go.

use core::num::NonZeroUsize;
use std::time::Instant;

use super::barrier::{Barrier, Mode};
use super::record::Record;
use super::records::Records;
use super::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Everything that pins and closers share.
pub(super) struct Registry {
    records: Records,
    barrier: Barrier,
    state: Mutex<State>,
    /// A pin that someone waits for has gone, or has been marked.
    changed: Condvar,
}

/// All zero at the start, and nothing on the heap unless someone waits: a module that is unloaded
/// leaves nothing behind.
struct State {
    last_id: u64,
    rundowns: Option<Box<Rundowns>>,
}

#[derive(Default)]
struct Rundowns {
    list: Vec<Rundown>,
}

/// One closer's interest in pins that were there when it closed.
struct Rundown {
    id: u64,
    outstanding: Vec<Held>,
    /// What the last of them does. Absent while the closer itself is still there.
    work: Option<Work>,
}

/// One pin. It goes out of the list when it is dropped, so a later pin in the same place is another.
struct Held {
    record: u32,
    place: usize,
    marked: bool,
}

/// What is done when the last pin has gone.
type Work = Box<dyn FnOnce() + Send>;

impl Registry {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            records: Records::new(),
            barrier: Barrier::new(),
            state: Mutex::new(State { last_id: 0, rundowns: None }),
            changed: Condvar::new(),
        }
    }

    #[cfg(any(loom, test))]
    pub(super) fn with_mode(mode: Mode) -> Self {
        Self {
            records: Records::new(),
            barrier: Barrier::with_mode(mode),
            state: Mutex::new(State { last_id: 0, rundowns: None }),
            changed: Condvar::new(),
        }
    }

    /// A record for the calling thread, which uses it until it ends.
    pub(super) fn claim(&self) -> &Record {
        let record = self.records.claim(|dead| {
            for place in dead.places() {
                self.leave(dead, place);
            }
        });
        record.set_fenced(self.barrier.mode() == Mode::Fenced);
        record
    }

    /// In the child of a fork, on the one thread that there is: what the others had pinned is void.
    pub(super) fn inherit(&self, mine: &Record) {
        self.records.take_over(mine);
    }

    /// Takes a pin back, and does what waited for it.
    #[inline]
    pub(super) fn leave(&self, record: &Record, place: usize) {
        if record.leave(place) {
            self.left(record, place);
        }
    }

    #[cold]
    fn left(&self, record: &Record, place: usize) {
        let index = record.index();
        let mut due = Vec::new();
        let mut state = self.lock();
        state.rundowns().retain_mut(|rundown| {
            rundown.outstanding.retain(|held| (held.record, held.place) != (index, place));
            // Without work the closer is still there, and takes the rundown out itself.
            let done = rundown.outstanding.is_empty() && rundown.work.is_some();
            due.extend(rundown.work.take_if(|_| done));
            !done
        });
        state.settle(record);
        drop(state);
        self.changed.notify_all();
        for work in due {
            work();
        }
    }

    /// Runs `body` with the pins of this thread marked as being in a callback, except `keep`.
    pub(super) fn in_callback<R>(&self, record: &Record, keep: Option<usize>, body: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a Registry, &'a Record, Option<super::record::Marks>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                if let Some(marks) = self.2.take() {
                    self.1.leave_callback(marks);
                    self.0.marks_changed(self.1);
                }
            }
        }
        let marks = record.enter_callback(keep);
        self.marks_changed(record);
        let _leave = Leave(self, record, Some(marks));
        body()
    }

    fn marks_changed(&self, record: &Record) {
        if !record.is_watched() {
            return;
        }
        let mut state = self.lock();
        let index = record.index();
        for held in state.rundowns().iter_mut().flat_map(|rundown| rundown.outstanding.iter_mut()) {
            if held.record == index {
                held.marked = record.holds(held.place, &|_| true) == Some(true);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until every pin of a wanted key is gone, apart from those in a callback and those of the
    /// record `me`, but no longer than until `end`. The closing call's own pin at `keep` is left out.
    /// The caller has closed what the keys stand for: whoever pins from now on finds it closed.
    pub(super) fn drain_until(
        &self,
        wanted: &dyn Fn(NonZeroUsize) -> bool,
        me: Option<&Record>,
        keep: Option<usize>,
        end: Option<Instant>,
    ) -> Remaining<'_> {
        self.barrier.heavy();
        // Whoever found it open is among these.
        let mut outstanding = Vec::new();
        self.records.each(|record| {
            let mine = me.is_some_and(|me| me.index() == record.index());
            record.find(wanted, |seen| {
                if !(mine && keep == Some(seen.place)) {
                    outstanding.push(Held { record: record.index(), place: seen.place, marked: seen.marked });
                }
            });
        });
        if outstanding.is_empty() {
            return Remaining { registry: self, id: None };
        }
        let mut state = self.lock();
        let found: Vec<u32> = outstanding.iter().map(|held| held.record).collect();
        found.iter().for_each(|index| self.records.get(*index).watch(true));
        // After this, whoever leaves tells us, and whoever left without telling is seen to have left.
        self.barrier.heavy();
        outstanding.retain_mut(|held| match self.records.get(held.record).holds(held.place, wanted) {
            Some(marked) => {
                held.marked = marked;
                true
            }
            None => false,
        });
        state.last_id += 1;
        let id = state.last_id;
        state.rundowns().push(Rundown { id, outstanding, work: None });
        found.iter().for_each(|index| state.settle(self.records.get(*index)));
        let me = me.map(Record::index);
        while state.rundown(id).outstanding.iter().any(|held| Some(held.record) != me && !held.marked) {
            let Some(end) = end else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Remaining { registry: self, id: Some(id) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn rundowns(&mut self) -> &mut Vec<Rundown> {
        &mut self.rundowns.get_or_insert_default().list
    }

    /// The rundown of a closer that is still there.
    fn rundown(&mut self, id: u64) -> &mut Rundown {
        let found = self.rundowns().iter_mut().find(|rundown| rundown.id == id);
        found.expect("a rundown without work is taken out by its closer alone")
    }

    /// Takes a rundown out.
    fn remove(&mut self, id: u64) {
        self.rundowns().retain(|rundown| rundown.id != id);
    }

    /// Lets the owner of a record go the short way again if nobody waits for it any more.
    fn settle(&mut self, record: &Record) {
        let index = record.index();
        let waited = self.rundowns().iter().flat_map(|rundown| &rundown.outstanding);
        record.watch(waited.into_iter().any(|held| held.record == index));
        self.forget_if_idle();
    }

    fn forget_if_idle(&mut self) {
        if self.rundowns().is_empty() {
            self.rundowns = None;
        }
    }
}

/// The pins that a [drain](Registry::drain) did not wait for.
pub(super) struct Remaining<'a> {
    registry: &'a Registry,
    /// Absent if there was nothing to wait for.
    id: Option<u64>,
}

impl Remaining<'_> {
    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none_or(|id| self.registry.lock().rundown(id).outstanding.is_empty())
    }

    /// Does `work` when the last of them has gone: at once, or by whoever drops that pin.
    pub(super) fn then(mut self, work: impl FnOnce() + Send + 'static) {
        if let Some(id) = self.id.take() {
            let mut state = self.registry.lock();
            let rundown = state.rundown(id);
            if !rundown.outstanding.is_empty() {
                rundown.work = Some(Box::new(work));
                return;
            }
            state.remove(id);
            state.forget_if_idle();
        }
        work();
    }
}

impl Drop for Remaining<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let mut state = self.registry.lock();
            let outstanding = core::mem::take(&mut state.rundown(id).outstanding);
            state.remove(id);
            outstanding.iter().for_each(|held| state.settle(self.registry.records.get(held.record)));
            state.forget_if_idle();
        }
    }
}
