//! Families, addresses and ports.

use windlass_spi::abi::*;
use windlass_spi::address::Address;

use crate::support::client::Client;
use crate::{datagram, name, named, provider, stream};

fn over_6(info: WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOW {
    let entries = windlass_memory::entries();
    let same = entries.iter().find(|e| e.iAddressFamily == AF_INET6 && e.iSocketType == info.iSocketType);
    WSAPROTOCOL_INFOW { dwCatalogEntryId: info.dwCatalogEntryId + 2, ..*same.unwrap() }
}

fn bound(client: &Client, info: &WSAPROTOCOL_INFOW, to: &str) -> SOCKET {
    let s = client.socket(info).unwrap();
    client.bind(s, &named(to)).unwrap();
    s
}

// proves: WPU-CSH-6
#[test]
fn the_entries_are_those_of_tcp_and_udp_without_ifs_handles() {
    let entries = windlass_memory::entries();
    let of = entries.map(|e| (e.iAddressFamily, e.iSocketType, e.iProtocol, e.iMinSockAddr, e.iMaxSockAddr));
    let expected = [
        (AF_INET, SOCK_STREAM, IPPROTO_TCP, 16, 16),
        (AF_INET, SOCK_DGRAM, IPPROTO_UDP, 16, 16),
        (AF_INET6, SOCK_STREAM, IPPROTO_TCP, 28, 28),
        (AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 28, 28),
    ];
    assert_eq!(of, expected);
    for entry in entries {
        assert_eq!(entry.dwServiceFlags1 & XP1_IFS_HANDLES, 0);
        assert_eq!(entry.dwProviderFlags, PFL_MATCHES_PROTOCOL_ZERO);
        assert_eq!((entry.dwMessageSize != 0), entry.iSocketType == SOCK_DGRAM);
        assert_eq!(entry.szProtocol[WSAPROTOCOL_LEN], 0);
    }
}

// proves: WSP-SOCK-1
#[test]
fn wsp_sock_1_what_is_left_open_is_what_the_entry_says() {
    let (client, _turn) = provider();
    let make = |family, socket_type, protocol, info| {
        let (mut info, mut errno) = (info, 0);
        // SAFETY: a function of a provider that has been started, with live arguments.
        let s = unsafe { (client.table.lpWSPSocket)(family, socket_type, protocol, &mut info, 0, 0, &mut errno) };
        let made = if s == INVALID_SOCKET { Err(WsaError::from_code(errno)) } else { Ok(s) };
        made.map(|s| client.get_option(s, SOL_SOCKET, SO_TYPE).unwrap())
    };
    assert_eq!(make(0, 0, 0, stream()), Ok(SOCK_STREAM));
    assert_eq!(make(-1, -1, -1, over_6(datagram())), Ok(SOCK_DGRAM));
    assert_eq!(make(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, over_6(datagram())), Ok(SOCK_DGRAM));
    assert_eq!(make(200, SOCK_STREAM, 0, stream()), Err(WsaError::WSAEAFNOSUPPORT));
    assert_eq!(make(AF_INET, SOCK_STREAM, IPPROTO_UDP, stream()), Err(WsaError::WSAEPROTONOSUPPORT));
    assert_eq!(make(AF_INET, SOCK_RAW, 0, stream()), Err(WsaError::WSAESOCKTNOSUPPORT));
    client.clean_up().unwrap();
}

#[test]
fn the_two_families_have_ports_of_their_own() {
    let (client, _turn) = provider();
    let six = bound(&client, &over_6(stream()), "[::1]:80");
    bound(&client, &stream(), "127.0.0.1:80");
    bound(&client, &datagram(), "127.0.0.1:80");
    client.listen(six).unwrap();
    let s = client.socket(&over_6(stream())).unwrap();
    client.connect(s, &named("[::1]:80")).unwrap();
    let a = client.accept(six).unwrap();
    client.send(s, b"six").unwrap();
    assert_eq!(client.recv(a, 9), Ok(b"six".to_vec()));
    assert_eq!(client.get_peer_name(s), Ok(named("[::1]:80")));
    assert_eq!(client.get_sock_name(s).unwrap().len(), 28);
    let refused = client.socket(&stream()).unwrap();
    assert_eq!(client.connect(refused, &name(80)), Err(WsaError::WSAECONNREFUSED), "bound and no more");
    assert_eq!(client.connect(refused, &named("[::1]:80")), Err(WsaError::WSAEAFNOSUPPORT));
    assert_eq!(client.bind(refused, &named("[::1]:81")), Err(WsaError::WSAEFAULT), "WSP-BIND-1");
    client.clean_up().unwrap();
}

// proves: WSP-BIND-3, WSP-BIND-5, WSP-CONN-1, WSP-GSN-2
#[test]
fn wsp_bind_5_there_is_nothing_but_loopback() {
    let (client, _turn) = provider();
    let (s, d) = (client.socket(&stream()).unwrap(), client.socket(&datagram()).unwrap());
    for elsewhere in ["10.0.0.1:80", "8.8.8.8:53", "255.255.255.255:9", "224.0.0.1:9"] {
        assert_eq!(client.bind(s, &named(elsewhere)), Err(WsaError::WSAEADDRNOTAVAIL), "{elsewhere}");
        assert_eq!(client.connect(s, &named(elsewhere)), Err(WsaError::WSAENETUNREACH), "{elsewhere}");
        assert_eq!(client.send_to(d, b"x", &named(elsewhere)), Err(WsaError::WSAENETUNREACH), "{elsewhere}");
    }
    for nowhere in ["0.0.0.0:80", "127.0.0.1:0"] {
        assert_eq!(client.connect(s, &named(nowhere)), Err(WsaError::WSAEADDRNOTAVAIL), "{nowhere}");
        assert_eq!(client.send_to(d, b"x", &named(nowhere)), Err(WsaError::WSAEADDRNOTAVAIL), "{nowhere}");
    }
    // All of 127.0.0.0/8 is here, each address on its own.
    let far = bound(&client, &stream(), "127.9.8.7:80");
    client.listen(far).unwrap();
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAECONNREFUSED));
    client.connect(s, &named("127.9.8.7:80")).unwrap();
    let (accepted, peer) = client.accept_from(far, None, 0);
    assert_eq!(client.get_sock_name(accepted.unwrap()), Ok(named("127.9.8.7:80")));
    assert_eq!(client.get_sock_name(s), Ok(peer.clone()));
    assert_eq!(peer[4..8], [127, 0, 0, 1], "whoever is not bound comes from there");
    // Bound to every address: there is one as soon as there is a peer.
    let any = bound(&client, &datagram(), "0.0.0.0:5353");
    assert_eq!(client.get_sock_name(any), Ok(named("0.0.0.0:5353")));
    client.send_to(d, b"hello", &named("127.3.2.1:5353")).unwrap();
    let (_, from) = client.recv_from(any, 9).unwrap();
    client.connect(any, &from).unwrap();
    assert_eq!(client.get_sock_name(any), Ok(named("127.0.0.1:5353")));
    client.clean_up().unwrap();
}

