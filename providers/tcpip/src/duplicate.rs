//! `WSPDuplicateSocket`, and `WSPSocket` with what it made (WSP-DUP-1 to WSP-DUP-9).
//!
//! The owner keeps the socket ready for the named process, which fetches the descriptor when it opens
//! the duplicate; until then the owner must live and not clean up. From then on the kernel keeps the
//! socket until the last descriptor is closed (WSP-DUP-5).
//!
//! Duplicates within a process share everything. Those of two processes share what the kernel keeps: the
//! connection, its queues, the kernel's options. What Winsock keeps beside it (blocking mode, shutdown, time
//! limits, linger, the options of this provider) they have in common when the duplicate is opened, and change each for
//! themselves; event registrations belong to their process.

mod export;
mod record;
mod token;

use rustix::net::{AddressFamily, SocketType, ipproto, sockopt};
use rustix::process::Pid;
use windlass_abi::{
    FROM_PROTOCOL_INFO, WSA_FLAG_MULTIPOINT_C_LEAF, WSA_FLAG_MULTIPOINT_C_ROOT, WSA_FLAG_MULTIPOINT_D_LEAF,
    WSA_FLAG_MULTIPOINT_D_ROOT, WSA_FLAG_OVERLAPPED, WSAPROTOCOL_INFOW, WsaError,
};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{NewSocket, SocketRequest};

pub use self::export::Exports;
use self::token::Token;
use crate::Tcpip;
use crate::socket::{Family, Kind, TcpSocket};

/// Makes `info`, a copy of the socket's catalog entry, good for one use by `process` (WSP-DUP-1).
///
/// # Errors
/// WSAEINVAL: there is no such process. WSAEMFILE, WSAENOBUFS: no resources. WSAEOPNOTSUPP: the thread of the
/// provider could not be started.
pub fn export(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, process: u32, info: &mut WSAPROTOCOL_INFOW) -> Result<()> {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or(WsaError::WSAEINVAL)?;
    let token = tcpip.exports.open(tcpip, socket, process)?;
    token.store(info);
    Ok(())
}

/// Opens the socket that `request.info` stands for (WSP-SOCK-6).
///
/// # Errors
/// WSAEINVAL: used already (WSP-DUP-3), not for this process, its owner is gone, or the flags or the
/// protocol are not those of the socket (WSP-DUP-6). WSAEMFILE, WSAENOBUFS: no resources. WSAEINTR: the last clean-up.
pub fn import(tcpip: &Tcpip, request: &SocketRequest<'_>) -> Result<NewSocket<TcpSocket>> {
    let token = Token::load(request.info);
    let own = rustix::process::getpid().as_raw_nonzero().get() as u32;
    let socket = if token.owner == own {
        tcpip.exports.take(token).ok_or(WsaError::WSAEINVAL)?.into_socket()
    } else {
        let (record, fd) = export::fetch(tcpip, token)?;
        if !is_what_it_says(&fd, record.family, record.kind) {
            return Err(WsaError::WSAEINVAL);
        }
        record.into_socket(fd)
    };
    if !fits(request, &socket) {
        return Err(WsaError::WSAEINVAL);
    }
    Ok(NewSocket::Ifs { handle: socket.handle(), state: socket })
}

/// Reads what another process tells of a socket; what was understood survives being written and read again.
#[cfg(fuzzing)]
pub fn read_record(bytes: &[u8]) {
    if let Some(record) = record::Record::from_bytes(bytes) {
        assert_eq!(record::Record::from_bytes(&record.to_bytes()), Some(record));
    }
}

/// The flags that both descriptors of a socket have alike (WSP-DUP-6). Whether a handle is inherited is its own affair.
const ALIKE: u32 = WSA_FLAG_OVERLAPPED
    | WSA_FLAG_MULTIPOINT_C_ROOT
    | WSA_FLAG_MULTIPOINT_C_LEAF
    | WSA_FLAG_MULTIPOINT_D_ROOT
    | WSA_FLAG_MULTIPOINT_D_LEAF;

fn fits(request: &SocketRequest<'_>, socket: &TcpSocket) -> bool {
    let same = |asked: i32, is: i32| asked == is || asked == 0 || asked == FROM_PROTOCOL_INFO;
    (request.flags ^ socket.creation_flags) & ALIKE == 0
        && request.group == 0
        && same(request.family, socket.family.windows())
        && same(request.socket_type, socket.kind.socket_type())
        && same(request.protocol, socket.kind.protocol())
}

/// Whether the kernel agrees with the record.
fn is_what_it_says(fd: &std::os::fd::OwnedFd, family: Family, kind: Kind) -> bool {
    let (socket_type, protocol) = match kind {
        Kind::Stream => (SocketType::STREAM, ipproto::TCP),
        Kind::Datagram => (SocketType::DGRAM, ipproto::UDP),
    };
    let domain: rustix::io::Result<AddressFamily> = sockopt::socket_domain(fd);
    domain == Ok(family.kernel())
        && sockopt::socket_type(fd) == Ok(socket_type)
        && sockopt::socket_protocol(fd) == Ok(Some(protocol))
}
