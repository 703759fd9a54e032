//! Options, output and exit status.

use crate::check;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_checks_can_be_listed_and_chosen_by_rule() {
    let all = text(&check(&["--list"]).stdout);
    let some = text(&check(&["--list", "--rule", "wsp-cleanup-*"]).stdout);
    for name in ["version_negotiation", "open_sockets_are_reset", "linger"] {
        assert!(all.lines().any(|line| line == name), "{name} is not in\n{all}");
    }
    assert!(some.contains("open_sockets_are_reset") && !some.lines().any(|line| line == "linger"), "{some}");
    let output = check(&["--rule", "NO-SUCH-*"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn without_a_provider_those_of_the_catalog_are_checked() {
    let output = check(&["--rule", "WSP-STARTUP-13"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("builtin:tcpip") && said.contains("1 passed, 0 failed"), "{said}");
    assert!(output.stderr.is_empty(), "no progress where nobody watches: {}", text(&output.stderr));
}

#[test]
fn results_are_written_for_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("junit.xml");
    let output = check(&["1002", "--rule", "WSP-STARTUP-*", "--junit", file.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let xml = std::fs::read_to_string(file).expect("written");
    assert!(xml.contains("<testcase classname=\"Windlass UDP over IPv4\" name=\"table_is_full\""), "{xml}");
}

#[test]
fn what_is_not_there_is_wrong_use() {
    let alien = tempfile::NamedTempFile::new().expect("a file");
    for provider in ["4711", "builtin:none", "/no/such/file.so", "00000000-0000-0000-0000-000000000001"] {
        let output = check(&[provider]);
        assert_eq!(output.status.code(), Some(2), "{provider}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty());
    }
    // A file that is no module is a provider that fails.
    let output = check(&[alien.path().to_str().expect("text"), "--rule", "WSP-STARTUP-13"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("WSP-STARTUP-3"), "{}", text(&output.stdout));
}
