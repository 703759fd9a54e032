//! Layers: the functions of the table on their way to the next provider.

mod calls;
mod chain;
pub(crate) mod entry;
mod extensions;
pub(crate) mod host;
pub(crate) mod next;
mod pending;
pub(crate) mod stack;
mod transfer;
