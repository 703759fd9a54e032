//! Changes of addresses and routes, made in a network of this test's own. The provider's thread belongs to
//! that network too, so this is a program of its own.

mod support;

use std::net::Ipv4Addr;
use std::ptr::null_mut;

use nix::sched::{CloneFlags, unshare};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use windlass_abi::*;
use windlass_io::Handle;
use windlass_io::wait::{Outcome, wait_for};

use crate::support::upcalls::TestEvent;
use crate::support::{A_WHILE, PATIENCE, Winsock, encode};

// The kernel's numbers (linux/rtnetlink.h, linux/netlink.h).
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
const CREATE: u16 = 0x400;
const LOOPBACK: u32 = 1;

/// A structure for an operation that will set this event.
fn pending(event: &TestEvent) -> WSAOVERLAPPED {
    WSAOVERLAPPED { Internal: 1, InternalHigh: 2, Offset: 3, OffsetHigh: 4, hEvent: event.handle() }
}

/// Asks the kernel's routing service for a change, and waits until it is made.
fn change(kind: u16, flags: u16, body: &[u8]) {
    let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None).unwrap();
    let head = [
        &(16 + body.len() as u32).to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &(REQUEST_AND_ACKNOWLEDGE | flags).to_ne_bytes(),
        &[0; 8],
    ];
    let message = [&head.concat()[..], body].concat();
    rustix::net::sendto(&fd, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).unwrap();
    let mut answer = [0u8; 512];
    rustix::net::recv(&fd, &mut answer[..], RecvFlags::empty()).unwrap();
    assert_eq!(i32::from_ne_bytes(answer[16..20].try_into().unwrap()), 0, "the kernel refuses");
}

/// Makes the loopback interface work, which gives it its addresses and routes.
fn loopback_up() {
    const UP: u32 = 1;
    let body = [[0; 4], LOOPBACK.to_ne_bytes(), UP.to_ne_bytes(), UP.to_ne_bytes()];
    change(NEW_LINK, 0, &body.concat());
}

/// Gives the loopback interface another address.
fn add_address(address: Ipv4Addr) {
    const LOCAL: u16 = 2;
    let body =
        [&[2, 32, 0, 0][..], &LOOPBACK.to_ne_bytes(), &8u16.to_ne_bytes(), &LOCAL.to_ne_bytes(), &address.octets()];
    change(NEW_ADDRESS, CREATE, &body.concat());
}

// proves: EV-3, IO-6, OV-22
#[test]
fn ev_6_a_change_is_told_once_after_its_ioctl() {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!("skipped: this user may not make a network: {error}");
        return;
    }
    const BOTH: i32 = FD_ADDRESS_LIST_CHANGE | FD_ROUTING_INTERFACE_CHANGE;
    let winsock = Winsock::start();
    let s = winsock.socket(AF_INET, SOCK_DGRAM);
    let mut any = encode((Ipv4Addr::UNSPECIFIED, 0).into());
    let mut ask = |code| winsock.ioctl(s, code, &mut any, &mut []);
    let event = TestEvent::new();
    let expect = |bits: i32| {
        let mut seen = 0;
        while seen != bits {
            let waited = wait_for(&[Handle::from(event.handle())], false, Some(PATIENCE), false);
            assert_eq!(waited, Ok(Outcome::Signalled(0)), "awaited {bits:#x}, seen {seen:#x}");
            let events = winsock.enum_network_events(s, event.handle()).unwrap();
            seen |= events.lNetworkEvents;
            assert_eq!(seen & !bits, 0);
            assert!((8..10).filter(|bit| seen & 1 << bit != 0).all(|bit| events.iErrorCode[bit] == 0));
        }
    };
    let expect_nothing = || {
        let waited = wait_for(&[Handle::from(event.handle())], false, Some(A_WHILE), false);
        assert_eq!(waited, Ok(Outcome::TimedOut));
    };
    winsock.event_select(s, event.handle(), BOTH).unwrap();
    loopback_up();
    expect_nothing();

    assert_eq!(ask(SIO_ADDRESS_LIST_CHANGE), Err(WsaError::WSAEWOULDBLOCK));
    assert_eq!(ask(SIO_ROUTING_INTERFACE_CHANGE), Err(WsaError::WSAEWOULDBLOCK));
    expect_nothing();
    add_address(Ipv4Addr::new(127, 0, 1, 1));
    expect(BOTH);
    add_address(Ipv4Addr::new(127, 0, 1, 2));
    expect_nothing();

    // What happens between the ioctl and the registration is told by the registration.
    winsock.event_select(s, WSA_INVALID_EVENT, 0).unwrap();
    assert_eq!(ask(SIO_ADDRESS_LIST_CHANGE), Err(WsaError::WSAEWOULDBLOCK));
    add_address(Ipv4Addr::new(127, 0, 1, 3));
    winsock.event_select(s, event.handle(), BOTH).unwrap();
    expect(FD_ADDRESS_LIST_CHANGE);

    // The other family has not changed.
    let other = winsock.socket(AF_INET6, SOCK_DGRAM);
    let other_event = TestEvent::new();
    winsock.event_select(other, other_event.handle(), BOTH).unwrap();
    assert_eq!(winsock.ioctl(other, SIO_ADDRESS_LIST_CHANGE, &mut [], &mut []), Err(WsaError::WSAEWOULDBLOCK));
    assert_eq!(ask(SIO_ADDRESS_LIST_CHANGE), Err(WsaError::WSAEWOULDBLOCK));
    add_address(Ipv4Addr::new(127, 0, 1, 4));
    expect(FD_ADDRESS_LIST_CHANGE);
    assert!(!other_event.is_set());

    // An overlapped one waits without anybody's waiting.
    winsock.event_select(s, WSA_INVALID_EVENT, 0).unwrap();
    winsock.enum_network_events(s, event.handle()).unwrap();
    let (mut ours, mut theirs) = (pending(&event), pending(&other_event));
    for (s, overlapped) in [(s, &mut ours), (other, &mut theirs)] {
        let (code, mut returned) = (SIO_ADDRESS_LIST_CHANGE, 4711);
        let (n, at) = (null_mut(), &mut returned);
        let started = winsock.ioctl_overlapped(s, code, n, at, overlapped);
        assert_eq!((started, returned), (Err(WsaError::WSA_IO_PENDING), 4711));
    }
    expect_nothing();
    add_address(Ipv4Addr::new(127, 0, 1, 5));
    let waited = wait_for(&[Handle::from(event.handle())], false, Some(PATIENCE), false);
    assert_eq!(waited, Ok(Outcome::Signalled(0)));
    assert_eq!((ours.Internal, ours.InternalHigh, ours.OffsetHigh), (0, 0, 0));
    assert_eq!(theirs.Internal, WSS_OPERATION_IN_PROGRESS, "the other family has not changed");
    assert!(!other_event.is_set());

    // A blocking socket waits.
    winsock.set_nonblocking(s, false).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| winsock.ioctl(s, SIO_ADDRESS_LIST_CHANGE, &mut [], &mut []));
        // The wait may begin late, so there are changes until one has ended it.
        let mut changes = 0u32;
        while !waiting.is_finished() {
            changes += 1;
            add_address(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + changes));
            std::thread::sleep(A_WHILE / 10);
        }
        assert_eq!(waiting.join().unwrap(), Ok(0));
    });
    winsock.close_all([s, other]);
}
