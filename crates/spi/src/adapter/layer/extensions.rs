//! The extension functions of a non-IFS layer: wrappers of the next provider's, where it has them (LSP-5). Those of an IFS layer are
//! the next provider's own, since its handles are.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use windlass_abi::{
    BOOL, FALSE, GUID, HANDLE, LPFN_ACCEPTEX, LPFN_CONNECTEX, LPFN_DISCONNECTEX, LPFN_TRANSMITFILE,
    LPFN_TRANSMITPACKETS, LPFN_WSAPOLL, LPFN_WSARECVMSG, LPFN_WSASENDMSG, LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    SIO_GET_EXTENSION_FUNCTION_POINTER, SOCKADDR, SOCKET, SOCKET_ERROR, TRANSMIT_FILE_BUFFERS,
    TRANSMIT_PACKETS_ELEMENT, WSAID_ACCEPTEX, WSAID_CONNECTEX, WSAID_DISCONNECTEX, WSAID_GETACCEPTEXSOCKADDRS,
    WSAID_TRANSMITFILE, WSAID_TRANSMITPACKETS, WSAID_WSAPOLL, WSAID_WSARECVMSG, WSAID_WSASENDMSG, WSAMSG,
    WSAOVERLAPPED, WSAPOLLFD, WsaError,
};

use super::calls::{Call, enter};
use super::entry::LayerEntry;
use super::host::host;
use super::next::failure;
use super::pending::{Job, Record, Then};
use super::stack::State;
use crate::adapter::args;
use crate::adapter::calls::extensions::{get_accept_ex_sockaddrs, succeeds};
use crate::adapter::calls::ioctl::guid;
use crate::adapter::calls::message;
use crate::adapter::calls::overlapped::{client, is_overlapped, start};
use crate::adapter::calls::poll::wsa_poll;
use crate::adapter::operation::{Ends, Operation, Request, Started};
use crate::layer::{Layer, Layered};
use crate::socket::OpenSocket;
use crate::transport::Result;

/// How many there are.
pub(super) const COUNT: usize = 9;

/// The identifiers, in the order of the places in [`State`].
const ALL: [GUID; COUNT] = [
    WSAID_ACCEPTEX,
    WSAID_GETACCEPTEXSOCKADDRS,
    WSAID_CONNECTEX,
    WSAID_DISCONNECTEX,
    WSAID_WSARECVMSG,
    WSAID_WSASENDMSG,
    WSAID_TRANSMITFILE,
    WSAID_TRANSMITPACKETS,
    WSAID_WSAPOLL,
];

/// `SIO_GET_EXTENSION_FUNCTION_POINTER` of a non-IFS layer: the number of bytes stored.
///
/// # Safety
/// The buffers are null or as long as they say.
pub(super) unsafe fn ask<L: LayerEntry>(
    call: &Call<L>,
    input: *const c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
) -> Result<u32> {
    let length = |length: u32| i32::try_from(length).map_err(|_| WsaError::WSAEFAULT);
    // SAFETY: the caller promises it.
    let (input, output) =
        unsafe { (args::input(input, length(input_length)?)?, args::output(output, length(output_length)?)?) };
    let wanted = guid(input)?;
    let room = output.first_chunk_mut::<{ size_of::<usize>() }>().ok_or(WsaError::WSAEFAULT)?;
    if below(&call.socket, &wanted)? == 0 {
        return Err(WsaError::WSAEINVAL);
    }
    let own = match wanted {
        WSAID_ACCEPTEX => accept_ex::<L> as *const c_void,
        WSAID_GETACCEPTEXSOCKADDRS => get_accept_ex_sockaddrs as *const c_void,
        WSAID_CONNECTEX => connect_ex::<L> as *const c_void,
        WSAID_DISCONNECTEX => disconnect_ex::<L> as *const c_void,
        WSAID_WSARECVMSG => recv_msg::<L> as *const c_void,
        WSAID_WSASENDMSG => send_msg::<L> as *const c_void,
        WSAID_TRANSMITFILE => transmit_file::<L> as *const c_void,
        WSAID_TRANSMITPACKETS => transmit_packets::<L> as *const c_void,
        WSAID_WSAPOLL => wsa_poll::<L> as *const c_void,
        _ => return Err(WsaError::WSAEINVAL),
    };
    *room = own.expose_provenance().to_ne_bytes();
    Ok(room.len() as u32)
}

