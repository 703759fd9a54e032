//! What the provider keeps for one socket.
//!
//! The kernel descriptor is always non-blocking and closed on exec: whether a socket blocks is Winsock's
//! affair (MODE-2) and one bit here, and a call that blocks tries the system call first and then waits
//! where it can be cancelled. Everything the transfer functions ask before their system call is in one
//! word, [`Flags`], so that a send or a receive costs one relaxed load.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, sockopt};
use windlass_abi::{
    AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_STREAM, SOCKET, WSA_FLAG_OVERLAPPED, WsaError,
};
use windlass_spi::Result;
use windlass_spi::descriptor::Descriptor;
use windlass_spi::port::PortLink;

use crate::error::from_errno;
use crate::network_events::Registration;
use crate::overlapped::Operations;
use crate::sockaddr::SocketAddress;

/// A socket of this provider: a descriptor, and what all descriptors of the same socket in this process
/// have in common (WSP-DUP-4).
pub struct TcpSocket {
    fd: Descriptor,
    common: Arc<Common>,
    /// This descriptor is among those that [`Common`] counts.
    counted: AtomicBool,
    /// The close of this descriptor is decided: no call may begin to wait (WSP-CLOSE-3).
    closed: AtomicBool,
}

/// The part of a socket that its duplicates in this process share.
///
/// A duplicate in another process shares what the kernel keeps: options of the kernel, the peer, the
/// queues. [`Flags::SHARED`] says that there may be one; hand-outs that nobody has fetched are counted.
pub struct Common {
    pub family: Family,
    pub kind: Kind,
    /// `WSA_FLAG_*` given at creation.
    pub creation_flags: u32,
    pub flags: Flags,
    /// `SO_RCVTIMEO` in milliseconds; zero waits for ever. Looked at only where [`Flags::OVERLAPPED`] (MODE-9).
    pub recv_timeout: AtomicU32,
    /// `SO_SNDTIMEO`, likewise.
    pub send_timeout: AtomicU32,
    /// `SO_LINGER`: seconds, or [`DONT_LINGER`]. The kernel's own linger stays off until the close decides.
    pub linger: AtomicU32,
    /// The registration of `WSPEventSelect`; one for each underlying socket (EV-11).
    pub registration: Registration,
    /// Where the ends of overlapped operations are told.
    pub port: PortLink,
    /// Overlapped operations that wait; made by the first.
    pub operations: OnceLock<Box<Operations>>,
    /// How many descriptors of this process refer to the socket.
    descriptors: AtomicU32,
    /// How many hand-outs to other processes, or to this one, nobody has fetched yet.
    pub handed_out: AtomicU32,
    /// What no transfer needs.
    rare: Mutex<Rare>,
}

/// `SO_DONTLINGER`, the default (OPT-3): the close returns at once and the kernel sends the rest.
pub const DONT_LINGER: u32 = u32::MAX;

/// The seldom used part of a socket's state.
#[derive(Default)]
pub struct Rare {
    /// Connections that a condition function deferred: the head of the accept queue (WSP-ACCEPT-7).
    pub deferred: VecDeque<Pending>,
    /// The error of an asynchronous connect, until `SO_ERROR` is read (OPT-5).
    pub error: Option<WsaError>,
    /// Whom a connect that is under way goes to.
    pub connecting_to: Option<SocketAddress>,
    /// Why the last connect failed, until the next one.
    pub connect_error: Option<WsaError>,
    /// When the connection was established, for `SO_CONNECT_TIME`.
    pub connected_at: Option<Instant>,
    /// The connection came in; it was not made from here.
    pub was_accepted: bool,
    /// What it was bound to when it was connected from here: the kernel may forget it with the connection.
    pub local: Option<SocketAddress>,
    /// What options keep.
    pub kept: crate::options::Kept,
    /// Out-of-band bytes that were taken from the kernel lest a normal receive lose them (OOB-1).
    pub urgent: VecDeque<u8>,
}

/// A connection that the kernel has established and nobody has accepted yet.
pub struct Pending {
    pub fd: OwnedFd,
    pub peer: SocketAddress,
}

/// The address families of this provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Ip4,
    Ip6,
}

impl Family {
    /// The family that has this Windows number.
    pub fn from_windows(family: i32) -> Option<Self> {
        match family {
            AF_INET => Some(Self::Ip4),
            AF_INET6 => Some(Self::Ip6),
            _ => None,
        }
    }

