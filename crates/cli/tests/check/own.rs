//! The providers of this tree.

use std::path::Path;

use serde_json::Value;

use crate::support::{build_plain_provider, libraries, root};
use crate::{failures, results};

#[track_caller]
fn keeps_the_contract(module: &Path, arguments: &[&str], at_least: u64) -> Value {
    let (results, status) = results(module, arguments);
    assert_eq!((failures(&results), status), (Vec::new(), Some(0)), "{results:#}");
    let passed = results["passed"].as_u64().expect("a count");
    assert!(passed >= at_least, "only {passed} checks passed: {results:#}");
    results
}

#[test]
fn tcpip_keeps_the_contract() {
    keeps_the_contract(Path::new("builtin:tcpip"), &[], 125);
    let results = keeps_the_contract(&libraries().join("libwsp_tcpip.so"), &["--like", "1001,1002,1003,1004"], 125);
    assert_eq!(results["not_applicable"], 0, "everything is served: {results:#}");
}

#[test]
fn memory_keeps_the_contract() {
    let entries = root().join("providers/memory/entries.json");
    let entries = entries.to_str().expect("text");
    keeps_the_contract(&libraries().join("libwsp_memory.so"), &["--entries", entries], 105);
}

#[test]
fn plain_c_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = build_plain_provider(folder.path(), &[]);
    let entries = root().join("examples/c/provider/entries.json");
    keeps_the_contract(&module, &["--entries", entries.to_str().expect("text")], 95);
}

/// What concerns the last clean-up while calls pend, and many threads, is not among it.
#[test]
fn layers_keep_what_the_contract_says_of_calls() {
    let rules = "WSP-STARTUP-*,OV-*,EV-*,OPT-*,WSP-A2S-*,WSP-RECV-*,WSP-SEND-*,WSP-CONN-*,WSP-ACCEPT-*,WSP-SELECT-*";
    for layer in ["builtin:nonifs", "builtin:pass"] {
        keeps_the_contract(Path::new(layer), &["--rule", rules], 60);
    }
}
