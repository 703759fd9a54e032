//! Waits of a blocking call on descriptors.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use windlass_abi::WsaError;

use crate::blocking::{BlockedCall, Waited};
use crate::deadline::Deadline;
use crate::port::Pause;

/// So many descriptors, the waker's included, are polled without allocating.
const INLINE: usize = 8;

impl BlockedCall<'_> {
    /// Waits until one of the descriptors is ready, as poll(2) tells it, with the results in `fds`; or until the
    /// deadline, a cancellation, or, if `alertable`, until APCs of this thread ran (API-17). A call
    /// that is cancelled already does not poll. Interruptions by signals do not end the wait and do not make it longer.
    ///
    /// With an alertable wait, the socket may have changed in an APC: try again before waiting again.
    ///
    /// Errors: WSAENOBUFS (no memory), WSAEMFILE (no descriptor is left for the thread's waker), WSAEINVAL
    /// (more descriptors than the process may have).
    pub fn wait_fds<'a>(
        &'a self,
        fds: &mut [PollFd<'a>],
        deadline: Deadline,
        alertable: bool,
    ) -> Result<Waited, WsaError> {
        let waker = self.waker();
        let bell = PollFd::from_borrowed_fd(waker.fd()?, PollFlags::IN);
        let mut inline: [PollFd<'a>; INLINE] = std::array::from_fn(|_| bell.clone());
        let mut heap = Vec::new();
        let all = if fds.len() < INLINE {
            &mut inline[..=fds.len()]
        } else {
            heap.resize(fds.len() + 1, bell);
            &mut heap[..]
        };
        // The bell is the last.
        let last = fds.len();
        all[..last].clone_from_slice(fds);
        let mut polled = false;
        let mut pause = None;
        loop {
            // Whatever happens from here on rings the bell; what happened before is seen.
            let armed = waker.arm()?;
            if let Some(reason) = self.cancelled() {
                return Ok(Waited::Cancelled(reason));
            }
            if alertable && self.blocker().has_apcs() {
                drop(armed);
                drop(pause);
                self.run_apcs();
                return Ok(Waited::Apcs);
            }
            if polled && deadline.has_passed() {
                return Ok(Waited::TimedOut);
            }
            polled = true;
            pause.get_or_insert_with(Pause::begin);
            match poll(all, deadline.remaining_timespec().as_ref()) {
                Ok(ready) => {
                    let woken = !all[last].revents().is_empty();
                    if woken {
                        armed.drain();
                    }
                    if ready > usize::from(woken) {
                        fds.clone_from_slice(&all[..last]);
                        return Ok(Waited::Ready);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) => return Err(WsaError::WSAEINVAL),
                Err(_) => return Err(WsaError::WSAENOBUFS),
            }
        }
    }
}
