//! The functions of the dispatch table: each takes the client's arguments apart, calls the
//! transport, and puts the result where the client wants it.
//!
//! All of them obey these rules. A function fails with `WSANOTINITIALISED` before the first start and
//! after the last clean-up, and with `WSAENOTSOCK` on a handle that is no open socket, before it looks
//! at anything else. `lpErrno` is written only on failure, and may be null (WSP-CLEANUP-26). A panic of
//! the transport is `WSASYSCALLFAILURE`. Outputs are stored on success alone, unless said otherwise.

pub(super) mod connection;
pub(super) mod events;
pub(super) mod extensions;
pub(super) mod ioctl;
pub(super) mod lifecycle;
pub(super) mod message;
pub(super) mod names;
pub(super) mod options;
pub(super) mod overlapped;
pub(super) mod poll;
pub(super) mod ports;
pub(super) mod select;
pub(super) mod text;
pub(super) mod transfer;
#[cfg(unix)]
mod transmit;

use std::panic::{AssertUnwindSafe, catch_unwind};

use windlass_abi::{BOOL, FALSE, INVALID_SOCKET, SOCKET, SOCKET_ERROR, TRUE, WsaError};

use super::args;
use super::entry::Entry;
use super::instance::quietly;
use super::provider::SocketCall;
use crate::transport::Result;

/// Runs a transport's code: a panic becomes an error.
///
/// Inlined: each frame around a system call costs a return that the processor did not foresee.
#[inline(always)]
pub(super) fn caught<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // Dropping what was thrown may throw again.
        quietly(|| drop(panic));
        Err(WsaError::WSASYSCALLFAILURE)
    })
}

/// Enters the provider for a call on a socket.
#[inline]
fn enter<E: Entry>(s: SOCKET) -> Result<SocketCall<E::Transport>> {
    E::provider().enter_socket(s)
}

/// Stores the error, if there is one and a place for it.
///
/// # Safety
/// If it is not null, `errno` can be written.
#[inline(always)]
unsafe fn finish<R>(errno: *mut i32, failure: R, body: impl FnOnce() -> Result<R>) -> R {
    match caught(body) {
        Ok(result) => result,
        Err(error) => {
            // SAFETY: the caller promises it.
            unsafe { args::store(errno, error.code()) };
            failure
        }
    }
}

/// For functions that return zero.
///
/// # Safety
/// As [`finish`].
#[inline]
pub(super) unsafe fn zero(errno: *mut i32, body: impl FnOnce() -> Result<()>) -> i32 {
    // SAFETY: the caller promises it.
    unsafe { finish(errno, SOCKET_ERROR, || body().map(|()| 0)) }
}

/// For functions that return a socket.
///
/// # Safety
/// As [`finish`].
pub(super) unsafe fn socket(errno: *mut i32, body: impl FnOnce() -> Result<SOCKET>) -> SOCKET {
    // SAFETY: the caller promises it.
    unsafe { finish(errno, INVALID_SOCKET, body) }
}

/// For functions that return a BOOL.
///
/// # Safety
/// As [`finish`].
pub(super) unsafe fn yes(errno: *mut i32, body: impl FnOnce() -> Result<()>) -> BOOL {
    // SAFETY: the caller promises it.
    unsafe { finish(errno, FALSE, || body().map(|()| TRUE)) }
}
