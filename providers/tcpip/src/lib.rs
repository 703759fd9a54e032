//! The base transport provider: TCP and UDP, IPv4 and IPv6, over kernel sockets.
//!
//! Its handles are the kernel's descriptors (an IFS provider). The rules of Winsock that the kernel does not
//! know live here; everything else is one direct system call away. No thread is started, but one for event
//! registrations, for overlapped operations that wait and for sockets handed out to other processes, which ends with
//! the last clean-up.
//!
//! | module | what it holds |
//! |---|---|
//! | `socket` | the state of a socket |
//! | `error`, `sockaddr` | errors and addresses between the kernel and Winsock |
//! | `create`, `bind`, `listen`, `accept`, `connect`, `shutdown`, `close` | the life of a socket |
//! | `send`, `recv`, `out_of_band` | transfers |
//! | `message`, `control_data` | datagrams with control data |
//! | `overlapped` | operations that complete later; the extension functions |
//! | `select`, `readiness` | `WSPSelect` and `WSAPoll` |
//! | `network_events` | `WSPEventSelect`, `WSPAsyncSelect`, `WSPEnumNetworkEvents` |
//! | `options`, `ioctl`, `text` | options, control codes, addresses as text |
//! | `duplicate`, `join_leaf` | sockets of other processes, multicast |
//! | `blocking`, `inspect` | waits that can be cancelled; what the kernel knows of a connection |
//!
//! # Where the kernel shows through
//!
//! - A peer that finds the queue of a listener full tries again; it is not refused (WSP-LISTEN-4).
//! - Two sockets share an address only if both have `SO_REUSEADDR`; nobody can take one from another.
//! - Errors that datagrams meet are told to connected sockets alone, and only if `SIO_UDP_CONNRESET` asks for
//!   them (WSP-RFROM-4).
//! - Out-of-band data is one byte at a time. A client that never asks for readiness has to receive it before the
//!   data behind it (OOB-1).
//! - Data that comes after a receive shutdown resets the connection at the next call or the close (WSP-SHUT-2).
//! - The end of a connection by keep-alive is told from one by unanswered data by the option alone (WSP-SSO-3).
//! - An overlapped operation goes on when the thread that started it ends; its completion routine is dropped (OV-21).
//! - `AcceptEx` replaces the kernel's socket behind the descriptor: options that were set on it before are lost.
//! - A connection that `DisconnectEx` ends may leave remains (TIME_WAIT) that keep the same two addresses from being connected
//!   again for a minute.
//! - An operation without an event, on a socket that is associated with a completion port, goes on when a thread waits at the
//!   port or asks for its result. Where nobody does, looking at its structure alone shows nothing new.
//! - An accept that waits already is not woken by a deferral on another thread, but by the next connection.

mod accept;
mod bind;
mod blocking;
mod close;
mod connect;
mod control_data;
mod create;
mod duplicate;
mod error;
mod inspect;
mod interfaces;
mod ioctl;
mod join_leaf;
mod listen;
mod message;
mod network_events;
mod options;
mod out_of_band;
mod overlapped;
mod readiness;
mod recv;
mod select;
mod send;
mod shutdown;
mod sockaddr;
mod socket;
mod text;

use std::time::Duration;

use windlass_abi::{WSAPROTOCOL_INFOW, WsaError};
use windlass_io::blocking::{Reason, Registry};
use windlass_spi::Result;
use windlass_spi::address::Address;
use windlass_spi::buffers::{RecvBuffers, SendBuffers};
use windlass_spi::events::{Event, NetworkEvents};
use windlass_spi::operation::{MessageArea, Operation, Selection, Started, Transmission};
use windlass_spi::port::{Port, PortLink, Readiness};
use windlass_spi::rundown;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{
    Accept, Accepted, Cancel, Connect, Extension, IoctlOutput, Leaf, NewSocket, Polled, Received, Selected, Shutdown,
    SocketRequest, Startup, Transport,
};
use windlass_spi::upcalls::Upcalls;

use crate::duplicate::Exports;
#[cfg(fuzzing)]
pub use crate::duplicate::read_record as read_duplication_record;
use crate::network_events::watcher::Watcher;
pub use crate::socket::TcpSocket;

/// The provider, from its first `WSPStartup` to its last `WSPCleanup`.
pub struct Tcpip {
    upcalls: Upcalls,
    /// The calls that wait.
    blocked: Registry,
    /// Waits for network events on behalf of the clients that registered for them.
    watcher: Watcher,
    /// The sockets that were handed out to other processes and not yet fetched.
    exports: Exports,
}

