//! Name resolution and registration. Name space providers are not loaded yet: what needs one says so
//! with its documented error; what the machine itself knows (its own name, numeric addresses, the loopback names) is answered.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

mod addrinfo;
mod numeric;
mod refused;

use windlass_abi::{NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_runtime::{Function, require_started};

use crate::boundary::{array_mut, call};
pub use addrinfo::*;
pub use refused::*;

/// The name of this machine, since no name space provider answers (API-B8).
///
/// # Safety
/// `name` must be null or writable for `len` bytes.
#[unsafe(export_name = "ws2_gethostname")]
pub unsafe extern "system" fn gethostname(name: *mut u8, len: i32) -> i32 {
    call(SOCKET_ERROR, || {
        // SAFETY: as the caller vouches.
        unsafe { host_name(name, len, |text| text.as_bytes().to_vec()) }
    })
}

/// The UTF-16 form of [`gethostname`]; `len` is in characters.
///
/// # Safety
/// `name` must be null or writable for `len` characters.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetHostNameW(name: *mut u16, len: i32) -> i32 {
    call(SOCKET_ERROR, || {
        // SAFETY: as the caller vouches.
        unsafe { host_name(name, len, |text| text.encode_utf16().collect()) }
    })
}

unsafe fn host_name<T: Copy + Default>(
    name: *mut T,
    len: i32,
    encode: impl FnOnce(&str) -> Vec<T>,
) -> Result<i32, WsaError> {
    require_started(Function::GetHostName)?;
    let known = rustix::system::uname();
    let known = known.nodename().to_string_lossy();
    // A machine without a name still succeeds, with one that resolves (API-B8).
    let mut units = encode(if known.is_empty() { "localhost" } else { &known });
    units.push(T::default());
    let len = usize::try_from(len).map_err(|_| WsaError::WSAEFAULT)?;
    // SAFETY: the caller of the export vouches for the buffer.
    let room = unsafe { array_mut(name, len) }?;
    room.get_mut(..units.len()).ok_or(WsaError::WSAEFAULT)?.copy_from_slice(&units);
    Ok(NO_ERROR)
}
