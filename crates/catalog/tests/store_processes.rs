//! Many processes and threads at one catalog; processes that are killed; disks that are full.

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{base, guid, module};
use windlass_abi::WsaError;
use windlass_catalog::*;

/// Long enough for any writer on any machine.
const PATIENT: Duration = Duration::from_secs(120);

fn store(dir: &Path) -> Store {
    Store::open(Location::Private(dir.into()))
}

/// A change that shows in every entry and in none by halves: their names all become `mark`.
fn rename_all(catalog: &mut ProtocolCatalog, mark: &str) -> Result<(), WsaError> {
    for entry in &mut catalog.entries {
        entry.name = mark.into();
    }
    Ok(())
}

fn assert_whole(catalog: &ProtocolCatalog) {
    let marks: HashSet<_> = catalog.entries.iter().map(|entry| &entry.name).collect();
    assert_eq!(marks.len(), 1, "all entries are of one change");
    assert_eq!(catalog.entries.len(), 104);
}

/// A catalog of a hundred entries more, so that a file is written in more than a moment.
fn large(dir: &Path) -> Store {
    let store = store(dir);
    let list: Vec<_> = (0..100).map(|n| base(0, 40, 1, n)).collect();
    store
        .change(PATIENT, |catalog: &mut ProtocolCatalog| {
            catalog.install(guid(1), &module(1), &list)?;
            rename_all(catalog, "first")
        })
        .unwrap();
    store
}

/// This test program again, to play a part on its own.
fn child(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_child", "--ignored", "--nocapture"]);
    command.env("ROLE", role).env("DIR", dir).stdout(Stdio::piped()).stdin(Stdio::piped());
    command
}

/// Waits until a child says that it has begun, and lets it go on by itself.
fn started(child: &mut Child) {
    let output = BufReader::new(child.stdout.as_mut().unwrap());
    assert!(output.lines().map_while(Result::ok).any(|line| line.ends_with("ready")), "the child has begun");
}

#[test]
#[ignore = "what the other tests run in processes of their own"]
fn as_child() {
    let role = std::env::var("ROLE").expect("run by another test");
    let dir = std::path::PathBuf::from(std::env::var_os("DIR").unwrap());
    let store = store(&dir);
    let ready = || {
        println!("\nready");
        std::io::stdout().flush().unwrap();
    };
    match role.as_str() {
        "rename for ever" => {
            ready();
            for n in 0u64.. {
                let mark = format!("{} {n}", std::process::id());
                store.change(PATIENT, |catalog: &mut ProtocolCatalog| rename_all(catalog, &mark)).unwrap();
            }
        }
        "hold the lock" => {
            let hold = |_: &mut ProtocolCatalog| {
                ready();
                // Until the parent lets go of the pipe.
                std::io::stdin().read_line(&mut String::new()).unwrap();
                Ok::<_, WsaError>(())
            };
            store.change(PATIENT, hold).unwrap();
        }
        "install and remove" => {
            ready();
            for n in 0..10 {
                let id = guid(std::process::id() << 8 | n);
                let list = [base(0, 2, 1, 6)];
                store.change(PATIENT, |catalog: &mut ProtocolCatalog| catalog.install(id, "/a", &list)).unwrap();
                let installed = store.protocols().unwrap().entries_of(id).next().unwrap().id();
                println!("\ninstalled {installed}");
                store.change(PATIENT, |catalog: &mut ProtocolCatalog| catalog.deinstall(id)).unwrap();
            }
        }
        "fill the disk" => fill_the_disk(&store, &dir),
        "write without rights" => {
            let list = [base(0, 2, 1, 6).info()];
            assert_eq!(wsc::install_provider(&store, guid(1), "/a", &list), Err(WsaError::WSANO_RECOVERY));
            assert_eq!(wsc::write_provider_order(&store, &[1, 2]), Err(WsaError::WSANO_RECOVERY));
            assert_eq!(wsc::deinstall_provider(&store, guid(1)), Err(WsaError::WSANO_RECOVERY));
            let install = NamespaceInstallation {
                identifier: "a",
                module: "/a",
                name_space: 12,
                version: 1,
                provider: guid(1),
                blob: None,
            };
            assert_eq!(wsc::install_name_space(&store, &install), Err(WsaError::WSAEACCES));
            assert_eq!(wsc::enable_name_space(&store, guid(1), true), Err(WsaError::WSAEACCES));
            assert_eq!(wsc::uninstall_name_space(&store, guid(1)), Err(WsaError::WSAEACCES));
            assert_eq!(wsc::write_name_space_order(&store, &[]), Err(WsaError::WSAEACCES));
            assert_eq!(wsc::enum_protocols(&store, None).unwrap().len(), 4, "reading needs no rights");
        }
        other => panic!("no part is called {other}"),
    }
}

