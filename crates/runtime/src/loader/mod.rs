//! Everything that needs unsafe code: modules, the tables of functions, and calls through them.
#![allow(unsafe_code, reason = "loads foreign modules and calls through the tables of functions that they give")]

pub(crate) mod calls;
pub(crate) mod descriptor;
pub(crate) mod fork;
pub(crate) mod hosts;
pub(crate) mod instance;
mod module;
pub(crate) mod notifications;
pub(crate) mod nsp;
pub(crate) mod poll;
pub(crate) mod ports;
pub(crate) mod stack;
pub(crate) mod tellers;

pub(crate) mod upcalls;
mod watched;
