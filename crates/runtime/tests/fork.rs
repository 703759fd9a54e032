//! A child made by fork (contract: UNLOAD-6).

mod common;

use std::thread;
use std::time::Duration;

use common::child::in_child;
use common::fake::{api, fake, install_fake, succeed};
use common::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use windlass_abi::*;
use windlass_io::thread::{current, queue_apc};
use windlass_io::wait::{Slept, sleep_ex};
use windlass_runtime as runtime;

#[test]
fn unload_6_a_child_starts_with_nothing() {
    in_own_process(|| {
        install_fake(0);
        fake(0).on("WSPListen", |_| succeed());
        start();
        start();
        let s = open(0).unwrap();
        let calls = fake(0).calls().len();
        in_child(|| {
            assert_eq!(api::listen(s), Err(WSANOTINITIALISED));
            assert_eq!(open(0), Err(WsaError::WSANOTINITIALISED));
            assert_eq!(runtime::cleanup(), Err(WsaError::WSANOTINITIALISED));
            assert_eq!(fake(0).calls().len(), calls, "no inherited provider is called");
            start();
            assert_eq!(api::listen(s), Err(WSAENOTSOCK), "an inherited handle");
            let mine = open(0).unwrap();
            assert_eq!(api::listen(mine), Ok(0));
            end();
            assert_eq!(fake(0).count("WSPCleanup"), 1);
            runtime::cleanup() == Err(WsaError::WSANOTINITIALISED)
        });
        assert_eq!(api::listen(s), Ok(0), "the parent goes on");
        end();
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 1);
    });
}

#[test]
fn unload_6_a_child_of_a_process_that_is_busy_in_every_way() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        fake(1).set_ifs(false);
        start();
        let blocked = open(0).unwrap();
        let receiver = thread::spawn(move || api::recv(blocked));
        wait_until("a call blocks", || fake(0).blocked() == 1);
        let stop = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    // Only what takes the runtime's locks: the locks of the fakes are not made for fork.
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        start();
                        runtime::catalogs::refresh().unwrap();
                        assert!(api::listen(4000).is_err());
                        end();
                    }
                });
            }
            for _ in 0..100 {
                in_child(|| {
                    start();
                    assert!(api::listen(4000).is_err());
                    assert!(!runtime::is_socket(4000));
                    end();
                    true
                });
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        end();
        assert_eq!(receiver.join().unwrap(), Err(WSAEINTR));
    });
}

#[test]
fn unload_6_a_grandchild_starts_with_nothing_too() {
    in_own_process(|| {
        install_fake(0);
        start();
        open(0).unwrap();
        in_child(|| {
            start();
            let s = open(0).unwrap();
            in_child(|| {
                assert_eq!(api::listen(s), Err(WSANOTINITIALISED));
                start();
                open(0).unwrap();
                end();
                true
            });
            assert_eq!(api::listen(s), Err(WSAEOPNOTSUPP));
            end();
            true
        });
        end();
    });
}

// What wakes a thread is a descriptor, which a child shares with its parent.
#[test]
fn unload_6_a_child_has_neither_the_procedure_calls_nor_the_waker_of_its_parent() {
    in_own_process(|| {
        let rest = || sleep_ex(Some(Duration::ZERO), true);
        start();
        let waker = current().waker().clone();
        let bell = waker.fd().unwrap();
        queue_apc(current().id().unwrap(), Box::new(|| ())).unwrap();
        in_child(|| {
            assert_eq!(rest(), Slept::TimedOut, "the parent's calls");
            let armed = current().waker().clone();
            let armed = armed.arm().unwrap();
            queue_apc(current().id().unwrap(), Box::new(|| ())).unwrap();
            drop(armed);
            rest() == Slept::IoCompletion
        });
        let mut fds = [PollFd::new(&bell, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0), "the child has rung");
        assert_eq!(rest(), Slept::IoCompletion);
        end();
    });
}
