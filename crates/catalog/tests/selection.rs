//! Which entry serves a socket, against a reference written as the contract words it.

mod common;

use common::{base, chain, layer};
use proptest::prelude::*;
use windlass_abi::*;
use windlass_catalog::*;

const ALL: ApplicationFilter = ApplicationFilter::All;

fn wanted(family: i32, socket_type: i32, protocol: i32) -> Criteria {
    Criteria { family, socket_type, protocol }
}

fn chosen(catalog: &ProtocolCatalog, family: i32, socket_type: i32, protocol: i32) -> Result<u32, WsaError> {
    select(catalog, wanted(family, socket_type, protocol), ALL).map(|entry| entry.id)
}

/// Base entries 1, 2 …, as (family, type, protocol, offset, flags).
fn bases(rows: &[(i32, i32, i32, i32, ProviderFlags)]) -> ProtocolCatalog {
    let mut catalog = ProtocolCatalog::empty();
    for (at, (family, socket_type, protocol, offset, flags)) in rows.iter().copied().enumerate() {
        let mut entry = base(at as u32 + 1, family, socket_type, protocol);
        entry.protocol_max_offset = offset;
        entry.provider_flags = flags;
        catalog.entries.push(entry);
    }
    catalog
}

const NONE: ProviderFlags = ProviderFlags::empty();
const ZERO: ProviderFlags = ProviderFlags::MATCHES_PROTOCOL_ZERO;

#[test]
fn sel_1_an_id_is_taken_without_any_matching() {
    let catalog = bases(&[(2, 1, 6, 0, NONE), (23, 5, 99, 0, NONE)]);
    assert_eq!(select_by_id(&catalog, 2, ALL).unwrap().id, 2);
}

#[test]
fn sel_2_an_unknown_id_or_a_layer_is_invalid() {
    let mut catalog = bases(&[(2, 1, 6, 0, NONE)]);
    catalog.entries.push(layer(2));
    for id in [0, 2, 3, u32::MAX] {
        assert_eq!(select_by_id(&catalog, id, ALL).map(|entry| entry.id), Err(WsaError::WSAEINVAL));
    }
}

#[test]
fn sel_3_the_first_match_in_catalog_order_wins_hidden_or_not() {
    // proves: WSC-ORD-2
    let mut catalog = bases(&[(2, 1, 6, 0, ProviderFlags::HIDDEN), (2, 1, 6, 0, NONE)]);
    assert_eq!(chosen(&catalog, 2, 1, 6), Ok(1));
    catalog.entries.swap(0, 1);
    assert_eq!(chosen(&catalog, 2, 1, 6), Ok(2));
}

#[test]
fn sel_3_layers_never_match_nor_change_the_error() {
    let mut catalog = ProtocolCatalog::empty();
    catalog.entries.push(ProtocolEntry { address_family: 2, socket_type: 1, protocol: 6, ..layer(1) });
    assert_eq!(chosen(&catalog, 2, 1, 6), Err(WsaError::WSAEAFNOSUPPORT));
}

#[test]
fn sel_4_zero_stands_for_any_family_and_any_type() {
    let catalog = builtin::protocols();
    assert_eq!(chosen(&catalog, 0, SOCK_DGRAM, 0), Ok(builtin::UDP_IPV4_ID));
    assert_eq!(chosen(&catalog, AF_INET6, 0, IPPROTO_UDP), Ok(builtin::UDP_IPV6_ID));
    assert_eq!(chosen(&catalog, 0, 0, IPPROTO_TCP), Ok(builtin::TCP_IPV4_ID));
}

#[test]
fn sel_5_protocol_ranges_and_protocol_zero() {
    // proves: CAT-PI-9
    let catalog = bases(&[(2, 1, 6, 0, NONE), (2, 1, 17, 2, ZERO), (2, 3, 0, 255, NONE)]);
    assert_eq!(chosen(&catalog, 2, 1, 0), Ok(2), "only the second says it matches zero");
    for protocol in 17..=19 {
        assert_eq!(chosen(&catalog, 2, 1, protocol), Ok(2));
    }
    assert_eq!(chosen(&catalog, 2, 1, 20), Err(WsaError::WSAEPROTONOSUPPORT));
    for protocol in [0, 1, 255] {
        assert_eq!(chosen(&catalog, 2, 3, protocol), Ok(3), "raw protocol {protocol}");
    }
    assert_eq!(chosen(&catalog, 2, 3, 256), Err(WsaError::WSAEPROTONOSUPPORT));
}

