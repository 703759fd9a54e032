//! Socket options and ioctls.
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use windlass_abi::{
    BOOL, LPWSAOVERLAPPED_COMPLETION_ROUTINE, NO_ERROR, QOS, SIO_BASE_HANDLE, SO_OPENTYPE, SO_PROTOCOL_INFOA,
    SO_PROTOCOL_INFOW, SOCKET, SOCKET_ERROR, SOL_SOCKET, WSABUF, WSAOVERLAPPED, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW,
    WsaError,
};
use windlass_runtime::{Function, require_started, thread};

use crate::boundary::{call, load, store};
use crate::dispatch::{forward, forward_bool, thread_id};
use crate::text::info_a;

/// Reads an option. `SO_OPENTYPE` is the thread's, whatever the socket (A-B07).
///
/// # Safety
/// `optval` must be null or writable for `*optlen` bytes.
#[unsafe(export_name = "ws2_getsockopt")]
pub unsafe extern "system" fn getsockopt(
    s: SOCKET,
    level: i32,
    optname: i32,
    optval: *mut u8,
    optlen: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        match (level, optname) {
            (SOL_SOCKET, SO_OPENTYPE) => call(SOCKET_ERROR, || {
                require_started(Function::GetSockOpt)?;
                answer(optval, optlen, thread::open_type())
            }),
            (SOL_SOCKET, SO_PROTOCOL_INFOA) => call(SOCKET_ERROR, || protocol_info_a(s, optval, optlen)),
            _ => option(s, level, optname, optval, optlen),
        }
    }
}

/// # Safety
/// As [`getsockopt`].
unsafe fn option(s: SOCKET, level: i32, optname: i32, optval: *mut u8, optlen: *mut i32) -> i32 {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::GetSockOpt, s, |provider, errno| unsafe {
        (provider.lpWSPGetSockOpt)(s, level, optname, optval, optlen, errno)
    })
}

/// Stores a value the runtime itself knows, within the caller's room.
///
/// # Safety
/// `optval` must be null or writable for `*optlen` bytes.
unsafe fn answer<T>(optval: *mut u8, optlen: *mut i32, value: T) -> Result<i32, WsaError> {
    // SAFETY: as the caller vouches.
    let room = unsafe { load(optlen) }?;
    if usize::try_from(room).is_ok_and(|room| room < size_of::<T>()) || room < 0 {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room for it, as the caller says.
    unsafe { store(optval.cast(), value) }?;
    // SAFETY: it was readable above and is the client's to write.
    unsafe { store(optlen, size_of::<T>() as i32) }?;
    Ok(NO_ERROR)
}

/// # Safety
/// As [`getsockopt`].
unsafe fn protocol_info_a(s: SOCKET, optval: *mut u8, optlen: *mut i32) -> Result<i32, WsaError> {
    let mut info = WSAPROTOCOL_INFOW::default();
    let mut len = size_of::<WSAPROTOCOL_INFOW>() as i32;
    // SAFETY: both point to locals of the right size.
    let result = unsafe { option(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (&raw mut info).cast(), &raw mut len) };
    if result == SOCKET_ERROR {
        return Ok(SOCKET_ERROR);
    }
    // SAFETY: as the caller vouches.
    unsafe { answer::<WSAPROTOCOL_INFOA>(optval, optlen, info_a(&info)) }
}

/// Sets an option. `SO_OPENTYPE` is the thread's, whatever the socket (A-B21).
///
/// # Safety
/// `optval` must be null or readable for `optlen` bytes.
#[unsafe(export_name = "ws2_setsockopt")]
pub unsafe extern "system" fn setsockopt(s: SOCKET, level: i32, optname: i32, optval: *const u8, optlen: i32) -> i32 {
    if (level, optname) == (SOL_SOCKET, SO_OPENTYPE) {
        return call(SOCKET_ERROR, || {
            require_started(Function::SetSockOpt)?;
            if optlen < size_of::<i32>() as i32 {
                return Err(WsaError::WSAEFAULT);
            }
            // SAFETY: as the caller vouches.
            thread::set_open_type(unsafe { load(optval.cast::<i32>()) }?);
            Ok(NO_ERROR)
        });
    }
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::SetSockOpt, s, |provider, errno| unsafe {
        (provider.lpWSPSetSockOpt)(s, level, optname, optval, optlen, errno)
    })
}

/// Controls a socket; the argument is one 32-bit number, in and out (A-B10).
///
/// # Safety
/// `argp` must be null or a `u_long`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ioctlsocket(s: SOCKET, cmd: i32, argp: *mut u32) -> i32 {
    let argument: *mut c_void = argp.cast();
    let size = if argp.is_null() { 0 } else { size_of::<u32>() as u32 };
    let (mut returned, mut thread) = (0, thread_id(null()));
    // SAFETY: the argument is the client's; everything else outlives the call.
    forward(Function::IoctlSocket, s, |provider, errno| unsafe {
        let (code, returned, thread) = (cmd as u32, &raw mut returned, &raw mut thread);
        (provider.lpWSPIoctl)(s, code, argument, size, argument, size, returned, null_mut(), None, thread, errno)
    })
}

/// Controls a socket; sizes are in bytes (A-S12).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAIoctl(
    s: SOCKET,
    code: u32,
    input: *mut c_void,
    input_size: u32,
    output: *mut c_void,
    output_size: u32,
    returned: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
) -> i32 {
    if code == SIO_BASE_HANDLE && overlapped.is_null() {
        // A layer has no say in this (IO-3).
        match windlass_runtime::base_handle(s) {
            Ok(None) => {}
            // SAFETY: as the caller vouches.
            known => return call(SOCKET_ERROR, || unsafe { base_handle(known, output, output_size, returned) }),
        }
    }
    let mut thread = thread_id(overlapped);
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward(Function::WsaIoctl, s, |provider, errno| unsafe {
        let thread = &raw mut thread;
        let ioctl = provider.lpWSPIoctl;
        ioctl(s, code, input, input_size, output, output_size, returned, overlapped, routine, thread, errno)
    })
}

/// # Safety
/// As [`WSAIoctl`].
unsafe fn base_handle(
    base: Result<Option<SOCKET>, WsaError>,
    output: *mut c_void,
    output_size: u32,
    returned: *mut u32,
) -> Result<i32, WsaError> {
    let base = base?.ok_or(WsaError::WSAENOTSOCK)?;
    if returned.is_null() || output.is_null() || (output_size as usize) < size_of::<SOCKET>() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room for it, as the caller says.
    unsafe { store(output.cast(), base) }?;
    // SAFETY: not null, and the client's.
    unsafe { store(returned, size_of::<SOCKET>() as u32) }?;
    Ok(NO_ERROR)
}

/// A named template of quality of service (A-S11).
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetQOSByName(s: SOCKET, name: *mut WSABUF, qos: *mut QOS) -> BOOL {
    // SAFETY: the arguments are the client's, passed on unchanged.
    forward_bool(Function::WsaGetQosByName, s, |provider, errno| unsafe {
        (provider.lpWSPGetQOSByName)(s, name, qos, errno)
    })
}
