//! The main function of a provider's own test of the contract.

use std::process::ExitCode;

use crate::child::{Linked, run_if_asked};
use crate::runner::Runner;
use crate::subject::Subject;
use crate::{report, runner};

/// Runs the checks, prints what failed, and says so in the exit status. Arguments that do not begin with `-` are patterns
/// of rules; `--list` lists the checks, as test tools ask for it.
pub fn main(linked: &Linked, subject: Subject) -> ExitCode {
    run_if_asked(linked);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut runner = match Runner::new() {
        Ok(runner) => runner,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    runner.rules = arguments.iter().filter(|argument| !argument.starts_with('-')).cloned().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        runner.chosen().iter().for_each(|check| println!("{}: test", check.name));
        return ExitCode::SUCCESS;
    }
    let quiet = |_: usize, _: usize, _: &runner::Outcome| {};
    match runner.run(&subject, &quiet) {
        Ok(run) => {
            print!("{}", report::text(&run));
            if run.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
