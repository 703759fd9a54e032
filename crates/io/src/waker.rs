//! How a blocked thread is woken, on a futex or on a descriptor.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use windlass_abi::WsaError;

use crate::Deadline;
use crate::futex::{Bell, EventFd, Futex, Word};

/// What wakes one thread, whatever it is blocked in.
///
/// A wake is remembered until its thread consumes it: one that comes before the thread sleeps makes the next
/// sleep return at once; many before that are one. It carries no reason, and may be for nothing: who
/// sleeps looks for what it waits for before each [`park`](Waker::park), and between each
/// [`arm`](Waker::arm) and the poll that follows.
///
/// ```
/// # use windlass_io::{Deadline, waker::Waker};
/// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// # static DONE: AtomicBool = AtomicBool::new(false);
/// let waker = Arc::new(Waker::new());
/// let thread = std::thread::spawn({
///     let waker = waker.clone();
///     move || {
///         DONE.store(true, Ordering::Release);
///         waker.wake();
///     }
/// });
/// while !DONE.load(Ordering::Acquire) {
///     waker.park(Deadline::NEVER);
/// }
/// # thread.join().unwrap();
/// ```
///
/// Waking a thread that runs costs one atomic operation, one that sleeps a system call.
pub struct Waker(Sleeper<Futex, EventFd>);

impl Waker {
    /// A waker for the calling thread, or for whichever thread sleeps on it: one at a time.
    pub fn new() -> Self {
        Self(Sleeper::new())
    }

    /// Wakes the thread. Any thread may call this; it never blocks.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Sleeps until a wake or the deadline, and consumes the wake. For the waker's own thread only.
    pub fn park(&self, deadline: Deadline) {
        self.0.park(deadline);
    }

    /// Consumes a wake that was there already, and directs later ones to [`fd`](Waker::fd), so that the thread
    /// can sleep in a poll of its own. For the waker's own thread only.
    ///
    /// Errors, when the descriptor cannot be made: WSAEMFILE, WSAENOBUFS.
    pub fn arm(&self) -> Result<Armed<'_>, WsaError> {
        self.0.arm()?;
        Ok(Armed(&self.0))
    }

    /// The descriptor (an eventfd, non-blocking, closed on exec) that is readable when a wake came while
    /// [`arm`](Waker::arm)ed. It is made when first asked for, stays the same, and is closed with the waker.
    ///
    /// Errors, when it cannot be made: WSAEMFILE, WSAENOBUFS.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, WsaError> {
        Ok(self.0.bell()?.as_fd())
    }
}

impl Default for Waker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}

/// While this lives, wakes make the waker's descriptor readable. Dropping it consumes the wake that came
/// meanwhile; the descriptor may stay readable, or become so late, for nothing.
#[must_use = "wakes ring the descriptor only while this lives"]
pub struct Armed<'w>(&'w Sleeper<Futex, EventFd>);

impl Armed<'_> {
    /// Makes the descriptor unreadable. To be called when a poll found it readable.
    pub fn drain(&self) {
        self.0.silence();
    }
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

/// The hand-off between one sleeping thread and those that wake it, apart from the system calls.
struct Sleeper<W, B> {
    state: W,
    bell: OnceLock<B>,
}

/// Awake, nothing to consume.
const AWAKE: u32 = 0;
/// A wake waits to be consumed.
const WOKEN: u32 = 1;
/// Asleep on the word.
const PARKED: u32 = 2;
/// Asleep, or about to be, in a poll that includes the bell.
const ARMED: u32 = 3;

impl<W: Word, B: Bell> Sleeper<W, B> {
    fn new() -> Self {
        Self { state: W::new(AWAKE), bell: OnceLock::new() }
    }

    fn wake(&self) {
        match self.state.swap(WOKEN) {
            PARKED => self.state.rouse(),
            // Rung late, after the sleeper has left its poll, this is a wake for nothing in its next one.
            ARMED => self.bell.get().into_iter().for_each(B::ring),
            _ => {}
        }
    }

    fn park(&self, deadline: Deadline) {
        if !self.state.change(AWAKE, PARKED) {
            self.state.swap(AWAKE);
            return;
        }
        loop {
            self.state.sleep_while(PARKED, deadline);
            if self.state.change(WOKEN, AWAKE) {
                return;
            }
            if deadline.has_passed() {
                self.state.swap(AWAKE);
                return;
            }
        }
    }

    fn arm(&self) -> Result<(), WsaError> {
        self.bell()?;
        self.state.swap(ARMED);
        Ok(())
    }

    fn disarm(&self) {
        // If it has been rung it stays readable, and the next poll that finds it so drains it.
        self.state.swap(AWAKE);
    }

    fn silence(&self) {
        self.bell.get().into_iter().for_each(B::silence);
    }

    fn bell(&self) -> Result<&B, WsaError> {
        if let Some(bell) = self.bell.get() {
            return Ok(bell);
        }
        let bell = B::new()?;
        Ok(self.bell.get_or_init(|| bell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::time::Timespec;
    use std::time::{Duration, Instant};

    fn readable(waker: &Waker) -> bool {
        let fd = waker.fd().unwrap();
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn a_wake_before_the_sleep_is_remembered_once() {
        let waker = Waker::new();
        waker.wake();
        waker.wake();
        waker.park(Deadline::NEVER);
        let start = Instant::now();
        waker.park(Deadline::after(Some(Duration::from_millis(20))));
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn wakes_ring_the_descriptor_only_while_armed() {
        let waker = Waker::new();
        assert!(!readable(&waker));
        waker.wake();
        assert!(!readable(&waker));
        let armed = waker.arm().unwrap();
        assert!(!readable(&waker), "the wake before is consumed");
        waker.wake();
        waker.wake();
        assert!(readable(&waker));
        armed.drain();
        assert!(!readable(&waker));
        drop(armed);
        waker.wake();
        assert!(!readable(&waker));
    }

    #[test]
    fn the_descriptor_is_closed_on_exec_and_does_not_block() {
        let waker = Waker::new();
        let fd = waker.fd().unwrap();
        assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert_eq!(rustix::io::read(fd, &mut [0u8; 8]), Err(rustix::io::Errno::AGAIN));
    }
}

#[cfg(all(test, loom))]
mod models;
