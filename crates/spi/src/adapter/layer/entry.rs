//! The one export of a layer: `WSPStartup`.

use std::cell::Cell;

use windlass_abi::{ProcTable, WSAPROTOCOL_INFOW, WSPDATA, WSPPROC_TABLE, WSPUPCALLTABLE, WsaError, WspStartupFn};

use super::chain::Chain;
use super::{calls, transfer};
use crate::adapter::args;
use crate::adapter::calls::{caught, lifecycle, overlapped, select};
use crate::adapter::entry::{Entry, describe};
use crate::layer::{Layer, Layered, Overrides};
use crate::version::Version;

/// A layer together with its place in the process. Made by [`layer_entry`](macro@crate::layer_entry).
pub trait LayerEntry: Layer + Entry<Transport = Layered<Self>> {}

impl<L: Layer + Entry<Transport = Layered<L>>> LayerEntry for L {}

/// The entry point of a layer, for linking it into a runtime. A module that is loaded exports it
/// ([`export_layer`](crate::export_layer)).
pub fn layer_entry<L: LayerEntry>() -> WspStartupFn {
    wsp_startup::<L>
}

/// Gives a layer its place in the process.
///
/// `layer_entry!(Mine)` is for a layer that is linked into a runtime, which takes [`layer_entry::<Mine>()`](crate::layer_entry()).
/// `layer_entry!(export Mine)` is for one that is loaded: it also exports `WSPStartup`, as
/// [`export_layer`](crate::export_layer) does.
#[macro_export]
macro_rules! layer_entry {
    (export $layer:ty) => {
        $crate::layer_entry!($layer);
        $crate::export_layer!($layer);
    };
    ($layer:ty) => {
        impl $crate::Entry for $layer {
            type Transport = $crate::layer::Layered<Self>;

            fn provider() -> &'static $crate::Provider<$crate::layer::Layered<Self>> {
                static PROVIDER: $crate::Provider<$crate::layer::Layered<$layer>> = $crate::Provider::new();
                &PROVIDER
            }
        }
    };
}

/// Exports the `WSPStartup` of a layer that has its [`layer_entry`](crate::layer_entry!).
///
/// A module can have one such export.
#[macro_export]
macro_rules! export_layer {
    ($layer:ty) => {
        const _: () = {
            #[allow(unsafe_code, reason = "the one export of a provider")]
            // SAFETY: a module has one provider, so nothing else exports this name.
            #[unsafe(no_mangle)]
            unsafe extern "system" fn WSPStartup(
                requested: u16,
                data: *mut $crate::abi::WSPDATA,
                info: *mut $crate::abi::WSAPROTOCOL_INFOW,
                upcalls: $crate::abi::WSPUPCALLTABLE,
                table: *mut $crate::abi::WSPPROC_TABLE,
            ) -> i32 {
                // SAFETY: the arguments are the caller's, unchanged.
                unsafe { $crate::start_layer::<$layer>(WSPStartup, requested, data, info, upcalls, table) }
            }
        };
    };
}

thread_local! {
    /// The entry point of the layer that this thread starts. Without a destructor.
    static STARTED: Cell<Option<WspStartupFn>> = const { Cell::new(None) };
}

/// The entry point that this thread is inside of.
pub(super) fn being_started() -> Option<WspStartupFn> {
    STARTED.get()
}

unsafe extern "system" fn wsp_startup<L: LayerEntry>(
    requested: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
    table: *mut WSPPROC_TABLE,
) -> i32 {
    // SAFETY: the arguments are the caller's, unchanged.
    unsafe { start_layer::<L>(wsp_startup::<L>, requested, data, info, upcalls, table) }
}

/// `WSPStartup` of a layer whose entry point is `own`: by that it finds its place in a chain. Zero, or the error itself (LC-ERR-2).
///
/// # Safety
/// The arguments are those of `WSPStartup`.
pub unsafe fn start_layer<L: LayerEntry>(
    own: WspStartupFn,
    requested: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
    table: *mut WSPPROC_TABLE,
) -> i32 {
    let body = || {
        args::required(data)?;
        args::required(table)?;
        // SAFETY: the client's, null or readable.
        let info = unsafe { args::info(info) }?;
        let upcalls = upcalls.complete().map_err(|_| WsaError::WSAEFAULT)?;
        let outer = STARTED.replace(Some(own));
        // SAFETY: a runtime's table, valid until the last clean-up (UPV-1).
        let version = unsafe { L::provider().start(Version::from_word(requested), &info, &upcalls) };
        STARTED.set(outer);
        let version = version?;
        let functions = chain_table::<L>(&info, own);
        let functions = functions.inspect_err(|_| {
            // The client owes nothing for a start that failed (WSP-STARTUP-12).
            let _ = L::provider().clean_up();
        })?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(data, describe::<Layered<L>>(version)) };
        // SAFETY: not null, and the client's.
        unsafe { args::store(table, functions.to_nullable()) };
        Ok(())
    };
    caught(body).err().map_or(0, WsaError::code)
}

