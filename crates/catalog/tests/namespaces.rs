//! The operations on the name space catalog (contract: catalog, section 4).

mod common;

use common::guid;
use windlass_abi::WsaError;
use windlass_catalog::*;

fn installation(number: u32) -> NamespaceInstallation<'static> {
    NamespaceInstallation {
        identifier: "names",
        module: "%LIB%/names.so",
        name_space: 12,
        version: 3,
        provider: guid(number),
        blob: None,
    }
}

fn with(numbers: impl IntoIterator<Item = u32>) -> NamespaceCatalog {
    let mut catalog = NamespaceCatalog::empty();
    for number in numbers {
        catalog.install(&installation(number)).unwrap();
    }
    catalog
}

#[track_caller]
fn refuses(
    catalog: &NamespaceCatalog,
    code: WsaError,
    operation: impl FnOnce(&mut NamespaceCatalog) -> Result<(), WsaError>,
) {
    let mut after = catalog.clone();
    assert_eq!(operation(&mut after), Err(code));
    assert_eq!(after, *catalog);
}

#[test]
fn wsc_ns_2_a_new_provider_is_last_and_active() {
    // proves: WSC-NS-1, WSC-NS-3, CAT-NS-3, CAT-NS-5
    let mut catalog = with([1]);
    let blob = [1, 2, 3];
    catalog.install(&NamespaceInstallation { blob: Some(&blob), ..installation(2) }).unwrap();
    let entry = &catalog.providers[1];
    assert_eq!((entry.provider, entry.active, entry.name_space, entry.version), (guid(2), true, 12, 3));
    assert_eq!((&*entry.identifier, &*entry.module), ("names", "%LIB%/names.so"));
    assert_eq!(entry.blob.as_deref(), Some(&blob[..]), "the data is copied");
    assert_eq!(catalog.providers[0].blob, None);
}

#[test]
fn wsc_ns_4_bad_arguments() {
    // proves: WSC-NS-1
    let catalog = with([1]);
    let invalid = WsaError::WSAEINVAL;
    let good = installation(2);
    refuses(&catalog, invalid, |catalog| catalog.install(&NamespaceInstallation { name_space: NS_ALL, ..good }));
    refuses(&catalog, invalid, |catalog| catalog.install(&NamespaceInstallation { module: "", ..good }));
    refuses(&catalog, invalid, |catalog| catalog.install(&NamespaceInstallation { identifier: "a\0b", ..good }));
    let long = "a".repeat(260);
    refuses(&catalog, invalid, |catalog| catalog.install(&NamespaceInstallation { module: &long, ..good }));
    refuses(&catalog, WsaError::WSANO_RECOVERY, |catalog| catalog.install(&installation(1)));
}

#[test]
fn wsc_ns_6_uninstall() {
    let mut catalog = with([1, 2]);
    catalog.uninstall(guid(1)).unwrap();
    assert_eq!(catalog, with([2]));
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.uninstall(guid(1)));
}

#[test]
fn wsc_ns_7_a_disabled_provider_stays_in_the_list() {
    let mut catalog = with([1, 2]);
    catalog.enable(guid(1), false).unwrap();
    assert_eq!(catalog.providers.iter().map(|entry| entry.active).collect::<Vec<_>>(), [false, true]);
    catalog.enable(guid(1), true).unwrap();
    assert_eq!(catalog, with([1, 2]));
    refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.enable(guid(3), true));
}

#[test]
fn wsc_ns_8_only_a_permutation_orders() {
    // proves: WSC-NS-9
    let mut catalog = with([1, 2, 3]);
    for wanted in [&[1, 2][..], &[1, 2, 2], &[1, 2, 4], &[1, 2, 3, 3], &[]] {
        let wanted: Vec<_> = wanted.iter().copied().map(guid).collect();
        refuses(&catalog, WsaError::WSAEINVAL, |catalog| catalog.write_order(&wanted));
    }
    catalog.write_order(&[guid(3), guid(1), guid(2)]).unwrap();
    assert_eq!(catalog, with([3, 1, 2]));
}
