//! Which test proves which rule of the contract.
//!
//! A test names its rule (`wsp_cleanup_8_sets_no_event` proves `WSP-CLEANUP-8`) or lists rules in a comment
//! (`// proves: WSP-CLEANUP-9, WSP-CLEANUP-12`) inside it or right above it. This test writes the list to
//! `docs/COVERAGE.md` and fails when the committed list is out of date. `WINDLASS_BLESS=1` writes it anew.

mod contract;
mod page;
mod proofs;

use std::path::Path;
use std::{env, fs};

#[test]
fn coverage_page_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the root of the workspace");
    let pages = contract::read(&root.join("docs/contract"));
    let (proofs, faults) = proofs::collect(&root, &contract::Names::new(&pages));
    assert!(faults.is_empty(), "tests that name no rule of docs/contract:\n{}", faults.join("\n"));

    let text = page::render(&pages, &proofs);
    let path = root.join("docs/COVERAGE.md");
    if env::var_os("WINDLASS_BLESS").is_some_and(|v| v == "1") {
        fs::write(&path, &text).expect("docs/COVERAGE.md written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if let Some(difference) = page::first_difference(&committed, &text) {
        panic!(
            "docs/COVERAGE.md is out of date; write it with\n    \
             WINDLASS_BLESS=1 cargo test -p windlass --test coverage\n{difference}"
        );
    }
}

#[test]
fn contract_numbers_each_rule_once() {
    let pages = contract::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract"));
    let mut ids: Vec<_> = pages.iter().flat_map(|page| &page.rules).map(|rule| &rule.id).collect();
    assert!(ids.len() > 800, "only {} rules found", ids.len());
    ids.sort();
    let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(twice.is_empty(), "numbered twice: {twice:?}");
}
