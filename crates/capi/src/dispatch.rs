//! From an export to one function of the socket's provider (API-4, RT-1, RT-2).

use windlass_abi::{
    BOOL, FALSE, INVALID_SOCKET, NO_ERROR, ProcTable, SOCKET, SOCKET_ERROR, WSAOVERLAPPED, WSATHREADID,
};
use windlass_runtime::{Entered, Function, enter};

use crate::boundary::call;

/// Finds the provider of `s`, enters it, and calls what `body` names, with an error slot preset to zero.
#[inline]
pub fn forward(function: Function, s: SOCKET, body: impl FnOnce(&ProcTable, *mut i32) -> i32) -> i32 {
    through(function, s, SOCKET_ERROR, body, Entered::finish)
}

/// The same for a function that returns a BOOL.
#[inline]
pub fn forward_bool(function: Function, s: SOCKET, body: impl FnOnce(&ProcTable, *mut i32) -> BOOL) -> BOOL {
    through(function, s, FALSE, body, Entered::finish_bool)
}

/// The same for a function that returns a socket.
#[inline]
pub fn forward_socket(function: Function, s: SOCKET, body: impl FnOnce(&ProcTable, *mut i32) -> SOCKET) -> SOCKET {
    through(function, s, INVALID_SOCKET, body, Entered::finish_socket)
}

#[inline]
fn through<R>(
    function: Function,
    s: SOCKET,
    failure: R,
    body: impl FnOnce(&ProcTable, *mut i32) -> R,
    finish: impl FnOnce(Entered, R, i32) -> R,
) -> R {
    call(failure, || {
        let entered = enter(s, function)?;
        let mut errno = NO_ERROR;
        let result = body(&entered, &raw mut errno);
        Ok(finish(entered, result, errno))
    })
}

/// What `lpThreadId` points to: the calling thread for an overlapped call, and for any other nothing that it needs (RT-9).
#[inline]
pub fn thread_id(overlapped: *const WSAOVERLAPPED) -> WSATHREADID {
    match overlapped.is_null() {
        true => WSATHREADID { ThreadHandle: core::ptr::null_mut(), Reserved: 0 },
        false => calling_thread(),
    }
}

#[cold]
fn calling_thread() -> WSATHREADID {
    match windlass_io::thread::current_id() {
        Ok(id) => id.into(),
        // Too late in its exit to run a completion routine.
        Err(_) => WSATHREADID { ThreadHandle: core::ptr::null_mut(), Reserved: 0 },
    }
}
