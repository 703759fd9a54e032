//! A small SOCKS5 server on loopback: CONNECT and UDP ASSOCIATE, with or without credentials. It knows one name.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::spawn;

/// The name that the server resolves, to 127.0.0.1; all others it refuses with "host unreachable".
pub const NAME: &str = "only-the-proxy-knows.test";

/// What was asked of the server, in words: `CONNECT 127.0.0.1:80`.
pub struct Server {
    pub address: SocketAddr,
    pub asked: Receiver<String>,
}

impl Server {
    /// One that wants these credentials, if any.
    pub fn start(credentials: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (told, asked) = channel();
        // Ends with the process of the test.
        spawn(move || {
            for client in listener.incoming().flatten() {
                let told = told.clone();
                spawn(move || serve(client, credentials, &told));
            }
        });
        Self { address, asked }
    }
}

fn serve(mut client: TcpStream, credentials: Option<(&str, &str)>, told: &Sender<String>) -> io::Result<()> {
    let [version, methods] = read(&mut client)?;
    assert_eq!(version, 5);
    let mut offered = vec![0; methods.into()];
    client.read_exact(&mut offered)?;
    let method = if credentials.is_some() { 2 } else { 0 };
    if !offered.contains(&method) {
        return client.write_all(&[5, 0xFF]);
    }
    client.write_all(&[5, method])?;
    if let Some((user, password)) = credentials {
        let [1] = read(&mut client)? else { panic!("no negotiation") };
        let given = (text(&mut client)?, text(&mut client)?);
        let right = given == (user.to_owned(), password.to_owned());
        client.write_all(&[1, u8::from(!right)])?;
        if !right {
            return Ok(());
        }
    }
    let [5, command, 0, kind] = read(&mut client)? else { panic!("no request") };
    let host = match kind {
        1 => Ipv4Addr::from(read(&mut client)?).to_string(),
        3 => text(&mut client)?,
        4 => format!("[{}]", std::net::Ipv6Addr::from(read::<16>(&mut client)?)),
        _ => panic!("address of kind {kind}"),
    };
    let port = u16::from_be_bytes(read(&mut client)?);
    let _ = told.send(format!("{} {host}:{port}", if command == 1 { "CONNECT" } else { "ASSOCIATE" }));
    let host = if host == NAME { "127.0.0.1".to_owned() } else { host };
    match (command, format!("{host}:{port}").parse::<SocketAddr>()) {
        (_, Err(_)) => refuse(&mut client, 4),
        (1, Ok(target)) => match TcpStream::connect(target) {
            Ok(server) => {
                accept(&mut client, server.local_addr()?)?;
                relay(client, server)
            }
            Err(_) => refuse(&mut client, 5),
        },
        (3, Ok(_)) => {
            let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            accept(&mut client, relay.local_addr()?)?;
            // Relays until the connection ends.
            let other = relay.try_clone()?;
            spawn(move || datagrams(&other));
            let _ = client.read(&mut [0]);
            relay.send_to(&[], relay.local_addr()?).map(|_| ())
        }
        _ => refuse(&mut client, 7),
    }
}

fn datagrams(relay: &UdpSocket) -> io::Result<()> {
    let mut client = None;
    let mut datagram = [0; 65_536];
    loop {
        let (length, from) = relay.recv_from(&mut datagram)?;
        if length == 0 {
            return Ok(());
        }
        if *client.get_or_insert(from) == from {
            let [0, 0, 0, 1, rest @ ..] = &datagram[..length] else { continue };
            let target =
                SocketAddr::from((<[u8; 4]>::try_from(&rest[..4]).unwrap(), u16::from_be_bytes([rest[4], rest[5]])));
            relay.send_to(&rest[6..], target)?;
        } else if let (Some(client), SocketAddr::V4(from)) = (client, from) {
            let mut back = vec![0, 0, 0, 1];
            back.extend(from.ip().octets());
            back.extend(from.port().to_be_bytes());
            back.extend(&datagram[..length]);
            relay.send_to(&back, client)?;
        }
    }
}

fn relay(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let there = spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = there.join();
    Ok(())
}

fn accept(client: &mut TcpStream, bound: SocketAddr) -> io::Result<()> {
    let SocketAddr::V4(bound) = bound else { panic!("{bound}") };
    let mut reply = vec![5, 0, 0, 1];
    reply.extend(bound.ip().octets());
    reply.extend(bound.port().to_be_bytes());
    client.write_all(&reply)
}

fn refuse(client: &mut TcpStream, code: u8) -> io::Result<()> {
    client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
}

fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(client: &mut TcpStream) -> io::Result<String> {
    let [length] = read(client)?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes)?;
    Ok(String::from_utf8(bytes).expect("text"))
}
