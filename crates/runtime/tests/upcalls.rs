//! The upcalls, from a provider's side (contract: upcalls).
#![allow(unsafe_code, reason = "upcalls are C functions")]

mod common;

use std::collections::HashSet;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use common::fake::{api, fail, fake, install_fake, module, register, succeed};
use common::upcall::{started, up};
use common::*;
use windlass_abi::*;
use windlass_io::wait::{Slept, sleep_ex};
use windlass_runtime::{self as runtime, messages, thread as this_thread};

// proves: WSP-STARTUP-1
#[test]
fn up_2_every_upcall_is_there() {
    in_own_process(|| {
        started();
        end();
    });
}

// proves: WPU-EVT-5
#[test]
fn wpu_evt_1_events_are_made_set_reset_and_closed() {
    in_own_process(|| {
        let (up, _) = started();
        let (event, errno) = up!(up, lpWPUCreateEvent());
        assert!(event != WSA_INVALID_EVENT && errno == 0);
        let handle = windlass_io::Handle::from(event);
        let signalled = || windlass_io::event::Event::of(handle).unwrap().is_signalled();
        assert!(!signalled());
        for _ in 0..2 {
            assert_eq!(up!(up, lpWPUSetEvent(event)), (TRUE, 0));
            assert!(signalled());
        }
        for _ in 0..2 {
            assert_eq!(up!(up, lpWPUResetEvent(event)), (TRUE, 0));
            assert!(!signalled());
        }
        assert_eq!(up!(up, lpWPUCloseEvent(event)), (TRUE, 0));
        assert_eq!(up!(up, lpWPUCloseEvent(event)), (FALSE, WSA_INVALID_HANDLE));
        end();
    });
}

#[test]
fn wpu_evt_2_bad_event_handles() {
    in_own_process(|| {
        let (up, _) = started();
        for bad in [0, 1, 77, usize::MAX, 1 << 30] {
            let bad = without_provenance_mut(bad);
            assert_eq!(up!(up, lpWPUSetEvent(bad)), (FALSE, WSA_INVALID_HANDLE));
            assert_eq!(up!(up, lpWPUResetEvent(bad)), (FALSE, WSA_INVALID_HANDLE));
            assert_eq!(up!(up, lpWPUCloseEvent(bad)), (FALSE, WSA_INVALID_HANDLE));
            // SAFETY: a null slot discards the code.
            assert_eq!(unsafe { (up.lpWPUSetEvent)(bad, null_mut()) }, FALSE);
        }
        end();
    });
}

#[test]
fn wpu_evt_4_upcalls_work_on_events_that_the_client_made() {
    in_own_process(|| {
        let (up, _) = started();
        let made = windlass_io::event::create(windlass_io::event::Reset::Manual, false).unwrap();
        assert_eq!(up!(up, lpWPUSetEvent(made.into())), (TRUE, 0));
        assert!(windlass_io::event::Event::of(made).unwrap().is_signalled());
        end();
    });
}

// proves: WPU-QSC-1, WPU-CLSH-1, WPU-CSH-8, WPU-CSH-3
#[test]
fn wpu_csh_1_a_created_handle_is_bound_to_provider_and_context() {
    in_own_process(|| {
        let (up, id) = started();
        let (s, errno) = up!(up, lpWPUCreateSocketHandle(id, 0xABCD_EF01_2345));
        assert!(s != INVALID_SOCKET && errno == 0);
        // Known before any function returned it.
        assert!(runtime::is_socket(s));
        fake(0).on("WSPListen", |_| succeed());
        assert_eq!(api::listen(s), Ok(0));
        let mut context = 0;
        assert_eq!(up!(up, lpWPUQuerySocketHandleContext(s, &mut context)), (0, 0));
        assert_eq!(context, 0xABCD_EF01_2345);
        assert_eq!(up!(up, lpWPUCloseSocketHandle(s)), (0, 0));
        assert_eq!(api::listen(s), Err(WSAENOTSOCK));
        assert_eq!(up!(up, lpWPUQuerySocketHandleContext(s, &mut context)), (SOCKET_ERROR, WSAENOTSOCK));
        end();
    });
}

