//! Completion ports: what the runtime asks of a provider beside the interface (see [`crate::port`]).

use std::ffi::c_void;

use windlass_abi::{BOOL, FALSE, SOCKET, WSAOVERLAPPED, WsaError};

use super::{args, caught, enter, zero};
use crate::adapter::entry::Entry;
use crate::adapter::operation::Selection;
use crate::adapter::port::{Object, Port, PortTable, Readiness, SocketTable};
use crate::transport::Transport;

/// The table of a transport.
pub(super) fn table<E: Entry>() -> &'static SocketTable {
    const { &SocketTable { associate: associate::<E>, skip_success: skip_success::<E>, cancel: cancel::<E> } }
}

unsafe extern "system" fn associate<E: Entry>(
    s: SOCKET,
    table: *const PortTable,
    object: *const c_void,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        if !call.socket.is_overlapped() {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        // SAFETY: the runtime's.
        let object = unsafe { Object::hold(table, object) }?;
        let link = call.transport().port_link(&call.socket).get(&call.call.upcalls);
        link.set(object)?;
        match link.port() {
            Some(object) => call.transport().associate(&call.socket, &Port::new(object, s, ready::<E>)),
            None => Ok(()),
        }
    };
    // SAFETY: the runtime's, null or writable.
    unsafe { zero(errno, body) }
}

unsafe extern "system" fn skip_success<E: Entry>(s: SOCKET, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        call.transport().port_link(&call.socket).get(&call.call.upcalls).skip_success();
        Ok(())
    };
    // SAFETY: the runtime's, null or writable.
    unsafe { zero(errno, body) }
}

unsafe extern "system" fn cancel<E: Entry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    own: BOOL,
    count: *mut u32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        let cancelled = call.transport().cancel_operations(&call.socket, &Selection::new(overlapped, own != FALSE));
        // SAFETY: the runtime's, null or writable.
        unsafe { args::store(count, cancelled) };
        Ok(())
    };
    // SAFETY: the runtime's, null or writable.
    unsafe { zero(errno, body) }
}

/// A descriptor is ready, unless the socket has been closed meanwhile.
unsafe extern "system" fn ready<E: Entry>(s: SOCKET, events: u32) {
    let _ = caught(|| {
        let call = enter::<E>(s)?;
        call.transport().ready(&call.socket, Readiness::from_bits(events));
        Ok(())
    });
}
