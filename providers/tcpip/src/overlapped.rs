//! Overlapped operations: `WSPSend`, `WSPSendTo`, `WSPRecv`, `WSPRecvFrom` and the control codes that wait for a change
//! (contract: transport, section 4).
//!
//! The call tries at once, and what the kernel cannot do now waits in a [`queue`]. Whoever learns that the socket is ready
//! goes on with it: the threads that wait at the port that it is associated with ([`watched`]), else the provider's thread,
//! and a plain call that comes meanwhile. Every try and every end is under the lock of
//! the socket's operations, so that none overtakes another (OV-12), and nothing is touched any more once a close or the
//! last clean-up has had that lock (WSP-CLEANUP-8).
//!
//! A socket without operations pays for this with one bit among those that every transfer tests.
//!
//! An operation outlives the thread that started it; its completion routine does not, and is dropped (API-19).

mod accept_ex;
mod connect_ex;
mod connections;
mod disconnect_ex;
mod queue;
mod transmit;
mod watched;

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::event::{PollFlags, epoll};
use rustix::net::{self, RecvFlags, SendFlags};
use windlass_abi::{
    FD_ADDRESS_LIST_CHANGE, FD_ROUTING_INTERFACE_CHANGE, MSG_WAITALL, SIO_ADDRESS_LIST_CHANGE,
    SIO_ROUTING_INTERFACE_CHANGE, WsaError,
};
use windlass_spi::Result;
use windlass_spi::operation::{Completion, Operation, Request, Selection, Started};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{Cancel, Shutdown};

use self::connections::Connections;
pub use self::disconnect_ex::disconnect;
use self::queue::Queue;
pub use self::transmit::transmit;
use self::watched::Watched;
pub use self::watched::{associate, go_on, ready};
use crate::Tcpip;
use crate::blocking::until_done;
use crate::network_events;
use crate::network_events::changes::News;
use crate::network_events::watcher::{Ready, Shared};
use crate::sockaddr::{SocketAddress, check_capacity, parse_or, to_address};
use crate::socket::{Common, Flags, Kind, TcpSocket};
use crate::{control_data, message, recv, send};

/// The operations of one underlying socket that wait, made by the first.
#[derive(Default)]
pub struct Operations(Mutex<State>);

#[derive(Default)]
struct State {
    receives: Queue<Receive>,
    sends: Queue<Transmit>,
    changes: Queue<Change>,
    /// There from the first operation on that makes or ends a connection.
    connections: Option<Box<Connections>>,
    /// There from the first operation that waits until the socket is closed.
    engine: Option<Engine>,
    /// There from the association with a port until the descriptor that was associated is closed.
    watched: Option<Watched>,
    /// The sending direction was shut down; its end follows the last send.
    end_owed: bool,
}

/// What tells of readiness: a descriptor of its own in the set of the provider's thread.
struct Engine {
    shared: Arc<Shared>,
    key: u64,
    socket: TcpSocket,
}

struct Receive {
    operation: Operation,
    flags: RecvFlags,
    /// MSG_WAITALL: only full buffers are enough.
    all: bool,
    filled: usize,
    /// What the last try said about the next.
    left: Left,
}

/// What a receive has left behind in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// There may be more.
    Unknown,
    /// Nothing; what comes is told.
    Nothing,
    /// The connection is over, and every receive says so.
    End,
}

struct Transmit {
    operation: Operation,
    flags: SendFlags,
    to: Option<SocketAddress>,
    sent: usize,
    /// The datagrams of a transmission.
    packets: Option<Box<transmit::Packets>>,
}

struct Change {
    operation: Operation,
    /// `FD_*` bit.
    event: i32,
}

/// Whether an overlapped ioctl with this code waits for something.
pub fn ioctl_pends(code: u32) -> bool {
    matches!(code, SIO_ADDRESS_LIST_CHANGE | SIO_ROUTING_INTERFACE_CHANGE)
}

