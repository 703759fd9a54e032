//! `WSPCloseSocket`, and handles that many threads use.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use support::client;
use support::fake::{self, REFUSED_ENTRY, RENAMED_BY, RENAMED_ENTRY};
use support::probe::{non_ifs, started};
use windlass_spi::abi::*;

/// Whether a descriptor is open.
fn is_open(s: SOCKET) -> bool {
    std::path::Path::new(&format!("/proc/self/fd/{s}")).exists()
}

#[test]
fn wsp_close_1_releases_the_handle() {
    let (client, seen) = started::<1>();
    for info in [client::entry(1), non_ifs(1)] {
        let s = client.socket(&info).unwrap();
        client.close(s).unwrap();
        assert_eq!(client.send(s, b"x"), Err(WsaError::WSAENOTSOCK));
        assert_eq!(client.close(s), Err(WsaError::WSAENOTSOCK));
    }
    assert_eq!((seen.sockets.load(Relaxed), seen.closes.load(Relaxed), seen.aborts.load(Relaxed)), (0, 2, 0));
    client.clean_up().unwrap();
}

// proves: WSP-CLOSE-5
#[test]
fn wsp_close_8_a_close_that_fails_leaves_the_socket_open() {
    let (client, seen) = started::<2>();
    let s = client.socket(&non_ifs(2)).unwrap();
    for error in [WsaError::WSAEWOULDBLOCK, WsaError::WSAENETDOWN] {
        seen.hook("close", move || Err(error));
        assert_eq!(client.close(s), Err(error));
        assert_eq!((client.send(s, b"abc"), fake::closes_of(s)), (Ok(3), 0));
    }
    seen.hook("close", || panic!("on purpose"));
    assert_eq!(client.close(s), Err(WsaError::WSASYSCALLFAILURE));
    assert_eq!(client.send(s, b"abc"), Ok(3));
    seen.unhook("close");
    client.close(s).unwrap();
    assert_eq!(fake::closes_of(s), 1);
    client.clean_up().unwrap();
    assert_eq!(fake::closes_of(s), 1);
}

#[test]
fn a_second_close_meanwhile_finds_no_socket() {
    let (client, seen) = started::<3>();
    let s = client.socket(&client::entry(3)).unwrap();
    seen.hook("close", move || {
        // The first close lingers; the socket can still be used, but not closed once more.
        assert_eq!(client.send(s, b"abc"), Ok(3));
        assert_eq!(thread::spawn(move || client.close(s)).join().unwrap(), Err(WsaError::WSAENOTSOCK));
        Ok(())
    });
    client.close(s).unwrap();
    client.clean_up().unwrap();
}

// proves: WSP-CLOSE-3
#[test]
fn wsp_close_2_blocked_calls_end_before_the_number_is_free() {
    let (client, seen) = started::<4>();
    let s = client.socket(&client::entry(4)).unwrap();
    let left = Arc::new(AtomicBool::new(false));
    let leaving = Arc::clone(&left);
    seen.hook("cancelled", move || {
        // Still inside: a system call here must not meet somebody else's descriptor.
        (0..1000).for_each(|_| thread::yield_now());
        assert!(is_open(s));
        leaving.store(true, Relaxed);
        Ok(())
    });
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.recv(s, 10), Err(WsaError::WSAEINTR)));
        seen.await_waiting(1);
        client.close(s).unwrap();
        assert!(left.load(Relaxed), "the call left first");
    });
    assert_eq!(seen.sockets.load(Relaxed), 0);
    client.clean_up().unwrap();
}

#[test]
fn a_condition_function_closes_its_own_listener() {
    let (client, seen) = started::<5>();
    let s = client.socket(&client::entry(5)).unwrap();
    let accepted = client.accept_asking(s, &|| {
        client.close(s).unwrap();
        assert_eq!(client.send(s, b"x"), Err(WsaError::WSAENOTSOCK));
        assert!(is_open(s), "the accept still uses the number");
        CF_ACCEPT
    });
    assert_eq!(accepted, Err(WsaError::WSAEINTR));
    assert_eq!(seen.sockets.load(Relaxed), 0);
    client.clean_up().unwrap();
}

