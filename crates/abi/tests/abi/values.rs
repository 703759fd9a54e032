//! The C headers say the same as the ABI crate and as Windows: each compiler prints sizes, offsets, kinds and
//! numbers, and they are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use crate::compiler::{Language, Sources, include_dir};
use crate::constants::{self, RUST, WINDOWS_ONLY};
use crate::describe::without_const;
use crate::prototypes::describing;
use crate::structs::{self, Layout};

/// The headers that the tables cover.
pub const INCLUDES: &str = "\
#include <winsock2.h>
#include <ws2tcpip.h>
#include <ws2spi.h>
#include <mswsock.h>
#include <mstcpip.h>
#include <nsemail.h>
#include <qos.h>
#include <sporder.h>
#include <svcguid.h>
#include <process.h>
#include <strsafe.h>
#include <stddef.h>
#include <stdio.h>
";

fn layouts() -> Vec<Layout> {
    let mut all = structs::rust();
    all.extend(structs::windows_only());
    all
}

/// The name of the type in C; those in lower case have no typedef.
fn c_name(name: &str) -> String {
    let tag_only = name.chars().all(|c| !c.is_uppercase()) && name != "sockaddr_gen";
    if tag_only { format!("struct {name}") } else { name.into() }
}

#[test]
fn structures_and_numbers_of_c_are_those_of_rust() {
    // proves: CAT-PI-1, OV-16, WSP-ENUM-2, LUP-2, LC-NUM-2
    let mut program = format!("{INCLUDES}int main(void) {{\n");
    for layout in layouts() {
        let name = c_name(layout.name);
        let line = format!("printf(\"{} %zu %zu\\n\", sizeof({name}), _Alignof({name}));", layout.name);
        writeln!(program, "{line}").unwrap();
        for field in &layout.fields {
            let line = format!("printf(\"{}.{1} %zu\\n\", offsetof({name}, {1}));", layout.name, field.name);
            writeln!(program, "{line}").unwrap();
        }
    }
    for (name, _) in RUST.iter().chain(WINDOWS_ONLY) {
        writeln!(program, "printf(\"{name} %lld\\n\", (long long)({name}));").unwrap();
    }
    program.push_str("return 0;\n}\n");

    let mut expected = String::new();
    for layout in layouts() {
        writeln!(expected, "{} {} {}", layout.name, layout.size, layout.align).unwrap();
        for field in &layout.fields {
            writeln!(expected, "{}.{} {}", layout.name, field.name, field.offset).unwrap();
        }
    }

    for language in [Language::C11, Language::Cxx17] {
        let sources = Sources::new();
        let text = if language == Language::Cxx17 { program.replace("_Alignof", "alignof") } else { program.clone() };
        let file = sources.add("values", language, &text);
        for compiler in language.compilers() {
            for flags in [&[][..], &["-fshort-wchar"]] {
                let printed = compiler.run(flags, &[&file]);
                let (layouts, numbers) = printed.split_at(expected.len().min(printed.len()));
                assert_eq!(layouts, expected, "{compiler:?} {flags:?}");
                compare_numbers(numbers);
            }
        }
    }
}

fn compare_numbers(printed: &str) {
    let printed: BTreeMap<&str, i64> = printed
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, number)| (name, number.parse().unwrap()))
        .collect();
    for &(name, number) in RUST.iter().chain(WINDOWS_ONLY) {
        let in_c = printed[name];
        assert!(constants::same(number, in_c), "{name} is {number:#x}, in C {in_c:#x}");
    }
}

#[test]
fn kinds_of_fields_in_c_are_those_of_rust() {
    let mut program = format!("{INCLUDES}{}", describing());
    program.push_str("int main() {\n");
    let mut expected = String::new();
    for layout in layouts() {
        for field in &layout.fields {
            let Some(kind) = &field.kind else { continue };
            let name = field.name.as_str();
            writeln!(program, "show(\"{0}.{name}\", kind<decltype({0}::{name})>());", layout.name).unwrap();
            writeln!(expected, "{}.{name} {}", layout.name, without_const(kind)).unwrap();
        }
    }
    program.push_str("return 0;\n}\n");
    let sources = Sources::new();
    let file = sources.add("kinds", Language::Cxx17, &program);
    for compiler in Language::Cxx17.compilers() {
        assert_eq!(without_const(&compiler.run(&[], &[&file])), expected, "{compiler:?}");
    }
}

