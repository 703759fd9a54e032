//! What is checked.

use serde::{Deserialize, Serialize};
use windlass_abi::*;
use windlass_catalog::{ProtocolChain, ProtocolEntry, ServiceFlags, builtin};

/// A transport provider: its module, and what the catalog says that it serves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// For people.
    pub name: String,
    /// The path of a shared object, environment strings unexpanded, or `builtin:NAME`.
    pub module: String,
    /// Base entries, or chains that the module is the top layer of, with ids that are not 0 and differ.
    pub entries: Vec<ProtocolEntry>,
    /// The entries that the chains are made of: layers and bases, each with its module.
    #[serde(default)]
    pub parts: Vec<ProtocolEntry>,
}

impl Subject {
    /// A provider and its entries. Entries without an id get one.
    pub fn new(module: &str, mut entries: Vec<ProtocolEntry>) -> Self {
        let first = builtin::FIRST_ENTRY_ID;
        let taken = entries.iter().map(|entry| entry.id).max().unwrap_or(0).max(first - 1);
        for (new, entry) in entries.iter_mut().filter(|entry| entry.id == 0).enumerate() {
            entry.id = taken + 1 + new as u32;
        }
        Self { name: module.into(), module: module.into(), entries, parts: Vec::new() }
    }

    /// For a layer: chains of it alone over each of these base entries.
    pub fn layer(module: &str, is_ifs: bool, bases: Vec<ProtocolEntry>) -> Self {
        let own = if is_ifs { ServiceFlags::IFS_HANDLES } else { ServiceFlags::empty() };
        let provider = GUID::from_u128(0x5749_4e44_4c41_5953_4c41_5945_5243_484b);
        let first = bases.iter().map(|base| base.id).max().unwrap_or(0) + 1;
        let mut layer = ProtocolEntry { id: first, provider, module: module.into(), ..ProtocolEntry::default() };
        (layer.name, layer.chain, layer.service_flags) = ("Layer".into(), ProtocolChain::Layer, own);
        let chain = |(at, base): (usize, &ProtocolEntry)| ProtocolEntry {
            id: first + 1 + at as u32,
            provider,
            module: module.into(),
            chain: ProtocolChain::Chain(vec![layer.id, base.id]),
            service_flags: (base.service_flags - ServiceFlags::IFS_HANDLES) | own,
            ..base.clone()
        };
        let entries = bases.iter().enumerate().map(chain).collect();
        Self { parts: [vec![layer.clone()], bases].concat(), ..Self::new(module, entries) }
    }

    /// For a module of which nothing is known: a stream and a datagram entry of IPv4, as any TCP/IP has.
    ///
    /// Whether handles are the system's cannot be told from outside before the first socket; the checks take what they see.
    pub fn probing(module: &str) -> Self {
        let mut entries = builtin::protocols().entries;
        entries.retain(|entry| entry.address_family == AF_INET);
        Self::new(module, entries)
    }
}

/// What a socket of an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Datagram,
}

impl Kind {
    /// As the flags of the entry say (WSP-RECV-3).
    pub fn of(entry: &ProtocolEntry) -> Option<Self> {
        let has = |flag| entry.service_flags.contains(flag);
        let is_message = has(ServiceFlags::MESSAGE_ORIENTED) && !has(ServiceFlags::PSEUDO_STREAM);
        match (has(ServiceFlags::CONNECTIONLESS), is_message) {
            (false, false) => Some(Self::Stream),
            (true, true) => Some(Self::Datagram),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "streams",
            Self::Datagram => "datagrams",
        }
    }
}

/// The loopback address of the family and this port, as Windows lays it out; `None` for other families.
pub fn loopback(family: i32, port: u16) -> Option<Vec<u8>> {
    let head = [(family as u16).to_ne_bytes(), port.to_be_bytes()].concat();
    match family {
        AF_INET => Some([&head[..], &[127, 0, 0, 1], &[0; 8]].concat()),
        AF_INET6 => {
            let mut host = [0; 16];
            host[15] = 1;
            Some([&head[..], &[0; 4], &host, &[0; 4]].concat())
        }
        _ => None,
    }
}

/// The address without a host: port 0, all zero.
pub fn wildcard(family: i32) -> Option<Vec<u8>> {
    let mut name = loopback(family, 0)?;
    name[2..].fill(0);
    Some(name)
}

/// The port of an address of these families.
pub fn port(name: &[u8]) -> u16 {
    name.get(2..4).map_or(0, |port| u16::from_be_bytes([port[0], port[1]]))
}
