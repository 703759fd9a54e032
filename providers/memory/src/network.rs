//! The network: which sockets there are, who has which port, and what happens between them. Nothing waits in here;
//! what would have to is `WSAEWOULDBLOCK`.

mod readiness;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::buffers::RecvBuffers;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::transport::Shutdown;

use crate::catalog::{Kind, Protocol};
use crate::options::Options;
use crate::ports::Ports;
use crate::socket::{Ended, Queue, Registration, Socket};

/// The largest message, in bytes.
pub(crate) const LARGEST_DATAGRAM: usize = 65_507;
/// What a receiver holds, in bytes: then senders on streams wait, and datagrams are lost.
pub(crate) const ROOM: usize = 256 * 1024;
/// The longest queue of connections to accept.
const LONGEST_QUEUE: i32 = 128;

pub(crate) type Id = u64;

const KEPT: &str = "an id is as long-lived as its socket";

#[derive(Default)]
pub(crate) struct Network {
    sockets: BTreeMap<Id, Socket>,
    ports: Ports,
    last_id: Id,
    /// Somebody may have waited for what has happened.
    changed: bool,
    /// Events to be set.
    signals: Vec<Event>,
    /// The last clean-up has begun.
    ended: bool,
}

// The life of a socket.
impl Network {
    pub(crate) fn open(&mut self, protocol: Protocol) -> Id {
        self.last_id += 1;
        self.sockets.insert(self.last_id, Socket { cancelled: self.ended, ..Socket::new(protocol) });
        self.last_id
    }

