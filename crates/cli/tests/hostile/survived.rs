//! What a program on the runtime sees.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use wsp_hostile::{Fault, VARIABLE};

use crate::module;
use crate::support::{Program, catalog_with, libraries};

/// A run of the program with this fault.
fn run(program: &Program, fault: Fault, arguments: &[&str]) -> Output {
    let catalog = catalog_with(&module());
    let name = Fault::ALL.iter().find(|(known, _)| *known == fault).expect("it has a name").1;
    let mut command = Command::new(&program.path);
    command.args(arguments).env("WINDLASS_CATALOG", catalog.path()).env("LD_LIBRARY_PATH", libraries());
    command.env_remove("WINDLASS_REPORT_FD").env(VARIABLE, name).output().expect("it starts")
}

fn program() -> Program {
    Program::build(&["crates/cli/tests/c/hostile_provider.c"])
}

#[track_caller]
fn prints(program: &Program, fault: Fault, lines: &str) {
    let output = run(program, fault, &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!("{}survived\n", lines.repeat(2));
    assert!(
        output.status.success() && said == expected,
        "{fault:?}: {}: {said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

// proves: WSP-STARTUP-15, WSP-STARTUP-16, WSP-STARTUP-17
#[test]
fn providers_that_cannot_be_used_are_refused_with_the_documented_error() {
    let program = program();
    prints(&program, Fault::OldVersion, "socket 10105\n");
    prints(&program, Fault::Hole, "socket 10104\n");
    prints(&program, Fault::StartFails, "socket 10106\n");
}

// proves: SEL-11
#[test]
fn lc_err_6_what_a_provider_does_not_say_is_a_system_failure() {
    let program = program();
    prints(&program, Fault::RegistersNothing, "socket 10107\n");
    let output = run(&program, Fault::SilentErrors, &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.ends_with("survived\n"), "{said}");
}

// proves: WSA-CLEANUP-10
#[test]
fn faults_that_programs_can_live_with() {
    let program = program();
    for fault in [
        Fault::RawVersion,
        Fault::StartSlow,
        Fault::StartMakesHandle,
        Fault::StartCallsBack,
        Fault::FirstUpcalls,
        Fault::ForgetsCount,
        Fault::CleanupFails,
        Fault::CleanupSetsEvents,
        Fault::LateUpcall,
        Fault::LeavesThread,
        Fault::LeaksDescriptors,
        Fault::CompletesTwice,
        Fault::KeepsEvents,
        Fault::LocksUpcalls,
    ] {
        prints(&program, fault, "");
    }
}

/// Outputs are what the provider wrote (RT-2), and the program goes on.
#[test]
fn rt_2_outputs_out_of_bounds_stay_the_providers_own() {
    let program = program();
    for fault in [
        Fault::BytesBeyond,
        Fault::AddressBeyond,
        Fault::OddResult,
        Fault::OthersHandle,
        Fault::NeverTells,
        Fault::IgnoresRefusal,
        Fault::ClosesAnything,
    ] {
        let output = run(&program, fault, &[]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.ends_with("survived\n"), "{fault:?}: {}: {said}", output.status);
    }
}

/// The module stays mapped, and WSACleanup returns.
// proves: UNLOAD-2
#[test]
fn unload_2_a_call_that_does_not_end_does_not_hold_the_clean_up() {
    let output = run(&program(), Fault::RecvHangs, &["in a thread"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.ends_with("survived\n"), "{}: {said}", output.status);
}

/// No exception of a provider crosses into the program: the process ends at the boundary, at once.
#[test]
fn unwinding_out_of_a_provider_ends_the_process() {
    let program = program();
    for fault in [Fault::Panics, Fault::Unwinds] {
        let output = run(&program, fault, &[]);
        assert_eq!(output.status.signal(), Some(6), "{fault:?}: SIGABRT, not {}", output.status);
    }
}
