//! Event objects and the record of network events.

use core::num::NonZeroUsize;

use windlass_abi::{FD_MAX_EVENTS, WSAEVENT, WSANETWORKEVENTS, WsaError};

/// An event object of the client, not null. It is a name, not an owner: set and reset it with
/// [`Upcalls`](crate::upcalls::Upcalls), from any thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Event(NonZeroUsize);

impl Event {
    /// The event with this handle; nothing if it is `WSA_INVALID_EVENT`.
    pub fn from_raw(handle: WSAEVENT) -> Option<Self> {
        NonZeroUsize::new(handle.expose_provenance()).map(Self)
    }

    /// The handle.
    pub fn as_raw(self) -> WSAEVENT {
        core::ptr::with_exposed_provenance_mut(self.0.get())
    }
}

/// The network events of a socket, with a code for each (EV-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NetworkEvents {
    mask: i32,
    codes: [i32; FD_MAX_EVENTS],
}

impl NetworkEvents {
    /// No event.
    pub const NONE: Self = Self { mask: 0, codes: [0; FD_MAX_EVENTS] };

    /// Adds the event of bit number `bit` (`FD_*_BIT`), with its error if it failed.
    ///
    /// # Panics
    /// If `bit` is not below `FD_MAX_EVENTS`.
    pub fn record(&mut self, bit: usize, error: Option<WsaError>) {
        self.codes[bit] = error.map_or(0, WsaError::code);
        self.mask |= 1 << bit;
    }

    /// What a provider stored in the client's structure.
    pub fn from_raw(events: &WSANETWORKEVENTS) -> Self {
        Self { mask: events.lNetworkEvents, codes: events.iErrorCode }
    }

    /// The events recorded, as `FD_*` bits.
    pub fn mask(&self) -> i32 {
        self.mask
    }

    /// The code of the event of bit number `bit`: zero if it succeeded or is not recorded.
    pub fn code(&self, bit: usize) -> i32 {
        self.codes.get(bit).copied().unwrap_or(0)
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.mask == 0
    }

    /// Takes everything out, and leaves nothing (WSP-ENUM-1).
    pub fn take(&mut self) -> Self {
        core::mem::replace(self, Self::NONE)
    }

    /// Stores the events in the client's structure, the codes of the recorded ones alone (WSP-ENUM-3).
    pub fn store(&self, out: &mut WSANETWORKEVENTS) {
        out.lNetworkEvents = self.mask;
        for (bit, code) in self.codes.iter().enumerate() {
            if self.mask & (1 << bit) != 0 {
                out.iErrorCode[bit] = *code;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::{FD_CLOSE, FD_CLOSE_BIT, FD_READ, FD_READ_BIT};

    #[test]
    fn wsp_enum_3_stores_only_codes_of_recorded_events() {
        let mut events = NetworkEvents::NONE;
        events.record(FD_READ_BIT, None);
        events.record(FD_CLOSE_BIT, Some(WsaError::WSAECONNRESET));
        let mut out = WSANETWORKEVENTS { lNetworkEvents: -1, iErrorCode: [0x5555; FD_MAX_EVENTS] };
        events.store(&mut out);
        assert_eq!(out.lNetworkEvents, FD_READ | FD_CLOSE);
        let mut expected = [0x5555; FD_MAX_EVENTS];
        expected[FD_READ_BIT] = 0;
        expected[FD_CLOSE_BIT] = WsaError::WSAECONNRESET.code();
        assert_eq!(out.iErrorCode, expected);
        assert_eq!(events.take().mask(), FD_READ | FD_CLOSE);
        assert!(events.is_empty());
    }

    #[test]
    fn no_event_is_null() {
        assert_eq!(Event::from_raw(core::ptr::null_mut()), None);
        let event = Event::from_raw(core::ptr::without_provenance_mut(64)).unwrap();
        assert_eq!(event.as_raw().addr(), 64);
    }
}
