//! `WSPSelect`.

use std::time::{Duration, Instant};

use windlass_abi::*;

use crate::support::{A_WHILE, PATIENCE, Winsock, families, spawn_blocked};

const ZERO: Duration = Duration::ZERO;

fn nothing() -> [Vec<SOCKET>; 3] {
    [const { Vec::new() }; 3]
}

#[test]
fn wsp_select_4_the_sets_keep_what_is_ready_and_duplicates() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let idle = winsock.pair(AF_INET);
    winsock.send(here, b"x", 0).unwrap();
    winsock.wait_readable(there);
    let [read, write, except] =
        winsock.select(&[idle.0, there, there], &[there, here], &[there, here], Some(PATIENCE)).unwrap();
    assert_eq!((read, write, except), (vec![there, there], vec![there, here], vec![]));
    winsock.close_all([here, there, idle.0, idle.1]);
}

#[test]
fn wsp_select_5_no_time_looks_and_some_time_passes() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.select(&[there], &[], &[there], Some(ZERO)), Ok(nothing()));
    let start = Instant::now();
    assert_eq!(winsock.select(&[there], &[], &[there], Some(A_WHILE)), Ok(nothing()));
    assert!(start.elapsed() >= A_WHILE);
    std::thread::scope(|scope| {
        let forever = spawn_blocked(scope, || winsock.select(&[there], &[], &[], None));
        assert!(!forever.is_finished());
        winsock.send(here, b"x", 0).unwrap();
        assert_eq!(forever.join().unwrap().unwrap()[0], [there]);
    });
    winsock.close_all([here, there]);
}

#[test]
fn wsp_select_6_the_read_set_tells_data_and_every_end() {
    let winsock = Winsock::start();
    for &family in families() {
        for reset in [false, true] {
            let (here, there) = winsock.pair(family);
            if reset {
                winsock.set_linger(here, Some(0));
            }
            winsock.close(here).unwrap();
            winsock.wait_readable(there);
            let end = winsock.recv(there, 1, 0);
            assert_eq!(end, if reset { Err(WsaError::WSAECONNRESET) } else { Ok(vec![]) });
            // It stays readable.
            winsock.wait_readable(there);
            winsock.close_all([there]);
        }
    }
}

#[test]
fn wsp_select_6_the_write_set_tells_room() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let [_, ready, _] = winsock.select(&[], &[here], &[], Some(ZERO)).unwrap();
    assert_eq!(ready, [here]);
    winsock.set_nonblocking(here, true).unwrap();
    while winsock.send(here, &[0; 65536], 0).is_ok() {}
    assert_eq!(winsock.select(&[], &[here], &[], Some(ZERO)), Ok(nothing()));
    std::thread::scope(|scope| {
        let room = scope.spawn(|| winsock.select(&[], &[here], &[], Some(PATIENCE)));
        winsock.set_nonblocking(there, true).unwrap();
        while !room.is_finished() {
            let _ = winsock.recv(there, 1 << 20, 0);
        }
        assert_eq!(room.join().unwrap().unwrap()[1], [here]);
    });
    winsock.close_all([here, there]);
}

// The kernel reports such a socket as hung up and writable.
#[test]
fn wsp_select_6_a_stream_that_was_never_connected_is_ready_for_nothing() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.select(&[s], &[s], &[s], Some(ZERO)), Ok(nothing()));
    assert_eq!(winsock.select(&[s], &[s], &[s], Some(A_WHILE)), Ok(nothing()));
    winsock.close_all([s]);
}

// A peer that is gone would wake a wait for exceptions again and again.
#[test]
fn wsp_select_6_an_ended_connection_is_no_exception() {
    let winsock = Winsock::start();
    for reset in [false, true] {
        let (here, there) = winsock.pair(AF_INET);
        winsock.shutdown(there, SD_SEND).unwrap();
        if reset {
            winsock.set_linger(here, Some(0));
        }
        winsock.close(here).unwrap();
        winsock.wait_readable(there);
        let before = cpu_time();
        assert_eq!(winsock.select(&[], &[], &[there], Some(A_WHILE)), Ok(nothing()));
        assert!(cpu_time() - before < A_WHILE / 2, "it spins");
        winsock.close_all([there]);
    }
}

fn cpu_time() -> Duration {
    let usage = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(usage.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_connect_that_ends_during_the_wait_is_followed() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.set_nonblocking(s, true).unwrap();
    assert_eq!(winsock.connect(s, at), Err(WsaError::WSAEWOULDBLOCK));
    std::thread::scope(|scope| {
        // Only asked for data: the end of the attempt is not data, what comes after it is.
        let data = scope.spawn(|| winsock.select(&[s], &[], &[], Some(PATIENCE)));
        let (there, _) = winsock.accept(listener).unwrap();
        std::thread::sleep(A_WHILE);
        assert!(!data.is_finished());
        winsock.send(there, b"x", 0).unwrap();
        assert_eq!(data.join().unwrap().unwrap()[0], [s]);
        winsock.close_all([there]);
    });
    winsock.close_all([s, listener]);
}

#[test]
fn datagram_sockets_are_readable_by_datagram_and_always_writable() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        let [read, write, except] = winsock.select(&[s], &[s], &[s], Some(ZERO)).unwrap();
        assert_eq!((read, write, except), (vec![], vec![s], vec![]));
        winsock.send_to(s, b"", at).unwrap();
        winsock.wait_readable(s);
        winsock.close_all([s]);
    }
}

#[test]
fn wsp_select_6_what_a_shutdown_makes_fail_is_ready() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.shutdown(here, SD_BOTH).unwrap();
    let [read, write, _] = winsock.select(&[here], &[here], &[], Some(ZERO)).unwrap();
    assert_eq!((read, write), (vec![here], vec![here]));
    winsock.recv_disconnect(there, None).unwrap();
    let [read, ..] = winsock.select(&[there], &[], &[], Some(ZERO)).unwrap();
    assert_eq!(read, [there]);
    winsock.close_all([here, there]);
}

#[test]
fn many_sockets_are_waited_for_at_once() {
    let winsock = Winsock::start();
    let sockets: Vec<SOCKET> = (0..FD_SETSIZE).map(|_| winsock.datagram(AF_INET).0).collect();
    for &s in [sockets[0], sockets[31], sockets[63]].iter() {
        winsock.send_to(s, b"x", winsock.sock_name(s).unwrap()).unwrap();
        winsock.wait_readable(s);
        assert_eq!(winsock.select(&sockets, &[], &[], Some(PATIENCE)).unwrap()[0], [s]);
        winsock.recv(s, 9, 0).unwrap();
    }
    winsock.close_all(sockets);
}
