//! Many threads against semaphores, mutexes, threads and waits for all over objects of every kind. Nothing depends on
//! timing: what is lost shows as a test that does not end, what is granted twice as a count that is wrong.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::{scope, spawn};
use std::time::Duration;

use windlass_abi::WsaError;
use windlass_io::event::{self, Reset};
use windlass_io::handle::{close, duplicate};
use windlass_io::mutex::{self, Mutex};
use windlass_io::semaphore::{self, Semaphore};
use windlass_io::thread::{self, ExitCode, Newborn};
use windlass_io::wait::{Outcome, wait_for};
use windlass_io::{ERROR_NOT_OWNER, ERROR_TOO_MANY_POSTS, Handle};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn wait(handles: &[Handle], all: bool) -> Outcome {
    wait_for(handles, all, None, false).unwrap()
}

fn release(handle: Handle) {
    Mutex::of(handle).unwrap().release().unwrap();
}

#[test]
fn a_semaphore_lets_as_many_in_as_its_count() {
    const ROOM: usize = 3;
    const ROUNDS: usize = 2_000;
    let gate = semaphore::create(ROOM as u32, ROOM as u32).unwrap();
    let (inside, most, entered) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    assert_eq!(wait(&[gate], false), Outcome::Signalled(0));
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    entered.fetch_add(1, Ordering::Relaxed);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    Semaphore::of(gate).unwrap().release(1).unwrap();
                }
            });
        }
    });
    assert!(most.into_inner() <= ROOM);
    assert_eq!(entered.into_inner(), 8 * ROUNDS);
    let full = Semaphore::of(gate).unwrap().release(1);
    assert_eq!(full, Err(WsaError::Other(ERROR_TOO_MANY_POSTS)), "every unit came back");
    close(gate).unwrap();
}

#[test]
fn one_release_wakes_as_many_waits_as_it_adds() {
    let gate = semaphore::create(0, 100).unwrap();
    let through = AtomicU32::new(0);
    scope(|s| {
        for _ in 0..10 {
            s.spawn(|| {
                wait(&[gate], false);
                through.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(Semaphore::of(gate).unwrap().release(10), Ok(0));
    });
    assert_eq!(through.into_inner(), 10);
    assert_eq!(wait_for(&[gate], false, NOW, false), Ok(Outcome::TimedOut));
    close(gate).unwrap();
}

#[test]
fn a_mutex_has_one_owner_however_deep() {
    let lock = mutex::create(false).unwrap();
    let owner = AtomicUsize::new(0);
    let mut total = 0u64;
    let counter = std::sync::Mutex::new(&mut total);
    scope(|s| {
        for thread in 1..=8 {
            let (owner, counter) = (&owner, &counter);
            s.spawn(move || {
                for round in 0..1_000 {
                    let depth = round % 3 + 1;
                    for _ in 0..depth {
                        assert_eq!(wait(&[lock], round % 2 == 0), Outcome::Signalled(0));
                    }
                    assert_eq!(owner.swap(thread, Ordering::SeqCst), 0, "somebody else is in");
                    **counter.try_lock().expect("the mutex keeps others out") += 1;
                    owner.store(0, Ordering::SeqCst);
                    (0..depth).for_each(|_| release(lock));
                    assert_eq!(Mutex::of(lock).unwrap().release(), Err(WsaError::Other(ERROR_NOT_OWNER)));
                }
            });
        }
    });
    assert_eq!(total, 8 * 1_000);
    close(lock).unwrap();
}

/// Each round a thread exits with the mutex in its hands; every wait that follows is told, once.
#[test]
fn abandoned_mutexes_go_to_exactly_one_of_many() {
    let lock = mutex::create(false).unwrap();
    for _ in 0..100 {
        spawn(move || assert_eq!(wait(&[lock], false), Outcome::Signalled(0))).join().unwrap();
        let told = AtomicU32::new(0);
        scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    match wait(&[lock], false) {
                        Outcome::Abandoned(0) => told.fetch_add(1, Ordering::Relaxed),
                        outcome => {
                            assert_eq!(outcome, Outcome::Signalled(0));
                            0
                        }
                    };
                    release(lock);
                });
            }
        });
        assert_eq!(told.into_inner(), 1);
    }
    close(lock).unwrap();
}

