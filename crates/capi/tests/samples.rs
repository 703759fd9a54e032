//! Programs as one finds them for Windows: each compiles unchanged as C11 and C++17, without a warning but for pragmas of
//! another compiler, and runs.

mod support;

use std::process::Command;

use support::{must_work, root};

/// The compilers that are there, with the language that each is told.
fn compilers() -> Vec<(&'static str, [&'static str; 3])> {
    const ALL: [(&str, [&str; 3]); 4] = [
        ("cc", ["-x", "c", "-std=c11"]),
        ("c++", ["-x", "c++", "-std=c++17"]),
        ("clang", ["-x", "c", "-std=c11"]),
        ("clang++", ["-x", "c++", "-std=c++17"]),
    ];
    let there = |name: &str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    ALL.into_iter().filter(|(name, _)| there(name)).collect()
}

fn run(sample: &str) {
    let compilers = compilers();
    assert!(compilers.len() >= 2, "a C and a C++ compiler are there");
    let folder = tempfile::tempdir().expect("a folder");
    let libraries = support::libraries();
    for (compiler, language) in compilers {
        let program = folder.path().join(compiler);
        let mut command = Command::new(compiler);
        command.args(language).args(["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-O2"]);
        command.arg("-I").arg(root().join("include"));
        command.arg(root().join("crates/capi/tests/samples").join(sample)).arg("-o").arg(&program);
        command.arg(format!("-L{}", libraries.display())).args(["-lws2_32", "-pthread"]);
        must_work(&mut command);
        let mut command = Command::new(&program);
        command.env("WINDLASS_CATALOG", folder.path().join("catalog")).env("LD_LIBRARY_PATH", &libraries);
        must_work(&mut command);
    }
}

#[test]
fn a_blocking_server_and_its_client() {
    run("blocking.c");
}

#[test]
fn receives_that_complete_by_event_and_by_routine() {
    run("overlapped.c");
}

#[test]
fn functions_found_at_run_time_and_texts_of_errors() {
    run("functions.c");
}

#[test]
fn workers_on_a_completion_port() {
    run("workers.c");
}

#[test]
fn a_server_of_select_and_clients_of_events() {
    run("select.c");
}
