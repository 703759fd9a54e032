//! Level IPPROTO_IP.
//!
//! | option | here |
//! |---|---|
//! | IP_TTL, IP_TOS, IP_MULTICAST_TTL, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_UNICAST_IF, IP_MTU | the kernel's |
//! | IP_MULTICAST_LOOP | the kernel's, which looks at the sender's option; Windows looks at the receiver's |
//! | IP_MULTICAST_IF, memberships, sources | the kernel's; an interface is an address, or its index as `0.x.y.z` |
//! | IP_DONTFRAGMENT, IP_MTU_DISCOVER | both are the kernel's IP_MTU_DISCOVER |
//! | IP_PROTECTION_LEVEL | kept; a level that would keep peers out is refused |
//! | IP_OPTIONS, IP_HDRINCL, IP_USER_MTU, IP_RECEIVE_BROADCAST, IP_RECVIF, IP_IFLIST, the rest | WSAENOPROTOOPT |

use std::net::Ipv4Addr;

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery};
use windlass_abi::{
    IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_DONTFRAGMENT, IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP, IP_MTU, IP_MTU_DISCOVER, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IP_PKTINFO, IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_NOT_SET, IP_PMTUDISC_PROBE, IP_PROTECTION_LEVEL,
    IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IP_UNBLOCK_SOURCE, IP_UNICAST_IF, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP,
    MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, MCAST_UNBLOCK_SOURCE,
    PROTECTION_LEVEL_DEFAULT, PROTECTION_LEVEL_EDGERESTRICTED, PROTECTION_LEVEL_UNRESTRICTED, WsaError,
};
use windlass_spi::Result;

use super::membership::{Change, change_group, change_group_source, change_ip_mreq, change_ip_mreq_source};
use super::{Entry, NOTHING, On, kernel};
use crate::error::from_errno;
use crate::interfaces::index_of;
use crate::socket::{Family, TcpSocket};

/// What this level and IPPROTO_IPV6 keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The index that `IP_MULTICAST_IF` tells.
    multicast_if: u32,
    /// `PROTECTION_LEVEL_*`; absent for the default.
    protection_level: Option<u32>,
}

impl Kept {
    pub(super) fn to_words(self) -> [u32; 2] {
        [self.multicast_if, self.protection_level.unwrap_or(NOTHING)]
    }

    pub(super) fn from_words([multicast_if, level]: [u32; 2]) -> Self {
        Self { multicast_if, protection_level: (level != NOTHING).then_some(level) }
    }
}

/// The levels that IP_PMTUDISC_* and the kernel have in common, in pairs.
const PATH_MTU: [(i32, Ipv4PathMtuDiscovery); 4] = [
    (IP_PMTUDISC_NOT_SET, Ipv4PathMtuDiscovery::WANT),
    (IP_PMTUDISC_DO, Ipv4PathMtuDiscovery::DO),
    (IP_PMTUDISC_DONT, Ipv4PathMtuDiscovery::DONT),
    (IP_PMTUDISC_PROBE, Ipv4PathMtuDiscovery::PROBE),
];

