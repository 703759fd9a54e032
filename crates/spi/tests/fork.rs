//! The child of a fork, while other threads of the parent are inside calls.
#![allow(unsafe_code, reason = "forks")]

use std::sync::mpsc;
use std::thread;

use windlass_spi::rundown::{self, Domain};

// proves: UNLOAD-6
#[test]
fn unload_6_a_child_does_not_wait_for_calls_of_its_parent() {
    static DOMAIN: Domain = Domain::new();
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let inside = thread::spawn(move || {
        let _pin = rundown::pin(DOMAIN.key(1));
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
    });
    has_entered.recv().unwrap();
    let mine = rundown::pin(DOMAIN.key(2));
    // SAFETY: the child uses atomic operations, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let left = rundown::drain(|key| DOMAIN.contains(key), None);
        // Its own pin is still there, the other one is not.
        let own = !left.is_empty();
        drop(mine);
        let none = left.is_empty();
        // SAFETY: ends the child.
        unsafe { libc::_exit(if own && none { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: our own child, and a live int.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    leave.send(()).unwrap();
    drop(rundown::drain(|key| key == DOMAIN.key(1), None));
    inside.join().unwrap();
    drop(mine);
}
