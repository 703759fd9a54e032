//! `libws2_32.so`: the C exports, thin, over the runtime.
//!
//! | module | exports |
//! |---|---|
//! | [`startup`] | WSAStartup, WSACleanup, the thread error |
//! | [`socket`], [`connection`], [`transfer`], [`options`] | sockets, by what they do |
//! | [`events`], [`readiness`] | event objects, network events, select, WSAPoll |
//! | [`addresses`], [`helpers`] | addresses as text, byte order |
//! | [`protocols`], [`wsc`] | the catalogs |
//! | [`names`] | name resolution |
//! | [`extensions`] | mswsock, and upcalls that are exported |
//! | [`win32`] | the slice of Win32 that such programs use |
//!
//! Every function has the signature and the errors of its page in the Winsock documentation.
//! `exports.txt` lists every symbol. Those whose source name libc has too begin with `ws2_`.
#![allow(non_snake_case, reason = "exports have the names of the Windows headers")]
#![allow(clippy::too_many_arguments, reason = "exports have the signatures of the Windows headers")]

mod boundary;
mod builtin;
mod dispatch;
mod text;

pub mod addresses;
pub mod connection;
pub mod events;
pub mod extensions;
pub mod helpers;
pub mod names;
pub mod options;
pub mod protocols;
pub mod readiness;
pub mod socket;
pub mod startup;
pub mod transfer;
pub mod win32;
pub mod wsc;

pub use builtin::register as register_builtin;
