//! `WSASetService` (contract: namespace, section 6).

use windlass_abi::WsaError;
use windlass_catalog::NamespaceEntry;
use windlass_spi::namespace::QuerySet;
use windlass_spi::namespace::registration::SetOperation;

use super::remote;
use super::{class, selection, verdict};
use crate::function::Function;
use crate::process;
use crate::session::Session;

/// Registers, deregisters or deletes a service at every provider that the set names (SET-4).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: there is no class, or no provider has the id that is named. `WSASERVICE_NOT_FOUND`:
/// nobody is to be told. If no provider succeeded, see SET-5.
pub fn set(registration: &QuerySet, operation: SetOperation) -> Result<(), WsaError> {
    let session = process::session(Function::WsaSetService)?;
    if registration.class.is_none() {
        return Err(WsaError::WSAEINVAL);
    }
    let catalogs = session.catalogs();
    let selected = selection::select(&catalogs.namespaces, registration.name_space, registration.provider)?;
    let results: Vec<_> = selected.into_iter().map(|entry| set_at(&session, entry, registration, operation)).collect();
    verdict::of_set(&results)
}

fn set_at(
    session: &Session,
    entry: &NamespaceEntry,
    registration: &QuerySet,
    operation: SetOperation,
) -> Result<(), WsaError> {
    if entry.is_version_2() {
        let remote = remote::remote().ok_or(WsaError::WSASERVICE_NOT_FOUND)?;
        return remote.set_service(entry, registration, operation);
    }
    let provider = session.names.providers.demand(entry)?;
    let schema = registration.class.and_then(|id| class::schema(session, &provider, id));
    provider.enter()?.set_service(registration, schema.as_ref(), operation)
}
