//! What a command answers: text for people, JSON for programs.

use serde_json::{Value, json};
use windlass_catalog::CatalogError;

use crate::failure::Failure;
use crate::output;

pub struct Answer {
    /// Lines, each ended by a newline.
    pub text: String,
    /// The same facts.
    pub json: Value,
    /// What went wrong all the same, for standard error.
    pub warnings: Vec<String>,
    pub status: u8,
}

impl Answer {
    pub fn new(text: String, json: Value) -> Self {
        Self { text, json, warnings: Vec::new(), status: 0 }
    }

    /// A change that was made, as it is told.
    pub fn changed(text: String, mut json: Value, serial: u64, warning: Option<&CatalogError>) -> Self {
        json["serial"] = json!(serial);
        let warnings = warning.map(|why| format!("the change was made, but {why}")).into_iter().collect();
        Self { warnings, ..Self::new(text, json) }
    }

    /// Returns the exit status.
    pub fn print(self, as_json: bool) -> Result<u8, Failure> {
        for warning in &self.warnings {
            output::tell(format_args!("windlass: warning: {warning}"));
        }
        output::print(&if as_json { format!("{:#}\n", self.json) } else { self.text })?;
        Ok(self.status)
    }
}
