//! `WSPListen` and `WSPAccept`.

use std::time::Duration;

use windlass_abi::*;

use crate::support::callbacks::{Asked, Seen};
use crate::support::{PATIENCE, Winsock, families, spawn_blocked};

#[test]
fn wsp_listen_1_needs_a_bound_unconnected_stream() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.listen(s, 5), Err(WsaError::WSAEINVAL));
    let (d, _) = winsock.datagram(AF_INET);
    assert_eq!(winsock.listen(d, 5), Err(WsaError::WSAEOPNOTSUPP));
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.listen(here, 5), Err(WsaError::WSAEISCONN));
    assert_eq!(winsock.listen(there, 5), Err(WsaError::WSAEISCONN));
    winsock.close_all([s, d, here, there]);
}

// proves: WSP-LISTEN-3
#[test]
fn wsp_listen_2_any_backlog_will_do_and_may_change() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    for backlog in [SOMAXCONN, 0, 1, -200, i32::MIN, 5] {
        assert_eq!(winsock.listen(listener, backlog), Ok(()), "backlog {backlog}");
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.connect(s, at).unwrap();
        let (there, _) = winsock.accept(listener).unwrap();
        winsock.close_all([s, there]);
    }
    winsock.close_all([listener]);
}

#[test]
fn wsp_accept_1_takes_the_first_and_goes_on_listening() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let clients = [0, 1, 2].map(|_| winsock.socket(family, SOCK_STREAM));
        for s in clients {
            winsock.connect(s, at).unwrap();
        }
        for s in clients {
            let (there, peer) = winsock.accept(listener).unwrap();
            assert_eq!(peer, winsock.sock_name(s).unwrap());
            assert_eq!(winsock.accept(there).unwrap_err(), WsaError::WSAEINVAL);
            winsock.close_all([there, s]);
        }
        winsock.close_all([listener]);
    }
}

#[test]
fn accept_needs_a_listening_stream() {
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    assert_eq!(winsock.accept(s).unwrap_err(), WsaError::WSAEINVAL);
    let (d, _) = winsock.datagram(AF_INET);
    assert_eq!(winsock.accept(d).unwrap_err(), WsaError::WSAEOPNOTSUPP);
    winsock.close_all([s, d]);
}

#[test]
fn wsp_accept_2_the_new_socket_has_the_listeners_properties() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    winsock.set_int(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    winsock.set_int(listener, SOL_SOCKET, SO_RCVTIMEO, 1234);
    winsock.set_int(listener, SOL_SOCKET, SO_OOBINLINE, 1);
    winsock.set_linger(listener, Some(7));
    winsock.set_nonblocking(listener, true).unwrap();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    winsock.wait_readable(listener);
    let (there, _) = winsock.accept(listener).unwrap();
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    assert_ne!(winsock.int_option(there, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_ne!(winsock.int_option(there, SOL_SOCKET, SO_OOBINLINE), 0);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_RCVTIMEO), 1234);
    assert_eq!(winsock.option(there, SOL_SOCKET, SO_LINGER, 4).unwrap(), [1, 0, 7, 0]);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_ACCEPTCONN), 0);
    winsock.set_linger(there, None);
    winsock.close_all([s, there, listener]);
}

#[test]
fn wsp_accept_4_an_empty_queue_would_block() {
    let winsock = Winsock::start();
    let (listener, _) = winsock.listener(AF_INET);
    winsock.set_nonblocking(listener, true).unwrap();
    assert_eq!(winsock.accept(listener).unwrap_err(), WsaError::WSAEWOULDBLOCK);
    winsock.close_all([listener]);
}

#[test]
fn wsp_accept_4_a_blocking_accept_waits() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    std::thread::scope(|scope| {
        let accepted = spawn_blocked(scope, || winsock.accept(listener));
        assert!(!accepted.is_finished());
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.connect(s, at).unwrap();
        let (there, peer) = accepted.join().unwrap().unwrap();
        assert_eq!(peer, winsock.sock_name(s).unwrap());
        winsock.close_all([s, there]);
    });
    winsock.close_all([listener]);
}

#[test]
fn wsp_accept_5_too_little_room_for_the_address_takes_nothing() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let s = winsock.socket(family, SOCK_STREAM);
        winsock.connect(s, at).unwrap();
        let short = if family == AF_INET { 15 } else { 27 };
        assert_eq!(winsock.accept_into(listener, &mut vec![0; short]), Err(WsaError::WSAEFAULT));
        let (there, _) = winsock.accept(listener).unwrap();
        winsock.close_all([s, there, listener]);
    }
}

