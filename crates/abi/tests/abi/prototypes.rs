//! The prototypes of the C headers, the exports of libws2_32.so and `windows-sys` agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::compiler::{Language, Sources, root};
use crate::describe::without_const;
use crate::functions::{EXPORTS, Signature, TYPES, WINDOWS_ONLY_TYPES};
use crate::structs;
use crate::values::INCLUDES;

/// A line of crates/capi/exports.txt.
struct Export {
    source: String,
    symbol: String,
    header: String,
}

fn exports() -> Vec<Export> {
    let text = fs::read_to_string(root().join("crates/capi/exports.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [source, symbol, header] => Export { source: source.into(), symbol: symbol.into(), header: header.into() },
            _ => panic!("not three words: {line}"),
        })
        .collect()
}

/// The C++ that describes types in the words of `describe.rs`.
pub fn describing() -> String {
    let mut text = include_str!("describe.hpp").to_string();
    for layout in structs::rust().iter().chain(&structs::windows_only()) {
        writeln!(text, "KIND({0}, \"{0}\")", layout.name).unwrap();
    }
    text
}

#[test]
fn every_export_is_described() {
    let listed: BTreeSet<String> = exports().into_iter().map(|export| export.source).collect();
    let described: BTreeSet<String> = EXPORTS.iter().map(|&(name, _)| name.to_string()).collect();
    assert_eq!(listed.len(), exports().len(), "a name is listed twice");
    assert_eq!(listed, described);
}

/// A name that libc has gets the prefix, any other is itself.
#[test]
fn symbols_never_take_the_place_of_libc() {
    let libc: BTreeSet<&str> = "accept bind connect freeaddrinfo getaddrinfo gethostbyaddr gethostbyname gethostname \
        getnameinfo getpeername getprotobyname getprotobynumber getservbyname getservbyport getsockname getsockopt \
        htonl htons inet_addr inet_ntoa inet_ntop inet_pton listen ntohl ntohs recv recvfrom select send sendto \
        setsockopt shutdown socket"
        .split_whitespace()
        .collect();
    for Export { source, symbol, .. } in exports() {
        let expected = if libc.contains(&*source) { format!("ws2_{source}") } else { source.clone() };
        assert_eq!(symbol, expected);
    }
}

/// Functions whose inputs are not const in the Windows headers.
#[rustfmt::skip]
const NOT_PROMISED: [&str; 21] = [
    "GetCommandLineA", "GetCommandLineW", "GetAddrInfoExA", "GetAddrInfoExW", "LPWSCINSTALLNAMESPACE", "SetAddrInfoExA", "SetAddrInfoExW",
    "WSAAddressToStringA", "WSAAddressToStringW", "WSAConnectByNameW", "WSAStringToAddressA", "WSAStringToAddressW",
    "WSCInstallNameSpace", "WSCInstallNameSpace32", "WSCInstallNameSpaceEx", "WSCInstallNameSpaceEx32",
    "WSCInstallProviderAndChains64_32", "WSCSetProviderInfo", "WSCSetProviderInfo32",
    "LPWSPADDRESSTOSTRING", "LPWSPSTRINGTOADDRESS",
];

/// Functions with a FARPROC, which has no result in C, so that casts to and from other types make no warning.
const UNTYPED: [&str; 2] = ["GetProcAddress", "WSASetBlockingHook"];

/// Functions whose buffer is of bytes in windows-sys, and untyped in the Windows headers.
const OF_ANYTHING: [&str; 2] = ["ReadFile", "WriteFile"];

