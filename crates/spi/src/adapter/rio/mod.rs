//! Registered I/O (contract: api, section 8), for any transport with overlapped operations: a request is an
//! [`Operation`](crate::operation::Operation) whose end goes to a completion queue.
//!
//! | module | what it holds |
//! |---|---|
//! | `buffers` | memory that requests name parts of |
//! | `completions` | completion queues, and how they tell |
//! | `requests` | request queues: what is outstanding, what is deferred |
//! | `calls` | the functions of the table |
//!
//! The status of a completion is a Winsock error, or zero. The local address of a datagram is that of its socket; which of
//! several it came to is told by control data.

mod buffers;
mod calls;
mod completions;
mod requests;
mod slab;

pub(super) use self::buffers::Slice;
pub(super) use self::calls::table;
pub(super) use self::requests::{Ticket, close};
