//! Control codes (contract: transport, sections 5.16 and 8).

use std::net::{Ipv4Addr, SocketAddr};

use windlass_abi::*;

use crate::support::upcalls::TestEvent;
use crate::support::{A_WHILE, Winsock, address, encode, eventually, families, loopback};

fn dword(winsock: &Winsock, s: SOCKET, code: u32) -> u32 {
    let mut value = [0; 4];
    assert_eq!(winsock.ioctl(s, code, &mut [], &mut value), Ok(4));
    u32::from_ne_bytes(value)
}

/// The answer of a code that first tells the size it needs.
fn sized(winsock: &Winsock, s: SOCKET, code: u32, input: &[u8]) -> Vec<u8> {
    let (result, size) = winsock.ioctl_counted(s, code, input, &mut []);
    assert_eq!(result, Err(WsaError::WSAEFAULT));
    let mut output = vec![0xaa; size as usize];
    if size > 0 {
        let short = winsock.ioctl_counted(s, code, input, &mut output[..size as usize - 1]);
        assert_eq!(short, (Err(WsaError::WSAEFAULT), size));
    }
    assert_eq!(winsock.ioctl_counted(s, code, input, &mut output), (Ok(()), size));
    output
}

// proves: MODE-1, MODE-5, WSP-IOCTL-2
#[test]
fn mode_2_fionbio_changes_the_mode() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    winsock.ioctl(s, FIONBIO, &mut 7u32.to_ne_bytes(), &mut []).unwrap();
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.ioctl(s, FIONBIO, &mut [0; 4], &mut []).unwrap();
    std::thread::scope(|scope| {
        let received = scope.spawn(|| winsock.recv(s, 9, 0));
        winsock.send_to(s, b"!", at).unwrap();
        assert_eq!(received.join().unwrap().unwrap(), b"!");
    });
    winsock.close(s).unwrap();
}

// proves: WSP-IOCTL-5
#[test]
fn wsp_ioctl_4_short_buffers_are_refused() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    for short in 0..4 {
        assert_eq!(winsock.ioctl(s, FIONBIO, &mut [0; 4][..short], &mut []), Err(WsaError::WSAEFAULT));
        for code in [FIONREAD, SIOCATMARK] {
            assert_eq!(winsock.ioctl(s, code, &mut [], &mut [0; 4][..short]), Err(WsaError::WSAEFAULT));
        }
    }
    for short in 0..12 {
        assert_eq!(winsock.ioctl(s, SIO_KEEPALIVE_VALS, &mut [1; 12][..short], &mut []), Err(WsaError::WSAEFAULT));
    }
    winsock.close(s).unwrap();
}

// proves: TC-8
#[test]
fn wsp_ioctl_3_unknown_codes_and_codes_that_cannot_be_realised() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let s = winsock.socket(AF_INET, kind);
        let result = |code| winsock.ioctl_counted(s, code, &[0; 64], &mut [0; 256]);
        for unknown in [0, 1, u32::MAX, 0x8004_6601, 0x4800_7777, 0x9800_7777] {
            assert_eq!(result(unknown), (Err(WsaError::WSAEINVAL), 0), "{unknown:#x}");
        }
        for code in [SIO_ASSOCIATE_HANDLE, SIO_TRANSLATE_HANDLE, SIO_GET_QOS, SIO_SET_QOS] {
            assert_eq!(result(code), (Err(WsaError::WSAENOPROTOOPT), 0), "{code:#x}");
        }
        for code in [SIO_RCVALL, SIO_TCP_INFO, SIO_EXT_SELECT, SIO_LOOPBACK_FAST_PATH] {
            assert_eq!(result(code), (Err(WsaError::WSAEOPNOTSUPP), 0), "{code:#x}");
        }
        winsock.close(s).unwrap();
    }
    assert_eq!(winsock.ioctl(99_999, FIONREAD, &mut [], &mut [0; 4]), Err(WsaError::WSAENOTSOCK));
}

