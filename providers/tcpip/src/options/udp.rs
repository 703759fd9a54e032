//! Level IPPROTO_UDP.
//!
//! | option | here |
//! |---|---|
//! | UDP_NOCHECKSUM | the kernel's SO_NO_CHECK; IPv4 only |
//! | UDP_CHECKSUM_COVERAGE | the opposite; over IPv6 always true |
//! | UDP_SEND_MSG_SIZE | the kernel's UDP_SEGMENT: a larger send leaves as datagrams of this size |
//! | UDP_RECV_MAX_COALESCED_SIZE | WSAENOPROTOOPT: the kernel merges datagrams without a limit of the client's choice |

use windlass_abi::{UDP_CHECKSUM_COVERAGE, UDP_NOCHECKSUM, UDP_SEND_MSG_SIZE, WsaError};

use super::{Entry, On, kernel};
use crate::socket::Family;

pub const TABLE: &[Entry] = &[
    Entry::bool(
        UDP_NOCHECKSUM,
        On::Datagrams4,
        |socket| kernel::get(socket, kernel::NoChecksum),
        |socket, on| kernel::set(socket, kernel::NoChecksum, on),
    ),
    Entry::bool(
        UDP_CHECKSUM_COVERAGE,
        On::Datagrams,
        |socket| match socket.family {
            Family::Ip4 => kernel::get(socket, kernel::NoChecksum).map(|off| !off),
            Family::Ip6 => Ok(true),
        },
        |socket, on| match socket.family {
            Family::Ip4 => kernel::set(socket, kernel::NoChecksum, !on),
            Family::Ip6 if on => Ok(()),
            Family::Ip6 => Err(WsaError::WSAEINVAL),
        },
    ),
    Entry::dword(
        UDP_SEND_MSG_SIZE,
        On::Datagrams,
        |socket| kernel::get(socket, kernel::UdpGsoSegment).map(|size| size as u32),
        |socket, size| {
            let size = u16::try_from(size).map_err(|_| WsaError::WSAEINVAL)?;
            kernel::set(socket, kernel::UdpGsoSegment, size.into())
        },
    ),
];
