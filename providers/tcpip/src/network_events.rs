//! Network events: `WSPEventSelect`, `WSPEnumNetworkEvents`, `WSPAsyncSelect` (contract: transport, section 6).
//!
//! What is recorded, and when, is decided by [`record`] and [`conditions`], which know no kernel. Two things
//! make them look at a socket: the [`watcher`], when the kernel reports an edge, and the functions that re-enable
//! an event, which look at once because its condition may still hold (EV-4). Every look, and the signal that
//! follows from it, is under the lock of the socket's registration; so is the end of a registration, and
//! nothing is signalled after it (WSP-CLOSE-4, WSP-CLEANUP-6).
//!
//! A socket without registration pays for this with the test of one bit.

pub mod changes;
mod conditions;
mod record;
pub mod watcher;

use std::os::fd::AsRawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use windlass_abi::{FD_ACCEPT, FD_ALL_EVENTS, FD_CLOSE, FD_CONNECT, FD_OOB, FD_READ, FD_WRITE, SOCKET, WsaError};
use windlass_spi::Result;
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::transport::Cancel;
use windlass_spi::upcalls::Upcalls;

use self::conditions::Look;
pub use self::record::Outcome;
use self::record::{Record, bits_of};
use self::watcher::{Watch, Watcher};
use crate::Tcpip;
use crate::connect;
use crate::out_of_band;
use crate::socket::{Common, Flags, Kind, TcpSocket};

/// The registration of one underlying socket, shared by its descriptors (EV-11).
#[derive(Default)]
pub struct Registration(Mutex<State>);

#[derive(Default)]
struct State {
    record: Record,
    sink: Option<Sink>,
    /// There while there is a mask, or a change was asked for.
    watch: Option<Watch>,
    untold: Untold,
}

/// What the client only learns from FD_CONNECT.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Untold {
    #[default]
    Nothing,
    /// How the attempt to connect ends, or has ended.
    Attempt,
    /// That a group was joined.
    Join,
}

/// Where events are reported.
#[derive(Clone, Copy)]
enum Sink {
    /// `WSPEventSelect`: set when anything is recorded.
    Event(Event),
    /// `WSPAsyncSelect`: a message for each.
    Message { window: usize, message: u32, handle: SOCKET },
}

/// `WSPEventSelect`: registers `event` for the events of `mask`, instead of whatever was registered
/// (WSP-ESEL-1), or ends the registration if the mask is zero (WSP-ESEL-2). The socket becomes non-blocking in
/// either case (WSP-ESEL-3).
///
/// # Errors
/// WSAEINVAL: unknown bits in the mask, or a mask without an event (WSP-ESEL-4). WSAEOPNOTSUPP: the thread of
/// the provider could not be started. WSAEMFILE, WSAENOBUFS.
pub fn select(tcpip: &Tcpip, socket: &TcpSocket, event: Option<Event>, mask: i32) -> Result<()> {
    register(tcpip, socket, event.map(Sink::Event), mask)
}

/// `WSPAsyncSelect`: has messages posted for the events of `mask`, instead of whatever was registered
/// (WSP-ASEL-1, WSP-ASEL-2).
///
/// # Errors
/// As [`select`]. Whether `window` is known is not told until a message is posted.
pub fn select_messages(
    tcpip: &Tcpip,
    socket: &TcpSocket,
    handle: SOCKET,
    window: usize,
    message: u32,
    mask: i32,
) -> Result<()> {
    register(tcpip, socket, Some(Sink::Message { window, message, handle }), mask)
}

fn register(tcpip: &Tcpip, socket: &TcpSocket, sink: Option<Sink>, mask: i32) -> Result<()> {
    if mask & !FD_ALL_EVENTS != 0 || mask != 0 && sink.is_none() {
        return Err(WsaError::WSAEINVAL);
    }
    let mut state = socket.registration.lock();
    if mask == 0 {
        socket.flags.set(Flags::NONBLOCKING);
        state.end(socket);
        return Ok(());
    }
    state.watch(&tcpip.watcher, &tcpip.upcalls, socket)?;
    socket.flags.set(Flags::NONBLOCKING | Flags::EVENTS);
    state.record.select(mask);
    state.sink = sink;
    let told = state.look(socket, mask);
    if told.is_err() {
        state.end(socket);
    }
    told
}

