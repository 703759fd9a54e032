//! Text that a client takes for an address.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::address_text(data));
