//! That a handle's completions go to a port.

use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};

use windlass_abi::WsaError;

use super::core::Core;
use super::sources::{Readiness, Source};
use super::{Packet, Port};
use crate::lock;

/// The handles that are associated, with whichever port.
static ASSOCIATED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// Associates a handle with a port, until it is dropped.
///
/// Dropping it ends the registration of the source. When the drop returns, the source is not called, and the
/// port has let go of it; a call under way in another thread is waited for, so no lock that the source needs may be held.
/// Only within a call of the source itself the drop returns at once, and the port lets go of it after that call.
#[must_use = "the handle is associated only while this lives"]
pub struct Association {
    core: Arc<Core>,
    key: usize,
    token: Option<u64>,
    claim: Option<Claim>,
}

/// The one association that a handle can have.
struct Claim(usize);

impl Claim {
    fn new(handle: usize) -> Result<Self, WsaError> {
        if lock(&ASSOCIATED).insert(handle) { Ok(Self(handle)) } else { Err(WsaError::WSA_INVALID_PARAMETER) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&ASSOCIATED).remove(&self.0);
    }
}

impl Association {
    pub(super) fn with_source(
        core: &Arc<Core>,
        handle: usize,
        key: usize,
        source: Arc<dyn Source>,
    ) -> Result<Self, WsaError> {
        let claim = Claim::new(handle)?;
        let token = core.reactor_or_new()?.add(key, &source)?;
        Ok(Self { core: core.clone(), key, token: Some(token), claim: Some(claim) })
    }

    pub(super) fn without_source(core: &Arc<Core>, handle: usize, key: usize) -> Result<Self, WsaError> {
        Ok(Self { core: core.clone(), key, token: None, claim: Some(Claim::new(handle)?) })
    }

    /// Queues the packet of an operation that is complete: the address of its OVERLAPPED, its bytes and its NTSTATUS; and
    /// releases a thread for it, as [`super::post`] does. Never blocks.
    pub fn post(&self, overlapped: usize, bytes: u32, status: u32) {
        self.core.complete(Packet { key: self.key, overlapped, bytes, status });
    }

    /// The descriptor of the source, which is `fd`, refers to another file than when it was registered, or to a socket that has
    /// begun a new life: registers it anew. What is ready is told soon, and what was sticky is forgotten.
    ///
    /// Errors: WSA_INVALID_PARAMETER (the descriptor cannot be polled), WSA_NOT_ENOUGH_MEMORY.
    pub fn renew(&self, fd: BorrowedFd<'_>) -> Result<(), WsaError> {
        match (self.core.reactor(), self.token) {
            (Some(reactor), Some(token)) => reactor.renew(token, fd),
            _ => Ok(()),
        }
    }

    /// The completion key.
    pub fn key(&self) -> usize {
        self.key
    }

    /// The port.
    pub fn port(&self) -> Port {
        Port(self.core.clone())
    }

    /// What the source was told and is so ever since: [`Readiness::READ_CLOSED`], [`Readiness::CLOSED`].
    pub fn sticky(&self) -> Readiness {
        match (self.core.reactor(), self.token) {
            (Some(reactor), Some(token)) => reactor.sticky(token),
            _ => Readiness::empty(),
        }
    }
}

impl Drop for Association {
    fn drop(&mut self) {
        let source = match (self.core.reactor(), self.token) {
            (Some(reactor), Some(token)) => reactor.remove(token),
            _ => None,
        };
        // In this order: dropping the source may close its descriptor, whose number is another socket's then.
        self.claim = None;
        drop(source);
    }
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association").field("key", &self.key).finish_non_exhaustive()
    }
}
