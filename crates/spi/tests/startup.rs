//! `WSPStartup`: versions, counts, upcall tables, failures and races.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::ptr;
use std::sync::Barrier;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use support::client::{self, Client, start, start_with};
use support::fake::{self, Upcall};
use support::probe::{non_ifs, probe};
use windlass_spi::abi::*;

// proves: WSP-STARTUP-9, WSP-STARTUP-11
#[test]
fn wsp_startup_8_agrees_on_a_version() {
    let (startup, seen) = probe::<1>();
    let bytes = [0u8, 1, 2, 3, 128, 255];
    for (major, minor) in bytes.iter().flat_map(|major| bytes.map(|minor| (*major, minor))) {
        let answer = start_with(startup, make_version(major, minor), &client::entry(1), fake::table());
        // The probe speaks 1.1 to 2.2.
        if (major, minor) < (1, 1) {
            assert_eq!(answer.err(), Some(WsaError::WSAVERNOTSUPPORTED), "{major}.{minor}");
            continue;
        }
        let client = answer.unwrap();
        let (major, minor) = (major, minor).min((2, 2));
        let expected = (make_version(major, minor), make_version(2, 2));
        assert_eq!((client.data.wVersion, client.data.wHighVersion), expected);
        client.clean_up().unwrap();
        assert_eq!(client.clean_up(), Err(WsaError::WSANOTINITIALISED));
    }
    assert_eq!(seen.transports.load(Relaxed), 0);
}

// proves: LC-ERR-2, WSP-CLEANUP-3
#[test]
fn wsp_startup_12_a_failure_counts_for_nothing() {
    let (startup, seen) = probe::<2>();
    seen.hook("start", || Err(WsaError::WSAEPROCLIM));
    assert_eq!(start(startup, &client::entry(2)).err(), Some(WsaError::WSAEPROCLIM));
    seen.unhook("start");
    let client = start(startup, &client::entry(2)).unwrap();
    client.clean_up().unwrap();
    assert_eq!(client.clean_up(), Err(WsaError::WSANOTINITIALISED));
    assert_eq!((seen.starts.load(Relaxed), seen.cleanups.load(Relaxed)), (2, 1));
}

// proves: WSP-CLEANUP-4, WSP-CLEANUP-5
#[test]
fn wsp_startup_6_each_start_counts() {
    let (startup, seen) = probe::<3>();
    let clients: Vec<Client> = (0..3).map(|_| start(startup, &client::entry(3)).unwrap()).collect();
    assert_eq!(seen.starts.load(Relaxed), 1);
    let s = clients[0].socket(&client::entry(3)).unwrap();
    for client in &clients[..2] {
        client.clean_up().unwrap();
        assert_eq!(clients[2].send(s, b"abc"), Ok(3));
    }
    assert_eq!(seen.cleanups.load(Relaxed), 0);
    clients[2].clean_up().unwrap();
    assert_eq!(clients[2].send(s, b"abc"), Err(WsaError::WSANOTINITIALISED));
    assert_eq!((seen.cleanups.load(Relaxed), seen.aborts.load(Relaxed)), (1, 1));
    assert_eq!((seen.sockets.load(Relaxed), seen.transports.load(Relaxed)), (0, 0));
}

// proves: UPV-5
#[test]
fn wsp_startup_7_the_latest_upcall_table_wins() {
    let (startup, _) = probe::<4>();
    let tables = |handle| fake::log(|upcall| *upcall == Upcall::CreateSocketHandle { entry: 4, handle });
    let client = start_with(startup, make_version(2, 2), &client::entry(4), fake::table_of::<'A'>()).unwrap();
    let first = client.socket(&non_ifs(4)).unwrap();
    assert_eq!(tables(first)[0].0, 'A');
    start_with(startup, make_version(2, 2), &client::entry(4), fake::table_of::<'B'>()).unwrap();
    let second = client.socket(&non_ifs(4)).unwrap();
    assert_eq!(tables(second)[0].0, 'B');
    start_with(startup, make_version(2, 2), &client::entry(4), fake::table_of::<'A'>()).unwrap();
    let third = client.socket(&non_ifs(4)).unwrap();
    assert_eq!(tables(third)[0].0, 'A');
    (0..3).for_each(|_| client.clean_up().unwrap());
}

#[test]
fn wsp_startup_2_copies_the_upcall_table() {
    let (startup, _) = probe::<5>();
    let mut table = Box::new(fake::table());
    let client = start_with(startup, make_version(2, 2), &client::entry(5), *table).unwrap();
    *table = WSPUPCALLTABLE::EMPTY;
    drop(table);
    assert!(client.socket(&non_ifs(5)).is_ok());
    client.clean_up().unwrap();
}

#[test]
fn wsp_startup_13_describes_itself() {
    let (startup, _) = probe::<6>();
    let client = start(startup, &client::entry(6)).unwrap();
    let text = client.data.szDescription;
    let end = text.iter().position(|unit| *unit == 0).unwrap();
    assert_eq!(String::from_utf16(&text[..end]).unwrap(), "A transport to play with");
    client.clean_up().unwrap();
}

