//! The checker as Ws2_32: socket handles, events, APCs, and what providers asked of it.
//!
//! The upcalls carry no context, so there is one host for the process, as there is one check.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use windlass_abi::*;

use crate::findings::fail;

pub use crate::boundary::upcalls::{complete, table};

/// An upcall that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcall {
    /// Its name, without `WPU`.
    pub name: &'static str,
    /// The letter of the table that it came through.
    pub table: char,
    /// The catalog entry id, the handle or the event; what it was about.
    pub about: usize,
}

/// A socket handle that the host knows.
#[derive(Debug)]
pub struct Known {
    /// The entry that it was registered for.
    pub entry: u32,
    /// Of WPUCreateSocketHandle: the descriptor that reserves the number, and the provider's context.
    pub created: Option<(OwnedFd, usize)>,
}

type Hook = Arc<dyn Fn(&'static str) + Send + Sync>;

#[derive(Default)]
pub struct State {
    pub log: Vec<Upcall>,
    pub handles: BTreeMap<SOCKET, Known>,
    /// Handles that were closed with WPUCloseSocketHandle.
    pub closed: BTreeMap<SOCKET, u32>,
    pub events: BTreeSet<usize>,
    pub threads: i64,
    /// The upcalls that fail, with this code.
    pub refusals: BTreeMap<&'static str, i32>,
    pub hook: Option<Hook>,
    pub completions: BTreeMap<usize, u32>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Starts that have not been cleaned up, and those that are under way.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// APCs that were queued.
pub static APCS: AtomicUsize = AtomicUsize::new(0);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn with<R>(act: impl FnOnce(&mut State) -> R) -> R {
    act(state().get_or_insert_with(State::default))
}

/// Upcalls may come from here on (UPV-1).
pub fn opens() {
    ALIVE.fetch_add(1, Ordering::SeqCst);
}

/// A start failed, or was cleaned up.
pub fn closes() {
    ALIVE.fetch_sub(1, Ordering::SeqCst);
}

/// The upcalls so far of this name.
pub fn log(name: &str) -> Vec<Upcall> {
    with(|state| state.log.iter().filter(|upcall| upcall.name == name).cloned().collect())
}

/// How often an upcall was made.
pub fn count(name: &str) -> usize {
    log(name).len()
}

/// Makes an upcall fail with this code, or work again.
pub fn refuse(name: &'static str, code: Option<i32>) {
    with(|state| match code {
        Some(code) => state.refusals.insert(name, code),
        None => state.refusals.remove(name),
    });
}

/// What is called in every upcall, with its name; while no lock is held.
pub fn on_upcall(hook: Option<Hook>) {
    with(|state| state.hook = hook);
}

/// The entry that a handle is registered for, and whether the host made it.
pub fn registration(s: SOCKET) -> Option<(u32, bool)> {
    with(|state| state.handles.get(&s).map(|known| (known.entry, known.created.is_some())))
}

/// How often a handle that the host made was closed.
pub fn closes_of(s: SOCKET) -> u32 {
    with(|state| state.closed.get(&s).copied().unwrap_or(0))
}

/// Handles that the host made and that are open.
pub fn created() -> Vec<SOCKET> {
    with(|state| state.handles.iter().filter(|(_, known)| known.created.is_some()).map(|(s, _)| *s).collect())
}

/// What the provider holds of the host: events that it made, and threads that it opened.
pub fn held() -> (usize, i64) {
    with(|state| (state.events.len(), state.threads))
}

/// How many APCs were queued.
pub fn apcs() -> usize {
    APCS.load(Ordering::SeqCst)
}

/// How often WPUCompleteOverlappedRequest was called for a structure.
pub fn completions_of(overlapped: usize) -> u32 {
    with(|state| state.completions.get(&overlapped).copied().unwrap_or(0))
}

/// Begins an upcall: it is recorded, and refused if a check wants that.
pub fn begin(name: &'static str, table: char, about: usize) -> Result<(), WsaError> {
    if ALIVE.load(Ordering::SeqCst) <= 0 {
        fail(
            "UPV-1",
            format!("WPU{name}, after the last WSPCleanup has returned"),
            "an upcall",
            "none: upcalls are for the time between WSPStartup and the last WSPCleanup",
        );
        return Err(WsaError::WSANOTINITIALISED);
    }
    let (hook, refusal) = with(|state| {
        if state.log.len() < 100_000 {
            state.log.push(Upcall { name, table, about });
        }
        (state.hook.clone(), state.refusals.get(name).copied())
    });
    if let Some(hook) = hook {
        hook(name);
    }
    refusal.map_or(Ok(()), |code| Err(WsaError::from_code(code)))
}

pub fn create_handle(entry: u32, context: usize) -> Result<SOCKET, WsaError> {
    let object = eventfd(0, EventfdFlags::CLOEXEC).map_err(|_| WsaError::WSAEMFILE)?;
    let s = object.as_raw_fd() as SOCKET;
    with(|state| state.handles.insert(s, Known { entry, created: Some((object, context)) }));
    Ok(s)
}

pub fn close_handle(s: SOCKET) -> Result<(), WsaError> {
    let known = with(|state| {
        let is_created = state.handles.get(&s).is_some_and(|known| known.created.is_some());
        *state.closed.entry(s).or_default() += 1;
        if is_created { state.handles.remove(&s) } else { None }
    });
    match known {
        Some(_) => Ok(()),
        None => {
            fail(
                "WPU-CLSH-2",
                format!("WPUCloseSocketHandle({s})"),
                "a handle that is not open",
                "one call for each handle of WPUCreateSocketHandle",
            );
            Err(WsaError::WSAENOTSOCK)
        }
    }
}

pub fn bind_handle(entry: u32, s: SOCKET) -> Result<SOCKET, WsaError> {
    with(|state| state.handles.insert(s, Known { entry, created: None }));
    Ok(s)
}

/// Forgets a binding of a descriptor of the system, which ends with its close (WPU-MIH-5).
pub fn forget(s: SOCKET) {
    with(|state| {
        if state.handles.get(&s).is_some_and(|known| known.created.is_none()) {
            state.handles.remove(&s);
        }
    });
}
