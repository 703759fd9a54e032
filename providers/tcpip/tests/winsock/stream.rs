//! `WSPSend` and `WSPRecv` of streams.

use std::time::Duration;

use windlass_abi::*;

use crate::support::{Winsock, families, spawn_blocked};

#[test]
fn wsp_send_1_gathers_and_wsp_recv_1_scatters_in_order() {
    // proves: WSP-SEND-1, WSP-RECV-1
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        assert_eq!(winsock.send_parts(here, &[b"ab", b"", b"cde", b"f"], 0), Ok(6));
        let (mut a, mut b, mut c) = ([0u8; 1], [0u8; 3], [0u8; 9]);
        winsock.wait_readable(there);
        assert_eq!(winsock.recv_parts(there, &mut [&mut a, &mut b, &mut c], 0), Ok(6));
        assert_eq!((&a, &b, &c[..2]), (b"a", b"bcd", &b"ef"[..]));
        // More buffers than the kernel takes at once.
        let parts = vec![&b"xyz"[..]; 3000];
        assert_eq!(winsock.send_parts(here, &parts, 0), Ok(9000));
        let mut all = vec![[0u8; 5]; 1800];
        let mut got = 0;
        while got < 9000 {
            let mut rest: Vec<&mut [u8]> = all.as_flattened_mut()[got..].chunks_mut(5).collect();
            got += winsock.recv_parts(there, &mut rest, 0).unwrap();
        }
        assert_eq!(all.as_flattened(), parts.concat());
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_send_2_a_blocking_send_takes_everything() {
    // proves: WSP-SEND-4
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        let bytes: Vec<u8> = (0..16 << 20).map(|n: u32| (n % 251) as u8).collect();
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let (head, tail) = bytes.split_at(7_000_001);
                assert_eq!(winsock.send_parts(here, &[head, tail], 0), Ok(bytes.len()));
                winsock.shutdown(here, SD_SEND).unwrap();
            });
            assert!(winsock.recv_all(there).unwrap() == bytes);
            sender.join().unwrap();
        });
        winsock.close_all([here, there]);
    }
}

// proves: MODE-5
#[test]
fn wsp_send_2_a_non_blocking_send_takes_a_part_or_would_block() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_nonblocking(here, true).unwrap();
    let chunk = vec![7u8; 1 << 20];
    let mut taken = 0;
    let full = loop {
        match winsock.send(here, &chunk, 0) {
            Ok(count) => {
                assert!(count > 0 && count <= chunk.len());
                taken += count;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(full, WsaError::WSAEWOULDBLOCK);
    winsock.shutdown(here, SD_SEND).unwrap();
    assert_eq!(winsock.recv_all(there).unwrap().len(), taken);
    winsock.close_all([here, there]);
}

#[test]
fn wsp_send_5_flags_of_a_stream() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.send(here, b"a", MSG_DONTROUTE), Ok(1));
    assert_eq!(winsock.send(here, b"b", MSG_PARTIAL), Err(WsaError::WSAEOPNOTSUPP));
    assert_eq!(winsock.send(here, b"b", 0x4000), Err(WsaError::WSAEOPNOTSUPP));
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"a");
    winsock.close_all([here, there]);
}

#[test]
fn wsp_send_7_no_bytes_of_a_stream_are_sent_at_once() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.send(here, b"", 0), Ok(0));
    assert_eq!(winsock.send_parts(here, &[b"", b""], 0), Ok(0));
    winsock.set_nonblocking(there, true).unwrap();
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.close_all([here, there]);
}

// proves: MODE-1
#[test]
fn wsp_recv_2_a_blocking_receive_returns_what_there_is() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        std::thread::scope(|scope| {
            let received = spawn_blocked(scope, || winsock.recv(there, 100, 0));
            assert!(!received.is_finished());
            winsock.send(here, b"some", 0).unwrap();
            assert_eq!(received.join().unwrap().unwrap(), b"some");
        });
        winsock.close_all([here, there]);
    }
}

#[test]
fn mode_2_fionbio_makes_calls_fail_instead_of_waiting() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_nonblocking(there, true).unwrap();
    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.set_nonblocking(there, false).unwrap();
    winsock.send(here, b"x", 0).unwrap();
    assert_eq!(winsock.recv(there, 1, 0).unwrap(), b"x");
    winsock.close_all([here, there]);
}

#[test]
fn wsp_recv_5_a_graceful_end_is_no_bytes_for_ever() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        winsock.send(here, b"last", 0).unwrap();
        winsock.close(here).unwrap();
        assert_eq!(winsock.recv_all(there).unwrap(), b"last");
        for _ in 0..3 {
            assert_eq!(winsock.recv(there, 1, 0).unwrap(), b"");
        }
        winsock.close_all([there]);
    }
}

#[test]
fn wsp_recv_5_a_reset_is_told_by_every_receive_and_send() {
    let winsock = Winsock::start();
    for &family in families() {
        for first_sends in [false, true] {
            let (here, there) = winsock.pair(family);
            winsock.set_linger(here, Some(0));
            winsock.close(here).unwrap();
            winsock.wait_readable(there);
            for turn in 0..4 {
                if (turn % 2 == 0) == first_sends {
                    assert_eq!(winsock.send(there, b"x", 0), Err(WsaError::WSAECONNRESET), "turn {turn}");
                } else {
                    assert_eq!(winsock.recv(there, 1, 0), Err(WsaError::WSAECONNRESET), "turn {turn}");
                }
            }
            winsock.close_all([there]);
        }
    }
}

