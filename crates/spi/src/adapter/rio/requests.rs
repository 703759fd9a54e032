//! Request queues: the sends and receives of a socket that are under way, and those that wait to be started together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_abi::{RIORESULT, SOCKET, WsaError};

use super::completions::{Completions, Entry};
use super::slab::Slab;
use crate::adapter::operation::{Completion, Request};
use crate::address::Address;
use crate::transport::Result;

/// The queues of this provider.
pub static QUEUES: Slab<Requests> = Slab::new();

/// The queue of each socket that has one. They end with it.
static BY_SOCKET: Mutex<Option<HashMap<SOCKET, usize>>> = Mutex::new(None);
/// How many there are: closing a socket costs one load where there is none.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Starts a request on a socket: the SDK's, for its transport.
pub type Start = fn(SOCKET, Request, Ticket) -> Result<()>;

/// Asks a socket for its local address: likewise.
pub type Local = fn(SOCKET) -> Result<Address>;

/// A request queue.
pub struct Requests {
    pub socket: SOCKET,
    pub is_datagram: bool,
    /// What the socket is bound to.
    pub local: Local,
    context: u64,
    start: Start,
    receives: Half,
    sends: Half,
}

/// One direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Receive,
    Send,
}

struct Half {
    completions: Arc<Completions>,
    /// How many may be outstanding.
    most: AtomicU32,
    /// How many are, from the call to the end that the client has taken.
    outstanding: AtomicU32,
    deferred: Mutex<Vec<(Request, Ticket)>>,
}

/// One direction as the client asks for it.
pub struct Limits {
    pub completions: Arc<Completions>,
    pub most: u32,
}

impl Requests {
    /// Makes the queue of a socket, and sets room aside for it. `WSAEINVAL`: there is one. `WSAENOBUFS`: no room.
    pub fn open(
        socket: SOCKET,
        is_datagram: bool,
        context: u64,
        (start, local): (Start, Local),
        receives: Limits,
        sends: Limits,
    ) -> Result<usize> {
        receives.completions.reserve(receives.most)?;
        if let Err(error) = sends.completions.reserve(sends.most) {
            receives.completions.release(receives.most);
            return Err(error);
        }
        let queue = Self { socket, is_datagram, local, context, start, receives: receives.into(), sends: sends.into() };
        let queue = Arc::new(queue);
        let mut known = BY_SOCKET.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if known.contains_key(&socket) {
            queue.release();
            return Err(WsaError::WSAEINVAL);
        }
        let handle = QUEUES.insert(queue);
        known.insert(socket, handle);
        COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(handle)
    }

    fn half(&self, direction: Direction) -> &Half {
        match direction {
            Direction::Receive => &self.receives,
            Direction::Send => &self.sends,
        }
    }

