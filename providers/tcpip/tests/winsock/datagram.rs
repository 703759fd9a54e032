//! Transfers and peers of datagram sockets.

use std::net::SocketAddr;

use windlass_abi::*;

use crate::support::{A_WHILE, Winsock, encode, families, loopback, spawn_blocked};

const ZERO: std::time::Duration = std::time::Duration::ZERO;

#[test]
fn wsp_sto_1_a_datagram_goes_to_the_named_address() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, from) = winsock.datagram(family);
        let (there, to) = winsock.datagram(family);
        let (other, other_to) = winsock.datagram(family);
        assert_eq!(winsock.send_to(here, b"hello", to), Ok(5));
        assert_eq!(winsock.recv_from(there, 9, 0), Ok((b"hello".to_vec(), from)));
        // The default peer is passed over for one datagram only.
        winsock.connect(here, to).unwrap();
        assert_eq!(winsock.send_to(here, b"you", other_to), Ok(3));
        assert_eq!(winsock.send(here, b"me", 0), Ok(2));
        assert_eq!(winsock.recv_from(other, 9, 0), Ok((b"you".to_vec(), from)));
        assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"me");
        let name = encode(to);
        assert_eq!(winsock.send_to_bytes(here, &[b"ab", b"c"], 0, &name), Ok(3));
        assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"abc");
        winsock.close_all([here, there, other]);
    }
}

#[test]
fn wsp_sto_2_an_unbound_socket_is_bound_by_sending() {
    let winsock = Winsock::start();
    for &family in families() {
        let (there, to) = winsock.datagram(family);
        let here = winsock.socket(family, SOCK_DGRAM);
        winsock.send_to(here, b"x", to).unwrap();
        let port = winsock.sock_name(here).unwrap().port();
        assert_ne!(port, 0);
        assert_eq!(winsock.recv_from(there, 9, 0).unwrap().1.port(), port);
        // It can receive as well now.
        winsock.send_to(there, b"y", (loopback(family).ip(), port).into()).unwrap();
        assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"y");
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_sto_3_nobody_to_send_to() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_DGRAM);
        assert_eq!(winsock.send(s, b"x", 0), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.send_to_bytes(s, &[b"x"], 0, &[]), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.send_to_bytes(s, &[b"x", b"y"], 0, &[]), Err(WsaError::WSAENOTCONN));
        winsock.close_all([s]);
    }
}

#[test]
fn send_to_looks_at_the_address() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    let send = |to: &str| winsock.send_to(s, b"x", to.parse::<SocketAddr>().unwrap());
    assert_eq!(send("[::1]:9"), Err(WsaError::WSAEAFNOSUPPORT));
    assert_eq!(send("0.0.0.0:9"), Err(WsaError::WSAEADDRNOTAVAIL));
    assert_eq!(send("127.0.0.1:0"), Err(WsaError::WSAEADDRNOTAVAIL));
    let short = &encode("127.0.0.1:9".parse().unwrap())[..15];
    assert_eq!(winsock.send_to_bytes(s, &[b"x"], 0, short), Err(WsaError::WSAEFAULT));
    winsock.close_all([s]);
}

#[test]
fn wsp_conn_6_a_broadcast_needs_the_option() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    let everyone: SocketAddr = "255.255.255.255:9".parse().unwrap();
    assert_eq!(winsock.connect(s, everyone), Err(WsaError::WSAEACCES));
    assert_eq!(winsock.send_to(s, b"x", everyone), Err(WsaError::WSAEACCES));
    winsock.set_int(s, SOL_SOCKET, SO_BROADCAST, 1);
    // Without a network the address may be unreachable, but it is allowed.
    assert_ne!(winsock.connect(s, everyone), Err(WsaError::WSAEACCES));
    winsock.close_all([s]);
}

#[test]
fn wsp_send_3_too_long_a_datagram_is_refused() {
    let winsock = Winsock::start();
    for &family in families() {
        let (there, to) = winsock.datagram(family);
        let s = winsock.socket(family, SOCK_DGRAM);
        assert_eq!(winsock.send_to(s, &[0; 65_536], to), Err(WsaError::WSAEMSGSIZE));
        assert_eq!(winsock.select(&[there], &[], &[], Some(A_WHILE)).unwrap()[0], []);
        winsock.close_all([s, there]);
    }
}

