//! The sockets that a transport has open.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use windlass_abi::{SOCKET, WSA_FLAG_OVERLAPPED, WSAPROTOCOL_INFOW, WsaError};

use crate::port::PortLink;

/// A socket that the SDK keeps open for a transport: what the transport keeps for it (reached by
/// dereferencing), and what the SDK knows.
pub struct OpenSocket<S> {
    handle: AtomicUsize,
    flags: u32,
    ifs: bool,
    info: Arc<WSAPROTOCOL_INFOW>,
    phase: AtomicU8,
    port: PortLink,
    state: S,
}

const OPEN: u8 = 0;
/// A close is under way, and may yet fail.
const CLOSING: u8 = 1;
/// The handle has been given up.
const CLOSED: u8 = 2;

impl<S> OpenSocket<S> {
    pub(crate) fn new(handle: SOCKET, flags: u32, ifs: bool, info: Arc<WSAPROTOCOL_INFOW>, state: S) -> Self {
        let (handle, phase) = (AtomicUsize::new(handle), AtomicU8::new(OPEN));
        Self { handle, flags, ifs, info, phase, port: PortLink::new(), state }
    }

    /// The handle that the client uses.
    pub fn handle(&self) -> SOCKET {
        self.handle.load(Ordering::Relaxed)
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
    #[inline]
    pub fn is_overlapped(&self) -> bool {
        self.flags & WSA_FLAG_OVERLAPPED != 0
    }

    /// Whether the handle is the operating system's own; else the runtime made it.
    pub fn is_ifs(&self) -> bool {
        self.ifs
    }

    /// The catalog entry that the socket was made for, as `SO_PROTOCOL_INFOW` reports it.
    pub fn info(&self) -> &WSAPROTOCOL_INFOW {
        &self.info
    }

    /// The same, for a socket that inherits it.
    pub(crate) fn shared_info(&self) -> &Arc<WSAPROTOCOL_INFOW> {
        &self.info
    }

    /// Where the ends of its operations are told, unless the transport says otherwise.
    pub(crate) fn port_link(&self) -> &PortLink {
        &self.port
    }

    /// The operating system wants the socket to go by another handle (WPU-MIH-1).
    pub(crate) fn set_handle(&self, handle: SOCKET) {
        self.handle.store(handle, Ordering::Relaxed);
    }

    /// Makes the caller the one who closes. A second one gets `WSAENOTSOCK`.
    pub(crate) fn begin_close(&self) -> Result<(), WsaError> {
        let begun = self.phase.compare_exchange(OPEN, CLOSING, Ordering::Relaxed, Ordering::Relaxed);
        begun.map(drop).map_err(|_| WsaError::WSAENOTSOCK)
    }

    /// The close has failed, and the socket stays open.
    pub(crate) fn reopen(&self) {
        self.phase.store(OPEN, Ordering::Relaxed);
    }

    /// The handle has been given up; what still runs has been cancelled.
    pub(crate) fn set_closed(&self) {
        self.phase.store(CLOSED, Ordering::Relaxed);
    }

    /// Whether the handle has been given up.
    pub(crate) fn is_closed(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == CLOSED
    }
}

impl<S> Deref for OpenSocket<S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S: fmt::Debug> fmt::Debug for OpenSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSocket").field("handle", &self.handle()).field("state", &self.state).finish()
    }
}
