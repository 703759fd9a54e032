//! `WSPEventSelect`, `WSPEnumNetworkEvents`, `WSPAsyncSelect`.

use windlass_abi::{HWND, SOCKET, WSAEVENT, WSANETWORKEVENTS, WsaError};

use super::{args, enter, zero};
use crate::adapter::entry::Entry;
use crate::events::Event;
use crate::transport::Transport;

/// `WSPEventSelect`. A mask without an event is `WSAEINVAL` (WSP-ESEL-4); without a mask the event is
/// ignored (WSP-ESEL-2).
pub unsafe extern "system" fn wsp_event_select<E: Entry>(
    s: SOCKET,
    event: WSAEVENT,
    mask: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        let event = match mask {
            0 => None,
            _ => Some(Event::from_raw(event).ok_or(WsaError::WSAEINVAL)?),
        };
        call.transport().event_select(&call.socket, event, mask)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPEnumNetworkEvents`. Without room for the record nothing is taken out of it (WSP-ENUM-4).
pub unsafe extern "system" fn wsp_enum_network_events<E: Entry>(
    s: SOCKET,
    event: WSAEVENT,
    events: *mut WSANETWORKEVENTS,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        // SAFETY: the client's, null or readable.
        let mut record = unsafe { args::read(events) }?;
        let found = call.transport().enum_network_events(&call.socket, Event::from_raw(event))?;
        found.store(&mut record);
        // SAFETY: it was read before.
        unsafe { args::store(events, record) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPAsyncSelect`.
pub unsafe extern "system" fn wsp_async_select<E: Entry>(
    s: SOCKET,
    window: HWND,
    message: u32,
    mask: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        call.transport().async_select(&call.socket, window.expose_provenance(), message, mask)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}