/// `WSPEnumNetworkEvents`: hands out the record, clears it and resets `event`, as one step (WSP-ENUM-1).
///
/// # Errors
/// WSAEINVAL: the event is not valid; nothing has changed (WSP-ENUM-4).
pub fn enumerate(tcpip: &Tcpip, socket: &TcpSocket, event: Option<Event>) -> Result<NetworkEvents> {
    let mut state = socket.registration.lock();
    if let Some(event) = event {
        tcpip.upcalls.reset_event(event).map_err(|_| WsaError::WSAEINVAL)?;
    }
    Ok(state.record.take())
}

/// After any receive, of whatever outcome (EV-3).
#[inline]
pub fn after_recv(socket: &TcpSocket) {
    if socket.flags.any(Flags::EVENTS) {
        enable(socket, FD_READ | FD_OOB, FD_READ | FD_OOB | FD_CLOSE);
    }
}

/// After any send; only one that would have blocked enables FD_WRITE (EV-5).
#[inline]
pub fn after_send(socket: &TcpSocket, would_block: bool) {
    if would_block && socket.flags.any(Flags::EVENTS) {
        enable(socket, FD_WRITE, FD_WRITE);
    }
}

/// After an accept on `listener`, of whatever outcome. `deferred`: it ended with WSATRY_AGAIN (EV-3).
#[inline]
pub fn after_accept(listener: &TcpSocket, deferred: bool) {
    if !deferred && listener.flags.any(Flags::EVENTS) {
        enable(listener, FD_ACCEPT, FD_ACCEPT);
    }
}

/// After a connect. One that goes on in the background, or that has succeeded at once on a non-blocking
/// stream, is told by FD_CONNECT; also to a registration that comes later (WSP-ESEL-5).
pub fn after_connect(socket: &TcpSocket, outcome: &Result<()>) {
    if socket.kind != Kind::Stream {
        return;
    }
    match outcome {
        Err(WsaError::WSAEWOULDBLOCK) => begin(socket, Untold::Attempt),
        Ok(()) if socket.flags.any(Flags::NONBLOCKING) => begin(socket, Untold::Attempt),
        // Told now, whatever an earlier attempt has left untold.
        Ok(()) => begin(socket, Untold::Nothing),
        Err(_) => {}
    }
}

/// After a group was joined: a non-blocking socket is told by FD_CONNECT (WSP-JOIN-4).
pub fn after_join(socket: &TcpSocket) {
    if socket.flags.any(Flags::NONBLOCKING) {
        begin(socket, Untold::Join);
    }
}

fn begin(socket: &TcpSocket, untold: Untold) {
    let mut state = socket.registration.lock();
    state.untold = untold;
    state.record.enable(FD_CONNECT | FD_WRITE | FD_CLOSE);
    let _ = state.look(socket, FD_ALL_EVENTS);
}

/// After `listen`: connections may wait already.
pub fn after_listen(socket: &TcpSocket) {
    if socket.flags.any(Flags::EVENTS) {
        enable(socket, 0, FD_ACCEPT);
    }
}

/// Registers an accepted socket as its listener is (WSP-ACCEPT-2, EV-12). What is true already is told.
///
/// # Errors
/// WSAEMFILE, WSAENOBUFS.
pub fn inherit(tcpip: &Tcpip, listener: &TcpSocket, accepted: &TcpSocket) -> Result<()> {
    let (sink, mask) = {
        let state = listener.registration.lock();
        (state.sink, state.record.mask())
    };
    match sink {
        None => Ok(()),
        Some(Sink::Message { window, message, .. }) => {
            let handle = accepted.fd().as_raw_fd() as SOCKET;
            register(tcpip, accepted, Some(Sink::Message { window, message, handle }), mask)
        }
        Some(event) => register(tcpip, accepted, Some(event), mask),
    }
}

/// The descriptor refers to another socket of the kernel: the registration goes on with that.
pub fn after_replacement(socket: &TcpSocket) {
    let mut state = socket.registration.lock();
    let Some(old) = state.watch.take() else { return };
    match old.renewed(socket.fd(), socket.common()) {
        Ok(watch) => state.watch = Some(watch),
        // Nothing can be told any more.
        Err(_) => return state.end(socket),
    }
    state.record.enable(FD_ALL_EVENTS);
    let _ = state.look(socket, FD_ALL_EVENTS);
}

/// Ends the registration of a socket that is being closed, without a signal. Nothing is signalled after this
/// returns. Where other descriptors of the socket stay open, so does the registration (WSP-DUP-5).
pub fn drop_registration(socket: &TcpSocket, why: Cancel) {
    if why == Cancel::CleanUp || socket.descriptors() == 0 {
        let mut state = socket.registration.lock();
        state.end(socket);
        state.watch = None;
    }
}

