//! The `WSC` functions over a [`Store`]: all of them but the pointers, with the codes of their pages.
//!
//! The "…32" functions are the same over [`Store::with_width`]`(Width::Bits32)`.

use std::time::Duration;

use windlass_abi::*;

use crate::error::CatalogError;
use crate::file::Catalog;
use crate::flags::{LspCategories, ServiceFlags};
use crate::namespace::NamespaceCatalog;
use crate::operations::{NamespaceInstallation, ProtocolTriple};
use crate::protocol::{ProtocolCatalog, ProtocolEntry};
use crate::selection;
use crate::store::{DEFAULT_PATIENCE, Store, Width};

/// `WSCInstallProvider`; the codes are those of [`ProtocolCatalog::install`] and of storage (WSC-INST-4).
pub fn install_provider(store: &Store, id: GUID, path: &str, list: &[WSAPROTOCOL_INFOW]) -> Result<(), WsaError> {
    let list = entries(list)?;
    change(store, &TRANSPORT, |catalog: &mut ProtocolCatalog| catalog.install(id, path, &list))
}

/// `WSCInstallProvider64_32`: [`install_provider`] into the catalogs of both widths (CAT-ST-2).
pub fn install_provider_64_32(store: &Store, id: GUID, path: &str, list: &[WSAPROTOCOL_INFOW]) -> Result<(), WsaError> {
    let list = entries(list)?;
    let install = |_, catalog: &mut ProtocolCatalog| catalog.install(id, path, &list);
    change_both(store, &TRANSPORT, install).map(|_| ())
}

/// `WSCInstallProviderAndChains`; returns the id of the layer entry. Of the list only family, type and
/// protocol are looked at (WSC-CHAIN-2). `WSAEINPROGRESS` when another installer is at work (CAT-ST-8).
///
/// Whether a layer has the procedures it needs (`WSAEINVALIDPROCTABLE`) is for the caller to find out, who can load it.
pub fn install_provider_and_chains(
    store: &Store,
    id: GUID,
    path: &str,
    name: &str,
    flags: u32,
    list: Option<&[WSAPROTOCOL_INFOW]>,
) -> Result<u32, WsaError> {
    let layer = LayerInstallation::new(id, name, flags, list);
    change(store, &CHAINS, |catalog| layer.install(catalog, path))
}

/// `WSCInstallProviderAndChains64_32`: into the 64-bit catalog, and with a path for 32 bits into that one
/// too; returns the id of the layer entry in the 64-bit catalog (WSC-CHAIN-6).
pub fn install_provider_and_chains_64_32(
    store: &Store,
    id: GUID,
    path: &str,
    path_32: Option<&str>,
    name: &str,
    flags: u32,
    list: Option<&[WSAPROTOCOL_INFOW]>,
) -> Result<u32, WsaError> {
    let layer = LayerInstallation::new(id, name, flags, list);
    let Some(path_32) = path_32 else {
        let store = store.clone().with_width(Width::Bits64);
        return change(&store, &CHAINS, |catalog| layer.install(catalog, path));
    };
    let [for_64, _] = change_both(store, &CHAINS, |width, catalog| {
        layer.install(catalog, if width == Width::Bits32 { path_32 } else { path })
    })?;
    Ok(for_64)
}

/// `WSCDeinstallProvider` (WSC-DEL-1).
pub fn deinstall_provider(store: &Store, id: GUID) -> Result<(), WsaError> {
    change(store, &TRANSPORT, |catalog: &mut ProtocolCatalog| catalog.deinstall(id))
}

/// `WSCUpdateProvider`; the list says by `dwCatalogEntryId` which entries it describes (WSC-UPD-1).
pub fn update_provider(
    store: &Store,
    id: GUID,
    path: Option<&str>,
    list: &[WSAPROTOCOL_INFOW],
) -> Result<(), WsaError> {
    let list = entries(list)?;
    change(store, &TRANSPORT, |catalog: &mut ProtocolCatalog| catalog.update(id, path, &list))
}

