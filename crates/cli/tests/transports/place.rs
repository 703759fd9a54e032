//! A private catalog, and the transports that are installed into it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, Program, libraries, must_work, root};

/// A folder with a catalog.
pub struct Place {
    folder: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP/IP, linked into the library, in the catalog that serves where there is none.
    LinkedIn,
    /// The same, loaded.
    Loaded,
    Memory,
    /// That of `examples/c/provider`.
    Plain,
}

impl Transport {
    pub const ALL: [Self; 4] = [Self::LinkedIn, Self::Loaded, Self::Memory, Self::Plain];
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// A catalog in which a transport comes first.
    pub fn with(transport: Transport) -> Self {
        let place = Self::new();
        place.install(transport);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn catalog(&self) -> PathBuf {
        self.path("catalog")
    }

    /// A `windlass` that keeps to this catalog.
    pub fn windlass(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command.args(arguments).env("WINDLASS_CATALOG", self.catalog()).env_remove("WINDLASS_HOME");
        command
    }

    /// Installs a module before the others: `windlass catalog install transport --first ARGUMENTS… MODULE`. Returns what
    /// was installed.
    pub fn install_module(&self, arguments: &[&str], module: impl AsRef<OsStr>) -> Value {
        let install = ["catalog", "install", "transport", "--json", "--first"];
        let output = must_work(self.windlass(&install).args(arguments).arg(module));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Installs a transport. Returns the path of its module, and what was installed.
    pub fn install(&self, transport: Transport) -> Option<(PathBuf, Value)> {
        let entries = |folder: &str| root().join(folder).join("entries.json").display().to_string();
        let (module, how) = match transport {
            Transport::LinkedIn => return None,
            Transport::Loaded => {
                (libraries().join("libwsp_tcpip.so"), ["--like", "1001,1002,1003,1004"].map(str::to_owned))
            }
            Transport::Memory => {
                (libraries().join("libwsp_memory.so"), ["--entries".to_owned(), entries("providers/memory")])
            }
            Transport::Plain => {
                let module = support::build_plain_provider(self.folder.path(), &[]);
                (module, ["--entries".to_owned(), entries("examples/c/provider")])
            }
        };
        let installed = self.install_module(&how.each_ref().map(String::as_str), &module);
        Some((module, installed))
    }

    /// Installs a transport for one address family only.
    pub fn install_for(&self, transport: Transport, family: &str) {
        let (_, installed) = self.install(transport).expect("something to install");
        let entries = installed["entries"].as_array().expect("a list");
        let others = entries.iter().filter(|entry| entry["address_family"] != family);
        let ids: Vec<String> = others.map(|entry| entry["id"].to_string()).collect();
        assert_eq!(ids.len(), 2, "{installed}");
        must_work(self.windlass(&["catalog", "remove"]).args(ids));
    }

    /// A run of a program on this catalog.
    pub fn run(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("WINDLASS_CATALOG", self.catalog()).env_remove("WINDLASS_REPORT_FD");
        // Cargo's own path may lead to an older build of the library.
        command.env("LD_LIBRARY_PATH", libraries());
        command
    }

    /// What a program of these tests prints when it works.
    pub fn output_of(&self, program: &Program, arguments: &[&str]) -> String {
        let output = must_work(self.run(&program.path).args(arguments));
        String::from_utf8(output.stdout).expect("text")
    }
}
