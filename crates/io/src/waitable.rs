//! What threads wait on: a signal, and the waits queued on it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::lock;
use crate::signal::{Signal, Spoils};
use crate::thread::Key;
use crate::waker::Waker;

/// An object that can be waited for.
///
/// Whoever signals satisfies the waits, under the locks of the objects that this involves, so that a
/// wait is satisfied even if the signal is taken back before its thread runs. Several locks are always taken in
/// the order of the objects' addresses.
#[derive(Debug)]
pub(crate) struct Waitable(Mutex<State>);

#[derive(Debug)]
pub(crate) struct State {
    signal: Signal,
    /// The waits for this object, the oldest first. An any-wait that another object has satisfied
    /// may still stand here; claiming it fails.
    queue: VecDeque<Block>,
    /// How many of them want other objects as well.
    joint: usize,
}

#[derive(Clone, Debug)]
struct Block {
    wait: Arc<Wait>,
    index: usize,
}

impl Waitable {
    pub(crate) fn new(signal: Signal) -> Self {
        Self(Mutex::new(State { signal, queue: VecDeque::new(), joint: 0 }))
    }

    /// Reads the state, or changes it in a way that satisfies no wait.
    pub(crate) fn quiet<R>(&self, change: impl FnOnce(&mut Signal) -> R) -> R {
        change(&mut lock(&self.0).signal)
    }

    /// How many waits stand in the queue.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> usize {
        lock(&self.0).queue.len()
    }

    /// Changes the state and satisfies, in the order in which they came, the waits that can be now.
    pub(crate) fn signal<R>(&self, change: impl FnOnce(&mut Signal) -> R) -> R {
        let mut others = Vec::new();
        let mut wakes = Vec::new();
        let mut locked = loop {
            let mut locked = Locked::new(self, &others);
            // A wait for all needs the locks of all its objects; who they are is known only under this one's.
            let missing = locked.joint_objects_beyond(self);
            if missing.is_empty() {
                break locked;
            }
            drop(locked);
            others.extend(missing);
        };
        let changed = change(&mut locked.state(self).signal);
        locked.release(self, &mut wakes);
        drop(locked);
        wakes.iter().for_each(|wait| wait.waker.wake());
        changed
    }
}

/// Takes a wait that is over out of the queues it may still stand in.
pub(crate) fn dequeue(objects: &[Arc<Waitable>], wait: &Arc<Wait>) {
    objects.iter().for_each(|object| lock(&object.0).remove(wait));
}

/// One wait of one thread. It is satisfied, or given up, exactly once.
#[derive(Debug)]
pub(crate) struct Wait {
    thread: Key,
    waker: Arc<Waker>,
    /// [`PENDING`], [`GIVEN_UP`], or what satisfied it ([`Acquired`]).
    outcome: AtomicUsize,
    /// The objects of a wait for all; empty in a wait for any.
    all: Box<[Arc<Waitable>]>,
}

const PENDING: usize = usize::MAX;
const GIVEN_UP: usize = usize::MAX - 1;

/// What satisfied a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquired {
    /// Of the object; 0 for all.
    pub(crate) index: usize,
    pub(crate) spoils: Spoils,
}

impl Acquired {
    const OWNED: usize = 1 << 16;
    const ABANDONED: usize = 1 << 17;

    fn pack(self) -> usize {
        let owned = if self.spoils.owned { Self::OWNED } else { 0 };
        let abandoned = if self.spoils.abandoned { Self::ABANDONED } else { 0 };
        self.index | owned | abandoned
    }

    fn unpack(outcome: usize) -> Self {
        let spoils = Spoils { owned: outcome & Self::OWNED != 0, abandoned: outcome & Self::ABANDONED != 0 };
        Self { index: outcome & (Self::OWNED - 1), spoils }
    }
}

impl Wait {
    /// Whether the wait was satisfied.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.outcome.load(Ordering::Acquire) < GIVEN_UP
    }

    /// Gives the wait up, unless it has been satisfied meanwhile: then by what.
    pub(crate) fn give_up(&self) -> Option<Acquired> {
        self.claim(GIVEN_UP).err().map(Acquired::unpack)
    }

    fn claim(&self, outcome: usize) -> Result<(), usize> {
        self.outcome.compare_exchange(PENDING, outcome, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }
}

impl State {
    fn remove(&mut self, wait: &Arc<Wait>) {
        if let Some(at) = self.queue.iter().position(|block| Arc::ptr_eq(&block.wait, wait)) {
            self.remove_at(at);
        }
    }

    fn remove_at(&mut self, at: usize) {
        if let Some(block) = self.queue.remove(at) {
            self.joint -= usize::from(!block.wait.all.is_empty());
        }
    }
}

