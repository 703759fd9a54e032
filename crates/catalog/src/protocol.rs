//! The protocol catalog: which transport providers there are, in which order.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use windlass_abi::*;

use crate::flags::{LspCategories, ProviderFlags, ServiceFlags};
use crate::text::{self, is_default};

/// All transport providers, layers and chains, in catalog order (WSC-ORD-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolCatalog {
    /// Grows with each change; 0 is the built-in default.
    pub serial: u64,
    /// The id that the next entry gets. Ids are never used twice (CAT-ST-5).
    pub next_entry_id: u32,
    /// The order governs enumeration and selection.
    pub entries: Vec<ProtocolEntry>,
    /// What is known of layers beyond their entries.
    pub provider_infos: Vec<ProviderInfo>,
    /// Which layers certain programs permit.
    pub applications: Vec<ApplicationCategory>,
}

/// One entry of the protocol catalog: the module that serves it, and all that
/// `WSAPROTOCOL_INFOW` tells of it.
///
/// Where an entry is handed in to be installed, `id`, `provider` and `module` are ignored: the
/// catalog gives them (WSC-INST-2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolEntry {
    /// `dwCatalogEntryId`, never 0.
    pub id: u32,
    /// `szProtocol`, at most 255 UTF-16 units.
    pub name: String,
    /// `ProviderId`, the same for all entries of a provider.
    #[serde(with = "text::guid")]
    pub provider: GUID,
    /// The path of the module, environment strings unexpanded (WSC-INST-6).
    pub module: String,
    /// Base, layer or chain.
    pub chain: ProtocolChain,
    /// `iAddressFamily`.
    #[serde(with = "text::family")]
    pub address_family: i32,
    /// `iSocketType`.
    #[serde(with = "text::socket_type")]
    pub socket_type: i32,
    /// `iProtocol`.
    pub protocol: i32,
    /// `iProtocolMaxOffset`: how many more protocols the entry serves, upwards or downwards (SEL-6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol_max_offset: i32,
    /// `dwServiceFlags1`.
    #[serde(default, with = "text::flags")]
    pub service_flags: ServiceFlags,
    /// `dwServiceFlags2` to `4`, reserved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reserved_flags: [u32; 3],
    /// `dwProviderFlags`.
    #[serde(default, with = "text::flags")]
    pub provider_flags: ProviderFlags,
    /// `iVersion`, of the protocol.
    #[serde(default)]
    pub version: i32,
    /// `iMaxSockAddr`, in bytes.
    #[serde(default)]
    pub max_sockaddr: i32,
    /// `iMinSockAddr`, in bytes.
    #[serde(default)]
    pub min_sockaddr: i32,
    /// `dwMessageSize`, in bytes: 0 stream, 1 limited by the MTU, `u32::MAX` unlimited.
    #[serde(default)]
    pub message_size: u32,
    /// `iNetworkByteOrder`: `BIGENDIAN` or `LITTLEENDIAN`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub byte_order: i32,
    /// `iSecurityScheme`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub security_scheme: i32,
    /// `dwProviderReserved`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub provider_reserved: u32,
}

/// What an entry is made of (CAT-PI-5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProtocolChain {
    /// A layer: of use only in chains.
    Layer,
    /// A transport that stands on its own.
    #[default]
    Base,
    /// Catalog entry ids, the top layer first, the base last: 2 to 7 of them.
    Chain(Vec<u32>),
}

/// What is known of a layer beyond its entries, see `WSCSetProviderInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderInfo {
    /// The provider id of the layer's entry.
    #[serde(with = "text::guid")]
    pub provider: GUID,
    /// `ProviderInfoLspCategories`.
    #[serde(with = "text::flags")]
    pub lsp_categories: LspCategories,
}

/// The layers that a program permits, see `WSCSetApplicationCategory`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationCategory {
    /// The program's path, environment strings unexpanded.
    pub path: String,
    /// The command line that tells instances apart; none matches by path only (WSC-APP-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<String>,
    /// The categories a layer may have.
    #[serde(with = "text::flags")]
    pub permitted: LspCategories,
}

