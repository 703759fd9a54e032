//! The layer `socks`: connections and datagrams go through a SOCKS5 proxy.
//!
//! [`options`] say which, [`wire`] is what is said to it in a [`dialogue`], [`names`] are those that it resolves.

pub mod dialogue;
pub mod names;
pub mod options;
pub mod wire;
