//! The in-memory transport, through its dispatch table.
#![allow(unsafe_code, reason = "calls the provider through its C table")]

mod names;
mod options;
#[path = "../../../../crates/spi/tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use support::client::{Client, await_sleep, members, set, start, this_thread};
use support::fake;
use windlass_memory::{Memory, entries};
use windlass_spi::abi::*;
use windlass_spi::address::Address;

/// A process has one provider, so its tests take turns.
fn provider() -> (Client, Turn) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let client = start(windlass_spi::entry::<Memory>(), &stream()).unwrap();
    (client, Turn { client, _turn: turn })
}

struct Turn {
    client: Client,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Turn {
    /// Leaves nothing to the next, whether the test has cleaned up or failed.
    fn drop(&mut self) {
        let _ = self.client.clean_up();
    }
}

fn stream() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { dwCatalogEntryId: 1, ..entries()[0] }
}

fn datagram() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { dwCatalogEntryId: 2, ..entries()[1] }
}

/// A name on 127.0.0.1.
fn name(port: u16) -> Vec<u8> {
    named(&format!("127.0.0.1:{port}"))
}

fn named(text: &str) -> Vec<u8> {
    Address::from(text.parse::<SocketAddr>().unwrap()).as_bytes().to_vec()
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
    assert_eq!(client.get_sock_name(s), Err(WsaError::WSAEINVAL));
    assert_eq!(client.get_peer_name(s), Err(WsaError::WSAENOTCONN));
    assert_eq!(client.send(s, b"x"), Err(WsaError::WSAENOTCONN));
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
    assert_eq!(client.send(s, b"x"), Err(WsaError::WSAECONNRESET));
    assert_eq!(client.accept(a), Err(WsaError::WSAENOTSOCK));
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
    assert_eq!(client.send(s, &bytes), Err(WsaError::WSAEWOULDBLOCK));
    client.clean_up().unwrap();
}

// proves: WSP-SHUT-2, WSP-SHUT-4
#[test]
fn wsp_shut_4_half_a_connection_can_be_shut_down() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    client.send(s, b"last").unwrap();
    client.shutdown(s, SD_SEND).unwrap();
    assert_eq!(client.send(s, b"x"), Err(WsaError::WSAESHUTDOWN));
    assert_eq!((client.recv(a, 9), client.recv(a, 9)), (Ok(b"last".to_vec()), Ok(vec![])));
    assert_eq!(client.send(a, b"still"), Ok(5));
    assert_eq!(client.recv(s, 9), Ok(b"still".to_vec()));
    client.shutdown(s, SD_RECEIVE).unwrap();
    assert_eq!(client.recv(s, 9), Err(WsaError::WSAESHUTDOWN));
    let fresh = client.socket(&stream()).unwrap();
    assert_eq!(client.shutdown(fresh, SD_BOTH), Err(WsaError::WSAENOTCONN));
    client.clean_up().unwrap();
}

// proves: WSP-CONN-2, WSP-CONN-9, LC-ERR-11, OPT-5, EV-10
#[test]
fn wsp_conn_2_who_does_not_block_is_told_later() {
    let (client, _turn) = provider();
    let (s, event) = (client.socket(&stream()).unwrap(), fake::new_event());
    client.event_select(s, event, FD_CONNECT | FD_WRITE).unwrap();
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAEWOULDBLOCK));
    assert!(fake::is_set(event));
    let events = client.enum_network_events(s, event).unwrap();
    assert_eq!((events.lNetworkEvents, events.iErrorCode[FD_CONNECT_BIT]), (FD_CONNECT, WSAECONNREFUSED));
    let failed = || client.select(None, Some(&mut set(&[s])), Some(&mut set(&[s])), NOW);
    assert_eq!(failed(), Ok(1), "in the except set alone");
    assert_eq!(client.get_option(s, SOL_SOCKET, SO_ERROR), Ok(WSAECONNREFUSED));
    assert_eq!(client.get_option(s, SOL_SOCKET, SO_ERROR), Ok(0));
    assert_eq!(failed(), Ok(0));
    listener(&client, 80);
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAEWOULDBLOCK));
    assert_eq!(failed(), Ok(1), "in the write set alone");
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAEISCONN));
    assert_eq!(client.get_option(s, SOL_SOCKET, SO_ERROR), Ok(0));
    client.clean_up().unwrap();
}

// proves: WSP-RECV-6
#[test]
fn wsp_recv_6_a_receive_may_wait_for_all() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| client.recv_with(a, 6, MSG_WAITALL));
        for part in [b"on", b"e ", b"at"] {
            client.send(s, part).unwrap();
        }
        assert_eq!(receiver.join().unwrap(), Ok((b"one at".to_vec(), 0)));
    });
    client.send(s, b"rest").unwrap();
    client.shutdown(s, SD_SEND).unwrap();
    assert_eq!(client.recv_with(a, 6, MSG_WAITALL), Ok((b"rest".to_vec(), 0)));
    assert_eq!(client.recv_with(a, 6, MSG_WAITALL), Ok((vec![], 0)));
    for flags in [MSG_OOB, MSG_PARTIAL, MSG_WAITALL | MSG_PEEK] {
        assert_eq!(client.recv_with(a, 6, flags), Err(WsaError::WSAEOPNOTSUPP), "{flags}");
    }
    client.clean_up().unwrap();
}

