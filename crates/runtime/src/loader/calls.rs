//! Calls into providers that the runtime makes for itself.

use std::ptr::null_mut;

use windlass_abi::{
    GUID, ProcTable, SIO_GET_EXTENSION_FUNCTION_POINTER, SOCKET, SOCKET_ERROR, WSAPROTOCOL_INFOW, WsaError,
};

use crate::dispatch::{Entered, error_of};
use crate::selection::SocketRequest;

/// `WSPSocket`: the new handle, and what the provider left in the error slot.
pub(crate) fn socket(entered: &Entered, request: &SocketRequest<'_>, mut info: WSAPROTOCOL_INFOW) -> (SOCKET, i32) {
    let SocketRequest { family, socket_type, protocol, group, flags, .. } = *request;
    let mut errno = 0;
    // SAFETY: a function of the table of a provider that is entered; the pointers are to live locals.
    let s = unsafe { (entered.lpWSPSocket)(family, socket_type, protocol, &mut info, group, flags, &mut errno) };
    (s, errno)
}

/// `WSPCloseSocket`.
pub(crate) fn close_socket(entered: &Entered, s: SOCKET) -> Result<(), WsaError> {
    let mut errno = 0;
    // SAFETY: a function of the table of a provider that is entered; the pointer is to a live local.
    let rc = unsafe { (entered.lpWSPCloseSocket)(s, &mut errno) };
    if rc == SOCKET_ERROR { Err(error_of(errno)) } else { Ok(()) }
}

/// The address of a provider's extension function for its sockets, of which `s` is one; 0 if it has none (IO-5).
pub(crate) fn extension(entered: &Entered, s: SOCKET, guid: GUID) -> usize {
    extension_of(entered, s, guid).unwrap_or(0)
}

/// The same of a provider that is entered, by its table; why not, if it has none.
pub(super) fn extension_of(table: &ProcTable, s: SOCKET, mut guid: GUID) -> Result<usize, WsaError> {
    let mut address = 0usize;
    let mut stored = 0;
    let mut errno = 0;
    // SAFETY: a function of the table of a provider that is entered. The input is a GUID of 16 bytes, the output has room
    // for one pointer, and no overlapped completion is asked for, so all locals outlive their use.
    let rc = unsafe {
        (table.lpWSPIoctl)(
            s,
            SIO_GET_EXTENSION_FUNCTION_POINTER,
            (&raw mut guid).cast(),
            size_of_val(&guid) as u32,
            (&raw mut address).cast(),
            size_of_val(&address) as u32,
            &mut stored,
            null_mut(),
            None,
            null_mut(),
            &mut errno,
        )
    };
    match rc {
        SOCKET_ERROR => Err(error_of(errno)),
        _ if address == 0 => Err(WsaError::WSAEOPNOTSUPP),
        _ => Ok(address),
    }
}
