//! Completion ports: queues of packets that threads wait on, and the sockets whose completions go there.
//!
//! | Win32 | here |
//! |---|---|
//! | `CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, n)` | [`create`]`(n)` |
//! | `CreateIoCompletionPort(socket, port, key, 0)` | [`Port::of`], then [`Port::associate`] or [`Port::attach`], by the provider of the socket |
//! | `PostQueuedCompletionStatus` | [`post`] |
//! | `GetQueuedCompletionStatus` | [`get`] |
//! | `GetQueuedCompletionStatusEx` | [`get_many`] |
//! | `CloseHandle` | [`close`] |
//! | `DuplicateHandle` | [`Port::of`], then [`Port::open`] |
//!
//! **Packets** come out in the order in which they went in, each to exactly one thread; there may be any number of them.
//!
//! **Threads.** A thread that dequeues is active in the port until it calls [`get`] or [`get_many`] again (on this
//! port or another), blocks in a wait of this crate, or exits. A packet releases a waiting thread only while fewer
//! threads are active than the port's concurrency; of those that sleep the one that came last (LIFO, as on NT). A
//! thread that comes back from a wait may make the number of active threads exceed the limit until the next of
//! them calls [`get`], as on NT. A test without time-out finds nothing while the limit is reached.
//!
//! **Sockets.** A port has one edge-triggered epoll set, made by the first association. A socket is registered
//! once; when it becomes ready, one of the threads that wait for packets calls its [`Source`], which does the
//! pending operations with non-blocking calls and pushes their packets. No other thread is involved: while nobody
//! waits for packets, pending operations rest. Of the threads that sleep, those whose release the limit allows sleep
//! in epoll, where the kernel chooses the one that came last; so a socket that becomes ready costs one wake-up.
//!
//! **Closing** a port ends all waits for its packets with [`NoPacket::Abandoned`] and drops what is queued.
//! Associations stay until their guards are dropped; what they post goes nowhere.

use std::sync::Arc;

use windlass_abi::WsaError;

use crate::deadline::Deadline;
use crate::handle::Handle;
use crate::object::{self, Object};

mod association;
mod core;
mod gate;
mod here;
mod queue;
mod reactor;
mod sources;
mod sync;

pub use association::Association;
pub(crate) use here::{Opening, Pause};
pub use reactor::Completions;
pub use sources::{Readiness, Source};

use self::core::Core;

/// What a port tells of one completed operation, or what somebody posted. All of it is the caller's and passed
/// through as it is. 24 bytes on 64-bit systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The completion key: that of the association, or the one that was posted.
    pub key: usize,
    /// The address of the OVERLAPPED, or any number that was posted.
    pub overlapped: usize,
    /// The bytes transferred.
    pub bytes: u32,
    /// The NTSTATUS, as the low half of `Internal` holds it; 0 for success and for posted packets.
    pub status: u32,
}

/// Why [`get`] and [`get_many`] bring no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum NoPacket {
    /// The handle names no port. ERROR_INVALID_HANDLE.
    InvalidHandle = 6,
    /// At least one APC of this thread ran. WAIT_IO_COMPLETION.
    IoCompletion = 0xC0,
    /// The time has passed. WAIT_TIMEOUT.
    TimedOut = 258,
    /// The port was closed during the wait. ERROR_ABANDONED_WAIT_0.
    Abandoned = 735,
    /// No descriptor is left for an alertable wait. ERROR_NO_SYSTEM_RESOURCES.
    NoResources = 1450,
}