/// `WSCEnumProtocols`: all entries, or those that serve one of the protocols (WSC-ENUM-1, WSC-ENUM-2).
pub fn enum_protocols(store: &Store, protocols: Option<&[i32]>) -> Result<Vec<WSAPROTOCOL_INFOW>, WsaError> {
    let catalog = store.protocols().map_err(|why| why.code())?;
    Ok(selection::enum_all_protocols(&catalog, protocols).map(ProtocolEntry::info).collect())
}

/// `WSCGetProviderPath`: the path, unexpanded (WSC-PATH-1).
pub fn get_provider_path(store: &Store, id: GUID) -> Result<String, WsaError> {
    let catalog = store.protocols().map_err(|why| why.code())?;
    catalog.provider_path(id).map(str::to_owned)
}

/// `WSCWriteProviderOrder` (WSC-ORD-1).
pub fn write_provider_order(store: &Store, ids: &[u32]) -> Result<(), WsaError> {
    change(store, &ORDER, |catalog: &mut ProtocolCatalog| catalog.write_order(ids))
}

/// `WSCGetProviderInfo`: the value of a `ProviderInfoLspCategories` (WSC-INFO-1, WSC-INFO-2).
pub fn get_provider_info(store: &Store, id: GUID, info_type: i32, flags: u32) -> Result<u32, WsaError> {
    check_info_type(info_type, flags)?;
    let catalog = store.protocols().map_err(|why| TRANSPORT.code(why))?;
    catalog.layer_categories(id).map(|categories| categories.bits())
}

/// `WSCSetProviderInfo` (WSC-INFO-1, WSC-INFO-2).
pub fn set_provider_info(store: &Store, id: GUID, info_type: i32, value: u32, flags: u32) -> Result<(), WsaError> {
    check_info_type(info_type, flags)?;
    let categories = LspCategories::from_bits_retain(value);
    change(store, &TRANSPORT, |catalog: &mut ProtocolCatalog| catalog.set_layer_categories(id, categories))
}

/// `WSCSetApplicationCategory`; returns what the categories were (WSC-APP-1).
pub fn set_application_category(
    store: &Store,
    path: &str,
    extra: Option<&str>,
    permitted: u32,
) -> Result<u32, WsaError> {
    let permitted = LspCategories::from_bits_retain(permitted);
    change(store, &TRANSPORT, |catalog: &mut ProtocolCatalog| {
        catalog.set_application_category(path, extra, permitted).map(|before| before.bits())
    })
}

/// `WSCGetApplicationCategory` (WSC-APP-2).
pub fn get_application_category(store: &Store, path: &str, extra: Option<&str>) -> Result<u32, WsaError> {
    let catalog = store.protocols().map_err(|why| TRANSPORT.code(why))?;
    catalog.application_category(path, extra).map(|permitted| permitted.bits())
}

/// `WSCInstallNameSpace` and `WSCInstallNameSpaceEx` (WSC-NS-1).
pub fn install_name_space(store: &Store, new: &NamespaceInstallation<'_>) -> Result<(), WsaError> {
    change(store, &NAME_SPACE_INSTALL, |catalog: &mut NamespaceCatalog| catalog.install(new))
}

/// `WSCUnInstallNameSpace` (WSC-NS-6).
pub fn uninstall_name_space(store: &Store, id: GUID) -> Result<(), WsaError> {
    change(store, &NAME_SPACE, |catalog: &mut NamespaceCatalog| catalog.uninstall(id))
}

/// `WSCEnableNSProvider` (WSC-NS-7).
pub fn enable_name_space(store: &Store, id: GUID, active: bool) -> Result<(), WsaError> {
    change(store, &NAME_SPACE, |catalog: &mut NamespaceCatalog| catalog.enable(id, active))
}

/// `WSCWriteNameSpaceOrder` (WSC-NS-8).
pub fn write_name_space_order(store: &Store, ids: &[GUID]) -> Result<(), WsaError> {
    change(store, &NAME_SPACE_ORDER, |catalog: &mut NamespaceCatalog| catalog.write_order(ids))
}

