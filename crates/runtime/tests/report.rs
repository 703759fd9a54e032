//! What is told of a program.

mod common;

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use common::child::in_child;
use common::fake::{api, fail, fake, install_fake, succeed};
use common::*;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use serde_json::Value;
use windlass_abi::*;
use windlass_runtime::{self as runtime, Function, report};

/// Runs a test's body in a process that reports, which ends in order; returns the records in the process that started it.
fn reported<F: FnOnce()>(body: F) -> Option<Vec<Value>> {
    reported_over(SocketType::SEQPACKET, body)
}

fn reported_over<F: FnOnce()>(kind: SocketType, body: F) -> Option<Vec<Value>> {
    // Inherited: not closed on exec.
    let (mine, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::empty(), None).unwrap();
    let number = theirs.as_raw_fd().to_string();
    let parent = in_own_process_with(
        |command| {
            command.env("WINDLASS_REPORT_FD", number);
        },
        body,
    );
    parent.then(|| records(&mine))
}

fn records(socket: &OwnedFd) -> Vec<Value> {
    let mut records = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok((len, _)) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
        records.push(serde_json::from_slice(&buffer[..len]).unwrap());
    }
    records
}

fn of<'a>(records: &'a [Value], event: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["event"] == event).collect()
}

fn violations(records: &[Value]) -> Vec<(&str, &str)> {
    of(records, "violation").iter().map(|v| (v["kind"].as_str().unwrap(), v["function"].as_str().unwrap())).collect()
}

#[test]
fn a_clean_program_reports_its_providers_and_numbers() {
    let records = reported(|| {
        install_fake(0);
        fake(0).on("WSPSend", |_| succeed());
        start();
        let sockets: Vec<_> = (0..3).map(|_| open(0).unwrap()).collect();
        for s in &sockets {
            assert_eq!(api::send(*s), Ok(0));
        }
        fake(0).on("WSPSend", |_| fail(WSAEINTR));
        assert_eq!(api::send(sockets[0]), Err(WSAEINTR));
        fake(0).on("WSPSend", |_| fail(WSAEWOULDBLOCK));
        assert_eq!(api::send(sockets[0]), Err(WSAEWOULDBLOCK));
        for s in sockets {
            runtime::close_socket(s).unwrap();
        }
        end();
        report::at_exit();
    });
    let Some(records) = records else { return };
    let [started] = of(&records, "provider_started")[..] else { panic!("{records:?}") };
    assert_eq!((&started["name"], &started["module"]), (&"fake 0".into(), &"builtin:fake0".into()));
    assert!(started["id"].is_u64());
    let [cleaned] = of(&records, "provider_cleaned_up")[..] else { panic!("{records:?}") };
    assert_eq!((&cleaned["id"], &cleaned["error"], &cleaned["unloaded"]), (&started["id"], &0.into(), &true.into()));
    assert!(violations(&records).is_empty());
    let counters = of(&records, "counters");
    assert_eq!(counters.len(), 2, "after the last clean-up, and at the end");
    for (name, value) in [
        ("providers_started", 1),
        ("providers_cleaned_up", 1),
        ("sockets_opened", 3),
        ("sockets_closed", 3),
        ("sockets_reset", 0),
        ("operations_completed", 3),
        ("operations_aborted", 1),
        ("violations", 0),
        ("dropped", 0),
    ] {
        assert_eq!(counters[1][name], value, "{name}");
    }
    let pid = &started["pid"];
    assert!(records.iter().all(|record| record["pid"] == *pid && record["pid"] != std::process::id()));
}

#[test]
fn each_violation_is_told_with_the_call_that_did_it() {
    let records = reported(|| {
        install_fake(0);
        assert!(open(0).is_err());
        start();
        let s = open(0).unwrap();
        let left = open(0).unwrap();
        assert!(api::listen(4000).is_err());
        runtime::close_socket(s).unwrap();
        assert!(runtime::close_socket(s).is_err());
        assert!(api::send(s).is_err());
        end();
        assert!(api::recv(left).is_err());
        assert!(runtime::cleanup().is_err());
        start();
        assert!(api::recv(left).is_err());
        start();
        open(0).unwrap();
        report::at_exit();
    });
    let Some(records) = records else { return };
    assert_eq!(
        violations(&records),
        [
            ("call_before_startup", "socket"),
            ("unknown_handle", "listen"),
            ("handle_closed_twice", "closesocket"),
            ("stale_handle", "send"),
            ("socket_never_closed", "socket"),
            ("call_after_cleanup", "recv"),
            ("call_after_cleanup", "WSACleanup"),
            ("stale_handle", "recv"),
            ("startup_without_cleanup", "WSAStartup"),
            ("socket_never_closed", "socket"),
        ]
    );
    let told = of(&records, "violation");
    assert_eq!(told[1]["handle"], 4000);
    assert_eq!(told[2]["handle"], told[3]["handle"]);
    assert!(told[0].get("handle").is_none() && told[0].get("count").is_none());
    assert_eq!(told[8]["count"], 2);
    assert!(told.iter().all(|record| record["tid"].as_i64().unwrap() > 0));
    let counters = of(&records, "counters");
    let last = counters.last().unwrap();
    assert_eq!((&last["violations"], &last["sockets_reset"]), (&11.into(), &1.into()));
}

