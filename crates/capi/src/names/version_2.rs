//! Version 2 providers: advertised by this process, and called by it.
#![allow(unsafe_code, reason = "exports read the client's memory")]

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use windlass_abi::{GUID, HANDLE, NO_ERROR, NS_EMAIL, NSPV2_ROUTINE, SOCKET_ERROR, WsaError};
use windlass_broker::session::End;
use windlass_broker::{ClientId, Host, Policy, Server, Sessions};
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

/// Makes a provider of this process known to its clients, here and in the user's other processes (A-N19, NSP2-ADV-1), until it is
/// unadvertised or Winsock is cleaned up for the last time.
///
/// `WSAEINVAL`: a null argument, a table without Begin, NextEx or End, or a provider that somebody advertises already.
/// `WSAEACCES`: the folder of hosts is not this user's alone. `WSAEFAULT`: the system refuses a socket there or a thread.
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
        own().advertise(table, &entry).map(|()| NO_ERROR)
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
        own().unadvertise(unsafe { id(provider) }?).map(|()| NO_ERROR)
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

/// Reaches the providers that this process and others advertise.
pub struct Version2;

impl Remote for Version2 {
    fn begin(&self, provider: &NamespaceEntry, query: &QuerySet, flags: u32) -> Result<Box<dyn RemoteLookup>> {
        let (own, id) = (own(), provider.provider);
        if own.host.serves(id) {
            return Ok(Box::new(Here(own.host.begin(ClientId::OWN, id, query, flags)?)));
        }
        own.policy_allows(provider)?;
        Ok(Box::new(There(own.sessions.begin(id, query, flags)?)))
    }

    fn set_service(&self, provider: &NamespaceEntry, registration: &QuerySet, operation: SetOperation) -> Result<()> {
        let (own, id) = (own(), provider.provider);
        if own.host.serves(id) {
            return own.host.set_service(ClientId::OWN, id, registration, operation);
        }
        own.policy_allows(provider)?;
        own.sessions.set_service(id, registration, operation)
    }

    fn end_sessions(&self) {
        let own = own();
        own.sessions.end(PATIENCE);
        own.host.end_client(ClientId::OWN, End::Orderly, PATIENCE);
        // Its providers can call nothing any more: they would be hosts that never answer.
        let advertised: Vec<_> = own.servers().iter().map(Server::provider).collect();
        for id in advertised {
            let _ = own.unadvertise(id);
        }
    }
}

/// At a provider of this process.
struct Here(windlass_broker::Lookup<'static>);

/// At a provider of another process.
struct There(windlass_broker::RemoteLookup);

impl RemoteLookup for Here {
    fn next(&self, flags: u32) -> Result<QuerySet> {
        self.0.next(flags)
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

impl RemoteLookup for There {
    fn next(&self, flags: u32) -> Result<QuerySet> {
        self.0.next(flags)
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// What a process has of version 2: the providers that it hosts, and its sessions with others. A child made by fork has nothing of
/// its parent's (UNLOAD-6).
struct OfProcess {
    process: u32,
    policy: Policy,
    host: Host,
    servers: Mutex<Vec<Server>>,
    sessions: Sessions,
    child: OnceLock<Box<OfProcess>>,
}

fn own() -> &'static OfProcess {
    static FIRST: OnceLock<OfProcess> = OnceLock::new();
    let process = std::process::id();
    let mut at = FIRST.get_or_init(|| OfProcess::new(process));
    while at.process != process {
        at = at.child.get_or_init(|| Box::new(OfProcess::new(process)));
    }
    at
}

fn host() -> &'static Host {
    &own().host
}

impl OfProcess {
    fn new(process: u32) -> Self {
        let policy = policy();
        let host = Host::new(THREAD_ERROR, policy);
        Self { process, policy, host, servers: Mutex::default(), sessions: Sessions::default(), child: OnceLock::new() }
    }

    fn advertise(&'static self, table: Advertised, entry: &NamespaceEntry) -> Result<()> {
        let id = table.id();
        self.host.advertise(table, entry.name_space)?;
        let server = Server::start(&self.host, id).inspect_err(|_| {
            let _ = self.host.unadvertise(id);
        })?;
        self.servers().push(server);
        Ok(())
    }

    fn unadvertise(&self, id: GUID) -> Result<()> {
        // Clients leave the provider first, and then the connections can go.
        self.host.unadvertise(id)?;
        let server = {
            let mut servers = self.servers();
            let at = servers.iter().position(|server| server.provider() == id);
            at.map(|at| servers.swap_remove(at))
        };
        server.into_iter().for_each(Server::close);
        Ok(())
    }

    /// Using another process's provider is bound by the policy as advertising one is (NSP2-RES-2).
    fn policy_allows(&self, provider: &NamespaceEntry) -> Result<()> {
        if self.policy.email_only && provider.name_space != NS_EMAIL {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        Ok(())
    }

    fn servers(&self) -> MutexGuard<'_, Vec<Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `WINDLASS_NAMESPACE_POLICY`: words with commas between them.
fn policy() -> Policy {
    let words = std::env::var("WINDLASS_NAMESPACE_POLICY").unwrap_or_default();
    let has = |word| words.split(',').any(|other| other.trim() == word);
    Policy { email_only: has("email-only"), completes_on_return: has("complete-on-return") }
}
