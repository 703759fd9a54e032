//! The plain C provider under the sanitizers of the compiler.

use std::process::Command;

use crate::place::Place;
use crate::support::{self, Program, must_work, root};

/// Whether the compiler can build programs with these flags, and they run.
fn can_build(flags: &[&str]) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, program) = (folder.path().join("a.c"), folder.path().join("a"));
    std::fs::write(&source, "int main(void) { return 0; }\n").expect("a source");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    let built = compiler.args(flags).arg(source).arg("-o").arg(&program).output().is_ok_and(|o| o.status.success());
    built && Command::new(program).output().is_ok_and(|output| output.status.success())
}

/// Runs programs that use the plain provider with many threads, both built with these flags.
fn run(flags: &[&str]) {
    if !can_build(flags) {
        eprintln!("SKIPPED: the compiler has no {}", flags[0]);
        return;
    }
    let place = Place::new();
    let module = support::build_plain_provider(&place.path(""), flags);
    let entries = root().join("examples/c/provider/entries.json");
    place.install_module(&["--entries", entries.to_str().expect("text")], &module);
    let built = |sources: &[&str]| Program::build_with(sources, flags);
    let echo = built(&["examples/c/echo.c"]);
    let hostile = built(&["crates/capi/tests/c/hostile.c"]);
    let cleanup = built(&["crates/capi/tests/c/cleanup.c", "crates/capi/tests/c/peer.c"]);
    let sockets = built(&["crates/capi/tests/c/sockets.c"]);
    let transports = built(&["crates/cli/tests/c/transports.c"]);
    let runs: [(&Program, &[&str]); 12] = [
        (&echo, &[]),
        (&hostile, &["null_pointers_to_sockets"]),
        (&hostile, &["many_threads_on_the_same_sockets"]),
        (&hostile, &["many_threads_while_winsock_ends_and_starts"]),
        (&sockets, &["a_s01_the_condition_function_decides"]),
        (&cleanup, &["counts_pending"]),
        (&cleanup, &["reset"]),
        (&cleanup, &["delivery"]),
        (&transports, &["close_ends_waiting_calls"]),
        (&transports, &["clean_up_ends_waiting_calls"]),
        (&transports, &["two_close_one_socket"]),
        (&transports, &["a_condition_function_calls_back"]),
    ];
    for (program, arguments) in runs {
        // The library is not built with the sanitizer, which cannot see how it keeps order.
        must_work(place.run(&program.path).args(arguments).env("TSAN_OPTIONS", "ignore_noninstrumented_modules=1"));
    }
}

// proves: WSP-CLEANUP-24
#[test]
fn the_plain_provider_has_no_data_races() {
    run(&["-fsanitize=thread", "-fno-sanitize-recover=all"]);
}

#[test]
fn the_plain_provider_keeps_to_its_memory() {
    run(&["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
}
