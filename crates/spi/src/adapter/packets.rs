//! Packets that a provider queues to a client's completion port by its handle.

use std::sync::OnceLock;

use windlass_abi::{BOOL, HANDLE, WSAOVERLAPPED};

static POST: OnceLock<Option<Post>> = OnceLock::new();

enum Post {
    Hook(fn(HANDLE, usize, usize)),
    #[cfg(unix)]
    Export(unsafe extern "system" fn(HANDLE, u32, usize, *const WSAOVERLAPPED) -> BOOL),
}

/// Says how to queue a packet: port, key and overlapped structure. For the runtime, before it starts a provider that is linked
/// into it; one that is loaded finds `PostQueuedCompletionStatus` among the exports of the process. The first hook stays.
pub fn install(hook: fn(HANDLE, usize, usize)) {
    let _ = POST.set(Some(Post::Hook(hook)));
}

/// Queues a packet of no bytes. Without effect if the port is closed.
pub(super) fn post(port: HANDLE, key: usize, overlapped: usize) {
    match POST.get_or_init(exported) {
        Some(Post::Hook(hook)) => hook(port, key, overlapped),
        #[cfg(unix)]
        Some(Post::Export(function)) => {
            let overlapped = std::ptr::with_exposed_provenance(overlapped);
            // SAFETY: the library's function of this name, which takes any handle and does not follow the pointer.
            let _ = unsafe { function(port, 0, key, overlapped) };
        }
        None => {}
    }
}

#[cfg(unix)]
fn exported() -> Option<Post> {
    type Export = unsafe extern "system" fn(HANDLE, u32, usize, *const WSAOVERLAPPED) -> BOOL;
    let process = libloading::os::unix::Library::this();
    // SAFETY: the signature that the name has in the API.
    let function = unsafe { process.get::<Export>(b"PostQueuedCompletionStatus\0") }.ok()?;
    Some(Post::Export(*function))
}

#[cfg(not(unix))]
fn exported() -> Option<Post> {
    None
}
