//! Name spaces in safe Rust: what queries, registrations and results say, owned, and how they are laid out for C.
//!
//! | module | what it holds |
//! |---|---|
//! | [`provider`] | [`Namespace`]: what the author of a version 1 provider writes |
//! | [`query_set`] | [`QuerySet`]: a query, a registration or a result (`WSAQUERYSET`, `WSAQUERYSET2`) |
//! | [`service_address`] | [`ServiceAddress`]: where a service is (`CSADDR_INFO`) |
//! | [`service_class`] | [`ServiceClass`] and its properties (`WSASERVICECLASSINFO`) |
//! | [`image`] | [`Image`]: a structure and all that it points to, as it goes into one buffer |
//! | [`form`] | [`Form`]: version 1 or 2, A or W |
//! | [`host`] | hosts, services and protocols as the older functions give them, and their blobs |
//! | [`flags`] | which parts of a result a caller gets, and the restrictions of a query |
//! | [`registration`] | what each operation of `WSASetService` does to the addresses of a service |

pub mod flags;
pub mod form;
pub mod host;
pub mod image;
pub mod provider;
pub mod query_set;
pub mod registration;
pub mod service_address;
pub mod service_class;

pub use crate::adapter::namespace::{
    Advertised, Instances, LookupHandle, NamespaceEntry, Notification, Purpose, ResultBuffer, SessionArgument,
    SetBuffer, Tellers, ThreadError, entry, install_tellers, pack,
};
pub use form::{Form, Text};
pub use image::Image;
pub use provider::{Namespace, Query, Registration};
pub use query_set::QuerySet;
pub use service_address::ServiceAddress;
pub use service_class::{ClassInfo, ServiceClass};

/// `NSPStartup`, the one export of a version 1 provider (NSP-STARTUP-1).
pub type NspStartupFn = unsafe extern "system" fn(*mut windlass_abi::GUID, *mut windlass_abi::NSP_ROUTINE) -> i32;
