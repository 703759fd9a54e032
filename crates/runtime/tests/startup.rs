//! WSAStartup and WSACleanup (contract: lifecycle, section 1).

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use common::fake::{api, fail, fake, install_fake, module, register, succeed};
use common::*;
use windlass_abi::*;
use windlass_runtime::{self as runtime, Function, poll, require_started};

const NOT_STARTED: WsaError = WsaError::WSANOTINITIALISED;

fn is_started() -> bool {
    require_started(Function::GetHostName).is_ok()
}

#[test]
fn wsa_startup_4_a_refused_version_leaves_the_count_alone() {
    in_own_process(|| {
        assert_eq!(runtime::startup(0xFF00), Err(WsaError::WSAVERNOTSUPPORTED));
        assert!(!is_started());
        assert_eq!(runtime::cleanup(), Err(NOT_STARTED));
    });
}

#[test]
fn wsa_startup_5_a_catalog_that_cannot_be_read_is_not_ready() {
    in_own_process(|| {
        let file = std::path::Path::new(&std::env::var("WINDLASS_CATALOG").unwrap()).join("protocols.toml");
        assert!(file.exists());
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, "this is no catalog").unwrap();
        assert_eq!(runtime::startup(VERSION), Err(WsaError::WSASYSNOTREADY));
        assert!(!is_started());
        assert_eq!(runtime::cleanup(), Err(NOT_STARTED));
        std::fs::write(&file, good).unwrap();
        start();
        end();
    });
}

// proves: API-1
#[test]
fn wsa_startup_6_nothing_works_before_the_first_start_up() {
    in_own_process(|| {
        install_fake(0);
        assert_eq!(open(0), Err(NOT_STARTED));
        assert_eq!(api::listen(3), Err(WSANOTINITIALISED));
        assert_eq!(runtime::close_socket(3), Err(NOT_STARTED));
        assert_eq!(poll(&mut [WSAPOLLFD { fd: 3, events: POLLIN, revents: 0 }], 0), Err(NOT_STARTED));
        assert!(runtime::enter_for_select(&[3], &[], &[]).is_err_and(|error| error == NOT_STARTED));
        assert!(
            runtime::enter_for_address(AF_INET, None, Function::WsaAddressToString).is_err_and(|e| e == NOT_STARTED)
        );
        assert!(runtime::catalogs::enum_protocols(None).is_err_and(|error| error == NOT_STARTED));
        assert_eq!(runtime::byte_order(3, Function::WsaHtonl), Err(NOT_STARTED));
        assert_eq!(fake(0).calls(), [""; 0]);
    });
}

// proves: WSA-STARTUP-7, WSA-STARTUP-8, WSA-CLEANUP-1
#[test]
fn wsa_cleanup_2_only_the_last_of_three_ends_winsock() {
    in_own_process(|| {
        install_fake(0);
        assert_eq!(runtime::startup(0x0101).unwrap().version, 0x0101);
        assert_eq!(runtime::startup(0x0002).unwrap().version, 0x0002);
        assert_eq!(runtime::startup(0x0909).unwrap().version, 0x0202);
        end();
        end();
        let s = open(0).unwrap();
        assert_eq!(api::listen(s), Err(WSAEOPNOTSUPP));
        assert_eq!(fake(0).count("WSPCleanup"), 0);
        end();
        assert_eq!(open(0), Err(NOT_STARTED));
        assert_eq!(runtime::cleanup(), Err(NOT_STARTED));
        assert_eq!(fake(0).count("WSPCleanup"), 1);
    });
}

// proves: CAT-ST-3
#[test]
fn wsa_startup_9_only_the_first_reference_takes_the_snapshot() {
    in_own_process(|| {
        start();
        install_fake(0);
        start();
        assert_eq!(open(0), Err(WsaError::WSAEAFNOSUPPORT));
        assert_eq!(runtime::catalogs::enum_protocols(None).unwrap().len(), 1, "enumeration reads the store");
        end();
        end();
        start();
        open(0).unwrap();
        end();
    });
}

#[test]
fn cat_st_4_a_process_that_was_told_of_a_change_selects_by_the_new_catalog() {
    in_own_process(|| {
        start();
        install_fake(0);
        assert_eq!(open(0), Err(WsaError::WSAEAFNOSUPPORT));
        runtime::catalogs::refresh().unwrap();
        open(0).unwrap();
        end();
    });
}

#[test]
fn wsa_startup_10_no_provider_is_started_before_it_is_needed() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        start();
        assert_eq!(runtime::catalogs::enum_protocols(None).unwrap().len(), 2);
        assert_eq!(fake(0).calls(), [""; 0]);
        open(0).unwrap();
        assert_eq!(fake(0).calls(), ["WSPStartup", "WSPSocket"]);
        end();
        assert_eq!(fake(1).calls(), [""; 0]);
    });
}

