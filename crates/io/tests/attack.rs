//! Many threads against events, waits, APC queues and blocking calls. Nothing here depends on timing: a wake that is
//! lost shows as a test that does not end, one too many as a count that is wrong.

use std::cell::Cell;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{scope, spawn};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use windlass_abi::WsaError;
use windlass_io::blocking::{Reason, Registry, Waited};
use windlass_io::event::{self, Event, Reset};
use windlass_io::thread::{self, ThreadId};
use windlass_io::wait::{Outcome, Slept, sleep_ex, wait_for};
use windlass_io::{Deadline, Handle};

/// A small generator of numbers, the same for the same seed.
struct Dice(Cell<u64>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }
    fn below(&self, limit: usize) -> usize {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 33) as usize % limit
    }
    /// Some of the numbers below `limit`, in any order, none twice.
    fn some(&self, limit: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..limit).collect();
        for at in 0..count {
            all.swap(at, at + self.below(limit - at));
        }
        all.truncate(count);
        all
    }
}

#[test]
fn wpu_apc_4_a_hundred_thousand_apcs_from_sixteen_threads() {
    // proves: WPU-APC-8
    const SENDERS: usize = 16;
    const EACH: usize = 6_250;
    let (sender, receiver) = mpsc::channel::<ThreadId>();
    let target = spawn(move || {
        let event = event::create(Reset::Manual, false).unwrap();
        let id = thread::open_current().unwrap();
        (0..SENDERS).for_each(|_| sender.send(id).unwrap());
        let mut ended = 0;
        while RAN.load(Ordering::Relaxed) < SENDERS * EACH {
            // An APC may have run in the sleep of another: only the count says when all have.
            match ended % 3 {
                0 => assert_eq!(wait_for(&[event], false, None, true), Ok(Outcome::IoCompletion)),
                1 => assert_eq!(sleep_ex(None, true), Slept::IoCompletion),
                _ => {
                    wait_for(&[event], true, Some(Duration::from_micros(50)), true).unwrap();
                }
            }
            ended += 1;
        }
        assert_eq!(sleep_ex(Some(Duration::ZERO), true), Slept::TimedOut);
        thread::close(id).unwrap();
        event::close(event).unwrap();
    });
    static RAN: AtomicUsize = AtomicUsize::new(0);
    static NEXT: [AtomicUsize; SENDERS] = [const { AtomicUsize::new(0) }; SENDERS];
    let ids: Vec<ThreadId> = receiver.iter().take(SENDERS).collect();
    scope(|s| {
        for (sender, id) in ids.into_iter().enumerate() {
            s.spawn(move || {
                for number in 0..EACH {
                    let apc = move || {
                        let expected = NEXT[sender].fetch_add(1, Ordering::Relaxed);
                        assert_eq!(number, expected, "out of order, or twice");
                        RAN.fetch_add(1, Ordering::Relaxed);
                        if number % 512 == 0 {
                            sleep_ex(Some(Duration::ZERO), true);
                        }
                    };
                    thread::queue_apc(id, Box::new(apc)).unwrap();
                }
            });
        }
    });
    target.join().unwrap();
    assert_eq!(RAN.load(Ordering::Relaxed), SENDERS * EACH);
}

#[test]
fn wpu_apc_5_every_apc_runs_or_is_dropped_or_refused_while_threads_exit() {
    struct Context(Arc<AtomicUsize>);
    impl Drop for Context {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut made = 0;
    for round in 0..200 {
        let (sender, receiver) = mpsc::channel();
        let target = spawn(move || {
            sender.send(thread::current().id().unwrap()).unwrap();
            (0..round % 5).for_each(|_| {
                sleep_ex(Some(Duration::ZERO), true);
            });
        });
        let id = receiver.recv().unwrap();
        loop {
            let context = Context(dropped.clone());
            made += 1;
            match thread::queue_apc(id, Box::new(move || drop(context))) {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error, WsaError::WSAEFAULT);
                    break;
                }
            }
        }
        target.join().unwrap();
    }
    assert_eq!(dropped.load(Ordering::Relaxed), made);
}

