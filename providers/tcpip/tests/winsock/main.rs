//! The calls of the provider over real loopback sockets, through its table.

#[path = "../support/mod.rs"]
mod support;

mod accept;
mod blocking;
mod close;
mod connect;
mod datagram;
mod names;
mod out_of_band;
mod poll;
mod races;
mod select;
mod shutdown;
mod stream;
