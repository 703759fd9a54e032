//! Level SOL_SOCKET (OPT-1 to OPT-8).
//!
//! | option | here |
//! |---|---|
//! | SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_REUSE_UNICASTPORT | the kernel's |
//! | SO_RCVBUF, SO_SNDBUF | the kernel's, without its doubling: what was set, or less if the system allows less |
//! | SO_LINGER, SO_DONTLINGER, SO_RCVTIMEO, SO_SNDTIMEO, SO_REUSEADDR, SO_EXCLUSIVEADDRUSE | kept, for close, transfers and bind |
//! | SO_CONDITIONAL_ACCEPT | kept; the kernel completes every handshake, so that a peer sees a rejection as a reset (WSP-ACCEPT-11) |
//! | SO_PORT_SCALABILITY, SO_RANDOMIZE_PORT | kept; the kernel always does so |
//! | SO_DEBUG, SO_DONTROUTE | kept without effect, as documented; SO_DONTROUTE not over IPv6 (OPT-4) |
//! | SO_RCVLOWAT, SO_SNDLOWAT, SO_USELOOPBACK | WSAEINVAL, as documented |
//! | SO_PAUSE_ACCEPT, SO_REUSE_MULTICASTPORT, connect and disconnect data | WSAENOPROTOOPT |

use std::sync::atomic::Ordering;

use rustix::net::sockopt;
use windlass_abi::{
    PVD_CONFIG, SO_ACCEPTCONN, SO_BROADCAST, SO_BSP_STATE, SO_CONDITIONAL_ACCEPT, SO_CONNECT_TIME, SO_DEBUG,
    SO_DONTLINGER, SO_DONTROUTE, SO_ERROR, SO_EXCLUSIVEADDRUSE, SO_GROUP_ID, SO_GROUP_PRIORITY, SO_KEEPALIVE,
    SO_LINGER, SO_MAX_MSG_SIZE, SO_MAXDG, SO_MAXPATHDG, SO_OOBINLINE, SO_PORT_SCALABILITY, SO_RANDOMIZE_PORT,
    SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_REUSE_UNICASTPORT, SO_REUSEADDR, SO_SNDBUF, SO_SNDLOWAT, SO_SNDTIMEO,
    SO_TYPE, SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT, SO_USELOOPBACK, WsaError,
};
use windlass_spi::Result;

use super::value::{load, store};
use super::{Access, Entry, NOTHING, On, kernel};
use crate::bind::{get_peer_name, is_bound, local_address};
use crate::connect;
use crate::error::from_errno;
use crate::sockaddr::to_address;
use crate::socket::{DONT_LINGER, Family, Flags, Kind, TcpSocket};

/// What this level keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    debug: bool,
    dont_route: bool,
    port_scalability: bool,
    randomize_port: bool,
    /// The seconds of the last `SO_LINGER`, for `SO_DONTLINGER` (WSP-SSO-2).
    last_linger: Option<u16>,
    /// What the client asked for, in bytes.
    receive_buffer: Option<u32>,
    send_buffer: Option<u32>,
}

impl Kept {
    pub(super) fn to_words(self) -> [u32; 4] {
        let flags = [self.debug, self.dont_route, self.port_scalability, self.randomize_port];
        let bits = flags.iter().enumerate().fold(0, |bits, (at, on)| bits | u32::from(*on) << at);
        let linger = self.last_linger.map_or(NOTHING, u32::from);
        [bits, linger, self.receive_buffer.unwrap_or(NOTHING), self.send_buffer.unwrap_or(NOTHING)]
    }

    pub(super) fn from_words([bits, linger, receive_buffer, send_buffer]: [u32; 4]) -> Option<Self> {
        if bits > 0b1111 {
            return None;
        }
        let on = |at: u32| bits & 1 << at != 0;
        let some = |word: u32| (word != NOTHING).then_some(word);
        Some(Self {
            debug: on(0),
            dont_route: on(1),
            port_scalability: on(2),
            randomize_port: on(3),
            last_linger: some(linger).map(u16::try_from).transpose().ok()?,
            receive_buffer: some(receive_buffer),
            send_buffer: some(send_buffer),
        })
    }
}

/// How long a close lingers, in seconds, if the client turns `SO_DONTLINGER` off and never gave a time (WSP-SSO-2).
pub const DEFAULT_LINGER: u16 = 10;

/// The longest datagram, in bytes: 65535 less the heads of IPv4 and UDP, or of UDP alone.
const LONGEST_DATAGRAM_4: u32 = 65_507;
const LONGEST_DATAGRAM_6: u32 = 65_527;

