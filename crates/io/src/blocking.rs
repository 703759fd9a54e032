//! Blocking calls of a provider that another thread can cancel.
//!
//! A provider has one [`Registry`] for each time it is started. A call that is about to block makes itself
//! known ([`Registry::begin`]), looks once more whether its socket is still open, and waits with
//! [`wait_fds`](BlockedCall::wait_fds) or [`wait_until`](BlockedCall::wait_until). Whoever closes a socket,
//! cancels a thread's call, or cleans up marks the calls it means and wakes their threads. A mark that comes before
//! the thread sleeps keeps it from sleeping: no cancellation is lost from `begin` on.
//!
//! A cancelled call must not touch its socket's descriptor again before it has its own proof that it is open;
//! the descriptor must stay open (shared, say, by an `Arc`) while a call waits on it.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use windlass_abi::WsaError;

use crate::block::{Blocker, Unblocked};
use crate::deadline::Deadline;
use crate::lock;
use crate::thread;
use crate::waker::Waker;

/// Why a blocking call was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// WSPCancelBlockingCall, or a blocking hook that said so (WSP-CBC-1, MODE-8).
    Requested = 1,
    /// Its socket was closed (WSP-CLOSE-2).
    Closed = 2,
    /// The last WSPCleanup (WSP-CLEANUP-6).
    CleanedUp = 3,
    /// A newer operation on a descriptor that is shared (WSP-DUP-7).
    Displaced = 4,
}

impl Reason {
    /// What the call returns: WSAEINTR, whatever the reason (WSP-CBC-3, WSP-CLOSE-3, WSP-CLEANUP-7,
    /// WSP-DUP-7).
    pub const fn error(self) -> WsaError {
        WsaError::WSAEINTR
    }

    fn from_mark(mark: u8) -> Option<Self> {
        [Self::Requested, Self::Closed, Self::CleanedUp, Self::Displaced]
            .into_iter()
            .find(|&reason| reason as u8 == mark)
    }
}

/// The blocking calls of one provider instance that are under way.
#[derive(Debug)]
pub struct Registry {
    calls: Mutex<Calls>,
    around_apcs: Around,
}

/// Runs what it is given, once.
pub type Around = fn(&mut dyn FnMut());

#[derive(Debug, Default)]
struct Calls {
    last_id: u64,
    calls: BTreeMap<u64, Arc<Call>>,
    by_key: BTreeSet<(usize, u64)>,
    shut: Option<Reason>,
    /// For the next calls of threads that have no waker of their own.
    spares: Vec<Arc<Waker>>,
}

/// So many wakers, with a descriptor each, are kept for the next calls.
const SPARES: usize = 64;

#[derive(Debug)]
struct Call {
    waker: Arc<Waker>,
    /// That of the thread.
    thread: usize,
    /// 0, or the [`Reason`] that came first.
    mark: AtomicU8,
}

impl Registry {
    /// A registry without calls.
    pub const fn new() -> Self {
        Self::around_apcs(|run| run())
    }

    /// The same, whose calls run APCs inside `around`. For a provider whose closers wait for calls: an APC is the
    /// client's code and may wait for a closer, so closers must not wait for it.
    pub const fn around_apcs(around: Around) -> Self {
        let calls =
            Calls { last_id: 0, calls: BTreeMap::new(), by_key: BTreeSet::new(), shut: None, spares: Vec::new() };
        Self { calls: Mutex::new(calls), around_apcs: around }
    }

