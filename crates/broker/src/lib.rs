//! Name space providers of version 2: who advertises them, the sessions that clients have with them, and how those end.
//!
//! | module | what it holds |
//! |---|---|
//! | [`session`] | the life of one client session, decided without calling anybody |
//! | [`call`] | calls that end by `WSAProviderCompleteAsyncCall`, each exactly once |
//! | [`host`] | the providers that this process advertises, and clients that call them |
//! | [`server`] | clients of other processes |
//! | [`client`] | hosts in other processes |
//! | [`wire`] | what the two say to each other |
//! | [`place`] | where hosts are found |
//!
//! A provider lives in a process that advertises it, its *host*. A *client* is a process that looks names up or registers
//! services there; it has one session with each provider it uses (SESS-1). `NSPv2Startup` begins it, and what the provider stores
//! then goes to every later call of the session. An orderly end is `NSPv2Cleanup`; a client that is lost, and a provider that is
//! not advertised any more, is `NSPv2ClientSessionRundown` and then the cleanup that is owed.
//!
//! Clients find hosts by sockets in a folder of the user's, and talk to them directly: nothing is copied through a third process.
//! No lock is held while a provider's code runs.

pub mod call;
pub mod client;
pub mod host;
pub mod place;
pub mod server;
pub mod session;
pub mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use client::{RemoteLookup, Sessions};
pub use host::{Host, Lookup, Policy};
pub use server::Server;
pub use session::ClientId;

/// Locks, whatever happened to a thread that held the lock: nothing here is left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
