//! What the author of a layer writes: one type that implements [`Layer`].
//!
//! A layer stands in a chain between its client and the next provider (CAT-PI-5). It overrides the functions that it cares about;
//! everything else goes to the next provider:
//!
//! - of an IFS layer ([`Kind::Ifs`]) at no cost: the next provider's functions are published as its own (WSP-STARTUP-23), and so are its
//!   handles (WPU-MIH-4). Overlapped calls are seen on their way down, and pass untouched (LSP-2);
//! - of a non-IFS layer ([`Kind::NonIfs`]) by way of the SDK: the layer has handles of its own, and the SDK maps them in each function.
//!   An overlapped call goes down with a structure of the SDK's, and its end is told to the client once (LSP-1).
//!
//! The SDK keeps the rest: it finds and starts the next provider, gives it the protocol information that the contract asks for
//! (WSP-STARTUP-18 to 23), registers handles, counts starts, resets what is open at the last clean-up and ends the next provider once for
//! each start of it (WSP-CLEANUP-22).
//!
//! # A layer
//!
//! One that counts the bytes that programs send. This is all of `src/lib.rs` of a library crate:
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use windlass_spi::layer::{Down, Kind, Layer, NewSocket, Overrides, Sending, Socket, Startup};
//! use windlass_spi::{Result, layer_entry};
//!
//! struct Count(AtomicU64);
//!
//! impl Layer for Count {
//!     type Socket = ();
//!     const DESCRIPTION: &'static str = "Counts what is sent";
//!     const KIND: Kind = Kind::Ifs;
//!
//!     fn start(_: &Startup<'_>) -> Result<Self> {
//!         Ok(Self(AtomicU64::new(0)))
//!     }
//!
//!     fn socket(&self, _: &NewSocket<'_>) -> Result<()> {
//!         Ok(())
//!     }
//!
//!     fn overrides(functions: &mut Overrides<Self>) {
//!         functions.send(Self::count).send_to(Self::count);
//!     }
//! }
//!
//! impl Count {
//!     fn count(&self, _: &Socket<'_, Self>, sending: &Sending<'_>, down: Down<'_, u32>) -> Result<u32> {
//!         self.0.fetch_add(sending.buffers.total() as u64, Ordering::Relaxed);
//!         down.forward()
//!     }
//! }
//!
//! // The one export of the module: `WSPStartup`.
//! layer_entry!(export Count);
//! # fn main() {}
//! ```

use std::ops::Deref;

use windlass_abi::{SOCKET, WSAPROTOCOL_INFOW};

pub use crate::adapter::layer::host::{Host, install};
pub use crate::adapter::layer::next::Next;
pub use crate::adapter::layer::stack::Layered;
use crate::adapter::layer::stack::State;
use crate::address::Address;
use crate::buffers::{RecvBuffers, SendBuffers};
use crate::events::{Event, NetworkEvents};
use crate::operation::{Completion, Operation, Started};
use crate::socket::OpenSocket;
pub use crate::transport::Received;
use crate::transport::Result;
use crate::upcalls::Upcalls;

/// Whose handles a layer's sockets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The base provider's: the system's own handles pass through.
    Ifs,
    /// The layer's, made by the runtime.
    NonIfs,
    /// As the layer's catalog entry says: `XP1_IFS_HANDLES` or not.
    AsInstalled,
}

/// A layered service provider.
///
/// Methods are called from any thread, many at a time, and no lock of the SDK is held meanwhile.
pub trait Layer: Sized + Send + Sync + 'static {
    /// What the layer keeps for one socket.
    type Socket: Send + Sync + 'static;

    /// `WSPDATA.szDescription`: at most 255 UTF-16 units.
    const DESCRIPTION: &'static str;

    /// Whose handles the sockets have.
    const KIND: Kind;

    /// The first `WSPStartup` of the process. An error is the function's own result.
    fn start(startup: &Startup<'_>) -> Result<Self>;

    /// The last `WSPCleanup`: every call has left, every socket is gone, and the next providers have been cleaned up. No thread of the
    /// layer may be left when this returns (WSP-CLEANUP-18).
    fn cleanup(&self) {}

    /// What to keep for a socket that the next provider has made. An error closes it, and is what the client gets.
    fn socket(&self, new: &NewSocket<'_>) -> Result<Self::Socket>;

    /// The functions that the layer overrides. Called once, at the start.
    fn overrides(functions: &mut Overrides<Self>) {
        let _ = functions;
    }
}

/// What a layer learns when it starts.
pub struct Startup<'a> {
    /// What follows the first colon in the name of the layer's catalog entry, `latency=20ms` of `fault:latency=20ms`; else empty.
    pub options: &'a str,
    /// The chain that the first caller chose.
    pub chain: &'a WSAPROTOCOL_INFOW,
    /// The layer's own catalog entry.
    pub entry: &'a WSAPROTOCOL_INFOW,
    /// The runtime's upcalls.
    pub upcalls: Upcalls,
}

