//! Calls through the runtime into providers (contract: transport section 2, lifecycle section 0, upcalls WPU-MIH).

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use common::fake::{Answer, api, fail, fake, install_fake, succeed};
use common::*;
use windlass_abi::*;
use windlass_runtime::{self as runtime, Function, poll, thread as this_thread};

// proves: API-9
#[test]
fn rt_1_an_unknown_handle_enters_no_provider() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        let calls = fake(0).calls().len();
        for unknown in [INVALID_SOCKET, 0, 1, s + 1, 1 << 19, 1 << 20, 1 << 32, usize::MAX >> 1] {
            this_thread::set_last_error(0);
            assert_eq!(api::listen(unknown), Err(WSAENOTSOCK), "{unknown:#x}");
            assert_eq!(runtime::close_socket(unknown), Err(WsaError::WSAENOTSOCK));
            assert_eq!(runtime::byte_order(unknown, Function::WsaHtonl), Err(WsaError::WSAENOTSOCK));
        }
        assert_eq!(fake(0).calls().len(), calls);
        end();
    });
}

// proves: RT-2
#[test]
fn lc_err_1_the_error_slot_becomes_the_threads_error() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        for code in [WSAEACCES, WSAEWOULDBLOCK, 12345, -7] {
            fake(0).on("WSPListen", move |_| fail(code));
            this_thread::set_last_error(1);
            assert_eq!(api::listen(s), Err(code));
        }
        thread::spawn(|| assert_eq!(this_thread::last_error(), 0)).join().unwrap();
        end();
    });
}

#[test]
fn lc_err_6_a_failure_without_a_code_is_a_system_call_failure() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        fake(0).on("WSPListen", |_| fail(0));
        fake(0).on("WSPAccept", |_| fail(0));
        fake(0).on("WSPCloseSocket", |_| fail(0));
        assert_eq!(api::listen(s), Err(WSASYSCALLFAILURE));
        assert_eq!(api::accept(s), Err(WSASYSCALLFAILURE));
        assert_eq!(runtime::close_socket(s), Err(WsaError::WSASYSCALLFAILURE));
        end();
    });
}

// proves: RT-7
#[test]
fn rt_3_the_handle_is_the_providers_own_in_every_thread() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        assert_eq!(fake(0).sockets(), [s]);
        fake(0).on("WSPListen", move |call| {
            assert_eq!(call.s, s);
            succeed()
        });
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(api::listen(s), Ok(0)));
            }
        });
        end();
    });
}

#[test]
fn rt_4_a_provider_may_call_back_from_every_function() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        start();
        let other = open(1).unwrap();
        let anything = move || {
            let s = open(1).unwrap();
            assert_eq!(api::listen(other), Err(WSAEOPNOTSUPP));
            runtime::close_socket(s).unwrap();
            runtime::startup(VERSION).unwrap();
            runtime::cleanup().unwrap();
            runtime::catalogs::enum_protocols(None).unwrap();
            runtime::catalogs::refresh().unwrap();
        };
        let depth = Arc::new(AtomicUsize::new(0));
        for name in ["WSPStartup", "WSPSocket", "WSPListen", "WSPAccept", "WSPCloseSocket"] {
            let depth = depth.clone();
            fake(0).on(name, move |_| {
                depth.fetch_add(1, SeqCst);
                anything();
                thread::spawn(anything).join().unwrap();
                None
            });
        }
        let s = open(0).unwrap();
        assert_eq!(api::listen(s), Err(WSAEOPNOTSUPP));
        assert_eq!(api::accept(s), Err(WSAEOPNOTSUPP));
        runtime::close_socket(s).unwrap();
        assert_eq!(depth.load(SeqCst), 5);
        end();
    });
}

#[test]
fn a_provider_may_call_itself_as_deep_as_it_likes() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        let left = Arc::new(AtomicUsize::new(100));
        let counter = left.clone();
        fake(0).on("WSPListen", move |_| {
            if counter.fetch_sub(1, SeqCst) > 1 {
                assert_eq!(api::listen(s), Ok(0));
            }
            succeed()
        });
        assert_eq!(api::listen(s), Ok(0));
        assert_eq!(left.load(SeqCst), 0);
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 1);
    });
}

