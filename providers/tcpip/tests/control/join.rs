//! Joining multicast groups (contract: transport, section 5.17).

use std::net::{Ipv4Addr, SocketAddr};

use windlass_abi::*;

use crate::support::upcalls::TestEvent;
use crate::support::{Winsock, families, loopback};

const LEAF: u32 = WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF;

/// A leaf bound to the loopback address of IPv4 or to any address, and its port.
fn leaf(winsock: &Winsock, to: Ipv4Addr) -> (SOCKET, u16) {
    let s = winsock.socket_with(AF_INET, SOCK_DGRAM, LEAF).unwrap();
    winsock.bind(s, (to, 0).into()).unwrap();
    (s, winsock.sock_name(s).unwrap().port())
}

/// How many members a group has on any interface, as the kernel lists it.
fn members(group: Ipv4Addr) -> usize {
    let name = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    std::fs::read_to_string("/proc/net/igmp").unwrap().matches(&name).count()
}

// proves: WSP-JOIN-1, WSP-JOIN-3
#[test]
fn wsp_join_6_a_join_is_a_membership() {
    let winsock = Winsock::start();
    let group = Ipv4Addr::new(239, 77, 2, 1);
    for flags in [JL_RECEIVER_ONLY, JL_BOTH] {
        // The interface is that of the local address.
        let (s, port) = leaf(&winsock, Ipv4Addr::LOCALHOST);
        assert_eq!(members(group), 0);
        assert_eq!(winsock.join_leaf(s, (group, port).into(), flags), Ok(s), "the same descriptor");
        assert_eq!(members(group), 1);
        winsock.close(s).unwrap();
        assert_eq!(members(group), 0);
    }
    // A sender is no member.
    let (s, port) = leaf(&winsock, Ipv4Addr::LOCALHOST);
    assert_eq!(winsock.join_leaf(s, (group, port).into(), JL_SENDER_ONLY), Ok(s));
    assert_eq!(members(group), 0);
    winsock.close(s).unwrap();
}

#[test]
fn wsp_join_6_members_receive_what_is_sent_to_the_group() {
    let winsock = Winsock::start();
    let group = Ipv4Addr::new(239, 77, 2, 2);
    // To receive, a socket is bound to the group's address or to any; the interface is chosen by an option then.
    let (sender, _) = leaf(&winsock, Ipv4Addr::LOCALHOST);
    let (receiver, port) = leaf(&winsock, Ipv4Addr::UNSPECIFIED);
    let to: SocketAddr = (group, port).into();
    winsock.join_leaf(sender, to, JL_SENDER_ONLY).unwrap();
    let request = [group.octets(), Ipv4Addr::LOCALHOST.octets()].concat();
    winsock.set_option(receiver, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request).unwrap();
    winsock.send_to(sender, b"to all", to).unwrap();
    assert_eq!(winsock.recv_from(receiver, 99, 0).unwrap().0, b"to all");
    winsock.close_all([sender, receiver]);
}

#[test]
fn wsp_join_2_only_leaves_join() {
    let winsock = Winsock::start();
    let group = (Ipv4Addr::new(239, 77, 2, 3), 9).into();
    let (plain, _) = winsock.datagram(AF_INET);
    assert_eq!(winsock.join_leaf(plain, group, JL_BOTH), Err(WsaError::WSAEINVAL));
    let stream = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.join_leaf(stream, group, JL_BOTH), Err(WsaError::WSAEINVAL));
    let (s, _) = leaf(&winsock, Ipv4Addr::LOCALHOST);
    for flags in [0, 3, 5, 7, 8, u32::MAX] {
        assert_eq!(winsock.join_leaf(s, group, flags), Err(WsaError::WSAEINVAL), "flags {flags}");
    }
    winsock.close_all([plain, stream, s]);
}

#[test]
fn wsp_join_5_one_group_for_each_socket() {
    let winsock = Winsock::start();
    let (s, port) = leaf(&winsock, Ipv4Addr::LOCALHOST);
    let group = |last| (Ipv4Addr::new(239, 77, 3, last), port).into();
    // A join that fails may be tried again.
    assert_eq!(winsock.join_leaf(s, loopback(AF_INET), JL_BOTH), Err(WsaError::WSAEADDRNOTAVAIL));
    assert_eq!(winsock.join_leaf(s, "[ff01::1]:9".parse().unwrap(), JL_BOTH), Err(WsaError::WSAEAFNOSUPPORT));
    assert_eq!(winsock.join_leaf(s, group(1), JL_BOTH), Ok(s));
    assert_eq!(winsock.join_leaf(s, group(1), JL_BOTH), Err(WsaError::WSAEISCONN));
    assert_eq!(winsock.join_leaf(s, group(2), JL_BOTH), Err(WsaError::WSAEISCONN));
    winsock.close(s).unwrap();
}

#[test]
fn wsp_join_4_a_non_blocking_socket_is_told_by_an_event() {
    let winsock = Winsock::start();
    let (s, port) = leaf(&winsock, Ipv4Addr::LOCALHOST);
    let event = TestEvent::new();
    winsock.event_select(s, event.handle(), FD_CONNECT).unwrap();
    assert!(!event.is_set());
    assert_eq!(winsock.join_leaf(s, (Ipv4Addr::new(239, 77, 2, 4), port).into(), JL_BOTH), Ok(s));
    event.wait("FD_CONNECT");
    let events = winsock.enum_network_events(s, event.handle()).unwrap();
    assert_eq!((events.lNetworkEvents, events.iErrorCode[FD_CONNECT_BIT]), (FD_CONNECT, 0));
    winsock.close(s).unwrap();
}

#[test]
fn an_unbound_leaf_is_bound_by_its_join() {
    let winsock = Winsock::start();
    if families().len() == 1 {
        return;
    }
    let s = winsock.socket_with(AF_INET6, SOCK_DGRAM, LEAF).unwrap();
    // The scope of the group names the interface.
    let group: SocketAddr = "[ff01::7702%1]:9".parse().unwrap();
    assert_eq!(winsock.join_leaf(s, group, JL_RECEIVER_ONLY), Ok(s));
    assert_ne!(winsock.sock_name(s).unwrap().port(), 0);
    let listed = std::fs::read_to_string("/proc/net/igmp6").unwrap();
    assert!(listed.contains("ff010000000000000000000000007702"));
    winsock.close(s).unwrap();
}