#[test]
fn wpu_csh_2_unknown_entries_and_full_tables() {
    in_own_process(|| {
        let (up, id) = started();
        assert_eq!(up!(up, lpWPUCreateSocketHandle(4711, 0)), (INVALID_SOCKET, WSAEINVAL));
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        assert_eq!(up!(up, lpWPUCreateSocketHandle(id, 0)), (INVALID_SOCKET, WSAEMFILE));
        drop(files);
        assert_eq!(up!(up, lpWPUCreateSocketHandle(id, 0)).1, 0);
        end();
    });
}

// proves: WPU-CSH-5
#[test]
fn wpu_csh_5_a_stale_handle_never_reaches_another_socket() {
    in_own_process(|| {
        let (up, id) = started();
        let raised = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        let limit = rustix::process::Rlimit { current: raised.map(|max| max.min(1 << 16)), maximum: raised };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        fake(0).set_ifs(false);
        let stale = open(0).unwrap();
        runtime::close_socket(stale).unwrap();
        fake(0).on("WSPListen", |_| succeed());
        let mut sockets = HashSet::new();
        for _ in 0..1000 {
            let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 1));
            assert!(s != stale && sockets.insert(s));
            assert_eq!(api::listen(stale), Err(WSAENOTSOCK));
        }
        for s in sockets {
            assert_eq!(up!(up, lpWPUCloseSocketHandle(s)), (0, 0));
        }
        end();
    });
}

#[test]
fn a_created_handle_that_the_provider_forgets_goes_with_it() {
    in_own_process(|| {
        let (up, id) = started();
        end();
        let before = open_descriptors();
        start();
        open(0).unwrap();
        let forgotten: Vec<_> = (0..10).map(|n| up!(up, lpWPUCreateSocketHandle(id, n)).0).collect();
        assert_eq!(open_descriptors(), before + 11);
        end();
        assert_eq!(open_descriptors(), before);
        assert!(forgotten.iter().all(|s| !runtime::is_socket(*s)));
        // Closed by the program, but not given up by the provider.
        start();
        open(0).unwrap();
        let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        fake(0).on("WSPCloseSocket", |_| succeed());
        runtime::close_socket(s).unwrap();
        assert_eq!(open_descriptors(), before + 1);
        end();
    });
}

// proves: WPU-CLSH-3
#[test]
fn wpu_clsh_2_only_created_handles_can_be_given_up_and_once() {
    in_own_process(|| {
        let (up, id) = started();
        let ifs = fake(0).sockets()[0];
        let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        assert_eq!(up!(up, lpWPUCloseSocketHandle(s)), (0, 0));
        for bad in [s, ifs, INVALID_SOCKET, 0, 1 << 40] {
            assert_eq!(up!(up, lpWPUCloseSocketHandle(bad)), (SOCKET_ERROR, WSAENOTSOCK));
        }
        assert!(runtime::is_socket(ifs));
        end();
    });
}

#[test]
fn wpu_qsc_3_a_null_pointer_is_a_fault() {
    in_own_process(|| {
        let (up, id) = started();
        let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        assert_eq!(up!(up, lpWPUQuerySocketHandleContext(s, null_mut())), (SOCKET_ERROR, WSAEFAULT));
        let mut context = 0;
        let ifs = fake(0).sockets()[0];
        assert_eq!(up!(up, lpWPUQuerySocketHandleContext(ifs, &mut context)), (SOCKET_ERROR, WSAENOTSOCK));
        end();
    });
}

#[test]
fn wpu_mih_1_the_handle_comes_back_unchanged_and_bound() {
    in_own_process(|| {
        let (up, id) = started();
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file) as SOCKET;
        assert!(!runtime::is_socket(number));
        assert_eq!(up!(up, lpWPUModifyIFSHandle(id, number)), (number, 0));
        fake(0).on("WSPListen", |_| succeed());
        assert_eq!(api::listen(number), Ok(0));
        end();
    });
}

