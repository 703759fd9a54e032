//! The rundown under attack: with real threads in both modes, and all interleavings of a few under
//! loom (`RUSTFLAGS="--cfg loom" cargo test --release --lib rundown`).

use core::num::NonZeroUsize;

use super::barrier::Mode;
use super::registry::{Registry, Remaining};

const fn key(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

impl Registry {
    fn drain(&self, wanted: &dyn Fn(NonZeroUsize) -> bool, me: Option<&super::record::Record>) -> Remaining<'_> {
        self.drain_until(wanted, me, None, None)
    }
}

#[cfg(loom)]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread;

    /// What readers use and a closer frees.
    struct Shared {
        registry: Registry,
        open: [AtomicBool; 2],
        freed: [AtomicBool; 2],
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                registry: Registry::with_mode(Mode::Fenced),
                open: [AtomicBool::new(true), AtomicBool::new(true)],
                freed: [AtomicBool::new(false), AtomicBool::new(false)],
            })
        }

        fn check(&self, item: usize) -> bool {
            let open = self.open[item].load(Ordering::Relaxed);
            assert!(!(open && self.freed[item].load(Ordering::Relaxed)), "used after it was freed");
            open
        }

        fn read(&self, item: usize) {
            let record = self.registry.claim();
            let place = record.enter(key(item + 1));
            self.check(item);
            self.registry.leave(record, place);
        }

        fn close(&self, item: usize) {
            self.open[item].store(false, Ordering::Relaxed);
            drop(self.registry.drain(&|found| found == key(item + 1), None));
            self.freed[item].store(true, Ordering::Relaxed);
        }
    }

    fn model(body: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(body);
    }

    #[test]
    fn nobody_uses_what_is_freed() {
        model(|| {
            let shared = Shared::new();
            let reader = Arc::clone(&shared);
            let reader = thread::spawn(move || {
                reader.read(0);
                reader.read(0);
            });
            shared.close(0);
            reader.join().unwrap();
        });
    }

    #[test]
    fn two_readers_leave_one_closer() {
        model(|| {
            let shared = Shared::new();
            let readers = [0, 0].map(|item| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.read(item))
            });
            shared.close(0);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }

    #[test]
    fn two_closers_of_two_keys() {
        model(|| {
            let shared = Shared::new();
            let other = Arc::clone(&shared);
            let other = thread::spawn(move || {
                other.read(0);
                other.close(1);
            });
            shared.read(1);
            shared.close(0);
            other.join().unwrap();
        });
    }

    #[test]
    fn a_callback_does_not_hold_up_a_closer_and_frees_at_last() {
        model(|| {
            let shared = Shared::new();
            let reader = Arc::clone(&shared);
            let reader = thread::spawn(move || {
                let record = reader.registry.claim();
                let place = record.enter(key(1));
                let open = reader.check(0);
                reader.registry.in_callback(record, None, || {
                    // Still pinned, so it must still be there if it was when the pin was made.
                    assert!(!(open && reader.freed[0].load(Ordering::Relaxed)));
                });
                assert!(!(open && reader.freed[0].load(Ordering::Relaxed)));
                reader.registry.leave(record, place);
            });
            shared.open[0].store(false, Ordering::Relaxed);
            let left = shared.registry.drain(&|found| found == key(1), None);
            let free = Arc::clone(&shared);
            left.then(move || free.freed[0].store(true, Ordering::Relaxed));
            reader.join().unwrap();
            assert!(shared.freed[0].load(Ordering::Relaxed), "whoever left last has freed it");
        });
    }

    #[test]
    fn two_threads_that_close_what_the_other_one_uses() {
        model(|| {
            let shared = Shared::new();
            let close_from_inside = |shared: &Shared, mine: usize, other: usize| {
                let record = shared.registry.claim();
                let place = record.enter(key(mine + 1));
                shared.registry.in_callback(record, None, || {
                    shared.open[other].store(false, Ordering::Relaxed);
                    drop(shared.registry.drain(&|found| found == key(other + 1), Some(record)));
                });
                shared.registry.leave(record, place);
            };
            let other = Arc::clone(&shared);
            let other = thread::spawn(move || close_from_inside(&other, 0, 1));
            close_from_inside(&shared, 1, 0);
            other.join().unwrap();
        });
    }
}

