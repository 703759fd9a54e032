//! `AcceptEx`: a connection that waits at a listener becomes a socket that is there already, and its first data is
//! received with it (API-X10 to API-X18).
//!
//! The kernel makes a descriptor of its own for a connection; the client's is made to refer to it. What was set on the
//! client's socket before is gone then: it has what the kernel gave the connection, until `SO_UPDATE_ACCEPT_CONTEXT`.

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};

use rustix::net::{RecvFlags, getsockname};
use windlass_abi::{SOCKET, WsaError};
use windlass_spi::Result;
use windlass_spi::operation::{Completion, Operation, Request, SocketLink, Started};
use windlass_spi::socket::OpenSocket;

use super::connections::Connections;
use super::{State, check_open, count};
use crate::error::from_errno;
use crate::network_events::watcher::Shared;
use crate::sockaddr::{from_kernel, to_address};
use crate::socket::{Common, Flags, Kind, Pending, TcpSocket};
use crate::{Tcpip, accept, network_events, recv};

/// An `AcceptEx` without connection.
pub(super) struct Acceptance {
    pub operation: Operation,
    into: SocketLink,
    target: Weak<Common>,
    /// What serves the wait for first data, if that is wanted.
    shared: Option<Arc<Shared>>,
    /// The listener's descriptor.
    listener: SOCKET,
}

/// An `AcceptEx` that has its connection, and waits for data.
pub(super) struct FirstData {
    pub operation: Operation,
    pub listener: SOCKET,
    pub into: SOCKET,
}

/// A connection whose first data is waited for, as its listener knows it.
pub(super) struct Waiting {
    pub listener: SOCKET,
    pub target: Weak<Common>,
}

/// What became of a connection that an `AcceptEx` took.
enum Delivered {
    Done,
    /// The operation waits for data.
    Waits,
    /// The socket is gone, or not fit any more: the connection is somebody else's.
    Refused(Box<Refusal>),
}

struct Refusal {
    pending: Pending,
    operation: Operation,
    error: WsaError,
}

/// Starts an `AcceptEx`.
///
/// # Errors
/// WSAEOPNOTSUPP: not connection-oriented. WSAEINVAL: not listening; or the other socket is bound, connected, waited
/// for already, of another kind, or has several descriptors (API-X13). WSAENOTSOCK. Those of accepting.
pub(super) fn start(tcpip: &Tcpip, listener: &OpenSocket<TcpSocket>, operation: Operation) -> Result<Started> {
    let started = begin(tcpip, listener, operation);
    network_events::after_accept(listener, false);
    started
}

fn begin(tcpip: &Tcpip, listener: &OpenSocket<TcpSocket>, operation: Operation) -> Result<Started> {
    let Request::Accept { into, .. } = operation.request else { return Err(WsaError::WSAEINVAL) };
    if listener.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    if !listener.flags.any(Flags::LISTENING) {
        return Err(WsaError::WSAEINVAL);
    }
    let target = into.with(|socket| reserve(listener, socket)).ok_or(WsaError::WSAENOTSOCK)??;
    let started = begin_reserved(tcpip, listener, operation, into, target.clone());
    if started.is_err()
        && let Some(target) = target.upgrade()
        && let Some(connections) = &mut target.operations().lock().connections
    {
        connections.awaited = None;
    }
    started
}

fn begin_reserved(
    tcpip: &Tcpip,
    listener: &OpenSocket<TcpSocket>,
    operation: Operation,
    into: SocketLink,
    target: Weak<Common>,
) -> Result<Started> {
    let mut acceptance = Acceptance { operation, into, target, shared: None, listener: listener.handle() };
    if acceptance.wants_data() {
        acceptance.shared = Some(tcpip.watcher.shared(&tcpip.upcalls)?);
    }
    let mut state = listener.operations().lock();
    check_open(listener)?;
    if state.connections().accepts.is_empty() {
        match accept::first(listener) {
            Err(WsaError::WSAEWOULDBLOCK) => {}
            Err(error) => return Err(error),
            Ok(pending) => {
                let (waiting, pends) = (acceptance.waiting(), acceptance.wants_data());
                if pends {
                    // It is told later, if not at once; which of the two is not known yet.
                    acceptance.operation.pend()?;
                }
                return match acceptance.deliver(pending) {
                    Delivered::Done if pends => Ok(Started::Pending),
                    Delivered::Done => Ok(Started::Completed),
                    Delivered::Waits => {
                        state.connections().remember(waiting);
                        Ok(Started::Pending)
                    }
                    Delivered::Refused(refusal) => {
                        let Refusal { pending, operation, error } = *refusal;
                        accept::put_back(listener, pending);
                        if pends {
                            operation.complete(Completion::failed(error));
                            return Ok(Started::Pending);
                        }
                        Err(error)
                    }
                };
            }
        }
    }
    state.drive(tcpip, listener, &acceptance.operation)?;
    acceptance.operation.pend()?;
    let handle = listener.handle();
    state.connections().accepts.push_back((handle, acceptance));
    Ok(Started::Pending)
}

