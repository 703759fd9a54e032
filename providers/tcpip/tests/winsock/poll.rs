//! The provider's `WSAPoll`.

use windlass_abi::*;

use crate::support::{A_WHILE, PATIENCE, Winsock, families, loopback, spawn_blocked};

const FOREVER: i32 = -1;
const ALL: i16 = POLLIN | POLLOUT;

fn patience() -> i32 {
    PATIENCE.as_millis() as i32
}

#[test]
fn api_s7_the_time_limit_and_the_count() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.poll(&[(here, POLLIN)], 0), Ok(vec![0]));
    assert_eq!(winsock.poll(&[(here, POLLIN)], A_WHILE.as_millis() as i32), Ok(vec![0]));
    std::thread::scope(|scope| {
        let polled = spawn_blocked(scope, || winsock.poll(&[(here, POLLIN), (there, POLLIN)], FOREVER));
        assert!(!polled.is_finished());
        winsock.send(there, b"x", 0).unwrap();
        assert_eq!(polled.join().unwrap(), Ok(vec![POLLRDNORM, 0]));
    });
    winsock.close_all([here, there]);
}

#[test]
fn api_s9_what_cannot_be_asked_for_is_invalid_and_negative_handles_are_skipped() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    for events in [POLLPRI, POLLWRBAND, POLLERR, POLLHUP, POLLNVAL, POLLIN | POLLPRI, 0x1000] {
        assert_eq!(winsock.poll(&[(here, events)], 0), Err(WsaError::WSAEINVAL), "{events:#x}");
    }
    assert_eq!(winsock.poll(&[(INVALID_SOCKET, ALL), (here, POLLOUT)], 0), Ok(vec![0, POLLWRNORM]));
    winsock.close_all([here, there]);
}

#[test]
fn api_s10_an_unknown_handle_is_told_by_its_element() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.close(there).unwrap();
    let found = winsock.poll(&[(there, POLLIN), (here, 0)], 0).unwrap();
    assert_eq!(found[0], POLLNVAL);
    winsock.close_all([here]);
}

#[test]
fn api_s11_listening_connected_and_ended_streams() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        assert_eq!(winsock.poll(&[(listener, ALL)], 0), Ok(vec![0]));
        let s = winsock.socket(family, SOCK_STREAM);
        assert_eq!(winsock.poll(&[(s, ALL)], 0), Ok(vec![0]), "never connected");
        winsock.connect(s, at).unwrap();
        assert_eq!(winsock.poll(&[(listener, ALL)], patience()), Ok(vec![POLLRDNORM]));
        let (there, _) = winsock.accept(listener).unwrap();
        assert_eq!(winsock.poll(&[(there, ALL), (s, ALL)], 0), Ok(vec![POLLWRNORM; 2]));
        assert_eq!(winsock.poll(&[(s, 0)], 0), Ok(vec![0]));
        winsock.send(there, b"x", 0).unwrap();
        winsock.shutdown(there, SD_SEND).unwrap();
        // The end is told whatever was asked for, and leaves the data to be read.
        assert_eq!(winsock.poll(&[(s, 0)], patience()), Ok(vec![POLLHUP]));
        assert_eq!(winsock.poll(&[(s, ALL)], 0), Ok(vec![POLLHUP | POLLRDNORM | POLLWRNORM]));
        assert_eq!(winsock.recv(s, 9, 0).unwrap(), b"x");
        assert_eq!(winsock.poll(&[(s, POLLIN)], 0), Ok(vec![POLLHUP | POLLRDNORM]));
        assert_eq!(winsock.recv(s, 9, 0).unwrap(), b"");
        winsock.close_all([s, there, listener]);
    }
}

#[test]
fn api_s11_a_reset() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_linger(there, Some(0));
    winsock.close(there).unwrap();
    let reset = POLLHUP | POLLERR;
    assert_eq!(winsock.poll(&[(here, 0)], patience()), Ok(vec![reset]));
    assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAECONNRESET));
    // Told once by the kernel, and remembered.
    assert_eq!(winsock.poll(&[(here, POLLIN)], 0), Ok(vec![reset | POLLRDNORM]));
    winsock.close_all([here]);
}

#[test]
fn api_s11_attempts_to_connect() {
    let winsock = Winsock::start();
    let keeper = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.bind(keeper, loopback(AF_INET)).unwrap();
    let nobody = winsock.sock_name(keeper).unwrap();
    let (listener, at) = winsock.listener(AF_INET);
    let [good, bad] = [0, 1].map(|_| winsock.socket(AF_INET, SOCK_STREAM));
    for (s, to) in [(good, at), (bad, nobody)] {
        winsock.set_nonblocking(s, true).unwrap();
        assert_eq!(winsock.connect(s, to), Err(WsaError::WSAEWOULDBLOCK));
    }
    assert_eq!(winsock.poll(&[(good, POLLOUT)], patience()), Ok(vec![POLLWRNORM]));
    for events in [0, POLLIN, POLLOUT] {
        assert_eq!(winsock.poll(&[(bad, events)], patience()), Ok(vec![POLLHUP | POLLERR]));
    }
    winsock.close_all([keeper, listener, good, bad]);
}

#[test]
fn api_s11_out_of_band_data() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.send(there, b"!", MSG_OOB).unwrap();
    assert_eq!(winsock.poll(&[(here, POLLRDBAND)], patience()), Ok(vec![POLLRDBAND]));
    assert_eq!(winsock.recv(here, 9, MSG_OOB).unwrap(), b"!");
    assert_eq!(winsock.poll(&[(here, POLLRDBAND)], 0), Ok(vec![0]));
    winsock.close_all([here, there]);
}

#[test]
fn api_s11_a_close_during_the_wait_is_told_by_its_element() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (other, idle) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        let polled = spawn_blocked(scope, || winsock.poll(&[(other, POLLIN), (here, POLLIN)], FOREVER));
        winsock.close(here).unwrap();
        assert_eq!(polled.join().unwrap(), Ok(vec![0, POLLNVAL]));
    });
    winsock.close_all([there, other, idle]);
}

#[test]
fn datagram_sockets_are_polled() {
    let winsock = Winsock::start();
    for &family in families() {
        let (s, at) = winsock.datagram(family);
        assert_eq!(winsock.poll(&[(s, ALL)], 0), Ok(vec![POLLWRNORM]));
        winsock.send_to(s, b"x", at).unwrap();
        assert_eq!(winsock.poll(&[(s, POLLIN)], patience()), Ok(vec![POLLRDNORM]));
        winsock.close_all([s]);
    }
}
