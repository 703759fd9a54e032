//! The provider SDK: a transport in safe Rust, and the tables that the Winsock SPI asks for.

mod adapter;
pub mod address;
pub mod events;
pub mod handles;
pub mod rundown;
pub mod socket;
pub mod transport;
pub mod version;

pub use adapter::entry::{Entry, entry};
#[cfg(unix)]
pub use adapter::helper_thread;
pub use adapter::provider::Provider;
pub use adapter::{buffers, condition, thread_error, upcalls};
pub use transport::{Result, Transport};
pub use windlass_abi as abi;