/// A thread exits while others wait for what it owns, for all of it and for any.
#[test]
fn waits_end_when_the_owner_exits() {
    for _ in 0..100 {
        let (one, two) = (mutex::create(false).unwrap(), mutex::create(false).unwrap());
        let (ready, go) = (event::create(Reset::Manual, false).unwrap(), event::create(Reset::Manual, false).unwrap());
        let owner = spawn(move || {
            wait(&[one, two], true);
            event::set(ready).unwrap();
            wait(&[go], false);
        });
        wait(&[ready], false);
        let waiters = [
            spawn(move || {
                let outcome = wait(&[one, two], true);
                release(one);
                release(two);
                matches!(outcome, Outcome::Abandoned(0))
            }),
            spawn(move || {
                let outcome = wait(&[two, ready], true);
                release(two);
                matches!(outcome, Outcome::Abandoned(0))
            }),
            spawn(move || {
                let outcome = wait(&[one], false);
                release(one);
                matches!(outcome, Outcome::Abandoned(0))
            }),
        ];
        event::set(go).unwrap();
        owner.join().unwrap();
        let told = waiters.map(|waiter| waiter.join().unwrap());
        assert!(told.iter().any(|told| *told));
        [one, two, ready, go].into_iter().for_each(|handle| close(handle).unwrap());
    }
}

/// Threads take a mutex, a unit of a semaphore and an auto-reset event together, in every order, against others that
/// take them one by one.
#[test]
fn waits_for_all_take_everything_or_nothing() {
    const ROUNDS: usize = 500;
    let lock = mutex::create(false).unwrap();
    let units = semaphore::create(2, 2).unwrap();
    let token = event::create(Reset::Auto, true).unwrap();
    let always = event::create(Reset::Manual, true).unwrap();
    let together = AtomicBool::new(false);
    scope(|s| {
        for thread in 0..4 {
            let together = &together;
            s.spawn(move || {
                for round in 0..ROUNDS {
                    let mut handles = [lock, units, token, always];
                    handles.rotate_left((thread + round) % 4);
                    assert_eq!(wait(&handles, true), Outcome::Signalled(0));
                    assert!(!together.swap(true, Ordering::SeqCst), "two have the token");
                    together.store(false, Ordering::SeqCst);
                    event::set(token).unwrap();
                    Semaphore::of(units).unwrap().release(1).unwrap();
                    release(lock);
                }
            });
            s.spawn(move || {
                for round in 0..ROUNDS {
                    match (thread + round) % 3 {
                        0 => {
                            wait(&[lock, always], true);
                            release(lock);
                        }
                        1 => {
                            wait(&[units], false);
                            Semaphore::of(units).unwrap().release(1).unwrap();
                        }
                        _ => {
                            wait(&[token], false);
                            event::set(token).unwrap();
                        }
                    }
                }
            });
        }
    });
    assert_eq!(wait_for(&[token, units], true, NOW, false), Ok(Outcome::Signalled(0)));
    assert_eq!(wait_for(&[units], false, NOW, false), Ok(Outcome::Signalled(0)));
    assert_eq!(wait_for(&[units], false, NOW, false), Ok(Outcome::TimedOut), "no unit was made up");
    assert_eq!(wait_for(&[lock], false, NOW, false), Ok(Outcome::Signalled(0)));
    release(lock);
    [lock, units, token, always].into_iter().for_each(|handle| close(handle).unwrap());
}

/// The owner of a mutex may wait for it together with something that comes later.
#[test]
fn a_wait_for_all_counts_what_the_thread_owns_already() {
    let lock = mutex::create(true).unwrap();
    let later = event::create(Reset::Auto, false).unwrap();
    let setter = spawn(move || event::set(later).unwrap());
    assert_eq!(wait(&[lock, later], true), Outcome::Signalled(0));
    setter.join().unwrap();
    release(lock);
    release(lock);
    assert_eq!(Mutex::of(lock).unwrap().release(), Err(WsaError::Other(ERROR_NOT_OWNER)));
    [lock, later].into_iter().for_each(|handle| close(handle).unwrap());
}