#[test]
fn prototypes_of_c_are_those_of_windows() {
    let all: Vec<&Signature> = EXPORTS.iter().chain(TYPES).chain(WINDOWS_ONLY_TYPES).collect();
    let mut program = format!("{INCLUDES}{}int main() {{\n", describing());
    for (name, _) in &all {
        writeln!(program, "show(\"{name}\", kind<decltype({name})>());").unwrap();
    }
    program.push_str("return 0;\n}\n");
    // A type is named, a function is an expression.
    for (name, _) in TYPES.iter().chain(WINDOWS_ONLY_TYPES) {
        program = program.replace(&format!("kind<decltype({name})>"), &format!("kind<{name}>"));
    }
    let sources = Sources::new();
    let file = sources.add("prototypes", Language::Cxx17, &program);
    for compiler in Language::Cxx17.compilers() {
        let printed = compiler.run(&[], &[&file]);
        assert_eq!(printed.lines().count(), all.len());
        for (line, (name, theirs)) in printed.lines().zip(&all) {
            let ours = line.strip_prefix(name).unwrap().trim();
            let mut theirs = theirs();
            if UNTYPED.contains(name) {
                theirs = theirs.replace("void*()", "void()");
            }
            if OF_ANYTHING.contains(name) {
                theirs = theirs.replace("byte*", "void*");
            }
            assert_eq!(without_const(ours), without_const(&theirs), "{name}, {compiler:?}");
            for (place, (ours, theirs)) in ours.split(',').zip(theirs.split(',')).enumerate() {
                // What C promises not to write must be an input.
                let promised = ours.contains("const ");
                assert!(
                    !promised || theirs.contains("const "),
                    "{name}, parameter {place}: const, an output on Windows"
                );
                // Text and addresses that are inputs are promised, but for those where Windows does not either.
                let input = ["byte", "u16", "SOCKADDR", "TIMEVAL"].map(|kind| format!("const {kind}*"));
                let input = input.iter().any(|kind| theirs.contains(kind.as_str()));
                assert!(promised || !input || NOT_PROMISED.contains(name), "{name}, parameter {place}: not const");
            }
        }
    }
}

#[test]
fn references_go_to_the_symbols_of_the_list() {
    let mut text = format!("{INCLUDES}void (*const references[])(void) = {{\n");
    for Export { source, .. } in exports() {
        writeln!(text, "(void (*)(void)){source},").unwrap();
    }
    text.push_str("};\n");
    let expected: BTreeSet<String> = exports().into_iter().map(|export| export.symbol).collect();
    for language in [Language::C11, Language::Cxx17] {
        let text = match language {
            Language::Cxx17 => text.replace("void (*const", "extern void (*const references[])(void);\nvoid (*const"),
            _ => text.clone(),
        };
        let sources = Sources::new();
        let file = sources.add("references", language, &text);
        for compiler in language.compilers() {
            let object = sources.path().join("references.o");
            let compiled = compiler.command().arg("-c").arg(&file).arg("-o").arg(&object).output().unwrap();
            assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
            let symbols = Command::new("nm").args(["-P", "-u"]).arg(&object).output().expect("nm comes with cc");
            let symbols = String::from_utf8(symbols.stdout).unwrap();
            let undefined: BTreeSet<String> =
                symbols.lines().map(|line| line.split(' ').next().unwrap().to_string()).collect();
            assert_eq!(undefined, expected, "{compiler:?}");
        }
    }
}

/// Functions that the headers declare and the library does not have: each provider defines them itself.
const OF_PROVIDERS: [&str; 2] = ["WSPStartup", "NSPStartup"];

#[test]
fn headers_declare_the_exports_and_nothing_else() {
    let compiler = &Language::C11.compilers()[0];
    let sources = Sources::new();
    let file = sources.add("declarations", Language::C11, INCLUDES);
    let list = sources.path().join("list");
    let output = compiler.command().arg("-fsyntax-only").arg("-aux-info").arg(&list).arg(&file).output().unwrap();
    let Ok(list) = fs::read_to_string(list) else {
        // Only GCC writes such a list.
        assert!(!output.status.success());
        return;
    };
    // Lines are `/* file:line:code */ extern int name (…);`
    let mut declared = BTreeMap::new();
    for line in list.lines().filter(|line| line.contains("*/ extern ")) {
        let (place, declaration) = line.split_once("*/ extern ").unwrap();
        let path = place.trim_start_matches("/* ").split(':').next().unwrap();
        if let Some(header) = path.strip_prefix(&*crate::compiler::include_dir().to_string_lossy()) {
            let name = declaration.split(" (").next().unwrap().rsplit([' ', '*']).next().unwrap();
            declared.insert(name.to_string(), header.trim_start_matches('/').to_string());
        }
    }
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for Export { source, symbol, header } in exports() {
        // select and gethostname are macros for their symbols.
        let renamed = ["select", "gethostname"].contains(&&*source);
        expected.insert(if renamed { symbol } else { source }, header);
    }
    for name in OF_PROVIDERS {
        expected.insert(name.into(), "ws2spi.h".into());
    }
    expected.insert("__WSAFDIsSet".into(), "windlass/sockets.h".into());
    assert_eq!(declared, expected);
}
