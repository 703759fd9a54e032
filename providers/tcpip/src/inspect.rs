//! What the kernel tells of a connection beside its readiness: the state of the protocol and the bytes
//! that are not yet acknowledged. Asked of the kernel's socket monitoring service (sock_diag), which needs no
//! privilege; for the rare cases that readiness does not decide.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, getpeername, getsockname, recv, sendto, socket_with,
};

use crate::sockaddr::{SocketAddress, from_kernel};

/// What the kernel knows of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    state: u8,
    /// Bytes sent or queued that the peer has not acknowledged; its own end counts as one.
    pub unacknowledged: u32,
}

/// Looks a connection up. Nothing if the kernel has no such service, or the connection is gone.
pub fn inspect(fd: BorrowedFd<'_>) -> Option<Inspection> {
    let local = from_kernel(getsockname(fd).ok()?).ok()?;
    let remote = from_kernel(getpeername(fd).ok()??).ok()?;
    let service =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG)).ok()?;
    sendto(&service, &request(local, remote), SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    let mut answer = [0u8; 1024];
    // The kernel answers while it takes the request; there is nothing to wait for.
    let (_, length) = recv(&service, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
    Inspection::read(answer.get(..length)?)
}

/// Whether the peer of a stream has ended its direction, or the connection is over. Readiness does not
/// tell that from a receive shutdown of this side.
pub fn peer_has_ended(fd: BorrowedFd<'_>) -> bool {
    if getpeername(fd).is_err() {
        return true;
    }
    // Without an answer the safe one: an end is not made up.
    inspect(fd).is_some_and(|connection| connection.peer_has_ended())
}

impl Inspection {
    fn peer_has_ended(self) -> bool {
        matches!(self.state, TIME_WAIT | CLOSE | CLOSE_WAIT | LAST_ACK | CLOSING)
    }

    fn read(answer: &[u8]) -> Option<Self> {
        if u16_at(answer, 4)? != SOCK_DIAG_BY_FAMILY {
            return None;
        }
        let state = *answer.get(HEAD + 1)?;
        Some(Self { state, unacknowledged: u32::from_ne_bytes(answer.get(HEAD + 60..HEAD + 64)?.try_into().ok()?) })
    }
}

// The kernel's numbers and layouts (linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, net/tcp_states.h).
const HEAD: usize = 16;
const REQUEST: usize = HEAD + 56;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const TCP: u8 = 6;
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
const LAST_ACK: u8 = 9;
const CLOSING: u8 = 11;

fn request(local: SocketAddress, remote: SocketAddress) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    put(HEAD, &[family.as_raw() as u8, TCP]);
    // Sockets in every state.
    put(HEAD + 4, &[0xff; 4]);
    put(HEAD + 8, &local.port().to_be_bytes());
    put(HEAD + 10, &remote.port().to_be_bytes());
    for (at, address) in [(HEAD + 12, local), (HEAD + 28, remote)] {
        match address.ip() {
            IpAddr::V4(ip) => put(at, &ip.octets()),
            IpAddr::V6(ip) => put(at, &ip.octets()),
        }
    }
    // A link-local connection belongs to an interface, any other to none.
    if let SocketAddr::V6(v6) = local {
        put(HEAD + 44, &v6.scope_id().to_ne_bytes());
    }
    // Any cookie: the addresses say enough.
    put(HEAD + 48, &[0xff; 8]);
    bytes
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    fn pair(address: &str) -> Option<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind(address).ok()?;
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Some((here, listener.accept().unwrap().0))
    }

    #[test]
    fn tells_what_is_not_acknowledged() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Some((mut here, mut there)) = pair(address) else {
                eprintln!("skipped: this machine has no {address}");
                continue;
            };
            assert_eq!(inspect(here.as_fd()).unwrap().unacknowledged, 0);
            here.set_nonblocking(true).unwrap();
            let mut sent = 0;
            while let Ok(count) = here.write(&[0; 65536]) {
                sent += count;
            }
            let queued = inspect(here.as_fd()).unwrap().unacknowledged;
            assert!(queued > 0 && queued as usize <= sent, "{queued} of {sent}");
            here.set_nonblocking(false).unwrap();
            here.shutdown(Shutdown::Write).unwrap();
            let mut all = Vec::new();
            there.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), sent);
            // The acknowledgement arrives when the kernel has carried it over.
            while inspect(here.as_fd()).unwrap().unacknowledged != 0 {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn tells_the_peers_end_from_our_own() {
        let (here, there) = pair("127.0.0.1:0").unwrap();
        here.shutdown(Shutdown::Read).unwrap();
        assert!(!peer_has_ended(here.as_fd()));
        there.shutdown(Shutdown::Write).unwrap();
        // The end arrives when the kernel has carried it over.
        while !peer_has_ended(here.as_fd()) {
            std::thread::yield_now();
        }
        let unconnected = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        assert!(peer_has_ended(unconnected.as_fd()));
        assert_eq!(inspect(unconnected.as_fd()), None);
    }

    #[test]
    fn broken_answers_are_no_answers() {
        for length in 0..80 {
            assert_eq!(Inspection::read(&[0; 80][..length]), None);
        }
    }
}
