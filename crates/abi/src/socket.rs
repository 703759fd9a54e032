//! Addresses, options, flags and ioctl codes of sockets.

use crate::SOCKET;

/// Any socket address; the family says which. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SOCKADDR {
    /// Address family, in host byte order (RT-11).
    pub sa_family: u16,
    pub sa_data: [u8; 14],
}

/// An IPv4 address in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IN_ADDR {
    pub s_addr: u32,
}

/// An IPv4 socket address; port and address in network byte order. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SOCKADDR_IN {
    pub sin_family: u16,
    pub sin_port: u16,
    pub sin_addr: IN_ADDR,
    pub sin_zero: [u8; 8],
}

/// An IPv6 address in network byte order, aligned to 2 as the union of bytes and words that C has.
#[repr(C, align(2))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IN6_ADDR {
    pub Byte: [u8; 16],
}

/// An IPv6 socket address; port, flow and address in network byte order. 28 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SOCKADDR_IN6 {
    pub sin6_family: u16,
    pub sin6_port: u16,
    pub sin6_flowinfo: u32,
    pub sin6_addr: IN6_ADDR,
    pub sin6_scope_id: u32,
}

/// Room for any socket address: 128 bytes, aligned to 8.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct SOCKADDR_STORAGE {
    pub ss_family: u16,
    pub __ss_pad: [u8; 126],
}

/// A counted set of sockets: 520 bytes on 64-bit systems, or more where a client chose a larger
/// `FD_SETSIZE`; only `fd_count` says how many there are (API-13).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FD_SET {
    pub fd_count: u32,
    pub fd_array: [SOCKET; FD_SETSIZE],
}
pub const FD_SETSIZE: usize = 64;

