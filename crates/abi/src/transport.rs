//! The transport service provider interface: what a provider gives (30 functions), what it gets
//! (15 upcalls), and its one export. Contract: transport section 1, upcalls section 1.

use core::ffi::c_void;

use crate::*;

/// What a provider says of itself at start-up: 516 bytes (WSP-STARTUP-13).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSPDATA {
    pub wVersion: u16,
    pub wHighVersion: u16,
    pub szDescription: [u16; WSPDESCRIPTION_LEN + 1],
}
pub const WSPDESCRIPTION_LEN: usize = 255;

/// The 1.1 blocking hook of a thread (WPU-QBC-3).
pub type LPBLOCKINGCALLBACK = Option<unsafe extern "system" fn(dwContext: usize) -> BOOL>;

/// The condition function of `WSAAccept` (WSP-ACCEPT-6).
pub type LPCONDITIONPROC = Option<
    unsafe extern "system" fn(
        lpCallerId: *mut WSABUF,
        lpCallerData: *mut WSABUF,
        lpSQOS: *mut QOS,
        lpGQOS: *mut QOS,
        lpCalleeId: *mut WSABUF,
        lpCalleeData: *mut WSABUF,
        g: *mut GROUP,
        dwCallbackData: usize,
    ) -> i32,
>;
pub const CF_ACCEPT: i32 = 0;
pub const CF_REJECT: i32 = 1;
pub const CF_DEFER: i32 = 2;

/// A provider's one export (WSP-STARTUP-1). The upcall table is passed by value.
pub type LPWSPSTARTUP = Option<WspStartupFn>;
/// `WSPStartup` itself, when it is known not to be null.
pub type WspStartupFn = unsafe extern "system" fn(
    wVersionRequested: u16,
    lpWSPData: *mut WSPDATA,
    lpProtocolInfo: *mut WSAPROTOCOL_INFOW,
    UpcallTable: WSPUPCALLTABLE,
    lpProcTable: *mut WSPPROC_TABLE,
) -> i32;

macro_rules! table {
    ($(#[$doc:meta])* $table:ident, $(#[$full_doc:meta])* $full:ident;
     $($slot:ident: $pfn:ident = fn($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty;)*) => {
        $(pub type $pfn = Option<unsafe extern "system" fn($($arg: $ty),*) -> $ret>;)*

        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $table {
            $(pub $slot: $pfn,)*
        }

        $(#[$full_doc])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $full {
            $(pub $slot: unsafe extern "system" fn($($arg: $ty),*) -> $ret,)*
        }

        impl $table {
            /// The names of the slots, in order.
            pub const SLOTS: &'static [&'static str] = &[$(stringify!($slot)),*];

            /// A table of null pointers.
            pub const EMPTY: Self = Self { $($slot: None,)* };

            /// The name of the first slot that is null, if any is.
            pub fn first_hole(&self) -> Option<&'static str> {
                self.complete().err()
            }

            /// The same table with no null in it. Fails with the name of the first slot that is null.
            #[inline]
            pub fn complete(&self) -> Result<$full, &'static str> {
                Ok($full { $($slot: self.$slot.ok_or(stringify!($slot))?,)* })
            }
        }

        impl $full {
            /// The table as the C side has it.
            #[inline]
            pub const fn to_nullable(&self) -> $table {
                $table { $($slot: Some(self.$slot),)* }
            }
        }
    };
}

