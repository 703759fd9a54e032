//! The queue and the gate under every interleaving:
//! `RUSTFLAGS="--cfg loom" cargo test -p windlass-io --release --lib loom_`.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::Packet;
use super::gate::{Entered, Gate, Sleeper};
use super::queue::Queue;

fn packet(number: usize) -> Packet {
    Packet { key: number, overlapped: !number, bytes: number as u32, status: 0 }
}

/// Two preemptions of running threads reach every hand-off here, in seconds instead of hours.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

/// What the queue gives next.
fn next(queue: &Queue) -> usize {
    loop {
        if let Some(got) = queue.pop() {
            assert_eq!(got, packet(got.key));
            return got.key;
        }
        thread::yield_now();
    }
}

#[test]
fn loom_every_packet_comes_once_and_in_order_through_the_ring_and_the_list() {
    // The ring holds two: the third and fourth go through the list, unless they are taken early.
    explore(|| {
        let queue = Arc::new(Queue::new(2));
        let poster = thread::spawn({
            let queue = queue.clone();
            move || (10..13).for_each(|number| queue.push(packet(number)))
        });
        queue.push(packet(20));
        let mut got: Vec<_> = (0..4).map(|_| next(&queue)).collect();
        poster.join().unwrap();
        assert_eq!(queue.pop(), None);
        assert!(queue.is_empty());
        got.retain(|&number| number != 20);
        assert_eq!(got, [10, 11, 12]);
    });
}

#[test]
fn loom_two_takers_never_get_the_same_packet() {
    explore(|| {
        let queue = Arc::new(Queue::new(2));
        let taker = thread::spawn({
            let queue = queue.clone();
            move || queue.pop()
        });
        queue.push(packet(1));
        queue.push(packet(2));
        let mine = queue.pop();
        let theirs = taker.join().unwrap();
        let mut all: Vec<_> = [mine, theirs].into_iter().flatten().map(|got| got.key).collect();
        all.extend(std::iter::from_fn(|| queue.pop()).map(|got| got.key));
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

/// A thread asleep, as the waker has it.
struct Seat {
    permitted: AtomicBool,
    woken: Mutex<bool>,
    sleep: Condvar,
}

impl Seat {
    fn new() -> Arc<Self> {
        Arc::new(Self { permitted: AtomicBool::new(false), woken: Mutex::new(false), sleep: Condvar::new() })
    }
    fn wait(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.sleep.wait(woken).unwrap();
        }
        assert!(self.permitted.load(Ordering::Acquire));
    }
}

impl Sleeper for Arc<Seat> {
    fn permit(&self) {
        self.permitted.store(true, Ordering::Release);
    }
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.sleep.notify_one();
    }
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

/// A port without sockets.
struct Model {
    queue: Queue,
    gate: Gate<Arc<Seat>>,
}

impl Model {
    fn new(concurrency: u32) -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(2), gate: Gate::new(concurrency) })
    }

    /// As `Core::post`.
    fn post(&self, number: usize) {
        self.queue.push(packet(number));
        if self.gate.hint().can_hand() {
            self.gate.hand();
        }
    }

    /// As `Dequeue::run`, for a thread without a permit.
    fn get(&self) -> usize {
        let seat = Seat::new();
        if self.gate.enter(&seat) == Entered::Asleep {
            seat.wait();
        }
        loop {
            if let Some(got) = self.queue.pop() {
                return got.key;
            }
            let seat = Seat::new();
            assert_eq!(self.gate.sleep(&seat, || !self.queue.is_empty()), Entered::Asleep);
            seat.wait();
        }
    }

    fn leave(&self) {
        self.gate.leave(|| !self.queue.is_empty());
    }
}

#[test]
fn loom_no_packet_waits_beside_a_sleeper() {
    explore(|| {
        let model = Model::new(1);
        let poster = thread::spawn({
            let model = model.clone();
            move || model.post(1)
        });
        assert_eq!(model.get(), 1);
        poster.join().unwrap();
    });
}

#[test]
fn loom_two_packets_release_two_sleepers() {
    explore(|| {
        let model = Model::new(2);
        let taker = thread::spawn({
            let model = model.clone();
            move || model.get()
        });
        let poster = thread::spawn({
            let model = model.clone();
            move || (1..3).for_each(|number| model.post(number))
        });
        let sum = model.get() + taker.join().unwrap();
        poster.join().unwrap();
        assert_eq!(sum, 3);
    });
}

#[test]
fn loom_a_permit_goes_from_one_to_the_next() {
    // One may be active: the packet that comes meanwhile is for whoever comes after it.
    explore(|| {
        let model = Model::new(1);
        let active = Arc::new(AtomicBool::new(false));
        let take = |model: &Model, active: &AtomicBool| {
            model.get();
            assert!(!active.swap(true, Ordering::AcqRel), "two are active");
            active.store(false, Ordering::Release);
            model.leave();
        };
        model.post(1);
        let taker = thread::spawn({
            let (model, active) = (model.clone(), active.clone());
            move || take(&model, &active)
        });
        let poster = thread::spawn({
            let model = model.clone();
            move || model.post(2)
        });
        take(&model, &active);
        taker.join().unwrap();
        poster.join().unwrap();
        assert!(model.queue.is_empty());
    });
}

/// An epoll set with nothing but its bell: an edge wakes one watcher, and is kept if there is none.
struct Watch {
    model: Arc<Model>,
    rung: AtomicBool,
    edge: Mutex<bool>,
    watchers: Condvar,
}

impl Watch {
    /// As `Core::post` and `Reactor::ring`.
    fn post(&self, number: usize) {
        self.model.queue.push(packet(number));
        self.notify();
    }

    fn notify(&self) {
        if self.model.gate.hint().is_watched() && !self.rung.swap(true, Ordering::SeqCst) {
            *self.edge.lock().unwrap() = true;
            self.watchers.notify_one();
        }
    }

    /// As `Dequeue::run` with `Reactor::watch`, for a thread with a permit.
    fn get(&self) -> usize {
        loop {
            if let Some(got) = self.model.queue.pop() {
                if !self.model.queue.is_empty() {
                    self.notify();
                }
                return got.key;
            }
            self.model.gate.begin_watch();
            if self.model.queue.is_empty() {
                let mut edge = self.edge.lock().unwrap();
                while !std::mem::take(&mut *edge) {
                    edge = self.watchers.wait(edge).unwrap();
                }
                drop(edge);
                self.rung.swap(false, Ordering::SeqCst);
            }
            self.model.gate.end_watch();
        }
    }
}

#[test]
fn loom_no_packet_waits_beside_a_watcher() {
    explore(|| {
        let model = Model::new(2);
        let watch =
            Arc::new(Watch { model, rung: AtomicBool::new(false), edge: Mutex::new(false), watchers: Condvar::new() });
        let taker = thread::spawn({
            let watch = watch.clone();
            move || watch.get()
        });
        let poster = thread::spawn({
            let watch = watch.clone();
            move || (1..3).for_each(|number| watch.post(number))
        });
        let sum = watch.get() + taker.join().unwrap();
        poster.join().unwrap();
        assert_eq!(sum, 3);
    });
}