    /// `AF_INET` or `AF_INET6` of Windows.
    pub fn windows(self) -> i32 {
        match self {
            Self::Ip4 => AF_INET,
            Self::Ip6 => AF_INET6,
        }
    }

    /// The kernel's number.
    pub fn kernel(self) -> AddressFamily {
        match self {
            Self::Ip4 => AddressFamily::INET,
            Self::Ip6 => AddressFamily::INET6,
        }
    }
}

/// The socket types of this provider, one protocol each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

impl Kind {
    /// `SOCK_STREAM` or `SOCK_DGRAM`.
    pub fn socket_type(self) -> i32 {
        match self {
            Self::Stream => SOCK_STREAM,
            Self::Datagram => SOCK_DGRAM,
        }
    }

    /// `IPPROTO_TCP` or `IPPROTO_UDP`.
    pub fn protocol(self) -> i32 {
        match self {
            Self::Stream => IPPROTO_TCP,
            Self::Datagram => IPPROTO_UDP,
        }
    }

    /// The kernel's type.
    pub fn kernel(self) -> SocketType {
        match self {
            Self::Stream => SocketType::STREAM,
            Self::Datagram => SocketType::DGRAM,
        }
    }
}

/// A word of bits that any thread may read and change.
///
/// The bits are hints for the thread that acts on the socket; what they guard is the kernel's, so relaxed
/// order is enough.
#[derive(Default)]
pub struct Flags(AtomicU32);

impl Flags {
    /// `FIONBIO`, or implied by an event registration (MODE-2).
    pub const NONBLOCKING: u32 = 1 << 0;
    /// Created with `WSA_FLAG_OVERLAPPED` (WSP-SOCK-2).
    pub const OVERLAPPED: u32 = 1 << 1;
    /// `SD_RECEIVE` was asked for: data that comes resets the connection (WSP-SHUT-2).
    pub const SHUT_RECEIVE: u32 = 1 << 2;
    /// `SD_SEND` was asked for.
    pub const SHUT_SEND: u32 = 1 << 3;
    /// `WSPRecvDisconnect` was called: no receive any more, data is left alone (WSP-RDIS-2).
    pub const RECEIVE_DISCONNECTED: u32 = 1 << 4;
    /// A passive socket (WSP-LISTEN-1).
    pub const LISTENING: u32 = 1 << 5;
    /// A non-blocking connect is under way (WSP-CONN-3).
    pub const CONNECTING: u32 = 1 << 6;
    /// Connected, or a datagram socket with a default peer.
    pub const CONNECTED: u32 = 1 << 7;
    /// The last connect failed: the except set says so until the next one (WSP-SELECT-6).
    pub const CONNECT_FAILED: u32 = 1 << 8;
    /// The connection was reset: receives keep saying so (WSP-RECV-5).
    pub const RESET: u32 = 1 << 9;
    /// A duplicate may exist in another process (WSP-CLEANUP-27).
    pub const SHARED: u32 = 1 << 10;
    /// `SO_OOBINLINE`; also set in the kernel.
    pub const OOB_INLINE: u32 = 1 << 11;
    /// `SO_REUSEADDR`; applied by `bind`, not by the option.
    pub const REUSE_ADDRESS: u32 = 1 << 12;
    /// `SO_EXCLUSIVEADDRUSE`; excludes the former (OPT-7).
    pub const EXCLUSIVE_ADDRESS: u32 = 1 << 13;
    /// `SO_CONDITIONAL_ACCEPT`.
    pub const CONDITIONAL_ACCEPT: u32 = 1 << 14;
    /// `SIO_UDP_CONNRESET`: report ICMP errors on a datagram socket (WSP-RFROM-4). Off by default.
    pub const UDP_CONNRESET: u32 = 1 << 15;
    /// An event registration with a mask that is not zero; kept by `network_events`.
    pub const EVENTS: u32 = 1 << 16;
    /// A deferred connection is at the head of the accept queue (WSP-ACCEPT-8).
    pub const DEFERRED: u32 = 1 << 17;
    /// `SO_BROADCAST`; also set in the kernel.
    pub const BROADCAST: u32 = 1 << 18;
    /// This side has reset the connection: transfers fail with WSAECONNABORTED (WSP-CBC-4, WSP-SHUT-2).
    pub const ABORTED: u32 = 1 << 19;
    /// Known to have a local address, given by `bind` or implied.
    pub const BOUND: u32 = 1 << 20;
    /// The local address was given by `bind`.
    pub const BOUND_BY_NAME: u32 = 1 << 21;
    /// A datagram socket that gave up its peer (WSP-CONN-4).
    pub const DISSOLVED: u32 = 1 << 22;
    /// [`Rare::urgent`] is not empty.
    pub const URGENT: u32 = 1 << 23;
    /// Joined a multicast group by `WSPJoinLeaf` (WSP-JOIN-5).
    pub const JOINED: u32 = 1 << 24;
    /// Overlapped receives wait: plain ones come after them (OV-12). Kept by `overlapped`, as the next.
    pub const RECEIVES_PENDING: u32 = 1 << 25;
    /// Overlapped sends wait.
    pub const SENDS_PENDING: u32 = 1 << 26;

