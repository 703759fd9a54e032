//! Upcalls from a provider's side.
#![allow(unsafe_code, reason = "upcalls are C functions")]

use windlass_abi::UpcallTable;

use super::fake::{fake, install_fake};
use super::{open, start};

/// Calls an upcall with an error slot; what it returned, and the slot.
#[allow(unused_macros, reason = "each test binary uses a part")]
macro_rules! up {
    ($upcalls:expr, $slot:ident($($arg:expr),*)) => {{
        let mut errno = 0;
        // SAFETY: an upcall of the runtime; what the arguments point to is alive.
        let result = unsafe { ($upcalls.$slot)($($arg,)* &mut errno) };
        (result, errno)
    }};
}
#[allow(unused_imports, reason = "each test binary uses a part")]
pub(crate) use up;

/// Starts provider 0, and returns what it got.
pub fn started() -> (UpcallTable, u32) {
    let id = install_fake(0);
    start();
    open(0).unwrap();
    (fake(0).upcalls(), id)
}
