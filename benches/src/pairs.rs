//! Two connected sockets over loopback, made through Winsock; the bare side uses the same descriptors.

use core::mem::{MaybeUninit, size_of};

use windlass_abi::{AF_INET, IN_ADDR, INVALID_SOCKET, SOCK_DGRAM, SOCK_STREAM, SOCKADDR_IN, SOCKET};

use crate::library::Winsock;

/// A socket to send with and one to receive with.
pub struct Pair<'w> {
    winsock: &'w Winsock,
    pub from: SOCKET,
    pub to: SOCKET,
}

impl<'w> Pair<'w> {
    /// A pair of this socket type.
    pub fn new(winsock: &'w Winsock, kind: i32) -> Self {
        if kind == SOCK_STREAM { Self::tcp(winsock) } else { Self::udp(winsock) }
    }

    /// A TCP connection.
    fn tcp(winsock: &'w Winsock) -> Self {
        let listener = bound(winsock, SOCK_STREAM);
        assert_eq!((winsock.listen)(listener, 1), 0);
        let from = bound(winsock, SOCK_STREAM);
        connect(winsock, from, listener);
        // SAFETY: no address is asked for.
        let to = unsafe { (winsock.accept)(listener, core::ptr::null_mut(), core::ptr::null_mut()) };
        assert_ne!(to, INVALID_SOCKET);
        assert_eq!((winsock.closesocket)(listener), 0);
        Self { winsock, from, to }
    }

    /// Two datagram sockets, each the other's peer.
    fn udp(winsock: &'w Winsock) -> Self {
        let (from, to) = (bound(winsock, SOCK_DGRAM), bound(winsock, SOCK_DGRAM));
        connect(winsock, from, to);
        connect(winsock, to, from);
        Self { winsock, from, to }
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        (self.winsock.closesocket)(self.from);
        (self.winsock.closesocket)(self.to);
    }
}

const ADDRESS_LEN: i32 = size_of::<SOCKADDR_IN>() as i32;

fn bound(winsock: &Winsock, kind: i32) -> SOCKET {
    let socket = (winsock.socket)(AF_INET, kind, 0);
    assert_ne!(socket, INVALID_SOCKET);
    let loopback = IN_ADDR { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) };
    let name = SOCKADDR_IN { sin_family: AF_INET as u16, sin_addr: loopback, ..Default::default() };
    // SAFETY: the address is ours and as long as we say.
    assert_eq!(unsafe { (winsock.bind)(socket, (&raw const name).cast(), ADDRESS_LEN) }, 0);
    socket
}

fn connect(winsock: &Winsock, from: SOCKET, to: SOCKET) {
    let mut name = MaybeUninit::<SOCKADDR_IN>::zeroed();
    let mut len = ADDRESS_LEN;
    // SAFETY: the address is ours and as long as we say.
    unsafe {
        assert_eq!((winsock.getsockname)(to, name.as_mut_ptr().cast(), &raw mut len), 0);
        assert_eq!((winsock.connect)(from, name.as_ptr().cast(), len), 0);
    }
}
