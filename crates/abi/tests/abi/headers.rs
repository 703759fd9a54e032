//! The C headers compile without a warning: alone, together, in each order, next to the system's headers, as C11
//! and C++17, with both widths of wchar_t. What cannot work says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::compiler::{Compiler, Language, Sources, include_dir};

/// The headers that programs include, in a sensible order.
const MAIN: [&str; 11] = [
    "winsock2.h",
    "ws2tcpip.h",
    "windows.h",
    "ws2spi.h",
    "mswsock.h",
    "mstcpip.h",
    "sporder.h",
    "nspapi.h",
    "nsemail.h",
    "process.h",
    "strsafe.h",
];

/// System headers that a Winsock program may use before and after ours.
const SYSTEM: [&str; 14] = [
    "stdlib.h",
    "stdio.h",
    "string.h",
    "time.h",
    "unistd.h",
    "errno.h",
    "signal.h",
    "pthread.h",
    "wchar.h",
    "sys/types.h",
    "sys/time.h",
    "sys/select.h",
    "sys/wait.h",
    "sys/stat.h",
];

const SYSTEM_CXX: [&str; 8] =
    ["functional", "thread", "chrono", "string", "iostream", "filesystem", "regex", "condition_variable"];

fn include(headers: &[&str]) -> String {
    headers.iter().map(|header| format!("#include <{header}>\n")).collect()
}

/// A source text that uses a few things, so that an empty header is noticed.
fn using(headers: &[&str]) -> String {
    format!(
        "{}SOCKET s;\nfd_set set;\nstruct timeval limit = {{1, 2}};\nu_long number;\nint used(void);\n\
         int used(void) {{ return select(0, &set, 0, 0, &limit) + (int)sizeof(struct sockaddr_in) + \
         (int)s + (int)htonl(number); }}\n",
        include(headers)
    )
}

/// Every header in its own lower-case name, and those in windlass/.
fn canonical() -> Vec<String> {
    let mut names: Vec<String> = spellings().into_iter().filter(|name| *name == name.to_lowercase()).collect();
    names.extend(
        ["crt.h", "interlocked.h", "libc.h", "sockets.h", "sourcefilter.h"].map(|name| format!("windlass/{name}")),
    );
    names
}

fn spellings() -> BTreeSet<String> {
    let files = fs::read_dir(include_dir()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| path.file_name().unwrap().to_str().unwrap().to_string()).collect()
}

/// Compiles each text as a file of its own, in one run of each compiler.
fn all_compile(language: Language, flags: &[&str], texts: &[String]) {
    let sources = Sources::new();
    let name = |at: usize| format!("source{at}");
    let files: Vec<PathBuf> =
        texts.iter().enumerate().map(|(at, text)| sources.add(&name(at), language, text)).collect();
    for compiler in language.compilers() {
        if let Err(text) = compiler.check(flags, &files) {
            let guilty = texts.iter().enumerate().find(|(at, _)| text.contains(&name(*at)));
            panic!("{compiler:?} {flags:?}: {text}\n{}", guilty.map_or("", |(_, source)| source));
        }
    }
}

#[test]
fn each_header_compiles_alone() {
    let texts: Vec<String> =
        canonical().iter().map(|name| format!("{}int windlass_unit;\n", include(&[name]))).collect();
    assert!(texts.len() > 20);
    for language in Language::ALL {
        all_compile(language, &[], &texts);
    }
}

#[test]
fn headers_compile_in_each_order() {
    let mut texts = Vec::new();
    for first in 0..MAIN.len() {
        let mut order = MAIN;
        order.rotate_left(first);
        texts.push(using(&order));
        order.reverse();
        texts.push(using(&order));
    }
    // Twice, and Winsock after a lean windows.h, as on Windows.
    texts.push(using(&[&MAIN[..], &MAIN].concat()));
    texts.push(format!("#define WIN32_LEAN_AND_MEAN\n{}", using(&["windows.h", "winsock2.h"])));
    for language in [Language::C11, Language::Cxx17] {
        all_compile(language, &[], &texts);
    }
    all_compile(Language::C11, &["-fshort-wchar"], &texts[..2]);
    all_compile(Language::Cxx17, &["-fshort-wchar", "-DUNICODE", "-D_UNICODE"], &texts[..2]);
}

