//! Completion ports as a transport sees them: where its sockets' operations are told, and who drives them.
//!
//! A transport need not do anything: the ends of operations go to the port that their socket is associated with, by whatever
//! thread they come. One whose sockets are descriptors of the kernel can [watch](Port::watch) them through the port: then the
//! threads that wait at the port for packets call [`Transport::ready`](crate::Transport::ready), and no thread of its own
//! is involved.

mod table;

use std::ffi::c_void;
use std::fmt;
#[cfg(unix)]
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use windlass_abi::{SOCKET, WsaError};

pub use self::table::{ID, PortTable, ReadyFn, SocketTable};
use super::upcalls::Upcalls;
use crate::transport::Result;

/// What may be possible on a descriptor now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Readiness(u32);

impl Readiness {
    /// Something can be received, or accepted.
    pub const READ: Self = Self(1);
    /// Something can be sent; a connection is made.
    pub const WRITE: Self = Self(1 << 1);
    /// Urgent data.
    pub const URGENT: Self = Self(1 << 2);
    /// The peer sends no more. Once told, it is told with every event, as the next.
    pub const READ_CLOSED: Self = Self(1 << 3);
    /// Both directions are shut.
    pub const CLOSED: Self = Self(1 << 4);
    /// An error waits to be fetched.
    pub const ERROR: Self = Self(1 << 5);

    /// What these bits say, each as in [`PortTable`].
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Both together.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether anything is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Where the ends of a socket's operations are told beside its events and routines. There is one for each underlying socket,
/// which its duplicates share (see [`Transport::port_link`](crate::Transport::port_link)).
#[derive(Default)]
pub struct PortLink(OnceLock<Arc<Link>>);

/// The part that operations refer to. Made by the first.
pub(super) struct Link {
    pub upcalls: Upcalls,
    port: OnceLock<Object>,
    /// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
    skips_success: AtomicBool,
}

impl PortLink {
    /// Without a port.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn get(&self, upcalls: &Upcalls) -> &Arc<Link> {
        let new = || Link { upcalls: upcalls.clone(), port: OnceLock::new(), skips_success: AtomicBool::new(false) };
        self.0.get_or_init(|| Arc::new(new()))
    }
}

impl Link {
    /// Associates it; WSA_INVALID_PARAMETER if it is so already.
    pub fn set(&self, object: Object) -> Result<()> {
        self.port.set(object).map_err(|_| WsaError::WSA_INVALID_PARAMETER)
    }

    /// The port, if there is one.
    #[inline]
    pub fn port(&self) -> Option<&Object> {
        self.port.get()
    }

    /// From now on an operation that succeeds in the call has no packet.
    pub fn skip_success(&self) {
        self.skips_success.store(true, Ordering::Relaxed);
    }

    /// Whether it has none.
    pub fn skips_success(&self) -> bool {
        self.skips_success.load(Ordering::Relaxed)
    }
}

/// A hold of what stands for a port and a key.
pub(super) struct Object {
    table: &'static PortTable,
    object: *const c_void,
}

// SAFETY: the functions can be called by any thread, and the object is what they take.
unsafe impl Send for Object {}
// SAFETY: likewise.
unsafe impl Sync for Object {}

impl Object {
    /// WSAEFAULT: a pointer is null.
    ///
    /// # Safety
    /// If it is not null, the table lives as long as the process, and its functions take this object.
    pub unsafe fn hold(table: *const PortTable, object: *const c_void) -> Result<Self> {
        // SAFETY: the caller promises it.
        let table: &'static PortTable = unsafe { table.as_ref() }.ok_or(WsaError::WSAEFAULT)?;
        // SAFETY: the caller promises it.
        unsafe { (table.hold)(object) };
        Ok(Self { table, object })
    }

    /// Queues a packet.
    #[inline]
    pub fn post(&self, overlapped: usize, bytes: u32, status: usize) {
        // SAFETY: the object is held.
        unsafe { (self.table.post)(self.object, overlapped, bytes, status as u32) };
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: it was held once for this.
        unsafe { (self.table.release)(self.object) };
    }
}

/// The completion port that a socket has just been associated with.
pub struct Port<'a> {
    object: &'a Object,
    socket: SOCKET,
    ready: ReadyFn,
}

impl<'a> Port<'a> {
    pub(super) fn new(object: &'a Object, socket: SOCKET, ready: ReadyFn) -> Self {
        Self { object, socket, ready }
    }

    /// Has [`Transport::ready`](crate::Transport::ready) called for the socket when its descriptor becomes ready, by the threads
    /// that wait for packets, until the watch is dropped; that has to be before the descriptor is closed.
    ///
    /// # Errors
    /// WSA_INVALID_PARAMETER: the descriptor is watched already, or cannot be. WSAEMFILE, WSA_NOT_ENOUGH_MEMORY.
    #[cfg(unix)]
    pub fn watch(&self, descriptor: BorrowedFd<'_>) -> Result<Watch> {
        let Object { table, object } = *self.object;
        let mut watch = std::ptr::null();
        // SAFETY: the object is held; the function that is told takes any handle.
        let code = unsafe { (table.watch)(object, self.socket, descriptor.as_raw_fd(), self.ready, &mut watch) };
        if code == 0 { Ok(Watch { table, watch }) } else { Err(WsaError::from_code(code)) }
    }
}

/// A descriptor that is watched. Dropping it waits for the call of `ready` that is under way in another thread, so no lock that
/// such a call needs may be held; dropped within that call, it returns at once.
pub struct Watch {
    table: &'static PortTable,
    watch: *const c_void,
}

// SAFETY: the functions can be called by any thread, and the watch is what they take.
unsafe impl Send for Watch {}
// SAFETY: likewise.
unsafe impl Sync for Watch {}

impl Watch {
    /// The descriptor refers to another file, or to a socket that has begun a new life. What is ready is told anew.
    ///
    /// # Errors
    /// WSA_INVALID_PARAMETER, WSA_NOT_ENOUGH_MEMORY: nothing will be told any more.
    pub fn renew(&self) -> Result<()> {
        // SAFETY: the watch has not ended.
        match unsafe { (self.table.renew)(self.watch) } {
            0 => Ok(()),
            code => Err(WsaError::from_code(code)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: it ends once.
        unsafe { (self.table.unwatch)(self.watch) };
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readiness({:#x})", self.0)
    }
}
