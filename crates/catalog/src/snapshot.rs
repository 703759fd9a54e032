//! Both catalogs as a process sees them.

use crate::builtin;
use crate::error::CatalogError;
use crate::namespace::NamespaceCatalog;
use crate::protocol::ProtocolCatalog;
use crate::store::Store;

/// A snapshot of both catalogs, taken at the first `WSAStartup` and when the process was told of a
/// change (CAT-ST-3, CAT-ST-4, WSA-STARTUP-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogs {
    /// The protocol catalog.
    pub protocols: ProtocolCatalog,
    /// The name space catalog.
    pub namespaces: NamespaceCatalog,
}

impl Catalogs {
    /// Reads both. Each is of one moment; the two files are read one after the other.
    pub fn load(store: &Store) -> Result<Self, CatalogError> {
        Ok(Self { protocols: store.protocols()?, namespaces: store.namespaces()? })
    }

    /// The built-in defaults.
    pub fn built_in() -> Self {
        Self { protocols: builtin::protocols(), namespaces: builtin::namespaces() }
    }
}
