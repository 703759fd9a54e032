//! The event record of a socket, and when something enters it. Nothing here calls the kernel.
//!
//! An event is recorded when four things are true: it is in the mask, it is enabled, its condition holds,
//! and somebody looks. Recording disables it (EV-2); the functions of EV-3 enable it again. READ, OOB and
//! ACCEPT depend on the condition alone, so that one look after the re-enabling call records them again
//! (EV-4). WRITE is enabled by a send that would have blocked and by nothing else (EV-5). CONNECT and CLOSE
//! are enabled once, and again by a new attempt to connect. The changes of routes and addresses have no
//! condition that could be looked at: they are armed by their ioctl and then happen once (EV-6).

use windlass_abi::{
    FD_ACCEPT, FD_ACCEPT_BIT, FD_ADDRESS_LIST_CHANGE, FD_CLOSE, FD_CLOSE_BIT, FD_CONNECT, FD_CONNECT_BIT,
    FD_MAX_EVENTS, FD_OOB, FD_OOB_BIT, FD_READ, FD_READ_BIT, FD_ROUTING_INTERFACE_CHANGE, FD_WRITE, FD_WRITE_BIT,
    WsaError,
};
use windlass_spi::events::NetworkEvents;

/// The events that follow from a condition of the socket.
const FROM_CONDITIONS: i32 = FD_READ | FD_WRITE | FD_OOB | FD_ACCEPT | FD_CONNECT | FD_CLOSE;

/// The events that happen once after their ioctl.
const FROM_IOCTLS: i32 = FD_ROUTING_INTERFACE_CHANGE | FD_ADDRESS_LIST_CHANGE;

/// How a connection, or the attempt to make one, ended.
pub type Outcome = Result<(), WsaError>;

/// What is true of a socket at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// A receive would bring data. Never true for a closure alone (EV-7).
    pub readable: bool,
    /// A send would be taken: the socket is connected, or of datagrams, and there is room.
    pub writable: bool,
    /// Out-of-band data waits, and is not received in line (EV-8).
    pub urgent: bool,
    /// A connection waits, and none is deferred (WSP-ACCEPT-8).
    pub acceptable: bool,
    /// The attempt to connect is over.
    pub connected: Option<Outcome>,
    /// The connection is closed, and what it brought has been read unless it was broken (EV-7).
    pub closed: Option<Outcome>,
}

/// The registration of a socket and its record.
#[derive(Debug, Default)]
pub struct Record {
    /// What the client asked for.
    mask: i32,
    /// What may be recorded.
    enabled: i32,
    /// Changes that were asked for by an ioctl and have not happened.
    armed: i32,
    /// Changes that have happened and were not recorded, because the mask did not have them.
    pending: i32,
    recorded: NetworkEvents,
}

impl Record {
    /// `WSPEventSelect`: a new mask and an empty record (WSP-ESEL-1). All conditions are enabled, so that
    /// one that is already true is recorded at the next look (WSP-ESEL-5).
    pub fn select(&mut self, mask: i32) {
        *self = Self { mask, enabled: FROM_CONDITIONS, armed: self.armed, pending: self.pending, ..Self::default() };
    }

    /// What the client asked for.
    pub fn mask(&self) -> i32 {
        self.mask
    }

    /// Whether a look could record any of `bits` now.
    pub fn wants(&self, bits: i32) -> bool {
        self.mask & (self.enabled | self.pending) & bits != 0
    }

    /// A re-enabling function was called (EV-3), or a new attempt to connect began.
    pub fn enable(&mut self, bits: i32) {
        self.enabled |= bits & FROM_CONDITIONS;
    }

    /// An ioctl asked for word of a change (EV-6). What happened before it is forgotten.
    pub fn arm(&mut self, bits: i32) {
        self.armed |= bits & FROM_IOCTLS;
        self.pending &= !bits;
    }

    /// Whether any of `bits` waits for a change.
    pub fn is_armed(&self, bits: i32) -> bool {
        self.armed & bits != 0
    }

    /// A change has happened. Only an armed one is kept, and only once; the next look records it.
    pub fn happen(&mut self, bits: i32) {
        self.pending |= self.armed & bits;
        self.armed &= !bits;
    }

    /// Looks: records what is new, and returns it. The event object is to be set if anything is.
    pub fn observe(&mut self, conditions: &Conditions) -> NetworkEvents {
        let allowed = self.mask & self.enabled;
        let mut new = NetworkEvents::NONE;
        let mut note = |condition: bool, bit: usize, error: Option<WsaError>| {
            if condition && allowed & 1 << bit != 0 {
                new.record(bit, error);
            }
        };
        note(conditions.readable, FD_READ_BIT, None);
        note(conditions.writable, FD_WRITE_BIT, None);
        note(conditions.urgent, FD_OOB_BIT, None);
        note(conditions.acceptable, FD_ACCEPT_BIT, None);
        note(conditions.connected.is_some(), FD_CONNECT_BIT, conditions.connected.and_then(Outcome::err));
        note(conditions.closed.is_some(), FD_CLOSE_BIT, conditions.closed.and_then(Outcome::err));
        for bit in bits_of(self.mask & self.pending) {
            new.record(bit, None);
        }

        self.enabled &= !new.mask();
        self.pending &= !new.mask();
        for bit in bits_of(new.mask()) {
            self.recorded.record(bit, error_of(&new, bit));
        }
        new
    }

