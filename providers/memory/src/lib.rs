//! An in-memory transport provider: stream and datagram sockets between the threads of one process.
//!
//! It is complete, and it is the shortest example of a transport: `network` says what happens, this
//! file says who waits for it, and everything about handles, counts and clean-up is the SDK's.
//! Its sockets are no file descriptors, so the runtime makes their handles (non-IFS).
//!
//! Addresses are four bytes: the family [`AF_MEMORY`] in host order and a port in network order. As text
//! they are `memory:PORT`. Port 0 stands for any free one.

mod address;
mod catalog;
mod network;

pub use address::{AF_MEMORY, PROTOCOL_DATAGRAM, PROTOCOL_STREAM, address};
pub use catalog::{PROVIDER, entries};

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use windlass_spi::abi::*;
use windlass_spi::address::Address;
use windlass_spi::buffers::{RecvBuffers, SendBuffers};
use windlass_spi::condition::Decision;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::*;
use windlass_spi::upcalls::Upcalls;

use network::{Id, Kind, LARGEST_DATAGRAM, Network};

/// The provider.
pub struct Memory {
    shared: Arc<Shared>,
    upcalls: Upcalls,
}

/// One network for all sockets, and one condition for all who wait.
#[derive(Default)]
struct Shared {
    network: Mutex<Network>,
    changed: Condvar,
}

/// A socket: its place in the network. Dropping it is a graceful close.
pub struct MemorySocket {
    id: Id,
    kind: Kind,
    shared: Arc<Shared>,
}

type Open = OpenSocket<MemorySocket>;

windlass_spi::transport_entry!(export Memory);

impl Transport for Memory {
    type Socket = MemorySocket;

    const DESCRIPTION: &'static str = "Windlass in-memory transport";

    fn start(startup: &Startup<'_>) -> Result<Self> {
        Ok(Self { shared: Arc::default(), upcalls: startup.upcalls.clone() })
    }

    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<MemorySocket>> {
        if request.family != 0 && request.family != AF_MEMORY {
            return Err(WsaError::WSAEAFNOSUPPORT);
        }
        let kind = match (request.socket_type, request.protocol) {
            (SOCK_STREAM, 0 | PROTOCOL_STREAM) | (0, PROTOCOL_STREAM) => Kind::Stream,
            (SOCK_DGRAM, 0 | PROTOCOL_DATAGRAM) | (0, PROTOCOL_DATAGRAM) => Kind::Datagram,
            (SOCK_STREAM | SOCK_DGRAM, _) => return Err(WsaError::WSAEPROTONOSUPPORT),
            _ => return Err(WsaError::WSAESOCKTNOSUPPORT),
        };
        let id = self.shared.lock().open(kind);
        Ok(self.new_socket(id, kind))
    }

    fn cancel(&self, socket: &Open, _: Cancel) {
        self.act(|network| network.cancel(socket.id));
    }

    fn cancel_all(&self) {
        self.act(Network::cancel_all);
    }

    fn abort(&self, socket: &Open) {
        self.act(|network| network.abort(socket.id));
    }

    fn bind(&self, socket: &Open, name: &[u8]) -> Result<()> {
        let port = address::port_of(name)?;
        self.act(|network| network.bind(socket.id, port))
    }

    fn listen(&self, socket: &Open, backlog: i32) -> Result<()> {
        self.act(|network| network.listen(socket.id, backlog))
    }

    fn accept(&self, socket: &Open, request: Accept<'_, '_>) -> Result<Accepted<MemorySocket>> {
        if request.capacity.is_some_and(|room| room < address::LENGTH) {
            return Err(WsaError::WSAEFAULT);
        }
        let (id, peer) = self.wait(socket, |network| network.take_pending(socket.id))?;
        let (address, local) = (address(peer), self.shared.lock().name(id)?);
        // Nothing is locked while the client decides.
        let decision = request.condition.map_or(Ok(Decision::Accept), |c| c.decide(&address, None, &local));
        self.act(|network| match decision {
            Ok(Decision::Accept) => {
                network.accepted(socket.id, id);
                Ok(())
            }
            Ok(Decision::Reject) => {
                network.abort(id);
                network.close(id);
                Err(WsaError::WSAECONNREFUSED)
            }
            Ok(Decision::Defer) => {
                network.put_back(socket.id, id);
                Err(WsaError::WSATRY_AGAIN)
            }
            Err(error) => {
                network.put_back(socket.id, id);
                Err(error)
            }
        })?;
        Ok(Accepted { socket: self.new_socket(id, Kind::Stream), address })
    }

