//! A message between a name space provider's host and its client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::broker_message(data));
