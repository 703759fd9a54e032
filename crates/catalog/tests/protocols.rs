//! The operations on the protocol catalog (contract: catalog, section 3).

mod common;

use common::{base, guid, layer, module};
use proptest::prelude::*;
use windlass_abi::*;
use windlass_catalog::*;

const FREE: LspCategories = LspCategories::empty();

fn ids(catalog: &ProtocolCatalog) -> Vec<u32> {
    catalog.entries.iter().map(|entry| entry.id).collect()
}

fn chain_of(parts: &[u32]) -> ProtocolEntry {
    common::chain(0, parts)
}

/// An operation that must fail with a code and change nothing.
#[track_caller]
fn refuses<R: std::fmt::Debug + PartialEq>(
    catalog: &ProtocolCatalog,
    code: WsaError,
    operation: impl FnOnce(&mut ProtocolCatalog) -> Result<R, WsaError>,
) {
    let mut after = catalog.clone();
    assert_eq!(operation(&mut after), Err(code));
    assert_eq!(after, *catalog);
}

fn random() -> impl FnMut() -> Result<GUID, WsaError> {
    random_guid
}

#[test]
fn wsc_inst_1_bases_layers_and_chains_install() {
    // proves: WSC-INST-2, WSC-INST-3, CAT-PI-7
    let mut catalog = builtin::protocols();
    let before = catalog.entries.clone();
    let list = [ProtocolEntry { id: 7, provider: guid(9), ..base(7, 2, 1, 6) }, base(7, 2, 3, 0)];
    catalog.install(guid(1), "%ROOT%/a.so", &list).unwrap();
    catalog.install(guid(2), "/b", &[layer(0)]).unwrap();
    catalog.install(guid(3), "/b", &[chain_of(&[1007, 1001])]).unwrap();
    assert_eq!(catalog.entries[..4], before, "what was there stays in front");
    assert_eq!(ids(&catalog)[4..], [1005, 1006, 1007, 1008]);
    let providers: Vec<_> = catalog.entries[4..].iter().map(ProtocolEntry::provider_id).collect();
    assert_eq!(providers, [guid(1), guid(1), guid(2), guid(3)]);
    assert_eq!(catalog.provider_path(guid(1)), Ok("%ROOT%/a.so"), "unexpanded");
}

#[test]
fn wsc_inst_4_bad_arguments() {
    // proves: WSC-INST-6, CAT-PI-3
    let catalog = builtin::protocols();
    let good = base(0, 2, 1, 6);
    let longest = "a".repeat(259);
    assert_eq!(catalog.clone().install(guid(1), &longest, std::slice::from_ref(&good)), Ok(()));
    for path in ["", "a\0b", &"a".repeat(260), &"é".repeat(260), &"𝄞".repeat(130)] {
        refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.install(guid(1), path, std::slice::from_ref(&good)));
    }
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.install(guid(1), "/a", &[]));
    let long_name = ProtocolEntry { name: "n".repeat(256), ..good.clone() };
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.install(guid(1), "/a", &[long_name]));
}

#[test]
fn wsc_inst_5_a_provider_installs_once() {
    let catalog = builtin::protocols();
    let again = |catalog: &mut ProtocolCatalog| catalog.install(builtin::TCPIP_PROVIDER_ID, "/a", &[base(0, 2, 1, 6)]);
    refuses(&catalog, WsaError::WSANO_RECOVERY, again);
}

#[test]
fn wsc_inst_7_chains_must_be_possible() {
    // proves: CAT-PI-5, CAT-PI-6, CAT-ST-9
    let mut catalog = builtin::protocols();
    for number in 1..=7 {
        catalog.install(guid(number), &module(number), &[layer(0)]).unwrap();
    }
    for parts in [
        &[1005, 999][..],
        &[999, 1001],
        &[1005, 1006],
        &[1001, 1002],
        &[1005, 1005, 1001],
        &[1005, 1001, 1002],
        &[1001],
        &[],
        &[1005, 1006, 1007, 1008, 1009, 1010, 1011, 1001],
        &[1005, 1012],
    ] {
        // The bad one comes third: nothing of the list may stay.
        let list = [base(0, 2, 1, 6), chain_of(&[1005, 1001]), chain_of(parts)];
        refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.install(guid(20), "/a", &list));
    }
    let longest = chain_of(&[1005, 1006, 1007, 1008, 1009, 1010, 1001]);
    assert_eq!(catalog.install(guid(20), "/a", &[longest]), Ok(()));
}

