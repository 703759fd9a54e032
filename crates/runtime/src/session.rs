//! One use of Winsock by the process: from a first `WSAStartup` to the last `WSACleanup`.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_abi::{GUID, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{ApplicationFilter, Catalogs, ProtocolEntry, Store};

use crate::selection::{self, SocketRequest};

/// What the process works with between a first start-up and the last clean-up (WSA-STARTUP-9).
#[derive(Debug)]
pub(crate) struct Session {
    catalogs: Mutex<Arc<Catalogs>>,
    filter: ApplicationFilter,
    /// Set once, with the registry of providers locked, by the last clean-up: no provider starts any more.
    ending: AtomicBool,
}

impl Session {
    /// Takes the snapshot of both catalogs (CAT-ST-3).
    ///
    /// # Errors
    /// `WSASYSNOTREADY`: a catalog cannot be read.
    pub(crate) fn begin(filter: impl FnOnce(&Catalogs) -> ApplicationFilter) -> Result<Self, WsaError> {
        let catalogs = load()?;
        let filter = filter(&catalogs);
        Ok(Self { catalogs: Mutex::new(Arc::new(catalogs)), filter, ending: AtomicBool::new(false) })
    }

    /// The snapshot.
    pub(crate) fn catalogs(&self) -> Arc<Catalogs> {
        self.catalogs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the snapshot, when the process was told of a change (CAT-ST-4).
    pub(crate) fn refresh(&self) -> Result<(), WsaError> {
        let fresh = Arc::new(load()?);
        *self.catalogs.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// See [`selection::choose`].
    pub(crate) fn choose(&self, request: &SocketRequest<'_>) -> Result<ProtocolEntry, WsaError> {
        selection::choose(&self.catalogs().protocols, self.filter, request).cloned()
    }

    /// See [`selection::choose_for_address`].
    pub(crate) fn choose_for_address(
        &self,
        family: i32,
        info: Option<&WSAPROTOCOL_INFOW>,
    ) -> Result<ProtocolEntry, WsaError> {
        selection::choose_for_address(&self.catalogs().protocols, self.filter, family, info).cloned()
    }

    /// The entry with this id.
    pub(crate) fn entry(&self, id: u32) -> Option<ProtocolEntry> {
        self.catalogs().protocols.entry(id).cloned()
    }

    /// The path of a provider's module, environment strings unexpanded; that of its first entry.
    pub(crate) fn path_of(&self, provider: GUID) -> Option<String> {
        let catalogs = self.catalogs();
        catalogs.protocols.entries_of(provider).next().map(|entry| entry.module.clone())
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Relaxed)
    }

    /// To be called with the registry of providers locked.
    pub(crate) fn end(&self) {
        self.ending.store(true, Relaxed);
    }
}

/// The layers that this program permits, from its path and arguments (WSC-APP-3).
pub(crate) fn filter_of_this_program(catalogs: &Catalogs) -> ApplicationFilter {
    let path = std::env::current_exe().unwrap_or_default();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let line = arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ");
    ApplicationFilter::of_program(&catalogs.protocols, &path.to_string_lossy(), &line, |name| std::env::var_os(name))
}

fn load() -> Result<Catalogs, WsaError> {
    Catalogs::load(&Store::from_env()).map_err(|_| WsaError::WSASYSNOTREADY)
}

#[cfg(test)]
impl Session {
    pub(crate) fn for_tests() -> Self {
        Self {
            catalogs: Mutex::new(Arc::new(Catalogs::built_in())),
            filter: ApplicationFilter::All,
            ending: AtomicBool::new(false),
        }
    }
}
