//! The provider SDK: a transport in safe Rust, and the tables that the Winsock SPI asks for.
//!
//! An author writes one type that implements [`Transport`]. The SDK puts it behind `WSPStartup` and the
//! 30 functions of the dispatch table, and keeps what the contract asks of every provider, so that it
//! cannot be got wrong:
//!
//! - the reference count, version negotiation and the latest upcall table ([`Provider`]);
//! - the open sockets by handle, alive while a call uses them, and the order of a close ([`socket`]);
//! - the last clean-up: nothing is let in, blocked calls end, open sockets are reset, every call has
//!   left, and the module can be unloaded or started again at once;
//! - the end of an overlapped operation: told once, as the client asked, and to nobody if the last clean-up made it
//!   ([`operation`]);
//! - the client's pointers: null, negative and short ones are errors, a panic is one too.
//!
//! What a transport does not implement answers `WSAEOPNOTSUPP`, never success.
//!
//! # A transport
//!
//! Sockets that give back what was sent to them. This is all of `src/lib.rs` of a library crate:
//!
//! ```
//! use std::sync::Mutex;
//! use windlass_spi::abi::WsaError;
//! use windlass_spi::buffers::{RecvBuffers, SendBuffers};
//! use windlass_spi::socket::OpenSocket;
//! use windlass_spi::transport::*;
//! use windlass_spi::{Result, transport_entry};
//!
//! struct Echo;
//!
//! impl Transport for Echo {
//!     /// The bytes on their way back.
//!     type Socket = Mutex<Vec<u8>>;
//!     const DESCRIPTION: &'static str = "Echo";
//!
//!     fn start(_: &Startup<'_>) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     fn socket(&self, _: &SocketRequest<'_>) -> Result<NewSocket<Self::Socket>> {
//!         // The runtime makes the handle. A socket of the system would be `NewSocket::Ifs`.
//!         Ok(NewSocket::NonIfs { state: Mutex::default() })
//!     }
//!
//!     fn send(&self, socket: &OpenSocket<Self::Socket>, buffers: &SendBuffers<'_>, _flags: u32) -> Result<u32> {
//!         socket.lock().unwrap().extend_from_slice(&buffers.to_contiguous());
//!         Ok(buffers.total() as u32)
//!     }
//!
//!     fn recv(&self, socket: &OpenSocket<Self::Socket>, buffers: &mut RecvBuffers<'_>, _flags: u32) -> Result<Received> {
//!         let mut bytes = socket.lock().unwrap();
//!         if bytes.is_empty() {
//!             return Err(WsaError::WSAEWOULDBLOCK);
//!         }
//!         let count = buffers.scatter(&bytes);
//!         bytes.drain(..count);
//!         Ok(Received { bytes: count as u32, flags: 0 })
//!     }
//! }
//!
//! // The one export of the module: `WSPStartup`.
//! transport_entry!(export Echo);
//! # fn main() {
//! # let _ = windlass_spi::entry::<Echo>();
//! # }
//! ```
//!
//! It is built as a module, put into a catalog, here for a family of its own, and serves every program that asks for it:
//!
//! ```text
//! # Cargo.toml
//! [lib]
//! crate-type = ["cdylib"]
//! ```
//! ```text
//! cargo build --release
//! windlass catalog install transport --catalog mine --name Echo --family 200 --type SOCK_STREAM \
//!     --provider-flags MATCHES_PROTOCOL_ZERO target/release/libecho.so
//! windlass run --catalog mine program.c
//! ```
//!
//! where `program.c` calls `socket(200, SOCK_STREAM, 0)`, `send` and `recv` as it would of any socket. Whatever else it calls
//! fails with `WSAEOPNOTSUPP`, until [`Transport`] says more: each of its methods names the function that it stands for.
//!
//! | to | see |
//! |---|---|
//! | connect sockets, wait, be cancelled, record network events | `providers/memory`, a whole transport over no network |
//! | have `AcceptEx`, `TransmitFile` and their like, or registered I/O | [`Transport::EXTENSIONS`], [`operation::Request`] |
//! | hand out sockets of the system | [`NewSocket::Ifs`](transport::NewSocket::Ifs), and `providers/tcpip` |
//! | be linked in as well as loaded | [`entry()`], and `providers/memory-module` for the export |
//! | have a thread of its own | [`helper_thread`] |
//!
//! # Name spaces
//!
//! [`namespace`] has queries, registrations and results as owned values, and what lays them out for C.
//!
//! # For runtimes
//!
//! [`rundown`] and [`handles`] are what the SDK itself is built on: closing what other threads may be
//! using, at the price of one store to them, and finding what a handle stands for without a lock.

mod adapter;
pub mod address;
pub mod events;
pub mod handles;
#[cfg(unix)]
pub mod layer;
pub mod namespace;
pub mod rundown;
pub mod socket;
pub mod status;
pub mod transport;
pub mod version;

pub use adapter::entry::{Entry, entry};
pub use adapter::get_accept_ex_sockaddrs;
#[cfg(unix)]
pub use adapter::layer::entry::{LayerEntry, layer_entry, start_layer};
pub use adapter::provider::Provider;
pub use adapter::{buffers, completion, condition, operation, packets, port, thread_error, upcalls};
#[cfg(unix)]
pub use adapter::{descriptor, files, helper_thread};
pub use transport::{Result, Transport};
pub use windlass_abi as abi;
