//! The other functions of a layer's table: each finds the socket and goes to the next provider, by way of the layer's own
//! function if there is one.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use windlass_abi::{
    BOOL, FALSE, FD_SET, GROUP, HWND, LPCONDITIONPROC, LPWSAOVERLAPPED_COMPLETION_ROUTINE, ProcTable, QOS,
    SIO_GET_EXTENSION_FUNCTION_POINTER, SO_PROTOCOL_INFOW, SO_UPDATE_ACCEPT_CONTEXT, SOCKADDR, SOCKET, SOL_SOCKET,
    TIMEVAL, WSABUF, WSAEVENT, WSANETWORKEVENTS, WSAOVERLAPPED, WSAPROTOCOL_INFOW, WSATHREADID, WsaError,
};

use super::entry::LayerEntry;
use super::extensions;
use super::next::{NO_THREAD, Next, failure, socket_below, zero_below};
use super::pending::{Job, Record};
use super::stack::State;
use crate::adapter::args;
use crate::adapter::calls::overlapped::{client, is_overlapped};
use crate::adapter::calls::{socket, yes, zero};
use crate::adapter::operation::{Ends, Started};
use crate::adapter::provider::SocketCall;
use crate::address::Address;
use crate::events::{Event, NetworkEvents};
use crate::layer::{Down, Layered, NewSocket as Made, Origin, Socket, Visit};
use crate::transport::{NewSocket, Result};

/// A call on an open socket of a layer.
pub(super) type Call<L> = SocketCall<Layered<L>>;

/// Enters the layer for a call on a socket.
#[inline]
pub(super) fn enter<L: LayerEntry>(s: SOCKET) -> Result<Call<L>> {
    L::provider().enter_socket(s)
}

/// The socket as the layer sees it.
pub(super) fn visible<L: LayerEntry>(call: &Call<L>) -> Socket<'_, L> {
    Socket { open: &call.socket, layered: call.transport(), find: find::<L> }
}

pub(super) fn find<L: LayerEntry>(handle: SOCKET, body: &mut Visit<'_, L>) {
    if let Ok(call) = enter::<L>(handle) {
        body(call.transport(), &call.socket);
    }
}

/// Goes by way of the layer's own function. The result, and whether the call went down.
///
/// Of an overlapped call that has been started below, the result is that of the start, whatever the layer makes of it.
pub(super) fn through<L: LayerEntry, R: Copy>(
    call: &Call<L>,
    overlapped: bool,
    hook: impl FnOnce(&L, &Socket<'_, L>, Down<'_, R>) -> Result<R>,
    down: &mut dyn FnMut() -> Result<R>,
) -> Result<(R, bool)> {
    let below = Cell::new(None);
    let mut forward = || {
        let result = down();
        below.set(Some(result));
        result
    };
    let result = hook(call.transport().layer(), &visible(call), Down { forward: &mut forward });
    let below = below.get();
    let result = match below {
        Some(started @ (Ok(_) | Err(WsaError::WSA_IO_PENDING))) if overlapped => started,
        _ => result,
    };
    result.map(|result| (result, below.is_some()))
}

/// The same for calls that are not overlapped.
fn by_way<L: LayerEntry, R: Copy>(
    call: &Call<L>,
    hook: Option<impl FnOnce(&L, &Socket<'_, L>, Down<'_, R>) -> Result<R>>,
    mut down: impl FnMut() -> Result<R>,
) -> Result<R> {
    match hook {
        Some(hook) => through(call, false, hook, &mut down).map(|(result, _)| result),
        None => down(),
    }
}

/// Takes in a socket that the next provider has made.
fn adopt<L: LayerEntry>(
    call: &crate::adapter::provider::Call<Layered<L>>,
    chain: &std::sync::Arc<super::chain::Chain>,
    below: SOCKET,
    flags: u32,
    origin: Origin,
) -> Result<SOCKET> {
    let next = Next { chain, socket: below };
    let own = call.transport.layer().socket(&Made { info: &chain.info, origin, next });
    let own = own.inspect_err(|_| {
        let _ = next.close();
    })?;
    let state = State::new(below, chain.clone(), own, origin == Origin::Duplicate);
    let closed = state.closed.clone();
    let new = match chain.is_ifs {
        true => NewSocket::Ifs { handle: below, state },
        false => NewSocket::NonIfs { state },
    };
    call.adopt(new, flags, call.share_info(&chain.info), &call.pin).inspect_err(|_| {
        // Whoever took it in and had to let it go has closed it.
        if !closed.swap(true, Ordering::AcqRel) {
            let _ = next.close();
        }
    })
}

