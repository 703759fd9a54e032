//! A transport that does what a test tells it to. Each test has a type of its own, `Probe<N>`, and so
//! a provider of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use windlass_spi::abi::*;
use windlass_spi::address::Address;
use windlass_spi::buffers::{RecvBuffers, SendBuffers};
use windlass_spi::condition::Decision;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::*;
use windlass_spi::upcalls::Upcalls;
use windlass_spi::version::{Version, Versions};
use windlass_spi::{Entry, entry, transport_entry};

use super::client::{self, Client};

/// `socket_type` that makes a socket without an IFS handle.
pub const NON_IFS: i32 = SOCK_SEQPACKET;

/// What a test sees of its transport.
#[derive(Default)]
pub struct Seen {
    pub starts: AtomicUsize,
    pub cleanups: AtomicUsize,
    pub transports: AtomicUsize,
    pub sockets: AtomicUsize,
    pub cancels: AtomicUsize,
    pub aborts: AtomicUsize,
    pub closes: AtomicUsize,
    /// Calls that wait until they are cancelled.
    pub waiting: AtomicUsize,
    hooks: Mutex<BTreeMap<&'static str, Hook>>,
    changed: Condvar,
    lock: Mutex<()>,
}

type Hook = Arc<dyn Fn() -> Result<()> + Send + Sync>;

impl Seen {
    /// Has the transport run this at a place: it may call anything, fail, and panic.
    pub fn hook(&self, place: &'static str, hook: impl Fn() -> Result<()> + Send + Sync + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::new(hook));
    }

