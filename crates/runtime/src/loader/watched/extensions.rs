//! Extension functions that start overlapped operations, watched as the table's own are.
//!
//! They are told of no error slot: their errors are the thread's (API-X2). Which provider's function to call is asked anew each time.

use std::mem::transmute_copy;
use std::ops::Range;

use windlass_abi::*;

use super::{Overlapped, Waits, ranges};
use crate::function::Function;
use crate::loader::calls;
use crate::thread;

/// The function in front of the extension function with this identifier; `None` for those that start no operation.
pub(super) fn in_front_of(guid: GUID) -> Option<usize> {
    Some(match guid {
        WSAID_ACCEPTEX => accept_ex as *const () as usize,
        WSAID_CONNECTEX => connect_ex as *const () as usize,
        WSAID_DISCONNECTEX => disconnect_ex as *const () as usize,
        WSAID_TRANSMITFILE => transmit_file as *const () as usize,
        WSAID_WSARECVMSG => recv_msg as *const () as usize,
        WSAID_WSASENDMSG => send_msg as *const () as usize,
        _ => return None,
    })
}

/// What is watched of one call.
struct Extension {
    s: SOCKET,
    guid: GUID,
    function: Function,
    receives: bool,
    buffers: Vec<Range<usize>>,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
}

impl Extension {
    /// Calls the provider's function, which is of this type, and leaves its error in the thread. Returns whether it succeeded.
    ///
    /// # Safety
    /// `F` is the function type that belongs to the identifier, nullable; `body` calls it with the arguments of one call, and says whether
    /// it succeeded.
    unsafe fn watch<F: Copy>(self, body: impl FnOnce(F, LPWSAOVERLAPPED_COMPLETION_ROUTINE) -> bool) -> bool {
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        let Self { s, guid, function, receives, buffers, overlapped, routine } = self;
        let mut errno = NO_ERROR;
        let slot = &raw mut errno;
        let waits = Waits::IfBlocking;
        let call = Overlapped { s, function, waits, receives, buffers, overlapped, routine, errno: slot };
        // SAFETY: as the caller promises; the slot lives as long as the call.
        let result = unsafe {
            call.watch(|own, routine| {
                let address = match calls::extension_of(own, s, guid) {
                    Ok(address) => address,
                    Err(error) => {
                        slot.write(if error == WsaError::WSAENOTSOCK { WSAENOTSOCK } else { WSAEOPNOTSUPP });
                        return SOCKET_ERROR;
                    }
                };
                let succeeded = body(transmute_copy::<usize, F>(&address), routine);
                slot.write(if succeeded { NO_ERROR } else { thread::last_error() });
                if succeeded { NO_ERROR } else { SOCKET_ERROR }
            })
        };
        if result == SOCKET_ERROR {
            thread::set_last_error(errno);
        }
        result != SOCKET_ERROR
    }
}

/// One piece of memory, if there is any.
fn memory(at: *const std::ffi::c_void, bytes: u32) -> Vec<Range<usize>> {
    let range = at.addr()..at.addr().saturating_add(bytes as usize);
    if at.is_null() || bytes == 0 { Vec::new() } else { vec![range] }
}

unsafe extern "system" fn accept_ex(
    listener: SOCKET,
    accept: SOCKET,
    buffer: *mut std::ffi::c_void,
    data_len: u32,
    local_len: u32,
    remote_len: u32,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    let room = data_len.saturating_add(local_len).saturating_add(remote_len);
    let (guid, function, receives) = (WSAID_ACCEPTEX, Function::AcceptEx, true);
    let buffers = memory(buffer, room);
    let call = Extension { s: listener, guid, function, receives, buffers, overlapped, routine: None };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_ACCEPTEX, _| {
            own.is_some_and(|own| {
                own(listener, accept, buffer, data_len, local_len, remote_len, received, overlapped) != FALSE
            })
        })
    };
    succeeded.into()
}

unsafe extern "system" fn connect_ex(
    s: SOCKET,
    name: *const SOCKADDR,
    len: i32,
    data: *mut std::ffi::c_void,
    data_len: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    let (guid, function, receives) = (WSAID_CONNECTEX, Function::ConnectEx, false);
    let buffers = memory(data, data_len);
    let call = Extension { s, guid, function, receives, buffers, overlapped, routine: None };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_CONNECTEX, _| {
            own.is_some_and(|own| own(s, name, len, data, data_len, sent, overlapped) != FALSE)
        })
    };
    succeeded.into()
}

unsafe extern "system" fn disconnect_ex(s: SOCKET, overlapped: *mut WSAOVERLAPPED, flags: u32, reserved: u32) -> BOOL {
    let (guid, function, receives) = (WSAID_DISCONNECTEX, Function::DisconnectEx, false);
    let call = Extension { s, guid, function, receives, buffers: Vec::new(), overlapped, routine: None };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_DISCONNECTEX, _| own.is_some_and(|own| own(s, overlapped, flags, reserved) != FALSE))
    };
    succeeded.into()
}

unsafe extern "system" fn transmit_file(
    s: SOCKET,
    file: HANDLE,
    bytes: u32,
    per_send: u32,
    overlapped: *mut WSAOVERLAPPED,
    around: *mut TRANSMIT_FILE_BUFFERS,
    flags: u32,
) -> BOOL {
    let (guid, function, receives) = (WSAID_TRANSMITFILE, Function::TransmitFile, false);
    let call = Extension { s, guid, function, receives, buffers: Vec::new(), overlapped, routine: None };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_TRANSMITFILE, _| {
            own.is_some_and(|own| own(s, file, bytes, per_send, overlapped, around, flags) != FALSE)
        })
    };
    succeeded.into()
}

/// # Safety
/// `message` is null or the client's.
unsafe fn buffers_of(message: *const WSAMSG) -> Vec<Range<usize>> {
    if message.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller promises it.
    let message = unsafe { message.read_unaligned() };
    // SAFETY: the client's array.
    unsafe { ranges(message.lpBuffers, message.dwBufferCount) }
}

unsafe extern "system" fn recv_msg(
    s: SOCKET,
    message: *mut WSAMSG,
    received: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let (guid, function, receives) = (WSAID_WSARECVMSG, Function::WsaRecvMsg, true);
    // SAFETY: the client's message, as it came.
    let buffers = unsafe { buffers_of(message) };
    let call = Extension { s, guid, function, receives, buffers, overlapped, routine };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_WSARECVMSG, routine| {
            own.is_some_and(|own| own(s, message, received, overlapped, routine) != SOCKET_ERROR)
        })
    };
    if succeeded { NO_ERROR } else { SOCKET_ERROR }
}

unsafe extern "system" fn send_msg(
    s: SOCKET,
    message: *mut WSAMSG,
    flags: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    let (guid, function, receives) = (WSAID_WSASENDMSG, Function::WsaSendMsg, false);
    // SAFETY: the client's message, as it came.
    let buffers = unsafe { buffers_of(message) };
    let call = Extension { s, guid, function, receives, buffers, overlapped, routine };
    // SAFETY: the arguments are handed on as they came.
    let succeeded = unsafe {
        call.watch(|own: LPFN_WSASENDMSG, routine| {
            own.is_some_and(|own| own(s, message, flags, sent, overlapped, routine) != SOCKET_ERROR)
        })
    };
    if succeeded { NO_ERROR } else { SOCKET_ERROR }
}