    /// `WSPEnumNetworkEvents`: hands the record out and leaves it empty (WSP-ENUM-1). Nothing is enabled
    /// by it.
    pub fn take(&mut self) -> NetworkEvents {
        self.recorded.take()
    }
}

/// The numbers of the bits that are set, lowest first.
pub fn bits_of(bits: i32) -> impl Iterator<Item = usize> {
    (0..FD_MAX_EVENTS).filter(move |bit| bits & 1 << bit != 0)
}

/// The error that an event was recorded with.
fn error_of(events: &NetworkEvents, bit: usize) -> Option<WsaError> {
    match events.code(bit) {
        0 => None,
        code => Some(WsaError::from_code(code)),
    }
}

#[cfg(test)]
mod tests {
    use windlass_abi::FD_ALL_EVENTS;

    use super::*;

    const READABLE: Conditions = Conditions { readable: true, ..NOTHING };
    const WRITABLE: Conditions = Conditions { writable: true, ..NOTHING };
    const NOTHING: Conditions = Conditions {
        readable: false,
        writable: false,
        urgent: false,
        acceptable: false,
        connected: None,
        closed: None,
    };

    fn selected(mask: i32) -> Record {
        let mut record = Record::default();
        record.select(mask);
        record
    }

    /// Every combination of conditions, with the bits that they stand for.
    fn all_conditions() -> impl Iterator<Item = (Conditions, i32)> {
        (0..64).map(|n| {
            let on = |bit: usize| n & 1 << bit != 0;
            let conditions = Conditions {
                readable: on(FD_READ_BIT),
                writable: on(FD_WRITE_BIT),
                urgent: on(FD_OOB_BIT),
                acceptable: on(FD_ACCEPT_BIT),
                connected: on(FD_CONNECT_BIT).then_some(Ok(())),
                closed: on(FD_CLOSE_BIT).then_some(Ok(())),
            };
            (conditions, n)
        })
    }

    // proves: EV-1
    #[test]
    fn wsp_esel_5_whatever_is_true_and_in_the_mask_is_recorded_at_once() {
        for mask in 0..=FD_ALL_EVENTS {
            for (conditions, bits) in all_conditions() {
                let mut record = selected(mask);
                assert_eq!(record.observe(&conditions).mask(), bits & mask);
                assert_eq!(record.take().mask(), bits & mask);
            }
        }
    }

    // proves: EV-3
    #[test]
    fn ev_2_nothing_is_recorded_twice_without_its_re_enabling_call() {
        for first in 0..64 {
            for enabled in 0..64 {
                for (conditions, bits) in all_conditions() {
                    let mut record = selected(FD_ALL_EVENTS);
                    record.observe(&all_conditions().nth(first).unwrap().0);
                    record.take();
                    record.enable(enabled);
                    let expected = bits & (!(first as i32) | enabled);
                    assert_eq!(record.wants(bits), expected != 0);
                    assert_eq!(record.observe(&conditions).mask(), expected);
                }
            }
        }
    }

    #[test]
    fn ev_2_the_record_keeps_an_event_until_it_is_taken() {
        let mut record = selected(FD_READ | FD_WRITE);
        record.observe(&READABLE);
        record.observe(&WRITABLE);
        assert_eq!(record.take().mask(), FD_READ | FD_WRITE);
        assert_eq!(record.take().mask(), 0);
    }

    #[test]
    fn ev_4_what_is_still_true_after_the_call_is_recorded_again() {
        let mut record = selected(FD_READ);
        assert_eq!(record.observe(&READABLE).mask(), FD_READ);
        // More data, but nobody has received.
        assert_eq!(record.observe(&READABLE).mask(), 0);
        record.enable(FD_READ | FD_OOB);
        // The event is to be set again although the record still has it.
        assert_eq!(record.observe(&READABLE).mask(), FD_READ);
        record.enable(FD_READ | FD_OOB);
        assert_eq!(record.observe(&NOTHING).mask(), 0);
        assert_eq!(record.observe(&READABLE).mask(), FD_READ);
    }

    #[test]
    fn ev_5_write_comes_once_and_then_after_a_send_that_would_block() {
        let mut record = selected(FD_WRITE);
        assert_eq!(record.observe(&WRITABLE).mask(), FD_WRITE);
        for _ in 0..3 {
            assert_eq!(record.observe(&WRITABLE).mask(), 0);
        }
        record.enable(FD_WRITE);
        assert_eq!(record.observe(&NOTHING).mask(), 0);
        assert_eq!(record.observe(&WRITABLE).mask(), FD_WRITE);
    }

