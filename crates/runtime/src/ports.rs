//! Completion ports and sockets: which socket is associated with which port.
//!
//! The provider of a handle of the operating system keeps that itself, and queues the packets (IFS). For handles that the
//! runtime made it is recorded here, and `WPUCompleteOverlappedRequest` queues the packets (WPU-CSH-7, OV-19).

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use windlass_abi::{SOCKET, WSAOVERLAPPED, WsaError};
use windlass_io::Handle;
use windlass_io::port::{Association, Port};

use crate::dispatch::enter;
use crate::function::Function;
use crate::handles::{self, Binding, Kind, State};
use crate::loader::ports as provider;

/// The associations of handles that the runtime made.
static RECORDED: RwLock<BTreeMap<SOCKET, Recorded>> = RwLock::new(BTreeMap::new());

struct Recorded {
    association: Association,
    /// What the handle was bound to: a number that is made anew is another socket.
    binding: Binding,
}

/// Associates a socket with the port of a handle: the ends of its overlapped operations are queued there as packets with
/// this key, until it is closed.
///
/// # Errors
/// `WSANOTINITIALISED`, `WSAENOTSOCK`: as for any call on a socket. `WSA_INVALID_HANDLE`: no port has this handle.
/// `WSA_INVALID_PARAMETER`: the socket is associated already, or it is not overlapped. `WSAEOPNOTSUPP`: its provider has
/// handles of the operating system and no means to queue packets. `WSA_NOT_ENOUGH_MEMORY`.
pub fn associate(s: SOCKET, port: Handle, key: usize) -> Result<(), WsaError> {
    let entered = enter(s, Function::CreateIoCompletionPort)?;
    let port = Port::of(port)?;
    let Some(binding) = entered.binding() else { return Err(WsaError::WSAENOTSOCK) };
    match binding.state() {
        State::Open(Kind::Created) => record(s, binding, &port, key),
        _ => provider::associate(entered, s, &port, key),
    }
}

/// Operations of a socket that succeed in their call have no packet from now on (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS).
///
/// # Errors
/// `WSANOTINITIALISED`, `WSAENOTSOCK`. `WSAEOPNOTSUPP`: its provider cannot, or the runtime made the handle, which does not tell
/// such operations from others.
pub fn skip_success(s: SOCKET) -> Result<(), WsaError> {
    let entered = enter(s, Function::SetFileCompletionNotificationModes)?;
    match entered.binding().map(Binding::state) {
        Some(State::Open(Kind::Created)) => Err(WsaError::WSAEOPNOTSUPP),
        _ => provider::skip_success(entered, s),
    }
}

/// Ends operations that pend on a socket, with `WSA_OPERATION_ABORTED`: that of a structure, or all if it is null; with `own`, only
/// those that the calling thread started. Says how many.
///
/// # Errors
/// `WSANOTINITIALISED`, `WSAENOTSOCK`. `WSAEOPNOTSUPP`: its provider cannot.
pub fn cancel(s: SOCKET, overlapped: *mut WSAOVERLAPPED, own: bool) -> Result<u32, WsaError> {
    provider::cancel(enter(s, Function::CancelIo)?, s, overlapped, own)
}

fn record(s: SOCKET, binding: Binding, port: &Port, key: usize) -> Result<(), WsaError> {
    let mut recorded = RECORDED.write().unwrap_or_else(PoisonError::into_inner);
    if recorded.get(&s).is_some_and(|known| known.binding != binding) {
        // That of a socket that has gone: its claim goes first.
        recorded.remove(&s);
    }
    let association = port.attach(s, key)?;
    recorded.insert(s, Recorded { association, binding });
    // Given up by its provider meanwhile?
    if !handles::is_unchanged(s, binding) {
        recorded.remove(&s);
        return Err(WsaError::WSAENOTSOCK);
    }
    Ok(())
}

/// Queues the packet of an operation on a handle that the runtime made, if that is associated.
pub(crate) fn post(s: SOCKET, overlapped: usize, bytes: u32, status: usize) {
    let recorded = RECORDED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = recorded.get(&s) {
        known.association.post(overlapped, bytes, status as u32);
    }
}

/// The handle is not the socket's any more.
pub(crate) fn forget(s: SOCKET) {
    let mut recorded = RECORDED.write().unwrap_or_else(PoisonError::into_inner);
    let gone = recorded.remove(&s);
    drop(recorded);
    drop(gone);
}
