//! Extension functions, which programs reach through `SIO_GET_EXTENSION_FUNCTION_POINTER`
//! (contract: api, section 7), and registered I/O (section 8).

use core::ffi::c_void;

use crate::*;

pub const WSAID_ACCEPTEX: GUID = GUID::from_u128(0xb5367df1_cbac_11cf_95ca_00805f48a192);
pub const WSAID_GETACCEPTEXSOCKADDRS: GUID = GUID::from_u128(0xb5367df2_cbac_11cf_95ca_00805f48a192);
pub const WSAID_TRANSMITFILE: GUID = GUID::from_u128(0xb5367df0_cbac_11cf_95ca_00805f48a192);
pub const WSAID_CONNECTEX: GUID = GUID::from_u128(0x25a207b9_ddf3_4660_8ee9_76e58c74063e);
pub const WSAID_DISCONNECTEX: GUID = GUID::from_u128(0x7fda2e11_8630_436f_a031_f536a6eec157);
pub const WSAID_TRANSMITPACKETS: GUID = GUID::from_u128(0xd9689da0_1f90_11d3_9971_00c04f68c876);
pub const WSAID_WSARECVMSG: GUID = GUID::from_u128(0xf689d7c8_6f1f_436b_8a53_e54fe351c322);
pub const WSAID_WSASENDMSG: GUID = GUID::from_u128(0xa441e712_754f_43ca_84a7_0dee44cf606d);
pub const WSAID_WSAPOLL: GUID = GUID::from_u128(0x18c76f85_dc66_4964_972e_23c27238312b);
pub const WSAID_MULTIPLE_RIO: GUID = GUID::from_u128(0x8509e081_96dd_4005_b165_9e2ee8c79e3f);

// Flags of TransmitFile and DisconnectEx (API-X42).
pub const TF_DISCONNECT: u32 = 0x01;
pub const TF_REUSE_SOCKET: u32 = 0x02;
pub const TF_WRITE_BEHIND: u32 = 0x04;
pub const TF_USE_DEFAULT_WORKER: u32 = 0x00;
pub const TF_USE_SYSTEM_THREAD: u32 = 0x10;
pub const TF_USE_KERNEL_APC: u32 = 0x20;

// Flags of TransmitPackets and of its elements (API-X45).
pub const TP_DISCONNECT: u32 = TF_DISCONNECT;
pub const TP_REUSE_SOCKET: u32 = TF_REUSE_SOCKET;
pub const TP_USE_DEFAULT_WORKER: u32 = TF_USE_DEFAULT_WORKER;
pub const TP_USE_SYSTEM_THREAD: u32 = TF_USE_SYSTEM_THREAD;
pub const TP_USE_KERNEL_APC: u32 = TF_USE_KERNEL_APC;
pub const TP_ELEMENT_MEMORY: u32 = 1;
pub const TP_ELEMENT_FILE: u32 = 2;
pub const TP_ELEMENT_EOP: u32 = 4;
pub const DE_REUSE_SOCKET: u32 = TF_REUSE_SOCKET;

/// What `TransmitFile` sends before and after the file; lengths in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TRANSMIT_FILE_BUFFERS {
    pub Head: *mut c_void,
    pub HeadLength: u32,
    pub Tail: *mut c_void,
    pub TailLength: u32,
}

/// One piece of `TransmitPackets`: memory or a part of a file, as `dwElFlags` says.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TRANSMIT_PACKETS_ELEMENT {
    pub dwElFlags: u32,
    pub cLength: u32,
    pub u: TRANSMIT_PACKETS_SOURCE,
}

/// Where the bytes of a `TRANSMIT_PACKETS_ELEMENT` are.
#[repr(C)]
#[derive(Clone, Copy)]
pub union TRANSMIT_PACKETS_SOURCE {
    pub file: TRANSMIT_PACKETS_FILE,
    pub pBuffer: *mut c_void,
}

/// A part of a file; an offset of -1 means the current position.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TRANSMIT_PACKETS_FILE {
    pub nFileOffset: i64,
    pub hFile: HANDLE,
}

