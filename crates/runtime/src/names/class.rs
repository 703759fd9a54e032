//! Service classes (contract: namespace, section 7).

use std::sync::Arc;

use windlass_abi::{GUID, NS_ALL, WsaError};
use windlass_catalog::NamespaceEntry;
use windlass_spi::namespace::ServiceClass;

use super::providers::Provider;
use super::{selection, verdict};
use crate::function::Function;
use crate::process;
use crate::session::Session;

/// `WSAInstallServiceClass`: offered to every active version 1 provider (CLS-1, CLS-4).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: the id is all zeros. Else see CLS-4: `WSAEALREADY`, `WSAEOPNOTSUPP` and their like.
pub fn install(class: &ServiceClass) -> Result<(), WsaError> {
    let session = process::session(Function::WsaInstallServiceClass)?;
    if class.id == GUID::from_u128(0) {
        return Err(WsaError::WSAEINVAL);
    }
    verdict::of_set(&at_each(&session, |provider| provider.enter()?.install_class(class)))
}

/// `WSARemoveServiceClass`, at every active version 1 provider (CLS-5).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSATYPE_NOT_FOUND`: no provider knows it. Else the first error that is not `WSAEOPNOTSUPP`.
pub fn remove(class: GUID) -> Result<(), WsaError> {
    let session = process::session(Function::WsaInstallServiceClass)?;
    verdict::of_set(&at_each(&session, |provider| provider.enter()?.remove_class(class)))
}

/// `WSAGetServiceClassInfo`: what one provider knows of a class (CLS-6).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: no provider has this id; `WSASERVICE_NOT_FOUND`: it is not active; `WSAEOPNOTSUPP`: it is of
/// version 2, or keeps no classes. Else the provider's.
pub fn info(provider: GUID, class: GUID) -> Result<ServiceClass, WsaError> {
    let session = process::session(Function::WsaInstallServiceClass)?;
    let catalogs = session.catalogs();
    let entries = selection::select(&catalogs.namespaces, NS_ALL, Some(provider))?;
    match &entries[..] {
        [entry] if !entry.is_version_2() => session.names.providers.demand(entry)?.enter()?.class_info(class),
        _ => Err(WsaError::WSAEOPNOTSUPP),
    }
}

/// `WSAGetServiceClassNameByClassId`: the name that the first provider gives which knows the class (CLS-7).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSATYPE_NOT_FOUND`: no provider knows it.
pub fn name(class: GUID) -> Result<String, WsaError> {
    let session = process::session(Function::WsaInstallServiceClass)?;
    let catalogs = session.catalogs();
    let names = version_1(&catalogs.namespaces.providers).filter_map(|entry| {
        let provider = session.names.providers.demand(entry).ok()?;
        provider.enter().ok()?.class_info(class).ok()?.name
    });
    names.into_iter().next().ok_or(WsaError::WSATYPE_NOT_FOUND)
}

/// The schema of a class for a look-up or registration at a provider: from the one that keeps all classes if there is any,
/// else from the provider itself, or none (FAN-5, SET-8).
pub(super) fn schema(session: &Session, provider: &Arc<Provider>, class: GUID) -> Option<ServiceClass> {
    let catalogs = session.catalogs();
    let keeper = version_1(&catalogs.namespaces.providers).find(|entry| entry.stores_all_service_classes);
    let keeper = keeper.filter(|entry| entry.provider != provider.entry.provider);
    let keeper = keeper.and_then(|entry| session.names.providers.demand(entry).ok());
    keeper.as_ref().unwrap_or(provider).enter().ok()?.class_info(class).ok()
}

fn version_1(entries: &[NamespaceEntry]) -> impl Iterator<Item = &NamespaceEntry> {
    entries.iter().filter(|entry| entry.active && !entry.is_version_2())
}

fn at_each(session: &Session, act: impl Fn(&Provider) -> Result<(), WsaError>) -> Vec<Result<(), WsaError>> {
    let catalogs = session.catalogs();
    let providers = version_1(&catalogs.namespaces.providers).map(|entry| session.names.providers.demand(entry));
    providers.map(|provider| act(&*provider?)).collect()
}
