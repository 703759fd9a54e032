//! The macros and inline functions of the C headers do what those of Windows do, and a program's other files keep
//! their POSIX sockets.

use std::path::Path;

use crate::compiler::{Language, Sources};

fn source(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/abi/c").join(name)
}

/// The programs check themselves: they print what is wrong and fail.
#[test]
fn macros_and_inline_functions_work() {
    let text = std::fs::read_to_string(source("macros.c")).unwrap();
    for language in Language::ALL {
        let sources = Sources::new();
        let file = sources.add("macros", language, &text);
        for compiler in language.compilers() {
            for flags in [&[][..], &["-fshort-wchar"], &["-O2"]] {
                assert_eq!(compiler.run(flags, &[&file]), "ok\n", "{compiler:?} {flags:?}");
            }
        }
    }
}

/// One file calls Winsock's bind, another the system's: each gets its own.
#[test]
fn other_files_keep_their_posix_sockets() {
    for compiler in Language::Gnu11.compilers() {
        let files = ["winsock_side.c", "posix_side.c"].map(source);
        let printed = compiler.run(&[], &[&files[0], &files[1]]);
        assert_eq!(printed, "winsock: bind select gethostname\nposix: bound\n", "{compiler:?}");
    }
}
