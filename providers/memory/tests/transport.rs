//! The in-memory transport, through its dispatch table.
#![allow(unsafe_code, reason = "calls the provider through its C table")]

#[path = "../../../crates/spi/tests/support/mod.rs"]
mod support;

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use support::client::{Client, await_sleep, members, set, start, this_thread};
use support::fake;
use windlass_memory::{Memory, address, entries};
use windlass_spi::abi::WsaError::*;
use windlass_spi::abi::{
    CF_ACCEPT, CF_DEFER, CF_REJECT, FD_ACCEPT, FD_CLOSE, FD_CLOSE_BIT, FD_CONNECT, FD_READ, FD_WRITE, FIONBIO,
    FIONREAD, MSG_PEEK, SD_BOTH, SD_RECEIVE, SD_SEND, SO_ACCEPTCONN, SO_KEEPALIVE, SO_MAX_MSG_SIZE, SO_TYPE,
    SOCK_DGRAM, SOCK_STREAM, SOCKET, SOL_SOCKET, TIMEVAL, WSAPROTOCOL_INFOW, WsaError,
};

/// A process has one provider, so its tests take turns.
fn provider() -> (Client, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (start(windlass_spi::entry::<Memory>(), &stream()).unwrap(), turn)
}

fn stream() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { dwCatalogEntryId: 1, ..entries()[0] }
}

fn datagram() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { dwCatalogEntryId: 2, ..entries()[1] }
}

fn name(port: u16) -> Vec<u8> {
    address(port).as_bytes().to_vec()
}

fn listener(client: &Client, port: u16) -> SOCKET {
    let s = client.socket(&stream()).unwrap();
    client.bind(s, &name(port)).unwrap();
    client.listen(s).unwrap();
    s
}

/// Both ends of a connection: connected, accepted.
fn pair(client: &Client) -> (SOCKET, SOCKET) {
    let l = listener(client, 7);
    let s = client.socket(&stream()).unwrap();
    client.connect(s, &name(7)).unwrap();
    let accepted = client.accept(l).unwrap();
    client.close(l).unwrap();
    (s, accepted)
}

const NOW: Option<TIMEVAL> = Some(TIMEVAL { tv_sec: 0, tv_usec: 0 });

// proves: WSP-ACCEPT-1, WSP-ACCEPT-3, WSP-RECV-2, WSP-RECV-5, WSP-GSN-1, WSP-GPN-1
#[test]
fn a_stream_carries_bytes_both_ways_until_it_ends() {
    let (client, _turn) = provider();
    let l = listener(&client, 80);
    let s = client.socket(&stream()).unwrap();
    assert_eq!(client.get_sock_name(s), Err(WSAEINVAL));
    assert_eq!(client.get_peer_name(s), Err(WSAENOTCONN));
    assert_eq!(client.send(s, b"x"), Err(WSAENOTCONN));
    client.connect(s, &name(80)).unwrap();
    let (accepted, peer) = client.accept_from(l, None, 0);
    let a = accepted.unwrap();
    assert_eq!(peer, client.get_sock_name(s).unwrap());
    assert_eq!((client.get_peer_name(s), client.get_sock_name(a)), (Ok(name(80)), Ok(name(80))));
    assert_eq!((client.send(s, b"hello "), client.send(s, b"world")), (Ok(6), Ok(5)));
    assert_eq!(client.ioctl(a, FIONREAD, 0), Ok(11));
    assert_eq!(client.recv_with(a, 3, MSG_PEEK), Ok((b"hel".to_vec(), 0)));
    assert_eq!(client.recv(a, 8), Ok(b"hello wo".to_vec()));
    assert_eq!(client.recv(a, 8), Ok(b"rld".to_vec()));
    client.send(a, b"bye").unwrap();
    client.close(a).unwrap();
    assert_eq!(client.recv(s, 8), Ok(b"bye".to_vec()));
    assert_eq!((client.recv(s, 8), client.recv(s, 8)), (Ok(vec![]), Ok(vec![])));
    assert_eq!(client.send(s, b"x"), Err(WSAECONNRESET));
    assert_eq!(client.accept(a), Err(WSAENOTSOCK));
    client.clean_up().unwrap();
}

// proves: WSP-SEND-2
#[test]
fn a_blocking_send_takes_everything_and_another_what_fits() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.send(s, &bytes), Ok(bytes.len() as u32)));
        let mut received = Vec::new();
        while received.len() < bytes.len() {
            received.extend(client.recv(a, 30_000).unwrap());
        }
        assert!(received == bytes);
    });
    client.ioctl(s, FIONBIO, 1).unwrap();
    let sent = client.send(s, &bytes).unwrap();
    assert!(sent > 0 && (sent as usize) < bytes.len());
    assert_eq!(client.send(s, &bytes), Err(WSAEWOULDBLOCK));
    client.clean_up().unwrap();
}

