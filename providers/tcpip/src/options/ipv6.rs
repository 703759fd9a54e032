//! Level IPPROTO_IPV6; on IPv6 sockets only.
//!
//! | option | here |
//! |---|---|
//! | IPV6_V6ONLY | the kernel's; true by default, as on Windows |
//! | IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_UNICAST_IF, IPV6_TCLASS, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_RECVTCLASS, IPV6_DONTFRAG, IPV6_MTU_DISCOVER, IPV6_MTU, memberships, sources | the kernel's |
//! | IPV6_MULTICAST_LOOP | the kernel's, which looks at the sender's option |
//! | IPV6_PROTECTION_LEVEL | kept, as in `ip` |
//! | IPV6_HDRINCL, IPV6_USER_MTU, IPV6_RECVIF, IP_ORIGINAL_ARRIVAL_IF, IPV6_CHECKSUM, the rest | WSAENOPROTOOPT |

use rustix::net::sockopt::{self, Ipv6PathMtuDiscovery};
use windlass_abi::{
    IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_NOT_SET, IP_PMTUDISC_PROBE, IPV6_ADD_MEMBERSHIP, IPV6_DONTFRAG,
    IPV6_DROP_MEMBERSHIP, IPV6_HOPLIMIT, IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP, IPV6_PKTINFO, IPV6_PROTECTION_LEVEL, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS,
    IPV6_UNICAST_IF, IPV6_V6ONLY, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP, MCAST_UNBLOCK_SOURCE, WsaError,
};

use super::ip::{byte, protection_level, set_protection_level};
use super::membership::{Change, change_group, change_group_source, change_ipv6_mreq};
use super::{Access, Entry, On, kernel};
use crate::error::from_errno;
use crate::socket::Family;

/// The levels that IP_PMTUDISC_* and the kernel have in common, in pairs.
const PATH_MTU: [(i32, Ipv6PathMtuDiscovery); 4] = [
    (IP_PMTUDISC_NOT_SET, Ipv6PathMtuDiscovery::WANT),
    (IP_PMTUDISC_DO, Ipv6PathMtuDiscovery::DO),
    (IP_PMTUDISC_DONT, Ipv6PathMtuDiscovery::DONT),
    (IP_PMTUDISC_PROBE, Ipv6PathMtuDiscovery::PROBE),
];

pub const TABLE: &[Entry] = &[
    Entry::bool(
        IPV6_V6ONLY,
        On::All,
        |socket| sockopt::ipv6_v6only(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_ipv6_v6only(socket.fd(), on).map_err(from_errno),
    ),
    Entry::dword(
        IPV6_UNICAST_HOPS,
        On::All,
        |socket| sockopt::ipv6_unicast_hops(socket.fd()).map_err(from_errno).map(u32::from),
        |socket, hops| sockopt::set_ipv6_unicast_hops(socket.fd(), Some(byte(hops)?)).map_err(from_errno),
    ),
    Entry::dword(
        IPV6_MULTICAST_HOPS,
        On::Datagrams,
        |socket| sockopt::ipv6_multicast_hops(socket.fd()).map_err(from_errno),
        |socket, hops| sockopt::set_ipv6_multicast_hops(socket.fd(), byte(hops)?.into()).map_err(from_errno),
    ),
    Entry::dword(
        IPV6_MULTICAST_IF,
        On::Datagrams,
        |socket| sockopt::ipv6_multicast_if(socket.fd()).map_err(from_errno),
        |socket, index| sockopt::set_ipv6_multicast_if(socket.fd(), index).map_err(from_errno),
    ),
    Entry::bool(
        IPV6_MULTICAST_LOOP,
        On::Datagrams,
        |socket| sockopt::ipv6_multicast_loop(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_ipv6_multicast_loop(socket.fd(), on).map_err(from_errno),
    ),
    // The same numbers as IPV6_JOIN_GROUP and IPV6_LEAVE_GROUP.
    Entry::action(IPV6_ADD_MEMBERSHIP, On::Datagrams, |socket, value| change_ipv6_mreq(socket, Change::Join, value)),
    Entry::action(IPV6_DROP_MEMBERSHIP, On::Datagrams, |socket, value| change_ipv6_mreq(socket, Change::Leave, value)),
    Entry::action(MCAST_JOIN_GROUP, On::Datagrams, |socket, value| {
        change_group(socket, Change::Join, Family::Ip6, value)
    }),
    Entry::action(MCAST_LEAVE_GROUP, On::Datagrams, |socket, value| {
        change_group(socket, Change::Leave, Family::Ip6, value)
    }),
    Entry::action(MCAST_JOIN_SOURCE_GROUP, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::JoinSource, Family::Ip6, value)
    }),
    Entry::action(MCAST_LEAVE_SOURCE_GROUP, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::LeaveSource, Family::Ip6, value)
    }),
    Entry::action(MCAST_BLOCK_SOURCE, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::Block, Family::Ip6, value)
    }),
    Entry::action(MCAST_UNBLOCK_SOURCE, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::Unblock, Family::Ip6, value)
    }),
    Entry::bool(
        IPV6_DONTFRAG,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::Ipv6DontFrag),
        |socket, on| kernel::set(socket, kernel::Ipv6DontFrag, on),
    ),
    Entry::dword(
        IPV6_MTU_DISCOVER,
        On::All,
        |socket| {
            let way = sockopt::ipv6_mtu_discover(socket.fd()).map_err(from_errno)?;
            let known = PATH_MTU.iter().find(|(_, kernel)| *kernel == way);
            Ok(known.map_or(IP_PMTUDISC_NOT_SET, |(windows, _)| *windows) as u32)
        },
        |socket, value| {
            let known = PATH_MTU.iter().find(|(windows, _)| *windows as u32 == value);
            let (_, way) = known.ok_or(WsaError::WSAEINVAL)?;
            sockopt::set_ipv6_mtu_discover(socket.fd(), *way).map_err(from_errno)
        },
    ),
    Entry::new(IPV6_MTU, On::All, Access::ReadDword(|socket| sockopt::ipv6_mtu(socket.fd()).map_err(from_errno))),
    Entry::bool(
        IPV6_PKTINFO,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::Ipv6RecvPacketInfo),
        |socket, on| kernel::set(socket, kernel::Ipv6RecvPacketInfo, on),
    ),
    Entry::bool(
        IPV6_HOPLIMIT,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::Ipv6RecvHopLimit),
        |socket, on| kernel::set(socket, kernel::Ipv6RecvHopLimit, on),
    ),
    Entry::dword(
        IPV6_TCLASS,
        On::All,
        |socket| sockopt::ipv6_tclass(socket.fd()).map_err(from_errno),
        |socket, class| sockopt::set_ipv6_tclass(socket.fd(), byte(class)?.into()).map_err(from_errno),
    ),
    Entry::bool(
        IPV6_RECVTCLASS,
        On::Datagrams,
        |socket| sockopt::ipv6_recvtclass(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_ipv6_recvtclass(socket.fd(), on).map_err(from_errno),
    ),
    // Host order here; the kernel has network order.
    Entry::dword(
        IPV6_UNICAST_IF,
        On::All,
        |socket| kernel::get(socket, kernel::Ipv6UnicastIf).map(u32::from_be),
        |socket, index| kernel::set(socket, kernel::Ipv6UnicastIf, index.to_be()),
    ),
    Entry::dword(IPV6_PROTECTION_LEVEL, On::All, protection_level, set_protection_level),
];
