//! The same programs over chains of layers: IFS, non-IFS and mixed, one deep and five.

use std::path::PathBuf;

use serde_json::Value;

use crate::place::{Place, Transport};
use crate::support::{Program, libraries, must_work, root};

/// The layers of a chain, the outermost first: whether each is an IFS layer.
const CHAINS: [&[bool]; 4] = [&[true], &[true; 5], &[false], &[true, false, true, false, true]];

/// Installs chains over the transport that comes first. Each layer is a copy of the module, so that the loader takes it for another.
fn install(place: &Place, chain: &[bool]) {
    for (at, ifs) in chain.iter().enumerate().rev() {
        let module: PathBuf = place.path(&format!("liblayer{at}.so"));
        std::fs::copy(libraries().join("libwsp_pass.so"), &module).expect("a module");
        let name = format!("layer {at}");
        let mut install =
            place.windlass(&["catalog", "install", "layer", "--name", &name, "--over", "1001,1002,1003,1004"]);
        if *ifs {
            install.arg("--ifs");
        }
        must_work(install.arg(module));
    }
}

fn place_with(chain: &[bool]) -> Place {
    let place = Place::new();
    install(&place, chain);
    place
}

fn report_of(place: &Place, arguments: &[&str]) -> Value {
    let output = must_work(place.windlass(&["run", "--report", "json"]).args(arguments));
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
}

#[track_caller]
fn assert_clean(report: &Value) {
    assert_eq!(report["providers"]["started"], report["providers"]["cleaned_up"], "{report:#}");
    assert_eq!(report["sockets"]["opened"], report["sockets"]["closed"], "{report:#}");
    assert_eq!(report["violations"]["count"], 0, "{report:#}");
}

// proves: LSP-1, LSP-2, WSP-STARTUP-19, WSP-STARTUP-23, WSP-CLEANUP-22, RT-5, CAT-PI-8
#[test]
fn lsp_1_examples_run_over_every_chain_unchanged() {
    let examples = ["echo", "overlapped_event", "overlapped_routine", "iocp_echo", "iocp_batch"];
    for chain in CHAINS {
        let place = place_with(chain);
        for example in examples {
            // It asks for no packets of immediate successes, which is not offered for handles of the runtime's.
            if example == "iocp_batch" && chain.contains(&false) {
                continue;
            }
            println!("{chain:?}: {example}");
            let source = root().join(format!("examples/c/{example}.c"));
            let report = report_of(&place, &[source.to_str().expect("text")]);
            assert_clean(&report);
        }
    }
}

/// What the programs of `crates/capi/tests/c` ask for that does not work over a chain.
fn not_offered(chain: &[bool]) -> Vec<&'static str> {
    // These look at the catalog: one counts the entries, one has room for sixteen.
    let mut not = vec!["wep_1_the_protocols"];
    if chain.len() > 2 {
        not.push("sel_2_an_entry_by_its_number");
    }
    if chain.contains(&false) {
        not.extend(NOT_OVER_NON_IFS);
    }
    not
}

const NOT_OVER_NON_IFS: [&str; 8] = [
    // Their handles are the runtime's, which may be completed, and are not told from others by their provider.
    "a_s40_completing_what_is_not_the_runtimes",
    "a_socket_is_associated_once",
    "wsp_dup_4_duplicates_share_the_port",
    "successes_of_the_call_can_do_without_packets",
    // Cancelling single operations does not go through a layer.
    "operations_are_cancelled_alone_or_together",
    "cancel_io_means_the_threads_own",
    "ov_22_a_control_code_has_its_packet",
    // Calls a function of the layer's module when that has been unloaded (UNLOAD-3).
    "t_api_7_pointers_of_extension_functions",
];

