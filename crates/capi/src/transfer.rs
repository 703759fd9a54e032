//! Sending and receiving: the BSD forms are the WSA forms with fixed extra arguments (API-5).
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]

use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

use windlass_abi::{
    BOOL, FALSE, HANDLE, LPWSAOVERLAPPED_COMPLETION_ROUTINE, MSG_PARTIAL, SOCKADDR, SOCKET, SOCKET_ERROR, WSABUF,
    WSAOVERLAPPED, WSS_OPERATION_IN_PROGRESS, WsaError,
};
use windlass_runtime::{Function, overlapped as pending, require_started, thread as errors};

use crate::boundary::{call, load, store};
use crate::dispatch::{forward, forward_bool, thread_id};

/// The one buffer of a BSD call. A negative length would become a huge one (API-B3).
#[inline]
fn one_buffer(function: Function, buf: *const u8, len: i32) -> Result<WSABUF, WsaError> {
    match u32::try_from(len) {
        Ok(len) => Ok(WSABUF { len, buf: buf.cast_mut() }),
        Err(_) => Err(negative_length(function)),
    }
}

/// The error of a negative length, where Winsock is started (API-1).
#[cold]
fn negative_length(function: Function) -> WsaError {
    require_started(function).err().unwrap_or(WsaError::WSAEFAULT)
}

/// What a BSD receive makes of the flags that came back: part of a message is an error, though the
/// buffer stays filled (API-B2).
#[inline]
fn whole_message(result: i32, bytes: u32, flags: u32) -> i32 {
    match result {
        SOCKET_ERROR => SOCKET_ERROR,
        _ if flags & MSG_PARTIAL != 0 => errors::fail(WsaError::WSAEMSGSIZE),
        _ => bytes as i32,
    }
}

/// Sends; the result is how many bytes went (A-B19).
///
/// # Safety
/// `buf` must be readable for `len` bytes.
#[unsafe(export_name = "ws2_send")]
pub unsafe extern "system" fn send(s: SOCKET, buf: *const u8, len: i32, flags: i32) -> i32 {
    let mut buffer = match one_buffer(Function::Send, buf, len) {
        Ok(buffer) => buffer,
        Err(error) => return errors::fail(error),
    };
    let (mut bytes, mut thread) = (0, thread_id(null()));
    // SAFETY: the buffer is the client's; everything else outlives the call.
    let result = forward(Function::Send, s, |provider, errno| unsafe {
        let (bytes, thread) = (&raw mut bytes, &raw mut thread);
        (provider.lpWSPSend)(s, &raw mut buffer, 1, bytes, flags as u32, null_mut(), None, thread, errno)
    });
    if result == SOCKET_ERROR { SOCKET_ERROR } else { bytes as i32 }
}

/// Receives; the result is how many bytes came (A-B16).
///
/// # Safety
/// `buf` must be writable for `len` bytes.
#[unsafe(export_name = "ws2_recv")]
pub unsafe extern "system" fn recv(s: SOCKET, buf: *mut u8, len: i32, flags: i32) -> i32 {
    let mut buffer = match one_buffer(Function::Recv, buf, len) {
        Ok(buffer) => buffer,
        Err(error) => return errors::fail(error),
    };
    let (mut bytes, mut flags, mut thread) = (0, flags as u32, thread_id(null()));
    // SAFETY: the buffer is the client's; everything else outlives the call.
    let result = forward(Function::Recv, s, |provider, errno| unsafe {
        let (bytes, flags, thread) = (&raw mut bytes, &raw mut flags, &raw mut thread);
        (provider.lpWSPRecv)(s, &raw mut buffer, 1, bytes, flags, null_mut(), None, thread, errno)
    });
    whole_message(result, bytes, flags)
}

/// Sends to an address (A-B20).
///
/// # Safety
/// `buf` must be readable for `len` bytes, `to` for `tolen`.
#[unsafe(export_name = "ws2_sendto")]
pub unsafe extern "system" fn sendto(
    s: SOCKET,
    buf: *const u8,
    len: i32,
    flags: i32,
    to: *const SOCKADDR,
    tolen: i32,
) -> i32 {
    let mut buffer = match one_buffer(Function::SendTo, buf, len) {
        Ok(buffer) => buffer,
        Err(error) => return errors::fail(error),
    };
    let (mut bytes, mut thread) = (0, thread_id(null()));
    // SAFETY: buffer and address are the client's; everything else outlives the call.
    let result = forward(Function::SendTo, s, |provider, errno| unsafe {
        let (bytes, thread) = (&raw mut bytes, &raw mut thread);
        let buffer = &raw mut buffer;
        (provider.lpWSPSendTo)(s, buffer, 1, bytes, flags as u32, to, tolen, null_mut(), None, thread, errno)
    });
    if result == SOCKET_ERROR { SOCKET_ERROR } else { bytes as i32 }
}

