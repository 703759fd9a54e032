//! An in-memory transport provider: TCP and UDP between the threads of one process, over IPv4 and IPv6, on the loopback
//! addresses. There is no other network.
//!
//! It is a whole transport, and an example of one: `network` says what happens, this file says who waits for it, and
//! everything about handles, counts and clean-up is the SDK's.
//! Its sockets are no file descriptors, so the runtime makes their handles (non-IFS).
//!
//! | module | what it holds |
//! |---|---|
//! | `catalog` | what it serves: the entries to install |
//! | `network` | all sockets, and what happens between them; `ports`: who has which |
//! | `socket`, `options` | one socket, and what was set for it |
//! | `shared` | waiting, and telling those who wait |
//! | `address` | names, as bytes and as text |
//!
//! Out-of-band data, broadcasts, multicasts, overlapped completion and duplicates are not there, and say so.
//!
//! `windlass catalog install transport --entries providers/memory/entries.json --first libwsp_memory.so` puts it into a
//! catalog: the module is that of `providers/memory-module`, the entries are [`entries`].

mod address;
mod catalog;
mod network;
mod options;
mod ports;
mod shared;
mod socket;

pub use catalog::{PROVIDER, entries};

use std::sync::Arc;
use std::time::Duration;

use windlass_spi::abi::*;
use windlass_spi::address::Address;
use windlass_spi::buffers::{RecvBuffers, SendBuffers};
use windlass_spi::condition::Decision;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::*;

use catalog::{Kind, Protocol};
use network::{Id, LARGEST_DATAGRAM, Network};
use shared::Shared;

/// The provider.
pub struct Memory {
    shared: Arc<Shared>,
}

/// A socket: its place in the network. Dropping it is a graceful close.
pub struct MemorySocket {
    id: Id,
    protocol: Protocol,
    shared: Arc<Shared>,
}

type Open = OpenSocket<MemorySocket>;

windlass_spi::transport_entry!(Memory);

impl Transport for Memory {
    type Socket = MemorySocket;

    const DESCRIPTION: &'static str = "Windlass in-memory transport";

    const HAS_POLL: bool = true;

    fn start(startup: &Startup<'_>) -> Result<Self> {
        Ok(Self { shared: Arc::new(Shared::new(startup.upcalls.clone())) })
    }

    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<MemorySocket>> {
        let protocol = Protocol::of(request)?;
        let id = self.shared.lock().open(protocol);
        Ok(self.new_socket(id, protocol))
    }

    fn close(&self, socket: &Open) -> Result<()> {
        self.act(|network| {
            if network.options(socket.id).close_is_hard() {
                network.reset(socket.id);
            }
        });
        Ok(())
    }

    fn cancel(&self, socket: &Open, _: Cancel) {
        self.act(|network| network.cancel(socket.id));
    }

    fn cancel_all(&self) {
        self.act(Network::cancel_all);
    }

    fn abort(&self, socket: &Open) {
        self.act(|network| network.reset(socket.id));
    }

    fn bind(&self, socket: &Open, name: &[u8]) -> Result<()> {
        let name = address::own(name, socket.protocol.family)?;
        self.act(|network| network.bind(socket.id, name))
    }

    fn listen(&self, socket: &Open, backlog: i32) -> Result<()> {
        self.act(|network| network.listen(socket.id, backlog))
    }

