//! Addresses of the in-memory network.

use windlass_spi::Result;
use windlass_spi::abi::WsaError;
use windlass_spi::address::{Address, family_of};

/// The address family. No family of Winsock or Linux has this number.
pub const AF_MEMORY: i32 = 200;
/// The protocol of stream sockets.
pub const PROTOCOL_STREAM: i32 = 1;
/// The protocol of datagram sockets.
pub const PROTOCOL_DATAGRAM: i32 = 2;

/// The length of an address in bytes.
pub(crate) const LENGTH: usize = 4;

/// The address of a port.
pub fn address(port: u16) -> Address {
    let ([f0, f1], [p0, p1]) = ((AF_MEMORY as u16).to_ne_bytes(), port.to_be_bytes());
    Address::from_bytes(&[f0, f1, p0, p1]).expect("four bytes fit")
}

/// The port in an address. Another family or a short address is `WSAEFAULT` (WSP-BIND-1).
pub(crate) fn port_of(address: &[u8]) -> Result<u16> {
    match address {
        [_, _, high, low, ..] if family_of(address) == AF_MEMORY => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(WsaError::WSAEFAULT),
    }
}

/// `memory:PORT`.
pub(crate) fn to_text(port: u16) -> String {
    format!("memory:{port}")
}

/// The port in `memory:PORT`; zero without `:PORT` (WSP-S2A-1). Anything else is `WSAEINVAL`.
pub(crate) fn from_text(text: &str) -> Result<u16> {
    match text.strip_prefix("memory").ok_or(WsaError::WSAEINVAL)? {
        "" => Ok(0),
        port => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(WsaError::WSAEINVAL),
    }
}
