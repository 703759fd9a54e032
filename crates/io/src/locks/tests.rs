use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use windlass_abi::WsaError;

use super::*;
use crate::until;

const THREADS: usize = 6;
const ROUNDS: usize = 3_000;

/// A number that shows two writers at once: it is read and written apart.
#[derive(Default)]
struct Torn {
    number: AtomicUsize,
    inside: AtomicBool,
}

impl Torn {
    fn add(&self) {
        assert!(!self.inside.swap(true, Ordering::Relaxed), "two are in");
        self.number.store(self.number.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.inside.store(false, Ordering::Relaxed);
    }
    fn get(&self) -> usize {
        self.number.load(Ordering::Relaxed)
    }
}

#[test]
fn layouts_are_those_of_windows() {
    assert_eq!((size_of::<CriticalSection>(), align_of::<CriticalSection>()), (40, 8));
    assert_eq!((size_of::<SrwLock>(), size_of::<ConditionVariable>(), size_of::<InitOnce>()), (8, 8, 8));
}

#[test]
fn a_critical_section_lets_one_in_however_deep() {
    for spins in [0, 100] {
        let (section, count) = (CriticalSection::new(spins), Torn::default());
        scope(|s| {
            for _ in 0..THREADS {
                s.spawn(|| {
                    for round in 0..ROUNDS {
                        let depth = round % 3 + 1;
                        (0..depth).for_each(|_| section.enter());
                        count.add();
                        (0..depth).for_each(|_| section.leave());
                    }
                });
            }
        });
        assert_eq!(count.get(), THREADS * ROUNDS);
    }
}

#[test]
fn only_its_owner_leaves_a_critical_section() {
    let section = CriticalSection::new(0);
    section.enter();
    assert!(section.try_enter());
    scope(|s| {
        s.spawn(|| {
            section.leave();
            assert!(!section.try_enter());
        });
    });
    section.leave();
    scope(|s| assert!(!s.spawn(|| section.try_enter()).join().unwrap()));
    section.leave();
    section.leave();
    scope(|s| {
        s.spawn(|| {
            assert!(section.try_enter());
            section.leave();
        });
    });
    assert_eq!(section.set_spins(4000), 0);
    assert_eq!(section.set_spins(0), 4000);
}

#[test]
fn a_slim_lock_has_many_readers_or_one_writer() {
    let (lock, count) = (SrwLock::new(), Torn::default());
    let (readers, writers) = (AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|s| {
        for thread in 0..THREADS {
            let (lock, count, readers, writers) = (&lock, &count, &readers, &writers);
            s.spawn(move || {
                for round in 0..ROUNDS {
                    if (thread + round) % 3 == 0 {
                        lock.acquire_exclusive();
                        assert_eq!(readers.load(Ordering::Relaxed), 0);
                        writers.fetch_add(1, Ordering::Relaxed);
                        count.add();
                        writers.fetch_sub(1, Ordering::Relaxed);
                        lock.release_exclusive();
                    } else {
                        lock.acquire_shared();
                        readers.fetch_add(1, Ordering::Relaxed);
                        assert_eq!(writers.load(Ordering::Relaxed), 0);
                        readers.fetch_sub(1, Ordering::Relaxed);
                        lock.release_shared();
                    }
                }
            });
        }
    });
    assert_eq!(count.get(), THREADS * ROUNDS / 3);
    assert!(lock.try_acquire_exclusive(), "it is free in the end");
}

#[test]
fn readers_do_not_overtake_a_writer_that_waits() {
    let lock = SrwLock::new();
    lock.acquire_shared();
    assert!(lock.try_acquire_shared());
    assert!(!lock.try_acquire_exclusive());
    scope(|s| {
        let writer = s.spawn(|| {
            lock.acquire_exclusive();
            lock.release_exclusive();
        });
        until(|| lock.try_acquire_shared().then(|| lock.release_shared()).is_none());
        lock.release_shared();
        assert!(!writer.is_finished());
        lock.release_shared();
    });
    assert!(lock.try_acquire_exclusive());
    assert!(!lock.try_acquire_shared());
    lock.release_exclusive();
}

#[test]
fn letting_go_of_what_nobody_holds_changes_nothing() {
    let lock = SrwLock::new();
    lock.release_shared();
    lock.release_exclusive();
    lock.acquire_shared();
    lock.release_exclusive();
    assert!(!lock.try_acquire_exclusive());
    lock.release_shared();
    lock.acquire_exclusive();
    lock.release_shared();
    assert!(!lock.try_acquire_shared());
    lock.release_exclusive();
}

/// Producers and consumers over one place: each number arrives once.
#[test]
fn a_condition_variable_loses_no_wake() {
    let section = CriticalSection::new(0);
    let (filled, emptied) = (ConditionVariable::new(), ConditionVariable::new());
    let (place, sum) = (AtomicU64::new(0), AtomicU64::new(0));
    let sleep = |on: &ConditionVariable| on.sleep(Deadline::NEVER, || section.leave(), || section.enter());
    scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for number in 1..=ROUNDS as u64 {
                    section.enter();
                    while place.load(Ordering::Relaxed) != 0 {
                        sleep(&emptied);
                    }
                    place.store(number, Ordering::Relaxed);
                    section.leave();
                    filled.wake_one();
                }
            });
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    section.enter();
                    while place.load(Ordering::Relaxed) == 0 {
                        sleep(&filled);
                    }
                    sum.fetch_add(place.swap(0, Ordering::Relaxed), Ordering::Relaxed);
                    section.leave();
                    emptied.wake_one();
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), 3 * (ROUNDS as u64 * (ROUNDS as u64 + 1) / 2));
}