// proves: LSP-4, LSP-5, API-X6, WSP-DUP-8, WSP-STARTUP-20, WSP-SOCK-8, WPU-QSC-1, OV-19
#[test]
fn lsp_5_programs_find_over_a_chain_what_they_find_without_one() {
    let build = |source: &str| Program::build(&[&format!("crates/capi/tests/c/{source}.c")]);
    let names = [
        "sockets",
        "select",
        "events",
        "text",
        "hostile",
        "overlapped",
        "overlapped_rules",
        "ports",
        "connections",
        "messages",
        "extension_ports",
        "transmit",
    ];
    let programs = names.map(build);
    let mut failed = Vec::new();
    for chain in CHAINS {
        let place = place_with(chain);
        for program in &programs {
            for test in place.output_of(program, &[]).lines() {
                // Takes for granted which of two accepts a connection goes to, which the threads at a port decide elsewhere.
                if test == "api_x18_closes_are_told_by_the_port" {
                    continue;
                }
                let output = place.run(&program.path).arg(test).output().expect("it runs");
                let is_offered = !not_offered(chain).contains(&test);
                if output.status.success() != is_offered {
                    let said = String::from_utf8_lossy(&output.stderr);
                    failed.push(format!(
                        "{chain:?}: {test} ({}): {said}",
                        if is_offered { "offered" } else { "not offered" }
                    ));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

// proves: WSP-CLEANUP-6, WSP-CLEANUP-14, WSP-CLEANUP-16, WSP-CLEANUP-20, WSP-CLEANUP-22
#[test]
fn wsp_cleanup_22_the_last_clean_up_through_every_chain() {
    let program = Program::build(&["crates/capi/tests/c/cleanup.c", "crates/capi/tests/c/peer.c"]);
    for chain in CHAINS {
        let place = place_with(chain);
        for case in ["blocking", "counts", "counts_pending", "reset", "delivery", "restart"] {
            println!("{chain:?}: {case}");
            must_work(place.run(&program.path).arg(case));
        }
    }
}

// proves: LSP-1, WPU-CSH-1
#[test]
fn a_chain_stands_over_a_transport_whose_handles_are_the_runtimes() {
    for kind in [&[true][..], &[false], &[false, true]] {
        let place = Place::with(Transport::Memory);
        for (at, ifs) in kind.iter().enumerate().rev() {
            let module = place.path(&format!("liblayer{at}.so"));
            std::fs::copy(libraries().join("libwsp_pass.so"), &module).expect("a module");
            let mut install = place.windlass(&["catalog", "install", "layer", "--name", &format!("layer {at}")]);
            install.args(["--over", "1001,1002,1003,1004"]);
            if *ifs {
                install.arg("--ifs");
            }
            must_work(install.arg(module));
        }
        println!("{kind:?}");
        let source = root().join("examples/c/echo.c");
        assert_clean(&report_of(&place, &[source.to_str().expect("text")]));
    }
}

#[test]
fn layers_can_be_given_for_one_run() {
    let place = Place::new();
    let source = root().join("examples/c/overlapped_event.c");
    let source = source.to_str().expect("text");
    for layers in [&["nonifs"][..], &["pass"], &["nonifs", "pass"], &["pass:anything", "nonifs"]] {
        let arguments: Vec<&str> = layers.iter().flat_map(|layer| ["--layer", *layer]).chain([source]).collect();
        let report = report_of(&place, &arguments);
        assert_clean(&report);
        let outermost = format!("builtin:{}", layers[0].split(':').next().expect("a name"));
        assert_eq!(report["providers"]["list"][0]["module"], outermost.as_str());
        assert!(!place.catalog().exists(), "nothing lasts");
    }
    for (layers, why) in
        [(&["--layer", "no_such"][..], "no such layer"), (&["--layer", "pass", "--layer", "pass"], "given once")]
    {
        let output = place.windlass(&["run"]).args(layers).arg(source).output().expect("it runs");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why), "{said}");
    }
}

/// A program that asks for the base's socket.
const BASE_HANDLE: &str = r#"
#include <stdio.h>
#include <winsock2.h>
#include <mswsock.h>
int main(void) {
    WSADATA data;
    SOCKET s, base = INVALID_SOCKET;
    DWORD bytes = 0;
    struct sockaddr_in name = {AF_INET};
    int length = sizeof name, type = 0;
    if (WSAStartup(0x202, &data)) return 1;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s == INVALID_SOCKET) return 2;
    if (WSAIoctl(s, SIO_BASE_HANDLE, NULL, 0, NULL, 0, &bytes, NULL, NULL) == 0) return 3;
    if (WSAIoctl(s, SIO_BASE_HANDLE, NULL, 0, &base, sizeof base, &bytes, NULL, NULL)) return 4;
    if (bytes != sizeof base || base == INVALID_SOCKET) return 5;
    /* Calls on it reach the base provider. */
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(base, (struct sockaddr *)&name, sizeof name)) return 6;
    if (getsockname(s, (struct sockaddr *)&name, &length) || !name.sin_port) return 7;
    printf("%s\n", base == s ? "same" : "another");
    if (closesocket(s)) return 8;
    if (getsockopt(base, SOL_SOCKET, SO_TYPE, (char *)&type, &length) == 0) return 9;
    return WSACleanup();
}
"#;

#[test]
fn io_3_the_runtime_knows_the_base_handle_whatever_layers_say() {
    for chain in CHAINS {
        let place = place_with(chain);
        let source = place.path("base.c");
        std::fs::write(&source, BASE_HANDLE).expect("a source");
        let output = must_work(place.windlass(&["run", "--quiet"]).arg(&source));
        let expected = if chain.contains(&false) { "another\n" } else { "same\n" };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{chain:?}");
    }
}
