//! Thread identities and their APC queues (contract: upcalls, section 5).

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use windlass_abi::{WSATHREADID, WsaError};

use crate::handle::Handle;
use crate::lock;
use crate::object::{self, Object};
use crate::signal::Signal;
use crate::waitable::Waitable;
use crate::waker::Waker;

/// A procedure that a thread runs when it waits alertably. What it owns is dropped with it, run or not
/// (WPU-APC-5); never while a lock of this crate is held.
pub type Apc = Box<dyn FnOnce() + Send + 'static>;

/// The identity of a thread, opaque to whoever gets it, and copied by value: WSATHREADID without its pointers.
///
/// `handle` names the thread. `opening` is zero in the identity that the runtime gives along with a
/// call, and tells the openings of [`open_current`] apart (WPU-OCT-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId {
    handle: Handle,
    opening: usize,
}

impl From<ThreadId> for WSATHREADID {
    fn from(id: ThreadId) -> Self {
        Self { ThreadHandle: id.handle.into(), Reserved: id.opening }
    }
}

impl From<WSATHREADID> for ThreadId {
    fn from(id: WSATHREADID) -> Self {
        Self { handle: id.ThreadHandle.into(), opening: id.Reserved }
    }
}

/// What this crate knows of one thread of the process, be it the runtime's, a provider's or the program's.
pub struct Thread {
    this: Weak<Thread>,
    waker: Arc<Waker>,
    handle: OnceLock<Handle>,
    state: Mutex<State>,
    /// Signalled when the thread has exited, with this code.
    end: Arc<Waitable>,
    exit_code: AtomicU32,
}

#[derive(Default)]
struct State {
    exited: bool,
    /// It has not been let go on since it was made.
    suspended: bool,
    /// First in, first out (WPU-APC-4).
    apcs: VecDeque<Apc>,
    /// The openings that were not closed, and the last number given to one.
    openings: Vec<usize>,
    last_opening: usize,
    /// Keeps the record, and so the identity, while an opening is left, even if the thread is gone.
    kept: Option<Arc<Thread>>,
}

/// The record of the calling thread, made by the first call.
///
/// A thread that has one takes APCs in all its alertable waits. The record is dropped by the exit of the
/// thread, so a shared object that asks for it stays mapped until then.
pub fn current() -> Arc<Thread> {
    HAS_RECORD.set(true);
    // Late in the exit of a thread its record is gone already; it can still wait, but has no identity.
    CURRENT.try_with(|current| current.get().record.clone()).unwrap_or_else(|_| Thread::new(true))
}

/// The identity of the calling thread, as [`Thread::id`] of its record.
///
/// Errors: WSA_NOT_ENOUGH_MEMORY; WSAEFAULT in a thread so late in its exit that it has none.
#[inline]
pub fn current_id() -> Result<ThreadId, WsaError> {
    HAS_RECORD.set(true);
    CURRENT.try_with(|current| current.get().record.id()).unwrap_or(Err(WsaError::WSAEFAULT))
}

/// The record of the calling thread, if it has one.
pub(crate) fn existing() -> Option<Arc<Thread>> {
    if !HAS_RECORD.get() {
        return None;
    }
    CURRENT.try_with(|current| current.get().record.clone()).ok()
}

/// A number that no other thread has while this one lives.
pub(crate) fn mark() -> usize {
    HAS_RECORD.with(|here| std::ptr::from_ref(here).addr())
}

/// What tells a thread from every other that the process ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(NonZeroU64);

impl Key {
    /// The key as a number, never zero.
    pub const fn value(self) -> u64 {
        self.0.get()
    }
}

/// The key of the calling thread. Costs nothing but a number, and leaves nothing behind.
pub fn key() -> Key {
    static LAST: AtomicU64 = AtomicU64::new(0);
    Key(NonZeroU64::new(KEY.get()).unwrap_or_else(|| {
        let key = NonZeroU64::MIN.saturating_add(LAST.fetch_add(1, Ordering::Relaxed));
        KEY.set(key.get());
        key
    }))
}

/// An identity of the calling thread for others to queue APCs to, to be ended by one [`close`]
/// (WPU-OCT-1, WPU-OCT-2).
///
/// Errors: WSA_NOT_ENOUGH_MEMORY; WSAEFAULT in a thread so late in its exit that it can run no APC.
pub fn open_current() -> Result<ThreadId, WsaError> {
    let thread = current();
    let mut id = thread.id()?;
    let mut state = lock(&thread.state);
    state.last_opening += 1;
    id.opening = state.last_opening;
    state.openings.push(id.opening);
    state.kept.get_or_insert_with(|| thread.clone());
    Ok(id)
}

/// Ends an identity that [`open_current`] gave. APCs that were queued stay queued (WPU-OCT-3).
///
/// Errors: WSAEINVAL for every other identity, and the second time (WPU-OCT-4).
pub fn close(id: ThreadId) -> Result<(), WsaError> {
    let thread = find(id).ok_or(WsaError::WSAEINVAL)?;
    let mut state = lock(&thread.state);
    let at = state.openings.iter().position(|&opening| opening == id.opening);
    state.openings.swap_remove(at.ok_or(WsaError::WSAEINVAL)?);
    let _released = if state.openings.is_empty() { state.kept.take() } else { None };
    drop(state);
    Ok(())
}

