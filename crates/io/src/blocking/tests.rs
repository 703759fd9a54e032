use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread::scope;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::*;
use crate::futex::{Bell, EventFd};
use crate::until;
use crate::wait::{Outcome, Slept, sleep_ex, wait_for};

const SOON: Duration = Duration::from_millis(5);

/// Waits in a poll on something that becomes readable when `bell` is rung.
fn wait_bell(call: &BlockedCall<'_>, bell: &EventFd, deadline: Deadline, alertable: bool) -> Waited {
    let mut fds = [PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)];
    let waited = call.wait_fds(&mut fds, deadline, alertable).unwrap();
    assert_eq!(waited == Waited::Ready, fds[0].revents().contains(PollFlags::IN));
    waited
}

/// A call blocked in each way, cancelled by `cancel` in the middle; says how it ended.
fn cancelled_by(cancel: impl Fn(&Registry) -> usize + Sync) -> [Waited; 2] {
    [false, true].map(|polls| {
        let registry = Registry::new();
        scope(|s| {
            let blocked = s.spawn(|| {
                let bell = EventFd::new().unwrap();
                let call = registry.begin(&[5, 7]);
                if polls {
                    wait_bell(&call, &bell, Deadline::NEVER, true)
                } else {
                    call.wait_until(Deadline::NEVER, true, || false)
                }
            });
            until(|| registry.len() == 1);
            assert_eq!(cancel(&registry), 1);
            let waited = blocked.join().unwrap();
            assert!(registry.is_empty());
            waited
        })
    })
}

#[test]
fn a_call_is_cancelled_by_its_own_thread() {
    let registry = Registry::new();
    let hook = || {
        assert_eq!(registry.cancel_this_thread(Reason::Requested), 1);
        false
    };
    let call = registry.begin(&[1]);
    assert_eq!(call.wait_until(Deadline::NEVER, false, hook), Waited::Cancelled(Reason::Requested));
}

#[test]
fn nothing_to_cancel_is_told() {
    let registry = Registry::new();
    assert_eq!(registry.cancel_this_thread(Reason::Requested), 0);
    drop(registry.begin(&[1]));
    assert_eq!(registry.cancel_this_thread(Reason::Requested), 0);
    assert_eq!(registry.cancel_key(1, Reason::Closed), 0);
    let call = registry.begin(&[1]);
    let other = scope(|s| s.spawn(|| registry.cancel_this_thread(Reason::Requested)).join().unwrap());
    assert_eq!(other, 0);
    assert_eq!(registry.cancel_key(2, Reason::Closed), 0);
    assert_eq!(call.cancelled(), None);
}

#[test]
fn a_call_is_cancelled_by_each_of_its_sockets() {
    for key in [5, 7] {
        let ended = cancelled_by(|registry| registry.cancel_key(key, Reason::Closed));
        assert_eq!(ended, [Waited::Cancelled(Reason::Closed); 2]);
    }
}

#[test]
fn every_blocking_call_is_cancelled() {
    let ended = cancelled_by(|registry| registry.cancel_all(Reason::CleanedUp));
    assert_eq!(ended, [Waited::Cancelled(Reason::CleanedUp); 2]);
    let ended = cancelled_by(|registry| registry.shut(Reason::CleanedUp));
    assert_eq!(ended, [Waited::Cancelled(Reason::CleanedUp); 2]);
}

#[test]
fn cancelled_calls_end_with_wsaeintr() {
    for reason in [Reason::Requested, Reason::Closed, Reason::CleanedUp, Reason::Displaced] {
        let registry = Registry::new();
        let call = registry.begin(&[1]);
        assert_eq!(registry.cancel_key(1, reason), 1);
        assert_eq!(call.cancelled(), Some(reason));
        assert_eq!(reason.error(), WsaError::WSAEINTR);
    }
}

#[test]
fn a_registry_that_is_shut_lets_no_call_block() {
    let registry = Registry::new();
    assert_eq!(registry.shut(Reason::CleanedUp), 0);
    let bell = EventFd::new().unwrap();
    let call = registry.begin(&[3]);
    assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, false), Waited::Cancelled(Reason::CleanedUp));
    assert_eq!(call.wait_until(Deadline::NEVER, false, || false), Waited::Cancelled(Reason::CleanedUp));
}

