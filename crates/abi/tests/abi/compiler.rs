//! Runs the C and C++ compilers: $CC and $CXX, or cc and c++, and clang too where it is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A language standard that the headers support.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    C11,
    Gnu11,
    Cxx17,
}

impl Language {
    pub const ALL: [Language; 3] = [Language::C11, Language::Gnu11, Language::Cxx17];

    fn standard(self) -> &'static str {
        match self {
            Language::C11 => "-std=c11",
            Language::Gnu11 => "-std=gnu11",
            Language::Cxx17 => "-std=c++17",
        }
    }

    pub fn extension(self) -> &'static str {
        if self == Language::Cxx17 { "cpp" } else { "c" }
    }

    /// The compilers of this machine: at least the default one.
    pub fn compilers(self) -> Vec<Compiler> {
        let (variable, default, clang) = match self {
            Language::Cxx17 => ("CXX", "c++", "clang++"),
            _ => ("CC", "cc", "clang"),
        };
        let default = std::env::var(variable).unwrap_or_else(|_| default.into());
        let mut compilers = vec![Compiler { command: default, language: self }];
        if Command::new(clang).arg("--version").output().is_ok() {
            compilers.push(Compiler { command: clang.into(), language: self });
        }
        compilers
    }
}

/// A compiler set to one language.
#[derive(Debug)]
pub struct Compiler {
    /// May carry options, as $CC may.
    command: String,
    language: Language,
}

impl Compiler {
    /// The command that compiles with every warning an error.
    pub fn command(&self) -> Command {
        let mut words = self.command.split_whitespace();
        let mut command = Command::new(words.next().expect("the compiler has a name"));
        command.args(words).args([self.language.standard(), "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        command.arg("-I").arg(include_dir());
        command
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// Checks source files without generating code; gives what the compiler said if it found fault.
    pub fn check(&self, flags: &[&str], files: &[PathBuf]) -> Result<(), String> {
        let output = self.command().arg("-fsyntax-only").args(flags).args(files).output();
        said(output.unwrap_or_else(|error| panic!("{self:?} does not start: {error}")))
    }

    /// Checks one source text.
    pub fn check_text(&self, flags: &[&str], text: &str) -> Result<(), String> {
        let folder = Sources::new();
        let file = folder.add("source", self.language, text);
        self.check(flags, &[file])
    }

    /// Compiles the files into a program, runs it and gives what it printed.
    pub fn run(&self, flags: &[&str], files: &[&Path]) -> String {
        let folder = Sources::new();
        let program = folder.0.path().join("program");
        let output = self.command().args(flags).args(files).arg("-o").arg(&program).output().unwrap();
        said(output).unwrap_or_else(|text| panic!("{self:?}: {text}"));
        let output = Command::new(&program).output().unwrap();
        assert!(output.status.success(), "{self:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn said(output: Output) -> Result<(), String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && text.is_empty() { Ok(()) } else { Err(text) }
}

/// A temporary folder of source files.
pub struct Sources(TempDir);

impl Sources {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn add(&self, name: &str, language: Language, text: &str) -> PathBuf {
        let path = self.0.path().join(name).with_extension(language.extension());
        fs::write(&path, text).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The folder of the C headers.
pub fn include_dir() -> PathBuf {
    root().join("include")
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap()
}
