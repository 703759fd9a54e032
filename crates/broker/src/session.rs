//! The life of one client session with one provider, decided without calling anybody (contract: lifecycle, section 5).
//!
//! ```text
//! Opening ──Startup──> Open ──orderly end──┐
//!    │                  └─────lost───────┐ │
//!    └─ refused: over                    v v
//!                                      Ending ── nobody inside ──> farewell: [Rundown,] End of each look-up, [Cleanup]
//! ```

use std::collections::BTreeSet;

use windlass_abi::WsaError;
use windlass_spi::namespace::{LookupHandle, SessionArgument};

/// A client process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(pub u64);

impl ClientId {
    /// The process that the host is.
    pub const OWN: Self = Self(0);
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has finished: Cleanup.
    Orderly,
    /// The client has died, or the provider is not advertised any more: Rundown, and then Cleanup (NSP2-RUN-4, NSP2-RUN-5).
    Lost,
}

/// What the provider is owed at the end, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// What Startup stored.
    pub argument: SessionArgument,
    /// `NSPv2ClientSessionRundown`, once.
    pub rundown: bool,
    /// `NSPv2LookupServiceEnd` of each (NSP2-CLEANUP-10).
    pub lookups: Vec<LookupHandle>,
    /// `NSPv2Cleanup`, once for the one Startup that succeeded (NSP2-SES-8).
    pub cleanup: bool,
}

/// What becomes of a session once Startup has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It can be used.
    Open,
    /// The provider is skipped for this client (NSP2-SES-7).
    Refused(WsaError),
    /// It was ended meanwhile.
    Over(Farewell),
}

/// One session.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    argument: SessionArgument,
    /// Startup succeeded, so that a Cleanup is owed.
    owed: bool,
    /// Calls that are inside the provider.
    inside: usize,
    lookups: BTreeSet<LookupHandle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Startup is running; somebody may have ended the session already.
    Opening(Option<End>),
    Open,
    Ending(End),
    Over,
}

impl Session {
    /// Startup is about to be called.
    pub fn opening() -> Self {
        let (argument, lookups) = (SessionArgument::NONE, BTreeSet::new());
        Self { phase: Phase::Opening(None), argument, owed: false, inside: 0, lookups }
    }

    /// Startup has returned. One that is not there keeps no sessions, and is owed nothing (NSP2-SES-7).
    pub fn opened(&mut self, result: Result<SessionArgument, WsaError>) -> Opened {
        let Phase::Opening(end) = self.phase else { return Opened::Refused(WsaError::WSAEINVAL) };
        match result {
            Ok(argument) => (self.argument, self.owed) = (argument, true),
            Err(WsaError::WSAEOPNOTSUPP) => {}
            Err(error) => {
                self.phase = Phase::Over;
                return Opened::Refused(error);
            }
        }
        self.phase = Phase::Open;
        match end.and_then(|end| self.end(end)) {
            Some(farewell) => Opened::Over(farewell),
            None => Opened::Open,
        }
    }

    /// A call is about to enter the provider: the argument that it gets. None: no call of this session starts any more
    /// (NSP2-RUN-6), or none yet.
    pub fn enter(&mut self) -> Option<SessionArgument> {
        (self.phase == Phase::Open).then(|| {
            self.inside += 1;
            self.argument
        })
    }

    /// A call has left. The last one of a session that is ending takes the farewell with it.
    pub fn leave(&mut self) -> Option<Farewell> {
        self.inside -= 1;
        self.farewell()
    }

    /// A look-up has begun, in a call that is inside.
    pub fn begun(&mut self, lookup: LookupHandle) {
        self.lookups.insert(lookup);
    }

    /// A look-up is about to be ended by its client; false if the session's end does that.
    pub fn ending(&mut self, lookup: LookupHandle) -> bool {
        self.lookups.remove(&lookup)
    }

    /// Ends the session, once: a later reason changes nothing. The farewell, unless it is another's to say.
    pub fn end(&mut self, end: End) -> Option<Farewell> {
        match self.phase {
            Phase::Opening(None) => self.phase = Phase::Opening(Some(end)),
            Phase::Open => self.phase = Phase::Ending(end),
            Phase::Opening(Some(_)) | Phase::Ending(_) | Phase::Over => return None,
        }
        self.farewell()
    }

    /// Whether it is ending, so that its clients wait for nothing any more.
    pub fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending(_) | Phase::Over)
    }

    fn farewell(&mut self) -> Option<Farewell> {
        let Phase::Ending(end) = self.phase else { return None };
        if self.inside > 0 {
            return None;
        }
        self.phase = Phase::Over;
        let lookups = std::mem::take(&mut self.lookups).into_iter().collect();
        let rundown = self.owed && end == End::Lost;
        Some(Farewell { argument: self.argument, rundown, lookups, cleanup: self.owed })
    }
}

#[cfg(test)]
mod tests;
