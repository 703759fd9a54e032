//! Which providers run: Absent → Starting → Running → Draining → Unloaded, per base provider and per chain.
//!
//! One lock moves the states; it is never held while a provider's code runs. Threads that need a provider that
//! another thread starts or ends wait for that, but not when that could never come: a provider that calls itself
//! from its own start, or two that start each other, get an error instead.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Instant;

use windlass_abi::{GUID, WsaError};
use windlass_catalog::{ProtocolChain, ProtocolEntry};
use windlass_spi::rundown;

use crate::handles;
use crate::limits;
use crate::loader::instance::{self, Instance};
use crate::process;
use crate::report;
use crate::session::Session;

/// What one start serves (WSP-STARTUP-25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// All base entries of a provider.
    Base(GUID),
    /// One chain entry.
    Chain(u32),
}

impl Key {
    /// `None` for a layer, which serves nothing alone.
    pub(crate) fn of(entry: &ProtocolEntry) -> Option<Self> {
        match &entry.chain {
            ProtocolChain::Base => Some(Self::Base(entry.provider)),
            ProtocolChain::Chain(_) => Some(Self::Chain(entry.id)),
            ProtocolChain::Layer => None,
        }
    }
}

/// The providers of the process.
#[derive(Default)]
pub(crate) struct Registry {
    states: Mutex<States>,
    changed: Condvar,
    /// How many are live, for those who must not lock.
    alive: AtomicUsize,
}

#[derive(Default)]
struct States {
    live: HashMap<Key, Live>,
    /// Threads that wait for another thread, and the provider they wait for.
    waiting: HashMap<ThreadId, Key>,
}

/// A provider that is not absent.
struct Live {
    instance: &'static Instance,
    session: Arc<Session>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// WSPStartup is running in this thread.
    Starting(ThreadId),
    Running,
    /// This thread cleans up and unloads.
    Draining(ThreadId),
}

/// The running provider of an entry, and the number of its start; starts it on first demand (WSA-STARTUP-10).
///
/// # Errors
/// `WSANOTINITIALISED`: the last clean-up has begun. `WSAEPROVIDERFAILEDINIT`, `WSAEINVALIDPROCTABLE`,
/// `WSAEINVALIDPROVIDER`: see [`instance::start`]; also `WSAEPROVIDERFAILEDINIT` if the provider needs itself
/// to start, or another thread does not finish starting or ending it in time. `WSAENOBUFS`: too many providers.
pub(crate) fn demand(session: &Arc<Session>, entry: &ProtocolEntry) -> Result<(&'static Instance, u64), WsaError> {
    let key = Key::of(entry).ok_or(WsaError::WSAEINVAL)?;
    let registry = &process::current().registry;
    match registry.running_or_mine_to_start(key, session)? {
        Found::Running(instance, sequence) => Ok((instance, sequence)),
        Found::MineToStart(instance) => {
            let started = instance::start(instance, entry, &session.modules_below(entry));
            if registry.finish_start(key, started.is_ok(), session) {
                // The last clean-up came while the provider started: it left this one to us.
                unload(registry, vec![(key, instance)], || {});
                return Err(WsaError::WSANOTINITIALISED);
            }
            started.map(|sequence| (instance, sequence))
        }
    }
}

/// Cleans up, drains and unloads every provider of a session (WSA-CLEANUP-9, steps 3 and 6). Those that another
/// thread is just starting unload themselves, and are waited for.
///
/// `then` is run once all have been cleaned up, before any is unloaded; its result is returned.
pub(crate) fn end_session<R>(session: &Arc<Session>, then: impl FnOnce() -> R) -> R {
    let registry = &process::current().registry;
    // Those that were started last go first.
    let mut running = registry.take_running(session);
    running.sort_unstable_by_key(|(_, instance)| std::cmp::Reverse(instance.sequence()));
    report::sockets_left(|s| {
        let number = handles::look_up(s).instance();
        running.iter().any(|(_, instance)| instance.number() == number)
    });
    let result = unload(registry, running, then);
    registry.wait_for_the_rest(session);
    result
}

