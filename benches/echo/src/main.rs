//! Servers of Windlass and of its peers under the same load: TCP echo, bulk sends, UDP echo, accepts.
//!
//!     cargo run --release --manifest-path benches/echo/Cargo.toml
//!
//! builds libws2_32.so and every server, and runs them in turn, round after round, each as a process of its own on one
//! core, with the load on another. It prints a table in Markdown for each case: the processor time of the server for a
//! request, requests a second and latencies, as ratios to the better of epoll in C and io_uring in the same round.

mod case;
mod load;
mod process;
mod report;
mod rounds;
mod serve;
mod servers;
mod statistics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use case::{Case, Mode};

/// Measures Windlass beside its peers.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Command {
    /// Is one of the peers.
    #[command(hide = true)]
    Serve {
        peer: serve::Peer,
        mode: Mode,
        /// The longest read, in bytes.
        size: usize,
    },
}

/// What to measure, and how long.
#[derive(Args)]
pub struct Bench {
    /// Rounds of each case; in each every server runs once.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of load in a run.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// One short round of a few cases, to see that everything works. The figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Only servers whose names contain this; may be given more than once. The peers that ratios are to are always run.
    #[arg(long)]
    server: Vec<String>,
    /// Only cases whose names contain this; may be given more than once.
    #[arg(long)]
    case: Vec<String>,
    /// The core of the servers and the core of the load.
    #[arg(long, num_args = 2, default_values_t = [0, 1])]
    cores: Vec<usize>,
    /// The folder of libws2_32.so, instead of one that is built.
    #[arg(long)]
    library: Option<PathBuf>,
    /// Writes the tables to this file too, in place of what it has between its two marks.
    #[arg(long)]
    write: Option<PathBuf>,
}

impl Bench {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn duration(&self) -> Duration {
        if self.quick { Duration::from_millis(100) } else { Duration::from_secs_f64(self.seconds) }
    }

    fn cases(&self) -> Vec<Case> {
        let all = if self.quick { Case::few() } else { Case::all() };
        all.into_iter().filter(|case| wanted(&self.case, &case.name())).collect()
    }
}

fn wanted(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| name.to_lowercase().contains(&pattern.to_lowercase()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Serve { peer, mode, size }) => serve::run(peer, mode, size),
        None => rounds::run(&arguments.bench),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("windlass-bench-echo: {error}");
            ExitCode::FAILURE
        }
    }
}
