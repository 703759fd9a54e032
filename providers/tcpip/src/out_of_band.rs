//! Out-of-band data that is not in line (contract: transport, section 9).
//!
//! The kernel has one urgent byte, and forgets it as soon as a normal receive goes past its mark. So whoever
//! notices one ([`collect`]) takes it and keeps it for the receive with MSG_OOB, which may then come at
//! any time (OOB-1). A client that never asks for readiness must still receive it before the data after it.

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use windlass_abi::WsaError;
use windlass_spi::Result;
use windlass_spi::buffers::RecvBuffers;
use windlass_spi::socket::OpenSocket;

use crate::Tcpip;
use crate::blocking::Wait;
use crate::recv::refusal;
use crate::socket::{Common, Flags, TcpSocket};

/// How many bytes are kept; a peer that sends more without a receive loses the later ones.
const MOST: usize = 1024;

/// Takes the kernel's urgent byte, if there is one, and says whether any byte is there to be received. For a
/// socket whose out-of-band data is not in line.
pub fn collect(socket: &Common, fd: std::os::fd::BorrowedFd<'_>) -> bool {
    let mut rare = socket.rare();
    let mut byte = [0u8];
    // Anything but a byte is told by the receive, when there is one.
    let taken = rustix::net::recv(fd, &mut byte, RecvFlags::DONTWAIT | RecvFlags::OOB);
    if matches!(taken, Ok((_, 1))) && rare.urgent.len() < MOST {
        rare.urgent.push_back(byte[0]);
    }
    socket.flags.put(Flags::URGENT, !rare.urgent.is_empty());
    !rare.urgent.is_empty()
}

/// Receives out-of-band data into the buffers, or only looks at it.
///
/// # Errors
/// WSAEWOULDBLOCK, WSAETIMEDOUT, WSAEINTR: there is none (in time). WSAENOTCONN, WSAECONNRESET: there is no
/// connection.
pub fn recv(tcpip: &Tcpip, socket: &OpenSocket<TcpSocket>, buffers: &mut RecvBuffers<'_>, peek: bool) -> Result<usize> {
    if buffers.total() == 0 {
        return Ok(0);
    }
    if let Some(taken) = take(socket, buffers, peek) {
        return Ok(taken);
    }
    check_connection(socket)?;
    if socket.flags.any(Flags::NONBLOCKING) {
        return Err(WsaError::WSAEWOULDBLOCK);
    }
    let wait = Wait::begin(tcpip, &[socket], socket.recv_limit())?;
    loop {
        if let Some(taken) = take(socket, buffers, peek) {
            return Ok(taken);
        }
        let found = wait.on_socket(socket, PollFlags::PRI | PollFlags::RDHUP)?;
        if !found.contains(PollFlags::PRI) && found.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR) {
            // None will come any more.
            check_connection(socket)?;
            return Ok(0);
        }
    }
}

fn take(socket: &TcpSocket, buffers: &mut RecvBuffers<'_>, peek: bool) -> Option<usize> {
    if !collect(socket, socket.fd()) {
        return None;
    }
    let mut rare = socket.rare();
    let taken = buffers.scatter(rare.urgent.make_contiguous());
    if !peek {
        rare.urgent.drain(..taken);
        socket.flags.put(Flags::URGENT, !rare.urgent.is_empty());
    }
    // Another thread may have been first.
    (taken > 0).then_some(taken)
}

/// Whether there is a connection that such data could come from.
fn check_connection(socket: &TcpSocket) -> Result<()> {
    let mut byte = [0u8];
    match rustix::net::recv(socket.fd(), &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(errno) => Err(refusal(socket, errno)),
    }
}
