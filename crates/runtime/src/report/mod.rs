//! What the program did, for whoever runs it.
//!
//! Silent unless `WINDLASS_REPORT_FD` names an inherited descriptor that is a sequenced-packet Unix
//! socket. Then each thing worth telling is one packet: one JSON object, UTF-8, no newline. The socket is
//! never waited for: what does not fit is dropped and counted. Nothing here can fail a program.
//!
//! | `event` | further members |
//! |---|---|
//! | `provider_started` | `id`: the catalog entry that started it, `name`, `module` |
//! | `provider_cleaned_up` | `id`, `name`, `error`: the code of a clean-up that failed, else 0; `unloaded`: false if calls did not end in time and the module stays mapped |
//! | `violation` | `kind`, `rule`: of docs/contract, `function`: the API function that was called, `handle` (if it is about one), `count` (if more than one), `tid`: the thread; from the [verifier](verify) also `detail`: in words, `program`: its path, `stack`: `file` and `offset` of each frame |
//! | `counters` | absolute numbers, see [`Counter`]; `violations`, `dropped`: packets lost |
//!
//! Every record has `pid`. `counters` comes with each last `WSACleanup` and at the end of the process; the
//! last one of a pid counts. The kinds of violation are those of [`Violation`]. Of the same
//! kind by the same function at most [`REPEATS`] are told one by one; all are counted.

mod counters;
mod sink;
pub mod verify;
mod violations;

pub use counters::Counter;
use violations::Told;
pub use violations::{REPEATS, Violation};

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::Serialize;
use windlass_abi::SOCKET;

use crate::function::Function;
use crate::loader::stack::Stack;
use crate::process;
use verify::Verifier;

/// Whether there is anybody to tell. Decided when the process first uses the runtime.
static ON: AtomicBool = AtomicBool::new(false);

/// Whether reports are made in this process.
#[inline]
pub fn is_on() -> bool {
    ON.load(Relaxed)
}

/// Whether the program is verified, which needs somebody to tell.
static VERIFYING: AtomicBool = AtomicBool::new(false);

/// Whether this process is verified; see [`verify`].
#[inline]
pub fn is_verifying() -> bool {
    VERIFYING.load(Relaxed)
}

/// What the report keeps for a process; a child made by fork starts with its own.
#[derive(Default)]
pub(crate) struct State {
    sink: sink::Sink,
    violations: violations::Log,
    sockets: violations::OpenSockets,
    counters: counters::Counters,
    pub(crate) verifier: Option<Verifier>,
}

impl State {
    /// The report of this process, switched on if the environment asks for it.
    pub(crate) fn open() -> Self {
        let sink = sink::Sink::from_env();
        let verifier = if sink.is_open() { Verifier::from_env() } else { None };
        ON.store(sink.is_open(), Relaxed);
        VERIFYING.store(verifier.is_some(), Relaxed);
        Self { sink, verifier, ..Self::default() }
    }

    /// Tells of each of these sockets that nobody closed, and forgets them; returns how many there were.
    fn tell_unclosed(&self, which: impl Fn(SOCKET) -> bool) -> u64 {
        let left = self.sockets.take(which);
        let count = left.len() as u64;
        for (s, (by, stack)) in left {
            let kind = Violation::SocketNeverClosed;
            match self.verifier {
                Some(_) => finding(kind, by, Some(s), 1, None, &stack),
                None => self.violations.add(&self.sink, kind, by.name(), Some(s), 1),
            }
        }
        count
    }
}

/// Counts, if reports are made. Costs one load if not; nothing that threads share if they are.
#[inline]
pub fn count(counter: Counter) {
    if is_on() {
        add(counter, 1);
    }
}

#[cold]
fn add(counter: Counter, more: u64) {
    process::current().report.counters.add(counter, more);
}

/// Tells that the program broke the contract. `handle` is absent where the call takes none.
#[cold]
pub fn violation(kind: Violation, function: Function, handle: Option<SOCKET>) {
    // Even before the first start-up has switched reports on.
    let state = &process::current().report;
    if state.verifier.is_some() {
        finding(kind, function, handle, 1, None, &Stack::here());
    } else if state.sink.is_open() {
        state.violations.add(&state.sink, kind, function.name(), handle, 1);
    }
}