#[test]
fn wpu_mih_2_bad_handles_and_entries() {
    in_own_process(|| {
        let (up, id) = started();
        for bad in [INVALID_SOCKET, 3999, 1 << 31, 1 << 40] {
            assert_eq!(up!(up, lpWPUModifyIFSHandle(id, bad)), (INVALID_SOCKET, WSAEINVAL), "{bad:#x}");
        }
        let s = fake(0).sockets()[0];
        assert_eq!(up!(up, lpWPUModifyIFSHandle(4711, s)), (INVALID_SOCKET, WSAEINVAL));
        assert!(runtime::is_socket(s));
        end();
    });
}

// proves: RT-5
#[test]
fn wpu_mih_4_another_provider_takes_a_handle_over() {
    in_own_process(|| {
        let (up, _) = started();
        let second = install_fake(1);
        runtime::catalogs::refresh().unwrap();
        open(1).unwrap();
        let s = fake(0).sockets()[0];
        for n in 0..2 {
            fake(n).on("WSPListen", move |_| fail(1000 + n as i32));
        }
        assert_eq!(api::listen(s), Err(1000));
        assert_eq!(up!(up, lpWPUModifyIFSHandle(second, s)), (s, 0));
        assert_eq!(api::listen(s), Err(1001));
        end();
    });
}

// proves: UPV-1
#[test]
fn upv_2_what_works_inside_a_providers_start() {
    in_own_process(|| {
        let id = install_fake(0);
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = ran.clone();
        fake(0).on("WSPStartup", move |call| {
            let up = call.fake.upcalls();
            let (event, _) = up!(up, lpWPUCreateEvent());
            assert_eq!(up!(up, lpWPUSetEvent(event)), (TRUE, 0));
            assert_eq!(up!(up, lpWPUResetEvent(event)), (TRUE, 0));
            assert_eq!(up!(up, lpWPUCloseEvent(event)), (TRUE, 0));
            let mut thread_id = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
            assert_eq!(up!(up, lpWPUOpenCurrentThread(&mut thread_id)), (0, 0));
            assert_eq!(up!(up, lpWPUCloseThread(&mut thread_id)), (0, 0));
            let mut path = [0; MAX_PATH];
            let mut len = MAX_PATH as i32;
            let mut provider = provider_id(0);
            assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, path.as_mut_ptr(), &mut len)), (0, 0));
            // Not a started provider yet.
            assert_eq!(up!(up, lpWPUCreateSocketHandle(id, 0)), (INVALID_SOCKET, WSANOTINITIALISED));
            assert_eq!(up!(up, lpWPUModifyIFSHandle(id, 0)), (INVALID_SOCKET, WSANOTINITIALISED));
            counter.fetch_add(1, SeqCst);
            None
        });
        start();
        open(0).unwrap();
        assert_eq!(ran.load(SeqCst), 1);
        end();
    });
}

// proves: UPV-1
#[test]
fn upv_3_what_works_during_the_last_clean_up() {
    in_own_process(|| {
        let (up, id) = started();
        let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 99));
        let (event, _) = up!(up, lpWPUCreateEvent());
        let event = event.addr();
        let thread_id = Arc::new(Mutex::new((0usize, 0usize)));
        let stored = thread_id.clone();
        fake(0).on("WSPListen", move |call| {
            let mut opened = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
            assert_eq!(up!(call.fake.upcalls(), lpWPUOpenCurrentThread(&mut opened)), (0, 0));
            *stored.lock().unwrap() = (opened.ThreadHandle.addr(), opened.Reserved);
            succeed()
        });
        assert_eq!(api::listen(s), Ok(0));
        fake(0).on("WSPCleanup", move |call| {
            let up = call.fake.upcalls();
            let mut context = 0;
            assert_eq!(up!(up, lpWPUQuerySocketHandleContext(s, &mut context)), (0, 0));
            assert_eq!(context, 99);
            assert_eq!(up!(up, lpWPUCloseSocketHandle(s)), (0, 0));
            assert_eq!(up!(up, lpWPUSetEvent(without_provenance_mut(event))), (TRUE, 0));
            assert_eq!(up!(up, lpWPUCloseEvent(without_provenance_mut(event))), (TRUE, 0));
            let (handle, reserved) = *thread_id.lock().unwrap();
            let mut opened = WSATHREADID { ThreadHandle: without_provenance_mut(handle), Reserved: reserved };
            assert_eq!(up!(up, lpWPUCloseThread(&mut opened)), (0, 0));
            None
        });
        let before = fake(0).count("WSPCleanup");
        end();
        assert_eq!(fake(0).count("WSPCleanup"), before + 1);
    });
}

