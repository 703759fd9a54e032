//! Cycles of start-up, one socket and clean-up, against a bare socket.

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use windlass_abi::{AF_INET, INVALID_SOCKET, SOCK_STREAM};

use crate::library::Winsock;
use crate::statistics::Batches;

const STEPS: usize = 100;

/// Measures a whole cycle, and the socket alone within a started Winsock.
pub fn run(winsock: &Winsock, batches: usize) {
    let whole = Batches::measure(batches, STEPS, bare, || {
        winsock.start();
        ours(winsock);
        winsock.clean_up();
    });
    whole.report("WSAStartup, socket, closesocket, WSACleanup", 1.0);
    winsock.start();
    // Keeps the provider in use, so that only the socket is measured.
    let kept = (winsock.socket)(AF_INET, SOCK_STREAM, 0);
    let socket = Batches::measure(batches, STEPS, bare, || ours(winsock));
    socket.report("socket, closesocket", 1.0);
    assert_eq!((winsock.closesocket)(kept), 0);
    winsock.clean_up();
}

fn bare() {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    drop(socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a socket"));
}

fn ours(winsock: &Winsock) {
    let socket = (winsock.socket)(AF_INET, SOCK_STREAM, 0);
    assert_ne!(socket, INVALID_SOCKET);
    assert_eq!((winsock.closesocket)(socket), 0);
}