/// Tells of a violation with where it happened.
fn finding(
    kind: Violation,
    function: Function,
    handle: Option<SOCKET>,
    count: u64,
    detail: Option<String>,
    stack: &Stack,
) {
    let state = &process::current().report;
    // What was called is told by the stack, where that is told from the program's own.
    let entry = stack.entry();
    let function = entry.as_deref().unwrap_or(function.name());
    state.violations.add_with_stack(&state.sink, &Told { kind, function, handle, count, detail, stack });
}

/// A start-up succeeded.
#[inline]
pub(crate) fn started() {
    if let Some(verifier) = verify::current() {
        verifier.started();
    }
}

/// A clean-up took a start-up back.
#[inline]
pub(crate) fn cleaned_up(last: bool) {
    if let Some(verifier) = verify::current() {
        verifier.cleaned_up(last);
    }
}

/// To be called once, when the process ends by `exit`: tells what was left open, and the counters.
///
/// No provider function is called (UNLOAD-4).
pub fn at_exit() {
    if !is_on() {
        return;
    }
    let state = &process::current().report;
    let starts = process::current().starts_outstanding();
    if starts > 0 {
        let kind = Violation::StartupWithoutCleanup;
        match &state.verifier {
            Some(verifier) => {
                finding(kind, Function::WsaStartup, None, starts, None, &verifier.unbalanced_start());
            }
            None => state.violations.add(&state.sink, kind, Function::WsaStartup.name(), None, starts),
        }
        state.tell_unclosed(|_| true);
    }
    for (handle, (by, stack)) in state.verifier.iter().flat_map(Verifier::open_events) {
        let detail = Some(format!("event {handle:#x}"));
        finding(Violation::EventNeverClosed, by, None, 1, detail, &stack);
    }
    send_counters();
}

/// A socket came to life through this function. One that is known already is the same socket again, as from `WSAJoinLeaf`.
#[inline]
pub(crate) fn socket_opened(s: SOCKET, by: Function) {
    if is_on() && process::current().report.sockets.opened(s, by, where_opened()) {
        add(Counter::SocketsOpened, 1);
    }
}

#[cold]
fn where_opened() -> Stack {
    if is_verifying() { Stack::here() } else { Stack::default() }
}

/// A socket is about to be closed; returns what is known of it, for [`socket_kept`].
#[inline]
pub(crate) fn socket_closing(s: SOCKET) -> Option<(Function, Stack)> {
    if is_on() { process::current().report.sockets.gone(s) } else { None }
}

/// A socket could not be closed, and is still open.
#[cold]
pub(crate) fn socket_kept(s: SOCKET, opened: Option<(Function, Stack)>) {
    if let Some((by, stack)) = opened {
        process::current().report.sockets.opened(s, by, stack);
    }
}

/// The last clean-up is about to reset those of the open sockets that it finds `left`.
pub(crate) fn sockets_left(left: impl Fn(SOCKET) -> bool) {
    if is_on() {
        let state = &process::current().report;
        add(Counter::SocketsReset, state.tell_unclosed(left));
    }
}

/// A provider was started.
pub(crate) fn provider_started(id: u32, name: &str, module: &str) {
    if is_on() {
        add(Counter::ProvidersStarted, 1);
        let event = "provider_started";
        process::current().report.sink.send(&Started { event, id, name, module, pid: pid() });
    }
}

/// A provider was cleaned up.
pub(crate) fn provider_cleaned_up(id: u32, name: &str, error: i32, unloaded: bool) {
    if is_on() {
        add(Counter::ProvidersCleanedUp, 1);
        let event = "provider_cleaned_up";
        process::current().report.sink.send(&CleanedUp { event, id, name, error, unloaded, pid: pid() });
    }
}

/// Sends the counters as they are.
pub(crate) fn send_counters() {
    if is_on() {
        let state = &process::current().report;
        state.sink.send(&state.counters.record(state.violations.count(), state.sink.dropped()));
    }
}

#[derive(Serialize)]
struct Started<'a> {
    event: &'a str,
    id: u32,
    name: &'a str,
    module: &'a str,
    pid: u32,
}

#[derive(Serialize)]
struct CleanedUp<'a> {
    event: &'a str,
    id: u32,
    name: &'a str,
    error: i32,
    unloaded: bool,
    pid: u32,
}

fn pid() -> u32 {
    std::process::id()
}
