//! Overlapped operations: what a transport gets to do, and how its end is told to the client (contract: transport,
//! section 4).

mod accept;
mod array;
mod client;
mod message;
mod request;
mod selection;
#[cfg(unix)]
mod transmission;

use windlass_abi::WsaError;

pub use super::link::SocketLink;
use super::rio::Ticket;
use crate::address::Address;
use crate::transport::Result;

pub use self::accept::AcceptArea;
pub(super) use self::accept::address_in;
pub use self::array::{RecvArray, SendArray};
pub(super) use self::client::{Client, Ends, Found, query};
pub use self::message::MessageArea;
pub(super) use self::message::check as check_message;
pub use self::selection::Selection;
#[cfg(unix)]
pub use self::transmission::{FilePart, Piece, PieceSource, Transmission};

/// An overlapped operation: what is to be done, and the client's `WSAOVERLAPPED` and buffers, which are this value's until
/// it is gone (OV-10).
///
/// Its end is told exactly once (OV-6), by [`complete`](Self::complete) or [`abort_silently`](Self::abort_silently).
/// One that is dropped after [`pend`](Self::pend) ends with `WSA_OPERATION_ABORTED`, so that no client waits for ever; one that
/// is dropped before was never started, and leaves no trace (OV-7). Once the last clean-up has begun, nothing is indicated:
/// whatever becomes of an operation, it ends with `WSA_OPERATION_ABORTED` and no bytes (WSP-CLEANUP-8, WSP-CLEANUP-9).
pub struct Operation {
    /// What is to be done.
    pub request: Request,
    teller: Teller,
}

/// Who is told of the end.
enum Teller {
    /// A client with an overlapped structure.
    Client(Client),
    /// A client of registered I/O.
    Registered(Ticket),
}

/// What is to be done. The fields are the arguments of the function.
pub enum Request {
    /// `WSPSend`.
    Send {
        /// What to send.
        buffers: SendArray,
        /// `MSG_*`.
        flags: u32,
    },
    /// `WSPSendTo`.
    SendTo {
        /// What to send.
        buffers: SendArray,
        /// `MSG_*`.
        flags: u32,
        /// Absent if the client gave no address.
        to: Option<Box<[u8]>>,
    },
    /// `WSPRecv`.
    Recv {
        /// Where to put what comes.
        buffers: RecvArray,
        /// `MSG_*`.
        flags: u32,
    },
    /// `WSPRecvFrom`.
    RecvFrom {
        /// Where to put what comes.
        buffers: RecvArray,
        /// `MSG_*`.
        flags: u32,
        /// The room for the source address in bytes; absent if the client wants none.
        capacity: Option<usize>,
    },
    /// `WSPIoctl` with a code that [`Transport::ioctl_pends`](crate::Transport::ioctl_pends) names. It completes without
    /// output (IO-6).
    Ioctl {
        /// `SIO_*`.
        code: u32,
        /// The client's input.
        input: Box<[u8]>,
    },
    /// `AcceptEx`, on the listening socket (API-X10 to API-X18).
    Accept {
        /// Where the first data goes. Without room, none is waited for (API-X12).
        buffers: RecvArray,
        /// Where the addresses go.
        area: Box<AcceptArea>,
        /// The socket that becomes the connection.
        into: SocketLink,
    },
    /// `ConnectEx` (API-X20 to API-X24).
    Connect {
        /// The peer's address, as the client gave it.
        name: Box<[u8]>,
        /// What to send once the connection is there.
        data: Option<SendArray>,
    },
    /// `WSASendMsg` (API-X54).
    SendMsg {
        /// What to send.
        buffers: SendArray,
        /// `MSG_*`.
        flags: u32,
        /// Absent if the client gave no address.
        to: Option<Box<[u8]>>,
        /// Pieces with a `WSACMSGHDR` each (API-X57).
        control: Box<[u8]>,
    },
    /// `WSARecvMsg` (API-X52).
    RecvMsg {
        /// Where to put what comes.
        buffers: RecvArray,
        /// `MSG_*`.
        flags: u32,
        /// Where the rest goes.
        area: Box<MessageArea>,
    },
    /// `TransmitFile`, `TransmitPackets` (API-X40 to API-X46).
    #[cfg(unix)]
    Transmit {
        /// What to send.
        transmission: Transmission,
        /// The socket itself, for what follows.
        link: SocketLink,
    },
    /// `DisconnectEx` (API-X30 to API-X32).
    Disconnect {
        /// Whether the socket is to be fit for another connection.
        reuse: bool,
        /// The socket itself.
        link: SocketLink,
    },
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is over, and that has been indicated (OV-5).
    Completed,
    /// It goes on; its end will be indicated (OV-6).
    Pending,
}

