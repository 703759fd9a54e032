//! The one export of a transport provider: `WSPStartup`.

use windlass_abi::{
    ProcTable, WSAPROTOCOL_INFOW, WSPDATA, WSPDESCRIPTION_LEN, WSPPROC_TABLE, WSPUPCALLTABLE, WsaError, WspStartupFn,
};

use super::args;
use super::calls::{self, caught};
use super::provider::Provider;
use crate::transport::Transport;
use crate::version::Version;

/// A transport together with its place in the process. Made by
/// [`transport_entry`](crate::transport_entry).
pub trait Entry: 'static {
    /// The transport.
    type Transport: Transport;

    /// Its one provider.
    fn provider() -> &'static Provider<Self::Transport>;
}

/// The entry point of a transport, for linking it into a runtime. A module that is loaded exports it
/// ([`export_transport`](crate::export_transport)).
pub fn entry<E: Entry>() -> WspStartupFn {
    wsp_startup::<E>
}

/// Gives a transport its place in the process.
///
/// `transport_entry!(Mine)` is for a transport that is linked into a runtime, which takes
/// [`entry::<Mine>()`](crate::entry()). `transport_entry!(export Mine)` is for one that is loaded: it
/// also exports `WSPStartup`, as [`export_transport`](crate::export_transport) does.
#[macro_export]
macro_rules! transport_entry {
    (export $transport:ty) => {
        $crate::transport_entry!($transport);
        $crate::export_transport!($transport);
    };
    ($transport:ty) => {
        impl $crate::Entry for $transport {
            type Transport = Self;

            fn provider() -> &'static $crate::Provider<Self> {
                static PROVIDER: $crate::Provider<$transport> = $crate::Provider::new();
                &PROVIDER
            }
        }
    };
}

/// Exports the `WSPStartup` of a transport that has its [`transport_entry`](crate::transport_entry).
///
/// A program or module can have one such export. To have a crate both linked in and loaded, put this
/// behind a feature of it, or in a crate of its own that makes the `cdylib`.
#[macro_export]
macro_rules! export_transport {
    ($transport:ty) => {
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
                let startup = $crate::entry::<$transport>();
                // SAFETY: the arguments are the caller's, unchanged.
                unsafe { startup(requested, data, info, upcalls, table) }
            }
        };
    };
}

/// `WSPStartup`: zero, or the error itself (LC-ERR-2).
unsafe extern "system" fn wsp_startup<E: Entry>(
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
        // SAFETY: a runtime's table, valid until the last clean-up (UPV-1).
        let version = unsafe { E::provider().start(Version::from_word(requested), &info, &upcalls) }?;
        // SAFETY: not null, and the client's.
        unsafe { args::store(data, describe::<E::Transport>(version)) };
        // SAFETY: not null, and the client's.
        unsafe { args::store(table, functions::<E>().to_nullable()) };
        Ok(())
    };
    caught(body).err().map_or(0, WsaError::code)
}

/// What the transport says of itself (WSP-STARTUP-8, WSP-STARTUP-13).
pub(super) fn describe<T: Transport>(version: Version) -> WSPDATA {
    let mut description = [0; WSPDESCRIPTION_LEN + 1];
    let mut at = 0;
    for character in T::DESCRIPTION.chars() {
        let end = at + character.len_utf16();
        if end > WSPDESCRIPTION_LEN {
            break;
        }
        character.encode_utf16(&mut description[at..end]);
        at = end;
    }
    WSPDATA { wVersion: version.to_word(), wHighVersion: T::VERSIONS.highest.to_word(), szDescription: description }
}

/// The dispatch table (WSP-STARTUP-14).
fn functions<E: Entry>() -> ProcTable {
    use calls::{connection, events, ioctl, lifecycle, names, options, overlapped, select, text, transfer};
    ProcTable {
        lpWSPAccept: connection::wsp_accept::<E>,
        lpWSPAddressToString: text::wsp_address_to_string::<E>,
        lpWSPAsyncSelect: events::wsp_async_select::<E>,
        lpWSPBind: connection::wsp_bind::<E>,
        lpWSPCancelBlockingCall: lifecycle::wsp_cancel_blocking_call::<E>,
        lpWSPCleanup: lifecycle::wsp_cleanup::<E>,
        lpWSPCloseSocket: lifecycle::wsp_close_socket::<E>,
        lpWSPConnect: connection::wsp_connect::<E>,
        lpWSPDuplicateSocket: lifecycle::wsp_duplicate_socket::<E>,
        lpWSPEnumNetworkEvents: events::wsp_enum_network_events::<E>,
        lpWSPEventSelect: events::wsp_event_select::<E>,
        lpWSPGetOverlappedResult: overlapped::wsp_get_overlapped_result::<E>,
        lpWSPGetPeerName: names::wsp_get_peer_name::<E>,
        lpWSPGetSockName: names::wsp_get_sock_name::<E>,
        lpWSPGetSockOpt: options::wsp_get_sock_opt::<E>,
        lpWSPGetQOSByName: options::wsp_get_qos_by_name::<E>,
        lpWSPIoctl: ioctl::wsp_ioctl::<E>,
        lpWSPJoinLeaf: connection::wsp_join_leaf::<E>,
        lpWSPListen: connection::wsp_listen::<E>,
        lpWSPRecv: transfer::wsp_recv::<E>,
        lpWSPRecvDisconnect: connection::wsp_recv_disconnect::<E>,
        lpWSPRecvFrom: transfer::wsp_recv_from::<E>,
        lpWSPSelect: select::wsp_select::<E>,
        lpWSPSend: transfer::wsp_send::<E>,
        lpWSPSendDisconnect: connection::wsp_send_disconnect::<E>,
        lpWSPSendTo: transfer::wsp_send_to::<E>,
        lpWSPSetSockOpt: options::wsp_set_sock_opt::<E>,
        lpWSPShutdown: connection::wsp_shutdown::<E>,
        lpWSPSocket: lifecycle::wsp_socket::<E>,
        lpWSPStringToAddress: text::wsp_string_to_address::<E>,
    }
}