    /// The socket is gone. What it has sent stays with the receiver (WSP-CLEANUP-16).
    pub(crate) fn close(&mut self, id: Id) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        if let Some(local) = socket.local {
            self.ports.release(socket.protocol, local.port(), id);
        }
        for waiting in socket.queue.into_iter().flat_map(|queue| queue.waiting) {
            self.reset(waiting);
            self.close(waiting);
        }
        self.end(socket.peer, Ended::Graceful);
    }

    /// Both ends of a stream are reset.
    pub(crate) fn reset(&mut self, id: Id) {
        let peer = self.get(id).peer;
        self.end(peer, Ended::Reset);
        if peer.is_some() {
            self.end(Some(id), Ended::Reset);
        }
    }

    /// Ends the calls that wait for a socket, and its registration, without a signal.
    pub(crate) fn cancel(&mut self, id: Id) {
        self.changed = true;
        let socket = self.get(id);
        (socket.cancelled, socket.registration) = (true, None);
    }

    /// The same for all, for ever.
    pub(crate) fn cancel_all(&mut self) {
        (self.ended, self.changed) = (true, true);
        for socket in self.sockets.values_mut() {
            (socket.cancelled, socket.registration) = (true, None);
        }
    }

    pub(crate) fn bind(&mut self, id: Id, name: SocketAddr) -> Result<()> {
        let socket = self.sockets.get_mut(&id).expect(KEPT);
        if socket.local.is_some() {
            return Err(WsaError::WSAEINVAL);
        }
        let port = self.ports.take(socket.protocol, name, id, socket.options.sharing())?;
        socket.local = Some(SocketAddr::new(name.ip(), port));
        Ok(())
    }

    pub(crate) fn listen(&mut self, id: Id, backlog: i32) -> Result<()> {
        let socket = self.get(id);
        match socket {
            Socket { protocol: Protocol { kind: Kind::Datagram, .. }, .. } => return Err(WsaError::WSAEOPNOTSUPP),
            Socket { remote: Some(_), .. } => return Err(WsaError::WSAEISCONN),
            Socket { local: None, .. } => return Err(WsaError::WSAEINVAL),
            _ => {}
        }
        socket.queue.get_or_insert_default().limit = backlog.clamp(1, LONGEST_QUEUE) as usize;
        Ok(())
    }

    /// A connect is over at once. Who does not block is told so later, as programs expect it (WSP-CONN-2).
    pub(crate) fn connect(&mut self, id: Id, to: SocketAddr) -> Result<()> {
        let socket = self.get(id);
        match socket {
            Socket { queue: Some(_), .. } => return Err(WsaError::WSAEINVAL),
            Socket { remote: Some(_), .. } => return Err(WsaError::WSAEISCONN),
            _ => socket.failure = None,
        }
        let nonblocking = socket.nonblocking;
        self.bind_if_needed(id)?;
        let outcome = self.meet(id, to);
        if nonblocking {
            self.get(id).failure = outcome.err();
            self.touch(id);
            return Err(WsaError::WSAEWOULDBLOCK);
        }
        outcome
    }

    /// Joins a socket with a new one, which the listener may accept.
    fn meet(&mut self, id: Id, to: SocketAddr) -> Result<()> {
        let protocol = self.get(id).protocol;
        let listener = self.ports.holder(protocol, to).ok_or(WsaError::WSAECONNREFUSED)?;
        let queue = self.get(listener).queue.as_ref().ok_or(WsaError::WSAECONNREFUSED)?;
        if queue.waiting.len() >= queue.limit {
            return Err(WsaError::WSAECONNREFUSED);
        }
        let other = self.open(protocol);
        let socket = self.get(id);
        (socket.remote, socket.peer) = (Some(to), Some(other));
        let from = socket.name();
        let end = self.get(other);
        (end.local, end.remote, end.peer) = (Some(to), from, Some(id));
        self.queue(listener)?.waiting.push_back(other);
        self.touch(listener);
        self.touch(id);
        Ok(())
    }

    /// The failure of a connect, which is told once (LC-ERR-11).
    pub(crate) fn take_failure(&mut self, id: Id) -> Option<WsaError> {
        self.get(id).failure.take()
    }

    /// Gives a datagram socket another peer, or none. What others have sent is gone (WSP-CONN-5).
    pub(crate) fn set_peer(&mut self, id: Id, to: Option<SocketAddr>) -> Result<()> {
        self.bind_if_needed(id)?;
        let socket = self.get(id);
        socket.remote = to;
        socket.datagrams.retain(|datagram| to.is_none_or(|to| datagram.from == to));
        self.touch(id);
        Ok(())
    }

    /// The first connection that waits to be accepted.
    pub(crate) fn take_waiting(&mut self, listener: Id) -> Result<Id> {
        self.queue(listener)?.waiting.pop_front().ok_or(WsaError::WSAEWOULDBLOCK)
    }

    /// The client takes a connection: it inherits what was set for the listener (WSP-ACCEPT-2).
    pub(crate) fn accept(&mut self, listener: Id, id: Id) {
        self.enable(listener, FD_ACCEPT);
        let Socket { nonblocking, ref options, ref registration, .. } = *self.get(listener);
        // It is connected, and nobody has waited for that.
        let enabled = FD_ALL_EVENTS & !FD_CONNECT;
        let registration = registration.clone().map(|old| Registration { enabled, record: NetworkEvents::NONE, ..old });
        let options = options.clone();
        let socket = self.get(id);
        (socket.nonblocking, socket.options, socket.registration) = (nonblocking, options, registration);
        self.touch(id);
    }

    /// The client wants to decide later: FD_ACCEPT is not enabled again (WSP-ACCEPT-8).
    pub(crate) fn put_back(&mut self, listener: Id, id: Id) {
        if let Ok(queue) = self.queue(listener) {
            queue.waiting.push_front(id);
        }
    }

    pub(crate) fn shutdown(&mut self, id: Id, how: Shutdown) -> Result<()> {
        let socket = self.get(id);
        if socket.remote.is_none() {
            return Err(WsaError::WSAENOTCONN);
        }
        socket.shut_receive |= how != Shutdown::Send;
        socket.shut_send |= how != Shutdown::Receive;
        let peer = socket.peer.filter(|_| how != Shutdown::Receive);
        if how != Shutdown::Send && !socket.bytes.is_empty() {
            // Nobody will read it (WSP-SHUT-2).
            self.reset(id);
        } else if let Some(end) = peer.and_then(|peer| self.sockets.get_mut(&peer)) {
            // It can still send to this side.
            end.ended = Ended::Graceful;
        }
        self.touch(id);
        peer.into_iter().for_each(|peer| self.touch(peer));
        Ok(())
    }
}

// Transfers.
impl Network {
    /// Sends as much as there is room for: the number of bytes.
    pub(crate) fn send_stream(&mut self, id: Id, bytes: &[u8]) -> Result<usize> {
        let peer = match self.get(id) {
            Socket { shut_send: true, .. } => return Err(WsaError::WSAESHUTDOWN),
            Socket { remote: None, .. } => return Err(WsaError::WSAENOTCONN),
            Socket { peer, .. } => peer.ok_or(WsaError::WSAECONNRESET)?,
        };
        let end = self.get(peer);
        if end.shut_receive && !bytes.is_empty() {
            self.reset(id);
            return Err(WsaError::WSAECONNRESET);
        }
        let count = bytes.len().min(end.room());
        end.bytes.extend(&bytes[..count]);
        if count > 0 {
            self.touch(peer);
        } else if !bytes.is_empty() {
            self.enable(id, FD_WRITE);
            return Err(WsaError::WSAEWOULDBLOCK);
        }
        Ok(count)
    }

