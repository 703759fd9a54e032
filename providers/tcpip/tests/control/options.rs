//! Socket options (contract: transport, sections 5.14, 5.26 and 7).

use std::net::Ipv4Addr;

use windlass_abi::*;

use crate::support::{A_WHILE, PATIENCE, Winsock, encode, families, loopback};

/// A `BOOL` that a stream, a datagram socket, or both have, with its default.
const BOOLEANS: &[(i32, bool, bool, i32)] = &[
    // option, on streams, on datagrams, default
    (SO_BROADCAST, false, true, 0),
    (SO_DEBUG, true, true, 0),
    (SO_DONTLINGER, true, false, 1),
    (SO_KEEPALIVE, true, false, 0),
    (SO_OOBINLINE, true, false, 0),
    (SO_REUSEADDR, true, true, 0),
    (SO_EXCLUSIVEADDRUSE, true, true, 0),
    (SO_CONDITIONAL_ACCEPT, true, false, 0),
    (SO_PORT_SCALABILITY, true, true, 0),
    (SO_RANDOMIZE_PORT, true, true, 0),
    (SO_REUSE_UNICASTPORT, true, true, 0),
];

// proves: OPT-2, WSP-GSO-2, WSP-SSO-1
#[test]
fn opt_3_booleans_have_their_defaults_and_can_be_turned() {
    let winsock = Winsock::start();
    for &family in families() {
        for &(option, streams, datagrams, default) in BOOLEANS {
            for (kind, has) in [(SOCK_STREAM, streams), (SOCK_DGRAM, datagrams)] {
                let s = winsock.socket(family, kind);
                if !has {
                    let unknown = Err(WsaError::WSAENOPROTOOPT);
                    assert_eq!(winsock.option(s, SOL_SOCKET, option, 4), unknown, "{option:#x}");
                    assert_eq!(winsock.set_option(s, SOL_SOCKET, option, &[1, 0, 0, 0]), unknown.map(drop));
                } else {
                    assert_eq!(winsock.int_option(s, SOL_SOCKET, option), default, "{option:#x}");
                    // Any value but zero is true.
                    for (value, read) in [(0x100, 1), (0, 0), (-1, 1)] {
                        winsock.set_int(s, SOL_SOCKET, option, value);
                        assert_eq!(winsock.int_option(s, SOL_SOCKET, option), read, "{option:#x}");
                    }
                }
                winsock.close(s).unwrap();
            }
        }
    }
}

// proves: WSP-SSO-1
#[test]
fn wsp_gso_1_sizes_are_checked_and_told() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    for (level, option) in [(SOL_SOCKET, SO_KEEPALIVE), (SOL_SOCKET, SO_LINGER), (IPPROTO_TCP, TCP_NODELAY)] {
        for short in 0..4 {
            assert_eq!(winsock.option(s, level, option, short), Err(WsaError::WSAEFAULT), "{short} bytes");
            assert_eq!(winsock.set_option(s, level, option, &[0; 4][..short]), Err(WsaError::WSAEFAULT));
        }
        // More room is not used.
        assert_eq!(winsock.option(s, level, option, 99).unwrap().len(), 4);
        winsock.set_option(s, level, option, &[0; 99]).unwrap();
    }
    winsock.close(s).unwrap();
}

#[test]
fn wsp_gso_1_unknown_levels_and_options() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let s = winsock.socket(AF_INET, kind);
        for level in [1, 2, 58, 0xFFFE, -1, i32::MAX] {
            assert_eq!(winsock.option(s, level, 1, 4), Err(WsaError::WSAEINVAL), "level {level}");
            assert_eq!(winsock.set_option(s, level, 1, &[0; 4]), Err(WsaError::WSAEINVAL));
        }
        for level in [SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP] {
            for option in [9999, -77, i32::MIN, i32::MAX] {
                assert_eq!(winsock.option(s, level, option, 4), Err(WsaError::WSAENOPROTOOPT), "level {level}");
                assert_eq!(winsock.set_option(s, level, option, &[0; 4]), Err(WsaError::WSAENOPROTOOPT));
            }
        }
        // Levels of another protocol.
        let other = if kind == SOCK_STREAM { (IPPROTO_UDP, UDP_NOCHECKSUM) } else { (IPPROTO_TCP, TCP_NODELAY) };
        assert_eq!(winsock.option(s, other.0, other.1, 4), Err(WsaError::WSAENOPROTOOPT));
        assert_eq!(winsock.option(s, IPPROTO_IPV6, IPV6_V6ONLY, 4), Err(WsaError::WSAENOPROTOOPT));
        winsock.close(s).unwrap();
    }
    assert_eq!(winsock.option(99_999, SOL_SOCKET, SO_TYPE, 4), Err(WsaError::WSAENOTSOCK));
}