/// The address of the next provider's function for its socket; 0 if it has none. `WSAEINVAL` for one that is not known here.
fn below<S>(socket: &State<S>, wanted: &GUID) -> Result<usize> {
    const NONE: usize = 1;
    let at = ALL.iter().position(|known| known == wanted).ok_or(WsaError::WSAEINVAL)?;
    let known = &socket.extensions[at];
    if known.load(Ordering::Relaxed) == 0 {
        // SAFETY: an identifier is plain bytes.
        let input: [u8; size_of::<GUID>()] = unsafe { std::mem::transmute(*wanted) };
        let mut address = [0; size_of::<usize>()];
        let found = match socket.next().ioctl(SIO_GET_EXTENSION_FUNCTION_POINTER, &input, &mut address) {
            Ok(_) => usize::from_ne_bytes(address),
            Err(_) => 0,
        };
        known.store(found.max(NONE), Ordering::Relaxed);
    }
    match known.load(Ordering::Relaxed) {
        NONE => Ok(0),
        address => Ok(address),
    }
}

/// The next provider's function, as `F`, an optional function pointer.
///
/// # Safety
/// `F` is the type that the identifier has.
unsafe fn function<F: Copy, S>(socket: &State<S>, wanted: &GUID) -> Result<F> {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    let address = below(socket, wanted)?;
    let address: *const () = ptr::with_exposed_provenance(address);
    // SAFETY: the caller promises it; null is none.
    Ok(unsafe { std::mem::transmute_copy(&address) })
}

/// Calls a function that reports through the thread.
fn reported(call: impl FnOnce() -> bool) -> Result<()> {
    if call() {
        return Ok(());
    }
    // SAFETY: the runtime's function takes nothing.
    Err(failure(unsafe { (host()?.last_error)() }))
}

/// Goes down with a structure of the SDK's if the call is overlapped. `call` gets the structure.
///
/// # Safety
/// The pointers are null or valid until the operation is over.
unsafe fn go<L: LayerEntry>(
    entered: &Call<L>,
    ends: &Ends,
    call: impl FnOnce(*mut WSAOVERLAPPED) -> Result<()>,
) -> Result<()> {
    if !is_overlapped(&entered.socket, ends.overlapped) {
        return call(ptr::null_mut());
    }
    // SAFETY: the caller promises it.
    let (offset, client) = unsafe {
        let theirs = args::read(ends.overlapped)?;
        ([theirs.Offset, theirs.OffsetHigh], client(entered, ends)?)
    };
    let own = |record: &Record, _: &mut Job| call(record.overlapped(offset));
    match entered.transport().pool.start(Job::Tell(client), own)? {
        Started::Completed => Ok(()),
        Started::Pending => Err(WsaError::WSA_IO_PENDING),
    }
}

/// `AcceptEx`. The socket that becomes the connection is known already.
unsafe extern "system" fn accept_ex<L: LayerEntry>(
    listener: SOCKET,
    accept: SOCKET,
    buffer: *mut c_void,
    data: u32,
    local: u32,
    remote: u32,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    succeeds(|| {
        let call = enter::<L>(listener)?;
        let into = enter::<L>(accept)?.socket.below;
        // SAFETY: the type of this identifier.
        let f: LPFN_ACCEPTEX = unsafe { function(&call.socket, &WSAID_ACCEPTEX) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let (s, mut bytes) = (call.socket.below, 0);
        let ends = Ends::new(overlapped, None, ptr::null_mut(), received);
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { go(&call, &ends, |o| reported(|| f(s, into, buffer, data, local, remote, &mut bytes, o) != FALSE)) }
    })
}

/// `ConnectEx`.
unsafe extern "system" fn connect_ex<L: LayerEntry>(
    s: SOCKET,
    name: *const SOCKADDR,
    length: i32,
    data: *mut c_void,
    data_length: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    succeeds(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_CONNECTEX = unsafe { function(&call.socket, &WSAID_CONNECTEX) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let wanted = if data.is_null() { ptr::null_mut() } else { sent };
        let ends = Ends::new(overlapped, None, ptr::null_mut(), wanted);
        if is_overlapped(&call.socket, overlapped) && call.transport().functions.overlapped.is_some() {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Request::connect(name, length, data, data_length)) };
        }
        let (s, mut bytes) = (call.socket.below, 0);
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { go(&call, &ends, |o| reported(|| f(s, name, length, data, data_length, &mut bytes, o) != FALSE)) }
    })
}

