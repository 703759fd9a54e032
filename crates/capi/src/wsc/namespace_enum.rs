//! Listing name space providers: structures at the head of the client's buffer, their text and data behind (WSC-NS-11).
#![allow(unsafe_code, reason = "exports write the client's memory")]

use core::ffi::c_void;
use core::ptr::null_mut;

use windlass_abi::{
    BLOB, SOCKET_ERROR, WSANAMESPACE_INFOA, WSANAMESPACE_INFOEXA, WSANAMESPACE_INFOEXW, WSANAMESPACE_INFOW, WsaError,
};
use windlass_catalog::{EnumForm, NamespaceEntry, Store, Width};
use windlass_runtime::{Function, require_started};

use crate::boundary::{Result, call, load, store, store_all};
use crate::text::terminated;

/// A structure that describes one provider.
trait Row: Sized {
    const FORM: EnumForm;
    /// The structure; its text and data lie where these point to.
    fn new(entry: &NamespaceEntry, identifier: *mut c_void, blob: BLOB) -> Self;
}

macro_rules! rows {
    ($($row:ident { wide: $wide:literal, ex: $ex:literal } $($blob:ident)?;)*) => {
        $(impl Row for $row {
            const FORM: EnumForm = EnumForm { wide: $wide, ex: $ex };

            fn new(entry: &NamespaceEntry, identifier: *mut c_void, _blob: BLOB) -> Self {
                const { assert!(size_of::<Self>() == Self::FORM.struct_size()) }
                Self {
                    NSProviderId: entry.provider,
                    dwNameSpace: entry.name_space,
                    fActive: entry.active.into(),
                    dwVersion: entry.version,
                    lpszIdentifier: identifier.cast(),
                    $($blob: _blob,)?
                }
            }
        })*
    };
}

rows! {
    WSANAMESPACE_INFOA { wide: false, ex: false };
    WSANAMESPACE_INFOW { wide: true, ex: false };
    WSANAMESPACE_INFOEXA { wide: false, ex: true } ProviderSpecific;
    WSANAMESPACE_INFOEXW { wide: true, ex: true } ProviderSpecific;
}

/// Fills the client's buffer: the number of providers, or `WSAEFAULT` and the size needed in bytes.
///
/// # Safety
/// `len` must be null or the number of bytes of `buffer`, which must be null or that large.
unsafe fn enumerate<R: Row>(catalog: &Store, len: *mut u32, buffer: *mut R) -> Result<i32> {
    // SAFETY: as the caller vouches.
    let room = unsafe { load(len) }? as usize;
    let entries = catalog.namespaces().map_err(|why| why.code())?.providers;
    let layout = R::FORM.layout(&entries);
    if room < layout.size || buffer.is_null() || !buffer.is_aligned() {
        let needed = u32::try_from(layout.size).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        // SAFETY: it was readable above and is the client's to write.
        unsafe { store(len, needed) }?;
        return Err(WsaError::WSAEFAULT);
    }
    for (at, (entry, row)) in entries.iter().zip(&layout.rows).enumerate() {
        let identifier = buffer.wrapping_byte_add(row.identifier).cast::<c_void>();
        let data = row.blob.map_or(null_mut(), |offset| buffer.cast::<u8>().wrapping_add(offset));
        let bytes = entry.blob.as_deref().filter(|_| row.blob.is_some()).unwrap_or_default();
        let blob = BLOB { cbSize: bytes.len() as u32, pBlobData: data };
        // SAFETY: the buffer is aligned and as large as the layout, within which all of this lies.
        unsafe {
            buffer.add(at).write(R::new(entry, identifier, blob));
            store_all(data, bytes)?;
            match R::FORM.wide {
                true => store_all(identifier.cast(), &terminated::<u16>(&entry.identifier))?,
                false => store_all(identifier.cast(), &terminated::<u8>(&entry.identifier))?,
            }
        }
    }
    i32::try_from(entries.len()).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)
}

/// The catalog that programs look at once Winsock is started.
fn of_program() -> Result<Store> {
    require_started(Function::WsaEnumNameSpaceProviders)?;
    Ok(Store::from_env())
}

fn of_32_bits() -> Result<Store> {
    Ok(Store::from_env().with_width(Width::Bits32))
}

macro_rules! enumerations {
    ($($function:ident($row:ty) $store:ident;)*) => {
        $(
            /// The name space providers, in catalog order: their number.
            ///
            /// # Safety
            /// `len` must be null or the number of bytes of `buffer`, which must be null or that large.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $function(len: *mut u32, buffer: *mut $row) -> i32 {
                // SAFETY: as the caller vouches.
                call(SOCKET_ERROR, || unsafe { enumerate(&$store()?, len, buffer) })
            }
        )*
    };
}

enumerations! {
    WSAEnumNameSpaceProvidersA(WSANAMESPACE_INFOA) of_program;
    WSAEnumNameSpaceProvidersW(WSANAMESPACE_INFOW) of_program;
    WSAEnumNameSpaceProvidersExA(WSANAMESPACE_INFOEXA) of_program;
    WSAEnumNameSpaceProvidersExW(WSANAMESPACE_INFOEXW) of_program;
    WSCEnumNameSpaceProviders32(WSANAMESPACE_INFOW) of_32_bits;
    WSCEnumNameSpaceProvidersEx32(WSANAMESPACE_INFOEXW) of_32_bits;
}
