//! `select`, `WSAPoll` and socket notifications.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{FD_SET, NO_ERROR, OVERLAPPED_ENTRY, SOCKET, SOCKET_ERROR, TIMEVAL, WSAPOLLFD, WsaError};
use windlass_io::port::Port;
use windlass_io::{Deadline, Handle};
use windlass_runtime::notifications::{self, Terms};
use windlass_runtime::{self as runtime, Function};

use crate::boundary::{Result, array, array_mut, call, call_code, store_if_wanted};
use crate::win32::ports::take;

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

/// One registration of a socket, as winsock2.h has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Registration {
    socket: SOCKET,
    key: usize,
    events: u16,
    operation: u8,
    trigger: u8,
    result: u32,
}

/// Registers sockets, whose readiness then comes as packets of a completion port, and takes packets (A-S39). Each registration
/// has its own result. The code is the function's result; `WAIT_TIMEOUT` if no packet came.
///
/// Errors: `WSAEINVAL` (arguments that do not go together), `WSA_INVALID_HANDLE`.
///
/// # Safety
/// The arrays must be null or as long as their counts say, `received` null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessSocketNotifications(
    port: windlass_abi::HANDLE,
    count: u32,
    registrations: *mut core::ffi::c_void,
    timeout: u32,
    size: u32,
    results: *mut core::ffi::c_void,
    received: *mut u32,
) -> u32 {
    let body = || {
        runtime::require_started(Function::ProcessSocketNotifications)?;
        let nothing_wanted = size == 0 && (timeout != 0 || !results.is_null() || !received.is_null());
        if nothing_wanted || count == 0 && (!registrations.is_null() || size == 0) || size != 0 && received.is_null() {
            return Err(WsaError::WSAEINVAL);
        }
        Port::of(port.into())?;
        // SAFETY: as the caller vouches.
        let registrations = unsafe { array_mut(registrations.cast::<Registration>(), count as usize) }?;
        // SAFETY: as the caller vouches.
        let results = unsafe { array_mut(results.cast::<OVERLAPPED_ENTRY>(), size as usize) }?;
        for registration in registrations {
            registration.result = register(port.into(), registration).err().map_or(0, WsaError::code) as u32;
        }
        if results.is_empty() {
            return Ok(());
        }
        // SAFETY: not null, and the caller vouches for it.
        unsafe { store_if_wanted(received, 0) };
        let taken = take(port.into(), results, Deadline::after_millis(timeout), false)?;
        // SAFETY: as above.
        unsafe { store_if_wanted(received, taken as u32) };
        Ok(())
    };
    call_code(body) as u32
}

fn register(port: Handle, registration: &Registration) -> Result<()> {
    const ENABLE: u8 = 1;
    const DISABLE: u8 = 2;
    const REMOVE: u8 = 4;
    const ONCE: u8 = 1;
    const PERSISTENT: u8 = 2;
    const LEVEL: u8 = 4;
    const EDGE: u8 = 8;
    let Registration { socket, key, events, operation, trigger, .. } = *registration;
    match operation {
        0 => Ok(()),
        ENABLE => {
            let all = notifications::IN | notifications::OUT | notifications::HANGUP;
            let one_of = |one: u8, other: u8| (trigger & one != 0) != (trigger & other != 0);
            let is_known = trigger & !(ONCE | PERSISTENT | LEVEL | EDGE) == 0 && events & !all == 0;
            if !is_known || !one_of(ONCE, PERSISTENT) || !one_of(LEVEL, EDGE) {
                return Err(WsaError::WSAEINVAL);
            }
            let terms = Terms { events, once: trigger & ONCE != 0, level: trigger & LEVEL != 0 };
            notifications::enable(socket, port, key, terms)
        }
        DISABLE => notifications::disable(socket),
        REMOVE => notifications::remove(socket),
        _ => Err(WsaError::WSAEINVAL),
    }
}
