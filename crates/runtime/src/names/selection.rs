//! Which providers a look-up or a registration goes to, and in which order (FAN-1 to FAN-3, SET-4, NEXT-15); pure.

use windlass_abi::{
    GUID, LUP_NON_AUTHORITATIVE, NS_ALL, NS_EMAIL, ProviderLevel_Primary, ProviderLevel_Secondary, WsaError,
};
use windlass_catalog::{NamespaceCatalog, NamespaceEntry};

/// The providers that are asked, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selected<'c> {
    pub(crate) providers: Vec<&'c NamespaceEntry>,
    /// The first one that gives a result is the last one asked (NEXT-15).
    pub(crate) first_answer_ends: bool,
}

/// The active providers of a name space, or the one provider that is named.
///
/// # Errors
/// `WSAEINVAL`: no provider has this id. `WSASERVICE_NOT_FOUND`: it is not active, or no provider is selected (FAN-2, FAN-9).
pub(crate) fn select(
    catalog: &NamespaceCatalog,
    name_space: u32,
    provider: Option<GUID>,
) -> Result<Vec<&NamespaceEntry>, WsaError> {
    let selected: Vec<_> = match provider {
        Some(id) => {
            let entry = catalog.provider(id).ok_or(WsaError::WSAEINVAL)?;
            Some(entry).filter(|entry| entry.active).into_iter().collect()
        }
        None => {
            let serves =
                |entry: &&NamespaceEntry| entry.active && (name_space == NS_ALL || entry.name_space == name_space);
            catalog.providers.iter().filter(serves).collect()
        }
    };
    if selected.is_empty() { Err(WsaError::WSASERVICE_NOT_FOUND) } else { Ok(selected) }
}

/// The same for a look-up of a name: in the name space of e-mail the domain decides the order, and unless answers without
/// authority are wanted, the first provider that knows the name ends it (NEXT-15).
///
/// # Errors
/// As [`select`].
pub(crate) fn select_for<'c>(
    catalog: &'c NamespaceCatalog,
    name_space: u32,
    provider: Option<GUID>,
    name: Option<&str>,
    flags: u32,
) -> Result<Selected<'c>, WsaError> {
    let mut providers = select(catalog, name_space, provider)?;
    if name_space != NS_EMAIL || provider.is_some() {
        return Ok(Selected { providers, first_answer_ends: false });
    }
    let domain = name.and_then(|name| name.rsplit_once('@')).map_or("", |(_, domain)| domain);
    providers.retain(|entry| Rank::of(entry, domain).is_some());
    providers.sort_by_key(|entry| Rank::of(entry, domain));
    match providers.is_empty() {
        true => Err(WsaError::WSASERVICE_NOT_FOUND),
        false => Ok(Selected { providers, first_answer_ends: flags & LUP_NON_AUTHORITATIVE == 0 }),
    }
}

/// What a provider is to a domain of e-mail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Primary,
    Secondary,
    Wildcard,
}

impl Rank {
    /// `None`: it has nothing to do with the domain. A provider that says nothing about domains serves all.
    fn of(entry: &NamespaceEntry, domain: &str) -> Option<Self> {
        let Some(blob) = entry.blob.as_deref() else { return Some(Self::Wildcard) };
        let Some(installation) = Installation::read(blob) else { return Some(Self::Wildcard) };
        let level =
            installation.domains.iter().find(|(name, _)| name.eq_ignore_ascii_case(domain)).map(|(_, level)| *level);
        match level {
            Some(level) if level == ProviderLevel_Primary => Some(Self::Primary),
            Some(level) if level == ProviderLevel_Secondary => Some(Self::Secondary),
            _ if installation.wildcard || installation.domains.is_empty() => Some(Self::Wildcard),
            _ => None,
        }
    }
}

/// `NAPI_PROVIDER_INSTALLATION_BLOB` (CAT-NS-6), as far as it says who serves which domain.
struct Installation {
    wildcard: bool,
    /// Each with its level.
    domains: Vec<(String, u32)>,
}

impl Installation {
    fn read(blob: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(blob.get(at..at.checked_add(4)?)?.try_into().ok()?));
        let (count, mut at) = (word(12)?.min(1 << 12), word(16)? as usize);
        let mut domains = Vec::new();
        for _ in 0..count {
            let (level, length, next, name) =
                (word(at)?, word(at + 4)? as usize, word(at + 8)? as usize, word(at + 12)? as usize);
            let units = blob.get(name..name.checked_add(length.checked_mul(2)?)?)?;
            let units: Vec<u16> = units.chunks_exact(2).map(|unit| u16::from_ne_bytes([unit[0], unit[1]])).collect();
            let text = String::from_utf16(&units).ok()?;
            domains.push((text.trim_end_matches('\0').to_owned(), level));
            at = next;
        }
        Some(Self { wildcard: word(8)? != 0, domains })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::{NS_DNS, NS_NLA};

