//! Where reports go: one packet for each record.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::fs::fstat;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{SendFlags, SocketType, send, sockopt};
use serde::Serialize;

/// The environment variable that names the descriptor.
const VARIABLE: &str = "WINDLASS_REPORT_FD";
/// The lowest number that our copy of the descriptor may get, out of the way of the program's.
const HIGH: i32 = 900;

/// Who the socket was when this program first looked. A child made by fork looks again, and may find another of its number.
static FIRST: OnceLock<Option<(u64, u64)>> = OnceLock::new();

/// A copy of the inherited descriptor, if there is one.
#[derive(Default)]
pub(super) struct Sink {
    socket: Option<Socket>,
    dropped: AtomicU64,
}

struct Socket {
    fd: OwnedFd,
    /// Device and inode: who they are, should the program close descriptors that it does not know.
    identity: (u64, u64),
}

impl Sink {
    pub(super) fn from_env() -> Self {
        let number = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
        let found = number.and_then(Socket::inherited);
        let first = *FIRST.get_or_init(|| found.as_ref().map(|socket| socket.identity));
        let socket = found.filter(|socket| Some(socket.identity) == first);
        Self { socket, dropped: AtomicU64::new(0) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    pub(super) fn send(&self, record: &impl Serialize) {
        let Some(socket) = &self.socket else { return };
        if !serde_json::to_vec(record).is_ok_and(|packet| socket.send(&packet)) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl Socket {
    fn inherited(number: i32) -> Option<Self> {
        let fd = inherited_fd(number)?;
        let packets = sockopt::socket_type(&fd).is_ok_and(|kind| kind == SocketType::SEQPACKET);
        let identity = identity(fd.as_fd())?;
        packets.then_some(Self { fd, identity })
    }

    fn send(&self, packet: &[u8]) -> bool {
        identity(self.fd.as_fd()) == Some(self.identity)
            && send(&self.fd, packet, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok()
    }
}

/// A copy of a descriptor that the process was started with, under a high number.
fn inherited_fd(number: i32) -> Option<OwnedFd> {
    let fd = crate::loader::descriptor::borrow(number)?;
    fcntl_dupfd_cloexec(fd, HIGH).or_else(|_| fcntl_dupfd_cloexec(fd, 0)).ok()
}

fn identity(fd: BorrowedFd<'_>) -> Option<(u64, u64)> {
    fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino))
}
