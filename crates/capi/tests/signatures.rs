//! The exported functions have the parameters and results that Windows gives them.

#![allow(unused, reason = "shared with the tests of the ABI crate")]

#[path = "../../abi/tests/abi/describe.rs"]
mod describe;
#[path = "../../abi/tests/abi/exports.rs"]
mod exports;
#[path = "../../abi/tests/abi/functions.rs"]
mod functions;
#[path = "../../abi/tests/abi/structs.rs"]
mod structs;

use describe::without_const;
use exports::with_exports;

/// Every export, under its source name.
mod ours {
    pub use ws2_32::addresses::*;
    pub use ws2_32::connection::*;
    pub use ws2_32::events::*;
    pub use ws2_32::extensions::*;
    pub use ws2_32::helpers::*;
    pub use ws2_32::names::*;
    pub use ws2_32::options::*;
    pub use ws2_32::protocols::*;
    pub use ws2_32::readiness::*;
    pub use ws2_32::socket::*;
    pub use ws2_32::startup::*;
    pub use ws2_32::transfer::*;
    pub use ws2_32::win32::*;
    pub use ws2_32::wsc::*;
}

macro_rules! exported {
    (
        functions { $($module:ident { $($name:ident($($arg:tt),*);)* })* }
        pages { $($page:ident($($page_arg:tt),*);)* }
        ends { $($end:ident($($end_arg:tt),*);)* }
    ) => {
        /// The functions of the library.
        const EXPORTED: &[functions::Signature] = &[
            $($((
                stringify!($name),
                describe::describe(ours::$name as unsafe extern "system" fn($($arg),*) -> _),
            ),)*)*
            $((
                stringify!($page),
                describe::describe(ours::$page as unsafe extern "system" fn($($page_arg),*) -> _),
            ),)*
            $((
                stringify!($end),
                describe::describe(ours::$end as unsafe extern "system-unwind" fn($($end_arg),*) -> !),
            ),)*
        ];
    };
}

with_exports!(exported);

#[test]
fn exported_functions_have_the_signatures_of_windows() {
    let mut wrong = Vec::new();
    for ((name, ours), (_, theirs)) in EXPORTED.iter().zip(functions::EXPORTS) {
        let (ours, theirs) = (parts(&without_const(&ours())), parts(&without_const(&theirs())));
        let same = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(ours, theirs)| fits(ours, theirs));
        if !same {
            wrong.push(format!("{name}: {ours:?}, on Windows {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The parameters and, last, the result of `result(parameter,parameter)`; each may be a function itself.
fn parts(signature: &str) -> Vec<String> {
    let mut depth = 0;
    let open = signature.rfind(|c| {
        depth += (c == ')') as i32 - (c == '(') as i32;
        depth == 0
    });
    let (result, parameters) = signature.split_at(open.expect("a function has parameters"));
    let mut parts = vec![String::new()];
    for c in parameters[1..parameters.len() - 1].chars() {
        depth += (c == '(') as i32 - (c == ')') as i32;
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().expect("never empty").push(c),
        }
    }
    parts.push(result.into());
    parts
}

/// A function that does not look behind a pointer may take it as a plain address.
fn fits(ours: &str, theirs: &str) -> bool {
    ours == theirs || ours == "void*" && theirs.ends_with(['*', ')']) || ours == "void**" && theirs.ends_with("**")
}
