//! A transport between its start and its last clean-up, with the sockets it has open.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_abi::{SOCKET, WSAPROTOCOL_INFOW, WsaError};

use super::rio;
use super::upcalls::Upcalls;
use crate::handles::{Entry, Table};
use crate::rundown::{self, Domain, Pin};
use crate::socket::OpenSocket;
use crate::transport::{Cancel, NewSocket, Result, Transport};

/// One run of a transport. Whoever uses it, or a socket of it, has pinned a key of its domain first.
pub(super) struct Instance<T: Transport> {
    pub(super) transport: T,
    pub(super) upcalls: Upcalls,
    domain: &'static Domain,
    /// Each value is the address of an `Arc<OpenSocket>` that the table owns.
    sockets: Table,
    /// Set for good when the last clean-up begins.
    closed: AtomicBool,
    admission: Mutex<Admission>,
}

/// What the making of a socket and the last clean-up must agree on.
struct Admission {
    /// No socket is let in any more.
    closed: bool,
    /// The catalog entries that sockets were made for, by id.
    infos: Vec<Arc<WSAPROTOCOL_INFOW>>,
}

/// An open socket, for as long as its key is pinned.
pub(super) struct Found<S> {
    socket: NonNull<OpenSocket<S>>,
}

impl<S> Deref for Found<S> {
    type Target = OpenSocket<S>;

    fn deref(&self) -> &OpenSocket<S> {
        // SAFETY: `find` demands a pin that is older than the look-up and outlives this.
        unsafe { self.socket.as_ref() }
    }
}

impl<T: Transport> Instance<T> {
    pub(super) fn new(transport: T, upcalls: Upcalls, domain: &'static Domain) -> Self {
        Self {
            transport,
            upcalls,
            domain,
            sockets: Table::new(),
            closed: AtomicBool::new(false),
            admission: Mutex::new(Admission { closed: false, infos: Vec::new() }),
        }
    }

    /// The open socket of this handle.
    ///
    /// # Safety
    /// The handle's key was pinned before, and stays pinned for as long as the result is used.
    #[inline]
    pub(super) unsafe fn find(&self, handle: SOCKET) -> Option<Found<T::Socket>> {
        self.sockets.get(handle).map(|entry| Found { socket: socket_of(entry) })
    }

    /// Whether the last clean-up has begun.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The catalog entry as sockets share it: one copy for each id, without a duplication token and what a
    /// transport put with it into the reserved flags.
    pub(super) fn share_info(&self, info: &WSAPROTOCOL_INFOW) -> Arc<WSAPROTOCOL_INFOW> {
        let mut admission = self.admission();
        let known = admission.infos.iter().find(|known| known.dwCatalogEntryId == info.dwCatalogEntryId);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let new = Arc::new(WSAPROTOCOL_INFOW {
            dwServiceFlags2: 0,
            dwServiceFlags3: 0,
            dwServiceFlags4: 0,
            dwProviderReserved: 0,
            ..*info
        });
        admission.infos.push(Arc::clone(&new));
        new
    }

    /// Takes in a socket that the transport has made, and registers it with the runtime: its handle
    /// (WSP-SOCK-5, WSP-ACCEPT-3). `call` is the pin of the call that made it.
    ///
    /// If the runtime refuses, or the last clean-up has begun, the socket is dropped, and reset before if it has a
    /// handle yet.
    pub(super) fn adopt(
        &self,
        new: NewSocket<T::Socket>,
        flags: u32,
        info: Arc<WSAPROTOCOL_INFOW>,
        call: &Pin,
    ) -> Result<SOCKET> {
        let id = info.dwCatalogEntryId;
        match new {
            NewSocket::Ifs { handle, state } => {
                self.admit(OpenSocket::new(handle, flags, true, info, state))?;
                match self.upcalls.modify_ifs_handle(id, handle) {
                    Ok(same) if same == handle => Ok(handle),
                    Ok(other) => self.rename(handle, other, call),
                    Err(error) => {
                        self.discard(handle, call);
                        Err(error)
                    }
                }
            }
            NewSocket::NonIfs { state } => {
                let handle = self.upcalls.create_socket_handle(id, 0)?;
                self.admit(OpenSocket::new(handle, flags, false, info, state)).inspect_err(|_| {
                    // The runtime has just made it, so it can take it back.
                    let _ = self.upcalls.close_socket_handle(handle);
                })?;
                Ok(handle)
            }
        }
    }

    /// Gives up a handle: nobody finds it any more, blocking calls have ended, and the socket is
    /// dropped when nobody uses it any more. Of several callers one gets to do it.
    pub(super) fn retire(&self, handle: SOCKET, call: &Pin) {
        if let Some(entry) = self.take_out(handle) {
            self.retire_entry(entry, call);
        }
    }

    /// The first half of [`retire`](Self::retire): nobody finds the handle any more. Of several callers one gets the entry.
    pub(super) fn take_out(&self, handle: SOCKET) -> Option<Entry> {
        self.sockets.remove(handle)
    }

    /// Undoes [`take_out`](Self::take_out). If the last clean-up has begun, the socket is reset.
    pub(super) fn put_back(&self, entry: Entry) {
        let socket = own::<T>(entry);
        let copy = Arc::clone(&socket);
        if self.readmit(socket).is_err() {
            quietly(|| self.transport.abort(&copy));
        }
    }

    /// What follows [`take_out`](Self::take_out) when the handle has been closed already, so that its number may be a new socket's: waits
    /// for nobody, since that one's calls look the same. The last call to leave drops the socket.
    pub(super) fn let_go(&self, entry: Entry, call: &Pin) {
        let socket = own::<T>(entry);
        socket.set_closed();
        quietly(|| self.transport.cancel(&socket, Cancel::Close));
        let key = self.domain.key(socket.handle() as u32);
        let left = rundown::drain_for(|pinned| pinned == key, Some(call), Duration::ZERO);
        left.then(move || quietly(|| drop(socket)));
    }

