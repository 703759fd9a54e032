//! Sockets that were handed out and not yet fetched.
//!
//! For each there is a Unix socket with an abstract name, served by the thread of the provider. Who connects
//! must be the named process, run by the same user, and send the secret; it gets the record and the descriptor, once.
//! The hand-out ends then, or when that process is gone, or at the last clean-up; nothing else is left of it.

use std::collections::HashMap;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::cmsg_space;
use rustix::event::epoll::EventFlags;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, recvmsg, sendmsg, socket_with,
};
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use windlass_abi::WsaError;
use windlass_io::Deadline;
use windlass_io::blocking::Waited;
use windlass_spi::Result;

use super::record::{self, Record};
use super::token::Token;
use crate::Tcpip;
use crate::error::from_errno;
use crate::network_events::watcher::{Ready, Shared};
use crate::socket::{Common, Flags, TcpSocket};

/// The hand-outs of a provider instance.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashMap<u32, Arc<Export>>>>);

/// One hand-out.
pub struct Export {
    token: Token,
    /// The process that may fetch it.
    process: Pid,
    payload: Mutex<Option<Payload>>,
    /// There if that is another process.
    door: Option<Door>,
    all: Weak<Mutex<HashMap<u32, Arc<Export>>>>,
}

/// The socket: a descriptor of its own, so that it outlives the close of the other (WSP-DUP-5).
pub struct Payload {
    fd: OwnedFd,
    common: Arc<Common>,
    /// The socket counts as shared while this is there.
    _unfetched: Unfetched,
}

/// One of the hand-outs of a socket that nobody has fetched yet.
struct Unfetched(Arc<Common>);

/// Where another process fetches the socket.
struct Door {
    shared: Arc<Shared>,
    key: Mutex<Option<u64>>,
    listener: OwnedFd,
    /// Readable when the process is gone; absent where the kernel cannot tell.
    process: Option<OwnedFd>,
    /// Those who have connected and not yet sent the secret.
    callers: Mutex<Vec<OwnedFd>>,
}

/// How many may be at the door at once.
const CALLERS: usize = 8;

/// Bytes of a request: number and secret of the token.
const REQUEST: usize = 12;

impl Exports {
    /// Hands a socket out to `process`.
    ///
    /// # Errors
    /// WSAEINVAL: there is no such process. WSAEMFILE, WSAENOBUFS: no resources. WSAEOPNOTSUPP: the thread of
    /// the provider could not be started.
    pub fn open(&self, tcpip: &Tcpip, socket: &TcpSocket, process: Pid) -> Result<Token> {
        let own = rustix::process::getpid();
        let token = Token::new(own.as_raw_nonzero().get() as u32)?;
        let door = if process == own { None } else { Some(Door::open(tcpip, token, process)?) };
        let fd = rustix::io::fcntl_dupfd_cloexec(socket.fd(), 0).map_err(from_errno)?;
        let payload = Payload { fd, common: socket.common().clone(), _unfetched: Unfetched::new(socket.common()) };
        let export =
            Arc::new(Export { token, process, payload: Mutex::new(Some(payload)), door, all: Arc::downgrade(&self.0) });
        lock(&self.0).insert(token.number, export.clone());
        if let Err(error) = export.serve() {
            self.remove(token.number);
            return Err(error);
        }
        Ok(token)
    }

    /// Fetches what this process has handed out to itself. The second time there is nothing (WSP-DUP-3).
    pub fn take(&self, token: Token) -> Option<Payload> {
        let export = lock(&self.0).get(&token.number).filter(|export| export.is_for(token)).cloned()?;
        if export.door.is_some() {
            return None;
        }
        self.remove(token.number);
        lock(&export.payload).take()
    }

    /// Ends every hand-out.
    pub fn close(&self) {
        let all = std::mem::take(&mut *lock(&self.0));
        // Without the lock: what is dropped here closes descriptors.
        drop(all);
    }