// proves: WSA-CLEANUP-4
#[test]
fn wsa_cleanup_3_the_last_call_ends_winsock_for_all_threads() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        let receivers: Vec<_> = (0..4).map(|_| thread::spawn(move || api::recv(s))).collect();
        wait_until("four calls block", || fake(0).blocked() == 4);
        end();
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(WSAEINTR));
        }
        thread::spawn(move || assert_eq!(api::recv(s), Err(WSANOTINITIALISED))).join().unwrap();
    });
}

#[test]
fn wsa_cleanup_6_open_sockets_are_deallocated() {
    in_own_process(|| {
        install_fake(0);
        start();
        let before = open_descriptors();
        let sockets: Vec<_> = (0..5).map(|_| open(0).unwrap()).collect();
        assert_eq!(open_descriptors(), before + 5);
        end();
        assert_eq!(open_descriptors(), before);
        start();
        for s in sockets {
            assert_eq!(api::listen(s), Err(WSAENOTSOCK), "a handle of the session before");
        }
        end();
    });
}

#[test]
fn wsa_cleanup_9_new_calls_fail_while_providers_are_cleaned_up() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        fake(0).on("WSPCleanup", move |_| {
            assert_eq!(open(0), Err(NOT_STARTED));
            assert_eq!(api::listen(s), Err(WSANOTINITIALISED));
            assert_eq!(runtime::cleanup(), Err(NOT_STARTED));
            thread::spawn(move || assert_eq!(api::listen(s), Err(WSANOTINITIALISED))).join().unwrap();
            None
        });
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 1);
        assert_eq!(fake(0).count("WSPListen"), 0);
    });
}

#[test]
fn wsa_cleanup_9_modules_are_unloaded_when_all_providers_are_cleaned_up_the_last_started_first() {
    in_own_process(|| {
        let dir = tempfile::tempdir().unwrap();
        let module = common::module::build(dir.path(), "provider.so");
        install(provider_id(3), module.to_str().unwrap(), &[base_entry(3)]);
        let order = Arc::new(Mutex::new(Vec::new()));
        for n in 0..3 {
            install_fake(n);
            let (order, module) = (order.clone(), module.clone());
            fake(n).on("WSPCleanup", move |_| {
                order.lock().unwrap().push(n);
                assert!(is_mapped(&module));
                None
            });
        }
        start();
        // The loaded one is the last to start, so the first to be cleaned up, and still mapped while the others are.
        for n in [1, 0, 2, 3] {
            open(n).unwrap();
        }
        end();
        assert_eq!(*order.lock().unwrap(), [2, 0, 1]);
        assert!(!is_mapped(&module));
    });
}

#[test]
fn wsa_cleanup_10_a_provider_that_fails_stops_nothing() {
    in_own_process(|| {
        for n in 0..3 {
            install_fake(n);
        }
        fake(1).on("WSPCleanup", |_| fail(WSAENETDOWN));
        start();
        for n in 0..3 {
            open(n).unwrap();
        }
        assert_eq!(runtime::cleanup(), Ok(()));
        for n in 0..3 {
            assert_eq!(fake(n).count("WSPCleanup"), 1);
        }
    });
}

#[test]
fn wsa_cleanup_12_a_new_start_up_works_at_once_and_reads_the_catalog_afresh() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        end();
        install_fake(1);
        start();
        assert_eq!(api::listen(s), Err(WSAENOTSOCK));
        open(0).unwrap();
        open(1).unwrap();
        end();
        assert_eq!((fake(0).count("WSPStartup"), fake(0).count("WSPCleanup")), (2, 2));
    });
}

// proves: WSA-CLEANUP-12, WSP-CLEANUP-23
#[test]
fn wsa_cleanup_12_start_up_does_not_wait_for_a_clean_up_in_another_thread() {
    in_own_process(|| {
        let id = install_fake(0);
        install_fake(1);
        start();
        open(0).unwrap();
        let (entered, leave) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (mine, gate) = (entered.clone(), leave.clone());
        fake(0).on("WSPCleanup", move |_| {
            mine.store(true, SeqCst);
            wait_until("the clean-up may go on", || gate.load(SeqCst));
            None
        });
        let cleaner = thread::spawn(end);
        wait_until("the clean-up began", || entered.load(SeqCst));
        start();
        open(1).unwrap();
        // The provider that is being cleaned up is not started before that is over.
        let opener = thread::spawn(|| open(0));
        let upcalls = fake(0).upcalls();
        let mut errno = 0;
        #[allow(unsafe_code, reason = "an upcall")]
        // SAFETY: an upcall with a valid pointer.
        let refused = unsafe { (upcalls.lpWPUCreateSocketHandle)(id, 0, &mut errno) };
        assert_eq!((refused, errno), (INVALID_SOCKET, WSANOTINITIALISED));
        assert_eq!(fake(0).count("WSPStartup"), 1);
        leave.store(true, SeqCst);
        cleaner.join().unwrap();
        opener.join().unwrap().unwrap();
        assert_eq!(fake(0).calls(), ["WSPStartup", "WSPSocket", "WSPCleanup", "WSPStartup", "WSPSocket"]);
        fake(0).on("WSPCleanup", |_| None);
        end();
    });
}

