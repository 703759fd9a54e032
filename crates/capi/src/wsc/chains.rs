//! `WSCInstallProviderAndChains`: a layer and its chains in one step.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use windlass_abi::{GUID, NO_ERROR, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{ProtocolCatalog, ProtocolTriple, ServiceFlags, Width};

use super::{CHAINS, change, change_both};
use crate::boundary::{array, call_errno, load, store_if_wanted, wide_text};

type Result<T> = core::result::Result<T, WsaError>;

/// What the functions are given, read.
struct Installation {
    provider: GUID,
    name: String,
    flags: ServiceFlags,
    list: Option<Vec<ProtocolTriple>>,
}

impl Installation {
    unsafe fn read(provider: *mut GUID, name: *const u16, flags: u32, list: *const WSAPROTOCOL_INFOW, count: u32) -> Result<Self> {
        if provider.is_null() {
            return Err(WsaError::WSAEINVAL);
        }
        let triple = |info: &WSAPROTOCOL_INFOW| ProtocolTriple {
            family: info.iAddressFamily,
            socket_type: info.iSocketType,
            protocol: info.iProtocol,
        };
        // SAFETY: the caller of the export vouches for its pointers.
        unsafe {
            Ok(Self {
                provider: load(provider)?,
                name: wide_text(name)?,
                flags: ServiceFlags::from_bits_retain(flags),
                list: match list.is_null() {
                    true => None,
                    false => Some(array(list, count as usize)?.iter().map(triple).collect()),
                },
            })
        }
    }

    fn install(&self, catalog: &mut ProtocolCatalog, module: &str) -> Result<u32> {
        catalog.install_and_chains(self.provider, module, &self.name, self.flags, self.list.as_deref(), new_guid)
    }
}

/// A random identifier, marked as version 4.
fn new_guid() -> Result<GUID> {
    let mut bytes = [0; 16];
    let given = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if given != Ok(bytes.len()) {
        return Err(WsaError::WSASYSCALLFAILURE);
    }
    let random = u128::from_be_bytes(bytes);
    let (version, variant) = (0xF << 76, 0x3 << 62);
    Ok(GUID::from_u128(random & !version & !variant | 0x4 << 76 | 0x2 << 62))
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
            let wanted = Installation::read(provider, name, flags, list, count)?;
            let path = wide_text(path)?;
            let id = change(Width::NATIVE, CHAINS, |catalog| wanted.install(catalog, &path))?;
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
    path32: *const u16,
    name: *const u16,
    flags: u32,
    list: *mut WSAPROTOCOL_INFOW,
    count: u32,
    catalog_id: *mut u32,
    errno: *mut i32,
) -> i32 {
    if path32.is_null() {
        // SAFETY: as the caller vouches.
        return unsafe { WSCInstallProviderAndChains(provider, path, name, flags, list, count, catalog_id, errno) };
    }
    // SAFETY: as the caller vouches.
    unsafe {
        call_errno(errno, || {
            let wanted = Installation::read(provider, name, flags, list, count)?;
            let (path, path32) = (wide_text(path)?, wide_text(path32)?);
            let id = change_both(CHAINS, |width, catalog| {
                wanted.install(catalog, if width == Width::Bits32 { &path32 } else { &path })
            })?;
            store_if_wanted(catalog_id, id);
            Ok(NO_ERROR)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsc_chain_4_chain_guids_are_random_ones_of_version_4() {
        let (one, other) = (new_guid().unwrap(), new_guid().unwrap());
        assert_ne!(one, other);
        for guid in [one, other] {
            assert_eq!(guid.data3 >> 12, 4);
            assert_eq!(guid.data4[0] >> 6, 2);
        }
    }
}