// proves: WPU-OCT-2
#[test]
fn upv_4_after_the_last_clean_up_upcalls_fail_safely() {
    in_own_process(|| {
        let (up, id) = started();
        let (s, _) = up!(up, lpWPUCreateSocketHandle(id, 1));
        let (event, _) = up!(up, lpWPUCreateEvent());
        end();
        let check = |code: i32| {
            let mut context = 0;
            assert_eq!(up!(up, lpWPUCreateSocketHandle(id, 0)), (INVALID_SOCKET, WSANOTINITIALISED));
            assert_eq!(up!(up, lpWPUModifyIFSHandle(id, 0)), (INVALID_SOCKET, WSANOTINITIALISED));
            assert_eq!(up!(up, lpWPUCloseSocketHandle(s)), (SOCKET_ERROR, code));
            assert_eq!(up!(up, lpWPUQuerySocketHandleContext(s, &mut context)), (SOCKET_ERROR, code));
        };
        check(WSANOTINITIALISED);
        let mut id_of_thread = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
        let (mut provider, mut len) = (provider_id(0), 0);
        let (mut hook, mut context) = (None, 0);
        assert_eq!(up!(up, lpWPUCreateEvent()), (WSA_INVALID_EVENT, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUSetEvent(event)), (FALSE, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUResetEvent(event)), (FALSE, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUCloseEvent(event)), (FALSE, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUOpenCurrentThread(&mut id_of_thread)), (SOCKET_ERROR, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUCloseThread(&mut id_of_thread)), (SOCKET_ERROR, WSANOTINITIALISED));
        assert_eq!(up!(up, lpWPUQueueApc(&mut id_of_thread, Some(count), 0)), (SOCKET_ERROR, WSANOTINITIALISED));
        assert_eq!(
            up!(up, lpWPUGetProviderPath(&mut provider, null_mut(), &mut len)),
            (SOCKET_ERROR, WSANOTINITIALISED)
        );
        assert_eq!(up!(up, lpWPUQueryBlockingCallback(id, &mut hook, &mut context)), (SOCKET_ERROR, WSANOTINITIALISED));
        // SAFETY: an upcall of the runtime.
        assert_eq!(unsafe { (up.lpWPUPostMessage)(null_mut(), 0, 0, 0) }, FALSE);
        // SAFETY: without a structure nothing is touched.
        let completed = unsafe { runtime::complete_overlapped_request(s, null_mut(), 0, 0) };
        assert_eq!(completed, Err(WsaError::WSANOTINITIALISED));
        // The same while another provider runs.
        install_fake(1);
        start();
        open(1).unwrap();
        check(WSAENOTSOCK);
        end();
    });
}

static RAN: Mutex<Vec<usize>> = Mutex::new(Vec::new());

unsafe extern "system" fn count(context: usize) {
    RAN.lock().unwrap().push(context);
}

// proves: WPU-APC-3, WPU-APC-4, WPU-APC-8, WPU-OCT-1, WPU-OCT-3, UPV-6
#[test]
fn wpu_apc_1_a_queued_call_runs_in_its_thread_when_that_waits_alertably() {
    in_own_process(|| {
        let (up, _) = started();
        let mut id = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
        assert_eq!(up!(up, lpWPUOpenCurrentThread(&mut id)), (0, 0));
        let (handle, reserved) = (id.ThreadHandle.addr(), id.Reserved);
        // A thread that the runtime has never seen.
        thread::spawn(move || {
            for context in 0..100 {
                let mut copy = WSATHREADID { ThreadHandle: without_provenance_mut(handle), Reserved: reserved };
                assert_eq!(up!(up, lpWPUQueueApc(&mut copy, Some(count), context)), (0, 0));
            }
        })
        .join()
        .unwrap();
        assert_eq!(up!(up, lpWPUCloseThread(&mut id)), (0, 0));
        assert!(RAN.lock().unwrap().is_empty());
        assert_eq!(sleep_ex(Some(std::time::Duration::ZERO), true), Slept::IoCompletion);
        assert_eq!(*RAN.lock().unwrap(), (0..100).collect::<Vec<_>>());
        end();
    });
}

