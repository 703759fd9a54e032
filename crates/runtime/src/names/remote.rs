//! The seam to version 2 providers, which live in other processes.
//!
//! The runtime knows which providers a look-up or a registration goes to, in which order, what their answers make together
//! and when their sessions end. It does not know how to reach a host: whoever links a client of the broker into the
//! library [`install`]s it here. Without one, every version 2 provider is one that nobody advertises (SESS-3).
//!
//! The calls are made from any thread, many at a time, with no lock of the runtime held. A client of the broker keeps one
//! session for each provider and process (SESS-1) and need not be told of a start: [`Remote::end_sessions`] tells of the
//! last clean-up, after which the next call opens sessions anew. What comes back has to be validated already.

use std::sync::OnceLock;

use windlass_abi::WsaError;
use windlass_catalog::NamespaceEntry;
use windlass_spi::namespace::QuerySet;
use windlass_spi::namespace::registration::SetOperation;

/// A client of version 2 providers.
pub trait Remote: Send + Sync {
    /// `NSPv2LookupServiceBegin`, and before it whatever opens the session. Must not wait for the network (FAN-10), but
    /// may wait for the host to answer. The class of the query is not for version 2 providers (QS2-3).
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: the provider is not advertised, or not to this process (SESS-3, SESS-5). Else the provider's.
    fn begin(&self, provider: &NamespaceEntry, query: &QuerySet, flags: u32)
    -> Result<Box<dyn RemoteLookup>, WsaError>;

    /// `NSPv2SetServiceEx`, up to its completion.
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND` as above; `WSAEOPNOTSUPP`: the provider registers nothing. Else the provider's.
    fn set_service(
        &self,
        provider: &NamespaceEntry,
        registration: &QuerySet,
        operation: SetOperation,
    ) -> Result<(), WsaError>;

    /// Ends every session of this process in an orderly way (WSA-CLEANUP-9, step 5). Called once no call is inside, or
    /// those that are have been cancelled; must not wait longer than a host deserves.
    fn end_sessions(&self);
}

/// One look-up at one version 2 provider. Dropping it is `NSPv2LookupServiceEnd`.
pub trait RemoteLookup: Send + Sync {
    /// `NSPv2LookupServiceNextEx`, up to its completion: the next result, whole, whatever its size. One call at a time.
    ///
    /// # Errors
    /// `WSA_E_NO_MORE`: there are no more. `WSA_E_CANCELLED`: [`cancel`](Self::cancel) came. Else the provider's, or
    /// `WSASERVICE_NOT_FOUND` if its host has gone.
    fn next(&self, flags: u32) -> Result<QuerySet, WsaError>;

    /// `NSPv2LookupServiceEnd` from another thread (NSP2-CALL-6): a [`next`](Self::next) that is going on returns
    /// `WSA_E_CANCELLED` at once, and so does every later one.
    fn cancel(&self);
}

static REMOTE: OnceLock<Box<dyn Remote>> = OnceLock::new();

/// Makes version 2 providers reachable, for the life of the process. The first one counts; returns whether this was it.
pub fn install(remote: Box<dyn Remote>) -> bool {
    REMOTE.set(remote).is_ok()
}

/// The client, if there is one.
pub(super) fn remote() -> Option<&'static dyn Remote> {
    REMOTE.get().map(|remote| &**remote)
}
