//! The providers that this process advertises, and the calls of their clients.

mod advertised;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use windlass_abi::{GUID, NS_EMAIL, WsaError};
use windlass_spi::namespace::registration::SetOperation;
use windlass_spi::namespace::{Advertised, LookupHandle, QuerySet, ResultBuffer, SetBuffer, ThreadError};

use self::advertised::{Inside, Provider};
use crate::call::{Call, Calls, Memory, Outcome};
use crate::lock;
use crate::session::{ClientId, End};

/// What a host does beyond the interface's letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Windows Vista's rule: version 2 is for NS_EMAIL alone (NSP2-RES-2).
    pub email_only: bool,
    /// A call that is not completed when its function returns ends with the thread's error; otherwise it goes on (ASYNC-5).
    pub completes_on_return: bool,
}

/// The providers of this process.
pub struct Host {
    providers: Mutex<HashMap<GUID, Arc<Provider>>>,
    calls: Calls,
    error: ThreadError,
    policy: Policy,
}

/// The room that a result gets at first, and the most, in bytes.
const FIRST_ROOM: u32 = 4096;
const MOST_ROOM: u32 = 16 << 20;

impl Host {
    /// A host without providers.
    pub fn new(error: ThreadError, policy: Policy) -> Self {
        Self { providers: Mutex::default(), calls: Calls::default(), error, policy }
    }

    /// `WSAAdvertiseProvider`: clients reach the provider from now on (SESS-4).
    ///
    /// # Errors
    /// `WSAEINVAL`: it is advertised already, by its first table, which stays (NSP2-ADV-11). `WSAEOPNOTSUPP`: not a provider of
    /// NS_EMAIL, under that policy (NSP2-RES-2).
    pub fn advertise(&self, provider: Advertised, name_space: u32) -> Result<(), WsaError> {
        if self.policy.email_only && name_space != NS_EMAIL {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let mut providers = self.providers();
        let id = provider.id();
        if providers.contains_key(&id) {
            return Err(WsaError::WSAEINVAL);
        }
        providers.insert(id, Arc::new(Provider::new(provider, name_space)));
        Ok(())
    }

    /// `WSAUnadvertiseProvider`: when this returns no call is inside or will be, every session is run down, and the code may
    /// be unloaded (NSP2-UNADV-2). Only a call that comes from inside the provider itself does not wait for its own end.
    ///
    /// # Errors
    /// `WSAEINVALIDPROVIDER`: it is not advertised here (NSP2-UNADV-1).
    pub fn unadvertise(&self, id: GUID) -> Result<(), WsaError> {
        let provider = self.providers().remove(&id).ok_or(WsaError::WSAEINVALIDPROVIDER)?;
        provider.close();
        Ok(())
    }

    /// Begins a look-up at a provider, and a session with it at first (NSP2-SES-1).
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: it is not advertised (SESS-3). Else the provider's.
    pub fn begin(&self, client: ClientId, id: GUID, query: &QuerySet, flags: u32) -> Result<Lookup<'_>, WsaError> {
        let provider = self.provider(id)?;
        let inside = provider.enter(client)?;
        let handle = provider.table().begin(query, flags, inside.argument())?;
        let session = inside.begun(handle);
        drop(inside);
        let (pending, ended) = (Mutex::new(None), AtomicBool::new(false));
        Ok(Lookup { host: self, provider, client, session, handle, pending, ended })
    }

