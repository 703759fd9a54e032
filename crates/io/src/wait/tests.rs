use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, spawn};
use std::time::Instant;

use super::*;
use crate::event::{Event, Reset};
use crate::{event, thread, until};

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Events with handles, closed in the end.
struct Events(Vec<Handle>);

impl Events {
    fn new(kinds: &[Reset]) -> Self {
        Self(kinds.iter().map(|&kind| event::create(kind, false).unwrap()).collect())
    }
    fn set(&self, index: usize) {
        event::set(self.0[index]).unwrap();
    }
    fn reset(&self, index: usize) {
        event::reset(self.0[index]).unwrap();
    }
    fn is_signalled(&self, index: usize) -> bool {
        Event::of(self.0[index]).unwrap().is_signalled()
    }
    fn waiters(&self, index: usize) -> usize {
        Event::of(self.0[index]).unwrap().waitable().waiters()
    }
    fn wait(&self, all: bool, timeout: Option<Duration>) -> Outcome {
        wait_for(&self.0, all, timeout, false).unwrap()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.0.iter().for_each(|&handle| event::close(handle).unwrap());
    }
}

fn queue_here(apc: impl FnOnce() + Send + 'static) {
    thread::queue_apc(thread::current().id().unwrap(), Box::new(apc)).unwrap();
}

#[test]
fn api_s12_one_to_64_handles() {
    let event = Events::new(&[Reset::Manual]);
    event.set(0);
    let handle = event.0[0];
    for (count, expected) in [
        (0, Err(WsaError::WSA_INVALID_PARAMETER)),
        (1, Ok(Outcome::Signalled(0))),
        (64, Ok(Outcome::Signalled(0))),
        (65, Err(WsaError::WSA_INVALID_PARAMETER)),
        (100_000, Err(WsaError::WSA_INVALID_PARAMETER)),
    ] {
        assert_eq!(wait_for(&vec![handle; count], false, NOW, false), expected, "{count}");
    }
    let bad = Handle::from_value(0);
    assert_eq!(wait_for(&[bad; 65], false, NOW, false), Err(WsaError::WSA_INVALID_PARAMETER));
}

#[test]
fn api_s12_a_bad_handle_anywhere_is_refused_and_nothing_taken() {
    let events = Events::new(&[Reset::Auto, Reset::Auto]);
    events.set(0);
    events.set(1);
    let stale = event::create(Reset::Manual, true).unwrap();
    event::close(stale).unwrap();
    for all in [false, true] {
        let handles = [events.0[0], events.0[1], stale];
        assert_eq!(wait_for(&handles, all, NOW, false), Err(WsaError::WSA_INVALID_HANDLE));
        assert_eq!(wait_for(&[stale], all, None, true), Err(WsaError::WSA_INVALID_HANDLE));
    }
    assert!(events.is_signalled(0) && events.is_signalled(1));
}

#[test]
fn api_s13_any_takes_the_smallest_signalled_index_only() {
    let events = Events::new(&[Reset::Auto; 4]);
    events.set(3);
    events.set(1);
    assert_eq!(events.wait(false, None), Outcome::Signalled(1));
    assert!(!events.is_signalled(1) && events.is_signalled(3));
    assert_eq!(events.wait(false, None), Outcome::Signalled(3));
    assert_eq!(events.wait(false, NOW), Outcome::TimedOut);
}

#[test]
fn api_s13_any_satisfied_while_asleep_takes_that_object_only() {
    let events = Events::new(&[Reset::Auto; 3]);
    scope(|s| {
        let waiter = s.spawn(|| events.wait(false, None));
        until(|| events.waiters(2) == 1);
        events.set(2);
        events.set(0);
        assert_eq!(waiter.join().unwrap(), Outcome::Signalled(2));
    });
    assert!(events.is_signalled(0) && !events.is_signalled(2));
    assert_eq!((0..3).map(|i| events.waiters(i)).sum::<usize>(), 0, "no wait is left behind");
}

#[test]
fn api_s13_all_touches_nothing_before_all_are_signalled() {
    let events = Events::new(&[Reset::Auto, Reset::Manual, Reset::Auto]);
    events.set(0);
    events.set(1);
    assert_eq!(events.wait(true, NOW), Outcome::TimedOut);
    assert_eq!(events.wait(true, Some(Duration::from_millis(5))), Outcome::TimedOut);
    assert!(events.is_signalled(0) && events.is_signalled(1));
    events.set(2);
    assert_eq!(events.wait(true, None), Outcome::Signalled(0));
    assert!(!events.is_signalled(0) && events.is_signalled(1) && !events.is_signalled(2));
}

