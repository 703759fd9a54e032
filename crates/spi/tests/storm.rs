//! Everything at once: threads start, clean up, open, use and close, from outside, from condition
//! functions and from inside the transport, and nothing is left at the end.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use support::client::{self, Client, start};
use support::probe::{non_ifs, probe};
use windlass_spi::abi::*;

/// Handles that the threads share by number.
static HANDLES: [AtomicUsize; 6] = [const { AtomicUsize::new(0) }; 6];

fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as usize
}

/// Does one thing, and from inside of it at most `depth` more.
fn act(client: &Client, startup: WspStartupFn, state: &mut u64, depth: u32) {
    let slot = &HANDLES[random(state) % HANDLES.len()];
    let s = slot.load(Relaxed);
    let expected = [WsaError::WSANOTINITIALISED, WsaError::WSAENOTSOCK, WsaError::WSAEINTR];
    let check = |error: Option<WsaError>| assert!(error.is_none_or(|error| expected.contains(&error)), "{error:?}");
    match random(state) % 13 {
        0 => drop(start(startup, &client::entry(1))),
        // More often than a start, so that the last one comes again and again.
        1 | 8 => drop(client.clean_up()),
        2 | 3 => {
            let info = if random(state).is_multiple_of(2) { client::entry(1) } else { non_ifs(1) };
            let made = client.socket(&info);
            check(made.err());
            slot.store(made.unwrap_or(0), Relaxed);
        }
        4 | 5 => check(client.close(s).err()),
        6 | 7 if depth > 0 => {
            let seed = AtomicUsize::new(random(state));
            let accepted = client.accept_asking(s, &|| {
                let mut state = seed.load(Relaxed) as u64;
                act(client, startup, &mut state, depth - 1);
                CF_ACCEPT
            });
            check(accepted.err());
        }
        // The transport acts too, in its send.
        _ => check(client.send(s, b"x").err()),
    }
}

#[test]
fn nothing_is_left_after_a_storm() {
    let (startup, seen) = probe::<1>();
    let client = start(startup, &client::entry(1)).unwrap();
    client.clean_up().unwrap();
    static SEED: AtomicUsize = AtomicUsize::new(1);
    seen.hook("send", move || {
        thread_local!(static DEPTH: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
        if DEPTH.get() < 2 {
            DEPTH.set(DEPTH.get() + 1);
            let mut state = SEED.fetch_add(7919, Relaxed) as u64;
            act(&client, startup, &mut state, 1);
            DEPTH.set(DEPTH.get() - 1);
        }
        Ok(())
    });
    thread::scope(|scope| {
        for thread in 0..6u64 {
            scope.spawn(move || {
                let mut state = thread * 1_000_003 + 17;
                for _ in 0..4000 {
                    act(&client, startup, &mut state, 2);
                }
            });
        }
    });
    while client.clean_up().is_ok() {}
    assert_eq!((seen.transports.load(Relaxed), seen.sockets.load(Relaxed)), (0, 0));
    assert_eq!(seen.starts.load(Relaxed), seen.cleanups.load(Relaxed));
    assert!(seen.starts.load(Relaxed) > 100, "{}", seen.starts.load(Relaxed));
}