/// A socket that the next provider has made.
pub struct NewSocket<'a> {
    /// The chain that it is a socket of: what `SO_PROTOCOL_INFOW` says.
    pub info: &'a WSAPROTOCOL_INFOW,
    /// Where it comes from.
    pub origin: Origin,
    /// The next provider's functions, on the new socket.
    pub next: Next<'a>,
}

/// Where a new socket comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `WSPSocket`.
    Socket,
    /// `WSPSocket`, with the structure that `WSPDuplicateSocket` made.
    Duplicate,
    /// `WSPAccept` on the socket with this handle.
    Accept(SOCKET),
    /// `WSPJoinLeaf` on the socket with this handle.
    Leaf(SOCKET),
}

/// An open socket of the client, as a layer sees it: dereferences to what the layer keeps for it.
pub struct Socket<'a, L: Layer> {
    pub(crate) open: &'a OpenSocket<State<L::Socket>>,
    pub(crate) layered: &'a Layered<L>,
    pub(crate) find: Find<L>,
}

impl<L: Layer> Deref for Socket<'_, L> {
    type Target = L::Socket;

    fn deref(&self) -> &L::Socket {
        &self.open.own
    }
}

impl<L: Layer> Socket<'_, L> {
    /// The handle that the client uses.
    pub fn handle(&self) -> SOCKET {
        self.open.handle()
    }

    /// The chain that it is a socket of.
    pub fn info(&self) -> &WSAPROTOCOL_INFOW {
        self.open.info()
    }

    /// Whether it was made with `WSA_FLAG_OVERLAPPED`.
    pub fn is_overlapped(&self) -> bool {
        self.open.is_overlapped()
    }

    /// The next provider's functions, on its own socket.
    pub fn next(&self) -> Next<'_> {
        self.open.next()
    }

    /// Finds this socket again later, from any thread.
    pub fn link(&self) -> Link<L> {
        Link { handle: self.handle(), find: self.find }
    }

    /// Carries an operation out below: of a non-IFS layer, for its `overlapped` function or later. Its end is told to the client.
    ///
    /// # Errors
    /// The next provider's own, and `WSAEOPNOTSUPP` for a request that only it can make. The operation is dropped.
    pub fn start(&self, operation: Operation) -> Result<Started> {
        self.layered.start_below(self.open, operation, None)
    }

    /// The same, but what is told to the client is up to `then`, which gets the operation back with its end below. It runs in whatever
    /// thread tells of the end, often the next provider's: it must not block nor call the next provider, and leaves to another
    /// thread what takes longer. It is not run if this fails. If the operation was not [pended](Operation::pend) before and goes on, it is by
    /// then.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_then(
        &self,
        operation: Operation,
        then: impl FnOnce(Operation, Completion) + Send + 'static,
    ) -> Result<Started> {
        self.layered.start_below(self.open, operation, Some(Box::new(then)))
    }
}

/// Finds an open socket again. Holding one keeps nothing open.
pub struct Link<L: Layer> {
    pub(crate) handle: SOCKET,
    pub(crate) find: Find<L>,
}

/// Calls back with the open socket of a handle, if there is one.
pub(crate) type Find<L> = fn(SOCKET, &mut Visit<'_, L>);

/// What is done with it.
pub(crate) type Visit<'a, L> = dyn FnMut(&Layered<L>, &OpenSocket<State<<L as Layer>::Socket>>) + 'a;

impl<L: Layer> Clone for Link<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Layer> Copy for Link<L> {}

impl<L: Layer> Link<L> {
    /// The handle of the socket.
    pub fn handle(&self) -> SOCKET {
        self.handle
    }

    /// What `body` makes of the layer and the socket, whose close waits meanwhile. Nothing if the handle has been given up. Once it has,
    /// the same handle may name a new socket: the caller tells the two apart.
    pub fn with<R>(&self, body: impl FnOnce(&L, &Socket<'_, L>) -> R) -> Option<R> {
        let (mut body, mut result) = (Some(body), None);
        (self.find)(self.handle, &mut |layered, open| {
            if let Some(body) = body.take() {
                result = Some(body(layered.layer(), &Socket { open, layered, find: self.find }));
            }
        });
        result
    }
}

/// The way down of one call, with the client's own arguments.
pub struct Down<'a, R> {
    pub(crate) forward: &'a mut dyn FnMut() -> Result<R>,
}

impl<R> Down<'_, R> {
    /// Calls the next provider as the client called the layer. A pending operation is `WSA_IO_PENDING`, and what has been started
    /// below is what the client is told, whatever the layer returns after it.
    ///
    /// # Errors
    /// The next provider's own.
    pub fn forward(self) -> Result<R> {
        (self.forward)()
    }
}