#[test]
fn api_s13_all_leaves_what_is_signalled_to_others_while_it_sleeps() {
    let events = Events::new(&[Reset::Auto, Reset::Auto]);
    scope(|s| {
        let waiter = s.spawn(|| events.wait(true, None));
        until(|| events.waiters(1) == 1);
        events.set(0);
        assert!(events.is_signalled(0));
        assert_eq!(wait_for(&events.0[..1], false, NOW, false), Ok(Outcome::Signalled(0)), "taken from under it");
        events.set(1);
        assert!(events.is_signalled(1));
        events.set(0);
        assert_eq!(waiter.join().unwrap(), Outcome::Signalled(0));
    });
    assert!(!events.is_signalled(0) && !events.is_signalled(1));
}

#[test]
fn api_s13_all_refuses_duplicates() {
    let event = Events::new(&[Reset::Manual, Reset::Manual]);
    event.set(0);
    event.set(1);
    let handles = [event.0[0], event.0[1], event.0[0]];
    assert_eq!(wait_for(&handles, true, None, false), Err(WsaError::WSA_INVALID_PARAMETER));
    assert_eq!(wait_for(&handles, false, None, false), Ok(Outcome::Signalled(0)));
    // Another handle of the same object does not make it another object.
    let other = Event::of(event.0[0]).unwrap().open().unwrap();
    assert_eq!(wait_for(&[event.0[0], other], true, None, false), Err(WsaError::WSA_INVALID_PARAMETER));
    event::close(other).unwrap();
}

#[test]
fn an_object_named_twice_satisfies_a_wait_for_any_once() {
    let events = Events::new(&[Reset::Auto, Reset::Auto]);
    let handles = [events.0[0], events.0[1], events.0[1]];
    scope(|s| {
        let waiter = s.spawn(|| wait_for(&handles, false, None, false).unwrap());
        until(|| events.waiters(1) == 1);
        events.set(1);
        assert_eq!(waiter.join().unwrap(), Outcome::Signalled(1));
    });
    assert!(!events.is_signalled(1) && events.waiters(1) == 0);
}

#[test]
fn who_sleeps_is_released_even_if_the_signal_is_taken_back_at_once() {
    let events = Events::new(&[Reset::Manual, Reset::Manual]);
    events.set(0);
    scope(|s| {
        let any: Vec<_> = (0..3).map(|_| s.spawn(|| wait_for(&events.0[1..], false, None, false))).collect();
        let all = s.spawn(|| events.wait(true, None));
        until(|| events.waiters(1) == 4);
        events.set(1);
        events.reset(1);
        assert_eq!(all.join().unwrap(), Outcome::Signalled(0));
        any.into_iter().for_each(|any| assert_eq!(any.join().unwrap(), Ok(Outcome::Signalled(0))));
    });
}

#[test]
fn an_auto_reset_event_serves_in_the_order_of_arrival() {
    let events = Events::new(&[Reset::Auto]);
    let served = Mutex::new(Vec::new());
    scope(|s| {
        let waiters: Vec<_> = (0..8)
            .map(|number| {
                let waiter = s.spawn({
                    let (events, served) = (&events, &served);
                    move || {
                        assert_eq!(events.wait(false, None), Outcome::Signalled(0));
                        served.lock().unwrap().push(number);
                    }
                });
                until(|| events.waiters(0) == number + 1);
                waiter
            })
            .collect();
        for waiter in waiters {
            events.set(0);
            waiter.join().unwrap();
        }
    });
    assert_eq!(*served.lock().unwrap(), (0..8).collect::<Vec<_>>());
}

#[test]
fn waits_for_all_and_any_are_served_in_the_order_of_arrival() {
    let events = Events::new(&[Reset::Auto, Reset::Auto]);
    scope(|s| {
        let all = s.spawn(|| events.wait(true, None));
        until(|| events.waiters(0) == 1);
        let any = s.spawn(|| wait_for(&events.0[..1], false, None, false).unwrap());
        until(|| events.waiters(0) == 2);
        events.set(1);
        events.set(0);
        assert_eq!(all.join().unwrap(), Outcome::Signalled(0));
        assert_eq!(events.waiters(0), 1, "the second waits on");
        events.set(0);
        assert_eq!(any.join().unwrap(), Outcome::Signalled(0));
    });
}

