//! The calling thread's error, for extension functions: they have no `lpErrno` (API-X2).

use std::sync::OnceLock;

use windlass_abi::WsaError;

static SET_LAST_ERROR: OnceLock<Option<Setter>> = OnceLock::new();

enum Setter {
    Hook(fn(i32)),
    #[cfg(unix)]
    Export(unsafe extern "system" fn(i32)),
}

/// Sets the calling thread's error, as `WSASetLastError` does. Where there is no runtime there is
/// nobody to read it, and nothing is set.
pub fn set(error: WsaError) {
    set_if_kept(error);
}

/// The same; says whether there is a runtime.
pub(super) fn set_if_kept(error: WsaError) -> bool {
    match SET_LAST_ERROR.get_or_init(exported) {
        Some(Setter::Hook(hook)) => hook(error.code()),
        #[cfg(unix)]
        // SAFETY: the runtime's function of this name, which takes any number.
        Some(Setter::Export(function)) => unsafe { function(error.code()) },
        None => return false,
    }
    true
}

/// Says how to set it. For the runtime, before it starts a provider that is linked into it; one that
/// is loaded finds `WSASetLastError` among the exports of the process. The first hook stays.
pub fn install(hook: fn(i32)) {
    let _ = SET_LAST_ERROR.set(Some(Setter::Hook(hook)));
}

#[cfg(unix)]
fn exported() -> Option<Setter> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the signature that the name has in the API.
    let function = unsafe { process.get::<unsafe extern "system" fn(i32)>(b"WSASetLastError\0") }.ok()?;
    Some(Setter::Export(*function))
}

#[cfg(not(unix))]
fn exported() -> Option<Setter> {
    None
}