/// The arguments of `WSPSend` and `WSPSendTo`.
pub struct Sending<'a> {
    /// What to send.
    pub buffers: SendBuffers<'a>,
    /// `MSG_*`.
    pub flags: u32,
    /// The address, if the client gave one.
    pub to: Option<&'a [u8]>,
    /// Whether the call is overlapped. A layer that does not forward it and returns a number has completed it: the SDK tells so.
    pub is_overlapped: bool,
}

/// The arguments of `WSPRecv` and `WSPRecvFrom`.
pub struct Receiving<'a> {
    /// The room; what was received is in it when the call has come back.
    pub buffers: RecvBuffers<'a>,
    /// `MSG_*`.
    pub flags: u32,
    /// Whether the client wants to know where it comes from.
    pub wants_address: bool,
    /// As for [`Sending`].
    pub is_overlapped: bool,
}

/// What a receive brought.
#[derive(Clone, Copy, Default)]
pub struct Taken {
    /// Bytes and flags.
    pub received: Received,
    /// Where it came from, if that was asked for.
    pub from: Option<Address>,
}

macro_rules! overrides {
    ($($(#[$doc:meta])* $function:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions that a layer overrides: each is named with the function that takes its place, which gets the layer, the
        /// socket, the arguments, and the way [`Down`].
        pub struct Overrides<L: Layer> {
            $(pub(crate) $function: Option<fn(&L, &Socket<'_, L>, $($argument),*) -> Result<$result>>,)*
        }

        impl<L: Layer> Overrides<L> {
            pub(crate) fn none() -> Self {
                Self { $($function: None),* }
            }

            $(
                $(#[$doc])*
                pub fn $function(
                    &mut self,
                    function: fn(&L, &Socket<'_, L>, $($argument),*) -> Result<$result>,
                ) -> &mut Self {
                    self.$function = Some(function);
                    self
                }
            )*
        }
    };
}

overrides! {
    /// `WSPAccept`. The result is the handle of the new socket, for which [`Layer::socket`] has been called.
    accept: fn(Down<'_, SOCKET>) -> SOCKET;
    /// `WSPBind`, with the address.
    bind: fn(&[u8], Down<'_, ()>) -> ();
    /// `WSPCloseSocket`. What fails leaves the socket open.
    close: fn(Down<'_, ()>) -> ();
    /// `WSPConnect`, with the address.
    connect: fn(&[u8], Down<'_, ()>) -> ();
    /// `WSPDuplicateSocket`, with the process.
    duplicate: fn(u32, Down<'_, ()>) -> ();
    /// `WSPEnumNetworkEvents`, with the event to reset, if there is one.
    enum_network_events: fn(Option<Event>, Down<'_, NetworkEvents>) -> NetworkEvents;
    /// `WSPEventSelect`, with the event, if there is one, and the mask.
    event_select: fn(Option<Event>, i32, Down<'_, ()>) -> ();
    /// `WSPGetPeerName`.
    get_peer_name: fn(Down<'_, Address>) -> Address;
    /// `WSPGetSockName`.
    get_sock_name: fn(Down<'_, Address>) -> Address;
    /// `WSPGetSockOpt`, with level, name and the client's room; the length stored.
    get_sock_opt: fn(i32, i32, &mut [u8], Down<'_, usize>) -> usize;
    /// `WSPIoctl`, with code and input, overlapped or not; the number of bytes stored. The extension functions are not asked for by
    /// way of this.
    ioctl: fn(u32, &[u8], Down<'_, u32>) -> u32;
    /// `WSPListen`, with the backlog.
    listen: fn(i32, Down<'_, ()>) -> ();
    /// Every overlapped `WSPSend`, `WSPSendTo`, `WSPRecv`, `WSPRecvFrom` and `ConnectEx` of a non-IFS layer, in place of their own
    /// functions. Pass it to [`Socket::start`], or keep it and complete it as a transport does
    /// ([`Transport::overlapped`](crate::Transport::overlapped)).
    overlapped: fn(Operation) -> Started;
    /// `WSPRecv`.
    recv: fn(&mut Receiving<'_>, Down<'_, Taken>) -> Taken;
    /// `WSPRecvFrom`.
    recv_from: fn(&mut Receiving<'_>, Down<'_, Taken>) -> Taken;
    /// `WSPSend`; the number of bytes taken.
    send: fn(&Sending<'_>, Down<'_, u32>) -> u32;
    /// `WSPSendTo`; the number of bytes taken.
    send_to: fn(&Sending<'_>, Down<'_, u32>) -> u32;
    /// `WSPSetSockOpt`, with level, name and value.
    set_sock_opt: fn(i32, i32, &[u8], Down<'_, ()>) -> ();
    /// `WSPShutdown`, with `SD_*`.
    shutdown: fn(i32, Down<'_, ()>) -> ();
}
