//! The lifecycle of a provider: counts, states, and the way in for calls.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use windlass_abi::{SOCKET, UpcallTable, WSAPROTOCOL_INFOW, WsaError};

use super::instance::{Found, Instance, quietly};
use super::upcalls::Upcalls;
use crate::rundown::{self, Domain, Pin};
use crate::transport::{Result, Startup, Transport};
use crate::version::Version;

/// Everything that the SDK keeps for one transport in this process: the reference count, the latest
/// upcall table, and the open sockets. [`transport_entry`](crate::transport_entry) makes one.
pub struct Provider<T: Transport> {
    /// Calls pin the handle they use, or [`NO_SOCKET`].
    domain: Domain,
    /// Null unless running. Owned by the phase.
    running: AtomicPtr<Instance<T>>,
    phase: Mutex<Phase<T>>,
    changed: Condvar,
    /// The process that the phase is true of; zero before the first start.
    process: AtomicU32,
}

/// The item that calls without a socket pin.
const NO_SOCKET: u32 = u32::MAX;

/// No lock is held while the transport's code runs: a phase that belongs to a thread stands for it.
enum Phase<T: Transport> {
    Stopped,
    Starting { by: ThreadTag },
    Running { instance: Arc<Instance<T>>, count: u32 },
    Draining { by: ThreadTag },
}

impl<T: Transport> Provider<T> {
    /// A provider that has not been started.
    pub const fn new() -> Self {
        Self {
            domain: Domain::new(),
            running: AtomicPtr::new(ptr::null_mut()),
            phase: Mutex::new(Phase::Stopped),
            changed: Condvar::new(),
            process: AtomicU32::new(0),
        }
    }

