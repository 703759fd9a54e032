//! `WSCInstallProviderAndChains`: a layer and its chains in one step.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{GUID, NO_ERROR, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{Store, wsc};

use crate::boundary::{Result, array, call_errno, load, store_if_wanted};
use crate::text;

/// What both functions are given, read: the layer, its path, its name, and the protocols to chain over.
///
/// # Safety
/// The pointers must be null or as the page of the functions says; the list outlives the answer.
unsafe fn layer<'a>(
    provider: *const GUID,
    path: *const u16,
    name: *const u16,
    list: *const WSAPROTOCOL_INFOW,
    count: u32,
) -> Result<(GUID, String, String, Option<&'a [WSAPROTOCOL_INFOW]>)> {
    if provider.is_null() {
        return Err(WsaError::WSAEINVAL);
    }
    // SAFETY: as the caller vouches.
    unsafe {
        let list = if list.is_null() { None } else { Some(array(list, count as usize)?) };
        Ok((load(provider)?, text::read(path)?, text::read(name)?, list))
    }
}

/// WSC-CHAIN-1 to -5.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallProviderAndChains(
    provider: *mut GUID,
    path: *const u16,
    name: *const u16,
    flags: u32,
    list: *mut WSAPROTOCOL_INFOW,
    count: u32,
    catalog_id: *mut u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (provider, path, name, list) = layer(provider, path, name, list, count)?;
            let store = Store::from_env();
            let id = wsc::install_provider_and_chains(&store, provider, &path, &name, flags, list)?;
            store_if_wanted(catalog_id, id);
            Ok(NO_ERROR)
        })
    }
}

/// The same in both catalogs; without a 32-bit path, in the native one alone (WSC-CHAIN-6).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSCInstallProviderAndChains64_32(
    provider: *mut GUID,
    path: *const u16,
    path_32: *const u16,
    name: *const u16,
    flags: u32,
    list: *mut WSAPROTOCOL_INFOW,
    count: u32,
    catalog_id: *mut u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let (provider, path, name, list) = layer(provider, path, name, list, count)?;
            let path_32 = text::read_if_given(path_32)?;
            let (store, path_32) = (Store::from_env(), path_32.as_deref());
            let id = wsc::install_provider_and_chains_64_32(&store, provider, &path, path_32, &name, flags, list)?;
            store_if_wanted(catalog_id, id);
            Ok(NO_ERROR)
        })
    }
}
