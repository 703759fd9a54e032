//! The contract of the Winsock SPI as executable checks, for any transport provider.
//!
//! The checker plays Ws2_32: it calls the provider's `WSPStartup` and the 30 functions of its table directly, and serves its
//! upcalls, which it records and can refuse. So what is observed is the provider alone. Each check runs in a process of its
//! own with a time limit: a provider that crashes, hangs or exits has failed that check, in the function that it was in.
//!
//! A provider's own tests have a test target without the usual harness:
//!
//! ```toml
//! [[test]]
//! name = "contract"
//! harness = false
//! ```
//! ```no_run
//! # use windlass_spi::{Transport, transport::*, transport_entry};
//! # struct Mine;
//! # impl Transport for Mine {
//! #     type Socket = ();
//! #     const DESCRIPTION: &'static str = "Mine";
//! #     fn start(_: &Startup<'_>) -> windlass_spi::Result<Self> { Ok(Self) }
//! #     fn socket(&self, _: &SocketRequest<'_>) -> windlass_spi::Result<NewSocket<()>> { Ok(NewSocket::NonIfs { state: () }) }
//! # }
//! # transport_entry!(Mine);
//! # fn entries() -> Vec<windlass_catalog::ProtocolEntry> { Vec::new() }
//! fn main() -> std::process::ExitCode {
//!     let linked = [("mine", windlass_spi::entry::<Mine>())];
//!     windlass_check::main(&linked, windlass_check::Subject::new("builtin:mine", entries()))
//! }
//! ```
//!
//! `windlass check` does the same for what a catalog names. It is `docs/guides/check.md` that tells of it.

mod board;
mod boundary;
mod checks;
mod child;
mod contract;
mod findings;
mod glob;
mod harness;
mod host;
mod probe;
mod report;
mod runner;
mod subject;
mod system;

use boundary::client;

pub use checks::{Check, all};
pub use child::{Linked, run_if_asked};
pub use contract::{Rule, rule, rules};
pub use findings::{Failure, Verdict};
pub use glob::matches;
pub use harness::main;
pub use report::{json, junit, text};
pub use runner::{Outcome, Progress, Run, Runner};
pub use subject::Subject;
