//! The flag words of a catalog entry, by their names in the headers.
#![allow(missing_docs, reason = "each flag is documented by the header it comes from")]

use windlass_abi::*;

bitflags::bitflags! {
    /// `dwServiceFlags1`: what a protocol can do (CAT-PI-2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ServiceFlags: u32 {
        const CONNECTIONLESS = XP1_CONNECTIONLESS;
        const GUARANTEED_DELIVERY = XP1_GUARANTEED_DELIVERY;
        const GUARANTEED_ORDER = XP1_GUARANTEED_ORDER;
        const MESSAGE_ORIENTED = XP1_MESSAGE_ORIENTED;
        const PSEUDO_STREAM = XP1_PSEUDO_STREAM;
        const GRACEFUL_CLOSE = XP1_GRACEFUL_CLOSE;
        const EXPEDITED_DATA = XP1_EXPEDITED_DATA;
        const CONNECT_DATA = XP1_CONNECT_DATA;
        const DISCONNECT_DATA = XP1_DISCONNECT_DATA;
        const SUPPORT_BROADCAST = XP1_SUPPORT_BROADCAST;
        const SUPPORT_MULTIPOINT = XP1_SUPPORT_MULTIPOINT;
        const MULTIPOINT_CONTROL_PLANE = XP1_MULTIPOINT_CONTROL_PLANE;
        const MULTIPOINT_DATA_PLANE = XP1_MULTIPOINT_DATA_PLANE;
        const QOS_SUPPORTED = XP1_QOS_SUPPORTED;
        const INTERRUPT = XP1_INTERRUPT;
        const UNI_SEND = XP1_UNI_SEND;
        const UNI_RECV = XP1_UNI_RECV;
        const IFS_HANDLES = XP1_IFS_HANDLES;
        const PARTIAL_MESSAGE = XP1_PARTIAL_MESSAGE;
        const SAN_SUPPORT_SDP = XP1_SAN_SUPPORT_SDP;
    }
}

bitflags::bitflags! {
    /// `dwProviderFlags`: how the runtime treats an entry (CAT-PI-4).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ProviderFlags: u32 {
        const MULTIPLE_PROTO_ENTRIES = PFL_MULTIPLE_PROTO_ENTRIES;
        const RECOMMENDED_PROTO_ENTRY = PFL_RECOMMENDED_PROTO_ENTRY;
        const HIDDEN = PFL_HIDDEN;
        const MATCHES_PROTOCOL_ZERO = PFL_MATCHES_PROTOCOL_ZERO;
        const NETWORKDIRECT_PROVIDER = PFL_NETWORKDIRECT_PROVIDER;
    }
}

bitflags::bitflags! {
    /// What a layer does, and what layers an application permits (LSPCAT-1).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct LspCategories: u32 {
        const INSPECTOR = LSP_INSPECTOR;
        const REDIRECTOR = LSP_REDIRECTOR;
        const PROXY = LSP_PROXY;
        const FIREWALL = LSP_FIREWALL;
        const INBOUND_MODIFY = LSP_INBOUND_MODIFY;
        const OUTBOUND_MODIFY = LSP_OUTBOUND_MODIFY;
        const CRYPTO_COMPRESS = LSP_CRYPTO_COMPRESS;
        const LOCAL_CACHE = LSP_LOCAL_CACHE;
        const SYSTEM = LSP_SYSTEM;
    }
}
