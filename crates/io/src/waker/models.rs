//! The hand-off under every interleaving: `RUSTFLAGS="--cfg loom" cargo test -p windlass-io --release --lib loom_`.

use super::*;
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// A futex as the kernel has it: compare and sleep are one step under a lock.
struct ModelWord {
    value: AtomicU32,
    kernel: Mutex<()>,
    sleepers: Condvar,
}

impl Word for ModelWord {
    fn new(value: u32) -> Self {
        Self { value: AtomicU32::new(value), kernel: Mutex::new(()), sleepers: Condvar::new() }
    }
    fn swap(&self, value: u32) -> u32 {
        self.value.swap(value, Ordering::AcqRel)
    }
    fn change(&self, from: u32, to: u32) -> bool {
        self.value.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
    fn sleep_while(&self, value: u32, _: Deadline) {
        let kernel = self.kernel.lock().unwrap();
        if self.value.load(Ordering::Relaxed) == value {
            drop(self.sleepers.wait(kernel).unwrap());
        }
    }
    fn rouse(&self) {
        drop(self.kernel.lock().unwrap());
        self.sleepers.notify_one();
    }
}

struct ModelBell {
    rung: Mutex<bool>,
    pollers: Condvar,
}

impl ModelBell {
    fn poll(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.pollers.wait(rung).unwrap();
        }
    }
}

impl Bell for ModelBell {
    fn new() -> Result<Self, WsaError> {
        Ok(Self { rung: Mutex::new(false), pollers: Condvar::new() })
    }
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.pollers.notify_all();
    }
    fn silence(&self) {
        *self.rung.lock().unwrap() = false;
    }
}

type Model = Sleeper<ModelWord, ModelBell>;

/// Sleeps on the word until the flag is up, as `Thread::block` does.
fn wait_parked(sleeper: &Model, flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        sleeper.park(Deadline::NEVER);
    }
}

/// Sleeps in a poll until the flag is up, as `BlockedCall::wait_fds` does.
fn wait_armed(sleeper: &Model, flag: &AtomicBool) {
    loop {
        sleeper.arm().unwrap();
        if flag.load(Ordering::Relaxed) {
            return sleeper.disarm();
        }
        sleeper.bell.get().unwrap().poll();
        sleeper.silence();
        sleeper.disarm();
    }
}

/// Three preemptions of running threads reach every hand-off here, in seconds instead of minutes.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn model(wait: fn(&Model, &AtomicBool), wakers: usize) {
    explore(move || {
        let sleeper = Arc::new(Model::new());
        sleeper.bell().unwrap();
        let flags: Vec<_> = (0..wakers).map(|_| Arc::new(AtomicBool::new(false))).collect();
        let threads: Vec<_> = flags
            .iter()
            .map(|flag| {
                let (sleeper, flag) = (sleeper.clone(), flag.clone());
                thread::spawn(move || {
                    flag.store(true, Ordering::Relaxed);
                    sleeper.wake();
                })
            })
            .collect();
        flags.iter().for_each(|flag| wait(&sleeper, flag));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn loom_no_wake_is_lost_on_the_word() {
    model(wait_parked, 2);
}

#[test]
fn loom_no_wake_is_lost_on_the_bell() {
    model(wait_armed, 2);
}

#[test]
fn loom_no_wake_is_lost_between_word_and_bell() {
    explore(|| {
        let sleeper = Arc::new(Model::new());
        sleeper.bell().unwrap();
        let (first, second) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (sleeper, first, second) = (sleeper.clone(), first.clone(), second.clone());
            move || {
                first.store(true, Ordering::Relaxed);
                sleeper.wake();
                second.store(true, Ordering::Relaxed);
                sleeper.wake();
            }
        });
        wait_armed(&sleeper, &first);
        wait_parked(&sleeper, &second);
        thread.join().unwrap();
    });
}