#[test]
fn api_s13_auto_reset_events_are_taken_by_exactly_one_and_together() {
    // Each event is a fork: who takes it holds it alone until it sets it again. Threads want
    // one of several, or several at once, with and without limits, alertably or not.
    const FORKS: usize = 6;
    const THREADS: u64 = 8;
    let forks: Vec<Handle> = (0..FORKS).map(|_| event::create(Reset::Auto, true).unwrap()).collect();
    let held: Vec<AtomicBool> = (0..FORKS).map(|_| AtomicBool::new(false)).collect();
    let taken = AtomicU64::new(0);
    let (queued, ran) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    scope(|s| {
        for seed in 0..THREADS {
            let (forks, held, taken, queued, ran) = (&forks, &held, &taken, &queued, &ran);
            s.spawn(move || {
                let dice = Dice::new(seed + 1);
                let me = thread::current().id().unwrap();
                for _ in 0..2_000 {
                    let wanted = dice.some(FORKS, 1 + dice.below(4));
                    let handles: Vec<Handle> = wanted.iter().map(|&fork| forks[fork]).collect();
                    let all = dice.below(2) == 0;
                    let timeout = [None, Some(Duration::from_micros(20)), Some(Duration::ZERO)][dice.below(3)];
                    let alertable = dice.below(2) == 0;
                    if dice.below(4) == 0 {
                        let ran = ran.clone();
                        let apc = move || {
                            ran.fetch_add(1, Ordering::Relaxed);
                        };
                        thread::queue_apc(me, Box::new(apc)).unwrap();
                        queued.fetch_add(1, Ordering::Relaxed);
                    }
                    let got = match wait_for(&handles, all, timeout, alertable).unwrap() {
                        Outcome::Signalled(_) if all => &wanted[..],
                        Outcome::Signalled(index) => &wanted[index..=index],
                        Outcome::Abandoned(_) => panic!("events are not abandoned"),
                        Outcome::TimedOut => {
                            assert!(timeout.is_some());
                            continue;
                        }
                        Outcome::IoCompletion => {
                            assert!(alertable);
                            continue;
                        }
                    };
                    for &fork in got {
                        assert!(!held[fork].swap(true, Ordering::Relaxed), "two hold it");
                    }
                    taken.fetch_add(1, Ordering::Relaxed);
                    for &fork in got {
                        assert!(held[fork].swap(false, Ordering::Relaxed));
                        event::set(forks[fork]).unwrap();
                    }
                }
                sleep_ex(Some(Duration::ZERO), true);
            });
        }
    });
    assert!(taken.load(Ordering::Relaxed) > 0);
    assert_eq!(ran.load(Ordering::Relaxed), queued.load(Ordering::Relaxed));
    for fork in forks {
        assert!(Event::of(fork).unwrap().is_signalled(), "a signal is lost");
        event::close(fork).unwrap();
    }
}