    /// The whole word.
    #[inline]
    pub fn load(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether any of `bits` is set.
    #[inline]
    pub fn any(&self, bits: u32) -> bool {
        self.load() & bits != 0
    }

    /// Sets `bits`, and says which of them were set before.
    pub fn set(&self, bits: u32) -> u32 {
        self.0.fetch_or(bits, Ordering::Relaxed) & bits
    }

    /// Clears `bits`, and says which of them were set before.
    pub fn clear(&self, bits: u32) -> u32 {
        self.0.fetch_and(!bits, Ordering::Relaxed) & bits
    }

    /// Sets or clears `bits`.
    pub fn put(&self, bits: u32, on: bool) {
        if on {
            self.set(bits)
        } else {
            self.clear(bits)
        };
    }
}

impl TcpSocket {
    /// A socket over a new descriptor, which must be non-blocking and closed on exec.
    pub fn new(fd: OwnedFd, family: Family, kind: Kind, creation_flags: u32) -> Self {
        let common = Common {
            family,
            kind,
            creation_flags,
            flags: Flags::default(),
            recv_timeout: AtomicU32::new(0),
            send_timeout: AtomicU32::new(0),
            linger: AtomicU32::new(DONT_LINGER),
            registration: Registration::default(),
            port: PortLink::new(),
            operations: OnceLock::new(),
            descriptors: AtomicU32::new(1),
            handed_out: AtomicU32::new(0),
            rare: Mutex::default(),
        };
        common.flags.put(Flags::OVERLAPPED, creation_flags & WSA_FLAG_OVERLAPPED != 0);
        Self::counted(fd, Arc::new(common))
    }

    /// A connection that `listener` accepted: it has the listener's properties (WSP-ACCEPT-2). Those of the
    /// kernel it has already.
    pub fn accepted_by(listener: &Common, fd: OwnedFd) -> Self {
        let socket = Self::new(fd, listener.family, listener.kind, listener.creation_flags);
        socket.flags.set(listener.flags.load() & Flags::NONBLOCKING | Flags::CONNECTED | Flags::BOUND);
        socket.inherit(listener);
        let mut rare = socket.rare();
        rare.connected_at = Some(Instant::now());
        rare.was_accepted = true;
        drop(rare);
        socket
    }

    /// Another descriptor of the socket that `common` belongs to.
    pub fn duplicate_of(fd: OwnedFd, common: Arc<Common>) -> Self {
        common.descriptors.fetch_add(1, Ordering::Relaxed);
        Self::counted(fd, common)
    }

    fn counted(fd: OwnedFd, common: Arc<Common>) -> Self {
        Self { fd: fd.into(), common, counted: AtomicBool::new(true), closed: AtomicBool::new(false) }
    }

