//! The sockets that a transport has open.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use windlass_abi::{SOCKET, WSA_FLAG_OVERLAPPED, WSAPROTOCOL_INFOW};

/// A socket that the SDK keeps open for a transport: what the transport keeps for it (reached by
/// dereferencing), and what the SDK knows.
pub struct OpenSocket<S> {
    pub(crate) handle: SOCKET,
    pub(crate) flags: u32,
    pub(crate) ifs: bool,
    pub(crate) info: Arc<WSAPROTOCOL_INFOW>,
    /// Set while a close is under way, and for ever once it has succeeded.
    pub(crate) closing: AtomicBool,
    state: S,
}

impl<S> OpenSocket<S> {
    pub(crate) fn new(handle: SOCKET, flags: u32, ifs: bool, info: Arc<WSAPROTOCOL_INFOW>, state: S) -> Self {
        Self { handle, flags, ifs, info, closing: AtomicBool::new(false), state }
    }

    /// The handle that the client uses.
    pub fn handle(&self) -> SOCKET {
        self.handle
    }

    /// The catalog entry that the socket was made for.
    pub fn catalog_entry_id(&self) -> u32 {
        self.info.dwCatalogEntryId
    }

    /// The `WSA_FLAG_*` that the socket was made with. An accepted socket has those of its listener
    /// (WSP-ACCEPT-2).
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Whether the socket was made with `WSA_FLAG_OVERLAPPED`.
    pub fn is_overlapped(&self) -> bool {
        self.flags & WSA_FLAG_OVERLAPPED != 0
    }

    /// The catalog entry that the socket was made for, as `SO_PROTOCOL_INFOW` reports it.
    pub fn info(&self) -> &WSAPROTOCOL_INFOW {
        &self.info
    }
}

impl<S> Deref for OpenSocket<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S: fmt::Debug> fmt::Debug for OpenSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSocket").field("handle", &self.handle).field("state", &self.state).finish()
    }
}
