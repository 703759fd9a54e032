//! Calls that block: time limits, cancellation, hooks, asynchronous procedure calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use windlass_abi::*;
use windlass_io::thread;

use crate::support::callbacks::{with_hook, without_hook};
use crate::support::{A_WHILE, Winsock, spawn_blocked};

#[test]
fn mode_9_a_time_limit_ends_calls_of_overlapped_sockets() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (d, _) = winsock.datagram(AF_INET);
    for s in [here, d] {
        winsock.set_int(s, SOL_SOCKET, SO_RCVTIMEO, A_WHILE.as_millis() as i32);
        winsock.set_int(s, SOL_SOCKET, SO_SNDTIMEO, A_WHILE.as_millis() as i32);
    }
    let start = Instant::now();
    assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAETIMEDOUT));
    assert!(start.elapsed() >= A_WHILE);
    assert_eq!(winsock.recv(here, 9, MSG_WAITALL), Err(WsaError::WSAETIMEDOUT));
    assert_eq!(winsock.recv(here, 0, 0), Err(WsaError::WSAETIMEDOUT));
    assert_eq!(winsock.recv(here, 9, MSG_OOB), Err(WsaError::WSAETIMEDOUT));
    assert_eq!(winsock.recv_from(d, 9, 0), Err(WsaError::WSAETIMEDOUT));
    assert_eq!(winsock.send(here, &vec![0; 64 << 20], 0), Err(WsaError::WSAETIMEDOUT));
    winsock.close_all([here, there, d]);
}

#[test]
fn mode_9_a_time_limit_has_no_effect_on_other_sockets() {
    let winsock = Winsock::start();
    let s = winsock.socket_with(AF_INET, SOCK_DGRAM, 0).unwrap();
    winsock.bind(s, "127.0.0.1:0".parse().unwrap()).unwrap();
    winsock.set_int(s, SOL_SOCKET, SO_RCVTIMEO, 1);
    std::thread::scope(|scope| {
        let received = spawn_blocked(scope, || winsock.recv(s, 9, 0));
        assert!(!received.is_finished());
        winsock.send_to(s, b"x", winsock.sock_name(s).unwrap()).unwrap();
        assert_eq!(received.join().unwrap().unwrap(), b"x");
    });
    winsock.close_all([s]);
}

#[test]
fn wsp_cbc_2_nothing_to_cancel_is_invalid() {
    let winsock = Winsock::start();
    assert_eq!(winsock.cancel_blocking_call(), Err(WsaError::WSAEINVAL));
}

// proves: WPU-QBC-3
#[test]
fn mode_7_the_hook_is_called_while_the_call_waits() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let send_at_third = |call| {
        if call == 2 {
            winsock.send(there, b"x", 0).unwrap();
        }
        true
    };
    assert_eq!(with_hook(send_at_third, || winsock.recv(here, 9, 0)).unwrap(), b"x");
    winsock.send(there, b"y", 0).unwrap();
    winsock.wait_readable(here);
    without_hook(|| {
        assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"y");
        winsock.set_nonblocking(here, true).unwrap();
        assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAEWOULDBLOCK));
        winsock.select(&[here], &[], &[], Some(Duration::ZERO)).unwrap();
    });
    winsock.close_all([here, there]);
}

#[test]
fn mode_8_a_hook_that_says_no_ends_the_call() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(with_hook(|call| call < 2, || winsock.recv(here, 9, 0)), Err(WsaError::WSAEINTR));
    winsock.close_all([here, there]);
}

// proves: WSP-CBC-1
#[test]
fn wsp_cbc_3_the_cancelled_call_is_interrupted() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (listener, at) = winsock.listener(AF_INET);
    let cancel = |call| call > 0 || winsock.cancel_blocking_call().is_ok();
    let interrupted = |run: &dyn Fn() -> Result<(), WsaError>| {
        assert_eq!(with_hook(cancel, run), Err(WsaError::WSAEINTR));
    };
    interrupted(&|| winsock.recv(here, 9, 0).map(|_| ()));
    interrupted(&|| winsock.accept(listener).map(|_| ()));
    interrupted(&|| winsock.select(&[here], &[], &[], None).map(|_| ()));
    // proves: WSP-CBC-4
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    let (accepted, _) = winsock.accept(listener).unwrap();
    winsock.send(there, b"x", 0).unwrap();
    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"x", "a receive that was cancelled took nothing");
    winsock.close_all([here, there, listener, s, accepted]);
}

