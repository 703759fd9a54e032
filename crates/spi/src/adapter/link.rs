//! Sockets that an operation needs later.

use std::any::Any;

use windlass_abi::SOCKET;

use super::entry::Entry;
use crate::socket::OpenSocket;

/// Finds an open socket again, from any thread, for an operation that acts on it when something else has happened. Holding
/// one keeps nothing open.
#[derive(Clone, Copy)]
pub struct SocketLink {
    handle: SOCKET,
    enter: Enter,
}

/// Calls back with the open socket of a handle, if there is one.
type Enter = fn(SOCKET, &mut dyn FnMut(&dyn Any));

impl SocketLink {
    pub(super) fn new<E: Entry>(handle: SOCKET) -> Self {
        Self { handle, enter: enter::<E> }
    }

    /// The handle of the socket.
    pub fn handle(&self) -> SOCKET {
        self.handle
    }

    /// What `body` makes of the socket, whose close waits meanwhile. Nothing if the handle has been given up. Once it has, the same
    /// handle may name a new socket: the caller tells the two apart.
    pub fn with<S: 'static, R>(&self, body: impl FnOnce(&OpenSocket<S>) -> R) -> Option<R> {
        let (mut body, mut result) = (Some(body), None);
        (self.enter)(self.handle, &mut |socket| {
            if let (Some(socket), Some(body)) = (socket.downcast_ref::<OpenSocket<S>>(), body.take()) {
                result = Some(body(socket));
            }
        });
        result
    }
}

fn enter<E: Entry>(handle: SOCKET, body: &mut dyn FnMut(&dyn Any)) {
    if let Ok(call) = E::provider().enter_socket(handle) {
        body(&*call.socket);
    }
}
