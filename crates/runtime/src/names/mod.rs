//! Name spaces: look-ups, registrations and service classes, over every provider of the catalog that they concern
//! (contract: namespace, sections 3 to 7).
//!
//! | module | what it holds |
//! |---|---|
//! | `selection` | which providers are asked, in which order; pure |
//! | `providers` | version 1 providers: started once for each id, cleaned up by the last clean-up |
//! | [`remote`] | the seam to version 2 providers |
//! | [`mod@lookup`] | a look-up at several providers: Begin, Next, End and NSPIoctl |
//! | [`service`] | `WSASetService` |
//! | [`class`] | service classes |
//! | `verdict` | what several providers' answers make together; pure |

pub mod class;
pub mod lookup;
mod providers;
pub mod remote;
mod selection;
pub mod service;
mod verdict;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_abi::{GUID, WsaError};
use windlass_catalog::NamespaceEntry;
use windlass_spi::namespace::QuerySet;

use crate::function::Function;
use crate::limits;
pub use crate::loader::nsp::Ioctl;
use crate::process;
pub use lookup::Lookup;
use providers::{Provider, Providers};

/// What a session has of name spaces: the look-ups that are open, and the providers that run.
#[derive(Default)]
pub(crate) struct Names {
    lookups: Mutex<Lookups>,
    providers: Providers,
}

#[derive(Default)]
struct Lookups {
    /// Set by the last clean-up: none is begun any more.
    closed: bool,
    open: HashMap<usize, Arc<Lookup>>,
}

/// Begins a look-up at every provider that the query concerns, and gives it a handle (FAN-6): `WSALookupServiceBegin`.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: there is no class, the flags contradict each other, or no provider has the id that
/// is named (FAN-2, FAN-11, LUP-7, QS-4). `WSASERVICE_NOT_FOUND`: nobody is to be asked (FAN-9). If no provider began, see FAN-8.
pub fn begin(query: &QuerySet, flags: u32) -> Result<usize, WsaError> {
    static NEXT: AtomicUsize = AtomicUsize::new(0x4e53_0000);
    let session = process::session(Function::WsaLookupService)?;
    let lookup = Arc::new(Lookup::begin(&session, query, flags)?);
    let handle = NEXT.fetch_add(4, Relaxed);
    let mut lookups = session.names.lookups();
    if lookups.closed {
        return Err(WsaError::WSANOTINITIALISED);
    }
    lookups.open.insert(handle, lookup);
    Ok(handle)
}

/// The look-up of a handle.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSA_INVALID_HANDLE` (NEXT-11).
pub fn lookup(handle: usize) -> Result<Arc<Lookup>, WsaError> {
    let session = process::session(Function::WsaLookupService)?;
    session.names.lookups().open.get(&handle).cloned().ok_or(WsaError::WSA_INVALID_HANDLE)
}

/// Ends a look-up, and cancels the call of Next that another thread is in: `WSALookupServiceEnd`.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSA_INVALID_HANDLE` (END-4).
pub fn end(handle: usize) -> Result<(), WsaError> {
    let session = process::session(Function::WsaLookupService)?;
    let lookup = session.names.lookups().open.remove(&handle).ok_or(WsaError::WSA_INVALID_HANDLE)?;
    lookup.end();
    Ok(())
}

/// The catalog's entry of a provider, as this process sees the catalog. `WSANOTINITIALISED`.
pub fn provider(id: GUID) -> Result<Option<NamespaceEntry>, WsaError> {
    let session = process::session(Function::WsaLookupService)?;
    Ok(session.catalogs().namespaces.provider(id).cloned())
}

impl Names {
    /// Ends every look-up; calls of Next return `WSA_E_CANCELLED` (WSA-CLEANUP-9, step 2).
    pub(crate) fn cancel(&self) {
        let open = {
            let mut lookups = self.lookups();
            lookups.closed = true;
            std::mem::take(&mut lookups.open)
        };
        for lookup in open.into_values() {
            lookup.end();
        }
    }

    /// Cleans every provider up and ends the sessions with those of version 2 (WSA-CLEANUP-9, steps 4 and 5). What is
    /// returned keeps the modules mapped (step 6).
    pub(crate) fn clean_up(&self) -> Vec<Arc<Provider>> {
        let running = self.providers.close();
        for provider in &running {
            // A call that lasts is waited for twice: providers may end it in their clean-up (NSP-CLEANUP-5).
            let left = provider.drain(limits::drain() / 2);
            provider.clean_up();
            if !left {
                provider.drain(limits::drain() / 2);
            }
        }
        if let Some(remote) = remote::remote() {
            remote.end_sessions();
        }
        running
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("lookups", &self.lookups().open.len()).finish_non_exhaustive()
    }
}
