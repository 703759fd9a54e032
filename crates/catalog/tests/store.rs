//! Catalogs in files: the WSC functions, verify, repair, backup and restore.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{base, guid, layer};
use windlass_abi::*;
use windlass_catalog::*;

struct Place {
    dir: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Location::Private(dir.path().join("made/when/needed")));
        Self { dir, store }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("made/when/needed").join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file("protocols.toml")).unwrap()
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        fs::write(self.file("protocols.toml"), change(self.text())).unwrap();
    }
}

fn tcp() -> WSAPROTOCOL_INFOW {
    base(0, 2, 1, 6).info()
}

fn names() -> NamespaceInstallation<'static> {
    NamespaceInstallation {
        identifier: "names",
        module: "/n",
        name_space: 12,
        version: 1,
        provider: guid(1),
        blob: Some(&[1]),
    }
}

#[test]
fn wsc_enum_1_install_enumerate_update_and_remove() {
    // proves: WSC-INST-1, WSC-INST-2, WSC-DEL-1, WSC-UPD-1, WSC-PATH-1, WSC-ORD-1, CAT-ST-6
    let Place { store, .. } = &Place::new();
    assert_eq!(wsc::enum_protocols(store, None).unwrap().len(), 4, "the built-in default, without any file");
    let layer = layer(0).info();
    wsc::install_provider(store, guid(1), "$DIR/a", &[tcp(), layer]).unwrap();
    let all = wsc::enum_protocols(store, None).unwrap();
    assert_eq!(all.iter().map(|info| info.dwCatalogEntryId).collect::<Vec<_>>(), [1001, 1002, 1003, 1004, 1005, 1006]);
    assert_eq!(all[5].ProtocolChain.ChainLen, 0, "layers too");
    assert_eq!(wsc::enum_protocols(store, Some(&[17])).unwrap().len(), 2);
    assert_eq!(wsc::get_provider_path(store, guid(1)).unwrap(), "$DIR/a");
    wsc::write_provider_order(store, &[1006, 1005, 1004, 1003, 1002, 1001]).unwrap();
    assert_eq!(wsc::enum_protocols(store, None).unwrap()[0].dwCatalogEntryId, 1006);
    wsc::update_provider(store, guid(1), Some("/b"), &[WSAPROTOCOL_INFOW { iProtocol: 7, ..all[4] }]).unwrap();
    assert_eq!(wsc::enum_protocols(store, Some(&[7])).unwrap()[0].dwCatalogEntryId, 1005);
    assert_eq!(wsc::get_provider_path(store, guid(1)).unwrap(), "/b");
    wsc::deinstall_provider(store, guid(1)).unwrap();
    assert_eq!(wsc::get_provider_path(store, guid(1)), Err(WsaError::WSAEINVAL));
    assert_eq!(store.protocols().unwrap().serial, 4);
    let negative =
        WSAPROTOCOL_INFOW { ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: -1, ChainEntries: [0; 7] }, ..tcp() };
    assert_eq!(wsc::install_provider(store, guid(1), "/a", &[negative]), Err(WsaError::WSAEINVAL));
}

#[test]
fn wsc_info_1_provider_info_and_application_categories() {
    // proves: WSC-INFO-2, WSC-APP-1, WSC-APP-2
    let Place { store, .. } = &Place::new();
    wsc::install_provider(store, guid(1), "/a", &[layer(0).info()]).unwrap();
    let get = |kind, flags| wsc::get_provider_info(store, guid(1), kind, flags);
    wsc::set_provider_info(store, guid(1), ProviderInfoLspCategories, LSP_PROXY, 0).unwrap();
    assert_eq!(get(ProviderInfoLspCategories, 0), Ok(LSP_PROXY));
    assert_eq!(get(ProviderInfoAudit, 0).unwrap_err().code(), 120);
    assert_eq!(get(2, 0), Err(WsaError::WSAEINVAL));
    assert_eq!(get(ProviderInfoLspCategories, 1), Err(WsaError::WSAEINVAL));
    let set = |kind, flags| wsc::set_provider_info(store, guid(1), kind, 1, flags);
    assert_eq!(set(ProviderInfoAudit, 0).unwrap_err().code(), 120);
    assert_eq!(set(ProviderInfoLspCategories, 1), Err(WsaError::WSAEINVAL));
    assert_eq!(wsc::set_application_category(store, "/p", None, 1), Ok(0));
    assert_eq!(wsc::set_application_category(store, "/p", None, LSP_SYSTEM), Ok(1));
    assert_eq!(wsc::get_application_category(store, "/p", None), Ok(1 | LSP_SYSTEM));
    assert_eq!(wsc::get_application_category(store, "/q", None), Err(WsaError::WSASERVICE_NOT_FOUND));
}

