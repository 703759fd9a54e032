//! Bytes that a client takes for a socket address.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::socket_address(data));