#[test]
fn identifiers_of_c_are_those_of_rust() {
    use windlass_abi::*;
    let guids = [
        ("WSAID_ACCEPTEX", WSAID_ACCEPTEX),
        ("WSAID_GETACCEPTEXSOCKADDRS", WSAID_GETACCEPTEXSOCKADDRS),
        ("WSAID_TRANSMITFILE", WSAID_TRANSMITFILE),
        ("WSAID_CONNECTEX", WSAID_CONNECTEX),
        ("WSAID_DISCONNECTEX", WSAID_DISCONNECTEX),
        ("WSAID_TRANSMITPACKETS", WSAID_TRANSMITPACKETS),
        ("WSAID_WSARECVMSG", WSAID_WSARECVMSG),
        ("WSAID_WSASENDMSG", WSAID_WSASENDMSG),
        ("WSAID_WSAPOLL", WSAID_WSAPOLL),
        ("WSAID_MULTIPLE_RIO", WSAID_MULTIPLE_RIO),
        ("SVCID_HOSTNAME", SVCID_HOSTNAME),
        ("SVCID_INET_HOSTADDRBYINETSTRING", SVCID_INET_HOSTADDRBYINETSTRING),
        ("SVCID_INET_HOSTADDRBYNAME", SVCID_INET_HOSTADDRBYNAME),
        ("SVCID_INET_SERVICEBYNAME", SVCID_INET_SERVICEBYNAME),
        ("SVCID_TCP(80)", SVCID_TCP(80)),
        ("SVCID_UDP(53)", SVCID_UDP(53)),
        ("SVCID_NETWARE(4)", SVCID_NETWARE(4)),
    ];
    let mut program = format!("{INCLUDES}int main(void) {{\n");
    for (name, _) in guids {
        writeln!(
            program,
            "{{ GUID g = {name}; printf(\"%08x-%04x-%04x\", g.Data1, g.Data2, g.Data3);\n\
             for (int i = 0; i < 8; i++)\n    printf(\"%s%02x\", i == 0 || i == 2 ? \"-\" : \"\", g.Data4[i]);\nputs(\"\"); }}"
        )
        .unwrap();
    }
    program.push_str("return 0;\n}\n");
    let expected: String = guids.iter().map(|(_, id)| format!("{id}\n")).collect();
    for language in [Language::C11, Language::Cxx17] {
        let sources = Sources::new();
        let file = sources.add("identifiers", language, &program);
        for compiler in language.compilers() {
            assert_eq!(compiler.run(&[], &[&file]), expected, "{compiler:?}");
        }
    }
}

/// Values that are pointers or addresses, which the table of numbers cannot hold.
#[test]
fn other_values_of_c_are_those_of_rust() {
    let program = format!(
        "{INCLUDES}#include <string.h>
int main(void) {{
    IN6_ADDR any = IN6ADDR_ANY_INIT, loopback = IN6ADDR_LOOPBACK_INIT;
    int i;
    for (i = 0; i < 16; i++) printf(\"%02x\", any.s6_addr[i]);
    for (i = 0; i < 16; i++) printf(\"%02x\", loopback.s6_addr[i]);
    printf(\" %d %d\", memcmp(&any, &in6addr_any, 16), memcmp(&loopback, &in6addr_loopback, 16));
    printf(\" %lx %lx\", (unsigned long)(ULONG_PTR)INVALID_HANDLE_VALUE, (unsigned long)(ULONG_PTR)WSA_INVALID_EVENT);
    printf(\" %lx %lx %lx\\n\", (unsigned long)(ULONG_PTR)RIO_INVALID_BUFFERID, (unsigned long)(ULONG_PTR)RIO_INVALID_CQ,
           (unsigned long)(ULONG_PTR)RIO_INVALID_RQ);
    return 0;
}}
"
    );
    let hex = |address: windlass_abi::IN6_ADDR| address.Byte.map(|byte| format!("{byte:02x}")).concat();
    let expected = format!(
        "{}{} 0 0 {:x} {:x} {:x} {:x} {:x}\n",
        hex(windlass_abi::IN6ADDR_ANY),
        hex(windlass_abi::IN6ADDR_LOOPBACK),
        windlass_abi::INVALID_HANDLE_VALUE as usize,
        windlass_abi::WSA_INVALID_EVENT as usize,
        windlass_abi::RIO_INVALID_BUFFERID as usize,
        windlass_abi::RIO_INVALID_CQ as usize,
        windlass_abi::RIO_INVALID_RQ as usize,
    );
    for language in [Language::C11, Language::Cxx17] {
        let sources = Sources::new();
        let file = sources.add("other", language, &program);
        for compiler in language.compilers() {
            assert_eq!(compiler.run(&[], &[&file]), expected, "{compiler:?}");
        }
    }
}

/// Every number that a header defines is in the tables that the tests compare.
#[test]
fn nothing_of_the_headers_is_left_out() {
    let checked: BTreeSet<&str> = RUST.iter().chain(WINDOWS_ONLY).map(|&(name, _)| name).collect();
    // Not in windows-sys as the current headers have them, or not of Winsock.
    let others = [
        "AF_BTH",
        "AF_MAX",
        "ANYSIZE_ARRAY",
        "MAXDWORD",
        "MAXIMUM_WAIT_OBJECTS",
        "NULL",
        "STRSAFE_MAX_CCH",
        "STRUNCATE",
        "__FD_SETSIZE",
    ];
    let mut seen = 0;
    for folder in [include_dir(), include_dir().join("windlass")] {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            for line in text.lines().filter_map(|line| line.trim().strip_prefix("#define ")) {
                let Some((name, value)) = line.split_once(' ') else { continue };
                let number = value.trim_start_matches(['(', '-']).starts_with(|c: char| c.is_ascii_digit());
                if number && !name.contains('(') {
                    seen += 1;
                    assert!(checked.contains(name) || others.contains(&name), "{name} is in no table");
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} numbers found");
}
