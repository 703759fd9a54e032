//! The exports of mswsock, and the upcall that is an export.
#![allow(unsafe_code, reason = "exports write the client's memory")]

use core::ffi::c_void;

use windlass_abi::{
    BOOL, FALSE, HANDLE, NO_ERROR, SOCKADDR, SOCKET, SOCKET_ERROR, TRANSMIT_FILE_BUFFERS, WSAOVERLAPPED, WsaError,
};
use windlass_runtime::{self as runtime, Function};

use crate::boundary::{call, call_errno};

/// A socket whose provider has no such extension (API-X3).
fn not_offered(s: SOCKET, function: Function) -> BOOL {
    call(FALSE, || {
        drop(runtime::enter(s, function)?);
        Err(WsaError::WSAEOPNOTSUPP)
    })
}

/// Accepts with first data. No provider offers it yet: `WSAEOPNOTSUPP` (API-X3).
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn AcceptEx(
    listener: SOCKET,
    _accept: SOCKET,
    _buffer: *mut c_void,
    _data_len: u32,
    _local_len: u32,
    _remote_len: u32,
    _received: *mut u32,
    _overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    not_offered(listener, Function::AcceptEx)
}

/// Parses what `AcceptEx` left in a buffer; as that never happens, there are no addresses.
///
/// # Safety
/// The out pointers must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetAcceptExSockaddrs(
    _buffer: *mut c_void,
    _data_len: u32,
    _local_len: u32,
    _remote_len: u32,
    local: *mut *mut SOCKADDR,
    local_len: *mut i32,
    remote: *mut *mut SOCKADDR,
    remote_len: *mut i32,
) {
    use crate::boundary::store_if_wanted;
    // SAFETY: as the caller vouches.
    unsafe {
        store_if_wanted(local, core::ptr::null_mut());
        store_if_wanted(local_len, 0);
        store_if_wanted(remote, core::ptr::null_mut());
        store_if_wanted(remote_len, 0);
    }
}

/// Sends a file. No provider offers it yet: `WSAEOPNOTSUPP` (API-X3).
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn TransmitFile(
    s: SOCKET,
    _file: HANDLE,
    _bytes: u32,
    _per_send: u32,
    _overlapped: *mut WSAOVERLAPPED,
    _buffers: *mut TRANSMIT_FILE_BUFFERS,
    _flags: u32,
) -> BOOL {
    not_offered(s, Function::TransmitFile)
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
