//! The one thread of the provider: it waits for the kernel on behalf of every registered socket, of every socket
//! on which overlapped operations wait, and of every socket that was handed out to another process and not yet fetched.
//!
//! It is started by the first of these and ended by the last clean-up (WSP-STARTUP-24, WSP-CLEANUP-18).
//! The readiness set is edge-triggered; what an edge means is decided by a look at the socket, under the
//! lock of its registration, so that nothing is signalled once that lock says that nobody listens.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::helper_thread::HelperThread;
use windlass_spi::upcalls::Upcalls;

use super::changes::{Changes, News};
use crate::error::from_errno;
use crate::socket::Common;

/// Starts the thread on demand and ends it.
#[derive(Default)]
pub struct Watcher(Mutex<Option<Running>>);

struct Running {
    shared: Arc<Shared>,
    thread: HelperThread,
}

/// What the thread and the registrations have in common.
pub struct Shared {
    epoll: OwnedFd,
    /// Readable when the thread is to look at `stop`.
    bell: OwnedFd,
    stop: AtomicBool,
    upcalls: Upcalls,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_key: u64,
    watched: HashMap<u64, Watched>,
    /// Where the kernel tells changes of addresses and routes; opened by the first that asks.
    changes: Option<Arc<Changes>>,
}

/// Who is told of an edge.
enum Watched {
    Socket(Weak<Common>),
    Other(Weak<dyn Ready>),
}

/// What can be watched beside registered sockets.
pub trait Ready: Send + Sync {
    /// One of the descriptors that were added is ready. On the provider's thread, which must not be kept.
    fn ready(&self, shared: &Shared);

    /// Addresses or routes have changed. On the same thread.
    fn changed(&self, news: News) {
        let _ = news;
    }
}

/// Keys of the set that nobody has.
const BELL: u64 = 0;
const CHANGES: u64 = u64::MAX;

/// How many edges one wait takes.
const BATCH: usize = 64;

impl Watcher {
    /// The running thread, started if it was not.
    ///
    /// # Errors
    /// WSAEOPNOTSUPP: no thread could be made (WSP-STARTUP-24). WSAEMFILE, WSAENOBUFS: no descriptor.
    pub fn shared(&self, upcalls: &Upcalls) -> Result<Arc<Shared>> {
        let mut running = self.lock();
        if let Some(running) = &*running {
            return Ok(running.shared.clone());
        }
        let shared = Arc::new(Shared {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(from_errno)?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(from_errno)?,
            stop: AtomicBool::new(false),
            upcalls: upcalls.clone(),
            state: Mutex::default(),
        });
        shared.add(BELL, shared.bell.as_fd(), epoll::EventFlags::IN)?;
        let server = shared.clone();
        let thread =
            HelperThread::spawn("windlass-events", move || server.run()).map_err(|_| WsaError::WSAEOPNOTSUPP)?;
        *running = Some(Running { shared: shared.clone(), thread });
        Ok(shared)
    }

