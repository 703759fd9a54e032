//! The name space provider for the DNS as a module: its one export is `NSPStartup` (NSP-STARTUP-1).
//!
//! A crate of its own, because a program that links the provider in has no use for the export, and a module can have
//! only one.

windlass_spi::export_namespace!(windlass_dns::Dns);