#[test]
fn cat_st_5_ids_are_never_used_again() {
    let mut catalog = builtin::protocols();
    for round in 0..3 {
        catalog.install(guid(1), "/a", &[base(0, 2, 1, 6)]).unwrap();
        assert_eq!(ids(&catalog)[4..], [1005 + round]);
        catalog.deinstall(guid(1)).unwrap();
    }
    catalog.next_entry_id = u32::MAX;
    refuses(&catalog, WsaError::WSANO_RECOVERY, |catalog| catalog.install(guid(1), "/a", &[base(0, 2, 1, 6)]));
}

#[test]
fn wsc_chain_1_a_hidden_layer_at_the_end_and_its_chains_in_front() {
    // proves: WSC-CHAIN-2, WSC-CHAIN-4, CAT-PI-8
    let mut catalog = builtin::protocols();
    catalog.install(guid(1), "/twin", &[base(0, AF_INET, SOCK_STREAM, IPPROTO_TCP)]).unwrap();
    let id = catalog.install_and_chains(guid(2), "/layer", "Layer", ServiceFlags::empty(), None, random()).unwrap();
    assert_eq!(id, 1006);
    let layer = catalog.entries.last().unwrap();
    assert_eq!((layer.id, layer.is_layer(), layer.is_hidden()), (id, true, true));
    assert_eq!((&*layer.name, layer.provider, layer.service_flags), ("Layer", guid(2), ServiceFlags::empty()));
    let chains: Vec<_> = catalog.entries.iter().take_while(|entry| entry.is_chain()).collect();
    let parts: Vec<_> = chains.iter().map(|chain| chain.chain.ids().to_vec()).collect();
    assert_eq!(parts, [[id, 1001], [id, 1002], [id, 1003], [id, 1004]], "the twin would never be reached");
    for chain in &chains {
        let below = catalog.entry(chain.chain.ids()[1]).unwrap();
        assert_eq!(chain.module_path(), "/layer");
        assert_eq!(chain.service_flags, below.service_flags.difference(ServiceFlags::IFS_HANDLES));
        assert_eq!(chain.provider_flags, ProviderFlags::MATCHES_PROTOCOL_ZERO);
        assert_eq!((chain.socket_type, chain.message_size), (below.socket_type, below.message_size));
        assert_eq!(chain.name, format!("Layer over [{}]", below.name));
    }
    let mut providers: Vec<_> = chains.iter().map(|chain| chain.provider).collect();
    providers.sort();
    providers.dedup();
    assert_eq!(providers.len(), 4, "each chain has a provider id of its own");
    assert!(!providers.contains(&guid(2)));
    let wanted = Criteria { family: AF_INET, socket_type: SOCK_DGRAM, protocol: 0 };
    assert_eq!(select(&catalog, wanted, ApplicationFilter::All).unwrap().chain.ids(), [id, 1002]);
}

fn triple(family: i32, socket_type: i32, protocol: i32) -> ProtocolTriple {
    ProtocolTriple { family, socket_type, protocol }
}

const TCP: ProtocolTriple = ProtocolTriple { family: AF_INET, socket_type: SOCK_STREAM, protocol: IPPROTO_TCP };

fn stack(catalog: &mut ProtocolCatalog, number: u32) -> Result<u32, WsaError> {
    let name = format!("layer {number}");
    catalog.install_and_chains(guid(number), &module(number), &name, ServiceFlags::IFS_HANDLES, Some(&[TCP]), random())
}

