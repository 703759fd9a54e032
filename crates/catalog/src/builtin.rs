//! The catalogs that serve when there is no file: everything works out of the box.

use windlass_abi::*;

use crate::flags::{ProviderFlags, ServiceFlags};
use crate::namespace::{NamespaceCatalog, NamespaceEntry};
use crate::protocol::{ProtocolCatalog, ProtocolChain, ProtocolEntry};

/// A module path with this scheme names a provider that is linked into the runtime.
pub const SCHEME: &str = "builtin:";

/// The module path of the TCP/IP provider.
pub const TCPIP_MODULE: &str = "builtin:tcpip";

/// The provider id of the TCP/IP provider; it serves all four of its entries.
pub const TCPIP_PROVIDER_ID: GUID = GUID::from_u128(0x850011f3_7ac6_44c4_ac79_f11db67624ca);

/// The module path of the name space provider for the DNS.
pub const DNS_MODULE: &str = "builtin:dns";

/// The provider id of the name space provider for the DNS.
pub const DNS_PROVIDER_ID: GUID = GUID::from_u128(0x51a1d7c3_7f6b_4ec1_9e2b_0d7f5b8f2f53);

/// The id of the first entry of a catalog.
pub const FIRST_ENTRY_ID: u32 = 1001;
/// The id of the entry for TCP over IPv4.
pub const TCP_IPV4_ID: u32 = FIRST_ENTRY_ID;
/// The id of the entry for UDP over IPv4.
pub const UDP_IPV4_ID: u32 = FIRST_ENTRY_ID + 1;
/// The id of the entry for TCP over IPv6.
pub const TCP_IPV6_ID: u32 = FIRST_ENTRY_ID + 2;
/// The id of the entry for UDP over IPv6.
pub const UDP_IPV6_ID: u32 = FIRST_ENTRY_ID + 3;

/// The longest UDP datagram the entries promise, in bytes: what fits an IPv4 packet with the
/// longest header.
pub const UDP_MESSAGE_SIZE: u32 = 65467;

/// The name of the linked-in provider that a module path stands for, `tcpip` for `builtin:tcpip`.
pub fn linked_in(module: &str) -> Option<&str> {
    module.strip_prefix(SCHEME)
}

/// A layer that is linked into the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedLayer {
    /// Its name: `builtin:NAME` is its module path.
    pub name: &'static str,
    /// Whether handles of the system pass through it.
    pub ifs: bool,
}

/// The layers that are linked into the runtime.
pub const LAYERS: &[LinkedLayer] =
    &[LinkedLayer { name: "nonifs", ifs: false }, LinkedLayer { name: "pass", ifs: true }];

/// The default protocol catalog: TCP and UDP over IPv4 and IPv6.
pub fn protocols() -> ProtocolCatalog {
    ProtocolCatalog {
        next_entry_id: UDP_IPV6_ID + 1,
        entries: vec![
            tcp(TCP_IPV4_ID, "Windlass TCP over IPv4", AF_INET, 16),
            udp(UDP_IPV4_ID, "Windlass UDP over IPv4", AF_INET, 16),
            tcp(TCP_IPV6_ID, "Windlass TCP over IPv6", AF_INET6, 28),
            udp(UDP_IPV6_ID, "Windlass UDP over IPv6", AF_INET6, 28),
        ],
        ..ProtocolCatalog::empty()
    }
}

/// The default name space catalog: the DNS, with what the machine itself knows.
pub fn namespaces() -> NamespaceCatalog {
    let dns = NamespaceEntry {
        identifier: "Windlass DNS".into(),
        provider: DNS_PROVIDER_ID,
        module: DNS_MODULE.into(),
        name_space: NS_DNS,
        version: 1,
        active: true,
        stores_all_service_classes: false,
        blob: None,
    };
    NamespaceCatalog { providers: vec![dns], ..NamespaceCatalog::empty() }
}

fn tcp(id: u32, name: &str, family: i32, sockaddr: i32) -> ProtocolEntry {
    ProtocolEntry {
        socket_type: SOCK_STREAM,
        protocol: IPPROTO_TCP,
        service_flags: ServiceFlags::GUARANTEED_DELIVERY
            | ServiceFlags::GUARANTEED_ORDER
            | ServiceFlags::GRACEFUL_CLOSE
            | ServiceFlags::EXPEDITED_DATA
            | ServiceFlags::IFS_HANDLES,
        ..entry(id, name, family, sockaddr)
    }
}

fn udp(id: u32, name: &str, family: i32, sockaddr: i32) -> ProtocolEntry {
    ProtocolEntry {
        socket_type: SOCK_DGRAM,
        protocol: IPPROTO_UDP,
        message_size: UDP_MESSAGE_SIZE,
        service_flags: ServiceFlags::CONNECTIONLESS
            | ServiceFlags::MESSAGE_ORIENTED
            | ServiceFlags::SUPPORT_BROADCAST
            | ServiceFlags::SUPPORT_MULTIPOINT
            | ServiceFlags::IFS_HANDLES,
        ..entry(id, name, family, sockaddr)
    }
}

fn entry(id: u32, name: &str, family: i32, sockaddr: i32) -> ProtocolEntry {
    ProtocolEntry {
        id,
        name: name.into(),
        provider: TCPIP_PROVIDER_ID,
        module: TCPIP_MODULE.into(),
        chain: ProtocolChain::Base,
        address_family: family,
        provider_flags: ProviderFlags::MATCHES_PROTOCOL_ZERO,
        version: 2,
        max_sockaddr: sockaddr,
        min_sockaddr: sockaddr,
        ..ProtocolEntry::default()
    }
}