/// A datagram with its address, buffers and control data (API-X50): 56 bytes on 64-bit systems.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSAMSG {
    pub name: *mut SOCKADDR,
    pub namelen: i32,
    pub lpBuffers: *mut WSABUF,
    pub dwBufferCount: u32,
    pub Control: WSABUF,
    pub dwFlags: u32,
}

/// The head of one piece of control data; `cmsg_len` counts this head and the data (API-X57).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSACMSGHDR {
    pub cmsg_len: usize,
    pub cmsg_level: i32,
    pub cmsg_type: i32,
}

/// The input of `SIO_EXT_SENDMSG`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSASENDMSG {
    pub lpMsg: *mut WSAMSG,
    pub dwFlags: u32,
    pub lpNumberOfBytesSent: *mut u32,
    pub lpOverlapped: *mut WSAOVERLAPPED,
    pub lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
}

/// The input and output of `SIO_EXT_POLL`; `fdArray` has `fds` elements.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSAPOLLDATA {
    pub result: i32,
    pub fds: u32,
    pub timeout: i32,
    pub fdArray: [WSAPOLLFD; 1],
}

/// Accepts a connection and its first bytes (API-X10).
pub type LPFN_ACCEPTEX = Option<
    unsafe extern "system" fn(
        sListenSocket: SOCKET,
        sAcceptSocket: SOCKET,
        lpOutputBuffer: *mut c_void,
        dwReceiveDataLength: u32,
        dwLocalAddressLength: u32,
        dwRemoteAddressLength: u32,
        lpdwBytesReceived: *mut u32,
        lpOverlapped: *mut WSAOVERLAPPED,
    ) -> BOOL,
>;

/// Finds the addresses in the buffer of `AcceptEx` (API-X11).
pub type LPFN_GETACCEPTEXSOCKADDRS = Option<
    unsafe extern "system" fn(
        lpOutputBuffer: *mut c_void,
        dwReceiveDataLength: u32,
        dwLocalAddressLength: u32,
        dwRemoteAddressLength: u32,
        LocalSockaddr: *mut *mut SOCKADDR,
        LocalSockaddrLength: *mut i32,
        RemoteSockaddr: *mut *mut SOCKADDR,
        RemoteSockaddrLength: *mut i32,
    ),
>;

/// Connects and sends the first bytes (API-X20).
pub type LPFN_CONNECTEX = Option<
    unsafe extern "system" fn(
        s: SOCKET,
        name: *const SOCKADDR,
        namelen: i32,
        lpSendBuffer: *mut c_void,
        dwSendDataLength: u32,
        lpdwBytesSent: *mut u32,
        lpOverlapped: *mut WSAOVERLAPPED,
    ) -> BOOL,
>;

/// Closes a connection and keeps the socket (API-X30).
pub type LPFN_DISCONNECTEX = Option<
    unsafe extern "system" fn(s: SOCKET, lpOverlapped: *mut WSAOVERLAPPED, dwFlags: u32, dwReserved: u32) -> BOOL,
>;

/// Sends a file (API-X40).
pub type LPFN_TRANSMITFILE = Option<
    unsafe extern "system" fn(
        hSocket: SOCKET,
        hFile: HANDLE,
        nNumberOfBytesToWrite: u32,
        nNumberOfBytesPerSend: u32,
        lpOverlapped: *mut WSAOVERLAPPED,
        lpTransmitBuffers: *mut TRANSMIT_FILE_BUFFERS,
        dwReserved: u32,
    ) -> BOOL,
>;

/// Sends pieces of memory and of files (API-X45).
pub type LPFN_TRANSMITPACKETS = Option<
    unsafe extern "system" fn(
        hSocket: SOCKET,
        lpPacketArray: *mut TRANSMIT_PACKETS_ELEMENT,
        nElementCount: u32,
        nSendSize: u32,
        lpOverlapped: *mut WSAOVERLAPPED,
        dwFlags: u32,
    ) -> BOOL,
>;

/// Receives a datagram with control data (API-X50).
pub type LPFN_WSARECVMSG = Option<
    unsafe extern "system" fn(
        s: SOCKET,
        lpMsg: *mut WSAMSG,
        lpdwNumberOfBytesRecvd: *mut u32,
        lpOverlapped: *mut WSAOVERLAPPED,
        lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    ) -> i32,
