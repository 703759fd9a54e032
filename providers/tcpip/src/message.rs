//! `WSASendMsg` and `WSARecvMsg`: datagrams with control data (API-X50 to API-X58).
//!
//! Whether a datagram came to a group or to all (`MSG_MCAST`, `MSG_BCAST`) is told where the client has asked for its local
//! address (`IP_PKTINFO`, `IPV6_PKTINFO`): the kernel tells no other.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, SockaddrLike, SockaddrStorage, recvmsg, sendmsg};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use windlass_abi::{MSG_BCAST, MSG_CTRUNC, MSG_MCAST, MSG_PEEK, MSG_TRUNC, WsaError};
use windlass_spi::Result;
use windlass_spi::buffers::{INLINE, RecvBuffers, SendBuffers};
use windlass_spi::operation::MessageArea;
use windlass_spi::socket::OpenSocket;

use crate::blocking::until_done;
use crate::control_data::{self, Control};
use crate::sockaddr::{SocketAddress, check_capacity, to_address};
use crate::socket::{Flags, Kind, TcpSocket};
use crate::{Tcpip, network_events, overlapped, recv, send};

/// Room for the kernel's control data: all that a socket can be told with a datagram.
#[repr(align(8))]
struct Room([u8; 256]);

/// Sends a datagram.
///
/// # Errors
/// WSAEOPNOTSUPP: a stream, or flags (API-X54). WSAEINVAL: control data. Those of `WSPSendTo`.
pub fn send_msg(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &SendBuffers<'_>,
    flags: u32,
    to: Option<&[u8]>,
    control: &[u8],
) -> Result<u32> {
    let (flags, to, control) = prepare_send(socket, flags, to, control)?;
    let attempt = || {
        send::check_state(socket)?;
        send_once(socket, buffers, flags, to, &control)
    };
    if socket.flags.any(Flags::SENDS_PENDING) {
        overlapped::await_send_turn(tcpip, socket)?;
    }
    let sent = match attempt() {
        Err(WsaError::WSAEWOULDBLOCK) if !socket.flags.any(Flags::NONBLOCKING) => {
            until_done(tcpip, socket, PollFlags::OUT, socket.send_limit(), attempt)
        }
        done => done,
    };
    network_events::after_send(socket, sent == Err(WsaError::WSAEWOULDBLOCK));
    sent.map(|sent| sent as u32)
}

