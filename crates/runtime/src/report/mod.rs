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
//! | `violation` | `kind`, `function`: the API function that was called, `handle` (if it is about one), `count` (if more than one), `tid`: the thread |
//! | `counters` | absolute numbers, see [`Counter`]; `violations`, `dropped`: packets lost |
//!
//! Every record has `pid`. `counters` comes with each last `WSACleanup` and at the end of the process; the
//! last one of a pid counts. The kinds of violation are those of [`Violation`]. Of the same
//! kind by the same function at most [`REPEATS`] are told one by one; all are counted.

mod counters;
mod sink;
mod violations;

pub use counters::Counter;
pub use violations::{REPEATS, Violation};

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::Serialize;
use windlass_abi::SOCKET;

use crate::function::Function;
use crate::process;

/// Whether there is anybody to tell. Decided when the process first uses the runtime.
static ON: AtomicBool = AtomicBool::new(false);

/// Whether reports are made in this process.
#[inline]
pub fn is_on() -> bool {
    ON.load(Relaxed)
}

/// What the report keeps for a process; a child made by fork starts with its own.
#[derive(Default)]
pub(crate) struct State {
    sink: sink::Sink,
    violations: violations::Log,
    sockets: violations::OpenSockets,
    counters: counters::Counters,
}

impl State {
    /// The report of this process, switched on if the environment asks for it.
    pub(crate) fn open() -> Self {
        let sink = sink::Sink::from_env();
        ON.store(sink.is_open(), Relaxed);
        Self { sink, ..Self::default() }
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
    if state.sink.is_open() {
        state.violations.add(&state.sink, kind, function.name(), handle, 1);
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
        state.violations.add(&state.sink, kind, Function::WsaStartup.name(), None, starts);
        state.sockets.tell_unclosed(&state.sink, &state.violations, |_| true);
    }
    send_counters();
}

/// A socket came to life through this function. One that is known already is the same socket again, as from `WSAJoinLeaf`.
#[inline]
pub(crate) fn socket_opened(s: SOCKET, by: Function) {
    if is_on() && process::current().report.sockets.opened(s, by) {
        add(Counter::SocketsOpened, 1);
    }
}

/// A socket is about to be closed; returns what is known of it, for [`socket_kept`].
#[inline]
pub(crate) fn socket_closing(s: SOCKET) -> Option<Function> {
    if is_on() { process::current().report.sockets.gone(s) } else { None }
}

/// A socket could not be closed, and is still open.
#[cold]
pub(crate) fn socket_kept(s: SOCKET, opened_by: Option<Function>) {
    if let Some(by) = opened_by {
        process::current().report.sockets.opened(s, by);
    }
}

/// The last clean-up is about to reset those of the open sockets that it finds `left`.
pub(crate) fn sockets_left(left: impl Fn(SOCKET) -> bool) {
    if is_on() {
        let state = &process::current().report;
        let left = state.sockets.tell_unclosed(&state.sink, &state.violations, left);
        add(Counter::SocketsReset, left);
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
