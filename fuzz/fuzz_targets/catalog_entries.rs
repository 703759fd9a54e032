//! Protocol information that a client installs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::catalog_entries(data));