#[test]
fn wsc_ns_1_name_spaces_in_their_own_file() {
    // proves: WSC-NS-6, WSC-NS-7, WSC-NS-8
    let place = Place::new();
    let store = &place.store;
    wsc::uninstall_name_space(store, builtin::DNS_PROVIDER_ID).unwrap();
    wsc::install_name_space(store, &names()).unwrap();
    wsc::install_name_space(store, &NamespaceInstallation { provider: guid(2), ..names() }).unwrap();
    wsc::enable_name_space(store, guid(2), false).unwrap();
    wsc::write_name_space_order(store, &[guid(2), guid(1)]).unwrap();
    let catalog = store.namespaces().unwrap();
    let rows: Vec<_> = catalog.providers.iter().map(|entry| (entry.provider, entry.active)).collect();
    assert_eq!(rows, [(guid(2), false), (guid(1), true)]);
    wsc::uninstall_name_space(store, guid(2)).unwrap();
    assert_eq!(wsc::uninstall_name_space(store, guid(2)), Err(WsaError::WSAEINVAL));
    assert!(place.file("namespaces.toml").exists() && !place.file("protocols.toml").exists());
}

#[test]
fn cat_st_2_the_32_bit_catalog_is_another() {
    // proves: WSC-CHAIN-6, WSC-NS-12
    let Place { store, .. } = &Place::new();
    let store_64 = &store.clone().with_width(Width::Bits64);
    let store_32 = &store.clone().with_width(Width::Bits32);
    let count = |store| wsc::enum_protocols(store, None).unwrap().len();
    wsc::install_provider(store_32, guid(1), "/32", &[tcp()]).unwrap();
    assert_eq!((count(store_64), count(store_32)), (4, 5));
    wsc::install_provider_64_32(store, guid(2), "/both", &[tcp()]).unwrap();
    assert_eq!((count(store_64), count(store_32)), (5, 6));
    let refused = wsc::install_provider_64_32(store, guid(1), "/both", &[tcp()]);
    assert_eq!(refused, Err(WsaError::WSANO_RECOVERY), "one has it, so neither gets it");
    assert_eq!((count(store_64), count(store_32)), (5, 6));
    let chains =
        |id, path_32| wsc::install_provider_and_chains_64_32(store, id, "/a", path_32, &id.to_string(), 0, None);
    let id = chains(guid(3), Some("/a32")).unwrap();
    assert_eq!(store_64.protocols().unwrap().entry(id).unwrap().module_path(), "/a");
    assert_eq!(wsc::get_provider_path(store_32, guid(3)).unwrap(), "/a32");
    chains(guid(4), None).unwrap();
    assert_eq!(wsc::get_provider_path(store_32, guid(4)), Err(WsaError::WSAEINVAL));
    wsc::install_name_space(store_32, &names()).unwrap();
    assert_eq!(store_64.namespaces().unwrap().providers.len(), 1, "that of the default catalog");
}

