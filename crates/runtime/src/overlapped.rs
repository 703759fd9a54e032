//! Waiting for the end of an overlapped operation, which providers cannot do (WSP-GOR-3).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_abi::{HANDLE, SOCKET, WSA_WAIT_IO_COMPLETION, WSA_WAIT_TIMEOUT, WsaError};
use windlass_io::event::{self, Event, Reset};
use windlass_io::wait::{Outcome, wait_for};

use crate::dispatch;
use crate::function::Function;
use crate::process;

/// One for each thread that waits: set by the last clean-up, which sets no event of the client's.
static WAITS: Mutex<Vec<Event>> = Mutex::new(Vec::new());

/// Waits until the event of an operation on `s` is set. `event` tells which that is, and nothing if the operation is over.
/// Completion routines run meanwhile only if the wait is `alertable`, and end it.
///
/// # Errors
/// `WSANOTINITIALISED`, `WSAENOTSOCK`: as for any call on a socket. `WSA_INVALID_HANDLE`: no event has this handle.
/// `WSA_OPERATION_ABORTED`: Winsock was cleaned up for the last time meanwhile, and the operation with it.
/// `WSA_NOT_ENOUGH_MEMORY`. `WAIT_TIMEOUT` (258), `WAIT_IO_COMPLETION` (192): the time has passed, routines ran.
pub fn wait(
    s: SOCKET,
    function: Function,
    timeout: Option<Duration>,
    alertable: bool,
    event: impl FnOnce() -> Option<HANDLE>,
) -> Result<(), WsaError> {
    drop(dispatch::enter(s, function)?);
    let wait = Wait::begin();
    // Asked from here on: a clean-up that has ended the operation has either done so before, or ends this wait.
    let Some(event) = event() else { return Ok(()) };
    if !process::is_started() {
        return Err(process::not_started(function));
    }
    let over = wait.0.open()?;
    let outcome = wait_for(&[event.into(), over], false, timeout, alertable);
    let _ = event::close(over);
    match outcome? {
        Outcome::Signalled(0) => Ok(()),
        Outcome::TimedOut => Err(WsaError::Other(WSA_WAIT_TIMEOUT as i32)),
        Outcome::IoCompletion => Err(WsaError::Other(WSA_WAIT_IO_COMPLETION as i32)),
        _ => Err(WsaError::WSA_OPERATION_ABORTED),
    }
}

/// Ends every wait: the last clean-up is over.
pub(crate) fn end_waits() {
    waits().iter().for_each(Event::set);
}

struct Wait(Event);

impl Wait {
    fn begin() -> Self {
        let event = Event::new(Reset::Manual, false);
        waits().push(event.clone());
        Self(event)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        waits().retain(|event| !event.is(&self.0));
    }
}

fn waits() -> MutexGuard<'static, Vec<Event>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}