// proves: OPT-1
#[test]
fn opt_6_what_can_only_be_read_cannot_be_set() {
    let winsock = Winsock::start();
    let stream = winsock.socket(AF_INET, SOCK_STREAM);
    let datagram = winsock.socket(AF_INET, SOCK_DGRAM);
    for option in [SO_ACCEPTCONN, SO_ERROR, SO_TYPE, SO_GROUP_ID, SO_CONNECT_TIME, SO_BSP_STATE] {
        assert_eq!(winsock.set_option(stream, SOL_SOCKET, option, &[0; 8]), Err(WsaError::WSAENOPROTOOPT));
    }
    assert_eq!(winsock.set_option(datagram, SOL_SOCKET, SO_MAX_MSG_SIZE, &[0; 4]), Err(WsaError::WSAENOPROTOOPT));
    for option in [SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT] {
        assert_eq!(winsock.option(stream, SOL_SOCKET, option, 8), Err(WsaError::WSAENOPROTOOPT));
    }
    winsock.close_all([stream, datagram]);
}

#[test]
fn opt_1_what_a_socket_says_of_itself() {
    let winsock = Winsock::start();
    for (family, longest) in [(AF_INET, 65_507), (AF_INET6, 65_527)] {
        if !families().contains(&family) {
            continue;
        }
        let (listener, _) = winsock.listener(family);
        let stream = winsock.socket(family, SOCK_STREAM);
        let datagram = winsock.socket(family, SOCK_DGRAM);
        assert_eq!(winsock.int_option(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
        assert_eq!(winsock.int_option(stream, SOL_SOCKET, SO_ACCEPTCONN), 0);
        assert_eq!(winsock.int_option(stream, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
        assert_eq!(winsock.int_option(datagram, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
        assert_eq!(winsock.int_option(stream, SOL_SOCKET, SO_GROUP_ID), 0);
        assert_eq!(winsock.int_option(stream, SOL_SOCKET, SO_ERROR), 0);
        assert_eq!(winsock.int_option(datagram, SOL_SOCKET, SO_MAX_MSG_SIZE), longest);
        assert_eq!(winsock.option(stream, SOL_SOCKET, SO_MAX_MSG_SIZE, 4), Err(WsaError::WSAENOPROTOOPT));
        // The size is true.
        let to = loopback(family);
        winsock.bind(datagram, to).unwrap();
        let to = winsock.sock_name(datagram).unwrap();
        assert_eq!(winsock.send_to(datagram, &vec![0; longest as usize + 1], to), Err(WsaError::WSAEMSGSIZE));
        assert_eq!(winsock.send_to(datagram, &vec![0; longest as usize], to), Ok(longest as usize));
        winsock.close_all([listener, stream, datagram]);
    }
}

#[test]
fn opt_5_the_error_stays_until_it_is_read() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    winsock.close(listener).unwrap();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.set_nonblocking(s, true).unwrap();
    assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEWOULDBLOCK));
    let [_, _, failed] = winsock.select(&[], &[], &[s], Some(PATIENCE)).unwrap();
    assert_eq!(failed, [s]);
    // Calls that succeed leave it.
    winsock.set_int(s, SOL_SOCKET, SO_KEEPALIVE, 1);
    winsock.sock_name(s).unwrap();
    assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_ERROR), WSAECONNREFUSED);
    assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_ERROR), 0);
    winsock.close(s).unwrap();
}

#[test]
fn opt_5_reading_a_reset_does_not_hide_it_from_receives() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_linger(here, Some(0));
    winsock.close(here).unwrap();
    winsock.wait_readable(there);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_ERROR), WSAECONNRESET);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_ERROR), 0);
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAECONNRESET));
    winsock.close(there).unwrap();
}