/// Receives, and tells from where (A-B17).
///
/// # Safety
/// `buf` must be writable for `len` bytes; `from` and `fromlen` as the page says.
#[unsafe(export_name = "ws2_recvfrom")]
pub unsafe extern "system" fn recvfrom(
    s: SOCKET,
    buf: *mut u8,
    len: i32,
    flags: i32,
    from: *mut SOCKADDR,
    fromlen: *mut i32,
) -> i32 {
    let mut buffer = match one_buffer(Function::RecvFrom, buf, len) {
        Ok(buffer) => buffer,
        Err(error) => return errors::fail(error),
    };
    let (mut bytes, mut flags, mut thread) = (0, flags as u32, thread_id(null()));
    // SAFETY: buffer and address are the client's; everything else outlives the call.
    let result = forward(Function::RecvFrom, s, |provider, errno| unsafe {
        let (bytes, flags, thread) = (&raw mut bytes, &raw mut flags, &raw mut thread);
        let buffer = &raw mut buffer;
        (provider.lpWSPRecvFrom)(s, buffer, 1, bytes, flags, from, fromlen, null_mut(), None, thread, errno)
    });
    whole_message(result, bytes, flags)
}

/// Sends several buffers (A-S17).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASend(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let mut thread = thread_id(overlapped);
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaSend, s, |provider, errno| unsafe {
        (provider.lpWSPSend)(s, buffers, count, sent, flags, overlapped, routine, &raw mut thread, errno)
    })
}

/// Receives into several buffers (A-S14).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSARecv(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let mut thread = thread_id(overlapped);
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaRecv, s, |provider, errno| unsafe {
        (provider.lpWSPRecv)(s, buffers, count, received, flags, overlapped, routine, &raw mut thread, errno)
    })
}

/// Sends several buffers to an address (A-S20).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASendTo(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    to: *const SOCKADDR,
    tolen: i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let mut thread = thread_id(overlapped);
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaSendTo, s, |provider, errno| unsafe {
        let thread = &raw mut thread;
        (provider.lpWSPSendTo)(s, buffers, count, sent, flags, to, tolen, overlapped, routine, thread, errno)
    })
}

/// Receives into several buffers, and tells from where (A-S16).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSARecvFrom(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    from: *mut SOCKADDR,
    fromlen: *mut i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let mut thread = thread_id(overlapped);
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaRecvFrom, s, |provider, errno| unsafe {
        let thread = &raw mut thread;
        (provider.lpWSPRecvFrom)(s, buffers, count, received, flags, from, fromlen, overlapped, routine, thread, errno)
    })
}

/// `recv` with flags both ways: part of a message is no error here (API-X60).
///
/// # Safety
/// `buf` must be writable for `len` bytes; `flags` null or an int.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSARecvEx(s: SOCKET, buf: *mut u8, len: i32, flags: *mut i32) -> i32 {
    call(SOCKET_ERROR, || {
        let mut buffer = one_buffer(Function::Recv, buf, len)?;
        // SAFETY: as the caller vouches.
        let (mut bytes, mut both, mut thread) = (0, unsafe { load(flags) }? as u32, thread_id(null()));
        // SAFETY: the buffer is the client's; everything else outlives the call.
        let result = forward(Function::Recv, s, |provider, errno| unsafe {
            let (bytes, flags, thread) = (&raw mut bytes, &raw mut both, &raw mut thread);
            (provider.lpWSPRecv)(s, &raw mut buffer, 1, bytes, flags, null_mut(), None, thread, errno)
        });
        if result == SOCKET_ERROR {
            return Ok(SOCKET_ERROR);
        }
        // SAFETY: it was readable above and is the client's to write.
        unsafe { store(flags, both as i32) }?;
        Ok(bytes as i32)
    })
}

/// The result of an overlapped operation on this socket (API-S18).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetOverlappedResult(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    transferred: *mut u32,
    wait: BOOL,
    flags: *mut u32,
) -> BOOL {
    if wait != FALSE {
        // SAFETY: as the caller vouches.
        let event = || unsafe { pending_event(overlapped) };
        if event().is_some()
            && let Err(error) = pending::wait(s, Function::WsaGetOverlappedResult, None, false, event)
        {
            errors::fail(error);
            return FALSE;
        }
    }
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward_bool(Function::WsaGetOverlappedResult, s, |provider, errno| unsafe {
        (provider.lpWSPGetOverlappedResult)(s, overlapped, transferred, wait, flags, errno)
    })
}

/// The event of an operation that is under way: providers cannot wait for it (WSP-GOR-3). Nothing if it is over, or if there is
/// nothing to wait for, which the provider finds too.
///
/// # Safety
/// `overlapped` must be null or valid.
pub unsafe fn pending_event(overlapped: *mut WSAOVERLAPPED) -> Option<HANDLE> {
    if overlapped.is_null() || !overlapped.is_aligned() {
        return None;
    }
    // SAFETY: not null, aligned, and the caller vouches for it; whoever completes it stores the status atomically.
    let (status, event) = unsafe {
        let status = AtomicUsize::from_ptr(&raw mut (*overlapped).Internal);
        (status.load(Ordering::Acquire), (&raw const (*overlapped).hEvent).read())
    };
    let event = event.map_addr(|address| address & !1);
    (status == WSS_OPERATION_IN_PROGRESS && !event.is_null()).then_some(event)
}
