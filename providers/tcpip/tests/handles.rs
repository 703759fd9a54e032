//! Handles that are closed and used again while others try them. Each test has the process to itself, for it
//! meddles with handles that it does not own.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_abi::*;

use support::Winsock;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

// A number that is used again means the new socket, and what is old never acts on it.
#[test]
fn handles_are_used_again_while_others_still_try_them() {
    let _alone = alone();
    let winsock = Winsock::start();
    let stop = AtomicBool::new(false);
    let first = winsock.socket(AF_INET, SOCK_DGRAM);
    winsock.close(first).unwrap();
    std::thread::scope(|scope| {
        let meddlers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        for s in first..first + 4 {
                            let _ = winsock.sock_name(s);
                            let _ = winsock.select(&[s], &[], &[], Some(Duration::ZERO));
                            let _ = winsock.set_nonblocking(s, true);
                        }
                    }
                })
            })
            .collect();
        for _ in 0..500 {
            let (s, at) = winsock.datagram(AF_INET);
            winsock.send_to(s, b"x", at).unwrap();
            assert_eq!(winsock.recv_from(s, 9, 0), Ok((b"x".to_vec(), at)));
            winsock.close(s).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        for meddler in meddlers {
            meddler.join().unwrap();
        }
    });
}

/// The errors of a call whose socket may be closed at any moment.
fn closed(error: WsaError) -> bool {
    matches!(error, WsaError::WSAEINTR | WsaError::WSAENOTSOCK)
}

// A close may come before a call, while it begins to wait, and while it waits. It always ends it.
// proves: WSP-CLOSE-2, WSP-CLOSE-3
#[test]
fn a_close_at_any_moment_ends_every_call() {
    let _alone = alone();
    let winsock = Winsock::start();
    for round in 0..300 {
        let (here, there) = winsock.pair(AF_INET);
        let (listener, _) = winsock.listener(AF_INET);
        std::thread::scope(|scope| {
            let receives = scope.spawn(|| winsock.recv(here, 9, 0));
            let accepts = scope.spawn(|| winsock.accept(listener));
            let selects = scope.spawn(|| winsock.select(&[here], &[], &[listener], None));
            if round % 3 == 1 {
                std::thread::yield_now();
            } else if round % 3 == 2 {
                std::thread::sleep(Duration::from_micros(round * 3));
            }
            winsock.close_all([here, listener]);
            assert!(receives.join().unwrap().is_err_and(closed));
            assert!(accepts.join().unwrap().is_err_and(closed));
            assert!(selects.join().unwrap().is_err_and(closed));
        });
        winsock.close_all([there]);
    }
}
