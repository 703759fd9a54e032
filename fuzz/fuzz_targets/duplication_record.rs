//! What another process tells of a socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass_fuzz::duplication_record(data));