    fn remove(&self, number: u32) {
        let removed = lock(&self.0).remove(&number);
        drop(removed);
    }
}

impl Export {
    fn is_for(&self, token: Token) -> bool {
        self.token == token
    }

    /// Begins to answer at the door.
    fn serve(self: &Arc<Self>) -> Result<()> {
        let Some(door) = &self.door else { return Ok(()) };
        let me: Weak<dyn Ready> = Arc::<Self>::downgrade(self);
        let key = door.shared.tell(me);
        *lock(&door.key) = Some(key);
        door.shared.add(key, door.listener.as_fd(), EventFlags::IN)?;
        match &door.process {
            Some(process) => door.shared.add(key, process.as_fd(), EventFlags::IN),
            None => Ok(()),
        }
    }

    fn end(&self) {
        if let Some(all) = self.all.upgrade() {
            Exports(all).remove(self.token.number);
        }
    }

    /// Whether the request is the right one; nothing while there is none.
    fn examine(&self, caller: BorrowedFd<'_>) -> Option<bool> {
        let mut request = [0u8; REQUEST + 1];
        match rustix::net::recv(caller, &mut request[..], RecvFlags::DONTWAIT) {
            Ok((_, length)) => Some(request[..length] == request_for(self.token)),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(_) => Some(false),
        }
    }

    /// Hands the socket over. Whether it arrived or not, this was the one use.
    fn hand_over(&self, caller: BorrowedFd<'_>) {
        let Some(payload) = lock(&self.payload).take() else { return };
        payload.common.flags.set(Flags::SHARED);
        let record = Record::of(&payload.common, payload.fd.as_fd()).to_bytes();
        let fds = [payload.fd.as_fd()];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // A caller that is gone was the only one who could have had it.
        let _ = sendmsg(caller, &[IoSlice::new(&record)], &mut control, flags);
    }
}

impl Ready for Export {
    fn ready(&self, shared: &Shared) {
        let Some(door) = &self.door else { return };
        if door.process.as_ref().is_some_and(|process| is_readable(process.as_fd())) {
            return self.end();
        }
        let key = *lock(&door.key);
        let mut callers = lock(&door.callers);
        while let Ok(caller) = accept_with(&door.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            let welcome = is_run_by(caller.as_fd(), self.process) && callers.len() < CALLERS;
            if let (true, Some(key)) = (welcome, key)
                && shared.add(key, caller.as_fd(), EventFlags::IN).is_ok()
            {
                callers.push(caller);
            }
        }
        let mut right = None;
        callers.retain(|caller| match self.examine(caller.as_fd()) {
            None => true,
            Some(true) if right.is_none() => {
                right = rustix::io::fcntl_dupfd_cloexec(caller, 0).ok();
                false
            }
            Some(_) => false,
        });
        drop(callers);
        if let Some(caller) = right {
            self.hand_over(caller.as_fd());
            self.end();
        }
    }
}

impl Payload {
    /// The socket, which counts as shared all along.
    pub fn into_socket(self) -> TcpSocket {
        TcpSocket::duplicate_of(self.fd, self.common)
    }
}

impl Unfetched {
    fn new(common: &Arc<Common>) -> Self {
        common.handed_out.fetch_add(1, Ordering::Relaxed);
        Self(common.clone())
    }
}

impl Drop for Unfetched {
    fn drop(&mut self) {
        // Release: who sees it gone sees the mark of a hand-out that was fetched.
        self.0.handed_out.fetch_sub(1, Ordering::Release);
    }
}

