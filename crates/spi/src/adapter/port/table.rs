//! What a runtime and a provider on this SDK ask of one another for completion ports, beside the service provider interface,
//! which has nothing for it: on Windows the operating system knows which port a handle is associated with. Either may be a
//! module of its own, so these are functions in the manner of C.
//!
//! The runtime asks for the address of a [`SocketTable`] with `SIO_GET_EXTENSION_FUNCTION_POINTER` and [`ID`], which changes with
//! any of this. A layer that hands out the handles of the provider below passes the question on.

use std::ffi::c_void;

use windlass_abi::{BOOL, GUID, SOCKET, WSAOVERLAPPED};

/// Names [`SocketTable`].
pub const ID: GUID = GUID::from_u128(0x6c9d_1f0a_5b1e_4a57_9b0e_7769_6e64_6c02);

/// What a provider does for its sockets. Each function returns zero or `SOCKET_ERROR`, with the error in the last argument.
#[repr(C)]
pub struct SocketTable {
    /// Associates a socket: packets of its operations go to `object` from now on, by the functions of `port`, which are there as
    /// long as the process lives. The provider [holds](PortTable::hold) the object as long as it needs it.
    ///
    /// `WSA_INVALID_PARAMETER`: the socket, or a duplicate of it, is associated, or is not overlapped.
    pub associate:
        unsafe extern "system" fn(s: SOCKET, port: *const PortTable, object: *const c_void, errno: *mut i32) -> i32,
    /// Operations of a socket that succeed in their call have no packet from now on, also in the future of an association
    /// that is yet to come.
    pub skip_success: unsafe extern "system" fn(s: SOCKET, errno: *mut i32) -> i32,
    /// Ends the operation with this structure that pends on the socket, or all of them if it is null; with `own`, only those that
    /// the calling thread started. They end with `WSA_OPERATION_ABORTED`. `*count` becomes how many that were.
    pub cancel: unsafe extern "system" fn(
        s: SOCKET,
        overlapped: *mut WSAOVERLAPPED,
        own: BOOL,
        count: *mut u32,
        errno: *mut i32,
    ) -> i32,
}

/// What a runtime does with a port. An `object` stands for a port and a completion key.
#[repr(C)]
pub struct PortTable {
    /// Makes the object live until one more [`release`](Self::release).
    pub hold: unsafe extern "system" fn(object: *const c_void),
    /// Ends one hold.
    pub release: unsafe extern "system" fn(object: *const c_void),
    /// Queues the packet of an operation that is over. Never blocks.
    pub post: unsafe extern "system" fn(object: *const c_void, overlapped: usize, bytes: u32, status: u32),
    /// Has `ready` told of all edges of readiness of a descriptor, from the threads that wait at the port, one call at a time; what
    /// is ready already is told soon. `*watch` becomes what the next functions take. Zero, or an error. Holds the object.
    pub watch: unsafe extern "system" fn(
        object: *const c_void,
        s: SOCKET,
        descriptor: i32,
        ready: ReadyFn,
        watch: *mut *const c_void,
    ) -> i32,
    /// The descriptor refers to another file, or to one that has begun a new life: what is ready is told anew.
    pub renew: unsafe extern "system" fn(watch: *const c_void) -> i32,
    /// Ends a watch. No call of `ready` is under way afterwards, so none may wait for the caller.
    pub unwatch: unsafe extern "system" fn(watch: *const c_void),
}

/// Told of [`Readiness`](super::Readiness) of a socket's descriptor.
pub type ReadyFn = unsafe extern "system" fn(s: SOCKET, events: u32);