/// `WSPSocket`.
pub unsafe extern "system" fn wsp_socket<L: LayerEntry>(
    family: i32,
    socket_type: i32,
    protocol: i32,
    info: *mut WSAPROTOCOL_INFOW,
    group: GROUP,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = L::provider().enter()?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        let chain = call.transport.chain(&info)?;
        let mut given = chain.info_below(&info);
        // SAFETY: a function of the table; the pointer is to a live value.
        let below = socket_below(|errno| unsafe {
            (chain.table.lpWSPSocket)(family, socket_type, protocol, &mut given, group, flags, errno)
        })?;
        let origin = if info.dwProviderReserved == 0 { Origin::Socket } else { Origin::Duplicate };
        adopt(&call, &chain, below, flags, origin)
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPAccept`. The condition function is the client's, and sees no handle.
pub unsafe extern "system" fn wsp_accept<L: LayerEntry>(
    s: SOCKET,
    addr: *mut SOCKADDR,
    addrlen: *mut i32,
    condition: LPCONDITIONPROC,
    data: usize,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = enter::<L>(s)?;
        let down = || {
            let chain = &call.socket.chain;
            // SAFETY: a function of the table, with the client's arguments.
            let below = socket_below(|errno| unsafe {
                (chain.table.lpWSPAccept)(call.socket.below, addr, addrlen, condition, data, errno)
            })?;
            adopt(&call.call, chain, below, call.socket.flags(), Origin::Accept(s))
        };
        by_way(&call, call.transport().functions.accept, down)
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPJoinLeaf`.
pub unsafe extern "system" fn wsp_join_leaf<L: LayerEntry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    let body = || {
        let call = enter::<L>(s)?;
        let chain = &call.socket.chain;
        // SAFETY: a function of the table, with the client's arguments.
        let below = socket_below(|errno| unsafe {
            (chain.table.lpWSPJoinLeaf)(
                call.socket.below,
                name,
                namelen,
                caller_data,
                callee_data,
                sqos,
                gqos,
                flags,
                errno,
            )
        })?;
        if below == call.socket.below {
            return Ok(s);
        }
        adopt(&call.call, chain, below, call.socket.flags(), Origin::Leaf(s))
    };
    // SAFETY: the client's, null or writable.
    unsafe { socket(errno, body) }
}

/// `WSPCloseSocket`.
pub unsafe extern "system" fn wsp_close_socket<L: LayerEntry>(s: SOCKET, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        call.socket.begin_close()?;
        let down = || {
            // The number may be another socket's at once, so an IFS handle is nobody's before it is closed below.
            let taken = if call.socket.is_ifs() { call.call.take_out(s) } else { None };
            let closed = call.socket.next().close();
            match closed {
                Ok(()) => {
                    call.socket.closed.store(true, Ordering::Release);
                    match taken {
                        Some(entry) => call.call.let_go(entry, &call.call.pin),
                        None => call.call.retire(s, &call.call.pin),
                    }
                }
                Err(_) => {
                    if let Some(entry) = taken {
                        call.call.put_back(entry);
                    }
                }
            }
            closed
        };
        let closed = by_way(&call, call.transport().functions.close, down);
        if !call.socket.closed.load(Ordering::Acquire) {
            call.socket.reopen();
        }
        closed
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPDuplicateSocket`: the structure names the chain (WSP-DUP-8).
pub unsafe extern "system" fn wsp_duplicate_socket<L: LayerEntry>(
    s: SOCKET,
    process: u32,
    info: *mut WSAPROTOCOL_INFOW,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        args::required(info)?;
        let down = || {
            let chain = &call.socket.chain;
            let mut filled = chain.below;
            // SAFETY: a function of the table; the pointer is to a live value.
            zero_below(|errno| unsafe {
                (chain.table.lpWSPDuplicateSocket)(call.socket.below, process, &mut filled, errno)
            })?;
            call.socket.shared.store(true, Ordering::Relaxed);
            // SAFETY: not null, and the client's.
            unsafe { args::store(info, chain.info_above(&filled)) };
            Ok(())
        };
        let hook = call.transport().functions.duplicate;
        by_way(
            &call,
            hook.map(|hook| move |l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, process, down)),
            down,
        )
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPBind`.
pub unsafe extern "system" fn wsp_bind<L: LayerEntry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPBind;
        // SAFETY: a function of the table, with the client's arguments.
        let down = || zero_below(|errno| unsafe { function(call.socket.below, name, namelen, errno) });
        let Some(hook) = call.transport().functions.bind else { return down() };
        // SAFETY: the client's, null or readable.
        let name = unsafe { args::name(name, namelen) }?;
        by_way(&call, Some(|l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, name, down)), down)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPConnect`.
pub unsafe extern "system" fn wsp_connect<L: LayerEntry>(
    s: SOCKET,
    name: *const SOCKADDR,
    namelen: i32,
    caller_data: *mut WSABUF,
    callee_data: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPConnect;
        let below = call.socket.below;
        let down = || {
            // SAFETY: a function of the table, with the client's arguments.
            zero_below(|errno| unsafe { function(below, name, namelen, caller_data, callee_data, sqos, gqos, errno) })
        };
        let Some(hook) = call.transport().functions.connect else { return down() };
        // SAFETY: the client's, null or readable.
        let name = unsafe { args::name(name, namelen) }?;
        by_way(&call, Some(|l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, name, down)), down)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPListen`.