    /// Ends the thread and waits for it. Registrations that are still there are no longer served.
    pub fn stop(&self) {
        let Some(running) = self.lock().take() else { return };
        running.shared.stop.store(true, Ordering::Relaxed);
        // The counter of the bell cannot overflow: one is added once.
        let _ = rustix::io::write(&running.shared.bell, &1u64.to_ne_bytes());
        drop(running.thread);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A socket in the set, until it is dropped. The set refers to a descriptor of its own, so that the watch
/// is over when this is gone, whatever other descriptors the socket has.
pub struct Watch {
    shared: Arc<Shared>,
    key: u64,
    fd: OwnedFd,
}

impl Watch {
    /// Adds a socket. The first edge comes at once if anything is ready.
    ///
    /// # Errors
    /// WSAEMFILE, WSAENOBUFS: the kernel has no more room.
    pub fn new(shared: Arc<Shared>, socket: BorrowedFd<'_>, common: &Arc<Common>) -> Result<Self> {
        let fd = rustix::io::fcntl_dupfd_cloexec(socket, 0).map_err(from_errno)?;
        let key = shared.insert(Watched::Socket(Arc::downgrade(common)));
        let watch = Self { shared, key, fd };
        let edges = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::PRI
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        watch.shared.add(watch.key, watch.fd.as_fd(), edges)?;
        Ok(watch)
    }

    /// A watch on another socket, in the same set.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn renewed(&self, socket: BorrowedFd<'_>, common: &Arc<Common>) -> Result<Self> {
        Self::new(self.shared.clone(), socket, common)
    }

    /// The watch's own descriptor of the socket.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Where to signal.
    pub fn upcalls(&self) -> &Upcalls {
        &self.shared.upcalls
    }

    /// Has the socket told of changes of addresses and routes.
    ///
    /// # Errors
    /// WSAEMFILE, WSAENOBUFS, or what else the kernel says if it does not tell changes.
    pub fn tell_changes(&self) -> Result<()> {
        self.shared.tell_changes()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.forget(self.key);
        self.shared.remove(self.fd.as_fd());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares to tell `who`; gives the key for [`add`](Self::add).
    pub fn tell(&self, who: Weak<dyn Ready>) -> u64 {
        self.insert(Watched::Other(who))
    }

    /// Tells nobody any more. Descriptors leave the set when they are closed.
    pub fn forget(&self, key: u64) {
        self.state().watched.remove(&key);
    }

    fn insert(&self, who: Watched) -> u64 {
        let mut state = self.state();
        state.last_key += 1;
        let key = state.last_key;
        state.watched.insert(key, who);
        key
    }

    /// Adds a descriptor to the set.
    ///
    /// # Errors
    /// WSAENOBUFS: the kernel has no more room.
    pub fn add(&self, key: u64, fd: BorrowedFd<'_>, edges: epoll::EventFlags) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), edges).map_err(from_errno)
    }

    /// Takes a descriptor out of the set.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        // It is there, unless adding it failed.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Has everybody who is watched told of changes of addresses and routes.
    ///
    /// # Errors
    /// WSAEMFILE, WSAENOBUFS, or what else the kernel says if it does not tell changes.
    pub fn tell_changes(&self) -> Result<()> {
        let mut state = self.state();
        if state.changes.is_none() {
            let changes = Arc::new(Changes::open()?);
            self.add(CHANGES, changes.fd(), epoll::EventFlags::IN)?;
            state.changes = Some(changes);
        }
        Ok(())
    }

    fn run(&self) {
        let mut ready = Vec::with_capacity(BATCH);
        loop {
            ready.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), None) {
                Ok(_) | Err(Errno::INTR) => {}
                // The set itself is broken, and nothing can be told any more.
                Err(_) => return,
            }
            for event in &ready {
                match event.data.u64() {
                    BELL if self.stop.load(Ordering::Relaxed) => return,
                    BELL => {}
                    CHANGES => self.changed(),
                    key => self.edge(key),
                }
            }
        }
    }

    fn edge(&self, key: u64) {
        // What ended meanwhile is no longer found.
        let found = self.state().watched.get(&key).and_then(Watched::find);
        match found {
            Some(Found::Socket(common)) => common.registration.edge(&common),
            Some(Found::Other(other)) => other.ready(self),
            None => {}
        }
    }

    fn changed(&self) {
        let Some(changes) = self.state().changes.clone() else { return };
        let news = changes.read();
        if news.is_empty() {
            return;
        }
        let all: Vec<_> = self.state().watched.values().filter_map(Watched::find).collect();
        for found in all {
            match found {
                Found::Socket(common) => common.registration.happened(&common, news.for_family(common.family)),
                Found::Other(other) => other.changed(news),
            }
        }
    }
}

enum Found {
    Socket(Arc<Common>),
    Other(Arc<dyn Ready>),
}

impl Watched {
    fn find(&self) -> Option<Found> {
        match self {
            Self::Socket(common) => common.upgrade().map(Found::Socket),
            Self::Other(other) => other.upgrade().map(Found::Other),
        }
    }
}
