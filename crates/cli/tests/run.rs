//! `windlass run` with programs that stand in for Winsock programs: small scripts that write the same records.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder with an empty library and header, so that nothing has to be built.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        for (folder, file) in [("lib", "libws2_32.so"), ("include", "winsock2.h")] {
            fs::create_dir(place.path(folder)).expect("a folder");
            fs::write(place.path(folder).join(file), "").expect("a file");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        path
    }

    fn windlass(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.env("WINDLASS_HOME", self.folder.path()).current_dir(self.folder.path()).args(arguments);
        for name in ["CC", "CXX", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "LDLIBS", "WINDLASS_CATALOG"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.windlass(arguments).output().expect("windlass runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[track_caller]
fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in:\n{text}");
}

const STARTED: &str =
    r#"say '{"event":"provider_started","id":1,"name":"TCP/IP","module":"builtin:tcpip","pid":'$$'}'"#;
const COUNTERS: &str = r#"say '{"event":"counters","providers_started":1,"providers_cleaned_up":1,"sockets_opened":4,"sockets_closed":3,"sockets_reset":1,"operations_completed":12,"operations_aborted":2,"violations":1,"pid":'$$'}'"#;
const VIOLATION: &str =
    r#"say '{"event":"violation","kind":"socket_never_closed","function":"socket","handle":5,"tid":1,"pid":'$$'}'"#;
const SAY: &str = "say() { printf '%s' \"$1\" >&$WINDLASS_REPORT_FD; }\n";

#[test]
fn streams_arguments_and_status_pass_through() {
    let place = Place::new();
    place.script("program", "cat; echo \"$1|$2\"; echo oops >&2; exit 7\n");
    let mut child = place
        .windlass(&["run", "--quiet", "program", "--", "a b", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    child.stdin.take().expect("piped").write_all(b"in\n").expect("written");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(text(&output.stdout), "in\na b|--quiet\n");
    assert_eq!(text(&output.stderr), "oops\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn the_report_sums_what_the_program_told() {
    let place = Place::new();
    place.script("program", &format!("{SAY}{STARTED}\n{VIOLATION}\n{COUNTERS}\nexit 3\n"));
    let output = place.run(&["run", "program"]);
    assert_eq!(output.status.code(), Some(3));
    let report = text(&output.stderr);
    for part in [
        "windlass: program ended with status 3\n",
        "1 started, 1 cleaned up (builtin:tcpip)\n",
        "4 opened, 3 closed, 1 reset at clean-up\n",
        "12 completed, 2 aborted\n",
        "socket never closed, opened by socket (handle 5)\n",
    ] {
        assert_has(&report, part);
    }
}

#[test]
fn a_json_report_is_one_object_on_standard_error() {
    let place = Place::new();
    place.script("program", &format!("{SAY}{STARTED}\n{COUNTERS}\n"));
    let output = place.run(&["run", "--report", "json", "program"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).expect("one object");
    assert_eq!(report["status"]["exited"], 0);
    assert_eq!(report["sockets"]["reset"], 1);
    assert!(output.stdout.is_empty());
}

#[test]
fn quiet_programs_get_no_report_socket() {
    let place = Place::new();
    place.script("program", "echo \"[$WINDLASS_REPORT_FD]\"\n");
    let output = place.windlass(&["run", "--quiet", "program"]).env("WINDLASS_REPORT_FD", "9").output().expect("runs");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("[]\n".to_owned(), String::new()));
}

#[test]
fn a_killed_program_is_reported_and_windlass_ends_alike() {
    let place = Place::new();
    place.script("program", &format!("{SAY}{STARTED}\nkill -9 $$\n"));
    let output = place.run(&["run", "program"]);
    assert_eq!(output.status.signal(), Some(9));
    let report = text(&output.stderr);
    assert_has(&report, "program was killed by SIGKILL\n");
    assert_has(&report, "1 started, 0 cleaned up");
    assert_has(&report, "sockets     not known");
}

/// Starts a script that says `ready` once it can take signals.
fn start(place: &Place, script: &str) -> (std::process::Child, BufReader<std::process::ChildStdout>) {
    place.script("program", script);
    let mut child = place
        .windlass(&["run", "program"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    (child, out)
}

#[test]
fn signals_reach_the_program() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        let place = Place::new();
        let (mut child, mut out) =
            start(&place, &format!("trap 'echo got {name}; exit 42' {name}\necho ready\nwhile read x; do :; done\n"));
        kill_process(Pid::from_child(&child), signal).expect("sent");
        // The program reads until the signal comes, so its input stays open; the trap ends it.
        let input = child.stdin.take();
        let mut rest = String::new();
        let status = child.wait().expect("an end");
        out.read_to_string(&mut rest).expect("the rest");
        drop(input);
        assert_eq!((rest.as_str(), status.code()), (format!("got {name}\n").as_str(), Some(42)));
    }
}

#[test]
fn a_program_that_dies_of_a_forwarded_signal_ends_windlass_alike() {
    let place = Place::new();
    let (mut child, _out) = start(&place, "echo ready\nread x\n");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
    let _input = child.stdin.take();
    let mut report = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut report).expect("read");
    assert_eq!(child.wait().expect("an end").signal(), Some(15));
    assert_has(&report, "killed by SIGTERM");
}

#[test]
fn an_interrupt_from_the_terminal_reaches_the_program_once() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let place = Place::new();
    place.script(
        "program",
        "n=0\ntrap 'n=$((n+1)); echo interrupted' INT\ntrap 'echo $n in all; exit 0' USR1\n\
         echo ready $PPID\nwhile :; do read x; done\n",
    );
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal of ours");
    let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a path");
    let terminal = || fs::File::options().read(true).write(true).open(&name).expect("the other side");
    // A session of its own, with this as its controlling terminal.
    let mut command = Command::new("setsid");
    let windlass = place.windlass(&["run", "program"]);
    command.args(["--ctty", "--wait"]).arg(windlass.get_program()).args(windlass.get_args());
    command.envs(windlass.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(place.folder.path()).stdin(terminal()).stdout(terminal()).stderr(terminal());
    let mut child = command.spawn().expect("setsid runs");
    drop(command);

    let mut keyboard = fs::File::from(master);
    let mut screen = BufReader::new(keyboard.try_clone().expect("a copy"));
    let mut shown = String::new();
    let mut show_until = |wanted: &str| {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert!(screen.read_line(&mut line).is_ok_and(|length| length > 0), "no {wanted:?} after:\n{shown}");
            shown.push_str(&line);
        }
        line
    };
    let ready = show_until("ready");
    let windlass = ready.split_whitespace().last().and_then(|pid| Pid::from_raw(pid.parse().ok()?)).expect("its pid");
    // While windlass is stopped the program has its interrupt from the terminal; one that windlass passed on as well
    // would come before the next signal.
    kill_process(windlass, Signal::STOP).expect("sent");
    keyboard.write_all(b"\x03").expect("typed");
    show_until("interrupted");
    kill_process(windlass, Signal::CONT).expect("sent");
    kill_process(windlass, Signal::USR1).expect("sent");
    assert_eq!(show_until("in all").trim(), "1 in all");
    show_until("program ended with status 0");
    assert!(child.wait().expect("an end").success());
}

#[test]
fn the_program_starts_with_no_signal_blocked() {
    let place = Place::new();
    place.script("program", "exec grep SigBlk /proc/self/status\n");
    let output = place.run(&["run", "--quiet", "program"]);
    assert_eq!(text(&output.stdout), "SigBlk:\t0000000000000000\n");
}

#[test]
fn a_process_left_behind_does_not_hold_windlass() {
    let place = Place::new();
    // The one that is left keeps the report socket; it ends when this test closes its standard input.
    place.script("program", &format!("{SAY}exec 3<&0\ncat <&3 >/dev/null 2>&1 &\n{COUNTERS}\n"));
    let mut child = place
        .windlass(&["run", "program"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    let input = child.stdin.take();
    let output = child.wait_with_output().expect("an end");
    drop(input);
    assert_eq!(output.status.code(), Some(0));
    assert_has(&text(&output.stderr), "4 opened");
}

#[test]
fn sources_are_compiled_and_the_compilers_refusal_is_told() {
    let place = Place::new();
    fs::write(place.path("bad.c"), "int main(void) { return missing; }\n").expect("a source");
    let output = place.run(&["run", "bad.c"]);
    assert_eq!(output.status.code(), Some(125));
    let said = text(&output.stderr);
    assert_has(&said, "missing");
    assert_has(&said, "the compiler failed");
}

#[test]
fn the_temporary_folder_is_removed() {
    let place = Place::new();
    fs::create_dir(place.path("tmp")).expect("a folder");
    // The "compiler" writes a script where the program is to be.
    let compiler = place.script(
        "compiler",
        "while [ \"$1\" != -o ]; do shift; done\nprintf '#!/bin/sh\\necho ran in $(ls \"$TMPDIR\" | wc -l) folder\\n' > \"$2\"\nchmod +x \"$2\"\n",
    );
    fs::write(place.path("a.c"), "").expect("a source");
    for arguments in [["run", "--quiet", "a.c"], ["run", "--quiet", "missing.c"]] {
        let output = place
            .windlass(&arguments)
            .env("TMPDIR", place.path("tmp"))
            .env("CC", &compiler)
            .output()
            .expect("windlass runs");
        if output.status.success() {
            assert_eq!(text(&output.stdout), "ran in 1 folder\n");
        }
        assert_eq!(fs::read_dir(place.path("tmp")).expect("a folder").count(), 0);
    }
}

#[test]
fn the_compiler_command_is_printed_and_not_run() {
    let place = Place::new();
    fs::write(place.path("a.c"), "").expect("a source");
    let output = place
        .windlass(&["run", "--print-command", "a.c"])
        .env("CC", "gcc-99 -m64")
        .env("CFLAGS", "-DX='1 2'")
        .output()
        .expect("windlass runs");
    let home = place.folder.path().display().to_string();
    assert_eq!(
        text(&output.stdout),
        format!(
            "gcc-99 -m64 -O2 -g -Wall -Wno-unknown-pragmas -pthread -I{home}/include '-DX=1 2' a.c -o a -L{home}/lib \
             -Wl,-rpath,{home}/lib -lws2_32\n"
        )
    );
    assert!(!place.path("a").exists());
}

#[test]
fn the_private_catalog_is_passed_on() {
    let place = Place::new();
    place.script("program", "echo \"$WINDLASS_CATALOG\"\n");
    let output = place.run(&["run", "--quiet", "--catalog", "my catalog", "program"]);
    assert_eq!(text(&output.stdout), "my catalog\n");
}

#[test]
fn what_cannot_run_is_told_with_the_status_of_a_shell() {
    let place = Place::new();
    fs::write(place.path("text"), "no program").expect("a file");
    for (arguments, status, part) in [
        (&["run", "nothing.c"][..], 127, "nothing.c: No such file"),
        (&["run", "nothing"], 127, "nothing: No such file"),
        (&["run", "lib"], 126, "lib: a folder"),
        (&["run", "text"], 126, "not executable"),
        (&["run", "text", "text"], 2, "follow a --"),
        (&["run", "--print-command", "text"], 2, "only sources have a compiler command"),
        (&["run"], 2, "PROGRAM|SOURCE"),
        (&["run", "--report", "xml", "text"], 2, "json"),
        (&["run", "--quiet", "--report", "json", "text"], 2, "cannot be used with"),
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        assert_has(&text(&output.stderr), part);
    }
}

#[test]
fn a_missing_library_is_told_with_the_folders_searched() {
    let place = Place::new();
    fs::remove_file(place.path("lib/libws2_32.so")).expect("removed");
    place.script("program", "exit 0\n");
    let output = place.run(&["run", "program"]);
    assert_ne!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert_has(&said, "libws2_32.so is in none of these folders");
    assert_has(&said, &Path::new("lib").display().to_string());
    assert_has(&said, "WINDLASS_HOME");
}

#[test]
fn no_arguments_and_wrong_ones_are_answered_with_help() {
    let place = Place::new();
    let nothing = place.run(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert_has(&text(&nothing.stderr), "Usage: windlass");
    let wrong = place.run(&["rnu"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_has(&text(&wrong.stderr), "unrecognized subcommand 'rnu'");
    let version = place.run(&["--version"]);
    assert_eq!(text(&version.stdout), format!("windlass {}\n", env!("CARGO_PKG_VERSION")));
}
