//! Writing to the standard streams, which may be closed or full.

use std::fmt::Display;
use std::io::{self, Write};

use crate::failure::Failure;

/// Writes the result of a command to standard output. A reader who has gone away wants no more: no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. There is nobody to tell when that fails, and the exit status says more.
pub fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
