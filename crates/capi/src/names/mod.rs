//! Name resolution and registration. Name space providers are not loaded yet: what needs one says so
//! with its documented error; what the machine itself knows (its own name, numeric addresses, the loopback names) is answered.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

mod addrinfo;
mod lookup;
mod numeric;
mod refused;
mod service;
mod version_2;

use windlass_abi::{NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_runtime::{Function, require_started};

use crate::boundary::call;
use crate::text::{self, Unit};
pub use addrinfo::*;
pub use lookup::*;
pub use refused::*;
pub use service::*;
pub use version_2::*;

/// The name of this machine, since no name space provider answers (API-B8).
///
/// # Safety
/// `name` must be null or writable for `len` bytes.
#[unsafe(export_name = "ws2_gethostname")]
pub unsafe extern "system" fn gethostname(name: *mut u8, len: i32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { host_name(name, len) }
}

/// The UTF-16 form of [`gethostname`]; `len` is in characters.
///
/// # Safety
/// `name` must be null or writable for `len` characters.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetHostNameW(name: *mut u16, len: i32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { host_name(name, len) }
}

/// # Safety
/// `name` must be null or writable for `len` units.
unsafe fn host_name<U: Unit>(name: *mut U, len: i32) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::GetHostName)?;
        let room = usize::try_from(len).map_err(|_| WsaError::WSAEFAULT)?;
        let system = rustix::system::uname();
        let known = system.nodename().to_string_lossy();
        // A machine without a name still succeeds, with one that resolves (API-B8).
        let known = if known.is_empty() { "localhost" } else { &known };
        // SAFETY: as the caller vouches.
        unsafe { text::hand_out(known, name, room) }?;
        Ok(NO_ERROR)
    })
}
