//! `WSPAccept`, `WSPBind`, `WSPConnect`, `WSPJoinLeaf`, `WSPListen`, `WSPShutdown`, and the
//! disconnects.

use windlass_abi::{LPCONDITIONPROC, QOS, SD_BOTH, SD_RECEIVE, SD_SEND, SOCKADDR, SOCKET, WSABUF, WsaError};

use super::{args, caught, enter, socket, zero};
use crate::adapter::condition::Condition;
use crate::adapter::entry::Entry;
use crate::transport::{Accept, Connect, Leaf, Result, Shutdown, Transport};

/// `WSPAccept`.
pub unsafe extern "system" fn wsp_accept<E: Entry>(
    s: SOCKET,
    addr: *mut SOCKADDR,
    addrlen: *mut i32,
    condition: LPCONDITIONPROC,
    callback_data: usize,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let capacity = unsafe { args::room(addr, addrlen) }?;
        let is_open = || !call.socket.is_closed() && !call.call.is_closed();
        // SAFETY: the client's function, which it gave for this call.
        let mut condition = unsafe { Condition::from_raw(condition, callback_data, &is_open) };
        let request = Accept { capacity, condition: condition.as_mut() };
        let accepted = caught(|| call.transport().accept(&call.socket, request));
        let peer = match &accepted {
            Ok(accepted) => Some(accepted.address),
            // The client wants to know who it was, whatever it has decided (WSP-ACCEPT-5).
            Err(_) => condition.and_then(|condition| condition.asked),
        };
        let stored = match (capacity, &peer) {
            // SAFETY: both are there, or there would be no capacity.
            (Some(_), Some(peer)) => unsafe { args::store_name(peer, addr, addrlen) },
            _ => Ok(()),
        };
        let accepted = accepted?;
        stored?;
        let info = call.socket.shared_info().clone();
        call.call.adopt(accepted.socket, call.socket.flags(), info, &call.call.pin)
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPBind`.
pub unsafe extern "system" fn wsp_bind<E: Entry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let name = unsafe { args::name(name, namelen) }?;
        call.transport().bind(&call.socket, name)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPListen`.
pub unsafe extern "system" fn wsp_listen<E: Entry>(s: SOCKET, backlog: i32, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        call.transport().listen(&call.socket, backlog)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPConnect`.
pub unsafe extern "system" fn wsp_connect<E: Entry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    _gqos: *mut QOS,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let request = unsafe { connect(name, namelen, caller_data, sqos) }?;
        // SAFETY: the client's, null or writable.
        unsafe { no_callee_data(callee_data) };
        call.transport().connect(&call.socket, &request)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPJoinLeaf`.
pub unsafe extern "system" fn wsp_join_leaf<E: Entry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    _gqos: *mut QOS,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let request = unsafe { connect(name, namelen, caller_data, sqos) }?;
        // SAFETY: the client's, null or writable.
        unsafe { no_callee_data(callee_data) };
        match call.transport().join_leaf(&call.socket, &request, flags)? {
            Leaf::Same => Ok(s),
            Leaf::New(leaf) => {
                let info = call.socket.shared_info().clone();
                call.call.adopt(leaf, call.socket.flags(), info, &call.call.pin)
            }
        }
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPShutdown`.
pub unsafe extern "system" fn wsp_shutdown<E: Entry>(s: SOCKET, how: i32, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        let how = match how {
            SD_RECEIVE => Shutdown::Receive,
            SD_SEND => Shutdown::Send,
            SD_BOTH => Shutdown::Both,
            _ => return Err(WsaError::WSAEINVAL),
        };
        call.transport().shutdown(&call.socket, how)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSendDisconnect`.
pub unsafe extern "system" fn wsp_send_disconnect<E: Entry>(s: SOCKET, data: *mut WSABUF, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        call.transport().send_disconnect(&call.socket, unsafe { args::data(data) })
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPRecvDisconnect`.
pub unsafe extern "system" fn wsp_recv_disconnect<E: Entry>(s: SOCKET, data: *mut WSABUF, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or writable.
        let room = unsafe { args::data_mut(data) };
        let wanted = room.is_some();
        let stored = call.transport().recv_disconnect(&call.socket, room)?;
        if wanted {
            // SAFETY: it was read before.
            unsafe { args::store(&raw mut (*data).len, stored as u32) };
        }
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// # Safety
/// What is not null can be read for `'a`.
unsafe fn connect<'a>(
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    sqos: *mut QOS,
) -> Result<Connect<'a>> {
    // SAFETY: the caller promises it.
    let name = unsafe { args::name(name, namelen) }?;
    // SAFETY: the caller promises it.
    let caller_data = unsafe { args::data(caller_data) };
    Ok(Connect { name, caller_data, wants_qos: !sqos.is_null() })
}

/// There is no data from the peer (WSP-CONN-7).
///
/// # Safety
/// If it is not null, `data` can be written.
unsafe fn no_callee_data(data: *mut WSABUF) {
    if !data.is_null() {
        // SAFETY: not null, and the caller promises the rest.
        unsafe { args::store(&raw mut (*data).len, 0) };
    }
}