#[test]
fn the_first_reason_stays() {
    let registry = Registry::new();
    let call = registry.begin(&[3]);
    registry.cancel_key(3, Reason::Closed);
    registry.cancel_all(Reason::CleanedUp);
    assert_eq!(call.cancelled(), Some(Reason::Closed));
    assert_eq!(registry.begin(&[3]).cancelled(), None, "a later call is another");
}

#[test]
fn what_is_ready_ends_a_wait() {
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let call = registry.begin(&[3]);
    assert_eq!(wait_bell(&call, &bell, Deadline::after(Some(SOON)), false), Waited::TimedOut);
    bell.ring();
    assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, true), Waited::Ready);
    assert_eq!(call.wait_until(Deadline::after(Some(SOON)), false, || false), Waited::TimedOut);
    assert_eq!(call.wait_until(Deadline::NEVER, false, || true), Waited::Ready);
}

#[test]
fn a_wait_sees_what_becomes_ready_while_it_sleeps() {
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let ready = AtomicBool::new(false);
    let (sender, receiver) = std::sync::mpsc::channel();
    scope(|s| {
        let blocked = s.spawn(|| {
            let call = registry.begin(&[3]);
            sender.send(call.waker().clone()).unwrap();
            let polled = wait_bell(&call, &bell, Deadline::NEVER, false);
            sender.send(call.waker().clone()).unwrap();
            (polled, call.wait_until(Deadline::NEVER, false, || ready.load(Ordering::Relaxed)))
        });
        receiver.recv().unwrap().wake();
        bell.ring();
        let waker = receiver.recv().unwrap();
        ready.store(true, Ordering::Relaxed);
        waker.wake();
        assert_eq!(blocked.join().unwrap(), (Waited::Ready, Waited::Ready));
    });
}

#[test]
fn many_descriptors_are_polled_with_their_results() {
    let registry = Registry::new();
    for count in [0, 6, 7, 8, 9, 200] {
        let bells: Vec<_> = (0..count).map(|_| EventFd::new().unwrap()).collect();
        let call = registry.begin(&[]);
        let mut fds: Vec<_> = bells.iter().map(|bell| PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)).collect();
        assert_eq!(call.wait_fds(&mut fds, Deadline::after(Some(SOON)), true), Ok(Waited::TimedOut));
        if let Some(last) = bells.last() {
            last.ring();
            assert_eq!(call.wait_fds(&mut fds, Deadline::NEVER, true), Ok(Waited::Ready));
            let ready: Vec<_> = fds.iter().map(|fd| fd.revents().contains(PollFlags::IN)).collect();
            assert_eq!(ready.iter().position(|&is| is), Some(count - 1));
        }
    }
}

#[test]
fn blocking_calls_run_apcs_and_go_on() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let count: fn() = || {
        RAN.fetch_add(1, Ordering::Relaxed);
    };
    scope(|s| {
        let blocked = s.spawn(|| {
            sender.send(thread::current().id().unwrap()).unwrap();
            let call = registry.begin(&[3]);
            assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, true), Waited::Apcs);
            assert_eq!(RAN.load(Ordering::Relaxed), 1);
            sender.send(thread::current().id().unwrap()).unwrap();
            assert_eq!(call.wait_until(Deadline::NEVER, true, || false), Waited::Apcs);
            assert_eq!(RAN.load(Ordering::Relaxed), 2);
            wait_bell(&call, &bell, Deadline::NEVER, true)
        });
        let id = receiver.recv().unwrap();
        until(|| registry.len() == 1);
        thread::queue_apc(id, Box::new(count)).unwrap();
        thread::queue_apc(receiver.recv().unwrap(), Box::new(count)).unwrap();
        until(|| RAN.load(Ordering::Relaxed) == 2);
        bell.ring();
        assert_eq!(blocked.join().unwrap(), Waited::Ready);
    });
}

