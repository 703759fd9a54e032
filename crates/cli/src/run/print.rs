//! The report in words, and as JSON.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use serde::Serialize;
use windlass_abi::WsaError;

use crate::run::child::signal_name;
use crate::run::report::{Frame, Mistake, Place, Provider, Summary};

/// One JSON object, without a newline.
pub fn json(program: &str, status: ExitStatus, summary: &Summary) -> String {
    let report = Report { program, status: End::of(status), summary };
    serde_json::to_string(&report).expect("strings and numbers are always JSON")
}

/// A few lines, each ended by a newline.
pub fn text(program: &str, status: ExitStatus, summary: &Summary) -> String {
    let mut out = match End::of(status) {
        End::Exited(code) => format!("windlass: {program} ended with status {code}\n"),
        End::Signal { name, .. } => format!("windlass: {program} was killed by {name}\n"),
    };
    if summary.processes == 0 {
        let why = match status.signal() {
            Some(_) => "nothing was reported before it was killed",
            None => "it did not use Winsock; is it linked with libws2_32.so?",
        };
        line(&mut out, "note", why);
        return out;
    }
    let providers = &summary.providers;
    // A start serves all entries of a provider, so its name is only that of the first; the module is the same for all.
    let modules: Vec<_> = providers.list.iter().map(|p| p.module.as_str()).collect();
    let mut first = format!("{} started, {} cleaned up", providers.started, providers.cleaned_up);
    if !modules.is_empty() {
        write!(first, " ({})", modules.join(", ")).expect("a string");
    }
    line(&mut out, "providers", &first);
    for provider in &providers.list {
        trouble(&mut out, provider);
    }
    match &summary.sockets {
        Some(sockets) => line(
            &mut out,
            "sockets",
            &format!("{} opened, {} closed, {} reset at clean-up", sockets.opened, sockets.closed, sockets.reset),
        ),
        None => line(&mut out, "sockets", "not known: the program ended before it gave its numbers"),
    }
    if let Some(operations) = &summary.operations {
        let text = format!("{} completed, {} aborted", operations.completed, operations.aborted);
        line(&mut out, "operations", &text);
    }
    contract(&mut out, summary);
    if !summary.complete && summary.sockets.is_some() {
        line(&mut out, "note", "a process ended before it gave its numbers; they are not in the sums");
    }
    if summary.dropped > 0 {
        line(&mut out, "note", &format!("{} records were lost", summary.dropped));
    }
    out
}

fn contract(out: &mut String, summary: &Summary) {
    let violations = &summary.violations;
    if violations.count == 0 {
        let kept =
            if summary.complete { "nothing against it" } else { "nothing against it up to the end of the record" };
        line(out, "contract", kept);
        return;
    }
    let times = if violations.count == 1 { "time" } else { "times" };
    line(out, "contract", &format!("broken {} {times}", violations.count));
    for mistake in &violations.list {
        line(out, "", &in_words(mistake));
        if let Some(place) = &mistake.place {
            where_it_was(out, place);
        }
    }
    let told: u64 = violations.list.iter().map(|mistake| mistake.count).sum();
    if violations.count > told {
        line(out, "", &format!("and {} more of the same", violations.count - told));
    }
}

fn in_words(mistake: &Mistake) -> String {
    let what = match mistake.kind.as_str() {
        "startup_without_cleanup" => "start-up without clean-up",
        "socket_never_closed" => "socket never closed, opened",
        "call_before_startup" => "call before the first start-up",
        "call_after_cleanup" => "call after the last clean-up",
        "handle_closed_twice" => "handle closed twice",
        "stale_handle" => "closed handle used",
        "unknown_handle" => "handle that never was a socket used",
        "event_closed_twice" => "event closed twice",
        "event_never_closed" => "event never closed, made",
        "socket_closed_under_owner" => "socket closed while another thread uses it",
        "overlapped_reused" => "OVERLAPPED used again while its operation goes on",
        "buffer_reused" => "buffer of a pending operation used",
        "buffer_changed" => "buffer changed while it was being sent, seen",
        "overlapped_freed" => "OVERLAPPED given back while its operation goes on, seen",
        "buffer_freed" => "buffer given back while an operation has it, seen",
        "blocking_call_in_routine" => "blocking call in a completion routine",
        "slow_call" => "slow call, which must not wait",
        "lock_held_into_callback" => "lock held while the program is called back",
        other => &other.replace('_', " "),
    };
    let mut text = format!("{what} by {}", mistake.function);
    let mut details = Vec::new();
    details.extend(mistake.place.iter().filter_map(|place| place.detail.clone()));
    if mistake.count > 1 {
        details.push(format!("{} times", mistake.count));
    }
    if !mistake.handles.is_empty() {
        let handles: Vec<_> = mistake.handles.iter().map(|&handle| handle_text(handle)).collect();
        let noun = if handles.len() == 1 { "handle" } else { "handles" };
        details.push(format!("{noun} {}", handles.join(", ")));
    }
    if !details.is_empty() {
        write!(text, " ({})", details.join(", ")).expect("a string");
    }
    if mistake.place.is_some() && !mistake.rule.is_empty() {
        write!(text, " [{}]", mistake.rule).expect("a string");
    }
    text
}

