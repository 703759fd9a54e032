//! Options and structures of the IPv4, IPv6, TCP and UDP levels. The values are those of Windows:
//! most differ from Linux.

use crate::{IN_ADDR, IN6_ADDR, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_STORAGE, SOCKET_ADDRESS};

// The other protocol numbers are in `socket`.
pub const IPPROTO_HOPOPTS: i32 = 0;
pub const IPPROTO_IGMP: i32 = 2;
pub const IPPROTO_GGP: i32 = 3;
pub const IPPROTO_IPV4: i32 = 4;
pub const IPPROTO_ST: i32 = 5;
pub const IPPROTO_CBT: i32 = 7;
pub const IPPROTO_EGP: i32 = 8;
pub const IPPROTO_IGP: i32 = 9;
pub const IPPROTO_PUP: i32 = 12;
pub const IPPROTO_IDP: i32 = 22;
pub const IPPROTO_RDP: i32 = 27;
pub const IPPROTO_ROUTING: i32 = 43;
pub const IPPROTO_FRAGMENT: i32 = 44;
pub const IPPROTO_ESP: i32 = 50;
pub const IPPROTO_AH: i32 = 51;
pub const IPPROTO_NONE: i32 = 59;
pub const IPPROTO_DSTOPTS: i32 = 60;
pub const IPPROTO_ND: i32 = 77;
pub const IPPROTO_ICLFXBM: i32 = 78;
pub const IPPROTO_PIM: i32 = 103;
pub const IPPROTO_PGM: i32 = 113;
pub const IPPROTO_L2TP: i32 = 115;
pub const IPPROTO_SCTP: i32 = 132;
pub const IPPROTO_MAX: i32 = 256;

// Addresses, in host byte order where they are numbers.
pub const INADDR_ANY: u32 = 0;
pub const INADDR_LOOPBACK: u32 = 0x7F00_0001;
pub const INADDR_BROADCAST: u32 = 0xFFFF_FFFF;
pub const INADDR_NONE: u32 = 0xFFFF_FFFF;
/// Characters, with the NUL, of the longest IPv4 address and port.
pub const INET_ADDRSTRLEN: usize = 22;
/// Characters, with the NUL, of the longest IPv6 address, scope and port.
pub const INET6_ADDRSTRLEN: usize = 65;
/// `::`
pub const IN6ADDR_ANY: IN6_ADDR = IN6_ADDR { Byte: [0; 16] };
/// `::1`
pub const IN6ADDR_LOOPBACK: IN6_ADDR = IN6_ADDR { Byte: 1u128.to_be_bytes() };

// Options of level IPPROTO_IP.
pub const IP_OPTIONS: i32 = 1;
pub const IP_HDRINCL: i32 = 2;
pub const IP_TOS: i32 = 3;
pub const IP_TTL: i32 = 4;
pub const IP_MULTICAST_IF: i32 = 9;
pub const IP_MULTICAST_TTL: i32 = 10;
pub const IP_MULTICAST_LOOP: i32 = 11;
pub const IP_ADD_MEMBERSHIP: i32 = 12;
pub const IP_DROP_MEMBERSHIP: i32 = 13;
pub const IP_DONTFRAGMENT: i32 = 14;
pub const IP_ADD_SOURCE_MEMBERSHIP: i32 = 15;
pub const IP_DROP_SOURCE_MEMBERSHIP: i32 = 16;
pub const IP_BLOCK_SOURCE: i32 = 17;
pub const IP_UNBLOCK_SOURCE: i32 = 18;
pub const IP_PKTINFO: i32 = 19;
pub const IP_HOPLIMIT: i32 = 21;
pub const IP_RECVTTL: i32 = 21;
pub const IP_RECEIVE_BROADCAST: i32 = 22;
pub const IP_PROTECTION_LEVEL: i32 = 23;
pub const IP_RECVIF: i32 = 24;
pub const IP_RECVDSTADDR: i32 = 25;
pub const IP_IFLIST: i32 = 28;
pub const IP_ADD_IFLIST: i32 = 29;
pub const IP_DEL_IFLIST: i32 = 30;
pub const IP_UNICAST_IF: i32 = 31;
pub const IP_RTHDR: i32 = 32;
pub const IP_GET_IFLIST: i32 = 33;
pub const IP_RECVRTHDR: i32 = 38;
pub const IP_TCLASS: i32 = 39;
pub const IP_RECVTCLASS: i32 = 40;
pub const IP_RECVTOS: i32 = 40;
pub const IP_ORIGINAL_ARRIVAL_IF: i32 = 47;
pub const IP_ECN: i32 = 50;
pub const IP_RECVECN: i32 = 50;
pub const IP_PKTINFO_EX: i32 = 51;
pub const IP_WFP_REDIRECT_RECORDS: i32 = 60;
pub const IP_WFP_REDIRECT_CONTEXT: i32 = 70;
pub const IP_MTU_DISCOVER: i32 = 71;
pub const IP_MTU: i32 = 73;
pub const IP_NRT_INTERFACE: i32 = 74;
pub const IP_RECVERR: i32 = 75;
pub const IP_USER_MTU: i32 = 76;

