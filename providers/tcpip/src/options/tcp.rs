//! Level IPPROTO_TCP.
//!
//! | option | here |
//! |---|---|
//! | TCP_NODELAY, TCP_MAXSEG, TCP_KEEPALIVE (= TCP_KEEPIDLE), TCP_KEEPCNT, TCP_KEEPINTVL | the kernel's options of the same names |
//! | TCP_MAXRT, TCP_MAXRTMS | the kernel's TCP_USER_TIMEOUT, zero for its default; "never" is its longest time, 24 days |
//! | TCP_BSDURGENT | true, and cannot be turned off, as documented |
//! | TCP_EXPEDITED_1122 | false: the kernel decides it for the whole machine (`net.ipv4.tcp_stdurg`) |
//! | TCP_FAIL_CONNECT_ON_ICMP_ERROR | kept; the kernel always fails a connect on such an error |
//! | TCP_FASTOPEN, TCP_TIMESTAMPS, TCP_ICMP_ERROR_INFO, the rest | WSAENOPROTOOPT |

use std::time::Duration;

use rustix::net::sockopt;
use windlass_abi::{
    TCP_BSDURGENT, TCP_EXPEDITED_1122, TCP_FAIL_CONNECT_ON_ICMP_ERROR, TCP_KEEPALIVE, TCP_KEEPCNT, TCP_KEEPINTVL,
    TCP_MAXRT, TCP_MAXRTMS, TCP_MAXSEG, TCP_NODELAY, WsaError,
};
use windlass_spi::Result;

use super::{Entry, On, kernel};
use crate::error::from_errno;
use crate::socket::TcpSocket;

/// What this level keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    fail_connect_on_icmp_error: bool,
}

impl Kept {
    pub(super) fn to_word(self) -> u32 {
        self.fail_connect_on_icmp_error.into()
    }

    pub(super) fn from_word(word: u32) -> Option<Self> {
        (word <= 1).then_some(Self { fail_connect_on_icmp_error: word == 1 })
    }
}

pub const TABLE: &[Entry] = &[
    Entry::bool(
        TCP_NODELAY,
        On::Streams,
        |socket| sockopt::tcp_nodelay(socket.fd()).map_err(from_errno),
        |socket, on| sockopt::set_tcp_nodelay(socket.fd(), on).map_err(from_errno),
    ),
    Entry::dword(
        TCP_KEEPALIVE,
        On::Streams,
        |socket| sockopt::tcp_keepidle(socket.fd()).map_err(from_errno).map(seconds),
        |socket, value| sockopt::set_tcp_keepidle(socket.fd(), duration(value)?).map_err(from_errno),
    ),
    Entry::dword(
        TCP_KEEPINTVL,
        On::Streams,
        |socket| sockopt::tcp_keepintvl(socket.fd()).map_err(from_errno).map(seconds),
        |socket, value| sockopt::set_tcp_keepintvl(socket.fd(), duration(value)?).map_err(from_errno),
    ),
    Entry::dword(
        TCP_KEEPCNT,
        On::Streams,
        |socket| sockopt::tcp_keepcnt(socket.fd()).map_err(from_errno),
        |socket, count| sockopt::set_tcp_keepcnt(socket.fd(), count).map_err(from_errno),
    ),
    Entry::dword(
        TCP_MAXSEG,
        On::Streams,
        |socket| kernel::get(socket, kernel::TcpMaxSeg),
        |socket, size| kernel::set(socket, kernel::TcpMaxSeg, size),
    ),
    Entry::dword(
        TCP_MAXRT,
        On::Streams,
        |socket| {
            let limit = user_timeout(socket)?;
            Ok(if limit == NEVER { u32::MAX } else { limit.div_ceil(1000) })
        },
        |socket, value| match value {
            u32::MAX => set_user_timeout(socket, NEVER),
            seconds => set_user_timeout(socket, seconds.checked_mul(1000).ok_or(WsaError::WSAEINVAL)?),
        },
    ),
    Entry::dword(
        TCP_MAXRTMS,
        On::Streams,
        |socket| Ok(user_timeout(socket)?).map(|limit| if limit == NEVER { u32::MAX } else { limit }),
        |socket, value| set_user_timeout(socket, if value == u32::MAX { NEVER } else { value }),
    ),
    Entry::bool(TCP_BSDURGENT, On::Streams, |_| Ok(true), |_, on| only(on)),
    Entry::bool(TCP_EXPEDITED_1122, On::Streams, |_| Ok(false), |_, on| only(!on)),
    Entry::bool(
        TCP_FAIL_CONNECT_ON_ICMP_ERROR,
        On::Streams,
        |socket| Ok(socket.rare().kept.tcp.fail_connect_on_icmp_error),
        |socket, on| {
            socket.rare().kept.tcp.fail_connect_on_icmp_error = on;
            Ok(())
        },
    ),
];

/// The longest time that the kernel takes, in milliseconds.
const NEVER: u32 = i32::MAX as u32;

fn user_timeout(socket: &TcpSocket) -> Result<u32> {
    sockopt::tcp_user_timeout(socket.fd()).map_err(from_errno)
}

fn set_user_timeout(socket: &TcpSocket, milliseconds: u32) -> Result<()> {
    if milliseconds > NEVER {
        return Err(WsaError::WSAEINVAL);
    }
    sockopt::set_tcp_user_timeout(socket.fd(), milliseconds).map_err(from_errno)
}

/// An option that has one value only.
fn only(is_that_value: bool) -> Result<()> {
    if is_that_value { Ok(()) } else { Err(WsaError::WSAEINVAL) }
}

fn seconds(duration: Duration) -> u32 {
    duration.as_secs() as u32
}

fn duration(seconds: u32) -> Result<Duration> {
    match seconds {
        0 => Err(WsaError::WSAEINVAL),
        _ => Ok(Duration::from_secs(seconds.into())),
    }
}