#[test]
fn wsp_startup_12_null_pointers_are_faults() {
    let (startup, seen) = probe::<7>();
    let (mut data, mut table) =
        (WSPDATA { wVersion: 0, wHighVersion: 0, szDescription: [0; 256] }, WSPPROC_TABLE::EMPTY);
    let mut info = client::entry(7);
    let hole = WSPUPCALLTABLE { lpWPUSetEvent: None, ..fake::table() };
    let cases: [(*mut WSPDATA, *mut WSAPROTOCOL_INFOW, WSPUPCALLTABLE, *mut WSPPROC_TABLE); 4] = [
        (ptr::null_mut(), &mut info, fake::table(), &mut table),
        (&mut data, ptr::null_mut(), fake::table(), &mut table),
        (&mut data, &mut info, fake::table(), ptr::null_mut()),
        (&mut data, &mut info, hole, &mut table),
    ];
    for (data, info, upcalls, table) in cases {
        // SAFETY: live or null.
        assert_eq!(unsafe { startup(make_version(2, 2), data, info, upcalls, table) }, WSAEFAULT);
    }
    assert_eq!(seen.starts.load(Relaxed), 0);
}

// proves: WSP-STARTUP-26
#[test]
fn wsp_cleanup_23_many_threads_start_and_clean_up_at_once() {
    let (startup, seen) = probe::<8>();
    let (threads, rounds) = (16, 50);
    let meet = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for round in 0..rounds {
                    meet.wait();
                    let client = start(startup, &client::entry(8)).unwrap();
                    meet.wait();
                    // Everybody has started, so the transport has been started once more.
                    assert_eq!(seen.starts.load(Relaxed), round + 1);
                    assert_eq!(seen.transports.load(Relaxed), 1);
                    let s = client.socket(&client::entry(8)).unwrap();
                    client.send(s, b"x").unwrap();
                    meet.wait();
                    client.clean_up().unwrap();
                }
                for _ in 0..rounds * 4 {
                    // Without meeting: sometimes the last one, sometimes not.
                    let client = start(startup, &client::entry(8)).unwrap();
                    client.socket(&client::entry(8)).unwrap();
                    client.clean_up().unwrap();
                }
            });
        }
    });
    assert_eq!(seen.starts.load(Relaxed), seen.cleanups.load(Relaxed));
    assert_eq!((seen.transports.load(Relaxed), seen.sockets.load(Relaxed)), (0, 0));
}

#[test]
fn wsp_cleanup_23_a_start_waits_for_a_clean_up_to_end() {
    let (startup, seen) = probe::<9>();
    let client = start(startup, &client::entry(9)).unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    seen.hook("cleanup", move || {
        begun.send(()).unwrap();
        // The start below is under way or about to be; either way it may not overtake.
        (0..100).for_each(|_| thread::yield_now());
        assert_eq!(seen.transports.load(Relaxed), 1);
        Ok(())
    });
    thread::scope(|scope| {
        scope.spawn(move || {
            has_begun.recv().unwrap();
            let client = start(startup, &client::entry(9)).unwrap();
            assert_eq!(seen.cleanups.load(Relaxed), 1);
            seen.unhook("cleanup");
            client.clean_up().unwrap();
        });
        client.clean_up().unwrap();
    });
    assert_eq!(seen.starts.load(Relaxed), 2);
}

#[test]
fn re_entry_from_a_start_is_refused_without_deadlock() {
    let (startup, seen) = probe::<10>();
    let table = start(startup, &client::entry(10)).unwrap();
    table.clean_up().unwrap();
    seen.hook("start", move || {
        assert_eq!(start(startup, &client::entry(10)).err(), Some(WsaError::WSAEINPROGRESS));
        assert_eq!(table.clean_up(), Err(WsaError::WSANOTINITIALISED));
        assert_eq!(table.socket(&client::entry(10)), Err(WsaError::WSANOTINITIALISED));
        Ok(())
    });
    start(startup, &client::entry(10)).unwrap().clean_up().unwrap();
    assert_eq!(seen.transports.load(Relaxed), 0);
}

#[test]
fn a_start_that_panics_is_a_failure() {
    let (startup, seen) = probe::<11>();
    seen.hook("start", || panic!("on purpose"));
    assert_eq!(start(startup, &client::entry(11)).err(), Some(WsaError::WSASYSCALLFAILURE));
    seen.unhook("start");
    start(startup, &client::entry(11)).unwrap().clean_up().unwrap();
}

#[test]
fn wsp_cleanup_20_starts_again_a_thousand_times() {
    let (startup, seen) = probe::<12>();
    for round in 1..=1000 {
        let client = start(startup, &client::entry(12)).unwrap();
        let s = client.socket(&client::entry(12)).unwrap();
        let t = client.socket(&non_ifs(12)).unwrap();
        assert_eq!(client.send(s, b"abc"), Ok(3));
        if round % 2 == 0 {
            client.close(s).unwrap();
        }
        client.clean_up().unwrap();
        assert_eq!(fake::closes_of(t), 1);
        assert_eq!((seen.transports.load(Relaxed), seen.sockets.load(Relaxed)), (0, 0));
    }
    assert_eq!(seen.starts.load(Relaxed), 1000);
}