// proves: WSP-RDIS-1, WSP-RDIS-2
#[test]
fn wsp_rdis_2_receiving_ends_without_a_word_to_the_peer() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    client.send(s, b"unread").unwrap();
    let disconnect = |s| {
        let mut errno = 0;
        // SAFETY: a function of a provider that has been started, with live arguments.
        let result = unsafe { (client.table.lpWSPRecvDisconnect)(s, ptr::null_mut(), &mut errno) };
        if result == 0 { Ok(()) } else { Err(WsaError::from_code(errno)) }
    };
    assert_eq!(disconnect(a), Ok(()));
    assert_eq!(client.recv(a, 9), Err(WsaError::WSAESHUTDOWN));
    assert_eq!((client.send(s, b"more"), client.send(a, b"back")), (Ok(4), Ok(4)));
    assert_eq!(client.recv(s, 9), Ok(b"back".to_vec()));
    assert_eq!(disconnect(client.socket(&stream()).unwrap()), Err(WsaError::WSAENOTCONN));
    client.clean_up().unwrap();
}

// proves: WSP-SDIS-1
#[test]
fn wsp_shut_2_what_nobody_will_read_resets() {
    let (client, _turn) = provider();
    for early in [true, false] {
        let (s, a) = pair(&client);
        if early {
            client.send(s, b"unread").unwrap();
        }
        client.shutdown(a, SD_RECEIVE).unwrap();
        assert_eq!(client.send(s, b"more"), Err(WsaError::WSAECONNRESET));
        assert_eq!(client.recv(s, 9), Err(WsaError::WSAECONNRESET));
        client.close(s).unwrap();
        client.close(a).unwrap();
    }
    let (s, a) = pair(&client);
    let disconnect = |data: &mut [WSABUF]| {
        let mut errno = 0;
        let data = if data.is_empty() { ptr::null_mut() } else { data.as_mut_ptr() };
        // SAFETY: a function of a provider that has been started, with live arguments.
        let result = unsafe { (client.table.lpWSPSendDisconnect)(s, data, &mut errno) };
        if result == 0 { Ok(()) } else { Err(WsaError::from_code(errno)) }
    };
    assert_eq!(disconnect(&mut [support::client::buffer(b"data")]), Err(WsaError::WSAENOPROTOOPT));
    assert_eq!(disconnect(&mut []), Ok(()));
    assert_eq!((client.send(s, b"x"), client.recv(a, 9)), (Err(WsaError::WSAESHUTDOWN), Ok(vec![])));
    client.clean_up().unwrap();
}

// proves: WSP-CONN-3, WSP-CONN-4, WSP-LISTEN-1, WSP-LISTEN-4, WSP-BIND-2, WSP-BIND-4
#[test]
fn states_that_do_not_fit_have_their_errors() {
    let (client, _turn) = provider();
    let s = client.socket(&stream()).unwrap();
    assert_eq!(client.listen(s), Err(WsaError::WSAEINVAL));
    assert_eq!(client.accept(s), Err(WsaError::WSAEINVAL));
    assert_eq!(client.recv(s, 1), Err(WsaError::WSAENOTCONN));
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAECONNREFUSED));
    assert_eq!(client.connect(s, &name(0)), Err(WsaError::WSAEADDRNOTAVAIL));
    assert_eq!(client.connect(s, &name(80)[..15]), Err(WsaError::WSAEFAULT));
    let l = listener(&client, 80);
    assert_eq!(client.bind(l, &name(81)), Err(WsaError::WSAEINVAL));
    assert_eq!(client.connect(l, &name(80)), Err(WsaError::WSAEINVAL));
    let other = client.socket(&stream()).unwrap();
    assert_eq!(client.bind(other, &name(80)), Err(WsaError::WSAEADDRINUSE));
    // After a refusal the socket can be connected (WSP-CONN-9); the queue takes five.
    client.connect(s, &name(80)).unwrap();
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAEISCONN));
    assert_eq!(client.listen(s), Err(WsaError::WSAEISCONN));
    let more: Vec<_> = (0..4).map(|_| client.socket(&stream()).unwrap()).collect();
    more.iter().for_each(|s| client.connect(*s, &name(80)).unwrap());
    assert_eq!(client.connect(other, &name(80)), Err(WsaError::WSAECONNREFUSED));
    let d = client.socket(&datagram()).unwrap();
    assert_eq!((client.listen(d), client.accept(d)), (Err(WsaError::WSAEOPNOTSUPP), Err(WsaError::WSAEOPNOTSUPP)));
    // The listener's queue is reset with it.
    client.close(l).unwrap();
    assert_eq!(client.recv(s, 1), Err(WsaError::WSAECONNRESET));
    client.clean_up().unwrap();
}