#[test]
fn wsc_chain_3_layers_stack_up_to_seven_parts() {
    // proves: WSC-CHAIN-2
    let mut catalog = builtin::protocols();
    let mut expected = vec![builtin::TCP_IPV4_ID];
    for number in 1..=6 {
        let id = stack(&mut catalog, number).unwrap();
        expected.insert(0, id);
        assert_eq!(catalog.entries[0].chain.ids(), expected);
        assert!(catalog.entries[0].service_flags.contains(ServiceFlags::IFS_HANDLES));
    }
    assert_eq!(expected.len(), MAX_PROTOCOL_CHAIN);
    refuses(&catalog, WsaError::WSANO_RECOVERY, |catalog| stack(catalog, 7));
    // Without a list the chain is over the base.
    catalog.install_and_chains(guid(8), "/a", "a", ServiceFlags::empty(), None, random()).unwrap();
    assert_eq!(catalog.entries[0].chain.len(), 2);
    // A chain that lost a part is no longer what serves.
    catalog.deinstall(guid(8)).unwrap();
    catalog.deinstall(guid(6)).unwrap();
    let id = stack(&mut catalog, 9).unwrap();
    assert_eq!(catalog.entries[0].chain.ids(), [&[id], &expected[1..]].concat());
}

#[test]
fn wsc_chain_2_a_list_is_looked_at_once_for_each_kind() {
    let mut catalog = builtin::protocols();
    let udp6 = triple(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    let list = [udp6, TCP, udp6, TCP];
    catalog.install_and_chains(guid(1), "/a", "a", ServiceFlags::empty(), Some(&list), random()).unwrap();
    let parts: Vec<_> = catalog.entries.iter().take(3).map(|entry| entry.chain.ids().to_vec()).collect();
    assert_eq!(parts, [vec![1005, builtin::UDP_IPV6_ID], vec![1005, builtin::TCP_IPV4_ID], vec![]]);
}

#[test]
fn wsc_chain_5_bad_arguments() {
    let mut catalog = builtin::protocols();
    stack(&mut catalog, 1).unwrap();
    let try_it = |path: &str, name: &str, flags: ServiceFlags, list: Option<&[ProtocolTriple]>, id: GUID| {
        let mut after = catalog.clone();
        let result = after.install_and_chains(id, path, name, flags, list, random());
        assert!(result.is_ok() || after == catalog);
        result
    };
    let none = ServiceFlags::empty();
    assert!(try_it("/a", "a", none, Some(&[TCP]), guid(2)).is_ok());
    assert!(try_it("/a", &"n".repeat(255), none, None, guid(2)).is_ok());
    let invalid = Err(WsaError::WSAEINVAL);
    assert_eq!(try_it("", "a", none, None, guid(2)), invalid);
    assert_eq!(try_it(&"a".repeat(260), "a", none, None, guid(2)), invalid);
    assert_eq!(try_it("/a", "", none, None, guid(2)), invalid);
    assert_eq!(try_it("/a", &"n".repeat(256), none, None, guid(2)), invalid);
    assert_eq!(try_it("/a", "a", ServiceFlags::CONNECTIONLESS, None, guid(2)), invalid);
    assert_eq!(try_it("/a", "a", none, Some(&[]), guid(2)), invalid);
    assert_eq!(try_it("/a", "a", none, None, guid(1)), invalid, "the provider is there");
    assert_eq!(try_it("/a", "layer 1", none, None, guid(2)), invalid, "the name is there");
    assert_eq!(try_it("/a", "a", none, Some(&[TCP, triple(2, 9, 9)]), guid(2)), invalid, "nothing serves it");
    let mut empty = ProtocolCatalog::empty();
    let result = empty.install_and_chains(guid(2), "/a", "a", none, None, random());
    assert_eq!(result, Err(WsaError::WSANO_RECOVERY), "there is no base");
    assert_eq!(empty, ProtocolCatalog::empty());
}

#[test]
fn wsc_del_1_all_entries_of_a_provider_go_and_chains_stay_behind() {
    // proves: WSC-DEL-3
    let mut catalog = builtin::protocols();
    stack(&mut catalog, 1).unwrap();
    catalog.set_layer_categories(guid(1), LspCategories::PROXY).unwrap();
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.deinstall(guid(99)));
    let chain = catalog.entries[0].clone();
    catalog.deinstall(guid(1)).unwrap();
    assert_eq!(catalog.entries[0], chain);
    assert_eq!(catalog.entries_of(guid(1)).count(), 0);
    assert_eq!(catalog.provider_infos, []);
    assert!(catalog.is_valid() && catalog.layers_of(&chain).is_none());
    let wanted = Criteria { family: AF_INET, socket_type: SOCK_STREAM, protocol: 0 };
    assert_eq!(select(&catalog, wanted, ApplicationFilter::All).unwrap().id(), builtin::TCP_IPV4_ID);
}

