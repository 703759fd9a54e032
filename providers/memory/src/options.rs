//! What setsockopt leaves in a socket (OPT-1 to OPT-7).
//!
//! | option | here |
//! |---|---|
//! | `SO_LINGER`, `SO_DONTLINGER` | zero seconds reset at close; any more, and nothing is left to wait for |
//! | `SO_RCVTIMEO`, `SO_SNDTIMEO` | how long calls wait |
//! | `SO_REUSEADDR`, `SO_EXCLUSIVEADDRUSE` | who may have a port that is in use |
//! | `IPV6_V6ONLY` | always on |
//! | the rest of [`shape_of`] | kept and given back: what they ask for is so, or there is nothing of the kind |

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_spi::Result;
use windlass_spi::abi::*;

use crate::address::Family;
use crate::catalog::{Kind, Protocol};
use crate::network::ROOM;
use crate::ports::Sharing;

#[derive(Clone, Default)]
pub(crate) struct Options {
    set: BTreeMap<(i32, i32), i32>,
    /// The seconds of `SO_LINGER`, if it is on.
    linger: Option<u16>,
}

/// What the value of an option looks like.
enum Shape {
    Flag,
    /// A number, and what it is unless it was set.
    Number(i32),
    Linger,
    DontLinger,
    AlwaysOn,
}

impl Options {
    /// What was said about ports in use.
    pub(crate) fn sharing(&self) -> Sharing {
        match (self.is_on(SO_REUSEADDR), self.is_on(SO_EXCLUSIVEADDRUSE)) {
            (false, false) => Sharing::No,
            (true, _) => Sharing::Reuse,
            (false, true) => Sharing::Exclusive,
        }
    }

    /// Whether a flag of level SOL_SOCKET is set.
    fn is_on(&self, name: i32) -> bool {
        self.set.get(&(SOL_SOCKET, name)).is_some_and(|value| *value != 0)
    }

    /// A time limit of level SOL_SOCKET; zero milliseconds are none.
    pub(crate) fn limit(&self, name: i32) -> Option<Duration> {
        let milliseconds = self.set.get(&(SOL_SOCKET, name)).filter(|value| **value != 0)?;
        Some(Duration::from_millis((*milliseconds as u32).into()))
    }

    /// Whether a close is to be a reset (WSP-CLOSE-5).
    pub(crate) fn close_is_hard(&self) -> bool {
        self.linger == Some(0)
    }

    /// Stores the value: its length.
    pub(crate) fn get(&self, protocol: Protocol, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let kept = self.set.get(&(level, name)).copied();
        let number = match shape_of(protocol, level, name)? {
            Shape::Flag => kept.unwrap_or(0),
            Shape::Number(default) => kept.unwrap_or(default),
            Shape::DontLinger => self.linger.is_none().into(),
            Shape::AlwaysOn => 1,
            Shape::Linger => {
                let [on, seconds] = [self.linger.is_some().into(), self.linger.unwrap_or(0)].map(u16::to_ne_bytes);
                return put(value, [on[0], on[1], seconds[0], seconds[1]]);
            }
        };
        put(value, number.to_ne_bytes())
    }

    pub(crate) fn set(&mut self, protocol: Protocol, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let shape = shape_of(protocol, level, name)?;
        let bytes = *value.first_chunk().ok_or(WsaError::WSAEFAULT)?;
        let number = i32::from_ne_bytes(bytes);
        match shape {
            Shape::Flag if number != 0 && self.excludes(name) => return Err(WsaError::WSAEINVAL),
            Shape::Flag => drop(self.set.insert((level, name), (number != 0).into())),
            Shape::Number(_) => drop(self.set.insert((level, name), number)),
            Shape::DontLinger => self.linger = (number == 0).then(|| self.linger.unwrap_or(1)),
            Shape::AlwaysOn if number == 0 => return Err(WsaError::WSAEINVAL),
            Shape::AlwaysOn => {}
            Shape::Linger => {
                let [on0, on1, seconds0, seconds1] = bytes;
                let on = u16::from_ne_bytes([on0, on1]) != 0;
                self.linger = on.then_some(u16::from_ne_bytes([seconds0, seconds1]));
            }
        }
        Ok(())
    }

    /// Whether a flag cannot be set beside another one (OPT-7).
    fn excludes(&self, name: i32) -> bool {
        match name {
            SO_REUSEADDR => self.is_on(SO_EXCLUSIVEADDRUSE),
            SO_EXCLUSIVEADDRUSE => self.is_on(SO_REUSEADDR),
            _ => false,
        }
    }
}

/// Stores a value, if there is room for it: its length.
pub(crate) fn put(to: &mut [u8], value: [u8; 4]) -> Result<usize> {
    *to.first_chunk_mut().ok_or(WsaError::WSAEFAULT)? = value;
    Ok(value.len())
}

/// `WSAENOPROTOOPT`: no such option of this level. `WSAEINVAL`: no such level (WSP-GSO-1).
fn shape_of(protocol: Protocol, level: i32, name: i32) -> Result<Shape> {
    match (level, name) {
        (SOL_SOCKET, SO_BROADCAST | SO_CONDITIONAL_ACCEPT | SO_DEBUG | SO_EXCLUSIVEADDRUSE) => Ok(Shape::Flag),
        (SOL_SOCKET, SO_KEEPALIVE | SO_OOBINLINE | SO_REUSEADDR) => Ok(Shape::Flag),
        (SOL_SOCKET, SO_DONTROUTE) if protocol.family == Family::V4 => Ok(Shape::Flag),
        (SOL_SOCKET, SO_RCVBUF | SO_SNDBUF) => Ok(Shape::Number(ROOM as i32)),
        (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => Ok(Shape::Number(0)),
        (SOL_SOCKET, SO_LINGER) => Ok(Shape::Linger),
        (SOL_SOCKET, SO_DONTLINGER) => Ok(Shape::DontLinger),
        (IPPROTO_TCP, TCP_NODELAY) if protocol.kind == Kind::Stream => Ok(Shape::Flag),
        (IPPROTO_IP, IP_TTL) if protocol.family == Family::V4 => Ok(Shape::Number(128)),
        (IPPROTO_IPV6, IPV6_UNICAST_HOPS) if protocol.family == Family::V6 => Ok(Shape::Number(128)),
        (IPPROTO_IPV6, IPV6_V6ONLY) if protocol.family == Family::V6 => Ok(Shape::AlwaysOn),
        (SOL_SOCKET | IPPROTO_IP | IPPROTO_IPV6 | IPPROTO_TCP | IPPROTO_UDP, _) => Err(WsaError::WSAENOPROTOOPT),
        _ => Err(WsaError::WSAEINVAL),
    }
}
