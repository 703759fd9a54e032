//! What the operations that make and end connections keep of a socket: `AcceptEx`, `ConnectEx`, `DisconnectEx`.
//!
//! Lock order: a listening socket's operations, then those of the socket that is to become a connection.

use std::collections::VecDeque;
use std::sync::Weak;

use windlass_abi::{SOCKET, WsaError};
use windlass_spi::operation::{Completion, Operation, Selection, SocketLink};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::Cancel;

use super::State;
use super::accept_ex::{Acceptance, FirstData, Waiting};
use super::connect_ex::Connecting;
use super::disconnect_ex::Disconnecting;
use crate::socket::{Common, TcpSocket};

/// Made by the first such operation of a socket.
#[derive(Default)]
pub(super) struct Connections {
    /// Of a listening socket: the `AcceptEx` calls that wait for a connection, in their order.
    pub accepts: VecDeque<(SOCKET, Acceptance)>,
    /// Of a listening socket: the sockets whose first data is waited for.
    pub waiting: Vec<Waiting>,
    /// Of a socket that is to become a connection: the listener that has its `AcceptEx`.
    pub awaited: Option<Weak<Common>>,
    /// Of a socket that has become a connection: the `AcceptEx` that waits for first data.
    pub first: Option<FirstData>,
    pub connect: Option<Connecting>,
    pub disconnect: Option<(SOCKET, Disconnecting)>,
}

impl State {
    /// What there is to keep, made if it was not there.
    pub(super) fn connections(&mut self) -> &mut Connections {
        self.connections.get_or_insert_default()
    }

    /// Goes on with whatever waits; says whether the descriptor refers to another socket of the kernel now.
    pub(super) fn go_on_with_connections(&mut self, socket: &TcpSocket) -> bool {
        let Some(connections) = &mut self.connections else { return false };
        connections.go_on_connecting(socket);
        connections.go_on_receiving_first(socket);
        connections.go_on_accepting(socket);
        let renewed = connections.go_on_disconnecting(socket);
        if renewed {
            self.replaced(socket);
        }
        self.forget_connections();
        renewed
    }

    /// Keeps nothing where nothing waits: a server has tens of thousands of such sockets.
    pub(super) fn forget_connections(&mut self) {
        self.connections.take_if(|connections| {
            connections.is_idle() && connections.awaited.is_none() && connections.waiting.is_empty()
        });
    }
}

/// What is left to do for a socket that is being closed, once the lock of its operations is free again.
pub(super) struct Leftovers {
    listener: Option<Weak<Common>>,
    targets: Vec<SocketLink>,
    waiting: Vec<Waiting>,
}

impl Connections {
    /// Whether no operation waits.
    pub(super) fn is_idle(&self) -> bool {
        self.accepts.is_empty() && self.first.is_none() && self.connect.is_none() && self.disconnect.is_none()
    }

    /// Takes out the operations that the close of a descriptor ends.
    pub(super) fn take(&mut self, handle: SOCKET, operations: &mut Vec<Operation>) -> Leftovers {
        let (taken, kept) =
            std::mem::take(&mut self.accepts).into_iter().partition(|(started_on, _)| *started_on == handle);
        self.accepts = kept;
        let taken: VecDeque<(SOCKET, Acceptance)> = taken;
        let targets = taken.iter().map(|(_, acceptance)| acceptance.target()).collect();
        operations.extend(taken.into_iter().map(|(_, acceptance)| acceptance.operation));
        operations.extend(self.first.take_if(|first| first.into == handle).map(|first| first.operation));
        operations.extend(self.connect.take_if(|connect| connect.handle == handle).map(|connect| connect.operation));
        let disconnect = self.disconnect.take_if(|(started_on, _)| *started_on == handle);
        operations.extend(disconnect.map(|(_, disconnect)| disconnect.operation));
        let (waiting, kept) =
            std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.listener == handle);
        self.waiting = kept;
        Leftovers { listener: self.awaited.take(), targets, waiting }
    }
}

impl Connections {
    /// Takes out the operations that are selected. Under the lock of their socket.
    pub(super) fn take_selected(&mut self, selection: &Selection, operations: &mut Vec<Operation>) {
        let accepts = std::mem::take(&mut self.accepts);
        let (taken, kept): (VecDeque<_>, _) =
            accepts.into_iter().partition(|(_, acceptance)| selection.has(&acceptance.operation));
        self.accepts = kept;
        for (_, acceptance) in taken {
            acceptance.release();
            operations.push(acceptance.operation);
        }
        for waiting in &self.waiting {
            let Some(target) = waiting.target.upgrade() else { continue };
            let mut state = target.operations().lock();
            let Some(connections) = &mut state.connections else { continue };
            operations.extend(
                connections.first.take_if(|first| selection.has(&first.operation)).map(|first| first.operation),
            );
        }
        let connect = self.connect.take_if(|connect| selection.has(&connect.operation));
        operations.extend(connect.map(|connect| connect.operation));
        let disconnect = self.disconnect.take_if(|(_, disconnect)| selection.has(&disconnect.operation));
        operations.extend(disconnect.map(|(_, disconnect)| disconnect.operation));
    }
}

impl Leftovers {
    /// Ends the operations of other sockets that this one had a part in. `socket` is the one that is being closed.
    pub(super) fn end(self, socket: &TcpSocket, why: Cancel) {
        // A listener's targets are free for another `AcceptEx`.
        for target in self.targets {
            target.with(|target: &OpenSocket<TcpSocket>| {
                let mut state = target.operations().lock();
                if let Some(connections) = &mut state.connections {
                    connections
                        .awaited
                        .take_if(|listener| std::ptr::eq(listener.as_ptr(), &raw const **socket.common()));
                }
            });
        }
        for waiting in self.waiting {
            let Some(target) = waiting.target.upgrade() else { continue };
            let mut state = target.operations().lock();
            let first = state
                .connections
                .as_mut()
                .and_then(|connections| connections.first.take_if(|first| first.listener == waiting.listener));
            drop(state);
            end_all(first.map(|first| first.operation), why);
        }
        // The closing of a target ends its AcceptEx (API-X17).
        if let Some(listener) = self.listener.and_then(|listener| listener.upgrade()) {
            let mut state = listener.operations().lock();
            let taken = state.connections.as_mut().and_then(|connections| connections.withdraw(socket.common()));
            drop(state);
            end_all(taken.map(|acceptance| acceptance.operation), why);
        }
    }
}

/// Ends operations as a close, or the last clean-up, does.
pub(super) fn end_all(operations: impl IntoIterator<Item = Operation>, why: Cancel) {
    for operation in operations {
        match why {
            Cancel::Close => {
                operation.complete(Completion::failed(WsaError::WSA_OPERATION_ABORTED));
            }
            Cancel::CleanUp => operation.abort_silently(),
        }
    }
}