// proves: WPU-OCT-4
#[test]
fn wpu_apc_2_bad_threads_and_procedures() {
    in_own_process(|| {
        let (up, _) = started();
        let mut id = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
        assert_eq!(up!(up, lpWPUQueueApc(&mut id, Some(count), 0)), (SOCKET_ERROR, WSAEFAULT));
        assert_eq!(up!(up, lpWPUQueueApc(null_mut(), Some(count), 0)), (SOCKET_ERROR, WSAEFAULT));
        assert_eq!(up!(up, lpWPUOpenCurrentThread(null_mut())), (SOCKET_ERROR, WSAEFAULT));
        assert_eq!(up!(up, lpWPUCloseThread(null_mut())), (SOCKET_ERROR, WSAEFAULT));
        assert_eq!(up!(up, lpWPUCloseThread(&mut id)), (SOCKET_ERROR, WSAEINVAL));
        assert_eq!(up!(up, lpWPUOpenCurrentThread(&mut id)), (0, 0));
        assert_eq!(up!(up, lpWPUQueueApc(&mut id, None, 0)), (SOCKET_ERROR, WSAEINVAL));
        assert_eq!(up!(up, lpWPUCloseThread(&mut id)), (0, 0));
        assert_eq!(up!(up, lpWPUCloseThread(&mut id)), (SOCKET_ERROR, WSAEINVAL));
        end();
    });
}

// proves: WPU-APC-5
#[test]
fn wpu_apc_5_a_thread_that_has_exited() {
    in_own_process(|| {
        let (up, _) = started();
        let (handle, reserved) = thread::spawn(move || {
            let mut id = WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 };
            assert_eq!(up!(up, lpWPUOpenCurrentThread(&mut id)), (0, 0));
            (id.ThreadHandle.addr(), id.Reserved)
        })
        .join()
        .unwrap();
        let mut id = WSATHREADID { ThreadHandle: without_provenance_mut(handle), Reserved: reserved };
        assert_eq!(up!(up, lpWPUQueueApc(&mut id, Some(count), 0)), (SOCKET_ERROR, WSAEFAULT));
        end();
    });
}

#[test]
fn wpu_fd_1_membership_looks_at_the_counted_entries_only() {
    in_own_process(|| {
        let (up, _) = started();
        let mut set = FD_SET { fd_count: 3, fd_array: [7; FD_SETSIZE] };
        set.fd_array[..4].copy_from_slice(&[10, 11, 12, 13]);
        // SAFETY: an upcall of the runtime, with a counted set.
        let is_set = |s: SOCKET, set: *mut FD_SET| unsafe { (up.lpWPUFDIsSet)(s, set) } != 0;
        assert!(is_set(10, &mut set) && is_set(12, &mut set));
        assert!(!is_set(13, &mut set) && !is_set(7, &mut set));
        assert!(!is_set(10, null_mut()));
        set.fd_count = 0;
        assert!(!is_set(10, &mut set));
        // Larger than FD_SETSIZE.
        let mut large: Vec<usize> = (0..201).collect();
        large[0] = 200;
        assert!(is_set(200, large.as_mut_ptr().cast()));
        end();
    });
}

