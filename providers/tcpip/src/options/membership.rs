//! Membership of multicast groups, for the options of both IP levels and for `WSPJoinLeaf`.

use std::net::{IpAddr, SocketAddr};

use windlass_abi::{AF_INET6, WsaError};
use windlass_spi::Result;

use super::kernel::{self, Group, GroupSource, Storage};
use super::value::load;
use crate::interfaces::index_of;
use crate::sockaddr::{Name, SocketAddress, encode, parse};
use crate::socket::{Family, TcpSocket};

/// What is done with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Join,
    Leave,
    /// Join for one source, or hear one more.
    JoinSource,
    LeaveSource,
    /// Hear a source no longer, in a group that is joined for all.
    Block,
    Unblock,
}

/// Changes the membership of `socket` in `group` on an interface; index zero leaves the choice to the kernel.
/// `source` is there if the change is about one.
///
/// # Errors
/// WSAEINVAL: not a multicast address, or a source where none belongs. WSAEADDRNOTAVAIL: not a member, or no
/// interface. WSAEADDRINUSE: a member already. WSAENOBUFS: too many groups.
pub fn change(
    socket: &TcpSocket,
    change: Change,
    group: SocketAddress,
    source: Option<SocketAddress>,
    interface: u32,
) -> Result<()> {
    if !group.ip().is_multicast() {
        return Err(WsaError::WSAEINVAL);
    }
    let all = Group { interface, padding: 0, group: storage(&group) };
    let one =
        |source: &SocketAddress| GroupSource { interface, padding: 0, group: storage(&group), source: storage(source) };
    match (change, group.ip(), &source) {
        (Change::Join, IpAddr::V4(_), None) => kernel::set(socket, kernel::Join4, all),
        (Change::Join, IpAddr::V6(_), None) => kernel::set(socket, kernel::Join6, all),
        (Change::Leave, IpAddr::V4(_), None) => kernel::set(socket, kernel::Leave4, all),
        (Change::Leave, IpAddr::V6(_), None) => kernel::set(socket, kernel::Leave6, all),
        (Change::JoinSource, IpAddr::V4(_), Some(source)) => kernel::set(socket, kernel::JoinSource4, one(source)),
        (Change::JoinSource, IpAddr::V6(_), Some(source)) => kernel::set(socket, kernel::JoinSource6, one(source)),
        (Change::LeaveSource, IpAddr::V4(_), Some(source)) => kernel::set(socket, kernel::LeaveSource4, one(source)),
        (Change::LeaveSource, IpAddr::V6(_), Some(source)) => kernel::set(socket, kernel::LeaveSource6, one(source)),
        (Change::Block, IpAddr::V4(_), Some(source)) => kernel::set(socket, kernel::Block4, one(source)),
        (Change::Block, IpAddr::V6(_), Some(source)) => kernel::set(socket, kernel::Block6, one(source)),
        (Change::Unblock, IpAddr::V4(_), Some(source)) => kernel::set(socket, kernel::Unblock4, one(source)),
        (Change::Unblock, IpAddr::V6(_), Some(source)) => kernel::set(socket, kernel::Unblock6, one(source)),
        (_, _, _) => Err(WsaError::WSAEINVAL),
    }
}

/// `IP_MREQ`: the group, and the interface by address or index.
pub fn change_ip_mreq(socket: &TcpSocket, what: Change, value: &[u8]) -> Result<()> {
    let interface = index_of(load::<4>(value, 4)?.into())?;
    change(socket, what, ip4(value, 0)?, None, interface)
}

/// `IP_MREQ_SOURCE`: the group, the source, and the interface by address or index.
pub fn change_ip_mreq_source(socket: &TcpSocket, what: Change, value: &[u8]) -> Result<()> {
    let interface = index_of(load::<4>(value, 8)?.into())?;
    change(socket, what, ip4(value, 0)?, Some(ip4(value, 4)?), interface)
}

/// `IPV6_MREQ`: the group, and the index of the interface.
pub fn change_ipv6_mreq(socket: &TcpSocket, what: Change, value: &[u8]) -> Result<()> {
    let group = SocketAddr::new(IpAddr::from(load::<16>(value, 0)?), 0);
    change(socket, what, group, None, u32::from_ne_bytes(load(value, 16)?))
}

/// `GROUP_REQ` of the family that the level is for: the index of the interface, and the group.
pub fn change_group(socket: &TcpSocket, what: Change, family: Family, value: &[u8]) -> Result<()> {
    let interface = u32::from_ne_bytes(load(value, 0)?);
    change(socket, what, address(value, 8, family)?, None, interface)
}

/// `GROUP_SOURCE_REQ` of the family that the level is for: the index of the interface, the group, and the source.
pub fn change_group_source(socket: &TcpSocket, what: Change, family: Family, value: &[u8]) -> Result<()> {
    let interface = u32::from_ne_bytes(load(value, 0)?);
    let source = address(value, 8 + STORAGE, family)?;
    change(socket, what, address(value, 8, family)?, Some(source), interface)
}

/// Bytes of `SOCKADDR_STORAGE`.
const STORAGE: usize = 128;

fn ip4(value: &[u8], offset: usize) -> Result<SocketAddress> {
    Ok(SocketAddr::new(IpAddr::from(load::<4>(value, offset)?), 0))
}

fn address(value: &[u8], offset: usize, family: Family) -> Result<SocketAddress> {
    match parse(&load::<STORAGE>(value, offset)?, family)? {
        Name::Address(address) => Ok(address),
        Name::OtherFamily => Err(WsaError::WSAEINVAL),
    }
}

/// An address as the kernel has it: the same but for the number of the family.
fn storage(address: &SocketAddress) -> Storage {
    let mut storage = Storage([0; STORAGE]);
    let (bytes, length) = encode(address);
    storage.0[..length].copy_from_slice(&bytes[..length]);
    let family = if bytes[..2] == (AF_INET6 as u16).to_ne_bytes() { Family::Ip6 } else { Family::Ip4 };
    storage.0[..2].copy_from_slice(&family.kernel().as_raw().to_ne_bytes());
    storage
}
