//! Local and remote names, and what a second socket on the same address may do.

use windlass_abi::*;

use crate::support::{Winsock, encode, families, loopback};

#[test]
fn wsp_bind_1_another_family_is_a_fault() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.bind(s, loopback(AF_INET6)), Err(WsaError::WSAEFAULT));
    assert_eq!(winsock.bind_bytes(s, &encode(loopback(AF_INET))[..15]), Err(WsaError::WSAEFAULT));
    // The kernel's number of IPv6 is no Winsock family.
    let mut name = encode(loopback(AF_INET6));
    name[..2].copy_from_slice(&10u16.to_ne_bytes());
    assert_eq!(winsock.bind_bytes(s, &name), Err(WsaError::WSAEFAULT));
    assert_eq!(winsock.bind(s, loopback(AF_INET)), Ok(()));
    winsock.close_all([s]);
}

#[test]
fn wsp_bind_2_a_second_bind_is_invalid() {
    let winsock = Winsock::start();
    for &family in families() {
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let s = winsock.socket(family, kind);
            winsock.bind(s, loopback(family)).unwrap();
            assert_eq!(winsock.bind(s, loopback(family)), Err(WsaError::WSAEINVAL));
            winsock.close_all([s]);
        }
    }
}

// proves: WSP-GSN-1
#[test]
fn wsp_bind_3_port_zero_is_replaced_by_a_free_one() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        winsock.bind(s, loopback(family)).unwrap();
        let name = winsock.sock_name(s).unwrap();
        assert_ne!(name.port(), 0);
        assert_eq!(name.ip(), loopback(family).ip());
        winsock.close_all([s]);
    }
}

#[test]
fn wsp_bind_4_an_address_in_use_is_refused() {
    let winsock = Winsock::start();
    for &family in families() {
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let first = winsock.socket(family, kind);
            winsock.bind(first, loopback(family)).unwrap();
            let at = winsock.sock_name(first).unwrap();
            // Bound, not listening: the kernel's SO_REUSEADDR alone would let the second in.
            for exclusive in [0, 1] {
                let second = winsock.socket(family, kind);
                winsock.set_int(second, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, exclusive);
                assert_eq!(winsock.bind(second, at), Err(WsaError::WSAEADDRINUSE));
                winsock.close_all([second]);
            }
            winsock.close_all([first]);
            let third = winsock.socket(family, kind);
            assert_eq!(winsock.bind(third, at), Ok(()));
            winsock.close_all([third]);
        }
    }
}

#[test]
fn wsp_bind_4_a_listener_keeps_others_out_even_with_reuse() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    for reuse in [0, 1] {
        let second = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.set_int(second, SOL_SOCKET, SO_REUSEADDR, reuse);
        assert_eq!(winsock.bind(second, at), Err(WsaError::WSAEADDRINUSE));
        winsock.close_all([second]);
    }
    winsock.close_all([listener]);
}

#[test]
fn wsp_bind_4_sockets_that_all_reuse_share_an_address() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let sockets = [0, 1].map(|_| winsock.socket(AF_INET, kind));
        for s in sockets {
            winsock.set_int(s, SOL_SOCKET, SO_REUSEADDR, 1);
        }
        winsock.bind(sockets[0], loopback(AF_INET)).unwrap();
        winsock.bind(sockets[1], winsock.sock_name(sockets[0]).unwrap()).unwrap();
        if kind == SOCK_STREAM {
            for s in sockets {
                winsock.listen(s, 5).unwrap();
            }
        }
        winsock.close_all(sockets);
    }
}