#[test]
fn wsp_send_5_flags_of_datagrams() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    winsock.connect(s, at).unwrap();
    for flags in [MSG_OOB, MSG_PARTIAL, MSG_WAITALL] {
        assert_eq!(winsock.send(s, b"x", flags), Err(WsaError::WSAEOPNOTSUPP), "{flags:#x}");
    }
    assert_eq!(winsock.send(s, b"x", MSG_DONTROUTE), Ok(1));
    for flags in [MSG_OOB, MSG_PARTIAL, MSG_WAITALL] {
        assert_eq!(winsock.recv(s, 9, flags), Err(WsaError::WSAEOPNOTSUPP), "{flags:#x}");
    }
    assert_eq!(winsock.recv(s, 9, 0).unwrap(), b"x");
    winsock.close_all([s]);
}

#[test]
fn wsp_send_7_an_empty_datagram_is_one() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, from) = winsock.datagram(family);
        let (there, to) = winsock.datagram(family);
        assert_eq!(winsock.send_to(here, b"", to), Ok(0));
        assert_eq!(winsock.recv_from(there, 9, 0), Ok((vec![], from)));
        winsock.send_to(here, b"", to).unwrap();
        assert_eq!(winsock.recv(there, 0, 0).unwrap(), b"");
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_recv_1_an_unbound_socket_can_receive_nothing() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_DGRAM);
        assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAEINVAL));
        assert_eq!(winsock.recv_from(s, 1, 0), Err(WsaError::WSAEINVAL));
        winsock.close_all([s]);
    }
}

// proves: WSP-RECV-3
#[test]
fn wsp_recv_2_a_receive_brings_exactly_one_datagram() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    winsock.send_to(s, b"one", at).unwrap();
    winsock.send_to(s, b"two", at).unwrap();
    let (mut a, mut b) = ([0u8; 2], [0u8; 9]);
    assert_eq!(winsock.recv_parts(s, &mut [&mut a, &mut b], 0), Ok(3));
    assert_eq!((&a, b[0]), (b"on", b'e'));
    assert_eq!(winsock.recv(s, 100, 0).unwrap(), b"two");
    winsock.close_all([s]);
}

#[test]
fn wsp_recv_4_a_longer_datagram_leaves_its_head_and_loses_the_rest() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        let mut buffer = [0u8; 4];
        for peek in [true, false] {
            if peek {
                winsock.send_to(s, b"too long", at).unwrap();
            }
            buffer.fill(0);
            let flags = if peek { MSG_PEEK } else { 0 };
            assert_eq!(winsock.recv_parts(s, &mut [&mut buffer], flags), Err(WsaError::WSAEMSGSIZE));
            assert_eq!(&buffer, b"too ");
        }
        winsock.send_to(s, b"again too long", at).unwrap();
        let (mut a, mut b) = ([0u8; 2], [0u8; 3]);
        let cut = winsock.recv_from_parts(s, &mut [&mut a, &mut b], 0, &mut [0; 28]);
        assert_eq!(cut, Err(WsaError::WSAEMSGSIZE));
        assert_eq!((&a, &b), (b"ag", b"ain"));
        winsock.send_to(s, b"x", at).unwrap();
        assert_eq!(winsock.recv(s, 0, 0), Err(WsaError::WSAEMSGSIZE));
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.recv(s, 9, 0), Err(WsaError::WSAEWOULDBLOCK), "the rest is lost");
        winsock.close_all([s]);
    }
}

#[test]
fn wsp_rfrom_2_too_little_room_for_the_address_receives_nothing() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        winsock.send_to(s, b"x", at).unwrap();
        let short = if family == AF_INET { 15 } else { 27 };
        let received = winsock.recv_from_parts(s, &mut [&mut [0; 9]], 0, &mut vec![0; short]);
        assert_eq!(received, Err(WsaError::WSAEFAULT));
        assert_eq!(winsock.recv_from(s, 9, 0), Ok((b"x".to_vec(), at)));
        winsock.close_all([s]);
    }
}

#[test]
fn wsp_rfrom_3_a_connected_socket_may_be_asked_for_the_sender() {
    let winsock = Winsock::start();
    let (here, from) = winsock.datagram(AF_INET);
    let (there, to) = winsock.datagram(AF_INET);
    winsock.connect(there, from).unwrap();
    winsock.send_to(here, b"x", to).unwrap();
    assert_eq!(winsock.recv_from(there, 9, 0), Ok((b"x".to_vec(), from)));
    winsock.close_all([here, there]);
}

