//! The `windlass` command: runs Winsock programs, and keeps the Winsock catalogs.

mod catalog;
mod check;
mod failure;
mod home;
mod lookup;
mod output;
mod pkg_config;
mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "windlass", version, about = "Windows Sockets 2 on Linux: run programs, keep the provider catalogs")]
#[command(arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and run a Winsock program, and report what it did
    Run(run::Options),

    /// Look at the Winsock catalogs and change them
    Catalog(catalog::Options),

    /// Ask the name space providers of the catalog for a name
    Lookup(lookup::Options),

    /// Check providers against the contract
    Check(check::Options),

    /// Print a ws2_32.pc for pkg-config
    PkgConfig(pkg_config::Options),

    /// Become another program
    #[command(name = run::child::EXEC, hide = true)]
    Exec {
        #[arg(last = true)]
        words: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    check::run_if_asked();
    let done = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Catalog(options) => catalog::run(&options),
        Command::Lookup(options) => lookup::run(&options),
        Command::Check(options) => check::run(&options),
        Command::PkgConfig(options) => pkg_config::run(&options),
        Command::Exec { words } => Err(run::child::exec(&words)),
    };
    match done {
        Ok(status) => status.into(),
        Err(failure) => {
            output::tell(format_args!("windlass: {failure}"));
            failure.status().into()
        }
    }
}
