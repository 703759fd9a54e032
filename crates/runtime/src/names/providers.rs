//! Which version 1 providers run, one start for each id (NSP-STARTUP-12), and the way in for calls.
//!
//! A provider is started by the first look-up or registration that needs it and cleaned up by the last `WSACleanup`. No
//! lock is held while its code runs (NSP1-8). A thread that needs a provider which another thread starts waits for that,
//! except if it is inside a start itself: two providers may look names up in their starts, and then neither waits for the
//! other, but goes on without it (FAN-7).

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use windlass_abi::{GUID, WsaError};
use windlass_catalog::NamespaceEntry;
use windlass_spi::rundown;

use crate::limits;
use crate::loader::nsp::Nsp;

/// The version 1 providers of one session.
#[derive(Default)]
pub(crate) struct Providers {
    states: Mutex<States>,
    changed: Condvar,
}

#[derive(Default)]
struct States {
    /// Set by the last clean-up: none starts any more.
    closed: bool,
    /// By id, with the order of their starts.
    known: HashMap<GUID, State>,
    starts: u64,
}

enum State {
    Starting,
    Running(Arc<Provider>),
}

/// A provider that runs.
pub(crate) struct Provider {
    pub(crate) entry: NamespaceEntry,
    sequence: u64,
    nsp: Nsp,
    gate: Mutex<Gate>,
    left: Condvar,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    /// The threads of the calls that are inside.
    inside: Vec<ThreadId>,
}

thread_local! {
    /// How many starts this thread is inside of.
    static STARTING: Cell<u32> = const { Cell::new(0) };
}

impl Providers {
    /// The running provider of an entry; starts it on first demand (FAN-4).
    ///
    /// # Errors
    /// `WSANOTINITIALISED`: the last clean-up has begun. `WSAEPROVIDERFAILEDINIT`: the provider cannot be started
    /// (NSP-STARTUP-8), or needs itself to start, or another thread does not finish starting it in time.
    pub(crate) fn demand(&self, entry: &NamespaceEntry) -> Result<Arc<Provider>, WsaError> {
        let id = entry.provider;
        let limit = Instant::now() + limits::start();
        let mut states = self.lock();
        loop {
            if states.closed {
                return Err(WsaError::WSANOTINITIALISED);
            }
            match states.known.get(&id) {
                None => break,
                Some(State::Running(provider)) => return Ok(Arc::clone(provider)),
                Some(State::Starting) if STARTING.get() > 0 => return Err(WsaError::WSAEPROVIDERFAILEDINIT),
                Some(State::Starting) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(WsaError::WSAEPROVIDERFAILEDINIT);
                    }
                    let waited = rundown::in_callback(|| self.changed.wait_timeout(states, left));
                    states = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        states.known.insert(id, State::Starting);
        states.starts += 1;
        let sequence = states.starts;
        drop(states);

        STARTING.set(STARTING.get() + 1);
        let started = Nsp::start(&entry.module, id);
        STARTING.set(STARTING.get() - 1);

        let mut states = self.lock();
        let result = match started {
            Err(_) => {
                states.known.remove(&id);
                Err(WsaError::WSAEPROVIDERFAILEDINIT)
            }
            Ok(nsp) => {
                let (gate, left) = (Mutex::default(), Condvar::new());
                let provider = Arc::new(Provider { entry: entry.clone(), sequence, nsp, gate, left });
                // If the last clean-up came meanwhile, it waits for this one, and takes it.
                states.known.insert(id, State::Running(Arc::clone(&provider)));
                Ok(provider)
            }
        };
        drop(states);
        self.changed.notify_all();
        result
    }

    /// Lets no provider start any more, waits for those that other threads start, and takes all, the last one first.
    pub(crate) fn close(&self) -> Vec<Arc<Provider>> {
        let limit = Instant::now() + limits::start();
        let mut states = self.lock();
        states.closed = true;
        while states.known.values().any(|state| matches!(state, State::Starting)) && STARTING.get() == 0 {
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = rundown::in_callback(|| self.changed.wait_timeout(states, left));
            states = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken: Vec<_> = std::mem::take(&mut states.known)
            .into_values()
            .filter_map(|state| match state {
                State::Running(provider) => Some(provider),
                State::Starting => None,
            })
            .collect();
        taken.sort_unstable_by_key(|provider| std::cmp::Reverse(provider.sequence));
        taken
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider {
    /// Enters: the provider is not cleaned up while a call is inside, unless that takes too long.
    ///
    /// # Errors
    /// `WSANOTINITIALISED`: it is being cleaned up.
    pub(crate) fn enter(&self) -> Result<Inside<'_>, WsaError> {
        let mut gate = self.gate();
        if gate.closed {
            return Err(WsaError::WSANOTINITIALISED);
        }
        gate.inside.push(std::thread::current().id());
        Ok(Inside { provider: self })
    }

    /// Lets no more calls in and waits until those inside have left, but not for those of this thread, nor beyond the limit:
    /// whether all have.
    pub(crate) fn drain(&self, limit: Duration) -> bool {
        let (me, end) = (std::thread::current().id(), Instant::now() + limit);
        let mut gate = self.gate();
        gate.closed = true;
        loop {
            if gate.inside.iter().all(|thread| *thread == me) {
                return gate.inside.is_empty();
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = rundown::in_callback(|| self.left.wait_timeout(gate, left));
            gate = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// `NSPCleanup` (WSA-CLEANUP-9, step 4). A failure changes nothing (WSA-CLEANUP-10).
    pub(crate) fn clean_up(&self) {
        let _ = self.nsp.clean_up();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is inside a provider.
pub(crate) struct Inside<'a> {
    provider: &'a Provider,
}

impl std::ops::Deref for Inside<'_> {
    type Target = Nsp;

    fn deref(&self) -> &Nsp {
        &self.provider.nsp
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let me = std::thread::current().id();
        let mut gate = self.provider.gate();
        if let Some(at) = gate.inside.iter().rposition(|thread| *thread == me) {
            gate.inside.swap_remove(at);
        }
        drop(gate);
        self.provider.left.notify_all();
    }
}
