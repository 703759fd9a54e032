//! The catalog functions (contract: catalog, sections 3 and 4). None needs `WSAStartup` (CAT-ST-6).

/// Declares functions of the native catalog and their twins of the 32-bit one (CAT-ST-2).
macro_rules! for_both_widths {
    ($($(#[$doc:meta])* fn $native:ident, $narrow:ident ($($arg:ident: $ty:ty),*) |$width:ident| $work:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// The pointers must be null or as the page of the function says.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $native($($arg: $ty),*) -> i32 {
                let $width = Width::NATIVE;
                // SAFETY: as the caller vouches.
                unsafe { $work }
            }

            /// The same on the 32-bit catalog.
            ///
            /// # Safety
            /// The pointers must be null or as the page of the function says.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $narrow($($arg: $ty),*) -> i32 {
                let $width = Width::Bits32;
                // SAFETY: as the caller vouches.
                unsafe { $work }
            }
        )*
    };
}

mod application;
mod chains;
mod namespace;
mod namespace_enum;
mod transport;

pub use application::*;
pub use chains::*;
pub use namespace::*;
pub use namespace_enum::*;
pub use transport::*;

use std::time::Duration;

use windlass_abi::WsaError;
use windlass_catalog::{CatalogError, DEFAULT_PATIENCE, NamespaceCatalog, ProtocolCatalog, Store, Width};

/// The codes that a failing store has in a family of functions.
#[derive(Clone, Copy)]
struct Codes {
    /// The rights do not suffice.
    denied: WsaError,
    /// Another writer is at work.
    busy: WsaError,
    /// Storage failed.
    storage: WsaError,
    /// How long to wait for another writer.
    patience: Duration,
}

/// `WSCInstallProvider` and its kin (CAT-ST-7, WSC-INST-4).
const TRANSPORT: Codes = Codes {
    denied: WsaError::WSANO_RECOVERY,
    busy: WsaError::WSANO_RECOVERY,
    storage: WsaError::WSANO_RECOVERY,
    patience: DEFAULT_PATIENCE,
};

/// `WSCInstallProviderAndChains`: a second installer is told at once (CAT-ST-8).
const CHAINS: Codes = Codes { busy: WsaError::WSAEINPROGRESS, patience: Duration::ZERO, ..TRANSPORT };

/// `WSCWriteProviderOrder` (CAT-ST-8).
const ORDER: Codes = Codes { patience: Duration::ZERO, ..TRANSPORT };

/// `WSCInstallNameSpace` and its kin (CAT-ST-7, WSC-NS-1).
const NAMESPACE: Codes = Codes {
    denied: WsaError::WSAEACCES,
    busy: WsaError::WSANO_RECOVERY,
    storage: WsaError::WSASYSCALLFAILURE,
    patience: DEFAULT_PATIENCE,
};

/// `WSCWriteNameSpaceOrder` (CAT-ST-8).
const NAMESPACE_ORDER: Codes = Codes { busy: WsaError::WSATRY_AGAIN, patience: Duration::ZERO, ..NAMESPACE };

impl Codes {
    fn of(self, error: CatalogError) -> WsaError {
        match error {
            CatalogError::Refused(code) => code,
            CatalogError::Busy { .. } => self.busy,
            CatalogError::Corrupt { .. } => WsaError::WSASYSCALLFAILURE,
            denied if denied.is_denied() => self.denied,
            _ => self.storage,
        }
    }
}

fn store(width: Width) -> Store {
    Store::from_env().with_width(width)
}

fn read_protocols(width: Width) -> Result<ProtocolCatalog, WsaError> {
    store(width).protocols().map_err(|error| TRANSPORT.of(error))
}

fn read_namespaces(width: Width) -> Result<NamespaceCatalog, WsaError> {
    store(width).namespaces().map_err(|error| NAMESPACE.of(error))
}

/// Changes the protocol catalog of one width.
fn change<R>(width: Width, codes: Codes, operation: impl FnOnce(&mut ProtocolCatalog) -> Result<R, WsaError>) -> Result<R, WsaError> {
    store(width).change(codes.patience, operation).map(|done| done.value).map_err(|error| codes.of(error))
}

/// Changes the protocol catalogs of both widths, or neither; the native one's result.
fn change_both<R>(codes: Codes, operation: impl FnMut(Width, &mut ProtocolCatalog) -> Result<R, WsaError>) -> Result<R, WsaError> {
    let [native, _] = Store::from_env().change_both(codes.patience, operation).map_err(|error| codes.of(error))?;
    Ok(native.value)
}

/// Changes the name space catalog of one width.
fn change_namespaces<R>(
    width: Width,
    codes: Codes,
    operation: impl FnOnce(&mut NamespaceCatalog) -> Result<R, WsaError>,
) -> Result<R, WsaError> {
    store(width).change(codes.patience, operation).map(|done| done.value).map_err(|error| codes.of(error))
}
