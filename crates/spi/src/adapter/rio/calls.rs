//! The functions of `RIO_EXTENSION_FUNCTION_TABLE`. They report through the thread error (API-X2).

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use windlass_abi::{
    AF_INET, BOOL, FALSE, IN_PKTINFO, IN6_PKTINFO, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, NO_ERROR,
    RIO_BUF, RIO_BUFFERID, RIO_CORRUPT_CQ, RIO_CQ, RIO_EVENT_COMPLETION, RIO_EXTENSION_FUNCTION_TABLE,
    RIO_INVALID_BUFFERID, RIO_INVALID_CQ, RIO_INVALID_RQ, RIO_IOCP_COMPLETION, RIO_MSG_COMMIT_ONLY, RIO_MSG_DEFER,
    RIO_MSG_DONT_NOTIFY, RIO_MSG_WAITALL, RIO_NOTIFICATION_COMPLETION, RIO_RQ, RIORESULT, SOCK_DGRAM, SOCK_STREAM,
    SOCKADDR_INET, SOCKET, TRUE, WSA_FLAG_REGISTERED_IO, WSABUF, WSACMSGHDR, WsaError,
};

use super::buffers::{self, Slice};
use super::completions::{self, Completions, Notification};
use super::requests::{self, Direction, Limits, Requests, Ticket};
use crate::adapter::args;
use crate::adapter::calls::caught;
use crate::adapter::entry::Entry;
use crate::adapter::operation::{MessageArea, Operation, RecvArray, Request, SendArray};
use crate::adapter::thread_error;
use crate::address::{Address, family_of};
use crate::events::Event;
use crate::transport::{Result, Transport};

/// The table (API-RIO-1, API-RIO-2).
pub fn table<E: Entry>() -> RIO_EXTENSION_FUNCTION_TABLE {
    RIO_EXTENSION_FUNCTION_TABLE {
        cbSize: size_of::<RIO_EXTENSION_FUNCTION_TABLE>() as u32,
        RIOReceive: Some(receive),
        RIOReceiveEx: Some(receive_ex),
        RIOSend: Some(send),
        RIOSendEx: Some(send_ex),
        RIOCloseCompletionQueue: Some(close_completion_queue),
        RIOCreateCompletionQueue: Some(create_completion_queue::<E>),
        RIOCreateRequestQueue: Some(create_request_queue::<E>),
        RIODequeueCompletion: Some(dequeue_completion),
        RIODeregisterBuffer: Some(deregister_buffer),
        RIONotify: Some(notify),
        RIORegisterBuffer: Some(register_buffer),
        RIOResizeCompletionQueue: Some(resize_completion_queue),
        RIOResizeRequestQueue: Some(resize_request_queue),
    }
}

fn told<R>(failure: R, body: impl FnOnce() -> Result<R>) -> R {
    caught(body).unwrap_or_else(|error| {
        thread_error::set(error);
        failure
    })
}

unsafe extern "system" fn register_buffer(at: *mut u8, length: u32) -> RIO_BUFFERID {
    told(RIO_INVALID_BUFFERID, || buffers::register(at, length))
}

unsafe extern "system" fn deregister_buffer(id: RIO_BUFFERID) {
    buffers::deregister(id);
}

unsafe extern "system" fn create_completion_queue<E: Entry>(
    size: u32,
    notification: *mut RIO_NOTIFICATION_COMPLETION,
) -> RIO_CQ {
    told(RIO_INVALID_CQ, || {
        let call = E::provider().enter()?;
        let notification = match notification.is_null() {
            true => None,
            // SAFETY: not null, and the client's.
            false => Some(unsafe { told_by(notification) }?),
        };
        let queue = Completions::new(size, notification, call.upcalls.clone())?;
        Ok(ptr::without_provenance_mut(completions::QUEUES.insert(Arc::new(queue))))
    })
}

