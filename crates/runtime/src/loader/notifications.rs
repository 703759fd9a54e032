//! The watch of a port over a socket of the system, on behalf of the runtime itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use windlass_abi::{SOCKET, WsaError};
use windlass_io::port::{Association, Completions, Port, Readiness, Source};

use crate::notifications;

/// Beside the numbers of sockets: a socket may be associated with a port as well.
const NOTIFIED: usize = 1 << 40;

/// Another descriptor of a socket: the port may watch the socket's own for its provider.
struct Notified {
    s: SOCKET,
    fd: OwnedFd,
}

/// Has the port tell edges of a socket. To be ended before the socket is closed, whose connection it would keep.
pub(crate) fn watch(port: &Port, s: SOCKET, key: usize) -> Result<Association, WsaError> {
    let number = RawFd::try_from(s).map_err(|_| WsaError::WSAENOTSOCK)?;
    // SAFETY: not negative; if it has just been closed, there is nothing to duplicate, or another file, which does no harm.
    let fd = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().map_err(|_| WsaError::WSAEMFILE)?;
    port.associate(s | NOTIFIED, key, Arc::new(Notified { s, fd }))
}

impl Source for Notified {
    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn ready(&self, events: Readiness, _: &mut Completions<'_>) {
        notifications::edge(self.s, events);
    }
}
