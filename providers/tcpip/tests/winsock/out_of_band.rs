//! Out-of-band data (contract: transport, section 9).

use std::time::Duration;

use windlass_abi::*;

use crate::support::{PATIENCE, Winsock, families, spawn_blocked};

fn wait_urgent(winsock: &Winsock, s: SOCKET) {
    let [_, _, except] = winsock.select(&[], &[], &[s], Some(PATIENCE)).unwrap();
    assert_eq!(except, [s], "no out-of-band data");
}

#[test]
fn oob_1_it_is_excepted_and_normal_reads_do_not_contain_it() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        winsock.send(here, b"before", 0).unwrap();
        winsock.send(here, b"!", MSG_OOB).unwrap();
        winsock.send(here, b"after", 0).unwrap();
        wait_urgent(&winsock, there);
        let mut normal = Vec::new();
        while normal.len() < 11 {
            normal.extend(winsock.recv(there, 100, 0).unwrap());
            if normal.len() < 11 {
                assert_eq!(normal, b"before", "a read ends at the mark");
            }
        }
        assert_eq!(normal, b"beforeafter");
        // The read went past the mark, and it is still there.
        assert_eq!(winsock.recv(there, 9, MSG_OOB).unwrap(), b"!");
        winsock.close_all([here, there]);
    }
}

// proves: OOB-4
#[test]
fn oob_3_a_peek_leaves_it_and_it_stays_signalled_until_read() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.send(here, b"!", MSG_OOB).unwrap();
    wait_urgent(&winsock, there);
    assert_eq!(winsock.recv(there, 9, MSG_OOB | MSG_PEEK).unwrap(), b"!");
    winsock.send(here, b"x", 0).unwrap();
    winsock.wait_readable(there);
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
    wait_urgent(&winsock, there);
    assert_eq!(winsock.recv(there, 9, MSG_OOB).unwrap(), b"!");
    let [_, _, except] = winsock.select(&[], &[], &[there], Some(Duration::ZERO)).unwrap();
    assert_eq!(except, []);
    winsock.close_all([here, there]);
}

#[test]
fn oob_1_a_receive_waits_for_it() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        winsock.send(here, b"normal", 0).unwrap();
        let received = spawn_blocked(scope, || winsock.recv(there, 9, MSG_OOB));
        assert!(!received.is_finished());
        winsock.send(here, b"!", MSG_OOB).unwrap();
        assert_eq!(received.join().unwrap().unwrap(), b"!");
    });
    winsock.set_nonblocking(there, true).unwrap();
    assert_eq!(winsock.recv(there, 9, MSG_OOB), Err(WsaError::WSAEWOULDBLOCK));
    winsock.close(here).unwrap();
    winsock.set_nonblocking(there, false).unwrap();
    assert_eq!(winsock.recv(there, 9, MSG_OOB).unwrap(), b"", "none will come");
    winsock.close_all([there]);
}

// proves: WSP-RECV-8
#[test]
fn oob_2_in_line_it_is_read_as_data() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        winsock.set_int(there, SOL_SOCKET, SO_OOBINLINE, 1);
        winsock.send(here, b"a", 0).unwrap();
        winsock.send(here, b"!", MSG_OOB).unwrap();
        winsock.send(here, b"b", 0).unwrap();
        winsock.shutdown(here, SD_SEND).unwrap();
        assert_eq!(winsock.recv(there, 9, MSG_OOB), Err(WsaError::WSAEINVAL));
        assert_eq!(winsock.recv_all(there).unwrap(), b"a!b");
        let [_, _, except] = winsock.select(&[], &[], &[there], Some(Duration::ZERO)).unwrap();
        assert_eq!(except, []);
        winsock.close_all([here, there]);
    }
}
