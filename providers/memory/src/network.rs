//! The network: which sockets there are, what is on its way between them, and what happens. Nothing
//! waits in here; what would have to is `WSAEWOULDBLOCK`.

use std::collections::{BTreeMap, VecDeque};

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::address::Address;
use windlass_spi::buffers::RecvBuffers;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::transport::{Interest, Shutdown};

use crate::address::address;

/// The largest message, in bytes.
pub(crate) const LARGEST_DATAGRAM: usize = 65_535;
/// What a receiver holds, in bytes: then senders on streams wait, and datagrams are lost.
const ROOM: usize = 256 * 1024;
/// The ports given to those who do not choose.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49_152..=65_535;
/// The longest queue of connections to accept.
const LONGEST_BACKLOG: i32 = 128;

pub(crate) type Id = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Stream,
    Datagram,
}

#[derive(Default)]
pub(crate) struct Network {
    sockets: BTreeMap<Id, Socket>,
    /// Who is bound to a port: listeners, and datagram sockets.
    ports: BTreeMap<(Kind, u16), Id>,
    last_id: Id,
    /// Somebody may have waited for what has happened.
    changed: bool,
    /// Events to be set.
    signals: Vec<Event>,
    ended: bool,
}

struct Socket {
    kind: Kind,
    port: Option<u16>,
    peer_port: Option<u16>,
    /// The other end of a stream, while it is there.
    peer: Option<Id>,
    ended: Ended,
    inbox: VecDeque<Message>,
    /// Connections to be accepted, if listening, and how many there may be.
    pending: Option<(VecDeque<Id>, usize)>,
    shut_receive: bool,
    shut_send: bool,
    nonblocking: bool,
    cancelled: bool,
    registration: Option<Registration>,
}

/// How a stream has ended, as this side sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Not,
    Graceful,
    Reset,
}

/// A datagram, or a piece of a stream.
struct Message {
    from: u16,
    bytes: Vec<u8>,
}

/// What WSPEventSelect asked for.
#[derive(Clone)]
struct Registration {
    event: Event,
    mask: i32,
    /// Events that may be recorded: recording takes them out, the re-enabling call puts them back (EV-2).
    enabled: i32,
    record: NetworkEvents,
}

impl Network {
    pub(crate) fn open(&mut self, kind: Kind) -> Id {
        self.last_id += 1;
        let socket = Socket {
            kind,
            port: None,
            peer_port: None,
            peer: None,
            ended: Ended::Not,
            inbox: VecDeque::new(),
            pending: None,
            shut_receive: false,
            shut_send: false,
            nonblocking: false,
            cancelled: self.ended,
            registration: None,
        };
        self.sockets.insert(self.last_id, socket);
        self.last_id
    }

