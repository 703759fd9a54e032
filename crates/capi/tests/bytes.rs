//! The targets of fuzz/, fed a little: arbitrary bytes, and the seeds with some bytes changed.
#![allow(unsafe_code, reason = "the targets call the C exports")]

#[path = "../../runtime/tests/common/mod.rs"]
mod common;
#[path = "../../../fuzz/src/lib.rs"]
#[allow(unexpected_cfgs, dead_code, reason = "shared with fuzz/, which has a target for another crate")]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use windlass_catalog::{Catalog, ProtocolCatalog};

type Target = fn(&[u8]);

/// The targets that can be reached from here.
const TARGETS: &[(&str, Target)] = &[
    ("address_text", targets::address_text),
    ("broker_message", targets::broker_message),
    ("catalog_entries", targets::catalog_entries),
    ("catalog_file", targets::catalog_file),
    ("protocol_info", targets::protocol_info),
    ("provider_path", targets::provider_path),
    ("query_set", targets::query_set),
    ("service_class", targets::service_class),
    ("socket_address", targets::socket_address),
];

/// A reader inside the TCP/IP provider, which feeds it in its own tests.
const ELSEWHERE: &str = "duplication_record";

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names in a folder of fuzz/, without their endings.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(fuzz().join(folder)).expect("a folder of fuzz/");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_fuzz_target_has_seeds_and_is_fed_here_or_elsewhere() {
    let mut known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).chain([ELSEWHERE]).collect();
    known.sort();
    assert_eq!(names_in("fuzz_targets"), known);
    assert_eq!(names_in("seeds"), known);
}

/// The seeds of a target with some bytes changed, and perhaps an end cut off.
fn changed_seeds(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let folder = fuzz().join("seeds").join(target);
    let seeds: Vec<Vec<u8>> =
        fs::read_dir(folder).expect("seeds").map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8);
    (select(seeds), changes, any::<Option<Index>>()).prop_map(|(mut bytes, changes, cut)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        bytes
    })
}

#[test]
fn whatever_the_bytes_are_they_are_answered() {
    common::in_own_process(|| {
        common::change_catalog(|catalog| *catalog = ProtocolCatalog::built_in());
        for (name, target) in TARGETS {
            let any_bytes = prop::collection::vec(any::<u8>(), 0..700);
            let strategy = prop_oneof![any_bytes, changed_seeds(name)];
            let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
            let result = TestRunner::new(config).run(&strategy, |data| {
                target(&data);
                Ok(())
            });
            assert!(result.is_ok(), "{name}: {}", result.unwrap_err());
        }
    });
}
