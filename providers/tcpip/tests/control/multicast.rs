//! Membership of multicast groups by options (contract: transport, section 5.26).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use windlass_abi::*;

use crate::support::{A_WHILE, Winsock, encode, families};

/// `IP_MREQ` or `IP_MREQ_SOURCE`, and the likes.
fn parts(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Index of the loopback interface, which is the first of every machine.
const LOOPBACK: u32 = 1;

/// A datagram socket bound to any address, and its port.
fn bound(winsock: &Winsock, family: i32) -> (SOCKET, u16) {
    let s = winsock.socket(family, SOCK_DGRAM);
    let any = if family == AF_INET { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    winsock.bind(s, any).unwrap();
    (s, winsock.sock_name(s).unwrap().port())
}

/// Whether what `sender` sends to the group is received.
fn is_heard(winsock: &Winsock, sender: SOCKET, receiver: SOCKET, to: SocketAddr) -> bool {
    winsock.send_to(sender, b"hello", to).unwrap();
    let [ready, ..] = winsock.select(&[receiver], &[], &[], Some(A_WHILE)).unwrap();
    if ready.is_empty() {
        return false;
    }
    assert_eq!(winsock.recv_from(receiver, 9, 0).unwrap().0, b"hello");
    true
}

#[test]
fn ipv4_memberships_by_address_and_by_index() {
    let winsock = Winsock::start();
    let group = Ipv4Addr::new(239, 77, 1, 1);
    let (receiver, port) = bound(&winsock, AF_INET);
    let sender = winsock.socket(AF_INET, SOCK_DGRAM);
    let to = (group, port).into();
    let set = |option, value: &[u8]| winsock.set_option(receiver, IPPROTO_IP, option, value);
    // The interface to send on, by address.
    let localhost = Ipv4Addr::LOCALHOST.octets();
    winsock.set_option(sender, IPPROTO_IP, IP_MULTICAST_IF, &localhost).unwrap();
    assert_eq!(winsock.int_option(sender, IPPROTO_IP, IP_MULTICAST_IF), LOOPBACK as i32);
    assert!(!is_heard(&winsock, sender, receiver, to));
    for interface in [localhost, LOOPBACK.to_be_bytes()] {
        let request = parts(&[&group.octets(), &interface]);
        set(IP_ADD_MEMBERSHIP, &request).unwrap();
        assert!(is_heard(&winsock, sender, receiver, to));
        set(IP_DROP_MEMBERSHIP, &request).unwrap();
        assert!(!is_heard(&winsock, sender, receiver, to));
        assert_eq!(set(IP_DROP_MEMBERSHIP, &request), Err(WsaError::WSAEADDRNOTAVAIL));
        assert_eq!(set(IP_ADD_MEMBERSHIP, &request[..7]), Err(WsaError::WSAEFAULT));
    }
    let nobody = parts(&[&group.octets(), &[192, 0, 2, 1]]);
    assert_eq!(set(IP_ADD_MEMBERSHIP, &nobody), Err(WsaError::WSAEADDRNOTAVAIL));
    assert_eq!(set(IP_ADD_MEMBERSHIP, &parts(&[&[10, 0, 0, 1], &localhost])), Err(WsaError::WSAEINVAL));
    // A stream has no groups.
    let stream = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.set_option(stream, IPPROTO_IP, IP_ADD_MEMBERSHIP, &[0; 8]), Err(WsaError::WSAENOPROTOOPT));
    winsock.close_all([receiver, sender, stream]);
}

#[test]
fn ipv4_sources_are_heard_and_blocked() {
    let winsock = Winsock::start();
    let group = Ipv4Addr::new(239, 77, 1, 2).octets();
    let (receiver, port) = bound(&winsock, AF_INET);
    let (sender, from) = winsock.datagram(AF_INET);
    let to = (Ipv4Addr::from(group), port).into();
    let localhost = Ipv4Addr::LOCALHOST.octets();
    let set = |option, value: &[u8]| winsock.set_option(receiver, IPPROTO_IP, option, value);
    winsock.set_option(sender, IPPROTO_IP, IP_MULTICAST_IF, &localhost).unwrap();
    assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);

    // A socket that hears one source, and then this one.
    let other = parts(&[&group, &[127, 0, 0, 9], &localhost]);
    let right = parts(&[&group, &localhost, &localhost]);
    set(IP_ADD_SOURCE_MEMBERSHIP, &other).unwrap();
    assert!(!is_heard(&winsock, sender, receiver, to));
    set(IP_ADD_SOURCE_MEMBERSHIP, &right).unwrap();
    assert!(is_heard(&winsock, sender, receiver, to));
    set(IP_DROP_SOURCE_MEMBERSHIP, &right).unwrap();
    set(IP_DROP_SOURCE_MEMBERSHIP, &other).unwrap();
    assert!(!is_heard(&winsock, sender, receiver, to));

    // One that hears all but some.
    set(IP_ADD_MEMBERSHIP, &parts(&[&group, &localhost])).unwrap();
    set(IP_BLOCK_SOURCE, &right).unwrap();
    assert!(!is_heard(&winsock, sender, receiver, to));
    set(IP_UNBLOCK_SOURCE, &right).unwrap();
    assert!(is_heard(&winsock, sender, receiver, to));
    assert_eq!(set(IP_BLOCK_SOURCE, &right[..11]), Err(WsaError::WSAEFAULT));
    winsock.close_all([receiver, sender]);
}

