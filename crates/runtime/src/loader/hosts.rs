//! What the runtime offers to layers beyond the upcalls, so that they find the next provider and hear of the end of what it does.

use std::sync::Arc;

use windlass_abi::{HANDLE, LPWSPSTARTUP, SOCKET_ERROR, WSA_INVALID_EVENT, WSAEVENT, WSAPROTOCOL_INFOW, WsaError};
use windlass_io::event;
use windlass_spi::layer::Host;

use super::module::Module;
use super::upcalls::upcall;
use crate::process;

/// For layers that are linked in.
pub(crate) const HOST: Host = Host { provider, create_call_event, last_error };

/// `WindlassProvider`: stores the catalog entry of an id, as this process sees it, and the WSPStartup of its module: null if that
/// cannot be loaded. The module stays mapped while a chain that the entry is part of starts or runs.
///
/// `WSAEINVAL`: there is no such entry. `WSANOTINITIALISED`: no provider starts or runs. `WSAEFAULT`.
///
/// # Safety
/// Every pointer is null or can be written.
pub unsafe extern "system" fn provider(
    id: u32,
    info: *mut WSAPROTOCOL_INFOW,
    startup: *mut LPWSPSTARTUP,
    errno: *mut i32,
) -> i32 {
    let find = || {
        if info.is_null() || startup.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        let entry = process::current().find(|session| session.entry(id))?.ok_or(WsaError::WSAEINVAL)?;
        // Runs no initialiser: the runtime has loaded what a chain is made of before it starts it.
        let found = Module::load(entry.module_path()).map(|(_, startup)| startup);
        // SAFETY: not null, so the layer's.
        unsafe {
            info.write_unaligned(entry.info());
            startup.write_unaligned(found);
        }
        Ok(0)
    };
    // SAFETY: `errno` is the layer's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, find) }
}

/// `WindlassCreateCallEvent`: an event whose setting is a call of `call` with `context`, in the thread that sets it. It can be given to a
/// provider as that of an overlapped operation, which is over then; nobody can wait for it. `WPUCloseEvent` ends it.
///
/// `WSAEINVAL`: no function. `WSA_NOT_ENOUGH_MEMORY`. `WSANOTINITIALISED`: no provider starts or runs.
///
/// # Safety
/// The function can be called with the context until the event is closed, from any thread, and does not block. `errno` is null or can
/// be written.
pub unsafe extern "system" fn create_call_event(
    call: Option<unsafe extern "system" fn(usize)>,
    context: usize,
    errno: *mut i32,
) -> WSAEVENT {
    let create = || {
        let call = call.ok_or(WsaError::WSAEINVAL)?;
        // SAFETY: the layer promises that it can be called.
        event::create_call(Arc::new(move || unsafe { call(context) })).map(HANDLE::from)
    };
    // SAFETY: `errno` is the layer's, null or valid.
    unsafe { upcall(errno, WSA_INVALID_EVENT, create) }
}

unsafe extern "system" fn last_error() -> i32 {
    crate::thread::last_error()
}
