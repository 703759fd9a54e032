//! `WSPCloseSocket` and its linger table.

use std::time::{Duration, Instant};

use windlass_abi::*;

use crate::support::{PATIENCE, Winsock, families, spawn_blocked};

/// A connection whose sender has more queued than its peer takes.
fn stuck(winsock: &Winsock, family: i32) -> (SOCKET, SOCKET, usize) {
    let (here, there) = winsock.pair(family);
    winsock.set_nonblocking(here, true).unwrap();
    let mut queued = 0;
    while let Ok(count) = winsock.send(here, &[5; 65536], 0) {
        queued += count;
    }
    winsock.set_nonblocking(here, false).unwrap();
    (here, there, queued)
}

#[test]
fn wsp_close_5_without_linger_the_rest_is_sent_in_the_background() {
    let winsock = Winsock::start();
    for &family in families() {
        for nonblocking in [false, true] {
            let (here, there, queued) = stuck(&winsock, family);
            winsock.set_nonblocking(here, nonblocking).unwrap();
            winsock.close(here).unwrap();
            assert_eq!(winsock.recv_all(there).unwrap().len(), queued);
            winsock.close_all([there]);
        }
    }
}

#[test]
fn wsp_close_5_linger_zero_resets() {
    let winsock = Winsock::start();
    for &family in families() {
        for nonblocking in [false, true] {
            let (here, there, _) = stuck(&winsock, family);
            winsock.set_nonblocking(here, nonblocking).unwrap();
            winsock.set_linger(here, Some(0));
            winsock.close(here).unwrap();
            assert_eq!(winsock.recv_all(there), Err(WsaError::WSAECONNRESET));
            winsock.close_all([there]);
        }
    }
}

#[test]
fn wsp_close_5_a_lingering_close_waits_until_all_is_sent() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there, queued) = stuck(&winsock, family);
        winsock.set_linger(here, Some(100));
        std::thread::scope(|scope| {
            let closed = spawn_blocked(scope, || winsock.close(here));
            assert!(!closed.is_finished());
            assert_eq!(winsock.recv_all(there).unwrap().len(), queued);
            assert_eq!(closed.join().unwrap(), Ok(()));
        });
        winsock.close_all([there]);
    }
}

#[test]
fn wsp_close_5_a_lingering_close_resets_when_the_time_is_over() {
    let winsock = Winsock::start();
    let (here, there, _) = stuck(&winsock, AF_INET);
    winsock.set_linger(here, Some(1));
    let start = Instant::now();
    assert_eq!(winsock.close(here), Ok(()));
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(winsock.recv_all(there), Err(WsaError::WSAECONNRESET));
    winsock.close_all([there]);
}

// proves: WSP-CLOSE-6
#[test]
fn wsp_close_5_a_lingering_close_of_a_non_blocking_socket_would_block() {
    let winsock = Winsock::start();
    let (here, there, queued) = stuck(&winsock, AF_INET);
    winsock.set_linger(here, Some(100));
    winsock.set_nonblocking(here, true).unwrap();
    for _ in 0..2 {
        assert_eq!(winsock.close(here), Err(WsaError::WSAEWOULDBLOCK));
    }
    // The handle is valid, and no disconnect has begun.
    let got = winsock.recv(there, queued, MSG_WAITALL).unwrap().len();
    assert_eq!(got, queued);
    assert_eq!(winsock.send(here, b"more", 0), Ok(4));
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"more");
    // What can finish at once does.
    let start = Instant::now();
    while winsock.close(here) == Err(WsaError::WSAEWOULDBLOCK) {
        assert!(start.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"");
    winsock.close_all([there]);
}

#[test]
fn wsp_close_5_dontlinger_gets_out_of_a_close_that_would_block() {
    let winsock = Winsock::start();
    let (here, there, queued) = stuck(&winsock, AF_INET);
    winsock.set_linger(here, Some(100));
    winsock.set_nonblocking(here, true).unwrap();
    assert_eq!(winsock.close(here), Err(WsaError::WSAEWOULDBLOCK));
    winsock.set_int(here, SOL_SOCKET, SO_DONTLINGER, 1);
    assert_eq!(winsock.close(here), Ok(()));
    assert_eq!(winsock.recv_all(there).unwrap().len(), queued);
    winsock.close_all([there]);
}

#[test]
fn wsp_close_5_linger_does_not_matter_without_connection() {
    let winsock = Winsock::start();
    for seconds in [0, 100] {
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        let (listener, _) = winsock.listener(AF_INET);
        let (ended, peer) = winsock.pair(AF_INET);
        winsock.set_linger(peer, Some(0));
        winsock.close(peer).unwrap();
        winsock.wait_readable(ended);
        for s in [s, listener, ended] {
            winsock.set_linger(s, Some(seconds));
            winsock.close(s).unwrap();
        }
    }
}

#[test]
fn wsp_close_2_a_close_ends_the_calls_that_wait() {
    // proves: WSP-CLOSE-2, WSP-CLOSE-3
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (listener, _) = winsock.listener(AF_INET);
    let (d, _) = winsock.datagram(AF_INET);
    let (fuller, peer) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        let calls = [
            spawn_blocked(scope, || winsock.recv(here, 9, 0).map(|_| ())),
            spawn_blocked(scope, || winsock.recv(here, 9, MSG_WAITALL).map(|_| ())),
            spawn_blocked(scope, || winsock.recv(here, 9, MSG_OOB).map(|_| ())),
            spawn_blocked(scope, || winsock.recv(here, 0, 0).map(|_| ())),
            spawn_blocked(scope, || winsock.select(&[here], &[], &[], None).map(|_| ())),
            spawn_blocked(scope, || winsock.accept(listener).map(|_| ())),
            spawn_blocked(scope, || winsock.recv_from(d, 9, 0).map(|_| ())),
            spawn_blocked(scope, || winsock.send(fuller, &vec![0; 64 << 20], 0).map(|_| ())),
        ];
        for s in [here, listener, d, fuller] {
            winsock.close(s).unwrap();
        }
        for call in calls {
            assert_eq!(call.join().unwrap(), Err(WsaError::WSAEINTR));
        }
    });
    winsock.close_all([there, peer]);
}