    /// The socket is gone. What it has sent stays with the receiver (WSP-CLEANUP-16).
    pub(crate) fn close(&mut self, id: Id) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        if let Some(port) = socket.port.filter(|port| self.ports.get(&(socket.kind, *port)) == Some(&id)) {
            self.ports.remove(&(socket.kind, port));
        }
        for pending in socket.pending.into_iter().flat_map(|(pending, _)| pending) {
            self.abort(pending);
            self.close(pending);
        }
        self.end(socket.peer, Ended::Graceful);
    }

    /// Both ends of a stream are reset.
    pub(crate) fn abort(&mut self, id: Id) {
        let peer = self.get(id).peer.take();
        self.end(peer, Ended::Reset);
    }

    pub(crate) fn cancel(&mut self, id: Id) {
        let socket = self.get(id);
        socket.cancelled = true;
        socket.registration = None;
        self.changed = true;
    }

    pub(crate) fn cancel_all(&mut self) {
        self.ended = true;
        self.sockets.values_mut().for_each(|socket| socket.cancelled = true);
        self.changed = true;
    }

    pub(crate) fn bind(&mut self, id: Id, port: u16) -> Result<()> {
        let kind = self.get(id).kind;
        if self.get(id).port.is_some() {
            return Err(WsaError::WSAEINVAL);
        }
        let free = |port: &u16| !self.ports.contains_key(&(kind, *port));
        let port = match port {
            0 => EPHEMERAL.clone().find(free).ok_or(WsaError::WSAENOBUFS)?,
            port if free(&port) => port,
            _ => return Err(WsaError::WSAEADDRINUSE),
        };
        self.ports.insert((kind, port), id);
        self.get(id).port = Some(port);
        Ok(())
    }

    pub(crate) fn listen(&mut self, id: Id, backlog: i32) -> Result<()> {
        let socket = self.get(id);
        match socket {
            Socket { kind: Kind::Datagram, .. } => return Err(WsaError::WSAEOPNOTSUPP),
            Socket { peer_port: Some(_), .. } => return Err(WsaError::WSAEISCONN),
            Socket { port: None, .. } => return Err(WsaError::WSAEINVAL),
            _ => {}
        }
        let pending = socket.pending.take().map_or_else(VecDeque::new, |(pending, _)| pending);
        socket.pending = Some((pending, backlog.clamp(1, LONGEST_BACKLOG) as usize));
        Ok(())
    }

    pub(crate) fn connect(&mut self, id: Id, port: u16) -> Result<()> {
        let socket = self.get(id);
        if socket.kind == Kind::Datagram {
            // Port zero dissolves the association (WSP-CONN-4); another peer's datagrams go (WSP-CONN-5).
            socket.peer_port = Some(port).filter(|port| *port != 0);
            socket.inbox.retain(|message| message.from == port || port == 0);
            return self.bind_if_needed(id).map(drop);
        }
        match socket {
            Socket { pending: Some(_), .. } => return Err(WsaError::WSAEINVAL),
            Socket { peer_port: Some(_), .. } => return Err(WsaError::WSAEISCONN),
            _ if port == 0 => return Err(WsaError::WSAEADDRNOTAVAIL),
            _ => {}
        }
        let from = self.bind_if_needed(id)?;
        let listener = *self.ports.get(&(Kind::Stream, port)).ok_or(WsaError::WSAECONNREFUSED)?;
        let (pending, limit) = self.get(listener).pending.as_ref().ok_or(WsaError::WSAECONNREFUSED)?;
        if pending.len() >= *limit {
            return Err(WsaError::WSAECONNREFUSED);
        }
        let other = self.open(Kind::Stream);
        let end = self.get(other);
        (end.port, end.peer_port, end.peer) = (Some(port), Some(from), Some(id));
        let socket = self.get(id);
        (socket.peer_port, socket.peer) = (Some(port), Some(other));
        self.pending(listener)?.push_back(other);
        self.touch(listener);
        self.touch(id);
        Ok(())
    }

    /// The first connection to be accepted, with the peer's port.
    pub(crate) fn take_pending(&mut self, id: Id) -> Result<(Id, u16)> {
        let first = self.pending(id)?.pop_front().ok_or(WsaError::WSAEWOULDBLOCK)?;
        let peer = self.get(first).peer_port.unwrap_or(0);
        Ok((first, peer))
    }

    /// The client takes a connection: it inherits mode and registration (WSP-ACCEPT-2).
    pub(crate) fn accepted(&mut self, listener: Id, id: Id) {
        self.enable(listener, FD_ACCEPT);
        let Socket { nonblocking, registration, .. } = self.get(listener);
        let (nonblocking, registration) = (*nonblocking, registration.clone());
        let socket = self.get(id);
        socket.nonblocking = nonblocking;
        socket.registration =
            registration.map(|old| Registration { enabled: FD_ALL_EVENTS, record: NetworkEvents::NONE, ..old });
        self.touch(id);
    }

    /// The client wants to decide later: FD_ACCEPT is not enabled again (WSP-ACCEPT-8).
    pub(crate) fn put_back(&mut self, listener: Id, id: Id) {
        if let Ok(pending) = self.pending(listener) {
            pending.push_front(id);
        }
    }

    pub(crate) fn shutdown(&mut self, id: Id, how: Shutdown) -> Result<()> {
        let socket = self.get(id);
        if socket.peer_port.is_none() {
            return Err(WsaError::WSAENOTCONN);
        }
        socket.shut_receive |= how != Shutdown::Send;
        socket.shut_send |= how != Shutdown::Receive;
        let peer = socket.peer.filter(|_| how != Shutdown::Receive);
        if let Some(end) = peer.and_then(|peer| self.sockets.get_mut(&peer)) {
            // It can still send to this side.
            end.ended = Ended::Graceful;
        }
        peer.into_iter().for_each(|peer| self.touch(peer));
        Ok(())
    }

    /// Sends as much as there is room for: the number of bytes.
    pub(crate) fn send_stream(&mut self, id: Id, bytes: &[u8]) -> Result<usize> {
        let from = match self.get(id) {
            Socket { shut_send: true, .. } => return Err(WsaError::WSAESHUTDOWN),
            Socket { peer_port: None, .. } => return Err(WsaError::WSAENOTCONN),
            Socket { port, .. } => port.unwrap_or(0),
        };
        let peer = self.get(id).peer.ok_or(WsaError::WSAECONNRESET)?;
        let count = bytes.len().min(ROOM.saturating_sub(self.queued(peer)));
        if count == 0 && !bytes.is_empty() {
            self.enable(id, FD_WRITE);
            return Err(WsaError::WSAEWOULDBLOCK);
        }
        if count > 0 {
            self.get(peer).inbox.push_back(Message { from, bytes: bytes[..count].to_vec() });
            self.touch(peer);
        }
        Ok(count)
    }

    /// Sends a datagram, which is lost if nobody is there, or the receiver has no room.
    pub(crate) fn send_datagram(&mut self, id: Id, bytes: &[u8], to: Option<u16>) -> Result<u32> {
        if self.get(id).shut_send {
            return Err(WsaError::WSAESHUTDOWN);
        }
        if bytes.len() > LARGEST_DATAGRAM {
            return Err(WsaError::WSAEMSGSIZE);
        }
        let to = to.or(self.get(id).peer_port).ok_or(WsaError::WSAENOTCONN)?;
        let from = self.bind_if_needed(id)?;
        if let Some(receiver) = self.ports.get(&(Kind::Datagram, to)).copied() {
            let wanted = self.get(receiver).peer_port.is_none_or(|peer| peer == from);
            if wanted && self.queued(receiver) + bytes.len() <= ROOM {
                self.get(receiver).inbox.push_back(Message { from, bytes: bytes.to_vec() });
                self.touch(receiver);
            }
        }
        Ok(bytes.len() as u32)
    }

    /// Receives into the buffers: the number of bytes, and from where.
    pub(crate) fn receive(&mut self, id: Id, buffers: &mut RecvBuffers<'_>, peek: bool) -> Result<(usize, u16)> {
        let result = self.get(id).receive(buffers, peek);
        let peer = self.get(id).peer;
        // Enabled again even if the call fails (EV-2).
        self.enable(id, FD_READ);
        if result.is_ok() && !peek {
            // The sender has room now.
            peer.into_iter().for_each(|peer| self.touch(peer));
        }
        result
    }

    pub(crate) fn register(&mut self, id: Id, event: Option<Event>, mask: i32) {
        let socket = self.get(id);
        socket.nonblocking = true;
        let record = NetworkEvents::NONE;
        socket.registration = event.map(|event| Registration { event, mask, enabled: FD_ALL_EVENTS, record });
        self.touch(id);
    }

    pub(crate) fn take_events(&mut self, id: Id) -> NetworkEvents {
        self.get(id).registration.as_mut().map_or(NetworkEvents::NONE, |registration| registration.record.take())
    }

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
        self.get(id).pending.is_some()
    }

    /// What can be received, in bytes.
    pub(crate) fn queued(&mut self, id: Id) -> usize {
        self.get(id).inbox.iter().map(|message| message.bytes.len()).sum()
    }

    pub(crate) fn name(&mut self, id: Id) -> Result<Address> {
        self.get(id).port.map(address).ok_or(WsaError::WSAEINVAL)
    }

    pub(crate) fn peer_name(&mut self, id: Id) -> Result<Address> {
        self.get(id).peer_port.map(address).ok_or(WsaError::WSAENOTCONN)
    }

    /// For WSPSelect (WSP-SELECT-6).
    pub(crate) fn is_ready(&mut self, id: Id, interest: Interest) -> bool {
        let ready = match interest {
            Interest::Read => FD_READ | FD_ACCEPT | FD_CLOSE,
            Interest::Write => FD_WRITE,
            // A connect fails at once or not at all, and there is no out-of-band data.
            Interest::Except => 0,
        };
        self.conditions(id) & ready != 0
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed || !self.signals.is_empty()
    }

    /// Whether anybody who waits should look again, and the events to set.
    pub(crate) fn take_changes(&mut self) -> (bool, Vec<Event>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.signals))
    }

    /// What is true of a socket now, as network events.
    fn conditions(&mut self, id: Id) -> i32 {
        let room = match self.get(id).peer {
            Some(peer) => self.queued(peer) < ROOM,
            None => true,
        };
        let socket = self.get(id);
        let connected = socket.peer_port.is_some();
        let bits = [
            (FD_READ, !socket.inbox.is_empty()),
            (FD_WRITE, room && (connected || socket.kind == Kind::Datagram)),
            (FD_ACCEPT, socket.pending.as_ref().is_some_and(|(pending, _)| !pending.is_empty())),
            (FD_CONNECT, connected && socket.kind == Kind::Stream),
            (FD_CLOSE, socket.ended == Ended::Reset || socket.ended == Ended::Graceful && socket.inbox.is_empty()),
        ];
        bits.into_iter().filter(|(_, holds)| *holds).map(|(bit, _)| bit).sum()
    }

    /// Something has happened to a socket: what its owner wants to know is recorded.
    fn touch(&mut self, id: Id) {
        self.changed = true;
        if !self.sockets.contains_key(&id) {
            return;
        }
        let conditions = self.conditions(id);
        let socket = self.get(id);
        let closed = (socket.ended == Ended::Reset).then_some(WsaError::WSAECONNRESET);
        let Some(registration) = &mut socket.registration else { return };
        let new = conditions & registration.mask & registration.enabled;
        if new == 0 {
            return;
        }
        registration.enabled &= !new;
        for bit in (0..FD_MAX_EVENTS).filter(|bit| new & 1 << bit != 0) {
            registration.record.record(bit, closed.filter(|_| bit == FD_CLOSE_BIT));
        }
        let event = registration.event;
        self.signals.push(event);
    }

    /// The call that lets an event be recorded again has been made (EV-3, EV-4).
    fn enable(&mut self, id: Id, events: i32) {
        if let Some(registration) = &mut self.get(id).registration {
            registration.enabled |= events;
            self.touch(id);
        }
    }

    /// The other end of a stream has gone.
    fn end(&mut self, id: Option<Id>, how: Ended) {
        let Some(id) = id else { return };
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.peer = None;
        socket.ended = how;
        if how == Ended::Reset {
            socket.inbox.clear();
        }
        self.touch(id);
    }

    fn bind_if_needed(&mut self, id: Id) -> Result<u16> {
        if self.get(id).port.is_none() {
            self.bind(id, 0)?;
        }
        self.get(id).port.ok_or(WsaError::WSAEINVAL)
    }

    fn pending(&mut self, id: Id) -> Result<&mut VecDeque<Id>> {
        match self.get(id) {
            Socket { kind: Kind::Datagram, .. } => Err(WsaError::WSAEOPNOTSUPP),
            Socket { pending: Some((pending, _)), .. } => Ok(pending),
            _ => Err(WsaError::WSAEINVAL),
        }
    }

    /// A socket that its `MemorySocket`, or a listener's queue, keeps here.
    fn get(&mut self, id: Id) -> &mut Socket {
        self.sockets.get_mut(&id).expect("an id is as long-lived as its socket")
    }
}