// proves: OPT-2, OPT-3
#[test]
fn wsp_sso_2_the_two_lingers_exclude_each_other() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let linger = || {
        let value = winsock.option(s, SOL_SOCKET, SO_LINGER, 4).unwrap();
        let half = |at: usize| u16::from_ne_bytes([value[at], value[at + 1]]);
        (half(0), half(2), winsock.int_option(s, SOL_SOCKET, SO_DONTLINGER))
    };
    assert_eq!(linger(), (0, 0, 1));
    // Without a time, the provider's own.
    winsock.set_int(s, SOL_SOCKET, SO_DONTLINGER, 0);
    assert_eq!(linger(), (1, 10, 0));
    winsock.set_linger(s, Some(33));
    assert_eq!(linger(), (1, 33, 0));
    // It lingers already, and keeps its time.
    winsock.set_int(s, SOL_SOCKET, SO_DONTLINGER, 0);
    assert_eq!(linger(), (1, 33, 0));
    winsock.set_int(s, SOL_SOCKET, SO_DONTLINGER, 1);
    assert_eq!(linger(), (0, 33, 1));
    // The last time comes back.
    winsock.set_int(s, SOL_SOCKET, SO_DONTLINGER, 0);
    assert_eq!(linger(), (1, 33, 0));
    winsock.set_linger(s, None);
    assert_eq!(linger().2, 1);
    winsock.set_linger(s, Some(u16::MAX));
    assert_eq!(linger(), (1, u16::MAX, 0));
    winsock.set_linger(s, None);
    winsock.close(s).unwrap();
}

#[test]
fn opt_4_dont_route_is_ignored_over_ipv4_and_unknown_over_ipv6() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let v4 = winsock.socket(AF_INET, kind);
        assert_eq!(winsock.int_option(v4, SOL_SOCKET, SO_DONTROUTE), 0);
        winsock.set_int(v4, SOL_SOCKET, SO_DONTROUTE, 1);
        assert_eq!(winsock.int_option(v4, SOL_SOCKET, SO_DONTROUTE), 1);
        let v6 = winsock.socket(AF_INET6, kind);
        assert_eq!(winsock.option(v6, SOL_SOCKET, SO_DONTROUTE, 4), Err(WsaError::WSAENOPROTOOPT));
        assert_eq!(winsock.set_option(v6, SOL_SOCKET, SO_DONTROUTE, &[1; 4]), Err(WsaError::WSAENOPROTOOPT));
        winsock.close_all([v4, v6]);
    }
}

#[test]
fn opt_7_sharing_and_excluding_an_address_exclude_each_other() {
    let winsock = Winsock::start();
    let on = 1i32.to_ne_bytes();
    for (first, second) in [(SO_REUSEADDR, SO_EXCLUSIVEADDRUSE), (SO_EXCLUSIVEADDRUSE, SO_REUSEADDR)] {
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.set_int(s, SOL_SOCKET, first, 1);
        assert_eq!(winsock.set_option(s, SOL_SOCKET, second, &on), Err(WsaError::WSAEINVAL));
        winsock.set_int(s, SOL_SOCKET, second, 0);
        winsock.set_int(s, SOL_SOCKET, first, 0);
        winsock.set_int(s, SOL_SOCKET, second, 1);
        winsock.close(s).unwrap();
    }
    // An address that was given is not made exclusive later.
    let (s, _) = winsock.listener(AF_INET);
    assert_eq!(winsock.set_option(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on), Err(WsaError::WSAEINVAL));
    winsock.close(s).unwrap();
}

// proves: OPT-2
#[test]
fn buffer_sizes_are_what_was_set_or_what_there_is() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let s = winsock.socket(AF_INET, kind);
        for option in [SO_RCVBUF, SO_SNDBUF] {
            assert!(winsock.int_option(s, SOL_SOCKET, option) > 0);
            for size in [0, 1, 8192, 65_536] {
                winsock.set_int(s, SOL_SOCKET, option, size);
                assert_eq!(winsock.int_option(s, SOL_SOCKET, option), size);
            }
            winsock.set_int(s, SOL_SOCKET, option, 1 << 29);
            let most = winsock.int_option(s, SOL_SOCKET, option);
            assert!((65_536..=1 << 29).contains(&most), "{most}");
            assert_eq!(winsock.set_option(s, SOL_SOCKET, option, &[0xff; 4]), Err(WsaError::WSAEINVAL));
            assert_eq!(winsock.int_option(s, SOL_SOCKET, option), most);
        }
        winsock.close(s).unwrap();
    }
}

