//! Options, time limits and linger.

use std::time::{Duration, Instant};

use windlass_spi::abi::*;

use crate::support::client::Client;
use crate::{datagram, listener, pair, provider, stream};

const LINGER_NOW: i32 = 1;

fn set(client: &Client, s: SOCKET, name: i32, value: i32) {
    client.set_option(s, SOL_SOCKET, name, value).unwrap();
}

// proves: OPT-1, OPT-2, OPT-3, OPT-6, WSP-GSO-1, WSP-GSO-2, WSP-SSO-1
#[test]
fn opt_2_options_are_kept() {
    let (client, _turn) = provider();
    let (l, d) = (listener(&client, 80), client.socket(&datagram()).unwrap());
    let option = |s, name| client.get_option(s, SOL_SOCKET, name);
    assert_eq!((option(l, SO_TYPE), option(d, SO_TYPE)), (Ok(SOCK_STREAM), Ok(SOCK_DGRAM)));
    assert_eq!((option(l, SO_ACCEPTCONN), option(d, SO_ACCEPTCONN)), (Ok(1), Ok(0)));
    assert_eq!((option(d, SO_MAX_MSG_SIZE), option(l, SO_MAX_MSG_SIZE)), (Ok(65_507), Err(WsaError::WSAENOPROTOOPT)));
    assert_eq!(option(d, SO_ERROR), Ok(0));
    for name in [SO_BROADCAST, SO_DEBUG, SO_DONTROUTE, SO_KEEPALIVE, SO_OOBINLINE, SO_REUSEADDR] {
        assert_eq!(option(d, name), Ok(0), "{name:#x}");
        set(&client, d, name, -7);
        assert_eq!(option(d, name), Ok(1), "{name:#x}");
        set(&client, d, name, 0);
        assert_eq!(option(d, name), Ok(0), "{name:#x}");
    }
    for name in [SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO, SO_SNDTIMEO] {
        set(&client, d, name, 12_345);
        assert_eq!(option(d, name), Ok(12_345), "{name:#x}");
    }
    for name in [SO_TYPE, SO_ACCEPTCONN, SO_ERROR, SO_MAX_MSG_SIZE, 0x7777] {
        assert_eq!(client.set_option(d, SOL_SOCKET, name, 1), Err(WsaError::WSAENOPROTOOPT), "{name:#x}");
    }
    assert_eq!(client.get_option(l, 4711, 1), Err(WsaError::WSAEINVAL));
    assert_eq!(client.set_option(l, IPPROTO_TCP, TCP_NODELAY, 1), Ok(()));
    assert_eq!(client.get_option(l, IPPROTO_TCP, TCP_NODELAY), Ok(1));
    assert_eq!(client.get_option(d, IPPROTO_TCP, TCP_NODELAY), Err(WsaError::WSAENOPROTOOPT));
    client.clean_up().unwrap();
}

// proves: OPT-4
#[test]
fn ipv6_has_its_own() {
    let (client, _turn) = provider();
    let six = WSAPROTOCOL_INFOW { dwCatalogEntryId: 3, ..windlass_memory::entries()[2] };
    let s = client.socket(&six).unwrap();
    assert_eq!(client.set_option(s, SOL_SOCKET, SO_DONTROUTE, 1), Err(WsaError::WSAENOPROTOOPT));
    assert_eq!(client.get_option(s, IPPROTO_IPV6, IPV6_V6ONLY), Ok(1));
    assert_eq!(client.set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 1), Ok(()));
    assert_eq!(client.set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 0), Err(WsaError::WSAEINVAL));
    client.clean_up().unwrap();
}

// proves: WSP-SSO-2, WSP-CLOSE-5
#[test]
fn wsp_close_5_linger_decides_how_a_connection_ends() {
    let (client, _turn) = provider();
    // The structure of two 16-bit numbers, as one of 32.
    let linger = |s| client.get_option(s, SOL_SOCKET, SO_LINGER).unwrap();
    let (s, a) = pair(&client);
    assert_eq!((linger(s), client.get_option(s, SOL_SOCKET, SO_DONTLINGER)), (0, Ok(1)));
    set(&client, s, SO_LINGER, LINGER_NOW | 9 << 16);
    set(&client, s, SO_DONTLINGER, 1);
    assert_eq!(linger(s) & 0xFFFF, 0);
    client.send(s, b"x").unwrap();
    client.close(s).unwrap();
    assert_eq!((client.recv(a, 1), client.recv(a, 1)), (Ok(b"x".to_vec()), Ok(vec![])));
    let (s, a) = pair(&client);
    set(&client, s, SO_LINGER, LINGER_NOW);
    assert_eq!(client.get_option(s, SOL_SOCKET, SO_DONTLINGER), Ok(0));
    client.send(s, b"x").unwrap();
    client.close(s).unwrap();
    assert_eq!(client.recv(a, 1), Err(WsaError::WSAECONNRESET));
    client.clean_up().unwrap();
}

// proves: MODE-9
#[test]
fn mode_9_a_time_limit_ends_a_wait() {
    let (client, _turn) = provider();
    let (s, a) = pair(&client);
    let begun = Instant::now();
    set(&client, s, SO_RCVTIMEO, 20);
    assert_eq!(client.recv(s, 1), Err(WsaError::WSAETIMEDOUT));
    assert!(begun.elapsed() >= Duration::from_millis(20));
    set(&client, a, SO_SNDTIMEO, 1);
    let everything = vec![0; 1 << 20];
    let sent = client.send(a, &everything).unwrap() as usize;
    assert!(sent > 0 && sent < everything.len(), "part of it: {sent}");
    assert_eq!(client.send(a, &everything), Err(WsaError::WSAETIMEDOUT));
    // Without the overlapped attribute there is no limit: the wait ends by the close.
    let plain = client.socket_with(&stream(), 0).unwrap();
    set(&client, plain, SO_RCVTIMEO, 1);
    let l = listener(&client, 81);
    client.connect(plain, &crate::name(81)).unwrap();
    let other = client.accept(l).unwrap();
    std::thread::scope(|scope| {
        let (send, begun) = std::sync::mpsc::channel();
        let waiting = scope.spawn(move || {
            send.send(crate::this_thread()).unwrap();
            client.recv(plain, 1)
        });
        crate::await_sleep(&begun.recv().unwrap());
        client.send(other, b"x").unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(b"x".to_vec()));
    });
    client.clean_up().unwrap();
}