#[test]
fn wsp_cbc_4_a_send_that_was_cancelled_half_way_resets_the_stream() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let cancel = |call| call != 3 || winsock.cancel_blocking_call().is_ok();
    let sent = with_hook(cancel, || winsock.send(here, &vec![0; 64 << 20], 0));
    assert_eq!(sent, Err(WsaError::WSAEINTR));
    assert_eq!(winsock.send(here, b"x", 0), Err(WsaError::WSAECONNABORTED));
    assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAECONNABORTED));
    assert_eq!(winsock.recv_all(there), Err(WsaError::WSAECONNRESET));
    winsock.close_all([here, there]);
}

#[test]
fn api_17_procedure_calls_run_while_a_call_waits() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let ran = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let winsock = &winsock;
        let receives = scope.spawn(move || {
            tell.send(thread::current().id().unwrap()).unwrap();
            let received = winsock.recv(here, 9, 0).unwrap();
            (received, std::thread::current().id())
        });
        let id = told.recv().unwrap();
        let (report, reported) = mpsc::channel();
        for _ in 0..3 {
            let (ran, report) = (ran.clone(), report.clone());
            let call = move || {
                ran.fetch_add(1, Ordering::Relaxed);
                report.send(std::thread::current().id()).unwrap();
            };
            thread::queue_apc(id, Box::new(call)).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        let threads: Vec<_> = (0..3).map(|_| reported.recv().unwrap()).collect();
        assert!(!receives.is_finished(), "the call goes on");
        winsock.send(there, b"x", 0).unwrap();
        let (received, thread) = receives.join().unwrap();
        assert_eq!(received, b"x");
        assert_eq!(threads, [thread; 3]);
    });
    assert_eq!(ran.load(Ordering::Relaxed), 3);
    winsock.close_all([here, there]);
}

// Sends in a procedure call are allowed while a receive waits (API-17), also on the same socket.
#[test]
fn api_17_a_procedure_call_may_use_the_socket_that_is_waited_for() {
    let winsock = Arc::new(Winsock::start());
    let (here, there) = winsock.pair(AF_INET);
    let (tell, told) = mpsc::channel();
    let receiver = {
        let winsock = winsock.clone();
        std::thread::spawn(move || {
            tell.send(thread::current().id().unwrap()).unwrap();
            winsock.recv(here, 9, 0)
        })
    };
    let call = {
        let winsock = winsock.clone();
        move || assert_eq!(winsock.send(here, b"ping", 0), Ok(4))
    };
    thread::queue_apc(told.recv().unwrap(), Box::new(call)).unwrap();
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"ping");
    winsock.send(there, b"pong", 0).unwrap();
    assert_eq!(receiver.join().unwrap().unwrap(), b"pong");
    winsock.close_all([here, there]);
}

// A procedure call is client code: neither a close nor a clean-up elsewhere waits for it, so that it can wait for them.
#[test]
fn wsp_close_2_a_close_does_not_wait_for_a_procedure_call() {
    let winsock = Arc::new(Winsock::start());
    let (here, there) = winsock.pair(AF_INET);
    let (tell, told) = mpsc::channel();
    let receiver = {
        let winsock = winsock.clone();
        std::thread::spawn(move || {
            tell.send(thread::current().id().unwrap()).unwrap();
            winsock.recv(here, 9, 0)
        })
    };
    let (runs, running) = mpsc::channel();
    let (closed, is_closed) = mpsc::channel();
    let (report, reported) = mpsc::channel();
    let call = move || {
        runs.send(()).unwrap();
        report.send(is_closed.recv_timeout(Duration::from_secs(10))).unwrap();
    };
    thread::queue_apc(told.recv().unwrap(), Box::new(call)).unwrap();
    running.recv().unwrap();
    winsock.close(here).unwrap();
    let _ = closed.send(());
    assert_eq!(reported.recv().unwrap(), Ok(()), "the close waited for the procedure call");
    assert_eq!(receiver.join().unwrap(), Err(WsaError::WSAEINTR));
    winsock.close(there).unwrap();
}

#[test]
fn rt_7_a_handle_is_good_on_every_thread() {
    let winsock = Winsock::start();
    let (here, there) = std::thread::scope(|scope| scope.spawn(|| winsock.pair(AF_INET)).join().unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            winsock.send(here, b"x", 0).unwrap();
            done.store(true, Ordering::Relaxed);
        });
    });
    assert!(done.load(Ordering::Relaxed));
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
    winsock.close_all([here, there]);
}
