use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;

use super::*;
use crate::event::{self, Reset};
use crate::wait::{Slept, sleep_ex};

fn run_queued() -> Slept {
    sleep_ex(Some(Duration::ZERO), true)
}

/// A list that APCs write to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u32>>>);

impl Log {
    fn apc(&self, entry: u32) -> Apc {
        let log = self.clone();
        Box::new(move || log.push(entry))
    }
    fn push(&self, entry: u32) {
        self.0.lock().unwrap().push(entry);
    }
    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn wsathreadid_1_identities_are_copied_by_value() {
    let id = current().id().unwrap();
    let raw = WSATHREADID::from(id);
    assert!(!raw.ThreadHandle.is_null());
    assert_eq!(size_of::<WSATHREADID>(), 2 * size_of::<usize>());
    assert_eq!(ThreadId::from(raw), id);
    assert_eq!(current().id(), Ok(id), "a thread keeps its identity");
    assert_ne!(spawn(|| current().id()).join().unwrap(), Ok(id));
}

#[test]
fn wpu_apc_1_queueing_does_not_run() {
    // proves: WPU-APC-3
    let log = Log::default();
    {
        let copy = current().id().unwrap();
        queue_apc(copy, log.apc(1)).unwrap();
    }
    assert_eq!(log.take(), []);
    assert_eq!(run_queued(), Slept::IoCompletion);
    assert_eq!(log.take(), [1]);
    assert_eq!(run_queued(), Slept::TimedOut);
}

#[test]
fn wpu_apc_2_identities_of_no_thread_are_refused() {
    let event = event::create(Reset::Manual, false).unwrap();
    let closed = open_current().unwrap();
    close(closed).unwrap();
    let null = ThreadId { handle: Handle::from_value(0), opening: 0 };
    let foreign = ThreadId { handle: event, opening: 0 };
    let never_opened = ThreadId { opening: 77, ..current().id().unwrap() };
    for id in [null, foreign, closed, never_opened] {
        let context = Arc::new(());
        let kept = context.clone();
        assert_eq!(queue_apc(id, Box::new(move || drop(kept))), Err(WsaError::WSAEFAULT), "{id:?}");
        assert_eq!(Arc::strong_count(&context), 1, "the context is dropped");
    }
    assert_eq!(run_queued(), Slept::TimedOut);
    event::close(event).unwrap();
}

#[test]
fn wpu_apc_4_first_in_first_out_each_once() {
    let log = Log::default();
    let id = current().id().unwrap();
    (0..100).for_each(|entry| queue_apc(id, log.apc(entry)).unwrap());
    assert_eq!(run_queued(), Slept::IoCompletion);
    assert_eq!(log.take(), (0..100).collect::<Vec<_>>());
    assert_eq!(run_queued(), Slept::TimedOut);
}

#[test]
fn wpu_apc_4_what_an_apc_queues_runs_in_the_same_wait() {
    let log = Log::default();
    let id = current().id().unwrap();
    let inner = log.clone();
    queue_apc(
        id,
        Box::new(move || {
            inner.push(1);
            let innermost = inner.clone();
            let nested: Apc = Box::new(move || {
                innermost.push(3);
                queue_apc(id, innermost.apc(4)).unwrap();
            });
            queue_apc(id, nested).unwrap();
        }),
    )
    .unwrap();
    queue_apc(id, log.apc(2)).unwrap();
    assert_eq!(run_queued(), Slept::IoCompletion);
    assert_eq!(log.take(), [1, 2, 3, 4]);
}

#[test]
fn wpu_apc_4_an_apc_that_waits_alertably_loses_and_repeats_none() {
    let log = Log::default();
    let id = current().id().unwrap();
    let inner = log.clone();
    queue_apc(
        id,
        Box::new(move || {
            inner.push(1);
            queue_apc(id, inner.apc(4)).unwrap();
            assert_eq!(sleep_ex(None, true), Slept::IoCompletion);
            inner.push(5);
            assert_eq!(run_queued(), Slept::TimedOut);
        }),
    )
    .unwrap();
    queue_apc(id, log.apc(2)).unwrap();
    queue_apc(id, log.apc(3)).unwrap();
    assert_eq!(sleep_ex(None, true), Slept::IoCompletion);
    assert_eq!(log.take(), [1, 2, 3, 4, 5]);
}

#[test]
fn an_apc_that_panics_takes_no_other_with_it() {
    let log = Log::default();
    let id = current().id().unwrap();
    queue_apc(id, Box::new(|| std::panic::resume_unwind(Box::new("from an APC")))).unwrap();
    queue_apc(id, log.apc(2)).unwrap();
    assert!(std::panic::catch_unwind(run_queued).is_err());
    assert_eq!(log.take(), []);
    assert_eq!(run_queued(), Slept::IoCompletion);
    assert_eq!(log.take(), [2]);
}

#[test]
fn wpu_apc_5_a_thread_that_exits_drops_its_apcs_and_takes_no_more() {
    let ran = Arc::new(AtomicBool::new(false));
    let context = ran.clone();
    let (plain, opened) = spawn(move || {
        let ids = (current().id().unwrap(), open_current().unwrap());
        queue_apc(ids.0, Box::new(move || context.store(true, Ordering::Relaxed))).unwrap();
        ids
    })
    .join()
    .unwrap();
    assert_eq!(Arc::strong_count(&ran), 1, "the context is dropped");
    assert!(!ran.load(Ordering::Relaxed));
    for id in [plain, opened] {
        assert_eq!(queue_apc(id, Box::new(|| ())), Err(WsaError::WSAEFAULT));
    }
    assert_eq!(close(opened), Ok(()), "what was opened is closed, even now");
    assert_eq!(close(opened), Err(WsaError::WSAEINVAL));
    assert_eq!(queue_apc(plain, Box::new(|| ())), Err(WsaError::WSAEFAULT));
}

#[test]
fn wpu_apc_5_a_context_that_queues_when_dropped_is_refused() {
    struct Requeue(ThreadId, Arc<AtomicUsize>);
    impl Drop for Requeue {
        fn drop(&mut self) {
            assert_eq!(queue_apc(self.0, Box::new(|| ())), Err(WsaError::WSAEFAULT));
            assert_eq!(open_current(), Err(WsaError::WSAEFAULT));
            assert_eq!(run_queued(), Slept::TimedOut);
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let requeue = drops.clone();
    spawn(move || {
        let id = current().id().unwrap();
        let context = Requeue(id, requeue);
        queue_apc(id, Box::new(move || drop(context))).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn wpu_apc_8_any_thread_may_queue() {
    let log = Log::default();
    let id = open_current().unwrap();
    let apc = log.apc(8);
    spawn(move || queue_apc(id, apc)).join().unwrap().unwrap();
    assert_eq!(sleep_ex(None, true), Slept::IoCompletion);
    assert_eq!(log.take(), [8]);
    close(id).unwrap();
}

#[test]
fn wpu_oct_1_an_opened_identity_takes_apcs_for_the_thread_that_opened_it() {
    let (sender, receiver) = channel();
    let thread = spawn(move || {
        let id = open_current().unwrap();
        sender.send(id).unwrap();
        assert_eq!(sleep_ex(None, true), Slept::IoCompletion);
        close(id).unwrap();
        std::thread::current().id()
    });
    let (ran, where_it_ran) = channel();
    let apc: Apc = Box::new(move || ran.send(std::thread::current().id()).unwrap());
    queue_apc(receiver.recv().unwrap(), apc).unwrap();
    assert_eq!(where_it_ran.recv().unwrap(), thread.join().unwrap());
}

#[test]
fn wpu_oct_2_each_opening_needs_its_own_closing() {
    let (first, second) = (open_current().unwrap(), open_current().unwrap());
    assert_ne!(first, second);
    assert_eq!(close(first), Ok(()));
    assert_eq!(close(first), Err(WsaError::WSAEINVAL));
    let log = Log::default();
    queue_apc(second, log.apc(2)).unwrap();
    assert_eq!(spawn(move || close(second)).join().unwrap(), Ok(()), "any thread may close");
    run_queued();
    assert_eq!(log.take(), [2]);
}

#[test]
fn wpu_oct_3_closing_leaves_what_is_queued() {
    let log = Log::default();
    let id = open_current().unwrap();
    queue_apc(id, log.apc(3)).unwrap();
    close(id).unwrap();
    assert_eq!(run_queued(), Slept::IoCompletion);
    assert_eq!(log.take(), [3]);
}

#[test]
fn wpu_oct_4_only_what_was_opened_is_closed() {
    let given_with_a_call = current().id().unwrap();
    let opened = open_current().unwrap();
    let event = event::create(Reset::Manual, false).unwrap();
    let forged = ThreadId { opening: opened.opening + 1, ..opened };
    let null = ThreadId { handle: Handle::from_value(0), opening: 1 };
    for id in [given_with_a_call, forged, null, ThreadId { handle: event, opening: 1 }] {
        assert_eq!(close(id), Err(WsaError::WSAEINVAL), "{id:?}");
    }
    assert_eq!(close(opened), Ok(()));
    event::close(event).unwrap();
}

#[test]
fn a_record_lives_as_long_as_its_thread_and_its_openings() {
    let (record, opened) = spawn(|| (Arc::downgrade(&current()), open_current().unwrap())).join().unwrap();
    assert!(record.upgrade().is_some());
    let again = opened;
    close(opened).unwrap();
    assert!(record.upgrade().is_none());
    assert!(object::get(again.handle).is_none(), "its handle went with it");
}

#[test]
fn the_mutexes_that_a_thread_owns_are_counted() {
    spawn(|| {
        assert_eq!(owned_mutexes(), 0);
        let (first, second) = (crate::mutex::Mutex::new(true), crate::mutex::Mutex::new(true));
        assert_eq!(owned_mutexes(), 2);
        first.release().unwrap();
        assert_eq!(owned_mutexes(), 1);
        drop(second);
        assert_eq!(owned_mutexes(), 0);
    })
    .join()
    .unwrap();
}

#[test]
fn a_handle_that_was_closed_is_told_from_other_numbers() {
    let handle = event::create(Reset::Manual, false).unwrap();
    assert!(!handle.was_closed());
    event::close(handle).unwrap();
    assert!(handle.was_closed());
    assert!(!Handle::from_value(5).was_closed() && !Handle::from_value(0).was_closed());
}
