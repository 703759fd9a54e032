//! The last `WSPCleanup`: what is blocked, open, inside, or called back meanwhile.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::thread;

use support::client::{self, set, start};
use support::fake;
use support::probe::{Seen, non_ifs, probe, started};
use windlass_spi::abi::*;

fn all_gone(seen: &Seen) {
    assert_eq!((seen.transports.load(Relaxed), seen.sockets.load(Relaxed)), (0, 0));
    assert_eq!(seen.starts.load(Relaxed), seen.cleanups.load(Relaxed));
}

// proves: WSP-CLEANUP-7, WSP-CLEANUP-18, WSP-CLEANUP-24, WSP-CLEANUP-28
#[test]
fn wsp_cleanup_6_blocked_calls_return_and_no_event_is_set() {
    let (client, seen) = started::<1>();
    let sockets: Vec<SOCKET> = (0..4).map(|_| client.socket(&client::entry(1)).unwrap()).collect();
    let event = fake::new_event();
    client.event_select(sockets[0], event, FD_READ | FD_CLOSE).unwrap();
    assert!(fake::is_set(event), "the probe sets it at once");
    thread::scope(|scope| {
        for s in &sockets {
            scope.spawn(|| assert_eq!(client.recv(*s, 10), Err(WsaError::WSAEINTR)));
        }
        scope.spawn(|| {
            // The probe never finds a socket writable.
            let mut write = set(&sockets[..1]);
            assert_eq!(client.select(None, Some(&mut write), None, None), Err(WsaError::WSAEINTR));
        });
        seen.await_waiting(5);
        let events = fake::log(|upcall| matches!(upcall, fake::Upcall::SetEvent { .. })).len();
        client.clean_up().unwrap();
        assert_eq!(seen.waiting.load(Relaxed), 0, "every call has left");
        assert_eq!(fake::log(|upcall| matches!(upcall, fake::Upcall::SetEvent { .. })).len(), events);
    });
    assert_eq!(client.recv(sockets[0], 10), Err(WsaError::WSANOTINITIALISED));
    all_gone(seen);
}

// proves: WSP-CLEANUP-15
#[test]
fn wsp_cleanup_14_open_sockets_are_reset_and_closed_ones_are_not() {
    let (client, seen) = started::<2>();
    let open = [client.socket(&client::entry(2)).unwrap(), client.socket(&non_ifs(2)).unwrap()];
    let closed = client.socket(&non_ifs(2)).unwrap();
    client.close(closed).unwrap();
    assert_eq!((seen.aborts.load(Relaxed), fake::closes_of(closed)), (0, 1));
    client.clean_up().unwrap();
    assert_eq!(seen.aborts.load(Relaxed), 2);
    assert_eq!(fake::closes_of(open[1]), 1);
    assert_eq!(fake::closes_of(open[0]), 0, "the transport's own handle is not the runtime's to close");
    assert_eq!(fake::closes_of(closed), 1);
    all_gone(seen);
}

#[test]
fn wsp_cleanup_4_an_earlier_clean_up_leaves_everything_alone() {
    let (client, seen) = started::<3>();
    start(probe::<3>().0, &client::entry(3)).unwrap();
    let s = client.socket(&client::entry(3)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.recv(s, 10), Err(WsaError::WSAEINTR)));
        seen.await_waiting(1);
        client.clean_up().unwrap();
        assert_eq!((seen.waiting.load(Relaxed), seen.cancels.load(Relaxed)), (1, 0));
        assert_eq!(client.send(s, b"abc"), Ok(3));
        client.clean_up().unwrap();
    });
    all_gone(seen);
}

// proves: WSP-CLEANUP-1, WSP-CLEANUP-2
#[test]
fn wsp_cleanup_26_a_null_error_slot_discards_the_code() {
    let (client, seen) = started::<4>();
    let clean_up = || {
        // SAFETY: a function of a started provider.
        unsafe { (client.table.lpWSPCleanup)(ptr::null_mut()) }
    };
    assert_eq!(clean_up(), 0);
    assert_eq!(clean_up(), SOCKET_ERROR);
    assert_eq!(client.clean_up(), Err(WsaError::WSANOTINITIALISED));
    all_gone(seen);
}

// proves: WSP-CLEANUP-20
#[test]
fn wsp_cleanup_25_from_inside_a_callback_it_does_not_wait_for_it() {
    let (client, seen) = started::<5>();
    let listener = client.socket(&client::entry(5)).unwrap();
    client.listen(listener).unwrap();
    let accepted = client.accept_asking(listener, &|| {
        client.clean_up().unwrap();
        assert_eq!(seen.cleanups.load(Relaxed), 1);
        assert_eq!(seen.transports.load(Relaxed), 1, "the accept still uses it");
        assert_eq!(client.send(listener, b"x"), Err(WsaError::WSANOTINITIALISED));
        // It can be started at once, and the old call does not disturb the new start.
        let again = start(probe::<5>().0, &client::entry(5)).unwrap();
        let s = again.socket(&client::entry(5)).unwrap();
        assert_eq!(again.send(s, b"abc"), Ok(3));
        CF_ACCEPT
    });
    assert_eq!(accepted, Err(WsaError::WSAEINTR));
    assert_eq!((seen.transports.load(Relaxed), seen.sockets.load(Relaxed)), (1, 1), "the new ones");
    client.clean_up().unwrap();
    all_gone(seen);
}

