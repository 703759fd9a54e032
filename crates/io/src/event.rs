//! Event objects (contract: upcalls, section 6).

use std::sync::Arc;

use windlass_abi::WsaError;

use crate::handle::Handle;
use crate::object::{self, Object};
use crate::signal::Signal;
use crate::waitable::Waitable;

/// How an event becomes nonsignalled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// By a call only; meanwhile every wait is satisfied. What `WSACreateEvent` makes.
    Manual,
    /// By the one wait that it satisfies.
    Auto,
}

/// An event object. Cloning refers to the same event, which lives as long as anything refers to it: its
/// handle, a wait, an operation that will set it.
#[derive(Clone, Debug)]
pub struct Event(Arc<Waitable>);

impl Event {
    /// An event without a handle.
    pub fn new(reset: Reset, signalled: bool) -> Self {
        Self(Arc::new(Waitable::new(match reset {
            Reset::Manual => Signal::ManualEvent(signalled),
            Reset::Auto => Signal::AutoEvent(signalled),
        })))
    }

    /// The event of a handle; it stays usable when the handle is closed. Errors: WSA_INVALID_HANDLE.
    pub fn of(handle: Handle) -> Result<Self, WsaError> {
        match object::get(handle) {
            Some(Object::Event(event)) => Ok(event),
            _ => Err(WsaError::WSA_INVALID_HANDLE),
        }
    }

    /// Gives the event a handle, to be ended by [`close`]. Errors: WSA_NOT_ENOUGH_MEMORY.
    pub fn open(&self) -> Result<Handle, WsaError> {
        object::insert(Object::Event(self.clone()))
    }

    /// Signals the event. A manual-reset event releases every wait that waits for it; an auto-reset event
    /// the one that came first, or stays signalled for the next to come. Without effect on a signalled event
    /// (WPU-EVT-5). Never blocks.
    pub fn set(&self) {
        self.0.signal(|signal| signal.set_event(true));
    }

    /// Makes the event nonsignalled. Without effect on a nonsignalled event (WPU-EVT-5). Never blocks.
    pub fn reset(&self) {
        self.0.quiet(|signal| signal.set_event(false));
    }

    /// Whether a wait would be satisfied now.
    pub fn is_signalled(&self) -> bool {
        self.0.quiet(|signal| signal.is_signalled())
    }

    /// Whether both are the same event.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn waitable(&self) -> &Arc<Waitable> {
        &self.0
    }
}

/// Makes an event and a handle of it. `WSACreateEvent` and WPUCreateEvent are `create(Reset::Manual, false)`
/// (API-16, WPU-EVT-1).
///
/// Errors: WSA_NOT_ENOUGH_MEMORY (a million objects are open).
pub fn create(reset: Reset, signalled: bool) -> Result<Handle, WsaError> {
    Event::new(reset, signalled).open()
}

/// Makes a handle that can be set, reset and closed as that of an event, and nothing else. Setting it calls `call`, each time, in the
/// thread that sets it; resetting it does nothing. What is called must not block, and take no lock that a caller may hold (UPV-6).
///
/// Errors: WSA_NOT_ENOUGH_MEMORY.
pub fn create_call(call: Arc<dyn Fn() + Send + Sync>) -> Result<Handle, WsaError> {
    object::insert(Object::Call(call))
}

/// [`Event::set`] by handle. Errors: WSA_INVALID_HANDLE (WPU-EVT-2).
pub fn set(handle: Handle) -> Result<(), WsaError> {
    match object::get(handle) {
        Some(Object::Event(event)) => event.set(),
        Some(Object::Call(call)) => call(),
        _ => return Err(WsaError::WSA_INVALID_HANDLE),
    }
    Ok(())
}

/// [`Event::reset`] by handle. Errors: WSA_INVALID_HANDLE (WPU-EVT-2).
pub fn reset(handle: Handle) -> Result<(), WsaError> {
    match object::get(handle) {
        Some(Object::Event(event)) => event.reset(),
        Some(Object::Call(_)) => {}
        _ => return Err(WsaError::WSA_INVALID_HANDLE),
    }
    Ok(())
}

