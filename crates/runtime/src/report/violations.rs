//! What the program did against the contract.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rustix::thread::gettid;
use serde::Serialize;
use windlass_abi::SOCKET;

use crate::function::Function;
use crate::loader::stack::{Frame, Stack};
use crate::report::sink::Sink;

/// How many violations of one kind by one function are told one by one, where they are told without stacks.
pub const REPEATS: u64 = 100;

macro_rules! violations {
    ($($(#[$doc:meta])* $variant:ident = $rule:literal,)*) => {
        /// A way to break the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Violation {
            $($(#[$doc])* $variant,)*
        }

        impl Violation {
            /// The rule of the contract (docs/contract) that was broken.
            pub const fn rule(self) -> &'static str {
                match self {
                    $(Violation::$variant => $rule,)*
                }
            }
        }
    };
}

violations! {
    /// The process ended while `WSAStartup` calls had no `WSACleanup`; `count` says how many.
    StartupWithoutCleanup = "WSA-CLEANUP-2",
    /// A socket was open at the last clean-up, or at the end of the process. `function` opened it.
    SocketNeverClosed = "WSA-CLEANUP-6",
    /// A function was called before the first `WSAStartup`.
    CallBeforeStartup = "WSA-STARTUP-6",
    /// A function was called after the last `WSACleanup`.
    CallAfterCleanup = "WSA-STARTUP-6",
    /// `closesocket` of a handle that was closed, or is just being closed.
    HandleClosedTwice = "WSP-CLOSE-1",
    /// A handle was used that was closed, or is just being closed.
    StaleHandle = "WSP-CLOSE-1",
    /// A handle was used that never was a socket.
    UnknownHandle = "API-9",
    /// Verifier: an event was closed that was closed before.
    EventClosedTwice = "WPU-EVT-2",
    /// Verifier: an event was open when the process ended. `function` made it.
    EventNeverClosed = "WPU-EVT-3",
    /// Verifier: a socket was closed while another thread was inside a call on it.
    SocketClosedUnderOwner = "WSP-CLOSE-3",
    /// Verifier: an `OVERLAPPED` was given to a call while the operation that has it goes on.
    OverlappedReused = "OV-11",
    /// Verifier: memory that a pending operation writes to was given to another call, or the other way round.
    BufferReused = "OV-10",
    /// Verifier: what a pending operation sends was changed.
    BufferChanged = "OV-10",
    /// Verifier: the memory of an `OVERLAPPED` was given back while its operation goes on.
    OverlappedFreed = "OV-10",
    /// Verifier: the memory of a buffer was given back while an operation has it.
    BufferFreed = "OV-10",
    /// Verifier: a call that may wait, on a blocking socket, from a completion routine.
    BlockingCallInRoutine = "API-17",
    /// Verifier: a call that must not wait took longer than the limit.
    SlowCall = "MODE-5",
    /// Verifier: a completion routine or a condition function was run in a thread that holds a lock.
    LockHeldIntoCallback = "OV-13",
}

/// One violation, as it is told.
pub(super) struct Told<'a> {
    pub kind: Violation,
    pub function: &'a str,
    pub handle: Option<SOCKET>,
    pub count: u64,
    pub detail: Option<String>,
    /// Empty unless the program is verified.
    pub stack: &'a Stack,
}

/// Counts violations, and tells of those that are not too many of the same: with stacks, once for each kind and place.
#[derive(Default)]
pub(super) struct Log {
    count: AtomicU64,
    seen: Mutex<HashMap<(Violation, &'static str), u64>>,
    places: Mutex<HashSet<(Violation, usize)>>,
}

impl Log {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(super) fn add(&self, sink: &Sink, kind: Violation, function: &'static str, handle: Option<SOCKET>, count: u64) {
        self.count.fetch_add(count, Relaxed);
        if self.is_worth_telling(kind, function) {
            tell(sink, &Told { kind, function, handle, count, detail: None, stack: &Stack::default() });
        }
    }

    /// The same with a stack.
    pub(super) fn add_with_stack(&self, sink: &Sink, told: &Told<'_>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Counted once as well, so that what is told is all there is.
        if places.insert((told.kind, told.stack.place())) {
            self.count.fetch_add(told.count, Relaxed);
            tell(sink, told);
        }
    }

    fn is_worth_telling(&self, kind: Violation, function: &'static str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.entry((kind, function)).or_default();
        *times += 1;
        *times <= REPEATS
    }
}

fn tell(sink: &Sink, told: &Told<'_>) {
    let stack = told.stack.frames();
    let program = (!stack.is_empty())
        .then(|| std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned()))
        .flatten();
    sink.send(&Record {
        event: "violation",
        kind: told.kind,
        rule: told.kind.rule(),
        function: told.function,
        handle: told.handle,
        count: (told.count > 1).then_some(told.count),
        detail: told.detail.as_deref(),
        program,
        stack,
        tid: gettid().as_raw_nonzero().get(),
        pid: std::process::id(),
    });
}

/// Something that was opened: the function that did it, and where.
type Opened = (Function, Stack);

/// The sockets that are open, and the functions that opened them.
#[derive(Default)]
pub(super) struct OpenSockets(Mutex<HashMap<SOCKET, Opened>>);

impl OpenSockets {
    /// Returns whether it was not known yet.
    pub(super) fn opened(&self, s: SOCKET, by: Function, stack: Stack) -> bool {
        self.lock(|sockets| sockets.insert(s, (by, stack)).is_none())
    }

    pub(super) fn gone(&self, s: SOCKET) -> Option<Opened> {
        self.lock(|sockets| sockets.remove(&s))
    }

    /// Takes those out that nobody closed, in order.
    pub(super) fn take(&self, which: impl Fn(SOCKET) -> bool) -> Vec<(SOCKET, Opened)> {
        let mut left: Vec<_> = self.lock(|sockets| sockets.extract_if(|s, _| which(*s)).collect());
        left.sort_unstable_by_key(|(s, _)| *s);
        left
    }

    fn lock<R>(&self, change: impl FnOnce(&mut HashMap<SOCKET, Opened>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Serialize)]
struct Record<'a> {
    event: &'static str,
    kind: Violation,
    rule: &'static str,
    function: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<SOCKET>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<Frame>,
    tid: i32,
    pid: u32,
}
