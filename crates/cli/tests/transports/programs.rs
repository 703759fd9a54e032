//! The same programs, compiled once, on every transport.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::place::{Place, Transport};
use crate::support::{Program, must_work, root};

/// examples/c/echo.c, compiled as `windlass run` says.
fn echo(place: &Place) -> PathBuf {
    let source = root().join("examples/c/echo.c");
    let printed = must_work(place.windlass(&["run", "--print-command"]).arg(source));
    let command = String::from_utf8(printed.stdout).expect("a command");
    must_work(std::process::Command::new("sh").args(["-c", &command]).current_dir(place.path("")));
    place.path("echo")
}

fn report_of(place: &Place, program: &Path) -> Value {
    let output = must_work(place.windlass(&["run", "--report", "json"]).arg(program));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().last().is_some_and(|line| line == "18 passed, 0 failed"), "{said}");
    serde_json::from_slice(&output.stderr).expect("a report")
}

// proves: WSA-STARTUP-10, WSP-STARTUP-4
#[test]
fn rt_3_the_echo_example_runs_on_every_transport_unchanged() {
    let home = Place::new();
    let echo = echo(&home);
    for transport in Transport::ALL {
        let place = Place::new();
        let module = place.install(transport).map(|(module, _)| module);
        let report = report_of(&place, &echo);
        let expected = module.map_or("builtin:tcpip".into(), |path| path.display().to_string());
        let modules: Vec<_> =
            report["providers"]["list"].as_array().expect("a list").iter().map(|p| &p["module"]).collect();
        assert_eq!(modules, [expected.as_str()], "{transport:?}");
        assert_eq!((&report["providers"]["started"], &report["providers"]["cleaned_up"]), (&1.into(), &1.into()));
        assert_eq!(report["sockets"]["opened"], report["sockets"]["closed"], "{transport:?}");
        assert_eq!(report["violations"]["count"], 0, "{transport:?}: {report:#}");
    }
}

// proves: WSP-CLOSE-1, WSP-CLOSE-2, WSP-CLOSE-3, WSP-CLEANUP-6, WSP-CLEANUP-7, WSP-CLEANUP-25, WSP-ACCEPT-6
#[test]
fn wsp_close_2_no_call_is_left_waiting_on_any_transport() {
    let program = Program::build(&["crates/cli/tests/c/transports.c"]);
    for transport in Transport::ALL {
        let place = Place::with(transport);
        let cases = [
            "close_ends_waiting_calls",
            "clean_up_ends_waiting_calls",
            "two_close_one_socket",
            "a_condition_function_calls_back",
        ];
        for case in cases {
            println!("{transport:?}: {case}");
            place.output_of(&program, &[case]);
        }
    }
}

/// What the programs of `crates/capi/tests/c` ask for that a transport does not offer. All else of them works.
fn not_offered(transport: Transport) -> &'static [&'static str] {
    // Entries beside the built-in ones are an addition to the catalog, which one test counts.
    const ADDED: &str = "wep_1_the_protocols";
    const OUT_OF_BAND: [&str; 2] = ["api_s11_what_polling_tells", "api_11_all_three_sets_at_once"];
    const DUPLICATES: [&str; 2] = ["api_s17_a_socket_in_two_processes", "api_s17_a_second_descriptor_in_this_process"];
    const MULTICAST: &str = "a_s13_a_multicast_group_on_loopback";
    // These handles are the runtime's: completing overlapped requests on them is not there yet.
    const OVERLAPPED: &str = "a_s40_completing_what_is_not_the_runtimes";
    const NETWORK_EVENTS: [&str; 2] =
        ["a_s09_network_events_from_connect_to_close", "a_s08_a_failed_connect_has_its_error_in_the_record"];
    const OPTIONS: &str = "a_b21_options_come_back_as_they_were_set";
    const EXTENSIONS: &str = "api_x1_a_function_of_the_provider";
    match transport {
        Transport::LinkedIn | Transport::Loaded => &[ADDED],
        Transport::Memory => {
            &[ADDED, OUT_OF_BAND[0], OUT_OF_BAND[1], DUPLICATES[0], DUPLICATES[1], MULTICAST, OVERLAPPED]
        }
        Transport::Plain => &[
            ADDED,
            OUT_OF_BAND[0],
            OUT_OF_BAND[1],
            DUPLICATES[0],
            DUPLICATES[1],
            MULTICAST,
            NETWORK_EVENTS[0],
            NETWORK_EVENTS[1],
            OPTIONS,
            EXTENSIONS,
        ],
    }
}

// proves: RT-1, RT-2, RT-3, RT-7, STUB-7, WSP-CLEANUP-20, WSP-CLEANUP-23, WSP-CLEANUP-24
#[test]
fn stub_7_what_a_transport_offers_works_as_on_any_other() {
    let build = |source: &str| Program::build(&[&format!("crates/capi/tests/c/{source}.c")]);
    let programs = ["sockets", "select", "events", "text", "hostile"].map(build);
    for transport in [Transport::Loaded, Transport::Memory, Transport::Plain] {
        let place = Place::with(transport);
        let mut failed = Vec::new();
        for program in &programs {
            for test in place.output_of(program, &[]).lines() {
                let output = place.run(&program.path).arg(test).output().expect("it runs");
                let is_offered = !not_offered(transport).contains(&test);
                if output.status.success() != is_offered {
                    let said = String::from_utf8_lossy(&output.stderr);
                    failed.push(format!("{test} ({}): {said}", if is_offered { "offered" } else { "not offered" }));
                }
            }
        }
        assert!(failed.is_empty(), "{transport:?}:\n{}", failed.join("\n"));
    }
}

// proves: WSA-CLEANUP-4, WSP-CLEANUP-4, WSP-CLEANUP-6, WSP-CLEANUP-14, WSP-CLEANUP-16, WSP-CLEANUP-20
#[test]
fn wsp_cleanup_5_the_last_clean_up_of_every_transport() {
    let program = Program::build(&["crates/capi/tests/c/cleanup.c", "crates/capi/tests/c/peer.c"]);
    // With a peer that is no Winsock program, which only the kernel connects.
    let with_peer = ["blocking", "counts", "counts_pending", "reset", "delivery"];
    for (transport, cases) in [(Transport::Plain, &with_peer[..]), (Transport::Memory, &[])] {
        let place = Place::with(transport);
        for case in cases.iter().chain(&["restart"]) {
            must_work(place.run(&program.path).arg(case));
        }
    }
}