#[test]
fn two_condition_functions_close_each_others_listeners() {
    let (client, seen) = started::<6>();
    for _ in 0..100 {
        let sockets = [0, 1].map(|_| client.socket(&client::entry(6)).unwrap());
        let meet = Barrier::new(2);
        thread::scope(|scope| {
            for (mine, other) in [(sockets[0], sockets[1]), (sockets[1], sockets[0])] {
                let meet = &meet;
                scope.spawn(move || {
                    let accepted = client.accept_asking(mine, &|| {
                        meet.wait();
                        client.close(other).unwrap();
                        meet.wait();
                        CF_ACCEPT
                    });
                    assert_eq!(accepted, Err(WsaError::WSAEINTR));
                });
            }
        });
        assert_eq!(seen.sockets.load(Relaxed), 0);
    }
    client.clean_up().unwrap();
}

#[test]
fn two_calls_of_the_transport_close_each_others_sockets() {
    let (client, seen) = started::<7>();
    for _ in 0..100 {
        let sockets = [0, 1].map(|_| client.socket(&client::entry(7)).unwrap());
        let meet = Arc::new(Barrier::new(2));
        let (order, next) = mpsc::channel();
        order.send(sockets[1]).unwrap();
        order.send(sockets[0]).unwrap();
        let next = std::sync::Mutex::new(next);
        seen.hook("send", move || {
            meet.wait();
            let victim = next.lock().unwrap().recv().unwrap();
            client.close(victim)
        });
        thread::scope(|scope| {
            for s in sockets {
                scope.spawn(move || assert_eq!(client.send(s, b"x"), Ok(1)));
            }
        });
        assert_eq!(seen.sockets.load(Relaxed), 0);
    }
    client.clean_up().unwrap();
}

#[test]
fn wsp_sock_5_a_refused_handle_leaves_no_socket() {
    let (client, seen) = started::<8>();
    for info in [client::entry(REFUSED_ENTRY), non_ifs(REFUSED_ENTRY)] {
        assert_eq!(client.socket(&info), Err(WsaError::WSAENOBUFS));
        assert_eq!(seen.sockets.load(Relaxed), 0);
    }
    client.clean_up().unwrap();
}

// proves: WPU-MIH-3
#[test]
fn wpu_mih_1_uses_the_handle_that_the_runtime_returns() {
    let (client, seen) = started::<9>();
    let s = client.socket(&client::entry(RENAMED_ENTRY)).unwrap();
    assert!(s > RENAMED_BY);
    assert_eq!(client.send(s, b"abc"), Ok(3));
    assert_eq!(client.send(s - RENAMED_BY, b"abc"), Err(WsaError::WSAENOTSOCK));
    client.close(s).unwrap();
    assert_eq!(seen.sockets.load(Relaxed), 0);
    client.clean_up().unwrap();
}

/// Threads open, use and close handles of each other by number, and never reach a dead socket.
#[test]
fn handles_survive_a_storm() {
    let (client, seen) = started::<10>();
    let numbers: Vec<std::sync::atomic::AtomicUsize> = (0..8).map(|_| Default::default()).collect();
    thread::scope(|scope| {
        for thread in 0..4usize {
            let numbers = &numbers;
            scope.spawn(move || {
                let mut random = thread as u32 * 77 + 1;
                for _ in 0..3000 {
                    random = random.wrapping_mul(1664525).wrapping_add(1013904223);
                    let slot = &numbers[random as usize >> 24 & 7];
                    let s = slot.load(Relaxed);
                    match random >> 20 & 3 {
                        0 => slot.store(client.socket(&client::entry(10)).unwrap(), Relaxed),
                        1 => drop(client.close(s)),
                        _ => match client.send(s, b"abc") {
                            Ok(3) | Err(WsaError::WSAENOTSOCK) => {}
                            other => panic!("{other:?}"),
                        },
                    }
                }
            });
        }
    });
    client.clean_up().unwrap();
    assert_eq!((seen.sockets.load(Relaxed), seen.transports.load(Relaxed)), (0, 0));
}