// proves: WSP-BIND-4, OPT-7
#[test]
fn wsp_bind_4_a_port_in_use_is_shared_only_on_demand() {
    let (client, _turn) = provider();
    let reuse = |s, name| client.set_option(s, SOL_SOCKET, name, 1);
    let first = bound(&client, &datagram(), "127.0.0.1:53");
    let other = client.socket(&datagram()).unwrap();
    for taken in ["127.0.0.1:53", "0.0.0.0:53"] {
        assert_eq!(client.bind(other, &named(taken)), Err(WsaError::WSAEADDRINUSE), "{taken}");
    }
    client.bind(other, &named("127.0.0.2:53")).unwrap();
    let second = client.socket(&datagram()).unwrap();
    reuse(second, SO_REUSEADDR).unwrap();
    assert_eq!(reuse(second, SO_EXCLUSIVEADDRUSE), Err(WsaError::WSAEINVAL));
    client.bind(second, &name(53)).unwrap();
    // The latest has it, until it is gone.
    client.send_to(other, b"x", &name(53)).unwrap();
    assert_eq!(client.recv(second, 9), Ok(b"x".to_vec()));
    client.close(second).unwrap();
    client.send_to(other, b"y", &name(53)).unwrap();
    assert_eq!(client.recv(first, 9), Ok(b"y".to_vec()));
    let alone = client.socket(&datagram()).unwrap();
    reuse(alone, SO_EXCLUSIVEADDRUSE).unwrap();
    client.bind(alone, &name(54)).unwrap();
    let sharing = client.socket(&datagram()).unwrap();
    reuse(sharing, SO_REUSEADDR).unwrap();
    assert_eq!(client.bind(sharing, &name(54)), Err(WsaError::WSAEACCES));
    client.close(alone).unwrap();
    client.bind(sharing, &name(54)).unwrap();
    client.clean_up().unwrap();
}