#[test]
fn a_condition_variable_wakes_all_or_times_out() {
    let (lock, condition, go) = (SrwLock::new(), ConditionVariable::new(), AtomicBool::new(false));
    let soon = || Deadline::after(Some(Duration::from_millis(5)));
    lock.acquire_exclusive();
    assert!(!condition.sleep(soon(), || lock.release_exclusive(), || lock.acquire_exclusive()));
    assert!(!lock.try_acquire_shared(), "the lock is held again");
    lock.release_exclusive();
    scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                lock.acquire_shared();
                while !go.load(Ordering::Relaxed) {
                    condition.sleep(Deadline::NEVER, || lock.release_shared(), || lock.acquire_shared());
                }
                lock.release_shared();
            });
        }
        until(|| condition.sleepers.load(Ordering::Relaxed) == THREADS as u32);
        lock.acquire_exclusive();
        go.store(true, Ordering::Relaxed);
        lock.release_exclusive();
        condition.wake_all();
    });
}

#[test]
fn one_thread_initialises_and_the_others_wait() {
    for _ in 0..200 {
        let (once, made, seen) = (InitOnce::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        scope(|s| {
            for attempt in 0..THREADS {
                let (once, made, seen) = (&once, &made, &seen);
                s.spawn(move || match once.begin().unwrap() {
                    Begin::Initialise => {
                        made.store(0x1234_5678_9ABC, Ordering::Relaxed);
                        seen.fetch_add(1, Ordering::Relaxed);
                        // The first may fail: another takes over.
                        if attempt == 0 { once.fail().unwrap() } else { once.complete(0x1_0000_0010).unwrap() }
                    }
                    Begin::Done(context) => {
                        assert_eq!(context, 0x1_0000_0010);
                        assert_eq!(made.load(Ordering::Relaxed), 0x1234_5678_9ABC);
                    }
                });
            }
        });
        assert!((1..=2).contains(&seen.into_inner()));
        assert_eq!(once.done(), Some(0x1_0000_0010));
    }
}

#[test]
fn of_those_who_race_one_wins() {
    const LOST: WsaError = WsaError::Other(crate::ERROR_ALREADY_EXISTS);
    for _ in 0..200 {
        let (once, won) = (InitOnce::new(), AtomicUsize::new(0));
        scope(|s| {
            for thread in 1..=THREADS {
                let (once, won) = (&once, &won);
                s.spawn(move || {
                    if once.begin_racing() == Ok(Begin::Initialise) {
                        match once.complete_racing(thread << 2) {
                            Ok(()) => won.fetch_add(thread << 2, Ordering::Relaxed),
                            Err(error) => {
                                assert_eq!(error, LOST);
                                0
                            }
                        };
                    }
                });
            }
        });
        assert_eq!(once.done(), Some(won.into_inner()), "the winner's context is kept, and one has won");
    }
}

#[test]
fn initialisations_are_not_mixed_or_ended_by_whoever_has_not_begun() {
    const INVALID: Result<(), WsaError> = Err(WsaError::WSA_INVALID_PARAMETER);
    let once = InitOnce::new();
    assert_eq!(once.done(), None);
    assert_eq!((once.complete(4), once.complete_racing(4), once.fail()), (INVALID, INVALID, INVALID));
    assert_eq!(once.begin(), Ok(Begin::Initialise));
    assert_eq!(once.begin_racing(), Err(WsaError::WSA_INVALID_PARAMETER));
    assert_eq!(once.complete(3), INVALID, "the low bits are taken");
    assert_eq!(once.fail(), Ok(()));
    assert_eq!(once.begin_racing(), Ok(Begin::Initialise));
    assert_eq!(once.begin(), Err(WsaError::WSA_INVALID_PARAMETER));
    assert_eq!(once.complete_racing(0), Ok(()));
    assert_eq!((once.begin(), once.begin_racing()), (Ok(Begin::Done(0)), Ok(Begin::Done(0))));
}