pub const IP_UNSPECIFIED_TYPE_OF_SERVICE: i32 = -1;
pub const IP_UNSPECIFIED_HOP_LIMIT: i32 = -1;
pub const IP_UNSPECIFIED_USER_MTU: u32 = u32::MAX;

/// `PMTUD_STATE`: the value of `IP_MTU_DISCOVER` and `IPV6_MTU_DISCOVER`.
pub type PMTUD_STATE = i32;
pub const IP_PMTUDISC_NOT_SET: PMTUD_STATE = 0;
pub const IP_PMTUDISC_DO: PMTUD_STATE = 1;
pub const IP_PMTUDISC_DONT: PMTUD_STATE = 2;
pub const IP_PMTUDISC_PROBE: PMTUD_STATE = 3;
pub const IP_PMTUDISC_MAX: PMTUD_STATE = 4;

// Options of level IPPROTO_IPV6.
pub const IPV6_HOPOPTS: i32 = 1;
pub const IPV6_HDRINCL: i32 = 2;
pub const IPV6_UNICAST_HOPS: i32 = 4;
pub const IPV6_MULTICAST_IF: i32 = 9;
pub const IPV6_MULTICAST_HOPS: i32 = 10;
pub const IPV6_MULTICAST_LOOP: i32 = 11;
pub const IPV6_ADD_MEMBERSHIP: i32 = 12;
pub const IPV6_JOIN_GROUP: i32 = 12;
pub const IPV6_DROP_MEMBERSHIP: i32 = 13;
pub const IPV6_LEAVE_GROUP: i32 = 13;
pub const IPV6_DONTFRAG: i32 = 14;
pub const IPV6_PKTINFO: i32 = 19;
pub const IPV6_HOPLIMIT: i32 = 21;
pub const IPV6_PROTECTION_LEVEL: i32 = 23;
pub const IPV6_RECVIF: i32 = 24;
pub const IPV6_RECVDSTADDR: i32 = 25;
pub const IPV6_CHECKSUM: i32 = 26;
pub const IPV6_V6ONLY: i32 = 27;
pub const IPV6_IFLIST: i32 = 28;
pub const IPV6_ADD_IFLIST: i32 = 29;
pub const IPV6_DEL_IFLIST: i32 = 30;
pub const IPV6_UNICAST_IF: i32 = 31;
pub const IPV6_RTHDR: i32 = 32;
pub const IPV6_GET_IFLIST: i32 = 33;
pub const IPV6_RECVRTHDR: i32 = 38;
pub const IPV6_TCLASS: i32 = 39;
pub const IPV6_RECVTCLASS: i32 = 40;
pub const IPV6_ECN: i32 = 50;
pub const IPV6_RECVECN: i32 = 50;
pub const IPV6_PKTINFO_EX: i32 = 51;
pub const IPV6_WFP_REDIRECT_RECORDS: i32 = 60;
pub const IPV6_WFP_REDIRECT_CONTEXT: i32 = 70;
pub const IPV6_MTU_DISCOVER: i32 = 71;
pub const IPV6_MTU: i32 = 72;
pub const IPV6_NRT_INTERFACE: i32 = 74;
pub const IPV6_RECVERR: i32 = 75;
pub const IPV6_USER_MTU: i32 = 76;

// Values of the two PROTECTION_LEVEL options.
pub const PROTECTION_LEVEL_UNRESTRICTED: i32 = 10;
pub const PROTECTION_LEVEL_EDGERESTRICTED: i32 = 20;
pub const PROTECTION_LEVEL_RESTRICTED: i32 = 30;
/// Reset to the default; 20 before Windows Vista.
pub const PROTECTION_LEVEL_DEFAULT: i32 = -1;

// Multicast options that both IP levels have.
pub const MCAST_JOIN_GROUP: i32 = 41;
pub const MCAST_LEAVE_GROUP: i32 = 42;
pub const MCAST_BLOCK_SOURCE: i32 = 43;
pub const MCAST_UNBLOCK_SOURCE: i32 = 44;
pub const MCAST_JOIN_SOURCE_GROUP: i32 = 45;
pub const MCAST_LEAVE_SOURCE_GROUP: i32 = 46;

