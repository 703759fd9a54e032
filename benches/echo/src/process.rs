//! The processes of a server: their start on a core, their processor time, their end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, getrlimit, set_child_subreaper, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Runs the calling thread, and what it starts from here on, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Allows this process and those that it starts as many descriptors as they may have; how many.
pub fn raise_limits() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    limit.current.unwrap_or(u64::MAX)
}

/// Whatever a server leaves running becomes a child of this process: Wine's own server does its work beside it.
pub fn adopt_orphans() {
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
}

/// A server, until it is dropped.
pub struct Running {
    child: Child,
    pub port: u16,
    strangers: BTreeSet<i32>,
}

impl Running {
    /// Starts a server on a core. Its first line of output is its port; an error is what it says instead.
    pub fn start(command: &mut Command, core: usize, back: usize) -> io::Result<Self> {
        // What runs already is not the server's, but for what serves it under Wine, which goes on from run to run.
        let strangers = if is_wine(command) { BTreeSet::new() } else { descendants() };
        pin(core)?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        pin(back)?;
        let mut child = child?;
        let mut line = String::new();
        let output = child.stdout.take().map(BufReader::new);
        output.map_or(Ok(0), |mut output| output.read_line(&mut line))?;
        let port = line.trim().parse().unwrap_or(0);
        let running = Self { child, port, strangers };
        if port == 0 { Err(io::Error::other("it did not start")) } else { Ok(running) }
    }

    /// The processor time that the server has taken, and what serves it.
    pub fn time(&self) -> Duration {
        descendants().difference(&self.strangers).map(|&pid| time_of(pid)).sum()
    }

    /// Bytes of memory in use by the server itself.
    pub fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        let pages = text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
        pages.unwrap_or(0) * rustix::param::page_size() as u64
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Orphans that have ended.
        let nobody = rustix::process::WaitOptions::NOHANG;
        for pid in descendants() {
            let _ = Pid::from_raw(pid).map(|pid| rustix::process::waitpid(Some(pid), nobody));
        }
    }
}

fn is_wine(command: &Command) -> bool {
    command.get_program().to_string_lossy().contains("wine")
}

/// The processes below this one.
fn descendants() -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let parent = fs::read_to_string(entry.path().join("stat")).ok().and_then(|stat| parent(&stat));
        if let (Some(pid), Some(parent)) = (pid, parent) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(pid) = open.pop() {
        let below = children.get(&pid).map(Vec::as_slice).unwrap_or_default();
        found.extend(below);
        open.extend(below);
    }
    found
}

/// The parent in a line of /proc/PID/stat; the name before it may contain anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time of all threads of a process, those that have ended too.
fn time_of(pid: i32) -> Duration {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both functions write to variables of this frame.
    let known = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    if known { Duration::new(time.tv_sec as u64, time.tv_nsec as u32) } else { Duration::ZERO }
}
