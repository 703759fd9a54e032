//! The slice of Win32 that Winsock programs lean on. What is not here is not declared by the headers.
//!
//! | module | exports |
//! |---|---|
//! | [`error`], [`messages`] | the thread error, the texts of errors |
//! | [`handles`], [`waits`], [`sync_objects`] | handles, waits and sleep; events, semaphores, mutexes |
//! | [`threads`], [`storage`] | threads and procedure calls, thread-local storage |
//! | [`locks`] | critical sections, reader/writer locks, condition variables, one-time initialisation |
//! | [`results`] | results of overlapped operations, and how they are cancelled |
//! | [`ports`], [`files`] | completion ports, files and standard streams |
//! | [`clock`], [`system`] | time, the machine |
//! | [`heap`], [`memory`] | heaps, LocalAlloc and GlobalAlloc |
//! | [`code_pages`], [`strings`] | UTF-16 and code pages, lstrlen and lstrcpyn |
//! | [`modules`], [`environment`], [`debug`], [`console`] | shared objects, environment, debug text, control events |

pub mod clock;
pub mod code_pages;
pub mod console;
pub mod debug;
pub mod environment;
pub mod error;
pub mod files;
pub mod handles;
pub mod heap;
pub mod locks;
pub mod memory;
pub mod messages;
pub mod modules;
pub mod ports;
pub mod results;
pub mod storage;
pub mod strings;
pub mod sync_objects;
pub mod system;
pub mod threads;
pub mod waits;

mod code_page;
mod texts;

pub use clock::*;
pub use code_pages::*;
pub use console::*;
pub use debug::*;
pub use environment::*;
pub use error::*;
pub use files::*;
pub use handles::*;
pub use heap::*;
pub use locks::*;
pub use memory::*;
pub use messages::*;
pub use modules::*;
pub use ports::*;
pub use results::*;
pub use storage::*;
pub use strings::*;
pub use sync_objects::*;
pub use system::*;
pub use threads::*;
pub use waits::*;

use windlass_abi::WsaError;

use crate::boundary::Result;

/// Errors of Win32 beside those that Winsock has too.
mod code {
    pub const PATH_NOT_FOUND: i32 = 3;
    pub const GEN_FAILURE: i32 = 31;
    pub const HANDLE_EOF: i32 = 38;
    pub const NOT_SUPPORTED: i32 = 50;
    pub const NETNAME_DELETED: i32 = 64;
    pub const INSUFFICIENT_BUFFER: i32 = 122;
    pub const MOD_NOT_FOUND: i32 = 126;
    pub const PROC_NOT_FOUND: i32 = 127;
    pub const NEGATIVE_SEEK: i32 = 131;
    pub const ENVVAR_NOT_FOUND: i32 = 203;
    pub const MORE_DATA: i32 = 234;
    pub const MR_MID_NOT_FOUND: i32 = 317;
    pub const IO_INCOMPLETE: i32 = 996;
    pub const INVALID_FLAGS: i32 = 1004;
    pub const NO_UNICODE_TRANSLATION: i32 = 1113;
    pub const CONNECTION_ABORTED: i32 = 1236;
    pub const NOT_FOUND: i32 = 1168;
    pub const TIMEOUT: i32 = 1460;
    pub const RESOURCE_LANG_NOT_FOUND: i32 = 1815;
}

/// Fails with a code of Win32.
fn fail<T>(code: i32) -> Result<T> {
    Err(WsaError::Other(code))
}

/// Fails with `ERROR_INVALID_PARAMETER`.
fn invalid<T>() -> Result<T> {
    Err(WsaError::WSA_INVALID_PARAMETER)
}
