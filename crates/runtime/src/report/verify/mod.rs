//! The verifier: watches calls into providers, as Application Verifier does for Winsock on Windows.
//!
//! On where the environment variable `WINDLASS_VERIFY` is set and reports are made; `slow=MS` in it is the limit for calls that
//! must not wait, 500 ms by default. Providers then get a table of functions in front of theirs (`loader::watched`), so that
//! nothing is tested on the way of a call when it is off. A finding is a violation with the call stack, told once for each kind and place.
//!
//! An operation is known to be over when the SDK says so, before the client can know; where a module with an SDK of its own serves it,
//! when its structure says so.

mod calls;
mod held;
mod operations;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_abi::{SOCKET, WSAOVERLAPPED, WSS_OPERATION_IN_PROGRESS};
use windlass_io::thread;

use crate::function::Function;
use crate::loader::stack::{self, Stack};
use crate::process;
use crate::report::{self, Violation};

pub use held::{lock_released, lock_taken};
pub(crate) use operations::Operation;

/// The environment variable that switches it on.
const VARIABLE: &str = "WINDLASS_VERIFY";
const LIMIT_DEFAULT: Duration = Duration::from_millis(500);
/// Sends up to this many bytes are watched for changes.
const SUMMED: usize = 64 * 1024;

/// What the verifier knows of a process.
pub(crate) struct Verifier {
    limit: Duration,
    operations: Mutex<operations::Operations>,
    calls: Mutex<calls::Calls>,
    /// Where the start-ups were made that have no clean-up yet.
    starts: Mutex<Vec<Stack>>,
    events: Mutex<HashMap<usize, (Function, Stack)>>,
}

/// A call that a thread is inside of.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub s: SOCKET,
    pub function: Function,
    /// Whether it waits on a blocking socket.
    pub waits: bool,
    /// Whether it waits on any socket.
    pub always_waits: bool,
}

/// The verifier, if the program is verified.
pub(crate) fn current() -> Option<&'static Verifier> {
    if report::is_verifying() { process::current().report.verifier.as_ref() } else { None }
}

impl Verifier {
    /// On if the environment says so.
    pub(super) fn from_env() -> Option<Self> {
        let wish = std::env::var(VARIABLE).ok()?;
        windlass_spi::completion::observe(observe);
        Some(Self {
            limit: limit(&wish).unwrap_or(LIMIT_DEFAULT),
            operations: Mutex::default(),
            calls: Mutex::default(),
            starts: Mutex::default(),
            events: Mutex::default(),
        })
    }

    /// A call begins: what is wrong with it, and what has gone wrong since the last one.
    pub(crate) fn enter(&self, call: Call) {
        let me = thread::key().value();
        self.look_around(me);
        let blocks = call.always_waits || call.waits && lock(&self.calls).is_blocking(call.s);
        if blocks && held::routines() > 0 {
            found(Violation::BlockingCallInRoutine, call.function, Some(call.s), None);
        }
        lock(&self.calls).enter(call.s, me, call.function);
    }

    /// It has ended.
    pub(crate) fn leave(&self, call: Call, took: Duration) {
        let mut calls = lock(&self.calls);
        calls.leave(call.s, thread::key().value());
        let waits = call.always_waits || call.waits && calls.is_blocking(call.s);
        drop(calls);
        if took > self.limit && !waits {
            let detail = format!("{} ms, and the limit is {}", took.as_millis(), self.limit.as_millis());
            found(Violation::SlowCall, call.function, Some(call.s), Some(detail));
        }
    }

    /// A socket is about to be closed by this thread.
    pub(crate) fn closing(&self, s: SOCKET) {
        let other = lock(&self.calls).other(s, thread::key().value());
        if let Some(other) = other {
            let detail = Some(format!("another thread is in {}", other.name()));
            found(Violation::SocketClosedUnderOwner, Function::CloseSocket, Some(s), detail);
        }
    }

    /// A socket is closed; the number may be another's next time.
    pub(crate) fn closed(&self, s: SOCKET) {
        self.set_blocking(s, true);
    }

    pub(crate) fn set_blocking(&self, s: SOCKET, blocking: bool) {
        lock(&self.calls).set_blocking(s, blocking);
    }

    pub(crate) fn accepted(&self, s: SOCKET, listening: SOCKET) {
        lock(&self.calls).accepted(s, listening);
    }

    /// A transfer is about to be handed to the provider. One with a structure is followed until it is over.
    pub(crate) fn begin(&self, mut new: Operation) {
        let conflicts = lock(&self.operations).conflicts(&new);
        for conflict in conflicts {
            let detail = format!("{} on socket {} has it", conflict.function.name(), conflict.handle);
            found(conflict.kind, new.function, Some(new.handle), Some(detail));
        }
        if new.overlapped != 0 {
            if !new.receives && new.buffers.iter().map(ExactSizeIterator::len).sum::<usize>() <= SUMMED {
                new.sum = sum_of(&new);
            }
            held::end_with_thread();
            lock(&self.operations).submit(new);
        }
    }

    /// The call failed, or was over at once without a routine to come.
    pub(crate) fn ended_in_call(&self, overlapped: usize) {
        lock(&self.operations).withdraw(overlapped);
    }

    /// The call was over at once, and its routine is to come.
    pub(crate) fn awaits_routine(&self, overlapped: usize) {
        lock(&self.operations).over(overlapped);
    }

    /// The call has returned, and the operation goes on.
    pub(crate) fn goes_on(&self, overlapped: usize) {
        lock(&self.operations).pending(overlapped);
    }

    /// The client's routine for an operation, which is about to run.
    pub(crate) fn take_routine(&self, overlapped: usize) -> Option<usize> {
        lock(&self.operations).take_routine(overlapped)
    }