#[test]
fn io_8_the_send_queue_cannot_be_discarded() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.ioctl(here, SIO_FLUSH, &mut [], &mut []), Err(WsaError::WSAENOPROTOOPT));
    winsock.close_all([here, there]);
}

#[test]
fn io_9_the_receive_queue_drops_the_newest() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    assert_eq!(winsock.ioctl(s, SIO_ENABLE_CIRCULAR_QUEUEING, &mut [], &mut []), Err(WsaError::WSAENOPROTOOPT));
    winsock.close(s).unwrap();
}

// proves: WSP-IOCTL-5, TC-2
#[test]
fn wsp_ioctl_6_fionread_tells_all_that_waits() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(dword(&winsock, there, FIONREAD), 0);
    winsock.send(here, &[1; 1000], 0).unwrap();
    winsock.send(here, &[2; 234], 0).unwrap();
    eventually("all data", || dword(&winsock, there, FIONREAD) == 1234);
    assert_eq!(winsock.recv(there, 2000, 0).unwrap().len(), 1234);

    for &family in families() {
        let (s, at) = winsock.datagram(family);
        assert_eq!(dword(&winsock, s, FIONREAD), 0);
        for length in [10, 0, 20, 0, 3000] {
            winsock.send_to(s, &vec![1; length], at).unwrap();
        }
        // Looking changes nothing, for whoever looks or receives afterwards.
        for left in [3030, 3020, 3020, 3000, 3000] {
            assert_eq!(dword(&winsock, s, FIONREAD), left);
            assert_eq!(dword(&winsock, s, FIONREAD), left);
            let looked = winsock.recv_from(s, 4000, MSG_PEEK).unwrap().0;
            assert_eq!(winsock.recv_from(s, 4000, 0).unwrap().0, looked);
        }
        assert_eq!(dword(&winsock, s, FIONREAD), 0);
        winsock.close(s).unwrap();
    }

    let (listener, _) = winsock.listener(AF_INET);
    assert_eq!(winsock.ioctl(listener, FIONREAD, &mut [], &mut [0; 4]), Err(WsaError::WSAEINVAL));
    winsock.close_all([here, there, listener]);
}

#[test]
fn wsp_ioctl_6_counting_disturbs_nobody_who_looks() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    for byte in 0..9u8 {
        winsock.send_to(s, &[byte; 9], at).unwrap();
    }
    winsock.set_nonblocking(s, true).unwrap();
    std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            for _ in 0..2000 {
                assert_eq!(dword(&winsock, s, FIONREAD), 81);
            }
        });
        while !counting.is_finished() {
            assert_eq!(winsock.recv(s, 20, MSG_PEEK).unwrap(), [0; 9], "always the first");
        }
    });
    winsock.close(s).unwrap();
}

#[test]
fn io_10_a_route_is_found_for_the_address_of_the_input() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        assert_eq!(winsock.ioctl(s, SIO_FIND_ROUTE, &mut encode(loopback(family)), &mut []), Ok(0));
        assert_eq!(winsock.ioctl(s, SIO_FIND_ROUTE, &mut [], &mut []), Err(WsaError::WSAEFAULT));
        winsock.close(s).unwrap();
    }
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    let other = winsock.ioctl(s, SIO_FIND_ROUTE, &mut encode(loopback(AF_INET6)), &mut []);
    assert_eq!(other, Err(WsaError::WSAEINVAL));
    winsock.close(s).unwrap();
}

#[test]
fn wsp_ioctl_7_the_mark_is_where_no_out_of_band_data_is_ahead() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_int(there, SOL_SOCKET, SO_OOBINLINE, 1);
    assert_eq!(dword(&winsock, there, SIOCATMARK), 1);
    winsock.send(here, b"ab", 0).unwrap();
    winsock.send(here, b"!", MSG_OOB).unwrap();
    eventually("the urgent byte", || dword(&winsock, there, SIOCATMARK) == 0);
    let mut received = Vec::new();
    while dword(&winsock, there, SIOCATMARK) == 0 {
        received.extend(winsock.recv(there, 1, 0).unwrap());
    }
    assert_eq!(received, b"ab!");
    let (s, _) = winsock.datagram(AF_INET);
    assert_eq!(winsock.ioctl(s, SIOCATMARK, &mut [], &mut [0; 4]), Err(WsaError::WSAEINVAL));
    winsock.close_all([here, there, s]);
}

