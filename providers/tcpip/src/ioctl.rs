//! `WSPIoctl` without overlapped completion (contract: transport, sections 5.16 and 8).
//!
//! A code is answered here, or has the error that its page prescribes where the protocol or the system
//! lacks it (IO-8, IO-9), or is known and cannot be realised, which is WSAEOPNOTSUPP; any other number is WSAEINVAL
//! (WSP-IOCTL-3).

mod addresses;

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, sockopt};
use windlass_abi::{
    FD_ADDRESS_LIST_CHANGE, FD_ROUTING_INTERFACE_CHANGE, FIOASYNC, FIONBIO, FIONREAD, SIO_ABSORB_RTRALERT,
    SIO_ADDRESS_LIST_CHANGE, SIO_ADDRESS_LIST_QUERY, SIO_ADDRESS_LIST_SORT, SIO_ASSOCIATE_HANDLE, SIO_BASE_HANDLE,
    SIO_BSP_HANDLE, SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT, SIO_ENABLE_CIRCULAR_QUEUEING, SIO_EXT_POLL,
    SIO_EXT_SELECT, SIO_EXT_SENDMSG, SIO_FIND_ROUTE, SIO_FLUSH, SIO_GET_BROADCAST_ADDRESS, SIO_GET_GROUP_QOS,
    SIO_GET_INTERFACE_LIST, SIO_GET_INTERFACE_LIST_EX, SIO_GET_MULTICAST_FILTER,
    SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, SIO_GET_QOS, SIO_IDEAL_SEND_BACKLOG_CHANGE,
    SIO_IDEAL_SEND_BACKLOG_QUERY, SIO_INDEX_ADD_MCAST, SIO_INDEX_BIND, SIO_INDEX_DEL_MCAST, SIO_INDEX_MCASTIF,
    SIO_KEEPALIVE_VALS, SIO_LIMIT_BROADCASTS, SIO_LOOPBACK_FAST_PATH, SIO_MULTICAST_SCOPE, SIO_MULTIPOINT_LOOPBACK,
    SIO_NSP_NOTIFY_CHANGE, SIO_QUERY_TARGET_PNP_HANDLE, SIO_RCVALL, SIO_RCVALL_IGMPMCAST, SIO_RCVALL_MCAST,
    SIO_ROUTING_INTERFACE_CHANGE, SIO_ROUTING_INTERFACE_QUERY, SIO_SET_GROUP_QOS, SIO_SET_MULTICAST_FILTER,
    SIO_SET_QOS, SIO_TCP_INFO, SIO_TCP_INITIAL_RTO, SIO_TRANSLATE_HANDLE, SIO_UCAST_IF, SIO_UDP_CONNRESET,
    SIO_UDP_NETRESET, SIOCATMARK, SIOCGMSFILTER, SIOCSMSFILTER, WsaError,
};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::IoctlOutput;

use crate::blocking::Wait;
use crate::error::from_errno;
use crate::network_events::changes::Changes;
use crate::options::kernel;
use crate::options::value::{load, load_bool, load_dword, store};
use crate::sockaddr::parse_or;
use crate::socket::{Family, Flags, Kind, TcpSocket};
use crate::{Tcpip, network_events};

/// Carries out a control code.
///
/// # Errors
/// WSAEFAULT: a buffer is too small (WSP-IOCTL-4); `output.returned` is the size needed where a list or an address
/// did not fit (IO-7). WSAEINVAL: unknown code, bad input, or a state that does not allow it (MODE-3).
/// WSAENOPROTOOPT, WSAEOPNOTSUPP: see above. WSAEWOULDBLOCK: the change is told by an event (IO-6).
/// WSAENETUNREACH: no route. WSAEINTR: cancelled.
pub fn control(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    code: u32,
    input: &[u8],
    output: &mut IoctlOutput<'_>,
) -> Result<()> {
    output.returned = 0;
    match code {
        FIONBIO => set_blocking_mode(socket, load_bool(input)?),
        FIONREAD => answer(output, &queued(socket)?.to_ne_bytes()),
        SIOCATMARK => answer(output, &i32::from(is_past_urgent(socket)?).to_ne_bytes()),
        SIO_BASE_HANDLE
        | SIO_BSP_HANDLE
        | SIO_BSP_HANDLE_SELECT
        | SIO_BSP_HANDLE_POLL
        // The end of a chain depends on nothing but itself.
        | SIO_QUERY_TARGET_PNP_HANDLE => answer(output, &socket.handle().to_ne_bytes()),
        SIO_KEEPALIVE_VALS => keep_alive(socket, input),
        SIO_UDP_CONNRESET => connection_resets(socket, load_bool(input)?),
        SIO_MULTIPOINT_LOOPBACK => multicast_loopback(socket, load_bool(input)?),
        SIO_MULTICAST_SCOPE => multicast_scope(socket, load_dword(input)?),
        SIO_GET_BROADCAST_ADDRESS => addresses::broadcast(socket, output),
        SIO_ADDRESS_LIST_QUERY => addresses::list(socket, output),
        SIO_ADDRESS_LIST_SORT => addresses::sort(socket, input, output),
        SIO_ROUTING_INTERFACE_QUERY => addresses::local_for(socket, input, output),
        SIO_FIND_ROUTE => addresses::find_route(socket, input),
        SIO_GET_INTERFACE_LIST => addresses::interface_list(socket, output),
        SIO_ADDRESS_LIST_CHANGE => await_change(tcpip, socket, FD_ADDRESS_LIST_CHANGE),
        SIO_ROUTING_INTERFACE_CHANGE => {
            // A change of any route is told, which the page allows.
            parse_or(input, socket.family, WsaError::WSAEINVAL)?;
            await_change(tcpip, socket, FD_ROUTING_INTERFACE_CHANGE)
        }
        _ if NOT_OF_THIS_PROTOCOL.contains(&code) => Err(WsaError::WSAENOPROTOOPT),
        _ if NOT_REALISABLE.contains(&code) => Err(WsaError::WSAEOPNOTSUPP),
        _ => Err(WsaError::WSAEINVAL),
    }
}