    /// `WSAENOBUFS`: too many are outstanding.
    pub fn admit(self: &Arc<Self>, direction: Direction, context: u64, notifies: bool) -> Result<Ticket> {
        let half = self.half(direction);
        let most = half.most.load(Ordering::Relaxed);
        let counted = half.outstanding.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |outstanding| {
            (outstanding < most).then_some(outstanding + 1)
        });
        counted.map_err(|_| WsaError::WSAENOBUFS)?;
        Ok(Ticket { requests: self.clone(), direction, context, notifies, pends: false, is_told: false })
    }

    /// A request's end was taken, or it was never started.
    pub fn is_over(&self, direction: Direction) {
        self.half(direction).outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    /// Keeps a request until others are started.
    pub fn defer(&self, request: Request, ticket: Ticket) {
        self.deferred(ticket.direction).push((request, ticket));
    }

    fn deferred(&self, direction: Direction) -> std::sync::MutexGuard<'_, Vec<(Request, Ticket)>> {
        self.half(direction).deferred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what was deferred. One that cannot be started ends in the completion queue: its call has succeeded.
    pub fn commit(self: &Arc<Self>, direction: Direction) {
        let deferred = std::mem::take(&mut *self.deferred(direction));
        for (request, ticket) in deferred {
            let Ticket { context, notifies, .. } = ticket;
            let again = Ticket { requests: self.clone(), direction, context, notifies, pends: false, is_told: false };
            match (self.start)(self.socket, request, ticket) {
                Ok(()) => again.forget(),
                Err(error) => {
                    // The other ticket has counted it out.
                    self.half(direction).outstanding.fetch_add(1, Ordering::Relaxed);
                    again.end(&Completion::failed(error));
                }
            }
        }
    }

    /// Starts a request now. An error means that it was not started.
    pub fn start(&self, request: Request, ticket: Ticket) -> Result<()> {
        (self.start)(self.socket, request, ticket)
    }

    /// `WSAEINVAL`: fewer than are outstanding, or none at all. `WSAENOBUFS`: the completion queues have no room.
    pub fn resize(&self, receives: u32, sends: u32) -> Result<()> {
        if receives == 0 && sends == 0 {
            return Err(WsaError::WSAEINVAL);
        }
        let halves = [(&self.receives, receives), (&self.sends, sends)];
        if halves.iter().any(|(half, most)| *most < half.outstanding.load(Ordering::Relaxed)) {
            return Err(WsaError::WSAEINVAL);
        }
        for (at, (half, most)) in halves.iter().enumerate() {
            let more = most.saturating_sub(half.most.load(Ordering::Relaxed));
            if let Err(error) = half.completions.reserve(more) {
                for (half, most) in &halves[..at] {
                    half.completions.release(most.saturating_sub(half.most.load(Ordering::Relaxed)));
                }
                return Err(error);
            }
        }
        for (half, most) in halves {
            let before = half.most.swap(most, Ordering::Relaxed);
            half.completions.release(before.saturating_sub(most));
        }
        Ok(())
    }

    fn release(&self) {
        for half in [&self.receives, &self.sends] {
            half.completions.release(half.most.load(Ordering::Relaxed));
        }
    }
}

/// The socket is being closed, and its queue with it: the room is free (API-RIO-5).
pub fn close(socket: SOCKET) {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    let handle = BY_SOCKET.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|all| all.remove(&socket));
    if let Some(queue) = handle.and_then(|handle| QUEUES.remove(handle)) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        queue.release();
        for direction in [Direction::Receive, Direction::Send] {
            // They were never started; their calls have succeeded, so that their ends are told.
            for (_, ticket) in std::mem::take(&mut *queue.deferred(direction)) {
                ticket.end(&Completion::failed(WsaError::WSA_OPERATION_ABORTED));
            }
        }
    }
}

impl From<Limits> for Half {
    fn from(limits: Limits) -> Self {
        let (most, outstanding) = (AtomicU32::new(limits.most), AtomicU32::new(0));
        Self { completions: limits.completions, most, outstanding, deferred: Mutex::default() }
    }
}

/// A request that is admitted: what there is to tell at its end.
pub struct Ticket {
    requests: Arc<Requests>,
    direction: Direction,
    context: u64,
    notifies: bool,
    pends: bool,
    is_told: bool,
}

impl Ticket {
    /// It goes on after the call: its end is told whatever becomes of it.
    pub fn pend(&mut self) {
        self.pends = true;
    }

    /// Puts the end into the completion queue.
    pub fn end(mut self, completion: &Completion) {
        self.tell(completion);
    }

    /// The same at the last clean-up, which tells nobody.
    pub fn end_silently(mut self) {
        self.is_told = true;
        self.requests.is_over(self.direction);
    }

    /// There is nothing to tell, and nothing to count out.
    fn forget(mut self) {
        self.is_told = true;
    }

    fn tell(&mut self, completion: &Completion) {
        self.is_told = true;
        let completions = &self.requests.half(self.direction).completions;
        if completions.upcalls.is_silenced() {
            return self.requests.is_over(self.direction);
        }
        let result = RIORESULT {
            Status: completion.error.map_or(0, WsaError::code),
            BytesTransferred: completion.bytes,
            SocketContext: self.requests.context,
            RequestContext: self.context,
        };
        let (notifies, direction) = (self.notifies, self.direction);
        completions.push(Entry { result, notifies, requests: self.requests.clone(), direction });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        match self.pends {
            true => self.tell(&Completion::failed(WsaError::WSA_OPERATION_ABORTED)),
            false => self.requests.is_over(self.direction),
        }
    }
}
