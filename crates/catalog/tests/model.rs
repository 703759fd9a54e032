//! Entries and catalogs as values, as structures of the ABI, and as text.

mod common;

use common::{base, chain, guid, layer};
use proptest::prelude::*;
use windlass_abi::*;
use windlass_catalog::*;

fn any_text(max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>().prop_filter("no NUL", |c| *c != '\0'), 0..max)
        .prop_map(|chars| chars.into_iter().collect())
}

prop_compose! {
    fn any_entry()(
        (id, name, provider, module) in (1..u32::MAX - 1, any_text(100), any::<u128>(), "[^\0]{1,100}"),
        chain in prop_oneof![
            Just(ProtocolChain::Base),
            Just(ProtocolChain::Layer),
            prop::collection::hash_set(any::<u32>(), 2..=7).prop_map(|ids| ProtocolChain::Chain(ids.into_iter().collect())),
        ],
        (flags, reserved_flags, provider_flags, message_size, provider_reserved) in
            (any::<u32>(), any::<[u32; 3]>(), any::<u32>(), any::<u32>(), any::<u32>()),
        numbers in any::<[i32; 9]>(),
    ) -> ProtocolEntry {
        let [address_family, socket_type, protocol, offset, version, max, min, order, security] = numbers;
        ProtocolEntry {
            id, name, module, chain, reserved_flags, message_size, provider_reserved,
            address_family, socket_type, protocol, version,
            provider: GUID::from_u128(provider),
            protocol_max_offset: offset,
            max_sockaddr: max,
            min_sockaddr: min,
            byte_order: order,
            security_scheme: security,
            // The two exclude each other.
            service_flags: ServiceFlags::from_bits_retain(flags).difference(ServiceFlags::UNI_SEND),
            provider_flags: ProviderFlags::from_bits_retain(provider_flags),
        }
    }
}

prop_compose! {
    fn any_namespace()(
        (identifier, module) in (any_text(40), "[^\0]{1,80}"),
        (provider, name_space, version) in (any::<u128>(), 1..=u32::MAX, any::<u32>()),
        (active, stores_all_service_classes) in any::<(bool, bool)>(),
        blob in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
    ) -> NamespaceEntry {
        let provider = GUID::from_u128(provider);
        NamespaceEntry { identifier, module, provider, name_space, version, active, stores_all_service_classes, blob }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cat_pi_1_an_entry_survives_the_structure(entry in any_entry()) {
        // proves: CAT-PI-2, CAT-PI-4, CAT-PI-5
        let back = ProtocolEntry::from_info(&entry.info()).unwrap();
        prop_assert_eq!(&back.module, "");
        prop_assert_eq!(ProtocolEntry { module: entry.module.clone(), ..back }, entry);
    }

    #[test]
    fn cat_st_1_catalogs_survive_the_file(
        mut entries in prop::collection::vec(any_entry(), 0..5),
        applications in prop::collection::btree_map("[^\0]{1,20}", any::<u32>(), 0..4),
        providers in prop::collection::vec(any_namespace(), 0..5),
        serial in 0..1u64 << 62,
    ) {
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.provider);
        let provider_infos = entries.iter().map(|entry| ProviderInfo {
            provider: entry.provider,
            lsp_categories: LspCategories::from_bits_retain(entry.message_size),
        });
        let protocols = ProtocolCatalog {
            serial,
            next_entry_id: u32::MAX,
            provider_infos: provider_infos.collect(),
            applications: applications.into_iter().map(|(path, permitted)| ApplicationCategory {
                extra: (permitted % 2 == 0).then(|| path.clone()),
                path,
                permitted: LspCategories::from_bits_retain(permitted),
            }).collect(),
            entries,
        };
        let chains_may_be_impossible = !protocols.is_valid();
        let (read, problems) = ProtocolCatalog::parse(&protocols.render());
        prop_assert_eq!(read.is_none(), chains_may_be_impossible, "{:?}", problems);
        if let Some(read) = read {
            prop_assert_eq!(read, protocols);
        }
        let mut namespaces = NamespaceCatalog { serial, providers };
        namespaces.providers.sort_by_key(|entry| entry.provider);
        namespaces.providers.dedup_by_key(|entry| entry.provider);
        prop_assert_eq!(NamespaceCatalog::parse(&namespaces.render()), (Some(namespaces), vec![]));
    }

    #[test]
    fn cat_st_1_no_text_whatever_makes_the_reader_panic(text in "\\PC*", at in any::<prop::sample::Index>()) {
        let _ = ProtocolCatalog::parse(&text);
        let _ = NamespaceCatalog::parse(&text);
        let _ = Backup::parse(&text);
        // And a good one with something put into it.
        let mut good = builtin::protocols().render();
        let at = (0..=good.len()).rev().filter(|at| good.is_char_boundary(*at)).nth(at.index(good.len())).unwrap_or(0);
        good.insert_str(at, &text);
        if let (Some(catalog), _) = ProtocolCatalog::parse(&good) {
            prop_assert!(catalog.is_valid());
        }
    }
}