/// Starts an operation.
///
/// # Errors
/// It was not started. Those of the same call without overlapped completion, but none of waiting; WSAENOTSOCK: the socket is
/// being closed. WSAEOPNOTSUPP: MSG_PEEK and MSG_OOB, which receive at once or not at all (WSP-RECV-6), or no thread could be
/// started. WSA_INVALID_HANDLE: the event. WSAEMFILE, WSAENOBUFS.
pub fn start(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, operation: Operation) -> Result<Started> {
    match &operation.request {
        Request::Recv { flags, .. } => {
            let flags = *flags;
            let started = start_receive(tcpip, socket, operation, flags);
            network_events::after_recv(socket);
            started
        }
        Request::RecvFrom { flags, capacity, .. } => {
            let (flags, capacity) = (*flags, *capacity);
            if socket.kind == Kind::Datagram {
                check_capacity(capacity, socket.family)?;
            }
            let started = start_receive(tcpip, socket, operation, flags);
            network_events::after_recv(socket);
            started
        }
        Request::Send { flags, .. } => {
            let flags = *flags;
            let flags = send::overlapped_flags(socket, flags)?;
            start_send(tcpip, socket, Transmit::new(operation, flags, None))
        }
        Request::SendTo { flags, to, .. } => {
            let (flags, to) = (*flags, send::destination(socket, to.as_deref())?);
            let flags = send::overlapped_flags(socket, flags)?;
            start_send(tcpip, socket, Transmit::new(operation, flags, to))
        }
        Request::SendMsg { flags, to, control, .. } => {
            let (flags, to, _) = message::prepare_send(socket, *flags, to.as_deref(), control)?;
            start_send(tcpip, socket, Transmit::new(operation, flags, to))
        }
        Request::RecvMsg { flags, area, .. } => {
            let flags = *flags;
            message::check_recv(socket, area)?;
            let started = start_receive(tcpip, socket, operation, flags);
            network_events::after_recv(socket);
            started
        }
        Request::Transmit { .. } => {
            let mut operation = operation;
            let Request::Transmit { transmission, .. } = &mut operation.request else {
                return Err(WsaError::WSAEINVAL);
            };
            let packets = transmit::prepare(socket, transmission)?.map(Box::new);
            let flags = send::overlapped_flags(socket, 0)?;
            start_send(tcpip, socket, Transmit { packets, ..Transmit::new(operation, flags, None) })
        }
        Request::Ioctl { code, input } => {
            let event = match *code {
                SIO_ADDRESS_LIST_CHANGE => FD_ADDRESS_LIST_CHANGE,
                SIO_ROUTING_INTERFACE_CHANGE => {
                    parse_or(input, socket.family, WsaError::WSAEINVAL)?;
                    FD_ROUTING_INTERFACE_CHANGE
                }
                _ => return Err(WsaError::WSAEOPNOTSUPP),
            };
            start_change(tcpip, socket, operation, event)
        }
        Request::Accept { .. } => accept_ex::start(tcpip, socket, operation),
        Request::Connect { .. } => connect_ex::start(tcpip, socket, operation),
        Request::Disconnect { .. } => disconnect_ex::start(tcpip, socket, operation),
    }
}

fn start_receive(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, operation: Operation, flags: u32) -> Result<Started> {
    let all = flags & MSG_WAITALL != 0;
    let mut receive =
        Receive { operation, flags: recv::overlapped_flags(socket, flags)?, all, filled: 0, left: Left::Unknown };
    let mut state = socket.operations().lock();
    check_open(socket)?;
    if state.receives.is_empty() && !state.is_quiet(socket) {
        let tried = receive.attempt(socket);
        state.received(receive.left);
        match tried {
            Some(Completion { error: Some(error), .. }) => return Err(error),
            Some(completion) => return Ok(receive.operation.complete(completion)),
            None => recv::check_bound(socket)?,
        }
    } else {
        // What the socket's state forbids is not started, whatever waits before it.
        recv::check_overlapped(socket, receive.source_is_wanted())?;
    }
    state.drive(tcpip, socket, &receive.operation)?;
    receive.operation.pend()?;
    state.receives.push(socket.handle(), receive);
    socket.flags.set(Flags::RECEIVES_PENDING);
    Ok(Started::Pending)
}