/// The thread, and its stack without the frames that are the library's own.
fn where_it_was(out: &mut String, place: &Place) {
    let program = Path::new(&place.program).file_name().unwrap_or_default().to_string_lossy();
    line(out, "", &format!("  in thread {} of {program} ({})", place.thread, place.pid));
    for frame in place.stack.iter().filter(|frame| !is_ours(frame)) {
        line(out, "", &format!("    {}", frame_text(frame)));
        // What is before it is the same for every program.
        if frame.function.as_deref() == Some("main") {
            break;
        }
    }
}

fn is_ours(frame: &Frame) -> bool {
    Path::new(&frame.file).file_name().is_some_and(|name| name.to_string_lossy().starts_with("libws2_32.so"))
}

fn frame_text(frame: &Frame) -> String {
    match (&frame.function, &frame.source) {
        (Some(function), Some(source)) => format!("{function} at {source}"),
        (Some(function), None) => format!("{function} in {}", frame.file),
        (None, Some(source)) => format!("at {source}"),
        (None, None) => format!("{}+{:#x}", frame.file, frame.offset),
    }
}

fn handle_text(handle: u64) -> String {
    if handle == u64::MAX { "INVALID_SOCKET".to_owned() } else { handle.to_string() }
}

fn trouble(out: &mut String, provider: &Provider) {
    for &code in &provider.errors {
        line(out, "", &format!("{}: clean-up failed with {}", provider.name, code_text(code)));
    }
    if provider.kept_mapped > 0 {
        line(out, "", &format!("{}: stays loaded, as its calls did not end in time", provider.name));
    }
}

fn code_text(code: i32) -> String {
    let error = WsaError::from_code(code);
    if error.name().is_empty() { code.to_string() } else { format!("{} ({code})", error.name()) }
}

fn line(out: &mut String, label: &str, text: &str) {
    writeln!(out, "  {label:<11} {text}").expect("a string");
}

#[derive(Serialize)]
struct Report<'a> {
    program: &'a str,
    status: End,
    #[serde(flatten)]
    summary: &'a Summary,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Exited(i32),
    Signal { number: i32, name: String },
}