// proves: WSP-SHUT-2, WSP-SHUT-4
#[test]
fn wsp_shut_4_half_a_connection_can_be_shut_down() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    client.send(s, b"last").unwrap();
    client.shutdown(s, SD_SEND).unwrap();
    assert_eq!(client.send(s, b"x"), Err(WSAESHUTDOWN));
    assert_eq!((client.recv(a, 9), client.recv(a, 9)), (Ok(b"last".to_vec()), Ok(vec![])));
    assert_eq!(client.send(a, b"still"), Ok(5));
    assert_eq!(client.recv(s, 9), Ok(b"still".to_vec()));
    client.shutdown(s, SD_RECEIVE).unwrap();
    assert_eq!(client.recv(s, 9), Err(WSAESHUTDOWN));
    let fresh = client.socket(&stream()).unwrap();
    assert_eq!(client.shutdown(fresh, SD_BOTH), Err(WSAENOTCONN));
    client.clean_up().unwrap();
}

// proves: WSP-CONN-3, WSP-CONN-4, WSP-LISTEN-1, WSP-LISTEN-4, WSP-BIND-2, WSP-BIND-4
#[test]
fn states_that_do_not_fit_have_their_errors() {
    let (client, _turn) = provider();
    let s = client.socket(&stream()).unwrap();
    assert_eq!(client.listen(s), Err(WSAEINVAL));
    assert_eq!(client.accept(s), Err(WSAEINVAL));
    assert_eq!(client.recv(s, 1), Err(WSAENOTCONN));
    assert_eq!(client.connect(s, &name(80)), Err(WSAECONNREFUSED));
    assert_eq!(client.connect(s, &name(0)), Err(WSAEADDRNOTAVAIL));
    assert_eq!(client.connect(s, &[2, 0, 0, 80]), Err(WSAEFAULT));
    let l = listener(&client, 80);
    assert_eq!(client.bind(l, &name(81)), Err(WSAEINVAL));
    assert_eq!(client.connect(l, &name(80)), Err(WSAEINVAL));
    let other = client.socket(&stream()).unwrap();
    assert_eq!(client.bind(other, &name(80)), Err(WSAEADDRINUSE));
    // After a refusal the socket can be connected (WSP-CONN-9); the queue takes five.
    client.connect(s, &name(80)).unwrap();
    assert_eq!(client.connect(s, &name(80)), Err(WSAEISCONN));
    assert_eq!(client.listen(s), Err(WSAEISCONN));
    let more: Vec<_> = (0..4).map(|_| client.socket(&stream()).unwrap()).collect();
    more.iter().for_each(|s| client.connect(*s, &name(80)).unwrap());
    assert_eq!(client.connect(other, &name(80)), Err(WSAECONNREFUSED));
    let d = client.socket(&datagram()).unwrap();
    assert_eq!((client.listen(d), client.accept(d)), (Err(WSAEOPNOTSUPP), Err(WSAEOPNOTSUPP)));
    // The listener's queue is reset with it.
    client.close(l).unwrap();
    assert_eq!(client.recv(s, 1), Err(WSAECONNRESET));
    client.clean_up().unwrap();
}

// proves: WSP-STO-1, WSP-STO-2, WSP-STO-3, WSP-RECV-4, WSP-CONN-5, WSP-SEND-3, WSP-SEND-7
#[test]
fn datagrams_keep_their_bounds() {
    let (client, _turn) = provider();
    let (a, b) = (client.socket(&datagram()).unwrap(), client.socket(&datagram()).unwrap());
    client.bind(b, &name(53)).unwrap();
    assert_eq!(client.send(a, b"x"), Err(WSAENOTCONN));
    assert_eq!(client.recv(a, 1), Err(WSAEINVAL), "not bound yet");
    assert_eq!(client.send_to(a, b"one", &name(53)), Ok(3));
    assert_eq!(client.send_to(a, b"", &name(53)), Ok(0));
    assert_eq!(client.send_to(a, b"three", &name(53)), Ok(5));
    let from = client.get_sock_name(a).unwrap();
    assert_eq!(client.recv_from(b, 10), Ok((b"one".to_vec(), from.clone())));
    assert_eq!(client.recv_from(b, 10), Ok((vec![], from.clone())));
    assert_eq!(client.recv_from(b, 4), Err(WSAEMSGSIZE));
    assert_eq!(client.ioctl(b, FIONREAD, 0), Ok(0), "the rest is lost");
    assert_eq!(client.send_to(a, b"nobody", &name(54)), Ok(6));
    assert_eq!(client.send_to(a, &vec![0; 65_536], &name(53)), Err(WSAEMSGSIZE));
    // Connected: others are not heard any more.
    client.connect(b, &from).unwrap();
    let c = client.socket(&datagram()).unwrap();
    client.send_to(c, b"stranger", &name(53)).unwrap();
    client.send_to(a, b"friend", &name(53)).unwrap();
    assert_eq!(client.recv(b, 10), Ok(b"friend".to_vec()));
    assert_eq!(client.send(b, b"back"), Ok(4));
    assert_eq!(client.recv(a, 10), Ok(b"back".to_vec()));
    client.clean_up().unwrap();
}