    /// Another descriptor of the socket, for the provider itself, which is not counted. It keeps the connection: whoever has one
    /// drops it before the client's last descriptor goes.
    ///
    /// # Errors
    /// WSAEMFILE.
    pub fn twin(&self) -> Result<Self> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0).map_err(from_errno)?;
        let (counted, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { fd: fd.into(), common: self.common.clone(), counted, closed })
    }

    /// The handle that the client uses: the descriptor's number (RT-3).
    pub fn handle(&self) -> SOCKET {
        self.fd.as_fd().as_raw_fd() as SOCKET
    }

    /// Makes the descriptor refer to another socket of the kernel (see [`Descriptor::replace`]).
    ///
    /// # Errors
    /// WSAENOTSOCK, which only a broken descriptor has.
    pub fn replace(&self, file: BorrowedFd<'_>) -> Result<()> {
        self.fd.replace(file).map_err(|_| WsaError::WSAENOTSOCK)
    }

    /// The kernel's descriptor.
    #[inline]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What duplicates share.
    #[inline]
    pub fn common(&self) -> &Arc<Common> {
        &self.common
    }

    /// Counts this descriptor out, which is about to be closed: whether another one, here or in another process, may refer
    /// to the same socket. Of several that are counted out at once at least one finds itself the last.
    pub fn count_out(&self) -> bool {
        if self.counted.swap(false, Ordering::Relaxed) {
            // AcqRel: the last one sees what the others have done.
            self.common.descriptors.fetch_sub(1, Ordering::AcqRel);
        }
        // Acquire, and first: a hand-out leaves the flag behind when it is fetched.
        self.handed_out.load(Ordering::Acquire) > 0 || self.flags.any(Flags::SHARED) || self.descriptors() > 0
    }

    /// Counts it in again: it stays open.
    pub fn count_in(&self) {
        if !self.counted.swap(true, Ordering::Relaxed) {
            self.common.descriptors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many descriptors of this process refer to the socket and are not about to be closed.
    pub fn descriptors(&self) -> u32 {
        self.descriptors.load(Ordering::Relaxed)
    }

    /// Keeps every call from waiting on this descriptor from now on.
    pub fn mark_closed(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether the close of this descriptor is decided.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        let was_counted = *self.counted.get_mut();
        self.count_out();
        // What was closed has ended them before.
        if was_counted
            && self.descriptors() == 0
            && let Some(operations) = self.existing_operations()
        {
            operations.end();
        }
    }
}

impl Drop for Common {
    fn drop(&mut self) {
        // Whom a condition function has kept waiting is refused, as is whoever waits in the kernel.
        self.rare().deferred.drain(..).for_each(Pending::refuse);
    }
}

impl Pending {
    /// Resets the connection.
    pub fn refuse(self) {
        // Should this fail, the close that follows is a graceful one.
        let _ = reset_on_close(self.fd.as_fd());
    }
}

/// Makes the close of the last descriptor reset the connection.
pub fn reset_on_close(fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    sockopt::set_socket_linger(fd, Some(Duration::ZERO))
}

impl std::ops::Deref for TcpSocket {
    type Target = Common;

    #[inline]
    fn deref(&self) -> &Common {
        &self.common
    }
}

impl Common {
    /// Takes over the properties of a listener, but for the blocking mode.
    pub fn inherit(&self, listener: &Common) {
        let kept = Flags::OOB_INLINE | Flags::REUSE_ADDRESS | Flags::EXCLUSIVE_ADDRESS | Flags::CONDITIONAL_ACCEPT;
        self.flags.set(listener.flags.load() & kept);
        self.recv_timeout.store(listener.recv_timeout.load(Ordering::Relaxed), Ordering::Relaxed);
        self.send_timeout.store(listener.send_timeout.load(Ordering::Relaxed), Ordering::Relaxed);
        self.linger.store(listener.linger.load(Ordering::Relaxed), Ordering::Relaxed);
        let kept_options = listener.rare().kept;
        self.rare().kept = kept_options;
    }

    /// The seldom used state. Never held across a wait or a call to the client.
    pub fn rare(&self) -> MutexGuard<'_, Rare> {
        self.rare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where overlapped operations wait.
    pub fn operations(&self) -> &Operations {
        self.operations.get_or_init(Box::default)
    }

    /// The same, if there were any.
    pub fn existing_operations(&self) -> Option<&Operations> {
        self.operations.get().map(|operations| &**operations)
    }

    /// `SO_RCVTIMEO` as far as it takes effect (MODE-9).
    pub fn recv_limit(&self) -> Option<Duration> {
        self.limit(&self.recv_timeout)
    }

    /// `SO_SNDTIMEO` as far as it takes effect (MODE-9).
    pub fn send_limit(&self) -> Option<Duration> {
        self.limit(&self.send_timeout)
    }

    fn limit(&self, timeout: &AtomicU32) -> Option<Duration> {
        match timeout.load(Ordering::Relaxed) {
            0 => None,
            _ if !self.flags.any(Flags::OVERLAPPED) => None,
            milliseconds => Some(Duration::from_millis(milliseconds.into())),
        }
    }

    /// How long a close lingers, in seconds; absent for `SO_DONTLINGER`.
    pub fn linger_seconds(&self) -> Option<u32> {
        match self.linger.load(Ordering::Relaxed) {
            DONT_LINGER => None,
            seconds => Some(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A server has tens of thousands of them.
    #[test]
    fn a_socket_is_some_hundreds_of_bytes() {
        let bytes = size_of::<TcpSocket>() + size_of::<Common>();
        assert!(bytes <= 768, "{bytes} bytes");
    }
}
