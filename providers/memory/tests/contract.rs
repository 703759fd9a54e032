//! The provider against the contract, linked into this program.

use std::process::ExitCode;

use windlass_catalog::ProtocolEntry;
use windlass_check::Subject;
use windlass_memory::{Memory, entries};

fn main() -> ExitCode {
    let entries = entries().iter().filter_map(|info| ProtocolEntry::from_info(info).ok()).collect();
    windlass_check::main(&[("memory", windlass_spi::entry::<Memory>())], Subject::new("builtin:memory", entries))
}
