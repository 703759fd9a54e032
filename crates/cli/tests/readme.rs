//! The documents say what is so: their commands work, and what they name is there.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCUMENTS: [&str; 7] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/guides/verify.md",
    "docs/guides/check.md",
    "docs/guides/layers.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root of the workspace")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Lines of code blocks: indented by four blanks or more, after an empty line, not within a list.
fn commands(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut block, mut after_blank, mut in_list) = (false, true, false);
    for line in text.lines() {
        let indented = line.starts_with("    ");
        if line.trim().is_empty() {
            after_blank = true;
            continue;
        }
        in_list = line.starts_with("- ") || in_list && line.starts_with("  ");
        // Within a list, code is indented further.
        let code = if in_list { line.strip_prefix("      ") } else { line.strip_prefix("    ") };
        block = indented && code.is_some() && (block || after_blank);
        if block {
            found.extend(code);
        }
        after_blank = false;
    }
    found
}

/// Text between backticks, on one line.
fn code_words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// A folder with what the documents' commands are about, and this build's command in PATH.
fn run_as_written(command: &str, folder: &Path) -> (bool, String) {
    let windlass = Path::new(env!("CARGO_BIN_EXE_windlass"));
    let path = env::join_paths(
        [windlass.parent().expect("a folder").to_owned()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )
    .expect("a PATH");
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env("WINDLASS_CATALOG", folder.join("catalog"))
        .env_remove("WINDLASS_HOME")
        .output()
        .expect("a shell");
    (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder_for_commands() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("a file");
        folder.path().join(name)
    };
    file(
        "server.c",
        "#include <winsock2.h>\nint main(void) { WSADATA d; return WSAStartup(0x202, &d) || WSACleanup(); }\n",
    );
    file("util.cpp", "#include <winsock2.h>\nint unused() { return WSAGetLastError(); }\n");
    let server = file("server", "#!/bin/sh\nexit 0\n");
    fs::set_permissions(server, fs::Permissions::from_mode(0o755)).expect("permissions");
    for name in ["examples", "include"] {
        symlink(root().join(name), folder.path().join(name)).expect("a link");
    }
    folder
}

#[test]
fn commands_of_the_documents_work() {
    let folder = folder_for_commands();
    let ci = read(".ci/run");
    let mut ran = 0;
    for document in ["README.md", "CONTRIBUTING.md", "docs/guides/verify.md", "docs/guides/check.md"] {
        for line in commands(&read(document)) {
            let command = line.replace("cargo run --release -- ", "windlass ");
            if command.starts_with("windlass ") || command.starts_with("cc ") {
                let (worked, said) = run_as_written(&command, folder.path());
                assert!(worked, "{document}: {line}\n{said}");
                ran += 1;
            } else if line == "cargo test --workspace" {
                assert!(ci.lines().any(|step| step == line), ".ci/run does not run: {line}");
            } else if let Some((_, test)) = line.split_once("cargo test -p windlass --test ") {
                assert!(root().join("crates/cli/tests").join(test).join("main.rs").exists(), "{document}: {line}");
            } else {
                let script = line.split(' ').next().expect("a word");
                let mode = fs::metadata(root().join(script)).unwrap_or_else(|e| panic!("{document}: {line}: {e}"));
                assert!(mode.permissions().mode() & 0o111 != 0, "{document}: {script} cannot be run");
            }
        }
    }
    assert!(ran >= 8, "only {ran} commands found");
}

#[test]
fn the_readme_opens_with_its_two_commands() {
    let readme = read("README.md");
    let commands = commands(&readme);
    assert_eq!(commands[..2], ["cargo run --release -- run examples/c/echo.c", "cargo test --workspace"]);
    let ci = read(".ci/run");
    assert!(ci.lines().any(|step| step == commands[0]), ".ci/run does not do the main job");
}

#[test]
fn options_in_running_text_exist() {
    let folder = folder_for_commands();
    let mut found = 0;
    for document in DOCUMENTS {
        for code in code_words(&read(document)).filter(|code| code.starts_with("windlass ")) {
            let words: Vec<_> =
                code.split(' ').skip(1).take_while(|word| word.starts_with(char::is_lowercase)).collect();
            let (worked, said) = run_as_written(&format!("windlass {} --help", words.join(" ")), folder.path());
            assert!(worked, "{document}: {code}\n{said}");
            found += 1;
        }
    }
    assert!(found > 0);
}

#[test]
fn files_and_folders_that_are_named_exist() {
    let heads = ["crates/", "providers/", "docs/", "examples/", "include/", "scripts/", ".ci/", "benches", "fuzz"];
    for document in DOCUMENTS {
        let text = read(document);
        let named = code_words(&text).filter(|code| heads.iter().any(|head| code.starts_with(head)));
        for name in named {
            let path = name.split([' ', ',']).next().expect("a word");
            assert!(root().join(path).exists(), "{document} names {path}, which is not there");
        }
        let folder = root().join(document).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") {
                assert!(folder.join(link).exists(), "{document} links to {link}, which is not there");
            }
        }
    }
}

#[test]
fn the_architecture_names_every_crate() {
    let text = read("docs/ARCHITECTURE.md");
    let manifest = read("Cargo.toml");
    for folder in ["crates", "providers"] {
        assert!(manifest.contains(&format!("\"{folder}/*\"")), "{folder} is no part of the workspace");
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().join("Cargo.toml").exists() {
                let name = format!("`{folder}/{}`", entry.file_name().to_string_lossy());
                assert!(text.contains(&name), "docs/ARCHITECTURE.md does not name {name}");
            }
        }
    }
}

#[test]
fn unsafe_code_lives_where_the_architecture_says() {
    const HOMES: [&str; 5] = [
        "crates/spi/src/adapter",
        "crates/runtime/src/loader",
        "crates/capi/src",
        "crates/check/src/boundary",
        "providers/hostile/src",
    ];
    let text = read("docs/ARCHITECTURE.md");
    for home in HOMES {
        assert!(text.contains(&format!("(`{home}`)")), "docs/ARCHITECTURE.md does not name {home}");
    }
    let mut looked_at = 0;
    for folder in ["crates", "providers"] {
        for member in fs::read_dir(root().join(folder)).expect("a folder") {
            let member = member.expect("an entry").path();
            let manifest = fs::read_to_string(member.join("Cargo.toml")).expect("a manifest");
            assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", member.display());
            looked_at += deny_unsafe_outside(&HOMES, &member.join("src"));
        }
    }
    assert!(looked_at > 50, "only {looked_at} files found");
}

/// Looks at every Rust file below `folder`; returns how many there are.
fn deny_unsafe_outside(homes: &[&str], folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count += deny_unsafe_outside(homes, &path);
        } else if path.extension().is_some_and(|e| e == "rs") {
            count += 1;
            let at_home = homes.iter().any(|home| path.starts_with(root().join(home)));
            let text = fs::read_to_string(&path).expect("a source");
            assert!(at_home || !text.contains("allow(unsafe_code"), "{} allows unsafe code", path.display());
        }
    }
    count
}

#[test]
fn code_blocks_are_found() {
    let text = "Text\n\n    one --two\n    three\n\nText\n    no code\n\n- item\n\n      in list\n\n    goes on\n";
    assert_eq!(commands(text), ["one --two", "three", "in list"]);
    assert_eq!(code_words("a `b c` d `e`").collect::<Vec<_>>(), ["b c", "e"]);
}