    /// The second half of [`retire`](Self::retire).
    fn retire_entry(&self, entry: Entry, call: &Pin) {
        let socket = own::<T>(entry);
        let handle = socket.handle();
        socket.set_closed();
        rio::close(handle);
        quietly(|| self.transport.cancel(&socket, Cancel::Close));
        let key = self.domain.key(handle as u32);
        let left = rundown::drain(|pinned| pinned == key, Some(call));
        if !socket.is_ifs() {
            // The runtime made the handle, and nobody else may close it (WSP-CLOSE-8).
            let _ = self.upcalls.close_socket_handle(handle);
        }
        left.then(move || quietly(|| drop(socket)));
    }

    /// The last clean-up: no socket is let in from now on, and every blocking call ends.
    pub(super) fn close(&self) {
        self.admission().closed = true;
        self.closed.store(true, Ordering::Relaxed);
        self.upcalls.silence();
        for (handle, _) in self.sockets.entries() {
            let _pin = rundown::pin(self.domain.key(handle as u32));
            // SAFETY: just pinned.
            if let Some(socket) = unsafe { self.find(handle) } {
                quietly(|| self.transport.cancel(&socket, Cancel::CleanUp));
            }
        }
        quietly(|| self.transport.cancel_all());
    }

    /// For calls inside that do not end: see [`Transport::press`].
    pub(super) fn press_all(&self) {
        for (handle, _) in self.sockets.entries() {
            let _pin = rundown::pin(self.domain.key(handle as u32));
            // SAFETY: just pinned.
            if let Some(socket) = unsafe { self.find(handle) } {
                quietly(|| self.transport.press(&socket));
            }
        }
    }

    /// Resets every open socket and gives up its handle (WSP-CLEANUP-14, WSP-CLEANUP-15). All calls
    /// have left, or are in a callback: those may still use what is returned.
    pub(super) fn abort_all(&self) -> Vec<Arc<OpenSocket<T::Socket>>> {
        let entries = self.sockets.entries().map(|(handle, _)| handle);
        let sockets = entries.filter_map(|handle| self.sockets.remove(handle)).map(own::<T>);
        let sockets: Vec<_> = sockets.collect();
        for socket in &sockets {
            socket.set_closed();
            rio::close(socket.handle());
            quietly(|| self.transport.abort(socket));
            if !socket.is_ifs() {
                let _ = self.upcalls.close_socket_handle(socket.handle());
            }
        }
        sockets
    }

    /// Lets a socket in under its handle.
    fn admit(&self, socket: OpenSocket<T::Socket>) -> Result<()> {
        let socket = Arc::new(socket);
        let admission = self.admission();
        let admitted = if admission.closed {
            Err(WsaError::WSANOTINITIALISED)
        } else {
            let address = Arc::as_ptr(&socket).expose_provenance() as u64;
            match self.sockets.insert(socket.handle(), address) {
                // From here on the table owns it.
                Ok(_) => {
                    let _ = Arc::into_raw(socket);
                    return Ok(());
                }
                // Two sockets with one number: the transport has closed a handle that was not its own.
                Err(WsaError::WSAEINVAL) => Err(WsaError::WSASYSCALLFAILURE),
                Err(error) => Err(error),
            }
        };
        drop(admission);
        quietly(|| self.transport.abort(&socket));
        admitted
    }

    /// Goes by the handle that the runtime wants instead.
    fn rename(&self, old: SOCKET, new: SOCKET, call: &Pin) -> Result<SOCKET> {
        let entry = self.sockets.remove(old).ok_or(WsaError::WSANOTINITIALISED)?;
        let socket = own::<T>(entry);
        let key = self.domain.key(old as u32);
        // Nobody knows the old handle, but somebody may have guessed it.
        drop(rundown::drain(|pinned| pinned == key, Some(call)));
        socket.set_handle(new);
        self.readmit(socket)?;
        Ok(new)
    }

    fn readmit(&self, socket: Arc<OpenSocket<T::Socket>>) -> Result<()> {
        let admission = self.admission();
        if admission.closed {
            return Err(WsaError::WSANOTINITIALISED);
        }
        self.sockets.insert(socket.handle(), Arc::as_ptr(&socket).expose_provenance() as u64)?;
        let _ = Arc::into_raw(socket);
        Ok(())
    }

    /// Takes back a socket that the runtime does not want.
    fn discard(&self, handle: SOCKET, call: &Pin) {
        let key = self.domain.key(handle as u32);
        {
            let _pin = rundown::pin(key);
            // SAFETY: just pinned.
            if let Some(socket) = unsafe { self.find(handle) } {
                quietly(|| self.transport.abort(&socket));
            }
        }
        self.retire(handle, call);
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket that an entry refers to.
#[inline]
fn socket_of<S>(entry: Entry) -> NonNull<OpenSocket<S>> {
    let address = std::ptr::with_exposed_provenance_mut(entry.value() as usize);
    NonNull::new(address).expect("an entry's value is not zero")
}

/// Takes over what the table owned.
fn own<T: Transport>(removed: Entry) -> Arc<OpenSocket<T::Socket>> {
    // SAFETY: `admit` made the entry from an `Arc`, and it was removed once.
    unsafe { Arc::from_raw(socket_of(removed).as_ptr()) }
}

/// Runs a transport's code where there is nobody to report a panic to.
pub(super) fn quietly(body: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
        // Dropping what was thrown may throw again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    }
}