#[test]
fn cat_st_1_the_users_catalog_starts_from_the_machines() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment {
        private: None,
        user: Some(dir.path().join("user")),
        machine: dir.path().join("machine"),
        root: false,
    };
    let machine = Store::in_environment(Location::PerMachine, &environment);
    let user = Store::in_environment(environment.default_location(), &environment);
    wsc::install_provider(&machine, guid(1), "/m", &[tcp()]).unwrap();
    assert_eq!(user.load::<ProtocolCatalog>().unwrap().path, Some(dir.path().join("machine/protocols.toml")));
    wsc::install_provider(&user, guid(2), "/u", &[tcp()]).unwrap();
    wsc::install_provider(&machine, guid(3), "/m", &[tcp()]).unwrap();
    assert_eq!(wsc::get_provider_path(&user, guid(1)).unwrap(), "/m");
    assert_eq!(wsc::get_provider_path(&user, guid(3)), Err(WsaError::WSAEINVAL), "from now on the user has their own");
    assert_eq!(wsc::get_provider_path(&machine, guid(2)), Err(WsaError::WSAEINVAL));
    assert_eq!(Catalogs::load(&user).unwrap().protocols.entries.len(), 6);
    let mode = fs::metadata(dir.path().join("machine/protocols.toml")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o644, "everybody reads the machine's");
}

#[test]
fn cat_st_7_no_place_to_write() {
    let environment = Environment { private: None, user: None, machine: "/nonexistent".into(), root: false };
    let store = Store::in_environment(Location::PerUser, &environment);
    assert_eq!(store.protocols().unwrap(), builtin::protocols());
    assert_eq!(wsc::install_provider(&store, guid(1), "/a", &[tcp()]), Err(WsaError::WSANO_RECOVERY));
    assert_eq!(wsc::install_name_space(&store, &names()), Err(WsaError::WSAEACCES));
}

#[test]
fn wsc_inst_4_a_corrupted_catalog_fails_cleanly() {
    // proves: WSC-NS-1
    let place = Place::new();
    let store = &place.store;
    wsc::install_provider(store, guid(1), "/a", &[tcp()]).unwrap();
    wsc::install_name_space(store, &names()).unwrap();
    for rubbish in [&b"format = 1\nserial = x"[..], b"", b"\xff\xfe", b"format = 1\nserial = 3\0", b"format = 99"] {
        fs::write(place.file("protocols.toml"), rubbish).unwrap();
        fs::write(place.file("namespaces.toml"), rubbish).unwrap();
        assert!(matches!(store.protocols(), Err(CatalogError::Corrupt { .. })));
        assert!(Catalogs::load(store).is_err(), "never passed over");
        assert_eq!(wsc::enum_protocols(store, None).err(), Some(WsaError::WSASYSCALLFAILURE));
        assert_eq!(wsc::get_provider_path(store, guid(1)), Err(WsaError::WSASYSCALLFAILURE));
        assert_eq!(wsc::install_provider(store, guid(2), "/b", &[tcp()]), Err(WsaError::WSANO_RECOVERY));
        assert_eq!(wsc::deinstall_provider(store, guid(1)), Err(WsaError::WSANO_RECOVERY));
        let new = NamespaceInstallation { provider: guid(2), ..names() };
        assert_eq!(wsc::install_name_space(store, &new), Err(WsaError::WSANO_RECOVERY));
        assert_eq!(wsc::uninstall_name_space(store, guid(1)), Err(WsaError::WSASYSCALLFAILURE));
        assert_eq!(fs::read(place.file("protocols.toml")).unwrap(), rubbish, "nothing is written over it");
    }
}

#[test]
fn cat_st_1_only_a_regular_file_of_some_size_is_read() {
    let place = Place::new();
    let file = place.file("protocols.toml");
    fs::create_dir_all(&file).unwrap();
    assert!(matches!(place.store.protocols(), Err(CatalogError::Io { .. })), "a directory");
    fs::remove_dir(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    assert!(matches!(place.store.protocols(), Err(CatalogError::Io { .. })), "a pipe, without waiting for a writer");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    assert!(matches!(place.store.protocols(), Err(CatalogError::Io { .. })), "a device");
    fs::remove_file(&file).unwrap();
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(place.store.protocols(), Err(CatalogError::Io { .. })), "a terabyte of nothing");
}

