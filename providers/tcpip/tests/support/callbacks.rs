//! Functions of the client that the provider calls back, as closures.

use std::net::SocketAddr;
use std::ptr::from_ref;
use std::sync::Mutex;
use std::thread::ThreadId;

use windlass_abi::*;

use super::upcalls::set_blocking_hook;
use super::{Result, Winsock, address};

/// A condition function that gives these answers in turn, and keeps what it was asked about.
pub struct Asked {
    answers: Mutex<Vec<i32>>,
    seen: Mutex<Vec<Seen>>,
}

/// What a condition function was told, and where it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub caller: SocketAddr,
    pub callee: SocketAddr,
    /// Whether there was data, a quality of service, or room for data.
    pub extras: bool,
    pub thread: ThreadId,
}

impl Asked {
    pub fn with(answers: &[i32]) -> Self {
        Self { answers: Mutex::new(answers.iter().rev().copied().collect()), seen: Mutex::default() }
    }

    /// Accepts on the condition.
    pub fn accept(&self, winsock: &Winsock, listener: SOCKET) -> Result<SOCKET> {
        winsock.accept_if(listener, Some(condition), from_ref(self).expose_provenance()).map(|(s, _)| s)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

unsafe extern "system" fn condition(
    caller: *mut WSABUF,
    caller_data: *mut WSABUF,
    sqos: *mut QOS,
    _gqos: *mut QOS,
    callee: *mut WSABUF,
    callee_data: *mut WSABUF,
    _group: *mut GROUP,
    data: usize,
) -> i32 {
    // SAFETY: the buffers hold addresses for as long as this call lasts.
    let name = |buffer: *mut WSABUF| unsafe {
        let buffer = &*buffer;
        address(std::slice::from_raw_parts(buffer.buf, buffer.len as usize))
    };
    // SAFETY: never null.
    let room = unsafe { (*callee_data).len };
    // SAFETY: `Asked::accept` passes itself, and lives until the accept returns.
    let asked = unsafe { &*std::ptr::with_exposed_provenance::<Asked>(data) };
    asked.seen.lock().unwrap().push(Seen {
        caller: name(caller),
        callee: name(callee),
        extras: !caller_data.is_null() || !sqos.is_null() || room != 0,
        thread: std::thread::current().id(),
    });
    asked.answers.lock().unwrap().pop().expect("asked once more than expected")
}

/// Runs `call` with a blocking hook on this thread, which is told how often it was called before. Fails
/// the test if it was never called.
pub fn with_hook<T>(mut hook: impl FnMut(usize) -> bool, call: impl FnOnce() -> T) -> T {
    let mut calls = 0;
    let mut counted = || {
        calls += 1;
        hook(calls - 1)
    };
    let mut dynamic: &mut dyn FnMut() -> bool = &mut counted;
    set_blocking_hook(Some(run_hook), (&raw mut dynamic).expose_provenance());
    let result = call();
    set_blocking_hook(None, 0);
    assert_ne!(calls, 0, "the hook was not called");
    result
}

unsafe extern "system" fn run_hook(context: usize) -> BOOL {
    // SAFETY: `with_hook` passes its closure, and removes the hook before that ends.
    let hook = unsafe { &mut *std::ptr::with_exposed_provenance_mut::<&mut dyn FnMut() -> bool>(context) };
    hook().into()
}

/// Runs `call` with a blocking hook on this thread that must not be called.
pub fn without_hook<T>(call: impl FnOnce() -> T) -> T {
    set_blocking_hook(Some(unexpected_hook), 0);
    let result = call();
    set_blocking_hook(None, 0);
    result
}

unsafe extern "system" fn unexpected_hook(_: usize) -> BOOL {
    eprintln!("a call that need not wait has called the blocking hook");
    std::process::abort();
}
