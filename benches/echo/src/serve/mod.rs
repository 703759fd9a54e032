//! The peers in Rust, each in a process of its own: `serve PEER MODE SIZE`.

mod completions;
mod ring;
mod tasks;

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use clap::ValueEnum;

use crate::case::Mode;

/// What a peer is made of.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// The io-uring crate: one thread that submits and reaps.
    Uring,
    /// tokio, its runtime of one thread.
    Tokio,
    /// compio over io_uring.
    Compio,
}

/// Bytes of a send in bulk.
const CHUNK: usize = 65536;
/// Datagrams under way.
const DATAGRAMS: usize = 16;
/// The longest datagram.
const DATAGRAM: usize = 2048;

/// The socket of a server, of which the port has been told.
enum Socket {
    Listener(TcpListener),
    Datagrams(UdpSocket),
}

/// Serves until it is killed, or fails.
pub fn run(peer: Peer, mode: Mode, size: usize) -> io::Result<()> {
    let socket = if mode == Mode::Udp {
        Socket::Datagrams(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?)
    } else {
        Socket::Listener(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)
    };
    let (listener, datagrams) = match &socket {
        Socket::Listener(socket) => (Some(socket), None),
        Socket::Datagrams(socket) => (None, Some(socket)),
    };
    if let Some(listener) = listener {
        // std's own backlog is short.
        rustix::net::listen(listener, 4096)?;
    }
    let address = match (listener, datagrams) {
        (Some(socket), _) => socket.local_addr()?,
        (_, Some(socket)) => socket.local_addr()?,
        _ => return Ok(()),
    };
    match peer {
        Peer::Uring => ring::run(socket, mode, size, address.port()),
        Peer::Tokio => tasks::run(socket, mode, size, address.port()),
        Peer::Compio => completions::run(socket, mode, size, address.port()),
    }
}

/// Tells the port, once what serves it is there.
fn tell(port: u16) {
    println!("{port}");
}