#[test]
fn verify_tells_what_does_not_work() {
    let place = Place::new();
    let store = &place.store;
    assert_eq!(store.verify::<ProtocolCatalog>().unwrap(), []);
    wsc::install_provider_and_chains(store, guid(1), "/no/such/file.so", "layer", 0, None).unwrap();
    let problems = store.verify::<ProtocolCatalog>().unwrap();
    assert_eq!(problems.len(), 5, "the layer and its four chains");
    assert!(problems.iter().all(|problem| problem.severity == Severity::Warning && problem.line.is_some()));
    assert_eq!(problems[0].to_string(), "line 6: the module /no/such/file.so does not exist");
    wsc::deinstall_provider(store, guid(1)).unwrap();
    let problems = store.verify::<ProtocolCatalog>().unwrap();
    assert!(problems.iter().any(|problem| problem.what.contains("cannot be used: entry 1005 is not installed")));
    fs::write(place.file("protocols.toml"), "format = 1").unwrap();
    assert_eq!(store.verify::<ProtocolCatalog>().unwrap()[0].severity, Severity::Error);
}

#[test]
fn repair_takes_out_what_cannot_be_used() {
    // proves: WSC-DEL-3, CAT-ST-5
    let place = Place::new();
    let store = &place.store;
    wsc::install_provider_and_chains(store, guid(1), "lib.so", "layer", 0, None).unwrap();
    assert_eq!(store.repair::<ProtocolCatalog>().unwrap().source, RepairSource::Sound);
    let before = place.text();
    wsc::deinstall_provider(store, guid(1)).unwrap();
    let repair = store.repair::<ProtocolCatalog>().unwrap();
    assert_eq!((repair.source, repair.notes.len()), (RepairSource::Salvaged, 4));
    let after = store.protocols().unwrap();
    assert_eq!(after.entries, builtin::protocols().entries);
    assert_eq!((after.serial, after.next_entry_id), (3, 1010), "what only grows has grown");
    assert_eq!(store.verify::<ProtocolCatalog>().unwrap(), []);
    assert_ne!(fs::read_to_string(repair.damaged.unwrap()).unwrap(), before);
}

#[test]
fn repair_takes_the_last_good_copy_of_an_entry_that_cannot_be_read() {
    let place = Place::new();
    let store = &place.store;
    wsc::install_provider(store, guid(1), "lib.so", &[tcp()]).unwrap();
    let good = store.protocols().unwrap();
    place.edit(|text| {
        let text = text.replacen("\"SOCK_DGRAM\"", "\"SOCK_DRAGON\"", 1);
        let text = text.replacen("id = 1003", "id = \"x\"", 1);
        format!("surprise = 1\n{text}\n[[entry]]\nid = 1005\n")
    });
    let damaged = place.text();
    assert!(store.protocols().is_err());
    let repair = store.repair::<ProtocolCatalog>().unwrap();
    assert_eq!(repair.source, RepairSource::Salvaged, "{:?}", repair.notes);
    let after = store.protocols().unwrap();
    let expected: Vec<_> = good.entries.iter().filter(|entry| entry.id != 1003).cloned().collect();
    assert_eq!(after.entries, expected, "{:?}", repair.notes);
    assert!(after.serial > good.serial && after.next_entry_id >= good.next_entry_id);
    for told in
        ["taken from the last good copy: entry number 2", "removed: entry number 3", "removed: surprise", "there twice"]
    {
        assert!(repair.notes.iter().any(|note| note.contains(told)), "{told} is not in {:?}", repair.notes);
    }
    assert_eq!(fs::read_to_string(repair.damaged.unwrap()).unwrap(), damaged);
}

#[test]
fn repair_falls_back_to_the_last_good_copy_and_then_to_the_default() {
    // proves: CAT-ST-5
    let place = Place::new();
    let store = &place.store;
    wsc::install_provider(store, guid(1), "lib.so", &[tcp()]).unwrap();
    let good = store.protocols().unwrap();
    fs::write(place.file("protocols.toml"), "serial = 70\n[[[\nid = 2000\n").unwrap();
    assert_eq!(store.repair::<ProtocolCatalog>().unwrap().source, RepairSource::LastGood);
    let after = store.protocols().unwrap();
    assert_eq!((&after.entries, after.serial, after.next_entry_id), (&good.entries, 71, 2001));
    fs::write(place.file("protocols.toml"), b"\xff").unwrap();
    fs::write(place.file("protocols.toml.last-good"), "rubbish").unwrap();
    assert_eq!(store.repair::<ProtocolCatalog>().unwrap().source, RepairSource::BuiltIn);
    assert_eq!(store.protocols().unwrap().entries, builtin::protocols().entries);
    assert_eq!(store.repair::<ProtocolCatalog>().unwrap().source, RepairSource::Sound);
}

