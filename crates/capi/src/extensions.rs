//! The exports of mswsock, WSASendMsg, and the upcall that is an export.
//!
//! An extension function is its provider's own: each call asks the provider of its socket for it (API-X3).
#![allow(unsafe_code, reason = "exports call the functions of a provider, and write the client's memory")]

use core::ffi::c_void;
use core::mem::{size_of, transmute_copy};

use windlass_abi::{
    BOOL, FALSE, GUID, HANDLE, LPFN_ACCEPTEX, LPFN_TRANSMITFILE, LPFN_WSASENDMSG, LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    LPWSPSTARTUP, NO_ERROR, SOCKADDR, SOCKET, SOCKET_ERROR, TRANSMIT_FILE_BUFFERS, WSAEVENT, WSAID_ACCEPTEX,
    WSAID_TRANSMITFILE, WSAID_WSASENDMSG, WSAMSG, WSAOVERLAPPED, WSAPROTOCOL_INFOW, WsaError,
};
use windlass_runtime::{self as runtime, Function, thread};

use crate::boundary::{call, call_errno};

/// Calls an extension function of the socket's provider, which reports through the thread error (API-X2).
///
/// # Safety
/// `F` is the nullable function type that belongs to the identifier.
unsafe fn through<F: Copy, R: Copy + PartialEq>(
    s: SOCKET,
    function: Function,
    guid: GUID,
    failure: R,
    body: impl FnOnce(F) -> Option<R>,
) -> R {
    const { assert!(size_of::<F>() == size_of::<*const c_void>()) };
    call(failure, || {
        let entered = runtime::enter(s, function)?;
        let address = entered.extension(s, guid)?;
        // SAFETY: the address is that of such a function, as the caller says of its type.
        let extension = unsafe { transmute_copy::<*const c_void, F>(&address) };
        let result = body(extension).ok_or(WsaError::WSAEOPNOTSUPP)?;
        let failed = result == failure;
        entered.result(failed, if failed { thread::last_error() } else { NO_ERROR })?;
        Ok(result)
    })
}

/// Accepts a connection into a socket, with its first data (A-X01).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn AcceptEx(
    listener: SOCKET,
    accept: SOCKET,
    buffer: *mut c_void,
    data_len: u32,
    local_len: u32,
    remote_len: u32,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    // SAFETY: the arguments are the client's, passed on unchanged.
    unsafe {
        through(listener, Function::AcceptEx, WSAID_ACCEPTEX, FALSE, |function: LPFN_ACCEPTEX| {
            Some(function?(listener, accept, buffer, data_len, local_len, remote_len, received, overlapped))
        })
    }
}

/// Finds the addresses in the buffer of `AcceptEx`, as providers on the SDK store them (A-X02). Of another provider, a
/// program asks that provider for the function.
///
/// # Safety
/// The buffer must be null or as long as the sizes say, the out pointers null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetAcceptExSockaddrs(
    buffer: *mut c_void,
    data_len: u32,
    local_len: u32,
    remote_len: u32,
    local: *mut *mut SOCKADDR,
    local_size: *mut i32,
    remote: *mut *mut SOCKADDR,
    remote_size: *mut i32,
) {
    let find = windlass_spi::get_accept_ex_sockaddrs;
    // SAFETY: as the caller vouches.
    unsafe { find(buffer, data_len, local_len, remote_len, local, local_size, remote, remote_size) }
}

/// Sends a file, with what comes before and after it (A-X05).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn TransmitFile(
    s: SOCKET,
    file: HANDLE,
    bytes: u32,
    per_send: u32,
    overlapped: *mut WSAOVERLAPPED,
    buffers: *mut TRANSMIT_FILE_BUFFERS,
    flags: u32,
) -> BOOL {
    // SAFETY: the arguments are the client's, passed on unchanged.
    unsafe {
        through(s, Function::TransmitFile, WSAID_TRANSMITFILE, FALSE, |function: LPFN_TRANSMITFILE| {
            Some(function?(s, file, bytes, per_send, overlapped, buffers, flags))
        })
    }
}

/// Sends a datagram with control data (A-S19).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASendMsg(
    s: SOCKET,
    message: *mut WSAMSG,
    flags: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    unsafe {
        through(s, Function::WsaSendMsg, WSAID_WSASENDMSG, SOCKET_ERROR, |function: LPFN_WSASENDMSG| {
            Some(function?(s, message, flags, sent, overlapped, routine))
        })
    }
}

/// For layers: the catalog entry of an id, as this process sees it, and the WSPStartup of its module. See
/// [`windlass_runtime::provider`].
///
/// # Safety
/// Every pointer must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WindlassProvider(
    id: u32,
    info: *mut WSAPROTOCOL_INFOW,
    startup: *mut LPWSPSTARTUP,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { runtime::provider(id, info, startup, errno) }
}

/// For layers: an event whose setting is a call. See [`windlass_runtime::create_call_event`].
///
/// # Safety
/// The function must be callable with the context until the event is closed, from any thread, and not block. `errno` must be
/// null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WindlassCreateCallEvent(
    function: Option<unsafe extern "system" fn(usize)>,
    context: usize,
    errno: *mut i32,
) -> WSAEVENT {
    // SAFETY: as the caller vouches.
    unsafe { runtime::create_call_event(function, context, errno) }
}

/// Completes an operation on a socket whose handle the runtime made (UP-1, WPU-COR-1).
///
/// # Safety
/// `errno` must be null or writable, `overlapped` null or the structure of an operation that is over.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WPUCompleteOverlappedRequest(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    error: u32,
    transferred: u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    let result = unsafe {
        call_errno(errno, || runtime::complete_overlapped_request(s, overlapped, error, transferred).map(|()| NO_ERROR))
    };
    if result == NO_ERROR { NO_ERROR } else { SOCKET_ERROR }
}
