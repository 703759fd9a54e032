//! C programs against the headers and the library: each test of a program runs in a process of its own, with an empty
//! place for catalogs.

mod support;

use std::process::Command;

use support::Program;

/// Runs every test of a program; all that fail are told of.
fn run(source: &str) {
    let program = Program::build(&[&format!("crates/capi/tests/c/{source}")]);
    let list = String::from_utf8(program.run(&[]).stdout).expect("names are text");
    let failed: Vec<String> = list.lines().filter_map(|test| failure(&program, test)).collect();
    assert!(list.lines().count() > 3, "{source} lists its tests");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What a test prints if it fails.
fn failure(program: &Program, test: &str) -> Option<String> {
    let catalog = tempfile::tempdir().expect("a folder");
    let mut command: Command = program.command();
    let output = command.env("WINDLASS_CATALOG", catalog.path()).arg(test).output().expect("the program starts");
    let text = format!("{test}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then_some(text)
}

#[test]
fn events_errors_and_what_needs_no_start_up() {
    run("events.c");
}

#[test]
fn sockets_from_their_making_to_their_end() {
    run("sockets.c");
}

#[test]
fn select_with_large_sets() {
    run("select.c");
}

#[test]
fn addresses_and_names_as_text() {
    run("text.c");
}

#[test]
fn the_catalog_functions() {
    run("catalog.c");
}

#[test]
fn hostile_programs() {
    run("hostile.c");
}

#[test]
fn what_programs_do_not_see() {
    run("quiet.c");
}
