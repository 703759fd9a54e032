//! Being told of changes (contract: catalog, section 7).

mod common;

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use common::{base, guid, module};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use windlass_abi::WsaError;
use windlass_catalog::*;

/// Long enough for a change that comes.
const LONG: Option<Duration> = Some(Duration::from_secs(60));
/// For a change that does not come.
const SHORT: Option<Duration> = Some(Duration::from_millis(30));

fn private(dir: &Path) -> Store {
    Store::open(Location::Private(dir.into()))
}

fn change(store: &Store, number: u32) {
    let install = |catalog: &mut ProtocolCatalog| catalog.install(guid(number), &module(number), &[base(0, 2, 1, 6)]);
    store.change(Duration::from_secs(60), install).unwrap();
}

fn is_readable(watch: &Watch) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)], Some(&at_once)).unwrap() == 1
}

#[test]
fn wpcc_3_a_change_between_two_looks_is_not_lost() {
    // proves: CAT-ST-10
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    let mut watch = Watch::new(store.clone()).unwrap();
    assert!(!watch.changed().unwrap());
    change(&store, 1);
    assert!(is_readable(&watch));
    assert!(watch.wait(Some(Duration::ZERO)).unwrap(), "at once");
    assert!(!watch.changed().unwrap() && !is_readable(&watch), "told once");
    let namespaces = |catalog: &mut NamespaceCatalog| {
        catalog.install(&NamespaceInstallation {
            identifier: "a",
            module: "/a",
            name_space: 12,
            version: 1,
            provider: guid(1),
            blob: None,
        })
    };
    store.change(Duration::from_secs(60), namespaces).unwrap();
    assert!(watch.changed().unwrap(), "name spaces too");
}

#[test]
fn cat_st_10_every_kind_of_change_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    let mut watch = Watch::new(store.clone()).unwrap();
    let mut told = |what: &str, done: Result<(), WsaError>| {
        done.unwrap();
        assert!(watch.changed().unwrap(), "{what}");
    };
    told("install", wsc::install_provider(&store, guid(1), "/a", &[base(0, 2, 1, 6).info()]));
    told("update", wsc::update_provider(&store, guid(1), Some("/b"), &[]));
    told("order", wsc::write_provider_order(&store, &[1005, 1001, 1002, 1003, 1004]));
    told("deinstall", wsc::deinstall_provider(&store, guid(1)));
    let install = NamespaceInstallation {
        identifier: "a",
        module: "/a",
        name_space: 12,
        version: 1,
        provider: guid(1),
        blob: None,
    };
    told("install name space", wsc::install_name_space(&store, &install));
    told("disable", wsc::enable_name_space(&store, guid(1), false));
    told("uninstall name space", wsc::uninstall_name_space(&store, guid(1)));
}

#[test]
fn wpcc_2_a_waiter_sleeps_until_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    let mut watch = Watch::new(store.clone()).unwrap();
    assert!(!watch.wait(SHORT).unwrap());
    // Not a change: nothing is different.
    store.change(Duration::ZERO, |_: &mut ProtocolCatalog| Ok::<_, WsaError>(())).unwrap();
    fs::write(dir.path().join("something else"), "").unwrap();
    assert!(!watch.wait(SHORT).unwrap());
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let waiter = scope.spawn(move || {
            tell.send(()).unwrap();
            watch.wait(None).unwrap()
        });
        told.recv().unwrap();
        change(&store, 1);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn wpcc_3_directories_that_are_made_later_are_watched_for() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    let store = private(&deep);
    let mut watch = Watch::new(store.clone()).unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    assert!(!watch.changed().unwrap());
    change(&store, 1);
    assert!(is_readable(&watch));
    assert!(watch.wait(LONG).unwrap());
    // Taken away and made again, by moving.
    fs::rename(dir.path().join("a"), dir.path().join("elsewhere")).unwrap();
    fs::rename(dir.path().join("elsewhere/b/c"), dir.path().join("kept")).unwrap();
    assert!(watch.wait(LONG).unwrap(), "the default serves now");
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    assert!(!watch.wait(SHORT).unwrap());
    fs::rename(dir.path().join("kept"), &deep).unwrap();
    assert!(is_readable(&watch) && watch.wait(LONG).unwrap());
    fs::remove_file(deep.join("protocols.toml")).unwrap();
    assert!(watch.wait(LONG).unwrap());
}

