//! Network events (contract: transport, sections 5.9, 5.10 and 6).

use std::time::Duration;

use windlass_abi::*;
use windlass_io::Handle;
use windlass_io::wait::{Outcome, wait_for};

use crate::support::upcalls::{TestEvent, open_window, take_messages};
use crate::support::{A_WHILE, PATIENCE, Winsock, eventually, families, loopback};

/// A socket with a registration.
struct Registered<'w> {
    winsock: &'w Winsock,
    s: SOCKET,
    event: TestEvent,
}

impl<'w> Registered<'w> {
    fn new(winsock: &'w Winsock, s: SOCKET, mask: i32) -> Self {
        let event = TestEvent::new();
        winsock.event_select(s, event.handle(), mask).unwrap();
        Self { winsock, s, event }
    }

    /// Waits for the event and takes the record.
    fn take(&self) -> WSANETWORKEVENTS {
        self.event.wait("no event");
        self.winsock.enum_network_events(self.s, self.event.handle()).unwrap()
    }

    /// Waits until exactly these events were recorded, which may come one by one. All have succeeded.
    fn expect(&self, bits: i32) {
        let mut seen = 0;
        while seen != bits {
            let events = self.take();
            seen |= events.lNetworkEvents;
            assert_eq!(seen & !bits, 0, "unexpected events {seen:#x}, awaited {bits:#x}");
            for bit in (0..FD_MAX_EVENTS).filter(|bit| events.lNetworkEvents & 1 << bit != 0) {
                assert_eq!(events.iErrorCode[bit], 0, "bit {bit}");
            }
        }
    }

    /// Waits for this event alone, and gives its code.
    fn expect_code(&self, bit: usize) -> i32 {
        let events = self.take();
        assert_eq!(events.lNetworkEvents, 1 << bit);
        events.iErrorCode[bit]
    }

    /// Makes sure that nothing is recorded for a while.
    fn expect_nothing(&self) {
        let waited = wait_for(&[Handle::from(self.event.handle())], false, Some(A_WHILE), false);
        assert_eq!(waited, Ok(Outcome::TimedOut), "{:?}", self.winsock.enum_network_events(self.s, WSA_INVALID_EVENT));
        let events = self.winsock.enum_network_events(self.s, WSA_INVALID_EVENT).unwrap();
        assert_eq!(events.lNetworkEvents, 0);
    }
}

const ALL: i32 = FD_READ | FD_WRITE | FD_OOB | FD_ACCEPT | FD_CONNECT | FD_CLOSE;

#[test]
fn ev_4_half_read_data_is_recorded_again() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        let registered = Registered::new(&winsock, there, FD_READ | FD_CLOSE);
        winsock.send(here, &[7; 100], 0).unwrap();
        registered.expect(FD_READ);
        assert_eq!(winsock.recv(there, 50, 0).unwrap().len(), 50);
        registered.expect(FD_READ);
        assert_eq!(winsock.recv(there, 100, 0).unwrap().len(), 50);
        registered.expect_nothing();
        winsock.close_all([here, there]);
    }
}

// proves: EV-3
#[test]
fn ev_2_more_data_is_not_recorded_before_a_receive() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_READ);
    winsock.send(here, b"one", 0).unwrap();
    registered.expect(FD_READ);
    winsock.send(here, b"two", 0).unwrap();
    registered.expect_nothing();
    // A receive that fails enables as well.
    assert_eq!(winsock.recv(there, 1, MSG_OOB), Err(WsaError::WSAEWOULDBLOCK));
    registered.expect(FD_READ);
    winsock.close_all([here, there]);
}

#[test]
fn wsp_esel_5_what_is_true_already_is_recorded_at_once() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.send(here, b"data", 0).unwrap();
    winsock.wait_readable(there);
    let event = TestEvent::new();
    winsock.event_select(there, event.handle(), ALL).unwrap();
    assert!(event.is_set(), "in the call itself");
    let events = winsock.enum_network_events(there, event.handle()).unwrap();
    assert_eq!(events.lNetworkEvents, FD_READ | FD_WRITE);
    assert!(!event.is_set());

    let (listener, at) = winsock.listener(AF_INET);
    let waiting = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(waiting, at).unwrap();
    winsock.wait_readable(listener);
    winsock.event_select(listener, event.handle(), FD_ACCEPT).unwrap();
    assert!(event.is_set());
    winsock.close_all([here, there, listener, waiting]);
}

