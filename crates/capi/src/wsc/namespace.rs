//! `WSCInstallNameSpace` and the other functions on name space providers. Errors go to the thread (CC-6).
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{BLOB, BOOL, FALSE, GUID, NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_catalog::{NamespaceInstallation, Width};

use super::{NAMESPACE, NAMESPACE_ORDER, change_namespaces};
use crate::boundary::{array, call, call_code, load, wide_text};

for_both_widths! {
    /// Adds a provider, active, at the end (WSC-NS-1, -2, -4).
    fn WSCInstallNameSpace, WSCInstallNameSpace32(identifier: *const u16, path: *const u16, name_space: u32, version: u32, provider: *const GUID)
        |width| install(width, identifier, path, name_space, version, provider, core::ptr::null());
    /// The same with data of the provider's own, which is copied (WSC-NS-3).
    fn WSCInstallNameSpaceEx, WSCInstallNameSpaceEx32(identifier: *const u16, path: *const u16, name_space: u32, version: u32, provider: *const GUID, blob: *const BLOB)
        |width| install(width, identifier, path, name_space, version, provider, blob);
    /// Removes a provider (WSC-NS-6).
    fn WSCUnInstallNameSpace, WSCUnInstallNameSpace32(provider: *const GUID)
        |width| uninstall(width, provider);
    /// Makes a provider take part, or not (WSC-NS-7).
    fn WSCEnableNSProvider, WSCEnableNSProvider32(provider: *const GUID, enable: BOOL)
        |width| enable_provider(width, provider, enable);
    /// Puts the catalog in an order: each provider exactly once (WSC-NS-8). The code is the result.
    fn WSCWriteNameSpaceOrder, WSCWriteNameSpaceOrder32(providers: *const GUID, count: u32)
        |width| write_order(width, providers, count);
}

unsafe fn install(
    width: Width,
    identifier: *const u16,
    path: *const u16,
    name_space: u32,
    version: u32,
    provider: *const GUID,
    blob: *const BLOB,
) -> i32 {
    call(SOCKET_ERROR, || {
        if identifier.is_null() || path.is_null() || provider.is_null() {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: as the caller of the export vouches.
        unsafe {
            let data = match blob.is_null() {
                true => None,
                false => Some(load(blob).and_then(|blob| array(blob.pBlobData.cast_const(), blob.cbSize as usize))?),
            };
            let (identifier, module) = (wide_text(identifier)?, wide_text(path)?);
            let new = NamespaceInstallation {
                identifier: &identifier,
                module: &module,
                name_space,
                version,
                provider: load(provider)?,
                blob: data,
            };
            change_namespaces(width, NAMESPACE, |catalog| catalog.install(&new)).map(|()| NO_ERROR)
        }
    })
}

unsafe fn uninstall(width: Width, provider: *const GUID) -> i32 {
    call(SOCKET_ERROR, || {
        // SAFETY: as the caller of the export vouches.
        let provider = unsafe { load(provider) }?;
        change_namespaces(width, NAMESPACE, |catalog| catalog.uninstall(provider)).map(|()| NO_ERROR)
    })
}

unsafe fn enable_provider(width: Width, provider: *const GUID, enable: BOOL) -> i32 {
    call(SOCKET_ERROR, || {
        // SAFETY: as the caller of the export vouches.
        let provider = unsafe { load(provider) }?;
        change_namespaces(width, NAMESPACE, |catalog| catalog.enable(provider, enable != FALSE)).map(|()| NO_ERROR)
    })
}

unsafe fn write_order(width: Width, providers: *const GUID, count: u32) -> i32 {
    call_code(|| {
        // SAFETY: as the caller of the export vouches.
        let providers = unsafe { array(providers, count as usize) }?;
        change_namespaces(width, NAMESPACE_ORDER, |catalog| catalog.write_order(providers))
    })
}