// proves: OPT-2
#[test]
fn time_limits_are_milliseconds_and_off_by_default() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
        assert_eq!(winsock.int_option(s, SOL_SOCKET, option), 0);
        winsock.set_int(s, SOL_SOCKET, option, 60);
        assert_eq!(winsock.int_option(s, SOL_SOCKET, option), 60);
    }
    let start = std::time::Instant::now();
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAETIMEDOUT));
    assert!(start.elapsed() >= A_WHILE);
    winsock.close(s).unwrap();
}

#[test]
fn opt_8_connect_time_and_the_context_options() {
    let winsock = Winsock::start();
    let fresh = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.int_option(fresh, SOL_SOCKET, SO_CONNECT_TIME), -1);
    let update = |s, option, value: &[u8]| winsock.set_option(s, SOL_SOCKET, option, value);
    assert_eq!(update(fresh, SO_UPDATE_CONNECT_CONTEXT, &[]), Err(WsaError::WSAENOTCONN));
    let (listener, _) = winsock.listener(AF_INET);
    assert_eq!(update(fresh, SO_UPDATE_ACCEPT_CONTEXT, &listener.to_ne_bytes()), Err(WsaError::WSAENOTCONN));
    let (here, there) = winsock.pair(AF_INET);
    for s in [here, there] {
        assert!(winsock.int_option(s, SOL_SOCKET, SO_CONNECT_TIME) < 60);
        update(s, SO_UPDATE_CONNECT_CONTEXT, &[]).unwrap();
        update(s, SO_UPDATE_ACCEPT_CONTEXT, &listener.to_ne_bytes()).unwrap();
        assert_eq!(update(s, SO_UPDATE_ACCEPT_CONTEXT, &fresh.to_ne_bytes()), Err(WsaError::WSAEINVAL));
        assert_eq!(update(s, SO_UPDATE_ACCEPT_CONTEXT, &usize::MAX.to_ne_bytes()), Err(WsaError::WSAENOTSOCK));
        assert_eq!(update(s, SO_UPDATE_ACCEPT_CONTEXT, &[0; 7]), Err(WsaError::WSAEFAULT));
    }
    winsock.close_all([fresh, here, there, listener]);
}

#[test]
fn conditional_accept_is_settled_before_the_socket_listens() {
    let winsock = Winsock::start();
    let (listener, _) = winsock.listener(AF_INET);
    assert_eq!(winsock.set_option(listener, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, &[1; 4]), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.int_option(listener, SOL_SOCKET, SO_CONDITIONAL_ACCEPT), 0);
    winsock.close(listener).unwrap();
}

#[test]
fn documented_refusals() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    for option in [SO_RCVLOWAT, SO_SNDLOWAT, SO_USELOOPBACK] {
        assert_eq!(winsock.option(s, SOL_SOCKET, option, 4), Err(WsaError::WSAEINVAL));
        assert_eq!(winsock.set_option(s, SOL_SOCKET, option, &[1; 4]), Err(WsaError::WSAEINVAL));
    }
    // This provider has no configuration to give, and takes none.
    assert_eq!(winsock.option(s, SOL_SOCKET, PVD_CONFIG, 64).unwrap(), []);
    assert_eq!(winsock.set_option(s, SOL_SOCKET, PVD_CONFIG, &[1]), Err(WsaError::WSAEINVAL));
    winsock.close(s).unwrap();
}

