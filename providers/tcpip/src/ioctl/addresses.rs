//! The control codes that answer with addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::net::if_::InterfaceFlags;
use rustix::net::{SocketFlags, SocketType, getsockname, socket_with, sockopt};
use windlass_abi::{
    IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_POINTTOPOINT, IFF_UP, INTERFACE_INFO, SOCKET_ADDRESS,
    SOCKET_ADDRESS_LIST, WsaError,
};
use windlass_spi::Result;
use windlass_spi::transport::IoctlOutput;

use crate::error::from_errno;
use crate::interfaces::{Interface, interfaces};
use crate::options::value::{load, store};
use crate::sockaddr::{SocketAddress, encode, from_kernel, parse_or};
use crate::socket::{Family, TcpSocket};

/// `SIO_GET_BROADCAST_ADDRESS`: the address of everyone on the link, with port zero.
///
/// # Errors
/// WSAENOPROTOOPT: IPv6 has no broadcast.
pub fn broadcast(socket: &TcpSocket, output: &mut IoctlOutput<'_>) -> Result<()> {
    match socket.family {
        Family::Ip4 => give(output, &encoded(&SocketAddr::from((Ipv4Addr::BROADCAST, 0)))),
        Family::Ip6 => Err(WsaError::WSAENOPROTOOPT),
    }
}

/// `SIO_ADDRESS_LIST_QUERY`: the addresses of this machine that a socket of the family can be bound to
/// (IO-7). Loopback addresses are left out, unless there is nothing else.
pub fn list(socket: &TcpSocket, output: &mut IoctlOutput<'_>) -> Result<()> {
    let all = interfaces(socket.family)?;
    let (local, useful): (Vec<_>, Vec<_>) =
        all.iter().map(|interface| interface.address).partition(|address| address.ip().is_loopback());
    give_list(output, if useful.is_empty() { &local } else { &useful })
}

/// `SIO_ADDRESS_LIST_SORT`: the addresses of the input, those that are best to connect to first. The addresses
/// themselves must lie in the input buffer, as those of a list that was queried do.
///
/// # Errors
/// WSAEINVAL: an address of another family, or outside the buffer.
pub fn sort(socket: &TcpSocket, input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
    let mut addresses = read_list(input, output.input_address, socket.family)?;
    addresses.sort_by_cached_key(|address| Preference::of(*address));
    give_list(output, &addresses)
}

/// `SIO_ROUTING_INTERFACE_QUERY`: the local address from which the address of the input is reached.
///
/// # Errors
/// WSAEINVAL: another family. WSAENETUNREACH, WSAEHOSTUNREACH: no route.
pub fn local_for(socket: &TcpSocket, input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
    let peer = parse_or(input, socket.family, WsaError::WSAEINVAL)?;
    give(output, &encoded(&source_for(peer)?))
}

/// `SIO_FIND_ROUTE`: whether there is a route to the address of the input (IO-10). The kernel finds routes when they
/// are needed and keeps none of its finds, so there is nothing to forget first.
///
/// # Errors
/// As [`local_for`].
pub fn find_route(socket: &TcpSocket, input: &[u8]) -> Result<()> {
    source_for(parse_or(input, socket.family, WsaError::WSAEINVAL)?).map(drop)
}

/// `SIO_GET_INTERFACE_LIST`: `INTERFACE_INFO` of each IPv4 address.
///
/// # Errors
/// WSAEINVAL: not an IPv4 socket.
pub fn interface_list(socket: &TcpSocket, output: &mut IoctlOutput<'_>) -> Result<()> {
    if socket.family != Family::Ip4 {
        return Err(WsaError::WSAEINVAL);
    }
    let bytes: Vec<u8> = interfaces(Family::Ip4)?.iter().flat_map(interface_info).collect();
    give(output, &bytes)
}

/// The local address of a datagram socket that is connected to `peer`; nothing is sent.
fn source_for(peer: SocketAddress) -> Result<SocketAddress> {
    let family = if peer.is_ipv4() { Family::Ip4 } else { Family::Ip6 };
    let probe = socket_with(family.kernel(), SocketType::DGRAM, SocketFlags::CLOEXEC, None).map_err(from_errno)?;
    sockopt::set_socket_broadcast(&probe, true).map_err(from_errno)?;
    rustix::net::connect(&probe, &peer).map_err(from_errno)?;
    let mut local = from_kernel(getsockname(&probe).map_err(from_errno)?)?;
    local.set_port(0);
    Ok(local)
}

