//! `windlass lookup`, over the built-in catalog and files of the test's own.

use std::process::{Command, Output};

/// Looks up with hosts that only this test knows, and no server to ask.
fn lookup(words: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "192.0.2.7 harbour.test harbour\n2001:db8::7 harbour.test harbour\n").expect("a file");
    let nobody = folder.path().join("resolv.conf");
    std::fs::write(&nobody, "nameserver [127.0.0.1]:9\noptions timeout:1 attempts:1\n").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.env("WINDLASS_CATALOG", folder.path().join("catalog")).env("WINDLASS_HOSTS", hosts);
    command.env("WINDLASS_RESOLV_CONF", nobody).arg("lookup").args(words);
    command.output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_host_is_found_by_its_provider_with_all_addresses() {
    let output = lookup(&["harbour"]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    assert!(out.starts_with("Windlass DNS  ("), "{out}");
    assert!(out.contains("192.0.2.7") && out.contains("2001:db8::7"), "{out}");
}

#[test]
fn an_address_is_a_name_to_look_up_too() {
    let output = lookup(&["192.0.2.7"]);
    assert!(text(&output.stdout).contains("harbour.test"), "{}", text(&output.stdout));
}

#[test]
fn json_says_who_answered_what() {
    let output = lookup(&["harbour", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["answers"][0]["provider"], "Windlass DNS");
    let addresses = json["answers"][0]["results"][0]["addresses"].as_array().expect("a list");
    assert!(addresses.contains(&"192.0.2.7".into()), "{json:#}");
    assert!(json["answers"][0]["error"].is_null(), "{json:#}");
}

#[test]
fn a_name_that_nobody_knows_is_status_1_and_an_error_of_each_provider() {
    let output = lookup(&["nowhere.invalid"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("WSA"), "{}", text(&output.stdout));
}

#[test]
fn nobody_to_ask_is_said() {
    let output = lookup(&["harbour", "--namespace", "email"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no provider"), "{}", text(&output.stderr));
    assert_eq!(lookup(&["harbour", "--namespace", "nonsense"]).status.code(), Some(2));
}