#[test]
fn cat_pi_5_chain_lengths_and_what_has_no_meaning() {
    let mut info = chain(9, &[8, 7]).info();
    assert_eq!((info.ProtocolChain.ChainLen, &info.ProtocolChain.ChainEntries[..3]), (2, &[8, 7, 0][..]));
    info.ProtocolChain.ChainEntries[2] = 99;
    assert_eq!(ProtocolEntry::from_info(&info).unwrap().chain, ProtocolChain::Chain(vec![8, 7]));
    for length in [-1, i32::MIN, 8, i32::MAX] {
        info.ProtocolChain.ChainLen = length;
        assert_eq!(ProtocolEntry::from_info(&info), Err(WsaError::WSAEINVAL), "length {length}");
    }
    for (length, kind) in [(0, ProtocolChain::Layer), (1, ProtocolChain::Base)] {
        info.ProtocolChain.ChainLen = length;
        assert_eq!(ProtocolEntry::from_info(&info).unwrap().chain, kind, "the ids are not looked at");
    }
}

#[test]
fn cat_pi_1_names_must_end_and_be_utf_16() {
    let mut info = base(1, 2, 1, 6).info();
    info.szProtocol = [u16::from(b'a'); 256];
    assert_eq!(ProtocolEntry::from_info(&info), Err(WsaError::WSAEINVAL), "no NUL");
    info.szProtocol[255] = 0;
    assert_eq!(ProtocolEntry::from_info(&info).unwrap().name.len(), 255);
    info.szProtocol[0] = 0xd800;
    assert_eq!(ProtocolEntry::from_info(&info), Err(WsaError::WSAEINVAL), "half a character");
}

#[test]
fn the_built_in_catalogs_are_valid_and_serve_tcp_and_udp() {
    let protocols = builtin::protocols();
    assert!(protocols.is_valid() && builtin::namespaces().is_valid());
    assert!(protocols.entries.iter().all(|entry| entry.id() < protocols.next_entry_id));
    let expected = [
        (AF_INET, SOCK_STREAM, IPPROTO_TCP, 16, 0x20066, 0),
        (AF_INET, SOCK_DGRAM, IPPROTO_UDP, 16, 0x20609, 65467),
        (AF_INET6, SOCK_STREAM, IPPROTO_TCP, 28, 0x20066, 0),
        (AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 28, 0x20609, 65467),
    ];
    for (entry, (family, socket_type, protocol, length, flags, message)) in protocols.entries.iter().zip(expected) {
        let info = entry.info();
        assert_eq!((info.iAddressFamily, info.iSocketType, info.iProtocol), (family, socket_type, protocol));
        assert_eq!((info.iMaxSockAddr, info.iMinSockAddr), (length, length));
        assert_eq!((info.dwServiceFlags1, info.dwMessageSize), (flags, message));
        assert_eq!((info.dwProviderFlags, info.ProtocolChain.ChainLen), (PFL_MATCHES_PROTOCOL_ZERO, 1));
        assert_eq!(builtin::linked_in(entry.module_path()), Some("tcpip"));
        assert_eq!(entry.provider_id(), builtin::TCPIP_PROVIDER_ID);
    }
}

/// The problems that a catalog file has after a change of its text.
#[track_caller]
fn wrong(catalog: &ProtocolCatalog, from: &str, to: &str) -> Vec<String> {
    let text = catalog.render();
    assert!(text.contains(from), "{text}");
    let (read, problems) = ProtocolCatalog::parse(&text.replacen(from, to, 1));
    assert_eq!(read.is_some(), problems.iter().all(|problem| problem.severity == Severity::Warning));
    problems.iter().map(Problem::to_string).collect()
}

#[track_caller]
fn assert_tells(problems: &[String], start: &str, part: &str) {
    let found = problems.iter().any(|problem| problem.starts_with(start) && problem.contains(part));
    assert!(found, "\"{start}… {part}\" is not in {problems:?}");
}