    #[test]
    fn ev_6_a_change_is_recorded_once_after_its_ioctl() {
        for bit in [FD_ROUTING_INTERFACE_CHANGE, FD_ADDRESS_LIST_CHANGE] {
            let mut record = selected(FD_ALL_EVENTS);
            record.happen(bit);
            assert_eq!(record.observe(&NOTHING).mask(), 0, "nobody asked");
            record.arm(bit);
            assert!(record.is_armed(bit));
            assert_eq!(record.observe(&NOTHING).mask(), 0, "not yet");
            record.happen(bit);
            assert!(!record.is_armed(bit));
            assert!(record.wants(bit));
            assert_eq!(record.observe(&NOTHING).mask(), bit);
            record.happen(bit);
            assert_eq!(record.observe(&NOTHING).mask(), 0, "the ioctl was not called again");
            record.enable(FD_ALL_EVENTS);
            assert_eq!(record.observe(&NOTHING).mask(), 0, "no other call enables it");
        }
    }

    #[test]
    fn ev_6_a_change_before_the_registration_is_recorded_by_it() {
        let mut record = Record::default();
        record.arm(FD_ADDRESS_LIST_CHANGE | FD_ROUTING_INTERFACE_CHANGE);
        record.happen(FD_ADDRESS_LIST_CHANGE);
        record.select(FD_ADDRESS_LIST_CHANGE | FD_ROUTING_INTERFACE_CHANGE);
        assert_eq!(record.observe(&NOTHING).mask(), FD_ADDRESS_LIST_CHANGE);
        record.happen(FD_ROUTING_INTERFACE_CHANGE);
        assert_eq!(record.observe(&NOTHING).mask(), FD_ROUTING_INTERFACE_CHANGE);
        // Asking anew forgets what happened before.
        record.select(FD_READ);
        record.arm(FD_ADDRESS_LIST_CHANGE);
        record.happen(FD_ADDRESS_LIST_CHANGE);
        record.arm(FD_ADDRESS_LIST_CHANGE);
        record.select(FD_ADDRESS_LIST_CHANGE);
        assert_eq!(record.observe(&NOTHING).mask(), 0);
    }

    // proves: EV-10
    #[test]
    fn ev_7_codes_say_how_it_ended() {
        let broken = Err(WsaError::WSAECONNRESET);
        let refused = Err(WsaError::WSAECONNREFUSED);
        let mut record = selected(FD_ALL_EVENTS);
        let new = record.observe(&Conditions { connected: Some(refused), closed: Some(broken), ..NOTHING });
        assert_eq!(new.code(FD_CONNECT_BIT), WsaError::WSAECONNREFUSED.code());
        assert_eq!(new.code(FD_CLOSE_BIT), WsaError::WSAECONNRESET.code());
        assert_eq!(record.take(), new);

        let mut record = selected(FD_ALL_EVENTS);
        record.observe(&Conditions { connected: Some(Ok(())), closed: Some(Ok(())), ..NOTHING });
        let taken = record.take();
        assert_eq!(taken.mask(), FD_CONNECT | FD_CLOSE);
        assert_eq!((taken.code(FD_CONNECT_BIT), taken.code(FD_CLOSE_BIT)), (0, 0));
    }

    #[test]
    fn wsp_esel_1_a_new_mask_replaces_the_old_one_and_empties_the_record() {
        let mut record = selected(FD_READ);
        record.observe(&READABLE);
        record.select(FD_WRITE);
        assert_eq!(record.mask(), FD_WRITE);
        assert_eq!(record.observe(&READABLE).mask(), 0);
        assert_eq!(record.take().mask(), 0);
        assert_eq!(record.observe(&WRITABLE).mask(), FD_WRITE);
    }

    #[test]
    fn wsp_esel_2_mask_zero_records_nothing() {
        let mut record = selected(FD_ALL_EVENTS);
        record.select(0);
        record.enable(FD_ALL_EVENTS);
        for (conditions, _) in all_conditions() {
            assert!(!record.wants(FD_ALL_EVENTS));
            assert_eq!(record.observe(&conditions).mask(), 0);
        }
    }

    // proves: WSP-ENUM-5
    #[test]
    fn wsp_enum_1_taking_clears_and_enables_nothing() {
        let mut record = selected(FD_ALL_EVENTS);
        record.observe(&READABLE);
        assert_eq!(record.take().mask(), FD_READ);
        assert_eq!(record.observe(&READABLE).mask(), 0);
        assert_eq!(record.take(), NetworkEvents::NONE);
    }

    #[test]
    fn a_code_outlives_nothing_but_its_event() {
        let mut record = selected(FD_ALL_EVENTS);
        record.observe(&Conditions { closed: Some(Err(WsaError::WSAECONNABORTED)), ..NOTHING });
        record.take();
        record.enable(FD_CLOSE);
        record.observe(&Conditions { closed: Some(Ok(())), ..NOTHING });
        assert_eq!(record.take().code(FD_CLOSE_BIT), 0);
    }
}
