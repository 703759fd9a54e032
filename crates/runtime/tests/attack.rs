//! Many threads against each other: nothing is entered after it was cleaned up, nothing leaks, nothing hangs.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use common::fake::{api, fake, install_fake, succeed};
use common::*;
use windlass_abi::*;
use windlass_runtime::{self as runtime, Function, require_started};

/// Small, fast, and different for each thread.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn thirty_two_threads_open_use_and_close_while_others_end_and_restart_winsock() {
    in_own_process(|| {
        const ROUNDS: usize = 1000;
        for n in 0..3 {
            install_fake(n);
            fake(n).set_ifs(n != 1);
        }
        start();
        let before = open_descriptors();
        end();
        let stop = AtomicBool::new(false);
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            for seed in 1..=32u64 {
                let (stop, served) = (&stop, &served);
                scope.spawn(move || {
                    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    let mut mine = Vec::new();
                    while !stop.load(Relaxed) {
                        if require_started(Function::Send).is_err() {
                            // Leaves the processor to who starts it.
                            thread::yield_now();
                        }
                        match dice.roll(4) {
                            0 | 1 => match open(dice.roll(3) as usize) {
                                Ok(s) => mine.push(s),
                                // Another thread may close it by its number before it is known here.
                                Err(WsaError::WSASYSCALLFAILURE) => {}
                                Err(error) => assert!(may_fail(error.code()), "{error}"),
                            },
                            2 => {
                                if let Some(s) = mine.last() {
                                    match api::listen(*s) {
                                        Err(WSAEOPNOTSUPP) => drop(served.fetch_add(1, Relaxed)),
                                        Err(error) => assert!(may_fail(error), "{error}"),
                                        Ok(_) => panic!("fakes do not listen"),
                                    }
                                }
                            }
                            _ => {
                                // The number may be another socket's by now, of this or another thread: any answer is good.
                                if let Some(s) = mine.pop() {
                                    let _ = runtime::close_socket(s);
                                }
                            }
                        }
                    }
                });
            }
            for _ in 0..ROUNDS {
                start();
                thread::yield_now();
                end();
            }
            stop.store(true, Relaxed);
        });
        assert!(served.load(Relaxed) > 0);
        for n in 0..3 {
            assert_eq!(fake(n).count("WSPStartup"), fake(n).count("WSPCleanup"), "provider {n}");
            assert_eq!(fake(n).sockets(), [0; 0], "provider {n} has sockets left");
        }
        assert_eq!(open_descriptors(), before);
    });
}

fn may_fail(code: i32) -> bool {
    [WSANOTINITIALISED, WSAENOTSOCK, WSAEMFILE].contains(&code)
}

// proves: UNLOAD-2
#[test]
fn unload_2_no_call_is_inside_a_provider_once_the_clean_up_has_returned() {
    in_own_process(|| {
        install_fake(0);
        let mapped = Arc::new(AtomicBool::new(false));
        let wrong = Arc::new(AtomicUsize::new(0));
        let (there, seen) = (mapped.clone(), wrong.clone());
        fake(0).on("WSPListen", move |_| {
            for _ in 0..20 {
                if !there.load(SeqCst) {
                    seen.fetch_add(1, SeqCst);
                }
                std::hint::spin_loop();
            }
            succeed()
        });
        let handle = Mutex::new(INVALID_SOCKET);
        let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let s = *handle.lock().unwrap();
                        match api::listen(s) {
                            Ok(_) => drop(made.fetch_add(1, Relaxed)),
                            Err(error) => assert!(may_fail(error), "{error}"),
                        }
                    }
                });
            }
            for _ in 0..1000 {
                mapped.store(true, SeqCst);
                start();
                *handle.lock().unwrap() = open(0).unwrap();
                wait_until("a call is made", || made.swap(0, Relaxed) > 0);
                end();
                mapped.store(false, SeqCst);
                thread::yield_now();
            }
            stop.store(true, Relaxed);
        });
        assert_eq!(wrong.load(SeqCst), 0);
    });
}

#[test]
fn a_stale_handle_never_enters_the_provider_that_came_to_the_place_of_its_own() {
    in_own_process(|| {
        // Descriptors of the one are low, those of the other high, so that each knows what was never its own.
        const HIGH: SOCKET = 200;
        install_fake(0);
        install_fake(1);
        fake(1).set_ifs(false);
        let wrong = Arc::new(AtomicUsize::new(0));
        for n in 0..2 {
            let wrong = wrong.clone();
            fake(n).on("WSPListen", move |call| {
                if (call.s < HIGH) != (n == 0) {
                    wrong.fetch_add(1, SeqCst);
                }
                succeed()
            });
        }
        let handles = [const { AtomicUsize::new(INVALID_SOCKET) }; 2];
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for at in [0, 1, 0, 1] {
                let (handles, stop) = (&handles, &stop);
                scope.spawn(move || {
                    while !stop.load(Relaxed) {
                        let _ = api::listen(handles[at].load(Relaxed));
                    }
                });
            }
            for round in 0..10_000 {
                start();
                // Alone in its session, so in the first free place.
                let s = open(round % 2).unwrap();
                assert_eq!(s < HIGH, round % 2 == 0);
                handles[round % 2].store(s, Relaxed);
                end();
            }
            stop.store(true, Relaxed);
        });
        assert_eq!(wrong.load(SeqCst), 0);
    });
}

#[test]
fn a_loaded_module_is_unmapped_under_fire() {
    in_own_process(|| {
        let dir = tempfile::tempdir().unwrap();
        let module = common::module::build(dir.path(), "provider.so");
        install(provider_id(0), module.to_str().unwrap(), &[base_entry(0)]);
        let stop = AtomicBool::new(false);
        let sent = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let Ok(s) = open(0) else {
                            thread::yield_now();
                            continue;
                        };
                        for _ in 0..10 {
                            if api::send(s) == Ok(0) {
                                sent.fetch_add(1, Relaxed);
                            }
                        }
                        // Blocks until the clean-up.
                        let _ = api::recv(s);
                    }
                });
            }
            for _ in 0..300 {
                start();
                wait_until("something is sent", || sent.swap(0, Relaxed) > 0);
                end();
                // Nobody can have started it again: Winsock is not started.
                assert!(!is_mapped(&module));
            }
            stop.store(true, Relaxed);
        });
    });
}

#[test]
fn wpu_mih_5_a_number_that_is_reused_at_once_goes_to_its_new_owner() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        for n in 0..2 {
            // The provider is asked for its own sockets only.
            fake(n).on("WSPListen", move |call| {
                assert!(call.fake.sockets().contains(&call.s), "a socket of another provider");
                succeed()
            });
        }
        start();
        thread::scope(|scope| {
            for n in [0, 1, 0, 1] {
                scope.spawn(move || {
                    for _ in 0..2000 {
                        let s = open(n).unwrap();
                        assert_eq!(api::listen(s), Ok(0));
                        runtime::close_socket(s).unwrap();
                    }
                });
            }
        });
        end();
    });
}