/// `GROUP_REQ` or `GROUP_SOURCE_REQ`.
fn group_request(interface: u32, addresses: &[SocketAddr]) -> Vec<u8> {
    let mut request = parts(&[&interface.to_ne_bytes(), &[0; 4]]);
    for address in addresses {
        let mut storage = encode(*address);
        storage.resize(128, 0);
        request.extend(storage);
    }
    request
}

#[test]
fn ipv4_groups_by_index() {
    let winsock = Winsock::start();
    let (receiver, port) = bound(&winsock, AF_INET);
    let (sender, from) = winsock.datagram(AF_INET);
    let group: SocketAddr = "239.77.1.3:0".parse().unwrap();
    let to = (group.ip(), port).into();
    winsock.set_option(sender, IPPROTO_IP, IP_MULTICAST_IF, &LOOPBACK.to_be_bytes()).unwrap();
    let set = |option, value: &[u8]| winsock.set_option(receiver, IPPROTO_IP, option, value);
    let all = group_request(LOOPBACK, &[group]);
    let one = group_request(LOOPBACK, &[group, from]);
    for (option, request, heard) in [
        (MCAST_JOIN_GROUP, &all, true),
        (MCAST_BLOCK_SOURCE, &one, false),
        (MCAST_UNBLOCK_SOURCE, &one, true),
        (MCAST_LEAVE_GROUP, &all, false),
        (MCAST_JOIN_SOURCE_GROUP, &one, true),
        (MCAST_LEAVE_SOURCE_GROUP, &one, false),
    ] {
        set(option, request).unwrap();
        assert_eq!(is_heard(&winsock, sender, receiver, to), heard, "option {option}");
    }
    assert_eq!(
        set(MCAST_JOIN_GROUP, &group_request(LOOPBACK, &["[ff01::1]:0".parse().unwrap()])),
        Err(WsaError::WSAEINVAL)
    );
    assert_eq!(set(MCAST_JOIN_GROUP, &all[..all.len() - 1]), Err(WsaError::WSAEFAULT));
    assert_eq!(set(MCAST_JOIN_SOURCE_GROUP, &all), Err(WsaError::WSAEFAULT));
    winsock.close_all([receiver, sender]);
}

/// What the kernel lists of a group: who is a member on the loopback interface, and whose sources are
/// included or excluded. There is no route by which a datagram to an IPv6 group could stay on this machine.
fn listed(file: &str, group: &str) -> Vec<String> {
    let list = std::fs::read_to_string(file).unwrap();
    list.lines().filter(|line| line.contains(group)).map(str::to_owned).collect()
}

#[test]
fn ipv6_groups_by_index() {
    let winsock = Winsock::start();
    if families().len() == 1 {
        return;
    }
    let s = winsock.socket(AF_INET6, SOCK_DGRAM);
    let set = |option, value: &[u8]| winsock.set_option(s, IPPROTO_IPV6, option, value);
    let group: SocketAddr = "[ff01::7701]:0".parse().unwrap();
    let source: SocketAddr = "[2001:db8::1]:0".parse().unwrap();
    let name = "ff010000000000000000000000007701";
    let members = || listed("/proc/net/igmp6", name).len();
    let sources = || listed("/proc/net/mcfilter6", name).iter().filter(|line| line.contains("20010db8")).count();

    let octets = "ff01::7701".parse::<Ipv6Addr>().unwrap().octets();
    let request = parts(&[&octets, &LOOPBACK.to_ne_bytes()]);
    assert_eq!(members(), 0);
    set(IPV6_ADD_MEMBERSHIP, &request).unwrap();
    assert_eq!(members(), 1);
    set(IPV6_DROP_MEMBERSHIP, &request).unwrap();
    assert_eq!(members(), 0);
    assert_eq!(set(IPV6_DROP_MEMBERSHIP, &request), Err(WsaError::WSAEADDRNOTAVAIL));
    assert_eq!(set(IPV6_ADD_MEMBERSHIP, &request[..19]), Err(WsaError::WSAEFAULT));

    let all = group_request(LOOPBACK, &[group]);
    let one = group_request(LOOPBACK, &[group, source]);
    for (option, request, expected) in [
        (MCAST_JOIN_GROUP, &all, (1, 0)),
        (MCAST_BLOCK_SOURCE, &one, (1, 1)),
        (MCAST_UNBLOCK_SOURCE, &one, (1, 0)),
        (MCAST_LEAVE_GROUP, &all, (0, 0)),
        (MCAST_JOIN_SOURCE_GROUP, &one, (1, 1)),
        (MCAST_LEAVE_SOURCE_GROUP, &one, (0, 0)),
    ] {
        set(option, request).unwrap();
        assert_eq!((members(), sources()), expected, "option {option}");
    }
    let v4 = group_request(LOOPBACK, &["239.77.1.3:0".parse().unwrap()]);
    assert_eq!(set(MCAST_JOIN_GROUP, &v4), Err(WsaError::WSAEINVAL));
    winsock.close(s).unwrap();
}
