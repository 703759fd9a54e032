//! `WSPConnect` of streams.

use std::net::TcpListener;

use windlass_abi::*;

use crate::support::{PATIENCE, Winsock, encode, families, loopback};

/// An address where nobody listens, kept free of others by the socket that is bound there.
fn refusing(winsock: &Winsock, family: i32) -> (SOCKET, std::net::SocketAddr) {
    let s = winsock.socket(family, SOCK_STREAM);
    winsock.bind(s, loopback(family)).unwrap();
    (s, winsock.sock_name(s).unwrap())
}

#[test]
fn wsp_conn_1_an_unbound_socket_is_bound_by_connecting() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let [first, second] = [0, 1].map(|_| winsock.socket(family, SOCK_STREAM));
        winsock.connect(first, at).unwrap();
        winsock.connect(second, at).unwrap();
        assert_ne!(winsock.sock_name(first).unwrap(), winsock.sock_name(second).unwrap());
        winsock.close_all([first, second, listener]);
    }
}

#[test]
fn wsp_conn_2_a_non_blocking_connect_ends_in_the_write_set() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let s = winsock.socket(family, SOCK_STREAM);
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEWOULDBLOCK));
        let [_, ready, failed] = winsock.select(&[], &[s], &[s], Some(PATIENCE)).unwrap();
        assert_eq!((ready, failed), (vec![s], vec![]));
        assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_ERROR), 0);
        assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEISCONN));
        let (there, _) = winsock.accept(listener).unwrap();
        assert_eq!(winsock.send(s, b"x", 0), Ok(1));
        assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
        winsock.close_all([s, there, listener]);
    }
}

// proves: WSP-SELECT-6, OPT-5
#[test]
fn wsp_conn_2_a_non_blocking_connect_that_fails_ends_in_the_except_set() {
    let winsock = Winsock::start();
    for &family in families() {
        let (keeper, at) = refusing(&winsock, family);
        let s = winsock.socket(family, SOCK_STREAM);
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEWOULDBLOCK));
        for _ in 0..2 {
            let [read, write, except] = winsock.select(&[s], &[s], &[s], Some(PATIENCE)).unwrap();
            assert_eq!((read, write, except), (vec![], vec![], vec![s]));
        }
        assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_ERROR), WSAECONNREFUSED);
        assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_ERROR), 0);
        winsock.close_all([s, keeper]);
    }
}

#[test]
fn wsp_conn_3_a_second_connect_has_an_error_for_each_state() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    assert_eq!(winsock.connect(listener, at), Err(WsaError::WSAEINVAL));
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEISCONN));
    winsock.close_all([s, listener]);
}

#[test]
fn wsp_conn_3_a_connect_while_connecting_is_already_under_way() {
    let winsock = Winsock::start();
    // A queue that is full: the kernel leaves further attempts unanswered.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let at = full.local_addr().unwrap();
    let mut pending = Vec::new();
    for _ in 0..3 {
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEWOULDBLOCK));
        pending.push(s);
    }
    let s = *pending.last().unwrap();
    assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEALREADY));
    // Nothing can be done with it before it is connected.
    assert_eq!(winsock.send(s, b"x", 0), Err(WsaError::WSAENOTCONN));
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAENOTCONN));
    assert_eq!(winsock.shutdown(s, SD_SEND), Err(WsaError::WSAENOTCONN));
    assert_eq!(winsock.peer_name(s), Err(WsaError::WSAENOTCONN));
    assert_eq!(winsock.listen(s, 1), Err(WsaError::WSAEISCONN));
    let nothing = winsock.select(&[s], &[s], &[s], Some(std::time::Duration::ZERO)).unwrap();
    assert_eq!(nothing, [const { Vec::new() }; 3]);
    winsock.close_all(pending);
}

#[test]
fn wsp_conn_4_an_address_of_zeros_is_not_available_to_a_stream() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        let zero = if family == AF_INET { "0.0.0.0:9" } else { "[::]:9" };
        assert_eq!(winsock.connect(s, zero.parse().unwrap()), Err(WsaError::WSAEADDRNOTAVAIL));
        assert_eq!(winsock.connect(s, loopback(family)), Err(WsaError::WSAEADDRNOTAVAIL), "port zero");
        winsock.close_all([s]);
    }
}

#[test]
fn connect_looks_at_the_name() {
    let winsock = Winsock::start();
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let s = winsock.socket(AF_INET, kind);
        assert_eq!(winsock.connect(s, "[::1]:9".parse().unwrap()), Err(WsaError::WSAEAFNOSUPPORT));
        let name = encode("127.0.0.1:9".parse().unwrap());
        assert_eq!(winsock.connect_bytes(s, &name[..15]), Err(WsaError::WSAEFAULT));
        winsock.close_all([s]);
    }
}

#[test]
fn wsp_conn_7_user_data_is_not_supported_by_streams_and_ignored_by_datagrams() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let refused = winsock.connect_with(s, &encode(at), Some(&mut [1, 2, 3]));
    assert_eq!(refused, Err(WsaError::WSAEPROTONOSUPPORT));
    let d = winsock.socket(AF_INET, SOCK_DGRAM);
    assert_eq!(winsock.connect_with(d, &encode(at), Some(&mut [1, 2, 3])), Ok(()));
    winsock.close_all([s, d, listener]);
}

#[test]
fn wsp_conn_9_a_refused_socket_connects_again() {
    let winsock = Winsock::start();
    for &family in families() {
        for nonblocking in [false, true] {
            let (keeper, nobody) = refusing(&winsock, family);
            let (listener, at) = winsock.listener(family);
            let s = winsock.socket(family, SOCK_STREAM);
            winsock.set_nonblocking(s, nonblocking).unwrap();
            for _ in 0..3 {
                match winsock.connect(s, nobody) {
                    Err(WsaError::WSAEWOULDBLOCK) if nonblocking => {
                        let [_, _, failed] = winsock.select(&[], &[], &[s], Some(PATIENCE)).unwrap();
                        assert_eq!(failed, [s]);
                    }
                    outcome => assert_eq!((outcome, nonblocking), (Err(WsaError::WSAECONNREFUSED), false)),
                }
            }
            match winsock.connect(s, at) {
                Err(WsaError::WSAEWOULDBLOCK) if nonblocking => {
                    let [_, ready, failed] = winsock.select(&[], &[s], &[s], Some(PATIENCE)).unwrap();
                    assert_eq!((ready, failed), (vec![s], vec![]));
                }
                outcome => assert_eq!((outcome, nonblocking), (Ok(()), false)),
            }
            let (there, peer) = winsock.accept(listener).unwrap();
            assert_eq!(peer, winsock.sock_name(s).unwrap());
            winsock.close_all([s, there, listener, keeper]);
        }
    }
}
