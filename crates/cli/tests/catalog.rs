//! `windlass catalog`, in a catalog of its own for each test.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROVIDER: &str = "0a5a1f5e-0000-4000-8000-000000000001";
const OTHER: &str = "0a5a1f5e-0000-4000-8000-000000000002";
/// The name space provider of the default catalog.
const DNS: &str = "51a1d7c3-7f6b-4ec1-9e2b-0d7f5b8f2f53";
const THIRD: &str = "0a5a1f5e-0000-4000-8000-000000000003";

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mine.so"), "").expect("a module");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_windlass"))
            .arg("catalog")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("WINDLASS_CATALOG", self.path("catalog"))
            .output()
            .expect("windlass runs")
    }

    /// Runs what has to work, and returns its standard output.
    #[track_caller]
    fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{arguments}");
        text(&output.stdout)
    }

    #[track_caller]
    fn json(&self, arguments: &str) -> Value {
        let out = self.ok(&format!("{arguments} --json"));
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments}: {e}:\n{out}"))
    }

    /// Runs what has to fail without a change, and returns its standard error.
    #[track_caller]
    fn fails(&self, arguments: &str, status: i32) -> String {
        let before = self.files();
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments}");
        assert_eq!(self.files(), before, "{arguments} has changed something");
        text(&output.stderr)
    }

    /// The ids of the entries, in order.
    fn ids(&self) -> Vec<u64> {
        let list = self.json("list");
        let entries = list["protocols"]["entries"].as_array().expect("a list").clone();
        entries.iter().map(|entry| entry["id"].as_u64().expect("a number")).collect()
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(folder) = fs::read_dir(self.path("catalog")) else { return Vec::new() };
        let mut files: Vec<_> = folder
            .map(|entry| entry.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .map(|path| (path.clone(), fs::read(&path).expect("readable")))
            .collect();
        files.sort();
        files
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[track_caller]
fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in:\n{text}");
}

#[test]
fn without_a_file_the_built_in_catalog_is_listed() {
    let place = Place::new();
    assert_eq!(
        place.ok("list"),
        "Protocols: built in\n\
         \x20 1001  Windlass TCP over IPv4  base  AF_INET SOCK_STREAM 6   builtin:tcpip\n\
         \x20 1002  Windlass UDP over IPv4  base  AF_INET SOCK_DGRAM 17   builtin:tcpip\n\
         \x20 1003  Windlass TCP over IPv6  base  AF_INET6 SOCK_STREAM 6  builtin:tcpip\n\
         \x20 1004  Windlass UDP over IPv6  base  AF_INET6 SOCK_DGRAM 17  builtin:tcpip\n\
         Name spaces: built in\n\
         \x20 51a1d7c3-7f6b-4ec1-9e2b-0d7f5b8f2f53  Windlass DNS  name space 12  enabled  builtin:dns\n"
    );
    assert!(!place.path("catalog").exists(), "looking has made a folder");
    let list = place.json("list");
    assert_eq!(list["protocols"]["path"], Value::Null);
    assert_eq!(list["protocols"]["entries"][1]["socket_type"], "SOCK_DGRAM");
}

#[test]
fn an_entry_is_shown_as_the_file_has_it() {
    let place = Place::new();
    let shown = place.ok("show 1002");
    for part in ["id = 1002\n", "socket_type = \"SOCK_DGRAM\"\n", "\"SUPPORT_BROADCAST\"", "message_size = 65467"] {
        assert_has(&shown, part);
    }
    let of_provider =
        place.json(&format!("show {}", place.json("show 1001")["entries"][0]["provider"].as_str().unwrap()));
    assert_eq!(of_provider["entries"].as_array().unwrap().len(), 4);
}

#[test]
fn a_transport_is_installed_ordered_and_removed() {
    let place = Place::new();
    let said =
        place.ok(&format!("install transport ./mine.so --provider {PROVIDER} --like 1001,1002 --name Mine --first"));
    assert_has(&said, &format!("installed provider {PROVIDER}\n"));
    assert_has(&said, "1005  Mine  base  AF_INET SOCK_STREAM 6");
    assert_eq!(place.ids(), [1005, 1006, 1001, 1002, 1003, 1004]);
    let module = place.json("show 1005")["entries"][0]["module"].clone();
    let module = fs::canonicalize(module.as_str().unwrap()).unwrap();
    assert_eq!(module, fs::canonicalize(place.path("mine.so")).unwrap());

    place.ok("order 1004 1001");
    assert_eq!(place.ids(), [1004, 1001, 1005, 1006, 1002, 1003]);
    place.ok(&format!("order {PROVIDER}"));
    assert_eq!(place.ids(), [1005, 1006, 1004, 1001, 1002, 1003]);

    let removed = place.json(&format!("remove 1004 {PROVIDER}"));
    assert_eq!(removed["removed"].as_array().unwrap().len(), 3);
    assert_eq!(place.ids(), [1001, 1002, 1003]);
    place.ok("install transport ./mine.so --like 1001");
    assert_eq!(place.ids(), [1001, 1002, 1003, 1007], "an id was used twice");
}

#[test]
fn a_transport_is_described_by_options() {
    let place = Place::new();
    let installed = place.json(
        "install transport mine.so --name M --family AF_INET --type SOCK_RAW --protocol-max-offset 255 \
         --service-flags CONNECTIONLESS,MESSAGE_ORIENTED --provider-flags HIDDEN --sockaddr 28 16 --message-size 1",
    );
    let entry = &installed["entries"][0];
    assert_eq!((&entry["socket_type"], &entry["protocol_max_offset"]), (&"SOCK_RAW".into(), &255.into()));
    assert_eq!((&entry["max_sockaddr"], &entry["min_sockaddr"]), (&28.into(), &16.into()));
    assert_eq!(entry["provider_flags"][0], "HIDDEN");
    assert_eq!(entry["module"], "mine.so", "a name without a slash stays as it is");
    assert_has(&place.ok("list"), "AF_INET SOCK_RAW 0..255");
}

#[test]
fn what_show_prints_can_be_installed() {
    let place = Place::new();
    let shown = place.json("show 1001 1004");
    fs::write(place.path("entries.json"), shown["entries"].to_string()).unwrap();
    let installed = place.json(&format!("install transport ./mine.so --provider {PROVIDER} --entries entries.json"));
    assert_eq!(installed["entries"][1]["address_family"], "AF_INET6");
    assert_eq!(place.ids(), [1001, 1002, 1003, 1004, 1005, 1006]);
}

#[test]
fn wrong_installations_change_nothing() {
    let place = Place::new();
    place.ok(&format!("install transport ./mine.so --provider {PROVIDER} --like 1001"));
    fs::write(place.path("bad.json"), "[{\"name\": 5}]").unwrap();
    for (arguments, status, part) in [
        ("install transport ./mine.so", 2, "say what it serves"),
        ("install transport ./none.so --like 1001", 1, "none.so: there is no such file"),
        ("install transport ./mine.so --like 9", 1, "there is no entry 9"),
        ("install transport ./mine.so --like x", 2, "neither the number of an entry nor a GUID"),
        ("install transport ./mine.so --name x --family AF_FOO --type 1", 2, "\"AF_FOO\" is not an address family"),
        ("install transport ./mine.so --name x --family 2 --type 1 --service-flags NO", 2, "\"NO\" is not a flag"),
        ("install transport ./mine.so --name x --family 2", 2, "--type"),
        ("install transport ./mine.so --entries bad.json", 1, "bad.json: "),
        ("install transport ./mine.so --entries none.json", 1, "none.json: No such file"),
        ("install transport --like 1001", 2, "MODULE"),
        (&format!("install transport ./mine.so --provider {PROVIDER} --like 1002"), 1, "is installed already"),
        ("install name-space ./mine.so --name N --name-space 0", 1, "refuses"),
        (
            &format!("install name-space ./mine.so --provider {PROVIDER} --name N --name-space 12"),
            1,
            "transport provider",
        ),
        ("install", 2, "Usage"),
    ] {
        assert_has(&place.fails(arguments, status), part);
    }
}

#[test]
fn removal_refuses_while_a_chain_refers() {
    let place = Place::new();
    place.ok(&format!("install transport ./mine.so --provider {PROVIDER} --like 1001 --name Base --first"));
    let layer = place.json(&format!("install layer ./mine.so --provider {OTHER} --name Layer --over {PROVIDER}"));
    assert_eq!(layer["entries"].as_array().unwrap().len(), 2);
    assert_eq!(place.ids(), [1007, 1005, 1001, 1002, 1003, 1004, 1006]);
    assert_has(&place.ok("list"), "1007  Layer over [Base]       1006 > 1005  AF_INET SOCK_STREAM 6");

    for target in ["1005", "1006", PROVIDER, OTHER] {
        let said = place.fails(&format!("remove {target}"), 1);
        assert_has(&said, "chains have it as a part: 1007\n");
        assert_has(&said, "--cascade");
    }
    let removed = place.ok("remove 1005 --cascade");
    assert_has(&removed, "removed 1007  Layer over [Base]");
    assert_has(&removed, "removed 1005  Base");
    assert_eq!(place.ids(), [1001, 1002, 1003, 1004, 1006]);
}

#[test]
fn name_space_providers_are_installed_ordered_disabled_and_removed() {
    let place = Place::new();
    fs::write(place.path("blob"), [1, 0xab]).unwrap();
    place.ok(&format!("install name-space ./mine.so --provider {PROVIDER} --name One --name-space 12 --blob blob"));
    place.ok(&format!("install name-space ./mine.so --provider {OTHER} --name Two --name-space 15"));
    assert_has(&place.ok("list"), &format!("{PROVIDER}  One           name space 12  enabled"));
    assert_eq!(place.json(&format!("show {PROVIDER}"))["providers"][0]["blob"], "01ab");

    let disabled = place.json(&format!("disable {PROVIDER}"));
    assert_eq!(disabled["providers"][0]["active"], false);
    assert_has(&place.ok("list"), "One           name space 12  disabled");
    place.ok(&format!("enable {PROVIDER}"));
    assert_has(&place.ok("list"), "One           name space 12  enabled");
    place.ok(&format!("remove {DNS}"));

    assert_eq!(place.json(&format!("order {OTHER}"))["order"], serde_json::json!([OTHER, PROVIDER]));
    assert_has(&place.fails(&format!("order {OTHER} 1001"), 2), "one catalog only");
    assert_has(&place.fails(&format!("remove {OTHER} {THIRD}"), 1), &format!("there is no provider {THIRD}"));
    assert_has(&place.fails("disable 1001", 2), "only name space providers");
    assert_has(&place.fails(&format!("enable {THIRD}"), 1), "there is no provider");
    assert_has(&place.ok(&format!("remove {OTHER} {PROVIDER}")), "removed ");
    assert_has(&place.ok("list"), "  none\n");
}

#[test]
fn damage_is_found_told_and_repaired() {
    let place = Place::new();
    assert_eq!(place.ok("verify"), "both catalogs are sound\n");
    place.ok(&format!("install transport ./mine.so --provider {PROVIDER} --like 1001"));
    fs::remove_file(place.path("mine.so")).unwrap();
    let output = place.run("verify");
    assert_eq!(output.status.code(), Some(1));
    assert_has(&text(&output.stdout), "protocols: warning: ");
    assert_has(&text(&output.stdout), "mine.so does not exist");

    let file = place.path("catalog/protocols.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("AF_INET\"", "AF_NOWHERE\"")).unwrap();
    let said = place.fails("list", 1);
    assert_has(&said, "is not a valid catalog");
    assert_has(&said, "windlass catalog repair");
    assert_has(&place.fails("order 1002", 1), "is not a valid catalog");
    let output = place.run("verify --json");
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["sound"], &found["protocols"][0]["severity"]), (&false.into(), &"error".into()));

    let repaired = place.ok("repair");
    assert_has(&repaired, "protocols: kept, without what could not be used\n");
    assert_has(&repaired, "the damaged file is ");
    assert_has(&repaired, "name spaces: nothing to repair\n");
    assert_eq!(place.ids(), [1001, 1002, 1003, 1004, 1005], "all could be had from the last good copy");
}