/// Keeps a socket for an `AcceptEx`.
fn reserve(listener: &OpenSocket<TcpSocket>, socket: &OpenSocket<TcpSocket>) -> Result<Weak<Common>> {
    let mut state = socket.operations().lock();
    check_open(socket)?;
    let is_awaited = state.connections.as_ref().is_some_and(|connections| connections.awaited.is_some());
    if is_awaited || !is_fit(listener, socket) || socket.descriptors() != 1 {
        return Err(WsaError::WSAEINVAL);
    }
    state.connections().awaited = Some(Arc::downgrade(listener.common()));
    Ok(Arc::downgrade(socket.common()))
}

/// Whether a socket can become a connection of `listener` (API-X13).
fn is_fit(listener: &Common, socket: &Common) -> bool {
    const USED: u32 =
        Flags::BOUND | Flags::LISTENING | Flags::CONNECTING | Flags::CONNECTED | Flags::ABORTED | Flags::SHARED;
    socket.kind == Kind::Stream && socket.family == listener.family && !socket.flags.any(USED)
}

impl Connections {
    /// Gives connections that wait to those who want them.
    pub(super) fn go_on_accepting(&mut self, listener: &TcpSocket) {
        while let Some((handle, acceptance)) = self.accepts.pop_front() {
            match accept::first(listener) {
                Err(WsaError::WSAEWOULDBLOCK) => return self.accepts.push_front((handle, acceptance)),
                Err(error) => {
                    acceptance.release();
                    acceptance.operation.complete(Completion::failed(error));
                }
                Ok(pending) => {
                    let waiting = acceptance.waiting();
                    match acceptance.deliver(pending) {
                        Delivered::Done => {}
                        Delivered::Waits => self.remember(waiting),
                        Delivered::Refused(refusal) => {
                            let Refusal { pending, operation, error } = *refusal;
                            accept::put_back(listener, pending);
                            operation.complete(Completion::failed(error));
                        }
                    }
                }
            }
        }
    }

    /// Receives the first data of a new connection.
    pub(super) fn go_on_receiving_first(&mut self, socket: &TcpSocket) {
        let Some(mut first) = self.first.take() else { return };
        match first.attempt(socket) {
            None => self.first = Some(first),
            Some(end) => {
                first.operation.complete(end);
            }
        }
    }

    fn remember(&mut self, waiting: Waiting) {
        // Those that have got their data are forgotten when the list would grow.
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.retain(Waiting::goes_on);
        }
        self.waiting.push(waiting);
    }

    /// Takes out the `AcceptEx` that a socket was kept for.
    pub(super) fn withdraw(&mut self, target: &Arc<Common>) -> Option<Acceptance> {
        let at = self.accepts.iter().position(|(_, acceptance)| is_same(&acceptance.target, target))?;
        self.accepts.remove(at).map(|(_, acceptance)| acceptance)
    }
}

impl Waiting {
    fn goes_on(&self) -> bool {
        let goes_on = |state: &State| state.connections.as_ref().is_some_and(|connections| connections.first.is_some());
        self.target.upgrade().is_some_and(|target| goes_on(&target.operations().lock()))
    }
}

fn is_same(one: &Weak<Common>, other: &Arc<Common>) -> bool {
    std::ptr::eq(one.as_ptr(), Arc::as_ptr(other))
}

impl Acceptance {
    /// The socket that is to become the connection.
    pub(super) fn target(&self) -> SocketLink {
        self.into
    }

    fn waiting(&self) -> Waiting {
        Waiting { listener: self.listener, target: self.target.clone() }
    }

