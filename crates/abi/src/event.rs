//! Network events (contract: transport, section 6) and waits.

pub const FD_MAX_EVENTS: usize = 10;

pub const FD_READ_BIT: usize = 0;
pub const FD_WRITE_BIT: usize = 1;
pub const FD_OOB_BIT: usize = 2;
pub const FD_ACCEPT_BIT: usize = 3;
pub const FD_CONNECT_BIT: usize = 4;
pub const FD_CLOSE_BIT: usize = 5;
pub const FD_QOS_BIT: usize = 6;
pub const FD_GROUP_QOS_BIT: usize = 7;
pub const FD_ROUTING_INTERFACE_CHANGE_BIT: usize = 8;
pub const FD_ADDRESS_LIST_CHANGE_BIT: usize = 9;

pub const FD_READ: i32 = 1 << FD_READ_BIT;
pub const FD_WRITE: i32 = 1 << FD_WRITE_BIT;
pub const FD_OOB: i32 = 1 << FD_OOB_BIT;
pub const FD_ACCEPT: i32 = 1 << FD_ACCEPT_BIT;
pub const FD_CONNECT: i32 = 1 << FD_CONNECT_BIT;
pub const FD_CLOSE: i32 = 1 << FD_CLOSE_BIT;
pub const FD_QOS: i32 = 1 << FD_QOS_BIT;
pub const FD_GROUP_QOS: i32 = 1 << FD_GROUP_QOS_BIT;
pub const FD_ROUTING_INTERFACE_CHANGE: i32 = 1 << FD_ROUTING_INTERFACE_CHANGE_BIT;
pub const FD_ADDRESS_LIST_CHANGE: i32 = 1 << FD_ADDRESS_LIST_CHANGE_BIT;
pub const FD_ALL_EVENTS: i32 = (1 << FD_MAX_EVENTS) - 1;

/// The event record of a socket: which events happened, and their codes (WSP-ENUM-2): 44 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WSANETWORKEVENTS {
    pub lNetworkEvents: i32,
    pub iErrorCode: [i32; FD_MAX_EVENTS],
}

pub const WSA_MAXIMUM_WAIT_EVENTS: u32 = 64;
pub const WSA_INFINITE: u32 = 0xFFFF_FFFF;
pub const WSA_WAIT_FAILED: u32 = 0xFFFF_FFFF;
pub const WSA_WAIT_EVENT_0: u32 = 0;
pub const WSA_WAIT_IO_COMPLETION: u32 = 0xC0;
pub const WSA_WAIT_TIMEOUT: u32 = 258;

// WSAPoll (API-S8).
pub const POLLRDNORM: i16 = 0x100;
pub const POLLRDBAND: i16 = 0x200;
pub const POLLIN: i16 = POLLRDNORM | POLLRDBAND;
pub const POLLPRI: i16 = 0x400;
pub const POLLWRNORM: i16 = 0x10;
pub const POLLOUT: i16 = POLLWRNORM;
pub const POLLWRBAND: i16 = 0x20;
pub const POLLERR: i16 = 0x1;
pub const POLLHUP: i16 = 0x2;
pub const POLLNVAL: i16 = 0x4;

/// One element of `WSAPoll`: 16 bytes on 64-bit systems.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WSAPOLLFD {
    pub fd: crate::SOCKET,
    pub events: i16,
    pub revents: i16,
}
