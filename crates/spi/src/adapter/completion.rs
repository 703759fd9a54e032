//! `WPUCompleteOverlappedRequest`: the one upcall that is not in the table, but an export of the runtime (UP-1).

use std::sync::OnceLock;

use windlass_abi::{SOCKET, WSAOVERLAPPED, WsaError};

use crate::transport::Result;

/// Completes an operation on a handle that the runtime made; zero, or `SOCKET_ERROR` and a code.
pub type Complete = unsafe extern "system" fn(SOCKET, *mut WSAOVERLAPPED, u32, u32, *mut i32) -> i32;

static COMPLETE: OnceLock<Option<Complete>> = OnceLock::new();

/// Says how to complete. For the runtime, before it starts a provider that is linked into it; one that is loaded finds the
/// function among the exports of the process. The first hook stays.
pub fn install(hook: Complete) {
    let _ = COMPLETE.set(Some(hook));
}

/// Told of a structure whose operation goes on after its call (false), and of its end, before the client can know (true).
/// Runs no code of the client.
pub type Observer = fn(overlapped: *mut WSAOVERLAPPED, over: bool);

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// Has all pending operations of this copy of the SDK watched, for a runtime that verifies its program. Costs the operations that
/// complete at once nothing. The first observer stays.
pub fn observe(observer: Observer) {
    let _ = OBSERVER.set(observer);
}

pub(super) fn tell_observer(overlapped: *mut WSAOVERLAPPED, over: bool) {
    if let Some(observer) = OBSERVER.get() {
        observer(overlapped, over);
    }
}

/// # Errors
/// `WSAEOPNOTSUPP`: there is no runtime in this process. Else the runtime's own; nothing has been stored then.
///
/// # Safety
/// The structure is that of an operation, which is over.
pub(super) unsafe fn complete_overlapped_request(
    handle: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    error: u32,
    bytes: u32,
) -> Result<()> {
    let complete = COMPLETE.get_or_init(exported).ok_or(WsaError::WSAEOPNOTSUPP)?;
    let mut errno = 0;
    // SAFETY: the caller promises it, and the slot is ours.
    match unsafe { complete(handle, overlapped, error, bytes, &mut errno) } {
        0 => Ok(()),
        _ => Err(WsaError::from_code(errno)),
    }
}

#[cfg(unix)]
fn exported() -> Option<Complete> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the signature that the name has in the interface.
    let function = unsafe { process.get::<Complete>(b"WPUCompleteOverlappedRequest\0") }.ok()?;
    Some(*function)
}

#[cfg(not(unix))]
fn exported() -> Option<Complete> {
    None
}
