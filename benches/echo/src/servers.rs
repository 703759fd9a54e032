//! The servers: what each is, and how it is built.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::case::{Case, Mode};

const WINE: &str = "wine";
/// Makes programs for Windows.
const FOR_WINDOWS: &str = "x86_64-w64-mingw32-gcc";

/// A server that can be started.
pub struct Server {
    pub name: &'static str,
    program: Vec<PathBuf>,
    after: &'static [&'static str],
    /// One of the two that ratios are to.
    pub is_reference: bool,
    /// Ours, which must work; a peer may be one that this machine does not allow.
    pub must_work: bool,
    most: usize,
    only_echo: bool,
}

impl Server {
    fn new(name: &'static str, program: &[&Path]) -> Self {
        let program = program.iter().map(|path| path.to_path_buf()).collect();
        let must_work = name.starts_with("Windlass");
        Self { name, program, after: &[], is_reference: false, must_work, most: usize::MAX, only_echo: false }
    }

    fn is_under_wine(&self) -> bool {
        self.program[0] == Path::new(WINE)
    }

    /// Whether it can serve this.
    pub fn serves(&self, case: &Case) -> bool {
        case.connections <= self.most && (case.mode == Mode::Echo || !self.only_echo)
    }

    /// Starts it.
    pub fn command(&self, case: &Case) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]);
        command.arg(case.mode.word()).arg(case.room().to_string()).args(self.after);
        command.env("WINEDEBUG", "-all").env_remove("WINDLASS_REPORT_FD");
        if self.is_under_wine() {
            // Its server tells what it forgets when a program is killed.
            command.stderr(Stdio::null());
        }
        command
    }
}

/// Builds every server that this machine can build and run, and says what it leaves out.
pub fn build(folder: &Path, library: Option<&Path>) -> io::Result<Vec<Server>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = |name: &str| here.join("c").join(format!("{name}.c"));
    let library = library.map_or_else(|| build_library(here), |path| Ok(path.to_owned()))?;

    let epoll = folder.join("epoll");
    must_work(Command::new("cc").args(["-O2", "-o"]).arg(&epoll).arg(source("epoll")))?;
    let native = |name: &str| -> io::Result<PathBuf> {
        let program = folder.join(name);
        let mut command = Command::new("cc");
        command.arg("-O2").arg("-I").arg(here.join("../../include")).arg("-o").arg(&program).arg(source(name));
        command.arg("-L").arg(&library).arg("-lws2_32").arg(format!("-Wl,-rpath,{}", library.display()));
        must_work(command.arg("-pthread"))?;
        Ok(program)
    };
    let (port, events) = (native("port")?, native("events")?);

    let this = env::current_exe()?;
    let peer = |name, word: &str| Server::new(name, &[&this, Path::new("serve"), Path::new(word)]);
    let mut servers = vec![
        Server { is_reference: true, ..Server::new("epoll in C", &[&epoll]) },
        Server { is_reference: true, ..peer("io_uring", "uring") },
        Server::new("Windlass, completion port", &[&port]),
        Server { after: &["1", "batch"], ..Server::new("Windlass, port in batches", &[&port]) },
        Server { after: &["1", "skip"], only_echo: true, ..Server::new("Windlass, port skipped on success", &[&port]) },
        Server { after: &["4"], ..Server::new("Windlass, port of 4 threads", &[&port]) },
        Server { most: 63, only_echo: true, ..Server::new("Windlass, WSAEventSelect", &[&events]) },
        peer("tokio", "tokio"),
        peer("compio", "compio"),
    ];
    servers.extend(under_wine(folder, &source)?);
    Ok(servers)
}

/// The same sources under Wine, where it and a compiler for Windows are installed.
fn under_wine(folder: &Path, source: &dyn Fn(&str) -> PathBuf) -> io::Result<Vec<Server>> {
    if !is_there(FOR_WINDOWS) || !is_there(WINE) {
        eprintln!("left out: Wine, since {WINE} and {FOR_WINDOWS} are not both installed");
        return Ok(Vec::new());
    }
    let build = |name: &str| -> io::Result<PathBuf> {
        let program = folder.join(format!("{name}.exe"));
        let mut command = Command::new(FOR_WINDOWS);
        must_work(command.arg("-O2").arg("-o").arg(&program).arg(source(name)).args(["-lws2_32", "-lmswsock"]))?;
        Ok(program)
    };
    let (port, events) = (build("port")?, build("events")?);
    // The first start makes a place for Wine's files.
    let mut first = Command::new(WINE);
    let _ = first.arg("wineboot").env("WINEDEBUG", "-all").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let wine = Path::new(WINE);
    // Its processes have descriptors for two thousand connections or so.
    Ok(vec![
        Server { most: 1_000, ..Server::new("the same port under Wine", &[wine, &port]) },
        Server { most: 60, only_echo: true, ..Server::new("the same WSAEventSelect under Wine", &[wine, &events]) },
    ])
}

/// The library as it is released; its folder.
fn build_library(here: &Path) -> io::Result<PathBuf> {
    let root = here.join("../..").canonicalize()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&root).args(["build", "--release", "-q", "-p", "windlass-capi"]);
    must_work(&mut command)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    Ok(target.join("release/deps"))
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn must_work(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}
