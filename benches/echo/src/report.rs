//! The tables.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use crate::Bench;
use crate::case::{Case, Mode};
use crate::rounds::{Round, Sample};
use crate::servers::Server;
use crate::statistics::Spread;

/// The marks around the tables in a document.
const BEGIN: &str = "<!-- figures: written by benches/echo -->";
const END: &str = "<!-- end of figures -->";

/// What is said of all cases, in Markdown.
pub struct Report(String);

impl Report {
    /// Says how it was measured.
    pub fn new(bench: &Bench) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let (cpu, load) = (bench.cores[0], bench.cores[1]);
        let mut text = format!(
            "{}, Linux {}; servers on core {cpu}, the load on core {load}. Medians of {} rounds of {} s, with the middle \
             half of the rounds in brackets. Ratios are to the better of epoll in C and io_uring in the same round.\n",
            model.map_or("A processor", |(_, name)| name.trim()),
            kernel.trim(),
            bench.rounds(),
            bench.duration().as_secs_f64(),
        );
        if cores < 2 || cpu == load {
            text += "\nServers and load share a core.\n";
        }
        if bench.quick {
            text += "\nThis was one short round, to see that everything works: the figures mean nothing.\n";
        }
        print!("{text}");
        Self(text)
    }

    /// The table of one case.
    pub fn add(&mut self, case: &Case, servers: &[Server], rounds: &[Round]) {
        let (one, many) = case.unit();
        let mut text = format!("\n### {}\n\n", case.name());
        let _ = writeln!(
            text,
            "| server | CPU µs/{one} | CPU ratio | {many}/s | ratio | p50 µs | p99 µs | p99 ratio | B/connection |"
        );
        let _ = writeln!(text, "|---|---|---|---|---|---|---|---|---|");
        for (at, server) in servers.iter().enumerate() {
            if let Some(row) = row(case, server.name, at, servers, rounds) {
                let _ = writeln!(text, "{row}");
            }
        }
        print!("{text}");
        self.0 += &text;
    }

    /// Puts the tables between the marks of a document, or at its end.
    pub fn finish(self, document: Option<&Path>) -> io::Result<()> {
        let Some(path) = document else { return Ok(()) };
        let old = fs::read_to_string(path).unwrap_or_default();
        let new = format!("{BEGIN}\n\n{}\n{END}", self.0);
        let text = match (old.find(BEGIN), old.find(END)) {
            (Some(from), Some(to)) if from < to => format!("{}{new}{}", &old[..from], &old[to + END.len()..]),
            _ => format!("{old}\n{new}\n"),
        };
        fs::write(path, text)
    }
}

fn row(case: &Case, name: &str, at: usize, servers: &[Server], rounds: &[Round]) -> Option<String> {
    let own = |round: &Round| sample(round, at);
    let plain = |of: &dyn Fn(&Sample) -> Option<f64>| Spread::of(rounds.iter().filter_map(|round| of(&own(round)?)));
    // The better of the references: the least, or, of rates, the most.
    let ratio = |of: &dyn Fn(&Sample) -> Option<f64>, better: fn(f64, f64) -> f64| {
        Spread::of(rounds.iter().filter_map(|round| {
            let of_references = (0..servers.len()).filter(|&other| servers[other].is_reference);
            let best = of_references.filter_map(|other| of(&sample(round, other)?)).reduce(better)?;
            Some(of(&own(round)?)? / best)
        }))
    };
    let time = plain(&|sample| Some(sample.time))?;
    let memory = plain(&|sample| Some(sample.memory)).filter(|_| case.connections >= 1_000 && case.mode == Mode::Echo);
    let cells = [
        value(Some(time), 2),
        spread(ratio(&|sample| Some(sample.time), f64::min)),
        value(plain(&|sample| Some(sample.rate)), 0),
        value(ratio(&|sample| Some(sample.rate), f64::max), 2),
        value(plain(&|sample| sample.half), 0),
        value(plain(&|sample| sample.most), 0),
        value(ratio(&|sample| sample.most, f64::min), 2),
        value(memory, 0),
    ];
    Some(format!("| {name} | {} |", cells.join(" | ")))
}

fn sample(round: &Round, at: usize) -> Option<Sample> {
    round.iter().find(|(server, _)| *server == at).map(|(_, sample)| *sample)
}

fn value(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(String::new, |spread| format!("{:.digits$}", spread.median))
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |spread| format!("{:.2} [{:.2}–{:.2}]", spread.median, spread.low, spread.high))
}