pub const TABLE: &[Entry] = &[
    Entry::dword(
        IP_TTL,
        On::All,
        |socket| sockopt::ip_ttl(socket.fd()).map_err(from_errno),
        |socket, hops| sockopt::set_ip_ttl(socket.fd(), byte(hops)?.into()).map_err(from_errno),
    ),
    Entry::dword(
        IP_TOS,
        On::All,
        |socket| sockopt::ip_tos(socket.fd()).map_err(from_errno).map(u32::from),
        |socket, tos| sockopt::set_ip_tos(socket.fd(), byte(tos)?).map_err(from_errno),
    ),
    Entry::dword(
        IP_MULTICAST_IF,
        On::Datagrams,
        |socket| Ok(socket.rare().kept.ip.multicast_if),
        |socket, address| set_multicast_if(socket, Ipv4Addr::from(address.to_ne_bytes())),
    ),
    Entry::dword(
        IP_MULTICAST_TTL,
        On::Datagrams,
        |socket| sockopt::ip_multicast_ttl(socket.fd()).map_err(from_errno),
        |socket, hops| sockopt::set_ip_multicast_ttl(socket.fd(), byte(hops)?.into()).map_err(from_errno),
    ),
    Entry::bool(
        IP_MULTICAST_LOOP,
        On::Datagrams,
        |socket| sockopt::ip_multicast_loop(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_ip_multicast_loop(socket.fd(), on).map_err(from_errno),
    ),
    Entry::action(IP_ADD_MEMBERSHIP, On::Datagrams, |socket, value| change_ip_mreq(socket, Change::Join, value)),
    Entry::action(IP_DROP_MEMBERSHIP, On::Datagrams, |socket, value| change_ip_mreq(socket, Change::Leave, value)),
    Entry::action(IP_ADD_SOURCE_MEMBERSHIP, On::Datagrams, |socket, value| {
        change_ip_mreq_source(socket, Change::JoinSource, value)
    }),
    Entry::action(IP_DROP_SOURCE_MEMBERSHIP, On::Datagrams, |socket, value| {
        change_ip_mreq_source(socket, Change::LeaveSource, value)
    }),
    Entry::action(IP_BLOCK_SOURCE, On::Datagrams, |socket, value| change_ip_mreq_source(socket, Change::Block, value)),
    Entry::action(IP_UNBLOCK_SOURCE, On::Datagrams, |socket, value| {
        change_ip_mreq_source(socket, Change::Unblock, value)
    }),
    Entry::action(MCAST_JOIN_GROUP, On::Datagrams, |socket, value| {
        change_group(socket, Change::Join, Family::Ip4, value)
    }),
    Entry::action(MCAST_LEAVE_GROUP, On::Datagrams, |socket, value| {
        change_group(socket, Change::Leave, Family::Ip4, value)
    }),
    Entry::action(MCAST_JOIN_SOURCE_GROUP, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::JoinSource, Family::Ip4, value)
    }),
    Entry::action(MCAST_LEAVE_SOURCE_GROUP, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::LeaveSource, Family::Ip4, value)
    }),
    Entry::action(MCAST_BLOCK_SOURCE, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::Block, Family::Ip4, value)
    }),
    Entry::action(MCAST_UNBLOCK_SOURCE, On::Datagrams, |socket, value| {
        change_group_source(socket, Change::Unblock, Family::Ip4, value)
    }),
    Entry::bool(
        IP_DONTFRAGMENT,
        On::Datagrams,
        |socket| Ok(path_mtu(socket)? == Ipv4PathMtuDiscovery::DO),
        |socket, on| {
            let way = if on { Ipv4PathMtuDiscovery::DO } else { Ipv4PathMtuDiscovery::WANT };
            sockopt::set_ip_mtu_discover(socket.fd(), way).map_err(from_errno)
        },
    ),
    Entry::dword(
        IP_MTU_DISCOVER,
        On::All,
        |socket| {
            let way = path_mtu(socket)?;
            let known = PATH_MTU.iter().find(|(_, kernel)| *kernel == way);
            Ok(known.map_or(IP_PMTUDISC_NOT_SET, |(windows, _)| *windows) as u32)
        },
        |socket, value| {
            let known = PATH_MTU.iter().find(|(windows, _)| *windows as u32 == value);
            let (_, way) = known.ok_or(WsaError::WSAEINVAL)?;
            sockopt::set_ip_mtu_discover(socket.fd(), *way).map_err(from_errno)
        },
    ),
    Entry::new(IP_MTU, On::All, super::Access::ReadDword(|socket| sockopt::ip_mtu(socket.fd()).map_err(from_errno))),
    Entry::bool(
        IP_PKTINFO,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::Ipv4PacketInfo),
        |socket, on| kernel::set(socket, kernel::Ipv4PacketInfo, on),
    ),
    // The same number as IP_HOPLIMIT.
    Entry::bool(
        IP_RECVTTL,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::Ipv4RecvTtl),
        |socket, on| kernel::set(socket, kernel::Ipv4RecvTtl, on),
    ),
    // The same number as IP_RECVTCLASS.
    Entry::bool(
        IP_RECVTOS,
        On::Datagrams,
        |socket| sockopt::ip_recvtos(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_ip_recvtos(socket.fd(), on).map_err(from_errno),
    ),
    // Set in network order, read in host order; the kernel has both in network order.
    Entry::dword(
        IP_UNICAST_IF,
        On::All,
        |socket| kernel::get(socket, kernel::IpUnicastIf).map(u32::from_be),
        |socket, index| kernel::set(socket, kernel::IpUnicastIf, index),
    ),
    Entry::dword(IP_PROTECTION_LEVEL, On::All, protection_level, set_protection_level),
];

/// `IP_PROTECTION_LEVEL` and `IPV6_PROTECTION_LEVEL`. The two lower levels say who may cross a tunnel
/// through an address translator, and this machine has no such tunnel; the highest keeps strangers out.
pub fn protection_level(socket: &TcpSocket) -> Result<u32> {
    Ok(socket.rare().kept.ip.protection_level.unwrap_or(PROTECTION_LEVEL_UNRESTRICTED as u32))
}

/// # Errors
/// WSAEINVAL: no such level, or one that is not kept.
pub fn set_protection_level(socket: &TcpSocket, level: u32) -> Result<()> {
    socket.rare().kept.ip.protection_level = match level as i32 {
        PROTECTION_LEVEL_DEFAULT => None,
        PROTECTION_LEVEL_UNRESTRICTED | PROTECTION_LEVEL_EDGERESTRICTED => Some(level),
        _ => return Err(WsaError::WSAEINVAL),
    };
    Ok(())
}

/// A value that has one byte in a header.
///
/// # Errors
/// WSAEINVAL: more than 255.
pub fn byte(value: u32) -> Result<u8> {
    u8::try_from(value).map_err(|_| WsaError::WSAEINVAL)
}

fn path_mtu(socket: &TcpSocket) -> Result<Ipv4PathMtuDiscovery> {
    sockopt::ip_mtu_discover(socket.fd()).map_err(from_errno)
}

fn set_multicast_if(socket: &TcpSocket, address: Ipv4Addr) -> Result<()> {
    let index = index_of(address)?;
    let any = Ipv4Addr::UNSPECIFIED;
    match index {
        0 => sockopt::set_ip_multicast_if(socket.fd(), &any),
        _ => sockopt::set_ip_multicast_if_with_ifindex(socket.fd(), &any, &any, index),
    }
    .map_err(from_errno)?;
    socket.rare().kept.ip.multicast_if = index;
    Ok(())
}
