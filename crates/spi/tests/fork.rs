//! The child of a fork, while other threads of the parent are inside calls.
#![allow(unsafe_code, reason = "forks")]

mod support;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use support::client::{self, start};
use support::probe::{probe, started};
use windlass_spi::abi::WsaError;
use windlass_spi::rundown::{self, Domain};

/// A lock that another test has at the fork is never free in the child, so the tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a check in a child: false, or a panic, fails the test.
fn in_child(check: impl FnOnce() -> bool) {
    // SAFETY: the child runs one check, which takes no lock that another thread can have, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_or(false);
        // SAFETY: ends the child, without the parent's destructors.
        unsafe { libc::_exit(if passed { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: our own child, and a live int.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
}

// proves: UNLOAD-6
#[test]
fn unload_6_a_child_does_not_wait_for_calls_of_its_parent() {
    static DOMAIN: Domain = Domain::new();
    let _alone = alone();
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let inside = thread::spawn(move || {
        let _pin = rundown::pin(DOMAIN.key(1));
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
    });
    has_entered.recv().unwrap();
    let mine = rundown::pin(DOMAIN.key(2));
    in_child(|| {
        let left = rundown::drain(|key| DOMAIN.contains(key), Some(&mine));
        left.is_empty()
    });
    leave.send(()).unwrap();
    drop(rundown::drain(|key| key == DOMAIN.key(1), None));
    inside.join().unwrap();
    drop(mine);
}

#[test]
fn unload_6_a_child_starts_with_nothing() {
    let _alone = alone();
    let (client, seen) = started::<1>();
    let s = client.socket(&client::entry(1)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.recv(s, 1), Err(WsaError::WSAEINTR)));
        seen.await_waiting(1);
        in_child(|| {
            let nothing = client.clean_up() == Err(WsaError::WSANOTINITIALISED);
            let again = start(probe::<1>().0, &client::entry(1)).unwrap();
            let unknown = again.send(s, b"x") == Err(WsaError::WSAENOTSOCK);
            let own = again.socket(&client::entry(1)).unwrap();
            let works = again.send(own, b"abc") == Ok(3);
            nothing && unknown && works && again.clean_up().is_ok()
        });
        assert_eq!((seen.starts.load(Relaxed), client.send(s, b"abc")), (1, Ok(3)));
        client.clean_up().unwrap();
    });
}