    fn accept(&self, socket: &Open, request: Accept<'_, '_>) -> Result<Accepted<MemorySocket>> {
        socket.check_room(request.capacity)?;
        let id = self.wait(socket, None, |network| network.take_waiting(socket.id))?;
        let (peer, local) = {
            let mut network = self.shared.lock();
            (network.peer_name(id)?, network.name(id)?)
        };
        let (address, local) = (Address::from(peer), Address::from(local));
        // Nothing is locked while the client decides.
        let decision = request.condition.map_or(Ok(Decision::Accept), |c| c.decide(&address, None, &local));
        self.act(|network| match decision {
            Ok(Decision::Accept) => {
                network.accept(socket.id, id);
                Ok(())
            }
            Ok(Decision::Reject) => {
                network.reset(id);
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
        Ok(Accepted { socket: self.new_socket(id, socket.protocol), address })
    }

    fn connect(&self, socket: &Open, request: &Connect<'_>) -> Result<()> {
        if request.wants_qos {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let name = address::peer(request.name, socket.protocol.family)?;
        match socket.protocol.kind {
            Kind::Datagram => self.act(|network| network.set_peer(socket.id, name)),
            Kind::Stream if request.caller_data.is_some() => Err(WsaError::WSAEPROTONOSUPPORT),
            Kind::Stream => {
                let name = name.ok_or(WsaError::WSAEADDRNOTAVAIL)?;
                self.act(|network| network.connect(socket.id, name))
            }
        }
    }

    fn shutdown(&self, socket: &Open, how: Shutdown) -> Result<()> {
        self.act(|network| network.shutdown(socket.id, how))
    }

    fn send_disconnect(&self, socket: &Open, data: Option<&[u8]>) -> Result<()> {
        match data {
            Some(_) => Err(WsaError::WSAENOPROTOOPT),
            None => self.shutdown(socket, Shutdown::Send),
        }
    }

    fn recv_disconnect(&self, socket: &Open, data: Option<&mut [u8]>) -> Result<usize> {
        match data {
            Some(_) => Err(WsaError::WSAENOPROTOOPT),
            None => self.act(|network| network.disconnect_receiving(socket.id)).map(|()| 0),
        }
    }

    fn send(&self, socket: &Open, buffers: &SendBuffers<'_>, flags: u32) -> Result<u32> {
        self.send_to(socket, buffers, flags, None)
    }

    fn send_to(&self, socket: &Open, buffers: &SendBuffers<'_>, flags: u32, to: Option<&[u8]>) -> Result<u32> {
        if flags & !MSG_DONTROUTE != 0 {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        let bytes = buffers.to_contiguous();
        if socket.protocol.kind == Kind::Datagram {
            let peer = |name| address::peer(name, socket.protocol.family)?.ok_or(WsaError::WSAEADDRNOTAVAIL);
            let to = to.map(peer).transpose()?;
            return self.act(|network| network.send_datagram(socket.id, &bytes, to));
        }
        let (mut sent, limit) = (0, self.limit(socket, SO_SNDTIMEO));
        // A blocking send takes everything, however often it must wait (WSP-SEND-2).
        let result = self.wait(socket, limit, |network| {
            sent += network.send_stream(socket.id, &bytes[sent..])?;
            let enough = sent == bytes.len() || network.is_nonblocking(socket.id);
            if enough { Ok(()) } else { Err(WsaError::WSAEWOULDBLOCK) }
        });
        match result {
            Err(WsaError::WSAETIMEDOUT) if sent > 0 => Ok(sent as u32),
            result => result.map(|()| sent as u32),
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
        let is_stream = socket.protocol.kind == Kind::Stream;
        let (peek, all) = (flags == MSG_PEEK, flags == MSG_WAITALL && is_stream);
        if flags != 0 && !peek && !all {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        if !is_stream {
            socket.check_room(capacity)?;
        }
        let (mut count, limit, room) = (0, self.limit(socket, SO_RCVTIMEO), buffers.total());
        let received = self.wait(socket, limit, |network| {
            let (more, from) = network.receive(socket.id, buffers, count, peek)?;
            count += more;
            // To receive all is to wait until there is no room, or no more.
            if all && more > 0 && count < room { Err(WsaError::WSAEWOULDBLOCK) } else { Ok(from) }
        });
        let from = match received {
            // An error after some bytes is told by the next call.
            Err(_) if count > 0 => None,
            received => received?,
        };
        Ok((Received { bytes: count as u32, flags: 0 }, from.map(Address::from)))
    }

    fn select(&self, entries: &mut [Selected<'_, MemorySocket>], timeout: Option<Duration>) -> Result<()> {
        let ready = self.shared.until(timeout, |network| {
            if entries.iter().any(|entry| network.is_cancelled(entry.socket.id)) {
                return Some(Err(WsaError::WSAEINTR));
            }
            for entry in entries.iter_mut() {
                entry.ready = network.is_ready(entry.socket.id, entry.interest);
            }
            entries.iter().any(|entry| entry.ready).then_some(Ok(()))
        });
        ready.unwrap_or(Ok(()))
    }

    fn poll(&self, entries: &mut [Polled<'_, MemorySocket>], timeout: Option<Duration>) -> Result<()> {
        let ready = self.shared.until(timeout, |network| {
            if network.is_ended() {
                return Some(Err(WsaError::WSAEINTR));
            }
            for entry in entries.iter_mut() {
                let is_closed = network.is_cancelled(entry.socket.id);
                entry.revents = if is_closed { POLLNVAL } else { network.poll(entry.socket.id, entry.events) };
            }
            entries.iter().any(|entry| entry.revents != 0).then_some(Ok(()))
        });
        ready.unwrap_or(Ok(()))
    }

    fn event_select(&self, socket: &Open, event: Option<Event>, mask: i32) -> Result<()> {
        self.act(|network| network.register(socket.id, event, mask));
        Ok(())
    }

    fn enum_network_events(&self, socket: &Open, event: Option<Event>) -> Result<NetworkEvents> {
        let mut network = self.shared.lock();
        // With the network held, so that no event can be recorded in between (WSP-ENUM-1).
        event.map_or(Ok(()), |event| self.shared.upcalls.reset_event(event))?;
        Ok(network.take_events(socket.id))
    }

    fn get_sock_name(&self, socket: &Open) -> Result<Address> {
        self.shared.lock().name(socket.id).map(Address::from)
    }

    fn get_peer_name(&self, socket: &Open) -> Result<Address> {
        self.shared.lock().peer_name(socket.id).map(Address::from)
    }

    fn get_sock_opt(&self, socket: &Open, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        if value.len() < size_of::<i32>() {
            return Err(WsaError::WSAEFAULT);
        }
        let mut network = self.shared.lock();
        let answer = match (level, name, socket.protocol.kind) {
            (SOL_SOCKET, SO_TYPE, Kind::Stream) => SOCK_STREAM,
            (SOL_SOCKET, SO_TYPE, Kind::Datagram) => SOCK_DGRAM,
            (SOL_SOCKET, SO_ACCEPTCONN, _) => network.is_listening(socket.id).into(),
            (SOL_SOCKET, SO_ERROR, _) => network.take_failure(socket.id).map_or(0, WsaError::code),
            (SOL_SOCKET, SO_MAX_MSG_SIZE, Kind::Datagram) => LARGEST_DATAGRAM as i32,
            _ => return network.options(socket.id).get(socket.protocol, level, name, value),
        };
        options::put(value, answer.to_ne_bytes())
    }

    fn set_sock_opt(&self, socket: &Open, level: i32, name: i32, value: &[u8]) -> Result<()> {
        self.act(|network| network.options(socket.id).set(socket.protocol, level, name, value))
    }

    fn ioctl(&self, socket: &Open, code: u32, input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
        match code {
            FIONBIO => {
                let argument = input.first_chunk().ok_or(WsaError::WSAEFAULT)?;
                self.act(|network| network.set_nonblocking(socket.id, u32::from_ne_bytes(*argument) != 0))
            }
            FIONREAD => {
                let queued = self.shared.lock().queued(socket.id) as u32;
                output.returned = options::put(output.buffer, queued.to_ne_bytes())? as u32;
                Ok(())
            }
            _ => Err(WsaError::WSAEINVAL),
        }
    }

    fn address_to_string(&self, address: &[u8], _: &WSAPROTOCOL_INFOW) -> Result<String> {
        address::to_text(address).ok_or(WsaError::WSAEINVAL)
    }

    fn string_to_address(&self, text: &str, family: i32, _: &WSAPROTOCOL_INFOW) -> Result<Address> {
        let address = address::from_text(text).map(Address::from).ok_or(WsaError::WSAEINVAL)?;
        let is_wanted = family == AF_UNSPEC || family == address.family();
        if is_wanted { Ok(address) } else { Err(WsaError::WSAEINVAL) }
    }
}

impl Memory {
    fn new_socket(&self, id: Id, protocol: Protocol) -> NewSocket<MemorySocket> {
        NewSocket::NonIfs { state: MemorySocket { id, protocol, shared: Arc::clone(&self.shared) } }
    }

    fn act<R>(&self, act: impl FnOnce(&mut Network) -> R) -> R {
        self.shared.act(act)
    }

    /// Tries until it does not have to wait: as often as it takes on a blocking socket, once on any other. A cancelled
    /// socket ends the wait with `WSAEINTR`, the limit with `WSAETIMEDOUT`.
    fn wait<R>(
        &self,
        socket: &Open,
        limit: Option<Duration>,
        mut attempt: impl FnMut(&mut Network) -> Result<R>,
    ) -> Result<R> {
        let result = self.shared.until(limit, |network| {
            if network.is_cancelled(socket.id) {
                return Some(Err(WsaError::WSAEINTR));
            }
            let result = attempt(network);
            let must_wait = matches!(result, Err(WsaError::WSAEWOULDBLOCK)) && !network.is_nonblocking(socket.id);
            (!must_wait).then_some(result)
        });
        result.unwrap_or(Err(WsaError::WSAETIMEDOUT))
    }

    /// How long a call may wait: only overlapped sockets have a limit (MODE-9).
    fn limit(&self, socket: &Open, option: i32) -> Option<Duration> {
        if socket.is_overlapped() { self.shared.lock().options(socket.id).limit(option) } else { None }
    }
}

impl MemorySocket {
    /// Refuses room for an address that is too small, before anything is taken (WSP-ACCEPT-5, WSP-RFROM-2).
    fn check_room(&self, capacity: Option<usize>) -> Result<()> {
        let is_enough = capacity.is_none_or(|room| room >= self.protocol.family.address_length());
        if is_enough { Ok(()) } else { Err(WsaError::WSAEFAULT) }
    }
}

impl Drop for MemorySocket {
    fn drop(&mut self) {
        self.shared.act(|network| network.close(self.id));
    }
}