#[test]
fn cat_st_1_a_writer_killed_at_any_moment_leaves_a_whole_catalog() {
    // proves: CAT-ST-9
    let dir = tempfile::tempdir().unwrap();
    let store = large(dir.path());
    let began = Instant::now();
    store.change(PATIENT, |catalog: &mut ProtocolCatalog| rename_all(catalog, "timed")).unwrap();
    let one_change = began.elapsed();
    let mut serial = 0;
    for round in 0..40 {
        let mut writer = child("rename for ever", dir.path()).spawn().unwrap();
        started(&mut writer);
        // At another point of the first three changes each time.
        std::thread::sleep(one_change * round * 3 / 40);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let now = store.protocols().unwrap();
        assert_whole(&now);
        assert!(now.serial >= serial, "no change that was seen is lost");
        serial = now.serial;
        let verdict = store.verify::<ProtocolCatalog>().unwrap();
        assert!(verdict.iter().all(|problem| problem.severity == Severity::Warning));
        // The dead hold no lock.
        let mark = format!("after {round}");
        let changed = store.change(Duration::ZERO, |catalog: &mut ProtocolCatalog| rename_all(catalog, &mark));
        serial = serial.max(changed.unwrap().serial);
    }
    assert!(serial > 2 + 40, "the writers did write");
}

#[test]
fn cat_st_8_writers_of_many_processes_and_threads_lose_nothing() {
    // proves: CAT-ST-5
    let dir = tempfile::tempdir().unwrap();
    let store = large(dir.path());
    let mut writers: Vec<Child> = (0..4).map(|_| child("install and remove", dir.path()).spawn().unwrap()).collect();
    let outputs: Vec<_> = writers.iter_mut().map(|writer| writer.stdout.take().unwrap()).collect();
    let ids = std::thread::scope(|scope| {
        for thread in 0..2 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..10 {
                    let path = format!("/program/{thread}/{n}");
                    let set = |catalog: &mut ProtocolCatalog| {
                        catalog.set_application_category(&path, None, LspCategories::FIREWALL)
                    };
                    store.change(PATIENT, set).unwrap();
                }
            });
            scope.spawn(move || {
                let mut last = 0;
                for _ in 0..200 {
                    let now = store.protocols().unwrap();
                    assert!(now.serial >= last, "serial numbers only grow");
                    assert!(now.entries.iter().all(|entry| entry.id < now.next_entry_id));
                    last = now.serial;
                }
            });
        }
        let mut ids = Vec::new();
        for output in outputs {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            ids.extend(lines.filter_map(|line| line.strip_prefix("installed ").map(|id| id.parse::<u32>().unwrap())));
        }
        ids
    });
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(ids.len(), 40);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 40, "no id is given twice");
    let end = store.protocols().unwrap();
    assert_eq!(end.serial, 1 + 4 * 20 + 20);
    assert_eq!(end.entries.len(), 104);
    assert_eq!(end.applications.len(), 20);
    assert_eq!(end.next_entry_id, 1005 + 100 + 40);
}

#[test]
fn cat_st_8_a_second_writer_gets_the_code_of_its_function() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let mut holder = child("hold the lock", dir.path()).spawn().unwrap();
    started(&mut holder);
    let chains = |store: &Store| wsc::install_provider_and_chains(store, guid(1), "/a", "layer", 0, None);
    assert_eq!(chains(&store), Err(WsaError::WSAEINPROGRESS));
    let ids = [1004, 1003, 1002, 1001];
    assert_eq!(wsc::write_provider_order(&store, &ids), Err(WsaError::WSANO_RECOVERY));
    assert_eq!(wsc::write_name_space_order(&store, &[builtin::DNS_PROVIDER_ID]), Ok(()), "the other catalog is free");
    let brief = Duration::from_millis(20);
    let busy = store.change(brief, |_: &mut ProtocolCatalog| Ok::<_, WsaError>(()));
    assert!(matches!(busy, Err(CatalogError::Busy { .. })));
    assert_eq!(store.protocols().unwrap(), builtin::protocols(), "readers do not wait");

    // A patient writer gets its turn when the holder is done.
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tell.send(()).unwrap();
            let install = |catalog: &mut ProtocolCatalog| catalog.install(guid(2), "/b", &[base(0, 2, 1, 6)]);
            store.change(PATIENT, install).unwrap();
        });
        told.recv().unwrap();
        drop(holder.stdin.take());
        assert!(holder.wait().unwrap().success());
    });
    assert_eq!(store.protocols().unwrap().entries.len(), 5);
    assert!(chains(&store).is_ok());
}

