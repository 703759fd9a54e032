//! What the runtime knows of this process: one Winsock, its count, its providers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use windlass_abi::WsaError;
use windlass_catalog::ApplicationFilter;

use crate::function::Function;
use crate::messages::Sinks;
use crate::providers::Registry;
use crate::report::{self, Violation};
use crate::session::{self, Session};

pub(crate) use crate::loader::fork::current;

/// Whether the count is above zero. A hint for those who must not lock; [`Lifecycle`] decides.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Whether it ever was: calls without a session are then calls after clean-up.
static EVER_STARTED: AtomicBool = AtomicBool::new(false);

/// Everything that a child made by fork must not inherit (UNLOAD-6): the child gets another.
pub(crate) struct Process {
    lifecycle: Mutex<Lifecycle>,
    /// Evaluated at the first start-up, fixed from then on (WSC-APP-3).
    filter: OnceLock<ApplicationFilter>,
    pub(crate) registry: Registry,
    pub(crate) report: report::State,
    pub(crate) windows: Sinks,
}

#[derive(Default)]
struct Lifecycle {
    /// Successful start-ups without a clean-up (WSA-STARTUP-7).
    count: u32,
    /// There while the count is above zero.
    session: Option<Arc<Session>>,
    /// Sessions whose providers are being cleaned up: upcalls still refer to them.
    ending: Vec<Arc<Session>>,
}

impl Process {
    pub(crate) fn new() -> Self {
        Self {
            lifecycle: Mutex::default(),
            filter: OnceLock::new(),
            registry: Registry::default(),
            report: report::State::open(),
            windows: Sinks::default(),
        }
    }

    /// Adds a reference; the first one takes the snapshots (WSA-STARTUP-7, WSA-STARTUP-9). `WSAEPROCLIM` if there are too many.
    pub(crate) fn add_reference(&self) -> Result<(), WsaError> {
        let mut lifecycle = self.lifecycle();
        let count = lifecycle.count.checked_add(1).ok_or(WsaError::WSAEPROCLIM)?;
        if lifecycle.session.is_none() {
            // Reads files, runs no foreign code: the lock only holds back other start-ups.
            let session =
                Session::begin(|catalogs| *self.filter.get_or_init(|| session::filter_of_this_program(catalogs)))?;
            lifecycle.session = Some(Arc::new(session));
            EVER_STARTED.store(true, Relaxed);
            STARTED.store(true, Relaxed);
        }
        lifecycle.count = count;
        Ok(())
    }

    /// Takes a reference away; returns the session if it was the last (WSA-CLEANUP-2). From here on new
    /// calls fail with `WSANOTINITIALISED` (WSA-CLEANUP-9, step 1).
    pub(crate) fn drop_reference(&self) -> Result<Option<Arc<Session>>, WsaError> {
        let mut lifecycle = self.lifecycle();
        lifecycle.count = lifecycle.count.checked_sub(1).ok_or(WsaError::WSANOTINITIALISED)?;
        if lifecycle.count > 0 {
            return Ok(None);
        }
        STARTED.store(false, Relaxed);
        let session = lifecycle.session.take();
        lifecycle.ending.extend(session.clone());
        Ok(session)
    }

    /// The session's providers are gone; its catalogs go too (WSA-CLEANUP-9, step 7).
    pub(crate) fn session_ended(&self, session: &Arc<Session>) {
        self.lifecycle().ending.retain(|ending| !Arc::ptr_eq(ending, session));
    }

    /// The session; `WSANOTINITIALISED` if there is none.
    pub(crate) fn session(&self) -> Result<Arc<Session>, WsaError> {
        self.lifecycle().session.clone().ok_or(WsaError::WSANOTINITIALISED)
    }

    /// What `find` finds in the session, or else in those that are ending: upcalls may refer to either. `None` if it finds nothing.
    ///
    /// # Errors
    /// `WSANOTINITIALISED`: there is no session at all.
    pub(crate) fn find<R>(&self, find: impl Fn(&Session) -> Option<R>) -> Result<Option<R>, WsaError> {
        let lifecycle = self.lifecycle();
        let mut sessions = lifecycle.session.iter().chain(&lifecycle.ending).peekable();
        sessions.peek().ok_or(WsaError::WSANOTINITIALISED)?;
        Ok(sessions.find_map(|session| find(session)))
    }

    /// How many start-ups have no clean-up.
    pub(crate) fn starts_outstanding(&self) -> u64 {
        self.lifecycle().count.into()
    }

    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether Winsock is started, as far as a thread can know that does not synchronise with others.
#[inline]
pub(crate) fn is_started() -> bool {
    STARTED.load(Relaxed)
}

/// For the child of a fork; only stores.
pub(crate) fn forget_start() {
    STARTED.store(false, Relaxed);
    EVER_STARTED.store(false, Relaxed);
}

/// The session, for an API function; a call outside of one is reported (WSA-STARTUP-6).
pub(crate) fn session(function: Function) -> Result<Arc<Session>, WsaError> {
    if !is_started() {
        return Err(not_started(function));
    }
    current().session().map_err(|_| not_started(function))
}

/// Reports a call outside of a session, and names its error.
#[cold]
pub(crate) fn not_started(function: Function) -> WsaError {
    let after = EVER_STARTED.load(Relaxed);
    let kind = if after { Violation::CallAfterCleanup } else { Violation::CallBeforeStartup };
    report::violation(kind, function, None);
    WsaError::WSANOTINITIALISED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsa_startup_5_there_is_a_limit_to_the_count() {
        let process = Process::new();
        *process.lifecycle() =
            Lifecycle { count: u32::MAX - 1, session: Some(Arc::new(Session::for_tests())), ending: Vec::new() };
        assert_eq!(process.add_reference(), Ok(()));
        assert_eq!(process.add_reference(), Err(WsaError::WSAEPROCLIM));
        assert_eq!(process.starts_outstanding(), u64::from(u32::MAX));
        assert!(process.drop_reference().unwrap().is_none());
    }
}
