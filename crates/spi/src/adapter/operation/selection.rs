//! Which operations of a socket `CancelIo` and `CancelIoEx` mean.

use windlass_abi::WSAOVERLAPPED;

use super::{Operation, Teller};
use crate::adapter::provider::ThreadTag;

/// Some of the operations of a socket.
#[derive(Clone, Copy)]
pub struct Selection {
    overlapped: Option<usize>,
    thread: Option<ThreadTag>,
}

impl Selection {
    /// The operation with this structure, or all if it is null; `own`: only what the calling thread started.
    pub(in crate::adapter) fn new(overlapped: *mut WSAOVERLAPPED, own: bool) -> Self {
        let overlapped = (!overlapped.is_null()).then(|| overlapped.addr());
        Self { overlapped, thread: own.then(ThreadTag::current) }
    }

    /// Whether it is one of them; requests of registered I/O are not. A thread that has ended may be taken for one that was
    /// started since.
    pub fn has(&self, operation: &Operation) -> bool {
        let Teller::Client(client) = &operation.teller else { return false };
        self.overlapped.is_none_or(|overlapped| overlapped == client.address())
            && self.thread.is_none_or(|thread| thread == client.thread())
    }
}
