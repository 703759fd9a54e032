//! `WSPCleanup`, `WSPCancelBlockingCall`, and how sockets come and go.

use windlass_abi::{
    FROM_PROTOCOL_INFO, GROUP, SOCKET, WSA_FLAG_MULTIPOINT_C_LEAF, WSA_FLAG_MULTIPOINT_C_ROOT,
    WSA_FLAG_MULTIPOINT_D_LEAF, WSA_FLAG_MULTIPOINT_D_ROOT, WSAPROTOCOL_INFOW, WsaError, XP1_MULTIPOINT_CONTROL_PLANE,
    XP1_MULTIPOINT_DATA_PLANE, XP1_SUPPORT_MULTIPOINT,
};

use super::{args, caught, enter, socket, zero};
use crate::adapter::entry::Entry;
use crate::transport::{Result, SocketRequest, Transport};

/// `WSPCleanup`.
pub unsafe extern "system" fn wsp_cleanup<E: Entry>(errno: *mut i32) -> i32 {
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, || E::provider().clean_up()) }
}

/// `WSPCancelBlockingCall`.
pub unsafe extern "system" fn wsp_cancel_blocking_call<E: Entry>(errno: *mut i32) -> i32 {
    let body = || {
        let call = E::provider().enter()?;
        call.transport.cancel_blocking_call()
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSocket`.
pub unsafe extern "system" fn wsp_socket<E: Entry>(
    family: i32,
    socket_type: i32,
    protocol: i32,
    info: *mut WSAPROTOCOL_INFOW,
    group: GROUP,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = E::provider().enter()?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        if group != 0 {
            return Err(WsaError::WSAEINVAL);
        }
        check_multipoint(flags, info.dwServiceFlags1)?;
        let from_info = |value, from| if value == FROM_PROTOCOL_INFO { from } else { value };
        let request = SocketRequest {
            family: from_info(family, info.iAddressFamily),
            socket_type: from_info(socket_type, info.iSocketType),
            protocol: from_info(protocol, info.iProtocol),
            info: &info,
            group,
            flags,
        };
        let new = match info.dwProviderReserved {
            0 => call.transport.socket(&request),
            _ => call.transport.open_duplicate(&request),
        }?;
        call.adopt(new, flags, call.share_info(&info), &call.pin)
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPCloseSocket`.
pub unsafe extern "system" fn wsp_close_socket<E: Entry>(s: SOCKET, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        call.socket.begin_close()?;
        if let Err(error) = caught(|| call.transport().close(&call.socket)) {
            call.socket.reopen();
            return Err(error);
        }
        call.call.retire(s, &call.call.pin);
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPDuplicateSocket`.
pub unsafe extern "system" fn wsp_duplicate_socket<E: Entry>(
    s: SOCKET,
    process: u32,
    info: *mut WSAPROTOCOL_INFOW,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        args::required(info)?;
        let mut duplicate = *call.socket.info();
        call.transport().duplicate(&call.socket, process, &mut duplicate)?;
        if duplicate.dwProviderReserved == 0 {
            // Nobody could tell it from an ordinary entry (WSP-DUP-2).
            return Err(WsaError::WSASYSCALLFAILURE);
        }
        // SAFETY: not null, and the client's.
        unsafe { args::store(info, duplicate) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// A multipoint socket has one flag for the control plane and one for the data plane, and its
/// protocol has what they ask for; else `WSAEINVAL` (WSP-SOCK-4).
fn check_multipoint(flags: u32, services: u32) -> Result<()> {
    let control = flags & (WSA_FLAG_MULTIPOINT_C_ROOT | WSA_FLAG_MULTIPOINT_C_LEAF);
    let data = flags & (WSA_FLAG_MULTIPOINT_D_ROOT | WSA_FLAG_MULTIPOINT_D_LEAF);
    if control == 0 && data == 0 {
        return Ok(());
    }
    let one_each = control.count_ones() == 1 && data.count_ones() == 1;
    let needs = |flag, service| flags & flag == 0 || services & service != 0;
    let supported = services & XP1_SUPPORT_MULTIPOINT != 0
        && needs(WSA_FLAG_MULTIPOINT_C_ROOT, XP1_MULTIPOINT_CONTROL_PLANE)
        && needs(WSA_FLAG_MULTIPOINT_D_ROOT, XP1_MULTIPOINT_DATA_PLANE);
    if one_each && supported { Ok(()) } else { Err(WsaError::WSAEINVAL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsp_sock_4_wants_one_flag_for_each_plane() {
        let (c_root, c_leaf) = (WSA_FLAG_MULTIPOINT_C_ROOT, WSA_FLAG_MULTIPOINT_C_LEAF);
        let (d_root, d_leaf) = (WSA_FLAG_MULTIPOINT_D_ROOT, WSA_FLAG_MULTIPOINT_D_LEAF);
        let plain = XP1_SUPPORT_MULTIPOINT;
        let rooted = plain | XP1_MULTIPOINT_CONTROL_PLANE | XP1_MULTIPOINT_DATA_PLANE;
        let allowed =
            [(0, 0), (0, plain), (c_leaf | d_leaf, plain), (c_root | d_root, rooted), (c_root | d_leaf, rooted)];
        for (flags, services) in allowed {
            assert_eq!(check_multipoint(flags, services), Ok(()), "{flags:#x} {services:#x}");
        }
        let refused = [
            (c_leaf | d_leaf, 0),
            (c_leaf, plain),
            (d_leaf, plain),
            (c_leaf | c_root | d_leaf, rooted),
            (c_leaf | d_leaf | d_root, rooted),
            (c_root | d_leaf, plain),
            (c_leaf | d_root, plain | XP1_MULTIPOINT_CONTROL_PLANE),
        ];
        for (flags, services) in refused {
            assert_eq!(check_multipoint(flags, services), Err(WsaError::WSAEINVAL), "{flags:#x} {services:#x}");
        }
    }
}
