//! tokio: a task for each connection, on one thread.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::{CHUNK, DATAGRAM, Mode, Socket, tell};

pub fn run(socket: Socket, mode: Mode, size: usize, port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    tell(port);
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        match socket {
            Socket::Datagrams(socket) => datagrams(socket).await,
            Socket::Listener(listener) => {
                listener.set_nonblocking(true)?;
                connections(TcpListener::from_std(listener)?, mode, size).await
            }
        }
    })
}

async fn connections(listener: TcpListener, mode: Mode, size: usize) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        match mode {
            Mode::Accept | Mode::Udp => drop(stream),
            Mode::Bulk => return bulk(stream).await,
            Mode::Echo => drop(tokio::task::spawn_local(echo(stream, size))),
        }
    }
}

async fn echo(mut stream: TcpStream, size: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; size];
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..len]).await?;
    }
}

async fn bulk(mut stream: TcpStream) -> io::Result<()> {
    let chunk = vec![0; CHUNK];
    loop {
        stream.write_all(&chunk).await?;
    }
}

async fn datagrams(socket: std::net::UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..len], from).await?;
    }
}
