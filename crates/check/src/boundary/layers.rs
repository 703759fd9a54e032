//! What layers ask of a runtime beyond the upcalls: the parts of their chains.

use std::sync::{Arc, OnceLock};

use windlass_abi::*;
use windlass_catalog::ProtocolEntry;
use windlass_io::event;
use windlass_spi::layer::Host;

use super::module::Module;
use crate::child::Linked;

/// The parts of the chains that are checked, with the entry points of their modules.
static PARTS: OnceLock<Vec<(ProtocolEntry, LPWSPSTARTUP)>> = OnceLock::new();

/// Loads the parts, for the life of the process, and lets layers that are linked in find them.
pub fn install(parts: &[ProtocolEntry], linked: &Linked) {
    let load = |part: &ProtocolEntry| {
        let startup = Module::load(&part.module, linked).ok().map(|(module, startup)| {
            // Mapped for as long as chains may run.
            std::mem::forget(module);
            startup
        });
        (part.clone(), startup)
    };
    let _ = PARTS.set(parts.iter().map(load).collect());
    windlass_spi::layer::install(Host { provider, create_call_event, last_error });
}

unsafe extern "system" fn provider(
    id: u32,
    info: *mut WSAPROTOCOL_INFOW,
    startup: *mut LPWSPSTARTUP,
    errno: *mut i32,
) -> i32 {
    let found = PARTS.get().and_then(|parts| parts.iter().find(|(part, _)| part.id == id));
    match found {
        Some((part, entry)) if !info.is_null() && !startup.is_null() => {
            // SAFETY: not null, so the layer's, for the time of the call.
            unsafe {
                info.write(part.info());
                startup.write(*entry);
            }
            0
        }
        _ => {
            if !errno.is_null() {
                // SAFETY: not null, so the layer's.
                unsafe { errno.write(if found.is_some() { WSAEFAULT } else { WSAEINVAL }) };
            }
            SOCKET_ERROR
        }
    }
}

unsafe extern "system" fn create_call_event(
    call: Option<unsafe extern "system" fn(usize)>,
    context: usize,
    errno: *mut i32,
) -> WSAEVENT {
    // SAFETY: the layer promises that it can be called.
    let made =
        call.ok_or(WsaError::WSAEINVAL).and_then(|call| event::create_call(Arc::new(move || unsafe { call(context) })));
    made.map_or_else(
        |error| {
            if !errno.is_null() {
                // SAFETY: not null, so the layer's.
                unsafe { errno.write(error.code()) };
            }
            WSA_INVALID_EVENT
        },
        WSAEVENT::from,
    )
}

/// There is no thread error: the checker calls no extension function through layers.
unsafe extern "system" fn last_error() -> i32 {
    0
}
