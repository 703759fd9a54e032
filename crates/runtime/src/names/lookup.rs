//! A look-up at several providers (contract: namespace, sections 3 to 5).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use windlass_abi::{GUID, LUP_CONTAINERS, LUP_FLUSHPREVIOUS, LUP_NOCONTAINERS, LUP_RES_SERVICE, NS_ALL, WsaError};
use windlass_catalog::NamespaceEntry;
use windlass_spi::namespace::{QuerySet, flags};
use windlass_spi::rundown;

use super::providers::Provider;
use super::remote::{self, RemoteLookup};
use super::{class, selection, verdict};
use crate::loader::nsp::{Ioctl, LookupHandle};
use crate::session::Session;

/// One look-up: the providers that began it, and how far they have been asked. Dropping it ends it.
pub struct Lookup {
    flags: u32,
    parts: Vec<Part>,
    first_answer_ends: bool,
    state: Mutex<State>,
    changed: Condvar,
}

/// A provider's own look-up.
struct Part {
    id: GUID,
    name_space: u32,
    source: Source,
}

enum Source {
    Local { provider: Arc<Provider>, handle: LookupHandle },
    Remote(Box<dyn RemoteLookup>),
}

#[derive(Default)]
struct State {
    /// The thread that asks the providers; others wait for it (FAN-15).
    busy: Option<ThreadId>,
    ended: bool,
    cursor: Cursor,
}

/// How far the providers have been asked.
#[derive(Default)]
struct Cursor {
    /// The provider that is asked next.
    at: usize,
    /// A result that no buffer was large enough for yet (NEXT-3).
    pending: Option<Pending>,
    delivered: bool,
    /// The first error of a provider (NEXT-6).
    error: Option<WsaError>,
}

struct Pending {
    set: QuerySet,
    /// A buffer was too small for it: `LUP_FLUSHPREVIOUS` drops it (NEXT-4).
    refused: bool,
}

/// A result as it came, and how long its provider took for it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The result.
    pub set: QuerySet,
    /// From the question to the answer.
    pub took: Duration,
}

impl Lookup {
    /// See [`super::begin`].
    pub(crate) fn begin(session: &Session, query: &QuerySet, flags: u32) -> Result<Self, WsaError> {
        let is_somewhere = |context: &str| !["", "\\"].contains(&context);
        if query.class.is_none()
            || flags & LUP_CONTAINERS != 0 && flags & LUP_NOCONTAINERS != 0
            || query.name_space == NS_ALL
                && query.provider.is_none()
                && query.context.as_deref().is_some_and(is_somewhere)
        {
            return Err(WsaError::WSAEINVAL);
        }
        let catalogs = session.catalogs();
        let selected = selection::select_for(
            &catalogs.namespaces,
            query.name_space,
            query.provider,
            query.name.as_deref(),
            flags,
        )?;
        let flags = flags & !LUP_FLUSHPREVIOUS;
        let mut parts = Vec::with_capacity(selected.providers.len());
        let mut errors = Vec::new();
        for entry in selected.providers {
            match Source::begin(session, entry, query, flags) {
                Ok(source) => parts.push(Part { id: entry.provider, name_space: entry.name_space, source }),
                Err(error) => errors.push(error),
            }
        }
        if parts.is_empty() {
            return Err(verdict::of_begin(&errors));
        }
        let first_answer_ends = selected.first_answer_ends;
        Ok(Self { flags, parts, first_answer_ends, state: Mutex::default(), changed: Condvar::new() })
    }

    /// The next result, restricted to what `flags` and those of Begin ask for (LUP-4 to LUP-6), given to `deliver`. If that
    /// fails with `WSAEFAULT`, the same result comes again (NEXT-3), or is skipped by `LUP_FLUSHPREVIOUS` (NEXT-4).
    ///
    /// # Errors
    /// `WSA_E_NO_MORE`, and again for every later call (NEXT-2). `WSA_E_CANCELLED`: the look-up was ended meanwhile (END-2).
    /// What `deliver` says. If no provider gave anything, once what the first of them failed with (NEXT-6).
    /// `WSAEINPROGRESS`: a provider asks its own look-up.
    pub fn next<R>(&self, flags: u32, deliver: impl FnOnce(&QuerySet) -> Result<R, WsaError>) -> Result<R, WsaError> {
        let mut cursor = self.take_cursor()?;
        let result = self.advance(&mut cursor, flags, deliver);
        let mut state = self.state();
        state.cursor = cursor;
        state.busy = None;
        let ended = state.ended;
        drop(state);
        self.changed.notify_all();
        if ended && result.is_err() { Err(WsaError::WSA_E_CANCELLED) } else { result }
    }

    /// The next result whole, and what it cost; errors as [`next`](Self::next).
    pub fn answer(&self) -> Result<Answer, WsaError> {
        let asked = Instant::now();
        self.next(0, |set| Ok(Answer { set: set.clone(), took: asked.elapsed() }))
    }

    /// Ends it; a call of [`next`](Self::next) that another thread is in returns `WSA_E_CANCELLED` (END-1, END-2). What providers say
    /// to that is ignored (END-5).
    pub fn end(&self) {
        if std::mem::replace(&mut self.state().ended, true) {
            return;
        }
        self.changed.notify_all();
        for part in &self.parts {
            part.source.end();
        }
    }

