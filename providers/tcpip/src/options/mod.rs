//! Socket options: `WSPGetSockOpt` and `WSPSetSockOpt` (contract: transport, section 7).
//!
//! Each level has one table, in the file of its name, that maps the numbers of Windows to what they do
//! here. An option that Microsoft documents is in one of three places: the kernel, the socket's own
//! state if it means nothing to the kernel, or nowhere, which is WSAENOPROTOOPT.

mod ip;
mod ipv6;
pub mod kernel;
pub mod membership;
mod socket;
mod tcp;
mod udp;
pub mod value;

use windlass_abi::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_SOCKET, WsaError};
use windlass_spi::Result;
use windlass_spi::socket::OpenSocket;

use self::value::{load_bool, load_dword, store};
use crate::socket::{Family, Kind, TcpSocket};

/// Reads an option into `value`, whose length is the caller's room; gives the bytes stored (WSP-GSO-1).
///
/// # Errors
/// WSAEINVAL: unknown level. WSAENOPROTOOPT: unknown option, or not of this kind of socket. WSAEFAULT: too
/// little room.
pub fn get(socket: &OpenSocket<TcpSocket>, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    match find(socket, level, name)?.access {
        Access::Bool { get, .. } | Access::ReadBool(get) => store(value, &i32::from(get(socket)?).to_ne_bytes()),
        Access::Dword { get, .. } | Access::ReadDword(get) => store(value, &get(socket)?.to_ne_bytes()),
        Access::Bytes { get: Some(get), .. } => get(socket, value),
        Access::Refused(error) => Err(error),
        Access::Bytes { get: None, .. } => Err(WsaError::WSAENOPROTOOPT),
    }
}

/// Sets an option. Bytes after the option's own are ignored.
///
/// # Errors
/// WSAEINVAL: unknown level, or bad value. WSAENOPROTOOPT: unknown option, not of this kind of socket, or one that
/// can only be read (OPT-6). WSAEFAULT: too few bytes (WSP-SSO-1).
pub fn set(socket: &OpenSocket<TcpSocket>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    match find(socket, level, name)?.access {
        Access::Bool { set, .. } => set(socket, load_bool(value)?),
        Access::Dword { set, .. } => set(socket, load_dword(value)?),
        Access::Bytes { set: Some(set), .. } => set(socket, value),
        Access::Refused(error) => Err(error),
        Access::ReadBool(_) | Access::ReadDword(_) | Access::Bytes { set: None, .. } => Err(WsaError::WSAENOPROTOOPT),
    }
}

/// What options keep that the kernel and the transfers do not ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    socket: socket::Kept,
    tcp: tcp::Kept,
    ip: ip::Kept,
}

/// The words that [`Kept`] is made of.
pub const KEPT_WORDS: usize = 7;

/// A word that stands for nothing.
const NOTHING: u32 = u32::MAX;

impl Kept {
    /// What is kept, for the descriptor of another process.
    pub fn to_words(self) -> [u32; KEPT_WORDS] {
        let [a, b, c, d] = self.socket.to_words();
        let [f, g] = self.ip.to_words();
        [a, b, c, d, self.tcp.to_word(), f, g]
    }

    /// The reverse; nothing if the words are none.
    pub fn from_words([a, b, c, d, e, f, g]: [u32; KEPT_WORDS]) -> Option<Self> {
        Some(Self {
            socket: socket::Kept::from_words([a, b, c, d])?,
            tcp: tcp::Kept::from_word(e)?,
            ip: ip::Kept::from_words([f, g]),
        })
    }
}

/// One option of a level.
struct Entry {
    name: i32,
    on: On,
    access: Access,
}

/// Which sockets have an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    All,
    Streams,
    Datagrams,
    /// Datagrams over IPv4.
    Datagrams4,
}

/// How an option is read and set. `BOOL` and `DWORD` are 4 bytes.
enum Access {
    Bool {
        get: Get<bool>,
        set: Set<bool>,
    },
    Dword {
        get: Get<u32>,
        set: Set<u32>,
    },
    ReadBool(Get<bool>),
    ReadDword(Get<u32>),
    /// A structure, or bytes of any length.
    Bytes {
        get: Option<GetBytes>,
        set: Option<SetBytes>,
    },
    /// Documented as answered with an error.
    Refused(WsaError),
}

type Get<T> = fn(&TcpSocket) -> Result<T>;
type Set<T> = fn(&TcpSocket, T) -> Result<()>;
type GetBytes = fn(&TcpSocket, &mut [u8]) -> Result<usize>;
type SetBytes = fn(&TcpSocket, &[u8]) -> Result<()>;

impl Entry {
    const fn new(name: i32, on: On, access: Access) -> Self {
        Self { name, on, access }
    }

    const fn bool(name: i32, on: On, get: Get<bool>, set: Set<bool>) -> Self {
        Self::new(name, on, Access::Bool { get, set })
    }

    const fn dword(name: i32, on: On, get: Get<u32>, set: Set<u32>) -> Self {
        Self::new(name, on, Access::Dword { get, set })
    }

    const fn action(name: i32, on: On, set: SetBytes) -> Self {
        Self::new(name, on, Access::Bytes { get: None, set: Some(set) })
    }
}

impl On {
    fn has(self, family: Family, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Streams => kind == Kind::Stream,
            Self::Datagrams => kind == Kind::Datagram,
            Self::Datagrams4 => kind == Kind::Datagram && family == Family::Ip4,
        }
    }
}

/// The levels and their tables.
const LEVELS: &[(i32, &[Entry])] = &[
    (SOL_SOCKET, socket::TABLE),
    (IPPROTO_IP, ip::TABLE),
    (IPPROTO_IPV6, ipv6::TABLE),
    (IPPROTO_TCP, tcp::TABLE),
    (IPPROTO_UDP, udp::TABLE),
];

fn find(socket: &TcpSocket, level: i32, name: i32) -> Result<&'static Entry> {
    let (_, table) = LEVELS.iter().find(|(number, _)| *number == level).ok_or(WsaError::WSAEINVAL)?;
    let fits = match level {
        IPPROTO_IPV6 => socket.family == Family::Ip6,
        IPPROTO_TCP => socket.kind == Kind::Stream,
        IPPROTO_UDP => socket.kind == Kind::Datagram,
        // An IPv6 socket speaks IPv4 too, once IPV6_V6ONLY is off.
        _ => true,
    };
    let entry = table.iter().find(|entry| entry.name == name && entry.on.has(socket.family, socket.kind));
    entry.filter(|_| fits).ok_or(WsaError::WSAENOPROTOOPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_survives_the_way_to_another_process() {
        assert_eq!(Kept::from_words(Kept::default().to_words()), Some(Kept::default()));
        let words = [0b1010, 7, 4096, 0, 1, 3, 20];
        assert_eq!(Kept::from_words(words).unwrap().to_words(), words);
        for (at, bad) in [(0, 16), (1, 65_536), (4, 2)] {
            let mut hostile = words;
            hostile[at] = bad;
            assert_eq!(Kept::from_words(hostile), None);
        }
    }

    #[test]
    fn each_option_is_in_its_table_once() {
        for (level, table) in LEVELS {
            for (at, entry) in table.iter().enumerate() {
                for other in &table[at + 1..] {
                    let both = [Family::Ip4, Family::Ip6].into_iter().any(|family| {
                        [Kind::Stream, Kind::Datagram]
                            .into_iter()
                            .any(|kind| entry.on.has(family, kind) && other.on.has(family, kind))
                    });
                    assert!(entry.name != other.name || !both, "level {level}, option {}", entry.name);
                }
            }
        }
    }
}
