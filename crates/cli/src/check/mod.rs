//! `windlass check`: providers against the contract.

mod progress;
mod subjects;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use windlass_check::{Linked, Run, Runner, json, junit, matches, rule, text};

use crate::failure::Failure;
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Without PROVIDER every transport provider of the catalog is checked. Each check runs in a process of its own, \
                  so that a provider that crashes, hangs or exits has failed that check.\n\n\
                  Exit status: 0 nothing failed, 1 something failed, 2 wrong use."
)]
pub struct Options {
    /// Number or GUID of the catalog, a shared object, or builtin:NAME
    #[arg(value_name = "PROVIDER")]
    providers: Vec<String>,

    /// What a shared object serves, described as these entries of the catalog
    #[arg(long, value_name = "ID|GUID", value_delimiter = ',', conflicts_with = "entries")]
    like: Vec<String>,

    /// What a shared object serves: a file with a JSON list of entries, as `catalog install` takes it
    #[arg(long, value_name = "FILE")]
    entries: Option<PathBuf>,

    /// Only checks of these rules; * and ? stand for any text and any letter
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    rule: Vec<String>,

    /// List the checks and the rules that they look at, and check nothing
    #[arg(long)]
    list: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write the results as JUnit's XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// How many checks run at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,

    /// How long a check may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,

    /// Folder of the catalogs, instead of the user's or the machine's
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
}

/// The providers that are linked into this command.
pub fn linked() -> [(&'static str, windlass_abi::WspStartupFn); 3] {
    [
        ("tcpip", windlass_spi::entry::<windlass_tcpip::Tcpip>()),
        ("nonifs", windlass_spi::layer_entry::<windlass_nonifs::NonIfs>()),
        ("pass", windlass_spi::layer_entry::<windlass_pass::Pass>()),
    ]
}

/// Those of them that are layers, and whether their handles are those of the provider below.
pub const LAYERS: [(&str, bool); 2] = [("builtin:nonifs", false), ("builtin:pass", true)];

/// Becomes the process of one check, if it was started as that.
pub fn run_if_asked() {
    let linked: &Linked = &linked();
    windlass_check::run_if_asked(linked);
}

/// Runs the command; returns the exit status of this process.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let mut runner = Runner::new().map_err(Failure::new)?;
    runner.rules.clone_from(&options.rule);
    runner.limit = Duration::from_secs(options.limit.into());
    if let Some(jobs) = options.jobs {
        runner.jobs = jobs.into();
    }
    if let Some(pattern) = options.rule.iter().find(|pattern| !has_check(pattern)) {
        return Err(Failure::usage(format!("{pattern}: no check is about such a rule; --list shows them")));
    }
    if options.list {
        return list(&runner, options.json);
    }
    let subjects = subjects::find(options)?;
    let mut runs = Vec::new();
    for subject in &subjects {
        let bar = progress::Bar::new(&subject.name);
        let run = runner.run(subject, &|done, total, outcome| bar.show(done, total, outcome));
        bar.clear();
        let run = run.map_err(|error| Failure::new(format!("{}: {error}", subject.name)))?;
        if !options.json {
            output::print(&text(&run))?;
        }
        runs.push(run);
    }
    if let Some(file) = &options.junit {
        fs::write(file, junit(&runs)).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    }
    if options.json {
        output::print(&format!("{:#}\n", json(&runs)))?;
    }
    Ok(runs.iter().any(Run::failed).into())
}

fn has_check(pattern: &str) -> bool {
    windlass_check::all().iter().any(|check| check.rules.iter().any(|rule| matches(pattern, rule)))
}

fn list(runner: &Runner, as_json: bool) -> Result<u8, Failure> {
    let chosen = runner.chosen();
    if as_json {
        let value = |check: &&windlass_check::Check| serde_json::json!({ "check": check.name, "rules": check.rules });
        let list: Vec<_> = chosen.iter().map(value).collect();
        output::print(&format!("{:#}\n", serde_json::json!({ "checks": list })))?;
        return Ok(0);
    }
    let mut lines = String::new();
    for check in chosen {
        lines += &format!("{}\n", check.name);
        for id in check.rules {
            let says = rule(id).map_or("", |rule| rule.text);
            let short: String = says.chars().take(96).collect();
            let rest = if short.len() < says.len() { "…" } else { "" };
            lines += &format!("  {id:<16} {short}{rest}\n");
        }
    }
    output::print(&lines)?;
    Ok(0)
}