fn start_send(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, mut transmit: Transmit) -> Result<Started> {
    let mut state = socket.operations().lock();
    check_open(socket)?;
    send::check_state(socket)?;
    if state.sends.is_empty() {
        match transmit.attempt(socket) {
            Some(Completion { error: Some(error), .. }) => return Err(error),
            Some(completion) if transmit.disconnects() => {
                state.drive(tcpip, socket, &transmit.operation)?;
                return Ok(state.finish_transmission(socket, transmit, completion, false));
            }
            Some(completion) => return Ok(transmit.operation.complete(completion)),
            None => {}
        }
    }
    state.drive(tcpip, socket, &transmit.operation)?;
    transmit.operation.pend()?;
    state.sends.push(socket.handle(), transmit);
    socket.flags.set(Flags::SENDS_PENDING);
    Ok(Started::Pending)
}

fn start_change(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    mut operation: Operation,
    event: i32,
) -> Result<Started> {
    let mut state = socket.operations().lock();
    check_open(socket)?;
    state.engine(tcpip, socket)?.shared.tell_changes()?;
    operation.pend()?;
    state.changes.push(socket.handle(), Change { operation, event });
    Ok(Started::Pending)
}

/// Who closes the socket says so before it takes the lock.
fn check_open(socket: &TcpSocket) -> Result<()> {
    if socket.is_closed() { Err(WsaError::WSAENOTSOCK) } else { Ok(()) }
}

/// Before a plain receive while operations wait: they come first (OV-12).
///
/// # Errors
/// WSAEWOULDBLOCK, WSAETIMEDOUT, WSAEINTR: it is not this call's turn (in time).
#[cold]
pub fn await_receive_turn(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>) -> Result<()> {
    await_turn(tcpip, socket, Flags::RECEIVES_PENDING, PollFlags::IN)
}

/// The same before a plain send.
///
/// # Errors
/// As [`await_receive_turn`].
#[cold]
pub fn await_send_turn(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>) -> Result<()> {
    await_turn(tcpip, socket, Flags::SENDS_PENDING, PollFlags::OUT)
}

fn await_turn(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, pending: u32, interest: PollFlags) -> Result<()> {
    // What makes the socket ready is the waiting operations' first: this thread goes on with them as well as any.
    let attempt = || {
        go_on(socket);
        if socket.flags.any(pending) { Err(WsaError::WSAEWOULDBLOCK) } else { Ok(()) }
    };
    let limit = if interest == PollFlags::IN { socket.recv_limit() } else { socket.send_limit() };
    match attempt() {
        Err(WsaError::WSAEWOULDBLOCK) if !socket.flags.any(Flags::NONBLOCKING) => {
            until_done(tcpip, socket, interest, limit, attempt)
        }
        done => done,
    }
}

/// Ends the sending direction behind the sends that wait (WSP-SHUT-2); says what there is left to shut down now.
pub fn shut_down(socket: &TcpSocket, how: Shutdown) -> Option<Shutdown> {
    if how == Shutdown::Receive || !socket.flags.any(Flags::SENDS_PENDING) {
        return Some(how);
    }
    let mut state = socket.operations().lock();
    if state.sends.is_empty() {
        return Some(how);
    }
    state.end_owed = true;
    (how == Shutdown::Both).then_some(Shutdown::Receive)
}

/// After a shutdown: what waits for something that will not come ends.
pub fn after_shutdown(socket: &TcpSocket) {
    if socket.flags.any(Flags::RECEIVES_PENDING | Flags::SENDS_PENDING) {
        go_on(socket);
    }
}