impl ProtocolCatalog {
    /// A catalog without entries.
    pub fn empty() -> Self {
        Self {
            serial: 0,
            next_entry_id: crate::builtin::FIRST_ENTRY_ID,
            entries: Vec::new(),
            provider_infos: Vec::new(),
            applications: Vec::new(),
        }
    }

    /// The entry with this id.
    pub fn entry(&self, id: u32) -> Option<&ProtocolEntry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The entries of a provider, in catalog order.
    pub fn entries_of(&self, provider: GUID) -> impl Iterator<Item = &ProtocolEntry> {
        self.entries.iter().filter(move |entry| entry.provider == provider)
    }

    /// The entries that a chain is made of, the top layer first. `None` where `entry` is no chain,
    /// or one that cannot work any more: a part is gone, or of the wrong kind (WSC-DEL-3).
    pub fn layers_of(&self, entry: &ProtocolEntry) -> Option<Vec<&ProtocolEntry>> {
        let ProtocolChain::Chain(ids) = &entry.chain else {
            return None;
        };
        let parts: Vec<_> = ids.iter().map(|id| self.entry(*id)).collect::<Option<_>>()?;
        let (base, layers) = parts.split_last()?;
        let sound = base.is_base() && layers.iter().all(|layer| layer.is_layer());
        sound.then_some(parts)
    }

    /// The categories of a layer; empty when none were set.
    pub fn lsp_categories(&self, provider: GUID) -> LspCategories {
        let info = self.provider_infos.iter().find(|info| info.provider == provider);
        info.map_or(LspCategories::empty(), |info| info.lsp_categories)
    }
}

impl ProtocolEntry {
    /// `dwCatalogEntryId`.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// `ProviderId`.
    pub fn provider_id(&self) -> GUID {
        self.provider
    }

    /// The path of the module, environment strings unexpanded.
    pub fn module_path(&self) -> &str {
        &self.module
    }

    /// Whether the entry is a transport that stands on its own.
    pub fn is_base(&self) -> bool {
        self.chain == ProtocolChain::Base
    }

    /// Whether the entry is a layer, of use only in chains.
    pub fn is_layer(&self) -> bool {
        self.chain == ProtocolChain::Layer
    }

    /// Whether the entry is a chain.
    pub fn is_chain(&self) -> bool {
        matches!(self.chain, ProtocolChain::Chain(_))
    }

    /// Whether `WSAEnumProtocols` leaves the entry out.
    pub fn is_hidden(&self) -> bool {
        self.provider_flags.contains(ProviderFlags::HIDDEN)
    }

    /// The entry as providers and programs see it.
    ///
    /// A name that is too long, which no checked catalog has, is cut.
    pub fn info(&self) -> WSAPROTOCOL_INFOW {
        let mut info = WSAPROTOCOL_INFOW {
            dwServiceFlags1: self.service_flags.bits(),
            dwServiceFlags2: self.reserved_flags[0],
            dwServiceFlags3: self.reserved_flags[1],
            dwServiceFlags4: self.reserved_flags[2],
            dwProviderFlags: self.provider_flags.bits(),
            ProviderId: self.provider,
            dwCatalogEntryId: self.id,
            ProtocolChain: self.chain.to_abi(),
            iVersion: self.version,
            iAddressFamily: self.address_family,
            iMaxSockAddr: self.max_sockaddr,
            iMinSockAddr: self.min_sockaddr,
            iSocketType: self.socket_type,
            iProtocol: self.protocol,
            iProtocolMaxOffset: self.protocol_max_offset,
            iNetworkByteOrder: self.byte_order,
            iSecurityScheme: self.security_scheme,
            dwMessageSize: self.message_size,
            dwProviderReserved: self.provider_reserved,
            ..Default::default()
        };
        for (to, from) in info.szProtocol[..WSAPROTOCOL_LEN].iter_mut().zip(self.name.encode_utf16()) {
            *to = from;
        }
        info
    }