#[test]
fn an_accepted_socket_is_usable_if_it_was_registered() {
    in_own_process(|| {
        install_fake(0);
        start();
        let listener = open(0).unwrap();
        let other = open(0).unwrap();
        fake(0).on("WSPAccept", move |_| Some(Answer { result: other, errno: 0 }));
        assert_eq!(api::accept(listener), Ok(other));
        fake(0).on("WSPAccept", |_| Some(Answer { result: 4711, errno: 0 }));
        assert_eq!(api::accept(listener), Err(WSASYSCALLFAILURE));
        fake(0).on("WSPAccept", |_| fail(WSAEWOULDBLOCK));
        assert_eq!(api::accept(listener), Err(WSAEWOULDBLOCK));
        end();
    });
}

#[test]
fn a_closed_handle_is_no_socket() {
    in_own_process(|| {
        for (n, ifs) in [(0, true), (1, false)] {
            install_fake(n);
            fake(n).set_ifs(ifs);
        }
        start();
        for n in 0..2 {
            let before = open_descriptors();
            let s = open(n).unwrap();
            runtime::close_socket(s).unwrap();
            assert_eq!(api::listen(s), Err(WSAENOTSOCK));
            assert_eq!(runtime::close_socket(s), Err(WsaError::WSAENOTSOCK));
            assert_eq!(fake(n).count("WSPCloseSocket"), 1);
            assert_eq!(open_descriptors(), before);
        }
        end();
    });
}

#[test]
fn api_b9_a_socket_that_the_provider_keeps_stays_usable() {
    in_own_process(|| {
        for (n, ifs) in [(0, true), (1, false)] {
            install_fake(n);
            fake(n).set_ifs(ifs);
        }
        start();
        for n in 0..2 {
            let s = open(n).unwrap();
            for code in [WSAEWOULDBLOCK, WSAENETDOWN, WSAEINPROGRESS] {
                fake(n).on("WSPCloseSocket", move |_| fail(code));
                assert_eq!(runtime::close_socket(s), Err(WsaError::from_code(code)));
                assert_eq!(api::listen(s), Err(WSAEOPNOTSUPP), "still there after {code}");
            }
            fake(n).on("WSPCloseSocket", |_| None);
            runtime::close_socket(s).unwrap();
            assert_eq!(api::listen(s), Err(WSAENOTSOCK));
        }
        end();
    });
}

#[test]
fn api_b9_a_socket_that_is_gone_although_closing_it_failed() {
    in_own_process(|| {
        for (n, ifs) in [(0, true), (1, false)] {
            install_fake(n);
            fake(n).set_ifs(ifs);
        }
        start();
        for n in 0..2 {
            for code in [WSAENETDOWN, WSAENOTSOCK] {
                let s = open(n).unwrap();
                fake(n).on("WSPCloseSocket", move |call| {
                    call.fake.release(call.s);
                    fail(code)
                });
                assert_eq!(runtime::close_socket(s), Err(WsaError::from_code(code)));
                assert_eq!(api::listen(s), Err(WSAENOTSOCK));
            }
        }
        end();
    });
}

#[test]
fn nobody_else_finds_a_handle_that_is_being_closed() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        fake(0).on("WSPCloseSocket", move |_| {
            thread::spawn(move || {
                assert_eq!(api::listen(s), Err(WSAENOTSOCK));
                assert_eq!(runtime::close_socket(s), Err(WsaError::WSAENOTSOCK));
            })
            .join()
            .unwrap();
            None
        });
        runtime::close_socket(s).unwrap();
        assert_eq!(fake(0).count("WSPCloseSocket"), 1);
        assert_eq!(fake(0).count("WSPListen"), 0);
        end();
    });
}

#[test]
fn of_many_who_close_a_handle_one_succeeds() {
    in_own_process(|| {
        install_fake(0);
        start();
        for _ in 0..200 {
            let s = open(0).unwrap();
            let barrier = Barrier::new(4);
            let successes = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        barrier.wait();
                        match runtime::close_socket(s) {
                            Ok(()) => drop(successes.fetch_add(1, SeqCst)),
                            Err(error) => assert_eq!(error, WsaError::WSAENOTSOCK),
                        }
                    });
                }
            });
            assert_eq!(successes.load(SeqCst), 1);
        }
        assert_eq!(fake(0).count("WSPCloseSocket"), 200);
        end();
    });
}

