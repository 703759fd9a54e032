//! `WSPSend`, `WSPSendTo`, `WSPRecv`, `WSPRecvFrom`.

use windlass_abi::{
    LPWSAOVERLAPPED_COMPLETION_ROUTINE, SOCKADDR, SOCKET, WSABUF, WSAOVERLAPPED, WSATHREADID, WsaError,
};

use super::overlapped::{is_overlapped, start};
use super::{args, enter, zero};
use crate::adapter::buffers::{RecvBuffers, SendBuffers};
use crate::adapter::entry::Entry;
use crate::adapter::operation::{Ends, Request};
use crate::transport::Transport;

/// `WSPSend`.
pub unsafe extern "system" fn wsp_send<E: Entry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        if is_overlapped(&call.socket, overlapped) {
            let ends = Ends::new(overlapped, routine, thread, sent);
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Request::send(buffers, count, flags)) };
        }
        // SAFETY: the client's, null or readable.
        let buffers = unsafe { SendBuffers::from_raw(buffers, count) }?;
        args::required(sent)?;
        let bytes = call.transport().send(&call.socket, &buffers, flags)?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(sent, bytes) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSendTo`.
pub unsafe extern "system" fn wsp_send_to<E: Entry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    to: *const SOCKADDR,
    tolen: i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        if is_overlapped(&call.socket, overlapped) {
            let ends = Ends::new(overlapped, routine, thread, sent);
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Request::send_to(buffers, count, flags, to, tolen)) };
        }
        // SAFETY: the client's, null or readable.
        let buffers = unsafe { SendBuffers::from_raw(buffers, count) }?;
        args::required(sent)?;
        let to = match to.is_null() {
            true => None,
            // SAFETY: not null, and the client's.
            false => Some(unsafe { args::name(to, tolen) }?),
        };
        let bytes = call.transport().send_to(&call.socket, &buffers, flags, to)?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(sent, bytes) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPRecv`.
pub unsafe extern "system" fn wsp_recv<E: Entry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        if is_overlapped(&call.socket, overlapped) {
            let ends = Ends { flags, ..Ends::new(overlapped, routine, thread, received) };
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Request::recv(buffers, count, flags)) };
        }
        // SAFETY: the client's, null or writable.
        let mut buffers = unsafe { RecvBuffers::from_raw(buffers, count) }?;
        args::required(received)?;
        // SAFETY: the client's, null or readable.
        let wanted = unsafe { args::read(flags) }?;
        let got = call.transport().recv(&call.socket, &mut buffers, wanted)?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(received, got.bytes) };
        // SAFETY: it was read before.
        unsafe { args::store(flags, got.flags) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPRecvFrom`.
pub unsafe extern "system" fn wsp_recv_from<E: Entry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    from: *mut SOCKADDR,
    fromlen: *mut i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        if is_overlapped(&call.socket, overlapped) {
            let (from_length, plain) = (fromlen, Ends::new(overlapped, routine, thread, received));
            let ends = Ends { flags, from, from_length, ..plain };
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Request::recv_from(buffers, count, flags, from, fromlen)) };
        }
        // SAFETY: the client's, null or writable.
        let mut buffers = unsafe { RecvBuffers::from_raw(buffers, count) }?;
        args::required(received)?;
        // SAFETY: the client's, null or readable.
        let wanted = unsafe { args::read(flags) }?;
        if !from.is_null() && fromlen.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: the client's, null or readable.
        let capacity = unsafe { args::room(from, fromlen) }?;
        let (got, source) = call.transport().recv_from(&call.socket, &mut buffers, wanted, capacity)?;
        if let (Some(_), Some(source)) = (capacity, source) {
            // SAFETY: both are there, or there would be no capacity.
            unsafe { args::store_name(&source, from, fromlen) }?;
        }
        // SAFETY: not null, and the client's.
        unsafe { args::store(received, got.bytes) };
        // SAFETY: it was read before.
        unsafe { args::store(flags, got.flags) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}
