//! One advertised provider, and its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use windlass_abi::WsaError;
use windlass_spi::namespace::{Advertised, LookupHandle, SessionArgument};

use crate::call::Call;
use crate::lock;
use crate::session::{ClientId, End, Farewell, Opened, Session};

/// A provider and the sessions of its clients. Its lock is never held while the provider's code runs.
pub struct Provider {
    table: Advertised,
    name_space: u32,
    sessions: Mutex<Sessions>,
    changed: Condvar,
}

#[derive(Default)]
struct Sessions {
    by_client: HashMap<ClientId, Entry>,
    /// Not advertised any more.
    closed: bool,
    /// How many there were: a client's next session is another.
    made: u64,
}

struct Entry {
    number: u64,
    session: Session,
    /// The threads that run the provider's code for it, for a thread that must not wait for itself.
    inside: Vec<ThreadId>,
    /// Calls that their clients wait for.
    calls: Vec<Arc<Call>>,
}

/// A call that is inside the provider.
pub struct Inside<'a> {
    provider: &'a Provider,
    client: ClientId,
    session: u64,
    argument: SessionArgument,
}

/// A client that waits for a call, outside the provider.
pub struct Waiting<'a> {
    provider: &'a Provider,
    client: ClientId,
    session: u64,
}

impl Provider {
    pub fn new(table: Advertised, name_space: u32) -> Self {
        Self { table, name_space, sessions: Mutex::default(), changed: Condvar::new() }
    }

    pub fn table(&self) -> &Advertised {
        &self.table
    }

    pub fn name_space(&self) -> u32 {
        self.name_space
    }