#[test]
fn removing_refuses_while_a_chain_refers_or_cascades() {
    let mut catalog = builtin::protocols();
    let layer = stack(&mut catalog, 1).unwrap();
    let chain = catalog.entries[0].id();
    let before = catalog.clone();
    let in_use = Err(RemoveError::InUse(vec![chain]));
    assert_eq!(catalog.remove_entries(&[layer], Dependents::Refuse), in_use);
    assert_eq!(catalog.remove_provider(guid(1), Dependents::Refuse), in_use);
    assert_eq!(catalog.remove_entries(&[builtin::TCP_IPV4_ID], Dependents::Refuse), in_use);
    assert_eq!(catalog.remove_entries(&[chain, 5], Dependents::Cascade), Err(RemoveError::NoEntry(5)));
    assert_eq!(catalog.remove_provider(guid(5), Dependents::Cascade), Err(RemoveError::NoProvider(guid(5))));
    assert_eq!(catalog, before);
    assert!(catalog.clone().remove_entries(&[layer, chain], Dependents::Refuse).is_ok(), "both are named");
    let removed = catalog.remove_provider(guid(1), Dependents::Cascade).unwrap();
    assert_eq!(removed.iter().map(ProtocolEntry::id).collect::<Vec<_>>(), [chain, layer]);
    assert_eq!(catalog.entries, builtin::protocols().entries);
}

#[test]
fn wsc_upd_1_path_and_descriptions_by_id() {
    let mut catalog = builtin::protocols();
    catalog.install(guid(1), "/old", &[base(0, 2, 1, 6), base(0, 2, 2, 17)]).unwrap();
    let [first, second] = [1005, 1006];
    let renamed = ProtocolEntry { id: second, name: "renamed".into(), provider: guid(77), ..base(0, 2, 2, 18) };
    catalog.update(guid(1), Some("/new"), std::slice::from_ref(&renamed)).unwrap();
    let entry = catalog.entry(second).unwrap();
    assert_eq!((&*entry.name, entry.protocol, entry.provider), ("renamed", 18, guid(1)));
    assert!(catalog.entries_of(guid(1)).all(|entry| entry.module_path() == "/new"));
    catalog.update(guid(1), None, &[ProtocolEntry { id: first, ..renamed.clone() }]).unwrap();
    assert_eq!(catalog.entry(first).unwrap().module_path(), "/new");

    let invalid = WsaError::WSAEINVAL;
    refuses(&catalog, invalid, |catalog| catalog.update(guid(9), Some("/x"), &[]));
    refuses(&catalog, invalid, |catalog| catalog.update(guid(1), Some(""), &[]));
    let not_its_own = ProtocolEntry { id: 1001, ..renamed.clone() };
    refuses(&catalog, invalid, |catalog| catalog.update(guid(1), Some("/x"), &[renamed.clone(), not_its_own]));
    refuses(&catalog, invalid, |catalog| catalog.update(guid(1), Some("/x"), &[renamed.clone(), renamed.clone()]));
    let impossible = ProtocolEntry { id: first, ..chain_of(&[5, 6]) };
    refuses(&catalog, invalid, |catalog| catalog.update(guid(1), None, &[impossible]));
}

#[test]
fn wsc_upd_1_what_chains_rest_on_stays_what_it_is() {
    // proves: CAT-PI-8
    let mut catalog = builtin::protocols();
    let id = stack(&mut catalog, 1).unwrap();
    let base = ProtocolEntry { id, ..base(0, 2, 1, 6) };
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.update(guid(1), None, &[base]));
    catalog.update(guid(1), Some("/moved"), &[]).unwrap();
    assert_eq!(catalog.entries[0].module_path(), "/moved", "the chain has the module of its top layer");
    assert_eq!(catalog.entries[1].module_path(), builtin::TCPIP_MODULE);
}

