//! The epoll set of a port, and the bell in it.

use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use windlass_abi::WsaError;

use super::Packet;
use super::core::Core;
use super::sources::{Readiness, Source, Sources};
use crate::block::Blocker;
use crate::deadline::Deadline;
use crate::futex::{Bell, EventFd};

/// So many events are taken at once: few enough that what is received is still in the cache when it is used, and
/// that the other threads get their share.
const BATCH: usize = 16;

const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The descriptors of a port's sources, and what wakes those who watch them.
pub(super) struct Reactor {
    epoll: OwnedFd,
    /// Registered with its edges: a ring is one event, and is never silenced.
    bell: EventFd,
    /// The bell has rung and nobody has heard it yet.
    rung: AtomicBool,
    sources: Sources,
}

/// Where a [`Source`] puts the packets of its completed operations.
pub struct Completions<'p> {
    core: &'p Core,
    key: usize,
}

impl Completions<'_> {
    /// Queues the packet of an operation: the address of its OVERLAPPED, its bytes and its NTSTATUS.
    pub fn push(&mut self, overlapped: usize, bytes: u32, status: u32) {
        self.core.put(Packet { key: self.key, overlapped, bytes, status });
    }

    /// The completion key of the association.
    pub fn key(&self) -> usize {
        self.key
    }
}

impl fmt::Debug for Completions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Reactor {
    /// Errors: WSAEMFILE, WSA_NOT_ENOUGH_MEMORY.
    pub(super) fn new() -> Result<Self, WsaError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(error)?;
        let bell = EventFd::new()?;
        epoll::add(&epoll, bell.as_fd(), EventData::new_u64(Sources::NO_TOKEN), EventFlags::IN | EventFlags::ET)
            .map_err(error)?;
        Ok(Self { epoll, bell, rung: AtomicBool::new(false), sources: Sources::new() })
    }

    /// Registers a source; returns its token.
    ///
    /// Errors: WSA_INVALID_PARAMETER (registered already, or cannot be polled), WSA_NOT_ENOUGH_MEMORY.
    pub(super) fn add(&self, key: usize, source: &Arc<dyn Source>) -> Result<u64, WsaError> {
        let token = self.sources.insert(key, source.clone()).ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        let data = EventData::new_u64(token);
        epoll::add(&self.epoll, source.fd(), data, Readiness::epoll_interest()).map_err(|errno| {
            drop(self.sources.remove(token));
            error(errno)
        })?;
        Ok(token)
    }

    /// Registers the descriptor of a source anew, which may refer to another file now.
    ///
    /// Errors: as [`add`](Self::add).
    pub(super) fn renew(&self, token: u64, fd: BorrowedFd<'_>) -> Result<(), WsaError> {
        self.sources.forget_sticky(token);
        let (data, interest) = (EventData::new_u64(token), Readiness::epoll_interest());
        match epoll::modify(&self.epoll, fd, data, interest) {
            // The kernel has forgotten the file that went.
            Err(Errno::NOENT) => epoll::add(&self.epoll, fd, data, interest).map_err(error),
            done => done.map_err(error),
        }
    }

    /// Ends the registration: see [`Sources::remove`].
    pub(super) fn remove(&self, token: u64) -> Option<Arc<dyn Source>> {
        self.end(self.sources.remove(token))
    }

    /// What was told of a source and stays so.
    pub(super) fn sticky(&self, token: u64) -> Readiness {
        self.sources.sticky(token)
    }

    fn end(&self, source: Option<Arc<dyn Source>>) -> Option<Arc<dyn Source>> {
        // It cannot fail: the source keeps its descriptor open, and it was registered.
        source.inspect(|source| _ = epoll::delete(&self.epoll, source.fd()))
    }

    /// Wakes one of those who watch. Rings that nobody has heard yet are one.
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// Calls the sources that are ready, at most a batch of them.
    pub(super) fn poll(&self, core: &Core) {
        self.harvest(core, Some(&NO_TIME), || ());
    }

    /// Sleeps until a source is ready, the bell rings, or the deadline, and calls the sources; alertable (with a
    /// blocker) also until an APC is queued. Does not sleep if the port is restless. For a thread with a permit.
    ///
    /// Errors: WSAEMFILE, WSAENOBUFS (no descriptor is left for the thread's waker).
    pub(super) fn watch(&self, core: &Core, deadline: Deadline, alertable: Option<&Blocker>) -> Result<(), WsaError> {
        core.begin_watch();
        if core.is_restless() {
            core.end_watch();
            return Ok(());
        }
        let Some(blocker) = alertable else {
            self.harvest(core, deadline.remaining_timespec().as_ref(), || core.end_watch());
            return Ok(());
        };
        let slept = self.sleep_alertably(deadline, blocker);
        core.end_watch();
        if slept? {
            self.harvest(core, Some(&NO_TIME), || ());
        }
        Ok(())
    }

    /// True if the epoll set has events.
    fn sleep_alertably(&self, deadline: Deadline, blocker: &Blocker) -> Result<bool, WsaError> {
        let waker = blocker.waker();
        let armed = waker.arm()?;
        if blocker.has_apcs() {
            return Ok(false);
        }
        let mut fds = [
            PollFd::from_borrowed_fd(self.epoll.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(waker.fd()?, PollFlags::IN),
        ];
        match poll(&mut fds, deadline.remaining_timespec().as_ref()) {
            Ok(_) => {
                if !fds[1].revents().is_empty() {
                    armed.drain();
                }
                Ok(!fds[0].revents().is_empty())
            }
            Err(Errno::INTR) => Ok(false),
            Err(_) => Err(WsaError::WSAENOBUFS),
        }
    }

    /// Takes a batch of events, waiting for them so long, and calls `awake` before their sources.
    fn harvest(&self, core: &Core, timeout: Option<&Timespec>, awake: impl FnOnce()) {
        let mut batch = [const { MaybeUninit::<Event>::uninit() }; BATCH];
        let waited = epoll::wait(&self.epoll, &mut batch, timeout);
        awake();
        // The one failure is an interruption by a signal.
        let Ok((events, _)) = waited else { return };
        core.harvest(|| self.tell(core, events));
    }

    fn tell(&self, core: &Core, events: &[Event]) {
        for event in events {
            let (token, flags) = (event.data.u64(), event.flags);
            if token == Sources::NO_TOKEN {
                // Before this thread looks for packets: who finds it rung has pushed before that.
                self.rung.swap(false, Ordering::SeqCst);
            } else {
                let call = |source: &dyn Source, ready, key| source.ready(ready, &mut Completions { core, key });
                drop(self.end(self.sources.deliver(token, Readiness::from_epoll(flags), call)));
            }
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

/// What failures of epoll calls mean.
fn error(errno: Errno) -> WsaError {
    match errno {
        Errno::MFILE | Errno::NFILE => WsaError::WSAEMFILE,
        Errno::NOMEM | Errno::NOSPC => WsaError::WSA_NOT_ENOUGH_MEMORY,
        _ => WsaError::WSA_INVALID_PARAMETER,
    }
}