#[test]
fn wpu_gpp_1_the_path_is_not_expanded_and_its_length_is_told() {
    in_own_process(|| {
        register(1);
        install(provider_id(1), "%HOME%/päth.so", &[base_entry(1)]);
        let (up, _) = started();
        let mut provider = provider_id(1);
        let expected: Vec<u16> = "%HOME%/päth.so\0".encode_utf16().collect();
        let mut path = [0xFFFF; MAX_PATH];
        let mut len = MAX_PATH as i32;
        assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, path.as_mut_ptr(), &mut len)), (0, 0));
        assert_eq!(path[..expected.len()], expected);
        assert_eq!((path[expected.len()], len), (0xFFFF, expected.len() as i32));
        let (exact, mut path) = (expected.len() as i32, [0xFFFF; MAX_PATH]);
        let refused = (SOCKET_ERROR, WSAEFAULT);
        for short in [exact - 1, 1, 0, -1, i32::MIN] {
            len = short;
            assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, path.as_mut_ptr(), &mut len)), refused);
            assert_eq!((len, path[0]), (exact, 0xFFFF));
        }
        assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, path.as_mut_ptr(), &mut len)), (0, 0));
        assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, null_mut(), &mut len)), refused);
        assert_eq!(up!(up, lpWPUGetProviderPath(&mut provider, path.as_mut_ptr(), null_mut())), refused);
        assert_eq!(up!(up, lpWPUGetProviderPath(null_mut(), path.as_mut_ptr(), &mut len)), refused);
        let mut unknown = provider_id(77);
        let invalid = (SOCKET_ERROR, WSAEINVAL);
        assert_eq!(up!(up, lpWPUGetProviderPath(&mut unknown, path.as_mut_ptr(), &mut len)), invalid);
        end();
    });
}

#[test]
fn wpu_pm_1_messages_go_to_the_sink() {
    in_own_process(|| {
        let (up, _) = started();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let sink = move |message, wparam, lparam| {
            log.lock().unwrap().push((message, wparam, lparam));
            true
        };
        messages::register(42, Arc::new(sink));
        // SAFETY: an upcall of the runtime.
        let post = |window: usize| unsafe { (up.lpWPUPostMessage)(without_provenance_mut(window), 1, 2, -3) };
        assert_eq!(post(42), TRUE);
        assert_eq!(post(43), FALSE);
        assert_eq!(*seen.lock().unwrap(), [(1, 2, -3)]);
        end();
    });
}

unsafe extern "system" fn hook(_context: usize) -> BOOL {
    TRUE
}

// proves: WPU-QBC-4
#[test]
fn wpu_qbc_1_there_is_no_blocking_hook_unless_the_thread_has_one() {
    in_own_process(|| {
        let (up, id) = started();
        let (mut callback, mut context) = (Some(hook as unsafe extern "system" fn(usize) -> BOOL), 77);
        assert_eq!(up!(up, lpWPUQueryBlockingCallback(id, &mut callback, &mut context)), (0, 0));
        assert!(callback.is_none());
        this_thread::set_blocking_hook(Some(hook), 5);
        assert_eq!(up!(up, lpWPUQueryBlockingCallback(id, &mut callback, &mut context)), (0, 0));
        assert!(callback.is_some() && context == 5);
        end();
    });
}

#[test]
fn wpu_qbc_2_bad_entries_and_pointers() {
    in_own_process(|| {
        let (up, id) = started();
        let (mut callback, mut context) = (None, 0);
        let call = |id, callback, context| up!(up, lpWPUQueryBlockingCallback(id, callback, context));
        assert_eq!(call(4711, &mut callback, &mut context), (SOCKET_ERROR, WSAEINVAL));
        assert_eq!(call(id, null_mut(), &mut context), (SOCKET_ERROR, WSAEFAULT));
        assert_eq!(call(id, &mut callback, null_mut()), (SOCKET_ERROR, WSAEFAULT));
        end();
    });
}

#[test]
fn the_entries_of_its_parts_stand_for_a_chain() {
    in_own_process(|| {
        register(1);
        let base = install_fake(0);
        use windlass_catalog::{ProtocolChain, ProtocolEntry};
        let layer = ProtocolEntry { chain: ProtocolChain::Layer, ..base_entry(1) };
        let layer = install(provider_id(101), &module(1), &[layer])[0];
        let chain = ProtocolEntry { chain: ProtocolChain::Chain(vec![layer, base]), ..base_entry(1) };
        install(provider_id(1), &module(1), &[chain]);
        start();
        open(1).unwrap();
        let up = fake(1).upcalls();
        fake(1).on("WSPListen", |_| succeed());
        for part in [layer, base] {
            let (s, errno) = up!(up, lpWPUCreateSocketHandle(part, 0));
            assert_eq!(errno, 0);
            assert_eq!(api::listen(s), Ok(0));
        }
        assert_eq!((fake(0).count("WSPStartup"), fake(1).count("WSPListen")), (0, 2), "calls go to the chain");
        end();
    });
}
