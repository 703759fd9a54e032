//! WSASetService and service classes (contract: namespace, sections 6 and 7).

use windlass_abi::{
    GUID, NO_ERROR, SOCKET_ERROR, WSAQUERYSETA, WSAQUERYSETW, WSASERVICECLASSINFOA, WSASERVICECLASSINFOW, WsaError,
};
use windlass_runtime::names::{class, service};
use windlass_runtime::{Function, require_started};
use windlass_spi::namespace::registration::SetOperation;
use windlass_spi::namespace::{Form, ServiceClass, Text, pack};

use super::lookup::registration;
use crate::boundary::{Result, call, load};
use crate::text::{self, Unit};

/// # Safety
/// `set` must be null or a set of the form, with all that it points to.
unsafe fn set(set: *const u8, form: Form, operation: i32, flags: u32) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaSetService)?;
        // SAFETY: as the caller vouches.
        let registration = unsafe { registration(set, form) }?;
        service::set(&registration, SetOperation::from_raw(operation, flags)?).map(|()| NO_ERROR)
    })
}

/// Registers, deregisters or deletes a service (A-N07).
///
/// # Safety
/// `registration` must be null or a set, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASetServiceA(registration: *const WSAQUERYSETA, operation: i32, flags: u32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { set(registration.cast(), Form::QUERY_SET_A, operation, flags) }
}

/// Registers, deregisters or deletes a service (A-N08).
///
/// # Safety
/// `registration` must be null or a set, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSASetServiceW(registration: *const WSAQUERYSETW, operation: i32, flags: u32) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { set(registration.cast(), Form::QUERY_SET_W, operation, flags) }
}

/// # Safety
/// `class` must be null or a class, with all that it points to.
unsafe fn install(class: *const WSASERVICECLASSINFOW, text: Text) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaInstallServiceClass)?;
        // SAFETY: as the caller vouches.
        class::install(&unsafe { ServiceClass::from_raw(class, text) }?).map(|()| NO_ERROR)
    })
}

/// Defines a class of services at every provider that keeps classes (A-N09).
///
/// # Safety
/// `class` must be null or a class, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAInstallServiceClassA(class: *const WSASERVICECLASSINFOA) -> i32 {
    // SAFETY: as the caller vouches; the two structures differ in their text alone.
    unsafe { install(class.cast(), Text::Ansi) }
}

/// Defines a class of services at every provider that keeps classes (A-N10).
///
/// # Safety
/// `class` must be null or a class, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAInstallServiceClassW(class: *const WSASERVICECLASSINFOW) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { install(class, Text::Wide) }
}

/// An id that must be there (CLS-3, CLS-6).
///
/// # Safety
/// `id` must be null or readable.
unsafe fn id(id: *const GUID) -> Result<GUID> {
    // SAFETY: as the caller vouches.
    unsafe { load(id) }.map_err(|_| WsaError::WSAEINVAL)
}

/// Takes a class away from every provider (A-N11).
///
/// # Safety
/// `class` must be null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSARemoveServiceClass(class: *const GUID) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaInstallServiceClass)?;
        // SAFETY: as the caller vouches.
        class::remove(unsafe { id(class) }?).map(|()| NO_ERROR)
    })
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn info(provider: *const GUID, class: *const GUID, len: *mut u32, info: *mut u8, text: Text) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaInstallServiceClass)?;
        if len.is_null() {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: as the caller vouches.
        let class = unsafe { class::info(id(provider)?, id(class)?) }?;
        // SAFETY: as above.
        unsafe { pack(&class.image(text)?, info, len) }.map(|()| NO_ERROR)
    })
}

/// What a provider knows of a class (A-N12).
///
/// # Safety
/// `len` must be null or the number of bytes of `buffer`, which must be null or that large; the ids null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetServiceClassInfoA(
    provider: *const GUID,
    class: *const GUID,
    len: *mut u32,
    buffer: *mut WSASERVICECLASSINFOA,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { info(provider, class, len, buffer.cast(), Text::Ansi) }
}

/// What a provider knows of a class (A-N13).
///
/// # Safety
/// `len` must be null or the number of bytes of `buffer`, which must be null or that large; the ids null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetServiceClassInfoW(
    provider: *const GUID,
    class: *const GUID,
    len: *mut u32,
    buffer: *mut WSASERVICECLASSINFOW,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { info(provider, class, len, buffer.cast(), Text::Wide) }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn name<U: Unit>(class: *const GUID, name: *mut U, len: *mut u32) -> i32 {
    call(SOCKET_ERROR, || {
        require_started(Function::WsaInstallServiceClass)?;
        // SAFETY: as the caller vouches.
        let known = class::name(unsafe { id(class) }?)?;
        // SAFETY: as above.
        unsafe { text::hand_out_measured(&known, name, len) }.map(|()| NO_ERROR)
    })
}

/// The name of a class (A-N14); `len` is in characters.
///
/// # Safety
/// `len` must be null or the number of characters of `buffer`, which must be null or that large; the id null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetServiceClassNameByClassIdA(
    class: *const GUID,
    buffer: *mut u8,
    len: *mut u32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { name(class, buffer, len) }
}

/// The name of a class (A-N15); `len` is in characters.
///
/// # Safety
/// `len` must be null or the number of characters of `buffer`, which must be null or that large; the id null or readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAGetServiceClassNameByClassIdW(
    class: *const GUID,
    buffer: *mut u16,
    len: *mut u32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { name(class, buffer, len) }
}
