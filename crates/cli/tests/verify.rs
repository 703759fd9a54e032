//! `windlass run --verify`: each sin of tests/c/sins.c is found where it is committed, and nothing else is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

fn windlass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.env_remove("WINDLASS_HOME").env("WINDLASS_CATALOG", "/nonexistent/catalog");
    command
}

/// The program, built once for all tests.
fn sins() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify");
        std::fs::create_dir_all(&folder).expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/sins.c");
        let printed = windlass()
            .args(["run", "--print-command"])
            .arg(source)
            .current_dir(&folder)
            .output()
            .expect("windlass runs");
        let command = String::from_utf8(printed.stdout).expect("text");
        let built = Command::new("sh").args(["-c", &command]).current_dir(&folder).output().expect("a shell");
        assert!(built.status.success() && built.stderr.is_empty(), "{}", String::from_utf8_lossy(&built.stderr));
        folder.join("sins")
    })
}

fn run(options: &[&str], sin: &str) -> Output {
    windlass().arg("run").args(options).arg(sins()).args(["--", sin]).output().expect("windlass runs")
}

fn verified(sin: &str) -> Value {
    let output = run(&["--verify", "--slow-call", "150", "--report", "json"], sin);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// The sin is the one finding, of this rule, told by this function; its own C function is in the stack, with file and line.
#[track_caller]
fn assert_found(sin: &str, rule: &str, function: &str) {
    assert_found_as(sin, sin, rule, function);
}

#[track_caller]
fn assert_found_as(kind: &str, sin: &str, rule: &str, function: &str) {
    let report = verified(sin);
    let list = report["violations"]["list"].as_array().expect("a list");
    let [found] = &list[..] else { panic!("{report:#}") };
    assert_eq!((&found["kind"], &found["rule"], &found["function"]), (&kind.into(), &rule.into(), &function.into()));
    assert_eq!(found["count"], report["violations"]["count"], "{found:#}");
    assert_eq!(found["program"], sins().to_str().expect("text"));
    assert!(found["thread"].as_i64() > Some(0) && found["pid"].as_i64() > Some(0), "{found:#}");
    let frames = found["stack"].as_array().expect("frames");
    let here =
        |frame: &&Value| frame["function"] == sin && frame["source"].as_str().is_some_and(|at| at.contains("sins.c:"));
    assert!(frames.iter().any(|frame| here(&frame)), "{found:#}");
    assert!(frames[0]["source"].as_str().is_some_and(|at| at.contains("sins.c:")), "{found:#}");
}

macro_rules! sins {
    ($($(#[$proof:meta])* $test:ident: $sin:ident, $rule:literal, $function:literal;)*) => {
        $($(#[$proof])* #[test] fn $test() { assert_found(stringify!($sin), $rule, $function); })*
    };
}

sins! {
    unbalanced_start_ups_are_found: startup_without_cleanup, "WSA-CLEANUP-2", "WSAStartup";
    use_after_clean_up_is_found: call_after_cleanup, "WSA-STARTUP-6", "send";
    sockets_that_are_never_closed_are_found: socket_never_closed, "WSA-CLEANUP-6", "socket";
    sockets_closed_twice_are_found: handle_closed_twice, "WSP-CLOSE-1", "closesocket";
    events_closed_twice_are_found: event_closed_twice, "WPU-EVT-2", "WSACloseEvent";
    events_that_are_never_closed_are_found: event_never_closed, "WPU-EVT-3", "WSACreateEvent";
    sockets_closed_under_another_thread_are_found: socket_closed_under_owner, "WSP-CLOSE-3", "closesocket";
    structures_that_are_wiped_and_used_again_are_found: overlapped_reused, "OV-11", "WSARecv";
    buffers_that_are_used_again_are_found: buffer_reused, "OV-10", "WSARecv";
    buffers_that_change_while_they_are_sent_are_found: buffer_changed, "OV-10", "closesocket";
    structures_on_a_stack_that_is_gone_are_found: overlapped_freed, "OV-10", "send";
    buffers_on_a_heap_that_are_freed_are_found: buffer_freed, "OV-10", "HeapFree";
    calls_that_wait_in_a_routine_are_found: blocking_call_in_routine, "API-17", "recv";
    calls_that_take_too_long_are_found: slow_call, "MODE-5", "WSAAccept";
    locks_held_into_a_callback_are_found: lock_held_into_callback, "OV-13", "SleepEx";
}

#[test]
fn operations_of_extension_functions_are_watched_too() {
    assert_found_as("overlapped_reused", "overlapped_of_accept_ex_reused", "OV-11", "WSARecv");
}

#[test]
fn a_careful_program_and_the_examples_have_no_findings() {
    assert_eq!(verified("none")["violations"]["count"], 0);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c");
    for example in ["echo.c", "overlapped_event.c", "overlapped_routine.c", "connect_reuse.c", "rio_echo.c"] {
        let output = windlass().args(["run", "--verify"]).arg(examples.join(example)).output().expect("windlass runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("nothing against it"), "{example}: {said}");
    }
}

#[test]
fn without_it_nothing_is_watched() {
    let output = run(&[], "overlapped_reused");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("nothing against it"), "{said}");
    let output = run(&["--slow-call", "5"], "none");
    assert_eq!(output.status.code(), Some(2), "a limit without --verify means nothing");
}

#[test]
fn the_text_tells_thread_and_lines() {
    let output = run(&["--verify"], "buffer_reused");
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "buffer of a pending operation used by WSARecv (WSARecv on socket ",
        "[OV-10]\n",
        " of sins (",
        "buffer_reused at ",
        "main at ",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert!(!said.contains("libws2_32"), "{said}");
}
