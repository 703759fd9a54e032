//! Where the checker meets the provider's C side: its module, its table, and the upcalls.
#![allow(unsafe_code, reason = "the SPI is made of raw pointers and functions")]

pub mod client;
pub mod layers;
pub mod module;
pub mod upcalls;
