//! The protocol and name space catalogs: model, transactional store, change notice.
//!
//! A catalog is a list of entries whose order matters. The model ([`ProtocolCatalog`], [`NamespaceCatalog`]) and the
//! operations on it are pure; a [`Store`] keeps one human-readable file for each catalog and changes it all or
//! not at all; a [`Watch`] tells of changes; [`wsc`] has the `WSC` functions with the codes of their pages.
//!
//! ```
//! use windlass_catalog::{ApplicationFilter, Catalogs, Criteria, select, select_by_id};
//!
//! // What WSAStartup does: one snapshot of both catalogs.
//! let catalogs = Catalogs::built_in(); // or Catalogs::load(&Store::from_env())?
//!
//! // What socket(AF_INET, SOCK_STREAM, 0) does.
//! let wanted = Criteria { family: 2, socket_type: 1, protocol: 0 };
//! let entry = select(&catalogs.protocols, wanted, ApplicationFilter::All)?;
//! assert_eq!(entry.module_path(), "builtin:tcpip");
//! assert_eq!(windlass_catalog::builtin::linked_in(entry.module_path()), Some("tcpip"));
//! assert_eq!(entry.info().dwCatalogEntryId, entry.id());
//!
//! // What WSASocket with a WSAPROTOCOL_INFOW does.
//! let same = select_by_id(&catalogs.protocols, entry.id(), ApplicationFilter::All)?;
//! assert_eq!(same.provider_id(), entry.provider_id());
//! # Ok::<(), windlass_abi::WsaError>(())
//! ```

pub mod builtin;
mod category;
mod check;
mod damaged;
mod error;
mod expand;
mod file;
mod flags;
mod guid;
mod layout;
mod namespace;
mod operations;
mod protocol;
mod selection;
mod snapshot;
mod store;
mod text;
mod watch;
pub mod wsc;

pub use category::ApplicationFilter;
pub use error::{CatalogError, Problem, Severity};
pub use expand::{expand, expand_with};
pub use file::{Catalog, FORMAT};
pub use flags::{LspCategories, ProviderFlags, ServiceFlags};
pub use guid::random_guid;
pub use layout::{EnumForm, EnumLayout, EnumRow};
pub use namespace::{NS_ALL, NamespaceCatalog, NamespaceEntry};
pub use operations::{Dependents, NamespaceInstallation, ProtocolTriple, RemoveError};
pub use protocol::{ApplicationCategory, ProtocolCatalog, ProtocolChain, ProtocolEntry, ProviderInfo};
pub use selection::{Criteria, enum_all_protocols, enum_protocols, select, select_by_id};
pub use snapshot::Catalogs;
pub use store::{
    Backup, Changed, DEFAULT_PATIENCE, Disk, Environment, Loaded, Location, Lock, NewFile, PRIVATE_VARIABLE, Repair,
    RepairSource, Storage, Store, Width,
};
pub use watch::Watch;