impl NoPacket {
    /// The number that `GetLastError` returns.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

/// Makes a port, and a handle of it to be ended by [`close`]. `concurrency` is how many threads may be active at
/// once; 0 means as many as the process has processors.
///
/// Errors: WSA_NOT_ENOUGH_MEMORY (a million objects are open).
pub fn create(concurrency: u32) -> Result<Handle, WsaError> {
    Port(Arc::new(Core::new(concurrency))).open()
}

/// Queues a packet, and releases a thread that waits for one if the concurrency allows it. Never blocks; any thread may
/// call it, in any completion context.
///
/// Errors: WSA_INVALID_HANDLE.
pub fn post(handle: Handle, packet: Packet) -> Result<(), WsaError> {
    here::with_port(handle, |core| core.post(packet)).ok_or(WsaError::WSA_INVALID_HANDLE)
}

/// Takes the oldest packet, waiting for one until the deadline.
///
/// Alertable: APCs of this thread run if it has to wait, and end the wait ([`NoPacket::IoCompletion`]); a packet that is
/// there comes first.
pub fn get(handle: Handle, deadline: Deadline, alertable: bool) -> Result<Packet, NoPacket> {
    let mut packet = [Packet::default()];
    get_many(handle, &mut packet, deadline, alertable).map(|_| packet[0])
}

/// Takes the oldest packets, as many as there are and `packets` holds, at least one, waiting for the first as
/// [`get`] does; says how many they are. They are written from the front; the rest is left as it was.
///
/// Without room for any packet it returns 0 at once.
pub fn get_many(
    handle: Handle,
    packets: &mut [Packet],
    deadline: Deadline,
    alertable: bool,
) -> Result<usize, NoPacket> {
    here::get_many(handle, packets, deadline, alertable)
}

/// Ends a handle of a port, and with the last one the port: every wait for its packets ends with
/// [`NoPacket::Abandoned`].
///
/// Errors: WSA_INVALID_HANDLE.
pub fn close(handle: Handle) -> Result<(), WsaError> {
    match object::remove_if(handle, |object| matches!(object, Object::Port(_))) {
        Some(Object::Port(opening)) => {
            opening.close(handle);
            Ok(())
        }
        _ => Err(WsaError::WSA_INVALID_HANDLE),
    }
}

/// A port without its handle. Cloning refers to the same port. It does not keep the port open: when its last handle is
/// closed, what is posted goes nowhere.
#[derive(Clone, Debug)]
pub struct Port(Arc<Core>);

impl Port {
    /// The port of a handle. Errors: WSA_INVALID_HANDLE.
    pub fn of(handle: Handle) -> Result<Self, WsaError> {
        match object::get(handle) {
            Some(Object::Port(opening)) => Ok(opening.port()),
            _ => Err(WsaError::WSA_INVALID_HANDLE),
        }
    }

    /// Gives the port another handle, to be ended by [`close`].
    ///
    /// Errors: WSA_NOT_ENOUGH_MEMORY; WSA_INVALID_HANDLE if the last handle is closed already.
    pub fn open(&self) -> Result<Handle, WsaError> {
        let opening = Opening::new(&self.0).ok_or(WsaError::WSA_INVALID_HANDLE)?;
        object::insert(Object::Port(Arc::new(opening)))
    }

    /// Queues the packet of an operation that is over, and releases a thread for it, as [`post`] does. Never blocks.
    #[inline]
    pub fn post(&self, packet: Packet) {
        self.0.complete(packet);
    }

    /// Associates a handle whose completions come by readiness: registers the descriptor of `source` for all its edges
    /// and calls the source for each, until the guard is dropped. `handle` is the value that the program holds (a
    /// SOCKET): it can be associated with one port only. `key` goes into each of its packets.
    ///
    /// The port keeps `source`, so a socket that owns the guard drops it explicitly when it is closed. What is ready
    /// already is told soon, as an edge.
    ///
    /// Errors: WSA_INVALID_PARAMETER (the handle is associated already, with whichever port, or the descriptor cannot
    /// be polled), WSAEMFILE (no descriptor is left for the epoll set), WSA_NOT_ENOUGH_MEMORY.
    pub fn associate(&self, handle: usize, key: usize, source: Arc<dyn Source>) -> Result<Association, WsaError> {
        Association::with_source(&self.0, handle, key, source)
    }

    /// Associates a handle whose completions are reported by calls: [`Association::post`]. (WPU-CSH-7)
    ///
    /// Errors: WSA_INVALID_PARAMETER (the handle is associated already, with whichever port).
    pub fn attach(&self, handle: usize, key: usize) -> Result<Association, WsaError> {
        Association::without_source(&self.0, handle, key)
    }

    /// Calls the sources that are ready now, without waiting and without taking a packet. For threads that wait for
    /// one operation otherwise than by the port, and know that nobody may be waiting there.
    pub fn pump(&self) {
        self.0.pump();
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(test, loom))]
mod models;