/// What the page of a function says of storage.
struct Page {
    /// Another writer has the catalog (CAT-ST-8).
    busy: WsaError,
    /// The rights do not suffice (CAT-ST-7).
    denied: WsaError,
    /// Storage failed, or what is there is not a catalog.
    failed: WsaError,
    /// How long to wait for another writer.
    patience: Duration,
}

const TRANSPORT: Page = Page {
    busy: WsaError::WSANO_RECOVERY,
    denied: WsaError::WSANO_RECOVERY,
    failed: WsaError::WSANO_RECOVERY,
    patience: DEFAULT_PATIENCE,
};
const CHAINS: Page = Page { busy: WsaError::WSAEINPROGRESS, patience: Duration::ZERO, ..TRANSPORT };
const ORDER: Page = Page { patience: Duration::ZERO, ..TRANSPORT };
const NAME_SPACE: Page = Page {
    busy: WsaError::WSASYSCALLFAILURE,
    denied: WsaError::WSAEACCES,
    failed: WsaError::WSASYSCALLFAILURE,
    patience: DEFAULT_PATIENCE,
};
const NAME_SPACE_INSTALL: Page =
    Page { busy: WsaError::WSANO_RECOVERY, failed: WsaError::WSANO_RECOVERY, ..NAME_SPACE };
const NAME_SPACE_ORDER: Page = Page {
    busy: WsaError::WSATRY_AGAIN,
    denied: WsaError::WSAEACCES,
    failed: WsaError::WSANO_RECOVERY,
    patience: Duration::ZERO,
};
impl Page {
    fn code(&self, why: CatalogError) -> WsaError {
        match why {
            CatalogError::Refused(code) => code,
            CatalogError::Busy { .. } => self.busy,
            _ if why.is_memory() => why.code(),
            _ if why.is_denied() => self.denied,
            _ => self.failed,
        }
    }
}

fn change<C: Catalog, R>(
    store: &Store,
    page: &Page,
    operation: impl FnOnce(&mut C) -> Result<R, WsaError>,
) -> Result<R, WsaError> {
    store.change(page.patience, operation).map(|changed| changed.value).map_err(|why| page.code(why))
}

fn change_both<C: Catalog, R>(
    store: &Store,
    page: &Page,
    operation: impl FnMut(Width, &mut C) -> Result<R, WsaError>,
) -> Result<[R; 2], WsaError> {
    let both = store.change_both(page.patience, operation);
    both.map(|both| both.map(|changed| changed.value)).map_err(|why| page.code(why))
}

fn entries(list: &[WSAPROTOCOL_INFOW]) -> Result<Vec<ProtocolEntry>, WsaError> {
    list.iter().map(ProtocolEntry::from_info).collect()
}

fn check_info_type(info_type: i32, flags: u32) -> Result<(), WsaError> {
    match info_type {
        _ if flags != 0 => Err(WsaError::WSAEINVAL),
        x if x == ProviderInfoLspCategories => Ok(()),
        x if x == ProviderInfoAudit => Err(WsaError::Other(ERROR_CALL_NOT_IMPLEMENTED)),
        _ => Err(WsaError::WSAEINVAL),
    }
}

/// What `WSCInstallProviderAndChains` is given, but for the path.
struct LayerInstallation<'a> {
    id: GUID,
    name: &'a str,
    flags: ServiceFlags,
    list: Option<Vec<ProtocolTriple>>,
}

impl<'a> LayerInstallation<'a> {
    fn new(id: GUID, name: &'a str, flags: u32, list: Option<&[WSAPROTOCOL_INFOW]>) -> Self {
        let triple = |info: &WSAPROTOCOL_INFOW| ProtocolTriple {
            family: info.iAddressFamily,
            socket_type: info.iSocketType,
            protocol: info.iProtocol,
        };
        let list = list.map(|list| list.iter().map(triple).collect());
        Self { id, name, flags: ServiceFlags::from_bits_retain(flags), list }
    }

    fn install(&self, catalog: &mut ProtocolCatalog, path: &str) -> Result<u32, WsaError> {
        let list = self.list.as_deref();
        catalog.install_and_chains(self.id, path, self.name, self.flags, list, crate::random_guid)
    }
}
