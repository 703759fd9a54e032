//! Options, control codes, network events, duplicates and groups, over real loopback sockets, through the
//! provider's table.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod duplicate;
mod events;
mod hostile;
mod ioctl;
mod join;
mod multicast;
mod options;
mod text;