#[test]
fn ev_5_write_comes_once_and_after_a_send_that_would_block() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, here, FD_WRITE);
    registered.expect(FD_WRITE);
    winsock.send(here, b"fits", 0).unwrap();
    registered.expect_nothing();
    let mut sent = 4;
    loop {
        match winsock.send(here, &[1; 65536], 0) {
            Ok(bytes) => sent += bytes,
            Err(error) => break assert_eq!(error, WsaError::WSAEWOULDBLOCK),
        }
    }
    registered.expect_nothing();
    let mut received = 0;
    while received < sent {
        received += winsock.recv(there, 1 << 20, 0).unwrap().len();
    }
    registered.expect(FD_WRITE);
    winsock.close_all([here, there]);
}

#[test]
fn ev_7_a_graceful_close_is_recorded_after_the_data() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        let registered = Registered::new(&winsock, there, FD_READ | FD_CLOSE);
        winsock.send(here, b"last words", 0).unwrap();
        winsock.close(here).unwrap();
        assert_eq!(registered.expect_code(FD_READ_BIT), 0);
        registered.expect_nothing();
        assert_eq!(winsock.recv(there, 4, 0).unwrap(), b"last");
        assert_eq!(registered.expect_code(FD_READ_BIT), 0);
        assert_eq!(winsock.recv(there, 40, 0).unwrap(), b" words");
        assert_eq!(registered.expect_code(FD_CLOSE_BIT), 0);
        // The end itself is not readable data, and told once.
        assert_eq!(winsock.recv(there, 40, 0).unwrap(), b"");
        registered.expect_nothing();
        winsock.close(there).unwrap();
    }
}

#[test]
fn ev_7_a_reset_has_its_code() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_READ | FD_CLOSE);
    winsock.set_linger(here, Some(0));
    winsock.close(here).unwrap();
    assert_eq!(registered.expect_code(FD_CLOSE_BIT), WSAECONNRESET);
    // The event has not used up what a receive is to tell.
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAECONNRESET));
    registered.expect_nothing();
    winsock.close(there).unwrap();
}

#[test]
fn ev_7_our_own_shutdown_is_no_close() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_CLOSE);
    winsock.shutdown(there, SD_RECEIVE).unwrap();
    winsock.shutdown(there, SD_SEND).unwrap();
    registered.expect_nothing();
    winsock.close(here).unwrap();
    assert_eq!(registered.expect_code(FD_CLOSE_BIT), 0);
    winsock.close(there).unwrap();
}

// proves: WSP-CONN-2
#[test]
fn ev_10_a_connect_is_told_with_its_outcome() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        let s = winsock.socket(family, SOCK_STREAM);
        let registered = Registered::new(&winsock, s, ALL);
        registered.expect_nothing();
        let connected = winsock.connect(s, at);
        assert!(matches!(connected, Ok(()) | Err(WsaError::WSAEWOULDBLOCK)), "{connected:?}");
        registered.expect(FD_CONNECT | FD_WRITE);
        registered.expect_nothing();
        winsock.send(s, b"!", 0).unwrap();

        // Nobody listens on a port that was given up.
        winsock.close(listener).unwrap();
        let refused = winsock.socket(family, SOCK_STREAM);
        let registered = Registered::new(&winsock, refused, ALL);
        for _ in 0..2 {
            // Another attempt is told again (WSP-CONN-9).
            assert_eq!(winsock.connect(refused, at), Err(WsaError::WSAEWOULDBLOCK));
            assert_eq!(registered.expect_code(FD_CONNECT_BIT), WSAECONNREFUSED);
            registered.expect_nothing();
            assert_eq!(winsock.int_option(refused, SOL_SOCKET, SO_ERROR), WSAECONNREFUSED);
            assert_eq!(winsock.int_option(refused, SOL_SOCKET, SO_ERROR), 0);
        }
        winsock.close_all([s, refused]);
    }
}

#[test]
fn wsp_esel_5_a_connect_that_began_before_is_told() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let s = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.set_nonblocking(s, true).unwrap();
    let _ = winsock.connect(s, at);
    let [_, ready, _] = winsock.select(&[], &[s], &[], Some(PATIENCE)).unwrap();
    assert_eq!(ready, [s]);
    Registered::new(&winsock, s, FD_CONNECT).expect(FD_CONNECT);
    // It was told, and is not told again.
    Registered::new(&winsock, s, FD_CONNECT).expect_nothing();
    // A connect that waited told its caller.
    let blocking = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(blocking, at).unwrap();
    Registered::new(&winsock, blocking, FD_CONNECT).expect_nothing();
    // Nor does an earlier attempt that nobody was told of come back then.
    let twice = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.set_nonblocking(twice, true).unwrap();
    let (nobody, dead) = winsock.listener(AF_INET);
    winsock.close(nobody).unwrap();
    assert_eq!(winsock.connect(twice, dead), Err(WsaError::WSAEWOULDBLOCK));
    let [_, _, failed] = winsock.select(&[], &[], &[twice], Some(PATIENCE)).unwrap();
    assert_eq!(failed, [twice]);
    winsock.set_nonblocking(twice, false).unwrap();
    winsock.connect(twice, at).unwrap();
    Registered::new(&winsock, twice, FD_CONNECT).expect_nothing();
    winsock.close_all([listener, s, blocking, twice]);
}