#[test]
fn clean_ups_that_fail_and_modules_that_stay_mapped_are_told() {
    let records = reported(|| {
        install_fake(0);
        install_fake(1);
        runtime::limits::set_drain(Duration::from_millis(50));
        fake(0).on("WSPCleanup", |_| fail(WSAENETDOWN));
        fake(1).on("WSPListen", |_| {
            end();
            succeed()
        });
        start();
        open(0).unwrap();
        let s = open(1).unwrap();
        assert_eq!(api::listen(s), Ok(0));
    });
    let Some(records) = records else { return };
    let told: Vec<_> =
        of(&records, "provider_cleaned_up").iter().map(|r| (&r["name"], &r["error"], &r["unloaded"])).collect();
    // The last started goes first.
    let expected = [("fake 1", 0, false), ("fake 0", WSAENETDOWN, true)];
    let expected: Vec<(Value, Value, Value)> = expected.map(|(n, e, u)| (n.into(), e.into(), u.into())).into();
    assert_eq!(told, expected.iter().map(|(n, e, u)| (n, e, u)).collect::<Vec<_>>());
}

#[test]
fn a_child_made_by_fork_reports_for_itself() {
    let records = reported(|| {
        install_fake(0);
        fake(0).on("WSPSend", |_| succeed());
        start();
        let s = open(0).unwrap();
        assert_eq!(api::send(s), Ok(0));
        in_child(|| {
            assert!(api::send(s).is_err());
            start();
            let mine = open(0).unwrap();
            assert!((0..5).all(|_| api::send(mine) == Ok(0)));
            report::at_exit();
            true
        });
        runtime::close_socket(s).unwrap();
        end();
    });
    let Some(records) = records else { return };
    let counters = of(&records, "counters");
    let numbers: Vec<_> = counters.iter().map(|c| (&c["operations_completed"], &c["violations"])).collect();
    assert_eq!(numbers, [(&5.into(), &3.into()), (&1.into(), &0.into())]);
    assert_ne!(counters[0]["pid"], counters[1]["pid"]);
    let told =
        [("call_before_startup", "send"), ("startup_without_cleanup", "WSAStartup"), ("socket_never_closed", "socket")];
    assert_eq!(violations(&records), told);
}

#[test]
fn a_flood_of_the_same_is_counted_and_told_in_part() {
    let records = reported(|| {
        start();
        for _ in 0..500 {
            assert!(api::listen(4000).is_err());
        }
        assert!(api::send(4000).is_err());
        end();
    });
    let Some(records) = records else { return };
    let told = violations(&records);
    assert_eq!(told.iter().filter(|v| **v == ("unknown_handle", "listen")).count() as u64, report::REPEATS);
    assert!(told.contains(&("unknown_handle", "send")));
    assert_eq!(of(&records, "counters")[0]["violations"], 501);
}

#[test]
fn a_reader_that_does_not_read_stops_nothing() {
    let records = reported(|| {
        install_fake(0);
        for _ in 0..2000 {
            start();
            open(0).unwrap();
            end();
        }
        report::at_exit();
    });
    let Some(records) = records else { return };
    assert!(!records.is_empty());
}

#[test]
fn a_program_that_closes_the_descriptor_is_left_alone() {
    let records = reported(|| {
        install_fake(0);
        start();
        // What a daemon does: it closes every descriptor, and opens others in their place.
        let (one, two) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::empty(), None).unwrap();
        for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
            let other: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
            if other > 2 && entry.path().read_link().is_ok_and(|link| link.to_str().unwrap().starts_with("socket:")) {
                let mine = [one.as_raw_fd(), two.as_raw_fd()];
                if !mine.contains(&other) {
                    #[allow(unsafe_code, reason = "a program that closes what is not its own")]
                    // SAFETY: nothing of this test owns the descriptor; the report is what is tried here.
                    unsafe {
                        libc::dup2(one.as_raw_fd(), other)
                    };
                }
            }
        }
        open(0).unwrap();
        end();
        report::at_exit();
        assert!(records(&two).is_empty(), "nothing is written to a descriptor of the program");
    });
    let Some(records) = records else { return };
    assert!(of(&records, "counters").is_empty());
}

#[test]
fn a_descriptor_that_is_no_packet_socket_is_not_used() {
    let records = reported_over(SocketType::STREAM, || {
        start();
        end();
        report::at_exit();
        assert!(!report::is_on());
    });
    assert!(records.is_none_or(|records| records.is_empty()));
}

#[test]
fn without_a_reader_nothing_is_reported() {
    for value in ["", "x", "-1", "99999", "2147483648", "1"] {
        let parent = in_own_process_with(
            |command| {
                command.env("WINDLASS_REPORT_FD", value);
            },
            || {
                install_fake(0);
                start();
                assert!(!report::is_on());
                open(0).unwrap();
                report::violation(report::Violation::StaleHandle, Function::Send, None);
                end();
                report::at_exit();
            },
        );
        if !parent {
            return;
        }
    }
}
