//! `WSPJoinLeaf`: sockets in multicast groups (WSP-JOIN-1 to WSP-JOIN-7).
//!
//! IP multicast has no root in either plane: every socket is a leaf, a join is the membership of a group
//! (WSP-JOIN-6), and the descriptor stays the same (WSP-JOIN-3). It is over at once, also on a non-blocking socket,
//! which is told by FD_CONNECT as well (WSP-JOIN-4). A sender needs no membership; it names the group in its sends.

use std::net::IpAddr;

use windlass_abi::{
    JL_BOTH, JL_RECEIVER_ONLY, JL_SENDER_ONLY, WSA_FLAG_MULTIPOINT_C_LEAF, WSA_FLAG_MULTIPOINT_D_LEAF, WsaError,
};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::{Connect, Leaf};

use crate::bind::{bind_kernel, is_bound, local_address};
use crate::error::from_errno;
use crate::interfaces::index_of;
use crate::network_events;
use crate::options::membership::{Change, change};
use crate::sockaddr::{SocketAddress, parse_or};
use crate::socket::{Family, Flags, Kind, TcpSocket};

/// Joins the group `request.name` as `flags` say, on the interface that the socket is bound to. An unbound
/// socket is bound as by a connect.
///
/// # Errors
/// WSAEINVAL: the socket was not made for this (WSP-JOIN-2), or the flags are none. WSAEISCONN: it has joined
/// (WSP-JOIN-5). WSAEFAULT, WSAEAFNOSUPPORT, WSAEADDRNOTAVAIL: the name, or no interface for it. WSAEOPNOTSUPP: quality
/// of service. WSAENOBUFS: too many groups.
pub fn join(socket: &OpenSocket<TcpSocket>, request: &Connect<'_>, flags: u32) -> Result<Leaf<TcpSocket>> {
    const LEAF: u32 = WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF;
    if socket.creation_flags & LEAF != LEAF || socket.kind != Kind::Datagram {
        return Err(WsaError::WSAEINVAL);
    }
    if !matches!(flags, JL_SENDER_ONLY | JL_RECEIVER_ONLY | JL_BOTH) {
        return Err(WsaError::WSAEINVAL);
    }
    if request.wants_qos {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    let group = parse_or(request.name, socket.family, WsaError::WSAEAFNOSUPPORT)?;
    if !group.ip().is_multicast() {
        return Err(WsaError::WSAEADDRNOTAVAIL);
    }
    if socket.flags.set(Flags::JOINED) != 0 {
        return Err(WsaError::WSAEISCONN);
    }
    let joined = join_group(socket, group, flags);
    if joined.is_err() {
        socket.flags.clear(Flags::JOINED);
    }
    joined?;
    network_events::after_join(socket);
    Ok(Leaf::Same)
}

fn join_group(socket: &TcpSocket, group: SocketAddress, flags: u32) -> Result<()> {
    if !is_bound(socket)? {
        bind_kernel(socket, socket.family.any()).map_err(from_errno)?;
        socket.flags.set(Flags::BOUND);
    }
    if flags == JL_SENDER_ONLY {
        return Ok(());
    }
    let interface = match (socket.family, local_address(socket)?, group) {
        (Family::Ip4, local, _) => match local.ip() {
            IpAddr::V4(address) => index_of(address)?,
            IpAddr::V6(_) => 0,
        },
        (Family::Ip6, SocketAddress::V6(local), SocketAddress::V6(group)) => match group.scope_id() {
            0 => local.scope_id(),
            scope => scope,
        },
        (Family::Ip6, _, _) => 0,
    };
    change(socket, Change::Join, group, None, interface)
}
