//! What the author of a version 1 name space provider writes: one type that implements [`Namespace`].
//!
//! The SDK keeps the counts for each provider id (NSP-STARTUP-10, NSP-STARTUP-12), the open look-ups, results that a client had
//! no room for, the flags that narrow a result, and what a clean-up ends. A name space never sees a raw pointer.
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use windlass_spi::abi::GUID;
//! use windlass_spi::namespace::{Namespace, Query, QuerySet};
//! use windlass_spi::{Result, namespace_entry};
//!
//! /// Knows one name.
//! struct Greeting;
//!
//! impl Namespace for Greeting {
//!     /// Whether the one answer has been given.
//!     type Lookup = AtomicBool;
//!
//!     fn start(_provider: GUID) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     fn begin(&self, query: Query) -> Result<Self::Lookup> {
//!         Ok(AtomicBool::new(query.set.name.as_deref() != Some("hello")))
//!     }
//!
//!     fn next(&self, lookup: &Self::Lookup, _flags: u32) -> Result<Option<QuerySet>> {
//!         let is_over = lookup.swap(true, Ordering::Relaxed);
//!         Ok((!is_over).then(|| QuerySet { name: Some("hello".into()), comment: Some("world".into()), ..QuerySet::default() }))
//!     }
//! }
//!
//! // The one export of the module: `NSPStartup`.
//! namespace_entry!(export Greeting);
//! # fn main() {
//! # let _ = windlass_spi::namespace::entry::<Greeting>();
//! # }
//! ```

use windlass_abi::{GUID, WsaError};

use super::registration::SetOperation;
use super::{Notification, QuerySet, ServiceClass};
use crate::Result;

/// A version 1 name space provider.
///
/// Every method has the meaning of the function named in its documentation; those with a default answer `WSAEOPNOTSUPP`
/// there (STUB-1, STUB-3). Methods are called from any thread, many at a time; a look-up is asked by one at a time.
pub trait Namespace: Sized + Send + Sync + 'static {
    /// What the provider keeps for one look-up. Dropping it releases that.
    type Lookup: Send + Sync + 'static;

    /// The first `NSPStartup` for an id; a module may host several (NSP-STARTUP-2). An error is that of NSPStartup.
    fn start(provider: GUID) -> Result<Self>;

    /// The last `NSPCleanup` for the id, after every look-up has been cancelled and every call has left. No thread of the
    /// provider may be left when this returns (NSP-CLEANUP-3).
    fn cleanup(&self) {}

    /// `NSPLookupServiceBegin`. Must not wait for the network, which is for [`next`](Self::next) to do (FAN-10).
    fn begin(&self, query: Query) -> Result<Self::Lookup>;

    /// `NSPLookupServiceNext`: the next result, or none if there are no more. May wait; [`cancel`](Self::cancel) ends that. The SDK
    /// takes out of the result what `flags`, those of Begin and of this call together, do not ask for, so that it need
    /// not be looked at, and keeps a result that the client has no room for.
    fn next(&self, lookup: &Self::Lookup, flags: u32) -> Result<Option<QuerySet>>;

    /// `NSPLookupServiceEnd`: [`next`](Self::next), if it waits in another thread, returns `WSA_E_CANCELLED` at once (NSP1-5). It
    /// must last: a call that has not begun to wait ends too. The look-up is dropped when no call is inside.
    fn cancel(&self, lookup: &Self::Lookup) {
        let _ = lookup;
    }

    /// `NSPSetService` (SET-2).
    fn set_service(&self, registration: &Registration) -> Result<()> {
        let _ = registration;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `NSPInstallServiceClass`; one that is known is `WSAEALREADY` (CLS-2).
    fn install_class(&self, class: &ServiceClass) -> Result<()> {
        let _ = class;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `NSPRemoveServiceClass`; one that is not known is `WSATYPE_NOT_FOUND` (CLS-5).
    fn remove_class(&self, class: GUID) -> Result<()> {
        let _ = class;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `NSPGetServiceClassInfo`; one that is not known is `WSATYPE_NOT_FOUND` (CLS-6).
    fn class_info(&self, class: GUID) -> Result<ServiceClass> {
        let _ = class;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `NSPIoctl` with `SIO_NSP_NOTIFY_CHANGE` as a poll: whether the answers of a look-up have changed since they were given
    /// (NSPI-3). May say yes too often (NSPI-5).
    fn has_changed(&self, lookup: &Self::Lookup) -> Result<bool> {
        let _ = lookup;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// The same with a completion: `notification` is to be told once of a change, at once if there was one already. The SDK
    /// tells it `WSA_OPERATION_ABORTED` if the look-up ends first (NSPI-4).
    fn notify_change(&self, lookup: &Self::Lookup, notification: Notification) -> Result<()> {
        let _ = (lookup, notification);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `NSPIoctl` with another code: the bytes written to `output`.
    fn ioctl(&self, lookup: &Self::Lookup, code: u32, input: &[u8], output: &mut [u8]) -> Result<u32> {
        let _ = (lookup, code, input, output);
        Err(WsaError::WSAEOPNOTSUPP)
    }
}

/// What a look-up begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The restrictions; there is always a class.
    pub set: QuerySet,
    /// The schema of the class, if anybody has it (NSP1-7).
    pub class: Option<ServiceClass>,
    /// `dwControlFlags`: `LUP_*`.
    pub flags: u32,
}

/// What a registration is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The service; there is always a class.
    pub set: QuerySet,
    /// The schema of the class, if anybody has it.
    pub class: Option<ServiceClass>,
    /// What is done.
    pub operation: SetOperation,
}