    fn connect(&self, socket: &Open, request: &Connect<'_>) -> Result<()> {
        if socket.kind == Kind::Stream && request.caller_data.is_some() {
            return Err(WsaError::WSAEPROTONOSUPPORT);
        }
        if request.wants_qos {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let port = address::port_of(request.name)?;
        self.act(|network| network.connect(socket.id, port))
    }

    fn shutdown(&self, socket: &Open, how: Shutdown) -> Result<()> {
        self.act(|network| network.shutdown(socket.id, how))
    }

    fn send(&self, socket: &Open, buffers: &SendBuffers<'_>, flags: u32) -> Result<u32> {
        self.send_to(socket, buffers, flags, None)
    }

    fn send_to(&self, socket: &Open, buffers: &SendBuffers<'_>, flags: u32, to: Option<&[u8]>) -> Result<u32> {
        if flags & !MSG_DONTROUTE != 0 {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let bytes = buffers.to_contiguous();
        match socket.kind {
            Kind::Datagram => {
                let to = to.map(address::port_of).transpose()?;
                self.act(|network| network.send_datagram(socket.id, &bytes, to))
            }
            Kind::Stream => {
                let mut sent = 0;
                // A blocking send takes everything, however often it must wait (WSP-SEND-2).
                self.wait(socket, |network| {
                    sent += network.send_stream(socket.id, &bytes[sent..])?;
                    let enough = sent == bytes.len() || network.is_nonblocking(socket.id);
                    if enough { Ok(sent as u32) } else { Err(WsaError::WSAEWOULDBLOCK) }
                })
            }
        }
    }

    fn recv(&self, socket: &Open, buffers: &mut RecvBuffers<'_>, flags: u32) -> Result<Received> {
        self.recv_from(socket, buffers, flags, None).map(|(received, _)| received)
    }

    fn recv_from(
        &self,
        socket: &Open,
        buffers: &mut RecvBuffers<'_>,
        flags: u32,
        capacity: Option<usize>,
    ) -> Result<(Received, Option<Address>)> {
        if flags & !MSG_PEEK != 0 {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let is_datagram = socket.kind == Kind::Datagram;
        if is_datagram && capacity.is_some_and(|room| room < address::LENGTH) {
            return Err(WsaError::WSAEFAULT);
        }
        let peek = flags & MSG_PEEK != 0;
        let (bytes, from) = self.wait(socket, |network| network.receive(socket.id, buffers, peek))?;
        Ok((Received { bytes: bytes as u32, flags: 0 }, is_datagram.then(|| address(from))))
    }

    fn select(&self, entries: &mut [Selected<'_, MemorySocket>], timeout: Option<Duration>) -> Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut network = self.shared.lock();
        loop {
            if entries.iter().any(|entry| network.is_cancelled(entry.socket.id)) {
                return Err(WsaError::WSAEINTR);
            }
            for entry in entries.iter_mut() {
                entry.ready = network.is_ready(entry.socket.id, entry.interest);
            }
            if entries.iter().any(|entry| entry.ready) {
                return Ok(());
            }
            network = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Ok(()),
                left => self.shared.wait(network, left),
            };
        }
    }

    fn event_select(&self, socket: &Open, event: Option<Event>, mask: i32) -> Result<()> {
        self.act(|network| network.register(socket.id, event, mask));
        Ok(())
    }

    fn enum_network_events(&self, socket: &Open, event: Option<Event>) -> Result<NetworkEvents> {
        let mut network = self.shared.lock();
        // With the network held, so that no event can be recorded in between (WSP-ENUM-1).
        event.map_or(Ok(()), |event| self.upcalls.reset_event(event))?;
        Ok(network.take_events(socket.id))
    }

    fn get_sock_name(&self, socket: &Open) -> Result<Address> {
        self.shared.lock().name(socket.id)
    }

    fn get_peer_name(&self, socket: &Open) -> Result<Address> {
        self.shared.lock().peer_name(socket.id)
    }

    fn get_sock_opt(&self, socket: &Open, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        if level != SOL_SOCKET {
            return Err(WsaError::WSAEINVAL);
        }
        let answer = match name {
            SO_TYPE if socket.kind == Kind::Stream => SOCK_STREAM,
            SO_TYPE => SOCK_DGRAM,
            SO_ACCEPTCONN => self.shared.lock().is_listening(socket.id).into(),
            SO_ERROR => 0,
            SO_MAX_MSG_SIZE if socket.kind == Kind::Datagram => LARGEST_DATAGRAM as i32,
            _ => return Err(WsaError::WSAENOPROTOOPT),
        };
        *value.first_chunk_mut().ok_or(WsaError::WSAEFAULT)? = answer.to_ne_bytes();
        Ok(size_of_val(&answer))
    }

    fn ioctl(&self, socket: &Open, code: u32, input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
        match code {
            FIONBIO => {
                let argument = input.first_chunk().ok_or(WsaError::WSAEFAULT)?;
                self.act(|network| network.set_nonblocking(socket.id, u32::from_ne_bytes(*argument) != 0))
            }
            FIONREAD => {
                let queued = self.shared.lock().queued(socket.id) as u32;
                *output.buffer.first_chunk_mut().ok_or(WsaError::WSAEFAULT)? = queued.to_ne_bytes();
                output.returned = size_of_val(&queued) as u32;
                Ok(())
            }
            _ => Err(WsaError::WSAEINVAL),
        }
    }

    fn address_to_string(&self, address: &[u8], _: &WSAPROTOCOL_INFOW) -> Result<String> {
        let port = address::port_of(address).map_err(|_| WsaError::WSAEINVAL)?;
        Ok(address::to_text(port))
    }

    fn string_to_address(&self, text: &str, family: i32, _: &WSAPROTOCOL_INFOW) -> Result<Address> {
        match family {
            AF_UNSPEC | AF_MEMORY => address::from_text(text).map(address),
            _ => Err(WsaError::WSAEINVAL),
        }
    }
}

impl Memory {
    fn new_socket(&self, id: Id, kind: Kind) -> NewSocket<MemorySocket> {
        NewSocket::NonIfs { state: MemorySocket { id, kind, shared: Arc::clone(&self.shared) } }
    }

    /// Does something to the network at once, and tells whom it concerns.
    fn act<R>(&self, act: impl FnOnce(&mut Network) -> R) -> R {
        let mut network = self.shared.lock();
        let result = act(&mut network);
        self.tell(network);
        result
    }

    /// Tries until it does not have to wait: as often as it takes on a blocking socket, once on any
    /// other. A cancelled socket ends the wait with `WSAEINTR`.
    fn wait<R>(&self, socket: &Open, mut attempt: impl FnMut(&mut Network) -> Result<R>) -> Result<R> {
        let mut network = self.shared.lock();
        loop {
            if network.is_cancelled(socket.id) {
                return Err(WsaError::WSAEINTR);
            }
            let result = attempt(&mut network);
            let must_wait = matches!(result, Err(WsaError::WSAEWOULDBLOCK)) && !network.is_nonblocking(socket.id);
            if !must_wait {
                self.tell(network);
                return result;
            }
            if network.has_changed() {
                // Part of it is done, and somebody may wait for that.
                self.tell(network);
                network = self.shared.lock();
            } else {
                network = self.shared.wait(network, None);
            }
        }
    }

    /// Wakes those who wait, and sets the events of those who asked for it.
    fn tell(&self, mut network: MutexGuard<'_, Network>) {
        let (changed, events) = network.take_changes();
        drop(network);
        if changed {
            self.shared.changed.notify_all();
        }
        for event in events {
            // An event that its owner has closed has nobody to tell.
            let _ = self.upcalls.set_event(event);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, but no longer than this.
    fn wait<'a>(&'a self, network: MutexGuard<'a, Network>, limit: Option<Duration>) -> MutexGuard<'a, Network> {
        match limit {
            None => self.changed.wait(network).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => self.changed.wait_timeout(network, limit).unwrap_or_else(PoisonError::into_inner).0,
        }
    }
}

impl Drop for MemorySocket {
    fn drop(&mut self) {
        self.shared.lock().close(self.id);
        self.shared.changed.notify_all();
    }
}