#[test]
fn cat_st_1_errors_say_what_where_and_why() {
    let catalog = builtin::protocols();
    for (from, to, start, part) in [
        ("format = 1", "format = 2", "the format is 2", "knows 1"),
        ("format = 1", "format = ", "line 2: ", ""),
        ("\"AF_INET\"", "\"AF_MARS\"", "line 12: ", "\"AF_MARS\" is not an address family known here"),
        ("\"AF_INET\"", "99999999999", "line 12: ", "does not fit"),
        ("\"base\"", "\"bass\"", "line 11: ", "list of entry ids"),
        ("id = 1001", "id = -1", "line 7: ", ""),
        ("\"CONNECTIONLESS\"", "\"CONNECTED\"", "line ", "\"CONNECTED\" is not a flag known here"),
        ("version = 2", "virsion = 2", "line 17: ", "virsion"),
        ("id = 1002", "id = 1001", "line 22: ", "entry 1001 is there twice"),
        ("id = 1002", "id = 0", "line 22: ", "cannot be 0"),
        ("id = 1002", "id = 4000", "line 22: ", "not below next_entry_id"),
        ("module = \"builtin:tcpip\"", "module = \"\"", "line 6: ", "module path is empty"),
        ("module = \"builtin:tcpip\"", "module = \"/a\"", "line 22: ", "already has the module /a"),
        ("\"EXPEDITED_DATA\"", "\"UNI_SEND\", \"UNI_RECV\"", "line 6: ", "exclude each other"),
        ("serial = 0", "serial = 9223372036854775807", "serial 9223372036854775807", "too large"),
        ("chain = \"base\"", "chain = [1, 2, 3, 4, 5, 6, 7, 8]", "line 6: ", "8 parts"),
        ("min_sockaddr = 16", "min_sockaddr = 17", "line 6: ", "min_sockaddr"),
    ] {
        assert_tells(&wrong(&catalog, from, to), start, part);
    }
}

#[test]
fn cat_st_1_deep_nesting_is_refused_not_followed() {
    for nest in ["[", "{a=", "a.", "[[a."] {
        let text = format!("format = 1\nserial = {}", nest.repeat(200_000));
        assert!(ProtocolCatalog::parse(&text).0.is_none());
    }
}

#[test]
fn cat_pi_3_one_direction_only() {
    let one = |flags| ProtocolEntry { service_flags: flags, ..base(0, 2, 1, 6) };
    let mut catalog = ProtocolCatalog::empty();
    for (number, flags) in [(1, ServiceFlags::UNI_SEND), (2, ServiceFlags::UNI_RECV)] {
        catalog.install(guid(number), "/a", &[one(flags)]).unwrap();
    }
    let both = one(ServiceFlags::UNI_SEND | ServiceFlags::UNI_RECV);
    assert_eq!(catalog.install(guid(3), "/a", &[both]), Err(WsaError::WSAEINVAL));
}

#[test]
fn cat_pi_6_impossible_chains_are_told() {
    // proves: WSC-DEL-3
    let mut catalog = ProtocolCatalog::empty();
    catalog.next_entry_id = 100;
    catalog.entries = vec![base(1, 2, 1, 6), layer(2), layer(3), chain(9, &[2, 1])];
    catalog.entries[3].module = common::module(2);
    assert_eq!(ProtocolCatalog::parse(&catalog.render()), (Some(catalog.clone()), vec![]));
    for (parts, told) in [
        ("[2, 2, 1]", "has entry 2 twice"),
        ("[2, 3]", "ends with entry 3, which is not a base"),
        ("[1, 1]", "above its base, which is not a layer"),
        ("[2, 9, 1]", "above its base, which is not a layer"),
        ("[2]", "1 parts"),
        ("[2, 50, 1]", "cannot be used: entry 50 is not installed"),
        ("[3, 1]", "not that of its top layer"),
    ] {
        assert_tells(&wrong(&catalog, "[2, 1]", parts), "line ", told);
    }
}

#[test]
fn cat_ns_5_one_name_space_each_and_no_id_twice() {
    let text = |first: &str| {
        format!(
            "format = 1\nserial = 3\n[[provider]]\n{first}\nmodule = \"/a\"\nidentifier = \"a\"\n[[provider]]\n\
             provider = \"00000000-0000-0000-0000-000000000001\"\nmodule = \"/a\"\nidentifier = \"b\"\nname_space = 12\n"
        )
    };
    let problems = |first: &str| {
        let (_, problems) = NamespaceCatalog::parse(&text(first));
        problems.iter().map(Problem::to_string).collect::<Vec<_>>()
    };
    let (two, one) = ("00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000001");
    let (read, none) = NamespaceCatalog::parse(&text(&format!("provider = \"{two}\"\nname_space = 1")));
    assert_eq!(none, []);
    assert!(read.unwrap().providers.iter().all(|entry| entry.active), "active unless the file says otherwise");
    assert_tells(&problems(&format!("provider = \"{two}\"\nname_space = 0")), "line 3: ", "NS_ALL");
    assert_tells(&problems(&format!("provider = \"{one}\"\nname_space = 1")), "line 8: ", "there twice");
    assert_tells(&problems("provider = \"1\"\nname_space = 1"), "line 4: ", "not a GUID");
    assert_tells(
        &problems(&format!("provider = \"{two}\"\nname_space = 1\nblob = \"abc\"")),
        "line 6: ",
        "hexadecimal",
    );
}
