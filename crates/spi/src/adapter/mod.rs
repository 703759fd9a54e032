//! Where the C tables of the SPI meet safe Rust. All unsafe code of this crate is in here.
#![allow(unsafe_code, reason = "translates between the C tables of the SPI and safe Rust")]

pub mod buffers;
pub mod condition;
pub mod upcalls;