// proves: EV-3
#[test]
fn ev_4_each_accept_tells_of_the_next_connection() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let registered = Registered::new(&winsock, listener, FD_ACCEPT);
    registered.expect_nothing();
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let s = winsock.socket(AF_INET, SOCK_STREAM);
            winsock.connect(s, at).unwrap();
            s
        })
        .collect();
    let mut accepted = Vec::new();
    for _ in &clients {
        registered.expect(FD_ACCEPT);
        accepted.push(winsock.accept(listener).unwrap().0);
    }
    registered.expect_nothing();
    assert_eq!(winsock.accept(listener).unwrap_err(), WsaError::WSAEWOULDBLOCK);
    winsock.close_all(clients);
    winsock.close_all(accepted);
    winsock.close(listener).unwrap();
}

// proves: WSP-ACCEPT-2
#[test]
fn ev_12_an_accepted_socket_has_its_listeners_registration() {
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let registered = Registered::new(&winsock, listener, ALL);
    let here = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(here, at).unwrap();
    registered.expect(FD_ACCEPT);
    let (there, _) = winsock.accept(listener).unwrap();
    // The same event, the record of the new socket.
    let inherited = Registered { winsock: &winsock, s: there, event: registered.event };
    inherited.expect(FD_WRITE);
    winsock.send(here, b"hello", 0).unwrap();
    inherited.expect(FD_READ);
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"hello");
    assert_eq!(winsock.recv(there, 9, 0), Err(WsaError::WSAEWOULDBLOCK), "the mode is inherited too");
    winsock.close_all([listener, here, there]);
}

#[test]
fn wsp_accept_8_a_deferred_connection_is_not_told_again() {
    extern "system" fn answer(
        _: *mut WSABUF,
        _: *mut WSABUF,
        _: *mut QOS,
        _: *mut QOS,
        _: *mut WSABUF,
        _: *mut WSABUF,
        _: *mut GROUP,
        answer: usize,
    ) -> i32 {
        answer as i32
    }
    let winsock = Winsock::start();
    let (listener, at) = winsock.listener(AF_INET);
    let registered = Registered::new(&winsock, listener, FD_ACCEPT);
    let clients = [0; 2].map(|_| {
        let s = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.connect(s, at).unwrap();
        s
    });
    registered.expect(FD_ACCEPT);
    let deferred = winsock.accept_if(listener, Some(answer), CF_DEFER as usize);
    assert_eq!(deferred.unwrap_err(), WsaError::WSATRY_AGAIN);
    registered.expect_nothing();
    let (first, _) = winsock.accept_if(listener, Some(answer), CF_ACCEPT as usize).unwrap();
    registered.expect(FD_ACCEPT);
    let (second, _) = winsock.accept(listener).unwrap();
    registered.expect_nothing();
    winsock.close_all(clients);
    winsock.close_all([listener, first, second]);
}

#[test]
fn oob_4_a_normal_receive_has_what_is_left_told_again() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_OOB);
    winsock.send(here, b"!", MSG_OOB).unwrap();
    registered.expect(FD_OOB);
    winsock.send(here, b"x", 0).unwrap();
    winsock.wait_readable(there);
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
    registered.expect(FD_OOB);
    assert_eq!(winsock.recv(there, 9, MSG_OOB).unwrap(), b"!");
    registered.expect_nothing();
    winsock.close_all([here, there]);
}

// proves: OOB-1
#[test]
fn ev_8_out_of_band_data_has_its_own_event_unless_in_line() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_READ | FD_OOB | FD_CLOSE);
    winsock.send(here, b"!", MSG_OOB).unwrap();
    registered.expect(FD_OOB);
    assert_eq!(winsock.recv(there, 9, MSG_OOB).unwrap(), b"!");
    registered.expect_nothing();
    winsock.close_all([here, there]);

    let (here, there) = winsock.pair(AF_INET);
    winsock.set_int(there, SOL_SOCKET, SO_OOBINLINE, 1);
    let registered = Registered::new(&winsock, there, FD_READ | FD_OOB | FD_CLOSE);
    winsock.send(here, b"!", MSG_OOB).unwrap();
    registered.expect(FD_READ);
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"!");
    registered.expect_nothing();
    winsock.close_all([here, there]);
}