>;

/// Sends a datagram with control data (API-X50).
pub type LPFN_WSASENDMSG = Option<
    unsafe extern "system" fn(
        s: SOCKET,
        lpMsg: *mut WSAMSG,
        dwFlags: u32,
        lpNumberOfBytesSent: *mut u32,
        lpOverlapped: *mut WSAOVERLAPPED,
        lpCompletionRoutine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    ) -> i32,
>;

/// Waits for readiness of a provider's sockets (API-15); the time is in milliseconds.
pub type LPFN_WSAPOLL = Option<unsafe extern "system" fn(fdarray: *mut WSAPOLLFD, nfds: u32, timeout: i32) -> i32>;

/// A registered buffer.
pub type RIO_BUFFERID = *mut c_void;
/// A completion queue of registered I/O.
pub type RIO_CQ = *mut c_void;
/// A request queue of registered I/O.
pub type RIO_RQ = *mut c_void;

pub const RIO_INVALID_BUFFERID: RIO_BUFFERID = 0xFFFF_FFFFusize as RIO_BUFFERID;
pub const RIO_INVALID_CQ: RIO_CQ = core::ptr::null_mut();
pub const RIO_INVALID_RQ: RIO_RQ = core::ptr::null_mut();
pub const RIO_MAX_CQ_SIZE: u32 = 0x800_0000;
pub const RIO_CORRUPT_CQ: u32 = 0xFFFF_FFFF;

pub const RIO_MSG_DONT_NOTIFY: u32 = 1;
pub const RIO_MSG_DEFER: u32 = 2;
pub const RIO_MSG_WAITALL: u32 = 4;
pub const RIO_MSG_COMMIT_ONLY: u32 = 8;

/// How a completion queue tells that it is not empty (API-RIO-9).
pub type RIO_NOTIFICATION_COMPLETION_TYPE = i32;
pub const RIO_EVENT_COMPLETION: RIO_NOTIFICATION_COMPLETION_TYPE = 1;
pub const RIO_IOCP_COMPLETION: RIO_NOTIFICATION_COMPLETION_TYPE = 2;

/// A part of a registered buffer, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RIO_BUF {
    pub BufferId: RIO_BUFFERID,
    pub Offset: u32,
    pub Length: u32,
}

/// The head of a buffer of control data.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RIO_CMSG_BUFFER {
    pub TotalLength: u32,
}

/// One completion: 24 bytes (API-RIO-11).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RIORESULT {
    pub Status: i32,
    pub BytesTransferred: u32,
    pub SocketContext: u64,
    pub RequestContext: u64,
}

/// How a completion queue tells that it is not empty (API-RIO-9).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RIO_NOTIFICATION_COMPLETION {
    pub Type: RIO_NOTIFICATION_COMPLETION_TYPE,
    pub u: RIO_NOTIFICATION_TARGET,
}

