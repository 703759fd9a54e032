//! The lifecycle of a module's name space providers: counts for each id, and the look-ups that are open.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use windlass_abi::{GUID, WsaError};

use super::notification::Notification;
use crate::adapter::calls::caught;
use crate::adapter::instance::quietly;
use crate::namespace::{Namespace, QuerySet};
use crate::rundown;
use crate::transport::Result;

/// Everything that the SDK keeps for one [`Namespace`] in this process. [`namespace_entry`](crate::namespace_entry) makes one.
pub struct Instances<N: Namespace> {
    state: Mutex<Option<State<N>>>,
    changed: Condvar,
    /// The process that the state is true of; zero before the first start (UNLOAD-6).
    process: AtomicU32,
}

struct State<N: Namespace> {
    phases: HashMap<GUID, Phase<N>>,
    lookups: HashMap<usize, Arc<Open<N>>>,
}

enum Phase<N: Namespace> {
    /// A thread starts or cleans up, with no lock held.
    Moving(ThreadId),
    Running {
        instance: Arc<Instance<N>>,
        count: u32,
    },
}

/// A provider that runs for one id.
pub(super) struct Instance<N: Namespace> {
    namespace: N,
    id: GUID,
    /// The threads of the calls that are inside.
    inside: Mutex<Vec<ThreadId>>,
    left: Condvar,
}

/// A look-up that is open.
pub(super) struct Open<N: Namespace> {
    instance: Arc<Instance<N>>,
    pub(super) lookup: N::Lookup,
    pub(super) flags: u32,
    pub(super) ended: AtomicBool,
    /// Held by the one call of Next that is inside.
    pub(super) pending: Mutex<Option<Pending>>,
    notifications: Mutex<Vec<Notification>>,
}

/// A result that has not been delivered yet.
pub(super) struct Pending {
    pub(super) set: QuerySet,
    /// A buffer was too small for it.
    pub(super) refused: bool,
}

impl<N: Namespace> Instances<N> {
    /// None has been started.
    pub const fn new() -> Self {
        Self { state: Mutex::new(None), changed: Condvar::new(), process: AtomicU32::new(0) }
    }

    /// One `NSPStartup`: the first one for an id starts it (NSP-STARTUP-10, NSP-STARTUP-12). Waits while another thread starts it or
    /// cleans it up; `WSASYSNOTREADY` if this very thread does.
    pub(super) fn start(&self, id: GUID) -> Result<()> {
        let me = std::thread::current().id();
        let mut state = self.lock();
        loop {
            match state.get_or_insert_default().phases.get_mut(&id) {
                None => break,
                Some(Phase::Running { count, .. }) => {
                    *count = count.checked_add(1).ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)?;
                    return Ok(());
                }
                Some(Phase::Moving(by)) if *by == me => return Err(WsaError::WSASYSNOTREADY),
                Some(Phase::Moving(_)) => {
                    state = rundown::in_callback(|| self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
                }
            }
        }
        state.get_or_insert_default().phases.insert(id, Phase::Moving(me));
        drop(state);
        let started = caught(|| N::start(id));
        let mut state = self.lock();
        let phases = &mut state.get_or_insert_default().phases;
        let result = match started {
            Ok(namespace) => {
                let instance = Instance { namespace, id, inside: Mutex::default(), left: Condvar::new() };
                phases.insert(id, Phase::Running { instance: Arc::new(instance), count: 1 });
                Ok(())
            }
            Err(error) => {
                phases.remove(&id);
                Err(error)
            }
        };
        drop(state);
        self.changed.notify_all();
        result
    }

    /// One `NSPCleanup`: the last one for an id frees it (NSP-CLEANUP-2), and ends its look-ups first (NSP-CLEANUP-5). Waits for the calls
    /// inside, but not for those of its own thread. `WSANOTINITIALISED`: no start is outstanding (NSP-CLEANUP-6).
    pub(super) fn clean_up(&self, id: GUID) -> Result<()> {
        let mut state = self.lock();
        let known = state.get_or_insert_default();
        let instance = match known.phases.get_mut(&id) {
            Some(Phase::Running { count, .. }) if *count > 1 => {
                *count -= 1;
                return Ok(());
            }
            Some(Phase::Running { instance, .. }) => Arc::clone(instance),
            Some(Phase::Moving(_)) | None => return Err(WsaError::WSANOTINITIALISED),
        };
        known.phases.insert(id, Phase::Moving(std::thread::current().id()));
        let lookups = known.lookups.extract_if(|_, open| Arc::ptr_eq(&open.instance, &instance));
        let lookups: Vec<_> = lookups.map(|(_, open)| open).collect();
        drop(state);

        for open in &lookups {
            open.end();
        }
        drop(lookups);
        instance.wait_until_empty();
        quietly(|| instance.namespace.cleanup());
        quietly(|| drop(instance));

        self.lock().get_or_insert_default().phases.remove(&id);
        self.changed.notify_all();
        Ok(())
    }