#[test]
fn cat_st_8_name_space_order_says_try_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let hold = |_: &mut NamespaceCatalog| {
        // Another thread is as good as another process: the lock belongs to the open file.
        let other =
            std::thread::scope(|scope| scope.spawn(|| wsc::write_name_space_order(&store, &[])).join().unwrap());
        assert_eq!(other, Err(WsaError::WSATRY_AGAIN));
        Ok::<_, WsaError>(())
    };
    store.change(Duration::ZERO, hold).unwrap();
}

#[test]
fn cat_st_7_a_writer_without_rights_gets_the_documented_codes() {
    let dir = tempfile::tempdir().unwrap();
    let locked = dir.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    let mode = |mode| std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o555);
    // Everybody may pass through, so that the child reaches it.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut unprivileged = child("write without rights", &locked);
    if rustix::process::geteuid().is_root() {
        // Root has all rights; somebody else must try. The program is copied to where they can read it.
        let copy = dir.path().join("copy-of-this-test");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut command = Command::new(&copy);
        command.args(unprivileged.get_args()).uid(65534).gid(65534);
        command.envs(unprivileged.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.stdout(Stdio::piped());
        unprivileged = command;
    }
    let output = unprivileged.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    mode(0o755);
}

/// Makes the catalog grow until the disk is full; then the last change must be undone, and smaller ones work.
fn fill_the_disk(store: &Store, dir: &Path) {
    let deadline = Instant::now() + PATIENT;
    let mut last = store.protocols().unwrap();
    for n in 1.. {
        assert!(Instant::now() < deadline, "the disk never was full");
        let list: Vec<_> = (0..20).map(|_| base(0, 2, 1, 6)).collect();
        match store.change(PATIENT, |catalog: &mut ProtocolCatalog| catalog.install(guid(n), &module(n), &list)) {
            Ok(_) => last = store.protocols().unwrap(),
            Err(why) => {
                let CatalogError::Io { source, .. } = why else { panic!("{why}") };
                assert!(matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::FileTooLarge), "{source:?}");
                break;
            }
        }
    }
    assert_eq!(store.protocols().unwrap(), last, "the change that did not fit did not happen");
    let left: HashSet<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let expected = ["protocols.toml", "protocols.toml.last-good", "protocols.lock"];
    assert_eq!(left, expected.iter().map(|name| (*name).into()).collect(), "nothing half written stays");
    let smaller = store.change(PATIENT, |catalog: &mut ProtocolCatalog| {
        catalog.entries.truncate(4);
        Ok::<_, WsaError>(())
    });
    assert_eq!(smaller.unwrap().serial, last.serial + 1);
    println!("\nthe disk was full");
}

/// Runs the part that fills the disk, by way of a shell; whether the shell could do what it was asked for.
fn fills(dir: &Path, shell: &[&str], script: &str) -> bool {
    let part = child("fill the disk", dir);
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script, "sh"]).arg(part.get_program()).args(part.get_args());
    command.envs(part.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = command.output().unwrap();
    if output.status.code() == Some(77) {
        return false;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("the disk was full"), "{text}");
    true
}

#[test]
fn cat_st_9_a_file_size_limit_leaves_the_old_catalog() {
    let dir = tempfile::tempdir().unwrap();
    // An ignored signal stays ignored in the program: a write over the limit fails, as on a full disk.
    assert!(fills(dir.path(), &["sh"], r#"trap "" XFSZ; ulimit -f 64 || exit 77; exec "$@""#));
    assert!(store(dir.path()).protocols().is_ok());
}

#[test]
fn cat_st_9_a_full_disk_leaves_the_old_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let mount = r#"mount -t tmpfs -o size=128k tmpfs "$DIR" || exit 77; exec "$@""#;
    // Mounted for the child alone, gone with it.
    let namespaces = ["unshare", "--user", "--map-root-user", "--mount", "sh"];
    if !fills(dir.path(), &namespaces, &format!("true && {mount}")) {
        eprintln!("no tmpfs can be mounted here; the file size limit and the fault model stand in for it");
    }
}
