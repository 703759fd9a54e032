//! What is linked into this library and the process has to know of once.
#![allow(unsafe_code, reason = "registers a function with the C library")]

use std::sync::Once;

use windlass_runtime::{builtin, report};

/// Makes the linked-in providers known by the names that `builtin:` paths use, and has the report told of the end.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        builtin::register_namespace("dns", windlass_spi::namespace::entry::<windlass_dns::Dns>());
        builtin::register("tcpip", windlass_spi::entry::<windlass_tcpip::Tcpip>());
        builtin::register("nonifs", windlass_spi::layer_entry::<windlass_nonifs::NonIfs>());
        builtin::register("pass", windlass_spi::layer_entry::<windlass_pass::Pass>());
        windlass_runtime::names::remote::install(Box::new(crate::names::Version2));
        // SAFETY: the handler is a function of this library, which the C library runs before it is unmapped.
        // Without it only the last counters are missing, so that it may fail.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    // Nobody is left to tell of a panic.
    let _ = std::panic::catch_unwind(report::at_exit);
}
