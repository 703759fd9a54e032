//! `WSARecvMsg`, `WSASendMsg`.

use windlass_abi::{
    LPWSAOVERLAPPED_COMPLETION_ROUTINE, SOCKET, SOCKET_ERROR, WSAMSG, WSAOVERLAPPED, WSATHREADID, WsaError,
};

use super::overlapped::{is_overlapped, start};
use super::{args, caught, enter};
use crate::adapter::buffers::{RecvBuffers, SendBuffers};
use crate::adapter::entry::Entry;
use crate::adapter::operation::{Ends, MessageArea, Request, check_message};
use crate::adapter::provider::SocketCall;
use crate::adapter::thread_error;
use crate::transport::{Result, Transport};

/// For functions that return zero.
pub(in crate::adapter) fn zero(body: impl FnOnce() -> Result<()>) -> i32 {
    match caught(body) {
        Ok(()) => 0,
        Err(error) => {
            thread_error::set(error);
            SOCKET_ERROR
        }
    }
}

/// `WSARecvMsg`. The structure is read and written; its flags are `MSG_PEEK` or nothing on the way in (API-X52).
pub unsafe extern "system" fn recv_msg<E: Entry>(
    s: SOCKET,
    message: *mut WSAMSG,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    zero(|| {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let asked = unsafe { args::read(message) }?;
        // SAFETY: the client's, null or valid until the operation is over.
        let area = unsafe { MessageArea::new(message) }?;
        if is_overlapped(&call.socket, overlapped) {
            // SAFETY: as above.
            let request = || unsafe { Request::recv_msg(&asked, area) };
            // SAFETY: as above.
            return unsafe { begin(&call, overlapped, routine, received, request) };
        }
        let mut area = area;
        // SAFETY: the client's, null or writable.
        let mut buffers = unsafe { RecvBuffers::from_raw(asked.lpBuffers, asked.dwBufferCount) }?;
        args::required(received)?;
        let bytes = call.transport().recv_msg(&call.socket, &mut buffers, asked.dwFlags, &mut area)?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(received, bytes) };
        Ok(())
    })
}

/// `WSASendMsg`. The flags in the structure do not count (API-X54).
pub unsafe extern "system" fn send_msg<E: Entry>(
    s: SOCKET,
    message: *mut WSAMSG,
    flags: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    zero(|| {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let message = unsafe { args::read(message) }?;
        check_message(&message)?;
        if is_overlapped(&call.socket, overlapped) {
            // SAFETY: the client's, null or valid until the operation is over.
            let request = || unsafe { Request::send_msg(&message, flags) };
            // SAFETY: as above.
            return unsafe { begin(&call, overlapped, routine, sent, request) };
        }
        // SAFETY: the client's, null or readable.
        let buffers = unsafe { SendBuffers::from_raw(message.lpBuffers, message.dwBufferCount) }?;
        args::required(sent)?;
        // SAFETY: as above.
        let (to, control) = unsafe { destination(&message) }?;
        let bytes = call.transport().send_msg(&call.socket, &buffers, flags, to, control)?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(sent, bytes) };
        Ok(())
    })
}

/// The address, if there is one, and the control data.
///
/// # Safety
/// What the message points to can be read for `'a`.
pub(in crate::adapter) unsafe fn destination<'a>(message: &WSAMSG) -> Result<(Option<&'a [u8]>, &'a [u8])> {
    let to = match message.name.is_null() {
        true => None,
        // SAFETY: not null, and the caller promises the rest.
        false => Some(unsafe { args::name(message.name, message.namelen) }?),
    };
    let length = i32::try_from(message.Control.len).map_err(|_| WsaError::WSAEFAULT)?;
    // SAFETY: the caller promises it.
    Ok((to, unsafe { args::input(message.Control.buf.cast(), length) }?))
}

/// Starts an operation of a function that has a routine but no thread to run it: it is the calling one.
///
/// # Safety
/// As [`start`].
unsafe fn begin<T: Transport>(
    call: &SocketCall<T>,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    bytes: *mut u32,
    request: impl FnOnce() -> Result<Request>,
) -> Result<()> {
    // SAFETY: the caller promises it.
    unsafe { with_thread(call, overlapped, routine, bytes, |ends| start(call, ends, request)) }
}

/// The same, for who starts it otherwise.
///
/// # Safety
/// As [`start`].
pub(in crate::adapter) unsafe fn with_thread<T: Transport>(
    call: &SocketCall<T>,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    bytes: *mut u32,
    begin: impl FnOnce(&Ends) -> Result<()>,
) -> Result<()> {
    let upcalls = &call.call.upcalls;
    let opened = match routine {
        Some(_) => Some(upcalls.open_current_thread()?),
        None => None,
    };
    let mut raw: Option<WSATHREADID> = opened.as_ref().map(|thread| thread.as_raw());
    let thread = raw.as_mut().map_or(std::ptr::null_mut(), |raw| &raw mut *raw);
    let ends = Ends { opened: opened.is_some(), ..Ends::new(overlapped, routine, thread, bytes) };
    let started = begin(&ends);
    if let Some(thread) = opened
        && !matches!(started, Ok(()) | Err(WsaError::WSA_IO_PENDING))
    {
        // It runs nothing.
        let _ = upcalls.close_thread(thread);
    }
    started
}
