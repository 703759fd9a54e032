//! A provider in a shared object, written in C.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the C provider into a directory, under this file name.
pub fn build(dir: &Path, file: &str) -> PathBuf {
    build_with(dir, file, &[])
}

/// The same, with further options for the compiler.
pub fn build_with(dir: &Path, file: &str, options: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let module = dir.join(file);
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let output = Command::new(compiler)
        .args(["-std=c11", "-O1", "-g", "-fPIC", "-shared", "-pthread", "-Wall", "-Wextra", "-Werror"])
        .args(options)
        .arg("-I")
        .arg(root.join("../../include"))
        .arg("-o")
        .arg(&module)
        .arg(root.join("tests/common/provider.c"))
        .output()
        .expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    module
}
