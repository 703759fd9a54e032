//! What the catalog says about this provider.

use windlass_spi::abi::*;

use crate::address::{AF_MEMORY, LENGTH, PROTOCOL_DATAGRAM, PROTOCOL_STREAM};
use crate::network::LARGEST_DATAGRAM;

/// The provider's id.
pub const PROVIDER: GUID = GUID::from_u128(0x6d3f1a52_9c0e_4b7a_8a55_2f6b1e7c4d90);

/// The two entries to install: stream, then datagram. The catalog gives them their ids.
pub fn entries() -> [WSAPROTOCOL_INFOW; 2] {
    let stream = WSAPROTOCOL_INFOW {
        dwServiceFlags1: XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE,
        iSocketType: SOCK_STREAM,
        iProtocol: PROTOCOL_STREAM,
        szProtocol: name("Windlass memory stream"),
        ..common()
    };
    let datagram = WSAPROTOCOL_INFOW {
        dwServiceFlags1: XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED,
        iSocketType: SOCK_DGRAM,
        iProtocol: PROTOCOL_DATAGRAM,
        dwMessageSize: LARGEST_DATAGRAM as u32,
        szProtocol: name("Windlass memory datagram"),
        ..common()
    };
    [stream, datagram]
}

fn common() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW {
        dwProviderFlags: PFL_MATCHES_PROTOCOL_ZERO,
        ProviderId: PROVIDER,
        ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: BASE_PROTOCOL, ..Default::default() },
        iVersion: 2,
        iAddressFamily: AF_MEMORY,
        iMaxSockAddr: LENGTH as i32,
        iMinSockAddr: LENGTH as i32,
        iNetworkByteOrder: BIGENDIAN,
        iSecurityScheme: SECURITY_PROTOCOL_NONE,
        ..Default::default()
    }
}

fn name(text: &str) -> [u16; WSAPROTOCOL_LEN + 1] {
    let mut name = [0; WSAPROTOCOL_LEN + 1];
    for (to, unit) in name[..WSAPROTOCOL_LEN].iter_mut().zip(text.encode_utf16()) {
        *to = unit;
    }
    name
}
