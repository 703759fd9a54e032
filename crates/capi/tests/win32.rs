//! The slice of Win32 from C: each test of a program runs in a process of its own.

mod support;

use std::io::Read;
use std::process::Stdio;

use support::Program;

fn run(source: &str) {
    support::run_tests_of(&format!("crates/capi/tests/c/{source}"));
}

#[test]
fn handles_waits_semaphores_and_mutexes() {
    run("win32_objects.c");
}

#[test]
fn threads_procedure_calls_and_their_storage() {
    run("win32_threads.c");
}

#[test]
fn locks_in_memory() {
    run("win32_locks.c");
}

#[test]
fn completion_ports() {
    run("win32_ports.c");
}

#[test]
fn heaps_and_blocks() {
    run("win32_memory.c");
}

#[test]
fn code_pages_messages_and_safe_strings() {
    run("win32_text.c");
}

#[test]
fn time_environment_modules_and_control_events() {
    run("win32_system.c");
}

/// Debug text reaches the standard error only if it is asked for.
#[test]
fn debug_text_is_for_who_asks() {
    let program = Program::build(&["crates/capi/tests/c/win32_system.c"]);
    let said = |wanted: Option<&str>| {
        let mut command = program.command();
        command.env_remove("WINDLASS_DEBUG_OUTPUT").envs(wanted.map(|value| ("WINDLASS_DEBUG_OUTPUT", value)));
        let mut child = command.arg("debug_text").stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut text = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("text");
        assert!(child.wait().expect("it ends").success(), "{text}");
        text
    };
    assert_eq!(said(None), "");
    assert_eq!(said(Some("0")), "");
    assert_eq!(said(Some("1")), "narrow\nwide é\n");
}

/// A control event that no handler takes does what the signal did before.
#[test]
fn a_signal_that_nobody_handles_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    let program = Program::build(&["crates/capi/tests/c/win32_system.c"]);
    let output = program.command().arg("unhandled_control_event").output().expect("the program starts");
    assert_eq!(output.status.signal(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
