//! Installing, enabling and ordering name space providers.

use windlass_abi::*;

use super::{attempt, reorder};
use crate::namespace::{NamespaceCatalog, NamespaceEntry};

/// What `WSCInstallNameSpace` and `WSCInstallNameSpaceEx` are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceInstallation<'a> {
    /// The display name.
    pub identifier: &'a str,
    /// The path of the module, environment strings unexpanded.
    pub module: &'a str,
    /// One of the `NS_` numbers, not `NS_ALL`.
    pub name_space: u32,
    /// As the provider's author counts.
    pub version: u32,
    /// Unique to the provider.
    pub provider: GUID,
    /// Data of the provider's own; copied (WSC-NS-3).
    pub blob: Option<&'a [u8]>,
}

impl NamespaceCatalog {
    /// Adds a provider, at the end and active (WSC-NS-1 to WSC-NS-4).
    ///
    /// # Errors
    /// - `WSAEINVAL`: the name space is `NS_ALL`; the path is empty or longer than 259 UTF-16 units; a
    ///   text has a NUL.
    /// - `WSANO_RECOVERY`: the provider is already installed.
    pub fn install(&mut self, new: &NamespaceInstallation<'_>) -> Result<(), WsaError> {
        if self.provider(new.provider).is_some() {
            return Err(WsaError::WSANO_RECOVERY);
        }
        attempt(self, |next| {
            next.providers.push(NamespaceEntry {
                identifier: new.identifier.into(),
                provider: new.provider,
                module: new.module.into(),
                name_space: new.name_space,
                version: new.version,
                active: true,
                stores_all_service_classes: false,
                blob: new.blob.map(<[u8]>::to_vec),
            });
            Ok(())
        })
    }

    /// Removes a provider (WSC-NS-6).
    ///
    /// # Errors
    /// `WSAEINVAL`: the provider is not known.
    pub fn uninstall(&mut self, provider: GUID) -> Result<(), WsaError> {
        let at = self.providers.iter().position(|entry| entry.provider == provider);
        self.providers.remove(at.ok_or(WsaError::WSAEINVAL)?);
        Ok(())
    }

    /// Says whether a provider is asked (WSC-NS-7).
    ///
    /// # Errors
    /// `WSAEINVAL`: the provider is not known.
    pub fn enable(&mut self, provider: GUID, active: bool) -> Result<(), WsaError> {
        let entry = self.providers.iter_mut().find(|entry| entry.provider == provider);
        entry.ok_or(WsaError::WSAEINVAL)?.active = active;
        Ok(())
    }

    /// Puts the providers in a new order (WSC-NS-8, WSC-NS-9).
    ///
    /// # Errors
    /// `WSAEINVAL`: the list does not have every provider exactly once.
    pub fn write_order(&mut self, providers: &[GUID]) -> Result<(), WsaError> {
        reorder(&mut self.providers, providers, |entry| entry.provider)
    }
}