/// Starts the next provider of a chain, and makes the table for it.
fn chain_table<L: LayerEntry>(info: &WSAPROTOCOL_INFOW, own: WspStartupFn) -> Result<ProcTable, WsaError> {
    let call = L::provider().enter()?;
    call.transport.find.get_or_init(|| calls::find::<L>);
    let chain = call.transport.chain_or_start(info, own)?;
    Ok(table::<L>(&chain, &call.transport.functions))
}

/// The dispatch table: all functions are the SDK's, or, of an IFS layer, those of the next provider wherever it can be (WSP-STARTUP-23).
fn table<L: LayerEntry>(chain: &Chain, functions: &Overrides<L>) -> ProcTable {
    let own = ProcTable {
        lpWSPAccept: calls::wsp_accept::<L>,
        lpWSPAddressToString: calls::wsp_address_to_string::<L>,
        lpWSPAsyncSelect: calls::wsp_async_select::<L>,
        lpWSPBind: calls::wsp_bind::<L>,
        lpWSPCancelBlockingCall: lifecycle::wsp_cancel_blocking_call::<L>,
        lpWSPCleanup: lifecycle::wsp_cleanup::<L>,
        lpWSPCloseSocket: calls::wsp_close_socket::<L>,
        lpWSPConnect: calls::wsp_connect::<L>,
        lpWSPDuplicateSocket: calls::wsp_duplicate_socket::<L>,
        lpWSPEnumNetworkEvents: calls::wsp_enum_network_events::<L>,
        lpWSPEventSelect: calls::wsp_event_select::<L>,
        lpWSPGetOverlappedResult: overlapped::wsp_get_overlapped_result::<L>,
        lpWSPGetPeerName: calls::wsp_get_peer_name::<L>,
        lpWSPGetSockName: calls::wsp_get_sock_name::<L>,
        lpWSPGetSockOpt: calls::wsp_get_sock_opt::<L>,
        lpWSPGetQOSByName: calls::wsp_get_qos_by_name::<L>,
        lpWSPIoctl: calls::wsp_ioctl::<L>,
        lpWSPJoinLeaf: calls::wsp_join_leaf::<L>,
        lpWSPListen: calls::wsp_listen::<L>,
        lpWSPRecv: transfer::wsp_recv::<L>,
        lpWSPRecvDisconnect: calls::wsp_recv_disconnect::<L>,
        lpWSPRecvFrom: transfer::wsp_recv_from::<L>,
        lpWSPSelect: select::wsp_select::<L>,
        lpWSPSend: transfer::wsp_send::<L>,
        lpWSPSendDisconnect: calls::wsp_send_disconnect::<L>,
        lpWSPSendTo: transfer::wsp_send_to::<L>,
        lpWSPSetSockOpt: calls::wsp_set_sock_opt::<L>,
        lpWSPShutdown: calls::wsp_shutdown::<L>,
        lpWSPSocket: calls::wsp_socket::<L>,
        lpWSPStringToAddress: calls::wsp_string_to_address::<L>,
    };
    if !chain.is_ifs {
        return own;
    }
    let next = chain.table;
    macro_rules! unless_overridden {
        ($($slot:ident: $function:ident),*) => {
            ProcTable {
                $($slot: if functions.$function.is_some() { own.$slot } else { next.$slot },)*
                lpWSPAsyncSelect: next.lpWSPAsyncSelect,
                lpWSPCancelBlockingCall: next.lpWSPCancelBlockingCall,
                lpWSPGetOverlappedResult: next.lpWSPGetOverlappedResult,
                lpWSPGetQOSByName: next.lpWSPGetQOSByName,
                lpWSPRecvDisconnect: next.lpWSPRecvDisconnect,
                lpWSPSelect: next.lpWSPSelect,
                lpWSPSendDisconnect: next.lpWSPSendDisconnect,
                ..own
            }
        };
    }
    unless_overridden! {
        lpWSPBind: bind,
        lpWSPConnect: connect,
        lpWSPEnumNetworkEvents: enum_network_events,
        lpWSPEventSelect: event_select,
        lpWSPGetPeerName: get_peer_name,
        lpWSPGetSockName: get_sock_name,
        lpWSPIoctl: ioctl,
        lpWSPListen: listen,
        lpWSPRecv: recv,
        lpWSPRecvFrom: recv_from,
        lpWSPSend: send,
        lpWSPSendTo: send_to,
        lpWSPSetSockOpt: set_sock_opt,
        lpWSPShutdown: shutdown
    }
}
