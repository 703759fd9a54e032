//! Modules that are no transports: the first socket tells.

use std::fs;
use std::path::Path;

use crate::place::Place;
use crate::support::{Program, build_shared};

/// Builds one of the modules of `wanting.c`.
fn build(flag: &str, path: &Path) {
    build_shared(&["crates/cli/tests/c/wanting.c"], path, &[flag]);
}

/// What the program prints when this is installed for IPv4, before the entries that could serve as well.
fn with(prepare: impl FnOnce(&Path)) -> String {
    let (place, program) = (Place::new(), Program::build(&["crates/cli/tests/c/transports.c"]));
    let module = place.path("module.so");
    fs::write(&module, "").expect("a file");
    place.install_module(&["--like", "1001,1002", "--name", "Wanting"], &module);
    fs::remove_file(&module).expect("it was there");
    prepare(&module);
    place.output_of(&program, &["refused"])
}

// proves: WSP-STARTUP-17, WSP-STARTUP-3
#[test]
fn sel_10_what_cannot_be_started_serves_no_socket_and_nobody_steps_in() {
    assert_eq!(with(|_| {}), "10106\n10106\n", "no such file");
    assert_eq!(with(|path| fs::write(path, "no module").expect("a file")), "10106\n10106\n", "no shared object");
    assert_eq!(with(|path| fs::create_dir(path).expect("a folder")), "10106\n10106\n", "a folder");
    assert_eq!(with(|path| build("-DNO_EXPORT", path)), "10106\n10106\n", "no WSPStartup");
    // Whatever the provider's own code; nothing is owed to a start that failed (WSP-STARTUP-12).
    assert_eq!(with(|path| build("-DKIND=FAILS", path)), "started\n10106\nstarted\n10106\n");
}

#[test]
fn wsp_startup_15_a_table_with_a_hole_is_refused_and_the_start_balanced() {
    assert_eq!(with(|path| build("-DKIND=HOLE", path)), "started\ncleaned up\n10104\n".repeat(2));
    assert_eq!(with(|path| build("-DKIND=NOTHING", path)), "started\n10104\n".repeat(2), "there is no WSPCleanup");
}

#[test]
fn wsp_startup_16_another_version_is_refused_and_the_start_balanced() {
    assert_eq!(with(|path| build("-DKIND=OLD", path)), "started\ncleaned up\n10105\n".repeat(2));
}

// proves: LC-ERR-6
#[test]
fn sel_11_a_refused_socket_is_refused() {
    assert_eq!(with(|path| build("-DKIND=NO_SOCKET", path)), "started\n10024\n10024\ncleaned up\n");
    assert_eq!(with(|path| build("-DKIND=SILENT", path)), "started\n10107\n10107\ncleaned up\n", "without a code");
}
