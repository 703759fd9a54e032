//! A family of transport providers that misbehave in one way each.
//!
//! Each is TCP/IP, as `providers/tcpip` has it, with one fault put in between: in `WSPStartup`, in a function of the table,
//! or in an upcall. The environment variable `WINDLASS_HOSTILE` names the [`Fault`]; without it there is none. The runtime
//! has to survive them, and the checker to name them.
#![allow(unsafe_code, reason = "breaks the rules of the SPI at its C boundary")]

mod fault;
mod functions;
mod startup;
mod upcalls;

use std::sync::{Mutex, PoisonError};

use windlass_spi::abi::{ProcTable, UpcallTable};

pub use fault::{Fault, VARIABLE};
pub use startup::wsp_startup;

/// What the provider underneath and the runtime have given.
#[derive(Clone, Copy)]
struct Given {
    inner: ProcTable,
    upcalls: UpcallTable,
}

static GIVEN: Mutex<Option<Given>> = Mutex::new(None);

fn given() -> Option<Given> {
    *GIVEN.lock().unwrap_or_else(PoisonError::into_inner)
}
