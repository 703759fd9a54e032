//! `WSCInstallProvider` and the other functions on transport providers, and their order.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::ffi::c_void;

use windlass_abi::{FALSE, GUID, NO_ERROR, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{Store, wsc};

use crate::boundary::{Result, array, call, call_code, call_errno, load, store};
use crate::protocols::{hand_out, protocol_filter};
use crate::text;

for_both_widths! {
    /// All entries, hidden ones and layers too (WSC-ENUM-1 to -4): their number.
    fn WSCEnumProtocols, WSCEnumProtocols32(
        protocols: *mut i32,
        buffer: *mut WSAPROTOCOL_INFOW,
        len: *mut u32,
        errno: *mut i32,
    ) |store| call_errno(errno, || {
        hand_out(&wsc::enum_protocols(&store(), protocol_filter(protocols)?.as_deref())?, buffer, len)
    });
    /// Removes all entries of a provider (WSC-DEL-1 to -4).
    fn WSCDeinstallProvider, WSCDeinstallProvider32(provider: *mut GUID, errno: *mut i32)
        |store| done(errno, || wsc::deinstall_provider(&store(), load(provider)?));
    /// Replaces the path, the descriptions, or both (WSC-UPD-1).
    fn WSCUpdateProvider, WSCUpdateProvider32(
        provider: *mut GUID,
        path: *const u16,
        list: *mut WSAPROTOCOL_INFOW,
        count: u32,
        errno: *mut i32,
    ) |store| done(errno, || {
        let path = text::read_if_given(path)?;
        wsc::update_provider(&store(), load(provider)?, path.as_deref(), array(list, count as usize)?)
    });
    /// The unexpanded path of a provider's module (WSC-PATH-1); the length is in characters.
    fn WSCGetProviderPath, WSCGetProviderPath32(provider: *mut GUID, path: *mut u16, len: *mut i32, errno: *mut i32)
        |store| done(errno, || provider_path(&store(), provider, path, len));
    /// A property of a layer (WSC-INFO-1, -2); the size is in bytes.
    fn WSCGetProviderInfo, WSCGetProviderInfo32(
        provider: *mut GUID,
        kind: i32,
        info: *mut c_void,
        size: *mut usize,
        flags: u32,
        errno: *mut i32,
    ) |store| done(errno, || get_info(&store(), provider, kind, info.cast(), size, flags));
    /// Sets a property of a layer (WSC-INFO-1, -2); the size is in bytes.
    fn WSCSetProviderInfo, WSCSetProviderInfo32(
        provider: *mut GUID,
        kind: i32,
        info: *mut c_void,
        size: usize,
        flags: u32,
        errno: *mut i32,
    ) |store| done(errno, || set_info(&store(), provider, kind, info.cast(), size, flags));
    /// Puts the catalog in an order: each id exactly once (WSC-ORD-1, -2). The code is the result.
    fn WSCWriteProviderOrder, WSCWriteProviderOrder32(ids: *mut u32, count: u32)
        |store| call_code(|| wsc::write_provider_order(&store(), array(ids, count as usize)?));
}

/// # Safety
/// `errno` must be null or writable.
unsafe fn done(errno: *mut i32, work: impl FnOnce() -> Result<()>) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { call_errno(errno, || work().map(|()| NO_ERROR)) }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn provider_path(catalog: &Store, provider: *const GUID, path: *mut u16, len: *mut i32) -> Result<()> {
    // SAFETY: as the caller vouches.
    unsafe {
        if load(len)? < 0 {
            return Err(WsaError::WSAEFAULT);
        }
        let found = wsc::get_provider_path(catalog, load(provider)?)?;
        text::hand_out_measured(&found, path, len.cast())
    }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn get_info(
    catalog: &Store,
    provider: *const GUID,
    kind: i32,
    info: *mut u32,
    size: *mut usize,
    flags: u32,
) -> Result<()> {
    // SAFETY: as the caller vouches; the size was readable, and is the client's to write.
    unsafe {
        let (provider, room) = (load(provider)?, load(size)?);
        let value = wsc::get_provider_info(catalog, provider, kind, flags)?;
        store(size, size_of::<u32>())?;
        if room < size_of::<u32>() {
            return Err(WsaError::WSAEFAULT);
        }
        store(info, value)
    }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn set_info(
    catalog: &Store,
    provider: *const GUID,
    kind: i32,
    info: *const u32,
    size: usize,
    flags: u32,
) -> Result<()> {
    if size < size_of::<u32>() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller vouches.
    let (provider, value) = unsafe { (load(provider)?, load(info)?) };
    wsc::set_provider_info(catalog, provider, kind, value, flags)
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
    unsafe { install(wsc::install_provider, provider, path, list, count, errno) }
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
    unsafe { install(wsc::install_provider_64_32, provider, path, list, count, errno) }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn install(
    into: fn(&Store, GUID, &str, &[WSAPROTOCOL_INFOW]) -> Result<()>,
    provider: *const GUID,
    path: *const u16,
    list: *const WSAPROTOCOL_INFOW,
    count: u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        done(errno, || {
            if list.is_null() {
                return Err(WsaError::WSAEINVAL);
            }
            let (provider, path) = (load(provider)?, text::read(path)?);
            into(&Store::from_env(), provider, &path, array(list, count as usize)?)
        })
    }
}

/// Templates for quality of service are not kept: `WSAEOPNOTSUPP` (WSC-QOS-1).
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallQOSTemplate(
    _provider: *const GUID,
    _name: *mut c_void,
    _qos: *mut c_void,
) -> i32 {
    no_templates()
}

/// Templates for quality of service are not kept: `WSAEOPNOTSUPP` (WSC-QOS-1).
///
/// # Safety
/// The arguments are not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCRemoveQOSTemplate(_provider: *const GUID, _name: *mut c_void) -> i32 {
    no_templates()
}

fn no_templates() -> i32 {
    call(FALSE, || Err(WsaError::WSAEOPNOTSUPP))
}
