//! Transports installed with the command, and programs in C that run on them unchanged: the one that is linked in, the same
//! as a module, one in memory, and one in plain C.

mod catalogs;
mod layers;
mod place;
mod programs;
mod refused;
mod sanitized;
#[path = "../../../capi/tests/support/mod.rs"]
mod support;
