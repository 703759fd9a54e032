//! Overlapped operations of the checker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use windlass_abi::*;

use super::Overlapped;

/// An overlapped operation of the checker: its structure, its event and what its routine was told. Never freed, since a provider
/// at fault may write to it at any time.
pub struct Operation {
    raw: *mut WSAOVERLAPPED,
}

// SAFETY: a pointer to memory that is never freed, which providers write and the checker reads with atomics or after the end.
unsafe impl Send for Operation {}
// SAFETY: as above.
unsafe impl Sync for Operation {}

impl Operation {
    /// With this event, which may be null.
    pub fn new(event: WSAEVENT) -> Self {
        let fresh = WSAOVERLAPPED { Internal: 0, InternalHigh: 0, Offset: 0, OffsetHigh: 0, hEvent: event };
        Self { raw: Box::into_raw(Box::new(fresh)) }
    }

    pub fn at(&self) -> *mut WSAOVERLAPPED {
        self.raw
    }

    pub fn how(&self) -> Overlapped {
        Overlapped { overlapped: self.raw, routine: None }
    }

    /// With a routine that counts its calls.
    pub fn with_routine(&self) -> Overlapped {
        Overlapped { overlapped: self.raw, routine: Some(routine) }
    }

    /// Whether `Internal` says that it goes on.
    pub fn is_pending(&self) -> bool {
        // SAFETY: aligned, and never freed.
        let internal = unsafe { AtomicUsize::from_ptr(&raw mut (*self.raw).Internal) };
        internal.load(Ordering::Acquire) == WSS_OPERATION_IN_PROGRESS
    }

    /// The error that the provider stored (OV-17).
    pub fn stored_error(&self) -> WsaError {
        // SAFETY: never freed; read when the operation is over.
        WsaError::from_code(unsafe { (*self.raw).OffsetHigh } as i32)
    }
}

/// What completion routines were told: structure, error, bytes.
static TOLD: Mutex<Vec<(usize, u32, u32)>> = Mutex::new(Vec::new());

unsafe extern "system" fn routine(error: u32, bytes: u32, overlapped: *mut WSAOVERLAPPED, _: u32) {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).push((overlapped.addr(), error, bytes));
}

/// What the routine of an operation was told, each time.
pub fn told(operation: &Operation) -> Vec<(WsaError, u32)> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mine = told.iter().filter(|(at, ..)| *at == operation.raw.addr());
    mine.map(|(_, error, bytes)| (WsaError::from_code(*error as i32), *bytes)).collect()
}