/// `DisconnectEx`.
unsafe extern "system" fn disconnect_ex<L: LayerEntry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    flags: u32,
    reserved: u32,
) -> BOOL {
    succeeds(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_DISCONNECTEX = unsafe { function(&call.socket, &WSAID_DISCONNECTEX) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let s = call.socket.below;
        let ends = Ends::new(overlapped, None, ptr::null_mut(), ptr::null_mut());
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { go(&call, &ends, |o| reported(|| f(s, o, flags, reserved) != FALSE)) }
    })
}

/// `TransmitFile`.
unsafe extern "system" fn transmit_file<L: LayerEntry>(
    s: SOCKET,
    file: HANDLE,
    bytes: u32,
    per_send: u32,
    overlapped: *mut WSAOVERLAPPED,
    buffers: *mut TRANSMIT_FILE_BUFFERS,
    flags: u32,
) -> BOOL {
    succeeds(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_TRANSMITFILE = unsafe { function(&call.socket, &WSAID_TRANSMITFILE) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let s = call.socket.below;
        let ends = Ends::new(overlapped, None, ptr::null_mut(), ptr::null_mut());
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { go(&call, &ends, |o| reported(|| f(s, file, bytes, per_send, o, buffers, flags) != FALSE)) }
    })
}

/// `TransmitPackets`.
unsafe extern "system" fn transmit_packets<L: LayerEntry>(
    s: SOCKET,
    elements: *mut TRANSMIT_PACKETS_ELEMENT,
    count: u32,
    send_size: u32,
    overlapped: *mut WSAOVERLAPPED,
    flags: u32,
) -> BOOL {
    succeeds(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_TRANSMITPACKETS = unsafe { function(&call.socket, &WSAID_TRANSMITPACKETS) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let s = call.socket.below;
        let ends = Ends::new(overlapped, None, ptr::null_mut(), ptr::null_mut());
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { go(&call, &ends, |o| reported(|| f(s, elements, count, send_size, o, flags) != FALSE)) }
    })
}

/// `WSARecvMsg`.
unsafe extern "system" fn recv_msg<L: LayerEntry>(
    s: SOCKET,
    message: *mut WSAMSG,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    message::zero(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_WSARECVMSG = unsafe { function(&call.socket, &WSAID_WSARECVMSG) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let s = call.socket.below;
        if !is_overlapped(&call.socket, overlapped) {
            // SAFETY: the next provider's function, with the client's arguments.
            return reported(|| unsafe { f(s, message, received, ptr::null_mut(), None) } != SOCKET_ERROR);
        }
        let mut bytes = 0;
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe {
            message::with_thread(&call, overlapped, routine, received, |ends| {
                go(&call, ends, |o| reported(|| f(s, message, &mut bytes, o, None) != SOCKET_ERROR))
            })
        }
    })
}

/// `WSASendMsg`.
unsafe extern "system" fn send_msg<L: LayerEntry>(
    s: SOCKET,
    message: *mut WSAMSG,
    flags: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    message::zero(|| {
        let call = enter::<L>(s)?;
        // SAFETY: the type of this identifier.
        let f: LPFN_WSASENDMSG = unsafe { function(&call.socket, &WSAID_WSASENDMSG) }?;
        let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let s = call.socket.below;
        if !is_overlapped(&call.socket, overlapped) {
            // SAFETY: the next provider's function, with the client's arguments.
            return reported(|| unsafe { f(s, message, flags, sent, ptr::null_mut(), None) } != SOCKET_ERROR);
        }
        let mut bytes = 0;
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe {
            message::with_thread(&call, overlapped, routine, sent, |ends| {
                go(&call, ends, |o| reported(|| f(s, message, flags, &mut bytes, o, None) != SOCKET_ERROR))
            })
        }
    })
}

