//! Which entry serves a socket, and which entries programs see (contract: catalog, section 5).

use windlass_abi::WsaError;

use crate::category::ApplicationFilter;
use crate::flags::ProviderFlags;
use crate::protocol::{ProtocolCatalog, ProtocolEntry};

/// What `socket` asks for; 0 is "any" for the family and the type (SEL-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criteria {
    /// `af`.
    pub family: i32,
    /// `type`.
    pub socket_type: i32,
    /// `protocol`.
    pub protocol: i32,
}

/// The first entry in catalog order that serves the request (SEL-3).
///
/// # Errors
/// `WSAEINVAL` when nothing is asked for (SEL-7); else the first of `WSAEAFNOSUPPORT`,
/// `WSAESOCKTNOSUPPORT` and `WSAEPROTONOSUPPORT` whose part no candidate has (SEL-8).
pub fn select(
    catalog: &ProtocolCatalog,
    wanted: Criteria,
    filter: ApplicationFilter,
) -> Result<&ProtocolEntry, WsaError> {
    if wanted == (Criteria { family: 0, socket_type: 0, protocol: 0 }) {
        return Err(WsaError::WSAEINVAL);
    }
    let mut failure = WsaError::WSAEAFNOSUPPORT;
    for entry in &catalog.entries {
        let family_fits = wanted.family == 0 || wanted.family == entry.address_family;
        if !family_fits || !filter.permits_entry(catalog, entry) {
            continue;
        }
        if wanted.socket_type != 0 && wanted.socket_type != entry.socket_type {
            if failure == WsaError::WSAEAFNOSUPPORT {
                failure = WsaError::WSAESOCKTNOSUPPORT;
            }
            continue;
        }
        if serves_protocol(entry, wanted.protocol) {
            return Ok(entry);
        }
        failure = WsaError::WSAEPROTONOSUPPORT;
    }
    Err(failure)
}

/// The entry that a program names with `dwCatalogEntryId`; nothing else is compared (SEL-1).
///
/// # Errors
/// `WSAEINVAL`: no such entry, a layer (SEL-2), a chain that cannot work or whose layers this
/// program does not permit.
pub fn select_by_id(catalog: &ProtocolCatalog, id: u32, filter: ApplicationFilter) -> Result<&ProtocolEntry, WsaError> {
    let entry = catalog.entry(id).ok_or(WsaError::WSAEINVAL)?;
    if filter.permits_entry(catalog, entry) { Ok(entry) } else { Err(WsaError::WSAEINVAL) }
}

/// The entries that `WSAEnumProtocols` returns: base and chain entries that are not hidden, in
/// catalog order, whatever the category of the program (WEP-1, WEP-4).
///
/// `protocols` are the numbers before the 0 that ends the caller's list; none means all.
pub fn enum_protocols<'a>(
    catalog: &'a ProtocolCatalog,
    protocols: Option<&'a [i32]>,
) -> impl Iterator<Item = &'a ProtocolEntry> {
    enum_all_protocols(catalog, protocols).filter(|entry| !entry.is_layer() && !entry.is_hidden())
}

/// The entries that `WSCEnumProtocols` returns: all of them, hidden ones and layers too (WSC-ENUM-1).
pub fn enum_all_protocols<'a>(
    catalog: &'a ProtocolCatalog,
    protocols: Option<&'a [i32]>,
) -> impl Iterator<Item = &'a ProtocolEntry> {
    let wanted = move |entry: &&ProtocolEntry| match protocols {
        Some(list) => list.iter().any(|protocol| in_range(entry, *protocol)),
        None => true,
    };
    catalog.entries.iter().filter(wanted)
}

/// Whether an entry serves a protocol number of `socket`; 0 only where the entry says so (SEL-5).
fn serves_protocol(entry: &ProtocolEntry, protocol: i32) -> bool {
    if protocol == 0 {
        entry.protocol == 0 || entry.provider_flags.contains(ProviderFlags::MATCHES_PROTOCOL_ZERO)
    } else {
        in_range(entry, protocol)
    }
}

/// Whether a number lies in the entry's range, which goes up or down with the sign of the offset (SEL-6).
fn in_range(entry: &ProtocolEntry, protocol: i32) -> bool {
    let (first, protocol) = (i64::from(entry.protocol), i64::from(protocol));
    let last = first + i64::from(entry.protocol_max_offset);
    (first.min(last)..=first.max(last)).contains(&protocol)
}
