//! Sockets that are associated with a completion port: the threads that wait there for packets do the receiving.
//!
//! The port tells edges of readiness. From what they say, and from what the tries say, this knows when a receive would find
//! nothing: then starting one costs no system call.

use windlass_abi::{SOCKET, WsaError};
use windlass_spi::Result;
use windlass_spi::port::{Port, Readiness, Watch};
use windlass_spi::socket::OpenSocket;

use super::{Left, State, check_open};
use crate::socket::{Flags, Kind, TcpSocket};

/// The watch of a port over one descriptor of the socket.
pub(super) struct Watched {
    watch: Watch,
    handle: SOCKET,
    /// A receive may find something: an edge has said so, and no try has found otherwise since.
    readable: bool,
    /// The peer's end has come: there is always something to find, and no edge tells it again.
    ended: bool,
    /// There is or was out-of-band data, where a receive stops short of what is behind.
    urgent: bool,
    /// What has been told until now was about a socket without connection.
    unconnected: bool,
}

impl Watched {
    pub fn handle(&self) -> SOCKET {
        self.handle
    }

    /// What is told from now on is about another connection.
    fn renew(&mut self, socket: &TcpSocket) {
        (self.readable, self.ended, self.urgent) = (true, false, false);
        self.unconnected = is_unconnected(socket);
        // It fails for want of memory in the kernel, if ever; a close ends what waits then.
        let _ = self.watch.renew();
    }
}

/// The socket has been associated: has the port watch it.
///
/// # Errors
/// WSAENOTSOCK: it is being closed.
pub fn associate(socket: &OpenSocket<TcpSocket>, port: &Port<'_>) -> Result<()> {
    let mut state = socket.operations().lock();
    check_open(socket)?;
    match port.watch(socket.fd()) {
        Ok(watch) => {
            let unconnected = is_unconnected(socket);
            let handle = socket.handle();
            state.watched = Some(Watched { watch, handle, readable: true, ended: false, urgent: false, unconnected });
            state.rest();
            Ok(())
        }
        // The provider's thread serves it all the same.
        Err(WsaError::WSAEMFILE | WsaError::WSA_NOT_ENOUGH_MEMORY) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A socket that is watched became ready.
pub fn ready(socket: &OpenSocket<TcpSocket>, events: Readiness) {
    const RECEIVE: Readiness = Readiness::READ.or(Readiness::READ_CLOSED).or(Readiness::CLOSED).or(Readiness::ERROR);
    let Some(operations) = socket.existing_operations() else { return };
    let mut state = operations.lock();
    let Some(watched) = &mut state.watched else { return };
    if watched.unconnected && !is_unconnected(socket) {
        watched.renew(socket);
    } else {
        watched.ended |= !watched.unconnected && events.meets(Readiness::READ_CLOSED.or(Readiness::CLOSED));
        watched.urgent |= events.meets(Readiness::URGENT);
    }
    if events.meets(RECEIVE) {
        watched.readable = true;
        state.go_on_receiving(socket);
    }
    state.go_on_otherwise(socket);
    state.rest();
}

/// Goes on with what waits.
pub fn go_on(socket: &TcpSocket) {
    if let Some(operations) = socket.existing_operations() {
        operations.lock().go_on(socket);
    }
}

fn is_unconnected(socket: &TcpSocket) -> bool {
    socket.kind == Kind::Stream && !socket.flags.any(Flags::CONNECTED)
}

impl State {
    /// Whether a receive would find nothing, and its time to come will be told.
    pub(super) fn is_quiet(&mut self, socket: &TcpSocket) -> bool {
        let Some(watched) = &mut self.watched else { return false };
        if watched.unconnected && !is_unconnected(socket) {
            watched.renew(socket);
        }
        // Whatever else there is to say to it, the kernel says.
        !watched.readable && !watched.ended && socket.flags.any(Flags::BOUND) && !is_unconnected(socket)
    }

    /// A receive was tried.
    pub(super) fn received(&mut self, left: Left) {
        let Some(watched) = &mut self.watched else { return };
        match left {
            Left::Unknown => {}
            Left::Nothing => watched.readable = watched.ended || watched.urgent,
            Left::End => watched.ended = true,
        }
    }

    /// Lets the provider's thread go that nobody needs beside the port's.
    fn rest(&mut self) {
        if self.engine.is_some() && self.receives.is_empty() && self.sends.is_empty() && self.changes.is_empty() {
            let idle = self.connections.as_ref().is_none_or(|connections| connections.is_idle());
            if idle {
                self.engine = None;
            }
        }
    }

    /// The descriptor refers to another socket of the kernel now: nobody watches that yet.
    pub(super) fn replaced(&mut self, socket: &TcpSocket) {
        self.engine = None;
        if let Some(watched) = &mut self.watched {
            watched.renew(socket);
        }
    }
}
