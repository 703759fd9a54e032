//! `ProcessSocketNotifications`: readiness of sockets as packets of a completion port.
//!
//! A registration is a watch of the port over the socket's descriptor, which tells edges. An edge may be told more often than
//! the condition has changed: when more data comes before what was there is received, and together with another. A level is looked at when it is enabled;
//! one that stays enabled beyond its notice would have to be looked at with every packet, and is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windlass_abi::{POLLERR, POLLHUP, POLLRDNORM, POLLWRNORM, SOCKET, WSAPOLLFD, WsaError};
use windlass_io::Handle;
use windlass_io::port::{Association, Packet, Port, Readiness};

use crate::handles::{self, Kind, State};
use crate::loader;
use crate::poll;

/// What can be told: something can be received.
pub const IN: u16 = 0x01;
/// Something can be sent.
pub const OUT: u16 = 0x02;
/// The connection is over.
pub const HANGUP: u16 = 0x04;
/// There is an error; told to every registration.
pub const ERR: u16 = 0x40;
/// The registration is over.
pub const REMOVED: u16 = 0x80;

/// What a registration is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which of the events are wanted.
    pub events: u16,
    /// It is disabled when it has told.
    pub once: bool,
    /// What holds already is told too.
    pub level: bool,
}

/// A registration.
struct Registered {
    port: Port,
    key: usize,
    terms: Terms,
    enabled: bool,
    /// What held when the watch began: the first that is told of it is no news.
    initial: Option<u16>,
    /// Absent while it is being made.
    watch: Option<Association>,
}

static REGISTERED: Mutex<BTreeMap<SOCKET, Registered>> = Mutex::new(BTreeMap::new());

fn registered() -> MutexGuard<'static, BTreeMap<SOCKET, Registered>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a socket, or enables its registration on new terms; port and key stay what they were.
///
/// # Errors
/// `WSAENOTSOCK`. `WSAEOPNOTSUPP`: terms that are a level and not once, or a handle
/// that is none of the system's. `WSA_INVALID_HANDLE`: no port. `WSA_NOT_ENOUGH_MEMORY`, `WSAEMFILE`.
pub fn enable(s: SOCKET, port: Handle, key: usize, terms: Terms) -> Result<(), WsaError> {
    match handles::look_up(s).state() {
        State::Open(Kind::Created) => return Err(WsaError::WSAEOPNOTSUPP),
        State::Open(_) => {}
        _ => return Err(WsaError::WSAENOTSOCK),
    }
    if terms.level && !terms.once {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    let port = Port::of(port)?;
    let holds = look(s)?;
    let mut all = registered();
    if let Some(known) = all.get_mut(&s) {
        (known.terms, known.enabled) = (terms, true);
        known.tell_what_holds(holds);
        return Ok(());
    }
    let new = Registered { port: port.clone(), key, terms, enabled: true, initial: Some(holds), watch: None };
    all.insert(s, new);
    drop(all);
    // An edge may be told from here on.
    let watch = loader::notifications::watch(&port, s, key).inspect_err(|_| drop(registered().remove(&s)))?;
    let mut all = registered();
    match all.get_mut(&s) {
        Some(known) => {
            known.watch = Some(watch);
            known.tell_what_holds(holds);
        }
        // Closed meanwhile. The lock goes first: the end of a watch waits for whoever tells of it.
        None => {
            drop(all);
            drop(watch);
        }
    }
    Ok(())
}

/// Keeps a registration from telling.
///
/// # Errors
/// `WSAEINVAL`: there is none.
pub fn disable(s: SOCKET) -> Result<(), WsaError> {
    registered().get_mut(&s).map(|known| known.enabled = false).ok_or(WsaError::WSAEINVAL)
}

/// Ends a registration, and tells that as the last.
///
/// # Errors
/// `WSAEINVAL`: there is none.
pub fn remove(s: SOCKET) -> Result<(), WsaError> {
    let known = registered().remove(&s).ok_or(WsaError::WSAEINVAL)?;
    let Registered { port, key, watch, .. } = known;
    drop(watch);
    port.post(packet(key, REMOVED));
    Ok(())
}

/// The socket is about to be closed; nothing is told.
pub(crate) fn forget(s: SOCKET) {
    let known = registered().remove(&s);
    drop(known);
}

/// Winsock is about to be cleaned up for the last time.
pub(crate) fn forget_all() {
    let all = std::mem::take(&mut *registered());
    drop(all);
}

/// The port tells an edge.
pub(crate) fn edge(s: SOCKET, events: Readiness) {
    if let Some(known) = registered().get_mut(&s) {
        let seen = known.initial.take().unwrap_or(0);
        known.tell(of_edge(events) & !seen);
    }
}

impl Registered {
    fn tell_what_holds(&mut self, holds: u16) {
        if self.terms.level {
            self.tell(holds);
        }
    }

    fn tell(&mut self, events: u16) {
        let events = events & (self.terms.events | ERR);
        if self.enabled && events != 0 {
            self.enabled = !self.terms.once;
            self.port.post(packet(self.key, events));
        }
    }
}

fn packet(key: usize, events: u16) -> Packet {
    Packet { key, overlapped: 0, bytes: events.into(), status: 0 }
}

/// What holds now.
fn look(s: SOCKET) -> Result<u16, WsaError> {
    let mut element = [WSAPOLLFD { fd: s, events: POLLRDNORM | POLLWRNORM, revents: 0 }];
    poll::poll(&mut element, 0)?;
    let found = element[0].revents;
    let bits = [(POLLRDNORM, IN), (POLLWRNORM, OUT), (POLLHUP, HANGUP), (POLLERR, ERR)];
    Ok(bits.iter().filter(|(bit, _)| found & bit != 0).fold(0, |all, (_, event)| all | event))
}

fn of_edge(events: Readiness) -> u16 {
    let closed = Readiness::READ_CLOSED | Readiness::CLOSED;
    let bits = [(Readiness::READ | closed, IN), (Readiness::WRITE, OUT), (closed, HANGUP), (Readiness::ERROR, ERR)];
    bits.iter().filter(|(bit, _)| events.intersects(*bit)).fold(0, |all, (_, event)| all | event)
}