impl End {
    fn of(status: ExitStatus) -> Self {
        match status.signal() {
            Some(number) => Self::Signal { number, name: signal_name(number) },
            None => Self::Exited(status.code().unwrap_or(-1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::Records;

    fn summary(packets: &[&str]) -> Summary {
        let mut records = Records::default();
        packets.iter().for_each(|packet| records.take(packet.as_bytes()));
        records.summary()
    }

    const RUN: [&str; 3] = [
        r#"{"event":"provider_started","id":1,"name":"TCP/IP","module":"builtin:tcpip","pid":5}"#,
        r#"{"event":"provider_cleaned_up","id":1,"name":"TCP/IP","error":0,"unloaded":true,"pid":5}"#,
        r#"{"event":"counters","providers_started":1,"providers_cleaned_up":1,"sockets_opened":3,"sockets_closed":3,
            "operations_completed":9,"pid":5}"#,
    ];

    #[test]
    fn a_program_that_keeps_the_contract_gets_five_lines() {
        assert_eq!(
            text("echo.c", ExitStatus::from_raw(0), &summary(&RUN)),
            "windlass: echo.c ended with status 0\n\
             \x20 providers   1 started, 1 cleaned up (builtin:tcpip)\n\
             \x20 sockets     3 opened, 3 closed, 0 reset at clean-up\n\
             \x20 operations  9 completed, 0 aborted\n\
             \x20 contract    nothing against it\n"
        );
    }

    #[test]
    fn mistakes_are_told_with_the_call_and_the_handles() {
        let found = summary(&[
            r#"{"event":"violation","kind":"stale_handle","function":"send","handle":7,"pid":5}"#,
            r#"{"event":"violation","kind":"stale_handle","function":"send","handle":9,"pid":5}"#,
            r#"{"event":"violation","kind":"handle_closed_twice","function":"closesocket","handle":18446744073709551615,"pid":5}"#,
            r#"{"event":"violation","kind":"a_new_kind","function":"recv","pid":5}"#,
            r#"{"event":"counters","violations":9,"pid":5}"#,
        ]);
        let out = text("p", ExitStatus::from_raw(1 << 8), &found);
        for part in [
            "p ended with status 1\n",
            "contract    broken 9 times\n",
            "closed handle used by send (2 times, handles 7, 9)\n",
            "handle closed twice by closesocket (handle INVALID_SOCKET)\n",
            "a new kind by recv\n",
            "and 5 more of the same\n",
        ] {
            assert!(out.contains(part), "{part:?} is not in\n{out}");
        }
    }

    #[test]
    fn the_place_of_a_mistake_is_told_frame_by_frame() {
        let found = summary(&[
            r#"{"event":"violation","kind":"overlapped_reused","rule":"OV-11","function":"WSARecv","handle":7,"detail":"WSASend on socket 7 has it",
                "program":"/tmp/x/p","tid":12,"pid":5,"stack":[{"file":"/lib/libws2_32.so","offset":1},
                {"file":"/tmp/x/p","offset":16,"function":"f","source":"p.c:3"},{"file":"/tmp/x/p","offset":32},
                {"file":"/tmp/x/p","offset":48,"function":"main"},{"file":"/lib/libc.so.6","offset":64}]}"#,
        ]);
        let out = text("p", ExitStatus::from_raw(0), &found);
        let expected = "\
            \x20             OVERLAPPED used again while its operation goes on by WSARecv (WSASend on socket 7 has it, handle 7) [OV-11]\n\
            \x20               in thread 12 of p (5)\n\
            \x20                 f at p.c:3\n\
            \x20                 /tmp/x/p+0x20\n\
            \x20                 main in /tmp/x/p\n";
        assert!(out.ends_with(expected), "{out}");
    }

    #[test]
    fn a_killed_program_is_said_to_be_killed() {
        let out = text("p", ExitStatus::from_raw(9), &summary(&RUN[..1]));
        assert!(out.starts_with("windlass: p was killed by SIGKILL\n"), "{out}");
        assert!(out.contains("sockets     not known"), "{out}");
        assert!(out.contains("up to the end of the record"), "{out}");
        let silent = text("p", ExitStatus::from_raw(9), &summary(&[]));
        assert!(silent.contains("nothing was reported"), "{silent}");
        assert!(text("p", ExitStatus::from_raw(0), &summary(&[])).contains("is it linked"));
    }

    #[test]
    fn failed_clean_ups_are_told_with_the_name_of_the_code() {
        let found = summary(&[
            RUN[0],
            r#"{"event":"provider_cleaned_up","id":1,"name":"TCP/IP","error":10050,"unloaded":false,"pid":5}"#,
        ]);
        let out = text("p", ExitStatus::from_raw(0), &found);
        assert!(out.contains("TCP/IP: clean-up failed with WSAENETDOWN (10050)\n"), "{out}");
        assert!(out.contains("TCP/IP: stays loaded"), "{out}");
    }

    #[test]
    fn json_is_one_object_with_the_same_facts() {
        let value: serde_json::Value =
            serde_json::from_str(&json("echo.c", ExitStatus::from_raw(9), &summary(&RUN))).unwrap();
        assert_eq!(value["program"], "echo.c");
        assert_eq!(value["status"]["signal"]["name"], "SIGKILL");
        assert_eq!(value["sockets"]["opened"], 3);
        assert_eq!(value["providers"]["list"][0]["module"], "builtin:tcpip");
        assert_eq!(value["violations"]["count"], 0);
        assert_eq!(value["complete"], true);
    }
}