    /// Sends a datagram, which is lost if nobody is there, or the receiver has no room.
    pub(crate) fn send_datagram(&mut self, id: Id, bytes: &[u8], to: Option<SocketAddr>) -> Result<u32> {
        let socket = self.get(id);
        let protocol = socket.protocol;
        if socket.shut_send {
            return Err(WsaError::WSAESHUTDOWN);
        }
        if bytes.len() > LARGEST_DATAGRAM {
            return Err(WsaError::WSAEMSGSIZE);
        }
        let to = to.or(socket.remote).ok_or(WsaError::WSAENOTCONN)?;
        let local = self.bind_if_needed(id)?;
        let from = self.get(id).name_as_sender(local);
        if let Some(receiver) = self.ports.holder(protocol, to)
            && self.get(receiver).deliver(from, bytes)
        {
            self.touch(receiver);
        }
        Ok(bytes.len() as u32)
    }

    /// Receives into the buffers after leaving out `offset` bytes: the number of bytes, and for a datagram its sender.
    /// `peek` leaves them here.
    pub(crate) fn receive(
        &mut self,
        id: Id,
        buffers: &mut RecvBuffers<'_>,
        offset: usize,
        peek: bool,
    ) -> Result<(usize, Option<SocketAddr>)> {
        let socket = self.get(id);
        let received = socket.check_receiving().and_then(|()| match socket.protocol.kind {
            Kind::Stream => socket.receive_stream(buffers, offset, peek).map(|count| (count, None)),
            Kind::Datagram => socket.receive_datagram(buffers, peek).map(|(count, from)| (count, Some(from))),
        });
        let peer = socket.peer;
        // Enabled again even if the call fails (EV-2).
        self.enable(id, FD_READ);
        if received.is_ok() && !peek {
            // The sender has room now.
            peer.into_iter().for_each(|peer| self.touch(peer));
        }
        received
    }

    /// Ends receiving, without a word to the peer (WSP-RDIS-1, WSP-RDIS-2).
    pub(crate) fn disconnect_receiving(&mut self, id: Id) -> Result<()> {
        let socket = self.get(id);
        socket.disconnected |= socket.remote.is_some();
        if socket.disconnected { Ok(()) } else { Err(WsaError::WSAENOTCONN) }
    }
}

// What is asked about a socket.
impl Network {
    /// `WSAEINVAL` if a registration keeps the socket non-blocking (MODE-3).
    pub(crate) fn set_nonblocking(&mut self, id: Id, nonblocking: bool) -> Result<()> {
        let socket = self.get(id);
        if !nonblocking && socket.registration.is_some() {
            return Err(WsaError::WSAEINVAL);
        }
        socket.nonblocking = nonblocking;
        Ok(())
    }

    pub(crate) fn is_nonblocking(&mut self, id: Id) -> bool {
        self.get(id).nonblocking
    }

    pub(crate) fn is_cancelled(&mut self, id: Id) -> bool {
        self.get(id).cancelled
    }

    pub(crate) fn is_listening(&mut self, id: Id) -> bool {
        self.get(id).queue.is_some()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn queued(&mut self, id: Id) -> usize {
        self.get(id).queued()
    }

    pub(crate) fn options(&mut self, id: Id) -> &mut Options {
        &mut self.get(id).options
    }

    pub(crate) fn name(&mut self, id: Id) -> Result<SocketAddr> {
        self.get(id).name().ok_or(WsaError::WSAEINVAL)
    }

    pub(crate) fn peer_name(&mut self, id: Id) -> Result<SocketAddr> {
        self.get(id).remote.ok_or(WsaError::WSAENOTCONN)
    }
}

// Below.
impl Network {
    /// The other end of a stream has gone.
    fn end(&mut self, id: Option<Id>, how: Ended) {
        let Some(id) = id else { return };
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        (socket.peer, socket.ended) = (None, how);
        if how == Ended::Reset {
            socket.bytes.clear();
        }
        self.touch(id);
    }

    /// Binds a socket that is not bound to every address, and a port of its own.
    fn bind_if_needed(&mut self, id: Id) -> Result<SocketAddr> {
        let Socket { protocol, local, .. } = *self.get(id);
        if local.is_none() {
            self.bind(id, SocketAddr::new(protocol.family.any(), 0))?;
        }
        self.get(id).local.ok_or(WsaError::WSAEINVAL)
    }

    fn queue(&mut self, listener: Id) -> Result<&mut Queue> {
        let socket = self.get(listener);
        match socket.protocol.kind {
            Kind::Datagram => Err(WsaError::WSAEOPNOTSUPP),
            Kind::Stream => socket.queue.as_mut().ok_or(WsaError::WSAEINVAL),
        }
    }

    /// A socket that its `MemorySocket`, or a listener's queue, keeps here.
    fn get(&mut self, id: Id) -> &mut Socket {
        self.sockets.get_mut(&id).expect(KEPT)
    }
}
