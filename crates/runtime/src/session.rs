//! One use of Winsock by the process: from a first `WSAStartup` to the last `WSACleanup`.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_abi::{GUID, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{ApplicationFilter, Catalogs, ProtocolCatalog, ProtocolEntry, Store};

use crate::names::Names;
use crate::selection::{self, SocketRequest};

/// What the process works with between a first start-up and the last clean-up (WSA-STARTUP-9).
#[derive(Debug)]
pub(crate) struct Session {
    catalogs: Mutex<Arc<Catalogs>>,
    filter: ApplicationFilter,
    /// Set once, with the registry of providers locked, by the last clean-up: no provider starts any more.
    ending: AtomicBool,
    pub(crate) names: Names,
}

impl Session {
    /// Takes the snapshot of both catalogs (CAT-ST-3).
    ///
    /// # Errors
    /// `WSASYSNOTREADY`: a catalog cannot be read.
    pub(crate) fn begin(filter: impl FnOnce(&Catalogs) -> ApplicationFilter) -> Result<Self, WsaError> {
        let catalogs = load()?;
        let filter = filter(&catalogs);
        Ok(Self {
            catalogs: Mutex::new(Arc::new(catalogs)),
            filter,
            ending: AtomicBool::new(false),
            names: Names::default(),
        })
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
    pub(crate) fn choose(&self, request: &SocketRequest<'_>) -> Result<EntryRef, WsaError> {
        EntryRef::new(self.catalogs(), |catalog| selection::choose(catalog, self.filter, request))
    }

    /// See [`selection::choose_for_address`].
    pub(crate) fn choose_for_address(
        &self,
        family: i32,
        info: Option<&WSAPROTOCOL_INFOW>,
    ) -> Result<EntryRef, WsaError> {
        EntryRef::new(self.catalogs(), |catalog| selection::choose_for_address(catalog, self.filter, family, info))
    }

    /// The entry with this id.
    pub(crate) fn entry(&self, id: u32) -> Option<EntryRef> {
        EntryRef::new(self.catalogs(), |catalog| catalog.entry(id).ok_or(WsaError::WSAEINVAL)).ok()
    }

    /// The paths of the modules below the first layer of a chain; none for any other entry.
    pub(crate) fn modules_below(&self, entry: &ProtocolEntry) -> Vec<String> {
        let catalogs = self.catalogs();
        let parts = catalogs.protocols.layers_of(entry).unwrap_or_default();
        parts.iter().skip(1).map(|part| part.module.clone()).collect()
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

/// An entry of a snapshot, which lives as long as anybody refers to it.
#[derive(Clone)]
pub(crate) struct EntryRef {
    catalogs: Arc<Catalogs>,
    index: usize,
}

impl EntryRef {
    fn new(
        catalogs: Arc<Catalogs>,
        find: impl FnOnce(&ProtocolCatalog) -> Result<&ProtocolEntry, WsaError>,
    ) -> Result<Self, WsaError> {
        let found = find(&catalogs.protocols)?;
        let same = |entry: &ProtocolEntry| std::ptr::eq(entry, found);
        let index = catalogs.protocols.entries.iter().position(same).ok_or(WsaError::WSAEINVAL)?;
        Ok(Self { catalogs, index })
    }
}

impl Deref for EntryRef {
    type Target = ProtocolEntry;

    fn deref(&self) -> &ProtocolEntry {
        &self.catalogs.protocols.entries[self.index]
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
            names: Names::default(),
        }
    }
}
