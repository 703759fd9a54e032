//! A short soak: sockets and operations at random from many threads, while start-up and clean-up go on. `scripts/soak`
//! runs it for longer, and watched by sanitizers.

mod support;

const SOURCES: [&str; 5] = [
    "crates/capi/tests/soak/soak.c",
    "crates/capi/tests/soak/sockets.c",
    "crates/capi/tests/soak/operations.c",
    "crates/capi/tests/soak/processes.c",
    "crates/capi/tests/soak/memory.c",
];

/// Every operation ends once, or silently and aborted at the last clean-up; nothing is left and nothing comes later.
// proves: OV-6, OV-10, WSP-CLEANUP-8, WSP-CLEANUP-9, WSP-CLEANUP-11
#[test]
fn every_operation_ends_once_or_silently_at_the_last_clean_up() {
    let program = support::Program::build(&SOURCES);
    program.run(&["2", "1"]);
    program.run(&["1", "2", "without-rings"]);
}