#[test]
fn wpcc_3_a_users_new_catalog_is_a_change_from_the_machines() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment {
        private: None,
        user: Some(dir.path().join("home/.config/windlass")),
        machine: dir.path().join("etc"),
        root: false,
    };
    let user = Store::in_environment(Location::PerUser, &environment);
    let machine = Store::in_environment(Location::PerMachine, &environment);
    let mut watch = Watch::new(user.clone()).unwrap();
    change(&machine, 1);
    assert!(watch.wait(LONG).unwrap());
    change(&user, 2);
    assert!(watch.wait(LONG).unwrap());
    change(&machine, 3);
    assert!(!watch.changed().unwrap(), "the user has a catalog of their own");
}

#[test]
fn wpcc_3_edits_by_hand_and_damage_are_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    change(&store, 1);
    let file = dir.path().join("protocols.toml");
    let mut watch = Watch::new(store.clone()).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("Windlass TCP", "Other TCP")).unwrap();
    assert!(is_readable(&watch) && watch.changed().unwrap());
    fs::write(&file, "rubbish").unwrap();
    assert!(watch.wait(LONG).unwrap());
    fs::write(&file, &text).unwrap();
    assert!(watch.wait(LONG).unwrap());
}

#[test]
fn wpcc_3_no_change_of_many_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    const CHANGES: u64 = 60;
    let watchers: Vec<_> = (0..3).map(|_| Watch::new(store.clone()).unwrap()).collect();
    std::thread::scope(|scope| {
        for mut watch in watchers {
            let store = store.clone();
            scope.spawn(move || {
                // Each waits, looks, waits again; whoever missed one would wait for ever at the last.
                let mut seen = 0;
                while seen < CHANGES {
                    assert!(watch.wait(LONG).unwrap(), "after {seen} of {CHANGES}");
                    let now = store.protocols().unwrap().serial;
                    assert!(now >= seen);
                    seen = now;
                }
            });
        }
        for number in 1..=CHANGES {
            change(&store, number as u32);
        }
    });
}

/// The disk, with a change made right after a file was read, once.
struct Meddler {
    change: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Storage for Meddler {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let found = Disk.read(path);
        if let Some(change) = self.change.lock().unwrap().take() {
            change();
        }
        found
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir(path)
    }

    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Box<dyn Lock>> {
        Disk.lock(path, patience)
    }

    fn create(&self, path: &Path, shared: bool) -> io::Result<Box<dyn NewFile>> {
        Disk.create(path, shared)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
}

#[test]
fn wpcc_3_a_change_during_a_look_is_seen_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = private(dir.path());
    let meddler = Arc::new(Meddler { change: Mutex::new(None) });
    let mut watch = Watch::new(store.clone().with_storage(meddler.clone())).unwrap();
    for number in 1..=3 {
        let store = store.clone();
        *meddler.change.lock().unwrap() = Some(Box::new(move || change(&store, number)));
        assert!(!watch.changed().unwrap(), "it was read before the change");
        assert!(is_readable(&watch) && watch.wait(LONG).unwrap());
    }
}

#[test]
fn wpcc_3_a_directory_made_while_the_watch_begins_is_watched() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..100 {
        let top = dir.path().join(round.to_string());
        fs::create_dir_all(top.join("ready/b")).unwrap();
        let store = private(&top.join("a/b"));
        let start = Barrier::new(2);
        let mut watch = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                fs::rename(top.join("ready"), top.join("a")).unwrap();
            });
            start.wait();
            Watch::new(store.clone()).unwrap()
        });
        // Nothing else tells of it: the directory was there, or was made, before.
        fs::write(top.join("a/b/protocols.toml"), "format = 1\nserial = 1\nnext_entry_id = 1\n").unwrap();
        assert!(is_readable(&watch) && watch.changed().unwrap(), "round {round}");
    }
}
