//! What a thread sleeps on: a word of memory, or a descriptor.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::thread::futex;
use windlass_abi::WsaError;

use crate::Deadline;

/// A word that one thread sleeps on until another changes it.
pub(crate) trait Word: Sized {
    fn new(value: u32) -> Self;
    fn swap(&self, value: u32) -> u32;
    /// Changes `from` to `to`; false, and no change, if the value is another.
    fn change(&self, from: u32, to: u32) -> bool;
    /// Sleeps while the value is `value`, not beyond the deadline; may return early.
    fn sleep_while(&self, value: u32, deadline: Deadline);
    /// Ends the sleep of one thread.
    fn rouse(&self);
}

/// Something to poll that becomes readable when it is rung.
pub(crate) trait Bell: Sized {
    fn new() -> Result<Self, WsaError>;
    fn ring(&self);
    /// Makes it unreadable until it is rung again.
    fn silence(&self);
}

/// A futex of this process.
#[derive(Debug)]
pub(crate) struct Futex(AtomicU32);

impl Word for Futex {
    fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    fn swap(&self, value: u32) -> u32 {
        self.0.swap(value, Ordering::AcqRel)
    }

    fn change(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn sleep_while(&self, value: u32, deadline: Deadline) {
        let timeout = deadline.remaining_timespec();
        // Changed already, interrupted, timed out: in each case the caller looks at the word again.
        let _ = futex::wait(&self.0, futex::Flags::PRIVATE, value, timeout.as_ref());
    }

    fn rouse(&self) {
        // Fails only for addresses that are not ours.
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, 1);
    }
}

/// An eventfd, closed on exec.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl Bell for EventFd {
    /// Errors: WSAEMFILE (no descriptor is left), WSAENOBUFS (no memory is left).
    fn new() -> Result<Self, WsaError> {
        match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
            Ok(fd) => Ok(Self(fd)),
            Err(Errno::MFILE | Errno::NFILE) => Err(WsaError::WSAEMFILE),
            Err(_) => Err(WsaError::WSAENOBUFS),
        }
    }

    fn ring(&self) {
        // The one failure is a full counter, which is readable already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn silence(&self) {
        // Fails if it is not readable, which is what is wanted.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
