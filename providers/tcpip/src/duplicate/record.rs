//! What a process is told of a socket that it fetches: the state that Winsock shares and the kernel does not
//! keep (WSP-DUP-4). A row of 32-bit words in the machine's order; both ends are on one machine.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use windlass_abi::{SOCK_DGRAM, SOCK_STREAM};

use crate::connect;
use crate::options::{KEPT_WORDS, Kept};
use crate::sockaddr::{IP6_LENGTH, Name, SocketAddress, encode, parse};
use crate::socket::{Common, DONT_LINGER, Family, Flags, Kind, TcpSocket};

/// The state of a socket at the moment it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub family: Family,
    pub kind: Kind,
    /// `WSA_FLAG_*` that the fetching process must name too (WSP-DUP-6).
    pub creation_flags: u32,
    flags: u32,
    recv_timeout: u32,
    send_timeout: u32,
    linger: u32,
    /// How long the connection has existed.
    connected_for: Option<Duration>,
    connecting_to: Option<SocketAddress>,
    kept: Kept,
}

/// The first word: says what this is, and of which version.
const VERSION: u32 = u32::from_ne_bytes(*b"WLD\x01");
const ADDRESS_WORDS: usize = IP6_LENGTH / 4;
const WORDS: usize = 10 + 1 + ADDRESS_WORDS + KEPT_WORDS;

/// Bytes of a record.
pub const LENGTH: usize = WORDS * 4;

/// What the fetching process takes over. Events and deferred connections stay with the process they belong to.
const SHARED_FLAGS: u32 = Flags::NONBLOCKING
    | Flags::OVERLAPPED
    | Flags::SHUT_RECEIVE
    | Flags::SHUT_SEND
    | Flags::RECEIVE_DISCONNECTED
    | Flags::LISTENING
    | Flags::CONNECTING
    | Flags::CONNECTED
    | Flags::CONNECT_FAILED
    | Flags::RESET
    | Flags::OOB_INLINE
    | Flags::REUSE_ADDRESS
    | Flags::EXCLUSIVE_ADDRESS
    | Flags::CONDITIONAL_ACCEPT
    | Flags::UDP_CONNRESET
    | Flags::BROADCAST
    | Flags::ABORTED
    | Flags::BOUND
    | Flags::BOUND_BY_NAME
    | Flags::DISSOLVED;

impl Record {
    /// Reads the state of the socket that `fd` is a descriptor of.
    pub fn of(socket: &Common, fd: BorrowedFd<'_>) -> Self {
        connect::settle(socket, fd);
        let rare = socket.rare();
        Self {
            family: socket.family,
            kind: socket.kind,
            creation_flags: socket.creation_flags,
            flags: socket.flags.load() & SHARED_FLAGS,
            recv_timeout: socket.recv_timeout.load(Ordering::Relaxed),
            send_timeout: socket.send_timeout.load(Ordering::Relaxed),
            linger: socket.linger.load(Ordering::Relaxed),
            connected_for: rare.connected_at.map(|since| since.elapsed()),
            connecting_to: rare.connecting_to,
            kept: rare.kept,
        }
    }

    /// Makes a socket of a descriptor that was fetched with this record.
    pub fn into_socket(self, fd: OwnedFd) -> TcpSocket {
        let socket = TcpSocket::new(fd, self.family, self.kind, self.creation_flags);
        socket.flags.set(self.flags | Flags::SHARED);
        socket.recv_timeout.store(self.recv_timeout, Ordering::Relaxed);
        socket.send_timeout.store(self.send_timeout, Ordering::Relaxed);
        socket.linger.store(self.linger, Ordering::Relaxed);
        let mut rare = socket.rare();
        rare.connected_at = self.connected_for.and_then(|past| Instant::now().checked_sub(past));
        rare.connecting_to = self.connecting_to;
        rare.kept = self.kept;
        drop(rare);
        socket
    }

    /// The record on its way.
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let milliseconds =
            self.connected_for.map_or(u64::MAX, |time| time.as_millis().try_into().unwrap_or(u64::MAX - 1));
        let head = [
            VERSION,
            self.family.windows() as u32,
            self.kind.socket_type() as u32,
            self.creation_flags,
            self.flags,
            self.recv_timeout,
            self.send_timeout,
            self.linger,
            milliseconds as u32,
            (milliseconds >> 32) as u32,
        ];
        let (address, length) = self.connecting_to.as_ref().map_or(([0; IP6_LENGTH], 0), encode);
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(head.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.extend((length as u32).to_ne_bytes());
        bytes.extend(address);
        bytes.extend(self.kept.to_words().iter().flat_map(|word| word.to_ne_bytes()));
        let mut record = [0; LENGTH];
        record.copy_from_slice(&bytes);
        record
    }