    fn wants_data(&mut self) -> bool {
        match &mut self.operation.request {
            Request::Accept { buffers, .. } => buffers.buffers().total() != 0,
            _ => false,
        }
    }

    /// The socket is free for another.
    pub(super) fn release(&self) {
        if let Some(target) = self.target.upgrade()
            && let Some(connections) = &mut target.operations().lock().connections
        {
            connections.awaited = None;
        }
    }

    /// Makes the socket the connection.
    fn deliver(self, pending: Pending) -> Delivered {
        let into = self.into;
        let mut taken = Some((self, pending));
        let delivered = into.with(|socket: &OpenSocket<TcpSocket>| {
            let (acceptance, pending) = taken.take()?;
            Some(acceptance.deliver_to(socket, pending))
        });
        match (delivered.flatten(), taken) {
            (Some(delivered), _) => delivered,
            (None, Some((acceptance, pending))) => {
                refused(pending, acceptance.operation, WsaError::WSA_OPERATION_ABORTED)
            }
            // The closure takes both and answers, or neither.
            (None, None) => Delivered::Done,
        }
    }

    fn deliver_to(mut self, socket: &OpenSocket<TcpSocket>, pending: Pending) -> Delivered {
        let wants_data = self.wants_data();
        let mut state = socket.operations().lock();
        // Another socket may have the handle by now.
        if !is_same(&self.target, socket.common()) || socket.is_closed() {
            return refused(pending, self.operation, WsaError::WSA_OPERATION_ABORTED);
        }
        state.connections().awaited = None;
        if socket.flags.any(Flags::BOUND | Flags::LISTENING | Flags::CONNECTING | Flags::CONNECTED) {
            return refused(pending, self.operation, WsaError::WSAEINVAL);
        }
        let Request::Accept { area, .. } = &mut self.operation.request else { return Delivered::Done };
        let local = match getsockname(pending.fd.as_fd()).map_err(from_errno).and_then(from_kernel) {
            Ok(local) => local,
            Err(error) => return refused(pending, self.operation, error),
        };
        if let Err(error) = become_connection(socket, &pending) {
            return refused(pending, self.operation, error);
        }
        area.store(&to_address(&local), &to_address(&pending.peer));
        state.replaced(socket);
        let mut end = Some(Completion::default());
        let operation = match wants_data {
            false => self.operation,
            true => {
                let (listener, into) = (self.listener, socket.handle());
                let mut first = FirstData { operation: self.operation, listener, into };
                end = first
                    .attempt(socket)
                    .or_else(|| state.serve(self.shared.as_ref(), socket).err().map(Completion::failed));
                if end.is_none() {
                    state.connections().first = Some(first);
                    drop(state);
                    network_events::after_replacement(socket);
                    return Delivered::Waits;
                }
                first.operation
            }
        };
        state.forget_connections();
        drop(state);
        network_events::after_replacement(socket);
        operation.complete(end.unwrap_or_default());
        Delivered::Done
    }
}

fn refused(pending: Pending, operation: Operation, error: WsaError) -> Delivered {
    Delivered::Refused(Box::new(Refusal { pending, operation, error }))
}

/// Makes a descriptor refer to a connection.
fn become_connection(socket: &TcpSocket, pending: &Pending) -> Result<()> {
    socket.replace(pending.fd.as_fd())?;
    let mut rare = socket.rare();
    rare.connected_at = Some(std::time::Instant::now());
    rare.was_accepted = true;
    socket.flags.set(Flags::CONNECTED | Flags::BOUND);
    Ok(())
}

impl FirstData {
    /// Receives what there is. Nothing: there is none yet.
    fn attempt(&mut self, socket: &TcpSocket) -> Option<Completion> {
        let Request::Accept { buffers, .. } = &mut self.operation.request else {
            return Some(Completion::failed(WsaError::WSAEINVAL));
        };
        match recv::attempt_overlapped(socket, &mut buffers.buffers(), RecvFlags::DONTWAIT, false).0 {
            Err(WsaError::WSAEWOULDBLOCK) => None,
            Err(error) => Some(Completion::failed(error)),
            // None at all: the peer has ended the connection (API-X12).
            Ok(length) => Some(Completion::of(count(length))),
        }
    }
}
