//! Making sockets and closing them.

use windlass_abi::{SOCKET, WSAPROTOCOL_INFOW, WsaError};

use crate::base;
use crate::dispatch::{Entered, enter, enter_entry};
use crate::function::Function;
use crate::handles::{self, Kind, State};
use crate::loader::{calls, descriptor};
use crate::notifications;
use crate::ports;
use crate::process;
use crate::report::{self, Counter};
use crate::selection::{self, SocketRequest};

/// `socket` and `WSASocket`: chooses the provider, starts it if need be, and lets it make the socket.
///
/// # Errors
/// `WSANOTINITIALISED`. `WSAEINVAL`: `info` names no usable entry (SEL-2), a value says "as in `info`" and there is none, or nothing
/// is asked for (SEL-7). `WSAEAFNOSUPPORT`, `WSAESOCKTNOSUPPORT`, `WSAEPROTONOSUPPORT`: nothing matches (SEL-8).
/// `WSAEPROVIDERFAILEDINIT`, `WSAEINVALIDPROVIDER`, `WSAEINVALIDPROCTABLE`: the provider does not start; no other is tried (SEL-10).
/// The provider's own (SEL-11); `WSASYSCALLFAILURE` if it returns a handle that it has not registered.
pub fn socket(request: &SocketRequest<'_>, function: Function) -> Result<SOCKET, WsaError> {
    let session = process::session(function)?;
    let entry = session.choose(request)?;
    let info = selection::info_for_socket(&entry, request);
    let entered = enter_entry(&session, &entry, function)?;
    let (s, errno) = calls::socket(&entered, request, info);
    entered.new_socket(s, errno)
}

/// `closesocket`: takes the handle out first, so that nobody else finds it, and calls the provider second.
///
/// The handle comes back if the provider keeps the socket, as with `WSAEWOULDBLOCK` (API-B9). While the provider closes it,
/// other calls get `WSAENOTSOCK`.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAENOTSOCK`; the provider's own.
pub fn close_socket(s: SOCKET) -> Result<(), WsaError> {
    loop {
        let entered = enter(s, Function::CloseSocket)?;
        let Some(closing) = entered.binding().and_then(|open| handles::begin_close(s, open)) else {
            // Somebody else closes it too, and was faster: the next look finds that out.
            continue;
        };
        let opened_by = report::socket_closing(s);
        notifications::forget(s);
        let closed = calls::close_socket(&entered, s);
        match closed {
            Err(error) if is_kept(s, error) && handles::undo_close(s, closing) => report::socket_kept(s, opened_by),
            _ => {
                let ours = closing.state() == State::Closing(Kind::Created);
                if ours {
                    base::closed(s);
                }
                if handles::finish_close(s, closing) && ours {
                    // The provider forgot to give it up.
                    ports::forget(s);
                    descriptor::release(s);
                }
                report::count(Counter::SocketsClosed);
            }
        }
        return closed;
    }
}

/// Whether a socket that could not be closed is still there: after `WSAENOTSOCK` it is not, and neither is one whose descriptor is gone.
fn is_kept(s: SOCKET, error: WsaError) -> bool {
    error != WsaError::WSAENOTSOCK && descriptor::is_open(s)
}

/// Enters the provider that converts between addresses of a family and text: that of `info` if the program gives one, else
/// that of the first entry of the family; starts it if need be. [`Entered::info`] is the structure to hand over (WSP-A2S-4).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: no entry fits (API-S16); those of starting the provider.
pub fn enter_for_address(
    family: i32,
    info: Option<&WSAPROTOCOL_INFOW>,
    function: Function,
) -> Result<Entered, WsaError> {
    let session = process::session(function)?;
    let entry = session.choose_for_address(family, info)?;
    enter_entry(&session, &entry, function)
}

/// `iNetworkByteOrder` of a socket's protocol, for `WSAHtonl` and its kin (API-S15): `BIGENDIAN` or `LITTLEENDIAN`.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAENOTSOCK`.
pub fn byte_order(s: SOCKET, function: Function) -> Result<i32, WsaError> {
    let entered = enter(s, function)?;
    entered.info().map(|info| info.iNetworkByteOrder).ok_or(WsaError::WSAENOTSOCK)
}

/// Whether a socket has this handle now. Nothing is reported.
pub fn is_socket(s: SOCKET) -> bool {
    matches!(handles::look_up(s).state(), State::Open(_))
}