/// A time limit of 32-bit seconds and microseconds (API-14).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TIMEVAL {
    pub tv_sec: i32,
    pub tv_usec: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LINGER {
    pub l_onoff: u16,
    /// Seconds.
    pub l_linger: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FLOWSPEC {
    pub TokenRate: u32,
    pub TokenBucketSize: u32,
    pub PeakBandwidth: u32,
    pub Latency: u32,
    pub DelayVariation: u32,
    pub ServiceType: u32,
    pub MaxSduSize: u32,
    pub MinimumPolicedSize: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct QOS {
    pub SendingFlowspec: FLOWSPEC,
    pub ReceivingFlowspec: FLOWSPEC,
    pub ProviderSpecific: crate::WSABUF,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SOCKET_ADDRESS {
    pub lpSockaddr: *mut SOCKADDR,
    pub iSockaddrLength: i32,
}

/// A counted list of addresses; `Address` has `iAddressCount` elements.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SOCKET_ADDRESS_LIST {
    pub iAddressCount: i32,
    pub Address: [SOCKET_ADDRESS; 1],
}

pub const AF_UNSPEC: i32 = 0;
pub const AF_UNIX: i32 = 1;
pub const AF_INET: i32 = 2;
pub const AF_INET6: i32 = 23;

pub const SOCK_STREAM: i32 = 1;
pub const SOCK_DGRAM: i32 = 2;
pub const SOCK_RAW: i32 = 3;
pub const SOCK_RDM: i32 = 4;
pub const SOCK_SEQPACKET: i32 = 5;

pub const IPPROTO_IP: i32 = 0;
pub const IPPROTO_ICMP: i32 = 1;
pub const IPPROTO_TCP: i32 = 6;
pub const IPPROTO_UDP: i32 = 17;
pub const IPPROTO_IPV6: i32 = 41;
pub const IPPROTO_ICMPV6: i32 = 58;
pub const IPPROTO_RAW: i32 = 255;

pub const SOMAXCONN: i32 = 0x7fff_ffff;

pub const SD_RECEIVE: i32 = 0;
pub const SD_SEND: i32 = 1;
pub const SD_BOTH: i32 = 2;

pub const MSG_OOB: u32 = 0x1;
pub const MSG_PEEK: u32 = 0x2;
pub const MSG_DONTROUTE: u32 = 0x4;
pub const MSG_WAITALL: u32 = 0x8;
pub const MSG_PUSH_IMMEDIATE: u32 = 0x20;
pub const MSG_PARTIAL: u32 = 0x8000;
pub const MSG_TRUNC: u32 = 0x100;
pub const MSG_CTRUNC: u32 = 0x200;
pub const MSG_BCAST: u32 = 0x400;
pub const MSG_MCAST: u32 = 0x800;

// dwFlags of WSASocket and WSPSocket (WSP-SOCK-3).
pub const WSA_FLAG_OVERLAPPED: u32 = 0x01;
pub const WSA_FLAG_MULTIPOINT_C_ROOT: u32 = 0x02;
pub const WSA_FLAG_MULTIPOINT_C_LEAF: u32 = 0x04;
pub const WSA_FLAG_MULTIPOINT_D_ROOT: u32 = 0x08;
pub const WSA_FLAG_MULTIPOINT_D_LEAF: u32 = 0x10;
pub const WSA_FLAG_ACCESS_SYSTEM_SECURITY: u32 = 0x40;
pub const WSA_FLAG_NO_HANDLE_INHERIT: u32 = 0x80;
pub const WSA_FLAG_REGISTERED_IO: u32 = 0x100;

pub const JL_SENDER_ONLY: u32 = 1;
pub const JL_RECEIVER_ONLY: u32 = 2;
pub const JL_BOTH: u32 = 4;

// SOL_SOCKET options (OPT-1, OPT-2, OPT-8).
pub const SOL_SOCKET: i32 = 0xFFFF;
pub const SO_DEBUG: i32 = 0x1;
pub const SO_ACCEPTCONN: i32 = 0x2;
pub const SO_REUSEADDR: i32 = 0x4;
pub const SO_KEEPALIVE: i32 = 0x8;
pub const SO_DONTROUTE: i32 = 0x10;
pub const SO_BROADCAST: i32 = 0x20;
pub const SO_USELOOPBACK: i32 = 0x40;
pub const SO_LINGER: i32 = 0x80;
pub const SO_OOBINLINE: i32 = 0x100;
pub const SO_DONTLINGER: i32 = !SO_LINGER;
pub const SO_EXCLUSIVEADDRUSE: i32 = !SO_REUSEADDR;
pub const SO_SNDBUF: i32 = 0x1001;
pub const SO_RCVBUF: i32 = 0x1002;
pub const SO_SNDLOWAT: i32 = 0x1003;
pub const SO_RCVLOWAT: i32 = 0x1004;
pub const SO_SNDTIMEO: i32 = 0x1005;
pub const SO_RCVTIMEO: i32 = 0x1006;
pub const SO_ERROR: i32 = 0x1007;
pub const SO_TYPE: i32 = 0x1008;
pub const SO_BSP_STATE: i32 = 0x1009;
pub const SO_GROUP_ID: i32 = 0x2001;
pub const SO_GROUP_PRIORITY: i32 = 0x2002;
pub const SO_MAX_MSG_SIZE: i32 = 0x2003;
pub const SO_PROTOCOL_INFOA: i32 = 0x2004;
pub const SO_PROTOCOL_INFOW: i32 = 0x2005;
pub const PVD_CONFIG: i32 = 0x3001;
pub const SO_CONDITIONAL_ACCEPT: i32 = 0x3002;
pub const SO_PAUSE_ACCEPT: i32 = 0x3003;
pub const SO_RANDOMIZE_PORT: i32 = 0x3005;
pub const SO_PORT_SCALABILITY: i32 = 0x3006;
pub const SO_REUSE_UNICASTPORT: i32 = 0x3007;
pub const SO_REUSE_MULTICASTPORT: i32 = 0x3008;
pub const SO_OPENTYPE: i32 = 0x7008;
pub const SO_SYNCHRONOUS_ALERT: i32 = 0x10;
pub const SO_SYNCHRONOUS_NONALERT: i32 = 0x20;
pub const SO_MAXDG: i32 = 0x7009;
pub const SO_MAXPATHDG: i32 = 0x700A;
pub const SO_UPDATE_ACCEPT_CONTEXT: i32 = 0x700B;
pub const SO_CONNECT_TIME: i32 = 0x700C;
pub const SO_UPDATE_CONNECT_CONTEXT: i32 = 0x7010;

// Ioctl codes (WSP-IOCTL-5, IO-1, IO-2).
pub const FIONBIO: u32 = 0x8004_667E;
pub const FIONREAD: u32 = 0x4004_667F;
pub const FIOASYNC: u32 = 0x8004_667D;
pub const SIOCATMARK: u32 = 0x4004_7307;
pub const SIO_ASSOCIATE_HANDLE: u32 = 0x8800_0001;
pub const SIO_ENABLE_CIRCULAR_QUEUEING: u32 = 0x2800_0002;
pub const SIO_FIND_ROUTE: u32 = 0x4800_0003;
pub const SIO_FLUSH: u32 = 0x2800_0004;
pub const SIO_GET_BROADCAST_ADDRESS: u32 = 0x4800_0005;
pub const SIO_GET_EXTENSION_FUNCTION_POINTER: u32 = 0xC800_0006;
pub const SIO_GET_QOS: u32 = 0xC800_0007;
pub const SIO_GET_GROUP_QOS: u32 = 0xC800_0008;
pub const SIO_MULTIPOINT_LOOPBACK: u32 = 0x8800_0009;
pub const SIO_MULTICAST_SCOPE: u32 = 0x8800_000A;
pub const SIO_SET_QOS: u32 = 0x8800_000B;
pub const SIO_SET_GROUP_QOS: u32 = 0x8800_000C;
pub const SIO_TRANSLATE_HANDLE: u32 = 0xC800_000D;
pub const SIO_ROUTING_INTERFACE_QUERY: u32 = 0xC800_0014;
pub const SIO_ROUTING_INTERFACE_CHANGE: u32 = 0x8800_0015;
pub const SIO_ADDRESS_LIST_QUERY: u32 = 0x4800_0016;
pub const SIO_ADDRESS_LIST_CHANGE: u32 = 0x2800_0017;
pub const SIO_QUERY_TARGET_PNP_HANDLE: u32 = 0x4800_0018;
pub const SIO_ADDRESS_LIST_SORT: u32 = 0xC800_0019;
pub const SIO_NSP_NOTIFY_CHANGE: u32 = 0x8800_0019;
pub const SIO_BSP_HANDLE: u32 = 0x4800_001B;
pub const SIO_BSP_HANDLE_SELECT: u32 = 0x4800_001C;
pub const SIO_BSP_HANDLE_POLL: u32 = 0x4800_001D;
pub const SIO_EXT_SELECT: u32 = 0xC800_001E;
pub const SIO_EXT_POLL: u32 = 0xC800_001F;
pub const SIO_EXT_SENDMSG: u32 = 0xC800_0020;
pub const SIO_BASE_HANDLE: u32 = 0x4800_0022;
pub const SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: u32 = 0xC800_0024;
pub const SIO_KEEPALIVE_VALS: u32 = 0x9800_0004;
pub const SIO_UDP_CONNRESET: u32 = 0x9800_000C;
