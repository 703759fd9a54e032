//! What a handle is once it is closed. One test, in a process of its own: elsewhere the number would soon be that of another
//! test's socket.

mod support;

use std::time::Duration;

use support::Winsock;
use windlass_abi::*;

#[test]
fn wsp_close_1_a_closed_handle_is_no_socket() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let (listener, _) = winsock.listener(AF_INET);
    for s in [there, listener] {
        winsock.close(s).unwrap();
        assert_eq!(winsock.close(s), Err(WsaError::WSAENOTSOCK));
        assert_eq!(winsock.recv(s, 1, 0), Err(WsaError::WSAENOTSOCK));
        assert_eq!(winsock.send(s, b"x", 0), Err(WsaError::WSAENOTSOCK));
        assert_eq!(winsock.accept(s).unwrap_err(), WsaError::WSAENOTSOCK);
        assert_eq!(winsock.sock_name(s), Err(WsaError::WSAENOTSOCK));
        assert_eq!(winsock.select(&[s], &[], &[], Some(Duration::ZERO)), Err(WsaError::WSAENOTSOCK));
        assert_eq!(winsock.enum_network_events(s, WSA_INVALID_EVENT).unwrap_err(), WsaError::WSAENOTSOCK);
    }
    winsock.close_all([here]);
}
