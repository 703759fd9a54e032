//! Entries for synthetic catalogs. Each has a provider and a module of its own, made from its id.
#![allow(dead_code, reason = "each test file uses some")]

pub mod model;

use windlass_abi::GUID;
use windlass_catalog::{ProtocolChain, ProtocolEntry, ProviderFlags};

pub fn guid(number: u32) -> GUID {
    GUID::from_u128(u128::from(number))
}

pub fn module(number: u32) -> String {
    format!("/usr/lib/windlass/provider{number}.so")
}

pub fn base(id: u32, address_family: i32, socket_type: i32, protocol: i32) -> ProtocolEntry {
    ProtocolEntry {
        id,
        name: format!("entry {id}"),
        provider: guid(id),
        module: module(id),
        address_family,
        socket_type,
        protocol,
        ..ProtocolEntry::default()
    }
}

pub fn layer(id: u32) -> ProtocolEntry {
    ProtocolEntry { chain: ProtocolChain::Layer, provider_flags: ProviderFlags::HIDDEN, ..base(id, 0, 0, 0) }
}

/// A chain that offers TCP over IPv4.
pub fn chain(id: u32, parts: &[u32]) -> ProtocolEntry {
    ProtocolEntry { chain: ProtocolChain::Chain(parts.to_vec()), ..base(id, 2, 1, 6) }
}
