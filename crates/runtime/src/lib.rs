//! The Ws2_32 side: start-up, loading of providers, socket handles and dispatch.
//!
//! There is one Winsock in a process, so this is a crate of functions, not of objects. What an export of libws2_32.so does:
//!
//! ```text
//! // int WSAStartup(WORD, WSADATA *): the code is the result.
//! let Negotiated { version, high } = windlass_runtime::startup(requested)?;
//!
//! // int listen(SOCKET, int)
//! let entered = windlass_runtime::enter(s, Function::Listen)?; // WSANOTINITIALISED, WSAENOTSOCK
//! let mut errno = 0;
//! let rc = unsafe { (entered.lpWSPListen)(s, backlog, &mut errno) };
//! entered.finish(rc, errno) // stores the thread error if it failed
//!
//! // SOCKET accept(SOCKET, ...): the same with `finish_socket`; BOOL functions: `finish_bool`.
//! // SOCKET socket(int, int, int)
//! let flags = windlass_runtime::thread::default_socket_flags();
//! let request = SocketRequest { family, socket_type, protocol, info: None, group: 0, flags };
//! let s = windlass_runtime::socket(&request, Function::Socket)?;
//! windlass_runtime::close_socket(s)?;
//! ```
//!
//! Errors are [`windlass_abi::WsaError`]; [`thread::fail`] stores one and returns `SOCKET_ERROR`.
//!
//! | module | what it holds |
//! |---|---|
//! | `startup` | WSAStartup, WSACleanup and the count |
//! | `process`, `session` | the state of the process, and of one use of Winsock between first start-up and last clean-up |
//! | `selection` | which catalog entry serves a request; pure |
//! | `providers` | which providers run: Absent, Starting, Running, Draining, Unloaded |
//! | `handles` | from socket handles to providers |
//! | `base` | the sockets of base providers behind those of layers |
//! | `dispatch` | entering a provider, and leaving it |
//! | `sockets`, [`overlapped`], [`select`], [`mod@poll`], [`notifications`], [`catalogs`] | what the runtime does beyond handing a call on |
//! | [`ports`] | sockets and completion ports |
//! | [`names`] | look-ups, registrations and service classes, over name space providers |
//! | [`thread`], [`messages`], [`builtin`], [`limits`], [`report`] | thread error, message sinks, linked-in providers, time limits, reports |
//! | `loader` | all that is unsafe: modules, tables, upcalls |

pub mod builtin;
pub mod catalogs;
pub mod limits;
pub mod messages;
pub mod names;
pub mod notifications;
pub mod overlapped;
pub mod poll;
pub mod ports;
pub mod report;
pub mod select;
pub mod thread;

mod base;
mod dispatch;
mod function;
mod handles;
mod loader;
mod process;
mod providers;
mod selection;
mod session;
mod sockets;
mod startup;
mod version;

pub use base::base_handle;
pub use dispatch::{Entered, enter};
pub use function::Function;
pub use loader::hosts::{create_call_event, provider};
pub use loader::upcalls::complete_overlapped_request;
pub use poll::poll;
pub use select::enter_for_select;
pub use selection::SocketRequest;
pub use sockets::{byte_order, close_socket, enter_for_address, is_socket, socket};
pub use startup::{cleanup, require_started, startup};
pub use version::{HIGHEST as HIGHEST_VERSION, Negotiated};