    /// Registers, deregisters or deletes a service at a provider, and waits for the outcome.
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND` as for [`begin`](Self::begin); `WSAEOPNOTSUPP`: it registers nothing (STUB-5). Else the provider's.
    pub fn set_service(
        &self,
        client: ClientId,
        id: GUID,
        registration: &QuerySet,
        operation: SetOperation,
    ) -> Result<(), WsaError> {
        let provider = self.provider(id)?;
        let inside = provider.enter(client)?;
        let (handle, call) = self.calls.begin(Memory::Registration(SetBuffer::of(registration)?));
        inside.waits_for(&call);
        (self.error.set)(0);
        let Memory::Registration(set) = call.memory() else { return Err(WsaError::WSASYSCALLFAILURE) };
        let made = provider.table().set_service_ex(handle, set, operation, inside.argument());
        self.returned(handle, made);
        self.outcome(inside, &call)
    }

    /// `WSAProviderCompleteAsyncCall`. 0 is success, -1 the calling thread's error, anything else the error itself (ASYNC-3).
    ///
    /// # Errors
    /// `WSAEINVAL`: there is no such call, or it is complete (ASYNC-4).
    pub fn complete(&self, call: usize, code: i32) -> Result<(), WsaError> {
        self.calls.complete(call, self.outcome_of(code))
    }

    /// The client has finished with every provider, or is lost: its calls are cancelled and its sessions end (NSP2-RUN-6). Waits
    /// for calls that are inside, but not longer than `limit` for each provider; the last one to leave does the rest.
    pub fn end_client(&self, client: ClientId, end: End, limit: Duration) {
        let providers: Vec<_> = self.providers().values().cloned().collect();
        for provider in providers {
            provider.end(client, end, Some(limit));
        }
    }

    /// The same for one provider, and, without a limit, until it is over.
    pub fn end_session(&self, client: ClientId, provider: GUID, end: End, limit: Option<Duration>) {
        let provider = self.providers().get(&provider).cloned();
        if let Some(provider) = provider {
            provider.end(client, end, limit);
        }
    }

    /// Whether this process advertises the provider.
    pub fn serves(&self, id: GUID) -> bool {
        self.providers().contains_key(&id)
    }

    fn provider(&self, id: GUID) -> Result<Arc<Provider>, WsaError> {
        let provider = self.providers().get(&id).cloned();
        let served = provider.filter(|provider| !self.policy.email_only || provider.name_space() == NS_EMAIL);
        served.ok_or(WsaError::WSASERVICE_NOT_FOUND)
    }

    /// The provider's function has returned: completes a call that was refused, or, by that policy, that was not completed.
    fn returned(&self, call: usize, made: Result<(), WsaError>) {
        let outcome = match made {
            Err(error) => Err(error),
            Ok(()) if self.policy.completes_on_return => match (self.error.get)() {
                0 => Ok(()),
                code => Err(WsaError::from_code(code)),
            },
            Ok(()) => return,
        };
        // It may have been completed already.
        let _ = self.calls.complete(call, outcome);
    }

    /// Leaves the provider, and waits there for the outcome.
    fn outcome(&self, inside: Inside<'_>, call: &Arc<Call>) -> Outcome {
        let waiting = inside.leave_and_wait();
        let outcome = call.wait();
        waiting.over(call);
        outcome
    }

    fn outcome_of(&self, code: i32) -> Outcome {
        match code {
            0 => Ok(()),
            -1 => Err(match (self.error.get)() {
                0 => WsaError::WSASYSCALLFAILURE,
                code => WsaError::from_code(code),
            }),
            code => Err(WsaError::from_code(code)),
        }
    }

    fn providers(&self) -> MutexGuard<'_, HashMap<GUID, Arc<Provider>>> {
        lock(&self.providers)
    }
}

/// One look-up at one provider. Dropping it is `NSPv2LookupServiceEnd`, unless its session has ended before.
pub struct Lookup<'a> {
    host: &'a Host,
    provider: Arc<Provider>,
    client: ClientId,
    session: u64,
    handle: LookupHandle,
    /// The call of [`next`](Self::next) that waits.
    pending: Mutex<Option<Arc<Call>>>,
    ended: AtomicBool,
}

impl Lookup<'_> {
    /// The next result, whole, whatever its size (NSP2-CALL-5). One call at a time (ASYNC-8).
    ///
    /// # Errors
    /// `WSA_E_NO_MORE`; `WSA_E_CANCELLED`: [`cancel`](Self::cancel) came, or the session is over. `WSAEFAULT`: what came is not a
    /// set within its buffer. Else the provider's.
    pub fn next(&self, flags: u32) -> Result<QuerySet, WsaError> {
        let mut room = FIRST_ROOM;
        loop {
            let inside = self.enter().ok_or(WsaError::WSA_E_CANCELLED)?;
            let (handle, call) = self.host.calls.begin(Memory::Result(ResultBuffer::new(room)));
            inside.waits_for(&call);
            *lock(&self.pending) = Some(Arc::clone(&call));
            if self.ended.load(Ordering::SeqCst) {
                // The provider does not know the look-up any more.
                let _ = self.host.calls.complete(handle, Err(WsaError::WSA_E_CANCELLED));
                return self.host.outcome(inside, &call).and(Err(WsaError::WSA_E_CANCELLED));
            }
            let Memory::Result(result) = call.memory() else { return Err(WsaError::WSASYSCALLFAILURE) };
            (self.host.error.set)(0);
            self.provider.table().next_ex(handle, self.handle, flags, result);
            self.host.returned(handle, Ok(()));
            let outcome = self.host.outcome(inside, &call);
            *lock(&self.pending) = None;
            match outcome {
                Ok(()) => return result.read(),
                Err(WsaError::WSAEFAULT) if (room + 1..=MOST_ROOM).contains(&result.length()) => room = result.length(),
                Err(error) => return Err(error),
            }
        }
    }

    /// `NSPv2LookupServiceEnd`, once: a [`next`](Self::next) that goes on returns `WSA_E_CANCELLED` at once, and so does every
    /// later one (NSP2-CALL-6).
    pub fn cancel(&self) {
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(call) = &*lock(&self.pending) {
            call.cancel();
        }
        if let Some(inside) = self.provider.enter_again(self.client, self.session)
            && inside.ending(self.handle)
        {
            // Its failure concerns nobody.
            let _ = self.provider.table().end(self.handle);
        }
    }

    fn enter(&self) -> Option<Inside<'_>> {
        if self.ended.load(Ordering::SeqCst) {
            return None;
        }
        self.provider.enter_again(self.client, self.session)
    }
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}
