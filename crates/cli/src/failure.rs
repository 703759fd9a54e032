//! What went wrong in the command itself, and the exit status that says so.

use std::fmt;

/// A message for the user and the status to exit with.
#[derive(Debug)]
pub struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    /// An ordinary failure: status 1.
    pub fn new(message: impl fmt::Display) -> Self {
        Self::with_status(1, message)
    }

    /// A wrong use of the command: status 2, as for unknown options.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::with_status(2, message)
    }

    pub fn with_status(status: u8, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), status }
    }

    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