#[cfg(not(loom))]
mod attack {
    use super::*;
    use crate::rundown::{self, Domain};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier, mpsc};
    use std::thread;

    const MODES: [Mode; 2] = [Mode::Asymmetric, Mode::Fenced];

    fn registry(mode: Mode) -> Arc<Registry> {
        // Registers the process with the kernel, as the first use of the real one does.
        assert!(matches!(super::super::barrier::Barrier::new().mode(), Mode::Asymmetric | Mode::Fenced));
        Arc::new(Registry::with_mode(mode))
    }

    /// Readers pin and check while a closer opens and closes one thing after the other.
    fn storm(mode: Mode, readers: usize, rounds: usize) {
        let registry = registry(mode);
        let open = Arc::new(AtomicUsize::new(0));
        let freed: Arc<Vec<AtomicBool>> = Arc::new((0..=rounds).map(|_| AtomicBool::new(false)).collect());
        let done = Arc::new(AtomicBool::new(false));
        let uses = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| {
                    let record = registry.claim();
                    let mut used = 0;
                    while !done.load(Ordering::Relaxed) {
                        let place = record.enter(key(42));
                        let round = open.load(Ordering::Relaxed);
                        if round != 0 {
                            used += 1;
                            for _ in 0..20 {
                                assert!(!freed[round].load(Ordering::Relaxed), "freed while it was used");
                            }
                        }
                        registry.leave(record, place);
                    }
                    uses.fetch_add(used, Ordering::Relaxed);
                });
            }
            let me = registry.claim();
            for (round, freed) in freed.iter().enumerate().skip(1) {
                open.store(round, Ordering::Release);
                if round % 64 == 0 {
                    thread::yield_now();
                }
                open.store(0, Ordering::Relaxed);
                drop(registry.drain(&|found| found == key(42), Some(me)));
                freed.store(true, Ordering::Relaxed);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(uses.load(Ordering::Relaxed) > 0, "the readers never found it open");
    }

    #[test]
    fn nobody_uses_what_is_freed() {
        for mode in MODES {
            storm(mode, 3, 8_000);
        }
    }

    /// A reader and a closer meet again and again, each storing before it loads what the other one
    /// stores: without the barriers both soon find the old value.
    #[test]
    fn a_pin_and_a_close_that_race_see_each_other() {
        for mode in MODES {
            let registry = registry(mode);
            let (round, open, drained) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let rounds = 60_000;
            let meet = |mine: &AtomicUsize, value: usize, other: &AtomicUsize| {
                mine.store(value, Ordering::Release);
                let mut spins = 0;
                while other.load(Ordering::Acquire) < value {
                    spins += 1;
                    if spins > 1000 {
                        thread::yield_now();
                    }
                }
            };
            let ready = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let record = registry.claim();
                    for n in 1..=rounds {
                        meet(&ready, n, &round);
                        let place = record.enter(key(1));
                        if open.load(Ordering::Relaxed) == n {
                            for _ in 0..100 {
                                assert!(drained.load(Ordering::Relaxed) != n, "drained while it was used");
                            }
                        }
                        registry.leave(record, place);
                    }
                });
                for n in 1..=rounds {
                    open.store(n, Ordering::Relaxed);
                    meet(&round, n, &ready);
                    (0..n % 30).for_each(|_| std::hint::spin_loop());
                    open.store(0, Ordering::Relaxed);
                    drop(registry.drain(&|found| found == key(1), None));
                    drained.store(n, Ordering::Relaxed);
                }
            });
        }
    }

    #[test]
    fn pins_nest_and_go_in_any_order() {
        for mode in MODES {
            let registry = registry(mode);
            let record = registry.claim();
            let mut places: Vec<usize> = (1..=100).map(|n| record.enter(key(n))).collect();
            let mut distinct = places.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 100);
            for n in (1..=100).step_by(3) {
                registry.leave(record, places[n - 1]);
                places[n - 1] = usize::MAX;
            }
            for n in 1..=100 {
                let held = record.places().len();
                assert_eq!(record.holds(places[n - 1], &|k| k == key(n)).is_some(), n % 3 != 1, "{n} of {held}");
            }
            for place in places.into_iter().filter(|place| *place != usize::MAX) {
                registry.leave(record, place);
            }
            assert!(record.places().is_empty());
        }
    }

    #[test]
    fn a_closer_waits_for_pins_beyond_the_slots() {
        for mode in MODES {
            let registry = registry(mode);
            let (entered, has_entered) = mpsc::channel();
            let freed = AtomicBool::new(false);
            let (go, may_go) = mpsc::channel::<()>();
            thread::scope(|scope| {
                let (registry, freed) = (&registry, &freed);
                scope.spawn(move || {
                    let record = registry.claim();
                    let places: Vec<usize> = (1..=40).map(|n| record.enter(key(n))).collect();
                    entered.send(()).unwrap();
                    may_go.recv().unwrap();
                    for place in places.into_iter().rev() {
                        assert!(place != 39 || !freed.load(Ordering::Relaxed));
                        registry.leave(record, place);
                    }
                });
                has_entered.recv().unwrap();
                drop(registry.drain(&|k| k == key(41), None));
                go.send(()).unwrap();
                drop(registry.drain(&|k| k == key(40) || k == key(1), None));
                freed.store(true, Ordering::Relaxed);
            });
        }
    }

    #[test]
    fn a_thread_does_not_wait_for_itself_and_frees_when_it_leaves() {
        static DOMAIN: Domain = Domain::new();
        let freed = Arc::new(AtomicBool::new(false));
        let outer = rundown::pin(DOMAIN.key(1));
        let inner = rundown::pin(DOMAIN.key(1));
        let free = Arc::clone(&freed);
        rundown::drain(|k| k == DOMAIN.key(1), None).then(move || free.store(true, Ordering::Relaxed));
        assert!(!freed.load(Ordering::Relaxed));
        drop(outer);
        assert!(!freed.load(Ordering::Relaxed), "one pin is left");
        // A later pin of the same key found it closed, and holds nothing up.
        let later = rundown::pin(DOMAIN.key(1));
        drop(inner);
        assert!(freed.load(Ordering::Relaxed));
        drop(later);
    }

    #[test]
    fn a_callback_holds_nobody_up() {
        static DOMAIN: Domain = Domain::new();
        let freed = Arc::new(AtomicBool::new(false));
        let (entered, has_entered) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let other = thread::spawn({
            let freed = Arc::clone(&freed);
            move || {
                let _pin = rundown::pin(DOMAIN.key(5));
                rundown::in_callback(|| {
                    // A call from inside the callback is a call like any other.
                    let nested = rundown::pin(DOMAIN.key(6));
                    entered.send(()).unwrap();
                    may_go.recv().unwrap();
                    drop(nested);
                });
                assert!(!freed.load(Ordering::Relaxed));
            }
        });
        has_entered.recv().unwrap();
        let left = rundown::drain(|k| k == DOMAIN.key(5), None);
        let free = Arc::clone(&freed);
        left.then(move || free.store(true, Ordering::Relaxed));
        go.send(()).unwrap();
        drop(rundown::drain(|k| k == DOMAIN.key(6), None));
        other.join().unwrap();
        assert!(freed.load(Ordering::Relaxed));
    }

    #[test]
    fn entering_a_callback_releases_a_closer_that_waits_already() {
        static DOMAIN: Domain = Domain::new();
        for _ in 0..200 {
            let start = Arc::new(Barrier::new(2));
            let (go, may_go) = mpsc::channel::<()>();
            let other = thread::spawn({
                let start = Arc::clone(&start);
                move || {
                    let _pin = rundown::pin(DOMAIN.key(9));
                    start.wait();
                    rundown::in_callback(|| may_go.recv().unwrap());
                }
            });
            start.wait();
            drop(rundown::drain(|k| k == DOMAIN.key(9), None));
            go.send(()).unwrap();
            other.join().unwrap();
        }
    }

    #[test]
    fn two_threads_close_what_the_other_one_uses() {
        static DOMAIN: Domain = Domain::new();
        for _ in 0..500 {
            let start = Barrier::new(2);
            thread::scope(|scope| {
                for (mine, other) in [(1, 2), (2, 1)] {
                    let start = &start;
                    scope.spawn(move || {
                        let _pin = rundown::pin(DOMAIN.key(mine));
                        start.wait();
                        let call = rundown::pin(DOMAIN.key(3));
                        drop(rundown::drain(|k| k == DOMAIN.key(other), Some(&call)));
                    });
                }
            });
        }
    }

    #[test]
    fn a_closer_waits_for_another_closer_that_says_so() {
        static DOMAIN: Domain = Domain::new();
        for _ in 0..200 {
            let closed = AtomicBool::new(false);
            let start = Barrier::new(3);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _pin = rundown::pin(DOMAIN.key(1));
                    start.wait();
                    thread::yield_now();
                });
                scope.spawn(|| {
                    let call = rundown::pin(DOMAIN.key(2));
                    start.wait();
                    drop(rundown::drain(|k| k == DOMAIN.key(1), Some(&call)));
                    closed.store(true, Ordering::Relaxed);
                });
                start.wait();
                drop(rundown::drain(|k| DOMAIN.contains(k), None));
                assert!(closed.load(Ordering::Relaxed));
            });
        }
    }

    #[test]
    fn records_of_dead_threads_are_used_again() {
        let registry = registry(Mode::Fenced);
        let mut highest = 0;
        for _ in 0..200 {
            thread::scope(|scope| {
                let threads: Vec<_> = (0..20)
                    .map(|_| {
                        scope.spawn(|| {
                            let record = registry.claim();
                            let place = record.enter(key(1));
                            registry.leave(record, place);
                            record.index()
                        })
                    })
                    .collect();
                for thread in threads {
                    highest = highest.max(thread.join().unwrap());
                }
            });
        }
        assert!(highest < 600, "4000 threads, 20 at a time, used {highest} records");
    }

    #[test]
    fn more_threads_at_once_than_records_at_the_start() {
        let registry = registry(Mode::Fenced);
        let (threads, all) = (600, Barrier::new(601));
        let freed = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let record = registry.claim();
                    let place = record.enter(key(3));
                    all.wait();
                    assert!(!freed.load(Ordering::Relaxed));
                    registry.leave(record, place);
                });
            }
            all.wait();
            drop(registry.drain(&|k| k == key(3), None));
            freed.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn pins_work_while_a_thread_is_torn_down() {
        static DOMAIN: Domain = Domain::new();
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                let _pin = rundown::pin(DOMAIN.key(1));
                drop(rundown::drain(|k| DOMAIN.contains(k), None));
            }
        }
        thread_local! {
            static LAST: Last = const { Last };
        }
        thread::spawn(|| {
            LAST.with(|_| ());
            drop(rundown::pin(DOMAIN.key(2)));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn domains_do_not_share_keys() {
        static ONE: Domain = Domain::new();
        static TWO: Domain = Domain::new();
        assert_ne!(ONE.key(7), TWO.key(7));
        assert_eq!(ONE.key(7), ONE.key(7));
        assert!(ONE.contains(ONE.key(u32::MAX)) && !ONE.contains(TWO.key(0)));
    }
}