/// `WSAEINVAL`: an unknown type. `WSAEFAULT`: no event, or no overlapped structure.
///
/// # Safety
/// It is readable.
unsafe fn told_by(notification: *const RIO_NOTIFICATION_COMPLETION) -> Result<Notification> {
    // SAFETY: the caller promises it.
    let asked = unsafe { notification.read_unaligned() };
    match asked.Type {
        RIO_EVENT_COMPLETION => {
            // SAFETY: the type says which it is.
            let asked = unsafe { asked.u.Event };
            let event = Event::from_raw(asked.EventHandle).ok_or(WsaError::WSAEFAULT)?;
            Ok(Notification::Event { event, reset: asked.NotifyReset != FALSE })
        }
        RIO_IOCP_COMPLETION => {
            // SAFETY: the type says which it is.
            let asked = unsafe { asked.u.Iocp };
            if asked.IocpHandle.is_null() || asked.Overlapped.is_null() {
                return Err(WsaError::WSAEFAULT);
            }
            let (key, overlapped) = (asked.CompletionKey.expose_provenance(), asked.Overlapped.expose_provenance());
            Ok(Notification::Port { port: asked.IocpHandle, key, overlapped })
        }
        _ => Err(WsaError::WSAEINVAL),
    }
}

fn completions_of(queue: RIO_CQ) -> Result<Arc<Completions>> {
    completions::QUEUES.get(queue.addr()).ok_or(WsaError::WSAEINVAL)
}

fn requests_of(queue: RIO_RQ) -> Result<Arc<Requests>> {
    requests::QUEUES.get(queue.addr()).ok_or(WsaError::WSAEINVAL)
}

unsafe extern "system" fn close_completion_queue(queue: RIO_CQ) {
    drop(completions::QUEUES.remove(queue.addr()));
}

unsafe extern "system" fn resize_completion_queue(queue: RIO_CQ, size: u32) -> BOOL {
    told(FALSE, || completions_of(queue)?.resize(size).map(|()| TRUE))
}

unsafe extern "system" fn dequeue_completion(queue: RIO_CQ, array: *mut RIORESULT, count: u32) -> u32 {
    let body = || {
        let queue = completions_of(queue)?;
        if count != 0 {
            args::required(array)?;
        }
        let taken = queue.take(count as usize);
        for (at, result) in taken.iter().enumerate() {
            // SAFETY: not null, and the client says that it has so many elements.
            unsafe { array.add(at).write_unaligned(*result) };
        }
        Ok(taken.len() as u32)
    };
    told(RIO_CORRUPT_CQ, body)
}

unsafe extern "system" fn notify(queue: RIO_CQ) -> i32 {
    caught(|| completions_of(queue)?.notify()).err().map_or(NO_ERROR, WsaError::code)
}