#[test]
fn datagrams_are_told() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        let registered = Registered::new(&winsock, s, ALL);
        registered.expect(FD_WRITE);
        winsock.send_to(s, b"one", at).unwrap();
        winsock.send_to(s, b"two", at).unwrap();
        registered.expect(FD_READ);
        winsock.recv_from(s, 9, 0).unwrap();
        registered.expect(FD_READ);
        winsock.recv_from(s, 9, 0).unwrap();
        registered.expect_nothing();
        winsock.close(s).unwrap();
    }
}

// proves: WSP-ESEL-3, MODE-2
#[test]
fn mode_3_a_registered_socket_cannot_be_made_blocking() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    let event = TestEvent::new();
    winsock.event_select(s, event.handle(), FD_READ).unwrap();
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    assert_eq!(winsock.set_nonblocking(s, false), Err(WsaError::WSAEINVAL));
    winsock.set_nonblocking(s, true).unwrap();
    winsock.event_select(s, WSA_INVALID_EVENT, 0).unwrap();
    // The mode stays until it is changed.
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.set_nonblocking(s, false).unwrap();
    // A mask of zero makes a socket non-blocking as well.
    winsock.event_select(s, WSA_INVALID_EVENT, 0).unwrap();
    assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.close(s).unwrap();
}

// proves: WSP-ESEL-1, WSP-ENUM-5
#[test]
fn wsp_esel_2_a_new_registration_replaces_the_old_one() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    let read = Registered::new(&winsock, s, FD_READ);
    winsock.send_to(s, b"one", at).unwrap();
    read.event.wait("no event");
    let write = Registered::new(&winsock, s, FD_WRITE);
    write.expect(FD_WRITE);
    winsock.event_select(s, write.event.handle(), 0).unwrap();
    read.event.reset();
    winsock.recv_from(s, 9, 0).unwrap();
    winsock.send_to(s, b"two", at).unwrap();
    winsock.wait_readable(s);
    write.expect_nothing();
    assert!(!read.event.is_set());
    winsock.close(s).unwrap();
}

#[test]
fn wsp_esel_4_a_mask_needs_a_valid_event_and_known_bits() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    let event = TestEvent::new();
    assert_eq!(winsock.event_select(s, WSA_INVALID_EVENT, FD_READ), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.event_select(s, event.handle(), FD_READ | 1 << 10), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.event_select(s, event.handle(), i32::MIN), Err(WsaError::WSAEINVAL));
    // What cannot be signalled is found out by the first signal.
    let nothing = std::ptr::without_provenance_mut(0xdead_0000);
    assert_eq!(winsock.event_select(s, nothing, FD_WRITE), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.set_nonblocking(s, false), Ok(()), "no registration is left");
    winsock.close(s).unwrap();
}

// proves: WSP-ENUM-1, WSP-ENUM-2
#[test]
fn wsp_enum_3_only_codes_of_recorded_events_are_written() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    let registered = Registered::new(&winsock, s, FD_READ);
    winsock.send_to(s, b"!", at).unwrap();
    let events = registered.take();
    assert_eq!(events.lNetworkEvents, FD_READ);
    assert_eq!(events.iErrorCode[FD_READ_BIT], 0);
    assert!(events.iErrorCode[1..].iter().all(|code| *code == 0x5a5a), "{:x?}", events.iErrorCode);
    assert!(!registered.event.is_set());
    assert_eq!(winsock.enum_network_events(s, WSA_INVALID_EVENT).unwrap().lNetworkEvents, 0);
    winsock.close(s).unwrap();
}

#[test]
fn wsp_enum_4_a_failure_leaves_record_and_event() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    let registered = Registered::new(&winsock, s, FD_WRITE);
    registered.event.wait("no event");
    let nothing = std::ptr::without_provenance_mut(0xdead_0000);
    assert_eq!(winsock.enum_network_events(s, nothing).unwrap_err(), WsaError::WSAEINVAL);
    assert!(registered.event.is_set());
    // Without an event the record is taken, and no event is reset.
    assert_eq!(winsock.enum_network_events(s, WSA_INVALID_EVENT).unwrap().lNetworkEvents, FD_WRITE);
    assert!(registered.event.is_set());
    winsock.close(s).unwrap();
}

