//! The files of clients, for transports that send them.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use windlass_abi::{HANDLE, WsaError};

use crate::transport::Result;

static FILES: OnceLock<Option<Source>> = OnceLock::new();

enum Source {
    Hook(fn(HANDLE) -> Result<OwnedFd>),
    Export(unsafe extern "system" fn(HANDLE) -> i32),
}

/// Says how to find a file's descriptor, a new one for each call. For the runtime, before it starts a provider that is linked
/// into it; one that is loaded finds `WindlassFileDescriptor` among the exports of the process. The first hook stays.
pub fn install(hook: fn(HANDLE) -> Result<OwnedFd>) {
    let _ = FILES.set(Some(Source::Hook(hook)));
}

/// Another descriptor of a client's file.
///
/// # Errors
/// `WSA_INVALID_HANDLE`: it is none. `WSAEOPNOTSUPP`: nobody in this process has files.
pub(super) fn file(handle: HANDLE) -> Result<OwnedFd> {
    match FILES.get_or_init(exported).as_ref().ok_or(WsaError::WSAEOPNOTSUPP)? {
        Source::Hook(hook) => hook(handle),
        Source::Export(function) => {
            // SAFETY: the library's function of this name, which takes any handle.
            let fd = unsafe { function(handle) };
            if fd < 0 {
                return Err(WsaError::WSA_INVALID_HANDLE);
            }
            // SAFETY: it is a new descriptor, the caller's to close.
            Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
        }
    }
}

fn exported() -> Option<Source> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the signature that the name has in fileapi.h.
    let function = unsafe { process.get::<unsafe extern "system" fn(HANDLE) -> i32>(b"WindlassFileDescriptor\0") };
    function.ok().map(|function| Source::Export(*function))
}
