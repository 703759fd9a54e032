//! Many threads at once, and handles that are no more.

use windlass_abi::*;

use crate::support::{Winsock, families, loopback};

#[test]
fn every_call_knows_that_a_handle_is_no_socket() {
    let winsock = Winsock::start();
    // A descriptor of this process that is no socket of the provider, and numbers that are none at all.
    let file = std::fs::File::open("/proc/self/stat").unwrap();
    let file = std::os::fd::AsRawFd::as_raw_fd(&file) as SOCKET;
    let not_a_socket = WsaError::WSAENOTSOCK;
    for s in [file, 1 << 20, usize::MAX - 1, INVALID_SOCKET] {
        assert_eq!(winsock.close(s), Err(not_a_socket));
        assert_eq!(winsock.bind(s, loopback(AF_INET)), Err(not_a_socket));
        assert_eq!(winsock.listen(s, 1), Err(not_a_socket));
        assert_eq!(winsock.connect(s, loopback(AF_INET)), Err(not_a_socket));
        assert_eq!(winsock.accept(s).unwrap_err(), not_a_socket);
        assert_eq!(winsock.send(s, b"x", 0), Err(not_a_socket));
        assert_eq!(winsock.recv(s, 1, 0), Err(not_a_socket));
        assert_eq!(winsock.send_to(s, b"x", loopback(AF_INET)), Err(not_a_socket));
        assert_eq!(winsock.recv_from(s, 1, 0), Err(not_a_socket));
        assert_eq!(winsock.shutdown(s, SD_SEND), Err(not_a_socket));
        assert_eq!(winsock.send_disconnect(s, None), Err(not_a_socket));
        assert_eq!(winsock.recv_disconnect(s, None), Err(not_a_socket));
        assert_eq!(winsock.sock_name(s), Err(not_a_socket));
        assert_eq!(winsock.peer_name(s), Err(not_a_socket));
        assert_eq!(winsock.select(&[s], &[], &[], None), Err(not_a_socket));
        assert_eq!(winsock.set_nonblocking(s, true), Err(not_a_socket));
    }
}

#[test]
fn many_threads_connect_and_accept_at_once() {
    let winsock = Winsock::start();
    for &family in families() {
        let (listener, at) = winsock.listener(family);
        winsock.listen(listener, SOMAXCONN).unwrap();
        const EACH: usize = 40;
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let (s, _) = winsock.accept(listener).unwrap();
                        let request = winsock.recv(s, 4, MSG_WAITALL).unwrap();
                        winsock.send(s, &request, 0).unwrap();
                        winsock.close(s).unwrap();
                    }
                });
                scope.spawn(|| {
                    for n in 0..EACH as u32 {
                        let s = winsock.socket(family, SOCK_STREAM);
                        winsock.connect(s, at).unwrap();
                        winsock.send(s, &n.to_ne_bytes(), 0).unwrap();
                        assert_eq!(winsock.recv_all(s).unwrap(), n.to_ne_bytes());
                        winsock.close(s).unwrap();
                    }
                });
            }
        });
        winsock.close_all([listener]);
    }
}