// proves: WSP-ACCEPT-9, WSP-ACCEPT-10
#[test]
fn wsp_accept_6_the_condition_function_sees_both_names_on_the_callers_thread() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let s = winsock.socket(family, SOCK_STREAM);
        winsock.connect(s, at).unwrap();
        let asked = Asked::with(&[CF_ACCEPT]);
        let there = asked.accept(&winsock, listener).unwrap();
        let caller = winsock.sock_name(s).unwrap();
        let thread = std::thread::current().id();
        assert_eq!(asked.seen(), [Seen { caller, callee: at, extras: false, thread }]);
        assert_eq!(winsock.send(there, b"hi", 0), Ok(2));
        assert_eq!(winsock.recv(s, 9, 0).unwrap(), b"hi");
        winsock.close_all([s, there, listener]);
    }
}

// proves: WSP-ACCEPT-11
#[test]
fn wsp_accept_7_a_rejected_peer_is_reset() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    assert_eq!(Asked::with(&[CF_REJECT]).accept(&winsock, listener), Err(WsaError::WSAECONNREFUSED));
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAECONNRESET));
    // The next one is not affected.
    let next = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(next, at).unwrap();
    let (there, _) = winsock.accept(listener).unwrap();
    winsock.close_all([s, next, there, listener]);
}

#[test]
fn wsp_accept_7_a_deferred_connection_stays_at_the_head() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let [first, second] = [0, 1].map(|_| winsock.socket(AF_INET, SOCK_STREAM));
    winsock.connect(first, at).unwrap();
    winsock.connect(second, at).unwrap();
    let asked = Asked::with(&[CF_DEFER, CF_DEFER, CF_ACCEPT, CF_ACCEPT]);
    assert_eq!(asked.accept(&winsock, listener), Err(WsaError::WSATRY_AGAIN));
    assert_eq!(asked.accept(&winsock, listener), Err(WsaError::WSATRY_AGAIN));
    winsock.wait_readable(listener);
    let there = asked.accept(&winsock, listener).unwrap();
    assert_eq!(winsock.peer_name(there), winsock.sock_name(first));
    let other = asked.accept(&winsock, listener).unwrap();
    assert_eq!(winsock.peer_name(other), winsock.sock_name(second));
    let callers: Vec<_> = asked.seen().iter().map(|seen| seen.caller).collect();
    let [first_name, second_name] = [first, second].map(|s| winsock.sock_name(s).unwrap());
    assert_eq!(callers, [first_name, first_name, first_name, second_name]);
    winsock.close_all([first, second, there, other, listener]);
}

// A plain accept takes what a condition function left.
#[test]
fn wsp_accept_7_a_deferred_connection_can_be_accepted_without_condition() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    winsock.set_nonblocking(listener, true).unwrap();
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    winsock.wait_readable(listener);
    assert_eq!(Asked::with(&[CF_DEFER]).accept(&winsock, listener), Err(WsaError::WSATRY_AGAIN));
    let (there, peer) = winsock.accept(listener).unwrap();
    assert_eq!(peer, winsock.sock_name(s).unwrap());
    assert_eq!(winsock.accept(listener).unwrap_err(), WsaError::WSAEWOULDBLOCK);
    winsock.close_all([s, there, listener]);
}

#[test]
fn wsp_accept_7_any_other_answer_is_invalid_and_loses_nothing() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    let asked = Asked::with(&[3, -1, CF_ACCEPT]);
    assert_eq!(asked.accept(&winsock, listener), Err(WsaError::WSAEINVAL));
    assert_eq!(asked.accept(&winsock, listener), Err(WsaError::WSAEINVAL));
    let there = asked.accept(&winsock, listener).unwrap();
    winsock.close_all([s, there, listener]);
}

// proves: WSP-CLOSE-1
#[test]
fn closing_a_listener_refuses_whom_it_kept_waiting() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let [deferred, queued] = [0, 1].map(|_| winsock.socket(AF_INET, SOCK_STREAM));
    winsock.connect(deferred, at).unwrap();
    winsock.connect(queued, at).unwrap();
    assert_eq!(Asked::with(&[CF_DEFER]).accept(&winsock, listener), Err(WsaError::WSATRY_AGAIN));
    winsock.close(listener).unwrap();
    for s in [deferred, queued] {
        assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAECONNRESET));
        winsock.close(s).unwrap();
    }
}

#[test]
fn wsp_select_6_a_pending_connection_is_readable() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let nothing = winsock.select(&[listener], &[listener], &[listener], Some(Duration::ZERO)).unwrap();
    assert_eq!(nothing, [const { Vec::new() }; 3]);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(s, at).unwrap();
    let [read, write, except] = winsock.select(&[listener], &[listener], &[listener], Some(PATIENCE)).unwrap();
    assert_eq!((read, write, except), (vec![listener], vec![], vec![]));
    winsock.close_all([s, listener]);
}

#[test]
fn accepted_sockets_are_closed_on_exec_and_never_block_in_the_kernel() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let d = winsock.socket(AF_INET, SOCK_DGRAM);
    for s in [here, there, d] {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{s}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        assert_eq!(flags & 0o2004000, 0o2004000, "flags {flags:o}");
    }
    winsock.close_all([here, there, d]);
}