    fn thread_ended(&self, thread: u64) {
        lock(&self.operations).thread_ended(thread);
    }

    /// A start-up succeeded.
    pub(super) fn started(&self) {
        lock(&self.starts).push(Stack::here());
    }

    /// A clean-up took one back; the last one ends every operation.
    pub(super) fn cleaned_up(&self, last: bool) {
        lock(&self.starts).pop();
        if last {
            lock(&self.operations).session_ended();
            *lock(&self.calls) = calls::Calls::default();
        }
    }

    /// Where a start-up was made that has no clean-up.
    pub(super) fn unbalanced_start(&self) -> Stack {
        lock(&self.starts).pop().unwrap_or_default()
    }

    /// The events that nobody has closed.
    pub(super) fn open_events(&self) -> Vec<(usize, (Function, Stack))> {
        let mut left: Vec<_> = lock(&self.events).drain().collect();
        left.sort_unstable_by_key(|event| event.0);
        left
    }

    /// Finds what nobody tells: memory of pending operations that is the program's no longer, or was changed.
    fn look_around(&self, me: u64) {
        let mut operations = lock(&self.operations);
        operations.forget_unwatched(|overlapped| !is_in_progress(overlapped));
        let mut gone = None;
        if let Some((low, high)) = operations.uses_stack_of(me).then(stack::bounds).flatten()
            && let Some(pointer) = Stack::here().pointer().filter(|pointer| (low..high).contains(pointer))
        {
            gone = operations.left_on_stack(me, &(low..pointer));
        }
        if let Some((_, operation)) = &gone {
            operations.withdraw(operation.overlapped);
        }
        // With the operations locked: none of them can be found to be over by its client meanwhile.
        let changed: Vec<Operation> =
            operations.sends().filter(|send| send.watched && sum_of(send) != send.sum).cloned().collect();
        changed.iter().for_each(|send| operations.stop_summing(send.overlapped));
        drop(operations);
        let changed = changed.into_iter().map(|send| (Violation::BufferChanged, send));
        for (kind, operation) in gone.into_iter().chain(changed) {
            tell_of(kind, &operation);
        }
    }
}

/// A completion routine or a condition function is about to run in this thread, which is told what it holds.
pub(crate) fn callback(function: Function, handle: Option<SOCKET>) {
    if let Some(lock) = held::any() {
        found(Violation::LockHeldIntoCallback, function, handle, Some(lock));
    }
}

/// For as long as it lives, the thread is in a completion routine.
pub(crate) use held::InRoutine;

/// Memory is given back to the system.
#[inline]
pub fn memory_freed(address: usize, bytes: usize) {
    if report::is_verifying() {
        freed(address, bytes);
    }
}

#[cold]
fn freed(address: usize, bytes: usize) {
    let Some(verifier) = current() else { return };
    let mut operations = lock(&verifier.operations);
    operations.forget_unwatched(|overlapped| !is_in_progress(overlapped));
    let found = operations.freed(&(address..address.saturating_add(bytes)));
    if let Some((_, operation)) = &found {
        operations.withdraw(operation.overlapped);
    }
    drop(operations);
    if let Some((kind, operation)) = found {
        tell_of(kind, &operation);
    }
}

/// The program made an event.
#[inline]
pub fn event_opened(handle: usize, by: Function) {
    if report::is_verifying()
        && let Some(verifier) = current()
    {
        lock(&verifier.events).insert(handle, (by, Stack::here()));
    }
}

/// The program closed a handle, or tried to.
#[inline]
pub fn handle_closed(handle: usize, closed: bool, by: Function) {
    if report::is_verifying() {
        event_closed(handle, closed, by);
    }
}

#[cold]
fn event_closed(handle: usize, closed: bool, by: Function) {
    let Some(verifier) = current() else { return };
    if closed {
        lock(&verifier.events).remove(&handle);
    } else if windlass_io::Handle::from_value(handle).was_closed() {
        found(Violation::EventClosedTwice, by, None, None);
    }
}

fn observe(overlapped: *mut WSAOVERLAPPED, over: bool) {
    let Some(verifier) = current() else { return };
    let mut operations = lock(&verifier.operations);
    if over {
        operations.over(overlapped.addr());
    } else {
        operations.watched(overlapped.addr());
    }
}

fn tell_of(kind: Violation, operation: &Operation) {
    let detail = format!("{} goes on", operation.function.name());
    found(kind, operation.function, Some(operation.handle), Some(detail));
}

#[cold]
fn found(kind: Violation, function: Function, handle: Option<SOCKET>, detail: Option<String>) {
    report::finding(kind, function, handle, 1, detail, &Stack::here());
}

fn is_in_progress(overlapped: usize) -> bool {
    let mut word = [0; size_of::<usize>()];
    stack::peek(overlapped, &mut word).is_some() && usize::from_ne_bytes(word) == WSS_OPERATION_IN_PROGRESS
}

fn sum_of(operation: &Operation) -> Option<u64> {
    operation.buffers.iter().try_fold(operations::SUM, |sum, buffer| {
        let mut bytes = vec![0; buffer.len()];
        stack::peek(buffer.start, &mut bytes)?;
        Some(operations::sum(sum, &bytes))
    })
}

fn limit(wish: &str) -> Option<Duration> {
    let millis = wish.split(',').find_map(|part| part.trim().strip_prefix("slow="))?;
    Some(Duration::from_millis(millis.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_in_milliseconds() {
        assert_eq!(limit("slow=20"), Some(Duration::from_millis(20)));
        assert_eq!(limit("x, slow=7"), Some(Duration::from_millis(7)));
        for none in ["", "1", "slow=", "slow=x", "slow=-1"] {
            assert_eq!(limit(none), None, "{none}");
        }
    }
}
