//! Removing transport providers: as `WSCDeinstallProvider` does, and as administrators should.

use std::fmt;

use windlass_abi::*;

use crate::protocol::{ProtocolCatalog, ProtocolEntry};

/// What to do with chains that an entry to be removed is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependents {
    /// Remove nothing while there are any.
    #[default]
    Refuse,
    /// Remove them too.
    Cascade,
}

/// Why entries were not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoveError {
    /// There is no entry with this id.
    NoEntry(u32),
    /// There is no provider with this id.
    NoProvider(GUID),
    /// These chains have one of the entries as a part.
    InUse(Vec<u32>),
}

impl ProtocolCatalog {
    /// Removes all entries of a provider, and what else is known of it. Chains that have one of them
    /// as a part stay and can no longer be used (WSC-DEL-1, WSC-DEL-3).
    ///
    /// # Errors
    /// `WSAEINVAL`: the provider is not known.
    pub fn deinstall(&mut self, provider: GUID) -> Result<(), WsaError> {
        if self.entries_of(provider).next().is_none() {
            return Err(WsaError::WSAEINVAL);
        }
        self.entries.retain(|entry| entry.provider != provider);
        self.forget_lost_providers();
        Ok(())
    }

    /// Removes entries, and returns them. Never leaves a chain behind that lost a part by it.
    pub fn remove_entries(&mut self, ids: &[u32], dependents: Dependents) -> Result<Vec<ProtocolEntry>, RemoveError> {
        if let Some(missing) = ids.iter().find(|id| self.entry(**id).is_none()) {
            return Err(RemoveError::NoEntry(*missing));
        }
        let named = |entry: &ProtocolEntry| ids.contains(&entry.id);
        let depends = |entry: &ProtocolEntry| entry.chain.ids().iter().any(|part| ids.contains(part));
        let chains: Vec<u32> =
            self.entries.iter().filter(|entry| depends(entry) && !named(entry)).map(|entry| entry.id).collect();
        if dependents == Dependents::Refuse && !chains.is_empty() {
            return Err(RemoveError::InUse(chains));
        }
        let removed = self.entries.extract_if(.., |entry| named(entry) || depends(entry)).collect();
        self.forget_lost_providers();
        Ok(removed)
    }

    /// Removes all entries of a provider, as [`remove_entries`](Self::remove_entries) does.
    pub fn remove_provider(
        &mut self,
        provider: GUID,
        dependents: Dependents,
    ) -> Result<Vec<ProtocolEntry>, RemoveError> {
        let ids: Vec<u32> = self.entries_of(provider).map(|entry| entry.id).collect();
        if ids.is_empty() {
            return Err(RemoveError::NoProvider(provider));
        }
        self.remove_entries(&ids, dependents)
    }

    fn forget_lost_providers(&mut self) {
        let entries = &self.entries;
        self.provider_infos.retain(|info| entries.iter().any(|entry| entry.provider == info.provider));
    }
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEntry(id) => write!(f, "there is no entry {id}"),
            Self::NoProvider(id) => write!(f, "there is no provider {id}"),
            Self::InUse(chains) => {
                let list: Vec<String> = chains.iter().map(u32::to_string).collect();
                write!(f, "chains have it as a part: {}", list.join(", "))
            }
        }
    }
}

impl std::error::Error for RemoveError {}
