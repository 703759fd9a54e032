//! The upcalls, as a transport calls them.
#![allow(unsafe_code, reason = "makes a runtime")]

mod support;

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::fake::{self, Upcall};
use windlass_spi::abi::*;
use windlass_spi::events::Event;
use windlass_spi::upcalls::Upcalls;

fn upcalls() -> Upcalls {
    // SAFETY: the fake runtime's functions can always be called.
    unsafe { Upcalls::new(&fake::table().complete().unwrap()) }
}

#[test]
fn events_are_made_set_reset_and_closed() {
    let upcalls = upcalls();
    let event = upcalls.create_event().unwrap();
    assert!(!fake::is_set(event.as_raw()));
    upcalls.set_event(event).unwrap();
    assert!(fake::is_set(event.as_raw()));
    upcalls.reset_event(event).unwrap();
    assert!(!fake::is_set(event.as_raw()));
    upcalls.close_event(event).unwrap();
    let invalid = Err(WsaError::WSA_INVALID_HANDLE);
    assert_eq!(upcalls.close_event(event), invalid);
    assert_eq!(upcalls.set_event(event), invalid);
    let nothing = Event::from_raw(ptr::without_provenance_mut(8)).unwrap();
    assert_eq!(upcalls.reset_event(nothing), invalid);
}

#[test]
fn socket_handles_have_a_context_until_they_are_closed() {
    let upcalls = upcalls();
    let s = upcalls.create_socket_handle(5, 0x1234_5678_9abc).unwrap();
    assert_eq!(upcalls.query_socket_handle_context(s), Ok(0x1234_5678_9abc));
    upcalls.close_socket_handle(s).unwrap();
    assert_eq!(upcalls.close_socket_handle(s), Err(WsaError::WSAENOTSOCK));
    assert_eq!(upcalls.query_socket_handle_context(s), Err(WsaError::WSAENOTSOCK));
    assert_eq!(upcalls.create_socket_handle(fake::REFUSED_ENTRY, 0), Err(WsaError::WSAENOBUFS));
    assert_eq!(upcalls.modify_ifs_handle(5, 7), Ok(7));
    assert_eq!(upcalls.modify_ifs_handle(fake::REFUSED_ENTRY, 7), Err(WsaError::WSAENOBUFS));
}

#[test]
fn wpu_gpp_1_asks_again_with_the_room_that_is_needed() {
    let path = upcalls().get_provider_path(&GUID::from_u128(1 << 96)).unwrap();
    let path = String::from_utf16(&path).unwrap();
    assert!(path.starts_with("%HOME%/x") && path.len() == 307, "{path}");
    assert_eq!(upcalls().get_provider_path(&GUID::from_u128(0)), Err(WsaError::WSAEINVAL));
}

#[test]
fn wpu_fd_1_looks_at_as_many_as_are_counted() {
    let mut set = FD_SET { fd_count: 2, fd_array: [0; FD_SETSIZE] };
    set.fd_array[..3].copy_from_slice(&[3, 4, 5]);
    assert!(upcalls().fd_is_set(4, &set));
    assert!(!upcalls().fd_is_set(5, &set));
    set.fd_count = 65;
    assert!(!upcalls().fd_is_set(4, &set));
}

#[test]
fn wpu_qbc_1_no_hook_is_no_error() {
    assert!(upcalls().query_blocking_callback(2).unwrap().is_none());
    assert!(upcalls().query_blocking_callback(1).unwrap().unwrap().call());
    assert_eq!(upcalls().query_blocking_callback(0).err(), Some(WsaError::WSAEINVAL));
}

#[test]
fn messages_are_posted_to_a_window() {
    assert!(upcalls().post_message(4, 4712, 1, 2));
    assert!(!upcalls().post_message(0, 4712, 1, 2));
    assert_eq!(fake::log(|upcall| *upcall == Upcall::PostMessage { message: 4712 }).len(), 2);
}

// proves: WPU-OCT-2, WPU-APC-5
#[test]
fn wpu_apc_1_work_is_queued_once_for_a_thread() {
    let upcalls = upcalls();
    let thread = upcalls.open_current_thread().unwrap();
    let same = windlass_spi::upcalls::ThreadId::from_raw(&thread.as_raw());
    let runs = Arc::new(AtomicUsize::new(0));
    let work = |runs: &Arc<AtomicUsize>| {
        let runs = Arc::clone(runs);
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
        }
    };
    upcalls.queue_apc(&thread, work(&runs)).unwrap();
    upcalls.queue_apc(&same, || panic!("on purpose")).unwrap();
    upcalls.queue_apc(&thread, work(&runs)).unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    let run = |address: usize, context: usize| {
        // SAFETY: an APC that was queued.
        let apc: unsafe extern "system" fn(usize) =
            unsafe { std::mem::transmute(ptr::with_exposed_provenance::<()>(address)) };
        // SAFETY: with its own context, once.
        unsafe { apc(context) };
    };
    assert_eq!(fake::run_apcs(run), 3);
    assert_eq!((runs.load(Ordering::Relaxed), Arc::strong_count(&runs)), (2, 1));
    upcalls.close_thread(thread).unwrap();
    // What is not queued is dropped.
    assert_eq!(upcalls.queue_apc(&same, work(&runs)), Err(WsaError::WSAEFAULT));
    assert_eq!(Arc::strong_count(&runs), 1);
    assert_eq!(upcalls.close_thread(same), Err(WsaError::WSAEINVAL));
}

#[test]
fn lc_err_6_a_failure_without_a_reason_is_a_system_failure() {
    extern "system" fn fails(_: WSAEVENT, _: *mut i32) -> BOOL {
        FALSE
    }
    let table = WSPUPCALLTABLE { lpWPUSetEvent: Some(fails), ..fake::table() };
    // SAFETY: its functions can always be called.
    let upcalls = unsafe { Upcalls::new(&table.complete().unwrap()) };
    let event = upcalls.create_event().unwrap();
    assert_eq!(upcalls.set_event(event), Err(WsaError::WSASYSCALLFAILURE));
}