// proves: IO-4
#[test]
fn io_3_the_base_handle_is_the_sockets_own() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let codes =
        [SIO_BASE_HANDLE, SIO_BSP_HANDLE, SIO_BSP_HANDLE_SELECT, SIO_BSP_HANDLE_POLL, SIO_QUERY_TARGET_PNP_HANDLE];
    for code in codes {
        let mut handle = [0; 8];
        assert_eq!(winsock.ioctl(s, code, &mut [], &mut handle), Ok(8));
        assert_eq!(usize::from_ne_bytes(handle), s);
        assert_eq!(winsock.ioctl(s, code, &mut [], &mut handle[..7]), Err(WsaError::WSAEFAULT));
        assert_eq!(winsock.ioctl(s, code, &mut [], &mut []), Err(WsaError::WSAEFAULT));
    }
    winsock.close(s).unwrap();
}

#[test]
fn keep_alive_values_are_milliseconds() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let set = |on: u32, idle: u32, interval: u32| {
        let mut input = [on, idle, interval].map(u32::to_ne_bytes).concat();
        winsock.ioctl(s, SIO_KEEPALIVE_VALS, &mut input, &mut [])
    };
    let now = || {
        [(SOL_SOCKET, SO_KEEPALIVE), (IPPROTO_TCP, TCP_KEEPIDLE), (IPPROTO_TCP, TCP_KEEPINTVL)]
            .map(|(level, option)| winsock.int_option(s, level, option))
    };
    assert_eq!(set(1, 30_000, 1_500), Ok(0));
    assert_eq!(now(), [1, 30, 2]);
    assert_eq!(set(1, 0, 1), Err(WsaError::WSAEINVAL));
    assert_eq!(set(1, 1, 0), Err(WsaError::WSAEINVAL));
    assert_eq!(now(), [1, 30, 2]);
    // Off: the times are of no interest, and stay.
    assert_eq!(set(0, 0, 0), Ok(0));
    assert_eq!(now(), [0, 30, 2]);
    // As long as the kernel can.
    assert_eq!(set(1, u32::MAX, 1), Ok(0));
    assert_eq!(now(), [1, 32_767, 1]);
    let (datagram, _) = winsock.datagram(AF_INET);
    let mut input = [1; 12];
    assert_eq!(winsock.ioctl(datagram, SIO_KEEPALIVE_VALS, &mut input, &mut []), Err(WsaError::WSAEOPNOTSUPP));
    winsock.close_all([s, datagram]);
}

#[test]
fn wsp_rfrom_4_the_report_of_resets_is_switched_for_datagrams_only() {
    let winsock = Winsock::start();
    let stream = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.ioctl(stream, SIO_UDP_CONNRESET, &mut [1, 0, 0, 0], &mut []), Err(WsaError::WSAEINVAL));
    let (dead, at) = winsock.datagram(AF_INET);
    winsock.close(dead).unwrap();
    let (s, _) = winsock.datagram(AF_INET);
    winsock.set_nonblocking(s, true).unwrap();
    winsock.connect(s, at).unwrap();
    winsock.send(s, b"!", 0).unwrap();
    assert_eq!(winsock.recv(s, 9, 0), Err(WsaError::WSAEWOULDBLOCK), "not reported by default");
    winsock.ioctl(s, SIO_UDP_CONNRESET, &mut [1, 0, 0, 0], &mut []).unwrap();
    winsock.send(s, b"!", 0).unwrap();
    eventually("the report", || winsock.recv(s, 9, 0) == Err(WsaError::WSAECONNRESET));
    winsock.close_all([stream, s]);
}