impl Door {
    fn open(tcpip: &Tcpip, token: Token, process: Pid) -> Result<Self> {
        let process = match pidfd_open(process, PidfdFlags::empty()) {
            Ok(fd) => Some(fd),
            Err(Errno::SRCH | Errno::INVAL) => return Err(WsaError::WSAEINVAL),
            Err(Errno::NOSYS | Errno::PERM) => None,
            Err(errno) => return Err(from_errno(errno)),
        };
        let listener = unix_socket()?;
        rustix::net::bind(&listener, &address(token)?).map_err(from_errno)?;
        rustix::net::listen(&listener, CALLERS as i32).map_err(from_errno)?;
        let shared = tcpip.watcher.shared(&tcpip.upcalls)?;
        Ok(Self { shared, key: Mutex::default(), listener, process, callers: Mutex::default() })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(key) = *lock(&self.key) {
            self.shared.forget(key);
        }
    }
}

/// Fetches a socket that another process has handed out to this one.
///
/// # Errors
/// WSAEINVAL: fetched already, not for this process, or its owner is gone (WSP-DUP-3). WSAEINTR: the last
/// clean-up. WSAEMFILE, WSAENOBUFS: no resources.
pub fn fetch(tcpip: &Tcpip, token: Token) -> Result<(Record, OwnedFd)> {
    let owner = i32::try_from(token.owner).ok().and_then(Pid::from_raw).ok_or(WsaError::WSAEINVAL)?;
    let door = unix_socket()?;
    rustix::net::connect(&door, &address(token)?).map_err(refused)?;
    if !is_run_by(door.as_fd(), owner) {
        return Err(WsaError::WSAEINVAL);
    }
    rustix::net::send(&door, &request_for(token), SendFlags::NOSIGNAL).map_err(refused)?;
    let call = tcpip.blocked.begin(&[]);
    let deadline = Deadline::after(Some(PATIENCE));
    loop {
        let mut fds = [PollFd::new(&door, PollFlags::IN)];
        match call.wait_fds(&mut fds, deadline, false)? {
            Waited::Cancelled(reason) => return Err(reason.error()),
            Waited::TimedOut => return Err(WsaError::WSAEINVAL),
            Waited::Ready | Waited::Apcs => {}
        }
        match receive(door.as_fd()) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return Err(WsaError::WSAEINVAL),
            Ok(answer) => return answer,
        }
    }
}

/// How long an owner that lives may take to answer; it does nothing else meanwhile.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

fn receive(door: BorrowedFd<'_>) -> rustix::io::Result<Result<(Record, OwnedFd)>> {
    let mut bytes = [0u8; record::LENGTH + 1];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let message = recvmsg(door, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
    let truncated = message.flags.contains(rustix::net::ReturnFlags::CTRUNC);
    let fd = control
        .drain()
        .filter_map(|part| if let RecvAncillaryMessage::ScmRights(fds) = part { Some(fds) } else { None })
        .flatten()
        .next();
    Ok(match (Record::from_bytes(&bytes[..message.bytes]), fd) {
        (Some(record), Some(fd)) => Ok((record, fd)),
        // There was one, and no room for it in this process.
        (Some(_), None) if truncated => Err(WsaError::WSAEMFILE),
        _ => Err(WsaError::WSAEINVAL),
    })
}

fn request_for(token: Token) -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    request[..4].copy_from_slice(&token.number.to_ne_bytes());
    request[4..].copy_from_slice(&token.secret.to_ne_bytes());
    request
}

/// Nobody answers under the name: it was fetched, or its owner is gone.
fn refused(errno: Errno) -> WsaError {
    match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => from_errno(errno),
        _ => WsaError::WSAEINVAL,
    }
}

fn unix_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(from_errno)
}

fn address(token: Token) -> Result<SocketAddrUnix> {
    SocketAddrUnix::new_abstract_name(&token.socket_name()).map_err(from_errno)
}

/// Whether the other end is this process, run by the user that runs this one.
fn is_run_by(end: BorrowedFd<'_>, process: Pid) -> bool {
    // A process that this one cannot see has the number zero here, which no Pid may have.
    let peer = nix::sys::socket::getsockopt(&end, nix::sys::socket::sockopt::PeerCredentials);
    peer.is_ok_and(|peer| peer.pid() == process.as_raw_nonzero().get() && peer.uid() == geteuid().as_raw())
}

fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
