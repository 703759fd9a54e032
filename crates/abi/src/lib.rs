//! The binary interface of Windows Sockets 2: types, constants and error codes, no functions.
//!
//! Names, sizes and values are those of the 64-bit Windows headers (`winsock2.h`, `ws2spi.h`,
//! `mswsock.h`), on every system this crate is built for: `long` is 32 bits, `WCHAR` is 16 bits,
//! a `SOCKET` is as wide as a pointer.
#![no_std]
#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clippy::upper_case_acronyms,
    reason = "the names are those of the Windows headers"
)]
#![allow(missing_docs, reason = "each name is documented by the header it comes from")]

mod base;
mod error;
mod event;
mod ip;
mod mswsock;
mod namespace;
mod netdb;
mod nsp;
mod overlapped;
mod protocol;
mod socket;
mod transport;
mod win32;

pub use base::*;
pub use error::*;
pub use event::*;
pub use ip::*;
pub use mswsock::*;
pub use namespace::*;
pub use netdb::*;
pub use nsp::*;
pub use overlapped::*;
pub use protocol::*;
pub use socket::*;
pub use transport::*;
pub use win32::*;
