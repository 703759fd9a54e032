//! `WSCInstallProvider` and the other functions on transport providers, and their order.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::ffi::c_void;
use core::mem::size_of;

use windlass_abi::{
    ERROR_CALL_NOT_IMPLEMENTED, GUID, NO_ERROR, ProviderInfoAudit, ProviderInfoLspCategories, WSAPROTOCOL_INFOW, WsaError,
};
use windlass_catalog::{LspCategories, ProtocolEntry, Width, enum_all_protocols};

use super::{ORDER, TRANSPORT, change, change_both, read_protocols};
use crate::boundary::{array, call_code, call_errno, load, store, wide_text};
use crate::protocols::{hand_out, protocol_filter};
use crate::text::hand_out_wide;

type Result<T> = core::result::Result<T, WsaError>;

/// The entries of a caller's list.
unsafe fn entries(list: *const WSAPROTOCOL_INFOW, count: u32) -> Result<Vec<ProtocolEntry>> {
    // SAFETY: the caller of the export vouches for the list.
    unsafe { array(list, count as usize) }?.iter().map(ProtocolEntry::from_info).collect()
}

for_both_widths! {
    /// All entries, hidden ones and layers too (WSC-ENUM-1 to -4): their number.
    fn WSCEnumProtocols, WSCEnumProtocols32(protocols: *mut i32, buffer: *mut WSAPROTOCOL_INFOW, len: *mut u32, errno: *mut i32)
        |width| call_errno(errno, || enumerate(width, protocols, buffer, len));
    /// Removes all entries of a provider (WSC-DEL-1 to -4).
    fn WSCDeinstallProvider, WSCDeinstallProvider32(provider: *mut GUID, errno: *mut i32)
        |width| call_errno(errno, || deinstall(width, provider));
    /// Replaces the path, the descriptions, or both (WSC-UPD-1).
    fn WSCUpdateProvider, WSCUpdateProvider32(provider: *mut GUID, path: *const u16, list: *mut WSAPROTOCOL_INFOW, count: u32, errno: *mut i32)
        |width| call_errno(errno, || update(width, provider, path, list, count));
    /// The unexpanded path of a provider's module (WSC-PATH-1); the length is in characters.
    fn WSCGetProviderPath, WSCGetProviderPath32(provider: *mut GUID, path: *mut u16, len: *mut i32, errno: *mut i32)
        |width| call_errno(errno, || provider_path(width, provider, path, len));
    /// A property of a layer (WSC-INFO-1, -2); the size is in bytes.
    fn WSCGetProviderInfo, WSCGetProviderInfo32(provider: *mut GUID, kind: i32, info: *mut c_void, size: *mut usize, flags: u32, errno: *mut i32)
        |width| call_errno(errno, || get_info(width, provider, kind, info, size, flags));
    /// Sets a property of a layer (WSC-INFO-1, -2); the size is in bytes.
    fn WSCSetProviderInfo, WSCSetProviderInfo32(provider: *mut GUID, kind: i32, info: *mut c_void, size: usize, flags: u32, errno: *mut i32)
        |width| call_errno(errno, || set_info(width, provider, kind, info, size, flags));
    /// Puts the catalog in an order: each id exactly once (WSC-ORD-1, -2). The code is the result.
    fn WSCWriteProviderOrder, WSCWriteProviderOrder32(ids: *mut u32, count: u32) |width| write_order(width, ids, count);
}

unsafe fn enumerate(width: Width, protocols: *mut i32, buffer: *mut WSAPROTOCOL_INFOW, len: *mut u32) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let filter = unsafe { protocol_filter(protocols) };
    let catalog = read_protocols(width)?;
    let found = enum_all_protocols(&catalog, filter).map(ProtocolEntry::info).collect();
    // SAFETY: as the caller of the export vouches.
    unsafe { hand_out(found, buffer, len) }
}

unsafe fn deinstall(width: Width, provider: *mut GUID) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let provider = unsafe { load(provider) }?;
    change(width, TRANSPORT, |catalog| catalog.deinstall(provider)).map(|()| NO_ERROR)
}

unsafe fn update(width: Width, provider: *mut GUID, path: *const u16, list: *mut WSAPROTOCOL_INFOW, count: u32) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let (provider, list) = unsafe { (load(provider)?, entries(list, count)?) };
    // SAFETY: as above; a null path keeps the one there is.
    let path = if path.is_null() { None } else { Some(unsafe { wide_text(path) }?) };
    change(width, TRANSPORT, |catalog| catalog.update(provider, path.as_deref(), &list)).map(|()| NO_ERROR)
}