    /// Enters for a client, and opens its session first if there is none.
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: the provider is not advertised any more, or it calls itself while this very session begins or
    /// ends. Else what Startup said.
    pub fn enter(&self, client: ClientId) -> Result<Inside<'_>, WsaError> {
        let me = thread::current().id();
        let mut sessions = self.lock();
        loop {
            if sessions.closed {
                return Err(WsaError::WSASERVICE_NOT_FOUND);
            }
            match sessions.by_client.get_mut(&client) {
                None => sessions = self.open(sessions, client)?,
                Some(entry) => match entry.session.enter() {
                    Some(argument) => {
                        entry.inside.push(me);
                        return Ok(Inside { provider: self, client, session: entry.number, argument });
                    }
                    // It begins or ends in another thread.
                    None if !entry.inside.contains(&me) => sessions = self.wait(sessions, None),
                    None => return Err(WsaError::WSASERVICE_NOT_FOUND),
                },
            }
        }
    }

    /// Enters for a look-up of a session, if that goes on.
    pub fn enter_again(&self, client: ClientId, session: u64) -> Option<Inside<'_>> {
        let mut sessions = self.lock();
        let entry = sessions.by_client.get_mut(&client).filter(|entry| entry.number == session)?;
        let argument = entry.session.enter()?;
        entry.inside.push(thread::current().id());
        Some(Inside { provider: self, client, session, argument })
    }

    /// Ends a client's session, cancels its calls, and waits until that is over (for so long), unless this thread is inside.
    pub fn end(&self, client: ClientId, end: End, limit: Option<Duration>) {
        let farewell = {
            let mut sessions = self.lock();
            let Some(entry) = sessions.by_client.get_mut(&client) else { return };
            entry.calls.drain(..).for_each(|call| call.cancel());
            let farewell = entry.session.end(end);
            entry.inside.extend(farewell.as_ref().map(|_| thread::current().id()));
            farewell
        };
        self.say(client, farewell);
        let deadline = limit.map(|limit| Instant::now() + limit);
        let me = thread::current().id();
        let mut sessions = self.lock();
        while sessions.by_client.get(&client).is_some_and(|entry| !entry.inside.contains(&me)) {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            sessions = self.wait(sessions, left);
        }
    }

    /// Lets nobody in any more, and runs every session down.
    pub fn close(&self) {
        let clients: Vec<_> = {
            let mut sessions = self.lock();
            sessions.closed = true;
            sessions.by_client.keys().copied().collect()
        };
        for client in clients {
            self.end(client, End::Lost, None);
        }
    }

    /// Calls Startup for a client, outside the lock.
    fn open<'s>(
        &'s self,
        mut sessions: MutexGuard<'s, Sessions>,
        client: ClientId,
    ) -> Result<MutexGuard<'s, Sessions>, WsaError> {
        sessions.made += 1;
        let number = sessions.made;
        let inside = vec![thread::current().id()];
        let entry = Entry { number, session: Session::opening(), inside, calls: Vec::new() };
        sessions.by_client.insert(client, entry);
        drop(sessions);
        let started = self.table.startup();
        let mut sessions = self.lock();
        let Some(entry) = sessions.by_client.get_mut(&client) else { return Err(WsaError::WSASYSCALLFAILURE) };
        let opened = entry.session.opened(started);
        match opened {
            Opened::Open => {
                entry.inside.clear();
                self.changed.notify_all();
                Ok(sessions)
            }
            Opened::Refused(error) => {
                sessions.by_client.remove(&client);
                self.changed.notify_all();
                Err(error)
            }
            Opened::Over(farewell) => {
                drop(sessions);
                self.say(client, Some(farewell));
                Err(WsaError::WSASERVICE_NOT_FOUND)
            }
        }
    }

    /// Tells the provider what it is owed, and forgets the session.
    fn say(&self, client: ClientId, farewell: Option<Farewell>) {
        let Some(Farewell { argument, rundown, lookups, cleanup }) = farewell else { return };
        if rundown {
            self.table.rundown(argument);
        }
        for lookup in lookups {
            let _ = self.table.end(lookup);
        }
        if cleanup {
            // A stub's answer means nothing (NSP2-CLEANUP-8), and no other has anybody to learn of it.
            let _ = self.table.cleanup(argument);
        }
        self.lock().by_client.remove(&client);
        self.changed.notify_all();
    }

    fn wait<'s>(&'s self, sessions: MutexGuard<'s, Sessions>, limit: Option<Duration>) -> MutexGuard<'s, Sessions> {
        match limit {
            None => self.changed.wait(sessions).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => self.changed.wait_timeout(sessions, limit).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    fn with<R>(&self, client: ClientId, session: u64, act: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut sessions = self.lock();
        sessions.by_client.get_mut(&client).filter(|entry| entry.number == session).map(act)
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

impl<'a> Inside<'a> {
    /// What Startup stored.
    pub fn argument(&self) -> SessionArgument {
        self.argument
    }

    /// A look-up of this session; the session's number.
    pub fn begun(&self, lookup: LookupHandle) -> u64 {
        self.provider.with(self.client, self.session, |entry| entry.session.begun(lookup));
        self.session
    }

    /// Whether it is for this call to end the look-up.
    pub fn ending(&self, lookup: LookupHandle) -> bool {
        self.provider.with(self.client, self.session, |entry| entry.session.ending(lookup)).unwrap_or(false)
    }

    /// The end of the session cancels this call, also one that has come already.
    pub fn waits_for(&self, call: &Arc<Call>) {
        let going_on = self.provider.with(self.client, self.session, |entry| {
            entry.calls.push(Arc::clone(call));
            !entry.session.is_ending()
        });
        if going_on != Some(true) {
            call.cancel();
        }
    }

    /// Leaves the provider; its client goes on waiting.
    pub fn leave_and_wait(self) -> Waiting<'a> {
        Waiting { provider: self.provider, client: self.client, session: self.session }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let me = thread::current().id();
        let farewell = self.provider.with(self.client, self.session, |entry| {
            let farewell = entry.session.leave();
            // Who says farewell stays inside until that is said.
            if farewell.is_none()
                && let Some(at) = entry.inside.iter().position(|thread| *thread == me)
            {
                entry.inside.swap_remove(at);
            }
            farewell
        });
        self.provider.say(self.client, farewell.flatten());
        self.provider.changed.notify_all();
    }
}

impl Waiting<'_> {
    /// The call has its outcome.
    pub fn over(self, call: &Arc<Call>) {
        self.provider.with(self.client, self.session, |entry| entry.calls.retain(|other| !Arc::ptr_eq(other, call)));
    }
}