#[test]
fn wsp_close_4_nothing_is_told_after_the_close() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let registered = Registered::new(&winsock, there, FD_READ | FD_CLOSE);
    winsock.close(there).unwrap();
    winsock.close(here).unwrap();
    let waited = wait_for(&[Handle::from(registered.event.handle())], false, Some(A_WHILE), false);
    assert_eq!(waited, Ok(Outcome::TimedOut));
}

#[test]
fn wsp_select_7_looking_has_no_effect_on_events() {
    let winsock = Winsock::start();
    let (s, at) = winsock.datagram(AF_INET);
    let registered = Registered::new(&winsock, s, FD_READ);
    winsock.send_to(s, b"!", at).unwrap();
    registered.expect(FD_READ);
    winsock.select(&[s], &[s], &[], Some(Duration::ZERO)).unwrap();
    registered.expect_nothing();
    winsock.close(s).unwrap();
}

// proves: WSP-ASEL-2, WSP-ASEL-3, WSP-ASEL-4, WSP-ENUM-5
#[test]
fn wsp_asel_1_messages_carry_socket_event_and_error() {
    let winsock = Winsock::start();
    let window = std::ptr::without_provenance_mut(0x77);
    open_window(window);
    let next = |count: usize| {
        let mut messages = Vec::new();
        eventually("messages", || {
            messages.extend(take_messages(window));
            messages.len() >= count
        });
        messages
    };
    let (here, there) = winsock.pair(AF_INET);
    winsock.async_select(there, window, 1234, FD_READ | FD_CLOSE).unwrap();
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.send(here, b"!", 0).unwrap();
    assert_eq!(next(1), [(1234, there, FD_READ as isize)]);
    assert_eq!(winsock.enum_network_events(there, WSA_INVALID_EVENT).unwrap().lNetworkEvents, 0, "there is no record");
    winsock.recv(there, 1, 0).unwrap();
    winsock.set_linger(here, Some(0));
    winsock.close(here).unwrap();
    assert_eq!(next(1), [(1234, there, (WSAECONNRESET as isize) << 16 | FD_CLOSE as isize)]);
    winsock.async_select(there, window, 1234, 0).unwrap();
    winsock.set_nonblocking(there, false).unwrap();
    // An accepted socket has messages of its own.
    let (listener, at) = winsock.listener(AF_INET);
    winsock.async_select(listener, window, 9, FD_ACCEPT | FD_WRITE).unwrap();
    let client = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(client, at).unwrap();
    assert_eq!(next(1), [(9, listener, FD_ACCEPT as isize)]);
    let (accepted, _) = winsock.accept(listener).unwrap();
    assert_eq!(next(1), [(9, accepted, FD_WRITE as isize)]);
    winsock.close_all([there, listener, client, accepted]);
}

#[test]
fn wsp_asel_6_a_window_that_takes_no_message_is_refused() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    let window = std::ptr::without_provenance_mut(0x78);
    assert_eq!(winsock.async_select(s, window, 1, FD_WRITE), Err(WsaError::WSAEINVAL));
    assert_eq!(winsock.set_nonblocking(s, false), Ok(()));
    winsock.close(s).unwrap();
}

#[test]
fn many_sockets_of_many_threads_lose_no_event() {
    let winsock = Winsock::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let (here, there) = winsock.pair(AF_INET);
                let registered = Registered::new(&winsock, there, FD_READ);
                let answered = Registered::new(&winsock, here, FD_READ);
                for round in 0..200u32 {
                    winsock.send(here, &round.to_ne_bytes(), 0).unwrap();
                    registered.expect(FD_READ);
                    assert_eq!(winsock.recv(there, 4, 0).unwrap(), round.to_ne_bytes());
                    winsock.send(there, &round.to_ne_bytes(), 0).unwrap();
                    answered.expect(FD_READ);
                    assert_eq!(winsock.recv(here, 4, 0).unwrap(), round.to_ne_bytes());
                }
                winsock.close_all([here, there]);
            });
        }
        // Registrations that come and go meanwhile.
        scope.spawn(|| {
            for _ in 0..200 {
                let s = winsock.socket(AF_INET, SOCK_DGRAM);
                winsock.bind(s, loopback(AF_INET)).unwrap();
                Registered::new(&winsock, s, FD_WRITE).expect(FD_WRITE);
                winsock.close(s).unwrap();
            }
        });
    });
}
