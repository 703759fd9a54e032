//! Which calls are overlapped, and what becomes of those that are.

use windlass_abi::{BOOL, SOCKET, WSAOVERLAPPED, WsaError};

use super::{args, enter, yes};
use crate::adapter::entry::Entry;
use crate::socket::OpenSocket;
use crate::transport::Result;

/// The one place where a call finds out how it is to complete.
///
/// A call is synchronous without an overlapped structure, whatever the routine (OV-1, OV-3), and on a
/// socket without the overlapped attribute, whatever the structure (OV-2). Any other is
/// `WSAEOPNOTSUPP`: a transport has no way yet to take an operation that completes later. One that
/// does will take the buffers, the structure and the means of completion from here as one owned
/// operation, and answer whether it is done or pending.
#[inline]
pub(in crate::adapter) fn synchronous<S>(socket: &OpenSocket<S>, overlapped: *mut WSAOVERLAPPED) -> Result<()> {
    if overlapped.is_null() || !socket.is_overlapped() { Ok(()) } else { Err(WsaError::WSAEOPNOTSUPP) }
}

/// `WSPGetOverlappedResult`: no operation was ever started, so there is none to ask about.
pub unsafe extern "system" fn wsp_get_overlapped_result<E: Entry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    transfer: *mut u32,
    _wait: BOOL,
    flags: *mut u32,
    errno: *mut i32,
) -> BOOL {
    let body = || {
        enter::<E>(s)?;
        args::required(overlapped)?;
        args::required(transfer)?;
        args::required(flags)?;
        Err(WsaError::WSAEOPNOTSUPP)
    };
    // SAFETY: the client's, null or writable.
    unsafe { yes(errno, body) }
}