/// How good an address is to connect to, the best first: whether there is a route, then as RFC 6724 ranks
/// prefixes, then the narrower scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    unreachable: bool,
    rank: u8,
    scope: u8,
}

impl Preference {
    fn of(address: SocketAddress) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self { unreachable: source_for(address).is_err(), rank: 100 - precedence(ip), scope: scope(ip) }
    }
}

/// The default policy table of RFC 6724, section 2.1.
fn precedence(ip: Ipv6Addr) -> u8 {
    let parts = ip.segments();
    match parts {
        _ if ip.is_loopback() => 50,
        _ if ip.to_ipv4_mapped().is_some() => 35,
        [0, 0, 0, 0, 0, 0, ..] => 1,
        [0x2002, ..] => 30,
        [0x2001, 0, ..] => 5,
        [first, ..] if first & 0xfe00 == 0xfc00 => 3,
        [first, ..] if first & 0xffc0 == 0xfec0 => 1,
        [0x3ffe, ..] => 1,
        _ => 40,
    }
}

/// Scopes as in a multicast address: 2 is the link, 5 the site, 14 the world.
fn scope(ip: Ipv6Addr) -> u8 {
    let parts = ip.segments();
    let link_local_v4 = ip.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback() || v4.is_link_local());
    match parts[0] {
        _ if ip.is_loopback() || link_local_v4 => 2,
        first if first & 0xffc0 == 0xfe80 => 2,
        first if first & 0xffc0 == 0xfec0 => 5,
        first if first & 0xff00 == 0xff00 => (first & 0xf) as u8,
        _ => 14,
    }
}

/// Stores an answer, or only the size it needs (IO-7).
fn give(output: &mut IoctlOutput<'_>, bytes: &[u8]) -> Result<()> {
    output.returned = bytes.len() as u32;
    store(output.buffer, bytes).map(drop)
}

fn encoded(address: &SocketAddress) -> Vec<u8> {
    let (bytes, length) = encode(address);
    bytes[..length].to_vec()
}

// SOCKET_ADDRESS_LIST: a count, and pairs of a pointer and a length.
const HEAD: usize = std::mem::offset_of!(SOCKET_ADDRESS_LIST, Address);
const PAIR: usize = size_of::<SOCKET_ADDRESS>();
const LENGTH: usize = std::mem::offset_of!(SOCKET_ADDRESS, iSockaddrLength);

/// Stores a list whose pointers lead behind it, into the same buffer.
fn give_list(output: &mut IoctlOutput<'_>, addresses: &[SocketAddress]) -> Result<()> {
    const ROOM: usize = 32;
    let base = output.buffer.as_mut_ptr().expose_provenance();
    let first = HEAD + PAIR * addresses.len();
    let mut bytes = vec![0; first + ROOM * addresses.len()];
    bytes[..4].copy_from_slice(&(addresses.len() as i32).to_ne_bytes());
    for (at, address) in addresses.iter().enumerate() {
        let (place, pair) = (first + ROOM * at, HEAD + PAIR * at);
        let address = encoded(address);
        bytes[place..place + address.len()].copy_from_slice(&address);
        bytes[pair..pair + 8].copy_from_slice(&(base + place).to_ne_bytes());
        bytes[pair + LENGTH..pair + LENGTH + 4].copy_from_slice(&(address.len() as i32).to_ne_bytes());
    }
    give(output, &bytes)
}

/// Reads a list that the client has at `base`.
fn read_list(input: &[u8], base: usize, family: Family) -> Result<Vec<SocketAddress>> {
    let count = usize::try_from(i32::from_ne_bytes(load(input, 0)?)).map_err(|_| WsaError::WSAEINVAL)?;
    let end = count.checked_mul(PAIR).and_then(|pairs| pairs.checked_add(HEAD)).ok_or(WsaError::WSAEINVAL)?;
    if count > 0 && end > input.len() {
        return Err(WsaError::WSAEFAULT);
    }
    (0..count)
        .map(|at| {
            let pair = HEAD + PAIR * at;
            let place = usize::from_ne_bytes(load(input, pair)?).checked_sub(base);
            let length = usize::try_from(i32::from_ne_bytes(load(input, pair + LENGTH)?));
            let bytes = place.zip(length.ok()).and_then(|(place, length)| input.get(place..place.checked_add(length)?));
            parse_or(bytes.ok_or(WsaError::WSAEINVAL)?, family, WsaError::WSAEINVAL)
        })
        .collect()
}

