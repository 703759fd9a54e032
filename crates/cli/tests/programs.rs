//! `windlass run` with real programs over the real library: what the report says of them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn windlass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.env_remove("WINDLASS_HOME").env("WINDLASS_CATALOG", "/nonexistent/catalog");
    command
}

fn echo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c/echo.c")
}

/// Builds a source of its own, and runs it with a JSON report.
fn run(source: &str) -> (Output, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("program.c");
    fs::write(&file, source).expect("a source");
    let output = windlass().args(["run", "--report", "json"]).arg(&file).output().expect("windlass runs");
    let report = report(&output.stderr);
    (output, report)
}

#[track_caller]
fn report(stderr: &[u8]) -> Value {
    let text = String::from_utf8_lossy(stderr);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The kinds of mistakes, the functions and how often.
fn mistakes(report: &Value) -> Vec<(String, String, u64)> {
    let list = report["violations"]["list"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    list.iter().map(|m| (text(&m["kind"]), text(&m["function"]), m["count"].as_u64().expect("a count"))).collect()
}

#[test]
fn the_echo_example_keeps_the_contract() {
    let output = windlass().args(["run", "--report", "json"]).arg(echo()).output().expect("windlass runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let report = report(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{report:#}");
    assert!(said.lines().last().is_some_and(|line| line.ends_with(" passed, 0 failed")), "{said}");
    assert_eq!(mistakes(&report), []);
    assert_eq!(report["violations"]["count"], 0);
    assert_eq!(report["complete"], true);
    assert!(report["sockets"]["opened"].as_u64() > Some(10), "{report:#}");
    assert_eq!(report["sockets"]["opened"], report["sockets"]["closed"]);
    assert_eq!(report["sockets"]["reset"], 0);
    assert!(report["operations"]["completed"].as_u64() > Some(10), "{report:#}");
    assert!(report["providers"]["started"].as_u64() >= Some(1), "{report:#}");
    assert_eq!(report["providers"]["started"], report["providers"]["cleaned_up"]);
}

#[test]
fn every_kind_of_mistake_is_told_with_its_call() {
    let (output, report) = run(r#"
        #include <winsock2.h>
        int main(void)
        {
            WSADATA data;
            SOCKET s;
            if (socket(AF_INET, SOCK_STREAM, 0) != INVALID_SOCKET)
                return 1;
            if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
                return 2;
            s = socket(AF_INET, SOCK_STREAM, 0);
            if (s == INVALID_SOCKET || closesocket(s) != 0)
                return 3;
            if (closesocket(s) != SOCKET_ERROR || WSAGetLastError() != WSAENOTSOCK)
                return 4;
            if (send(s, "x", 1, 0) != SOCKET_ERROR || recv(s, (char *)&data, 1, 0) != SOCKET_ERROR)
                return 5;
            if (listen(INVALID_SOCKET, 1) != SOCKET_ERROR)
                return 6;
            if (socket(AF_INET, SOCK_DGRAM, 0) == INVALID_SOCKET || socket(AF_INET, SOCK_DGRAM, 0) == INVALID_SOCKET)
                return 7;
            if (WSACleanup() != 0)
                return 8;
            if (socket(AF_INET, SOCK_STREAM, 0) != INVALID_SOCKET || WSAGetLastError() != WSANOTINITIALISED)
                return 9;
            WSAStartup(MAKEWORD(2, 2), &data);
            WSAStartup(MAKEWORD(2, 2), &data);
            return 0;
        }
    "#);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let expected = [
        ("call_after_cleanup", "socket", 1),
        ("call_before_startup", "socket", 1),
        ("handle_closed_twice", "closesocket", 1),
        ("socket_never_closed", "socket", 2),
        ("stale_handle", "recv", 1),
        ("stale_handle", "send", 1),
        ("startup_without_cleanup", "WSAStartup", 2),
        ("unknown_handle", "listen", 1),
    ];
    let expected = expected.map(|(kind, function, count)| (kind.to_owned(), function.to_owned(), count));
    assert_eq!(mistakes(&report), expected);
    assert_eq!(report["violations"]["count"], 10);
    assert_eq!(report["sockets"]["reset"], 2);
}

#[test]
fn a_program_killed_in_the_middle_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("waits.c");
    fs::write(
        &source,
        r#"
        #include <winsock2.h>
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        int main(void)
        {
            WSADATA data;
            struct sockaddr_in address;
            SOCKET s;
            memset(&address, 0, sizeof address);
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
                return 1;
            s = socket(AF_INET, SOCK_STREAM, 0);
            if (bind(s, (struct sockaddr *)&address, sizeof address) != 0 || listen(s, 1) != 0)
                return 2;
            printf("%d\n", (int)getpid());
            fflush(stdout);
            accept(s, NULL, NULL);
            return 3;
        }
        "#,
    )
    .expect("a source");
    let mut child = windlass()
        .args(["run", "--report", "json"])
        .arg(&source)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let pid = line.trim().parse().ok().and_then(Pid::from_raw).expect("the pid of the program");
    kill_process(pid, Signal::KILL).expect("killed");
    let mut said = Vec::new();
    child.stderr.take().expect("piped").read_to_end(&mut said).expect("the report");
    let status = child.wait().expect("an end");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    let report = report(&said);
    assert_eq!(report["status"]["signal"]["name"], "SIGKILL");
    assert_eq!(report["complete"], false);
    assert_eq!((&report["providers"]["started"], &report["providers"]["cleaned_up"]), (&1.into(), &0.into()));
}

#[test]
fn a_program_in_cxx_and_one_built_before_run_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("program.cpp");
    fs::write(
        &source,
        "#include <winsock2.h>\n#include <iostream>\n\
         int main() { WSADATA d; if (WSAStartup(MAKEWORD(2, 2), &d) != 0) return 1;\n\
         SOCKET s = socket(AF_INET6, SOCK_DGRAM, 0); if (s == INVALID_SOCKET) return 2;\n\
         std::cout << d.szSystemStatus << std::endl; closesocket(s); return WSACleanup(); }\n",
    )
    .expect("a source");
    let printed = windlass()
        .args(["run", "--print-command", "program.cpp"])
        .current_dir(folder.path())
        .output()
        .expect("windlass runs");
    let command = String::from_utf8_lossy(&printed.stdout).into_owned();
    let built = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().expect("a shell");
    assert!(built.status.success() && built.stderr.is_empty(), "{}", String::from_utf8_lossy(&built.stderr));
    for what in ["program.cpp", "program"] {
        let output = windlass().args(["run", what]).current_dir(folder.path()).output().expect("windlass runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"Running\n"[..]), "{said}");
        assert!(said.contains("1 opened, 1 closed, 0 reset"), "{said}");
        assert!(said.contains("nothing against it"), "{said}");
    }
}