    /// Reads the structure; `module` stays empty. [`info`](Self::info) gives it back unchanged but for what has
    /// no meaning: chain ids beyond the length (all of them in a base entry), text after the NUL.
    ///
    /// # Errors
    /// `WSAEINVAL`: a chain length below 0 or above 7, a name without NUL or not UTF-16.
    pub fn from_info(info: &WSAPROTOCOL_INFOW) -> Result<Self, WsaError> {
        let end = info.szProtocol.iter().position(|unit| *unit == 0).ok_or(WsaError::WSAEINVAL)?;
        Ok(Self {
            id: info.dwCatalogEntryId,
            name: String::from_utf16(&info.szProtocol[..end]).map_err(|_| WsaError::WSAEINVAL)?,
            provider: info.ProviderId,
            module: String::new(),
            chain: ProtocolChain::from_abi(&info.ProtocolChain)?,
            address_family: info.iAddressFamily,
            socket_type: info.iSocketType,
            protocol: info.iProtocol,
            protocol_max_offset: info.iProtocolMaxOffset,
            service_flags: ServiceFlags::from_bits_retain(info.dwServiceFlags1),
            reserved_flags: [info.dwServiceFlags2, info.dwServiceFlags3, info.dwServiceFlags4],
            provider_flags: ProviderFlags::from_bits_retain(info.dwProviderFlags),
            version: info.iVersion,
            max_sockaddr: info.iMaxSockAddr,
            min_sockaddr: info.iMinSockAddr,
            message_size: info.dwMessageSize,
            byte_order: info.iNetworkByteOrder,
            security_scheme: info.iSecurityScheme,
            provider_reserved: info.dwProviderReserved,
        })
    }
}

impl Default for ProtocolEntry {
    fn default() -> Self {
        Self::from_info(&WSAPROTOCOL_INFOW { ProtocolChain: ProtocolChain::Base.to_abi(), ..Default::default() })
            .expect("an empty name and no chain are valid")
    }
}

impl ProtocolChain {
    /// `ChainLen`.
    pub fn len(&self) -> usize {
        match self {
            Self::Layer => LAYERED_PROTOCOL as usize,
            Self::Base => BASE_PROTOCOL as usize,
            Self::Chain(ids) => ids.len(),
        }
    }

    /// Whether this is a layer, whose `ChainLen` is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of a chain's parts; nothing for a layer or a base.
    pub fn ids(&self) -> &[u32] {
        match self {
            Self::Layer | Self::Base => &[],
            Self::Chain(ids) => ids,
        }
    }

    fn to_abi(&self) -> WSAPROTOCOLCHAIN {
        let mut abi = WSAPROTOCOLCHAIN { ChainLen: self.len() as i32, ..Default::default() };
        for (to, id) in abi.ChainEntries.iter_mut().zip(self.ids()) {
            *to = *id;
        }
        abi
    }

    fn from_abi(abi: &WSAPROTOCOLCHAIN) -> Result<Self, WsaError> {
        match usize::try_from(abi.ChainLen) {
            Ok(0) => Ok(Self::Layer),
            Ok(1) => Ok(Self::Base),
            Ok(len @ 2..=MAX_PROTOCOL_CHAIN) => Ok(Self::Chain(abi.ChainEntries[..len].to_vec())),
            _ => Err(WsaError::WSAEINVAL),
        }
    }
}

impl fmt::Display for ProtocolChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer => f.write_str("layer"),
            Self::Base => f.write_str("base"),
            Self::Chain(ids) => {
                for (at, id) in ids.iter().enumerate() {
                    write!(f, "{}{id}", if at == 0 { "" } else { " > " })?;
                }
                Ok(())
            }
        }
    }
}

impl Serialize for ProtocolChain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Layer | Self::Base => to.collect_str(self),
            Self::Chain(ids) => ids.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for ProtocolChain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct KindOrIds;
        impl<'de> Visitor<'de> for KindOrIds {
            type Value = ProtocolChain;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"base\", \"layer\" or a list of entry ids")
            }
            fn visit_str<E: Error>(self, kind: &str) -> Result<ProtocolChain, E> {
                match kind {
                    "layer" => Ok(ProtocolChain::Layer),
                    "base" => Ok(ProtocolChain::Base),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(kind), &self)),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ProtocolChain, A::Error> {
                let mut ids = Vec::new();
                while let Some(id) = list.next_element()? {
                    ids.push(id);
                }
                Ok(ProtocolChain::Chain(ids))
            }
        }
        from.deserialize_any(KindOrIds)
    }
}
