//! `cargo run --release -p windlass-benches`: what Windlass costs, beside what it is compared with.
//!
//! Every comparison runs its two sides in turn, in batches, in one process, and reports the median of the
//! ratios and of the differences of neighbouring batches: these hold where the machine's speed drifts.

mod enter;
mod layers;
mod library;
mod pairs;
mod port;
mod startup;
mod statistics;
mod transfer;

use clap::{Parser, ValueEnum};

use library::Winsock;

/// Measures Windlass against the bare system calls.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if left out.
    #[arg(value_enum)]
    what: Vec<Subject>,
    /// Batches of each side.
    #[arg(long, default_value_t = 201)]
    batches: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Finding the provider of a handle and entering it, over a direct call.
    Enter,
    /// What send and recv add to the system call: 64 bytes, TCP and UDP over loopback, one and two threads.
    Transfer,
    /// The same through chains of layers, IFS or not, one, two and five deep.
    Layers,
    /// Posting to a completion port and dequeuing, on one thread and between two.
    Port,
    /// WSAStartup, socket, closesocket, WSACleanup against socket and close.
    Startup,
}

fn main() {
    let arguments = Arguments::parse();
    let wants = |subject| arguments.what.is_empty() || arguments.what.contains(&subject);
    let winsock = Winsock::open();
    println!("{:<44} {:>10} {:>10} {:>8} {:>10}", "", "bare ns", "ours ns", "ratio", "added ns");
    if wants(Subject::Enter) {
        enter::run(arguments.batches);
    }
    if wants(Subject::Transfer) {
        transfer::run(&winsock, arguments.batches);
    }
    if wants(Subject::Layers) {
        layers::run(&winsock, arguments.batches);
    }
    if wants(Subject::Port) {
        port::run(arguments.batches);
    }
    if wants(Subject::Startup) {
        startup::run(&winsock, arguments.batches);
    }
}
