//! What the machine knows of itself: its name and its addresses.

use std::net::{IpAddr, Ipv6Addr};

/// The name of this machine; one that resolves, if it has none (API-B8).
pub(crate) fn name() -> String {
    let system = rustix::system::uname();
    let known = system.nodename().to_string_lossy();
    if known.is_empty() { "localhost".into() } else { known.into_owned() }
}

/// The addresses of this machine's interfaces, without those of the loopback interface unless there are no others, and without
/// those that mean nothing outside of a link.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
    };
    let all: Vec<IpAddr> = interfaces.filter_map(address).collect();
    let is_link_local = |v6: &Ipv6Addr| v6.is_unicast_link_local();
    let is_wanted =
        |address: &&IpAddr| !address.is_loopback() && !matches!(address, IpAddr::V6(v6) if is_link_local(v6));
    let outside: Vec<IpAddr> = all.iter().filter(is_wanted).copied().collect();
    if outside.is_empty() { all.into_iter().filter(IpAddr::is_loopback).collect() } else { outside }
}