/// Queues a call for a thread, and returns. It runs when the thread waits alertably (WPU-APC-1), once, after
/// those queued before it (WPU-APC-4); if the thread waits so already, it is woken. Any thread may call
/// this (WPU-APC-8); it never blocks.
///
/// Errors: WSAEFAULT if the identity names no thread, or its thread has exited, or it has been closed (WPU-APC-2,
/// WPU-APC-5). The APC is dropped then.
pub fn queue_apc(id: ThreadId, apc: Apc) -> Result<(), WsaError> {
    find(id).ok_or(WsaError::WSAEFAULT)?.push(id.opening, apc)
}

impl Thread {
    fn new(exited: bool) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            waker: Arc::new(Waker::new()),
            handle: OnceLock::new(),
            state: Mutex::new(State { exited, ..State::default() }),
            end: Arc::new(Waitable::new(Signal::ManualEvent(exited))),
            exit_code: AtomicU32::new(0),
        })
    }

    /// The identity of this thread that goes along with a call (lpThreadId). It needs no closing, and names
    /// the thread until it exits.
    ///
    /// Errors: WSA_NOT_ENOUGH_MEMORY; WSAEFAULT if the thread has exited.
    pub fn id(&self) -> Result<ThreadId, WsaError> {
        let handle = match self.handle.get() {
            Some(&handle) => handle,
            None => self.make_handle()?,
        };
        Ok(ThreadId { handle, opening: 0 })
    }

    /// What wakes this thread.
    pub fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    /// True if APCs are queued.
    pub(crate) fn has_apcs(&self) -> bool {
        !lock(&self.state).apcs.is_empty()
    }

    /// Runs what is queued, and what that queues, each before the next is taken: an APC that waits
    /// alertably itself runs the rest in its own wait. For the thread itself only.
    pub(crate) fn run_apcs(&self) {
        while let Some(apc) = self.next_apc() {
            apc();
        }
    }

    /// Queues a call for whoever has this opening; 0 is no opening. Errors: WSAEFAULT.
    fn push(&self, opening: usize, apc: Apc) -> Result<(), WsaError> {
        let mut state = lock(&self.state);
        if state.exited || opening != 0 && !state.openings.contains(&opening) {
            return Err(WsaError::WSAEFAULT);
        }
        state.apcs.push_back(apc);
        drop(state);
        self.waker.wake();
        Ok(())
    }

    fn next_apc(&self) -> Option<Apc> {
        lock(&self.state).apcs.pop_front()
    }

    fn make_handle(&self) -> Result<Handle, WsaError> {
        let state = lock(&self.state);
        if state.exited {
            return Err(WsaError::WSAEFAULT);
        }
        if let Some(&handle) = self.handle.get() {
            return Ok(handle);
        }
        let handle = object::insert(Object::Identity(self.this.clone()))?;
        Ok(*self.handle.get_or_init(|| handle))
    }

    fn exit(&self) {
        let mut state = lock(&self.state);
        state.exited = true;
        let apcs = std::mem::take(&mut state.apcs);
        drop(state);
        // Dropping them runs code of whoever queued them.
        drop(apcs);
        self.end.signal(|signal| signal.set_event(true));
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(&handle) = self.handle.get() {
            object::remove_if(handle, |_| true);
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// How many forks lie between this process and the first one that used this crate.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// To be called in the child of a fork, on the one thread that there is; async-signal-safe. The thread gets another record
/// there: that of the parent has the parent's APCs, and a waker that shares its descriptor with the parent's.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// What the calling thread has, dropped when the thread exits.
struct Current {
    record: Arc<Thread>,
    /// Each once.
    mutexes: RefCell<Vec<Weak<Waitable>>>,
    /// The [`FORKS`] of the process that it is of.
    forks: u32,
}

impl Current {
    fn new(record: Arc<Thread>) -> Self {
        Self { record, mutexes: RefCell::default(), forks: FORKS.load(Ordering::Relaxed) }
    }

    fn is_of_this_process(&self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            // Another thread of the parent may have held its locks.
            std::mem::forget(self.record.clone());
            return;
        }
        let thread = key();
        for mutex in self.mutexes.take().iter().filter_map(Weak::upgrade) {
            mutex.signal(|signal| signal.abandon(thread));
        }
        self.record.exit();
    }
}

/// Made when first asked for, in each process.
struct Lazy {
    current: OnceCell<Current>,
    in_child: OnceCell<Box<Lazy>>,
}

impl Lazy {
    const fn new() -> Self {
        Self { current: OnceCell::new(), in_child: OnceCell::new() }
    }

    fn get(&self) -> &Current {
        let current = self.current.get_or_init(|| Current::new(Thread::new(false)));
        match current.is_of_this_process() {
            true => current,
            false => self.in_child.get_or_init(|| Box::new(Self::new())).get(),
        }
    }
}

thread_local! {
    /// These need nothing at the exit of the thread, unlike the record itself.
    static HAS_RECORD: Cell<bool> = const { Cell::new(false) };
    static KEY: Cell<u64> = const { Cell::new(0) };
    static CURRENT: Lazy = const { Lazy::new() };
}

fn find(id: ThreadId) -> Option<Arc<Thread>> {
    match object::get(id.handle)? {
        Object::Identity(thread) => thread.upgrade(),
        _ => None,
    }
}

mod life;
mod mutexes;

pub use life::{ExitCode, Newborn, by_handle};
pub use mutexes::owned_mutexes;
pub(crate) use mutexes::{forget, remember};

#[cfg(test)]
mod tests;