/// Whether a source list says who is heard or who is not.
pub type MULTICAST_MODE_TYPE = i32;
pub const MCAST_INCLUDE: MULTICAST_MODE_TYPE = 0;
pub const MCAST_EXCLUDE: MULTICAST_MODE_TYPE = 1;

// Options of level IPPROTO_TCP. Times are in seconds unless the name says MS.
pub const TCP_OFFLOAD_NO_PREFERENCE: i32 = 0;
pub const TCP_OFFLOAD_NOT_PREFERRED: i32 = 1;
pub const TCP_OFFLOAD_PREFERRED: i32 = 2;
pub const TCP_NODELAY: i32 = 1;
pub const TCP_EXPEDITED_1122: i32 = 2;
pub const TCP_KEEPALIVE: i32 = 3;
pub const TCP_KEEPIDLE: i32 = 3;
pub const TCP_MAXSEG: i32 = 4;
pub const TCP_MAXRT: i32 = 5;
pub const TCP_STDURG: i32 = 6;
pub const TCP_NOURG: i32 = 7;
pub const TCP_ATMARK: i32 = 8;
pub const TCP_NOSYNRETRIES: i32 = 9;
pub const TCP_TIMESTAMPS: i32 = 10;
pub const TCP_OFFLOAD_PREFERENCE: i32 = 11;
pub const TCP_CONGESTION_ALGORITHM: i32 = 12;
pub const TCP_DELAY_FIN_ACK: i32 = 13;
pub const TCP_MAXRTMS: i32 = 14;
pub const TCP_FASTOPEN: i32 = 15;
pub const TCP_KEEPCNT: i32 = 16;
pub const TCP_KEEPINTVL: i32 = 17;
pub const TCP_FAIL_CONNECT_ON_ICMP_ERROR: i32 = 18;
pub const TCP_ICMP_ERROR_INFO: i32 = 19;
pub const TCP_BSDURGENT: i32 = 0x7000;

// Options of level IPPROTO_UDP.
pub const UDP_NOCHECKSUM: i32 = 1;
pub const UDP_SEND_MSG_SIZE: i32 = 2;
pub const UDP_RECV_MAX_COALESCED_SIZE: i32 = 3;
pub const UDP_CHECKSUM_COVERAGE: i32 = 20;
/// Control message that says the size of the datagrams that were merged.
pub const UDP_COALESCED_INFO: i32 = 3;

/// A group of IPv4 and the interface to join it on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IP_MREQ {
    pub imr_multiaddr: IN_ADDR,
    pub imr_interface: IN_ADDR,
}

/// A group of IPv4, one of its sources, and the interface.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IP_MREQ_SOURCE {
    pub imr_multiaddr: IN_ADDR,
    pub imr_sourceaddr: IN_ADDR,
    pub imr_interface: IN_ADDR,
}

/// The sources of a group of IPv4; `imsf_slist` has `imsf_numsrc` elements.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IP_MSFILTER {
    pub imsf_multiaddr: IN_ADDR,
    pub imsf_interface: IN_ADDR,
    pub imsf_fmode: MULTICAST_MODE_TYPE,
    pub imsf_numsrc: u32,
    pub imsf_slist: [IN_ADDR; 1],
}

/// A group of IPv6 and the index of the interface to join it on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IPV6_MREQ {
    pub ipv6mr_multiaddr: IN6_ADDR,
    pub ipv6mr_interface: u32,
}

/// A group of either family and the index of the interface.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GROUP_REQ {
    pub gr_interface: u32,
    pub gr_group: SOCKADDR_STORAGE,
}

/// A group of either family, one of its sources, and the index of the interface.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GROUP_SOURCE_REQ {
    pub gsr_interface: u32,
    pub gsr_group: SOCKADDR_STORAGE,
    pub gsr_source: SOCKADDR_STORAGE,
}

/// The sources of a group of either family; `gf_slist` has `gf_numsrc` elements.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GROUP_FILTER {
    pub gf_interface: u32,
    pub gf_group: SOCKADDR_STORAGE,
    pub gf_fmode: MULTICAST_MODE_TYPE,
    pub gf_numsrc: u32,
    pub gf_slist: [SOCKADDR_STORAGE; 1],
}

/// Control data: the local IPv4 address and interface of a datagram (API-X57).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IN_PKTINFO {
    pub ipi_addr: IN_ADDR,
    pub ipi_ifindex: u32,
}

/// Control data: the local IPv6 address and interface of a datagram (API-X57).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IN6_PKTINFO {
    pub ipi6_addr: IN6_ADDR,
    pub ipi6_ifindex: u32,
}

