//! Things that are to happen later, on a thread of the layer's own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use windlass_spi::helper_thread::HelperThread;

/// What happens. It must not wait: others would be late.
pub type Act = Box<dyn FnOnce() + Send>;

/// A queue of things to do, and the thread that does them. Dropping it forgets what has not happened, and waits for the thread.
pub struct Delays {
    shared: Arc<Shared>,
    /// Started by the first thing that is to be done.
    thread: Mutex<Option<HelperThread>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    due: BinaryHeap<Reverse<Due>>,
    /// How many there ever were: of those that are due at once, the first goes first.
    count: u64,
    ended: bool,
}

struct Due {
    at: Instant,
    number: u64,
    act: Act,
}

impl Default for Delays {
    fn default() -> Self {
        Self::new()
    }
}

impl Delays {
    /// Nothing to do, and no thread.
    pub fn new() -> Self {
        Self { shared: Arc::default(), thread: Mutex::default() }
    }

    /// Has something done at a time, which may be past.
    ///
    /// # Errors
    /// There can be no thread; it will not be done.
    pub fn at(&self, at: Instant, act: Act) -> io::Result<()> {
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let shared = self.shared.clone();
            *thread = Some(HelperThread::spawn("fault", move || shared.run())?);
        }
        drop(thread);
        let mut queue = lock(&self.shared.queue);
        if queue.ended {
            // Forgotten at once, with no lock held: dropping may run anything.
            drop(queue);
            drop(act);
            return Ok(());
        }
        queue.count += 1;
        let number = queue.count;
        let first = queue.due.peek().is_none_or(|Reverse(next)| at < next.at);
        queue.due.push(Reverse(Due { at, number, act }));
        drop(queue);
        if first {
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    /// Forgets what has not happened, and lets nothing more happen. What is forgotten is dropped in this thread.
    pub fn end(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.ended = true;
        let forgotten = std::mem::take(&mut queue.due);
        drop(queue);
        self.shared.changed.notify_one();
        drop(forgotten);
    }
}

impl Drop for Delays {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn run(&self) {
        let mut queue = lock(&self.queue);
        while !queue.ended {
            let now = Instant::now();
            queue = match queue.due.peek() {
                Some(Reverse(next)) if next.at <= now => {
                    let due = queue.due.pop();
                    drop(queue);
                    if let Some(Reverse(due)) = due {
                        (due.act)();
                    }
                    lock(&self.queue)
                }
                Some(Reverse(next)) => {
                    let wait = next.at - now;
                    self.changed.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, sync_channel};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn things_happen_in_the_order_of_their_times() {
        let delays = Delays::new();
        let (told, told_of) = channel();
        let now = Instant::now();
        for (millis, name) in [(60, "last"), (20, "first"), (40, "second"), (40, "third")] {
            let told = told.clone();
            delays.at(now + Duration::from_millis(millis), Box::new(move || told.send(name).unwrap())).unwrap();
        }
        let order: Vec<_> = (0..4).map(|_| told_of.recv_timeout(LONG).unwrap()).collect();
        assert_eq!(order, ["first", "second", "third", "last"]);
        assert!(now.elapsed() >= Duration::from_millis(60));
    }

    #[test]
    fn what_has_not_happened_is_forgotten_at_the_end() {
        struct Dropped(std::sync::mpsc::Sender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let (told, told_of) = channel();
        let delays = Delays::new();
        let dropped = Dropped(told.clone());
        delays
            .at(
                Instant::now() + LONG,
                Box::new(move || {
                    let _dropped = dropped;
                    unreachable!("it is too early");
                }),
            )
            .unwrap();
        delays.end();
        told_of.try_recv().expect("dropped by who ends it");
        let late = Dropped(told);
        delays.at(Instant::now(), Box::new(move || drop(late))).unwrap();
        told_of.try_recv().expect("nothing happens after the end");
    }

    #[test]
    fn what_is_done_may_ask_for_more() {
        let delays = Arc::new(Delays::new());
        let (told, told_of) = sync_channel(1);
        let again = delays.clone();
        delays
            .at(
                Instant::now(),
                Box::new(move || {
                    again.at(Instant::now(), Box::new(move || told.send(7).unwrap())).unwrap();
                }),
            )
            .unwrap();
        assert_eq!(told_of.recv_timeout(LONG), Ok(7));
    }
}