table! {
    /// The dispatch table of a provider: exactly 30 functions in this order (WSP-STARTUP-14, TBL-1).
    WSPPROC_TABLE,
    /// A dispatch table in which every function is there.
    ProcTable;
    lpWSPAccept: LPWSPACCEPT = fn(s: SOCKET, addr: *mut SOCKADDR, addrlen: *mut i32, lpfnCondition: LPCONDITIONPROC, dwCallbackData: usize, lpErrno: *mut i32) -> SOCKET;
    lpWSPAddressToString: LPWSPADDRESSTOSTRING = fn(lpsaAddress: *mut SOCKADDR, dwAddressLength: u32, lpProtocolInfo: *mut WSAPROTOCOL_INFOW, lpszAddressString: *mut u16, lpdwAddressStringLength: *mut u32, lpErrno: *mut i32) -> i32;
    lpWSPAsyncSelect: LPWSPASYNCSELECT = fn(s: SOCKET, hWnd: HWND, wMsg: u32, lEvent: i32, lpErrno: *mut i32) -> i32;
    lpWSPBind: LPWSPBIND = fn(s: SOCKET, name: *const SOCKADDR, namelen: i32, lpErrno: *mut i32) -> i32;
    lpWSPCancelBlockingCall: LPWSPCANCELBLOCKINGCALL = fn(lpErrno: *mut i32) -> i32;
    lpWSPCleanup: LPWSPCLEANUP = fn(lpErrno: *mut i32) -> i32;
    lpWSPCloseSocket: LPWSPCLOSESOCKET = fn(s: SOCKET, lpErrno: *mut i32) -> i32;
    lpWSPConnect: LPWSPCONNECT = fn(s: SOCKET, name: *const SOCKADDR, namelen: i32, lpCallerData: *mut WSABUF, lpCalleeData: *mut WSABUF, lpSQOS: *mut QOS, lpGQOS: *mut QOS, lpErrno: *mut i32) -> i32;
    lpWSPDuplicateSocket: LPWSPDUPLICATESOCKET = fn(s: SOCKET, dwProcessId: u32, lpProtocolInfo: *mut WSAPROTOCOL_INFOW, lpErrno: *mut i32) -> i32;
    lpWSPEnumNetworkEvents: LPWSPENUMNETWORKEVENTS = fn(s: SOCKET, hEventObject: WSAEVENT, lpNetworkEvents: *mut WSANETWORKEVENTS, lpErrno: *mut i32) -> i32;
    lpWSPEventSelect: LPWSPEVENTSELECT = fn(s: SOCKET, hEventObject: WSAEVENT, lNetworkEvents: i32, lpErrno: *mut i32) -> i32;
    lpWSPGetOverlappedResult: LPWSPGETOVERLAPPEDRESULT = fn(s: SOCKET, lpOverlapped: *mut WSAOVERLAPPED, lpcbTransfer: *mut u32, fWait: BOOL, lpdwFlags: *mut u32, lpErrno: *mut i32) -> BOOL;
    lpWSPGetPeerName: LPWSPGETPEERNAME = fn(s: SOCKET, name: *mut SOCKADDR, namelen: *mut i32, lpErrno: *mut i32) -> i32;
    lpWSPGetSockName: LPWSPGETSOCKNAME = fn(s: SOCKET, name: *mut SOCKADDR, namelen: *mut i32, lpErrno: *mut i32) -> i32;
    lpWSPGetSockOpt: LPWSPGETSOCKOPT = fn(s: SOCKET, level: i32, optname: i32, optval: *mut u8, optlen: *mut i32, lpErrno: *mut i32) -> i32;
    lpWSPGetQOSByName: LPWSPGETQOSBYNAME = fn(s: SOCKET, lpQOSName: *mut WSABUF, lpQOS: *mut QOS, lpErrno: *mut i32) -> BOOL;
    lpWSPIoctl: LPWSPIOCTL = fn(s: SOCKET, dwIoControlCode: u32, lpvInBuffer: *mut c_void, cbInBuffer: u32, lpvOutBuffer: *mut c_void, cbOutBuffer: u32, lpcbBytesReturned: *mut u32, lpOverlapped: *mut WSAOVERLAPPED, lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE, lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWSPJoinLeaf: LPWSPJOINLEAF = fn(s: SOCKET, name: *const SOCKADDR, namelen: i32, lpCallerData: *mut WSABUF, lpCalleeData: *mut WSABUF, lpSQOS: *mut QOS, lpGQOS: *mut QOS, dwFlags: u32, lpErrno: *mut i32) -> SOCKET;
    lpWSPListen: LPWSPLISTEN = fn(s: SOCKET, backlog: i32, lpErrno: *mut i32) -> i32;
    lpWSPRecv: LPWSPRECV = fn(s: SOCKET, lpBuffers: *mut WSABUF, dwBufferCount: u32, lpNumberOfBytesRecvd: *mut u32, lpFlags: *mut u32, lpOverlapped: *mut WSAOVERLAPPED, lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE, lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWSPRecvDisconnect: LPWSPRECVDISCONNECT = fn(s: SOCKET, lpInboundDisconnectData: *mut WSABUF, lpErrno: *mut i32) -> i32;
    lpWSPRecvFrom: LPWSPRECVFROM = fn(s: SOCKET, lpBuffers: *mut WSABUF, dwBufferCount: u32, lpNumberOfBytesRecvd: *mut u32, lpFlags: *mut u32, lpFrom: *mut SOCKADDR, lpFromlen: *mut i32, lpOverlapped: *mut WSAOVERLAPPED, lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE, lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWSPSelect: LPWSPSELECT = fn(nfds: i32, readfds: *mut FD_SET, writefds: *mut FD_SET, exceptfds: *mut FD_SET, timeout: *const TIMEVAL, lpErrno: *mut i32) -> i32;
    lpWSPSend: LPWSPSEND = fn(s: SOCKET, lpBuffers: *mut WSABUF, dwBufferCount: u32, lpNumberOfBytesSent: *mut u32, dwFlags: u32, lpOverlapped: *mut WSAOVERLAPPED, lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE, lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWSPSendDisconnect: LPWSPSENDDISCONNECT = fn(s: SOCKET, lpOutboundDisconnectData: *mut WSABUF, lpErrno: *mut i32) -> i32;
    lpWSPSendTo: LPWSPSENDTO = fn(s: SOCKET, lpBuffers: *mut WSABUF, dwBufferCount: u32, lpNumberOfBytesSent: *mut u32, dwFlags: u32, lpTo: *const SOCKADDR, iTolen: i32, lpOverlapped: *mut WSAOVERLAPPED, lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE, lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWSPSetSockOpt: LPWSPSETSOCKOPT = fn(s: SOCKET, level: i32, optname: i32, optval: *const u8, optlen: i32, lpErrno: *mut i32) -> i32;
    lpWSPShutdown: LPWSPSHUTDOWN = fn(s: SOCKET, how: i32, lpErrno: *mut i32) -> i32;
    lpWSPSocket: LPWSPSOCKET = fn(af: i32, r#type: i32, protocol: i32, lpProtocolInfo: *mut WSAPROTOCOL_INFOW, g: GROUP, dwFlags: u32, lpErrno: *mut i32) -> SOCKET;
    lpWSPStringToAddress: LPWSPSTRINGTOADDRESS = fn(AddressString: *mut u16, AddressFamily: i32, lpProtocolInfo: *mut WSAPROTOCOL_INFOW, lpAddress: *mut SOCKADDR, lpAddressLength: *mut i32, lpErrno: *mut i32) -> i32;
}

table! {
    /// The upcalls: what the runtime offers to providers, in this order.
    WSPUPCALLTABLE,
    /// An upcall table in which every function is there.
    UpcallTable;
    lpWPUCloseEvent: LPWPUCLOSEEVENT = fn(hEvent: WSAEVENT, lpErrno: *mut i32) -> BOOL;
    lpWPUCloseSocketHandle: LPWPUCLOSESOCKETHANDLE = fn(s: SOCKET, lpErrno: *mut i32) -> i32;
    lpWPUCreateEvent: LPWPUCREATEEVENT = fn(lpErrno: *mut i32) -> WSAEVENT;
    lpWPUCreateSocketHandle: LPWPUCREATESOCKETHANDLE = fn(dwCatalogEntryId: u32, dwContext: usize, lpErrno: *mut i32) -> SOCKET;
    lpWPUFDIsSet: LPWPUFDISSET = fn(s: SOCKET, fdset: *mut FD_SET) -> i32;
    lpWPUGetProviderPath: LPWPUGETPROVIDERPATH = fn(lpProviderId: *mut GUID, lpszProviderDllPath: *mut u16, lpProviderDllPathLen: *mut i32, lpErrno: *mut i32) -> i32;
    lpWPUModifyIFSHandle: LPWPUMODIFYIFSHANDLE = fn(dwCatalogEntryId: u32, ProposedHandle: SOCKET, lpErrno: *mut i32) -> SOCKET;
    lpWPUPostMessage: LPWPUPOSTMESSAGE = fn(hWnd: HWND, Msg: u32, wParam: WPARAM, lParam: LPARAM) -> BOOL;
    lpWPUQueryBlockingCallback: LPWPUQUERYBLOCKINGCALLBACK = fn(dwCatalogEntryId: u32, lplpfnCallback: *mut LPBLOCKINGCALLBACK, lpdwContext: *mut usize, lpErrno: *mut i32) -> i32;
    lpWPUQuerySocketHandleContext: LPWPUQUERYSOCKETHANDLECONTEXT = fn(s: SOCKET, lpContext: *mut usize, lpErrno: *mut i32) -> i32;
    lpWPUQueueApc: LPWPUQUEUEAPC = fn(lpThreadId: *mut WSATHREADID, lpfnUserApc: LPWSAUSERAPC, dwContext: usize, lpErrno: *mut i32) -> i32;
    lpWPUResetEvent: LPWPURESETEVENT = fn(hEvent: WSAEVENT, lpErrno: *mut i32) -> BOOL;
    lpWPUSetEvent: LPWPUSETEVENT = fn(hEvent: WSAEVENT, lpErrno: *mut i32) -> BOOL;
    lpWPUOpenCurrentThread: LPWPUOPENCURRENTTHREAD = fn(lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
    lpWPUCloseThread: LPWPUCLOSETHREAD = fn(lpThreadId: *mut WSATHREADID, lpErrno: *mut i32) -> i32;
}

/// `WPUCompleteOverlappedRequest`: exported by the runtime, not in the table (UP-1).
pub type LPWPUCOMPLETEOVERLAPPEDREQUEST = Option<
    unsafe extern "system" fn(
        s: SOCKET,
        lpOverlapped: *mut WSAOVERLAPPED,
        dwError: u32,
        cbTransferred: u32,
        lpErrno: *mut i32,
    ) -> i32,
>;

const _: () = {
    assert!(WSPPROC_TABLE::SLOTS.len() == 30);
    assert!(WSPUPCALLTABLE::SLOTS.len() == 15);
    assert!(core::mem::size_of::<WSPPROC_TABLE>() == 30 * core::mem::size_of::<usize>());
    assert!(core::mem::size_of::<WSPDATA>() == 516);
    assert!(core::mem::size_of::<WSAPROTOCOL_INFOW>() == 628);
    assert!(core::mem::size_of::<WSAPROTOCOL_INFOA>() == 372);
    assert!(core::mem::size_of::<WSANETWORKEVENTS>() == 44);
};
