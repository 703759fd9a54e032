//! Names on a network that has nothing but loopback addresses: `127.0.0.0/8` and `::1`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::address::{family_of, internet_address_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The family of an `AF_*` number.
    pub(crate) fn of(number: i32) -> Option<Self> {
        match number {
            AF_INET => Some(Self::V4),
            AF_INET6 => Some(Self::V6),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> i32 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }

    /// The length of an address structure, in bytes.
    pub(crate) fn address_length(self) -> usize {
        match self {
            Self::V4 => size_of::<SOCKADDR_IN>(),
            Self::V6 => size_of::<SOCKADDR_IN6>(),
        }
    }

    /// The address that stands for every address.
    pub(crate) fn any(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// Where those are who are everywhere.
    pub(crate) fn loopback(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::LOCALHOST.into(),
            Self::V6 => Ipv6Addr::LOCALHOST.into(),
        }
    }
}

/// The name that a client wants for its own socket. Another family and too few bytes are `WSAEFAULT` (WSP-BIND-1),
/// what is no address here is `WSAEADDRNOTAVAIL` (WSP-BIND-5).
pub(crate) fn own(name: &[u8], family: Family) -> Result<SocketAddr> {
    let name = read(name, family, WsaError::WSAEFAULT)?;
    let is_here = name.ip().is_loopback() || name.ip().is_unspecified();
    if is_here { Ok(name) } else { Err(WsaError::WSAEADDRNOTAVAIL) }
}

/// Whom a client wants to reach; nobody for an address of zeros (WSP-CONN-4). `WSAEAFNOSUPPORT`, `WSAEFAULT`;
/// `WSAEADDRNOTAVAIL` without a port; `WSAENETUNREACH` for what is not on this network.
pub(crate) fn peer(name: &[u8], family: Family) -> Result<Option<SocketAddr>> {
    if family_of(name) == AF_UNSPEC {
        return Ok(None);
    }
    let name = read(name, family, WsaError::WSAEAFNOSUPPORT)?;
    match name.ip() {
        ip if ip.is_unspecified() => Ok(None),
        ip if !ip.is_loopback() => Err(WsaError::WSAENETUNREACH),
        _ if name.port() == 0 => Err(WsaError::WSAEADDRNOTAVAIL),
        _ => Ok(Some(name)),
    }
}

fn read(name: &[u8], family: Family, other_family: WsaError) -> Result<SocketAddr> {
    if family_of(name) != family.number() {
        return Err(other_family);
    }
    let name = internet_address_of(name).ok_or(WsaError::WSAEFAULT)?;
    // Without flow and scope, which mean nothing here.
    Ok(SocketAddr::new(name.ip(), name.port()))
}

/// `a.b.c.d`, `a.b.c.d:port`, `addr%scope`, `[addr%scope]:port`; what is zero is left out (WSP-A2S-5). Any Internet
/// address has a text, here or not.
pub(crate) fn to_text(address: &[u8]) -> Option<String> {
    let text = internet_address_of(address)?.to_string();
    let without_port =
        text.strip_suffix(":0").map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned());
    Some(without_port.unwrap_or(text))
}

/// The same, read. What is left out is zero (WSP-S2A-1).
pub(crate) fn from_text(text: &str) -> Option<SocketAddr> {
    [text.to_owned(), format!("{text}:0"), format!("[{text}]:0")].iter().find_map(|text| text.parse().ok())
}
