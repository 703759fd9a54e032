//! Query sets and service classes in C's memory: read with as little trust as can be, and written into one buffer.

mod advertised;
mod entry;
mod instances;
mod memory;
mod notification;
mod query_set;
mod service_class;
mod write;

pub use advertised::{Advertised, LookupHandle, ResultBuffer, SessionArgument, SetBuffer, ThreadError};
pub use entry::{NamespaceEntry, entry};
pub use instances::Instances;
pub use notification::{Notification, Tellers, install as install_tellers};
pub use query_set::Purpose;
pub use write::pack;
