//! The extension functions (contract: api, section 7): which of them a transport has, and those that make and end
//! connections.
//!
//! They report through the thread error (API-X2).

use std::ffi::c_void;
use std::ptr;

use windlass_abi::{
    BOOL, FALSE, GUID, SOCKADDR, SOCKET, TF_REUSE_SOCKET, TRUE, WSAID_ACCEPTEX, WSAID_CONNECTEX, WSAID_DISCONNECTEX,
    WSAID_GETACCEPTEXSOCKADDRS, WSAID_TRANSMITFILE, WSAID_TRANSMITPACKETS, WSAID_WSAPOLL, WSAID_WSARECVMSG,
    WSAID_WSASENDMSG, WSAOVERLAPPED, WsaError,
};

use super::message::{recv_msg, send_msg};
use super::overlapped::{is_overlapped, start};
use super::poll::wsa_poll;
use super::ports;
#[cfg(unix)]
use super::transmit::{transmit_file, transmit_packets};
use super::{args, caught, enter};
use crate::adapter::entry::Entry;
use crate::adapter::link::SocketLink;
use crate::adapter::operation::{Ends, Request, address_in};
use crate::adapter::port;
use crate::adapter::thread_error;
use crate::transport::{Extension, Result, Transport};

/// The address of an extension function, if the transport has it.
pub(super) fn function<E: Entry>(guid: &GUID) -> Option<*const c_void> {
    let has = |extension| E::Transport::EXTENSIONS.contains(&extension);
    let address: Option<*const c_void> = match *guid {
        WSAID_WSAPOLL if E::Transport::HAS_POLL => Some(wsa_poll::<E> as *const c_void),
        WSAID_ACCEPTEX if has(Extension::AcceptEx) => Some(accept_ex::<E> as *const c_void),
        WSAID_GETACCEPTEXSOCKADDRS if has(Extension::AcceptEx) => Some(get_accept_ex_sockaddrs as *const c_void),
        WSAID_CONNECTEX if has(Extension::ConnectEx) => Some(connect_ex::<E> as *const c_void),
        WSAID_DISCONNECTEX if has(Extension::DisconnectEx) => Some(disconnect_ex::<E> as *const c_void),
        WSAID_WSARECVMSG if has(Extension::RecvMsg) => Some(recv_msg::<E> as *const c_void),
        WSAID_WSASENDMSG if has(Extension::SendMsg) => Some(send_msg::<E> as *const c_void),
        #[cfg(unix)]
        WSAID_TRANSMITFILE if has(Extension::TransmitFile) => Some(transmit_file::<E> as *const c_void),
        #[cfg(unix)]
        WSAID_TRANSMITPACKETS if has(Extension::TransmitPackets) => Some(transmit_packets::<E> as *const c_void),
        port::ID => Some(ptr::from_ref(ports::table::<E>()).cast()),
        _ => None,
    };
    address
}

/// For functions that return a BOOL.
pub(in crate::adapter) fn succeeds(body: impl FnOnce() -> Result<()>) -> BOOL {
    match caught(body) {
        Ok(()) => TRUE,
        Err(error) => {
            thread_error::set(error);
            FALSE
        }
    }
}

/// `AcceptEx` is overlapped or nothing (API-X10); on Windows, too, a null pointer here is not a fault.
fn must_be_overlapped(overlapped: *mut WSAOVERLAPPED) -> Result<()> {
    if overlapped.is_null() { Err(WsaError::WSA_INVALID_PARAMETER) } else { Ok(()) }
}

/// `AcceptEx`.
unsafe extern "system" fn accept_ex<E: Entry>(
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
        let call = enter::<E>(listener)?;
        drop(enter::<E>(accept)?);
        must_be_overlapped(overlapped)?;
        let longest = call.socket.info().iMaxSockAddr.max(0) as usize;
        let ends = Ends::new(overlapped, None, ptr::null_mut(), received);
        let into = SocketLink::new::<E>(accept);
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { start(&call, &ends, || Request::accept(buffer, [data, local, remote], longest, into)) }
    })
}

/// `GetAcceptExSockaddrs`: where the addresses are in the buffer of `AcceptEx`; null if there is none.
///
/// # Safety
/// `buffer` is null or as long as the sizes say; the others are null or writable.
pub unsafe extern "system" fn get_accept_ex_sockaddrs(
    buffer: *mut c_void,
    data: u32,
    local: u32,
    remote: u32,
    local_address: *mut *mut SOCKADDR,
    local_length: *mut i32,
    remote_address: *mut *mut SOCKADDR,
    remote_length: *mut i32,
) {
    let block = |skipped: usize| match buffer.is_null() {
        true => ptr::null_mut(),
        false => buffer.cast::<u8>().wrapping_add(data as usize + skipped),
    };
    let outputs = [
        (block(0), local, local_address, local_length),
        (block(local as usize), remote, remote_address, remote_length),
    ];
    for (block, length, address_out, length_out) in outputs {
        // SAFETY: the client's, null or as long as it says.
        let (address, length) = unsafe { address_in(block, length as usize) };
        // SAFETY: the client's, null or writable.
        unsafe {
            args::store(address_out, address);
            args::store(length_out, length);
        }
    }
}

/// `ConnectEx`.
unsafe extern "system" fn connect_ex<E: Entry>(
    s: SOCKET,
    name: *const SOCKADDR,
    name_length: i32,
    data: *mut c_void,
    data_length: u32,
    sent: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    succeeds(|| {
        let call = enter::<E>(s)?;
        must_be_overlapped(overlapped)?;
        // Ignored where there is nothing to send (API-X21).
        let sent = if data.is_null() { ptr::null_mut() } else { sent };
        let ends = Ends::new(overlapped, None, ptr::null_mut(), sent);
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { start(&call, &ends, || Request::connect(name, name_length, data, data_length)) }
    })
}

/// `DisconnectEx`: blocks without an overlapped structure (API-X31).
unsafe extern "system" fn disconnect_ex<E: Entry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    flags: u32,
    reserved: u32,
) -> BOOL {
    succeeds(|| {
        let call = enter::<E>(s)?;
        if reserved != 0 || flags & !TF_REUSE_SOCKET != 0 {
            return Err(WsaError::WSAEINVAL);
        }
        let reuse = flags & TF_REUSE_SOCKET != 0;
        if !is_overlapped(&call.socket, overlapped) {
            return call.transport().disconnect(&call.socket, reuse);
        }
        let ends = Ends::new(overlapped, None, ptr::null_mut(), ptr::null_mut());
        let link = SocketLink::new::<E>(s);
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { start(&call, &ends, || Ok(Request::Disconnect { reuse, link })) }
    })
}
