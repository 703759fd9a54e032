//! Event objects, waits, and the network events of sockets.
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]

use std::time::Duration;

use windlass_abi::{
    BOOL, FALSE, HANDLE, HWND, SOCKET, SOCKET_ERROR, TRUE, WSA_INFINITE, WSA_INVALID_EVENT, WSA_WAIT_EVENT_0,
    WSA_WAIT_FAILED, WSA_WAIT_IO_COMPLETION, WSA_WAIT_TIMEOUT, WSAEVENT, WSANETWORKEVENTS, WsaError,
};
use windlass_io::Handle;
use windlass_io::event::{self, Reset};
use windlass_io::wait::{Outcome, wait_for};
use windlass_runtime::report::verify;
use windlass_runtime::{Function, messages};

use crate::boundary::{array, call};
use crate::dispatch::forward;

/// A manual-reset event, not signalled (API-16). Needs no start-up (API-2).
#[unsafe(no_mangle)]
pub extern "system" fn WSACreateEvent() -> WSAEVENT {
    call(WSA_INVALID_EVENT, || {
        let event = event::create(Reset::Manual, false)?;
        verify::event_opened(event.value(), Function::WsaCreateEvent);
        Ok(event.into())
    })
}

/// Signals an event (A-S33).
#[unsafe(no_mangle)]
pub extern "system" fn WSASetEvent(handle: WSAEVENT) -> BOOL {
    on(handle, event::set)
}

/// Ends the signal of an event (A-S34).
#[unsafe(no_mangle)]
pub extern "system" fn WSAResetEvent(handle: WSAEVENT) -> BOOL {
    on(handle, event::reset)
}

/// Closes an event (A-S35).
#[unsafe(no_mangle)]
pub extern "system" fn WSACloseEvent(handle: WSAEVENT) -> BOOL {
    let closed = on(handle, event::close);
    verify::handle_closed(handle.addr(), closed != FALSE, Function::WsaCloseEvent);
    closed
}

/// Does something to the object of a handle.
pub fn on(handle: HANDLE, work: impl FnOnce(Handle) -> Result<(), WsaError>) -> BOOL {
    call(FALSE, || work(Handle::from(handle)).map(|()| TRUE))
}

/// Waits: the index of the event, a completion, the end of the time, or a failure (API-S12 to API-S14).
///
/// # Safety
/// `events` must be null or `count` handles.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAWaitForMultipleEvents(
    count: u32,
    events: *const WSAEVENT,
    wait_all: BOOL,
    timeout: u32,
    alertable: BOOL,
) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { wait(count, events, wait_all, timeout, alertable) }
}

/// The first of the results that say "an abandoned mutex".
const WAIT_ABANDONED_0: u32 = 0x80;

/// The wait behind every function that waits on handles. `timeout` is in milliseconds.
///
/// # Safety
/// `handles` must be null or `count` handles.
pub unsafe fn wait(count: u32, handles: *const HANDLE, all: BOOL, timeout: u32, alertable: BOOL) -> u32 {
    call(WSA_WAIT_FAILED, || {
        if count == 0 || count > windlass_abi::WSA_MAXIMUM_WAIT_EVENTS {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        // SAFETY: as the caller vouches.
        let given = unsafe { array(handles, count as usize) }.map_err(|_| WsaError::WSA_INVALID_PARAMETER)?;
        let handles: Vec<Handle> = given.iter().map(|handle| Handle::from(*handle)).collect();
        Ok(match wait_for(&handles, all != FALSE, duration(timeout), alertable != FALSE)? {
            Outcome::Signalled(index) => WSA_WAIT_EVENT_0 + index as u32,
            Outcome::Abandoned(index) => WAIT_ABANDONED_0 + index as u32,
            Outcome::IoCompletion => WSA_WAIT_IO_COMPLETION,
            Outcome::TimedOut => WSA_WAIT_TIMEOUT,
        })
    })
}

/// Milliseconds as a time limit; `WSA_INFINITE` is none.
pub fn duration(milliseconds: u32) -> Option<Duration> {
    (milliseconds != WSA_INFINITE).then(|| Duration::from_millis(milliseconds.into()))
}

/// Has an event signalled by network events of a socket (A-S09).
///
/// # Safety
/// `event` is a handle, which is looked up, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEventSelect(s: SOCKET, event: WSAEVENT, network_events: i32) -> i32 {
    // SAFETY: no pointers but the slot; the handle is the client's, passed on unchanged.
    forward(Function::WsaEventSelect, s, |provider, errno| unsafe {
        (provider.lpWSPEventSelect)(s, event, network_events, errno)
    })
}

/// Takes the network events that a socket has recorded (A-S08).
///
/// # Safety
/// `network_events` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAEnumNetworkEvents(
    s: SOCKET,
    event: WSAEVENT,
    network_events: *mut WSANETWORKEVENTS,
) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaEnumNetworkEvents, s, |provider, errno| unsafe {
        (provider.lpWSPEnumNetworkEvents)(s, event, network_events, errno)
    })
}

/// Has messages posted for network events of a socket. Windows are what the program has registered as such with the
/// runtime; any other is `WSAEINVAL` (A-B31, WSP-ASEL-6).
///
/// # Safety
/// `window` is a handle, which is not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAAsyncSelect(s: SOCKET, window: HWND, message: u32, network_events: i32) -> i32 {
    // SAFETY: no pointers but the slot, which is `forward`'s own; the handle is the client's, passed on unchanged.
    forward(Function::WsaAsyncSelect, s, |provider, errno| unsafe {
        if network_events != 0 && !messages::is_window(window.addr()) {
            errno.write(WsaError::WSAEINVAL.code());
            return SOCKET_ERROR;
        }
        (provider.lpWSPAsyncSelect)(s, window, message, network_events, errno)
    })
}