windlass_spi::transport_entry!(Tcpip);

impl Transport for Tcpip {
    type Socket = TcpSocket;

    const DESCRIPTION: &'static str = "Windlass TCP/IP";

    const HAS_POLL: bool = true;

    const EXTENSIONS: &'static [Extension] = &[
        Extension::AcceptEx,
        Extension::ConnectEx,
        Extension::DisconnectEx,
        Extension::RecvMsg,
        Extension::SendMsg,
        Extension::TransmitFile,
        Extension::TransmitPackets,
        Extension::RegisteredIo,
    ];

    fn start(startup: &Startup<'_>) -> Result<Self> {
        Ok(Self {
            upcalls: startup.upcalls.clone(),
            blocked: Registry::around_apcs(|run| rundown::in_callback(run)),
            watcher: Watcher::default(),
            exports: Exports::default(),
        })
    }

    fn cleanup(&self) {
        self.exports.close();
        self.watcher.stop();
    }

    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<TcpSocket>> {
        create::socket(request)
    }

    fn open_duplicate(&self, request: &SocketRequest<'_>) -> Result<NewSocket<TcpSocket>> {
        duplicate::import(self, request)
    }

    fn duplicate(&self, socket: &OpenSocket<TcpSocket>, process: u32, info: &mut WSAPROTOCOL_INFOW) -> Result<()> {
        duplicate::export(self, socket, process, info)
    }

    fn close(&self, socket: &OpenSocket<TcpSocket>) -> Result<()> {
        close::close(self, socket)
    }

    fn cancel(&self, socket: &OpenSocket<TcpSocket>, why: Cancel) {
        close::cancel(self, socket, why);
    }

    fn cancel_all(&self) {
        self.exports.close();
        self.blocked.shut(Reason::CleanedUp);
    }

    fn abort(&self, socket: &OpenSocket<TcpSocket>) {
        close::abort(socket);
    }

    fn cancel_blocking_call(&self) -> Result<()> {
        match self.blocked.cancel_this_thread(Reason::Requested) {
            0 => Err(WsaError::WSAEINVAL),
            _ => Ok(()),
        }
    }

    fn bind(&self, socket: &OpenSocket<TcpSocket>, name: &[u8]) -> Result<()> {
        bind::bind(socket, name)
    }

    fn listen(&self, socket: &OpenSocket<TcpSocket>, backlog: i32) -> Result<()> {
        listen::listen(socket, backlog)
    }

    fn accept(&self, socket: &OpenSocket<TcpSocket>, request: Accept<'_, '_>) -> Result<Accepted<TcpSocket>> {
        accept::accept(self, socket, request)
    }

    fn connect(&self, socket: &OpenSocket<TcpSocket>, request: &Connect<'_>) -> Result<()> {
        connect::connect(self, socket, request)
    }

    fn join_leaf(&self, socket: &OpenSocket<TcpSocket>, request: &Connect<'_>, flags: u32) -> Result<Leaf<TcpSocket>> {
        join_leaf::join(socket, request, flags)
    }

    fn shutdown(&self, socket: &OpenSocket<TcpSocket>, how: Shutdown) -> Result<()> {
        shutdown::shutdown(socket, how)
    }

    fn send_disconnect(&self, socket: &OpenSocket<TcpSocket>, data: Option<&[u8]>) -> Result<()> {
        shutdown::send_disconnect(socket, data)
    }

    fn recv_disconnect(&self, socket: &OpenSocket<TcpSocket>, data: Option<&mut [u8]>) -> Result<usize> {
        shutdown::recv_disconnect(socket, data)
    }

    #[inline]
    fn send(&self, socket: &OpenSocket<TcpSocket>, buffers: &SendBuffers<'_>, flags: u32) -> Result<u32> {
        send::send(self, socket, buffers, flags)
    }

    #[inline]
    fn send_to(
        &self,
        socket: &OpenSocket<TcpSocket>,
        buffers: &SendBuffers<'_>,
        flags: u32,
        to: Option<&[u8]>,
    ) -> Result<u32> {
        send::send_to(self, socket, buffers, flags, to)
    }

    #[inline]
    fn recv(&self, socket: &OpenSocket<TcpSocket>, buffers: &mut RecvBuffers<'_>, flags: u32) -> Result<Received> {
        recv::recv(self, socket, buffers, flags)
    }

    #[inline]
    fn recv_from(
        &self,
        socket: &OpenSocket<TcpSocket>,
        buffers: &mut RecvBuffers<'_>,
        flags: u32,
        capacity: Option<usize>,
    ) -> Result<(Received, Option<Address>)> {
        recv::recv_from(self, socket, buffers, flags, capacity)
    }

    fn select(&self, entries: &mut [Selected<'_, TcpSocket>], timeout: Option<Duration>) -> Result<()> {
        select::select(self, entries, timeout)
    }

    fn poll(&self, entries: &mut [Polled<'_, TcpSocket>], timeout: Option<Duration>) -> Result<()> {
        select::poll(self, entries, timeout)
    }

    fn event_select(&self, socket: &OpenSocket<TcpSocket>, event: Option<Event>, mask: i32) -> Result<()> {
        network_events::select(self, socket, event, mask)
    }

    fn enum_network_events(&self, socket: &OpenSocket<TcpSocket>, event: Option<Event>) -> Result<NetworkEvents> {
        network_events::enumerate(self, socket, event)
    }

    fn async_select(&self, socket: &OpenSocket<TcpSocket>, window: usize, message: u32, mask: i32) -> Result<()> {
        network_events::select_messages(self, socket, socket.handle(), window, message, mask)
    }

    fn get_sock_name(&self, socket: &OpenSocket<TcpSocket>) -> Result<Address> {
        bind::get_sock_name(socket)
    }

    fn get_peer_name(&self, socket: &OpenSocket<TcpSocket>) -> Result<Address> {
        bind::get_peer_name(socket)
    }

    fn get_sock_opt(&self, socket: &OpenSocket<TcpSocket>, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        options::get(socket, level, name, value)
    }

    fn set_sock_opt(&self, socket: &OpenSocket<TcpSocket>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        options::set(socket, level, name, value)
    }

    fn ioctl(
        &self,
        socket: &OpenSocket<TcpSocket>,
        code: u32,
        input: &[u8],
        output: &mut IoctlOutput<'_>,
    ) -> Result<()> {
        ioctl::control(self, socket, code, input, output)
    }

    fn overlapped(&self, socket: &OpenSocket<TcpSocket>, operation: Operation) -> Result<Started> {
        overlapped::start(self, socket, operation)
    }

    fn port_link<'s>(&self, socket: &'s OpenSocket<TcpSocket>) -> &'s PortLink {
        &socket.common().port
    }

    fn associate(&self, socket: &OpenSocket<TcpSocket>, port: &Port<'_>) -> Result<()> {
        overlapped::associate(socket, port)
    }

    fn ready(&self, socket: &OpenSocket<TcpSocket>, events: Readiness) {
        overlapped::ready(socket, events);
    }

    fn cancel_operations(&self, socket: &OpenSocket<TcpSocket>, selection: &Selection) -> u32 {
        overlapped::cancel_selected(socket, selection)
    }

    fn go_on(&self, socket: &OpenSocket<TcpSocket>) {
        overlapped::go_on(socket);
    }

    fn ioctl_pends(&self, code: u32) -> bool {
        overlapped::ioctl_pends(code)
    }

    fn disconnect(&self, socket: &OpenSocket<TcpSocket>, reuse: bool) -> Result<()> {
        overlapped::disconnect(self, socket, reuse)
    }

    fn send_msg(
        &self,
        socket: &OpenSocket<TcpSocket>,
        buffers: &SendBuffers<'_>,
        flags: u32,
        to: Option<&[u8]>,
        control: &[u8],
    ) -> Result<u32> {
        message::send_msg(self, socket, buffers, flags, to, control)
    }

    fn recv_msg(
        &self,
        socket: &OpenSocket<TcpSocket>,
        buffers: &mut RecvBuffers<'_>,
        flags: u32,
        area: &mut MessageArea,
    ) -> Result<u32> {
        message::recv_msg(self, socket, buffers, flags, area)
    }

    fn transmit(&self, socket: &OpenSocket<TcpSocket>, transmission: Transmission) -> Result<u32> {
        overlapped::transmit(self, socket, transmission)
    }

    fn update_accept_context(&self, accepted: &OpenSocket<TcpSocket>, listener: &OpenSocket<TcpSocket>) -> Result<()> {
        accept::update_context(accepted, listener)
    }

    fn address_to_string(&self, address: &[u8], _info: &WSAPROTOCOL_INFOW) -> Result<String> {
        text::format(address)
    }

    fn string_to_address(&self, text: &str, family: i32, _info: &WSAPROTOCOL_INFOW) -> Result<Address> {
        text::parse(text, family)
    }
}
