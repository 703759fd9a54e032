//! What the author of a transport provider writes: one type that implements [`Transport`].
//!
//! The SDK keeps everything that the lifecycle asks for: the reference count, the upcall table, the
//! table of open sockets, the gate that closes at the last clean-up, and the pins that keep a socket
//! alive while a call uses it. A transport never sees a raw pointer or a handle that is not its own.

use std::time::Duration;

use windlass_abi::{SOCKET, WSAPROTOCOL_INFOW, WsaError};

use crate::address::Address;
use crate::buffers::{RecvBuffers, SendBuffers};
use crate::condition::Condition;
use crate::events::{Event, NetworkEvents};
#[cfg(unix)]
use crate::operation::Transmission;
use crate::operation::{MessageArea, Operation, Selection, Started};
use crate::port::{Port, PortLink, Readiness};
use crate::socket::OpenSocket;
use crate::upcalls::Upcalls;
use crate::version::Versions;

/// What every provider function returns: a value, or the Winsock error that goes to `lpErrno`.
pub type Result<T> = core::result::Result<T, WsaError>;

/// A transport service provider.
///
/// Every method has the meaning of the SPI function named in its documentation; those with a default
/// answer `WSAEOPNOTSUPP` there (STUB-7). Methods are called from any thread, many at a time, and no
/// lock of the SDK is held meanwhile, so a transport may call anything back.
pub trait Transport: Sized + Send + Sync + 'static {
    /// What the transport keeps for one socket. Dropping it releases the socket's resources; for an
    /// IFS provider that closes the descriptor.
    type Socket: Send + Sync + 'static;

    /// `WSPDATA.szDescription`: at most 255 UTF-16 units.
    const DESCRIPTION: &'static str;

    /// The versions that the provider can speak (WSP-STARTUP-8).
    const VERSIONS: Versions = Versions::ONLY_2_2;

    /// The first `WSPStartup` of the process (0 → 1).
    ///
    /// An error is `WSPStartup`'s own result (LC-ERR-2); the count stays at zero.
    fn start(startup: &Startup<'_>) -> Result<Self>;

    /// The last `WSPCleanup`, after [`cancel`](Self::cancel) and [`abort`](Self::abort) for every
    /// open socket and after every call has left. No thread of the transport may be left when this
    /// returns (WSP-CLEANUP-18).
    fn cleanup(&self) {}

    /// `WSPSocket` (5.28). `FROM_PROTOCOL_INFO` values are already replaced (WSP-SOCK-1).
    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<Self::Socket>>;

    /// `WSPSocket` with the protocol information that [`duplicate`](Self::duplicate) made (WSP-SOCK-6).
    fn open_duplicate(&self, request: &SocketRequest<'_>) -> Result<NewSocket<Self::Socket>> {
        let _ = request;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPDuplicateSocket` (5.8): fills `info`, preset with the socket's own entry, for one use by
    /// `process`. `dwProviderReserved` must become nonzero (WSP-DUP-2).
    fn duplicate(&self, socket: &OpenSocket<Self::Socket>, process: u32, info: &mut WSAPROTOCOL_INFOW) -> Result<()> {
        let _ = (socket, process, info);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPCloseSocket` (5.6), before the handle is given up. Waits as linger asks.
    ///
    /// An error leaves the socket open and usable: `WSAEWOULDBLOCK` if linger would have to wait
    /// (WSP-CLOSE-5). After a success the SDK takes the handle out, calls [`cancel`](Self::cancel),
    /// waits for the calls inside and drops the socket. A second close meanwhile is `WSAENOTSOCK`.
    fn close(&self, socket: &OpenSocket<Self::Socket>) -> Result<()> {
        let _ = socket;
        Ok(())
    }

    /// Ends the blocking calls that use this socket with `WSAEINTR`; drops its event registration
    /// without a signal. Called once the handle is no longer found (WSP-CLOSE-2, WSP-CLEANUP-6).
    ///
    /// It must last: a call that has found the socket but not begun to wait ends too.
    fn cancel(&self, socket: &OpenSocket<Self::Socket>, why: Cancel) {
        let _ = (socket, why);
    }

    /// Ends blocking calls that belong to no single socket (`WSPSelect`), at the last clean-up. It must
    /// last, as [`cancel`](Self::cancel).
    fn cancel_all(&self) {}

    /// Makes the close that follows a reset: the socket was open at the last clean-up (WSP-CLEANUP-14).
    /// A socket shared with another process must not disturb it (WSP-CLEANUP-27).
    fn abort(&self, socket: &OpenSocket<Self::Socket>) {
        let _ = socket;
    }

    /// How long the last clean-up waits for the calls inside before it [presses](Self::press). For the SDK's own.
    #[doc(hidden)]
    const PATIENCE: Option<Duration> = None;

    /// Ends the calls that use this socket by other means, during the last clean-up.
    #[doc(hidden)]
    fn press(&self, socket: &OpenSocket<Self::Socket>) {
        let _ = socket;
    }

    /// `WSPCancelBlockingCall` (5.4): cancels the calling thread's own blocking call.
    fn cancel_blocking_call(&self) -> Result<()> {
        Err(WsaError::WSAEINVAL)
    }

    /// `WSPBind` (5.3).
    fn bind(&self, socket: &OpenSocket<Self::Socket>, name: &[u8]) -> Result<()> {
        let _ = (socket, name);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPListen` (5.18).
    fn listen(&self, socket: &OpenSocket<Self::Socket>, backlog: i32) -> Result<()> {
        let _ = (socket, backlog);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPAccept` (5.0).
    fn accept(&self, socket: &OpenSocket<Self::Socket>, request: Accept<'_, '_>) -> Result<Accepted<Self::Socket>> {
        let _ = (socket, request);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPConnect` (5.7).
    fn connect(&self, socket: &OpenSocket<Self::Socket>, request: &Connect<'_>) -> Result<()> {
        let _ = (socket, request);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPJoinLeaf` (5.17).
    fn join_leaf(
        &self,
        socket: &OpenSocket<Self::Socket>,
        request: &Connect<'_>,
        flags: u32,
    ) -> Result<Leaf<Self::Socket>> {
        let _ = (socket, request, flags);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPShutdown` (5.27). `how` is one of `SD_*`, already checked (WSP-SHUT-1).
    fn shutdown(&self, socket: &OpenSocket<Self::Socket>, how: Shutdown) -> Result<()> {
        let _ = (socket, how);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPSendDisconnect` (5.24).
    fn send_disconnect(&self, socket: &OpenSocket<Self::Socket>, data: Option<&[u8]>) -> Result<()> {
        let _ = (socket, data);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPRecvDisconnect` (5.20): the number of bytes of disconnect data stored.
    fn recv_disconnect(&self, socket: &OpenSocket<Self::Socket>, data: Option<&mut [u8]>) -> Result<usize> {
        let _ = (socket, data);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPSend` without overlapped completion (5.23): bytes taken.
    fn send(&self, socket: &OpenSocket<Self::Socket>, buffers: &SendBuffers<'_>, flags: u32) -> Result<u32> {
        let _ = (socket, buffers, flags);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPSendTo` without overlapped completion (5.25). `to` is absent if the caller gave none.
    fn send_to(
        &self,
        socket: &OpenSocket<Self::Socket>,
        buffers: &SendBuffers<'_>,
        flags: u32,
        to: Option<&[u8]>,
    ) -> Result<u32> {
        let _ = (socket, buffers, flags, to);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPRecv` without overlapped completion (5.19).
    fn recv(&self, socket: &OpenSocket<Self::Socket>, buffers: &mut RecvBuffers<'_>, flags: u32) -> Result<Received> {
        let _ = (socket, buffers, flags);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPRecvFrom` without overlapped completion (5.21). `capacity` is the room for the source
    /// address in bytes, absent if the caller wants none; too little is `WSAEFAULT` before anything
    /// is received (WSP-RFROM-2).
    fn recv_from(
        &self,
        socket: &OpenSocket<Self::Socket>,
        buffers: &mut RecvBuffers<'_>,
        flags: u32,
        capacity: Option<usize>,
    ) -> Result<(Received, Option<Address>)> {
        let _ = (socket, buffers, flags, capacity);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPSelect` (5.22): waits until at least one entry is ready or the time is over (absent:
    /// forever), and sets `ready` of each. All sockets are this provider's; there is at least one.
    fn select(&self, entries: &mut [Selected<'_, Self::Socket>], timeout: Option<Duration>) -> Result<()> {
        let _ = (entries, timeout);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// The provider's `WSAPoll` extension (API-15, API-S7 to S11). `events` and `revents` are `POLL*`
    /// bits. `None` as the whole answer of [`HAS_POLL`](Self::HAS_POLL) = false makes the runtime use
    /// `WSPSelect` instead.
    fn poll(&self, entries: &mut [Polled<'_, Self::Socket>], timeout: Option<Duration>) -> Result<()> {
        let _ = (entries, timeout);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// Whether [`poll`](Self::poll) is implemented.
    const HAS_POLL: bool = false;

    /// `WSPEventSelect` (5.10). The event is present if the mask is not zero.
    fn event_select(&self, socket: &OpenSocket<Self::Socket>, event: Option<Event>, mask: i32) -> Result<()> {
        let _ = (socket, event, mask);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPEnumNetworkEvents` (5.9): hands out the record, clears it, and resets `event`, in one step.
    fn enum_network_events(&self, socket: &OpenSocket<Self::Socket>, event: Option<Event>) -> Result<NetworkEvents> {
        let _ = (socket, event);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPAsyncSelect` (5.2).
    fn async_select(&self, socket: &OpenSocket<Self::Socket>, window: usize, message: u32, mask: i32) -> Result<()> {
        let _ = (socket, window, message, mask);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPGetSockName` (5.13).
    fn get_sock_name(&self, socket: &OpenSocket<Self::Socket>) -> Result<Address> {
        let _ = socket;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPGetPeerName` (5.12).
    fn get_peer_name(&self, socket: &OpenSocket<Self::Socket>) -> Result<Address> {
        let _ = socket;
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSPGetSockOpt` (5.14): the size stored in `value`, whose length is the caller's capacity.
    /// `SO_PROTOCOL_INFOW` is answered by the SDK.
    fn get_sock_opt(
        &self,
        socket: &OpenSocket<Self::Socket>,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> Result<usize> {
        let _ = (socket, level, name, value);
        Err(WsaError::WSAENOPROTOOPT)
    }

    /// `WSPSetSockOpt` (5.26). An empty `value` stands for a null pointer too.
    fn set_sock_opt(&self, socket: &OpenSocket<Self::Socket>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let _ = (socket, level, name, value);
        Err(WsaError::WSAENOPROTOOPT)
    }

    /// `WSPIoctl` without overlapped completion (5.16).
    /// `SIO_GET_EXTENSION_FUNCTION_POINTER` is answered by the SDK.
    fn ioctl(
        &self,
        socket: &OpenSocket<Self::Socket>,
        code: u32,
        input: &[u8],
        output: &mut IoctlOutput<'_>,
    ) -> Result<()> {
        let _ = (socket, code, input, output);
        Err(WsaError::WSAEINVAL)
    }

    /// Starts an overlapped operation (contract: transport, section 4), whatever the blocking mode (MODE-4).
    ///
    /// What can be done at once is completed in here. What cannot is [pended](Operation::pend) and kept, to be completed from any
    /// thread: sends in the order in which they were started, and receives likewise (OV-12). Operations of a socket that is
    /// [cancelled](Self::cancel) end then: by a close with `WSA_OPERATION_ABORTED`, which is indicated (WSP-CLOSE-2), by the last
    /// clean-up silently (WSP-CLEANUP-8).
    ///
    /// An error means that the operation was not started; it is dropped, and nothing is indicated (OV-7).
    fn overlapped(&self, socket: &OpenSocket<Self::Socket>, operation: Operation) -> Result<Started> {
        let _ = (socket, operation);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// Where the ends of a socket's operations are told, the same for all handles of one underlying socket. A transport without
    /// [`duplicate`](Self::duplicate) leaves it as it is; one that has it keeps a [`PortLink`] with what duplicates share.
    fn port_link<'s>(&self, socket: &'s OpenSocket<Self::Socket>) -> &'s PortLink {
        socket.port_link()
    }

    /// The socket has been associated with a completion port: the packets of its operations go there from now on, those of
    /// pending ones included. One that has descriptors of the kernel can [watch](Port::watch) them through the port.
    ///
    /// An error is the association's, which stands all the same.
    fn associate(&self, socket: &OpenSocket<Self::Socket>, port: &Port<'_>) -> Result<()> {
        let _ = (socket, port);
        Ok(())
    }

    /// A socket that is [watched](Port::watch) became ready: goes on with its operations, by calls that do not block, until one
    /// would block. Edges are told; what is left undone otherwise is not told again. Called by threads that wait at the
    /// port, one at a time for a socket; it must not wait for other such calls.
    fn ready(&self, socket: &OpenSocket<Self::Socket>, events: Readiness) {
        let _ = (socket, events);
    }

    /// Ends those of a socket's pending operations that are [selected](Selection::has), with `WSA_OPERATION_ABORTED`, and says how many
    /// that were: `CancelIo` and `CancelIoEx`. One that is about to end anyway may be left alone.
    fn cancel_operations(&self, socket: &OpenSocket<Self::Socket>, selection: &Selection) -> u32 {
        let _ = (socket, selection);
        0
    }

    /// Goes on with the operations of a socket as far as they can: somebody asks for the result of one that pends, and it may be
    /// that nobody waits at the port that drives them. For transports that [watch](Port::watch).
    fn go_on(&self, socket: &OpenSocket<Self::Socket>) {
        let _ = socket;
    }

    /// Whether an overlapped `WSPIoctl` with this code may pend, and so goes to [`overlapped`](Self::overlapped) (OV-22). Any other is
    /// carried out by [`ioctl`](Self::ioctl), and its success indicated.
    fn ioctl_pends(&self, code: u32) -> bool {
        let _ = code;
        false
    }

    /// The extension functions that the transport has; clients get the SDK's function, which ends in a method of this trait.
    /// `WSAPoll` is not among them: see [`HAS_POLL`](Self::HAS_POLL).
    const EXTENSIONS: &'static [Extension] = &[];

    /// `DisconnectEx` without overlapped completion: sends what is queued, ends the connection and waits until it is over
    /// (API-X30). With `reuse` the socket is fit for another connection then (API-X31).
    fn disconnect(&self, socket: &OpenSocket<Self::Socket>, reuse: bool) -> Result<()> {
        let _ = (socket, reuse);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSASendMsg` without overlapped completion: bytes sent. `to` is absent if the caller gave none; `control` has pieces with
    /// a `WSACMSGHDR` each (API-X54, API-X57).
    fn send_msg(
        &self,
        socket: &OpenSocket<Self::Socket>,
        buffers: &SendBuffers<'_>,
        flags: u32,
        to: Option<&[u8]>,
        control: &[u8],
    ) -> Result<u32> {
        let _ = (socket, buffers, flags, to, control);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `WSARecvMsg` without overlapped completion: bytes received (API-X52). A message that was cut is `WSAEMSGSIZE`, and stored.
    fn recv_msg(
        &self,
        socket: &OpenSocket<Self::Socket>,
        buffers: &mut RecvBuffers<'_>,
        flags: u32,
        area: &mut MessageArea,
    ) -> Result<u32> {
        let _ = (socket, buffers, flags, area);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `TransmitFile` and `TransmitPackets` without overlapped completion: waits until all is sent; bytes sent (API-X40).
    #[cfg(unix)]
    fn transmit(&self, socket: &OpenSocket<Self::Socket>, transmission: Transmission) -> Result<u32> {
        let _ = (socket, transmission);
        Err(WsaError::WSAEOPNOTSUPP)
    }

    /// `SO_UPDATE_ACCEPT_CONTEXT`: gives a connection that `AcceptEx` made the properties of its listener (API-X16).
    fn update_accept_context(
        &self,
        accepted: &OpenSocket<Self::Socket>,
        listener: &OpenSocket<Self::Socket>,
    ) -> Result<()> {
        let _ = (accepted, listener);
        Err(WsaError::WSAENOPROTOOPT)
    }

    /// `WSPAddressToString` (5.1).
    fn address_to_string(&self, address: &[u8], info: &WSAPROTOCOL_INFOW) -> Result<String> {
        let _ = (address, info);
        Err(WsaError::WSAEINVAL)
    }

    /// `WSPStringToAddress` (5.29).
    fn string_to_address(&self, text: &str, family: i32, info: &WSAPROTOCOL_INFOW) -> Result<Address> {
        let _ = (text, family, info);
        Err(WsaError::WSAEINVAL)
    }
}

/// An extension function, or functions that come together (contract: api, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension {
    /// `AcceptEx` and `GetAcceptExSockaddrs`: [`Request::Accept`](crate::operation::Request::Accept).
    AcceptEx,
    /// `ConnectEx`: [`Request::Connect`](crate::operation::Request::Connect).
    ConnectEx,
    /// `WSARecvMsg`: [`Request::RecvMsg`](crate::operation::Request::RecvMsg), and [`Transport::recv_msg`].
    RecvMsg,
    /// `WSASendMsg`: [`Request::SendMsg`](crate::operation::Request::SendMsg), and [`Transport::send_msg`].
    SendMsg,
    /// `TransmitFile`: [`Request::Transmit`](crate::operation::Request::Transmit), and [`Transport::transmit`].
    TransmitFile,
    /// `TransmitPackets`: the same.
    TransmitPackets,
    /// Registered I/O: [`Request::Send`](crate::operation::Request::Send) and its siblings, also on sockets that were not made with
    /// `WSA_FLAG_OVERLAPPED`.
    RegisteredIo,
    /// `DisconnectEx`: [`Request::Disconnect`](crate::operation::Request::Disconnect), and [`Transport::disconnect`].
    DisconnectEx,
}

/// What a transport learns when it starts.
pub struct Startup<'a> {
    /// The catalog entry that the first caller chose (WSP-STARTUP-18).
    pub info: &'a WSAPROTOCOL_INFOW,
    /// The version that was agreed on.
    pub version: u16,
    /// The runtime's upcalls. Clones follow later start-ups: the latest table wins (WSP-STARTUP-7).
    pub upcalls: Upcalls,
}

/// The arguments of `WSPSocket`.
pub struct SocketRequest<'a> {
    /// `AF_*`, or zero.
    pub family: i32,
    /// `SOCK_*`, or zero.
    pub socket_type: i32,
    /// `IPPROTO_*`, or zero.
    pub protocol: i32,
    /// The catalog entry chosen; never absent (SEL-12).
    pub info: &'a WSAPROTOCOL_INFOW,
    /// Reserved: zero, else `WSAEINVAL` (WSP-SOCK-7).
    pub group: u32,
    /// `WSA_FLAG_*`.
    pub flags: u32,
}

/// A socket that a transport has made, not yet known to the runtime. The SDK registers it:
/// an IFS handle with `WPUModifyIFSHandle`, any other with `WPUCreateSocketHandle` (WSP-SOCK-5).
pub enum NewSocket<S> {
    /// A socket of the operating system.
    Ifs {
        /// The operating system's own handle, owned by `state`.
        handle: SOCKET,
        /// What the transport keeps for the socket.
        state: S,
    },
    /// The runtime makes the handle.
    NonIfs {
        /// What the transport keeps for the socket.
        state: S,
    },
}

/// The arguments of `WSPAccept`.
pub struct Accept<'a, 'b> {
    /// Room for the peer's address in bytes, absent if the caller wants none. Too little is
    /// `WSAEFAULT` before the connection is taken (WSP-ACCEPT-5).
    pub capacity: Option<usize>,
    /// The caller's condition function, absent for a plain accept.
    pub condition: Option<&'a mut Condition<'b>>,
}

/// An accepted connection.
pub struct Accepted<S> {
    /// The new socket.
    pub socket: NewSocket<S>,
    /// The peer's address; stored if the caller has room for it.
    pub address: Address,
}

/// The arguments of `WSPConnect` and `WSPJoinLeaf`.
pub struct Connect<'a> {
    /// The peer's address, as the client gave it.
    pub name: &'a [u8],
    /// User data to send with the request; absent if the pointer or the buffer is null (WSP-CONN-7).
    pub caller_data: Option<&'a [u8]>,
    /// Whether a quality of service was asked for (WSP-CONN-8).
    pub wants_qos: bool,
}

/// What `WSPJoinLeaf` returns (WSP-JOIN-3).
pub enum Leaf<S> {
    /// The same descriptor.
    Same,
    /// A new leaf socket, which inherits the root's properties.
    New(NewSocket<S>),
}

/// Why calls are cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The socket is being closed.
    Close,
    /// The last clean-up.
    CleanUp,
}

/// The direction of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// `SD_RECEIVE`.
    Receive,
    /// `SD_SEND`.
    Send,
    /// `SD_BOTH`.
    Both,
}

/// What a receive brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Received {
    /// The number of bytes stored.
    pub bytes: u32,
    /// `MSG_*` bits for `lpFlags`.
    pub flags: u32,
}

/// One element of a select set.
pub struct Selected<'a, S> {
    /// The socket.
    pub socket: &'a OpenSocket<S>,
    /// The set that it is in.
    pub interest: Interest,
    /// Set by the transport.
    pub ready: bool,
}

/// Which set an element of a select is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Ready to receive or accept, or ended.
    Read,
    /// Ready to send, or connected.
    Write,
    /// A connect failed, or out-of-band data is there.
    Except,
}

/// One element of a poll.
pub struct Polled<'a, S> {
    /// The socket.
    pub socket: &'a OpenSocket<S>,
    /// `POLL*` bits asked for.
    pub events: i16,
    /// `POLL*` bits found; set by the transport.
    pub revents: i16,
}

/// Where an ioctl stores its output.
pub struct IoctlOutput<'a> {
    /// The caller's buffer; empty if it is null.
    pub buffer: &'a mut [u8],
    /// What `lpcbBytesReturned` becomes, also on failure (IO-7).
    pub returned: u32,
    /// The address at which the client has the input, of which the transport sees a copy. The input of
    /// some codes points into itself.
    pub input_address: usize,
}
