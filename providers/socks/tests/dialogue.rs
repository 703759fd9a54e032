//! Handshakes with a server, over connections that wait and connections that do not.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use support::{NAME, Server};
use windlass_socks::dialogue::{Dialogue, Progress, Wire};
use windlass_socks::wire::{Command, Credentials, Handshake, Target, datagram_header, open_datagram};
use windlass_spi::Result;
use windlass_spi::abi::WsaError;

struct Tcp(TcpStream);

fn code(error: std::io::Error) -> WsaError {
    match error.kind() {
        ErrorKind::WouldBlock => WsaError::WSAEWOULDBLOCK,
        _ => WsaError::WSAECONNRESET,
    }
}

impl Wire for Tcp {
    fn send(&mut self, bytes: &[u8]) -> Result<usize> {
        // In small pieces.
        self.0.write(&bytes[..bytes.len().min(3)]).map_err(code)
    }
    fn recv(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.0.read(bytes).map_err(code)
    }
}

/// A server that says something to whoever comes, at once, and then what it hears.
fn greeter() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            client.write_all(b"welcome").unwrap();
            let mut byte = [0];
            while client.read(&mut byte).is_ok_and(|count| count > 0) {
                client.write_all(&byte).unwrap();
            }
        }
    });
    address
}

fn through(server: &Server, target: Target, credentials: Option<Credentials>, waits: bool) -> Result<TcpStream> {
    let mut wire = Tcp(TcpStream::connect(server.address).unwrap());
    wire.0.set_nonblocking(!waits).unwrap();
    let mut dialogue = Dialogue::new(Handshake::new(Command::Connect, target, credentials));
    loop {
        match dialogue.go_on(&mut wire)? {
            Progress::Done(_) => {
                wire.0.set_nonblocking(false).unwrap();
                return Ok(wire.0);
            }
            _ => assert!(!waits, "a connection that waits goes to the end"),
        }
        std::thread::yield_now();
    }
}

fn me() -> Option<Credentials> {
    Credentials::new("me".into(), "secret".into())
}

#[test]
fn connections_go_through_with_everything_that_follows() {
    let to = greeter();
    for (waits, credentials) in [(true, None), (false, None), (true, me()), (false, me())] {
        let server = Server::start(credentials.is_some().then_some(("me", "secret")));
        for target in [Target::Address(to), Target::Name(NAME.into(), to.port())] {
            let mut connection = through(&server, target, credentials.clone(), waits).unwrap();
            let mut heard = [0; 7];
            connection.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"welcome", "not a byte is lost to the handshake");
            connection.write_all(b"x").unwrap();
            connection.read_exact(&mut heard[..1]).unwrap();
            assert_eq!(heard[0], b'x');
        }
        assert_eq!(server.asked.recv().unwrap(), format!("CONNECT {to}"));
        assert_eq!(server.asked.recv().unwrap(), format!("CONNECT {NAME}:{}", to.port()));
    }
}

#[test]
fn refusals_are_errors() {
    // Of a listener that is gone, nobody else's since it is not reused at once.
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let open = Server::start(None);
    let error =
        |server: &Server, target, credentials| through(server, target, credentials, true).map(|_| ()).unwrap_err();
    assert_eq!(error(&open, Target::Address(nobody), None), WsaError::WSAECONNREFUSED);
    assert_eq!(error(&open, Target::Name("unknown.test".into(), 1), None), WsaError::WSAEHOSTUNREACH);
    let closed = Server::start(Some(("me", "other")));
    assert_eq!(error(&closed, Target::Address(nobody), me()), WsaError::WSAEACCES);
    assert_eq!(error(&closed, Target::Address(nobody), None), WsaError::WSAEACCES);
}

#[test]
fn datagrams_are_relayed() {
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = echo.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 100];
        let (count, from) = echo.recv_from(&mut bytes).unwrap();
        echo.send_to(&bytes[..count], from).unwrap();
    });
    let server = Server::start(None);
    let mut control = Tcp(TcpStream::connect(server.address).unwrap());
    let any = Target::Address(SocketAddr::from(([0, 0, 0, 0], 0)));
    let mut dialogue = Dialogue::new(Handshake::new(Command::UdpAssociate, any, None));
    let Progress::Done(Target::Address(relay)) = dialogue.go_on(&mut control).unwrap() else { panic!() };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut datagram = datagram_header(&Target::Address(to));
    datagram.extend(b"payload");
    socket.send_to(&datagram, relay).unwrap();
    let mut back = [0; 100];
    let count = socket.recv(&mut back).unwrap();
    let (from, payload) = open_datagram(&back[..count]).unwrap();
    assert_eq!((from, &back[payload..count]), (Target::Address(to), &b"payload"[..]));
}