#[test]
fn a_backup_brings_both_catalogs_back() {
    let place = Place::new();
    place.ok(&format!("install transport ./mine.so --provider {PROVIDER} --like 1001 --first"));
    place.ok(&format!("install name-space ./mine.so --provider {OTHER} --name N --name-space 12"));
    let saved = place.ok("backup saved.toml");
    assert_eq!(saved, "saved 5 protocol entries and 2 name space providers: saved.toml\n");

    place.ok(&format!("remove {PROVIDER}"));
    place.ok(&format!("remove {OTHER}"));
    assert_eq!(place.json("restore saved.toml")["restored"]["entries"], 5);
    assert_eq!(place.ids(), [1005, 1001, 1002, 1003, 1004]);
    assert_has(&place.ok("list"), "name space 12");

    fs::write(place.path("bad.toml"), "format = 1\n").unwrap();
    assert_has(&place.fails("restore bad.toml", 1), "bad.toml");
    assert_has(&place.fails("restore none.toml", 1), "none.toml: there is no such file");
    assert_has(&place.fails("backup no/folder/x.toml", 1), "no/folder");
}

#[test]
fn the_option_wins_over_the_variable() {
    let place = Place::new();
    place.ok(&format!("--catalog elsewhere install transport ./mine.so --provider {PROVIDER} --like 1001"));
    assert!(place.path("elsewhere/protocols.toml").exists());
    assert!(!place.path("catalog").exists());
    assert_has(&place.ok("list --catalog elsewhere"), "1005");
    assert_has(&place.fails("list --catalog mine.so", 2), "mine.so: not a folder");
}

#[test]
fn a_full_disk_is_told_when_printing() {
    let place = Place::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["catalog", "list"])
        .env("WINDLASS_CATALOG", place.path("catalog"))
        .stdout(full)
        .output()
        .expect("windlass runs");
    assert_eq!(output.status.code(), Some(1));
    assert_has(&text(&output.stderr), "standard output: No space left");
}

#[test]
fn wrong_targets_are_told_apart() {
    let place = Place::new();
    for (arguments, status, part) in [
        ("show 7", 1, "there is no entry 7"),
        ("show", 2, "<ID|GUID>"),
        ("remove 7", 1, "there is no entry 7"),
        ("remove 1001 seven", 2, "neither the number of an entry nor a GUID"),
        (&format!("remove {THIRD}"), 1, "there is no provider"),
        ("order 1001 7", 1, "there is no entry 7"),
        ("lst", 2, "list"),
        ("", 2, "Usage: windlass catalog"),
    ] {
        assert_has(&place.fails(arguments, status), part);
    }
}
