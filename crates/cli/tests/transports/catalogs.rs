//! Catalogs with more than one transport.

use std::fs;

use windlass_abi::XP1_IFS_HANDLES;
use windlass_catalog::ProtocolEntry;

use crate::place::{Place, Transport};
use crate::support::{Program, root};

fn program() -> Program {
    Program::build(&["crates/cli/tests/c/transports.c"])
}

/// A catalog in which one transport serves IPv4 and another IPv6.
fn mixed(four: Transport, six: Transport) -> Place {
    let place = Place::new();
    place.install_for(four, "AF_INET");
    place.install_for(six, "AF_INET6");
    place
}

// proves: SEL-3, SEL-4, RT-3, WPU-CSH-3, API-9
#[test]
fn sel_3_each_family_has_the_transport_that_serves_it() {
    let program = program();
    for (four, six, names) in [
        (Transport::Memory, Transport::Plain, "In-memory TCP over IPv4\nPlain C TCP over IPv6\n"),
        (Transport::Plain, Transport::Memory, "Plain C TCP over IPv4\nIn-memory TCP over IPv6\n"),
        (Transport::Loaded, Transport::Memory, "Windlass TCP over IPv4\nIn-memory TCP over IPv6\n"),
    ] {
        assert_eq!(mixed(four, six).output_of(&program, &["two_at_once"]), names);
    }
    // The rest of the families falls to what comes after.
    let place = Place::new();
    place.install_for(Transport::Memory, "AF_INET");
    assert_eq!(place.output_of(&program, &["two_at_once"]), "In-memory TCP over IPv4\nWindlass TCP over IPv6\n");
}

// proves: WSP-SELECT-1
#[test]
fn api_11_a_select_goes_to_the_transport_of_its_first_socket() {
    let program = program();
    mixed(Transport::Memory, Transport::Plain).output_of(&program, &["select_over_two"]);
    mixed(Transport::Loaded, Transport::Memory).output_of(&program, &["select_over_two"]);
}

// proves: API-S10
#[test]
fn api_15_a_poll_goes_to_the_transport_of_its_first_socket() {
    mixed(Transport::Memory, Transport::Plain).output_of(&program(), &["poll_over_two"]);
}

// proves: WSA-STARTUP-9
#[test]
fn wep_1_programs_see_what_is_installed_in_its_order() {
    let names = |prefix: &str| {
        let of = |family| ["TCP", "UDP"].map(|protocol| format!("{prefix} {protocol} over {family}\n")).concat();
        ["IPv4", "IPv6"].map(of).concat()
    };
    let place = Place::with(Transport::Memory);
    place.install(Transport::Plain);
    let expected = names("Plain C") + &names("In-memory") + &names("Windlass");
    assert_eq!(place.output_of(&program(), &["enumerate"]), expected);
}

#[test]
fn wsp_startup_27_a_path_may_name_the_environment() {
    let (program, built) = (program(), Place::with(Transport::Plain));
    let folder = built.path("");
    let entries = root().join("examples/c/provider/entries.json");
    for path in ["%WINDLASS_MODULES%/libplain.so", "$WINDLASS_MODULES/libplain.so", "${WINDLASS_MODULES}/libplain.so"] {
        let place = Place::new();
        place.install_module(&["--entries", entries.to_str().expect("text")], path);
        let run = |folder: &std::path::Path| {
            place.run(&program.path).arg("served").env("WINDLASS_MODULES", folder).output().expect("it runs")
        };
        let output = run(&folder);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Plain C TCP over IPv4\n", "{path}");
        // It is expanded anew for each process.
        assert!(!run(std::path::Path::new("/nonexistent")).status.success(), "{path}");
    }
}

// proves: WPU-CSH-6
#[test]
fn the_entries_to_install_are_those_of_the_provider() {
    let file = fs::read(root().join("providers/memory/entries.json")).expect("entries");
    let listed: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&file).expect("a list");
    let entries = windlass_memory::entries().map(|info| ProtocolEntry::from_info(&info).expect("an entry"));
    assert_eq!(listed.len(), entries.len());
    for (listed, entry) in listed.iter().zip(&entries) {
        let entry = serde_json::to_value(entry).expect("JSON");
        for (key, value) in listed {
            assert_eq!(&entry[key], value, "{key} of {}", entry["name"]);
        }
    }
    assert!(windlass_memory::entries().iter().all(|info| info.dwServiceFlags1 & XP1_IFS_HANDLES == 0));
}
