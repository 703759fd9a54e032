//! What the kernel's readiness means in network events. Nothing here calls the kernel.

use rustix::event::PollFlags;
use windlass_abi::WsaError;

use super::record::{Conditions, Outcome};
use crate::socket::{Flags, Kind};

/// What the kernel and the socket's state say at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub kind: Kind,
    /// The bits of [`Flags`].
    pub flags: u32,
    /// What poll(2) says.
    pub ready: PollFlags,
    /// Bytes that wait to be received from a stream.
    pub queued: u64,
    /// The peer has ended its direction. Poll does not tell that from a receive shutdown of our own.
    pub peer_ended: bool,
    /// How the attempt to connect or to join ended, if it has and nobody has been told.
    pub attempt: Option<Outcome>,
}

impl Look {
    /// Whether [`queued`](Self::queued) decides anything: what is readable may be data or the end.
    pub fn asks_for_queued(kind: Kind, flags: u32, ready: PollFlags) -> bool {
        kind == Kind::Stream && flags & Flags::LISTENING == 0 && ready.contains(PollFlags::IN) && ready.intersects(END)
    }

    /// Whether [`peer_ended`](Self::peer_ended) decides anything.
    pub fn asks_for_peer(kind: Kind, flags: u32, ready: PollFlags) -> bool {
        kind == Kind::Stream && flags & Flags::SHUT_RECEIVE != 0 && ready.intersects(END)
    }

    /// The conditions that follow.
    pub fn conditions(&self) -> Conditions {
        match self.kind {
            Kind::Datagram => self.of_datagrams(),
            Kind::Stream if self.has(Flags::LISTENING) => self.of_a_listener(),
            Kind::Stream if self.has(Flags::CONNECTED) => self.of_a_connection(),
            // Before a connection the kernel reports a hang-up and room to write: neither means anything.
            Kind::Stream => Conditions { connected: self.attempt, ..Conditions::default() },
        }
    }

    fn of_datagrams(&self) -> Conditions {
        Conditions {
            // A pending error is received like a datagram, if it is reported at all (WSP-RFROM-4).
            readable: self.ready.contains(PollFlags::IN)
                || self.ready.contains(PollFlags::ERR) && self.has(Flags::UDP_CONNRESET),
            writable: self.ready.contains(PollFlags::OUT),
            connected: self.attempt,
            ..Conditions::default()
        }
    }

    fn of_a_listener(&self) -> Conditions {
        Conditions {
            acceptable: self.ready.contains(PollFlags::IN) && !self.has(Flags::DEFERRED),
            ..Conditions::default()
        }
    }

    fn of_a_connection(&self) -> Conditions {
        let broken = self.has(Flags::RESET | Flags::ABORTED) || self.ready.contains(PollFlags::ERR);
        let ended = self.ready.intersects(END) && (self.peer_ended || !self.has(Flags::SHUT_RECEIVE));
        let readable = self.ready.contains(PollFlags::IN)
            && !self.has(Flags::SHUT_RECEIVE | Flags::RECEIVE_DISCONNECTED)
            && (self.queued > 0 || !self.ready.intersects(END));
        Conditions {
            readable,
            writable: self.ready.contains(PollFlags::OUT) && !broken && !self.has(Flags::SHUT_SEND),
            urgent: (self.ready.contains(PollFlags::PRI) || self.has(Flags::URGENT)) && !self.has(Flags::OOB_INLINE),
            acceptable: false,
            connected: self.attempt,
            closed: if self.has(Flags::ABORTED) {
                Some(Err(WsaError::WSAECONNABORTED))
            } else if broken {
                Some(Err(WsaError::WSAECONNRESET))
            } else {
                (ended && !readable).then_some(Ok(()))
            },
        }
    }

    /// Whether any of these is set.
    fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }
}

/// Every way in which poll says that nothing more will come.
const END: PollFlags = PollFlags::RDHUP.union(PollFlags::HUP).union(PollFlags::ERR);

#[cfg(test)]
mod tests {
    use super::*;

    const IN: PollFlags = PollFlags::IN;
    const OUT: PollFlags = PollFlags::OUT;
    const PRI: PollFlags = PollFlags::PRI;
    const ERR: PollFlags = PollFlags::ERR;
    const HUP: PollFlags = PollFlags::HUP;
    const RDHUP: PollFlags = PollFlags::RDHUP;

    fn look(kind: Kind, flags: u32, ready: PollFlags, queued: u64) -> Look {
        let peer_ended = ready.intersects(END) && flags & Flags::SHUT_RECEIVE == 0;
        Look { kind, flags, ready, queued, peer_ended, attempt: None }
    }

    fn connected(flags: u32, ready: PollFlags, queued: u64) -> Conditions {
        look(Kind::Stream, Flags::CONNECTED | flags, ready, queued).conditions()
    }

    fn every_readiness() -> impl Iterator<Item = PollFlags> {
        (0..64u16).map(|n| {
            let all = [IN, OUT, PRI, ERR, HUP, RDHUP];
            (0..6).filter(|bit| n & 1 << bit != 0).fold(PollFlags::empty(), |ready, bit| ready | all[bit])
        })
    }

    #[test]
    fn a_stream_that_was_never_connected_reports_nothing() {
        for ready in every_readiness() {
            for flags in [0, Flags::CONNECTING, Flags::CONNECT_FAILED, Flags::NONBLOCKING] {
                assert_eq!(look(Kind::Stream, flags, ready, 5).conditions(), Conditions::default());
            }
        }
    }