// proves: WSP-SELECT-4, WSP-SELECT-6
#[test]
fn select_waits_for_what_happens() {
    let (client, _turn) = provider();
    let l = listener(&client, 80);
    assert_eq!(client.select(Some(&mut set(&[l])), None, None, NOW), Ok(0));
    thread::scope(|scope| {
        let client = &client;
        let (send, connected) = mpsc::channel();
        scope.spawn(move || {
            let s = client.socket(&stream()).unwrap();
            client.connect(s, &name(80)).unwrap();
            send.send(s).unwrap();
        });
        let mut read = set(&[l]);
        assert_eq!(client.select(Some(&mut read), None, None, None), Ok(1));
        assert_eq!(members(&read), [l]);
        let (a, s) = (client.accept(l).unwrap(), connected.recv().unwrap());
        let (mut read, mut write) = (set(&[a, s]), set(&[a, l, s]));
        assert_eq!(client.select(Some(&mut read), Some(&mut write), None, NOW), Ok(2));
        assert_eq!((members(&read), members(&write)), (&[][..], &[a, s][..]));
        scope.spawn(move || client.send(s, b"x").unwrap());
        let mut read = set(&[a]);
        assert_eq!(client.select(Some(&mut read), None, None, Some(TIMEVAL { tv_sec: 60, tv_usec: 0 })), Ok(1));
    });
    client.clean_up().unwrap();
}

// proves: MODE-2, MODE-3, WSP-ESEL-1, WSP-ESEL-5, WSP-ENUM-1, EV-2, EV-3, EV-4, EV-5, EV-7, WSP-ACCEPT-2, EV-12
#[test]
fn ev_2_an_event_is_recorded_once_until_it_is_enabled_again() {
    let (client, _turn) = provider();
    let l = listener(&client, 80);
    let (le, se) = (fake::new_event(), fake::new_event());
    let all = FD_ACCEPT | FD_READ | FD_WRITE | FD_CLOSE | FD_CONNECT;
    client.event_select(l, le, all).unwrap();
    assert_eq!(client.accept(l), Err(WSAEWOULDBLOCK));
    assert_eq!(client.ioctl(l, FIONBIO, 0), Err(WSAEINVAL));
    let s = client.socket(&stream()).unwrap();
    client.event_select(s, se, all).unwrap();
    client.connect(s, &name(80)).unwrap();
    let took = |s, event, expected: i32| {
        assert_eq!(fake::is_set(event), expected != 0);
        assert_eq!(client.enum_network_events(s, event).unwrap().lNetworkEvents, expected);
        assert!(!fake::is_set(event));
    };
    took(s, se, FD_CONNECT | FD_WRITE);
    took(l, le, FD_ACCEPT);
    let a = client.accept(l).unwrap();
    // The accepted socket has the listener's registration.
    took(a, le, FD_WRITE | FD_CONNECT);
    assert_eq!(client.recv(a, 1), Err(WSAEWOULDBLOCK));
    client.send(s, b"abcd").unwrap();
    took(a, le, FD_READ);
    client.send(s, b"efgh").unwrap();
    took(a, le, 0);
    assert_eq!(client.recv(a, 4), Ok(b"abcd".to_vec()));
    took(a, le, FD_READ);
    assert_eq!(client.recv(a, 9), Ok(b"efgh".to_vec()));
    took(a, le, 0);
    // FD_WRITE comes again only after a send that would have blocked.
    while client.send(s, &[0; 50_000]) != Err(WSAEWOULDBLOCK) {}
    took(s, se, 0);
    while client.recv(a, 100_000).is_ok() {}
    took(s, se, FD_WRITE);
    took(a, le, FD_READ);
    client.close(s).unwrap();
    assert_eq!(client.enum_network_events(a, ptr::null_mut()).unwrap().iErrorCode[FD_CLOSE_BIT], 0);
    assert_eq!(client.event_select(a, ptr::null_mut(), 0), Ok(()));
    client.ioctl(a, FIONBIO, 0).unwrap();
    client.clean_up().unwrap();
}

