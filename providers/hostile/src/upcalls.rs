//! What stands between the provider underneath and the runtime's upcalls.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windlass_spi::abi::*;

use crate::fault::{Fault, fault, has};
use crate::given;

/// Events of operations that may pend, as numbers.
pub static PENDING: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The runtime's table, with the fault in it.
pub fn between(runtime: &UpcallTable) -> WSPUPCALLTABLE {
    let mut table = runtime.to_nullable();
    match fault() {
        Some(Fault::RegistersNothing) => table.lpWPUModifyIFSHandle = Some(register_nothing),
        Some(Fault::IgnoresRefusal) => table.lpWPUModifyIFSHandle = Some(ignore_refusal),
        Some(Fault::LocksUpcalls) => table.lpWPUModifyIFSHandle = Some(register_locked),
        Some(Fault::CompletesTwice) => table.lpWPUSetEvent = Some(set_twice),
        Some(Fault::NeverTells) => {
            table.lpWPUSetEvent = Some(touch_nothing);
            table.lpWPUQueueApc = Some(queue_nothing);
        }
        Some(Fault::KeepsEvents) => table.lpWPUResetEvent = Some(touch_nothing),
        _ => {}
    }
    table
}

extern "system" fn register_nothing(_: u32, proposed: SOCKET, _: *mut i32) -> SOCKET {
    proposed
}

extern "system" fn ignore_refusal(entry: u32, proposed: SOCKET, errno: *mut i32) -> SOCKET {
    if let Some(given) = given() {
        // SAFETY: the runtime's upcall, with the provider's arguments.
        unsafe { (given.upcalls.lpWPUModifyIFSHandle)(entry, proposed, errno) };
    }
    proposed
}

extern "system" fn register_locked(entry: u32, proposed: SOCKET, errno: *mut i32) -> SOCKET {
    static LOCK: Mutex<()> = Mutex::new(());
    let _held = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(given) = given() else { return INVALID_SOCKET };
    // SAFETY: the runtime's upcall, with the provider's arguments.
    unsafe { (given.upcalls.lpWPUModifyIFSHandle)(entry, proposed, errno) }
}

extern "system" fn set_twice(event: WSAEVENT, errno: *mut i32) -> BOOL {
    let Some(given) = given() else { return FALSE };
    let again = event.expose_provenance();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(25));
        let mut errno = 0;
        // SAFETY: the runtime's upcall.
        unsafe { (given.upcalls.lpWPUSetEvent)(std::ptr::with_exposed_provenance_mut(again), &mut errno) };
    });
    // SAFETY: the runtime's upcall, with the provider's arguments.
    unsafe { (given.upcalls.lpWPUSetEvent)(event, errno) }
}

extern "system" fn touch_nothing(_: WSAEVENT, _: *mut i32) -> BOOL {
    debug_assert!(has(Fault::NeverTells) || has(Fault::KeepsEvents));
    TRUE
}

extern "system" fn queue_nothing(_: *mut WSATHREADID, _: LPWSAUSERAPC, _: usize, _: *mut i32) -> i32 {
    0
}
