//! Where the C tables of the SPI meet safe Rust. All unsafe code of this crate is in here.
#![allow(unsafe_code, reason = "translates between the C tables of the SPI and safe Rust")]

mod args;
pub mod buffers;
mod calls;
pub mod completion;
pub mod condition;
#[cfg(unix)]
pub mod descriptor;
pub(crate) mod entry;
#[cfg(unix)]
pub mod files;
#[cfg(unix)]
pub(crate) mod fork;
#[cfg(unix)]
pub mod helper_thread;
mod instance;
#[cfg(unix)]
pub(crate) mod layer;
mod link;
pub(crate) mod namespace;
pub mod operation;
pub mod packets;
pub mod port;
pub(crate) mod provider;
mod rio;
pub mod thread_error;
pub mod upcalls;

pub use calls::extensions::get_accept_ex_sockaddrs;