#[test]
fn the_whole_state_in_one_structure() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (local, remote) = (winsock.sock_name(here).unwrap(), winsock.peer_name(here).unwrap());
    let size = size_of::<CSADDR_INFO>() + 2 * 32;
    assert_eq!(winsock.option(here, SOL_SOCKET, SO_BSP_STATE, size - 1), Err(WsaError::WSAEFAULT));
    let state = winsock.option(here, SOL_SOCKET, SO_BSP_STATE, size).unwrap();
    assert_eq!(state.len(), size);
    let base = state.as_ptr().addr();
    for (at, expected) in [(0, local), (16, remote)] {
        let pointer = usize::from_ne_bytes(state[at..at + 8].try_into().unwrap());
        let length = i32::from_ne_bytes(state[at + 8..at + 12].try_into().unwrap()) as usize;
        assert_eq!(state[pointer - base..pointer - base + length], encode(expected));
    }
    assert_eq!(state[32..36], SOCK_STREAM.to_ne_bytes());
    assert_eq!(state[36..40], IPPROTO_TCP.to_ne_bytes());
    winsock.close_all([here, there]);
}

#[test]
fn tcp_options_reach_the_kernel() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let get = |option| winsock.int_option(here, IPPROTO_TCP, option);
    let set = |option, value: i32| winsock.set_option(here, IPPROTO_TCP, option, &value.to_ne_bytes());
    assert_eq!(get(TCP_NODELAY), 0);
    set(TCP_NODELAY, 1).unwrap();
    assert_eq!(get(TCP_NODELAY), 1);
    for (option, value) in [(TCP_KEEPALIVE, 77), (TCP_KEEPIDLE, 78), (TCP_KEEPINTVL, 5), (TCP_KEEPCNT, 9)] {
        set(option, value).unwrap();
        assert_eq!(get(option), value);
        assert_eq!(set(option, 0), Err(WsaError::WSAEINVAL));
    }
    assert_eq!(set(TCP_KEEPCNT, 256), Err(WsaError::WSAEINVAL));
    assert!(get(TCP_MAXSEG) > 500);
    for (value, milliseconds) in [(0, 0), (30, 30_000), (-1, -1)] {
        set(TCP_MAXRT, value).unwrap();
        assert_eq!((get(TCP_MAXRT), get(TCP_MAXRTMS)), (value, milliseconds));
    }
    set(TCP_MAXRTMS, 1500).unwrap();
    assert_eq!((get(TCP_MAXRT), get(TCP_MAXRTMS)), (2, 1500));
    assert_eq!(set(TCP_MAXRT, i32::MAX), Err(WsaError::WSAEINVAL));
    assert_eq!((get(TCP_BSDURGENT), get(TCP_EXPEDITED_1122)), (1, 0));
    set(TCP_BSDURGENT, 1).unwrap();
    assert_eq!(set(TCP_BSDURGENT, 0), Err(WsaError::WSAEINVAL));
    assert_eq!(set(TCP_EXPEDITED_1122, 1), Err(WsaError::WSAEINVAL));
    assert_eq!(get(TCP_FAIL_CONNECT_ON_ICMP_ERROR), 0);
    set(TCP_FAIL_CONNECT_ON_ICMP_ERROR, 1).unwrap();
    assert_eq!(get(TCP_FAIL_CONNECT_ON_ICMP_ERROR), 1);
    for option in [TCP_TIMESTAMPS, TCP_FASTOPEN, TCP_ICMP_ERROR_INFO, TCP_STDURG, TCP_ATMARK] {
        assert_eq!(winsock.option(here, IPPROTO_TCP, option, 64), Err(WsaError::WSAENOPROTOOPT));
        assert_eq!(set(option, 1), Err(WsaError::WSAENOPROTOOPT));
    }
    winsock.close_all([here, there]);
}

// proves: WSP-ACCEPT-2
#[test]
fn an_accepted_socket_has_its_listeners_options() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    winsock.set_int(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    winsock.set_int(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    winsock.set_int(listener, SOL_SOCKET, SO_DEBUG, 1);
    winsock.set_int(listener, SOL_SOCKET, SO_RCVTIMEO, 1234);
    winsock.set_linger(listener, Some(5));
    let here = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(here, at).unwrap();
    let (there, _) = winsock.accept(listener).unwrap();
    assert_eq!(winsock.int_option(there, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_DEBUG), 1);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_RCVTIMEO), 1234);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_DONTLINGER), 0);
    winsock.set_linger(there, None);
    winsock.close_all([here, there, listener]);
}