#[test]
fn wpu_apc_7_calls_that_are_not_alertable_run_none() {
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let apc = ran.clone();
    let id = thread::current().id().unwrap();
    thread::queue_apc(id, Box::new(move || apc.store(true, Ordering::Relaxed))).unwrap();
    let call = registry.begin(&[3]);
    assert_eq!(wait_bell(&call, &bell, Deadline::after(Some(SOON)), false), Waited::TimedOut);
    assert_eq!(call.wait_until(Deadline::after(Some(SOON)), false, || false), Waited::TimedOut);
    assert!(!ran.load(Ordering::Relaxed));
    assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, true), Waited::Apcs);
    assert!(ran.load(Ordering::Relaxed));
}

#[test]
fn an_apc_may_block_in_a_call_of_its_own() {
    static REGISTRY: Registry = Registry::new();
    let bell = Arc::new(EventFd::new().unwrap());
    let inner = bell.clone();
    let id = thread::current().id().unwrap();
    let call = REGISTRY.begin(&[1]);
    let nested = move || {
        inner.ring();
        let call = REGISTRY.begin(&[2]);
        assert_eq!(wait_bell(&call, &inner, Deadline::NEVER, true), Waited::Ready);
        assert_eq!(REGISTRY.cancel_key(2, Reason::Closed), 1);
        assert_eq!(wait_bell(&call, &inner, Deadline::NEVER, true), Waited::Cancelled(Reason::Closed));
    };
    thread::queue_apc(id, Box::new(nested)).unwrap();
    assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, true), Waited::Apcs);
    assert_eq!(wait_bell(&call, &bell, Deadline::NEVER, true), Waited::Ready);
    drop(call);
    assert!(REGISTRY.is_empty());
}

#[test]
fn a_wake_for_nothing_neither_ends_a_poll_nor_keeps_it_from_sleeping() {
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let call = registry.begin(&[1]);
    let waker = call.waker();
    let over = AtomicBool::new(false);
    scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                waker.wake();
            }
        });
        assert_eq!(wait_bell(&call, &bell, Deadline::after(Some(4 * SOON)), true), Waited::TimedOut);
        over.store(true, Ordering::Relaxed);
    });
    // A ring that came late is found by the next poll, once.
    assert_eq!(wait_bell(&call, &bell, Deadline::after(Some(SOON)), true), Waited::TimedOut);
    let mut fds = [PollFd::from_borrowed_fd(waker.fd().unwrap(), PollFlags::IN)];
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(rustix::event::poll(&mut fds, Some(&now)), Ok(0));
}

#[test]
fn a_thread_that_only_blocks_leaves_no_record() {
    // A record would keep a provider that links this crate mapped until the thread exits (WSP-CLEANUP-18).
    let registry = Registry::new();
    let bell = EventFd::new().unwrap();
    let event = crate::event::create(crate::event::Reset::Manual, false).unwrap();
    scope(|s| {
        s.spawn(|| {
            let call = registry.begin(&[1]);
            let soon = || Deadline::after(Some(SOON));
            assert_eq!(wait_bell(&call, &bell, soon(), true), Waited::TimedOut);
            assert_eq!(call.wait_until(soon(), true, || false), Waited::TimedOut);
            assert_eq!(sleep_ex(Some(SOON), true), Slept::TimedOut);
            assert_eq!(wait_for(&[event], false, Some(SOON), true), Ok(Outcome::TimedOut));
            registry.cancel_this_thread(Reason::Requested);
            drop(call);
            assert!(thread::existing().is_none());
            thread::current();
            assert!(thread::existing().is_some());
        });
    });
    crate::event::close(event).unwrap();
}

#[test]
fn wakers_are_kept_for_the_next_calls_until_the_registry_is_shut() {
    let registry = Registry::new();
    scope(|s| {
        s.spawn(|| {
            let first = Arc::downgrade(registry.begin(&[1]).waker());
            let call = registry.begin(&[1]);
            assert!(Arc::ptr_eq(call.waker(), &first.upgrade().unwrap()));
            let nested = registry.begin(&[1]);
            assert!(!Arc::ptr_eq(call.waker(), nested.waker()));
            drop((call, nested));
            assert!(first.upgrade().is_some());
            registry.shut(Reason::CleanedUp);
            assert!(first.upgrade().is_none());
            drop(registry.begin(&[1]));
            assert!(lock(&registry.calls).spares.is_empty());
            let own = thread::current();
            assert!(Arc::ptr_eq(registry.begin(&[1]).waker(), own.waker()));
        });
    });
}
