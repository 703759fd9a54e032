//! `windlass run`: build if need be, run, report.

mod build;
pub mod child;
mod layers;
mod print;
mod report;
mod shell;
mod symbols;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use clap::{Args, ValueEnum};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::home::Home;
use build::{Subject, Tools};
use child::{Listener, Signals};
use report::{Records, Summary};

/// Exit status when windlass itself fails, a compiler's refusal included, as other programs that run programs have it.
const FAILED: u8 = 125;

#[derive(Args)]
#[command(
    after_help = "Sources are compiled with $CC or cc, C++ with $CXX or c++; CPPFLAGS, CFLAGS, CXXFLAGS, LDFLAGS and \
                  LDLIBS are added as make adds them.\n\n\
                  The exit status is the program's; a program that a signal ended ends windlass by the same signal. \
                  Otherwise 125: windlass or the compiler failed, 126: the program does not start, 127: there is no \
                  such program.\n\n\
                  WINDLASS_HOME names an installation to take the library and the headers from."
)]
pub struct Options {
    /// Leave out the report
    #[arg(short, long, conflicts_with = "report")]
    quiet: bool,

    /// How to report, on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    report: Form,

    /// Print the compiler commands, to be moved into a Makefile, and run nothing
    #[arg(long)]
    print_command: bool,

    /// Watch for more mistakes, and tell where each was made: memory of pending operations used again or given back, sockets closed
    /// under another thread, blocking calls in completion routines, locks held into callbacks, slow calls
    #[arg(long, conflicts_with = "quiet")]
    verify: bool,

    /// With --verify: report calls that must not wait and take longer
    #[arg(long, value_name = "MS", default_value_t = 500, requires = "verify")]
    slow_call: u64,

    /// Catalog folder of the program, instead of the user's or the machine's
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,

    /// Put a layer over every transport: one that is linked in, or the path of a module. The outermost comes first
    #[arg(long = "layer", value_name = "NAME[:OPTIONS]")]
    layers: Vec<String>,

    /// C compiler, instead of $CC or cc
    #[arg(long, value_name = "COMPILER")]
    cc: Option<String>,

    /// C++ compiler, instead of $CXX or c++
    #[arg(long, value_name = "COMPILER")]
    cxx: Option<String>,

    /// A program linked with libws2_32.so, or C and C++ sources (with objects and archives) to build one from
    #[arg(required = true, value_name = "PROGRAM|SOURCE")]
    files: Vec<PathBuf>,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Text,
    Json,
}

/// Runs the command; returns the exit status of this process.
pub fn run(options: &Options) -> Result<u8, Failure> {
    for file in &options.files {
        check_exists(file)?;
    }
    let subject = Subject::of(options.files.clone())?;
    let name = options.files[0].display().to_string();
    match subject {
        Subject::Program(program) if options.print_command => {
            Err(Failure::usage(format!("{}: a program; only sources have a compiler command", program.display())))
        }
        Subject::Program(program) => {
            check_runs(&program)?;
            let lib = Home::find_library()?;
            let signals = take_signals()?;
            let catalog = Catalog::of(options)?;
            let mut command = program_command(&program, options, &catalog);
            command.env("LD_LIBRARY_PATH", before(&lib, env::var_os("LD_LIBRARY_PATH")));
            let status = run_child(command, &name, options, &signals)?;
            catalog.close()?;
            Ok(child::end_like(status, signals))
        }
        Subject::Sources(files) => {
            let home = Home::find()?;
            let tools = Tools::from_environment(options.cc.as_deref(), options.cxx.as_deref())?;
            if options.print_command {
                let output = files[0].file_stem().map_or_else(|| "program".into(), PathBuf::from);
                let commands = tools.commands(&files, &home, &output, Path::new(""));
                let lines: String = commands.iter().map(|command| shell::join(command) + "\n").collect();
                crate::output::print(&lines)?;
                return Ok(0);
            }
            // Signals are taken first, so that none leaves the folder behind.
            let signals = take_signals()?;
            let catalog = Catalog::of(options)?;
            let folder =
                tempfile::Builder::new().prefix("windlass-").tempdir().map_err(failed("a temporary folder"))?;
            let program = folder.path().join(files[0].file_stem().unwrap_or(OsStr::new("program")));
            for command in tools.commands(&files, &home, &program, folder.path()) {
                let status = compile(&command, &signals)?;
                if !status.success() {
                    drop((folder, catalog));
                    return compiler_failed(&command, status, signals);
                }
            }
            let command = program_command(&program, options, &catalog);
            let status = run_child(command, &name, options, &signals)?;
            close(folder)?;
            catalog.close()?;
            Ok(child::end_like(status, signals))
        }
    }
}

/// The catalog that the program is told to use.
enum Catalog {
    /// The one that it finds itself.
    Usual,
    Given(PathBuf),
    /// Made for this run.
    Made(TempDir),
}

impl Catalog {
    fn of(options: &Options) -> Result<Self, Failure> {
        if !options.layers.is_empty() {
            let store = crate::catalog::store(options.catalog.as_deref())?;
            return Ok(Self::Made(layers::catalog_with(&store, &options.layers)?));
        }
        Ok(options.catalog.clone().map_or(Self::Usual, Self::Given))
    }

    fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Usual => None,
            Self::Given(folder) => Some(folder.clone()),
            Self::Made(folder) => Some(folder.path().join("catalog")),
        }
    }

    /// This process may end by a signal, so nothing is left to its end.
    fn close(self) -> Result<(), Failure> {
        match self {
            Self::Made(folder) => close(folder),
            Self::Usual | Self::Given(_) => Ok(()),
        }
    }
}

/// Runs the program to its end and prints the report.
fn run_child(mut command: Command, name: &str, options: &Options, signals: &Signals) -> Result<ExitStatus, Failure> {
    if options.quiet {
        let mut child = command.spawn().map_err(failed(name))?;
        return child::supervise(&mut child, signals, None).map_err(failed(name));
    }
    let (ours, theirs) = report_socket().map_err(failed("a report socket"))?;
    command.env(report::VARIABLE, theirs.as_raw_fd().to_string());
    let mut child = command.spawn().map_err(failed(name))?;
    drop(theirs);
    let mut receiver = Receiver { socket: ours, records: Records::default() };
    let status = child::supervise(&mut child, signals, Some(&mut receiver)).map_err(failed(name))?;
    let mut summary = receiver.records.summary();
    symbols::resolve(&mut summary);
    print_report(name, status, &summary, options.report);
    Ok(status)
}

fn print_report(name: &str, status: ExitStatus, summary: &Summary, form: Form) {
    crate::output::tell(match form {
        Form::Text => print::text(name, status, summary).trim_end().to_owned(),
        Form::Json => print::json(name, status, summary),
    });
}

fn program_command(program: &Path, options: &Options, catalog: &Catalog) -> Command {
    let mut command = child::command(in_some_folder(program).as_os_str(), &options.arguments);
    command.env_remove(report::VARIABLE).env_remove(report::VERIFY_VARIABLE);
    if options.verify {
        command.env(report::VERIFY_VARIABLE, format!("slow={}", options.slow_call));
    }
    if let Some(folder) = catalog.folder() {
        command.env(windlass_catalog::PRIVATE_VARIABLE, folder);
    }
    command
}

fn compile(words: &[OsString], signals: &Signals) -> Result<ExitStatus, Failure> {
    let (compiler, arguments) = words.split_first().expect("a compiler is the first word");
    let mut child = child::command(compiler, arguments).spawn().map_err(failed(&compiler.to_string_lossy()))?;
    child::supervise(&mut child, signals, None).map_err(failed(&compiler.to_string_lossy()))
}

/// A compiler that was interrupted interrupts windlass; one that refused has said why.
fn compiler_failed(words: &[OsString], status: ExitStatus, signals: Signals) -> Result<u8, Failure> {
    if status.code().is_none() {
        return Ok(child::end_like(status, signals));
    }
    Err(Failure::with_status(FAILED, format!("the compiler failed ({status}):\n    {}", shell::join(words))))
}

/// Our end, and the child's, which it inherits.
fn report_socket() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty())?;
    Ok((ours, theirs))
}

struct Receiver {
    socket: OwnedFd,
    records: Records,
}

impl Listener for Receiver {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Takes what has come; ends with the last process that holds the other end.
    fn listen(&mut self) -> bool {
        let mut packet = [0; 64 * 1024];
        loop {
            match recv(&self.socket, &mut packet[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return false,
                Ok((length, _)) => self.records.take(&packet[..length]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return error == rustix::io::Errno::AGAIN,
            }
        }
    }
}

fn take_signals() -> Result<Signals, Failure> {
    Signals::take().map_err(failed("signals"))
}

fn close(folder: TempDir) -> Result<(), Failure> {
    let path = folder.path().to_owned();
    folder.close().map_err(failed(&path.to_string_lossy()))
}

fn check_exists(file: &Path) -> Result<(), Failure> {
    let told = |e| Failure::with_status(child::NOT_FOUND, format!("{}: {e}", file.display()));
    let kind = fs::metadata(file).map_err(told)?;
    if kind.is_dir() {
        return Err(Failure::with_status(child::CANNOT_RUN, format!("{}: a folder", file.display())));
    }
    Ok(())
}

fn check_runs(program: &Path) -> Result<(), Failure> {
    let mode = fs::metadata(program).map_err(failed(&program.to_string_lossy()))?.permissions().mode();
    if mode & 0o111 == 0 {
        let hint = "not executable, and not a C or C++ source by its name";
        return Err(Failure::with_status(child::CANNOT_RUN, format!("{}: {hint}", program.display())));
    }
    Ok(())
}

/// A name without a slash would be looked up in PATH.
fn in_some_folder(program: &Path) -> PathBuf {
    if program.is_absolute() { program.to_owned() } else { Path::new(".").join(program) }
}

fn before(first: &Path, rest: Option<OsString>) -> OsString {
    let mut list = OsString::from(first);
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        list.push(":");
        list.push(rest);
    }
    list
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::with_status(FAILED, format!("{what}: {error}"))
}
