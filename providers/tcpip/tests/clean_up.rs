//! The last clean-up (contract: lifecycle, section 3). Each test has the provider to itself.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use windlass_abi::*;

use support::upcalls::{TestEvent, hold_next_wait, open_window, take_messages};
use support::{A_WHILE, PATIENCE, Winsock, eventually, families, loopback, spawn_blocked};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection from a socket of the provider to one that has nothing to do with it.
fn outside(winsock: &Winsock, family: i32) -> (SOCKET, TcpStream) {
    let listener = TcpListener::bind(loopback(family)).unwrap();
    let s = winsock.socket(family, SOCK_STREAM);
    winsock.connect(s, listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (s, peer)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn wsp_cleanup_4_all_but_the_last_change_nothing() {
    // proves: WSP-CLEANUP-5
    let _alone = alone();
    let (first, second) = (Winsock::start(), Winsock::start());
    let (s, mut peer) = outside(&first, AF_INET);
    std::thread::scope(|scope| {
        let received = spawn_blocked(scope, || first.recv(s, 9, 0));
        second.cleanup().unwrap();
        std::thread::sleep(A_WHILE);
        assert!(!received.is_finished());
        peer.write_all(b"x").unwrap();
        assert_eq!(received.join().unwrap().unwrap(), b"x");
    });
    first.close(s).unwrap();
}

#[test]
fn wsp_cleanup_6_blocking_calls_end_and_no_event_is_set() {
    // proves: WSP-CLEANUP-7, WSP-CLEANUP-24, WSP-CLEANUP-28
    let _alone = alone();
    let winsock = Winsock::start();
    let (s, _peer) = outside(&winsock, AF_INET);
    let (selected, mut talker) = outside(&winsock, AF_INET);
    let event = TestEvent::new();
    winsock.event_select(selected, event.handle(), FD_READ | FD_CLOSE).unwrap();
    let (listener, _) = winsock.listener(AF_INET);
    let (d, _) = winsock.datagram(AF_INET);
    let (fuller, _silent) = outside(&winsock, AF_INET);
    // The calls outlive the start that they belong to.
    let caller = std::mem::ManuallyDrop::new(Winsock { table: winsock.table });
    let caller: &Winsock = &caller;
    std::thread::scope(|scope| {
        let calls = [
            spawn_blocked(scope, move || caller.recv(s, 9, 0).map(|_| ())),
            spawn_blocked(scope, move || caller.recv(s, 9, MSG_WAITALL).map(|_| ())),
            spawn_blocked(scope, move || caller.accept(listener).map(|_| ())),
            spawn_blocked(scope, move || caller.recv_from(d, 9, 0).map(|_| ())),
            spawn_blocked(scope, move || caller.select(&[s, d], &[], &[listener], None).map(|_| ())),
            spawn_blocked(scope, move || caller.send(fuller, &vec![0; 64 << 20], 0).map(|_| ())),
        ];
        winsock.cleanup().unwrap();
        for call in calls {
            assert_eq!(call.join().unwrap(), Err(WsaError::WSAEINTR));
        }
        let _ = talker.write(b"late");
        std::thread::sleep(A_WHILE);
        assert!(!event.is_set());
        // Whoever calls now finds nobody.
        let late = caller.recv(s, 9, 0).unwrap_err();
        assert!(matches!(late, WsaError::WSANOTINITIALISED | WsaError::WSAENOTSOCK), "{late}");
    });
}

// From the moment the clean-up begins: here it has to wait for a call that does not leave yet.
#[test]
fn wsp_cleanup_6_nothing_that_happens_meanwhile_is_told() {
    // proves: WSP-CLEANUP-28, WSP-CLOSE-4, WSA-CLEANUP-4
    let _alone = alone();
    let winsock = Winsock::start();
    let (event, window): (_, HWND) = (TestEvent::new(), std::ptr::without_provenance_mut(0x6006));
    open_window(window);
    let (selected, mut first) = outside(&winsock, AF_INET);
    let (posting, mut second) = outside(&winsock, AF_INET);
    let (held, mut third) = outside(&winsock, AF_INET);
    winsock.event_select(selected, event.handle(), FD_READ | FD_CLOSE).unwrap();
    winsock.async_select(posting, window, 0x501, FD_READ | FD_CLOSE).unwrap();
    let caller = std::mem::ManuallyDrop::new(Winsock { table: winsock.table });
    let caller: &Winsock = &caller;
    std::thread::scope(|scope| {
        let (waits, is_waiting) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let call = scope.spawn(move || {
            hold_next_wait(move || {
                waits.send(()).unwrap();
                let _ = may_go.recv();
            });
            caller.recv(held, 9, 0)
        });
        is_waiting.recv().unwrap();
        let cleanup = scope.spawn(|| winsock.cleanup());
        eventually("the clean-up begins", || caller.recv(held, 9, 0) == Err(WsaError::WSANOTINITIALISED));
        // What is registered ends one socket after the other; the last one's calls are cancelled last.
        std::thread::sleep(A_WHILE);
        for peer in [&mut first, &mut second] {
            peer.write_all(b"late").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
        }
        std::thread::sleep(A_WHILE);
        assert!(!cleanup.is_finished(), "it waits for the call");
        go.send(()).unwrap();
        cleanup.join().unwrap().unwrap();
        assert_eq!(call.join().unwrap(), Err(WsaError::WSAEINTR));
    });
    assert!(!event.is_set());
    assert_eq!(take_messages(window), []);
    for peer in [&mut first, &mut second, &mut third] {
        assert!(peer.read(&mut [0; 9]).is_err(), "it was not reset");
    }
}

#[test]
fn wsp_cleanup_14_open_sockets_are_reset() {
    let _alone = alone();
    for &family in families() {
        for registered in [false, true] {
            let winsock = Winsock::start();
            let (s, mut peer) = outside(&winsock, family);
            winsock.set_linger(s, Some(100));
            let event = TestEvent::new();
            if registered {
                winsock.event_select(s, event.handle(), FD_READ | FD_CLOSE).unwrap();
            }
            let (listener, at) = winsock.listener(family);
            let mut waiting = TcpStream::connect(at).unwrap();
            let _ = listener;
            winsock.cleanup().unwrap();
            for peer in [&mut peer, &mut waiting] {
                assert_eq!(peer.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
            }
            assert!(TcpStream::connect(at).is_err());
        }
    }
}

#[test]
fn wsp_cleanup_16_closed_sockets_still_deliver() {
    // proves: WSP-CLEANUP-17
    let _alone = alone();
    for &family in families() {
        let winsock = Winsock::start();
        let (s, mut peer) = outside(&winsock, family);
        winsock.set_int(s, SOL_SOCKET, SO_SNDBUF, 4 << 20);
        let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 241) as u8).collect();
        assert_eq!(winsock.send(s, &bytes, 0), Ok(bytes.len()));
        winsock.close(s).unwrap();
        winsock.cleanup().unwrap();
        let mut all: Vec<u8> = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match peer.read(&mut chunk).unwrap() {
                0 => break,
                count => all.extend(&chunk[..count]),
            }
            if all.len().is_multiple_of(64 * 4096) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        assert!(all == bytes, "{} of {}", all.len(), bytes.len());
    }
}

#[test]
fn wsp_cleanup_20_it_starts_again_at_once_a_thousand_times() {
    let _alone = alone();
    let round = |family| {
        let winsock = Winsock::start();
        let (here, there) = winsock.pair(family);
        winsock.send(here, b"x", 0).unwrap();
        assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
        winsock.cleanup().unwrap();
    };
    round(AF_INET);
    let before = descriptors();
    for _ in 0..1000 {
        round(AF_INET);
    }
    assert!(descriptors() <= before);
}

#[test]
fn wsp_cleanup_3_without_a_start_there_is_nothing_to_clean_up() {
    let _alone = alone();
    let winsock = Winsock::start();
    let again = Winsock { table: winsock.table };
    winsock.cleanup().unwrap();
    assert_eq!(again.cleanup(), Err(WsaError::WSANOTINITIALISED));
}