/// The running provider that a catalog entry id stands for in an upcall.
///
/// A provider that is part of a chain, a base one too, registers what it makes with an id of its own: that stands for the chain
/// that the calling thread is inside of. From elsewhere it stands for the provider of the entry itself, or else for
/// some chain that the entry is part of. `act` is also told whether the entry is that of a base provider.
///
/// # Errors
/// `WSAEINVAL`: there is no such entry (WPU-CSH-2, WPU-MIH-2). `WSANOTINITIALISED`: its provider does not run (UPV-2, UPV-4).
pub(crate) fn with_running<R>(
    id: u32,
    act: impl FnOnce(&'static Instance, bool) -> Result<R, WsaError>,
) -> Result<R, WsaError> {
    let process = process::current();
    let own = process.find(|session| session.entry(id).map(|entry| Key::of(&entry)))?.ok_or(WsaError::WSAEINVAL)?;
    let entered: Vec<_> = instance::entered_here().map(Instance::number).collect();
    // Held while the handle is bound, so that a clean-up which looks for what is left open finds it.
    let states = process.registry.lock();
    let running = || states.live.iter().filter(|(_, live)| live.phase == Phase::Running);
    let serves = |key: &Key, live: &Live| Some(*key) == own || is_part(&live.session, key, id);
    let inside = entered
        .iter()
        .find_map(|number| running().find(|(key, live)| live.instance.number() == *number && serves(key, live)));
    let found = inside
        .or_else(|| running().find(|(key, _)| Some(**key) == own))
        .or_else(|| running().find(|(key, live)| serves(key, live)));
    let (_, live) = found.ok_or(WsaError::WSANOTINITIALISED)?;
    act(live.instance, matches!(own, Some(Key::Base(_))))
}

/// Whether a key is that of a chain with this part.
fn is_part(session: &Session, key: &Key, part: u32) -> bool {
    let Key::Chain(chain) = key else { return false };
    session.entry(*chain).is_some_and(|entry| entry.chain.ids().contains(&part))
}

/// Whether any provider is between the beginning of its start and the end of its unloading: upcalls that name no provider
/// work then (UPV-1 to 4). Takes no lock (UPV-6).
pub(crate) fn any_alive() -> bool {
    process::current().registry.alive.load(Acquire) > 0
}

enum Found {
    Running(&'static Instance, u64),
    MineToStart(&'static Instance),
}

impl Registry {
    fn running_or_mine_to_start(&self, key: Key, session: &Arc<Session>) -> Result<Found, WsaError> {
        let me = std::thread::current().id();
        let limit = Instant::now() + limits::start();
        let mut states = self.lock();
        loop {
            if session.is_ending() {
                return Err(WsaError::WSANOTINITIALISED);
            }
            let Some(live) = states.live.get(&key) else {
                let instance = instance::allocate().ok_or(WsaError::WSAENOBUFS)?;
                let phase = Phase::Starting(me);
                self.alive.fetch_add(1, Release);
                states.live.insert(key, Live { instance, session: session.clone(), phase });
                return Ok(Found::MineToStart(instance));
            };
            if live.phase == Phase::Running && Arc::ptr_eq(&live.session, session) {
                return Ok(Found::Running(live.instance, live.instance.sequence()));
            }
            if states.would_never_end(key, me) {
                return Err(WsaError::WSAEPROVIDERFAILEDINIT);
            }
            states = self.wait(states, key, me, limit).ok_or(WsaError::WSAEPROVIDERFAILEDINIT)?;
        }
    }

    /// Makes a start that ended known. True if the caller has to unload it: the session is ending.
    fn finish_start(&self, key: Key, started: bool, session: &Session) -> bool {
        let mut states = self.lock();
        let left_to_us = started && session.is_ending();
        if !started {
            if let Some(live) = states.live.remove(&key) {
                live.instance.free();
                self.alive.fetch_sub(1, Release);
            }
        } else if let Some(live) = states.live.get_mut(&key) {
            live.phase = if left_to_us { Phase::Draining(std::thread::current().id()) } else { Phase::Running };
            if !left_to_us {
                live.instance.open();
            }
        }
        self.changed.notify_all();
        left_to_us
    }

    /// Takes every running provider of the session; no other starts from here on.
    fn take_running(&self, session: &Arc<Session>) -> Vec<(Key, &'static Instance)> {
        let me = std::thread::current().id();
        let mut states = self.lock();
        session.end();
        let running = |live: &&mut Live| live.phase == Phase::Running && Arc::ptr_eq(&live.session, session);
        let mut taken = Vec::new();
        for (key, live) in &mut states.live {
            if running(&live) {
                live.phase = Phase::Draining(me);
                taken.push((*key, live.instance));
            }
        }
        taken
    }

    /// Waits for the providers of the session that other threads start or end, unless they wait for this one.
    fn wait_for_the_rest(&self, session: &Arc<Session>) {
        let me = std::thread::current().id();
        let limit = Instant::now() + limits::start();
        let mut states = self.lock();
        loop {
            let rest = states.live.iter().filter(|(_, live)| Arc::ptr_eq(&live.session, session));
            let mut rest = rest.map(|(key, _)| *key).filter(|key| !states.would_never_end(*key, me));
            let Some(key) = rest.next() else { return };
            drop(rest);
            match self.wait(states, key, me, limit) {
                Some(again) => states = again,
                None => return,
            }
        }
    }

    fn finish_end(&self, key: Key) {
        let mut states = self.lock();
        if states.live.remove(&key).is_some() {
            self.alive.fetch_sub(1, Release);
        }
        self.changed.notify_all();
    }

    /// Waits for a change; `None` once the limit has passed.
    fn wait<'r>(
        &'r self,
        mut states: MutexGuard<'r, States>,
        key: Key,
        me: ThreadId,
        limit: Instant,
    ) -> Option<MutexGuard<'r, States>> {
        let left = limit.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        states.waiting.insert(me, key);
        // If this thread is inside a provider that is being ended, that must not wait for it.
        let waited = rundown::in_callback(|| self.changed.wait_timeout(states, left));
        let (mut states, _) = waited.unwrap_or_else(PoisonError::into_inner);
        states.waiting.remove(&me);
        Some(states)
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl States {
    /// Whether the thread that starts or ends this provider is `me`, or waits, through others, for `me`.
    fn would_never_end(&self, key: Key, me: ThreadId) -> bool {
        let mut key = key;
        // No thread is on the way twice, unless the threads of a ring wait already, without `me`.
        for _ in 0..=self.waiting.len() {
            let Some(owner) = self.live.get(&key).and_then(|live| live.phase.owner()) else { return false };
            if owner == me {
                return true;
            }
            let Some(next) = self.waiting.get(&owner) else { return false };
            key = *next;
        }
        false
    }
}

impl Phase {
    fn owner(self) -> Option<ThreadId> {
        match self {
            Self::Starting(owner) | Self::Draining(owner) => Some(owner),
            Self::Running => None,
        }
    }
}

/// Closes the gates of all, cleans all up, waits for all, unloads all, each step for each before the next.
fn unload<R>(registry: &Registry, ending: Vec<(Key, &'static Instance)>, then: impl FnOnce() -> R) -> R {
    for (_, instance) in &ending {
        instance.close();
    }
    for (_, instance) in &ending {
        instance.clean_up();
    }
    let result = then();
    for (key, instance) in ending {
        instance.drain_and_unload(limits::drain());
        registry.finish_end(key);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const A: Key = Key::Chain(1);
    const B: Key = Key::Chain(2);

    fn ids() -> (ThreadId, ThreadId) {
        (thread::current().id(), thread::spawn(|| thread::current().id()).join().unwrap())
    }

    fn starting(states: &mut States, key: Key, owner: ThreadId) {
        let session = Arc::new(Session::for_tests());
        let instance = instance::allocate().unwrap();
        states.live.insert(key, Live { instance, session, phase: Phase::Starting(owner) });
    }

    #[test]
    fn a_start_that_needs_itself_never_ends() {
        let (me, other) = ids();
        let mut states = States::default();
        starting(&mut states, A, me);
        assert!(states.would_never_end(A, me));
        assert!(!states.would_never_end(A, other));
        assert!(!states.would_never_end(B, me));
    }

    #[test]
    fn two_starts_that_need_each_other_never_end() {
        let (me, other) = ids();
        let mut states = States::default();
        starting(&mut states, A, me);
        starting(&mut states, B, other);
        assert!(!states.would_never_end(B, me));
        states.waiting.insert(other, A);
        assert!(states.would_never_end(B, me));
        states.waiting.insert(other, B);
        assert!(!states.would_never_end(B, me));
    }
}
