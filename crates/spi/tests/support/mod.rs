//! What the tests of providers share: a runtime that records its upcalls, a client that calls a
//! dispatch table, and a transport to play with.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(unsafe_code, reason = "calls providers through their C tables, and is called through one")]

pub mod client;
pub mod fake;
pub mod probe;