    /// Enters the provider of an id. `WSANOTINITIALISED`: it is not running.
    pub(super) fn enter(&self, id: GUID) -> Result<Call<N>> {
        let state = self.lock();
        match state.as_ref().and_then(|state| state.phases.get(&id)) {
            Some(Phase::Running { instance, .. }) => Ok(Call::enter(instance)),
            Some(Phase::Moving(_)) | None => Err(WsaError::WSANOTINITIALISED),
        }
    }

    /// Gives a look-up a handle.
    pub(super) fn open(&self, call: &Call<N>, lookup: N::Lookup, flags: u32) -> Result<usize> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let open = Open {
            instance: Arc::clone(&call.instance),
            lookup,
            flags,
            ended: AtomicBool::new(false),
            pending: Mutex::default(),
            notifications: Mutex::default(),
        };
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        let state = state.get_or_insert_default();
        match state.phases.get(&call.instance.id) {
            Some(Phase::Running { instance, .. }) if Arc::ptr_eq(instance, &call.instance) => {
                state.lookups.insert(handle, Arc::new(open));
                Ok(handle)
            }
            _ => Err(WsaError::WSANOTINITIALISED),
        }
    }

    /// Enters the provider of a look-up. `WSA_INVALID_HANDLE`.
    pub(super) fn find(&self, handle: usize) -> Result<(Call<N>, Arc<Open<N>>)> {
        let state = self.lock();
        let open = state.as_ref().and_then(|state| state.lookups.get(&handle)).ok_or(WsaError::WSA_INVALID_HANDLE)?;
        Ok((Call::enter(&open.instance), Arc::clone(open)))
    }

    /// `NSPLookupServiceEnd`. `WSA_INVALID_HANDLE`.
    pub(super) fn end(&self, handle: usize) -> Result<()> {
        let mut state = self.lock();
        let removed = state.as_mut().and_then(|state| state.lookups.remove(&handle));
        let open = removed.ok_or(WsaError::WSA_INVALID_HANDLE)?;
        let _call = Call::enter(&open.instance);
        drop(state);
        open.end();
        quietly(|| drop(open));
        Ok(())
    }

    /// In the child of a fork nothing that the parent started is usable (UNLOAD-6): it is left as it is.
    fn lock(&self) -> MutexGuard<'_, Option<State<N>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if ![0, process].contains(&self.process.swap(process, Ordering::Relaxed)) {
            std::mem::forget(state.take());
        }
        state
    }
}

impl<N: Namespace> Default for Instances<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Namespace> Default for State<N> {
    fn default() -> Self {
        Self { phases: HashMap::new(), lookups: HashMap::new() }
    }
}

impl<N: Namespace> Instance<N> {
    fn wait_until_empty(&self) {
        let me = std::thread::current().id();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while inside.iter().any(|thread| *thread != me) {
            inside = rundown::in_callback(|| self.left.wait(inside).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl<N: Namespace> Open<N> {
    fn end(&self) {
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        quietly(|| self.instance.namespace.cancel(&self.lookup));
        let notifications = std::mem::take(&mut *self.notifications.lock().unwrap_or_else(PoisonError::into_inner));
        for notification in notifications {
            notification.abort();
        }
    }

    /// Has a notification aborted when the look-up ends.
    pub(super) fn keep(&self, notification: Notification) {
        let mut notifications = self.notifications.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended.load(Ordering::SeqCst) {
            drop(notifications);
            notification.abort();
        } else {
            notifications.push(notification);
        }
    }
}

/// A call that is inside a provider: the last clean-up waits for it.
pub(super) struct Call<N: Namespace> {
    instance: Arc<Instance<N>>,
}

impl<N: Namespace> Call<N> {
    fn enter(instance: &Arc<Instance<N>>) -> Self {
        instance.inside.lock().unwrap_or_else(PoisonError::into_inner).push(std::thread::current().id());
        Self { instance: Arc::clone(instance) }
    }

    pub(super) fn id(&self) -> GUID {
        self.instance.id
    }
}

impl<N: Namespace> Deref for Call<N> {
    type Target = N;

    fn deref(&self) -> &N {
        &self.instance.namespace
    }
}

impl<N: Namespace> Drop for Call<N> {
    fn drop(&mut self) {
        let me = std::thread::current().id();
        let mut inside = self.instance.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = inside.iter().rposition(|thread| *thread == me) {
            inside.swap_remove(at);
        }
        drop(inside);
        self.instance.left.notify_all();
    }
}
