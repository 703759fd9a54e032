//! `select` and `WSAPoll`.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{FD_SET, NO_ERROR, SOCKET, SOCKET_ERROR, TIMEVAL, WSAPOLLFD, WsaError};
use windlass_runtime::{self as runtime, Function};

use crate::boundary::{Result, array, array_mut, call, call_code};

/// The members of a set; none for a null one (API-13).
///
/// # Safety
/// `set` must be null or an `fd_set` with `fd_count` elements.
pub unsafe fn members<'a>(set: *const FD_SET) -> Result<&'a [SOCKET]> {
    if set.is_null() {
        return Ok(&[]);
    }
    // SAFETY: not null; the array is as long as the count says, however large the client's FD_SETSIZE is (API-13).
    unsafe {
        let count = (&raw const (*set).fd_count).read_unaligned();
        array((&raw const (*set).fd_array).cast(), count as usize)
    }
}

/// The number of sockets that are ready; the sets keep those. The whole call goes to the provider of the first socket
/// found (API-10, API-11).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(export_name = "ws2_select")]
pub unsafe extern "system" fn select(
    nfds: i32,
    read: *mut FD_SET,
    write: *mut FD_SET,
    except: *mut FD_SET,
    timeout: *const TIMEVAL,
) -> i32 {
    call(SOCKET_ERROR, || {
        // SAFETY: as the caller vouches; the sets are only looked at before the provider gets them.
        let entered = unsafe { runtime::enter_for_select(members(read)?, members(write)?, members(except)?) }?;
        let mut errno = NO_ERROR;
        // SAFETY: the arguments are the client's, passed on unchanged.
        let ready = unsafe { (entered.lpWSPSelect)(nfds, read, write, except, timeout, &raw mut errno) };
        Ok(entered.finish(ready, errno))
    })
}

/// The number of elements with something to report (API-S7 to API-S11). The limit is in milliseconds.
///
/// # Safety
/// `elements` must be null or `count` elements.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAPoll(elements: *mut WSAPOLLFD, count: u32, timeout: i32) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaPoll)?;
        // SAFETY: as the caller vouches.
        runtime::poll(unsafe { array_mut(elements, count as usize) }?, timeout)
    })
}

/// Readiness through a completion port is not offered: `WSAEOPNOTSUPP` (A-S39). The code is the result.
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessSocketNotifications(
    _port: windlass_abi::HANDLE,
    _count: u32,
    _registrations: *mut core::ffi::c_void,
    _timeout: u32,
    _size: u32,
    _results: *mut core::ffi::c_void,
    _received: *mut u32,
) -> u32 {
    let refused = || {
        runtime::require_started(Function::ProcessSocketNotifications)?;
        Err(WsaError::WSAEOPNOTSUPP)
    };
    call_code(refused) as u32
}
