//! Listing name space providers: structures at the head of the caller's buffer, their text and data behind (WSC-NS-11).
#![allow(unsafe_code, reason = "exports write the client's memory")]

use core::mem::{align_of, size_of};

use windlass_abi::{
    BLOB, SOCKET_ERROR, WSANAMESPACE_INFOA, WSANAMESPACE_INFOEXA, WSANAMESPACE_INFOEXW, WSANAMESPACE_INFOW, WsaError,
};
use windlass_catalog::{NamespaceEntry, Width};
use windlass_runtime::{Function, require_started};

use super::read_namespaces;
use crate::boundary::{array_mut, call, load, store};

/// A structure that describes one provider.
trait Row: Sized {
    /// The identifier as bytes, with its NUL.
    fn text(entry: &NamespaceEntry) -> Vec<u8>;
    /// How the units of the identifier are aligned.
    const TEXT_ALIGN: usize;
    /// The provider's own data, if this structure shows it.
    fn blob(entry: &NamespaceEntry) -> Option<&[u8]>;
    /// The structure itself; text and data are at these addresses.
    fn new(entry: &NamespaceEntry, text: usize, blob: BLOB) -> Self;
}

macro_rules! rows {
    ($($row:ident: $text:ident, $unit:ty $(, $blob:ident)?;)*) => {
        $(impl Row for $row {
            const TEXT_ALIGN: usize = align_of::<$unit>();

            fn text(entry: &NamespaceEntry) -> Vec<u8> {
                $text(&entry.identifier)
            }

            fn blob(_entry: &NamespaceEntry) -> Option<&[u8]> {
                None$(.or(_entry.$blob.as_deref()))?
            }

            fn new(entry: &NamespaceEntry, text: usize, _blob: BLOB) -> Self {
                Self {
                    NSProviderId: entry.provider,
                    dwNameSpace: entry.name_space,
                    fActive: entry.active.into(),
                    dwVersion: entry.version,
                    lpszIdentifier: core::ptr::with_exposed_provenance_mut(text),
                    $(ProviderSpecific: { let $blob = _blob; $blob },)?
                }
            }
        })*
    };
}

rows! {
    WSANAMESPACE_INFOA: narrow, u8;
    WSANAMESPACE_INFOW: wide, u16;
    WSANAMESPACE_INFOEXA: narrow, u8, blob;
    WSANAMESPACE_INFOEXW: wide, u16, blob;
}

fn narrow(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes).collect()
}

/// What goes behind the structures of a buffer at address `base`.
struct Tail {
    /// Where the next byte goes.
    at: usize,
    pieces: Vec<(usize, Vec<u8>)>,
}

impl Tail {
    fn append(&mut self, bytes: Vec<u8>, align: usize) -> usize {
        let start = self.at.next_multiple_of(align);
        self.at = start + bytes.len();
        self.pieces.push((start, bytes));
        start
    }
}

/// The structures for a buffer at `base`, and what goes behind them.
fn lay_out<R: Row>(entries: &[NamespaceEntry], base: usize) -> (Vec<R>, Tail) {
    let mut tail = Tail { at: base + size_of::<R>() * entries.len(), pieces: Vec::new() };
    let rows = entries
        .iter()
        .map(|entry| {
            let text = tail.append(R::text(entry), R::TEXT_ALIGN);
            let blob = match R::blob(entry) {
                None => BLOB { cbSize: 0, pBlobData: core::ptr::null_mut() },
                Some(data) => BLOB {
                    cbSize: data.len() as u32,
                    pBlobData: core::ptr::with_exposed_provenance_mut(tail.append(data.to_vec(), align_of::<usize>())),
                },
            };
            R::new(entry, text, blob)
        })
        .collect();
    (rows, tail)
}

/// Fills the caller's buffer: the number of providers, or `WSAEFAULT` and the size needed in bytes.
unsafe fn enumerate<R: Row>(width: Width, len: *mut u32, buffer: *mut R) -> Result<i32, WsaError> {
    // SAFETY: the caller of the export vouches for its pointers.
    let room = unsafe { load(len) }? as usize;
    let entries = read_namespaces(width)?.providers;
    let needed = lay_out::<R>(&entries, 0).1.at;
    if room < needed || buffer.is_null() || !buffer.is_aligned() {
        let needed = u32::try_from(needed).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        // SAFETY: it was readable above and is the client's to write.
        unsafe { store(len, needed) }?;
        return Err(WsaError::WSAEFAULT);
    }
    let base = buffer.expose_provenance();
    let (rows, tail) = lay_out::<R>(&entries, base);
    let count = rows.len();
    // SAFETY: the buffer has `needed` bytes and is aligned; rows and tail lie within, as just computed.
    unsafe {
        for (at, row) in rows.into_iter().enumerate() {
            buffer.add(at).write(row);
        }
        let bytes = array_mut(buffer.cast::<u8>(), needed)?;
        for (start, piece) in tail.pieces {
            bytes[start - base..][..piece.len()].copy_from_slice(&piece);
        }
    }
    i32::try_from(count).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)
}

macro_rules! enumerations {
    ($($function:ident($row:ty, $width:expr, $started:expr);)*) => {
        $(
            /// The name space providers, in catalog order: their number.
            ///
            /// # Safety
            /// `len` must be null or a number of bytes, `buffer` null or that large.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $function(len: *mut u32, buffer: *mut $row) -> i32 {
                call(SOCKET_ERROR, || {
                    $started?;
                    // SAFETY: as the caller vouches.
                    unsafe { enumerate($width, len, buffer) }
                })
            }
        )*
    };
}

enumerations! {
    WSAEnumNameSpaceProvidersA(WSANAMESPACE_INFOA, Width::NATIVE, require_started(Function::WsaEnumNameSpaceProviders));
    WSAEnumNameSpaceProvidersW(WSANAMESPACE_INFOW, Width::NATIVE, require_started(Function::WsaEnumNameSpaceProviders));
    WSAEnumNameSpaceProvidersExA(WSANAMESPACE_INFOEXA, Width::NATIVE, require_started(Function::WsaEnumNameSpaceProviders));
    WSAEnumNameSpaceProvidersExW(WSANAMESPACE_INFOEXW, Width::NATIVE, require_started(Function::WsaEnumNameSpaceProviders));
    WSCEnumNameSpaceProviders32(WSANAMESPACE_INFOW, Width::Bits32, Ok::<(), WsaError>(()));
    WSCEnumNameSpaceProvidersEx32(WSANAMESPACE_INFOEXW, Width::Bits32, Ok::<(), WsaError>(()));
}
