//! Files, as C programs see them. Each case is a process of its own, in a folder of its own.

mod support;

use std::sync::LazyLock;

use support::Program;

static FILES: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/files.c"]));

fn run(case: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let output = support::must_work(FILES.command().arg(case).current_dir(folder.path()));
    String::from_utf8(output.stdout).expect("text")
}

macro_rules! cases {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            run(stringify!($name));
        }
    )*};
}

cases! {
    creation_dispositions
    reads_writes_and_the_position
    overlapped_transfers_on_files
    reads_and_writes_on_sockets
}

#[test]
fn standard_streams() {
    assert_eq!(run("standard_streams"), "to the standard output\n");
}
