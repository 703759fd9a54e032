//! `WSCInstallNameSpace` and the other functions on name space providers. Errors go to the thread (CC-6).
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::ptr::null;

use windlass_abi::{BLOB, BOOL, FALSE, GUID, NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_catalog::{NamespaceInstallation, Store, wsc};

use crate::boundary::{Result, array, call, call_code, load};
use crate::text;

for_both_widths! {
    /// Adds a provider, active, at the end (WSC-NS-1, -2, -4).
    fn WSCInstallNameSpace, WSCInstallNameSpace32(
        identifier: *const u16,
        path: *const u16,
        name_space: u32,
        version: u32,
        provider: *const GUID,
    ) |store| done(|| install(&store(), identifier, path, name_space, version, provider, null()));
    /// The same with data of the provider's own, which is copied (WSC-NS-3).
    fn WSCInstallNameSpaceEx, WSCInstallNameSpaceEx32(
        identifier: *const u16,
        path: *const u16,
        name_space: u32,
        version: u32,
        provider: *const GUID,
        blob: *const BLOB,
    ) |store| done(|| install(&store(), identifier, path, name_space, version, provider, blob));
    /// Removes a provider (WSC-NS-6).
    fn WSCUnInstallNameSpace, WSCUnInstallNameSpace32(provider: *const GUID)
        |store| done(|| wsc::uninstall_name_space(&store(), load(provider)?));
    /// Makes a provider take part, or not (WSC-NS-7).
    fn WSCEnableNSProvider, WSCEnableNSProvider32(provider: *const GUID, enable: BOOL)
        |store| done(|| wsc::enable_name_space(&store(), load(provider)?, enable != FALSE));
    /// Puts the catalog in an order: each provider exactly once (WSC-NS-8). The code is the result.
    fn WSCWriteNameSpaceOrder, WSCWriteNameSpaceOrder32(providers: *const GUID, count: u32)
        |store| call_code(|| wsc::write_name_space_order(&store(), array(providers, count as usize)?));
}

fn done(work: impl FnOnce() -> Result<()>) -> i32 {
    call(SOCKET_ERROR, || work().map(|()| NO_ERROR))
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn install(
    store: &Store,
    identifier: *const u16,
    path: *const u16,
    name_space: u32,
    version: u32,
    provider: *const GUID,
    blob: *const BLOB,
) -> Result<()> {
    if identifier.is_null() || path.is_null() || provider.is_null() {
        return Err(WsaError::WSAEINVAL);
    }
    // SAFETY: as the caller vouches.
    unsafe {
        let blob = match blob.is_null() {
            true => None,
            false => Some(load(blob).and_then(|blob| array(blob.pBlobData.cast_const(), blob.cbSize as usize))?),
        };
        let (identifier, module) = (&*text::read(identifier)?, &*text::read(path)?);
        let provider = load(provider)?;
        let new = NamespaceInstallation { identifier, module, name_space, version, provider, blob };
        wsc::install_name_space(store, &new)
    }
}