#[test]
fn sel_6_a_negative_offset_counts_downwards() {
    let catalog = bases(&[(17, 5, -2, -3, NONE), (17, 5, i32::MIN, -5, NONE), (17, 5, i32::MAX, 5, NONE)]);
    for protocol in -5..=-2 {
        assert_eq!(chosen(&catalog, 17, 5, protocol), Ok(1));
    }
    for protocol in [-6, -1, 1] {
        assert_eq!(chosen(&catalog, 17, 5, protocol), Err(WsaError::WSAEPROTONOSUPPORT));
    }
    assert_eq!(chosen(&catalog, 17, 5, i32::MIN), Ok(2), "a range past the edge does not wrap round");
    assert_eq!(chosen(&catalog, 17, 5, i32::MAX), Ok(3));
}

#[test]
fn sel_7_asking_for_nothing_is_invalid() {
    assert_eq!(chosen(&builtin::protocols(), 0, 0, 0), Err(WsaError::WSAEINVAL));
}

#[test]
fn sel_8_the_examples_of_the_contract() {
    let catalog = builtin::protocols();
    for ((family, socket_type, protocol), code) in [
        ((AF_INET, SOCK_STREAM, IPPROTO_UDP), 10043),
        ((AF_INET, SOCK_DGRAM, IPPROTO_TCP), 10043),
        ((AF_INET, 0xdead, 0), 10044),
        ((0xdead, SOCK_STREAM, IPPROTO_TCP), 10047),
    ] {
        assert_eq!(chosen(&catalog, family, socket_type, protocol).unwrap_err().code(), code);
    }
}

#[test]
fn sel_8_the_error_does_not_depend_on_the_order() {
    let mut catalog = bases(&[(2, 1, 6, 0, NONE), (2, 2, 17, 0, NONE)]);
    for _ in 0..2 {
        assert_eq!(chosen(&catalog, 2, 1, 99), Err(WsaError::WSAEPROTONOSUPPORT));
        assert_eq!(chosen(&catalog, 2, 2, 99), Err(WsaError::WSAEPROTONOSUPPORT));
        assert_eq!(chosen(&catalog, 2, 3, 99), Err(WsaError::WSAESOCKTNOSUPPORT));
        catalog.entries.swap(0, 1);
    }
}

#[test]
fn sel_9_a_chain_serves_only_programs_that_permit_all_its_layers() {
    // proves: LSPCAT-2, LSPCAT-6
    let mut catalog = ProtocolCatalog::empty();
    catalog.entries = vec![chain(10, &[2, 3, 1]), chain(11, &[2, 1]), layer(2), layer(3), base(1, 2, 1, 6)];
    for (id, lsp_categories) in [(2, LspCategories::FIREWALL), (3, LspCategories::PROXY)] {
        catalog.provider_infos.push(ProviderInfo { provider: layer(id).provider, lsp_categories });
    }
    let serving = |filter| select(&catalog, wanted(2, 1, 6), filter).unwrap().id;
    assert_eq!(serving(ALL), 10);
    assert_eq!(serving(ApplicationFilter::Permitted(LspCategories::FIREWALL | LspCategories::PROXY)), 10);
    assert_eq!(serving(ApplicationFilter::Permitted(LspCategories::FIREWALL)), 11);
    assert_eq!(serving(ApplicationFilter::Permitted(LspCategories::PROXY)), 1);
    assert_eq!(serving(ApplicationFilter::Permitted(LspCategories::empty())), 1);
    let by_id = |filter| select_by_id(&catalog, 10, filter).map(|entry| entry.id);
    assert_eq!(by_id(ALL), Ok(10));
    assert_eq!(by_id(ApplicationFilter::Permitted(LspCategories::FIREWALL)), Err(WsaError::WSAEINVAL));
}

#[test]
fn wsc_del_3_a_chain_with_a_missing_part_is_skipped() {
    let mut catalog = ProtocolCatalog::empty();
    catalog.entries = vec![chain(10, &[2, 1]), base(1, 2, 1, 6)];
    assert_eq!(chosen(&catalog, 2, 1, 6), Ok(1));
    assert_eq!(select_by_id(&catalog, 10, ALL).map(|entry| entry.id), Err(WsaError::WSAEINVAL));
    catalog.entries.push(layer(2));
    assert_eq!(chosen(&catalog, 2, 1, 6), Ok(10));
    catalog.entries.retain(|entry| entry.id != 1);
    assert_eq!(chosen(&catalog, 2, 1, 6), Err(WsaError::WSAEAFNOSUPPORT));
}

#[test]
fn wep_1_programs_see_bases_and_chains_that_are_not_hidden() {
    // proves: WEP-2, WEP-4, WSC-ENUM-1, WSC-ENUM-2
    let mut catalog = bases(&[(2, 1, 6, 0, NONE), (2, 2, 17, 0, ProviderFlags::HIDDEN), (2, 3, 0, 255, NONE)]);
    catalog.entries.insert(0, chain(9, &[8, 1]));
    catalog.entries.push(layer(8));
    let ids = |list: Vec<&ProtocolEntry>| list.iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(ids(enum_protocols(&catalog, None).collect()), [9, 1, 3]);
    assert_eq!(ids(enum_all_protocols(&catalog, None).collect()), [9, 1, 2, 3, 8]);
    assert_eq!(ids(enum_protocols(&catalog, Some(&[17])).collect()), [3], "17 is in the raw range; UDP is hidden");
    assert_eq!(ids(enum_all_protocols(&catalog, Some(&[17, 300])).collect()), [2, 3]);
    assert_eq!(ids(enum_protocols(&catalog, Some(&[])).collect()), [] as [u32; 0]);
}