/// Ends what was started on a descriptor that is being closed, and tells the client (WSP-CLOSE-2), or, at the last clean-up,
/// tells nobody (WSP-CLEANUP-8). No operation on it is touched after this returns.
pub fn cancel(tcpip: &Tcpip, socket: &TcpSocket, why: Cancel) {
    let Some(operations) = socket.existing_operations() else { return };
    let mut state = operations.lock();
    let handle = socket.handle();
    let receives = state.receives.take(|started_on, _| started_on == handle);
    let sends = state.sends.take(|started_on, _| started_on == handle);
    let changes = state.changes.take(|started_on, _| started_on == handle);
    let all = receives.into_iter().map(|receive| receive.operation);
    let all = all.chain(sends.into_iter().map(|transmit| transmit.operation));
    let mut all: Vec<Operation> = all.chain(changes.into_iter().map(|change| change.operation)).collect();
    let leftovers = state.connections.as_mut().map(|connections| connections.take(handle, &mut all));
    connections::end_all(all, why);
    state.tell(socket);
    let watched = state.watched.take_if(|watched| watched.handle() == handle);
    if why == Cancel::CleanUp || socket.descriptors() == 0 {
        state.engine = None;
    } else if watched.is_some() {
        // Those of other descriptors go on.
        let _ = state.engine(tcpip, socket);
    }
    drop(state);
    // Waits for a thread that is about to take the lock.
    drop(watched);
    if let Some(leftovers) = leftovers {
        leftovers.end(socket, why);
    }
}

/// Ends operations with `WSA_OPERATION_ABORTED`, on whatever descriptor of the socket they were started; says how many.
pub fn cancel_selected(socket: &TcpSocket, selection: &Selection) -> u32 {
    let Some(operations) = socket.existing_operations() else { return 0 };
    let mut state = operations.lock();
    let receives = state.receives.take(|_, receive| selection.has(&receive.operation));
    let sends = state.sends.take(|_, transmit| selection.has(&transmit.operation));
    let changes = state.changes.take(|_, change| selection.has(&change.operation));
    let all = receives.into_iter().map(|receive| receive.operation);
    let all = all.chain(sends.into_iter().map(|transmit| transmit.operation));
    let mut all: Vec<Operation> = all.chain(changes.into_iter().map(|change| change.operation)).collect();
    if let Some(connections) = &mut state.connections {
        connections.take_selected(selection, &mut all);
    }
    let count = all.len() as u32;
    if count != 0 {
        connections::end_all(all, Cancel::Close);
        // What waited behind them may not have to wait.
        state.go_on(socket);
    }
    count
}

impl Operations {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No descriptor of the socket is left.
    pub fn end(&self) {
        let mut state = self.lock();
        let (engine, watched) = (state.engine.take(), state.watched.take());
        drop(state);
        drop((engine, watched));
    }
}

impl State {
    /// Sees to it that somebody goes on with an operation that is about to wait.
    fn drive(&mut self, tcpip: &Tcpip, socket: &TcpSocket, operation: &Operation) -> Result<()> {
        // Who waits for an event need not wait at the port, and nor need anybody else; nor while a file is on its way, or what
        // follows a connect.
        let by_itself = matches!(operation.request, Request::Transmit { .. } | Request::Connect { data: Some(_), .. });
        match self.watched.is_some() && !by_itself && !operation.is_waited_for() {
            true => Ok(()),
            false => self.engine(tcpip, socket).map(drop),
        }
    }

    /// Makes the provider's thread go on with what waits.
    fn engine(&mut self, tcpip: &Tcpip, socket: &TcpSocket) -> Result<&Engine> {
        if self.engine.is_none() {
            self.engine = Some(Engine::new(tcpip.watcher.shared(&tcpip.upcalls)?, socket)?);
        }
        // It was made above if it was not there.
        self.engine.as_ref().ok_or(WsaError::WSASYSCALLFAILURE)
    }

    /// The same for a thread that has no provider at hand.
    fn serve(&mut self, shared: Option<&Arc<Shared>>, socket: &TcpSocket) -> Result<()> {
        if self.engine.is_none() {
            let shared = shared.ok_or(WsaError::WSASYSCALLFAILURE)?;
            self.engine = Some(Engine::new(shared.clone(), socket)?);
        }
        Ok(())
    }

