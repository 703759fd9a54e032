//! The rounds: every server in turn, under the load of each case.

use std::io;
use std::thread;
use std::time::Duration;

use crate::Bench;
use crate::case::Case;
use crate::load::Load;
use crate::process::{self, Running};
use crate::report::Report;
use crate::servers::{self, Server};
use crate::wanted;

/// What one run of a server has shown.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Microseconds of the server's processors for each unit.
    pub time: f64,
    /// Units a second.
    pub rate: f64,
    /// Microseconds; none where nothing is timed.
    pub half: Option<f64>,
    pub most: Option<f64>,
    /// Bytes for each connection.
    pub memory: f64,
}

/// One round of a case: the samples of the servers that ran, by their place in the list.
pub type Round = Vec<(usize, Sample)>;

/// Measures what is asked for and prints it.
pub fn run(bench: &Bench) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    process::adopt_orphans();
    let descriptors = process::raise_limits();
    let all = servers::build(folder.path(), bench.library.as_deref())?;
    let servers: Vec<Server> =
        all.into_iter().filter(|server| server.is_reference || wanted(&bench.server, server.name)).collect();
    let (core, back) = (bench.cores[0], bench.cores[1]);
    process::pin(back).map_err(|error| io::Error::other(format!("core {back}: {error}")))?;

    let mut report = Report::new(bench);
    for case in bench.cases() {
        if case.connections as u64 + 100 > descriptors {
            eprintln!("left out: {}, since a process may have {descriptors} descriptors", case.name());
            continue;
        }
        let mut rounds = Vec::new();
        for round in 0..bench.rounds() {
            eprintln!("{}: round {} of {}", case.name(), round + 1, bench.rounds());
            rounds.push(one_round(bench, &servers, case, round, (core, back))?);
        }
        report.add(&case, &servers, &rounds);
    }
    report.finish(bench.write.as_deref())
}

/// Every server once, each round beginning with another.
fn one_round(bench: &Bench, servers: &[Server], case: Case, round: usize, cores: (usize, usize)) -> io::Result<Round> {
    let mut samples = Vec::new();
    for step in 0..servers.len() {
        let at = (step + round) % servers.len();
        let server = &servers[at];
        if !server.serves(&case) {
            continue;
        }
        match measure(bench, server, case, cores) {
            Ok(sample) => samples.push((at, sample)),
            Err(error) if server.must_work => {
                return Err(io::Error::other(format!("{}, {}: {error}", server.name, case.name())));
            }
            Err(error) => eprintln!("left out: {}, {}: {error}", server.name, case.name()),
        }
    }
    Ok(samples)
}

fn measure(bench: &Bench, server: &Server, case: Case, (core, back): (usize, usize)) -> io::Result<Sample> {
    let running = Running::start(&mut server.command(&case), core, back)?;
    let empty = running.memory();
    let mut load = Load::connect(case, running.port)?;
    load.start()?;
    load.run(bench.duration().mul_f64(0.2).min(Duration::from_millis(500)))?;
    let memory = running.memory().saturating_sub(empty) as f64 / case.connections as f64;
    let before = running.time();
    let mut done = load.run(bench.duration())?;
    let time = running.time() - before;
    drop(load);
    drop(running);
    // What the kernel has left to do of it is no part of the next run.
    thread::sleep(Duration::from_millis(20));
    Ok(Sample {
        time: time.as_secs_f64() * 1e6 / done.count,
        rate: done.count / done.elapsed.as_secs_f64(),
        half: done.latencies.quantile(0.5),
        most: done.latencies.quantile(0.99),
        memory,
    })
}
