//! What the program did against the contract.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rustix::thread::gettid;
use serde::Serialize;
use windlass_abi::SOCKET;

use crate::function::Function;
use crate::report::sink::Sink;

/// How many violations of one kind by one function are told one by one.
pub const REPEATS: u64 = 100;

/// A way to break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// The process ended while `WSAStartup` calls had no `WSACleanup`; `count` says how many.
    StartupWithoutCleanup,
    /// A socket was open at the last clean-up, or at the end of the process. `function` opened it.
    SocketNeverClosed,
    /// A function was called before the first `WSAStartup` (WSA-STARTUP-6).
    CallBeforeStartup,
    /// A function was called after the last `WSACleanup`.
    CallAfterCleanup,
    /// `closesocket` of a handle that was closed, or is just being closed.
    HandleClosedTwice,
    /// A handle was used that was closed, or is just being closed.
    StaleHandle,
    /// A handle was used that never was a socket.
    UnknownHandle,
}

/// Counts violations, and tells of those that are not too many of the same.
#[derive(Default)]
pub(super) struct Log {
    count: AtomicU64,
    seen: Mutex<HashMap<(Violation, &'static str), u64>>,
}

impl Log {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(super) fn add(&self, sink: &Sink, kind: Violation, function: &'static str, handle: Option<SOCKET>, count: u64) {
        self.count.fetch_add(count, Relaxed);
        if self.is_worth_telling(kind, function) {
            let (event, pid, tid) = ("violation", std::process::id(), gettid().as_raw_nonzero().get());
            let count = (count > 1).then_some(count);
            sink.send(&Record { event, kind, function, handle, count, tid, pid });
        }
    }

    fn is_worth_telling(&self, kind: Violation, function: &'static str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.entry((kind, function)).or_default();
        *times += 1;
        *times <= REPEATS
    }
}

/// The sockets that are open, and the functions that opened them.
#[derive(Default)]
pub(super) struct OpenSockets(Mutex<HashMap<SOCKET, Function>>);

impl OpenSockets {
    /// Returns whether it was not known yet.
    pub(super) fn opened(&self, s: SOCKET, by: Function) -> bool {
        self.lock(|sockets| sockets.insert(s, by).is_none())
    }

    pub(super) fn gone(&self, s: SOCKET) -> Option<Function> {
        self.lock(|sockets| sockets.remove(&s))
    }

    /// Tells of each of these that nobody closed, and forgets them; returns how many there were.
    pub(super) fn tell_unclosed(&self, sink: &Sink, log: &Log, which: impl Fn(SOCKET) -> bool) -> u64 {
        let mut left: Vec<_> = self.lock(|sockets| sockets.extract_if(|s, _| which(*s)).collect());
        left.sort_unstable_by_key(|(s, _)| *s);
        for (s, by) in &left {
            log.add(sink, Violation::SocketNeverClosed, by.name(), Some(*s), 1);
        }
        left.len() as u64
    }

    fn lock<R>(&self, change: impl FnOnce(&mut HashMap<SOCKET, Function>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Serialize)]
struct Record {
    event: &'static str,
    kind: Violation,
    function: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<SOCKET>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    tid: i32,
    pid: u32,
}
