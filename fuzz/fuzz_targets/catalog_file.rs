//! The text of a catalog file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::catalog_file(data));