/// Codes whose pages prescribe WSAENOPROTOOPT where they are not supported.
const NOT_OF_THIS_PROTOCOL: &[u32] = &[
    SIO_ASSOCIATE_HANDLE,
    SIO_ENABLE_CIRCULAR_QUEUEING,
    SIO_FLUSH,
    SIO_GET_GROUP_QOS,
    SIO_GET_QOS,
    SIO_SET_GROUP_QOS,
    SIO_SET_QOS,
    SIO_TRANSLATE_HANDLE,
];

/// Other codes that are documented, and that this provider does not carry out.
const NOT_REALISABLE: &[u32] = &[
    FIOASYNC,
    SIO_ABSORB_RTRALERT,
    SIO_EXT_POLL,
    SIO_EXT_SELECT,
    SIO_EXT_SENDMSG,
    SIO_GET_INTERFACE_LIST_EX,
    SIO_GET_MULTICAST_FILTER,
    SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER,
    SIO_IDEAL_SEND_BACKLOG_CHANGE,
    SIO_IDEAL_SEND_BACKLOG_QUERY,
    SIO_INDEX_ADD_MCAST,
    SIO_INDEX_BIND,
    SIO_INDEX_DEL_MCAST,
    SIO_INDEX_MCASTIF,
    SIO_LIMIT_BROADCASTS,
    SIO_LOOPBACK_FAST_PATH,
    SIO_NSP_NOTIFY_CHANGE,
    SIO_RCVALL,
    SIO_RCVALL_IGMPMCAST,
    SIO_RCVALL_MCAST,
    SIO_SET_MULTICAST_FILTER,
    SIO_TCP_INFO,
    SIO_TCP_INITIAL_RTO,
    SIO_UCAST_IF,
    SIO_UDP_NETRESET,
    SIOCGMSFILTER,
    SIOCSMSFILTER,
];

/// Stores the whole output of a code.
///
/// # Errors
/// WSAEFAULT: too little room.
fn answer(output: &mut IoctlOutput<'_>, bytes: &[u8]) -> Result<()> {
    output.returned = store(output.buffer, bytes)? as u32;
    Ok(())
}

/// `FIONBIO` (MODE-2, MODE-3).
fn set_blocking_mode(socket: &TcpSocket, nonblocking: bool) -> Result<()> {
    if !nonblocking && socket.flags.any(Flags::EVENTS) {
        return Err(WsaError::WSAEINVAL);
    }
    socket.flags.put(Flags::NONBLOCKING, nonblocking);
    Ok(())
}

/// `FIONREAD`: the bytes of a stream that can be received at once, or those of all datagrams that wait
/// (WSP-IOCTL-6).
fn queued(socket: &TcpSocket) -> Result<u32> {
    let bytes = match socket.kind {
        Kind::Stream => None,
        Kind::Datagram => in_all_datagrams(socket),
    };
    let bytes = match bytes {
        Some(bytes) => bytes,
        None => rustix::io::ioctl_fionread(socket.fd()).map_err(from_errno)?,
    };
    Ok(bytes.try_into().unwrap_or(u32::MAX))
}