#[test]
fn manual_reset_events_release_everybody_who_waits() {
    // Two events open a gate in turn; a thread that misses one waits for ever.
    const THREADS: usize = 6;
    const ROUNDS: usize = 500;
    let gates = [Reset::Manual; 2].map(|kind| event::create(kind, false).unwrap());
    let flicker = event::create(Reset::Manual, false).unwrap();
    let passed = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let arrived = event::create(Reset::Auto, false).unwrap();
    scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                event::set(flicker).unwrap();
                event::reset(flicker).unwrap();
            }
        });
        for thread in 0..THREADS {
            let (gates, passed) = (&gates, &passed);
            s.spawn(move || {
                for round in 0..ROUNDS {
                    let handles = [gates[round % 2], flicker];
                    if thread % 2 == 0 {
                        // All: the gate, and a moment in which the other event is set.
                        assert_eq!(wait_for(&handles, true, None, false), Ok(Outcome::Signalled(0)));
                    } else {
                        while wait_for(&handles, false, None, false) != Ok(Outcome::Signalled(0)) {}
                    }
                    if passed.fetch_add(1, Ordering::AcqRel) + 1 == THREADS * (round + 1) {
                        event::set(arrived).unwrap();
                    }
                    // Nobody goes on before all have passed.
                    while passed.load(Ordering::Acquire) < THREADS * (round + 1) {
                        std::thread::yield_now();
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            event::set(gates[round % 2]).unwrap();
            assert_eq!(wait_for(&[arrived], false, None, false), Ok(Outcome::Signalled(0)));
            event::reset(gates[round % 2]).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    for handle in gates.into_iter().chain([flicker, arrived]) {
        event::close(handle).unwrap();
    }
}

#[test]
fn wpu_evt_2_stale_handles_touch_nobody_elses_event() {
    const THREADS: u64 = 8;
    let stale: Mutex<Vec<Handle>> = Mutex::new(Vec::new());
    scope(|s| {
        for seed in 0..THREADS {
            let stale = &stale;
            s.spawn(move || {
                let dice = Dice::new(seed + 100);
                let mut mine: Vec<(Handle, bool)> = Vec::new();
                for _ in 0..4_000 {
                    match dice.below(4) {
                        0 => mine.push((event::create(Reset::Manual, false).unwrap(), false)),
                        1 if !mine.is_empty() => {
                            let (handle, _) = mine.swap_remove(dice.below(mine.len()));
                            event::close(handle).unwrap();
                            assert_eq!(event::close(handle), Err(WsaError::WSA_INVALID_HANDLE));
                            let mut stale = stale.lock().unwrap();
                            stale.push(handle);
                            if stale.len() > 300 {
                                stale.remove(0);
                            }
                        }
                        2 if !mine.is_empty() => {
                            let at = dice.below(mine.len());
                            mine[at].1 = !mine[at].1;
                            let (handle, set) = mine[at];
                            if set { event::set(handle) } else { event::reset(handle) }.unwrap();
                        }
                        _ => {
                            let victim = stale.lock().unwrap().last().copied();
                            if let Some(handle) = victim {
                                assert_eq!(event::set(handle), Err(WsaError::WSA_INVALID_HANDLE));
                                let waited = wait_for(&[handle], false, None, true);
                                assert_eq!(waited, Err(WsaError::WSA_INVALID_HANDLE));
                            }
                        }
                    }
                    if let Some(&(handle, set)) = mine.last() {
                        assert_eq!(Event::of(handle).unwrap().is_signalled(), set);
                    }
                }
                mine.into_iter().for_each(|(handle, _)| event::close(handle).unwrap());
            });
        }
    });
}

#[test]
fn every_blocking_call_is_cancelled_once_and_none_is_missed() {
    const THREADS: usize = 8;
    const CALLS: usize = 1_500;
    const KEYS: usize = 5;
    let registry = Registry::new();
    let ended = AtomicUsize::new(0);
    let running = AtomicUsize::new(THREADS);
    scope(|s| {
        for seed in 0..THREADS {
            let (registry, ended, running) = (&registry, &ended, &running);
            s.spawn(move || {
                let dice = Dice::new(seed as u64 + 1000);
                let never = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
                // Half of the threads can be sent APCs; the others have no identity.
                let me = (seed % 2 == 0).then(|| thread::current().id().unwrap());
                for _ in 0..CALLS {
                    let call = registry.begin(&dice.some(KEYS, 1 + dice.below(KEYS)));
                    let mut fds = [PollFd::from_borrowed_fd(never.as_fd(), PollFlags::IN)];
                    loop {
                        if let Some(me) = me.filter(|_| dice.below(4) == 0) {
                            thread::queue_apc(me, Box::new(|| ())).unwrap();
                        }
                        let waited = if dice.below(2) == 0 {
                            call.wait_fds(&mut fds, Deadline::NEVER, true).unwrap()
                        } else {
                            call.wait_until(Deadline::NEVER, true, || false)
                        };
                        match waited {
                            Waited::Cancelled(reason) => {
                                assert_eq!(call.cancelled(), Some(reason));
                                break;
                            }
                            other => assert_eq!(other, Waited::Apcs),
                        }
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        for seed in 0..2 {
            let (registry, running) = (&registry, &running);
            s.spawn(move || {
                let dice = Dice::new(seed + 2000);
                while running.load(Ordering::Acquire) > 0 {
                    match dice.below(6) {
                        0 => registry.cancel_all(Reason::CleanedUp),
                        _ => registry.cancel_key(dice.below(KEYS), Reason::Closed),
                    };
                }
            });
        }
    });
    assert_eq!(ended.load(Ordering::Relaxed), THREADS * CALLS);
    assert!(registry.is_empty());
}

#[test]
fn a_single_cancellation_at_any_moment_is_enough() {
    // One cancellation for each call, sent as soon as the call is known: between `begin` and the sleep, as a rule.
    const CALLS: usize = 4_000;
    let registry = Registry::new();
    let (begun, to_cancel) = mpsc::sync_channel::<usize>(1);
    scope(|s| {
        let registry = &registry;
        s.spawn(move || {
            let never = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
            for number in 0..CALLS {
                let call = registry.begin(&[number]);
                begun.send(number).unwrap();
                let waited = if number % 2 == 0 {
                    let mut fds = [PollFd::from_borrowed_fd(never.as_fd(), PollFlags::IN)];
                    call.wait_fds(&mut fds, Deadline::NEVER, false).unwrap()
                } else {
                    call.wait_until(Deadline::NEVER, false, || false)
                };
                assert_eq!(waited, Waited::Cancelled(Reason::Closed));
            }
        });
        for number in to_cancel {
            assert_eq!(registry.cancel_key(number, Reason::Closed), 1);
        }
    });
}

#[test]
fn a_registry_that_is_shut_strands_nobody() {
    for _ in 0..200 {
        let registry = Registry::new();
        scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    let call = registry.begin(&[1]);
                    let waited = call.wait_until(Deadline::NEVER, true, || false);
                    assert_eq!(waited, Waited::Cancelled(Reason::CleanedUp));
                });
            }
            registry.shut(Reason::CleanedUp);
        });
        assert!(registry.is_empty());
    }
}

#[test]
fn blocking_calls_of_many_threads_do_not_leak_descriptors() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for round in 0..50 {
        let registry = Registry::new();
        scope(|s| {
            for number in 0..4 {
                let registry = &registry;
                s.spawn(move || {
                    // With a record of its own, and without.
                    if (round + number) % 2 == 0 {
                        thread::current();
                    }
                    let ended = registry.begin(&[1]).wait_fds(&mut [], Deadline::after(Some(Duration::ZERO)), true);
                    assert_eq!(ended, Ok(Waited::TimedOut));
                });
            }
        });
    }
    // Other tests run meanwhile, and have a few of their own.
    assert!(descriptors() < before + 100, "descriptors stay open after their threads or registries");
}
