//! Start-up, clean-up, the thread error, and what is left of Winsock 1.1's blocking hooks.
#![allow(unsafe_code, reason = "exports write the client's memory")]

use core::ptr::null_mut;

use windlass_abi::{BOOL, FALSE, NO_ERROR, SOCKET_ERROR, WSADATA, WSADESCRIPTION_LEN, WSASYS_STATUS_LEN, WsaError};
use windlass_runtime::{self as runtime, Function, thread};

use crate::boundary::{call, store};
use crate::builtin;

/// Starts Winsock (WSA-STARTUP-1 to -13). The code is the result; the thread error is not for it (LC-ERR-3).
///
/// # Safety
/// `data` must be null or a `WSADATA`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAStartup(version: u16, data: *mut WSADATA) -> i32 {
    let started = call(Err(WsaError::WSASYSNOTREADY), || {
        if data.is_null() {
            return Ok(Err(WsaError::WSAEFAULT));
        }
        builtin::register();
        Ok(runtime::startup(version))
    });
    match started {
        Ok(agreed) => {
            // SAFETY: not null, and the caller vouches for it.
            unsafe { store(data, describe(agreed.version, agreed.high)) }.map_or_else(WsaError::code, |()| NO_ERROR)
        }
        Err(error) => error.code(),
    }
}

/// What version 2 says of itself (WSA-STARTUP-13).
fn describe(version: u16, high_version: u16) -> WSADATA {
    let mut data = WSADATA {
        wVersion: version,
        wHighVersion: high_version,
        iMaxSockets: 0,
        iMaxUdpDg: 0,
        lpVendorInfo: null_mut(),
        szDescription: [0; WSADESCRIPTION_LEN + 1],
        szSystemStatus: [0; WSASYS_STATUS_LEN + 1],
    };
    let (description, status) = (b"WinSock 2.0", b"Running");
    data.szDescription[..description.len()].copy_from_slice(description);
    data.szSystemStatus[..status.len()].copy_from_slice(status);
    data
}

/// Takes one start-up back; the last one ends Winsock (WSA-CLEANUP-1 to -12).
#[unsafe(no_mangle)]
pub extern "system" fn WSACleanup() -> i32 {
    call(SOCKET_ERROR, || runtime::cleanup().map(|()| NO_ERROR))
}

/// The thread's error; reading it keeps it (API-18).
#[unsafe(no_mangle)]
pub extern "system" fn WSAGetLastError() -> i32 {
    thread::last_error()
}

/// Sets the thread's error, to any value (API-18).
#[unsafe(no_mangle)]
pub extern "system" fn WSASetLastError(code: i32) {
    thread::set_last_error(code);
}

/// Blocking hooks belong to version 1.1 (A-B39): `WSAEOPNOTSUPP`.
#[unsafe(no_mangle)]
pub extern "system" fn WSASetBlockingHook(_hook: *mut core::ffi::c_void) -> *mut core::ffi::c_void {
    call(null_mut(), || not_in_version_2(Function::WsaSetBlockingHook))
}

/// Blocking hooks belong to version 1.1 (A-B40): `WSAEOPNOTSUPP`.
#[unsafe(no_mangle)]
pub extern "system" fn WSAUnhookBlockingHook() -> i32 {
    call(SOCKET_ERROR, || not_in_version_2(Function::WsaUnhookBlockingHook))
}

/// Cancelling belongs to version 1.1 (CONTRA-16): `WSAEOPNOTSUPP`.
#[unsafe(no_mangle)]
pub extern "system" fn WSACancelBlockingCall() -> i32 {
    call(SOCKET_ERROR, || not_in_version_2(Function::WsaCancelBlockingCall))
}

/// Whether a blocking call is going on: never, in version 2 (A-B44).
#[unsafe(no_mangle)]
pub extern "system" fn WSAIsBlocking() -> BOOL {
    FALSE
}

fn not_in_version_2<T>(function: Function) -> Result<T, WsaError> {
    runtime::require_started(function)?;
    Err(WsaError::WSAEOPNOTSUPP)
}
