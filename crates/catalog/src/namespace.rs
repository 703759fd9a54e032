//! The name space catalog: which name space providers there are, in which order.

use serde::{Deserialize, Serialize};
use windlass_abi::GUID;

use crate::text::{self, is_default};

/// Stands for every name space in a query; no provider serves it (WSC-NS-4).
pub const NS_ALL: u32 = 0;

/// All name space providers, in catalog order, which is the order they are asked in (WSC-NS-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceCatalog {
    /// Grows with each change; 0 is the built-in default.
    pub serial: u64,
    /// The providers.
    pub providers: Vec<NamespaceEntry>,
}

/// One name space provider: exactly one name space served by one module (CAT-NS-3, CAT-NS-5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// `lpszIdentifier`, the display name.
    pub identifier: String,
    /// `NSProviderId`, unique in the catalog.
    #[serde(with = "text::guid")]
    pub provider: GUID,
    /// The path of the module, environment strings unexpanded. Not used to load code for version 2
    /// providers, which advertise themselves (WSC-NS-5).
    pub module: String,
    /// `dwNameSpace`, one of the `NS_` numbers (CAT-NS-4).
    pub name_space: u32,
    /// `dwVersion`, as the provider's author counts.
    #[serde(default)]
    pub version: u32,
    /// `fActive`: whether the provider is asked. One that is not still enumerates (WSC-NS-7).
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether the provider keeps the classes of all services, of other name spaces too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stores_all_service_classes: bool,
    /// `ProviderSpecific`: the provider's own data (WSC-NS-3).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::hex")]
    pub blob: Option<Vec<u8>>,
}

impl NamespaceCatalog {
    /// A catalog without providers.
    pub fn empty() -> Self {
        Self { serial: 0, providers: Vec::new() }
    }

    /// The provider with this id.
    pub fn provider(&self, id: GUID) -> Option<&NamespaceEntry> {
        self.providers.iter().find(|entry| entry.provider == id)
    }
}

impl NamespaceEntry {
    /// Whether the provider is one of version 2, which lives in a process of its own and advertises itself there, so that its
    /// path loads nothing (WSC-NS-5). The catalog has no other sign of it than `dwVersion` 2 (A-C15).
    pub fn is_version_2(&self) -> bool {
        self.version == 2
    }
}

fn yes() -> bool {
    true
}
