//! The symbols of libws2_32.so: exactly those of the list, and none of the C library's.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The functions that a shared object defines for others.
fn defined(library: &Path) -> BTreeSet<String> {
    let output = support::must_work(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let text = String::from_utf8(output.stdout).expect("symbols are ASCII");
    let name = |line: &str| line.split([' ', '@']).next().unwrap_or_default().to_owned();
    text.lines().map(name).filter(|name| !name.is_empty()).collect()
}

fn listed() -> BTreeSet<String> {
    let lines = include_str!("../exports.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().nth(1).expect("a line has three words").to_owned()).collect()
}

// proves: T-API-1
#[test]
fn t_api_1_the_library_exports_what_is_listed_and_nothing_else() {
    let (defined, listed) = (defined(&support::library()), listed());
    let missing: Vec<_> = listed.difference(&defined).collect();
    let unlisted: Vec<_> = defined.difference(&listed).collect();
    assert!(missing.is_empty() && unlisted.is_empty(), "missing: {missing:?}\nnot listed: {unlisted:?}");
}

/// Linking with the library must not change what a program's own calls reach.
#[test]
fn no_symbol_is_one_of_the_c_librarys() {
    let probe = support::Program::build(&["crates/capi/tests/c/nothing.c"]);
    let output = support::must_work(Command::new("ldd").arg(&probe.path));
    let text = String::from_utf8(output.stdout).expect("paths are text");
    let libc =
        text.lines().find_map(|line| line.trim().strip_prefix("libc.so.6 => ")?.split(' ').next()).expect("glibc");
    let common: Vec<_> = defined(&support::library()).intersection(&defined(Path::new(libc))).cloned().collect();
    assert!(common.is_empty(), "{common:?}");
}
