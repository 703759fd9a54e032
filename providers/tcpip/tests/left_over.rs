//! What the last clean-up leaves behind. One test, so that no other has threads and descriptors meanwhile.

mod support;

use windlass_abi::*;

use support::upcalls::TestEvent;
use support::{Winsock, loopback};

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

#[test]
fn wsp_cleanup_18_no_thread_and_no_descriptor_is_left() {
    let before = (count("task"), count("fd"));
    for _ in 0..3 {
        let winsock = Winsock::start();
        let event = TestEvent::new();
        let (here, there) = winsock.pair(AF_INET);
        winsock.event_select(here, event.handle(), FD_READ | FD_WRITE | FD_CLOSE).unwrap();
        assert_eq!(count("task"), before.0 + 1, "the thread for events");
        let (listener, at) = winsock.listener(AF_INET);
        winsock.event_select(listener, event.handle(), FD_ACCEPT).unwrap();
        let waiting = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.connect(waiting, at).unwrap();
        let (d, _) = winsock.datagram(AF_INET);
        winsock.set_int(d, SOL_SOCKET, SO_RCVTIMEO, 1);
        assert_eq!(winsock.recv(d, 9, 0), Err(WsaError::WSAETIMEDOUT));
        let unconnected = winsock.socket(AF_INET, SOCK_STREAM);
        winsock.bind(unconnected, loopback(AF_INET)).unwrap();
        winsock.close(there).unwrap();
        winsock.cleanup().unwrap();
        drop(event);
        assert_eq!((count("task"), count("fd")), before);
    }
}
