//! Name spaces as C programs use them.

mod support;

#[test]
fn look_ups_registrations_and_classes_over_a_provider_in_c() {
    let folder = tempfile::tempdir().expect("a folder");
    // Two modules: each has a directory of its own.
    let one = support::build_directory(folder.path(), "libone.so");
    let two = support::build_directory(folder.path(), "libtwo.so");
    support::run_tests_with("crates/capi/tests/c/names.c", &[("NAMES_PROVIDER", &one), ("NAMES_OTHER", &two)]);
}