impl Socket {
    fn receive(&mut self, buffers: &mut RecvBuffers<'_>, peek: bool) -> Result<(usize, u16)> {
        if self.shut_receive {
            return Err(WsaError::WSAESHUTDOWN);
        }
        match self.kind {
            Kind::Stream => self.receive_stream(buffers, peek),
            Kind::Datagram => self.receive_datagram(buffers, peek),
        }
    }

    fn receive_stream(&mut self, buffers: &mut RecvBuffers<'_>, peek: bool) -> Result<(usize, u16)> {
        let from = self.peer_port.ok_or(WsaError::WSAENOTCONN)?;
        if self.inbox.is_empty() {
            return match self.ended {
                Ended::Not => Err(WsaError::WSAEWOULDBLOCK),
                Ended::Graceful => Ok((0, from)),
                Ended::Reset => Err(WsaError::WSAECONNRESET),
            };
        }
        let mut taken = 0;
        for message in &self.inbox {
            taken += buffers.scatter_at(taken, &message.bytes);
        }
        let mut left = if peek { 0 } else { taken };
        while let Some(first) = self.inbox.front_mut().filter(|_| left > 0) {
            let part = left.min(first.bytes.len());
            first.bytes.drain(..part);
            left -= part;
            if first.bytes.is_empty() {
                self.inbox.pop_front();
            }
        }
        Ok((taken, from))
    }

    /// What does not fit is lost (WSP-RECV-4).
    fn receive_datagram(&mut self, buffers: &mut RecvBuffers<'_>, peek: bool) -> Result<(usize, u16)> {
        if self.port.is_none() {
            return Err(WsaError::WSAEINVAL);
        }
        let message = self.inbox.front().ok_or(WsaError::WSAEWOULDBLOCK)?;
        let (count, whole, from) = (buffers.scatter(&message.bytes), message.bytes.len(), message.from);
        if !peek {
            self.inbox.pop_front();
        }
        if count < whole { Err(WsaError::WSAEMSGSIZE) } else { Ok((count, from)) }
    }
}