    pub fn unhook(&self, place: &'static str) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }

    /// Waits until so many calls wait.
    pub fn await_waiting(&self, count: usize) {
        let mut guard = self.lock.lock().unwrap();
        while self.waiting.load(Ordering::Relaxed) < count {
            guard = self.changed.wait(guard).unwrap();
        }
    }

    fn run(&self, place: &'static str) -> Result<()> {
        let hook = self.hooks.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        hook.map_or(Ok(()), |hook| hook())
    }

    /// Waits until the flag is set.
    fn wait(&self, flag: &AtomicBool) {
        let mut guard = self.lock.lock().unwrap();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_all();
        while !flag.load(Ordering::Relaxed) {
            guard = self.changed.wait(guard).unwrap();
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn set(&self, flag: &AtomicBool) {
        let _guard = self.lock.lock().unwrap();
        flag.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }
}

/// What a test with this number sees.
pub fn seen(number: usize) -> &'static Seen {
    static ALL: Mutex<BTreeMap<usize, &'static Seen>> = Mutex::new(BTreeMap::new());
    ALL.lock().unwrap().entry(number).or_insert_with(|| Box::leak(Box::default()))
}

/// Gives each of these numbers a provider.
macro_rules! probes {
    ($($number:literal)*) => {
        $(transport_entry!(Probe<$number>);)*
    };
}

probes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30);

/// The entry point of the provider with this number, and what the test sees of it. Each test takes a
/// number that no other test of its process has.
pub fn probe<const N: usize>() -> (WspStartupFn, &'static Seen)
where
    Probe<N>: Entry,
{
    (entry::<Probe<N>>(), seen(N))
}

/// The same, started with the catalog entry of its number.
pub fn started<const N: usize>() -> (Client, &'static Seen)
where
    Probe<N>: Entry,
{
    let (startup, seen) = probe::<N>();
    (client::start(startup, &client::entry(N as u32)).unwrap(), seen)
}

/// A catalog entry whose sockets get their handles from the runtime.
pub fn non_ifs(id: u32) -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { iSocketType: NON_IFS, ..client::entry(id) }
}

pub struct Probe<const N: usize> {
    pub upcalls: Upcalls,
    cancelled: AtomicBool,
    alive: Counted,
}

pub struct ProbeSocket {
    cancelled: AtomicBool,
    listening: AtomicBool,
    /// Keeps the number of an IFS socket taken.
    _descriptor: Option<std::fs::File>,
    _alive: Counted,
}

/// Counts itself.
struct Counted(&'static AtomicUsize);

impl Counted {
    fn new(count: &'static AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<const N: usize> Probe<N> {
    fn seen() -> &'static Seen {
        seen(N)
    }

    fn new_socket(&self, non_ifs: bool) -> NewSocket<ProbeSocket> {
        let (cancelled, listening) = (AtomicBool::new(false), AtomicBool::new(false));
        let _alive = Counted::new(&Self::seen().sockets);
        if non_ifs {
            return NewSocket::NonIfs { state: ProbeSocket { cancelled, listening, _descriptor: None, _alive } };
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        let handle = std::os::fd::AsRawFd::as_raw_fd(&file) as SOCKET;
        NewSocket::Ifs { handle, state: ProbeSocket { cancelled, listening, _descriptor: Some(file), _alive } }
    }
}

impl<const N: usize> Transport for Probe<N> {
    type Socket = ProbeSocket;

    const DESCRIPTION: &'static str = "A transport to play with";
    const VERSIONS: Versions = Versions { lowest: Version::new(1, 1), highest: Version::new(2, 2) };
    const HAS_POLL: bool = N.is_multiple_of(2);

    fn start(startup: &Startup<'_>) -> Result<Self> {
        Self::seen().starts.fetch_add(1, Ordering::Relaxed);
        Self::seen().run("start")?;
        let alive = Counted::new(&Self::seen().transports);
        Ok(Self { upcalls: startup.upcalls.clone(), cancelled: AtomicBool::new(false), alive })
    }

    fn cleanup(&self) {
        assert!(self.alive.0.load(Ordering::Relaxed) > 0);
        Self::seen().cleanups.fetch_add(1, Ordering::Relaxed);
        let _ = Self::seen().run("cleanup");
    }

    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<ProbeSocket>> {
        Self::seen().run("socket")?;
        Ok(self.new_socket(request.socket_type == NON_IFS))
    }

    fn open_duplicate(&self, request: &SocketRequest<'_>) -> Result<NewSocket<ProbeSocket>> {
        assert_eq!(request.info.dwProviderReserved, 99);
        Ok(self.new_socket(true))
    }

    fn duplicate(&self, _: &OpenSocket<ProbeSocket>, process: u32, info: &mut WSAPROTOCOL_INFOW) -> Result<()> {
        info.dwProviderReserved = process;
        Ok(())
    }

    fn close(&self, _: &OpenSocket<ProbeSocket>) -> Result<()> {
        Self::seen().run("close")?;
        Self::seen().closes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn cancel(&self, socket: &OpenSocket<ProbeSocket>, _: Cancel) {
        Self::seen().cancels.fetch_add(1, Ordering::Relaxed);
        Self::seen().set(&socket.cancelled);
        let _ = Self::seen().run("cancel");
    }

    fn cancel_all(&self) {
        Self::seen().set(&self.cancelled);
    }

    fn abort(&self, _: &OpenSocket<ProbeSocket>) {
        Self::seen().aborts.fetch_add(1, Ordering::Relaxed);
        let _ = Self::seen().run("abort");
    }

    fn bind(&self, _: &OpenSocket<ProbeSocket>, name: &[u8]) -> Result<()> {
        Self::seen().run("bind")?;
        if name[0] == 200 { Ok(()) } else { Err(WsaError::WSAEFAULT) }
    }

    fn listen(&self, socket: &OpenSocket<ProbeSocket>, _: i32) -> Result<()> {
        socket.listening.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A peer is always there, as address 200, 1, 2, 3.
    fn accept(&self, socket: &OpenSocket<ProbeSocket>, request: Accept<'_, '_>) -> Result<Accepted<ProbeSocket>> {
        Self::seen().run("accept")?;
        let peer = Address::from_bytes(&[200, 0, 1, 2, 3]).unwrap();
        if request.capacity.is_some_and(|room| room < peer.len()) {
            return Err(WsaError::WSAEFAULT);
        }
        if let Some(condition) = request.condition {
            match condition.decide(&peer, None, &Address::from_bytes(&[200, 0, 9]).unwrap())? {
                Decision::Accept => {}
                Decision::Reject => return Err(WsaError::WSAECONNREFUSED),
                Decision::Defer => return Err(WsaError::WSATRY_AGAIN),
            }
        }
        Ok(Accepted { socket: self.new_socket(!socket.is_ifs()), address: peer })
    }

    fn send(&self, _: &OpenSocket<ProbeSocket>, buffers: &SendBuffers<'_>, _: u32) -> Result<u32> {
        Self::seen().run("send")?;
        Ok(buffers.total() as u32)
    }

    /// Waits until it is cancelled.
    fn recv(&self, socket: &OpenSocket<ProbeSocket>, buffers: &mut RecvBuffers<'_>, flags: u32) -> Result<Received> {
        Self::seen().run("recv")?;
        if flags & MSG_PEEK != 0 {
            let bytes = buffers.scatter(b"peeked") as u32;
            return Ok(Received { bytes, flags: MSG_PARTIAL });
        }
        Self::seen().wait(&socket.cancelled);
        Self::seen().run("cancelled")?;
        Err(WsaError::WSAEINTR)
    }

    /// Every reader is ready, or the wait lasts until it is cancelled.
    fn select(&self, entries: &mut [Selected<'_, ProbeSocket>], timeout: Option<Duration>) -> Result<()> {
        for entry in entries.iter_mut() {
            entry.ready = entry.interest == Interest::Read && entry.socket.handle() % 2 == 0;
        }
        if timeout.is_none() && !entries.iter().any(|entry| entry.ready) {
            Self::seen().wait(&self.cancelled);
            return Err(WsaError::WSAEINTR);
        }
        Ok(())
    }

    fn poll(&self, entries: &mut [Polled<'_, ProbeSocket>], _: Option<Duration>) -> Result<()> {
        entries.iter_mut().for_each(|entry| entry.revents = entry.events & POLLWRNORM);
        Ok(())
    }

    fn event_select(&self, _: &OpenSocket<ProbeSocket>, event: Option<Event>, mask: i32) -> Result<()> {
        assert_eq!(event.is_some(), mask != 0);
        event.map_or(Ok(()), |event| self.upcalls.set_event(event))
    }

    fn enum_network_events(&self, _: &OpenSocket<ProbeSocket>, _: Option<Event>) -> Result<NetworkEvents> {
        let mut events = NetworkEvents::NONE;
        events.record(FD_CLOSE_BIT, Some(WsaError::WSAECONNRESET));
        Ok(events)
    }

    /// An address of five bytes.
    fn get_sock_name(&self, _: &OpenSocket<ProbeSocket>) -> Result<Address> {
        Address::from_bytes(&[200, 0, 7, 7, 7])
    }

    /// As many bytes as the option's number.
    fn get_sock_opt(&self, _: &OpenSocket<ProbeSocket>, _: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let length = name as usize;
        value.get_mut(..length).ok_or(WsaError::WSAEFAULT)?.fill(1);
        Ok(length)
    }

    fn ioctl(&self, _: &OpenSocket<ProbeSocket>, _: u32, input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
        Self::seen().run("ioctl")?;
        output.returned = input.len() as u32;
        let room = output.buffer.get_mut(..input.len()).ok_or(WsaError::WSAEFAULT)?;
        room.iter_mut().zip(input.iter().rev()).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn address_to_string(&self, address: &[u8], _: &WSAPROTOCOL_INFOW) -> Result<String> {
        Ok(format!("probe:{}", address.len()))
    }

    fn string_to_address(&self, text: &str, family: i32, _: &WSAPROTOCOL_INFOW) -> Result<Address> {
        let length = text.strip_prefix("probe:").and_then(|rest| rest.parse::<usize>().ok());
        Address::from_bytes(&vec![family as u8; length.ok_or(WsaError::WSAEINVAL)?])
    }
}
