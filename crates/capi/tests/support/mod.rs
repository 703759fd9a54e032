//! Building and running C programs against the headers and the library of this tree.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use windlass_abi::GUID;
use windlass_catalog::{DEFAULT_PATIENCE, Location, ProtocolCatalog, Store};

/// The folder of this tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is two folders down").to_owned()
}

/// The folder of the libraries that were built with this test.
pub fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.parent().expect("a test is in a folder").to_owned()
}

/// libws2_32.so as built with this test.
pub fn library() -> PathBuf {
    let path = libraries().join("libws2_32.so");
    assert!(path.exists(), "{} is built with this test", path.display());
    path
}

/// A C program, and the folder it lives in until this is dropped.
pub struct Program {
    pub path: PathBuf,
    pub folder: TempDir,
}

impl Program {
    /// Compiles C sources, named from the root of the tree, to a program linked with the library.
    pub fn build(sources: &[&str]) -> Self {
        Self::build_with(sources, &[])
    }

    /// The same, with these flags of the compiler too.
    pub fn build_with(sources: &[&str], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("program");
        let libraries = libraries();
        let mut command = compiler(sources);
        command.args(flags).arg("-o").arg(&path).arg(format!("-L{}", libraries.display())).arg("-lws2_32");
        command.arg(format!("-Wl,-rpath,{}", libraries.display())).arg("-pthread");
        must_work(&mut command);
        Self { path, folder }
    }

    /// A run of the program with its own, empty place for catalogs.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("WINDLASS_CATALOG", self.folder.path().join("catalog")).env_remove("WINDLASS_REPORT_FD");
        command.env("WINDLASS_RUNTIME_DIR", self.folder.path().join("hosts"));
        // Cargo's own path may lead to an older build of the library.
        command.env("LD_LIBRARY_PATH", libraries());
        command
    }

    /// Runs the program, which must succeed.
    pub fn run(&self, arguments: &[&str]) -> Output {
        must_work(self.command().args(arguments))
    }
}

/// Builds a program of fixture.h and runs every test that it lists, each in a process of its own, with an empty place for
/// catalogs. All that fail are told of.
pub fn run_tests_of(source: &str) {
    run_tests_with(source, &[]);
}

/// The same with these variables in the environment.
pub fn run_tests_with(source: &str, variables: &[(&str, &Path)]) {
    let program = Program::build(&[source]);
    let list = String::from_utf8(program.run(&[]).stdout).expect("names are text");
    let failure = |test: &str| {
        let catalog = tempfile::tempdir().expect("a folder");
        let output = program
            .command()
            .env("WINDLASS_CATALOG", catalog.path())
            .env("WINDLASS_RUNTIME_DIR", catalog.path().join("hosts"))
            .envs(variables.iter().copied())
            .arg(test)
            .output();
        let output = output.expect("the program starts");
        let text = format!("{test}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        (!output.status.success()).then_some(text)
    };
    let failed: Vec<String> = list.lines().filter_map(failure).collect();
    assert!(list.lines().count() > 3, "{source} lists its tests");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Compiles C sources to a shared object, with these flags of the compiler too.
pub fn build_shared(sources: &[&str], path: &Path, flags: &[&str]) {
    let mut command = compiler(sources);
    command.args(["-fPIC", "-shared", "-fvisibility=hidden", "-pthread"]).args(flags).arg("-o").arg(path);
    must_work(&mut command);
}

/// Builds the transport provider in plain C in a folder, with these flags of the compiler too.
pub fn build_plain_provider(folder: &Path, flags: &[&str]) -> PathBuf {
    let files = ["connect", "options", "posix", "provider", "sockets", "transfer"];
    let sources = files.map(|file| format!("examples/c/provider/{file}.c"));
    let path = folder.join("libplain.so");
    build_shared(&sources.each_ref().map(String::as_str), &path, flags);
    path
}

/// Builds the name space provider in plain C in a folder, under this name.
pub fn build_directory(folder: &Path, name: &str) -> PathBuf {
    let sources = ["class", "lookup", "provider", "service"].map(|file| format!("examples/c/namespace/{file}.c"));
    let path = folder.join(name);
    build_shared(&sources.each_ref().map(String::as_str), &path, &[]);
    path
}

fn compiler(sources: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1"]);
    command.arg("-I").arg(root().join("include"));
    command.args(sources.iter().map(|source| root().join(source)));
    command
}

/// Runs a command to its end; shows what it printed if it fails.
pub fn must_work(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A folder with a catalog whose base entries (TCP and UDP, IPv4 and IPv6) are those of the module at a path.
pub fn catalog_with(module: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(Location::Private(folder.path().to_owned()));
    let changed = store.change(DEFAULT_PATIENCE, |catalog: &mut ProtocolCatalog| {
        let list = catalog.entries.clone();
        let old: Vec<GUID> = list.iter().map(|entry| entry.provider).collect();
        for provider in old {
            let _ = catalog.deinstall(provider);
        }
        catalog.install(GUID::from_u128(0x5749_4e44), module.to_str().expect("a text path"), &list)
    });
    changed.expect("the catalog can be written");
    folder
}
