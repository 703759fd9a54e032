//! Word from the kernel that addresses or routes of this machine have changed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use windlass_abi::{FD_ADDRESS_LIST_CHANGE, FD_ROUTING_INTERFACE_CHANGE};
use windlass_spi::Result;

use crate::error::from_errno;
use crate::socket::Family;

/// A socket of the kernel's routing service that receives every change.
pub struct Changes(OwnedFd);

impl Changes {
    /// Starts to listen: what changes from now on is told.
    ///
    /// # Errors
    /// WSAEMFILE, WSAENOBUFS, or what else the kernel says if it has no such service.
    pub fn open() -> Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // The first protocol of the family is that service.
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None).map_err(from_errno)?;
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, GROUPS)).map_err(from_errno)?;
        Ok(Self(fd))
    }

    /// Readable when there is news.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes all the news there is.
    pub fn read(&self) -> News {
        let mut news = News::default();
        let mut buffer = [0; 16 * 1024];
        loop {
            match rustix::net::recv(&self.0, &mut buffer[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                Ok((_, length)) => news.add(&buffer[..length.min(buffer.len())]),
                Err(Errno::INTR) => {}
                // Some were lost: anything may have changed.
                Err(Errno::NOBUFS) => news = News::EVERYTHING,
                Err(_) => return news,
            }
        }
    }
}

/// What has changed, as bits of events for each family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    ip4: i32,
    ip6: i32,
}

impl News {
    const EVERYTHING: Self = Self { ip4: ADDRESS | ROUTE, ip6: ADDRESS | ROUTE };

    /// Whether nothing has changed.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The events of a socket of this family.
    pub fn for_family(self, family: Family) -> i32 {
        match family {
            Family::Ip4 => self.ip4,
            Family::Ip6 => self.ip6,
        }
    }

    /// Reads one datagram of the service: messages, each with a head that gives its length and kind.
    fn add(&mut self, mut messages: &[u8]) {
        while let Some(&[l0, l1, l2, l3, k0, k1, ..]) = messages.first_chunk::<HEAD>() {
            let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
            let events = match u16::from_ne_bytes([k0, k1]) {
                NEW_ADDRESS | DELETE_ADDRESS => ADDRESS,
                NEW_ROUTE | DELETE_ROUTE => ROUTE,
                _ => 0,
            };
            if length < HEAD {
                return;
            }
            // The body of each of these kinds begins with the family.
            match messages.get(HEAD).filter(|_| length > HEAD).map(|family| u16::from(*family)) {
                Some(family) if family == AddressFamily::INET.as_raw() => self.ip4 |= events,
                Some(family) if family == AddressFamily::INET6.as_raw() => self.ip6 |= events,
                _ => {}
            }
            messages = messages.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

const ADDRESS: i32 = FD_ADDRESS_LIST_CHANGE;
const ROUTE: i32 = FD_ROUTING_INTERFACE_CHANGE;

// The kernel's numbers (linux/rtnetlink.h, linux/netlink.h).
const HEAD: usize = 16;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
/// Groups: IPv4 and IPv6 addresses, IPv4 and IPv6 routes.
const GROUPS: u32 = 0x10 | 0x100 | 0x40 | 0x400;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, family: u16) -> Vec<u8> {
        let mut message = vec![0; HEAD + 8];
        message[..4].copy_from_slice(&24u32.to_ne_bytes());
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[HEAD] = family as u8;
        message
    }

    fn read(messages: &[u8]) -> (i32, i32) {
        let mut news = News::default();
        news.add(messages);
        (news.for_family(Family::Ip4), news.for_family(Family::Ip6))
    }

    #[test]
    fn messages_are_told_apart_by_kind_and_family() {
        assert_eq!(read(&message(NEW_ADDRESS, 2)), (ADDRESS, 0));
        assert_eq!(read(&message(DELETE_ADDRESS, 10)), (0, ADDRESS));
        assert_eq!(read(&message(NEW_ROUTE, 10)), (0, ROUTE));
        assert_eq!(read(&message(DELETE_ROUTE, 2)), (ROUTE, 0));
        assert_eq!(read(&message(16, 2)), (0, 0));
        assert_eq!(read(&message(NEW_ADDRESS, 7)), (0, 0));
        let both = [message(NEW_ADDRESS, 2), message(16, 0), message(NEW_ROUTE, 10)].concat();
        assert_eq!(read(&both), (ADDRESS, ROUTE));
    }

    #[test]
    fn broken_messages_end_the_reading() {
        let whole = message(NEW_ADDRESS, 2);
        for short in 0..=HEAD {
            assert_eq!(read(&whole[..short]), (0, 0));
        }
        for length in [0u32, 1, 15, 16, u32::MAX] {
            let mut wrong = message(NEW_ADDRESS, 2);
            wrong[..4].copy_from_slice(&length.to_ne_bytes());
            let expected = if length == u32::MAX { (ADDRESS, 0) } else { (0, 0) };
            assert_eq!(read(&[wrong, whole.clone()].concat()[..24]), expected, "length {length}");
        }
    }

    #[test]
    fn the_service_is_asked_for_addresses_and_routes_of_both_families() {
        let changes = Changes::open().unwrap();
        let name = SocketAddrNetlink::try_from(rustix::net::getsockname(changes.fd()).unwrap()).unwrap();
        assert_eq!(name.groups(), 0x550);
    }
}