unsafe extern "system" fn create_request_queue<E: Entry>(
    s: SOCKET,
    receives: u32,
    receive_buffers: u32,
    sends: u32,
    send_buffers: u32,
    receive_queue: RIO_CQ,
    send_queue: RIO_CQ,
    context: *mut c_void,
) -> RIO_RQ {
    told(RIO_INVALID_RQ, || {
        let call = E::provider().enter_socket(s)?;
        let kind = call.socket.info().iSocketType;
        if !matches!(kind, SOCK_STREAM | SOCK_DGRAM) || call.socket.flags() & WSA_FLAG_REGISTERED_IO == 0 {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        // One buffer a request is all there is (API-RIO-4).
        let is_one = |most: u32, buffers: u32| buffers == 1 || buffers == 0 && most == 0;
        if receives == 0 && sends == 0 || !is_one(receives, receive_buffers) || !is_one(sends, send_buffers) {
            return Err(WsaError::WSAEINVAL);
        }
        let receives = Limits { completions: completions_of(receive_queue)?, most: receives };
        let sends = Limits { completions: completions_of(send_queue)?, most: sends };
        let context = context.expose_provenance() as u64;
        let handle = Requests::open(s, kind == SOCK_DGRAM, context, (start::<E>, local::<E>), receives, sends)?;
        Ok(ptr::without_provenance_mut(handle))
    })
}

/// Starts a request.
fn start<E: Entry>(s: SOCKET, request: Request, ticket: Ticket) -> Result<()> {
    let call = E::provider().enter_socket(s)?;
    call.transport().overlapped(&call.socket, Operation::registered(request, ticket)).map(drop)
}

/// The address that a socket is bound to.
fn local<E: Entry>(s: SOCKET) -> Result<Address> {
    let call = E::provider().enter_socket(s)?;
    call.transport().get_sock_name(&call.socket)
}

unsafe extern "system" fn resize_request_queue(queue: RIO_RQ, receives: u32, sends: u32) -> BOOL {
    told(FALSE, || requests_of(queue)?.resize(receives, sends).map(|()| TRUE))
}

/// What a request may name beside its data.
#[derive(Clone, Copy, Default)]
struct Parts {
    local: Option<Slice>,
    remote: Option<Slice>,
    control: Option<Slice>,
    flags: Option<Slice>,
}

unsafe extern "system" fn receive(
    queue: RIO_RQ,
    data: *mut RIO_BUF,
    count: u32,
    flags: u32,
    context: *mut c_void,
) -> BOOL {
    // SAFETY: the client's.
    unsafe { request(Direction::Receive, queue, data, count, [ptr::null_mut(); 4], flags, context) }
}

unsafe extern "system" fn send(
    queue: RIO_RQ,
    data: *mut RIO_BUF,
    count: u32,
    flags: u32,
    context: *mut c_void,
) -> BOOL {
    // SAFETY: the client's.
    unsafe { request(Direction::Send, queue, data, count, [ptr::null_mut(); 4], flags, context) }
}

unsafe extern "system" fn receive_ex(
    queue: RIO_RQ,
    data: *mut RIO_BUF,
    count: u32,
    local: *mut RIO_BUF,
    remote: *mut RIO_BUF,
    control: *mut RIO_BUF,
    told_flags: *mut RIO_BUF,
    flags: u32,
    context: *mut c_void,
) -> BOOL {
    // SAFETY: the client's.
    unsafe { request(Direction::Receive, queue, data, count, [local, remote, control, told_flags], flags, context) }
}

unsafe extern "system" fn send_ex(
    queue: RIO_RQ,
    data: *mut RIO_BUF,
    count: u32,
    local: *mut RIO_BUF,
    remote: *mut RIO_BUF,
    control: *mut RIO_BUF,
    given_flags: *mut RIO_BUF,
    flags: u32,
    context: *mut c_void,
) -> BOOL {
    // SAFETY: the client's.
    unsafe { request(Direction::Send, queue, data, count, [local, remote, control, given_flags], flags, context) }
}

/// # Safety
/// The pointers are null or readable, and the buffers that they name valid until the request is over.
unsafe fn request(
    direction: Direction,
    queue: RIO_RQ,
    data: *mut RIO_BUF,
    count: u32,
    parts: [*mut RIO_BUF; 4],
    flags: u32,
    context: *mut c_void,
) -> BOOL {
    told(FALSE, || {
        let queue = requests_of(queue)?;
        let known = RIO_MSG_DONT_NOTIFY | RIO_MSG_DEFER | RIO_MSG_COMMIT_ONLY;
        let known = if direction == Direction::Receive { known | RIO_MSG_WAITALL } else { known };
        let waits_for_all = flags & RIO_MSG_WAITALL != 0;
        if flags & !known != 0 || waits_for_all && queue.is_datagram {
            return Err(WsaError::WSAEINVAL);
        }
        if flags & RIO_MSG_COMMIT_ONLY != 0 {
            let is_bare = data.is_null() && count == 0 && context.is_null() && parts.iter().all(|part| part.is_null());
            if flags != RIO_MSG_COMMIT_ONLY || !is_bare {
                return Err(WsaError::WSAEINVAL);
            }
            queue.commit(direction);
            return Ok(TRUE);
        }
        if count != u32::from(!data.is_null()) {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: the caller promises it.
        let (data, [local, remote, control, flags_part]) = unsafe { (slice(data)?, all(parts)?) };
        let parts = Parts { local, remote, control, flags: flags_part };
        let wanted = match direction {
            // SAFETY: the caller promises it.
            Direction::Receive => unsafe { receive_request(&queue, data, parts, waits_for_all) },
            // SAFETY: the caller promises it.
            Direction::Send => unsafe { send_request(&queue, data, parts) },
        }?;
        let ticket = queue.admit(direction, context.expose_provenance() as u64, flags & RIO_MSG_DONT_NOTIFY == 0)?;
        if flags & RIO_MSG_DEFER != 0 {
            queue.defer(wanted, ticket);
            return Ok(TRUE);
        }
        queue.commit(direction);
        queue.start(wanted, ticket).map(|()| TRUE)
    })
}

/// # Safety
/// It is null or readable.
unsafe fn slice(part: *const RIO_BUF) -> Result<Option<Slice>> {
    match part.is_null() {
        true => Ok(None),
        // SAFETY: not null, and the caller promises the rest.
        false => buffers::slice(&unsafe { part.read_unaligned() }).map(Some),
    }
}

/// # Safety
/// Each is null or readable.
unsafe fn all(parts: [*mut RIO_BUF; 4]) -> Result<[Option<Slice>; 4]> {
    let mut slices = [None; 4];
    for (slot, part) in slices.iter_mut().zip(parts) {
        // SAFETY: the caller promises it.
        *slot = unsafe { slice(part) }?;
    }
    Ok(slices)
}

fn array_of(data: Option<Slice>) -> WSABUF {
    data.map_or(WSABUF { len: 0, buf: ptr::null_mut() }, |data| WSABUF { len: data.length, buf: data.at })
}

/// # Safety
/// The slices are writable until the request is over.
unsafe fn receive_request(queue: &Requests, data: Option<Slice>, parts: Parts, waits_for_all: bool) -> Result<Request> {
    // SAFETY: the caller promises it; no bytes need no place.
    let buffers = unsafe { RecvArray::new(&array_of(data), 1) }?;
    let Parts { local, remote, control, flags } = parts;
    if local.is_none() && remote.is_none() && control.is_none() && flags.is_none() {
        let flags = if waits_for_all { windlass_abi::MSG_WAITALL } else { 0 };
        return Ok(Request::Recv { buffers, flags });
    }
    if !queue.is_datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    for address in [local, remote].into_iter().flatten() {
        if (address.length as usize) < size_of::<SOCKADDR_INET>() {
            return Err(WsaError::WSAEINVAL);
        }
    }
    if let Some(local) = local {
        let name = (queue.local)(queue.socket)?;
        // SAFETY: there is room, and the caller promises the rest.
        unsafe { local.at.copy_from_nonoverlapping(name.as_bytes().as_ptr(), name.len().min(local.length as usize)) };
    }
    // SAFETY: the caller promises it.
    let area = unsafe { MessageArea::of_slices(remote, control, flags) }?;
    Ok(Request::RecvMsg { buffers, flags: 0, area: Box::new(area) })
}

/// # Safety
/// The slices are readable until the request is over.
unsafe fn send_request(queue: &Requests, data: Option<Slice>, parts: Parts) -> Result<Request> {
    // SAFETY: the caller promises it; no bytes need no place.
    let buffers = unsafe { SendArray::new(&array_of(data), 1) }?;
    let bytes = |part: Slice| {
        // SAFETY: the caller promises it.
        unsafe { std::slice::from_raw_parts(part.at, part.length as usize) }
    };
    let flags = match parts.flags.map(bytes) {
        None => 0,
        Some(given) => u32::from_ne_bytes(*given.first_chunk().ok_or(WsaError::WSAEINVAL)?),
    };
    let to: Option<Box<[u8]>> = parts.remote.map(|remote| bytes(remote).into());
    let mut control = match parts.control.map(bytes) {
        None => Vec::new(),
        Some(given) => {
            let length = u32::from_ne_bytes(*given.first_chunk().ok_or(WsaError::WSAEINVAL)?) as usize;
            given.get(8.min(length)..length).ok_or(WsaError::WSAEINVAL)?.to_vec()
        }
    };
    if let Some(local) = parts.local {
        control.extend(source(bytes(local))?);
    }
    Ok(match (to, control.is_empty()) {
        _ if !queue.is_datagram && (parts.remote.is_some() || !control.is_empty()) => {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        (None, true) => Request::Send { buffers, flags },
        (to, true) => Request::SendTo { buffers, flags, to },
        (to, false) => Request::SendMsg { buffers, flags, to, control: control.into() },
    })
}

/// A local address as the control data that says the same.
fn source(address: &[u8]) -> Result<Vec<u8>> {
    let is4 = family_of(address) == AF_INET;
    let (level, kind) = if is4 { (IPPROTO_IP, IP_PKTINFO) } else { (IPPROTO_IPV6, IPV6_PKTINFO) };
    let (from, length, whole) = if is4 { (4, 4, size_of::<IN_PKTINFO>()) } else { (8, 16, size_of::<IN6_PKTINFO>()) };
    let ip = address.get(from..from + length).ok_or(WsaError::WSAEINVAL)?;
    let head = size_of::<WSACMSGHDR>();
    let mut bytes = Vec::with_capacity(head + whole);
    bytes.extend_from_slice(&(head + whole).to_ne_bytes());
    bytes.extend_from_slice(&level.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(ip);
    bytes.resize((head + whole).next_multiple_of(8), 0);
    Ok(bytes)
}