/// Objects that are locked together, each once. (One is the common case, and allocates nothing.)
pub(crate) enum Locked<'a> {
    One(usize, MutexGuard<'a, State>),
    /// By address.
    Many(Vec<(usize, MutexGuard<'a, State>)>),
}

impl<'a> Locked<'a> {
    pub(crate) fn new(first: &'a Waitable, others: &'a [Arc<Waitable>]) -> Self {
        if others.is_empty() {
            return Self::One(address(first), lock(&first.0));
        }
        let mut objects: Vec<&Waitable> = others.iter().map(|other| &**other).collect();
        objects.push(first);
        objects.sort_unstable_by_key(|object| address(object));
        objects.dedup_by_key(|object| address(object));
        Self::Many(objects.into_iter().map(|object| (address(object), lock(&object.0))).collect())
    }

    /// Satisfies a wait of a thread at once, if that is possible: for any of the objects the smallest index that is
    /// signalled, for all of them 0.
    pub(crate) fn try_acquire(&mut self, objects: &[Arc<Waitable>], all: bool, thread: Key) -> Option<Acquired> {
        let index = if all {
            self.all_satisfy(objects, thread).then_some(0)?
        } else {
            objects.iter().position(|object| self.state(object).signal.satisfies(thread))?
        };
        let taken = if all { objects } else { &objects[index..=index] };
        let spoils = self.spoils(taken);
        self.acquire(taken, thread);
        Some(Acquired { index, spoils })
    }

    /// Queues a new wait on these objects.
    pub(crate) fn enqueue(
        &mut self,
        objects: &[Arc<Waitable>],
        all: bool,
        thread: Key,
        waker: Arc<Waker>,
    ) -> Arc<Wait> {
        let wait = Arc::new(Wait {
            thread,
            waker,
            outcome: AtomicUsize::new(PENDING),
            all: if all { objects.into() } else { Box::default() },
        });
        for (index, object) in objects.iter().enumerate() {
            let state = self.state(object);
            // The same object may be named twice; the wait stands in its queue once, for the smaller index.
            if !state.queue.back().is_some_and(|last| Arc::ptr_eq(&last.wait, &wait)) {
                state.queue.push_back(Block { wait: wait.clone(), index });
                state.joint += usize::from(all);
            }
        }
        wait
    }

    /// The objects of the joint waits for `object` that are not locked here.
    fn joint_objects_beyond(&mut self, object: &Waitable) -> Vec<Arc<Waitable>> {
        let state = self.state(object);
        if state.joint == 0 {
            return Vec::new();
        }
        let waits: Vec<Arc<Wait>> = state.queue.iter().map(|block| block.wait.clone()).collect();
        let objects = waits.iter().flat_map(|wait| wait.all.iter());
        objects.filter(|object| self.find(object).is_none()).cloned().collect()
    }

    /// Satisfies the waits for `object` that can be. Everything that its joint waits want is locked here.
    fn release(&mut self, object: &Waitable, satisfied: &mut Vec<Arc<Wait>>) {
        let mut at = 0;
        loop {
            let state = self.state(object);
            if !state.signal.is_signalled() {
                return;
            }
            let Some(Block { wait, index }) = state.queue.get(at).cloned() else {
                return;
            };
            if wait.all.is_empty() {
                state.remove_at(at);
                let acquired = Acquired { index, spoils: state.signal.spoils() };
                if wait.claim(acquired.pack()).is_ok() {
                    state.signal.acquire(wait.thread);
                    satisfied.push(wait);
                }
            } else if self.all_satisfy(&wait.all, wait.thread) {
                wait.all.iter().for_each(|object| self.state(object).remove(&wait));
                let acquired = Acquired { index: 0, spoils: self.spoils(&wait.all) };
                if wait.claim(acquired.pack()).is_ok() {
                    self.acquire(&wait.all, wait.thread);
                    satisfied.push(wait);
                }
            } else {
                at += 1;
            }
        }
    }

    fn all_satisfy(&mut self, objects: &[Arc<Waitable>], thread: Key) -> bool {
        objects.iter().all(|object| self.state(object).signal.satisfies(thread))
    }

    fn spoils(&mut self, objects: &[Arc<Waitable>]) -> Spoils {
        objects.iter().fold(Spoils::default(), |all, object| {
            let one = self.state(object).signal.spoils();
            Spoils { owned: all.owned || one.owned, abandoned: all.abandoned || one.abandoned }
        })
    }

    fn acquire(&mut self, objects: &[Arc<Waitable>], thread: Key) {
        objects.iter().for_each(|object| self.state(object).signal.acquire(thread));
    }

    fn state(&mut self, object: &Waitable) -> &mut State {
        let at = self.find(object).expect("the object is locked here");
        match self {
            Self::One(_, state) => state,
            Self::Many(states) => &mut states[at].1,
        }
    }

    fn find(&self, object: &Waitable) -> Option<usize> {
        match self {
            Self::One(locked, _) => (*locked == address(object)).then_some(0),
            Self::Many(states) => states.binary_search_by_key(&address(object), |(address, _)| *address).ok(),
        }
    }
}

fn address(object: &Waitable) -> usize {
    std::ptr::from_ref(object).addr()
}