unsafe fn provider_path(width: Width, provider: *mut GUID, path: *mut u16, len: *mut i32) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let provider = unsafe { load(provider) }?;
    let catalog = read_protocols(width)?;
    // SAFETY: as the caller of the export vouches.
    unsafe { hand_out_wide(catalog.provider_path(provider)?, path, len) }?;
    Ok(NO_ERROR)
}

/// What is known of the kind of property.
fn check_kind(kind: i32, flags: u32) -> Result<()> {
    match (kind, flags) {
        (_, 1..) => Err(WsaError::WSAEINVAL),
        (ProviderInfoAudit, 0) => Err(WsaError::Other(ERROR_CALL_NOT_IMPLEMENTED)),
        (ProviderInfoLspCategories, 0) => Ok(()),
        _ => Err(WsaError::WSAEINVAL),
    }
}

unsafe fn get_info(width: Width, provider: *mut GUID, kind: i32, info: *mut c_void, size: *mut usize, flags: u32) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let (provider, room) = unsafe { (load(provider)?, load(size)?) };
    check_kind(kind, flags)?;
    let categories = read_protocols(width)?.layer_categories(provider)?;
    // SAFETY: it was readable above and is the client's to write.
    unsafe { store(size, size_of::<u32>()) }?;
    if room < size_of::<u32>() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room for it, as the client says.
    unsafe { store(info.cast(), categories.bits()) }?;
    Ok(NO_ERROR)
}

unsafe fn set_info(width: Width, provider: *mut GUID, kind: i32, info: *mut c_void, size: usize, flags: u32) -> Result<i32> {
    // SAFETY: as the caller of the export vouches.
    let provider = unsafe { load(provider) }?;
    check_kind(kind, flags)?;
    if size < size_of::<u32>() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller of the export vouches.
    let categories = LspCategories::from_bits_retain(unsafe { load(info.cast::<u32>()) }?);
    change(width, TRANSPORT, |catalog| catalog.set_layer_categories(provider, categories)).map(|()| NO_ERROR)
}

/// What an installation is given.
unsafe fn installation(
    provider: *mut GUID,
    path: *const u16,
    list: *const WSAPROTOCOL_INFOW,
    count: u32,
) -> Result<(GUID, String, Vec<ProtocolEntry>)> {
    if list.is_null() {
        return Err(WsaError::WSAEINVAL);
    }
    // SAFETY: as the caller of the export vouches.
    unsafe { Ok((load(provider)?, wide_text(path)?, entries(list, count)?)) }
}

/// Adds the entries of a provider at the end (WSC-INST-1 to -7).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallProvider(
    provider: *mut GUID,
    path: *const u16,
    list: *const WSAPROTOCOL_INFOW,
    count: u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (provider, path, list) = installation(provider, path, list, count)?;
            change(Width::NATIVE, TRANSPORT, |catalog| catalog.install(provider, &path, &list)).map(|()| NO_ERROR)
        })
    }
}

/// The same in both catalogs, or neither (A-C04).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallProvider64_32(
    provider: *mut GUID,
    path: *const u16,
    list: *const WSAPROTOCOL_INFOW,
    count: u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (provider, path, list) = installation(provider, path, list, count)?;
            change_both(TRANSPORT, |_, catalog| catalog.install(provider, &path, &list)).map(|()| NO_ERROR)
        })
    }
}

unsafe fn write_order(width: Width, ids: *const u32, count: u32) -> i32 {
    call_code(|| {
        // SAFETY: as the caller of the export vouches.
        let ids = unsafe { array(ids, count as usize) }?;
        change(width, ORDER, |catalog| catalog.write_order(ids))
    })
}

/// Templates for quality of service are not kept: `WSAEOPNOTSUPP` (WSC-QOS-1).
///
/// # Safety
/// `errno` must be null or an int.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallQOSTemplate(_provider: *const GUID, _name: *mut c_void, _qos: *mut c_void) -> i32 {
    no_templates()
}

/// WSC-QOS-1.
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCRemoveQOSTemplate(_provider: *const GUID, _name: *mut c_void) -> i32 {
    no_templates()
}

fn no_templates() -> i32 {
    crate::boundary::call(windlass_abi::FALSE, || Err(WsaError::WSAEOPNOTSUPP))
}
