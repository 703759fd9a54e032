//! One socket: what is known of it, and what has arrived.

use std::collections::VecDeque;
use std::net::SocketAddr;

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::buffers::RecvBuffers;
use windlass_spi::events::{Event, NetworkEvents};

use crate::catalog::Protocol;
use crate::network::{Id, ROOM};
use crate::options::Options;

/// The most datagrams that wait to be received, whatever their length.
const MOST_DATAGRAMS: usize = 1024;

pub(crate) struct Socket {
    pub(crate) protocol: Protocol,
    pub(crate) local: Option<SocketAddr>,
    /// The name of the peer.
    pub(crate) remote: Option<SocketAddr>,
    /// The other end of a stream, while it is there.
    pub(crate) peer: Option<Id>,
    pub(crate) ended: Ended,
    /// What a stream has brought.
    pub(crate) bytes: VecDeque<u8>,
    pub(crate) datagrams: VecDeque<Datagram>,
    /// Only if the socket listens.
    pub(crate) queue: Option<Queue>,
    /// Why a connect that was left to itself failed; told once.
    pub(crate) failure: Option<WsaError>,
    pub(crate) shut_receive: bool,
    /// Nothing is received any more, but what comes is taken (WSP-RDIS-2).
    pub(crate) disconnected: bool,
    pub(crate) shut_send: bool,
    pub(crate) nonblocking: bool,
    pub(crate) cancelled: bool,
    pub(crate) options: Options,
    pub(crate) registration: Option<Registration>,
}

/// How a stream has ended, as this side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Not,
    Graceful,
    Reset,
}

pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// The connections that a listener has not accepted yet.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) waiting: VecDeque<Id>,
    pub(crate) limit: usize,
}

/// What WSPEventSelect asked for.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) event: Event,
    pub(crate) mask: i32,
    /// Events that may be recorded: recording takes them out, the re-enabling call puts them back (EV-2).
    pub(crate) enabled: i32,
    pub(crate) record: NetworkEvents,
}

impl Socket {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            local: None,
            remote: None,
            peer: None,
            ended: Ended::Not,
            bytes: VecDeque::new(),
            datagrams: VecDeque::new(),
            queue: None,
            failure: None,
            shut_receive: false,
            disconnected: false,
            shut_send: false,
            nonblocking: false,
            cancelled: false,
            options: Options::default(),
            registration: None,
        }
    }

    /// Its own name. Whoever is bound to every address has one as soon as there is a peer.
    pub(crate) fn name(&self) -> Option<SocketAddr> {
        let local = self.local?;
        let is_known = !local.ip().is_unspecified() || self.remote.is_none();
        Some(if is_known { local } else { self.name_as_sender(local) })
    }

    /// The name that others see of a socket that is bound so.
    pub(crate) fn name_as_sender(&self, local: SocketAddr) -> SocketAddr {
        match local.ip().is_unspecified() {
            true => SocketAddr::new(self.protocol.family.loopback(), local.port()),
            false => local,
        }
    }

    /// What waits to be received, in bytes (WSP-IOCTL-6).
    pub(crate) fn queued(&self) -> usize {
        self.bytes.len() + self.datagrams.iter().map(|datagram| datagram.bytes.len()).sum::<usize>()
    }

    /// How many bytes of a stream there is room for.
    pub(crate) fn room(&self) -> usize {
        ROOM.saturating_sub(self.bytes.len())
    }

    /// Takes a datagram, if it comes from the peer, or from anybody where there is none (WSP-CONN-5), and there is room.
    pub(crate) fn deliver(&mut self, from: SocketAddr, bytes: &[u8]) -> bool {
        let is_wanted = self.remote.is_none_or(|remote| remote == from) && !self.shut_receive;
        let fits = self.datagrams.len() < MOST_DATAGRAMS && self.queued() + bytes.len() <= ROOM;
        if is_wanted && fits {
            self.datagrams.push_back(Datagram { from, bytes: bytes.to_vec() });
        }
        is_wanted && fits
    }

    pub(crate) fn check_receiving(&self) -> Result<()> {
        if self.shut_receive || self.disconnected { Err(WsaError::WSAESHUTDOWN) } else { Ok(()) }
    }

    /// Receives into the buffers after leaving out `offset` bytes: the number of bytes. `peek` leaves them here.
    pub(crate) fn receive_stream(&mut self, buffers: &mut RecvBuffers<'_>, offset: usize, peek: bool) -> Result<usize> {
        if self.remote.is_none() {
            return Err(WsaError::WSAENOTCONN);
        }
        if self.bytes.is_empty() {
            return match self.ended {
                Ended::Not => Err(WsaError::WSAEWOULDBLOCK),
                Ended::Graceful => Ok(0),
                Ended::Reset => Err(WsaError::WSAECONNRESET),
            };
        }
        let (first, second) = self.bytes.as_slices();
        let mut count = buffers.scatter_at(offset, first);
        count += buffers.scatter_at(offset + count, second);
        if !peek {
            self.bytes.drain(..count);
        }
        Ok(count)
    }

    /// Receives into the buffers: the number of bytes, and the sender. What does not fit is lost (WSP-RECV-4).
    pub(crate) fn receive_datagram(
        &mut self,
        buffers: &mut RecvBuffers<'_>,
        peek: bool,
    ) -> Result<(usize, SocketAddr)> {
        if self.local.is_none() {
            return Err(WsaError::WSAEINVAL);
        }
        let Datagram { bytes, from } = self.datagrams.front().ok_or(WsaError::WSAEWOULDBLOCK)?;
        let (count, length, from) = (buffers.scatter(bytes), bytes.len(), *from);
        if !peek {
            self.datagrams.pop_front();
        }
        if count < length { Err(WsaError::WSAEMSGSIZE) } else { Ok((count, from)) }
    }
}
