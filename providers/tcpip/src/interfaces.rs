//! The network interfaces of this machine and their addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, SocketAddrV6};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;
use windlass_abi::WsaError;
use windlass_spi::Result;

use crate::error::from_errno;
use crate::sockaddr::SocketAddress;
use crate::socket::Family;

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The index, by which options name the interface; not zero.
    pub index: u32,
    pub flags: InterfaceFlags,
    /// The address, with port zero, and with the interface as its scope where it is local to the link.
    pub address: SocketAddress,
    pub netmask: Option<IpAddr>,
    /// The address for everyone on the link.
    pub broadcast: Option<Ipv4Addr>,
}

/// The addresses of a family on all interfaces that are up, in the system's order.
///
/// # Errors
/// What the kernel says: WSAENOBUFS, WSAEMFILE.
pub fn interfaces(family: Family) -> Result<Vec<Interface>> {
    let addresses = getifaddrs().map_err(error)?;
    Ok(addresses
        .filter(|entry| entry.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|entry| {
            let address =
                entry.address.and_then(read).filter(|address| address.is_ipv4() == (family == Family::Ip4))?;
            Some(Interface {
                // An interface that is gone by now is left out.
                index: if_nametoindex(entry.interface_name.as_str()).ok()?,
                flags: entry.flags,
                address,
                netmask: entry.netmask.and_then(read).map(|mask| mask.ip()),
                broadcast: entry.broadcast.and_then(read).and_then(|address| match address.ip() {
                    IpAddr::V4(address) => Some(address),
                    IpAddr::V6(_) => None,
                }),
            })
        })
        .collect())
}

/// The index of the interface that an option names by an IPv4 address: zero for no address, which leaves
/// the choice to the kernel; `0.x.y.z` is the index itself; any other is an address of the interface.
///
/// # Errors
/// WSAEADDRNOTAVAIL: no interface has the address.
pub fn index_of(address: Ipv4Addr) -> Result<u32> {
    if address.octets()[0] == 0 {
        return Ok(u32::from(address));
    }
    let all = interfaces(Family::Ip4)?;
    let owner = all.iter().find(|interface| interface.address.ip() == IpAddr::V4(address));
    owner.map(|interface| interface.index).ok_or(WsaError::WSAEADDRNOTAVAIL)
}

fn read(address: SockaddrStorage) -> Option<SocketAddress> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::new(v4.ip(), 0).into());
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddrV6::new(v6.ip(), 0, 0, v6.scope_id()).into())
}

fn error(errno: nix::errno::Errno) -> WsaError {
    from_errno(rustix::io::Errno::from_raw_os_error(errno as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_its_addresses() {
        let all = interfaces(Family::Ip4).unwrap();
        let loopback = all.iter().find(|one| one.address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        assert!(loopback.flags.contains(InterfaceFlags::IFF_LOOPBACK));
        assert_ne!(loopback.index, 0);
        assert!(all.iter().all(|one| one.address.is_ipv4()));
        assert!(interfaces(Family::Ip6).unwrap().iter().all(|one| one.address.is_ipv6()));
    }

    #[test]
    fn options_name_interfaces_by_address_or_index() {
        assert_eq!(index_of(Ipv4Addr::UNSPECIFIED), Ok(0));
        assert_eq!(index_of(Ipv4Addr::new(0, 0, 1, 2)), Ok(258));
        let loopback = index_of(Ipv4Addr::LOCALHOST).unwrap();
        assert_eq!(if_nametoindex("lo"), Ok(loopback));
        // An address for documentation, which no machine has.
        assert_eq!(index_of(Ipv4Addr::new(192, 0, 2, 1)), Err(WsaError::WSAEADDRNOTAVAIL));
    }
}
