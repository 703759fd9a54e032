//! Protocol information that a client makes a socket of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::protocol_info(data));
