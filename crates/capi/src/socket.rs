//! Making, closing and duplicating sockets.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::ptr::null_mut;

use windlass_abi::{GROUP, INVALID_SOCKET, NO_ERROR, SOCKET, SOCKET_ERROR, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW};
use windlass_runtime::{self as runtime, Function, SocketRequest, thread};

use crate::boundary::{Result, call, load, store_if_wanted};
use crate::dispatch::forward;
use crate::text::{info_a, info_w};

/// Makes a socket, overlapped unless the thread's `SO_OPENTYPE` says otherwise (SEL-13).
#[unsafe(export_name = "ws2_socket")]
pub extern "system" fn socket(family: i32, socket_type: i32, protocol: i32) -> SOCKET {
    call(INVALID_SOCKET, || {
        let flags = thread::default_socket_flags();
        let request = SocketRequest { family, socket_type, protocol, info: None, group: 0, flags };
        runtime::socket(&request, Function::Socket)
    })
}

/// Makes a socket of the protocol that matches, or of the one that `info` names (SEL-1 to SEL-14).
///
/// # Safety
/// `info` must be null or protocol information.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASocketW(
    family: i32,
    socket_type: i32,
    protocol: i32,
    info: *const WSAPROTOCOL_INFOW,
    group: GROUP,
    flags: u32,
) -> SOCKET {
    // SAFETY: as the caller vouches.
    call(INVALID_SOCKET, || unsafe { chosen(family, socket_type, protocol, info, group, flags, |info| info) })
}

/// As [`WSASocketW`].
///
/// # Safety
/// `info` must be null or protocol information.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASocketA(
    family: i32,
    socket_type: i32,
    protocol: i32,
    info: *const WSAPROTOCOL_INFOA,
    group: GROUP,
    flags: u32,
) -> SOCKET {
    // SAFETY: as the caller vouches.
    call(INVALID_SOCKET, || unsafe { chosen(family, socket_type, protocol, info, group, flags, |info| info_w(&info)) })
}

/// # Safety
/// `info` must be null or readable.
unsafe fn chosen<T: Copy>(
    family: i32,
    socket_type: i32,
    protocol: i32,
    info: *const T,
    group: GROUP,
    flags: u32,
    convert: impl FnOnce(T) -> WSAPROTOCOL_INFOW,
) -> Result<SOCKET> {
    // SAFETY: as the caller vouches.
    let info = if info.is_null() { None } else { Some(convert(unsafe { load(info) }?)) };
    let request = SocketRequest { family, socket_type, protocol, info: info.as_ref(), group, flags };
    runtime::socket(&request, Function::WsaSocket)
}

/// Closes a socket (API-B9).
#[unsafe(no_mangle)]
pub extern "system" fn closesocket(s: SOCKET) -> i32 {
    call(SOCKET_ERROR, || runtime::close_socket(s).map(|()| NO_ERROR))
}

/// Describes a socket to another process, which opens it with `WSASocket` (API-S17).
///
/// # Safety
/// `info` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSADuplicateSocketW(s: SOCKET, process: u32, info: *mut WSAPROTOCOL_INFOW) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaDuplicateSocket, s, |provider, errno| unsafe {
        (provider.lpWSPDuplicateSocket)(s, process, info, errno)
    })
}

/// As [`WSADuplicateSocketW`].
///
/// # Safety
/// `info` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSADuplicateSocketA(s: SOCKET, process: u32, info: *mut WSAPROTOCOL_INFOA) -> i32 {
    let mut wide = WSAPROTOCOL_INFOW::default();
    let room = if info.is_null() { null_mut() } else { &raw mut wide };
    // SAFETY: the room is ours, or none.
    let result = unsafe { WSADuplicateSocketW(s, process, room) };
    if result == NO_ERROR {
        // SAFETY: as the caller vouches.
        unsafe { store_if_wanted(info, info_a(&wide)) };
    }
    result
}
