//! The in-memory transport provider as a module: its one export is `WSPStartup` (WSP-STARTUP-3).
//!
//! A crate of its own, because a program that links the provider in has no use for the export, and a module can have
//! only one.

windlass_spi::export_transport!(windlass_memory::Memory);