// proves: WSP-RECV-7
#[test]
fn wsp_recv_6_a_peek_leaves_the_data() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.send(here, b"data", 0).unwrap();
    winsock.wait_readable(there);
    assert_eq!(winsock.recv(there, 2, MSG_PEEK).unwrap(), b"da");
    let (mut a, mut b) = ([0u8; 1], [0u8; 9]);
    assert_eq!(winsock.recv_parts(there, &mut [&mut a, &mut b], MSG_PEEK), Ok(4));
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"data");
    winsock.close_all([here, there]);
}

#[test]
fn wsp_recv_6_waitall_fills_the_buffers() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        std::thread::scope(|scope| {
            let received = scope.spawn(|| {
                let (mut a, mut b) = ([0u8; 5], [0u8; 3]);
                let count = winsock.recv_parts(there, &mut [&mut a, &mut b], MSG_WAITALL);
                (count, [&a[..], &b[..]].concat())
            });
            for byte in b"12345678rest".chunks(3) {
                winsock.send(here, byte, 0).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(received.join().unwrap(), (Ok(8), b"12345678".to_vec()));
        });
        assert_eq!(winsock.recv(there, 4, MSG_WAITALL).unwrap(), b"rest");
        // The end of the stream ends it too.
        winsock.send(here, b"ab", 0).unwrap();
        winsock.shutdown(here, SD_SEND).unwrap();
        assert_eq!(winsock.recv(there, 9, MSG_WAITALL).unwrap(), b"ab");
        winsock.set_nonblocking(there, true).unwrap();
        assert_eq!(winsock.recv(there, 9, MSG_WAITALL), Err(WsaError::WSAEOPNOTSUPP));
        winsock.close_all([here, there]);
    }
}

#[test]
fn wsp_recv_6_flags_that_streams_do_not_have() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.send(here, b"x", 0).unwrap();
    for flags in [MSG_PARTIAL, MSG_DONTROUTE, MSG_WAITALL | MSG_PEEK, 1 << 20] {
        assert_eq!(winsock.recv(there, 9, flags), Err(WsaError::WSAEOPNOTSUPP), "{flags:#x}");
    }
    assert_eq!(winsock.recv(there, 9, MSG_PUSH_IMMEDIATE).unwrap(), b"x");
    winsock.close_all([here, there]);
}

#[test]
fn wsp_recv_10_no_room_waits_for_data_and_takes_none() {
    let winsock = Winsock::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        std::thread::scope(|scope| {
            let probe = spawn_blocked(scope, || winsock.recv(there, 0, 0));
            assert!(!probe.is_finished());
            winsock.send(here, b"x", 0).unwrap();
            assert_eq!(probe.join().unwrap().unwrap(), b"");
        });
        assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"x");
        winsock.set_nonblocking(there, true).unwrap();
        assert_eq!(winsock.recv(there, 0, 0), Err(WsaError::WSAEWOULDBLOCK));
        winsock.close(here).unwrap();
        winsock.wait_readable(there);
        assert_eq!(winsock.recv(there, 0, 0).unwrap(), b"");
        winsock.close_all([there]);
    }
}

#[test]
fn wsp_recv_11_no_buffers_are_invalid() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.recv_parts(there, &mut [], 0), Err(WsaError::WSAEINVAL));
    winsock.close_all([here, there]);
}

#[test]
fn an_unconnected_stream_transfers_nothing() {
    let winsock = Winsock::start();
    for &family in families() {
        let s = winsock.socket(family, SOCK_STREAM);
        for flags in [0, MSG_PEEK] {
            assert_eq!(winsock.recv(s, 1, flags), Err(WsaError::WSAENOTCONN));
        }
        assert_eq!(winsock.recv(s, 1, MSG_OOB), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.recv(s, 0, 0), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.send(s, b"x", 0), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.send_to(s, b"x", "127.0.0.1:9".parse().unwrap()), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.recv_from_parts(s, &mut [&mut [0]], 0, &mut [0; 28]), Err(WsaError::WSAENOTCONN));
        let (listener, _) = winsock.listener(family);
        assert_eq!(winsock.recv(listener, 1, 0), Err(WsaError::WSAENOTCONN));
        assert_eq!(winsock.send(listener, b"x", 0), Err(WsaError::WSAENOTCONN));
        winsock.close_all([s, listener]);
    }
}

// proves: WSP-STO-1, WSP-RFROM-1
#[test]
fn streams_ignore_the_addresses_of_datagram_calls() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    assert_eq!(winsock.send_to(here, b"abc", "192.0.2.1:9".parse().unwrap()), Ok(3));
    let mut bytes = [0u8; 9];
    winsock.wait_readable(there);
    // Too little room for an address does not matter where there is none.
    let (count, _) = winsock.recv_from_parts(there, &mut [&mut bytes], 0, &mut [0; 2]).unwrap();
    assert_eq!(&bytes[..count], b"abc");
    winsock.close_all([here, there]);
}

#[test]
fn many_threads_share_a_connection() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    std::thread::scope(|scope| {
        let read = || {
            let mut counts = [0usize; 4];
            loop {
                match winsock.recv(there, 4096, 0).unwrap() {
                    end if end.is_empty() => return counts,
                    bytes => bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1),
                }
            }
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        let writers = [0, 1, 2, 3u8].map(|byte| {
            let winsock = &winsock;
            scope.spawn(move || {
                for _ in 0..500 {
                    assert_eq!(winsock.send(here, &[byte; 64], 0), Ok(64));
                }
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        winsock.shutdown(here, SD_SEND).unwrap();
        let [first, second] = readers.map(|reader| reader.join().unwrap());
        let counts: Vec<_> = first.iter().zip(second).map(|(a, b)| a + b).collect();
        assert_eq!(counts, [500 * 64; 4]);
    });
    winsock.close_all([here, there]);
}
