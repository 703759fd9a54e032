//! `windlass check`: the providers of this tree keep the contract, and the command says what it finds.

mod command;
mod own;
#[path = "../../../capi/tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A `windlass check` on an empty place for catalogs, which is the built-in catalog.
pub fn check(arguments: &[&str]) -> Output {
    let catalog = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.arg("check").args(arguments).env("WINDLASS_CATALOG", catalog.path()).env_remove("WINDLASS_HOME");
    command.output().expect("the command starts")
}

/// The results of a provider as JSON, and the exit status.
pub fn results(module: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let module = module.to_str().expect("a text path");
    let output = check(&[&["--json", module], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let results = serde_json::from_str::<Value>(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (results["providers"][0].clone(), output.status.code())
}

/// The failures of a run: check and rule.
pub fn failures(results: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = results["checks"].as_array().expect("a list").iter();
    let failed = checks.filter_map(|check| Some((text(&check["check"]), check["failures"].as_array()?)));
    failed.flat_map(|(name, all)| all.iter().map(move |failure| (name.clone(), text(&failure["rule"])))).collect()
}
