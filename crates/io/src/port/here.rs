//! What a thread has to do with ports: the one it is active in, and those it used last.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::core::Core;
use super::{NoPacket, Packet, Port};
use crate::handle::Handle;
use crate::object::{self, Object};

/// What a handle of a port names: one opening of it.
#[derive(Debug)]
pub(crate) struct Opening {
    core: Arc<Core>,
    ended: AtomicBool,
}

impl Opening {
    /// `None` if the port is closed already.
    pub(super) fn new(core: &Arc<Core>) -> Option<Self> {
        core.open().then(|| Self { core: core.clone(), ended: AtomicBool::new(false) })
    }

    pub(crate) fn port(&self) -> Port {
        Port(self.core.clone())
    }

    /// Ends it, and this thread's memory of it.
    pub(crate) fn close(&self, handle: Handle) {
        self.end();
        forget(handle);
    }

    /// What threads still remember of it is stale from here on.
    fn end(&self) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.core.close();
        }
    }

    fn is_open(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.end();
    }
}

/// Handles that a thread has looked up. Looking in the table costs more than posting.
struct Known {
    handle: Cell<Handle>,
    opening: RefCell<Option<Arc<Opening>>>,
}

impl Known {
    const fn new() -> Self {
        Self { handle: Cell::new(Handle::from_value(0)), opening: RefCell::new(None) }
    }

    /// What `use_it` makes of the handle's port, if this is the handle and it is open.
    #[inline]
    fn with<R>(&self, handle: Handle, use_it: impl FnOnce(&Arc<Opening>) -> R) -> Option<R> {
        if self.handle.get() != handle {
            return None;
        }
        self.opening.borrow().as_ref().filter(|opening| opening.is_open()).map(use_it)
    }

    fn set(&self, handle: Handle, opening: Option<Arc<Opening>>) {
        self.handle.set(handle);
        let before = self.opening.replace(opening);
        // May run the code of sources.
        drop(before);
    }
}

struct Here {
    /// The port that this thread took packets from last.
    member: Known,
    /// It has a permit of that port.
    active: Cell<bool>,
    /// Another port, that this thread posted to last.
    other: Known,
    /// Packets taken in a row without a look at the epoll set.
    run: Cell<u32>,
}

/// So many packets are taken before the sources get a turn, if nobody watches them.
const LONGEST_RUN: u32 = 64;

thread_local! {
    static HERE: Here = const { Here { member: Known::new(), active: Cell::new(false), other: Known::new(), run: Cell::new(0) } };
}

impl Here {
    /// Gives up the permit, if there is one.
    fn leave(&self) {
        if self.active.replace(false) {
            let core = self.member.opening.borrow().as_ref().map(|opening| opening.core.clone());
            core.iter().for_each(|core| core.leave());
        }
    }

    /// Takes over a permit of this port.
    fn become_active(&self, handle: Handle, opening: Arc<Opening>) {
        self.leave();
        if !self.member.opening.borrow().as_ref().is_some_and(|member| Arc::ptr_eq(member, &opening)) {
            self.member.set(handle, Some(opening));
        }
        self.active.set(true);
    }

    /// Takes what is there, if this thread is active in the port.
    #[inline]
    fn take_now(&self, handle: Handle, packets: &mut [Packet]) -> usize {
        if !self.active.get() {
            return 0;
        }
        let run = self.run.get().saturating_add(1);
        let take = |opening: &Arc<Opening>| {
            let due = run >= LONGEST_RUN && opening.core.reactor().is_some();
            if due { 0 } else { opening.core.take_now(packets) }
        };
        self.run.set(run);
        self.member.with(handle, take).unwrap_or(0)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What `use_it` makes of the port of a handle; `None` if it names none.
#[inline]
pub(super) fn with_port<R>(handle: Handle, use_it: impl Fn(&Core) -> R) -> Option<R> {
    let known = HERE.try_with(|here| {
        let used = here.member.with(handle, |opening| use_it(&opening.core));
        used.or_else(|| here.other.with(handle, |opening| use_it(&opening.core)))
    });
    known.ok().flatten().or_else(|| {
        let opening = find(handle)?;
        // Nothing is remembered late in the exit of a thread.
        let _ = HERE.try_with(|here| here.other.set(handle, Some(opening.clone())));
        Some(use_it(&opening.core))
    })
}

/// [`super::get_many`].
#[inline]
pub(super) fn get_many(
    handle: Handle,
    packets: &mut [Packet],
    deadline: crate::Deadline,
    alertable: bool,
) -> Result<usize, NoPacket> {
    match HERE.try_with(|here| here.take_now(handle, packets)) {
        Ok(taken) if taken > 0 => Ok(taken),
        _ => wait_many(handle, packets, deadline, alertable),
    }
}

#[inline(never)]
fn wait_many(
    handle: Handle,
    packets: &mut [Packet],
    deadline: crate::Deadline,
    alertable: bool,
) -> Result<usize, NoPacket> {
    let opening = find(handle).ok_or(NoPacket::InvalidHandle)?;
    if packets.is_empty() {
        return Ok(0);
    }
    let permitted = HERE.try_with(|here| {
        let due = here.run.replace(0) >= LONGEST_RUN;
        let same = here.member.opening.borrow().as_ref().is_some_and(|member| Arc::ptr_eq(&member.core, &opening.core));
        if !same {
            here.leave();
        }
        (here.active.replace(false), due)
    });
    let (permitted, due) = permitted.unwrap_or_default();
    if permitted && due {
        opening.core.pump_unwatched();
    }
    let taken = opening.core.dequeue(permitted, packets, deadline, alertable)?;
    let core = opening.core.clone();
    if HERE.try_with(|here| here.become_active(handle, opening)).is_err() {
        core.leave();
    }
    Ok(taken)
}

/// Lets go of a port that is closed.
fn forget(handle: Handle) {
    let _ = HERE.try_with(|here| {
        if here.other.handle.get() == handle {
            here.other.set(Handle::from_value(0), None);
        }
        let ended = here.member.opening.borrow().as_ref().is_some_and(|opening| opening.core.is_closed());
        if ended {
            here.leave();
            here.member.set(Handle::from_value(0), None);
        }
    });
}

fn find(handle: Handle) -> Option<Arc<Opening>> {
    match object::get(handle) {
        Some(Object::Port(opening)) => Some(opening),
        _ => None,
    }
}

/// While this lives, the thread is not active in its port: it sleeps in a wait for something else.
#[derive(Debug)]
pub(crate) struct Pause(Option<Arc<Core>>);

impl Pause {
    /// Gives up the thread's permit, if it has one.
    pub(crate) fn begin() -> Self {
        let paused = HERE.try_with(|here| {
            let active = here.active.replace(false);
            let core = here.member.opening.borrow().as_ref().filter(|_| active).map(|opening| opening.core.clone());
            core.iter().for_each(|core| core.leave());
            core
        });
        Self(paused.ok().flatten())
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let Some(core) = self.0.take() else { return };
        let resumed = HERE.try_with(|here| {
            let same = here.member.opening.borrow().as_ref().is_some_and(|member| Arc::ptr_eq(&member.core, &core));
            // Unless it became active in the meantime.
            same && !here.active.replace(true)
        });
        if resumed == Ok(true) {
            core.resume();
        }
    }
}