pub unsafe extern "system" fn wsp_listen<L: LayerEntry>(s: SOCKET, backlog: i32, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPListen;
        // SAFETY: a function of the table.
        let down = || zero_below(|errno| unsafe { function(call.socket.below, backlog, errno) });
        let hook = call.transport().functions.listen;
        by_way(
            &call,
            hook.map(|hook| move |l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, backlog, down)),
            down,
        )
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPShutdown`.
pub unsafe extern "system" fn wsp_shutdown<L: LayerEntry>(s: SOCKET, how: i32, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPShutdown;
        // SAFETY: a function of the table.
        let down = || zero_below(|errno| unsafe { function(call.socket.below, how, errno) });
        let hook = call.transport().functions.shutdown;
        by_way(&call, hook.map(|hook| move |l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, how, down)), down)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSendDisconnect`.
pub unsafe extern "system" fn wsp_send_disconnect<L: LayerEntry>(s: SOCKET, data: *mut WSABUF, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        // SAFETY: a function of the table, with the client's arguments.
        zero_below(|errno| unsafe { (call.socket.chain.table.lpWSPSendDisconnect)(call.socket.below, data, errno) })
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPRecvDisconnect`.
pub unsafe extern "system" fn wsp_recv_disconnect<L: LayerEntry>(s: SOCKET, data: *mut WSABUF, errno: *mut i32) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        // SAFETY: a function of the table, with the client's arguments.
        zero_below(|errno| unsafe { (call.socket.chain.table.lpWSPRecvDisconnect)(call.socket.below, data, errno) })
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPEventSelect`: the event is the client's, and the next provider sets it.
pub unsafe extern "system" fn wsp_event_select<L: LayerEntry>(
    s: SOCKET,
    event: WSAEVENT,
    mask: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPEventSelect;
        // SAFETY: a function of the table, with the client's arguments.
        let down = || zero_below(|errno| unsafe { function(call.socket.below, event, mask, errno) });
        let hook = call.transport().functions.event_select;
        let named = Event::from_raw(event);
        by_way(
            &call,
            hook.map(|hook| move |l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, named, mask, down)),
            down,
        )
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPEnumNetworkEvents`.
pub unsafe extern "system" fn wsp_enum_network_events<L: LayerEntry>(
    s: SOCKET,
    event: WSAEVENT,
    events: *mut WSANETWORKEVENTS,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let function = call.socket.chain.table.lpWSPEnumNetworkEvents;
        let Some(hook) = call.transport().functions.enum_network_events else {
            // SAFETY: a function of the table, with the client's arguments.
            return zero_below(|errno| unsafe { function(call.socket.below, event, events, errno) });
        };
        // SAFETY: the client's, null or readable.
        let mut found = unsafe { args::read(events) }?;
        let down = || {
            // SAFETY: a function of the table; the pointer is to a live value.
            zero_below(|errno| unsafe { function(call.socket.below, event, &mut found, errno) })?;
            Ok(NetworkEvents::from_raw(&found))
        };
        let named = Event::from_raw(event);
        let hook = |l: &L, s: &Socket<'_, L>, down: Down<'_, NetworkEvents>| hook(l, s, named, down);
        let told = by_way(&call, Some(hook), down)?;
        // SAFETY: it was read before.
        let mut out = unsafe { args::read(events) }?;
        told.store(&mut out);
        // SAFETY: as above.
        unsafe { args::store(events, out) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPAsyncSelect` of a non-IFS layer: the messages of the next provider would name its own handle.
pub unsafe extern "system" fn wsp_async_select<L: LayerEntry>(
    s: SOCKET,
    _window: HWND,
    _message: u32,
    _mask: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        enter::<L>(s)?;
        Err(WsaError::WSAEOPNOTSUPP)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPGetSockName`.
pub unsafe extern "system" fn wsp_get_sock_name<L: LayerEntry>(
    s: SOCKET,
    name: *mut SOCKADDR,
    namelen: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let Some(hook) = call.transport().functions.get_sock_name else {
            let function = call.socket.chain.table.lpWSPGetSockName;
            // SAFETY: a function of the table, with the client's arguments.
            return zero_below(|errno| unsafe { function(call.socket.below, name, namelen, errno) });
        };
        let told: Address = by_way(&call, Some(hook), || call.socket.next().get_sock_name())?;
        // SAFETY: the client's, null or as long as it says.
        unsafe { args::store_name(&told, name, namelen) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPGetPeerName`.
pub unsafe extern "system" fn wsp_get_peer_name<L: LayerEntry>(
    s: SOCKET,
    name: *mut SOCKADDR,
    namelen: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let Some(hook) = call.transport().functions.get_peer_name else {
            let function = call.socket.chain.table.lpWSPGetPeerName;
            // SAFETY: a function of the table, with the client's arguments.
            return zero_below(|errno| unsafe { function(call.socket.below, name, namelen, errno) });
        };
        let told: Address = by_way(&call, Some(hook), || call.socket.next().get_peer_name())?;
        // SAFETY: the client's, null or as long as it says.
        unsafe { args::store_name(&told, name, namelen) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPGetSockOpt`. `SO_PROTOCOL_INFOW` is the chain (OPT-1).
pub unsafe extern "system" fn wsp_get_sock_opt<L: LayerEntry>(
    s: SOCKET,
    level: i32,
    name: i32,
    value: *mut u8,
    length: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        if (level, name) == (SOL_SOCKET, SO_PROTOCOL_INFOW) {
            args::required(value)?;
            // SAFETY: the client's, null or readable.
            let room = unsafe { args::read(length) }?;
            if usize::try_from(room).map_or(true, |room| room < size_of::<WSAPROTOCOL_INFOW>()) {
                return Err(WsaError::WSAEFAULT);
            }
            // SAFETY: there is room for it.
            unsafe { args::store(value.cast(), call.socket.chain.info) };
            // SAFETY: it was read before.
            unsafe { args::store(length, size_of::<WSAPROTOCOL_INFOW>() as i32) };
            return Ok(());
        }
        let function = call.socket.chain.table.lpWSPGetSockOpt;
        let Some(hook) = call.transport().functions.get_sock_opt else {
            // SAFETY: a function of the table, with the client's arguments.
            return zero_below(|errno| unsafe { function(call.socket.below, level, name, value, length, errno) });
        };
        // SAFETY: the client's, null or readable.
        let room = unsafe { args::read(length) }?;
        let down = || {
            // SAFETY: as above.
            zero_below(|errno| unsafe { function(call.socket.below, level, name, value, length, errno) })?;
            // SAFETY: it was read before.
            Ok(usize::try_from(unsafe { args::read(length) }?).unwrap_or(0))
        };
        // SAFETY: the client's, and as long as it says.
        let out = unsafe { args::output(value.cast(), room) }?;
        let hook = |l: &L, s: &Socket<'_, L>, down: Down<'_, usize>| hook(l, s, level, name, out, down);
        let stored = by_way(&call, Some(hook), down)?;
        // SAFETY: it was read before.
        unsafe { args::store(length, stored as i32) };
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSetSockOpt`. A listener named in `SO_UPDATE_ACCEPT_CONTEXT` is the next provider's.
pub unsafe extern "system" fn wsp_set_sock_opt<L: LayerEntry>(
    s: SOCKET,
    level: i32,
    name: i32,
    value: *const u8,
    length: i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let (function, below) = (call.socket.chain.table.lpWSPSetSockOpt, call.socket.below);
        let down = || {
            if (level, name) == (SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT) {
                if length < size_of::<SOCKET>() as i32 {
                    return Err(WsaError::WSAEFAULT);
                }
                // SAFETY: the client's, null or as long as it says.
                let listener = enter::<L>(unsafe { args::read(value.cast::<SOCKET>()) }?)?;
                return Next { socket: below, ..call.socket.next() }.set_sock_opt(
                    level,
                    name,
                    &listener.socket.below.to_ne_bytes(),
                );
            }
            // SAFETY: a function of the table, with the client's arguments.
            zero_below(|errno| unsafe { function(below, level, name, value, length, errno) })
        };
        let Some(hook) = call.transport().functions.set_sock_opt else { return down() };
        // SAFETY: the client's, null or readable.
        let bytes = unsafe { args::input(value.cast(), length) }?;
        by_way(&call, Some(|l: &L, s: &Socket<'_, L>, down: Down<'_, ()>| hook(l, s, level, name, bytes, down)), down)
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPGetQOSByName`.
pub unsafe extern "system" fn wsp_get_qos_by_name<L: LayerEntry>(
    s: SOCKET,
    name: *mut WSABUF,
    qos: *mut QOS,
    errno: *mut i32,
) -> BOOL {
    let body = || {
        let call = enter::<L>(s)?;
        let mut code = 0;
        // SAFETY: a function of the table, with the client's arguments.
        match unsafe { (call.socket.chain.table.lpWSPGetQOSByName)(call.socket.below, name, qos, &mut code) } {
            FALSE => Err(failure(code)),
            _ => Ok(()),
        }
    };
    // SAFETY: the client's, null or writable.
    unsafe { yes(errno, body) }
}

/// `WSPIoctl`. Extension functions of a non-IFS layer are the SDK's (LSP-5, API-X6).
pub unsafe extern "system" fn wsp_ioctl<L: LayerEntry>(
    s: SOCKET,
    code: u32,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    returned: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let (below, function) = (call.socket.below, call.socket.chain.table.lpWSPIoctl);
        let is_overlapped = is_overlapped(&call.socket, overlapped);
        let ours = is_overlapped && !call.socket.is_ifs();
        let wrapped = code == SIO_GET_EXTENSION_FUNCTION_POINTER && !call.socket.is_ifs();
        let mut down = || {
            if wrapped && overlapped.is_null() {
                args::required(returned)?;
                // SAFETY: the client's, null or as long as it says.
                let stored = unsafe { extensions::ask::<L>(&call, input, input_length, output, output_length) }?;
                // SAFETY: not null, and the client's.
                unsafe { args::store(returned, stored) };
                return Ok(stored);
            }
            if wrapped {
                return Err(WsaError::WSAEOPNOTSUPP);
            }
            let (mut bytes, mut nobody) = (0, NO_THREAD);
            if !ours {
                let out = if returned.is_null() { returned } else { &raw mut bytes };
                // SAFETY: a function of the table, with the client's arguments.
                let done = zero_below(|errno| unsafe {
                    function(
                        below,
                        code,
                        input,
                        input_length,
                        output,
                        output_length,
                        out,
                        overlapped,
                        routine,
                        thread,
                        errno,
                    )
                });
                if done != Err(WsaError::WSA_IO_PENDING) {
                    // Also on failure (IO-7).
                    // SAFETY: the client's, null or writable.
                    unsafe { args::store(returned, bytes) };
                }
                return done.map(|()| bytes);
            }
            let ends = Ends::new(overlapped, routine, thread, returned);
            // SAFETY: the client's, null or valid until the operation is over.
            let client = unsafe { client(&call, &ends) }?;
            // SAFETY: a function of the table, with the client's arguments and places of ours.
            let own = |record: &Record, _: &mut Job| unsafe {
                let overlapped = record.overlapped([0; 2]);
                zero_below(|errno| {
                    function(
                        below,
                        code,
                        input,
                        input_length,
                        output,
                        output_length,
                        &mut bytes,
                        overlapped,
                        None,
                        &mut nobody,
                        errno,
                    )
                })
            };
            match call.transport().pool.start(Job::Tell(client), own)? {
                Started::Completed => Ok(bytes),
                Started::Pending => Err(WsaError::WSA_IO_PENDING),
            }
        };
        let Some(hook) = call.transport().functions.ioctl.filter(|_| code != SIO_GET_EXTENSION_FUNCTION_POINTER) else {
            return down().map(drop);
        };
        let length = i32::try_from(input_length).map_err(|_| WsaError::WSAEFAULT)?;
        // SAFETY: the client's, null or readable.
        let bytes = unsafe { args::input(input, length) }?.to_vec();
        let (stored, went) = through(&call, is_overlapped, |l, s, down| hook(l, s, code, &bytes, down), &mut down)?;
        if is_overlapped && !went {
            let ends = Ends::new(overlapped, routine, thread, returned);
            // SAFETY: the client's, null or valid until the operation is over.
            unsafe { client(&call, &ends) }?.complete(&crate::operation::Completion::of(stored));
        } else {
            // SAFETY: the client's, null or writable.
            unsafe { args::store(returned, stored) };
        }
        Ok(())
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPAddressToString`.
pub unsafe extern "system" fn wsp_address_to_string<L: LayerEntry>(
    address: *mut SOCKADDR,
    length: u32,
    info: *mut WSAPROTOCOL_INFOW,
    text: *mut u16,
    text_length: *mut u32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = L::provider().enter()?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        let chain = call.transport.chain(&info)?;
        let mut given = chain.below;
        // SAFETY: a function of the table, with the client's arguments.
        zero_below(|errno| unsafe {
            (chain.table.lpWSPAddressToString)(address, length, &mut given, text, text_length, errno)
        })
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPStringToAddress`.
pub unsafe extern "system" fn wsp_string_to_address<L: LayerEntry>(
    text: *mut u16,
    family: i32,
    info: *mut WSAPROTOCOL_INFOW,
    address: *mut SOCKADDR,
    length: *mut i32,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = L::provider().enter()?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        let chain = call.transport.chain(&info)?;
        let mut given = chain.below;
        // SAFETY: a function of the table, with the client's arguments.
        zero_below(|errno| unsafe {
            (chain.table.lpWSPStringToAddress)(text, family, &mut given, address, length, errno)
        })
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSelect` of the next provider: the sets keep what is ready. An empty set is handed over as null.
pub(super) fn select_below(table: &ProcTable, sets: &mut [Vec<SOCKET>; 3], timeout: Option<Duration>) -> Result<()> {
    // The count fills one word with its padding; a set may be longer than its type (WSP-SELECT-3).
    let mut counted: [Vec<SOCKET>; 3] = sets.each_ref().map(|set| {
        let mut words: Vec<SOCKET> = [0].into_iter().chain(set.iter().copied()).collect();
        // SAFETY: the first word has the alignment of the count, and room for it.
        unsafe { words.as_mut_ptr().cast::<u32>().write(set.len() as u32) };
        words
    });
    let [read, write, except] = counted.each_mut().map(|words| -> *mut FD_SET {
        if words.len() == 1 { ptr::null_mut() } else { words.as_mut_ptr().cast() }
    });
    let limit = timeout.map(|timeout| TIMEVAL {
        tv_sec: i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX),
        tv_usec: timeout.subsec_micros() as i32,
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: a function of the table; each set is null or counted; the limit is null or live.
    zero_below(|errno| unsafe { (table.lpWSPSelect)(0, read, write, except, limit, errno) })?;
    for (set, words) in sets.iter_mut().zip(&counted) {
        // SAFETY: as above.
        let count = unsafe { words.as_ptr().cast::<u32>().read() } as usize;
        *set = words[1..].iter().copied().take(count).collect();
    }
    Ok(())
}