#[test]
fn threads_are_signalled_by_their_exit_for_everyone() {
    let go = event::create(Reset::Manual, false).unwrap();
    let handles: Vec<Handle> = (0..32)
        .map(|code| {
            let newborn = Newborn::new();
            let handle = newborn.open().unwrap();
            spawn(move || {
                newborn.begin();
                thread::current().set_exit_code(code);
                wait(&[go], false);
            });
            handle
        })
        .collect();
    let code = |handle| thread::by_handle(handle).unwrap().exit_code();
    assert!(handles.iter().all(|&handle| code(handle) == ExitCode::StillActive));
    assert_eq!(wait_for(&handles, false, NOW, false), Ok(Outcome::TimedOut));
    scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert_eq!(wait(&handles, true), Outcome::Signalled(0)));
        }
        event::set(go).unwrap();
    });
    for (expected, &handle) in handles.iter().enumerate() {
        assert_eq!(code(handle), ExitCode::Exited(expected as u32));
        let again = duplicate(handle).unwrap();
        close(handle).unwrap();
        assert_eq!(wait_for(&[handle], false, NOW, false), Err(WsaError::WSA_INVALID_HANDLE));
        assert_eq!(wait(&[again], false), Outcome::Signalled(0));
        assert_eq!(thread::by_handle(again).unwrap().queue(Box::new(|| ())), Err(WsaError::WSAEFAULT));
        close(again).unwrap();
    }
    close(go).unwrap();
}

#[test]
fn apcs_that_come_before_the_thread_run_before_anything_else() {
    static ORDER: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());
    let newborn = Newborn::new();
    let handle = newborn.open().unwrap();
    for number in 0..3 {
        let apc = move || ORDER.lock().unwrap().push(number);
        thread::by_handle(handle).unwrap().queue(Box::new(apc)).unwrap();
    }
    spawn(move || {
        newborn.begin();
        ORDER.lock().unwrap().push(99);
    });
    assert_eq!(wait(&[handle], false), Outcome::Signalled(0));
    assert_eq!(*ORDER.lock().unwrap(), [0, 1, 2, 99]);
    close(handle).unwrap();
}

/// The pseudo-handle names whoever uses it; its duplicate the thread that made it.
#[test]
fn the_calling_thread_has_a_handle_without_asking() {
    let me = Handle::CURRENT_THREAD;
    assert_eq!(wait_for(&[me], false, NOW, false), Ok(Outcome::TimedOut));
    let (sender, receiver) = std::sync::mpsc::channel();
    let other = spawn(move || sender.send(duplicate(me).unwrap()).unwrap());
    let handle = receiver.recv().unwrap();
    assert_eq!(wait(&[handle], false), Outcome::Signalled(0));
    other.join().unwrap();
    close(handle).unwrap();
    assert_eq!(close(handle), Err(WsaError::WSA_INVALID_HANDLE));
}

#[test]
fn handles_of_one_kind_are_not_taken_for_another() {
    let handles = [
        event::create(Reset::Auto, false).unwrap(),
        semaphore::create(0, 1).unwrap(),
        mutex::create(false).unwrap(),
        Newborn::new().open().unwrap(),
    ];
    for (kind, &handle) in handles.iter().enumerate() {
        assert_eq!(event::set(handle).is_ok(), kind == 0);
        assert_eq!(Semaphore::of(handle).is_ok(), kind == 1);
        assert_eq!(Mutex::of(handle).is_ok(), kind == 2);
        assert_eq!(thread::by_handle(handle).is_ok(), kind == 3);
        if kind > 0 {
            assert_eq!(event::close(handle), Err(WsaError::WSA_INVALID_HANDLE));
        }
        let again = duplicate(handle).unwrap();
        close(handle).unwrap();
        assert_eq!(duplicate(handle), Err(WsaError::WSA_INVALID_HANDLE));
        close(again).unwrap();
    }
    let identity = windlass_abi::WSATHREADID::from(thread::current().id().unwrap());
    let name = Handle::from(identity.ThreadHandle);
    assert_eq!(close(name), Err(WsaError::WSA_INVALID_HANDLE), "it is not its holder's to close");
    assert_eq!(duplicate(name), Err(WsaError::WSA_INVALID_HANDLE));
}
