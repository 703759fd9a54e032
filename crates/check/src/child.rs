//! The process of one check.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_abi::WspStartupFn;

use crate::findings::{Failure, Verdict, fail, verdict};
use crate::probe::Probe;
use crate::subject::Subject;
use crate::{board, checks, host};

/// Providers that are linked into the program, by the name in `builtin:NAME`.
pub type Linked = [(&'static str, WspStartupFn)];

/// Marks the process of a check, and says which.
pub(crate) const MARK: &str = "WINDLASS_CHECK_ONE";

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    pub subject: Subject,
    pub check: String,
    pub board: PathBuf,
}

/// To be called first in the main function of a program that runs checks: it runs itself again for each, and those processes do
/// not return from here.
pub fn run_if_asked(linked: &Linked) {
    let Some(task) = env::var_os(MARK) else { return };
    let task: Task = match serde_json::from_str(&task.to_string_lossy()) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{MARK}: {error}");
            std::process::exit(2);
        }
    };
    if board::open(&task.board).is_err() {
        std::process::exit(2);
    }
    // A checker that is gone needs no answer.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    windlass_spi::completion::install(host::complete);
    board::leave_when_told(run(task, linked));
}

fn run(task: Task, linked: &Linked) -> Verdict {
    let Some(check) = checks::all().iter().find(|check| check.name == task.check) else {
        return Verdict::NotApplicable(format!("there is no check {}", task.check));
    };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let probe = Probe::new(task.subject, linked)?;
        (check.run)(probe)
    }));
    match ended {
        Ok(ended) => verdict(ended),
        Err(_) => {
            fail(check.rules[0], check.name, "a panic unwound into the checker", "no exception crosses the C boundary");
            verdict(Ok(()))
        }
    }
}

impl Failure {
    /// For a process that ended without a verdict.
    pub(crate) fn died(rule: &str, inside: &[String], how: &str) -> Self {
        let (called, place) = match inside {
            [] => ("the checks of this provider".into(), "outside of the provider's functions".into()),
            inside => (inside.join(" and "), format!("in {}", inside.join(" and "))),
        };
        Self { rule: rule.into(), called, came_back: format!("{how} {place}"), wanted: "the call returns".into() }
    }
}