#[test]
fn ports_run_out_and_come_back() {
    let (client, _turn) = provider();
    let any = named("127.0.0.1:0");
    let first = bound(&client, &datagram(), "127.0.0.1:0");
    let sockets: Vec<SOCKET> = (1..1 << 14).map(|_| bound(&client, &datagram(), "127.0.0.1:0")).collect();
    let last = client.socket(&datagram()).unwrap();
    assert_eq!(client.bind(last, &any), Err(WsaError::WSAENOBUFS));
    let free = client.get_sock_name(sockets[77]).unwrap();
    client.close(sockets[77]).unwrap();
    client.bind(last, &any).unwrap();
    assert_eq!(client.get_sock_name(last), Ok(free));
    assert_ne!(client.get_sock_name(first).unwrap()[2..4], [0, 0]);
    client.clean_up().unwrap();
}

// proves: WSP-CONN-4
#[test]
fn wsp_conn_4_zeros_dissolve() {
    let (client, _turn) = provider();
    let (a, b) = (bound(&client, &datagram(), "127.0.0.1:1"), bound(&client, &datagram(), "127.0.0.1:2"));
    client.connect(a, &name(2)).unwrap();
    assert_eq!(client.send(a, b"x"), Ok(1));
    for zeros in [named("0.0.0.0:0"), vec![0; 16]] {
        client.connect(a, &zeros).unwrap();
        assert_eq!(
            (client.send(a, b"x"), client.get_peer_name(a)),
            (Err(WsaError::WSAENOTCONN), Err(WsaError::WSAENOTCONN))
        );
        client.connect(a, &name(2)).unwrap();
    }
    client.close(b).unwrap();
    client.clean_up().unwrap();
}

// proves: WSP-A2S-1, WSP-A2S-4, WSP-A2S-5, WSP-S2A-1, WSP-S2A-3
#[test]
fn wsp_a2s_5_addresses_have_their_usual_text() {
    let (client, _turn) = provider();
    let read = |text, family| client.string_to_address(text, family, &stream());
    let write = |address: &[u8]| client.address_to_string(address, &stream());
    for text in ["127.0.0.1", "127.0.0.1:80", "255.255.255.255:65535", "0.0.0.0"] {
        let address = read(text, AF_INET).unwrap();
        assert_eq!((address.len(), write(&address)), (16, Ok(text.into())));
        assert_eq!(read(text, AF_UNSPEC), Ok(address));
        assert_eq!(read(text, AF_INET6), Err(WsaError::WSAEINVAL));
    }
    for text in ["::", "::1", "[::1]:80", "fe80::1%7", "[fe80::1%7]:65535"] {
        let address = read(text, AF_INET6).unwrap();
        assert_eq!((address.len(), write(&address)), (28, Ok(text.into())));
        assert_eq!(read(text, AF_INET), Err(WsaError::WSAEINVAL));
    }
    assert_eq!((read("[::1]", AF_INET6), read("1.2.3.4:0", AF_INET)), (read("::1", 23), read("1.2.3.4", 2)));
    for wrong in
        ["", ":", ":80", "[]", "[1.2.3.4]:1", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "::1]:5", "[::1", "::1%x", "host"]
    {
        assert_eq!(read(wrong, AF_UNSPEC), Err(WsaError::WSAEINVAL), "{wrong}");
    }
    assert_eq!(write(&name(80)[..15]), Err(WsaError::WSAEINVAL));
    assert_eq!(write(Address::from_bytes(&[200; 28]).unwrap().as_bytes()), Err(WsaError::WSAEINVAL));
    client.clean_up().unwrap();
}
