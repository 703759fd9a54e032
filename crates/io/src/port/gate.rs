//! Who may take packets: permits, and the threads that sleep for want of one or of a packet.

use std::fmt;

use super::sync::{AtomicU32, Mutex, MutexGuard, Ordering, between_seq_cst, lock};

/// A thread asleep.
pub(super) trait Sleeper: Clone {
    /// Tells it that it has a permit; under the lock of the gate.
    fn permit(&self);
    /// Wakes it: it has a permit, or the gate is closed.
    fn wake(&self);
    /// Whether both are the same sleep.
    fn is(&self, other: &Self) -> bool;
}

/// The permits of a port.
///
/// A thread has a permit from when it may take a packet until it is no longer active; whoever watches the port's epoll set has
/// one as well, so that it need not ask for it when something happens. There are as many as the concurrency; threads
/// that come back from a wait elsewhere may exceed that.
///
/// Nothing is lost between those who push packets and those who go to sleep: the one pushes, then looks at the
/// [`hint`](Gate::hint); the other changes the hint, then looks for packets. `packets` is that look in every function here.
pub(super) struct Gate<S> {
    hint: AtomicU32,
    state: Mutex<State<S>>,
}

struct State<S> {
    concurrency: u32,
    /// Permits held.
    active: u32,
    /// Of these, by threads that sleep in epoll or are about to.
    watchers: u32,
    /// Without a permit; the last to come is the first to go.
    sleepers: Vec<S>,
    /// There is an epoll set, and somebody has to watch it.
    watched: bool,
    handles: u32,
    closed: bool,
}

/// What whoever has pushed packets, or wants some, needs to know of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint(u32);

impl Hint {
    const RING: u32 = 1;
    const HAND: u32 = 2;
    const OVER: u32 = 4;
    const CLOSED: u32 = 8;

    /// Somebody watches the epoll set, and takes the packet if the bell rings there.
    pub(super) const fn is_watched(self) -> bool {
        self.0 & Self::RING != 0
    }
    /// Somebody sleeps to whom a permit can be given.
    pub(super) const fn can_hand(self) -> bool {
        self.0 & Self::HAND != 0
    }
    /// More threads are active than ought to be, or the port is closed: packets are not simply taken.
    pub(super) const fn is_unusual(self) -> bool {
        self.0 & (Self::OVER | Self::CLOSED) != 0
    }
    pub(super) const fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }
}

/// How [`Gate::enter`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// With a permit.
    Permitted,
    /// The sleeper stands in the line.
    Asleep,
    Closed,
}

impl<S: Sleeper> Gate<S> {
    pub(super) fn new(concurrency: u32) -> Self {
        let state = State {
            concurrency,
            active: 0,
            watchers: 0,
            sleepers: Vec::new(),
            watched: false,
            handles: 0,
            closed: false,
        };
        Self { hint: AtomicU32::new(0), state: Mutex::new(state) }
    }

    #[inline]
    pub(super) fn hint(&self) -> Hint {
        Hint(self.hint.load(Ordering::SeqCst))
    }

    /// Takes a permit if there is one.
    pub(super) fn try_enter(&self) -> bool {
        let mut state = lock(&self.state);
        let can = state.active < state.concurrency && !state.closed;
        state.active += u32::from(can);
        self.publish(&state);
        can
    }

    /// Takes a permit, or puts the sleeper in the line for one.
    pub(super) fn enter(&self, sleeper: &S) -> Entered {
        let mut state = lock(&self.state);
        if state.closed {
            return Entered::Closed;
        }
        let entered = if state.active < state.concurrency {
            state.active += 1;
            Entered::Permitted
        } else {
            state.sleepers.push(sleeper.clone());
            Entered::Asleep
        };
        self.publish(&state);
        entered
    }

    /// Gives up a permit and puts the sleeper in the line, to be woken for the next packet; at once, if there is one.
    pub(super) fn sleep(&self, sleeper: &S, packets: impl Fn() -> bool) -> Entered {
        let mut state = lock(&self.state);
        state.active -= 1;
        if state.closed {
            self.publish(&state);
            return Entered::Closed;
        }
        state.sleepers.push(sleeper.clone());
        self.settle(state, packets);
        Entered::Asleep
    }

    /// The same, if more threads are active than ought to be; false, and nothing happens, otherwise.
    pub(super) fn surrender(&self, sleeper: &S) -> bool {
        let mut state = lock(&self.state);
        if state.active <= state.concurrency || state.closed {
            return false;
        }
        state.active -= 1;
        state.sleepers.push(sleeper.clone());
        self.publish(&state);
        true
    }

