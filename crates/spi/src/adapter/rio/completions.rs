//! Completion queues: where the ends of requests wait for the client, and how it is told that they do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_abi::{HANDLE, RIO_MAX_CQ_SIZE, RIORESULT, WsaError};

use super::requests::{Direction, Requests};
use super::slab::Slab;
use crate::adapter::packets;
use crate::adapter::upcalls::Upcalls;
use crate::events::Event;
use crate::transport::Result;

/// The queues of this provider.
pub static QUEUES: Slab<Completions> = Slab::new();

/// A completion queue.
pub struct Completions {
    state: Mutex<State>,
    notification: Option<Notification>,
    pub upcalls: Upcalls,
}

/// How the client is told (API-RIO-9).
pub enum Notification {
    Event { event: Event, reset: bool },
    Port { port: HANDLE, key: usize, overlapped: usize },
}

// SAFETY: the handle is only a value.
unsafe impl Send for Notification {}
// SAFETY: likewise.
unsafe impl Sync for Notification {}

struct State {
    entries: VecDeque<Entry>,
    /// How many of the entries the client wants to be told of.
    notifying: usize,
    /// The client has asked to be told.
    armed: bool,
    size: u32,
    /// What request queues may need at most (API-RIO-5).
    reserved: u32,
}

/// The end of a request.
pub struct Entry {
    pub result: RIORESULT,
    pub notifies: bool,
    pub requests: Arc<Requests>,
    pub direction: Direction,
}

impl Completions {
    /// `WSAEINVAL`: the size.
    pub fn new(size: u32, notification: Option<Notification>, upcalls: Upcalls) -> Result<Self> {
        check_size(size)?;
        let state = State { entries: VecDeque::new(), notifying: 0, armed: false, size, reserved: 0 };
        Ok(Self { state: Mutex::new(state), notification, upcalls })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets room aside. `WSAENOBUFS`: there is not so much.
    pub fn reserve(&self, more: u32) -> Result<()> {
        let mut state = self.lock();
        let reserved = state.reserved.checked_add(more).filter(|reserved| *reserved <= state.size);
        state.reserved = reserved.ok_or(WsaError::WSAENOBUFS)?;
        Ok(())
    }

    /// Gives room back.
    pub fn release(&self, less: u32) {
        let mut state = self.lock();
        state.reserved = state.reserved.saturating_sub(less);
    }

    /// `WSAEINVAL`: the size. `WSAETOOMANYREFS`: what is set aside, or is in the queue, does not fit.
    pub fn resize(&self, size: u32) -> Result<()> {
        check_size(size)?;
        let mut state = self.lock();
        if size < state.reserved || (size as usize) < state.entries.len() {
            return Err(WsaError::WSAETOOMANYREFS);
        }
        state.size = size;
        Ok(())
    }

    /// Adds the end of a request, and tells the client if it has asked for that.
    pub fn push(&self, entry: Entry) {
        let mut state = self.lock();
        let notifies = entry.notifies;
        state.entries.push_back(entry);
        state.notifying += usize::from(notifies);
        let tell = notifies && std::mem::take(&mut state.armed);
        drop(state);
        if tell {
            self.tell();
        }
    }

    /// Takes out as many as there are and `most` allows.
    pub fn take(&self, most: usize) -> Vec<RIORESULT> {
        let mut state = self.lock();
        let count = state.entries.len().min(most);
        let taken: Vec<Entry> = state.entries.drain(..count).collect();
        state.notifying -= taken.iter().filter(|entry| entry.notifies).count();
        drop(state);
        taken
            .into_iter()
            .map(|entry| {
                entry.requests.is_over(entry.direction);
                entry.result
            })
            .collect()
    }

    /// Has the client told once (API-RIO-8). `WSAEINVAL`: there is no way to. `WSAEALREADY`: it has not been told yet.
    pub fn notify(&self) -> Result<()> {
        let notification = self.notification.as_ref().ok_or(WsaError::WSAEINVAL)?;
        let mut state = self.lock();
        if state.armed {
            return Err(WsaError::WSAEALREADY);
        }
        if let Notification::Event { event, reset: true } = notification {
            // Under the lock, lest it undo what another thread tells.
            self.upcalls.reset_event(*event).map_err(|_| WsaError::WSAEINVAL)?;
        }
        state.armed = state.notifying == 0;
        let tell = !state.armed;
        drop(state);
        if tell {
            self.tell();
        }
        Ok(())
    }

    fn tell(&self) {
        match &self.notification {
            Some(Notification::Event { event, .. }) => {
                // The client may have closed it; then nobody waits for it.
                let _ = self.upcalls.set_event(*event);
            }
            Some(Notification::Port { port, key, overlapped }) => packets::post(*port, *key, *overlapped),
            None => {}
        }
    }
}

fn check_size(size: u32) -> Result<()> {
    if (1..=RIO_MAX_CQ_SIZE).contains(&size) { Ok(()) } else { Err(WsaError::WSAEINVAL) }
}
