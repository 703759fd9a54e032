//! Catalog entries of transport providers (contract: catalog, section 1).

use crate::GUID;

pub const MAX_PROTOCOL_CHAIN: usize = 7;
pub const BASE_PROTOCOL: i32 = 1;
pub const LAYERED_PROTOCOL: i32 = 0;
pub const WSAPROTOCOL_LEN: usize = 255;
/// The longest path of a provider module, in UTF-16 units including the NUL.
pub const MAX_PATH: usize = 260;

/// Which layers a catalog entry is made of, the top one first (CAT-PI-5).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct WSAPROTOCOLCHAIN {
    pub ChainLen: i32,
    pub ChainEntries: [u32; MAX_PROTOCOL_CHAIN],
}

/// A transport catalog entry: 628 bytes, the same on 32 and 64 bits (CAT-PI-1).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSAPROTOCOL_INFOW {
    pub dwServiceFlags1: u32,
    pub dwServiceFlags2: u32,
    pub dwServiceFlags3: u32,
    pub dwServiceFlags4: u32,
    pub dwProviderFlags: u32,
    pub ProviderId: GUID,
    pub dwCatalogEntryId: u32,
    pub ProtocolChain: WSAPROTOCOLCHAIN,
    pub iVersion: i32,
    pub iAddressFamily: i32,
    pub iMaxSockAddr: i32,
    pub iMinSockAddr: i32,
    pub iSocketType: i32,
    pub iProtocol: i32,
    pub iProtocolMaxOffset: i32,
    pub iNetworkByteOrder: i32,
    pub iSecurityScheme: i32,
    pub dwMessageSize: u32,
    pub dwProviderReserved: u32,
    pub szProtocol: [u16; WSAPROTOCOL_LEN + 1],
}

/// The same with an 8-bit name: 372 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSAPROTOCOL_INFOA {
    pub dwServiceFlags1: u32,
    pub dwServiceFlags2: u32,
    pub dwServiceFlags3: u32,
    pub dwServiceFlags4: u32,
    pub dwProviderFlags: u32,
    pub ProviderId: GUID,
    pub dwCatalogEntryId: u32,
    pub ProtocolChain: WSAPROTOCOLCHAIN,
    pub iVersion: i32,
    pub iAddressFamily: i32,
    pub iMaxSockAddr: i32,
    pub iMinSockAddr: i32,
    pub iSocketType: i32,
    pub iProtocol: i32,
    pub iProtocolMaxOffset: i32,
    pub iNetworkByteOrder: i32,
    pub iSecurityScheme: i32,
    pub dwMessageSize: u32,
    pub dwProviderReserved: u32,
    pub szProtocol: [u8; WSAPROTOCOL_LEN + 1],
}

impl Default for WSAPROTOCOL_INFOW {
    fn default() -> Self {
        Self {
            dwServiceFlags1: 0,
            dwServiceFlags2: 0,
            dwServiceFlags3: 0,
            dwServiceFlags4: 0,
            dwProviderFlags: 0,
            ProviderId: GUID::default(),
            dwCatalogEntryId: 0,
            ProtocolChain: WSAPROTOCOLCHAIN::default(),
            iVersion: 0,
            iAddressFamily: 0,
            iMaxSockAddr: 0,
            iMinSockAddr: 0,
            iSocketType: 0,
            iProtocol: 0,
            iProtocolMaxOffset: 0,
            iNetworkByteOrder: 0,
            iSecurityScheme: 0,
            dwMessageSize: 0,
            dwProviderReserved: 0,
            szProtocol: [0; WSAPROTOCOL_LEN + 1],
        }
    }
}

// dwServiceFlags1 (CAT-PI-2).
pub const XP1_CONNECTIONLESS: u32 = 0x1;
pub const XP1_GUARANTEED_DELIVERY: u32 = 0x2;
pub const XP1_GUARANTEED_ORDER: u32 = 0x4;
pub const XP1_MESSAGE_ORIENTED: u32 = 0x8;
pub const XP1_PSEUDO_STREAM: u32 = 0x10;
pub const XP1_GRACEFUL_CLOSE: u32 = 0x20;
pub const XP1_EXPEDITED_DATA: u32 = 0x40;
pub const XP1_CONNECT_DATA: u32 = 0x80;
pub const XP1_DISCONNECT_DATA: u32 = 0x100;
pub const XP1_SUPPORT_BROADCAST: u32 = 0x200;
pub const XP1_SUPPORT_MULTIPOINT: u32 = 0x400;
pub const XP1_MULTIPOINT_CONTROL_PLANE: u32 = 0x800;
pub const XP1_MULTIPOINT_DATA_PLANE: u32 = 0x1000;
pub const XP1_QOS_SUPPORTED: u32 = 0x2000;
pub const XP1_INTERRUPT: u32 = 0x4000;
pub const XP1_UNI_SEND: u32 = 0x8000;
pub const XP1_UNI_RECV: u32 = 0x10000;
pub const XP1_IFS_HANDLES: u32 = 0x20000;
pub const XP1_PARTIAL_MESSAGE: u32 = 0x40000;
pub const XP1_SAN_SUPPORT_SDP: u32 = 0x80000;

// dwProviderFlags (CAT-PI-4).
pub const PFL_MULTIPLE_PROTO_ENTRIES: u32 = 0x1;
pub const PFL_RECOMMENDED_PROTO_ENTRY: u32 = 0x2;
pub const PFL_HIDDEN: u32 = 0x4;
pub const PFL_MATCHES_PROTOCOL_ZERO: u32 = 0x8;
pub const PFL_NETWORKDIRECT_PROVIDER: u32 = 0x10;

pub const BIGENDIAN: i32 = 0;
pub const LITTLEENDIAN: i32 = 1;
pub const SECURITY_PROTOCOL_NONE: i32 = 0;
/// `iProtocol` values passed to mean "take it from the protocol information".
pub const FROM_PROTOCOL_INFO: i32 = -1;

// Categories of layers and applications (LSPCAT-1).
pub const LSP_INSPECTOR: u32 = 0x1;
pub const LSP_REDIRECTOR: u32 = 0x2;
pub const LSP_PROXY: u32 = 0x4;
pub const LSP_FIREWALL: u32 = 0x8;
pub const LSP_INBOUND_MODIFY: u32 = 0x10;
pub const LSP_OUTBOUND_MODIFY: u32 = 0x20;
pub const LSP_CRYPTO_COMPRESS: u32 = 0x40;
pub const LSP_LOCAL_CACHE: u32 = 0x80;
pub const LSP_SYSTEM: u32 = 0x8000_0000;

/// `WSC_PROVIDER_INFO_TYPE` (WSC-INFO-1).
pub const ProviderInfoLspCategories: i32 = 0;
pub const ProviderInfoAudit: i32 = 1;