/// The end of an operation.
#[derive(Clone, Default)]
pub struct Completion {
    /// Why it failed, if it did.
    pub error: Option<WsaError>,
    /// The number of bytes moved.
    pub bytes: u32,
    /// `MSG_*` bits of a receive.
    pub flags: u32,
    /// Where a datagram came from, if that has not been [stored](Operation::set_source) before.
    pub from: Option<Box<Address>>,
}

impl Completion {
    /// A success.
    pub fn of(bytes: u32) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// A failure that moved nothing.
    pub fn failed(error: WsaError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

impl Operation {
    pub(super) fn new(request: Request, client: Client) -> Self {
        Self { request, teller: Teller::Client(client) }
    }

    pub(super) fn registered(request: Request, ticket: Ticket) -> Self {
        Self { request, teller: Teller::Registered(ticket) }
    }

    /// It goes on already. Without effect on one that pends.
    pub(super) fn pend_anyway(&mut self) {
        match &mut self.teller {
            Teller::Client(client) => client.pend_anyway(),
            Teller::Registered(ticket) => ticket.pend(),
        }
    }

    /// Whether the client has been told that it goes on.
    pub(super) fn is_pending(&self) -> bool {
        match &self.teller {
            Teller::Client(client) => client.is_pending(),
            Teller::Registered(_) => true,
        }
    }

    /// The operation goes on after the call: its event is reset, and its status is that of a pending operation (OV-8, OV-17). To be
    /// called before anybody else can complete it.
    ///
    /// # Errors
    /// `WSA_INVALID_HANDLE`: its event is none. The operation has not started.
    pub fn pend(&mut self) -> Result<()> {
        match &mut self.teller {
            Teller::Client(client) => client.pend(),
            Teller::Registered(ticket) => {
                ticket.pend();
                Ok(())
            }
        }
    }

    /// Whether somebody may wait for the end elsewhere than at a completion port: by an event or a routine. Such an operation
    /// must go on even if nobody waits at the port.
    pub fn is_waited_for(&self) -> bool {
        match &self.teller {
            Teller::Client(client) => client.is_waited_for(),
            // Its queue is no port that drives it.
            Teller::Registered(_) => true,
        }
    }

    /// Stores where a datagram came from, of an operation that is about to be completed.
    pub fn set_source(&mut self, from: &Address) {
        if let Teller::Client(client) = &self.teller {
            client.store_source(from);
        }
    }

    /// Ends the operation, with success or failure, and indicates it as the client asked (OV-4). For an operation that was never
    /// [pended](Self::pend) this is the immediate success of the call, and its other results are stored too; what fails
    /// at once is returned as an error instead (OV-7). Once the last clean-up has begun, it is an operation that pended
    /// and was aborted.
    ///
    /// No code of the client runs in here.
    pub fn complete(self, completion: Completion) -> Started {
        match self.teller {
            Teller::Client(client) => client.complete(&completion),
            Teller::Registered(ticket) => {
                ticket.end(&completion);
                Started::Completed
            }
        }
    }

    /// Ends a pending operation with `WSA_OPERATION_ABORTED` without telling anybody: what the last clean-up does
    /// (WSP-CLEANUP-8). The client's memory is not touched afterwards.
    pub fn abort_silently(self) {
        match self.teller {
            Teller::Client(client) => client.abort_silently(),
            Teller::Registered(ticket) => ticket.end_silently(),
        }
    }
}
