//! Installing, updating and ordering transport providers.

use windlass_abi::*;

use super::{attempt, reorder};
use crate::check::path_is_valid;
use crate::protocol::{ProtocolCatalog, ProtocolEntry};

impl ProtocolCatalog {
    /// Adds entries for a provider, at the end, in the order of the list (WSC-INST-1 to WSC-INST-7).
    /// Their ids are fresh; `id`, `provider` and `module` of the list are ignored.
    ///
    /// # Errors
    /// - `WSAEINVAL`: an empty list; a path that is empty or longer than 259 UTF-16 units; a chain with
    ///   parts that are not installed, or of the wrong kind, or there twice; both `UNI_SEND` and `UNI_RECV`.
    /// - `WSANO_RECOVERY`: the provider is already installed (WSC-INST-5), or there are no ids left.
    pub fn install(&mut self, provider: GUID, module: &str, list: &[ProtocolEntry]) -> Result<(), WsaError> {
        if list.is_empty() || !path_is_valid(module) {
            return Err(WsaError::WSAEINVAL);
        }
        if self.entries_of(provider).next().is_some() {
            return Err(WsaError::WSANO_RECOVERY);
        }
        // Against the catalog as it is: parts must be there before the chain (CAT-PI-7).
        if list.iter().any(|entry| !self.chain_is_sound(entry)) {
            return Err(WsaError::WSAEINVAL);
        }
        attempt(self, |next| {
            for entry in list {
                let entry = ProtocolEntry { provider, module: module.into(), ..entry.clone() };
                next.append(entry)?;
            }
            Ok(())
        })
    }

    /// Replaces the path of a provider and of the chains it is the top layer of (CAT-PI-8), and the descriptions of those entries that the list has, by
    /// their ids (WSC-UPD-1). `None` keeps the path.
    ///
    /// # Errors
    /// `WSAEINVAL`: the provider is not known, an id is not one of its own or there twice, or the
    /// path or a description is not valid.
    pub fn update(&mut self, provider: GUID, module: Option<&str>, list: &[ProtocolEntry]) -> Result<(), WsaError> {
        let known = self.entries_of(provider).next().is_some();
        if !known || module.is_some_and(|path| !path_is_valid(path)) {
            return Err(WsaError::WSAEINVAL);
        }
        attempt(self, |next| {
            for (at, new) in list.iter().enumerate() {
                let twice = list[..at].iter().any(|other| other.id == new.id);
                if twice || !next.chain_is_sound(new) {
                    return Err(WsaError::WSAEINVAL);
                }
                let old = next.entries.iter_mut().find(|entry| entry.id == new.id && entry.provider == provider);
                let old = old.ok_or(WsaError::WSAEINVAL)?;
                *old = ProtocolEntry { provider, module: old.module.clone(), ..new.clone() };
            }
            if let Some(module) = module {
                next.move_module(provider, module);
            }
            Ok(())
        })
    }

    /// Puts the entries in a new order (WSC-ORD-1).
    ///
    /// # Errors
    /// `WSAEINVAL`: the list does not have every id exactly once.
    pub fn write_order(&mut self, ids: &[u32]) -> Result<(), WsaError> {
        reorder(&mut self.entries, ids, |entry| entry.id)
    }

    /// The path of a provider's module, environment strings unexpanded (WSC-PATH-1).
    ///
    /// # Errors
    /// `WSAEINVAL`: the provider is not known.
    pub fn provider_path(&self, provider: GUID) -> Result<&str, WsaError> {
        self.entries_of(provider).next().map(ProtocolEntry::module_path).ok_or(WsaError::WSAEINVAL)
    }

    /// Puts an entry at the end, under a fresh id, which is returned.
    pub(super) fn append(&mut self, entry: ProtocolEntry) -> Result<u32, WsaError> {
        let id = self.next_entry_id;
        self.next_entry_id = id.checked_add(1).ok_or(WsaError::WSANO_RECOVERY)?;
        self.entries.push(ProtocolEntry { id, ..entry });
        Ok(id)
    }

    /// Gives a provider's module another path; also to the providers of chains on top of it that had the same one.
    fn move_module(&mut self, provider: GUID, to: &str) {
        let Ok(from) = self.provider_path(provider).map(str::to_owned) else { return };
        let layers: Vec<u32> = self.entries_of(provider).map(|entry| entry.id).collect();
        let on_top = |entry: &&ProtocolEntry| entry.chain.ids().first().is_some_and(|top| layers.contains(top));
        let chains = self.entries.iter().filter(on_top).filter(|chain| chain.module == from);
        let providers: Vec<GUID> = chains.map(|chain| chain.provider).chain([provider]).collect();
        for entry in self.entries.iter_mut().filter(|entry| providers.contains(&entry.provider)) {
            entry.module = to.into();
        }
    }

    /// Whether an entry is no chain, or one whose parts are all there and of the right kind.
    fn chain_is_sound(&self, entry: &ProtocolEntry) -> bool {
        !entry.is_chain() || self.layers_of(entry).is_some()
    }
}
