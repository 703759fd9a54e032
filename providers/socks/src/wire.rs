//! SOCKS version 5 as bytes (RFC 1928, RFC 1929). Pure: bytes in, bytes out.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use windlass_spi::abi::WsaError;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xFF;
const NEGOTIATION_VERSION: u8 = 1;
const ADDRESS_V4: u8 = 1;
const ADDRESS_NAME: u8 = 3;
const ADDRESS_V6: u8 = 4;

/// Who we are to the proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Each of 1 to 255 bytes.
    pub fn new(user: String, password: String) -> Option<Self> {
        let fits = |text: &str| (1..=255).contains(&text.len());
        (fits(&user) && fits(&password)).then_some(Self { user, password })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where to: an address, or a name that the proxy resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address.
    Address(SocketAddr),
    /// A name of 1 to 255 bytes, and a port.
    Name(String, u16),
}

impl Target {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Address(address) => {
                match address.ip() {
                    IpAddr::V4(ip) => {
                        out.push(ADDRESS_V4);
                        out.extend(ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        out.push(ADDRESS_V6);
                        out.extend(ip.octets());
                    }
                }
                out.extend(address.port().to_be_bytes());
            }
            Self::Name(name, port) => {
                out.push(ADDRESS_NAME);
                out.push(name.len() as u8);
                out.extend(name.as_bytes());
                out.extend(port.to_be_bytes());
            }
        }
    }

    /// Reads one; `None` if there are too few bytes, or the kind is unknown.
    fn take(bytes: &[u8]) -> Option<(Self, usize)> {
        let port = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        match *bytes.first()? {
            ADDRESS_V4 => {
                let ip = Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(1..5)?).ok()?);
                Some((Self::Address(SocketAddr::new(ip.into(), port(5)?)), 7))
            }
            ADDRESS_V6 => {
                let ip = Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(1..17)?).ok()?);
                Some((Self::Address(SocketAddr::new(ip.into(), port(17)?)), 19))
            }
            ADDRESS_NAME => {
                let length = usize::from(*bytes.get(1)?);
                let name = String::from_utf8(bytes.get(2..2 + length)?.to_vec()).ok()?;
                Some((Self::Name(name, port(2 + length)?), 4 + length))
            }
            _ => None,
        }
    }

    /// How many bytes one has that begins like this; `None` if that cannot be told yet, or ever.
    fn length(bytes: &[u8]) -> Option<Result<usize, WsaError>> {
        match *bytes.first()? {
            ADDRESS_V4 => Some(Ok(7)),
            ADDRESS_V6 => Some(Ok(19)),
            ADDRESS_NAME => Some(Ok(4 + usize::from(*bytes.get(1)?))),
            _ => Some(Err(BROKEN)),
        }
    }
}

/// What is asked of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A connection.
    Connect = 1,
    /// A relay for datagrams.
    UdpAssociate = 3,
}

/// The proxy does not speak as it should.
const BROKEN: WsaError = WsaError::WSAECONNABORTED;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Authentication,
    Reply,
    Done,
}