/// An option that is a field of [`Kept`].
macro_rules! kept {
    ($name:expr, $field:ident) => {
        Entry::bool(
            $name,
            On::All,
            |socket| Ok(socket.rare().kept.socket.$field),
            |socket, on| {
                socket.rare().kept.socket.$field = on;
                Ok(())
            },
        )
    };
}

pub const TABLE: &[Entry] = &[
    Entry::new(SO_ACCEPTCONN, On::Streams, Access::ReadBool(|socket| Ok(socket.flags.any(Flags::LISTENING)))),
    Entry::new(
        SO_ERROR,
        On::All,
        Access::ReadDword(|socket| Ok(take_error(socket).map_or(0, |error| error.code() as u32))),
    ),
    Entry::new(SO_TYPE, On::All, Access::ReadDword(|socket| Ok(socket.kind.socket_type() as u32))),
    Entry::new(SO_MAX_MSG_SIZE, On::Datagrams, LONGEST_DATAGRAM),
    Entry::new(SO_MAXDG, On::Datagrams, LONGEST_DATAGRAM),
    Entry::new(SO_MAXPATHDG, On::Datagrams, LONGEST_DATAGRAM),
    // Reserved: no socket is in a group.
    Entry::new(SO_GROUP_ID, On::All, Access::ReadDword(|_| Ok(0))),
    Entry::new(SO_GROUP_PRIORITY, On::All, Access::ReadDword(|_| Ok(0))),
    Entry::new(SO_CONNECT_TIME, On::Streams, Access::ReadDword(connect_time)),
    Entry::new(SO_BSP_STATE, On::All, Access::Bytes { get: Some(bsp_state), set: None }),
    Entry::bool(
        SO_BROADCAST,
        On::Datagrams,
        |socket| Ok(socket.flags.any(Flags::BROADCAST)),
        |socket, on| {
            sockopt::set_socket_broadcast(socket.fd(), on).map_err(from_errno)?;
            socket.flags.put(Flags::BROADCAST, on);
            Ok(())
        },
    ),
    kept!(SO_DEBUG, debug),
    Entry::bool(SO_DONTROUTE, On::All, dont_route, set_dont_route),
    Entry::bool(
        SO_KEEPALIVE,
        On::Streams,
        |socket| sockopt::socket_keepalive(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_socket_keepalive(socket.fd(), on).map_err(from_errno),
    ),
    Entry::new(SO_LINGER, On::Streams, Access::Bytes { get: Some(linger), set: Some(set_linger) }),
    Entry::bool(SO_DONTLINGER, On::Streams, |socket| Ok(socket.linger_seconds().is_none()), set_dont_linger),
    Entry::bool(
        SO_OOBINLINE,
        On::Streams,
        |socket| Ok(socket.flags.any(Flags::OOB_INLINE)),
        |socket, on| {
            sockopt::set_socket_oobinline(socket.fd(), on).map_err(from_errno)?;
            socket.flags.put(Flags::OOB_INLINE, on);
            Ok(())
        },
    ),
    Entry::dword(
        SO_RCVBUF,
        On::All,
        |socket| {
            let now = sockopt::socket_recv_buffer_size(socket.fd()).map_err(from_errno)?;
            Ok(buffer_size(now, socket.rare().kept.socket.receive_buffer))
        },
        set_receive_buffer,
    ),
    Entry::dword(
        SO_SNDBUF,
        On::All,
        |socket| {
            let now = sockopt::socket_send_buffer_size(socket.fd()).map_err(from_errno)?;
            Ok(buffer_size(now, socket.rare().kept.socket.send_buffer))
        },
        set_send_buffer,
    ),
    Entry::bool(
        SO_REUSEADDR,
        On::All,
        |socket| Ok(socket.flags.any(Flags::REUSE_ADDRESS)),
        |socket, on| {
            if on && socket.flags.any(Flags::EXCLUSIVE_ADDRESS) {
                return Err(WsaError::WSAEINVAL);
            }
            socket.flags.put(Flags::REUSE_ADDRESS, on);
            Ok(())
        },
    ),
    Entry::bool(
        SO_EXCLUSIVEADDRUSE,
        On::All,
        |socket| Ok(socket.flags.any(Flags::EXCLUSIVE_ADDRESS)),
        |socket, on| {
            // To be set before the address is given.
            if on && (socket.flags.any(Flags::REUSE_ADDRESS) || is_bound(socket)?) {
                return Err(WsaError::WSAEINVAL);
            }
            socket.flags.put(Flags::EXCLUSIVE_ADDRESS, on);
            Ok(())
        },
    ),
    Entry::dword(
        SO_RCVTIMEO,
        On::All,
        |socket| Ok(socket.recv_timeout.load(Ordering::Relaxed)),
        |socket, milliseconds| {
            socket.recv_timeout.store(milliseconds, Ordering::Relaxed);
            Ok(())
        },
    ),
    Entry::dword(
        SO_SNDTIMEO,
        On::All,
        |socket| Ok(socket.send_timeout.load(Ordering::Relaxed)),
        |socket, milliseconds| {
            socket.send_timeout.store(milliseconds, Ordering::Relaxed);
            Ok(())
        },
    ),
    Entry::bool(
        SO_CONDITIONAL_ACCEPT,
        On::Streams,
        |socket| Ok(socket.flags.any(Flags::CONDITIONAL_ACCEPT)),
        |socket, on| {
            if socket.flags.any(Flags::LISTENING) {
                return Err(WsaError::WSAEINVAL);
            }
            socket.flags.put(Flags::CONDITIONAL_ACCEPT, on);
            Ok(())
        },
    ),
    kept!(SO_PORT_SCALABILITY, port_scalability),
    Entry::bool(
        SO_RANDOMIZE_PORT,
        On::All,
        |socket| Ok(socket.rare().kept.socket.randomize_port),
        |socket, on| {
            // Excluded by SO_REUSE_UNICASTPORT, which randomizes too.
            if is_bound(socket)? || on && kernel::get(socket, kernel::IpBindAddressNoPort)? {
                return Err(WsaError::WSAEINVAL);
            }
            socket.rare().kept.socket.randomize_port = on;
            Ok(())
        },
    ),
    Entry::bool(
        SO_REUSE_UNICASTPORT,
        On::All,
        |socket| kernel::get(socket, kernel::IpBindAddressNoPort),
        |socket, on| kernel::set(socket, kernel::IpBindAddressNoPort, on),
    ),
    // There is no configuration: an object of no bytes.
    Entry::new(
        PVD_CONFIG,
        On::All,
        Access::Bytes {
            get: Some(|_, _| Ok(0)),
            set: Some(|_, value| if value.is_empty() { Ok(()) } else { Err(WsaError::WSAEINVAL) }),
        },
    ),
    // A value that is long enough does not come here: it names a socket.
    Entry::action(SO_UPDATE_ACCEPT_CONTEXT, On::Streams, |socket, listener| {
        load::<{ size_of::<windlass_abi::SOCKET>() }>(listener, 0)?;
        connect::check_connected(socket)
    }),
    Entry::action(SO_UPDATE_CONNECT_CONTEXT, On::Streams, |socket, _| connect::check_connected(socket)),
    Entry::new(SO_RCVLOWAT, On::All, Access::Refused(WsaError::WSAEINVAL)),
    Entry::new(SO_SNDLOWAT, On::All, Access::Refused(WsaError::WSAEINVAL)),
    Entry::new(SO_USELOOPBACK, On::All, Access::Refused(WsaError::WSAEINVAL)),
];

const LONGEST_DATAGRAM: Access = Access::ReadDword(|socket| {
    Ok(match socket.family {
        Family::Ip4 => LONGEST_DATAGRAM_4,
        Family::Ip6 => LONGEST_DATAGRAM_6,
    })
});

/// Takes the socket's error: that of a connect in the background, or one of the kernel (OPT-5).
fn take_error(socket: &TcpSocket) -> Option<WsaError> {
    // Otherwise its outcome would be lost here.
    connect::settle(socket, socket.fd());
    if let Some(error) = socket.rare().error.take() {
        return Some(error);
    }
    let error = from_errno(sockopt::socket_error(socket.fd()).ok()?.err()?);
    if socket.kind == Kind::Stream && error == WsaError::WSAECONNRESET {
        // The kernel forgets it now; receives are still to tell (WSP-RECV-5).
        socket.flags.set(Flags::RESET);
    }
    Some(error)
}

/// Seconds since the connection was made; all bits without one.
fn connect_time(socket: &TcpSocket) -> Result<u32> {
    connect::settle(socket, socket.fd());
    let since = socket.rare().connected_at.filter(|_| socket.flags.any(Flags::CONNECTED));
    Ok(since.map_or(u32::MAX, |since| since.elapsed().as_secs().try_into().unwrap_or(u32::MAX - 1)))
}

/// `CSADDR_INFO`, with the addresses behind it in the same buffer.
fn bsp_state(socket: &TcpSocket, value: &mut [u8]) -> Result<usize> {
    const HEAD: usize = size_of::<windlass_abi::CSADDR_INFO>();
    const ROOM: usize = 32;
    let addresses = [Some(to_address(&local_address(socket)?)), get_peer_name(socket).ok()];
    let mut bytes = vec![0; HEAD + ROOM * addresses.iter().flatten().count()];
    let base = value.as_mut_ptr().expose_provenance();
    for (at, address) in addresses.iter().flatten().enumerate() {
        let offset = HEAD + ROOM * at;
        bytes[offset..offset + address.len()].copy_from_slice(address.as_bytes());
        // SOCKET_ADDRESS: the pointer and the length.
        bytes[16 * at..16 * at + 8].copy_from_slice(&(base + offset).to_ne_bytes());
        bytes[16 * at + 8..16 * at + 12].copy_from_slice(&(address.len() as i32).to_ne_bytes());
    }
    bytes[32..36].copy_from_slice(&socket.kind.socket_type().to_ne_bytes());
    bytes[36..40].copy_from_slice(&socket.kind.protocol().to_ne_bytes());
    store(value, &bytes)
}

fn dont_route(socket: &TcpSocket) -> Result<bool> {
    match socket.family {
        Family::Ip4 => Ok(socket.rare().kept.socket.dont_route),
        Family::Ip6 => Err(WsaError::WSAENOPROTOOPT),
    }
}

fn set_dont_route(socket: &TcpSocket, on: bool) -> Result<()> {
    dont_route(socket)?;
    socket.rare().kept.socket.dont_route = on;
    Ok(())
}

/// `LINGER`: whether, and for how many seconds.
fn linger(socket: &TcpSocket, value: &mut [u8]) -> Result<usize> {
    let (on, seconds) = match socket.linger_seconds() {
        Some(seconds) => (1u16, seconds as u16),
        None => (0, socket.rare().kept.socket.last_linger.unwrap_or(0)),
    };
    let [on, seconds] = [on.to_ne_bytes(), seconds.to_ne_bytes()];
    store(value, &[on[0], on[1], seconds[0], seconds[1]])
}

fn set_linger(socket: &TcpSocket, value: &[u8]) -> Result<()> {
    let on = u16::from_ne_bytes(load(value, 0)?) != 0;
    let seconds = u16::from_ne_bytes(load(value, 2)?);
    if on {
        socket.rare().kept.socket.last_linger = Some(seconds);
    }
    socket.linger.store(if on { seconds.into() } else { DONT_LINGER }, Ordering::Relaxed);
    Ok(())
}

/// The opposite of `SO_LINGER`, whose last time it takes (WSP-SSO-2).
fn set_dont_linger(socket: &TcpSocket, on: bool) -> Result<()> {
    let seconds = socket.rare().kept.socket.last_linger.unwrap_or(DEFAULT_LINGER);
    if on {
        socket.linger.store(DONT_LINGER, Ordering::Relaxed);
    } else if socket.linger_seconds().is_none() {
        socket.linger.store(seconds.into(), Ordering::Relaxed);
    }
    Ok(())
}

/// The kernel doubles what it is given, to pay for its own book-keeping, and has bounds.
fn buffer_size(of_kernel: usize, asked: Option<u32>) -> u32 {
    let usable = u32::try_from(of_kernel / 2).unwrap_or(u32::MAX);
    asked.map_or(usable, |asked| asked.min(usable))
}

fn set_receive_buffer(socket: &TcpSocket, size: u32) -> Result<()> {
    let bytes = checked_size(size)?;
    sockopt::set_socket_recv_buffer_size(socket.fd(), bytes).map_err(from_errno)?;
    if sockopt::socket_recv_buffer_size(socket.fd()).map_err(from_errno)? / 2 < bytes {
        // Beyond the system's bound, for those who may; others have the bound, and are told so.
        let _ = sockopt::set_socket_recv_buffer_size_force(socket.fd(), bytes);
    }
    socket.rare().kept.socket.receive_buffer = Some(size);
    Ok(())
}

fn set_send_buffer(socket: &TcpSocket, size: u32) -> Result<()> {
    let bytes = checked_size(size)?;
    sockopt::set_socket_send_buffer_size(socket.fd(), bytes).map_err(from_errno)?;
    if sockopt::socket_send_buffer_size(socket.fd()).map_err(from_errno)? / 2 < bytes {
        let _ = sockopt::set_socket_send_buffer_size_force(socket.fd(), bytes);
    }
    socket.rare().kept.socket.send_buffer = Some(size);
    Ok(())
}

/// What the kernel can double.
fn checked_size(size: u32) -> Result<usize> {
    if size > i32::MAX as u32 / 2 { Err(WsaError::WSAEINVAL) } else { Ok(size as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_what_was_asked_for_or_what_there_is() {
        assert_eq!(buffer_size(131_072, None), 65_536);
        assert_eq!(buffer_size(131_072, Some(65_536)), 65_536);
        // The kernel has less.
        assert_eq!(buffer_size(425_984, Some(1 << 20)), 212_992);
        // The kernel has a minimum.
        assert_eq!(buffer_size(2_304, Some(0)), 0);
    }
}
