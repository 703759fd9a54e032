//! Installing a layer together with its chains.

use windlass_abi::*;

use super::attempt;
use crate::check::{path_is_valid, text_is_valid};
use crate::flags::{ProviderFlags, ServiceFlags};
use crate::protocol::{ProtocolCatalog, ProtocolChain, ProtocolEntry};

/// The three values that say what a chain offers (WSC-CHAIN-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProtocolTriple {
    /// `iAddressFamily`.
    pub family: i32,
    /// `iSocketType`.
    pub socket_type: i32,
    /// `iProtocol`.
    pub protocol: i32,
}

impl ProtocolTriple {
    /// That of an entry.
    pub fn of(entry: &ProtocolEntry) -> Self {
        Self { family: entry.address_family, socket_type: entry.socket_type, protocol: entry.protocol }
    }
}

impl ProtocolCatalog {
    /// Adds a hidden layer entry, at the end, and chains of it over what is installed, in front of all
    /// else; the id of the layer entry (WSC-CHAIN-1 to WSC-CHAIN-4).
    ///
    /// Without a list there is one chain over the first base of each kind. With a list there is one for
    /// each of its kinds, over the first entry that now serves it, which may be a chain. A chain takes
    /// over what the entry below it says of itself, but for `IFS_HANDLES`, which is the layer's.
    /// `new_guid` makes the provider ids of the chains; see [`random_guid`](crate::random_guid).
    ///
    /// # Errors
    /// - `WSAEINVAL`: an empty list; flags other than `IFS_HANDLES`; a path or name that is empty or
    ///   too long (259 and 255 UTF-16 units); a provider or name already there; a kind that nothing serves.
    /// - `WSANO_RECOVERY`: there is no base; a chain would have more than 7 parts (WSC-CHAIN-3); no ids are left.
    pub fn install_and_chains(
        &mut self,
        provider: GUID,
        module: &str,
        name: &str,
        flags: ServiceFlags,
        list: Option<&[ProtocolTriple]>,
        mut new_guid: impl FnMut() -> Result<GUID, WsaError>,
    ) -> Result<u32, WsaError> {
        let valid = path_is_valid(module)
            && !name.is_empty()
            && text_is_valid(name, WSAPROTOCOL_LEN)
            && ServiceFlags::IFS_HANDLES.contains(flags)
            && list.is_none_or(|list| !list.is_empty())
            && self.entries.iter().all(|entry| entry.provider != provider && entry.name != name);
        if !valid {
            return Err(WsaError::WSAEINVAL);
        }
        let below: Vec<ProtocolEntry> = match list {
            None => self.bases()?,
            Some(list) => self.serving(list)?,
        };
        attempt(self, |next| {
            let layer = next.append(ProtocolEntry {
                name: name.into(),
                provider,
                module: module.into(),
                chain: ProtocolChain::Layer,
                service_flags: flags,
                provider_flags: ProviderFlags::HIDDEN,
                ..ProtocolEntry::default()
            })?;
            for entry in &below {
                let chain = next.chain_over(layer, entry)?;
                next.append(ProtocolEntry {
                    name: chain_name(name, &entry.name),
                    provider: new_guid()?,
                    module: module.into(),
                    chain,
                    service_flags: entry.service_flags.difference(ServiceFlags::IFS_HANDLES) | flags,
                    provider_flags: entry.provider_flags.difference(ProviderFlags::HIDDEN),
                    ..entry.clone()
                })?;
            }
            next.entries.rotate_right(below.len());
            Ok(layer)
        })
    }

    /// The first base of each kind, in catalog order.
    fn bases(&self) -> Result<Vec<ProtocolEntry>, WsaError> {
        let mut bases: Vec<ProtocolEntry> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.is_base()) {
            if !bases.iter().any(|base| ProtocolTriple::of(base) == ProtocolTriple::of(entry)) {
                bases.push(entry.clone());
            }
        }
        if bases.is_empty() { Err(WsaError::WSANO_RECOVERY) } else { Ok(bases) }
    }

    /// For each kind, once, the first entry that serves it: a base, or a chain that can work.
    fn serving(&self, list: &[ProtocolTriple]) -> Result<Vec<ProtocolEntry>, WsaError> {
        let mut found = Vec::new();
        for (at, wanted) in list.iter().enumerate() {
            if list[..at].contains(wanted) {
                continue;
            }
            let serves = |entry: &&ProtocolEntry| {
                ProtocolTriple::of(entry) == *wanted && (entry.is_base() || self.layers_of(entry).is_some())
            };
            found.push(self.entries.iter().find(serves).ok_or(WsaError::WSAEINVAL)?.clone());
        }
        Ok(found)
    }

    fn chain_over(&self, layer: u32, below: &ProtocolEntry) -> Result<ProtocolChain, WsaError> {
        let base = [below.id];
        let rest = if below.is_base() { &base[..] } else { below.chain.ids() };
        let parts: Vec<u32> = [layer].into_iter().chain(rest.iter().copied()).collect();
        if parts.len() > MAX_PROTOCOL_CHAIN {
            return Err(WsaError::WSANO_RECOVERY);
        }
        Ok(ProtocolChain::Chain(parts))
    }
}

/// `layer over [below]`, cut to what the structure can hold.
fn chain_name(layer: &str, below: &str) -> String {
    let mut room = WSAPROTOCOL_LEN;
    let full = format!("{layer} over [{below}]");
    full.chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = room.saturating_sub(c.len_utf16());
            fits
        })
        .collect()
}