#[test]
fn a_wait_goes_on_when_its_handle_is_closed() {
    let handle = event::create(Reset::Manual, false).unwrap();
    let event = Event::of(handle).unwrap();
    let waiter = spawn(move || wait_for(&[handle], false, None, false));
    until(|| event.waitable().waiters() == 1);
    event::close(handle).unwrap();
    assert_eq!(event::set(handle), Err(WsaError::WSA_INVALID_HANDLE));
    assert_eq!(event.waitable().waiters(), 1);
    event.set();
    assert_eq!(waiter.join().unwrap(), Ok(Outcome::Signalled(0)));
}

#[test]
fn api_s14_routines_run_only_in_alertable_waits() {
    // proves: WPU-APC-1, WPU-APC-6
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let event = Events::new(&[Reset::Manual]);
    let here = std::thread::current().id();
    queue_here(move || {
        assert_eq!(std::thread::current().id(), here);
        RAN.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(event.wait(false, Some(Duration::from_millis(5))), Outcome::TimedOut);
    assert_eq!(sleep_ex(Some(Duration::from_millis(5)), false), Slept::TimedOut);
    assert_eq!(RAN.load(Ordering::Relaxed), 0);
    assert_eq!(wait_for(&event.0, false, None, true), Ok(Outcome::IoCompletion));
    assert_eq!(RAN.load(Ordering::Relaxed), 1);
    assert_eq!(wait_for(&event.0, false, NOW, true), Ok(Outcome::TimedOut), "it ran once");
    assert_eq!(event.waiters(0), 0);
}

#[test]
fn api_s14_a_satisfied_wait_runs_no_routine_and_a_test_does() {
    static RAN: AtomicBool = AtomicBool::new(false);
    let event = Events::new(&[Reset::Auto]);
    event.set(0);
    queue_here(|| RAN.store(true, Ordering::Relaxed));
    assert_eq!(wait_for(&event.0, false, None, true), Ok(Outcome::Signalled(0)));
    assert!(!RAN.load(Ordering::Relaxed));
    assert_eq!(wait_for(&event.0, false, NOW, true), Ok(Outcome::IoCompletion));
    assert!(RAN.load(Ordering::Relaxed));
}

#[test]
fn wpu_apc_6_routines_queued_meanwhile_end_waits_and_sleeps() {
    let event = Events::new(&[Reset::Manual]);
    for sleep in [false, true] {
        let (sender, receiver) = std::sync::mpsc::channel();
        scope(|s| {
            let sleeper = s.spawn(|| {
                sender.send(thread::current().id().unwrap()).unwrap();
                if sleep {
                    assert_eq!(sleep_ex(None, true), Slept::IoCompletion);
                } else {
                    assert_eq!(wait_for(&event.0, false, None, true), Ok(Outcome::IoCompletion));
                }
            });
            let id = receiver.recv().unwrap();
            until(|| sleep || event.waiters(0) == 1);
            thread::queue_apc(id, Box::new(|| ())).unwrap();
            sleeper.join().unwrap();
        });
    }
}

#[test]
fn api_s14_a_wait_that_is_not_alertable_goes_on() {
    static RAN: AtomicBool = AtomicBool::new(false);
    let event = Events::new(&[Reset::Manual]);
    let (sender, receiver) = std::sync::mpsc::channel();
    scope(|s| {
        let waiter = s.spawn(|| {
            sender.send(thread::current().id().unwrap()).unwrap();
            (event.wait(false, None), RAN.load(Ordering::Relaxed))
        });
        let id = receiver.recv().unwrap();
        until(|| event.waiters(0) == 1);
        thread::queue_apc(id, Box::new(|| RAN.store(true, Ordering::Relaxed))).unwrap();
        event.set(0);
        assert_eq!(waiter.join().unwrap(), (Outcome::Signalled(0), false));
    });
}

#[test]
fn no_time_limit_is_cut_short_or_started_again_by_wakes() {
    let event = Events::new(&[Reset::Manual]);
    let waker = thread::current().waker().clone();
    let over = AtomicBool::new(false);
    let limit = Duration::from_millis(30);
    scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                waker.wake();
            }
        });
        for alertable in [false, true] {
            let start = Instant::now();
            assert_eq!(wait_for(&event.0, false, Some(limit), alertable), Ok(Outcome::TimedOut));
            assert!(start.elapsed() >= limit);
            let start = Instant::now();
            assert_eq!(sleep_ex(Some(limit), alertable), Slept::TimedOut);
            assert!(start.elapsed() >= limit);
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_longest_time_is_without_limit() {
    let event = Events::new(&[Reset::Manual]);
    scope(|s| {
        let waiter = s.spawn(|| event.wait(false, Some(Duration::MAX)));
        until(|| event.waiters(0) == 1);
        event.set(0);
        assert_eq!(waiter.join().unwrap(), Outcome::Signalled(0));
    });
}
