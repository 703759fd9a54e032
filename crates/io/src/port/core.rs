//! The port itself: how packets and threads come together.

use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use windlass_abi::WsaError;

use super::gate::{Entered, Gate, Hint, Sleeper};
use super::queue::{Queue, RING};
use super::reactor::Reactor;
use super::{NoPacket, Packet};
use crate::block::{Blocker, Unblocked};
use crate::deadline::Deadline;
use crate::waker::Waker;

/// A completion port.
#[derive(Debug)]
pub(crate) struct Core {
    queue: Queue,
    pub(super) gate: Gate<Arc<Seat>>,
    reactor: OnceLock<Reactor>,
}

thread_local! {
    /// The port whose sources this thread calls. Only compared.
    static HARVESTED: Cell<*const Core> = const { Cell::new(std::ptr::null()) };
}

struct Restored(*const Core);

impl Drop for Restored {
    fn drop(&mut self) {
        HARVESTED.set(self.0);
    }
}

/// A thread that sleeps for a packet, on its waker.
#[derive(Debug)]
pub(super) struct Seat {
    waker: Arc<Waker>,
    permitted: AtomicBool,
}

impl Core {
    pub(super) fn new(concurrency: u32) -> Self {
        let processors = || available_parallelism().map_or(1, |count| count.get() as u32);
        let concurrency = if concurrency == 0 { processors() } else { concurrency };
        Self { queue: Queue::new(RING), gate: Gate::new(concurrency), reactor: OnceLock::new() }
    }

    /// Queues a packet and sees to it that somebody takes it.
    #[inline]
    pub(super) fn post(&self, packet: Packet) {
        let before = self.gate.hint();
        if !before.is_closed() {
            self.queue.push(packet);
            self.notify(self.gate.hint());
        }
    }

    /// Queues a packet for whoever calls [`notify_rest`](Self::notify_rest) later.
    pub(super) fn put(&self, packet: Packet) {
        if !self.gate.hint().is_closed() {
            self.queue.push(packet);
        }
    }

    /// Queues the packet of an operation: for this thread, if it is about to look for what its sources have done, else
    /// as [`post`](Self::post).
    #[inline]
    pub(super) fn complete(&self, packet: Packet) {
        match HARVESTED.try_with(|harvested| std::ptr::eq(harvested.get(), self)) {
            Ok(true) => self.put(packet),
            _ => self.post(packet),
        }
    }

    /// Calls sources by `call`, in a thread that sees to the packets afterwards.
    pub(super) fn harvest(&self, call: impl FnOnce()) {
        let before = HARVESTED.replace(self);
        // Also if a source panics.
        let _restored = Restored(before);
        call();
    }

    /// Takes what is there, for a thread that has a permit; 0 if nothing is, or it is not that simple.
    #[inline]
    pub(super) fn take_now(&self, packets: &mut [Packet]) -> usize {
        if self.gate.hint().is_unusual() { 0 } else { self.take(packets) }
    }

    /// Takes packets, waiting for one, for a thread that has a permit or none. With packets it has a permit, and without
    /// it has none.
    pub(super) fn dequeue(
        &self,
        permitted: bool,
        packets: &mut [Packet],
        deadline: Deadline,
        alertable: bool,
    ) -> Result<usize, NoPacket> {
        Dequeue { core: self, permitted, deadline, alertable, blocker: OnceCell::new() }.run(packets)
    }

    /// Gives up the permit of a thread.
    pub(super) fn leave(&self) {
        self.gate.leave(|| !self.queue.is_empty());
    }

    /// Takes a permit for a thread that goes on after a wait elsewhere.
    pub(super) fn resume(&self) {
        self.gate.resume();
    }

    pub(super) fn open(&self) -> bool {
        self.gate.open()
    }

    /// One handle less; with the last, the end.
    pub(super) fn close(&self) {
        if self.gate.close() {
            self.queue.clear();
            self.ring();
        }
    }

    /// True if the last handle is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.gate.hint().is_closed()
    }

    /// Calls the sources that are ready.
    pub(super) fn pump(&self) {
        if let Some(reactor) = self.reactor.get() {
            reactor.poll(self);
            self.notify_rest();
        }
    }

    /// The same, if nobody watches the epoll set.
    pub(super) fn pump_unwatched(&self) {
        if !self.gate.hint().is_watched() {
            self.pump();
        }
    }

    /// The epoll set, which the first call makes. Errors: WSAEMFILE, WSA_NOT_ENOUGH_MEMORY.
    pub(super) fn reactor_or_new(&self) -> Result<&Reactor, WsaError> {
        if self.reactor.get().is_none() {
            let new = Reactor::new()?;
            self.reactor.get_or_init(|| new);
            self.gate.start_watching();
        }
        self.reactor().ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)
    }

    pub(super) fn reactor(&self) -> Option<&Reactor> {
        self.reactor.get()
    }

    /// True if something is queued, or the port is closed: nobody should sleep.
    pub(super) fn is_restless(&self) -> bool {
        !self.queue.is_empty() || self.is_closed()
    }

    pub(super) fn begin_watch(&self) {
        self.gate.begin_watch();
    }

    pub(super) fn end_watch(&self) {
        self.gate.end_watch();
    }

    #[inline]
    fn notify(&self, hint: Hint) {
        if hint.is_watched() {
            self.ring();
        } else if hint.can_hand() {
            self.gate.hand();
        }
    }

    /// Sees to it that somebody takes what is left.
    fn notify_rest(&self) {
        if !self.queue.is_empty() {
            self.notify(self.gate.hint());
        }
    }

    fn ring(&self) {
        self.reactor.get().into_iter().for_each(Reactor::ring);
    }

    #[inline]
    fn take(&self, packets: &mut [Packet]) -> usize {
        let mut taken = 0;
        for place in packets {
            let Some(packet) = self.queue.pop() else { break };
            *place = packet;
            taken += 1;
        }
        taken
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.queue.clear();
    }
}