    /// Makes a call of this thread known, with the keys it can be cancelled by: those of the sockets it waits
    /// for. What a key is, the provider says.
    pub fn begin(&self, keys: &[usize]) -> BlockedCall<'_> {
        let blocker = Blocker::here(|| {
            let spare = lock(&self.calls).spares.pop();
            spare.unwrap_or_default()
        });
        let call = Arc::new(Call { waker: blocker.waker().clone(), thread: thread::mark(), mark: AtomicU8::new(0) });
        let mut calls = lock(&self.calls);
        calls.last_id += 1;
        let id = calls.last_id;
        if let Some(reason) = calls.shut {
            call.cancel(reason);
        }
        calls.calls.insert(id, call.clone());
        calls.by_key.extend(keys.iter().map(|&key| (key, id)));
        BlockedCall { registry: self, keys: keys.into(), id, call, blocker, own_thread: PhantomData }
    }

    /// Cancels the calls that wait for this key; says how many there were. A call that begins later is not
    /// affected: the caller marks the socket as closed first.
    pub fn cancel_key(&self, key: usize, reason: Reason) -> usize {
        let calls = lock(&self.calls);
        let ids = calls.by_key.range((key, 0)..=(key, u64::MAX));
        let hit: Vec<_> = ids.filter_map(|(_, id)| calls.calls.get(id).cloned()).collect();
        drop(calls);
        cancel(hit, reason)
    }

    /// Cancels the calls of the calling thread, which runs a blocking hook or an APC within them; says how many
    /// there were. None: WSPCancelBlockingCall returns WSAEINVAL (WSP-CBC-1, WSP-CBC-2).
    pub fn cancel_this_thread(&self, reason: Reason) -> usize {
        let thread = thread::mark();
        self.cancel_where(reason, |call| call.thread == thread)
    }

    /// Cancels the calls that are under way; says how many there were.
    pub fn cancel_all(&self, reason: Reason) -> usize {
        self.cancel_where(reason, |_| true)
    }

    /// Cancels the calls that are under way and every one that begins later: no call blocks from here
    /// on. For the last WSPCleanup; says how many were under way (WSP-CLEANUP-6).
    pub fn shut(&self, reason: Reason) -> usize {
        let mut calls = lock(&self.calls);
        calls.shut.get_or_insert(reason);
        let spares = std::mem::take(&mut calls.spares);
        drop(calls);
        drop(spares);
        self.cancel_all(reason)
    }

    /// How many calls are under way.
    pub fn len(&self) -> usize {
        lock(&self.calls).calls.len()
    }

    /// True if no call is under way.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn cancel_where(&self, reason: Reason, wanted: impl Fn(&Call) -> bool) -> usize {
        let hit = lock(&self.calls).calls.values().filter(|call| wanted(call)).cloned().collect();
        cancel(hit, reason)
    }
}

fn cancel(calls: Vec<Arc<Call>>, reason: Reason) -> usize {
    calls.iter().for_each(|call| call.cancel(reason));
    calls.len()
}

impl Call {
    fn cancel(&self, reason: Reason) {
        // The first reason stays. The wake orders the mark before the thread's next look at it.
        let _ = self.mark.compare_exchange(0, reason as u8, Ordering::Release, Ordering::Relaxed);
        self.waker.wake();
    }
}

/// A blocking call of the thread that made it, until it is dropped.
#[derive(Debug)]
#[must_use = "the call can be cancelled only while this lives"]
pub struct BlockedCall<'r> {
    registry: &'r Registry,
    keys: Box<[usize]>,
    id: u64,
    call: Arc<Call>,
    blocker: Blocker,
    /// It sleeps on its own thread's waker.
    own_thread: PhantomData<Rc<()>>,
}

/// How one wait of a blocking call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// What it waited for is there. The call goes on.
    Ready,
    /// The time has passed.
    TimedOut,
    /// The call was cancelled; it ends with [`Reason::error`].
    Cancelled(Reason),
    /// APCs of this thread ran. The call goes on: it tries again, then waits again (API-17).
    Apcs,
}

impl BlockedCall<'_> {
    /// Why the call was cancelled, if it was.
    pub fn cancelled(&self) -> Option<Reason> {
        Reason::from_mark(self.call.mark.load(Ordering::Acquire))
    }

    /// What wakes the call; it may be woken for nothing.
    pub fn waker(&self) -> &Arc<Waker> {
        self.blocker.waker()
    }

    /// Waits until `ready` says so; for providers that have no descriptor to poll. Whoever makes it ready does so
    /// first and then wakes this thread ([`waker`](BlockedCall::waker)). It is asked again after
    /// every wake; a call that is both ready and cancelled is cancelled.
    ///
    /// Alertable: APCs of this thread run, before it sleeps or instead.
    pub fn wait_until(&self, deadline: Deadline, alertable: bool, mut ready: impl FnMut() -> bool) -> Waited {
        let unblocked = self.blocker.block(deadline, alertable, || self.cancelled().is_some() || ready());
        match (self.cancelled(), unblocked) {
            (Some(reason), _) => Waited::Cancelled(reason),
            (None, Unblocked::Ready) => Waited::Ready,
            (None, Unblocked::TimedOut) => Waited::TimedOut,
            (None, Unblocked::Apcs) => {
                self.run_apcs();
                Waited::Apcs
            }
        }
    }

    /// Runs the APCs of this thread. With none of its own waits under way: they may wait themselves.
    pub(crate) fn run_apcs(&self) {
        (self.registry.around_apcs)(&mut || self.blocker.run_apcs());
    }

    pub(crate) fn blocker(&self) -> &Blocker {
        &self.blocker
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BlockedCall<'_> {
    fn drop(&mut self) {
        let mut calls = lock(&self.registry.calls);
        calls.calls.remove(&self.id);
        for &key in &self.keys {
            calls.by_key.remove(&(key, self.id));
        }
        if let Some(spare) = self.blocker.spare()
            && calls.shut.is_none()
            && calls.spares.len() < SPARES
        {
            calls.spares.push(spare.clone());
        }
    }
}

#[cfg(test)]
mod tests;