/// Ends a handle of an event; the handle names nothing from here on. Waits for the event go on, and are
/// satisfied if somebody who still refers to it sets it.
///
/// Errors: WSA_INVALID_HANDLE (WPU-EVT-2).
pub fn close(handle: Handle) -> Result<(), WsaError> {
    match object::remove_if(handle, |object| matches!(object, Object::Event(_) | Object::Call(_))) {
        Some(_) => Ok(()),
        None => Err(WsaError::WSA_INVALID_HANDLE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Outcome, wait_for};
    use std::time::Duration;
    use windlass_abi::HANDLE;

    fn test(handle: Handle) -> Result<Outcome, WsaError> {
        wait_for(&[handle], false, Some(Duration::ZERO), false)
    }

    #[test]
    fn wpu_evt_1_events_are_manual_reset_and_nonsignalled() {
        // proves: API-16
        let event = create(Reset::Manual, false).unwrap();
        assert_eq!(test(event), Ok(Outcome::TimedOut));
        set(event).unwrap();
        assert_eq!(test(event), Ok(Outcome::Signalled(0)));
        assert_eq!(test(event), Ok(Outcome::Signalled(0)), "a wait does not reset it");
        reset(event).unwrap();
        assert_eq!(test(event), Ok(Outcome::TimedOut));
        close(event).unwrap();
    }

    #[test]
    fn wpu_evt_2_bad_handles_are_refused_by_every_function() {
        let closed = create(Reset::Manual, true).unwrap();
        close(closed).unwrap();
        let id = crate::thread::current().id().unwrap();
        let thread = Handle::from(windlass_abi::WSATHREADID::from(id).ThreadHandle);
        let live = create(Reset::Manual, false).unwrap();
        let tagged = Handle::from_value(live.value() | 1);
        let null = Handle::from(std::ptr::null_mut::<std::ffi::c_void>() as HANDLE);
        for bad in [closed, thread, tagged, null, Handle::from_value(usize::MAX), Handle::from_value(7)] {
            for result in [set(bad), reset(bad), close(bad), test(bad).map(|_| ())] {
                assert_eq!(result, Err(WsaError::WSA_INVALID_HANDLE), "{bad:?}");
            }
        }
        assert_eq!(crate::thread::current().id(), Ok(id), "the thread's own handle still stands");
        close(live).unwrap();
    }

    #[test]
    fn wpu_evt_5_setting_and_resetting_twice_has_no_effect() {
        for kind in [Reset::Manual, Reset::Auto] {
            let event = create(kind, false).unwrap();
            reset(event).unwrap();
            assert_eq!(test(event), Ok(Outcome::TimedOut));
            set(event).unwrap();
            set(event).unwrap();
            assert_eq!(test(event), Ok(Outcome::Signalled(0)));
            let after = if kind == Reset::Auto { Outcome::TimedOut } else { Outcome::Signalled(0) };
            assert_eq!(test(event), Ok(after), "two sets are one signal");
            close(event).unwrap();
        }
    }

    #[test]
    fn setting_a_call_calls_and_nobody_can_wait_for_it() {
        let count = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counter = count.clone();
        let call = create_call(Arc::new(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }))
        .unwrap();
        reset(call).unwrap();
        set(call).unwrap();
        set(call).unwrap();
        assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 2);
        assert_eq!(test(call), Err(WsaError::WSA_INVALID_HANDLE));
        close(call).unwrap();
        assert_eq!((set(call), reset(call)), (Err(WsaError::WSA_INVALID_HANDLE), Err(WsaError::WSA_INVALID_HANDLE)));
    }

    #[test]
    fn an_event_outlives_its_handle_for_those_who_refer_to_it() {
        let handle = create(Reset::Manual, false).unwrap();
        let event = Event::of(handle).unwrap();
        close(handle).unwrap();
        event.set();
        assert!(event.is_signalled());
        let other = event.open().unwrap();
        assert_eq!(test(other), Ok(Outcome::Signalled(0)));
        close(other).unwrap();
    }
}
