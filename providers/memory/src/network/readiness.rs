//! What a socket is ready for, and who is told.

use windlass_spi::abi::*;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::transport::Interest;

use super::{Id, Network};
use crate::catalog::Kind;
use crate::socket::{Ended, Registration, Socket};

impl Network {
    pub(crate) fn register(&mut self, id: Id, event: Option<Event>, mask: i32) {
        let socket = self.get(id);
        socket.nonblocking = true;
        let record = NetworkEvents::NONE;
        socket.registration = event.map(|event| Registration { event, mask, enabled: FD_ALL_EVENTS, record });
        self.touch(id);
    }

    pub(crate) fn take_events(&mut self, id: Id) -> NetworkEvents {
        self.get(id).registration.as_mut().map_or(NetworkEvents::NONE, |registration| registration.record.take())
    }

    /// For WSPSelect (WSP-SELECT-6).
    pub(crate) fn is_ready(&mut self, id: Id, interest: Interest) -> bool {
        let ready = match interest {
            Interest::Read => FD_READ | FD_ACCEPT | FD_CLOSE,
            Interest::Write => FD_WRITE,
            // There is no out-of-band data.
            Interest::Except => return self.get(id).failure.is_some(),
        };
        self.conditions(id) & ready != 0
    }

    /// For WSAPoll: which of the `POLL*` bits asked for hold, and how a stream has ended (API-S11).
    pub(crate) fn poll(&mut self, id: Id, asked: i16) -> i16 {
        let conditions = self.conditions(id);
        let bit = |events, bit| if conditions & events != 0 { bit } else { 0 };
        let broken = match self.get(id) {
            Socket { failure: Some(_), .. } => POLLERR | POLLHUP,
            Socket { ended: Ended::Reset, .. } => POLLERR,
            _ => 0,
        };
        let ready = bit(FD_READ | FD_ACCEPT | FD_CLOSE, POLLRDNORM) | bit(FD_WRITE, POLLWRNORM);
        ready & asked | bit(FD_CLOSE, POLLHUP) | broken
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed || !self.signals.is_empty()
    }

    /// Whether anybody who waits should look again, and the events to set.
    pub(crate) fn take_changes(&mut self) -> (bool, Vec<Event>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.signals))
    }

    /// What is true of a socket now, as network events.
    fn conditions(&mut self, id: Id) -> i32 {
        let has_room = self.get(id).peer.is_none_or(|peer| self.get(peer).room() > 0);
        let socket = self.get(id);
        let (is_stream, is_connected) = (socket.protocol.kind == Kind::Stream, socket.remote.is_some());
        let is_empty = socket.bytes.is_empty() && socket.datagrams.is_empty();
        let bits = [
            (FD_READ, !is_empty),
            (FD_WRITE, has_room && (is_connected || !is_stream)),
            (FD_ACCEPT, socket.queue.as_ref().is_some_and(|queue| !queue.waiting.is_empty())),
            (FD_CONNECT, is_connected && is_stream || socket.failure.is_some()),
            (FD_CLOSE, socket.ended == Ended::Reset || socket.ended == Ended::Graceful && is_empty),
        ];
        bits.into_iter().filter(|(_, holds)| *holds).map(|(bit, _)| bit).sum()
    }

    /// Something has happened to a socket: what its owner wants to know is recorded.
    pub(super) fn touch(&mut self, id: Id) {
        self.changed = true;
        if !self.sockets.contains_key(&id) {
            return;
        }
        let conditions = self.conditions(id);
        let socket = self.get(id);
        let closed = (socket.ended == Ended::Reset).then_some(WsaError::WSAECONNRESET);
        let failure = socket.failure;
        let Some(registration) = &mut socket.registration else { return };
        let new = conditions & registration.mask & registration.enabled;
        if new == 0 {
            return;
        }
        registration.enabled &= !new;
        for bit in (0..FD_MAX_EVENTS).filter(|bit| new & 1 << bit != 0) {
            let error = match bit {
                FD_CLOSE_BIT => closed,
                FD_CONNECT_BIT => failure,
                _ => None,
            };
            registration.record.record(bit, error);
        }
        let event = registration.event;
        self.signals.push(event);
    }

    /// The call that lets an event be recorded again has been made (EV-3, EV-4).
    pub(super) fn enable(&mut self, id: Id, events: i32) {
        if let Some(registration) = &mut self.get(id).registration {
            registration.enabled |= events;
            self.touch(id);
        }
    }
}