/// The words of SEL-3 to SEL-9, one after the other.
fn reference(catalog: &ProtocolCatalog, wanted: Criteria, filter: ApplicationFilter) -> Result<u32, WsaError> {
    let Criteria { family, socket_type, protocol } = wanted;
    if family == 0 && socket_type == 0 && protocol == 0 {
        return Err(WsaError::WSAEINVAL);
    }
    let part = |id: &u32| catalog.entries.iter().find(|entry| entry.id == *id);
    let may_load = |provider| match filter {
        ApplicationFilter::All => true,
        ApplicationFilter::Permitted(application) => {
            let info = catalog.provider_infos.iter().find(|info| info.provider == provider);
            let (layer, application) = (info.map_or(0, |info| info.lsp_categories.bits()), application.bits());
            layer & application != 0
                && layer & !application == 0
                && (application & LSP_SYSTEM == 0 || layer & LSP_SYSTEM != 0)
        }
    };
    let candidate = |entry: &&ProtocolEntry| match &entry.chain {
        ProtocolChain::Layer => false,
        ProtocolChain::Base => true,
        ProtocolChain::Chain(ids) => {
            let (base, layers) = ids.split_last().unwrap();
            part(base).is_some_and(|base| base.chain == ProtocolChain::Base)
                && layers.iter().all(|id| {
                    part(id).is_some_and(|layer| layer.chain == ProtocolChain::Layer && may_load(layer.provider))
                })
        }
    };
    let mut left: Vec<_> = catalog.entries.iter().filter(candidate).collect();
    left.retain(|entry| family == 0 || entry.address_family == family);
    if left.is_empty() {
        return Err(WsaError::WSAEAFNOSUPPORT);
    }
    left.retain(|entry| socket_type == 0 || entry.socket_type == socket_type);
    if left.is_empty() {
        return Err(WsaError::WSAESOCKTNOSUPPORT);
    }
    left.retain(|entry| {
        if protocol == 0 {
            return entry.provider_flags.bits() & PFL_MATCHES_PROTOCOL_ZERO != 0 || entry.protocol == 0;
        }
        let step = entry.protocol_max_offset.signum();
        (0..=entry.protocol_max_offset.abs()).any(|n| entry.protocol + n * step == protocol)
    });
    left.first().map(|entry| entry.id).ok_or(WsaError::WSAEPROTONOSUPPORT)
}

fn categories() -> impl Strategy<Value = LspCategories> {
    (0u32..8, any::<bool>())
        .prop_map(|(low, system)| LspCategories::from_bits_retain(low | if system { LSP_SYSTEM } else { 0 }))
}

prop_compose! {
    fn any_catalog()(
        rows in prop::collection::vec(
            (0..4u8, prop::collection::vec(1..13u32, 2..5), 1..4i32, 1..4i32, -3..6i32, -3..4i32, 0..16u32), 0..12),
        infos in prop::collection::vec(categories(), 12),
    ) -> ProtocolCatalog {
        let mut catalog = ProtocolCatalog::empty();
        for (at, (kind, parts, family, socket_type, protocol, offset, flags)) in rows.into_iter().enumerate() {
            let mut entry = base(at as u32 + 1, family, socket_type, protocol);
            entry.chain = match kind {
                0 => ProtocolChain::Layer,
                1 => ProtocolChain::Chain(parts),
                _ => ProtocolChain::Base,
            };
            entry.protocol_max_offset = offset;
            entry.provider_flags = ProviderFlags::from_bits_retain(flags);
            catalog.provider_infos.push(ProviderInfo { provider: entry.provider, lsp_categories: infos[at] });
            catalog.entries.push(entry);
        }
        catalog
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    // proves: SEL-3, SEL-4, SEL-5, SEL-6, SEL-7, SEL-8, SEL-9
    #[test]
    fn sel_all_as_the_reference_says(
        catalog in any_catalog(),
        (family, socket_type, protocol) in (0..5i32, 0..5i32, -6..9i32),
        permitted in prop::option::of(categories()),
    ) {
        let filter = permitted.map_or(ALL, ApplicationFilter::Permitted);
        let request = wanted(family, socket_type, protocol);
        let found = select(&catalog, request, filter).map(|entry| entry.id);
        prop_assert_eq!(found, reference(&catalog, request, filter));
    }
}