/// Asks for word of a change of addresses or routes, which comes as one event of `bits` (EV-6).
///
/// # Errors
/// WSAEOPNOTSUPP: the thread of the provider could not be started. WSAEMFILE, WSAENOBUFS.
pub fn arm(tcpip: &Tcpip, socket: &TcpSocket, bits: i32) -> Result<()> {
    let mut state = socket.registration.lock();
    state.watch(&tcpip.watcher, &tcpip.upcalls, socket)?.tell_changes()?;
    state.record.arm(bits);
    Ok(())
}

fn enable(socket: &TcpSocket, enabled: i32, looked_for: i32) {
    let mut state = socket.registration.lock();
    state.record.enable(enabled);
    // The call that led here has its own result.
    let _ = state.look(socket, looked_for);
}

impl Registration {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kernel reports an edge.
    fn edge(&self, common: &Common) {
        let _ = self.lock().look(common, FD_ALL_EVENTS);
    }

    /// What was asked for by [`arm`] may have happened.
    fn happened(&self, common: &Common, bits: i32) {
        let mut state = self.lock();
        if state.record.is_armed(bits) {
            state.record.happen(bits);
            let _ = state.look(common, bits);
        }
    }
}

impl State {
    fn watch(&mut self, watcher: &Watcher, upcalls: &Upcalls, socket: &TcpSocket) -> Result<&Watch> {
        if self.watch.is_none() {
            self.watch = Some(Watch::new(watcher.shared(upcalls)?, socket.fd(), socket.common())?);
        }
        // It was made above if it was not there.
        self.watch.as_ref().ok_or(WsaError::WSASYSCALLFAILURE)
    }

    fn end(&mut self, socket: &Common) {
        socket.flags.clear(Flags::EVENTS);
        self.record.select(0);
        self.sink = None;
        if !self.record.is_armed(FD_ALL_EVENTS) {
            self.watch = None;
        }
    }

    /// Looks whether any of `bits` is to be recorded, and signals what is.
    fn look(&mut self, socket: &Common, bits: i32) -> Result<()> {
        let (Some(watch), Some(sink)) = (&self.watch, self.sink) else { return Ok(()) };
        if !self.record.wants(bits) {
            return Ok(());
        }
        let look = take_a_look(socket, watch, self.untold);
        let new = self.record.observe(&look.conditions());
        if new.is_empty() {
            return Ok(());
        }
        if new.mask() & FD_CONNECT != 0 {
            self.untold = Untold::Nothing;
        }
        match sink {
            Sink::Event(event) => watch.upcalls().set_event(event).map_err(|_| WsaError::WSAEINVAL),
            Sink::Message { window, message, handle } => {
                // There is no record beside the messages (WSP-ENUM-5).
                self.record.take();
                let posted = bits_of(new.mask()).all(|bit| {
                    let parameter = (1isize << bit) | (new.code(bit) as isize) << 16;
                    watch.upcalls().post_message(window, message, handle, parameter)
                });
                if posted { Ok(()) } else { Err(WsaError::WSAEINVAL) }
            }
        }
    }
}

/// Asks the kernel.
fn take_a_look(socket: &Common, watch: &Watch, untold: Untold) -> Look {
    let fd = watch.fd();
    let settled = connect::settle(socket, fd);
    let attempt = match untold {
        Untold::Nothing => None,
        Untold::Attempt => settled,
        Untold::Join => Some(Ok(())),
    };
    let before = socket.flags.load();
    let mut fds = [PollFd::new(&fd, PollFlags::IN | PollFlags::OUT | PollFlags::PRI | PollFlags::RDHUP)];
    // It fails for lack of memory at most; then nothing is seen now, and the next edge or call looks again.
    let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    let mut ready = fds[0].revents();
    // What the kernel said is about the connection that was there before; but if this side has shut it down since,
    // that is not the peer's doing.
    let flags = before | socket.flags.load() & (Flags::SHUT_RECEIVE | Flags::SHUT_SEND);
    if flags & Flags::CONNECTED != 0
        && flags & Flags::OOB_INLINE == 0
        && (ready.contains(PollFlags::PRI) || flags & Flags::URGENT != 0)
    {
        // A normal receive would lose it (OOB-1). What is kept from then on is still to be told (OOB-4).
        ready.set(PollFlags::PRI, out_of_band::collect(socket, fd));
    }
    Look {
        kind: socket.kind,
        flags,
        ready,
        queued: if Look::asks_for_queued(socket.kind, flags, ready) {
            rustix::io::ioctl_fionread(fd).unwrap_or(0)
        } else {
            0
        },
        peer_ended: Look::asks_for_peer(socket.kind, flags, ready) && connect::peer_has_ended(fd),
        attempt,
    }
}