    fn entry(id: u128, name_space: u32, active: bool) -> NamespaceEntry {
        NamespaceEntry {
            identifier: format!("provider {id}"),
            provider: GUID::from_u128(id),
            module: "m".into(),
            name_space,
            version: 1,
            active,
            stores_all_service_classes: false,
            blob: None,
        }
    }

    fn catalog() -> NamespaceCatalog {
        let providers =
            vec![entry(3, NS_NLA, true), entry(1, NS_DNS, true), entry(2, NS_DNS, false), entry(4, NS_DNS, true)];
        NamespaceCatalog { providers, ..NamespaceCatalog::empty() }
    }

    fn ids(selected: Result<Vec<&NamespaceEntry>, WsaError>) -> Result<Vec<u128>, WsaError> {
        selected.map(|entries| entries.iter().map(|entry| entry.provider.to_u128()).collect())
    }

    // proves: FAN-1, FAN-3, SET-4
    #[test]
    fn fan_1_a_name_space_or_all_or_one_provider() {
        let catalog = catalog();
        assert_eq!(ids(select(&catalog, NS_DNS, None)), Ok(vec![1, 4]));
        assert_eq!(ids(select(&catalog, NS_ALL, None)), Ok(vec![3, 1, 4]));
        assert_eq!(ids(select(&catalog, NS_NLA, Some(GUID::from_u128(4)))), Ok(vec![4]), "the name space is ignored");
    }

    // proves: FAN-2, FAN-9
    #[test]
    fn fan_2_nobody_is_not_found_and_an_unknown_id_is_invalid() {
        let catalog = catalog();
        assert_eq!(ids(select(&catalog, NS_EMAIL, None)), Err(WsaError::WSASERVICE_NOT_FOUND));
        assert_eq!(ids(select(&catalog, NS_ALL, Some(GUID::from_u128(2)))), Err(WsaError::WSASERVICE_NOT_FOUND));
        assert_eq!(ids(select(&catalog, NS_ALL, Some(GUID::from_u128(9)))), Err(WsaError::WSAEINVAL));
    }

    fn blob(wildcard: u32, domains: &[(&str, u32)]) -> Vec<u8> {
        let mut blob: Vec<u8> =
            [1, 1, wildcard, domains.len() as u32, 20].into_iter().flat_map(u32::to_ne_bytes).collect();
        for (name, level) in domains {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_ne_bytes).collect();
            let (at, length) = (blob.len() as u32, units.len() as u32);
            let next = (at + 16 + length).next_multiple_of(4);
            blob.extend([*level, length / 2, next, at + 16].into_iter().flat_map(u32::to_ne_bytes));
            blob.extend(units);
            blob.resize(next as usize, 0);
        }
        blob
    }

    #[test]
    fn next_15_an_e_mail_domain_has_a_primary_provider_then_secondaries_then_wildcards() {
        let with = |id, blob: Vec<u8>| NamespaceEntry { blob: Some(blob), ..entry(id, NS_EMAIL, true) };
        let providers = vec![
            with(1, blob(1, &[])),
            with(2, blob(0, &[("example.org", ProviderLevel_Secondary)])),
            with(3, blob(0, &[("example.com", ProviderLevel_Primary), ("Example.Org", ProviderLevel_Primary)])),
            with(4, blob(0, &[("example.com", ProviderLevel_Primary)])),
        ];
        let catalog = NamespaceCatalog { providers, ..NamespaceCatalog::empty() };
        let order = |name, flags| {
            let selected = select_for(&catalog, NS_EMAIL, None, Some(name), flags).unwrap();
            (ids(Ok(selected.providers)).unwrap(), selected.first_answer_ends)
        };
        assert_eq!(order("alice@example.org", 0), (vec![3, 2, 1], true));
        assert_eq!(order("bob@example.com", LUP_NON_AUTHORITATIVE), (vec![3, 4, 1], false));
        assert_eq!(order("carol@example.net", 0), (vec![1], true));
        let one = select_for(&catalog, NS_EMAIL, Some(GUID::from_u128(2)), Some("a@b.c"), 0).unwrap();
        assert_eq!((ids(Ok(one.providers)), one.first_answer_ends), (Ok(vec![2]), false));
    }

    #[test]
    fn cat_ns_6_a_blob_that_is_damaged_is_as_none() {
        let whole = blob(0, &[("example.org", ProviderLevel_Primary)]);
        for end in 0..whole.len() {
            let _ = Installation::read(&whole[..end]);
        }
        assert!(Installation::read(&whole[..30]).is_none());
        assert!(Installation::read(&[0xff; 64]).is_none());
    }
}
