//! Calls that block: they try first, and wait only for what is not there.
//!
//! A waiting call is ended by the close of its socket, by the last clean-up and by
//! `WSPCancelBlockingCall` with WSAEINTR (WSP-CLOSE-3, WSP-CLEANUP-7, WSP-CBC-3), and by its time limit with
//! WSAETIMEDOUT. Asynchronous procedure calls of the thread run meanwhile (API-17); no close and no clean-up waits for
//! those. A blocking hook of the thread, if it has one, is called while the call waits (MODE-7, WPU-QBC-3).

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use windlass_abi::WsaError;
use windlass_io::Deadline;
use windlass_io::blocking::{BlockedCall, Waited};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::upcalls::BlockingHook;

use crate::Tcpip;
use crate::socket::TcpSocket;

/// How long a call with a blocking hook waits between two calls of the hook.
const HOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A call of this thread that blocks, from before its first wait to its end.
pub struct Wait<'t> {
    call: BlockedCall<'t>,
    deadline: Deadline,
    hook: Option<BlockingHook>,
}

/// How a wait ended, if the call was not cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed: try again.
    Retry,
    /// The time limit is over.
    TimedOut,
}

impl<'t> Wait<'t> {
    /// Makes the call known to whoever may cancel it. There is at least one socket.
    ///
    /// # Errors
    /// WSAENOTSOCK: one of the sockets was closed before the wait began (WSP-CLOSE-3).
    pub fn begin(tcpip: &'t Tcpip, sockets: &[&OpenSocket<TcpSocket>], limit: Option<Duration>) -> Result<Self> {
        let keys: Vec<usize> = sockets.iter().map(|socket| socket.handle()).collect();
        let call = tcpip.blocked.begin(&keys);
        if sockets.iter().any(|socket| socket.is_closed()) {
            return Err(WsaError::WSAENOTSOCK);
        }
        // An unknown entry has no hook; the call blocks natively.
        let hook = sockets
            .first()
            .and_then(|socket| tcpip.upcalls.query_blocking_callback(socket.catalog_entry_id()).ok().flatten());
        Ok(Self { call, deadline: Deadline::after(limit), hook })
    }

    /// Sleeps until one of `fds` is ready, with the results in them, or there is another reason to try
    /// again; the results are meaningless then.
    ///
    /// # Errors
    /// WSAEINTR: cancelled. WSAENOBUFS, WSAEMFILE: the system cannot wait.
    pub fn on<'a>(&'a self, fds: &mut [PollFd<'a>]) -> Result<Woken> {
        let Some(hook) = &self.hook else {
            return match self.call.wait_fds(fds, self.deadline, true)? {
                Waited::Ready | Waited::Apcs => Ok(Woken::Retry),
                Waited::TimedOut => Ok(Woken::TimedOut),
                Waited::Cancelled(reason) => Err(reason.error()),
            };
        };
        if !hook.call() {
            return Err(WsaError::WSAEINTR);
        }
        let slice = self.deadline.remaining().map_or(HOOK_INTERVAL, |left| left.min(HOOK_INTERVAL));
        match self.call.wait_fds(fds, Deadline::after(Some(slice)), true)? {
            Waited::Cancelled(reason) => Err(reason.error()),
            Waited::TimedOut if self.deadline.has_passed() => Ok(Woken::TimedOut),
            Waited::TimedOut | Waited::Ready | Waited::Apcs => Ok(Woken::Retry),
        }
    }

    /// Sleeps until the socket is ready for `interest` and gives what poll(2) said, which is empty if
    /// there is another reason to try again.
    ///
    /// # Errors
    /// WSAETIMEDOUT: the time limit is over. As [`on`](Self::on).
    pub fn on_socket(&self, socket: &TcpSocket, interest: PollFlags) -> Result<PollFlags> {
        let mut fds = [PollFd::from_borrowed_fd(socket.fd(), interest)];
        match self.on(&mut fds)? {
            Woken::Retry => Ok(fds[0].revents()),
            Woken::TimedOut => Err(WsaError::WSAETIMEDOUT),
        }
    }
}

/// Repeats `attempt`, which has just answered WSAEWOULDBLOCK, until it answers anything else, and waits
/// for `interest` in between.
///
/// # Errors
/// As [`Wait::begin`], [`Wait::on_socket`] and `attempt`.
#[cold]
pub fn until_done<T>(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    interest: PollFlags,
    limit: Option<Duration>,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let wait = Wait::begin(tcpip, &[socket], limit)?;
    loop {
        match attempt() {
            Err(WsaError::WSAEWOULDBLOCK) => wait.on_socket(socket, interest)?,
            done => return done,
        };
    }
}