/// The beginning of a connection through a proxy. Send what [`output`](Self::output) gives, hand in what comes, read no more than
/// [`wanted`](Self::wanted) bytes, until [`input`](Self::input) says that it is done.
#[derive(Debug)]
pub struct Handshake {
    command: Command,
    target: Target,
    credentials: Option<Credentials>,
    step: Step,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl Handshake {
    /// The first bytes are there to be sent.
    pub fn new(command: Command, target: Target, credentials: Option<Credentials>) -> Self {
        let methods: &[u8] =
            if credentials.is_some() { &[NO_AUTHENTICATION, USER_AND_PASSWORD] } else { &[NO_AUTHENTICATION] };
        let mut output = vec![VERSION, methods.len() as u8];
        output.extend(methods);
        Self { command, target, credentials, step: Step::Method, output, input: Vec::new() }
    }

    /// What is to be sent now.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many bytes are to be read now, at most: those behind them are the program's.
    pub fn wanted(&self) -> usize {
        let whole = match self.step {
            Step::Method | Step::Authentication => 2,
            Step::Reply => match Target::length(self.input.get(3..).unwrap_or_default()) {
                // The length of a name comes with the fifth byte.
                None => 5,
                Some(Err(_)) => 4,
                Some(Ok(length)) => 3 + length,
            },
            Step::Done => 0,
        };
        whole.saturating_sub(self.input.len())
    }

    /// Takes what came. The address that the proxy connects from, or relays at, once it is done.
    ///
    /// # Errors
    /// Why there is no connection, for the program: see [`error_of`]. `WSAEACCES`: the proxy wants other credentials, or some.
    /// `WSAECONNABORTED`: the proxy does not speak SOCKS 5.
    pub fn input(&mut self, bytes: &[u8]) -> Result<Option<Target>, WsaError> {
        self.input.extend(bytes);
        while self.wanted() == 0 && self.step != Step::Done {
            let message = std::mem::take(&mut self.input);
            match self.step {
                Step::Method => self.method(&message)?,
                Step::Authentication if message[1] == 0 => self.ask(),
                Step::Authentication => return Err(WsaError::WSAEACCES),
                Step::Reply => {
                    if message[0] != VERSION {
                        return Err(BROKEN);
                    }
                    if message[1] != 0 {
                        return Err(error_of(message[1]));
                    }
                    let (bound, _) = Target::take(&message[3..]).ok_or(BROKEN)?;
                    self.step = Step::Done;
                    return Ok(Some(bound));
                }
                Step::Done => {}
            }
        }
        Ok(None)
    }

    fn method(&mut self, message: &[u8]) -> Result<(), WsaError> {
        match (message[0], message[1], &self.credentials) {
            (VERSION, NO_AUTHENTICATION, _) => self.ask(),
            (VERSION, USER_AND_PASSWORD, Some(Credentials { user, password })) => {
                self.output.push(NEGOTIATION_VERSION);
                for text in [user, password] {
                    self.output.push(text.len() as u8);
                    self.output.extend(text.as_bytes());
                }
                self.step = Step::Authentication;
            }
            (VERSION, NOTHING_ACCEPTABLE, _) => return Err(WsaError::WSAEACCES),
            _ => return Err(BROKEN),
        }
        Ok(())
    }

    fn ask(&mut self) {
        self.output.extend([VERSION, self.command as u8, 0]);
        self.target.put(&mut self.output);
        self.step = Step::Reply;
    }
}

/// What a proxy's refusal is to the program.
pub fn error_of(reply: u8) -> WsaError {
    match reply {
        2 => WsaError::WSAEACCES,
        3 => WsaError::WSAENETUNREACH,
        4 => WsaError::WSAEHOSTUNREACH,
        5 => WsaError::WSAECONNREFUSED,
        6 => WsaError::WSAETIMEDOUT,
        7 => WsaError::WSAEOPNOTSUPP,
        8 => WsaError::WSAEAFNOSUPPORT,
        _ => WsaError::WSAECONNABORTED,
    }
}

/// What stands before a datagram on its way to the relay.
pub fn datagram_header(target: &Target) -> Vec<u8> {
    let mut header = vec![0, 0, 0];
    target.put(&mut header);
    header
}

/// Where a datagram from the relay comes from, and where its payload begins; `None` for what is no such datagram, or a part of one,
/// which are to be dropped.
pub fn open_datagram(datagram: &[u8]) -> Option<(Target, usize)> {
    match datagram {
        [0, 0, 0, rest @ ..] => Target::take(rest).map(|(from, length)| (from, 3 + length)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Option<Credentials> {
        Credentials::new("me".into(), "pw".into())
    }

    fn address() -> Target {
        Target::Address(SocketAddr::from(([10, 1, 2, 3], 0x1234)))
    }

    /// Hands in bytes one by one, never more than are wanted.
    fn drip(handshake: &mut Handshake, bytes: &[u8]) -> Result<Option<Target>, WsaError> {
        let mut last = Ok(None);
        for byte in bytes {
            assert!(handshake.wanted() > 0, "the byte is the program's");
            last = handshake.input(&[*byte]);
        }
        last
    }

    #[test]
    fn a_connection_without_credentials() {
        let mut handshake = Handshake::new(Command::Connect, address(), None);
        assert_eq!(handshake.output(), [5, 1, 0]);
        assert_eq!(handshake.input(&[5, 0]), Ok(None));
        assert_eq!(handshake.output(), [5, 1, 0, 1, 10, 1, 2, 3, 0x12, 0x34]);
        assert_eq!(handshake.wanted(), 5);
        let bound = drip(&mut handshake, &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]);
        assert_eq!(bound, Ok(Some(Target::Address(SocketAddr::from(([127, 0, 0, 1], 80))))));
        assert_eq!((handshake.wanted(), handshake.output()), (0, vec![]));
    }

    #[test]
    fn a_name_and_a_password() {
        let mut handshake = Handshake::new(Command::Connect, Target::Name("host.test".into(), 443), credentials());
        assert_eq!(handshake.output(), [5, 2, 0, 2]);
        assert_eq!(drip(&mut handshake, &[5, 2]), Ok(None));
        assert_eq!(handshake.output(), [1, 2, b'm', b'e', 2, b'p', b'w']);
        assert_eq!(drip(&mut handshake, &[1, 0]), Ok(None));
        assert_eq!(handshake.output(), [&[5, 1, 0, 3, 9][..], b"host.test", &[1, 0xBB]].concat());
        let bound = drip(&mut handshake, &[5, 0, 0, 3, 1, b'x', 0, 1]);
        assert_eq!(bound, Ok(Some(Target::Name("x".into(), 1))));
    }

    #[test]
    fn datagrams_have_a_header_of_their_own() {
        let v6 = Target::Address("[::1]:53".parse().unwrap());
        for target in [address(), v6, Target::Name("a.b".into(), 7)] {
            let mut datagram = datagram_header(&target);
            let header = datagram.len();
            datagram.extend(b"payload");
            assert_eq!(open_datagram(&datagram), Some((target, header)));
        }
        for bad in [&[][..], &[0, 0], &[0, 0, 1, 1, 1, 2, 3, 4, 0, 1], &[0, 0, 0, 9], &[0, 0, 0, 1, 1, 2, 3]] {
            assert_eq!(open_datagram(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_refusal_is_an_error() {
        let refused = |bytes: &[&[u8]]| {
            let mut handshake = Handshake::new(Command::UdpAssociate, address(), credentials());
            bytes.iter().find_map(|bytes| handshake.input(bytes).err())
        };
        assert_eq!(refused(&[&[5, 0xFF]]), Some(WsaError::WSAEACCES));
        assert_eq!(refused(&[&[4, 0]]), Some(BROKEN));
        assert_eq!(refused(&[b"HT"]), Some(BROKEN));
        assert_eq!(refused(&[&[5, 2], &[1, 1]]), Some(WsaError::WSAEACCES));
        assert_eq!(refused(&[&[5, 0], &[5, 0, 0, 9]]), Some(BROKEN), "an unknown kind of address");
        assert_eq!(refused(&[&[5, 0], &[4, 0, 0, 1, 0, 0, 0, 0, 0, 0]]), Some(BROKEN));
        for (code, error) in [(5, WsaError::WSAECONNREFUSED), (4, WsaError::WSAEHOSTUNREACH), (1, BROKEN), (99, BROKEN)]
        {
            assert_eq!(refused(&[&[5, 0], &[5, code, 0, 1, 0, 0, 0, 0, 0, 0]]), Some(error));
        }
        let mut without = Handshake::new(Command::Connect, address(), None);
        assert_eq!(without.input(&[5, 2]), Err(BROKEN), "a method that was not offered");
    }

    #[test]
    fn credentials_have_limits() {
        assert!(Credentials::new("u".repeat(255), "p".into()).is_some());
        assert!(Credentials::new("u".repeat(256), "p".into()).is_none());
        assert!(Credentials::new("u".into(), String::new()).is_none());
    }
}