    /// Says whether the descriptor refers to another socket of the kernel now, which the provider's thread does not watch yet.
    fn go_on(&mut self, socket: &TcpSocket) -> bool {
        self.go_on_receiving(socket);
        self.go_on_otherwise(socket)
    }

    fn go_on_receiving(&mut self, socket: &TcpSocket) {
        let mut left = Left::Unknown;
        let attempt = |receive: &mut Receive| {
            let end = receive.attempt(socket);
            left = receive.left;
            end
        };
        self.receives.advance(attempt, |receive, end| {
            receive.operation.complete(end);
        });
        self.received(left);
    }

    fn go_on_otherwise(&mut self, socket: &TcpSocket) -> bool {
        let attempt = |transmit: &mut Transmit| transmit.attempt(socket);
        let mut disconnecting = Vec::new();
        self.sends.advance(attempt, |transmit, end| match transmit.disconnects() {
            true => disconnecting.push((transmit, end)),
            false => {
                transmit.operation.complete(end);
            }
        });
        for (transmit, end) in disconnecting {
            self.finish_transmission(socket, transmit, end, true);
        }
        if self.end_owed && self.sends.is_empty() {
            self.end_owed = false;
            // It fails if the connection is over already.
            let _ = net::shutdown(socket.fd(), net::Shutdown::Write);
        }
        let renewed = self.go_on_with_connections(socket);
        self.tell(socket);
        renewed
    }

    /// Lets plain transfers know what waits.
    fn tell(&self, socket: &Common) {
        let pending = |bit, is| if is { bit } else { 0 };
        let now = pending(Flags::RECEIVES_PENDING, !self.receives.is_empty())
            | pending(Flags::SENDS_PENDING, !self.sends.is_empty());
        // They change under this lock alone.
        let before = socket.flags.load() & (Flags::RECEIVES_PENDING | Flags::SENDS_PENDING);
        if now & !before != 0 {
            socket.flags.set(now & !before);
        }
        if before & !now != 0 {
            socket.flags.clear(before & !now);
        }
    }
}

impl Engine {
    /// # Errors
    /// WSAEMFILE, WSAENOBUFS: the kernel has no more room.
    fn new(shared: Arc<Shared>, socket: &TcpSocket) -> Result<Self> {
        let twin = socket.twin()?;
        let who: Weak<dyn Ready> = Arc::<Common>::downgrade(socket.common());
        let key = shared.tell(who);
        // Made first: dropping it takes back what was done.
        let engine = Self { shared, key, socket: twin };
        let edges = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        engine.shared.add(key, engine.socket.fd(), edges)?;
        Ok(engine)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.forget(self.key);
        self.shared.remove(self.socket.fd().as_fd());
    }
}

impl Ready for Common {
    fn ready(&self, _: &Shared) {
        let Some(operations) = self.operations.get() else { return };
        let mut state = operations.lock();
        // Taken out for the while, since it lends its descriptor.
        if let Some(engine) = state.engine.take() {
            let renewed = state.go_on(&engine.socket);
            if !renewed {
                state.engine = Some(engine);
            }
        }
    }

    fn changed(&self, news: News) {
        let Some(operations) = self.operations.get() else { return };
        let bits = news.for_family(self.family);
        for change in operations.lock().changes.take(|_, change| change.event & bits != 0) {
            // Without data (IO-6).
            change.operation.complete(Completion::default());
        }
    }
}

impl Receive {
    fn source_is_wanted(&self) -> bool {
        matches!(self.operation.request, Request::RecvFrom { .. } | Request::RecvMsg { .. })
    }

