//! `WSPGetSockName` and `WSPGetPeerName`.

use windlass_abi::{SOCKADDR, SOCKET};

use super::{args, enter, zero};
use crate::adapter::entry::Entry;
use crate::address::Address;
use crate::socket::OpenSocket;
use crate::transport::{Result, Transport};

/// `WSPGetSockName`.
pub unsafe extern "system" fn wsp_get_sock_name<E: Entry>(
    s: SOCKET,
    name: *mut SOCKADDR,
    namelen: *mut i32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's, null or writable.
    unsafe { get::<E>(s, name, namelen, errno, E::Transport::get_sock_name) }
}

/// `WSPGetPeerName`.
pub unsafe extern "system" fn wsp_get_peer_name<E: Entry>(
    s: SOCKET,
    name: *mut SOCKADDR,
    namelen: *mut i32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's, null or writable.
    unsafe { get::<E>(s, name, namelen, errno, E::Transport::get_peer_name) }
}

type Get<T> = fn(&T, &OpenSocket<<T as Transport>::Socket>) -> Result<Address>;

/// # Safety
/// What is not null can be written, `name` as far as `namelen` says.
unsafe fn get<E: Entry>(
    s: SOCKET,
    name: *mut SOCKADDR,
    namelen: *mut i32,
    errno: *mut i32,
    get: Get<E::Transport>,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        args::required(name)?;
        args::required(namelen)?;
        let address = get(call.transport(), &call.socket)?;
        // SAFETY: the caller promises it.
        unsafe { args::store_name(&address, name, namelen) }
    };
    // SAFETY: the caller promises it.
    unsafe { zero(errno, body) }
}