// proves: WSP-STO-1, WSP-STO-2, WSP-STO-3, WSP-RECV-4, WSP-CONN-5, WSP-SEND-3, WSP-SEND-7
#[test]
fn datagrams_keep_their_bounds() {
    let (client, _turn) = provider();
    let (a, b) = (client.socket(&datagram()).unwrap(), client.socket(&datagram()).unwrap());
    client.bind(b, &name(53)).unwrap();
    assert_eq!(client.send(a, b"x"), Err(WsaError::WSAENOTCONN));
    assert_eq!(client.recv(a, 1), Err(WsaError::WSAEINVAL), "not bound yet");
    assert_eq!(client.send_to(a, b"one", &name(53)), Ok(3));
    assert_eq!(client.send_to(a, b"", &name(53)), Ok(0));
    assert_eq!(client.send_to(a, b"three", &name(53)), Ok(5));
    let from = client.get_sock_name(a).unwrap();
    assert_eq!(from[4..8], [0; 4], "bound to every address");
    let from = name(u16::from_be_bytes([from[2], from[3]]));
    assert_eq!(client.recv_from(b, 10), Ok((b"one".to_vec(), from.clone())));
    assert_eq!(client.recv_from(b, 10), Ok((vec![], from.clone())));
    assert_eq!(client.recv_from(b, 4), Err(WsaError::WSAEMSGSIZE));
    assert_eq!(client.ioctl(b, FIONREAD, 0), Ok(0), "the rest is lost");
    assert_eq!(client.send_to(a, b"nobody", &name(54)), Ok(6));
    assert_eq!(client.send_to(a, &vec![0; 65_508], &name(53)), Err(WsaError::WSAEMSGSIZE));
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
    assert_eq!(client.accept(l), Err(WsaError::WSAEWOULDBLOCK));
    assert_eq!(client.ioctl(l, FIONBIO, 0), Err(WsaError::WSAEINVAL));
    let s = client.socket(&stream()).unwrap();
    client.event_select(s, se, all).unwrap();
    assert_eq!(client.connect(s, &name(80)), Err(WsaError::WSAEWOULDBLOCK));
    let took = |s, event, expected: i32| {
        assert_eq!(fake::is_set(event), expected != 0);
        assert_eq!(client.enum_network_events(s, event).unwrap().lNetworkEvents, expected);
        assert!(!fake::is_set(event));
    };
    took(s, se, FD_CONNECT | FD_WRITE);
    took(l, le, FD_ACCEPT);
    let a = client.accept(l).unwrap();
    // The accepted socket has the listener's registration.
    took(a, le, FD_WRITE);
    assert_eq!(client.recv(a, 1), Err(WsaError::WSAEWOULDBLOCK));
    client.send(s, b"abcd").unwrap();
    took(a, le, FD_READ);
    client.send(s, b"efgh").unwrap();
    took(a, le, 0);
    assert_eq!(client.recv(a, 4), Ok(b"abcd".to_vec()));
    took(a, le, FD_READ);
    assert_eq!(client.recv(a, 9), Ok(b"efgh".to_vec()));
    took(a, le, 0);
    // FD_WRITE comes again only after a send that would have blocked.
    while client.send(s, &[0; 50_000]) != Err(WsaError::WSAEWOULDBLOCK) {}
    took(s, se, 0);
    while client.recv(a, 100_000).is_ok() {}
    took(s, se, FD_WRITE);
    took(a, le, FD_READ);
    client.close(s).unwrap();
    assert!(fake::is_set(le), "by the close");
    let events = client.enum_network_events(a, le).unwrap();
    assert_eq!((events.lNetworkEvents, events.iErrorCode[FD_CLOSE_BIT]), (FD_CLOSE, 0));
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
                assert_eq!(call(), Err(WsaError::WSAEINTR));
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
    assert_eq!(client.accept_asking(l, &|| CF_DEFER), Err(WsaError::WSATRY_AGAIN));
    assert_eq!(client.accept_asking(l, &|| 9), Err(WsaError::WSAEINVAL));
    let a = client.accept_asking(l, &|| CF_ACCEPT).unwrap();
    assert_eq!(client.get_peer_name(a), client.get_sock_name(sockets[0]));
    client.connect(sockets[1], &name(80)).unwrap();
    assert_eq!(client.accept_asking(l, &|| CF_REJECT), Err(WsaError::WSAECONNREFUSED));
    assert_eq!(client.recv(sockets[1], 1), Err(WsaError::WSAECONNRESET));
    client.clean_up().unwrap();
}
