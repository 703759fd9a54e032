//! compio: a task for each connection, over io_uring, on one thread.

use std::io;
use std::rc::Rc;

use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream, UdpSocket};
use compio::runtime::RuntimeBuilder;

use super::{CHUNK, DATAGRAM, DATAGRAMS, Mode, Socket, tell};

pub fn run(socket: Socket, mode: Mode, size: usize, port: u16) -> io::Result<()> {
    let mut proactor = ProactorBuilder::new();
    proactor.single_issuer(true).defer_taskrun(true);
    let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
    tell(port);
    runtime.block_on(async move {
        match socket {
            Socket::Datagrams(socket) => datagrams(UdpSocket::from_std(socket)?).await,
            Socket::Listener(listener) => connections(TcpListener::from_std(listener)?, mode, size).await,
        }
    })
}

async fn connections(listener: TcpListener, mode: Mode, size: usize) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        match mode {
            Mode::Accept | Mode::Udp => drop(stream),
            Mode::Bulk => return bulk(stream).await,
            Mode::Echo => compio::runtime::spawn(echo(stream, size)).detach(),
        }
    }
}

async fn echo(mut stream: TcpStream, size: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(size);
    loop {
        buffer.clear();
        let BufResult(read, filled) = stream.read(buffer).await;
        let len = read?;
        if len == 0 {
            return Ok(());
        }
        let BufResult(written, slice) = stream.write_all(filled.slice(..len)).await;
        written?;
        buffer = slice.into_inner();
    }
}

async fn bulk(mut stream: TcpStream) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let BufResult(written, back) = stream.write_all(chunk).await;
        written?;
        chunk = back;
    }
}

async fn datagrams(socket: UdpSocket) -> io::Result<()> {
    let socket = Rc::new(socket);
    for _ in 1..DATAGRAMS {
        compio::runtime::spawn(send_back(socket.clone())).detach();
    }
    send_back(socket).await
}

async fn send_back(socket: Rc<UdpSocket>) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(DATAGRAM);
    loop {
        buffer.clear();
        let BufResult(read, filled) = socket.recv_from(buffer).await;
        let (len, from) = read?;
        let BufResult(written, slice) = socket.send_to(filled.slice(..len), from).await;
        written?;
        buffer = slice.into_inner();
    }
}