// A server that is started again finds its address free, whatever became of its connections.
#[test]
fn wsp_bind_4_connections_left_over_are_in_nobodys_way() {
    let winsock = Winsock::start();
    for round in 0..3 {
        let (listener, at) = winsock.listener(AF_INET);
        let client = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.connect(client, at).unwrap();
        let (server, _) = winsock.accept(listener).unwrap();
        winsock.close(listener).unwrap();
        if round > 0 {
            // Closed here first, so that TIME_WAIT is at the server's address.
            winsock.shutdown(server, SD_SEND).unwrap();
            assert_eq!(winsock.recv(client, 1, 0), Ok(vec![]));
            winsock.close(server).unwrap();
            winsock.close(client).unwrap();
        }
        let again = winsock.socket(AF_INET, SOCK_STREAM);
        assert_eq!(winsock.bind(again, at), Ok(()), "round {round}");
        assert_eq!(winsock.listen(again, 5), Ok(()), "round {round}");
        // And what is merely bound keeps others out as ever.
        let other = winsock.socket(AF_INET, SOCK_STREAM);
        assert_eq!(winsock.bind(other, at), Err(WsaError::WSAEADDRINUSE));
        winsock.close_all([again, other]);
        if round == 0 {
            winsock.close_all([server, client]);
        }
    }
}

// The same for a client that chose its port.
#[test]
fn wsp_bind_4_a_port_can_be_used_again_after_its_connection() {
    let winsock = Winsock::start();
    for shut_down in [false, true] {
        let (listener, at) = winsock.listener(AF_INET);
        let client = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.bind(client, loopback(AF_INET)).unwrap();
        let name = winsock.sock_name(client).unwrap();
        winsock.connect(client, at).unwrap();
        let (server, peer) = winsock.accept(listener).unwrap();
        assert_eq!(peer, name);
        let other = winsock.socket(AF_INET, SOCK_STREAM);
        assert_eq!(winsock.bind(other, name), Err(WsaError::WSAEADDRINUSE), "while it is connected");
        if shut_down {
            winsock.shutdown(client, SD_SEND).unwrap();
            winsock.shutdown(server, SD_SEND).unwrap();
            assert_eq!(winsock.recv(client, 1, 0), Ok(vec![]));
        }
        winsock.close(client).unwrap();
        assert_eq!(winsock.recv(server, 1, 0), Ok(vec![]));
        winsock.close(server).unwrap();
        assert_eq!(winsock.bind(other, name), Ok(()));
        winsock.close_all([other, listener]);
    }
}

#[test]
fn wsp_bind_5_an_address_of_another_machine_is_not_available() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    assert_eq!(winsock.bind(s, "192.0.2.1:0".parse().unwrap()), Err(WsaError::WSAEADDRNOTAVAIL));
    winsock.close_all([s]);
}

#[test]
fn wsp_gsn_2_an_unbound_socket_has_no_name_and_a_wildcard_one_has() {
    let winsock = Winsock::start();
    for &family in families() {
        let any = if family == AF_INET { "0.0.0.0:0" } else { "[::]:0" };
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let s = winsock.socket(family, kind);
            assert_eq!(winsock.sock_name(s), Err(WsaError::WSAEINVAL));
            winsock.bind(s, any.parse().unwrap()).unwrap();
            let name = winsock.sock_name(s).unwrap();
            assert!(name.ip().is_unspecified() && name.port() != 0);
            winsock.close_all([s]);
        }
    }
}

#[test]
fn wsp_gpn_1_only_a_connected_socket_has_a_peer() {
    let winsock = Winsock::start();
    for &family in families() {
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let s = winsock.socket(family, kind);
            assert_eq!(winsock.peer_name(s), Err(WsaError::WSAENOTCONN));
            winsock.close_all([s]);
        }
        let (here, there) = winsock.pair(family);
        assert_eq!(winsock.peer_name(here), winsock.sock_name(there));
        assert_eq!(winsock.peer_name(there), winsock.sock_name(here));
        winsock.close_all([here, there]);
    }
}

// IPv6 sockets speak IPv6 alone unless asked otherwise, as on Windows.
#[test]
fn both_families_can_have_the_same_port() {
    let winsock = Winsock::start();
    if families().len() < 2 {
        return;
    }
    let six = winsock.socket(AF_INET6, SOCK_STREAM);
    winsock.bind(six, "[::]:0".parse().unwrap()).unwrap();
    winsock.listen(six, 5).unwrap();
    let port = winsock.sock_name(six).unwrap().port();
    let four = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.bind(four, ([0, 0, 0, 0], port).into()), Ok(()));
    winsock.close_all([six, four]);
}