#[test]
fn multicast_codes_are_the_options() {
    let winsock = Winsock::start();
    let stream = winsock.socket(AF_INET, SOCK_STREAM);
    for (family, level, hops, echo) in [
        (AF_INET, IPPROTO_IP, IP_MULTICAST_TTL, IP_MULTICAST_LOOP),
        (AF_INET6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP),
    ] {
        let s = winsock.socket(family, SOCK_DGRAM);
        winsock.ioctl(s, SIO_MULTICAST_SCOPE, &mut 9u32.to_ne_bytes(), &mut []).unwrap();
        assert_eq!(winsock.int_option(s, level, hops), 9);
        let far = winsock.ioctl(s, SIO_MULTICAST_SCOPE, &mut 256u32.to_ne_bytes(), &mut []);
        assert_eq!(far, Err(WsaError::WSAEINVAL));
        winsock.ioctl(s, SIO_MULTIPOINT_LOOPBACK, &mut [0; 4], &mut []).unwrap();
        assert_eq!(winsock.int_option(s, level, echo), 0);
        winsock.close(s).unwrap();
    }
    for code in [SIO_MULTICAST_SCOPE, SIO_MULTIPOINT_LOOPBACK] {
        assert_eq!(winsock.ioctl(stream, code, &mut [0; 4], &mut []), Err(WsaError::WSAEOPNOTSUPP));
    }
    winsock.close(stream).unwrap();
}

#[test]
fn there_is_a_broadcast_address_over_ipv4_only() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    assert_eq!(address(&sized(&winsock, s, SIO_GET_BROADCAST_ADDRESS, &[])), (Ipv4Addr::BROADCAST, 0).into());
    let v6 = winsock.socket(AF_INET6, SOCK_DGRAM);
    let result = winsock.ioctl(v6, SIO_GET_BROADCAST_ADDRESS, &mut [], &mut [0; 64]);
    assert_eq!(result, Err(WsaError::WSAENOPROTOOPT));
    winsock.close_all([s, v6]);
}

/// The addresses that a list at `base` has.
fn list(bytes: &[u8]) -> Vec<SocketAddr> {
    let base = bytes.as_ptr().addr();
    let count = i32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize;
    (0..count)
        .map(|at| {
            let pair = &bytes[8 + 16 * at..];
            let place = usize::from_ne_bytes(pair[..8].try_into().unwrap()) - base;
            let length = i32::from_ne_bytes(pair[8..12].try_into().unwrap()) as usize;
            address(&bytes[place..place + length])
        })
        .collect()
}

// proves: IO-7
#[test]
fn io_7_addresses_that_a_socket_can_be_bound_to() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        let bytes = sized(&winsock, s, SIO_ADDRESS_LIST_QUERY, &[]);
        let addresses = list(&bytes);
        assert!(!addresses.is_empty());
        for address in &addresses {
            assert_eq!(address.is_ipv4(), family == AF_INET);
            assert_eq!(address.port(), 0);
            let bound = winsock.socket(family, SOCK_DGRAM);
            winsock.bind(bound, *address).unwrap();
            winsock.close(bound).unwrap();
        }
        assert!(
            addresses.iter().all(|one| one.ip().is_loopback()) || !addresses.iter().any(|one| one.ip().is_loopback())
        );

        // Sorted, they are the same; the pointers lead into the other buffer.
        let sorted = sized(&winsock, s, SIO_ADDRESS_LIST_SORT, &bytes);
        let mut both = [addresses, list(&sorted)];
        both.iter_mut().for_each(|list| list.sort());
        assert_eq!(both[0], both[1]);
        winsock.close(s).unwrap();
    }
}

