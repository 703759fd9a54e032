//! `WSPGetSockOpt`, `WSPSetSockOpt`, `WSPGetQOSByName`.

use windlass_abi::{
    BOOL, QOS, SO_PROTOCOL_INFOW, SO_UPDATE_ACCEPT_CONTEXT, SOCKET, SOL_SOCKET, WSABUF, WSAPROTOCOL_INFOW, WsaError,
};

use super::{args, enter, yes, zero};
use crate::adapter::entry::Entry;
use crate::transport::Transport;

/// `WSPGetSockOpt`. `SO_PROTOCOL_INFOW` is the entry that the socket was made for (OPT-1).
pub unsafe extern "system" fn wsp_get_sock_opt<E: Entry>(
    s: SOCKET,
    level: i32,
    name: i32,
    value: *mut u8,
    length: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        args::required(value)?;
        // SAFETY: the client's, null or readable.
        let room = unsafe { args::read(length) }?;
        // SAFETY: the client's, and as long as it says.
        let room = unsafe { args::output(value.cast(), room) }?;
        let stored = if (level, name) == (SOL_SOCKET, SO_PROTOCOL_INFOW) {
            if room.len() < size_of::<WSAPROTOCOL_INFOW>() {
                return Err(WsaError::WSAEFAULT);
            }
            // SAFETY: there is room for it.
            unsafe { args::store(value.cast(), *call.socket.info()) };
            size_of::<WSAPROTOCOL_INFOW>()
        } else {
            call.transport().get_sock_opt(&call.socket, level, name, room)?
        };
        // SAFETY: it was read before.
        unsafe { args::store(length, stored as i32) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSetSockOpt`. Setting `SO_PROTOCOL_INFOW` is `WSAENOPROTOOPT` (OPT-6).
pub unsafe extern "system" fn wsp_set_sock_opt<E: Entry>(
    s: SOCKET,
    level: i32,
    name: i32,
    value: *const u8,
    length: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let value = unsafe { args::input(value.cast(), length) }?;
        if (level, name) == (SOL_SOCKET, SO_PROTOCOL_INFOW) {
            return Err(WsaError::WSAENOPROTOOPT);
        }
        if (level, name) == (SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT)
            && let Some(listener) = value.first_chunk()
        {
            // The listener has to be a socket of this provider (API-X16).
            let listener = enter::<E>(SOCKET::from_ne_bytes(*listener))?;
            return call.transport().update_accept_context(&call.socket, &listener.socket);
        }
        call.transport().set_sock_opt(&call.socket, level, name, value)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPGetQOSByName`: no transport has a quality of service (5.15).
pub unsafe extern "system" fn wsp_get_qos_by_name<E: Entry>(
    s: SOCKET,
    name: *mut WSABUF,
    qos: *mut QOS,
    errno: *mut i32,
) -> BOOL {
    let body = || {
        enter::<E>(s)?;
        args::required(name)?;
        args::required(qos)?;
        Err(WsaError::WSAEOPNOTSUPP)
    };
    // SAFETY: the client's, null or writable.
    unsafe { yes(errno, body) }
}