#[test]
fn wsc_path_1_unknown_providers_are_invalid() {
    assert_eq!(builtin::protocols().provider_path(guid(9)), Err(WsaError::WSAEINVAL));
    assert_eq!(builtin::protocols().provider_path(builtin::TCPIP_PROVIDER_ID), Ok("builtin:tcpip"));
}

#[test]
fn wsc_ord_1_only_a_permutation_orders() {
    let mut catalog = builtin::protocols();
    for ids in [
        &[1004, 1003, 1002][..],
        &[1004, 1003, 1002, 1002],
        &[1004, 1003, 1002, 9],
        &[1001, 1002, 1003, 1004, 1004],
        &[],
    ] {
        refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.write_order(ids));
    }
    catalog.write_order(&[1004, 1003, 1002, 1001]).unwrap();
    assert_eq!(ids(&catalog), [1004, 1003, 1002, 1001]);
}

#[test]
fn wsc_info_1_categories_belong_to_layers() {
    // proves: WSC-INFO-2
    let mut catalog = builtin::protocols();
    stack(&mut catalog, 1).unwrap();
    assert_eq!(catalog.layer_categories(guid(1)), Ok(FREE));
    catalog.set_layer_categories(guid(1), LspCategories::PROXY).unwrap();
    catalog.set_layer_categories(guid(1), LspCategories::FIREWALL | LspCategories::SYSTEM).unwrap();
    assert_eq!(catalog.layer_categories(guid(1)), Ok(LspCategories::FIREWALL | LspCategories::SYSTEM));
    for id in [guid(2), builtin::TCPIP_PROVIDER_ID] {
        assert_eq!(catalog.layer_categories(id), Err(WsaError::WSAEINVALIDPROVIDER));
        refuses(&catalog, WsaError::WSAEINVALIDPROVIDER, |catalog| catalog.set_layer_categories(id, FREE));
    }
}

#[test]
fn wsc_app_1_categories_add_up_for_the_same_path_and_command_line() {
    // proves: WSC-APP-2, WSC-APP-4
    let (one, two) = (LspCategories::INSPECTOR, LspCategories::PROXY);
    let mut catalog = builtin::protocols();
    assert_eq!(catalog.application_category("/p", None), Err(WsaError::WSASERVICE_NOT_FOUND));
    assert_eq!(catalog.set_application_category("/p", None, one), Ok(FREE));
    assert_eq!(catalog.set_application_category("/p", None, two), Ok(one));
    assert_eq!(catalog.set_application_category("/p", Some("-k net"), two), Ok(FREE));
    assert_eq!(catalog.application_category("/p", None), Ok(one | two));
    assert_eq!(catalog.application_category("/p", Some("-k net")), Ok(two));
    assert_eq!(catalog.application_category("/p", Some("")), Err(WsaError::WSASERVICE_NOT_FOUND));
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.set_application_category("", None, one));
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.set_application_category("/p", Some("\0"), one));
    assert!(catalog.remove_application("/p", None) && !catalog.remove_application("/p", None));

    let filter = |path, line| ApplicationFilter::of_program(&catalog, path, line, |_| None);
    assert_eq!(filter("/p", "-k net"), ApplicationFilter::Permitted(two));
    assert_eq!(filter("/p", "-k other"), ApplicationFilter::All);
}

#[test]
fn wsc_app_4_the_command_line_decides_before_the_path() {
    let mut catalog = builtin::protocols();
    catalog.set_application_category("%DIR%/p", None, LspCategories::PROXY).unwrap();
    catalog.set_application_category("%DIR%/p", Some("-s"), LspCategories::FIREWALL).unwrap();
    let env = |name: &str| (name == "DIR").then(|| "/usr".into());
    let filter = |path, line| ApplicationFilter::of_program(&catalog, path, line, env);
    assert_eq!(filter("/usr/p", "-s"), ApplicationFilter::Permitted(LspCategories::FIREWALL));
    assert_eq!(filter("/usr/p", "-s -t"), ApplicationFilter::Permitted(LspCategories::PROXY));
    assert_eq!(filter("/bin/p", "-s"), ApplicationFilter::All);
}