/// The event or the completion port of a `RIO_NOTIFICATION_COMPLETION`.
#[repr(C)]
#[derive(Clone, Copy)]
pub union RIO_NOTIFICATION_TARGET {
    pub Event: RIO_NOTIFICATION_EVENT,
    pub Iocp: RIO_NOTIFICATION_IOCP,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RIO_NOTIFICATION_EVENT {
    pub EventHandle: HANDLE,
    pub NotifyReset: BOOL,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RIO_NOTIFICATION_IOCP {
    pub IocpHandle: HANDLE,
    pub CompletionKey: *mut c_void,
    pub Overlapped: *mut c_void,
}

pub type LPFN_RIORECEIVE = Option<
    unsafe extern "system" fn(
        SocketQueue: RIO_RQ,
        pData: *mut RIO_BUF,
        DataBufferCount: u32,
        Flags: u32,
        RequestContext: *mut c_void,
    ) -> BOOL,
>;
/// `int` in the header, TRUE or FALSE in fact.
pub type LPFN_RIORECEIVEEX = Option<
    unsafe extern "system" fn(
        SocketQueue: RIO_RQ,
        pData: *mut RIO_BUF,
        DataBufferCount: u32,
        pLocalAddress: *mut RIO_BUF,
        pRemoteAddress: *mut RIO_BUF,
        pControlContext: *mut RIO_BUF,
        pFlags: *mut RIO_BUF,
        Flags: u32,
        RequestContext: *mut c_void,
    ) -> i32,
>;
pub type LPFN_RIOSEND = LPFN_RIORECEIVE;
pub type LPFN_RIOSENDEX = Option<
    unsafe extern "system" fn(
        SocketQueue: RIO_RQ,
        pData: *mut RIO_BUF,
        DataBufferCount: u32,
        pLocalAddress: *mut RIO_BUF,
        pRemoteAddress: *mut RIO_BUF,
        pControlContext: *mut RIO_BUF,
        pFlags: *mut RIO_BUF,
        Flags: u32,
        RequestContext: *mut c_void,
    ) -> BOOL,
>;
pub type LPFN_RIOCLOSECOMPLETIONQUEUE = Option<unsafe extern "system" fn(CQ: RIO_CQ)>;
pub type LPFN_RIOCREATECOMPLETIONQUEUE = Option<
    unsafe extern "system" fn(QueueSize: u32, NotificationCompletion: *mut RIO_NOTIFICATION_COMPLETION) -> RIO_CQ,
>;
pub type LPFN_RIOCREATEREQUESTQUEUE = Option<
    unsafe extern "system" fn(
        Socket: SOCKET,
        MaxOutstandingReceive: u32,
        MaxReceiveDataBuffers: u32,
        MaxOutstandingSend: u32,
        MaxSendDataBuffers: u32,
        ReceiveCQ: RIO_CQ,
        SendCQ: RIO_CQ,
        SocketContext: *mut c_void,
    ) -> RIO_RQ,
>;
pub type LPFN_RIODEQUEUECOMPLETION =
    Option<unsafe extern "system" fn(CQ: RIO_CQ, Array: *mut RIORESULT, ArraySize: u32) -> u32>;
pub type LPFN_RIODEREGISTERBUFFER = Option<unsafe extern "system" fn(BufferId: RIO_BUFFERID)>;
pub type LPFN_RIONOTIFY = Option<unsafe extern "system" fn(CQ: RIO_CQ) -> i32>;
pub type LPFN_RIOREGISTERBUFFER =
    Option<unsafe extern "system" fn(DataBuffer: *mut u8, DataLength: u32) -> RIO_BUFFERID>;
pub type LPFN_RIORESIZECOMPLETIONQUEUE = Option<unsafe extern "system" fn(CQ: RIO_CQ, QueueSize: u32) -> BOOL>;
pub type LPFN_RIORESIZEREQUESTQUEUE =
    Option<unsafe extern "system" fn(RQ: RIO_RQ, MaxOutstandingReceive: u32, MaxOutstandingSend: u32) -> BOOL>;

/// The functions of registered I/O, in this order (API-RIO-1, API-RIO-2). `cbSize` is in bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RIO_EXTENSION_FUNCTION_TABLE {
    pub cbSize: u32,
    pub RIOReceive: LPFN_RIORECEIVE,
    pub RIOReceiveEx: LPFN_RIORECEIVEEX,
    pub RIOSend: LPFN_RIOSEND,
    pub RIOSendEx: LPFN_RIOSENDEX,
    pub RIOCloseCompletionQueue: LPFN_RIOCLOSECOMPLETIONQUEUE,
    pub RIOCreateCompletionQueue: LPFN_RIOCREATECOMPLETIONQUEUE,
    pub RIOCreateRequestQueue: LPFN_RIOCREATEREQUESTQUEUE,
    pub RIODequeueCompletion: LPFN_RIODEQUEUECOMPLETION,
    pub RIODeregisterBuffer: LPFN_RIODEREGISTERBUFFER,
    pub RIONotify: LPFN_RIONOTIFY,
    pub RIORegisterBuffer: LPFN_RIOREGISTERBUFFER,
    pub RIOResizeCompletionQueue: LPFN_RIORESIZECOMPLETIONQUEUE,
    pub RIOResizeRequestQueue: LPFN_RIORESIZEREQUESTQUEUE,
}
