//! Runs checks, each in a process of its own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::board;
use crate::checks::{Check, all};
use crate::child::{MARK, Task};
use crate::findings::{Failure, Verdict};
use crate::glob::matches;
use crate::subject::Subject;

/// Runs checks.
pub struct Runner {
    /// The program that is run for each check: one whose main function begins with [`run_if_asked`](crate::run_if_asked).
    pub program: PathBuf,
    /// Patterns of the rules to look at; none is all.
    pub rules: Vec<String>,
    /// How long one check may take.
    pub limit: Duration,
    /// How many checks run at once.
    pub jobs: usize,
}

/// A check that has run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub check: &'static Check,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub time: Duration,
    /// What the provider wrote to standard error, if the check failed.
    pub said: String,
}

/// All checks of one provider.
#[derive(Clone, Debug)]
pub struct Run {
    /// The provider.
    pub subject: Subject,
    /// In the order of [`all`].
    pub outcomes: Vec<Outcome>,
}

/// Told of each check that has ended: how many have, of how many, and what it came to.
pub type Progress<'a> = &'a (dyn Fn(usize, usize, &Outcome) + Sync);

impl Runner {
    /// Runs this very program for each check. Errors are the system's.
    pub fn new() -> io::Result<Self> {
        let jobs = std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8));
        Ok(Self { program: std::env::current_exe()?, rules: Vec::new(), limit: Duration::from_secs(60), jobs })
    }

    /// The checks that are about the rules that are looked at.
    pub fn chosen(&self) -> Vec<&'static Check> {
        let wanted = |check: &&Check| {
            let named = |pattern: &String| check.rules.iter().any(|rule| matches(pattern, rule));
            self.rules.is_empty() || self.rules.iter().any(named)
        };
        all().iter().filter(wanted).collect()
    }

    /// Checks a provider. Errors are the system's: no process can be made, say.
    pub fn run(&self, subject: &Subject, progress: Progress<'_>) -> io::Result<Run> {
        let chosen = self.chosen();
        let total = chosen.len();
        let queue = Mutex::new(chosen.into_iter().enumerate().collect::<VecDeque<_>>());
        let done = Mutex::new(Vec::new());
        let work = || -> io::Result<()> {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((at, check)) = next else { return Ok(()) };
                let outcome = self.one(subject, check)?;
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((at, outcome));
                if let Some((_, outcome)) = done.last() {
                    progress(done.len(), total, outcome);
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs.max(1)).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        Ok(Run { subject: subject.clone(), outcomes: done.into_iter().map(|(_, outcome)| outcome).collect() })
    }

    fn one(&self, subject: &Subject, check: &'static Check) -> io::Result<Outcome> {
        let board = tempfile::NamedTempFile::new()?;
        let task = Task { subject: subject.clone(), check: check.name.into(), board: board.path().into() };
        let mut said = tempfile::tempfile()?;
        let start = Instant::now();
        let mut command = Command::new(&self.program);
        command.env(MARK, serde_json::to_string(&task)?).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(said.try_clone()?).process_group(0);
        let mut child = command.spawn()?;
        let in_time = wait(Pid::from_child(&child), self.limit)?;
        // Whatever the provider started goes with it, and the process itself if its time is over.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let status = child.wait()?;
        let (verdict, inside) = board::read(board.path());
        let verdict = verdict.unwrap_or_else(|| {
            let how =
                if in_time { ended(status) } else { format!("it had not ended after {} s,", self.limit.as_secs()) };
            Verdict::Fail(vec![Failure::died(check.rules[0], &inside, &how)])
        });
        let said = if matches!(verdict, Verdict::Fail(_)) { last_words(&mut said) } else { String::new() };
        Ok(Outcome { check, verdict, time: start.elapsed(), said })
    }
}

/// Waits until a process ends; whether it did in time.
fn wait(process: Pid, limit: Duration) -> io::Result<bool> {
    let end = pidfd_open(process, PidfdFlags::empty())?;
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    let deadline = Instant::now() + Duration::new(limit.tv_sec as u64, 0);
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let rest = Timespec { tv_sec: rest.as_secs() as i64, tv_nsec: rest.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&rest)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(ready) => return Ok(ready > 0),
            Err(error) => return Err(error.into()),
        }
    }
}

fn ended(status: ExitStatus) -> String {
    const NAMES: [(i32, &str); 8] = [
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
    ];
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = NAMES.iter().find(|(number, _)| *number == signal).map(|(_, name)| (*name).to_owned());
            format!("crashed with {}", name.unwrap_or_else(|| format!("signal {signal}")))
        }
        (None, code) => format!("ended the process with status {}", code.unwrap_or(0)),
    }
}

/// The end of what the process wrote.
fn last_words(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is not told.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
