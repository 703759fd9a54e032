//! What the system knows of this process.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the checker waits for what the contract says must happen.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How long the checker watches what must not happen.
pub const A_WHILE: Duration = Duration::from_millis(80);

/// The ids of this process's threads.
pub fn threads() -> Vec<u64> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// How many descriptors are open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count())
}

/// The resident memory of this process, in bytes.
pub fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Whether a file is mapped into this process.
pub fn is_mapped(path: &str) -> bool {
    fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.lines().any(|line| line.ends_with(path)))
}

/// The calling thread's directory in /proc.
pub fn this_thread() -> PathBuf {
    PathBuf::from("/proc").join(fs::read_link("/proc/thread-self").unwrap_or_default())
}

/// Whether a thread sleeps in the kernel.
pub fn sleeps(thread: &std::path::Path) -> bool {
    let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
}

/// Waits until this is so; whether it came to be in time.
pub fn within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