/// What the arguments of a send mean.
///
/// # Errors
/// As [`send_msg`], before anything is sent.
pub fn prepare_send(
    socket: &TcpSocket,
    flags: u32,
    to: Option<&[u8]>,
    control: &[u8],
) -> Result<(SendFlags, Option<SocketAddress>, Vec<Control>)> {
    if socket.kind == Kind::Stream {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    Ok((send::overlapped_flags(socket, flags)?, send::destination(socket, to)?, control_data::read(control)?))
}

/// One try of a send.
///
/// # Errors
/// As [`send_msg`], and WSAEWOULDBLOCK.
pub fn send_once(
    socket: &TcpSocket,
    buffers: &SendBuffers<'_>,
    flags: SendFlags,
    to: Option<SocketAddress>,
    control: &[Control],
) -> Result<usize> {
    if control.is_empty() {
        return send::attempt(socket, buffers, flags, to);
    }
    let mut scratch = [IoSlice::new(&[]); INLINE];
    let slices = buffers.as_io_slices(&mut scratch);
    let flags = MsgFlags::from_bits_retain(flags.bits() as i32);
    let to = to.map(SockaddrStorage::from);
    send::told(socket, || {
        control_data::to_kernel(control, |control| {
            sendmsg(socket.fd().as_raw_fd(), &slices, control, flags, to.as_ref()).map_err(of_kernel)
        })
    })
}

/// Receives a datagram.
///
/// # Errors
/// WSAEOPNOTSUPP: a stream, or flags (API-X52). WSAEINVAL: not bound (API-X53). WSAEMSGSIZE: it was cut, and is stored.
/// Those of `WSPRecvFrom`.
pub fn recv_msg(
    tcpip: &Tcpip,
    socket: &OpenSocket<TcpSocket>,
    buffers: &mut RecvBuffers<'_>,
    flags: u32,
    area: &mut MessageArea,
) -> Result<u32> {
    check_recv(socket, area)?;
    let flags = match flags {
        0 => RecvFlags::DONTWAIT,
        MSG_PEEK => RecvFlags::DONTWAIT | RecvFlags::PEEK,
        _ => return Err(WsaError::WSAEOPNOTSUPP),
    };
    if socket.flags.any(Flags::RECEIVES_PENDING) {
        overlapped::await_receive_turn(tcpip, socket)?;
    }
    let mut attempt = || recv_once(socket, buffers, flags, area);
    let received = match attempt() {
        Err(WsaError::WSAEWOULDBLOCK) => match recv::check_bound(socket) {
            Ok(()) if !socket.flags.any(Flags::NONBLOCKING) => {
                until_done(tcpip, socket, PollFlags::IN, socket.recv_limit(), attempt)
            }
            bound => bound.and(Err(WsaError::WSAEWOULDBLOCK)),
        },
        done => done,
    };
    network_events::after_recv(socket);
    received.map(|received| received as u32)
}

/// Whether the socket and the room for the address are fit for a receive.
pub fn check_recv(socket: &TcpSocket, area: &MessageArea) -> Result<()> {
    if socket.kind == Kind::Stream {
        return Err(WsaError::WSAEOPNOTSUPP);
    }
    match area.capacity() {
        None => Ok(()),
        capacity => check_capacity(capacity, socket.family),
    }
}

/// One try of a receive; what came is stored, also if it was cut.
///
/// # Errors
/// As [`recv_msg`], and WSAEWOULDBLOCK.
pub fn recv_once(
    socket: &TcpSocket,
    buffers: &mut RecvBuffers<'_>,
    flags: RecvFlags,
    area: &mut MessageArea,
) -> Result<usize> {
    recv::check_overlapped(socket, true)?;
    // FIONREAD counts by looking, too.
    let _looking = flags.contains(RecvFlags::PEEK).then(|| socket.rare());
    let flags = MsgFlags::from_bits_retain(flags.bits() as i32);
    loop {
        let mut scratch: [IoSliceMut<'_>; INLINE] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        let mut slices = buffers.as_io_slices(&mut scratch);
        let mut room = Room([0; 256]);
        let came = recvmsg::<SockaddrStorage>(socket.fd().as_raw_fd(), &mut slices, Some(&mut room.0), flags);
        let came = match came.map_err(of_kernel) {
            Ok(came) => came,
            Err(Errno::INTR) => continue,
            Err(Errno::CONNREFUSED) if !socket.flags.any(Flags::UDP_CONNRESET) => continue,
            Err(errno) => return Err(recv::refusal(socket, errno)),
        };
        let control: Vec<Control> = match came.cmsgs() {
            Ok(pieces) => pieces.filter_map(|piece| control_data::from_kernel(&piece)).collect(),
            Err(_) => Vec::new(),
        };
        let cut = came.flags.contains(MsgFlags::MSG_TRUNC);
        let (bytes, whole) = control_data::write(&control, area.control_room());
        let mut told = how_it_came(&control);
        told |= if cut { MSG_TRUNC } else { 0 };
        told |= if whole && !came.flags.contains(MsgFlags::MSG_CTRUNC) { 0 } else { MSG_CTRUNC };
        let from = came.address.as_ref().and_then(address).map(|from| to_address(&from));
        area.store(from.as_ref(), &bytes, told);
        return if cut { Err(WsaError::WSAEMSGSIZE) } else { Ok(came.bytes) };
    }
}

/// To one, to a group or to all.
fn how_it_came(control: &[Control]) -> u32 {
    let mut flags = 0;
    for piece in control {
        flags |= match *piece {
            Control::Packet4 { address, .. } if Ipv4Addr::from(address).is_multicast() => MSG_MCAST,
            Control::Packet4 { address, .. } if Ipv4Addr::from(address).is_broadcast() => MSG_BCAST,
            Control::Packet6 { address, .. } if Ipv6Addr::from(address).is_multicast() => MSG_MCAST,
            _ => 0,
        };
    }
    flags
}

fn address(from: &SockaddrStorage) -> Option<SocketAddress> {
    from.family()?;
    let ip4 = from.as_sockaddr_in().map(|from| SocketAddr::V4(SocketAddrV4::from(*from)));
    ip4.or_else(|| from.as_sockaddr_in6().map(|from| SocketAddr::V6(SocketAddrV6::from(*from))))
}

fn of_kernel(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw_os_error(errno as i32)
}