    /// `WSANSPIoctl` at the one provider of the look-up.
    ///
    /// # Errors
    /// `WSAEINVAL`: there are several (NSPI-1). `WSAEOPNOTSUPP`: it is one of version 2, or has no NSPIoctl (NSPI-7,
    /// NSP-STARTUP-5). `WSA_INVALID_HANDLE`: the look-up has ended. Else the provider's.
    pub fn ioctl(&self, ioctl: &Ioctl) -> Result<(), WsaError> {
        let [part] = &self.parts[..] else { return Err(WsaError::WSAEINVAL) };
        if self.state().ended {
            return Err(WsaError::WSA_INVALID_HANDLE);
        }
        match &part.source {
            Source::Local { provider, handle } => provider.enter()?.ioctl(*handle, ioctl),
            Source::Remote(_) => Err(WsaError::WSAEOPNOTSUPP),
        }
    }

    fn take_cursor(&self) -> Result<Cursor, WsaError> {
        let me = std::thread::current().id();
        let mut state = self.state();
        loop {
            match state.busy {
                _ if state.ended => return Err(WsaError::WSA_E_CANCELLED),
                Some(thread) if thread == me => return Err(WsaError::WSAEINPROGRESS),
                Some(_) => {
                    let waited = rundown::in_callback(|| self.changed.wait(state));
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
                None => {
                    state.busy = Some(me);
                    return Ok(std::mem::take(&mut state.cursor));
                }
            }
        }
    }

    fn advance<R>(
        &self,
        cursor: &mut Cursor,
        next_flags: u32,
        deliver: impl FnOnce(&QuerySet) -> Result<R, WsaError>,
    ) -> Result<R, WsaError> {
        if next_flags & LUP_FLUSHPREVIOUS != 0 {
            cursor.pending.take_if(|pending| pending.refused);
        }
        if cursor.pending.is_none() {
            let set = self.ask(cursor, next_flags)?;
            cursor.pending = Some(Pending { set, refused: false });
        }
        let Some(pending) = &mut cursor.pending else { return Err(WsaError::WSA_E_NO_MORE) };
        // Next's own flags hold for this call alone, so that what is kept is not restricted.
        let mut set = pending.set.clone();
        flags::restrict(&mut set, flags::combined(self.flags, next_flags));
        let delivered = deliver(&set);
        match &delivered {
            Err(WsaError::WSAEFAULT) => pending.refused = true,
            _ => {
                cursor.pending = None;
                cursor.delivered = true;
            }
        }
        delivered
    }

    /// Asks the providers in their order (NEXT-2).
    fn ask(&self, cursor: &mut Cursor, next_flags: u32) -> Result<QuerySet, WsaError> {
        let asked = self.flags | next_flags & LUP_RES_SERVICE;
        while let Some(part) = self.parts.get(cursor.at) {
            if self.state().ended {
                return Err(WsaError::WSA_E_CANCELLED);
            }
            match part.source.next(asked) {
                Ok(mut set) => {
                    // NEXT-9.
                    set.provider.get_or_insert(part.id);
                    if set.name_space == NS_ALL {
                        set.name_space = part.name_space;
                    }
                    return Ok(set);
                }
                Err(WsaError::WSA_E_CANCELLED) => {
                    // NEXT-7.
                    cursor.at = self.parts.len();
                    return Err(WsaError::WSA_E_CANCELLED);
                }
                Err(error) => {
                    if error != WsaError::WSA_E_NO_MORE {
                        cursor.error.get_or_insert(error);
                    }
                    cursor.at += 1;
                    if self.first_answer_ends && cursor.delivered {
                        cursor.at = self.parts.len();
                    }
                }
            }
        }
        match cursor.error.take() {
            Some(error) if !cursor.delivered => Err(error),
            _ => Err(WsaError::WSA_E_NO_MORE),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.end();
    }
}

impl Source {
    fn begin(session: &Session, entry: &NamespaceEntry, query: &QuerySet, flags: u32) -> Result<Self, WsaError> {
        if entry.is_version_2() {
            let remote = remote::remote().ok_or(WsaError::WSASERVICE_NOT_FOUND)?;
            return Ok(Self::Remote(remote.begin(entry, query, flags)?));
        }
        let provider = session.names.providers.demand(entry)?;
        let schema = query.class.and_then(|id| class::schema(session, &provider, id));
        let handle = provider.enter()?.begin(query, schema.as_ref(), flags)?;
        Ok(Self::Local { provider, handle })
    }

    fn next(&self, flags: u32) -> Result<QuerySet, WsaError> {
        match self {
            Self::Remote(lookup) => lookup.next(flags),
            Self::Local { provider, handle } => match provider.enter() {
                Ok(inside) => inside.next(*handle, flags),
                // It is being cleaned up, which cancels.
                Err(_) => Err(WsaError::WSA_E_CANCELLED),
            },
        }
    }

    fn end(&self) {
        match self {
            Self::Remote(lookup) => lookup.cancel(),
            Self::Local { provider, handle } => {
                if let Ok(inside) = provider.enter() {
                    let _ = inside.end(*handle);
                }
            }
        }
    }
}