/// One call that waits for packets.
struct Dequeue<'p> {
    core: &'p Core,
    permitted: bool,
    deadline: Deadline,
    alertable: bool,
    blocker: OnceCell<Blocker>,
}

impl Dequeue<'_> {
    fn run(mut self, packets: &mut [Packet]) -> Result<usize, NoPacket> {
        let core = self.core;
        let mut looked = false;
        loop {
            if !self.permitted {
                self.enter()?;
            }
            let hint = core.gate.hint();
            if hint.is_closed() {
                return self.give_up(NoPacket::Abandoned);
            }
            if hint.is_unusual() && self.surrender()? {
                continue;
            }
            let taken = core.take(packets);
            if taken > 0 {
                core.notify_rest();
                self.permitted = false;
                return Ok(taken);
            }
            if self.has_apcs() {
                return self.give_up(NoPacket::IoCompletion);
            }
            if looked && self.deadline.has_passed() {
                return self.give_up(NoPacket::TimedOut);
            }
            looked = true;
            self.wait()?;
        }
    }

    /// Waits for something to happen; with a permit before and after.
    fn wait(&mut self) -> Result<(), NoPacket> {
        let core = self.core;
        if let Some(reactor) = core.reactor() {
            if self.deadline.has_passed() {
                reactor.poll(core);
                return Ok(());
            }
            let blocker = self.alertable.then(|| self.blocker());
            return match reactor.watch(core, self.deadline, blocker) {
                Ok(()) => {
                    // The bell may have rung for the end of the port, which concerns the other watchers too.
                    if core.is_closed() {
                        core.ring();
                    }
                    Ok(())
                }
                Err(_) => self.give_up(NoPacket::NoResources),
            };
        }
        if self.deadline.has_passed() {
            return Ok(());
        }
        let seat = self.seat();
        self.permitted = false;
        match core.gate.sleep(&seat, || !core.queue.is_empty()) {
            Entered::Asleep => self.sleep(&seat),
            Entered::Closed | Entered::Permitted => Err(NoPacket::Abandoned),
        }
    }

    /// Waits for a permit.
    fn enter(&mut self) -> Result<(), NoPacket> {
        let core = self.core;
        if self.deadline.has_passed() {
            self.permitted = core.gate.try_enter();
            return if self.permitted { Ok(()) } else { self.give_up(self.reason()) };
        }
        let seat = self.seat();
        match core.gate.enter(&seat) {
            Entered::Permitted => {
                self.permitted = true;
                Ok(())
            }
            Entered::Asleep => self.sleep(&seat),
            Entered::Closed => Err(NoPacket::Abandoned),
        }
    }

    /// Gives the permit up and waits for another, if too many threads are active.
    fn surrender(&mut self) -> Result<bool, NoPacket> {
        let core = self.core;
        let seat = self.seat();
        if !core.gate.surrender(&seat) {
            return Ok(false);
        }
        self.permitted = false;
        core.notify_rest();
        self.sleep(&seat).map(|()| true)
    }

    /// Sleeps in the line until there is a permit.
    fn sleep(&mut self, seat: &Arc<Seat>) -> Result<(), NoPacket> {
        let core = self.core;
        let unblocked = self.blocker().block(self.deadline, self.alertable, || seat.has_permit() || core.is_closed());
        if unblocked == Unblocked::Ready || !core.gate.withdraw(seat) {
            self.permitted = seat.has_permit();
            return if self.permitted { Ok(()) } else { Err(NoPacket::Abandoned) };
        }
        self.give_up(if unblocked == Unblocked::Apcs { NoPacket::IoCompletion } else { NoPacket::TimedOut })
    }

    /// Ends the call without a packet and without a permit.
    fn give_up<T>(&mut self, why: NoPacket) -> Result<T, NoPacket> {
        if std::mem::take(&mut self.permitted) {
            self.core.leave();
        }
        if why == NoPacket::IoCompletion {
            self.blocker().run_apcs();
        }
        Err(why)
    }

    fn reason(&self) -> NoPacket {
        if self.core.is_closed() {
            NoPacket::Abandoned
        } else if self.has_apcs() {
            NoPacket::IoCompletion
        } else {
            NoPacket::TimedOut
        }
    }

    fn has_apcs(&self) -> bool {
        self.alertable && self.blocker().has_apcs()
    }

    fn seat(&self) -> Arc<Seat> {
        Arc::new(Seat { waker: self.blocker().waker().clone(), permitted: AtomicBool::new(false) })
    }

    fn blocker(&self) -> &Blocker {
        self.blocker.get_or_init(|| Blocker::here(|| Arc::new(Waker::new())))
    }
}

impl Drop for Dequeue<'_> {
    /// A call that a panicking source ends has a permit still; one that brings packets has passed it on.
    fn drop(&mut self) {
        if self.permitted {
            self.core.leave();
        }
    }
}

impl Seat {
    fn has_permit(&self) -> bool {
        self.permitted.load(Ordering::Acquire)
    }
}

impl Sleeper for Arc<Seat> {
    fn permit(&self) {
        self.permitted.store(true, Ordering::Release);
    }

    fn wake(&self) {
        self.waker.wake();
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}