#[test]
fn wsp_cleanup_25_a_callback_of_another_thread_is_not_waited_for() {
    let (client, seen) = started::<6>();
    let listener = client.socket(&client::entry(6)).unwrap();
    let (inside, is_inside) = mpsc::channel();
    let (cleaned, has_cleaned) = mpsc::channel();
    let has_cleaned = std::sync::Mutex::new(has_cleaned);
    thread::scope(|scope| {
        scope.spawn(|| {
            let inside = std::sync::Mutex::new(inside);
            let accepted = client.accept_asking(listener, &|| {
                inside.lock().unwrap().send(()).unwrap();
                // The client waits, in its callback, for the thread that cleans up.
                has_cleaned.lock().unwrap().recv().unwrap();
                assert_eq!(seen.transports.load(Relaxed), 1);
                CF_ACCEPT
            });
            assert_eq!(accepted, Err(WsaError::WSAEINTR));
        });
        is_inside.recv().unwrap();
        client.clean_up().unwrap();
        cleaned.send(()).unwrap();
    });
    all_gone(seen);
}

#[test]
fn from_inside_a_call_of_the_transport_it_does_not_wait_for_itself() {
    let (client, seen) = started::<7>();
    let s = client.socket(&client::entry(7)).unwrap();
    seen.hook("send", move || {
        client.clean_up().unwrap();
        assert_eq!(seen.transports.load(Relaxed), 1);
        assert_eq!(client.clean_up(), Err(WsaError::WSANOTINITIALISED));
        Err(WsaError::WSAENETDOWN)
    });
    assert_eq!(client.send(s, b"x"), Err(WsaError::WSAENETDOWN));
    all_gone(seen);
}

#[test]
fn re_entry_from_the_clean_up_itself_is_refused_without_deadlock() {
    let (client, seen) = started::<8>();
    let s = client.socket(&client::entry(8)).unwrap();
    for place in ["cancel", "abort", "cleanup"] {
        seen.hook(place, move || {
            assert_eq!(start(probe::<8>().0, &client::entry(8)).err(), Some(WsaError::WSAEINPROGRESS));
            assert_eq!(client.clean_up(), Err(WsaError::WSANOTINITIALISED));
            assert_eq!(client.close(s), Err(WsaError::WSANOTINITIALISED));
            assert_eq!(client.socket(&client::entry(8)), Err(WsaError::WSANOTINITIALISED));
            Ok(())
        });
    }
    client.clean_up().unwrap();
    all_gone(seen);
}

#[test]
fn two_threads_inside_calls_clean_up_and_start_at_once() {
    let (client, seen) = started::<9>();
    for _ in 0..100 {
        let sockets: Vec<SOCKET> = (0..2).map(|_| client.socket(&client::entry(9)).unwrap()).collect();
        let meet = std::sync::Arc::new(std::sync::Barrier::new(2));
        seen.hook("send", move || {
            meet.wait();
            // One of them ends the provider, with both inside; both start it again.
            let _ = client.clean_up();
            start(probe::<9>().0, &client::entry(9)).map(drop)
        });
        thread::scope(|scope| {
            for s in sockets {
                scope.spawn(move || client.send(s, b"x"));
            }
        });
        while client.clean_up().is_ok() {}
        all_gone(seen);
        start(probe::<9>().0, &client::entry(9)).unwrap();
    }
    client.clean_up().unwrap();
}

#[test]
fn a_transport_that_panics_is_cleaned_up_all_the_same() {
    let (client, seen) = started::<10>();
    for place in ["cancel", "abort", "cleanup"] {
        seen.hook(place, || panic!("on purpose"));
    }
    client.socket(&client::entry(10)).unwrap();
    client.socket(&non_ifs(10)).unwrap();
    client.clean_up().unwrap();
    all_gone(seen);
}

// proves: WSP-CLEANUP-24
#[test]
fn a_socket_made_while_the_clean_up_runs_is_not_let_in() {
    let (client, seen) = started::<11>();
    let listener = client.socket(&client::entry(11)).unwrap();
    let (inside, is_inside) = mpsc::channel();
    seen.hook("accept", move || {
        inside.send(()).unwrap();
        // Blocked until the listener is cancelled, and then a connection is there after all.
        while seen.cancels.load(Relaxed) == 0 {
            thread::yield_now();
        }
        Ok(())
    });
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.accept(listener), Err(WsaError::WSANOTINITIALISED)));
        is_inside.recv().unwrap();
        client.clean_up().unwrap();
    });
    assert_eq!(seen.aborts.load(Relaxed), 2, "the listener, and the connection");
    all_gone(seen);
}