#[test]
fn udp_options_reach_the_kernel() {
    let winsock = Winsock::start();
    let v4 = winsock.socket(AF_INET, SOCK_DGRAM);
    let checks = |s| winsock.int_option(s, IPPROTO_UDP, UDP_CHECKSUM_COVERAGE);
    assert_eq!((winsock.int_option(v4, IPPROTO_UDP, UDP_NOCHECKSUM), checks(v4)), (0, 1));
    winsock.set_int(v4, IPPROTO_UDP, UDP_NOCHECKSUM, 1);
    assert_eq!((winsock.int_option(v4, IPPROTO_UDP, UDP_NOCHECKSUM), checks(v4)), (1, 0));
    winsock.set_int(v4, IPPROTO_UDP, UDP_CHECKSUM_COVERAGE, 1);
    assert_eq!(winsock.int_option(v4, IPPROTO_UDP, UDP_NOCHECKSUM), 0);
    assert_eq!(winsock.option(v4, IPPROTO_UDP, UDP_RECV_MAX_COALESCED_SIZE, 4), Err(WsaError::WSAENOPROTOOPT));
    let v6 = winsock.socket(AF_INET6, SOCK_DGRAM);
    assert_eq!(winsock.option(v6, IPPROTO_UDP, UDP_NOCHECKSUM, 4), Err(WsaError::WSAENOPROTOOPT));
    assert_eq!(checks(v6), 1);
    assert_eq!(winsock.set_option(v6, IPPROTO_UDP, UDP_CHECKSUM_COVERAGE, &[0; 4]), Err(WsaError::WSAEINVAL));

    // One send becomes datagrams of the size.
    let (receiver, at) = winsock.datagram(AF_INET);
    assert_eq!(winsock.int_option(v4, IPPROTO_UDP, UDP_SEND_MSG_SIZE), 0);
    winsock.set_int(v4, IPPROTO_UDP, UDP_SEND_MSG_SIZE, 400);
    assert_eq!(winsock.int_option(v4, IPPROTO_UDP, UDP_SEND_MSG_SIZE), 400);
    assert_eq!(winsock.send_to(v4, &[7; 1000], at), Ok(1000));
    for expected in [400, 400, 200] {
        assert_eq!(winsock.recv_from(receiver, 2000, 0).unwrap().0.len(), expected);
    }
    assert_eq!(winsock.set_option(v4, IPPROTO_UDP, UDP_SEND_MSG_SIZE, &[0xff; 4]), Err(WsaError::WSAEINVAL));
    winsock.close_all([v4, v6, receiver]);
}

#[test]
fn ipv4_options_reach_the_kernel() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    let get = |option| winsock.int_option(s, IPPROTO_IP, option);
    let set = |option, value: i32| winsock.set_option(s, IPPROTO_IP, option, &value.to_ne_bytes());
    for (option, value, worst) in [(IP_TTL, 77, 256), (IP_TOS, 0x10, 256), (IP_MULTICAST_TTL, 3, 256)] {
        set(option, value).unwrap();
        assert_eq!(get(option), value);
        assert_eq!(set(option, worst), Err(WsaError::WSAEINVAL));
        assert_eq!(set(option, -1), Err(WsaError::WSAEINVAL));
    }
    assert_eq!(get(IP_MULTICAST_LOOP), 1);
    for option in [IP_MULTICAST_LOOP, IP_DONTFRAGMENT, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS] {
        for value in [1, 0] {
            set(option, value).unwrap();
            assert_eq!(get(option), value, "option {option}");
        }
    }
    for way in [IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE, IP_PMTUDISC_NOT_SET] {
        set(IP_MTU_DISCOVER, way).unwrap();
        assert_eq!(get(IP_MTU_DISCOVER), way);
        assert_eq!(get(IP_DONTFRAGMENT), i32::from(way == IP_PMTUDISC_DO));
    }
    assert_eq!(set(IP_MTU_DISCOVER, IP_PMTUDISC_MAX), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.option(s, IPPROTO_IP, IP_MTU, 4), Err(WsaError::WSAENOTCONN));
    winsock.connect(s, at).unwrap();
    assert!(get(IP_MTU) > 1000);
    assert_eq!(winsock.set_option(s, IPPROTO_IP, IP_MTU, &[0; 4]), Err(WsaError::WSAENOPROTOOPT));
    assert_eq!(get(IP_PROTECTION_LEVEL), PROTECTION_LEVEL_UNRESTRICTED);
    set(IP_PROTECTION_LEVEL, PROTECTION_LEVEL_EDGERESTRICTED).unwrap();
    assert_eq!(get(IP_PROTECTION_LEVEL), PROTECTION_LEVEL_EDGERESTRICTED);
    set(IP_PROTECTION_LEVEL, PROTECTION_LEVEL_DEFAULT).unwrap();
    assert_eq!(set(IP_PROTECTION_LEVEL, PROTECTION_LEVEL_RESTRICTED), Err(WsaError::WSAEINVAL));
    // Indices go in in network order and come out in host order.
    set(IP_UNICAST_IF, 1i32.to_be()).unwrap();
    assert_eq!(get(IP_UNICAST_IF), 1);
    set(IP_UNICAST_IF, 0).unwrap();
    for option in [IP_OPTIONS, IP_HDRINCL, IP_USER_MTU, IP_RECEIVE_BROADCAST, IP_RECVIF, IP_IFLIST, IP_RTHDR] {
        assert_eq!(winsock.option(s, IPPROTO_IP, option, 64), Err(WsaError::WSAENOPROTOOPT), "option {option}");
        assert_eq!(set(option, 1), Err(WsaError::WSAENOPROTOOPT));
    }
    winsock.close(s).unwrap();
}

