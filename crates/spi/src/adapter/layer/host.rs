//! What layers need of a runtime beyond the upcalls: exports of it, which those that are linked in get by a hook.

use std::sync::OnceLock;

use windlass_abi::{LPWSPSTARTUP, WSAEVENT, WSAPROTOCOL_INFOW, WsaError};

use crate::transport::Result;

/// The functions of a runtime; each has the type of the export that it is named after.
#[derive(Clone, Copy)]
pub struct Host {
    /// `WindlassProvider`: stores the catalog entry of an id, as this process sees it, and the WSPStartup of its module, null if that
    /// cannot be loaded. It stays mapped while a chain runs that the entry is part of.
    pub provider: unsafe extern "system" fn(u32, *mut WSAPROTOCOL_INFOW, *mut LPWSPSTARTUP, *mut i32) -> i32,
    /// `WindlassCreateCallEvent`: an event whose setting is a call with the context.
    pub create_call_event: unsafe extern "system" fn(CallEvent, usize, *mut i32) -> WSAEVENT,
    /// `WSAGetLastError`.
    pub last_error: unsafe extern "system" fn() -> i32,
}

/// What the event of `WindlassCreateCallEvent` calls.
pub type CallEvent = Option<unsafe extern "system" fn(usize)>;

static HOST: OnceLock<Option<Host>> = OnceLock::new();

/// Says what the functions are. For the runtime, before it starts a layer that is linked into it; one that is loaded finds
/// them among the exports of the process. The first hook stays.
pub fn install(host: Host) {
    let _ = HOST.set(Some(host));
}

/// `WSAEOPNOTSUPP`: there is no runtime in this process.
pub(super) fn host() -> Result<&'static Host> {
    HOST.get_or_init(exported).as_ref().ok_or(WsaError::WSAEOPNOTSUPP)
}

#[cfg(unix)]
fn exported() -> Option<Host> {
    use libloading::os::unix::{Library, RTLD_NOW};
    /// RTLD_NOLOAD: only what is there already, which a program may have loaded for itself alone.
    const LOADED: i32 = libc::RTLD_NOLOAD;
    let has = |library: &Library| {
        // SAFETY: only asked for.
        unsafe { library.get::<*const ()>(b"WindlassProvider\0") }.is_ok()
    };
    let process = Some(Library::this()).filter(has).or_else(|| {
        // SAFETY: runs no initialiser, since it is loaded.
        unsafe { Library::open(Some("libws2_32.so"), RTLD_NOW | LOADED) }.ok()
    })?;
    // SAFETY: the types that the names have in the headers.
    unsafe {
        Some(Host {
            provider: *process.get(b"WindlassProvider\0").ok()?,
            create_call_event: *process.get(b"WindlassCreateCallEvent\0").ok()?,
            last_error: *process.get(b"WSAGetLastError\0").ok()?,
        })
    }
}

#[cfg(not(unix))]
fn exported() -> Option<Host> {
    None
}