    /// Reads a record from another process; nothing if it is none, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let mut words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let mut next = || words.next();
        if next()? != VERSION {
            return None;
        }
        let family = Family::from_windows(next()? as i32)?;
        let kind = match next()? as i32 {
            SOCK_STREAM => Kind::Stream,
            SOCK_DGRAM => Kind::Datagram,
            _ => return None,
        };
        let [creation_flags, flags, recv_timeout, send_timeout, linger] = [next()?, next()?, next()?, next()?, next()?];
        let milliseconds = u64::from(next()?) | u64::from(next()?) << 32;
        let length = next()? as usize;
        let connecting_to = match length {
            0 => None,
            _ if length != family.address_length() => return None,
            _ => match parse(&bytes[44..44 + length], family) {
                Ok(Name::Address(address)) => Some(address),
                _ => return None,
            },
        };
        let mut kept = [0; KEPT_WORDS];
        for (kept, word) in kept.iter_mut().zip(words.skip(ADDRESS_WORDS)) {
            *kept = word;
        }
        let sound = flags & !SHARED_FLAGS == 0
            && (flags & Flags::CONNECTING != 0) == connecting_to.is_some()
            && (linger == DONT_LINGER || linger <= u16::MAX.into());
        let connected_for = (milliseconds != u64::MAX).then(|| Duration::from_millis(milliseconds));
        let kept = Kept::from_words(kept)?;
        sound.then_some(Self {
            family,
            kind,
            creation_flags,
            flags,
            recv_timeout,
            send_timeout,
            linger,
            connected_for,
            connecting_to,
            kept,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> Record {
        Record {
            family: Family::Ip6,
            kind: Kind::Stream,
            creation_flags: 0x81,
            flags: Flags::NONBLOCKING | Flags::CONNECTING | Flags::OOB_INLINE,
            recv_timeout: 100,
            send_timeout: u32::MAX,
            linger: 30,
            connected_for: Some(Duration::from_millis(1 << 40)),
            connecting_to: Some("[fe80::1%7]:80".parse().unwrap()),
            kept: Kept::from_words([3, 9, 8192, u32::MAX, 1, 2, 10]).unwrap(),
        }
    }

    #[test]
    fn wsp_dup_4_the_state_that_winsock_shares_travels() {
        let bytes = record().to_bytes();
        assert_eq!(Record::from_bytes(&bytes), Some(record()));
        let idle = Record {
            family: Family::Ip4,
            kind: Kind::Datagram,
            flags: 0,
            linger: DONT_LINGER,
            connected_for: None,
            connecting_to: None,
            ..record()
        };
        assert_eq!(Record::from_bytes(&idle.to_bytes()), Some(idle));
    }

    #[test]
    fn a_record_of_another_shape_is_refused() {
        let good = record().to_bytes();
        for length in 0..LENGTH {
            assert_eq!(Record::from_bytes(&good[..length]), None);
        }
        assert_eq!(Record::from_bytes(&[&good[..], &[0]].concat()), None);
        // Word by word: what it must not be.
        for (word, value) in [(0, 2), (1, 10), (2, 3), (4, Flags::EVENTS), (4, 0), (7, 65_536), (10, 16), (10, 99)] {
            let mut bad = good;
            bad[word * 4..word * 4 + 4].copy_from_slice(&u32::to_ne_bytes(value));
            assert_eq!(Record::from_bytes(&bad), None, "word {word} = {value}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(mut bytes in proptest::collection::vec(any::<u8>(), LENGTH)) {
            let _ = Record::from_bytes(&bytes);
            bytes[..4].copy_from_slice(&VERSION.to_ne_bytes());
            bytes[4..8].copy_from_slice(&2u32.to_ne_bytes());
            bytes[8..12].copy_from_slice(&1u32.to_ne_bytes());
            if let Some(record) = Record::from_bytes(&bytes) {
                prop_assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
            }
        }
    }
}
