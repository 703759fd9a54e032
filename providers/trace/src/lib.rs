//! The layer `trace`: writes down every call, with arguments, results and times.
//!
//! As readable lines, as JSON, or as a capture that Wireshark reads; [`options`] says which, a [`recorder`] writes.

pub mod event;
pub mod options;
pub mod pcap;
pub mod recorder;