#[test]
fn wsp_cleanup_25_clean_up_from_inside_a_provider_does_not_wait_for_itself() {
    in_own_process(|| {
        install_fake(0);
        start();
        let s = open(0).unwrap();
        fake(0).on("WSPListen", |_| {
            end();
            assert!(!is_started());
            fail(WSAEINTR)
        });
        assert_eq!(api::listen(s), Err(WSAEINTR));
        assert_eq!(fake(0).count("WSPCleanup"), 1);
        start();
        open(0).unwrap();
        end();
    });
}

// proves: WSP-CLEANUP-25
#[test]
fn wsp_cleanup_25_clean_up_from_inside_two_providers_at_once() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        start();
        let (a, b) = (open(0).unwrap(), open(1).unwrap());
        fake(0).on("WSPListen", move |_| {
            assert_eq!(api::listen(b), Err(WSAEINVAL));
            succeed()
        });
        fake(1).on("WSPListen", |_| {
            end();
            start();
            assert!(open(0).is_ok(), "the one that this thread is inside of starts again beside itself");
            fail(WSAEINVAL)
        });
        assert_eq!(api::listen(a), Ok(0));
        assert_eq!(fake(0).count("WSPCleanup"), 1);
        assert_eq!(fake(0).count("WSPStartup"), 2);
        end();
    });
}

#[test]
fn wsa_cleanup_inside_a_providers_start_leaves_nothing_running() {
    in_own_process(|| {
        install_fake(0);
        start();
        fake(0).on("WSPStartup", |_| {
            end();
            None
        });
        assert_eq!(open(0), Err(NOT_STARTED));
        assert_eq!(fake(0).calls(), ["WSPStartup", "WSPCleanup"]);
        fake(0).on("WSPStartup", |_| None);
        start();
        open(0).unwrap();
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 2);
    });
}

#[test]
fn wsa_cleanup_waits_for_a_provider_that_another_thread_starts() {
    in_own_process(|| {
        install_fake(0);
        start();
        let (entered, leave) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (mine, gate) = (entered.clone(), leave.clone());
        fake(0).on("WSPStartup", move |_| {
            mine.store(true, SeqCst);
            wait_until("the start may go on", || gate.load(SeqCst));
            None
        });
        let opener = thread::spawn(|| open(0));
        wait_until("the start began", || entered.load(SeqCst));
        let cleaner = thread::spawn(end);
        wait_until("the clean-up began", || !is_started());
        leave.store(true, SeqCst);
        cleaner.join().unwrap();
        assert_eq!(fake(0).calls(), ["WSPStartup", "WSPCleanup"]);
        assert_eq!(opener.join().unwrap(), Err(NOT_STARTED));
    });
}

#[test]
fn wsp_cleanup_20_a_thousand_restarts_do_not_grow() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        fake(1).set_ifs(false);
        let cycle = || {
            start();
            let s = open(0).unwrap();
            open(1).unwrap();
            runtime::close_socket(s).unwrap();
            end();
        };
        (0..10).for_each(|_| cycle());
        let before = (open_descriptors(), threads());
        let memory = resident_pages();
        (0..1000).for_each(|_| cycle());
        assert_eq!((open_descriptors(), threads()), before);
        assert!(resident_pages() < memory + 1000, "{memory} pages became {}", resident_pages());
        assert_eq!(fake(0).count("WSPCleanup"), 1010);
    });
}

fn resident_pages() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn wsp_startup_17_a_module_that_is_not_linked_in_fails_to_start() {
    in_own_process(|| {
        register(0);
        install(provider_id(0), "builtin:nobody", &[base_entry(0)]);
        install(provider_id(1), &module(0), &[base_entry(1)]);
        start();
        assert_eq!(open(0), Err(WsaError::WSAEPROVIDERFAILEDINIT));
        open(1).unwrap();
        end();
    });
}