#[test]
fn hostile_lists_are_refused() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let sort = |input: &[u8]| winsock.ioctl_counted(s, SIO_ADDRESS_LIST_SORT, input, &mut [0; 256]).0;
    assert_eq!(sort(&[]), Err(WsaError::WSAEFAULT));
    assert_eq!(sort(&[0xff; 64]), Err(WsaError::WSAEINVAL));
    let mut outside = vec![0; 64];
    outside[0] = 1;
    outside[8..16].copy_from_slice(&0x10_0000usize.to_ne_bytes());
    outside[16] = 16;
    assert_eq!(sort(&outside), Err(WsaError::WSAEINVAL));
    winsock.close(s).unwrap();
}

#[test]
fn the_interface_towards_an_address() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        let peer = loopback(family);
        assert_eq!(address(&sized(&winsock, s, SIO_ROUTING_INTERFACE_QUERY, &encode(peer))), peer);
        winsock.close(s).unwrap();
    }
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let query = |input: &[u8]| winsock.ioctl_counted(s, SIO_ROUTING_INTERFACE_QUERY, input, &mut [0; 64]).0;
    assert_eq!(query(&encode(loopback(AF_INET6))), Err(WsaError::WSAEINVAL));
    assert_eq!(query(&encode(loopback(AF_INET))[..15]), Err(WsaError::WSAEFAULT));
    assert_eq!(query(&[]), Err(WsaError::WSAEFAULT));
    winsock.close(s).unwrap();
}

#[test]
fn the_interfaces_of_ipv4() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    let bytes = sized(&winsock, s, SIO_GET_INTERFACE_LIST, &[]);
    let size = size_of::<INTERFACE_INFO>();
    assert_eq!((bytes.len() % size, size), (0, 76));
    let loopback = bytes
        .chunks_exact(size)
        .find(|info| address(&info[4..20]) == (Ipv4Addr::LOCALHOST, 0).into())
        .expect("there is a loopback interface");
    let flags = u32::from_ne_bytes(loopback[..4].try_into().unwrap());
    assert_eq!(flags & (IFF_UP | IFF_LOOPBACK | IFF_BROADCAST), IFF_UP | IFF_LOOPBACK);
    assert_eq!(address(&loopback[52..68]), (Ipv4Addr::new(255, 0, 0, 0), 0).into());
    let v6 = winsock.socket(AF_INET6, SOCK_DGRAM);
    assert_eq!(winsock.ioctl(v6, SIO_GET_INTERFACE_LIST, &mut [], &mut [0; 999]), Err(WsaError::WSAEINVAL));
    winsock.close_all([s, v6]);
}

// proves: WSP-IOCTL-2
#[test]
fn io_6_a_change_is_waited_for_or_told_by_an_event() {
    let winsock = Winsock::start();
    for code in [SIO_ADDRESS_LIST_CHANGE, SIO_ROUTING_INTERFACE_CHANGE] {
        let s = winsock.socket(AF_INET, SOCK_DGRAM);
        let mut any = encode((Ipv4Addr::UNSPECIFIED, 0).into());
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.ioctl(s, code, &mut any, &mut []), Err(WsaError::WSAEWOULDBLOCK));
        let event = TestEvent::new();
        winsock.event_select(s, event.handle(), FD_ADDRESS_LIST_CHANGE | FD_ROUTING_INTERFACE_CHANGE).unwrap();
        assert_eq!(winsock.enum_network_events(s, WSA_INVALID_EVENT).unwrap().lNetworkEvents, 0);
        winsock.close(s).unwrap();

        // A wait ends when the socket is closed.
        let s = winsock.socket(AF_INET, SOCK_DGRAM);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| winsock.ioctl(s, code, &mut any.clone(), &mut []));
            std::thread::sleep(A_WHILE);
            assert!(!waiting.is_finished(), "nothing has changed");
            winsock.close(s).unwrap();
            assert_eq!(waiting.join().unwrap(), Err(WsaError::WSAEINTR));
        });
    }
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    assert_eq!(winsock.ioctl(s, SIO_ROUTING_INTERFACE_CHANGE, &mut [2, 0], &mut []), Err(WsaError::WSAEFAULT));
    winsock.close(s).unwrap();
}
