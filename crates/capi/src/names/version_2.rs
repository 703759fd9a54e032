//! Version 2 providers: advertised by this process, and called by it.
#![allow(unsafe_code, reason = "exports read the client's memory")]

use std::sync::OnceLock;
use std::time::Duration;

use windlass_abi::{GUID, HANDLE, NO_ERROR, NSPV2_ROUTINE, SOCKET_ERROR, WsaError};
use windlass_broker::session::End;
use windlass_broker::{ClientId, Host, Policy};
use windlass_catalog::NamespaceEntry;
use windlass_runtime::names::remote::{Remote, RemoteLookup};
use windlass_runtime::{Function, names, require_started, thread};
use windlass_spi::namespace::registration::SetOperation;
use windlass_spi::namespace::{Advertised, QuerySet, ThreadError};

use crate::boundary::{Result, call, load};

/// How the thread's error is read and set.
const THREAD_ERROR: ThreadError = ThreadError { get: thread::last_error, set: thread::set_last_error };

/// How long the last clean-up waits for a provider that does not let a call go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a provider of this process known to its clients (A-N19, NSP2-ADV-1).
///
/// `WSAEINVAL`: a null argument, a table without Begin, NextEx or End, or a provider that is advertised already.
/// `WSAEINVALIDPROVIDER`: the catalog does not have it. `WSAEOPNOTSUPP`: see `WINDLASS_NAMESPACE_POLICY` in the guide.
///
/// # Safety
/// `provider` must be null or readable; `routine` null or a table, whose functions stay until it is unadvertised.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAAdvertiseProvider(provider: *const GUID, routine: *const NSPV2_ROUTINE) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaAdvertiseProvider)?;
        // SAFETY: as the caller vouches.
        let id = unsafe { id(provider) }?;
        // SAFETY: as the caller vouches.
        let table = unsafe { Advertised::from_raw(id, routine, THREAD_ERROR) }?;
        let entry = names::provider(id)?.ok_or(WsaError::WSAEINVALIDPROVIDER)?;
        host().advertise(table, entry.name_space).map(|()| NO_ERROR)
    })
}

/// Takes a provider back: its sessions are run down, and no call is inside when this returns (A-N20, NSP2-UNADV-2).
///
/// `WSAEINVAL`: a null id. `WSAEINVALIDPROVIDER`: this process does not advertise it.
///
/// # Safety
/// `provider` must be null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAUnadvertiseProvider(provider: *const GUID) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaAdvertiseProvider)?;
        // SAFETY: as the caller vouches.
        host().unadvertise(unsafe { id(provider) }?).map(|()| NO_ERROR)
    })
}

/// Tells the outcome of a call that a provider was asked to make: 0, an error, or -1 for the thread's error (A-N21, ASYNC-3).
///
/// `WSAEINVAL`: a null handle, or a call that is complete (ASYNC-1, ASYNC-4).
#[unsafe(no_mangle)]
pub extern "system" fn WSAProviderCompleteAsyncCall(async_call: HANDLE, code: i32) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaAdvertiseProvider)?;
        host().complete(async_call.addr(), code).map(|()| NO_ERROR)
    })
}

/// # Safety
/// `id` must be null or readable.
unsafe fn id(id: *const GUID) -> Result<GUID> {
    // SAFETY: as the caller vouches.
    unsafe { load(id) }.map_err(|_| WsaError::WSAEINVAL)
}

/// Reaches the providers of this process.
pub struct Here;

impl Remote for Here {
    fn begin(&self, provider: &NamespaceEntry, query: &QuerySet, flags: u32) -> Result<Box<dyn RemoteLookup>> {
        let lookup = host().begin(ClientId::OWN, provider.provider, query, flags)?;
        Ok(Box::new(Lookup(lookup)))
    }

    fn set_service(&self, provider: &NamespaceEntry, registration: &QuerySet, operation: SetOperation) -> Result<()> {
        host().set_service(ClientId::OWN, provider.provider, registration, operation)
    }

    fn end_sessions(&self) {
        host().end_client(ClientId::OWN, End::Orderly, PATIENCE);
    }
}

struct Lookup(windlass_broker::Lookup<'static>);

impl RemoteLookup for Lookup {
    fn next(&self, flags: u32) -> Result<QuerySet> {
        self.0.next(flags)
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A process's providers. A child made by fork has none of its parent's (UNLOAD-6).
struct OfProcess {
    process: u32,
    host: Host,
    child: OnceLock<Box<OfProcess>>,
}

fn host() -> &'static Host {
    static FIRST: OnceLock<OfProcess> = OnceLock::new();
    let process = std::process::id();
    let mut at = FIRST.get_or_init(|| OfProcess::new(process));
    while at.process != process {
        at = at.child.get_or_init(|| Box::new(OfProcess::new(process)));
    }
    &at.host
}

impl OfProcess {
    fn new(process: u32) -> Self {
        Self { process, host: Host::new(THREAD_ERROR, policy()), child: OnceLock::new() }
    }
}

/// `WINDLASS_NAMESPACE_POLICY`: words with commas between them.
fn policy() -> Policy {
    let words = std::env::var("WINDLASS_NAMESPACE_POLICY").unwrap_or_default();
    let has = |word| words.split(',').any(|other| other.trim() == word);
    Policy { email_only: has("email-only"), completes_on_return: has("complete-on-return") }
}
