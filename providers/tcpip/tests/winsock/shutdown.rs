//! `WSPShutdown`, `WSPSendDisconnect`, `WSPRecvDisconnect` of streams.

use windlass_abi::*;

use crate::support::{Winsock, families, spawn_blocked};

#[test]
fn wsp_shut_1_other_directions_are_invalid() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    for how in [-1, 3, i32::MAX] {
        assert_eq!(winsock.shutdown(here, how), Err(WsaError::WSAEINVAL));
    }
    winsock.close_all([here, there]);
}

#[test]
fn shutdown_needs_a_connection() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    let (listener, _) = winsock.listener(AF_INET);
    for s in [s, listener] {
        for how in [SD_RECEIVE, SD_SEND, SD_BOTH] {
            assert_eq!(winsock.shutdown(s, how), Err(WsaError::WSAENOTCONN));
        }
        assert_eq!(winsock.send_disconnect(s, None), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.recv_disconnect(s, None), Err(WsaError::WSAENOTCONN));
    }
    winsock.close_all([s, listener]);
}

// proves: WSP-SHUT-4
#[test]
fn wsp_shut_2_a_send_shutdown_ends_the_stream_after_its_data() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        winsock.send(here, b"last", 0).unwrap();
        winsock.shutdown(here, SD_SEND).unwrap();
        assert_eq!(winsock.recv_all(there).unwrap(), b"last");
        assert_eq!(winsock.send(here, b"x", 0), Err(WsaError::WSAESHUTDOWN));
        assert_eq!(winsock.send(here, b"", 0), Err(WsaError::WSAESHUTDOWN));
        // The other direction goes on.
        winsock.send(there, b"reply", 0).unwrap();
        assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"reply");
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_shut_2_a_receive_shutdown_resets_if_data_waits_or_comes() {
    let winsock = Winsock::start();
    for waits in [true, false] {
        let (here, there) = winsock.pair(AF_INET);
        if waits {
            winsock.send(there, b"unread", 0).unwrap();
            winsock.wait_readable(here);
            winsock.shutdown(here, SD_RECEIVE).unwrap();
        } else {
            winsock.shutdown(here, SD_RECEIVE).unwrap();
            // Without data nothing happens to the connection.
            winsock.send(here, b"x", 0).unwrap();
            assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
            winsock.send(there, b"unwanted", 0).unwrap();
        }
        assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAESHUTDOWN));
        let mut sent = winsock.send(here, b"x", 0);
        while sent.is_ok() {
            sent = winsock.send(here, b"x", 0);
        }
        assert_eq!(sent, Err(WsaError::WSAECONNABORTED));
        let mut told = winsock.recv(there, 9, 0);
        while told.as_ref().is_ok_and(|bytes| !bytes.is_empty()) {
            told = winsock.recv(there, 9, 0);
        }
        assert_eq!(told, Err(WsaError::WSAECONNRESET));
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_shut_3_a_shutdown_keeps_the_handle_and_ignores_linger() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_nonblocking(here, true).unwrap();
    while winsock.send(here, &[0; 65536], 0).is_ok() {}
    winsock.set_nonblocking(here, false).unwrap();
    winsock.set_linger(here, Some(100));
    winsock.shutdown(here, SD_BOTH).unwrap();
    assert!(winsock.sock_name(here).is_ok());
    winsock.set_linger(here, None);
    winsock.close_all([here, there]);
}

#[test]
fn wsp_shut_4_a_shutdown_ends_calls_that_wait() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        let receives = spawn_blocked(scope, || winsock.recv(here, 9, 0));
        let fills = spawn_blocked(scope, || winsock.recv(there, 9, MSG_WAITALL));
        winsock.shutdown(there, SD_RECEIVE).unwrap();
        assert_eq!(fills.join().unwrap(), Err(WsaError::WSAESHUTDOWN));
        winsock.shutdown(here, SD_BOTH).unwrap();
        assert_eq!(receives.join().unwrap(), Err(WsaError::WSAESHUTDOWN));
    });
    let (here2, there2) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        let sends = spawn_blocked(scope, || winsock.send(here2, &vec![0; 64 << 20], 0));
        winsock.shutdown(here2, SD_SEND).unwrap();
        assert_eq!(sends.join().unwrap(), Err(WsaError::WSAESHUTDOWN));
    });
    winsock.close_all([here, there, here2, there2]);
}

#[test]
fn wsp_sdis_1_ends_sending_and_has_no_data() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.send_disconnect(here, Some(&mut [1])), Err(WsaError::WSAENOPROTOOPT));
    assert_eq!(winsock.send(here, b"x", 0), Ok(1));
    winsock.send_disconnect(here, None).unwrap();
    assert_eq!(winsock.send(here, b"x", 0), Err(WsaError::WSAESHUTDOWN));
    assert_eq!(winsock.recv_all(there).unwrap(), b"x");
    winsock.close_all([here, there]);
}

// proves: WSP-RDIS-1
#[test]
fn wsp_rdis_2_ends_receiving_and_leaves_the_connection_alone() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.recv_disconnect(here, Some(&mut [0; 9])), Err(WsaError::WSAENOPROTOOPT));
    winsock.recv_disconnect(here, None).unwrap();
    assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAESHUTDOWN));
    // What comes is acknowledged, and resets nothing.
    winsock.send(there, b"unread", 0).unwrap();
    winsock.send(here, b"x", 0).unwrap();
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
    winsock.send(there, b"unread", 0).unwrap();
    assert_eq!(winsock.send(here, b"y", 0), Ok(1));
    winsock.close_all([here, there]);
}