#[test]
fn ipv6_options_reach_the_kernel() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET6, SOCK_DGRAM);
    let get = |option| winsock.int_option(s, IPPROTO_IPV6, option);
    let set = |option, value: i32| winsock.set_option(s, IPPROTO_IPV6, option, &value.to_ne_bytes());
    assert_eq!(get(IPV6_V6ONLY), 1, "the default of Windows");
    for (option, value) in [(IPV6_UNICAST_HOPS, 77), (IPV6_MULTICAST_HOPS, 3), (IPV6_TCLASS, 0x10)] {
        set(option, value).unwrap();
        assert_eq!(get(option), value);
        assert_eq!(set(option, 256), Err(WsaError::WSAEINVAL));
    }
    let booleans = [IPV6_V6ONLY, IPV6_MULTICAST_LOOP, IPV6_DONTFRAG, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_RECVTCLASS];
    for option in booleans {
        for value in [0, 1] {
            set(option, value).unwrap();
            assert_eq!(get(option), value, "option {option}");
        }
    }
    for way in [IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE, IP_PMTUDISC_NOT_SET] {
        set(IPV6_MTU_DISCOVER, way).unwrap();
        assert_eq!(get(IPV6_MTU_DISCOVER), way);
    }
    // Indices are in host order both ways.
    for option in [IPV6_UNICAST_IF, IPV6_MULTICAST_IF] {
        set(option, 1).unwrap();
        assert_eq!(get(option), 1);
        assert!(set(option, 0x00ff_fff0).is_err());
    }
    assert_eq!(winsock.option(s, IPPROTO_IPV6, IPV6_MTU, 4), Err(WsaError::WSAENOTCONN));
    for option in [IPV6_HDRINCL, IPV6_USER_MTU, IPV6_RECVIF, IP_ORIGINAL_ARRIVAL_IF, IPV6_CHECKSUM] {
        assert_eq!(winsock.option(s, IPPROTO_IPV6, option, 4), Err(WsaError::WSAENOPROTOOPT), "option {option}");
    }
    winsock.close(s).unwrap();
}

#[test]
fn a_dual_socket_speaks_ipv4() {
    let winsock = Winsock::start();
    if families().len() == 1 {
        return;
    }
    let (v4, at) = winsock.datagram(AF_INET);
    let s = winsock.socket(AF_INET6, SOCK_DGRAM);
    let mapped = (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), at.port()).into();
    winsock.set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    winsock.send_to(s, b"!", mapped).unwrap();
    assert_eq!(winsock.recv_from(v4, 9, 0).unwrap().0, b"!");
    let only = winsock.socket(AF_INET6, SOCK_DGRAM);
    assert!(winsock.send_to(only, b"!", mapped).is_err());
    winsock.close_all([v4, s, only]);
}