#[test]
fn headers_compile_before_and_after_those_of_the_system() {
    let system: Vec<String> = SYSTEM
        .iter()
        .flat_map(|system| {
            let before = [&[*system][..], &MAIN].concat();
            let after = [&MAIN[..], &[*system]].concat();
            [using(&before), using(&after)]
        })
        .collect();
    for language in [Language::C11, Language::Cxx17] {
        all_compile(language, &[], &system);
    }
    all_compile(Language::Gnu11, &["-D_GNU_SOURCE", "-fshort-wchar"], &system);
}

#[test]
fn headers_compile_before_and_after_those_of_cxx() {
    let texts = [[&SYSTEM_CXX[..], &MAIN].concat(), [&MAIN[..], &SYSTEM_CXX].concat()].map(|order| using(&order));
    all_compile(Language::Cxx17, &[], &texts);
    all_compile(Language::Cxx17, &["-fshort-wchar"], &texts[..1]);
    // Later standards too.
    all_compile(Language::Cxx17, &["-std=c++20"], &texts);
}

/// Names of the C++ library that macros named after Winsock functions would break.
#[test]
fn names_of_the_cxx_library_survive() {
    let text = format!(
        "{}#include <functional>
#include <thread>
#include <chrono>
#include <string>
static int add(int a, int b) {{ return a + b; }}
struct Channel {{
    int connect(int n) {{ return n; }}
    int bind() const {{ return 1; }}
    int send(const std::string &text) {{ return static_cast<int>(text.size()); }}
    int shutdown {{}}, listen {{}}, accept {{}}, socket {{}};
}};
int use();
int use()
{{
    using namespace std::placeholders;
    auto bound = std::bind(add, 1, _1);
    Channel channel;
    std::this_thread::sleep_for(std::chrono::milliseconds(0));
    sockaddr_in address {{}};
    int length = sizeof address;
    socklen_t same = length;
    ::bind(INVALID_SOCKET, reinterpret_cast<sockaddr *>(&address), same);
    ::getsockname(INVALID_SOCKET, reinterpret_cast<sockaddr *>(&address), &same);
    return bound(2) + channel.connect(3) + channel.bind() + channel.send(\"x\") + channel.shutdown;
}}
",
        include(&["winsock2.h", "ws2tcpip.h"])
    );
    all_compile(Language::Cxx17, &[], &[text]);
}

#[test]
fn each_spelling_forwards_to_the_header() {
    let names = spellings();
    let mut texts = Vec::new();
    for name in &names {
        let canonical = name.to_lowercase();
        if *name != canonical {
            assert!(names.contains(&canonical), "{name} forwards to nothing");
            let text = fs::read_to_string(include_dir().join(name)).unwrap();
            assert_eq!(text, format!("#include \"{canonical}\"\n"), "{name}");
            texts.push(format!("{}int windlass_unit;\n", include(&[name])));
        }
    }
    for usual in
        ["WinSock2.h", "Winsock2.h", "WS2tcpip.h", "Ws2tcpip.h", "WS2spi.h", "Ws2spi.h", "MSWSock.h", "Windows.h"]
    {
        assert!(names.contains(usual), "{usual}");
    }
    all_compile(Language::C11, &[], &texts);
}

fn refused(language: Language, flags: &[&str], text: &str, reason: &str) {
    for compiler in language.compilers() {
        let said = compiler.check_text(flags, text).expect_err("must not compile");
        assert!(said.contains(reason), "{compiler:?}: {said}");
    }
}

fn accepted(language: Language, flags: &[&str], text: &str) {
    for compiler in language.compilers() {
        compiler.check_text(flags, text).unwrap_or_else(|said| panic!("{compiler:?}: {said}"));
    }
}

#[test]
fn posix_sockets_in_the_same_file_are_refused() {
    for posix in ["sys/socket.h", "netinet/in.h", "netdb.h", "arpa/inet.h", "poll.h"] {
        let text = include(&[posix, "winsock2.h"]);
        refused(Language::C11, &["-D_GNU_SOURCE"], &text, "Winsock or POSIX sockets, not both");
        // After winsock2.h the two fight over names: never silently.
        let text = include(&["winsock2.h", "ws2tcpip.h", posix]);
        for compiler in Language::Gnu11.compilers() {
            compiler.check_text(&[], &text).expect_err("must not compile");
        }
    }
}

#[test]
fn unicode_needs_16_bit_wide_characters() {
    let text = format!("#define UNICODE\n{}LPCTSTR text = TEXT(\"x\");\n", include(&["windows.h"]));
    for language in [Language::C11, Language::Cxx17] {
        refused(language, &[], &text, "compile with -fshort-wchar");
        accepted(language, &["-fshort-wchar"], &text);
        // Without UNICODE, TEXT is narrow and u\"\" is a Windows string.
        let plain = format!("{}LPCTSTR text = TEXT(\"x\");\nLPCWSTR wide = u\"x\";\n", include(&["windows.h"]));
        accepted(language, &[], &plain);
        // L\"\" is 32 bits wide: the compiler says so.
        let wrong = format!("{}LPCWSTR wide = L\"x\";\n", include(&["windows.h"]));
        for compiler in language.compilers() {
            compiler.check_text(&[], &wrong).expect_err("L\"\" is not a Windows string");
        }
        accepted(language, &["-fshort-wchar"], &wrong);
    }
}

#[test]
fn unicode_chooses_the_w_functions() {
    let text = |suffix: char| {
        format!(
            "{}_Static_assert(_Generic(&WSASocket, __typeof__(&WSASocket{suffix}) : 1), \"\");\n\
             _Static_assert(sizeof(WSAPROTOCOL_INFO) == sizeof(WSAPROTOCOL_INFO{suffix}), \"\");\n\
             _Static_assert(_Generic((WSAQUERYSET *)0, WSAQUERYSET{suffix} * : 1), \"\");\n\
             _Static_assert(_Generic((ADDRINFOT *)0, ADDRINFO{suffix} * : 1), \"\");\n\
             _Static_assert(_Generic(&GetAddrInfo, __typeof__(&GetAddrInfo{suffix}) : 1), \"\");\n\
             _Static_assert(_Generic(&CreateEvent, __typeof__(&CreateEvent{suffix}) : 1), \"\");\n\
             _Static_assert(SO_PROTOCOL_INFO == SO_PROTOCOL_INFO{suffix}, \"\");\n",
            include(&["winsock2.h", "ws2tcpip.h"])
        )
    };
    accepted(Language::Gnu11, &[], &text('A'));
    accepted(Language::Gnu11, &["-fshort-wchar", "-DUNICODE"], &text('W'));
}

#[test]
fn programs_choose_the_size_of_fd_set() {
    let check = |prefix: &str, size: usize| {
        format!(
            "{prefix}#include <winsock2.h>\n_Static_assert(FD_SETSIZE == {size}, \"\");\n\
             _Static_assert(sizeof(fd_set) == 8 + 8 * {size}, \"\");\n"
        )
    };
    for language in [Language::C11, Language::Gnu11] {
        accepted(language, &[], &check("", 64));
        accepted(language, &[], &check("#include <stdlib.h>\n#include <sys/select.h>\n", 64));
        accepted(language, &[], &check("#define FD_SETSIZE 256\n", 256));
        accepted(language, &["-DFD_SETSIZE=128"], &check("", 128));
        let chosen_late = "#include <sys/select.h>\n#undef FD_SETSIZE\n#define FD_SETSIZE 1024\n";
        accepted(language, &[], &check(chosen_late, 1024));
    }
}

/// The C library's own headers keep their meaning where they come first.
#[test]
fn the_c_library_keeps_its_types() {
    let text = format!(
        "#include <sys/types.h>\n#include <sys/time.h>\n\
         struct timeval before;\nfd_set set_before;\nu_long long_before;\n\
         _Static_assert(sizeof(before) == 16, \"\");\n_Static_assert(sizeof(set_before) == 128, \"\");\n{}\
         struct timeval after;\nfd_set set_after;\nu_long long_after;\n\
         _Static_assert(sizeof(after) == 8, \"\");\n_Static_assert(sizeof(set_after) == 520, \"\");\n\
         _Static_assert(sizeof(long_before) == 8 && sizeof(long_after) == 4, \"\");\n\
         _Static_assert(sizeof(before) == 16, \"\");\n",
        include(&["winsock2.h"])
    );
    accepted(Language::Gnu11, &[], &text);
}

/// The check itself notices a warning.
#[test]
fn a_warning_is_an_error() {
    for language in Language::ALL {
        for compiler in language.compilers() {
            let with_warning = "int f(int unused);\nint f(int unused) { return 1; }\n";
            assert!(compiler.check_text(&[], with_warning).is_err(), "{:?}", Compiler::language(&compiler));
        }
    }
}
