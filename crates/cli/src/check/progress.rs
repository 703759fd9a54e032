//! A line that tells how far the checks are; only where somebody watches.

use std::io::{IsTerminal, Write, stderr};

use windlass_check::{Outcome, Verdict};

/// The line, on standard error.
pub struct Bar<'a> {
    name: &'a str,
    is_watched: bool,
}

const WIDTH: usize = 24;

impl<'a> Bar<'a> {
    pub fn new(name: &'a str) -> Self {
        Self { name, is_watched: stderr().is_terminal() }
    }

    pub fn show(&self, done: usize, total: usize, outcome: &Outcome) {
        if !self.is_watched {
            return;
        }
        let filled = (WIDTH * done).checked_div(total).unwrap_or(WIDTH);
        let (bar, rest) = ("=".repeat(filled), " ".repeat(WIDTH - filled));
        let failed = if matches!(outcome.verdict, Verdict::Fail(_)) { " FAILED" } else { "" };
        // Nobody is told where it cannot be shown.
        let _ = write!(stderr(), "\r\x1b[K{} [{bar}{rest}] {done}/{total} {}{failed}", self.name, outcome.check.name);
        let _ = stderr().flush();
    }

    pub fn clear(&self) {
        if self.is_watched {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