// proves: WSP-CLOSE-2, WSP-CLOSE-4
#[test]
fn wsp_cleanup_6_every_blocked_call_ends() {
    let (client, _turn) = provider();
    let (s, _a) = pair(&client);
    let l = listener(&client, 80);
    let d = client.socket(&datagram()).unwrap();
    client.bind(d, &name(53)).unwrap();
    let (x, _y) = pair(&client);
    let event = fake::new_event();
    client.event_select(x, event, FD_CLOSE).unwrap();
    let calls: [&(dyn Fn() -> Result<(), WsaError> + Sync); 5] = [
        &|| client.recv(s, 1).map(drop),
        &|| client.send(s, &vec![0; 1_000_000]).map(drop),
        &|| client.accept(l).map(drop),
        &|| client.recv(d, 1).map(drop),
        &|| client.select(Some(&mut set(&[d, l])), None, None, None).map(drop),
    ];
    thread::scope(|scope| {
        let (send, begun) = mpsc::channel();
        for call in calls {
            let send = send.clone();
            scope.spawn(move || {
                send.send(this_thread()).unwrap();
                assert_eq!(call(), Err(WSAEINTR));
            });
        }
        for _ in calls {
            await_sleep(&begun.recv().unwrap());
        }
        client.close(s).unwrap();
        client.clean_up().unwrap();
    });
    assert!(!fake::is_set(event));
}

#[test]
fn wsp_cleanup_16_what_was_sent_before_a_close_arrives() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    client.send(s, &[7; 200_000]).unwrap();
    client.close(s).unwrap();
    let mut received = 0;
    while received < 200_000 {
        received += client.recv(a, 65_536).unwrap().len();
    }
    assert_eq!(client.recv(a, 1), Ok(vec![]));
    client.clean_up().unwrap();
}

// proves: WSP-ACCEPT-7, WSP-ACCEPT-8
#[test]
fn wsp_accept_7_the_client_decides() {
    let (client, _turn) = provider();
    let l = listener(&client, 80);
    let sockets = [0, 1].map(|_| client.socket(&stream()).unwrap());
    client.connect(sockets[0], &name(80)).unwrap();
    assert_eq!(client.accept_asking(l, &|| CF_DEFER), Err(WSATRY_AGAIN));
    assert_eq!(client.accept_asking(l, &|| 9), Err(WSAEINVAL));
    let a = client.accept_asking(l, &|| CF_ACCEPT).unwrap();
    assert_eq!(client.get_peer_name(a), client.get_sock_name(sockets[0]));
    client.connect(sockets[1], &name(80)).unwrap();
    assert_eq!(client.accept_asking(l, &|| CF_REJECT), Err(WSAECONNREFUSED));
    assert_eq!(client.recv(sockets[1], 1), Err(WSAECONNRESET));
    client.clean_up().unwrap();
}

// proves: OPT-1, WSP-GSO-1
#[test]
fn options_and_names_say_what_there_is() {
    let (client, _turn) = provider();
    let (l, d) = (listener(&client, 80), client.socket(&datagram()).unwrap());
    let option = |s, name| client.get_option(s, SOL_SOCKET, name);
    assert_eq!((option(l, SO_TYPE), option(d, SO_TYPE)), (Ok(SOCK_STREAM), Ok(SOCK_DGRAM)));
    assert_eq!((option(l, SO_ACCEPTCONN), option(d, SO_ACCEPTCONN)), (Ok(1), Ok(0)));
    assert_eq!((option(d, SO_MAX_MSG_SIZE), option(l, SO_MAX_MSG_SIZE)), (Ok(65_535), Err(WSAENOPROTOOPT)));
    assert_eq!((option(l, SO_KEEPALIVE), client.get_option(l, 6, 1)), (Err(WSAENOPROTOOPT), Err(WSAEINVAL)));
    assert_eq!(client.address_to_string(&name(80), &stream()), Ok("memory:80".into()));
    assert_eq!(client.address_to_string(&[2, 0, 0, 80], &stream()), Err(WSAEINVAL));
    assert_eq!(client.string_to_address("memory:443", 0, &stream()), Ok(name(443)));
    assert_eq!(client.string_to_address("memory", 200, &stream()), Ok(name(0)));
    for wrong in ["", "memory:", "memory:70000", "memory:1x", "127.0.0.1"] {
        assert_eq!(client.string_to_address(wrong, 200, &stream()), Err(WSAEINVAL), "{wrong}");
    }
    assert_eq!(client.string_to_address("memory:1", 2, &stream()), Err(WSAEINVAL));
    client.clean_up().unwrap();
}
