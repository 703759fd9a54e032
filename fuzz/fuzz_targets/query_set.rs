//! A result that a name space provider left in a buffer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::query_set(data));