    /// Receives as far as the kernel has something to give. Nothing: that was not enough.
    fn attempt(&mut self, socket: &TcpSocket) -> Option<Completion> {
        if let Request::RecvMsg { buffers, area, .. } = &mut self.operation.request {
            let room = buffers.buffers().total();
            return match message::recv_once(socket, &mut buffers.buffers(), RecvFlags::DONTWAIT, area) {
                Err(WsaError::WSAEWOULDBLOCK) => None,
                Ok(length) => Some(Completion::of(count(length))),
                Err(WsaError::WSAEMSGSIZE) => {
                    Some(Completion { error: Some(WsaError::WSAEMSGSIZE), ..Completion::of(count(room)) })
                }
                Err(error) => Some(Completion::failed(error)),
            };
        }
        let source = self.source_is_wanted();
        let (Request::Recv { buffers, .. } | Request::RecvFrom { buffers, .. }) = &mut self.operation.request else {
            return Some(Completion::failed(WsaError::WSAEINVAL));
        };
        loop {
            let mut left = buffers.buffers();
            let room = left.total();
            let (outcome, from) = recv::attempt_overlapped(socket, &mut left, self.flags, source);
            self.left = match &outcome {
                Err(WsaError::WSAEWOULDBLOCK) => Left::Nothing,
                _ if socket.kind == Kind::Datagram => Left::Unknown,
                Err(_) => Left::End,
                Ok(0) if room != 0 => Left::End,
                // What a stream has is given, as far as there is room.
                Ok(length) if *length < room => Left::Nothing,
                Ok(_) => Left::Unknown,
            };
            match outcome {
                Err(WsaError::WSAEWOULDBLOCK) => return None,
                Ok(length) if self.all && length != 0 && length < room => {
                    buffers.advance(length);
                    self.filled += length;
                }
                Ok(length) => {
                    self.store_source(from);
                    return Some(Completion::of(count(self.filled + length)));
                }
                // What has come is not lost; the next receive tells why there is no more.
                Err(_) if self.filled != 0 => return Some(Completion::of(count(self.filled))),
                // The buffers hold the head of the datagram (WSP-RECV-4).
                Err(WsaError::WSAEMSGSIZE) => {
                    self.store_source(from);
                    return Some(Completion { error: Some(WsaError::WSAEMSGSIZE), ..Completion::of(count(room)) });
                }
                Err(error) => return Some(Completion::failed(error)),
            }
        }
    }
}

impl Receive {
    fn store_source(&mut self, from: Option<SocketAddress>) {
        if let Some(from) = from {
            self.operation.set_source(&to_address(&from));
        }
    }
}

impl Transmit {
    fn new(operation: Operation, flags: SendFlags, to: Option<SocketAddress>) -> Self {
        Self { operation, flags, to, sent: 0, packets: None }
    }

    /// Sends as far as the kernel takes it. Nothing: some is left.
    fn attempt(&mut self, socket: &TcpSocket) -> Option<Completion> {
        let buffers = match &mut self.operation.request {
            Request::Send { buffers, .. } | Request::SendTo { buffers, .. } => buffers,
            Request::SendMsg { buffers, control, .. } => {
                // It was read before, and was good.
                let control = control_data::read(control).unwrap_or_default();
                return match message::send_once(socket, &buffers.buffers(), self.flags, self.to, &control) {
                    Err(WsaError::WSAEWOULDBLOCK) => None,
                    Ok(sent) => Some(Completion::of(count(sent))),
                    Err(error) => Some(Completion::failed(error)),
                };
            }
            Request::Transmit { .. } => return self.attempt_transmission(socket),
            _ => return Some(Completion::failed(WsaError::WSAEINVAL)),
        };
        loop {
            let left = buffers.buffers();
            match send::attempt(socket, &left, self.flags, self.to) {
                Err(WsaError::WSAEWOULDBLOCK) => return None,
                Err(error) => return Some(Completion::failed(error)),
                Ok(sent) if sent < left.total() && socket.kind == Kind::Stream => {
                    buffers.advance(sent);
                    self.sent += sent;
                }
                Ok(sent) => return Some(Completion::of(count(self.sent + sent))),
            }
        }
    }
}

/// The count as the interface has it.
fn count(bytes: usize) -> u32 {
    bytes.try_into().unwrap_or(u32::MAX)
}