/// Control data of `IP_RECVERR` and `IPV6_RECVERR`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IN_RECVERR {
    pub protocol: i32,
    pub info: u32,
    pub r#type: u8,
    pub code: u8,
}

/// The address that an ICMP error came from; see `TCP_ICMP_ERROR_INFO`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ICMP_ERROR_INFO {
    pub srcaddress: SOCKADDR_INET,
    pub protocol: i32,
    pub r#type: u8,
    pub code: u8,
}

/// An address of either family.
#[repr(C)]
#[derive(Clone, Copy)]
pub union SOCKADDR_INET {
    pub Ipv4: SOCKADDR_IN,
    pub Ipv6: SOCKADDR_IN6,
    pub si_family: u16,
}

/// The input of `SIO_KEEPALIVE_VALS`; times in milliseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct tcp_keepalive {
    pub onoff: u32,
    pub keepalivetime: u32,
    pub keepaliveinterval: u32,
}

// Ioctl codes of the IP protocols.
pub const SIO_RCVALL: u32 = 0x9800_0001;
pub const SIO_RCVALL_MCAST: u32 = 0x9800_0002;
pub const SIO_RCVALL_IGMPMCAST: u32 = 0x9800_0003;
pub const SIO_ABSORB_RTRALERT: u32 = 0x9800_0005;
pub const SIO_UCAST_IF: u32 = 0x9800_0006;
pub const SIO_LIMIT_BROADCASTS: u32 = 0x9800_0007;
pub const SIO_INDEX_BIND: u32 = 0x9800_0008;
pub const SIO_INDEX_MCASTIF: u32 = 0x9800_0009;
pub const SIO_INDEX_ADD_MCAST: u32 = 0x9800_000A;
pub const SIO_INDEX_DEL_MCAST: u32 = 0x9800_000B;
pub const SIO_UDP_NETRESET: u32 = 0x9800_000F;
pub const SIO_LOOPBACK_FAST_PATH: u32 = 0x9800_0010;
pub const SIO_TCP_INITIAL_RTO: u32 = 0x9800_0011;
pub const SIO_TCP_INFO: u32 = 0xD800_0027;
pub const SIO_GET_INTERFACE_LIST: u32 = 0x4004_747F;
pub const SIO_GET_INTERFACE_LIST_EX: u32 = 0x4004_747E;
pub const SIO_SET_MULTICAST_FILTER: u32 = 0x8004_747D;
pub const SIO_GET_MULTICAST_FILTER: u32 = 0x8004_747C;
pub const SIOCSIPMSFILTER: u32 = SIO_SET_MULTICAST_FILTER;
pub const SIOCGIPMSFILTER: u32 = SIO_GET_MULTICAST_FILTER;
pub const SIOCSMSFILTER: u32 = 0x8004_747E;
pub const SIOCGMSFILTER: u32 = 0x8004_747F;
pub const SIO_IDEAL_SEND_BACKLOG_QUERY: u32 = 0x4004_747B;
pub const SIO_IDEAL_SEND_BACKLOG_CHANGE: u32 = 0x2000_747A;

// iiFlags of INTERFACE_INFO.
pub const IFF_UP: u32 = 0x1;
pub const IFF_BROADCAST: u32 = 0x2;
pub const IFF_LOOPBACK: u32 = 0x4;
pub const IFF_POINTTOPOINT: u32 = 0x8;
pub const IFF_MULTICAST: u32 = 0x10;

/// The IPv6 address of early drafts, as `sockaddr_gen` holds it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct sockaddr_in6_old {
    pub sin6_family: i16,
    pub sin6_port: u16,
    pub sin6_flowinfo: u32,
    pub sin6_addr: IN6_ADDR,
}

/// The address of an interface.
#[repr(C)]
#[derive(Clone, Copy)]
pub union sockaddr_gen {
    pub Address: SOCKADDR,
    pub AddressIn: SOCKADDR_IN,
    pub AddressIn6: sockaddr_in6_old,
}

/// An element of the result of `SIO_GET_INTERFACE_LIST`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct INTERFACE_INFO {
    pub iiFlags: u32,
    pub iiAddress: sockaddr_gen,
    pub iiBroadcastAddress: sockaddr_gen,
    pub iiNetmask: sockaddr_gen,
}

/// An element of the result of `SIO_GET_INTERFACE_LIST_EX`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct INTERFACE_INFO_EX {
    pub iiFlags: u32,
    pub iiAddress: SOCKET_ADDRESS,
    pub iiBroadcastAddress: SOCKET_ADDRESS,
    pub iiNetmask: SOCKET_ADDRESS,
}
