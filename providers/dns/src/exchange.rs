//! Asking servers: by datagram, by TCP where an answer does not fit, each for its time, and not beyond a cancellation.

use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use windlass_spi::Result;
use windlass_spi::abi::WsaError;

use crate::configuration::Configuration;
use crate::wire::{self, Answer, DATAGRAM, Outcome, Received};

/// Ends what a look-up waits for; it lasts.
#[derive(Default)]
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    /// Made by whoever waits first.
    event: OnceLock<Option<OwnedFd>>,
}

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(Some(event)) = self.event.get() {
            let _ = rustix::io::write(event, &1u64.to_ne_bytes());
        }
    }

    /// `WSA_E_CANCELLED` once it has been cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::SeqCst) { Err(WsaError::WSA_E_CANCELLED) } else { Ok(()) }
    }

    /// Waits until a descriptor is ready or the time has come: whether it is ready.
    fn wait(&self, descriptor: impl AsFd, what: PollFlags, until: Instant) -> Result<bool> {
        let event = self.event.get_or_init(|| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok());
        let event = event.as_ref().ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        loop {
            // After the event was made: a cancellation is seen here, or sets it.
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| WsaError::WSAEINVAL)?;
            let mut waited = [PollFd::new(&descriptor, what), PollFd::new(event, PollFlags::IN)];
            match poll(&mut waited, Some(&timeout)) {
                Ok(0) => return Ok(false),
                Ok(_) if !waited[0].revents().is_empty() => {
                    self.check()?;
                    return Ok(true);
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(WsaError::WSANO_RECOVERY),
            }
        }
    }
}

/// Asks the servers for records of some types of one name, all at once; the answers in the order of the types.
///
/// # Errors
/// `WSATRY_AGAIN`: no server answered, or those that did could not find out. `WSANO_RECOVERY`: they would not say.
/// `WSA_E_CANCELLED`. `WSAEINVAL`: there can be no such name.
pub(crate) fn ask(configuration: &Configuration, name: &str, kinds: &[u16], cancel: &Cancel) -> Result<Vec<Answer>> {
    let mut questions = kinds.iter().map(|kind| Pending::new(name, *kind)).collect::<Result<Vec<_>>>()?;
    let mut refused = false;
    for _ in 0..configuration.attempts {
        for server in &configuration.servers {
            cancel.check()?;
            // A server that cannot be reached is as one that does not answer.
            let asked = ask_one(*server, configuration.timeout, name, &mut questions, cancel);
            if asked == Err(WsaError::WSA_E_CANCELLED) {
                return asked.map(|()| Vec::new());
            }
            for question in &mut questions {
                question.answer.take_if(|answer| {
                    refused |= answer.outcome == Outcome::Refused;
                    matches!(answer.outcome, Outcome::Refused | Outcome::Failed)
                });
            }
            if questions.iter().all(|question| question.answer.is_some()) {
                return Ok(questions.into_iter().filter_map(|question| question.answer).collect());
            }
        }
    }
    Err(if refused { WsaError::WSANO_RECOVERY } else { WsaError::WSATRY_AGAIN })
}

/// A question that is asked.
struct Pending {
    kind: u16,
    id: u16,
    bytes: Vec<u8>,
    answer: Option<Answer>,
}

impl Pending {
    fn new(name: &str, kind: u16) -> Result<Self> {
        let id = unguessable();
        Ok(Self { kind, id, bytes: wire::question(id, name, kind)?, answer: None })
    }
}

/// A number that others cannot guess: hashed with keys that the system's random numbers made.
fn unguessable() -> u16 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let hash = KEYS.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    hash as u16
}

fn ask_one(
    server: SocketAddr,
    timeout: Duration,
    name: &str,
    questions: &mut [Pending],
    cancel: &Cancel,
) -> Result<()> {
    let gone = |_| WsaError::WSATRY_AGAIN;
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A port that the system chooses anew, connected, so that nothing comes in from others.
    let socket = UdpSocket::bind((any, 0)).map_err(gone)?;
    socket.connect(server).map_err(gone)?;
    socket.set_nonblocking(true).map_err(gone)?;
    for question in questions.iter().filter(|question| question.answer.is_none()) {
        socket.send(&question.bytes).map_err(gone)?;
    }
    let until = Instant::now() + timeout;
    let mut buffer = [0; DATAGRAM as usize];
    while questions.iter().any(|question| question.answer.is_none()) {
        if !cancel.wait(&socket, PollFlags::IN, until)? {
            return Err(WsaError::WSATRY_AGAIN);
        }
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::Interrupted => continue,
            // Nobody listens there.
            Err(error) => return Err(gone(error)),
        };
        for question in questions.iter_mut().filter(|question| question.answer.is_none()) {
            match wire::read(&buffer[..length], question.id, name, question.kind) {
                Received::Foreign => {}
                Received::Truncated => {
                    question.answer = Some(by_tcp(server, until, name, question, cancel)?);
                }
                Received::Answer(answer) => question.answer = Some(answer),
            }
        }
    }
    Ok(())
}

/// Asks the same by TCP, where answers have no limit.
fn by_tcp(server: SocketAddr, until: Instant, name: &str, question: &Pending, cancel: &Cancel) -> Result<Answer> {
    let gone = |_| WsaError::WSATRY_AGAIN;
    let left = until.saturating_duration_since(Instant::now());
    let mut stream = TcpStream::connect_timeout(&server, left.max(Duration::from_millis(1))).map_err(gone)?;
    stream.set_nonblocking(true).map_err(gone)?;
    let message = [&(question.bytes.len() as u16).to_be_bytes(), &question.bytes[..]].concat();
    stream.write_all(&message).map_err(gone)?;
    let mut received = Vec::new();
    loop {
        if let Some(length) = received.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
            && let Some(bytes) = received.get(2..2 + length)
        {
            return match wire::read(bytes, question.id, name, question.kind) {
                Received::Answer(answer) => Ok(answer),
                Received::Foreign | Received::Truncated => Err(WsaError::WSATRY_AGAIN),
            };
        }
        if !cancel.wait(&stream, PollFlags::IN, until)? {
            return Err(WsaError::WSATRY_AGAIN);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) => return Err(WsaError::WSATRY_AGAIN),
            Ok(length) => received.extend_from_slice(&chunk[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(gone(error)),
        }
    }
}