// proves: T-API-12
#[test]
fn api_11_a_select_goes_to_the_provider_of_the_first_socket() {
    in_own_process(|| {
        let ids = [install_fake(0), install_fake(1)];
        start();
        let (a, b) = (open(0).unwrap(), open(1).unwrap());
        let chosen = |read: &[SOCKET], write: &[SOCKET], except: &[SOCKET]| {
            runtime::enter_for_select(read, write, except).map(|entered| entered.entry_id())
        };
        assert_eq!(chosen(&[a], &[b], &[]), Ok(ids[0]));
        assert_eq!(chosen(&[b, a], &[a], &[a]), Ok(ids[1]));
        assert_eq!(chosen(&[], &[b], &[a]), Ok(ids[1]));
        assert_eq!(chosen(&[], &[], &[a, b]), Ok(ids[0]));
        assert_eq!(chosen(&[999], &[a], &[]), Err(WsaError::WSAENOTSOCK));
        end();
    });
}

#[test]
fn api_10_a_select_without_sockets_is_not_valid() {
    in_own_process(|| {
        start();
        assert!(runtime::enter_for_select(&[], &[], &[]).is_err_and(|error| error == WsaError::WSAEINVAL));
        end();
    });
}

fn element(fd: SOCKET, events: i16) -> WSAPOLLFD {
    WSAPOLLFD { fd, events, revents: 0x7777 }
}

// proves: API-S7, API-S10, T-API-9
#[test]
fn api_s9_what_a_poll_answers_for_handles_that_are_no_sockets() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        let invalid = Err(WsaError::WSAEINVAL);
        assert_eq!(poll(&mut [], 0), invalid);
        assert_eq!(poll(&mut [element(INVALID_SOCKET, POLLIN)], 0), invalid);
        assert_eq!(poll(&mut [element(INVALID_SOCKET, POLLIN), element(4000, POLLIN)], 0), invalid);
        for bits in [POLLPRI, POLLWRBAND, POLLERR, POLLHUP, POLLNVAL] {
            assert_eq!(poll(&mut [element(s, POLLIN | bits)], 0), invalid, "{bits:#x}");
        }
        assert_eq!(fake(0).count("WSPSelect"), 0);
        fake(0).on("WSPSelect", |_| succeed());
        let mut elements = [element(INVALID_SOCKET, POLLIN), element(4000, POLLIN), element(s, POLLIN), element(s, 0)];
        // Without a limit, and yet it returns: one of them has an answer already.
        let ready = poll(&mut elements, -1).unwrap();
        assert_eq!(elements[0].revents, 0);
        assert_eq!(elements[1].revents, POLLNVAL);
        // The provider left the sets as they were: everything is ready.
        assert_eq!(elements[2].revents, POLLRDNORM | POLLRDBAND);
        assert_eq!(elements[3].revents, POLLERR | POLLHUP);
        assert_eq!(ready, 3);
        fake(0).on("WSPSelect", |_| fail(WSAENETDOWN));
        assert_eq!(poll(&mut elements, 0), Err(WsaError::WSAENETDOWN));
        end();
    });
}

#[test]
fn api_15_a_provider_is_asked_once_in_each_start_for_its_own_poll() {
    in_own_process(|| {
        install_fake(0);
        fake(0).on("WSPSelect", |_| succeed());
        for round in 1..=3 {
            start();
            let s = open(0).unwrap();
            for _ in 0..5 {
                poll(&mut [element(s, POLLIN)], 0).unwrap();
            }
            assert_eq!(fake(0).count("WSPIoctl"), round);
            end();
        }
    });
}

// proves: WSP-CLEANUP-24
#[test]
fn wsp_cleanup_24_calls_that_come_after_the_clean_up_began_do_not_enter() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        let began = Arc::new(AtomicBool::new(false));
        let mine = began.clone();
        fake(0).on("WSPCleanup", move |_| {
            mine.store(true, SeqCst);
            None
        });
        fake(0).on("WSPListen", |_| {
            thread::yield_now();
            succeed()
        });
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let seen = began.load(SeqCst);
                        match api::listen(s) {
                            Ok(_) => assert!(!seen, "entered after the clean-up began"),
                            Err(error) => return assert!([WSANOTINITIALISED, WSAENOTSOCK].contains(&error)),
                        }
                    }
                });
            }
            wait_until("some calls were made", || fake(0).count("WSPListen") > 100);
            end();
        });
    });
}