#[test]
fn repair_leaves_a_newer_format_alone() {
    let place = Place::new();
    wsc::install_provider(&place.store, guid(1), "/a", &[tcp()]).unwrap();
    place.edit(|text| text.replacen("format = 1", "format = 2", 1));
    let newer = place.text();
    assert!(matches!(place.store.repair::<ProtocolCatalog>(), Err(CatalogError::Corrupt { .. })));
    assert_eq!(place.text(), newer);
}

#[test]
fn repair_of_name_spaces() {
    let place = Place::new();
    let store = &place.store;
    wsc::uninstall_name_space(store, builtin::DNS_PROVIDER_ID).unwrap();
    wsc::install_name_space(store, &names()).unwrap();
    let text = fs::read_to_string(place.file("namespaces.toml")).unwrap();
    let second = "[[provider]]\nidentifier = 5\n";
    fs::write(place.file("namespaces.toml"), text.replacen("name_space = 12", "name_space = -1", 1) + second).unwrap();
    let repair = store.repair::<NamespaceCatalog>().unwrap();
    assert_eq!((repair.source, repair.notes.len()), (RepairSource::Salvaged, 3), "{:?}", repair.notes);
    let after = store.namespaces().unwrap();
    assert_eq!((after.providers.len(), after.providers[0].name_space, after.serial), (1, 12, 3));
}

#[test]
fn backup_and_restore() {
    // proves: CAT-ST-5
    let place = Place::new();
    let (store, file) = (&place.store, place.dir.path().join("backup.toml"));
    wsc::install_provider_and_chains(store, guid(1), "lib.so", "layer", 0, None).unwrap();
    wsc::install_name_space(store, &names()).unwrap();
    store.backup_to(&file).unwrap();
    let before = Catalogs::load(store).unwrap();
    let backup = store.read_backup(&file).unwrap();
    assert_eq!(backup.0, before);
    wsc::deinstall_provider(store, guid(1)).unwrap();
    wsc::install_provider(store, guid(2), "/a", &[tcp()]).unwrap();
    wsc::uninstall_name_space(store, guid(1)).unwrap();
    let between = Catalogs::load(store).unwrap();
    store.restore(&backup).unwrap();
    let after = Catalogs::load(store).unwrap();
    assert_eq!(after.protocols.entries, before.protocols.entries);
    assert_eq!(after.namespaces.providers, before.namespaces.providers);
    assert_eq!(after.protocols.serial, between.protocols.serial + 1);
    assert_eq!(after.protocols.next_entry_id, between.protocols.next_entry_id, "ids given since stay given");
    fs::write(place.file("protocols.toml"), "serial = 500\nrubbish").unwrap();
    store.restore(&backup).unwrap();
    assert_eq!(store.protocols().unwrap().entries, before.protocols.entries);
    assert_eq!(store.protocols().unwrap().serial, 501);
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2, "no other file stays beside the backup");
}

#[test]
fn a_bad_backup_says_why_and_changes_nothing() {
    let place = Place::new();
    let (store, file) = (&place.store, place.dir.path().join("backup.toml"));
    store.backup_to(&file).unwrap();
    let good = fs::read_to_string(&file).unwrap();
    for (from, to, told) in [
        ("format = 1", "format = 7", "the format is 7"),
        ("id = 1002", "id = 1001", "line 25: entry 1001 is there twice"),
        ("[protocols]", "[protocol]", "protocol"),
    ] {
        assert!(good.contains(from));
        fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let why = store.read_backup(&file).unwrap_err().to_string();
        assert!(why.contains(told) && why.contains("backup.toml"), "{why}");
    }
    let missing = store.read_backup(Path::new("/nonexistent")).unwrap_err();
    assert!(matches!(missing, CatalogError::Io { .. }));
    assert!(!place.file("protocols.toml").exists());
}
