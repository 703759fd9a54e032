//! What the checker says.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use wsp_hostile::{Fault, VARIABLE};

use crate::module;

/// A fault, the rules whose checks are run, the rule that they name, and what came back in part.
type Row = (Fault, &'static str, &'static str, &'static str);

const ROWS: [Row; 32] = [
    (Fault::OldVersion, "WSP-STARTUP-16", "WSP-STARTUP-16", "wVersion 1.1"),
    (Fault::RawVersion, "WSP-STARTUP-9", "WSP-STARTUP-8", "wVersion 2.2"),
    (Fault::Hole, "WSP-STARTUP-14", "WSP-STARTUP-14", "lpWSPSend is null"),
    (Fault::StartFails, "WSP-STARTUP-13", "WSP-STARTUP-8", "WSAEPROCLIM"),
    (Fault::StartSlow, "WSP-STARTUP-5", "WSP-STARTUP-5", "success after"),
    (Fault::StartMakesHandle, "UPV-2", "UPV-2", "WPUCreateSocketHandle"),
    // There is no Winsock to call back in the checker's process, and nothing wrong with it.
    (Fault::StartCallsBack, "WSP-STARTUP-*", "", ""),
    (Fault::FirstUpcalls, "WSP-STARTUP-7", "WSP-STARTUP-7", "table A"),
    (Fault::ForgetsCount, "WSP-CLEANUP-4", "WSP-CLEANUP-4", "WSANOTINITIALISED"),
    (Fault::CleanupHangs, "WSP-CLEANUP-19", "WSP-CLEANUP-19", "had not ended after 5 s, in WSPCleanup"),
    (Fault::CleanupFails, "WSP-STARTUP-13", "WSP-CLEANUP-1", "WSAENETDOWN"),
    (Fault::CleanupSetsEvents, "WSP-CLEANUP-8", "WSP-CLEANUP-8", "the event is set"),
    (Fault::LateUpcall, "WSP-CLEANUP-28", "UPV-1", "an upcall"),
    (Fault::LeavesThread, "WSP-CLEANUP-18", "WSP-CLEANUP-18", "threads of the provider are left"),
    (Fault::LeaksDescriptors, "WSP-CLEANUP-18", "WSP-CLEANUP-18", "descriptors are open"),
    (Fault::RegistersNothing, "WPU-MIH-3", "WSP-SOCK-5", "which the runtime does not know"),
    (Fault::OthersHandle, "WPU-CSH-3", "WPU-CSH-3", "different handles"),
    (Fault::IgnoresRefusal, "WSP-SOCK-5", "WSP-SOCK-5", "success"),
    (Fault::ClosesAnything, "WPU-CLSH-2", "WSP-CLOSE-1", "success"),
    (Fault::SilentErrors, "WSP-CONN-9", "LC-ERR-1", "*lpErrno is 0"),
    (Fault::OddResult, "WSP-BIND-2", "LC-NUM-1", "7"),
    (Fault::BytesBeyond, "WSP-RECV-2", "WSP-RECV-1", "1048576 bytes"),
    (Fault::AddressBeyond, "WSP-GSN-2", "WSP-GSN-1", "4096 bytes"),
    (Fault::CompletesTwice, "OV-8", "OV-6", "set twice"),
    (Fault::NeverTells, "OV-13", "OV-4", "the routine does not run"),
    (Fault::KeepsEvents, "OV-8", "OV-8", "the event is set"),
    (Fault::LocksUpcalls, "UPV-6", "RT-4", "it does not return"),
    (Fault::Panics, "MODE-1", "WSP-RECV-2", "crashed with SIGABRT in WSPSend"),
    (Fault::Unwinds, "MODE-1", "WSP-RECV-2", "crashed with SIGABRT in WSPSend"),
    (Fault::Crashes, "MODE-1", "WSP-RECV-2", "crashed with SIGSEGV in WSPSend"),
    (Fault::Exits, "MODE-1", "WSP-RECV-2", "ended the process with status 3 in WSPSend"),
    (Fault::RecvHangs, "WSP-CLEANUP-7", "WSP-CLEANUP-6", "it does not return"),
];

fn check(fault: Fault, rules: &str) -> (Value, Option<i32>) {
    let catalog = tempfile::tempdir().expect("a folder");
    let name = Fault::ALL.iter().find(|(known, _)| *known == fault).expect("it has a name").1;
    // The limit of the hang is short; others need the checker's own patience of 15 seconds.
    let limit = if fault == Fault::CleanupHangs { "5" } else { "50" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.args(["check", "--json", "--like", "1001,1002", "--limit", limit, "--rule", rules]).arg(module());
    let output = command.env(VARIABLE, name).env("WINDLASS_CATALOG", catalog.path()).output().expect("it starts");
    let results = serde_json::from_slice::<Value>(&output.stdout);
    let results = results.unwrap_or_else(|_| panic!("{fault:?}: {}", String::from_utf8_lossy(&output.stderr)));
    (results["providers"][0].clone(), output.status.code())
}

/// What is wrong with the results.
fn missed((fault, rules, rule, came_back): Row) -> Option<String> {
    let (results, status) = check(fault, rules);
    let checks = results["checks"].as_array().expect("a list").iter();
    let mut failures = checks.filter_map(|check| check["failures"].as_array()).flatten();
    let is_named = |failure: &Value| {
        failure["rule"] == rule && failure["came_back"].as_str().is_some_and(|text| text.contains(came_back))
    };
    let is_right = if rule.is_empty() { status == Some(0) } else { failures.any(is_named) && status == Some(1) };
    (!is_right).then(|| format!("{fault:?}: {rule} is not named: {results:#}"))
}

#[test]
fn the_checker_names_every_fault() {
    let all: HashSet<_> = Fault::ALL.iter().map(|(_, name)| name).collect();
    assert_eq!((all.len(), ROWS.len()), (Fault::ALL.len(), Fault::ALL.len()), "each fault has a row");
    // They wait more than they work.
    let (queue, wrong) = (Mutex::new(ROWS.iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = queue.lock().expect("no panic").next();
            let Some(row) = next else { return };
            wrong.lock().expect("no panic").extend(missed(*row));
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_provider_without_a_fault_keeps_the_contract() {
    let catalog = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.args(["check", "--like", "1001,1002"]).arg(module()).env("WINDLASS_CATALOG", catalog.path());
    let output = command.env_remove(VARIABLE).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
