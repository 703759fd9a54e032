//! The catalogs as programs ask for them.

use windlass_abi::{WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{Store, enum_protocols as enumerate};

use crate::function::Function;
use crate::process;
use crate::startup::require_started;

/// `WSAEnumProtocols`: base and chain entries that are not hidden, in catalog order, of the catalog as it is now (WEP-1,
/// CAT-ST-4). `protocols` are the numbers before the 0 that ends the caller's list; none means all (WSC-ENUM-2).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSASYSCALLFAILURE`: the catalog cannot be read.
pub fn enum_protocols(protocols: Option<&[i32]>) -> Result<Vec<WSAPROTOCOL_INFOW>, WsaError> {
    require_started(Function::WsaEnumProtocols)?;
    let catalog = Store::from_env().protocols().map_err(|_| WsaError::WSASYSCALLFAILURE)?;
    Ok(enumerate(&catalog, protocols).map(|entry| entry.info()).collect())
}

/// Takes a new snapshot, because the process was told of a change: sockets made from here on are served by it (CAT-ST-4).
///
/// # Errors
/// `WSANOTINITIALISED`; `WSASYSNOTREADY`: a catalog cannot be read; then the old snapshot stays.
pub fn refresh() -> Result<(), WsaError> {
    process::session(Function::WsaProviderConfigChange)?.refresh()
}
