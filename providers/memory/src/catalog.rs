//! What the provider serves, and what the catalog says about it.

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::transport::SocketRequest;

use crate::address::Family;
use crate::network::LARGEST_DATAGRAM;

/// The provider's id.
pub const PROVIDER: GUID = GUID::from_u128(0x6d3f1a52_9c0e_4b7a_8a55_2f6b1e7c4d90);

/// The entries to install: TCP and UDP over IPv4, then over IPv6. The catalog gives them their ids.
///
/// They are those of any TCP/IP without `XP1_IFS_HANDLES` (WPU-CSH-6), and without what there is not: out-of-band
/// data, broadcasts and multicasts.
pub fn entries() -> [WSAPROTOCOL_INFOW; 4] {
    [
        entry(Protocol { kind: Kind::Stream, family: Family::V4 }, "In-memory TCP over IPv4"),
        entry(Protocol { kind: Kind::Datagram, family: Family::V4 }, "In-memory UDP over IPv4"),
        entry(Protocol { kind: Kind::Stream, family: Family::V6 }, "In-memory TCP over IPv6"),
        entry(Protocol { kind: Kind::Datagram, family: Family::V6 }, "In-memory UDP over IPv6"),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Protocol {
    pub(crate) kind: Kind,
    pub(crate) family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Stream,
    Datagram,
}

impl Protocol {
    /// What a client asks for. Zeros stand for what the entry says (WSP-SOCK-1).
    pub(crate) fn of(request: &SocketRequest<'_>) -> Result<Self> {
        let or = |value, entry| if value == 0 { entry } else { value };
        let family = or(request.family, request.info.iAddressFamily);
        let family = Family::of(family).ok_or(WsaError::WSAEAFNOSUPPORT)?;
        let kind = match (or(request.socket_type, request.info.iSocketType), request.protocol) {
            (SOCK_STREAM, 0 | IPPROTO_TCP) => Kind::Stream,
            (SOCK_DGRAM, 0 | IPPROTO_UDP) => Kind::Datagram,
            (SOCK_STREAM | SOCK_DGRAM, _) => return Err(WsaError::WSAEPROTONOSUPPORT),
            _ => return Err(WsaError::WSAESOCKTNOSUPPORT),
        };
        Ok(Self { kind, family })
    }
}

fn entry(protocol: Protocol, name: &str) -> WSAPROTOCOL_INFOW {
    let (services, socket_type, number, message_size) = match protocol.kind {
        Kind::Stream => {
            (XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE, SOCK_STREAM, IPPROTO_TCP, 0)
        }
        Kind::Datagram => (XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED, SOCK_DGRAM, IPPROTO_UDP, LARGEST_DATAGRAM as u32),
    };
    let mut info = WSAPROTOCOL_INFOW {
        dwServiceFlags1: services,
        dwProviderFlags: PFL_MATCHES_PROTOCOL_ZERO,
        ProviderId: PROVIDER,
        ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: BASE_PROTOCOL, ..Default::default() },
        iVersion: 2,
        iAddressFamily: protocol.family.number(),
        iMaxSockAddr: protocol.family.address_length() as i32,
        iMinSockAddr: protocol.family.address_length() as i32,
        iSocketType: socket_type,
        iProtocol: number,
        iNetworkByteOrder: BIGENDIAN,
        iSecurityScheme: SECURITY_PROTOCOL_NONE,
        dwMessageSize: message_size,
        ..Default::default()
    };
    // The name ends with a NUL.
    for (to, unit) in info.szProtocol[..WSAPROTOCOL_LEN].iter_mut().zip(name.encode_utf16()) {
        *to = unit;
    }
    info
}