    /// One `WSPStartup`: the version agreed on. The first one starts the transport, each adds one to
    /// the count (WSP-STARTUP-6), and the upcalls of the last one count (WSP-STARTUP-7). A failure
    /// changes nothing (WSP-STARTUP-12).
    ///
    /// Waits while another thread starts the transport or makes the last clean-up (WSP-CLEANUP-23).
    /// `WSAEINPROGRESS` if this very thread is doing so. `WSAVERNOTSUPPORTED`, or what
    /// [`Transport::start`] returns.
    ///
    /// # Safety
    /// The functions of the table can be called, as the contract describes them, until the last
    /// clean-up has returned.
    pub(super) unsafe fn start(
        &'static self,
        requested: Version,
        info: &WSAPROTOCOL_INFOW,
        table: &UpcallTable,
    ) -> Result<Version> {
        let version = T::VERSIONS.negotiate(requested)?;
        let me = ThreadTag::current();
        let mut phase = self.lock();
        self.forget_parent(&mut phase);
        loop {
            match &mut *phase {
                Phase::Stopped => break,
                Phase::Running { instance, count } => {
                    *count = count.checked_add(1).ok_or(WsaError::WSAEPROCLIM)?;
                    // SAFETY: the caller promises it.
                    unsafe { instance.upcalls.replace(table) };
                    return Ok(version);
                }
                Phase::Starting { by } | Phase::Draining { by } if *by == me => {
                    return Err(WsaError::WSAEINPROGRESS);
                }
                // If this call comes from inside the transport, the clean-up must not wait for it.
                Phase::Starting { .. } | Phase::Draining { .. } => {
                    phase = rundown::in_callback(|| self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner));
                }
            }
        }
        *phase = Phase::Starting { by: me };
        drop(phase);
        // SAFETY: the caller promises it.
        let upcalls = unsafe { Upcalls::new(table) };
        let startup = Startup { info, version: version.to_word(), upcalls: upcalls.clone() };
        let started = super::calls::caught(|| T::start(&startup));
        drop(startup);
        let mut phase = self.lock();
        let result = match started {
            Ok(transport) => {
                let instance = Arc::new(Instance::new(transport, upcalls, &self.domain));
                // Release: whoever finds the instance finds it complete.
                self.running.store(Arc::as_ptr(&instance).cast_mut(), Ordering::Release);
                *phase = Phase::Running { instance, count: 1 };
                Ok(version)
            }
            Err(error) => {
                *phase = Phase::Stopped;
                Err(error)
            }
        };
        drop(phase);
        self.changed.notify_all();
        result
    }

    /// One `WSPCleanup`. All but the last only count down (WSP-CLEANUP-4); the last returns when the
    /// transport has gone, and it can be started again at once (WSP-CLEANUP-20).
    ///
    /// It waits for the calls inside, but not for those of its own thread and those in a callback
    /// (WSP-CLEANUP-25): what these still use goes when they leave. `WSANOTINITIALISED` if no start is
    /// outstanding (WSP-CLEANUP-3).
    pub(super) fn clean_up(&'static self) -> Result<()> {
        let mut phase = self.lock();
        self.forget_parent(&mut phase);
        let instance = match &mut *phase {
            Phase::Running { count, .. } if *count > 1 => {
                *count -= 1;
                return Ok(());
            }
            Phase::Running { instance, .. } => Arc::clone(instance),
            Phase::Stopped | Phase::Starting { .. } | Phase::Draining { .. } => {
                return Err(WsaError::WSANOTINITIALISED);
            }
        };
        // From here on calls find nothing (WSP-CLEANUP-24).
        self.running.store(ptr::null_mut(), Ordering::Release);
        *phase = Phase::Draining { by: ThreadTag::current() };
        drop(phase);

        instance.close();
        let ours = |key| self.domain.contains(key);
        let patience = T::PATIENCE.filter(|patience| {
            // Those that stay are told of below.
            !rundown::drain_for(ours, None, *patience).is_empty()
        });
        if patience.is_some() {
            instance.press_all();
        }
        let left = rundown::drain(ours, None);
        let sockets = instance.abort_all();
        let keep_alive = Arc::clone(&instance);
        left.then(move || {
            quietly(|| drop(sockets));
            quietly(|| drop(keep_alive));
        });
        quietly(|| instance.transport.cleanup());
        quietly(|| drop(instance));

        *self.lock() = Phase::Stopped;
        self.changed.notify_all();
        Ok(())
    }

    /// Enters for a call without a socket. `WSANOTINITIALISED` if the provider is not running.
    pub(super) fn enter(&'static self) -> Result<Call<T>> {
        let pin = rundown::pin(self.domain.key(NO_SOCKET));
        let instance = self.running().ok_or(WsaError::WSANOTINITIALISED)?;
        Ok(Call { instance, pin })
    }

    /// Enters for a call on a socket. `WSANOTINITIALISED` if the provider is not running,
    /// `WSAENOTSOCK` if the handle is no open socket of it.
    #[inline(always)]
    pub(super) fn enter_socket(&'static self, handle: SOCKET) -> Result<SocketCall<T>> {
        let pin = rundown::pin(self.domain.key(handle as u32));
        let instance = self.running().ok_or(WsaError::WSANOTINITIALISED)?;
        let call = Call { instance, pin };
        // SAFETY: the handle's key is pinned, and the call keeps the pin with the socket.
        let socket = unsafe { call.find(handle) }.ok_or(WsaError::WSAENOTSOCK)?;
        Ok(SocketCall { socket, call })
    }

    /// In the child of a fork nothing that the parent started is usable (UNLOAD-6): its threads are gone, and its sockets are
    /// the parent's. It is left as it is, neither cleaned up nor freed.
    fn forget_parent(&self, phase: &mut Phase<T>) {
        let process = std::process::id();
        if ![0, process].contains(&self.process.swap(process, Ordering::Relaxed)) {
            self.running.store(ptr::null_mut(), Ordering::Release);
            std::mem::forget(std::mem::replace(phase, Phase::Stopped));
        }
    }

    #[inline]
    fn running(&self) -> Option<NonNull<Instance<T>>> {
        NonNull::new(self.running.load(Ordering::Acquire))
    }

    fn lock(&self) -> MutexGuard<'_, Phase<T>> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport> Default for Provider<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A call inside a running provider: the last clean-up waits for it.
pub(super) struct Call<T: Transport> {
    instance: NonNull<Instance<T>>,
    /// Older than the look-up of the instance.
    pub(super) pin: Pin,
}

impl<T: Transport> std::ops::Deref for Call<T> {
    type Target = Instance<T>;

    #[inline]
    fn deref(&self) -> &Instance<T> {
        // SAFETY: found after the pin was made, so the clean-up drops it after the pin.
        unsafe { self.instance.as_ref() }
    }
}

/// A call on an open socket: its close, too, waits for it.
pub(super) struct SocketCall<T: Transport> {
    pub(super) socket: Found<T::Socket>,
    pub(super) call: Call<T>,
}

impl<T: Transport> SocketCall<T> {
    /// The transport.
    #[inline]
    pub(super) fn transport(&self) -> &T {
        &self.call.transport
    }
}

/// Tells threads apart, without anything that a thread has to clean up when it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ThreadTag(usize);

impl ThreadTag {
    pub fn current() -> Self {
        thread_local!(static TAG: u8 = const { 0 });
        Self(TAG.with(|tag| ptr::from_ref(tag).addr()))
    }
}