#[test]
fn wsp_rfrom_4_an_unreachable_port_is_not_told_unless_asked() {
    let winsock = Winsock::start();
    for &family in families() {
        for asked in [false, true] {
            // A port that nobody has any more.
            let (gone, nowhere) = winsock.datagram(family);
            winsock.close(gone).unwrap();
            let (s, _) = winsock.datagram(family);
            winsock.connect(s, nowhere).unwrap();
            winsock.set_nonblocking(s, true).unwrap();
            winsock.ioctl(s, SIO_UDP_CONNRESET, &mut u32::from(asked).to_ne_bytes(), &mut []).unwrap();
            winsock.send(s, b"x", 0).unwrap();
            let [read, ..] = winsock.select(&[s], &[], &[], Some(A_WHILE)).unwrap();
            if asked {
                assert_eq!(read, [s]);
                assert_eq!(winsock.recv(s, 9, 0), Err(WsaError::WSAECONNRESET));
            } else {
                assert_eq!(read, []);
                assert_eq!(winsock.recv(s, 9, 0), Err(WsaError::WSAEWOULDBLOCK));
                // Nor does it get into the way of what follows.
                for _ in 0..5 {
                    assert_eq!(winsock.send(s, b"x", 0), Ok(1));
                }
            }
            winsock.close_all([s]);
        }
    }
}

#[test]
fn wsp_conn_4_an_address_of_zeros_dissolves_the_association() {
    let winsock = Winsock::start();
    for &family in families() {
        let (there, to) = winsock.datagram(family);
        for zero in [encode(if family == AF_INET { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap()), vec![0; 28]] {
            let (s, at) = winsock.datagram(family);
            winsock.connect(s, to).unwrap();
            assert_eq!(winsock.send(s, b"x", 0), Ok(1));
            winsock.connect_bytes(s, &zero).unwrap();
            assert_eq!(winsock.send(s, b"x", 0), Err(WsaError::WSAENOTCONN));
            assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAENOTCONN));
            assert_eq!(winsock.peer_name(s), Err(WsaError::WSAENOTCONN));
            assert_eq!(winsock.sock_name(s), Ok(at), "the local address stays");
            assert_eq!(winsock.send_to(s, b"y", at), Ok(1));
            assert_eq!(winsock.recv_from(s, 9, 0), Ok((b"y".to_vec(), at)));
            // And it can have a peer again.
            winsock.connect(s, to).unwrap();
            assert_eq!(winsock.send(s, b"z", 0), Ok(1));
            assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
            assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"z");
            winsock.close_all([s]);
        }
        winsock.close_all([there]);
    }
}

#[test]
fn wsp_conn_5_a_new_peer_drops_what_is_queued_and_keeps_others_out() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        let (first, first_at) = winsock.datagram(family);
        let (second, second_at) = winsock.datagram(family);
        winsock.send_to(first, b"early", at).unwrap();
        winsock.send_to(second, b"early too", at).unwrap();
        winsock.wait_readable(s);
        winsock.connect(s, second_at).unwrap();
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.recv(s, 99, 0), Err(WsaError::WSAEWOULDBLOCK));
        winsock.send_to(first, b"stranger", at).unwrap();
        winsock.send_to(second, b"peer", at).unwrap();
        winsock.wait_readable(s);
        assert_eq!(winsock.recv(s, 99, 0).unwrap(), b"peer");
        assert_eq!(winsock.select(&[s], &[], &[], Some(ZERO)).unwrap()[0], []);
        // The same peer again changes nothing.
        winsock.send_to(second, b"kept", at).unwrap();
        winsock.wait_readable(s);
        winsock.connect(s, second_at).unwrap();
        assert_eq!(winsock.recv(s, 99, 0).unwrap(), b"kept");
        // Another one does.
        winsock.connect(s, first_at).unwrap();
        assert_eq!(winsock.peer_name(s), Ok(first_at));
        winsock.send_to(first, b"now", at).unwrap();
        winsock.wait_readable(s);
        assert_eq!(winsock.recv(s, 99, 0).unwrap(), b"now");
        winsock.close_all([s, first, second]);
    }
}

#[test]
fn wsp_shut_4_a_datagram_socket_that_is_shut_down() {
    let winsock = Winsock::start();
    for &family in families() {
        for connected in [false, true] {
            let (s, at) = winsock.datagram(family);
            if connected {
                winsock.connect(s, at).unwrap();
            }
            winsock.shutdown(s, SD_RECEIVE).unwrap();
            assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAESHUTDOWN));
            assert_eq!(winsock.send_to(s, b"x", at), Ok(1));
            winsock.shutdown(s, SD_SEND).unwrap();
            assert_eq!(winsock.send_to(s, b"x", at), Err(WsaError::WSAESHUTDOWN));
            winsock.close_all([s]);
        }
    }
}

#[test]
fn wsp_shut_4_a_shutdown_ends_a_receive_that_waits() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    std::thread::scope(|scope| {
        let received = spawn_blocked(scope, || winsock.recv(s, 9, 0));
        winsock.shutdown(s, SD_RECEIVE).unwrap();
        assert_eq!(received.join().unwrap(), Err(WsaError::WSAESHUTDOWN));
    });
    winsock.close_all([s]);
}