    #[test]
    fn ev_10_the_end_of_an_attempt_is_reported_with_its_code() {
        for attempt in [Ok(()), Err(WsaError::WSAECONNREFUSED), Err(WsaError::WSAETIMEDOUT)] {
            let look = Look { attempt: Some(attempt), ..look(Kind::Stream, Flags::CONNECT_FAILED, OUT | HUP, 0) };
            assert_eq!(look.conditions(), Conditions { connected: Some(attempt), ..Conditions::default() });
        }
        // A success comes with the room to write.
        let look = Look { attempt: Some(Ok(())), ..look(Kind::Stream, Flags::CONNECTED, OUT, 0) };
        let expected = Conditions { connected: Some(Ok(())), writable: true, ..Conditions::default() };
        assert_eq!(look.conditions(), expected);
    }

    #[test]
    fn ev_7_the_end_is_never_readable_and_comes_after_the_data() {
        assert_eq!(connected(0, IN | RDHUP, 0), Conditions { closed: Some(Ok(())), ..Conditions::default() });
        assert_eq!(connected(0, IN | RDHUP, 3), Conditions { readable: true, ..Conditions::default() });
        assert_eq!(connected(0, IN, 3), Conditions { readable: true, ..Conditions::default() });
        // Data behind an urgent byte is not counted, but readable.
        assert_eq!(connected(0, IN, 0), Conditions { readable: true, ..Conditions::default() });
        assert_eq!(connected(0, IN | HUP | RDHUP, 0).closed, Some(Ok(())));
    }

    #[test]
    fn ev_7_a_reset_is_reported_at_once_and_data_stays_readable() {
        for reset in [ERR | HUP, ERR | HUP | RDHUP, ERR] {
            let now = connected(0, IN | OUT | reset, 3);
            assert_eq!((now.readable, now.writable, now.closed), (true, false, Some(Err(WsaError::WSAECONNRESET))));
            assert!(!connected(0, IN | OUT | reset, 0).readable);
        }
        assert_eq!(connected(Flags::ABORTED, OUT | HUP, 0).closed, Some(Err(WsaError::WSAECONNABORTED)));
        // The error was taken from the kernel by a receive, and only the flag is left.
        assert_eq!(connected(Flags::RESET, IN | HUP | RDHUP, 0).closed, Some(Err(WsaError::WSAECONNRESET)));
    }

    #[test]
    fn ev_7_our_own_shutdown_is_not_a_closure() {
        let own =
            Look { peer_ended: false, ..look(Kind::Stream, Flags::CONNECTED | Flags::SHUT_RECEIVE, IN | RDHUP, 0) };
        assert_eq!(own.conditions(), Conditions::default());
        let both = Look { peer_ended: true, ..own };
        assert_eq!(both.conditions().closed, Some(Ok(())));
        assert_eq!(connected(Flags::SHUT_SEND, OUT, 0), Conditions::default());
    }

    #[test]
    fn ev_8_urgent_data_counts_only_out_of_line() {
        assert_eq!(connected(0, PRI, 0), Conditions { urgent: true, ..Conditions::default() });
        // Or taken from the kernel already, and kept.
        assert_eq!(
            connected(Flags::URGENT, OUT, 0),
            Conditions { urgent: true, writable: true, ..Conditions::default() }
        );
        assert_eq!(connected(Flags::OOB_INLINE, PRI | IN, 1), Conditions { readable: true, ..Conditions::default() });
    }

    #[test]
    fn wsp_accept_8_a_deferred_head_hides_what_waits_behind_it() {
        for ready in every_readiness() {
            let now = look(Kind::Stream, Flags::LISTENING, ready, 0).conditions();
            assert_eq!(now, Conditions { acceptable: ready.contains(IN), ..Conditions::default() });
            let deferred = look(Kind::Stream, Flags::LISTENING | Flags::DEFERRED, ready, 0).conditions();
            assert_eq!(deferred, Conditions::default());
        }
    }

    #[test]
    fn a_datagram_socket_is_never_closed_and_needs_no_peer() {
        for ready in every_readiness() {
            let now = look(Kind::Datagram, 0, ready, 0).conditions();
            let expected =
                Conditions { readable: ready.contains(IN), writable: ready.contains(OUT), ..Conditions::default() };
            assert_eq!(now, expected);
        }
    }

    #[test]
    fn wsp_join_4_a_join_is_told_like_a_connect() {
        let joined = Look { attempt: Some(Ok(())), ..look(Kind::Datagram, 0, OUT, 0) };
        let expected = Conditions { connected: Some(Ok(())), writable: true, ..Conditions::default() };
        assert_eq!(joined.conditions(), expected);
    }

    #[test]
    fn wsp_rfrom_4_a_pending_error_is_readable_where_errors_are_reported() {
        assert!(!look(Kind::Datagram, 0, ERR | OUT, 0).conditions().readable);
        assert!(look(Kind::Datagram, Flags::UDP_CONNRESET, ERR | OUT, 0).conditions().readable);
    }

    #[test]
    fn the_kernel_is_asked_only_where_the_answer_matters() {
        for ready in every_readiness() {
            for flags in [0, Flags::CONNECTED, Flags::LISTENING, Flags::CONNECTED | Flags::SHUT_RECEIVE] {
                for kind in [Kind::Stream, Kind::Datagram] {
                    let with =
                        |queued, peer_ended| Look { queued, peer_ended, ..look(kind, flags, ready, 0) }.conditions();
                    if !Look::asks_for_queued(kind, flags, ready) {
                        assert_eq!(with(0, true), with(9, true), "{kind:?} {flags:#x} {ready:?}");
                    }
                    if !Look::asks_for_peer(kind, flags, ready) {
                        assert_eq!(with(0, false), with(0, true), "{kind:?} {flags:#x} {ready:?}");
                    }
                }
            }
        }
    }
}