/// `INTERFACE_INFO`: the flags, and three addresses in 24 bytes each.
fn interface_info(interface: &Interface) -> [u8; size_of::<INTERFACE_INFO>()] {
    const ADDRESS: usize = 24;
    let mut bytes = [0; size_of::<INTERFACE_INFO>()];
    bytes[..4].copy_from_slice(&flags(interface.flags).to_ne_bytes());
    let netmask = interface.netmask.unwrap_or(IpAddr::V4(Ipv4Addr::BROADCAST));
    let broadcast = IpAddr::V4(interface.broadcast.unwrap_or(Ipv4Addr::BROADCAST));
    let addresses = [interface.address, SocketAddr::new(broadcast, 0), SocketAddr::new(netmask, 0)];
    for (at, address) in addresses.iter().enumerate() {
        let address = encoded(address);
        let place = 4 + ADDRESS * at;
        bytes[place..place + address.len()].copy_from_slice(&address);
    }
    bytes
}

fn flags(of_kernel: InterfaceFlags) -> u32 {
    [
        (InterfaceFlags::IFF_UP, IFF_UP),
        (InterfaceFlags::IFF_BROADCAST, IFF_BROADCAST),
        (InterfaceFlags::IFF_LOOPBACK, IFF_LOOPBACK),
        (InterfaceFlags::IFF_POINTOPOINT, IFF_POINTTOPOINT),
        (InterfaceFlags::IFF_MULTICAST, IFF_MULTICAST),
    ]
    .into_iter()
    .filter(|(flag, _)| of_kernel.contains(*flag))
    .fold(0, |all, (_, windows)| all | windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_addresses_come_first() {
        let rank = |text: &str| {
            let ip = text.parse::<Ipv6Addr>().unwrap();
            (100 - precedence(ip), scope(ip))
        };
        let best_first = ["::1", "fe80::1", "2606::1", "::ffff:192.0.2.1", "2002::1", "2001::1", "fc00::1", "fec0::1"];
        for pair in best_first.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn a_list_is_read_back() {
        let addresses = ["127.0.0.1:1", "192.0.2.7:0"].map(|text| text.parse::<SocketAddr>().unwrap());
        let mut room = [0xaa; 256];
        let mut output = IoctlOutput { buffer: &mut room, returned: 0, input_address: 0 };
        give_list(&mut output, &addresses).unwrap();
        let length = output.returned as usize;
        assert_eq!(length, 8 + 2 * 16 + 2 * 32);
        let base = room.as_ptr().addr();
        assert_eq!(read_list(&room[..length], base, Family::Ip4), Ok(addresses.to_vec()));
        assert_eq!(read_list(&room[..length], base, Family::Ip6), Err(WsaError::WSAEINVAL));
        assert_eq!(read_list(&room[..length], base + 99, Family::Ip4), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn io_7_too_little_room_tells_the_size() {
        let addresses = ["127.0.0.1:0".parse().unwrap()];
        for length in 0..56 {
            let mut room = [0xaa; 56];
            let mut output = IoctlOutput { buffer: &mut room[..length], returned: 0, input_address: 0 };
            assert_eq!(give_list(&mut output, &addresses), Err(WsaError::WSAEFAULT));
            assert_eq!(output.returned, 56);
            assert_eq!(room, [0xaa; 56]);
        }
    }

    #[test]
    fn hostile_lists_are_refused() {
        let mut list = [0u8; 64];
        let base = 0x7000_0000;
        let mut with = |count: i32, pointer: usize, length: i32| {
            list[..4].copy_from_slice(&count.to_ne_bytes());
            list[8..16].copy_from_slice(&pointer.to_ne_bytes());
            list[16..20].copy_from_slice(&length.to_ne_bytes());
            read_list(&list, base, Family::Ip4)
        };
        assert_eq!(with(0, 0, 0), Ok(Vec::new()));
        assert_eq!(with(-1, 0, 0), Err(WsaError::WSAEINVAL));
        assert_eq!(with(i32::MAX, base, 16), Err(WsaError::WSAEFAULT));
        assert_eq!(with(1, 0, 16), Err(WsaError::WSAEINVAL));
        assert_eq!(with(1, usize::MAX, 16), Err(WsaError::WSAEINVAL));
        assert_eq!(with(1, base + 60, 16), Err(WsaError::WSAEINVAL));
        assert_eq!(with(1, base + 24, -1), Err(WsaError::WSAEINVAL));
        assert_eq!(with(1, base + 24, i32::MAX), Err(WsaError::WSAEINVAL));
        assert_eq!(with(1, base + 24, 1), Err(WsaError::WSAEFAULT));
        assert_eq!(read_list(&[0; 3], base, Family::Ip4), Err(WsaError::WSAEFAULT));
    }
}