/// The next provider's `WSAPoll`: what is found for each. `WSAEOPNOTSUPP` if it has none.
pub(super) fn poll_below<S>(first: &State<S>, asked: &[(SOCKET, i16)], timeout: Option<Duration>) -> Result<Vec<i16>> {
    // SAFETY: the type of this identifier.
    let f: LPFN_WSAPOLL = unsafe { function(first, &WSAID_WSAPOLL) }?;
    let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
    let mut elements: Vec<_> =
        asked.iter().map(|(fd, events)| WSAPOLLFD { fd: *fd, events: *events, revents: 0 }).collect();
    let count = u32::try_from(elements.len()).map_err(|_| WsaError::WSAEINVAL)?;
    let limit = timeout.map_or(-1, |timeout| i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX));
    // SAFETY: the next provider's function, with an array of so many elements.
    reported(|| unsafe { f(elements.as_mut_ptr(), count, limit) } != SOCKET_ERROR)?;
    Ok(elements.iter().map(|element| element.revents).collect())
}

impl<L: Layer> Layered<L> {
    /// Carries an operation out below.
    pub(crate) fn start_below(
        &self,
        socket: &OpenSocket<State<L::Socket>>,
        operation: Operation,
        then: Option<Then>,
    ) -> Result<Started> {
        self.pool.start(Job::Give(operation, then), |record, job| {
            let Job::Give(operation, _) = job else { return Err(WsaError::WSASYSCALLFAILURE) };
            // SAFETY: the arguments are the operation's, which is kept until its end.
            unsafe { request_below(socket, &operation.request, record) }
        })
    }
}

/// # Safety
/// The request is kept until the operation is over.
unsafe fn request_below<S>(socket: &State<S>, request: &Request, record: &Record) -> Result<()> {
    use super::next::{NO_THREAD, zero_below};
    let (s, table) = (socket.below, &socket.chain.table);
    let (mut bytes, mut nobody, overlapped) = (0, NO_THREAD, record.overlapped([0; 2]));
    match request {
        Request::Send { buffers, flags } => {
            let raw = buffers.raw();
            // SAFETY: a function of the table; the array is copied by it (OV-10).
            zero_below(|errno| unsafe {
                let array = raw.as_ptr().cast_mut();
                (table.lpWSPSend)(s, array, raw.len() as u32, &mut bytes, *flags, overlapped, None, &mut nobody, errno)
            })
        }
        Request::SendTo { buffers, flags, to } => {
            let raw = buffers.raw();
            let (name, length) = to.as_deref().map_or((ptr::null(), 0), |to| (to.as_ptr().cast(), to.len() as i32));
            // SAFETY: as above.
            zero_below(|errno| unsafe {
                let array = raw.as_ptr().cast_mut();
                (table.lpWSPSendTo)(
                    s,
                    array,
                    raw.len() as u32,
                    &mut bytes,
                    *flags,
                    name,
                    length,
                    overlapped,
                    None,
                    &mut nobody,
                    errno,
                )
            })
        }
        Request::Recv { buffers, flags } => {
            let (raw, mut flags) = (buffers.raw(), *flags);
            // SAFETY: as above.
            zero_below(|errno| unsafe {
                let array = raw.as_ptr().cast_mut();
                (table.lpWSPRecv)(
                    s,
                    array,
                    raw.len() as u32,
                    &mut bytes,
                    &mut flags,
                    overlapped,
                    None,
                    &mut nobody,
                    errno,
                )
            })
        }
        Request::RecvFrom { buffers, flags, .. } => {
            let (raw, mut flags) = (buffers.raw(), *flags);
            let (from, length) = record.from();
            // SAFETY: as above; the address has room in the record until the end.
            zero_below(|errno| unsafe {
                let array = raw.as_ptr().cast_mut();
                (table.lpWSPRecvFrom)(
                    s,
                    array,
                    raw.len() as u32,
                    &mut bytes,
                    &mut flags,
                    from,
                    length,
                    overlapped,
                    None,
                    &mut nobody,
                    errno,
                )
            })
        }
        Request::Connect { name, data } => {
            // SAFETY: the type of this identifier.
            let f: LPFN_CONNECTEX = unsafe { function(socket, &WSAID_CONNECTEX) }?;
            let f = f.ok_or(WsaError::WSAEOPNOTSUPP)?;
            let data = data.as_ref().and_then(|data| data.raw().first().copied());
            let (data, length) = data.map_or((ptr::null_mut(), 0), |data| (data.buf, data.len));
            let at = name.as_ptr().cast();
            // SAFETY: the next provider's function; the name is copied by it.
            reported(|| unsafe { f(s, at, name.len() as i32, data.cast(), length, &mut bytes, overlapped) != FALSE })
        }
        _ => Err(WsaError::WSAEOPNOTSUPP),
    }
}
