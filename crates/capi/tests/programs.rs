//! C programs against the headers and the library: each test of a program runs in a process of its own, with an empty
//! place for catalogs.

mod support;

/// Runs every test of a program; all that fail are told of.
fn run(source: &str) {
    support::run_tests_of(&format!("crates/capi/tests/c/{source}"));
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

#[test]
fn name_space_providers_of_version_2() {
    run("names_v2.c");
}
