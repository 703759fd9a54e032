//! Binding, listening, accepting, connecting, shutting down, names and multipoint.
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]

use core::ptr::null_mut;

use windlass_abi::{INVALID_SOCKET, LPCONDITIONPROC, QOS, SOCKADDR, SOCKET, WSABUF, WsaError};
use windlass_runtime::Function;

use crate::dispatch::{forward, forward_socket};

/// Gives a socket its local address (A-B02).
///
/// # Safety
/// `name` must be null or readable for `namelen` bytes.
#[unsafe(export_name = "ws2_bind")]
pub unsafe extern "system" fn bind(s: SOCKET, name: *const SOCKADDR, namelen: i32) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::Bind, s, |provider, errno| unsafe { (provider.lpWSPBind)(s, name, namelen, errno) })
}

/// Makes a socket listen, with room for `backlog` connections (A-B13).
#[unsafe(export_name = "ws2_listen")]
pub extern "system" fn listen(s: SOCKET, backlog: i32) -> i32 {
    // SAFETY: no pointers but the slot.
    forward(Function::Listen, s, |provider, errno| unsafe { (provider.lpWSPListen)(s, backlog, errno) })
}

/// Takes a connection (A-B01).
///
/// # Safety
/// `addr` and `addrlen` must be null or as the page says.
#[unsafe(export_name = "ws2_accept")]
pub unsafe extern "system" fn accept(s: SOCKET, addr: *mut SOCKADDR, addrlen: *mut i32) -> SOCKET {
    // SAFETY: as the caller vouches.
    unsafe { take(Function::Accept, s, addr, addrlen, None, 0) }
}

/// Takes a connection if a condition function agrees (A-S01).
///
/// # Safety
/// As [`accept`]; the condition function is the client's.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAAccept(
    s: SOCKET,
    addr: *mut SOCKADDR,
    addrlen: *mut i32,
    condition: LPCONDITIONPROC,
    callback_data: usize,
) -> SOCKET {
    // SAFETY: as the caller vouches.
    unsafe { take(Function::WsaAccept, s, addr, addrlen, condition, callback_data) }
}

/// # Safety
/// As [`accept`]; the condition function is the client's.
unsafe fn take(
    function: Function,
    s: SOCKET,
    addr: *mut SOCKADDR,
    addrlen: *mut i32,
    condition: LPCONDITIONPROC,
    data: usize,
) -> SOCKET {
    // SAFETY: the slot is `forward_socket`'s own; the arguments are the client's, passed on unchanged.
    forward_socket(function, s, |provider, errno| unsafe {
        // Room for an address needs a length (API-B1), which a provider would take as no wish for it (WSP-ACCEPT-5).
        if !addr.is_null() && addrlen.is_null() {
            errno.write(WsaError::WSAEFAULT.code());
            return INVALID_SOCKET;
        }
        (provider.lpWSPAccept)(s, addr, addrlen, condition, data, errno)
    })
}

/// Connects, or sets the peer of datagrams (A-B04).
///
/// # Safety
/// `name` must be null or readable for `namelen` bytes.
#[unsafe(export_name = "ws2_connect")]
pub unsafe extern "system" fn connect(s: SOCKET, name: *const SOCKADDR, namelen: i32) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::Connect, s, |provider, errno| unsafe {
        (provider.lpWSPConnect)(s, name, namelen, null_mut(), null_mut(), null_mut(), null_mut(), errno)
    })
}

/// Connects with data and quality of service (A-S02).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAConnect(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaConnect, s, |provider, errno| unsafe {
        (provider.lpWSPConnect)(s, name, namelen, caller_data, callee_data, sqos, gqos, errno)
    })
}

/// Joins a multipoint session (A-S13).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAJoinLeaf(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
    flags: u32,
) -> SOCKET {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward_socket(Function::WsaJoinLeaf, s, |provider, errno| unsafe {
        (provider.lpWSPJoinLeaf)(s, name, namelen, caller_data, callee_data, sqos, gqos, flags, errno)
    })
}

/// Ends sending, receiving, or both (A-B22).
#[unsafe(export_name = "ws2_shutdown")]
pub extern "system" fn shutdown(s: SOCKET, how: i32) -> i32 {
    // SAFETY: no pointers but the slot.
    forward(Function::Shutdown, s, |provider, errno| unsafe { (provider.lpWSPShutdown)(s, how, errno) })
}

/// Ends sending, with last data (A-S18).
///
/// # Safety
/// `data` must be null or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASendDisconnect(s: SOCKET, data: *mut WSABUF) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaSendDisconnect, s, |provider, errno| unsafe { (provider.lpWSPSendDisconnect)(s, data, errno) })
}

/// Ends receiving; hands out the peer's last data (A-S15).
///
/// # Safety
/// `data` must be null or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSARecvDisconnect(s: SOCKET, data: *mut WSABUF) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaRecvDisconnect, s, |provider, errno| unsafe { (provider.lpWSPRecvDisconnect)(s, data, errno) })
}

/// The socket's own address (A-B06).
///
/// # Safety
/// `name` must be null or writable for `*namelen` bytes.
#[unsafe(export_name = "ws2_getsockname")]
pub unsafe extern "system" fn getsockname(s: SOCKET, name: *mut SOCKADDR, namelen: *mut i32) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::GetSockName, s, |provider, errno| unsafe { (provider.lpWSPGetSockName)(s, name, namelen, errno) })
}

/// The address of the socket's peer (A-B05).
///
/// # Safety
/// `name` must be null or writable for `*namelen` bytes.
#[unsafe(export_name = "ws2_getpeername")]
pub unsafe extern "system" fn getpeername(s: SOCKET, name: *mut SOCKADDR, namelen: *mut i32) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::GetPeerName, s, |provider, errno| unsafe { (provider.lpWSPGetPeerName)(s, name, namelen, errno) })
}