/// The bytes of all datagrams in the queue. The kernel tells the first one's; the others are found by looking
/// past it, one after the other. Nothing if the kernel cannot, or an error waits that a look would take.
fn in_all_datagrams(socket: &TcpSocket) -> Option<u64> {
    /// More than any queue holds; keeps a fast sender from keeping this busy.
    const MOST: usize = 1 << 16;
    if is_ready(socket, PollFlags::empty()) {
        return None;
    }
    // Others who look would see what this one is looking at.
    let _looking = socket.rare();
    kernel::set(socket, kernel::PeekOffset, 0).ok()?;
    let flags = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
    let mut total = 0;
    for _ in 0..MOST {
        match rustix::net::recv(socket.fd(), &mut [0u8; 0], flags) {
            Ok((_, length)) => total += length as u64,
            Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    // It could be set, so it can be reset.
    let _ = kernel::set(socket, kernel::PeekOffset, -1);
    Some(total)
}

/// `SIOCATMARK`: no out-of-band data is unread (WSP-IOCTL-7).
fn is_past_urgent(socket: &TcpSocket) -> Result<bool> {
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEINVAL);
    }
    Ok(!is_ready(socket, PollFlags::PRI) && !socket.flags.any(Flags::URGENT))
}

/// Whether any of `wanted` is there now; for nothing wanted, an error.
fn is_ready(socket: &TcpSocket, wanted: PollFlags) -> bool {
    let fd = socket.fd();
    let mut fds = [PollFd::new(&fd, wanted)];
    // It fails for lack of memory at most; then nothing is there yet.
    let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    fds[0].revents().intersects(if wanted.is_empty() { PollFlags::ERR } else { wanted })
}

/// `SIO_KEEPALIVE_VALS`: `tcp_keepalive`, with times in milliseconds. The kernel counts in seconds, up to
/// 32767: times are rounded up, and longer ones cut.
fn keep_alive(socket: &TcpSocket, input: &[u8]) -> Result<()> {
    let on = load_bool(input)?;
    let [idle, interval] = [load(input, 4)?, load(input, 8)?].map(u32::from_ne_bytes);
    if socket.kind == Kind::Datagram {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    if on {
        if idle == 0 || interval == 0 {
            return Err(WsaError::WSAEINVAL);
        }
        sockopt::set_tcp_keepidle(socket.fd(), whole_seconds(idle)).map_err(from_errno)?;
        sockopt::set_tcp_keepintvl(socket.fd(), whole_seconds(interval)).map_err(from_errno)?;
    }
    sockopt::set_socket_keepalive(socket.fd(), on).map_err(from_errno)
}

fn whole_seconds(milliseconds: u32) -> Duration {
    Duration::from_secs(milliseconds.div_ceil(1000).min(32_767).into())
}

/// `SIO_UDP_CONNRESET` (WSP-RFROM-4).
fn connection_resets(socket: &TcpSocket, reported: bool) -> Result<()> {
    if socket.kind == Kind::Stream {
        return Err(WsaError::WSAEINVAL);
    }
    socket.flags.put(Flags::UDP_CONNRESET, reported);
    Ok(())
}

/// `SIO_MULTIPOINT_LOOPBACK`: whether this machine hears what the socket sends to a group.
fn multicast_loopback(socket: &TcpSocket, on: bool) -> Result<()> {
    match (socket.kind, socket.family) {
        (Kind::Stream, _) => return Err(WsaError::WSAEOPNOTSUPP),
        (Kind::Datagram, Family::Ip4) => sockopt::set_ip_multicast_loop(socket.fd(), on),
        (Kind::Datagram, Family::Ip6) => sockopt::set_ipv6_multicast_loop(socket.fd(), on),
    }
    .map_err(from_errno)
}

/// `SIO_MULTICAST_SCOPE`: how many routers a datagram to a group may reach, 1 by default.
fn multicast_scope(socket: &TcpSocket, hops: u32) -> Result<()> {
    if hops > 255 {
        return Err(WsaError::WSAEINVAL);
    }
    match (socket.kind, socket.family) {
        (Kind::Stream, _) => return Err(WsaError::WSAEOPNOTSUPP),
        (Kind::Datagram, Family::Ip4) => sockopt::set_ip_multicast_ttl(socket.fd(), hops),
        (Kind::Datagram, Family::Ip6) => sockopt::set_ipv6_multicast_hops(socket.fd(), hops),
    }
    .map_err(from_errno)
}

/// Waits for a change on a blocking socket; on a non-blocking one asks for an event (IO-6).
fn await_change(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, event: i32) -> Result<()> {
    if socket.flags.any(Flags::NONBLOCKING) {
        network_events::arm(tcpip, socket, event)?;
        return Err(WsaError::WSAEWOULDBLOCK);
    }
    let changes = Changes::open()?;
    let wait = Wait::begin(tcpip, &[socket], None)?;
    loop {
        wait.on(&mut [PollFd::from_borrowed_fd(changes.fd(), PollFlags::IN)])?;
        if changes.read().for_family(socket.family) & event != 0 {
            return Ok(());
        }
    }
}
