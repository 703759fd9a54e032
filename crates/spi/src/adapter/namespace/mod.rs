//! Query sets and service classes in C's memory: read with as little trust as can be, and written into one buffer.

mod memory;
mod query_set;
mod service_class;
mod write;

pub use query_set::Purpose;
pub use write::pack;
