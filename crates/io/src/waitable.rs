//! What threads wait on: a signal, and the waits queued on it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::lock;
use crate::waker::Waker;

/// The state that decides whether a wait is satisfied.
#[derive(Debug)]
pub(crate) enum Signal {
    ManualEvent(bool),
    AutoEvent(bool),
}

impl Signal {
    pub(crate) fn is_signalled(&self) -> bool {
        match *self {
            Signal::ManualEvent(set) | Signal::AutoEvent(set) => set,
        }
    }

    /// What a satisfied wait does to the state.
    fn acquire(&mut self) {
        match self {
            Signal::ManualEvent(_) => {}
            Signal::AutoEvent(set) => *set = false,
        }
    }

    pub(crate) fn set_event(&mut self, to: bool) {
        match self {
            Signal::ManualEvent(set) | Signal::AutoEvent(set) => *set = to,
        }
    }
}

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
    pub(crate) fn signal(&self, change: impl FnOnce(&mut Signal)) {
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
        change(&mut locked.state(self).signal);
        locked.release(self, &mut wakes);
        drop(locked);
        wakes.iter().for_each(|wait| wait.waker.wake());
    }
}

/// Takes a wait that is over out of the queues it may still stand in.
pub(crate) fn dequeue(objects: &[Arc<Waitable>], wait: &Arc<Wait>) {
    objects.iter().for_each(|object| lock(&object.0).remove(wait));
}

/// One wait of one thread. It is satisfied, or given up, exactly once.
#[derive(Debug)]
pub(crate) struct Wait {
    waker: Arc<Waker>,
    /// [`PENDING`], [`GIVEN_UP`], or the index of the object that satisfied it.
    outcome: AtomicUsize,
    /// The objects of a wait for all; empty in a wait for any.
    all: Box<[Arc<Waitable>]>,
}

const PENDING: usize = usize::MAX;
const GIVEN_UP: usize = usize::MAX - 1;

impl Wait {
    /// The index by which the wait was satisfied, if it was.
    pub(crate) fn satisfied(&self) -> Option<usize> {
        Some(self.outcome.load(Ordering::Acquire)).filter(|&outcome| outcome < GIVEN_UP)
    }

    /// Gives the wait up, unless it has been satisfied meanwhile: then by what.
    pub(crate) fn give_up(&self) -> Option<usize> {
        self.claim(GIVEN_UP).err()
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

    /// Satisfies a wait at once, if that is possible: for any of the objects the smallest index
    /// that is signalled, for all of them 0.
    pub(crate) fn try_acquire(&mut self, objects: &[Arc<Waitable>], all: bool) -> Option<usize> {
        let index = if all {
            self.all_signalled(objects).then_some(0)?
        } else {
            objects.iter().position(|object| self.state(object).signal.is_signalled())?
        };
        self.acquire(if all { objects } else { &objects[index..=index] });
        Some(index)
    }

    /// Queues a new wait on these objects.
    pub(crate) fn enqueue(&mut self, objects: &[Arc<Waitable>], all: bool, waker: Arc<Waker>) -> Arc<Wait> {
        let wait = Arc::new(Wait {
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
                if wait.claim(index).is_ok() {
                    state.signal.acquire();
                    satisfied.push(wait);
                }
            } else if self.all_signalled(&wait.all) {
                wait.all.iter().for_each(|object| self.state(object).remove(&wait));
                if wait.claim(0).is_ok() {
                    self.acquire(&wait.all);
                    satisfied.push(wait);
                }
            } else {
                at += 1;
            }
        }
    }

    fn all_signalled(&mut self, objects: &[Arc<Waitable>]) -> bool {
        objects.iter().all(|object| self.state(object).signal.is_signalled())
    }

    fn acquire(&mut self, objects: &[Arc<Waitable>]) {
        objects.iter().for_each(|object| self.state(object).signal.acquire());
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