#[test]
fn lspcat_5_the_worked_example() {
    // proves: LSPCAT-3, LSPCAT-4
    use LspCategories as C;
    let layers = [C::SYSTEM, C::empty(), C::FIREWALL, C::SYSTEM | C::FIREWALL | C::CRYPTO_COMPRESS | C::INSPECTOR];
    let loads = |application| {
        let filter = ApplicationFilter::Permitted(application);
        layers.iter().map(|layer| filter.permits(*layer)).collect::<Vec<_>>()
    };
    assert_eq!(loads(C::SYSTEM | C::FIREWALL | C::CRYPTO_COMPRESS), [true, false, false, false]);
    assert_eq!(loads(C::FIREWALL | C::CRYPTO_COMPRESS), [false, false, true, false]);
}

#[test]
fn lspcat_3_the_truth_table() {
    // proves: LSPCAT-1, LSPCAT-2
    let categories = || (0..8).map(|bits| LspCategories::from_bits_retain(bits & 3 | (bits & 4) << 29));
    for application in categories() {
        for layer in categories() {
            let (a, l) = (application.bits(), layer.bits());
            let expected = l & a != 0 && l & !a == 0 && (a & LSP_SYSTEM == 0 || l & LSP_SYSTEM != 0);
            assert_eq!(ApplicationFilter::Permitted(application).permits(layer), expected, "{a:#x} {l:#x}");
            assert!(ApplicationFilter::All.permits(layer));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Install(u32, u8),
    Chains(u32),
    Deinstall(u32),
    Remove(prop::sample::Index, bool),
    Order(prop::sample::Index),
    Update(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    let number = 1..6u32;
    prop_oneof![
        (number.clone(), 0..3u8).prop_map(|(number, kind)| Step::Install(number, kind)),
        number.clone().prop_map(Step::Chains),
        number.clone().prop_map(Step::Deinstall),
        any::<(prop::sample::Index, bool)>().prop_map(|(at, cascade)| Step::Remove(at, cascade)),
        any::<prop::sample::Index>().prop_map(Step::Order),
        number.prop_map(Step::Update),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    // proves: CAT-ST-5, CAT-ST-9, WSC-ORD-1
    #[test]
    fn cat_st_5_whatever_is_done_ids_stay_unique_and_the_catalog_valid(
        steps in prop::collection::vec(any_step(), 1..30),
    ) {
        let mut catalog = builtin::protocols();
        let mut given: Vec<u32> = ids(&catalog);
        for step in steps {
            let before = catalog.clone();
            let worked = match step {
                Step::Install(number, kind) => {
                    let entry = match (kind, catalog.entries.iter().find(|entry| entry.is_layer())) {
                        (0, _) => base(0, 2, 1, 6),
                        (1, Some(layer)) => chain_of(&[layer.id, builtin::TCP_IPV4_ID]),
                        _ => layer(0),
                    };
                    catalog.install(guid(number), &module(number), &[entry]).is_ok()
                }
                Step::Chains(number) => stack(&mut catalog, number).is_ok(),
                Step::Deinstall(number) => catalog.deinstall(guid(number)).is_ok(),
                Step::Remove(at, cascade) if !catalog.entries.is_empty() => {
                    let id = at.get(&catalog.entries).id;
                    let dependents = if cascade { Dependents::Cascade } else { Dependents::Refuse };
                    catalog.remove_entries(&[id], dependents).is_ok()
                }
                Step::Remove(..) => false,
                Step::Order(at) => {
                    let mut wanted = ids(&catalog);
                    let middle = at.index(wanted.len().max(1));
                    wanted.rotate_left(middle);
                    catalog.write_order(&wanted).unwrap();
                    prop_assert_eq!(ids(&catalog), wanted);
                    true
                }
                Step::Update(number) => catalog.update(guid(number), Some("/moved"), &[]).is_ok(),
            };
            prop_assert!(worked || catalog == before);
            prop_assert!(catalog.is_valid());
            prop_assert!(catalog.next_entry_id >= before.next_entry_id);
            for id in ids(&catalog).into_iter().filter(|id| before.entry(*id).is_none()) {
                prop_assert!(!given.contains(&id), "{} was given before", id);
                given.push(id);
            }
        }
    }
}
