//! WSALookupService* and WSANSPIoctl (contract: namespace, sections 3 to 5).

use core::ffi::c_void;

use windlass_abi::{HANDLE, LUP_API_ANSI, NO_ERROR, SOCKET_ERROR, WSACOMPLETION, WSAQUERYSETA, WSAQUERYSETW, WsaError};
use windlass_runtime::names::{self, Ioctl};
use windlass_runtime::{Function, require_started};
use windlass_spi::namespace::{Form, Purpose, QuerySet, pack};

use crate::boundary::{Result, call, store};

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn begin(restrictions: *const u8, form: Form, flags: u32, handle: *mut HANDLE) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaLookupService)?;
        if handle.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: as the caller vouches.
        let query = unsafe { QuerySet::from_form(restrictions, form, Purpose::Query) }?;
        let begun = names::begin(&query, flags)?;
        // SAFETY: not null, and the caller's.
        unsafe { store(handle, core::ptr::without_provenance_mut(begun)) }?;
        Ok(NO_ERROR)
    })
}

/// # Safety
/// `len` must be null or the number of bytes of `results`, which must be null or that large.
unsafe fn next(handle: HANDLE, form: Form, flags: u32, len: *mut u32, results: *mut u8) -> i32 {
    call(SOCKET_ERROR, || {
        let lookup = names::lookup(handle.addr())?;
        if len.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: as the caller vouches.
        lookup.next(flags, |set| unsafe { pack(&set.image(form)?, results, len) })?;
        Ok(NO_ERROR)
    })
}

/// Begins a look-up at every provider that it concerns (A-N01).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSALookupServiceBeginA(
    restrictions: *const WSAQUERYSETA,
    flags: u32,
    handle: *mut HANDLE,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { begin(restrictions.cast(), Form::QUERY_SET_A, flags | LUP_API_ANSI, handle) }
}

/// Begins a look-up at every provider that it concerns (A-N02).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSALookupServiceBeginW(
    restrictions: *const WSAQUERYSETW,
    flags: u32,
    handle: *mut HANDLE,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { begin(restrictions.cast(), Form::QUERY_SET_W, flags, handle) }
}

/// The next result in the caller's buffer, or `WSAEFAULT` and the size that it needs (A-N03).
///
/// # Safety
/// `len` must be null or the number of bytes of `results`, which must be null or that large.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSALookupServiceNextA(
    handle: HANDLE,
    flags: u32,
    len: *mut u32,
    results: *mut WSAQUERYSETA,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { next(handle, Form::QUERY_SET_A, flags, len, results.cast()) }
}

/// The next result in the caller's buffer, or `WSAEFAULT` and the size that it needs (A-N04).
///
/// # Safety
/// `len` must be null or the number of bytes of `results`, which must be null or that large.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSALookupServiceNextW(
    handle: HANDLE,
    flags: u32,
    len: *mut u32,
    results: *mut WSAQUERYSETW,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { next(handle, Form::QUERY_SET_W, flags, len, results.cast()) }
}

/// Ends a look-up; from another thread it cancels the call of Next that is going on (A-N05, END-2).
#[unsafe(no_mangle)]
pub extern "system" fn WSALookupServiceEnd(handle: HANDLE) -> i32 {
    call(SOCKET_ERROR, || names::end(handle.addr()).map(|()| NO_ERROR))
}

/// Control of a look-up's one provider, and notice of changes (A-N06, NSPI-1 to NSPI-7).
///
/// # Safety
/// The pointers must be null or as the page of the function says, those of an overlapped request until it is over.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSANSPIoctl(
    handle: HANDLE,
    code: u32,
    input: *mut c_void,
    input_len: u32,
    output: *mut c_void,
    output_len: u32,
    returned: *mut u32,
    completion: *mut WSACOMPLETION,
) -> i32 {
    call(SOCKET_ERROR, || {
        let lookup = names::lookup(handle.addr())?;
        // SAFETY: as the caller vouches.
        let request = unsafe { Ioctl::new(code, (input, input_len), (output, output_len), returned, completion) };
        lookup.ioctl(&request).map(|()| NO_ERROR)
    })
}

/// A registration as a client gives it.
///
/// # Safety
/// `set` must be null or a set of the form, with all that it points to.
pub(super) unsafe fn registration(set: *const u8, form: Form) -> Result<QuerySet> {
    // SAFETY: as the caller vouches.
    unsafe { QuerySet::from_form(set, form, Purpose::Registration) }
}