    /// Takes a sleeper out of the line; false if it had been given a permit, or sent away, before.
    pub(super) fn withdraw(&self, sleeper: &S) -> bool {
        let mut state = lock(&self.state);
        let at = state.sleepers.iter().rposition(|other| other.is(sleeper));
        at.map(|at| state.sleepers.remove(at));
        self.publish(&state);
        at.is_some()
    }

    /// Gives up a permit.
    pub(super) fn leave(&self, packets: impl Fn() -> bool) {
        let mut state = lock(&self.state);
        state.active -= 1;
        self.settle(state, packets);
    }

    /// Takes a permit whether there is one or not: for a thread that goes on after a wait.
    pub(super) fn resume(&self) {
        let mut state = lock(&self.state);
        state.active += 1;
        self.publish(&state);
    }

    /// Gives a permit to a sleeper, if there are both, for a packet that was pushed.
    #[cold]
    pub(super) fn hand(&self) {
        self.settle(lock(&self.state), || true);
    }

    /// From here on, somebody holds a permit and watches.
    pub(super) fn begin_watch(&self) {
        let mut state = lock(&self.state);
        state.watchers += 1;
        self.publish(&state);
    }

    pub(super) fn end_watch(&self) {
        let mut state = lock(&self.state);
        state.watchers -= 1;
        self.publish(&state);
    }

    /// There is an epoll set now: as many sleepers go to watch it as there are permits.
    pub(super) fn start_watching(&self) {
        let mut state = lock(&self.state);
        state.watched = true;
        let free = state.concurrency.saturating_sub(state.active) as usize;
        let first = state.sleepers.len().saturating_sub(free);
        let woken = state.sleepers.split_off(first);
        state.active += woken.len() as u32;
        woken.iter().for_each(S::permit);
        self.publish(&state);
        drop(state);
        woken.iter().for_each(S::wake);
    }

    /// One more handle; false if the last was closed already.
    pub(super) fn open(&self) -> bool {
        let mut state = lock(&self.state);
        state.handles += u32::from(!state.closed);
        !state.closed
    }

    /// One handle less. With the last, every sleeper is sent away; true then.
    pub(super) fn close(&self) -> bool {
        let mut state = lock(&self.state);
        state.handles -= 1;
        if state.handles > 0 {
            return false;
        }
        state.closed = true;
        let sleepers = std::mem::take(&mut state.sleepers);
        self.publish(&state);
        drop(state);
        sleepers.iter().for_each(S::wake);
        true
    }

    /// How many threads stand in the line.
    #[cfg(test)]
    pub(super) fn sleepers(&self) -> usize {
        lock(&self.state).sleepers.len()
    }

    #[cfg(test)]
    pub(super) fn watchers(&self) -> usize {
        lock(&self.state).watchers as usize
    }

    /// Restores the rule that no sleeper stays in the line while there are a permit and a reason to use it. One
    /// change makes room for one sleeper at most.
    fn settle(&self, mut state: MutexGuard<'_, State<S>>, packets: impl Fn() -> bool) {
        self.publish(&state);
        if !state.can_hand() || !state.watched && !packets() {
            return;
        }
        let Some(sleeper) = state.sleepers.pop() else {
            return;
        };
        state.active += 1;
        sleeper.permit();
        self.publish(&state);
        drop(state);
        sleeper.wake();
    }

    fn publish(&self, state: &State<S>) {
        let bits = [
            (state.watchers > 0, Hint::RING),
            (state.can_hand(), Hint::HAND),
            (state.active > state.concurrency, Hint::OVER),
            (state.closed, Hint::CLOSED),
        ];
        let hint = bits.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum();
        // Those who push read it all the time; it seldom changes.
        if self.hint.load(Ordering::Relaxed) != hint {
            self.hint.store(hint, Ordering::SeqCst);
        }
        between_seq_cst();
    }
}

impl<S> State<S> {
    fn can_hand(&self) -> bool {
        self.active < self.concurrency && !self.sleepers.is_empty() && !self.closed
    }
}

impl<S> fmt::Debug for Gate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Gate")
            .field("concurrency", &state.concurrency)
            .field("active", &state.active)
            .field("watchers", &state.watchers)
            .field("sleepers", &state.sleepers.len())
            .field("closed", &state.closed)
            .finish_non_exhaustive()
    }
}
