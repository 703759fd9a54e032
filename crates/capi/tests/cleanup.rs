//! The last WSACleanup, clause by clause, as a C program sees it: through the library, over kernel sockets, with peers
//! that use plain POSIX sockets. Each case is a process of its own.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use support::Program;

static PROGRAM: LazyLock<Program> =
    LazyLock::new(|| Program::build(&["crates/capi/tests/c/cleanup.c", "crates/capi/tests/c/peer.c"]));

// proves: WSP-CLEANUP-6, WSP-CLEANUP-7, WSP-CLEANUP-18, WSP-CLEANUP-24
#[test]
fn wsa_cleanup_4_blocking_calls_of_every_thread_return() {
    PROGRAM.run(&["blocking"]);
}

// proves: WSP-CLEANUP-4, WSP-CLEANUP-5, WSA-CLEANUP-1, WSA-CLEANUP-3, WSA-STARTUP-6, WSA-STARTUP-7
#[test]
fn wsa_cleanup_2_only_the_last_call_cleans_up() {
    PROGRAM.run(&["counts"]);
}

// proves: WSA-CLEANUP-2
#[test]
fn wsp_cleanup_4_a_pending_call_outlives_a_clean_up_that_is_not_the_last() {
    PROGRAM.run(&["counts_pending"]);
}

// proves: WSP-CLEANUP-6, WSP-CLEANUP-28, WSA-CLEANUP-4, WSP-CLOSE-4
#[test]
fn wsp_cleanup_6_event_objects_are_left_alone() {
    PROGRAM.run(&["events"]);
}

// proves: WSA-CLEANUP-6, WSP-CLEANUP-14, WSP-CLEANUP-15
#[test]
fn wsp_cleanup_14_open_sockets_are_reset() {
    PROGRAM.run(&["reset"]);
}

// proves: WSP-CLEANUP-16, WSP-CLEANUP-17, WSP-CLOSE-5
#[test]
fn wsp_cleanup_16_a_closed_sockets_megabyte_is_delivered() {
    PROGRAM.run(&["delivery"]);
}

// proves: WSP-CLEANUP-16, CONTRA-3
#[test]
fn wsp_cleanup_17_the_data_is_delivered_though_the_module_is_unmapped() {
    let catalog = support::catalog_with(&support::libraries().join("libwsp_tcpip.so"));
    let mut command = PROGRAM.command();
    support::must_work(command.env("WINDLASS_CATALOG", catalog.path()).args(["delivery", "libwsp_tcpip.so"]));
}

// proves: WSP-CLEANUP-17, WSP-CLEANUP-18, WSP-CLEANUP-19, UNLOAD-1, UNLOAD-2, WSP-STARTUP-3
#[test]
fn wsp_cleanup_18_the_module_is_unmapped_and_no_thread_is_left() {
    let run = |module: &str, path: &std::path::Path| {
        let catalog = support::catalog_with(path);
        support::must_work(PROGRAM.command().env("WINDLASS_CATALOG", catalog.path()).args(["unload", module]));
    };
    run("libwsp_tcpip.so", &support::libraries().join("libwsp_tcpip.so"));
    let folder = tempfile::tempdir().expect("a folder");
    run("libplain.so", &support::build_plain_provider(folder.path(), &[]));
}

// proves: WSA-CLEANUP-12, WSP-CLEANUP-20
#[test]
fn wsp_cleanup_20_a_thousand_restarts_without_growth() {
    PROGRAM.run(&["restart"]);
}

// proves: UNLOAD-6
#[test]
fn unload_6_the_child_of_a_fork_starts_anew() {
    PROGRAM.run(&["forked"]);
}

// proves: WSP-CLEANUP-21
#[test]
fn wsp_cleanup_21_a_process_that_is_killed_stops_nobody() {
    let (mut held, port) = hold("0");
    held.kill().expect("it can be killed");
    held.wait().expect("it ends");
    PROGRAM.run(&["bind", &port]);
}

/// Starts a program that holds a port, and returns when it does.
fn hold(port: &str) -> (Child, String) {
    let mut child = PROGRAM.command().args(["hold", port]).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it tells its port");
    (child, line.trim().to_owned())
}
