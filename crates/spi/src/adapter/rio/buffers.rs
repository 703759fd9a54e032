//! Registered buffers: memory of the client that requests name parts of.

use std::ptr;

use windlass_abi::{RIO_BUF, RIO_BUFFERID, WsaError};

use super::slab::Slab;
use crate::transport::Result;

static BUFFERS: Slab<Buffer> = Slab::new();

/// The memory is the client's; it stays until the buffer is deregistered.
struct Buffer {
    at: *mut u8,
    length: u32,
}

// SAFETY: only the address is kept; who uses the memory answers for it.
unsafe impl Send for Buffer {}
// SAFETY: likewise.
unsafe impl Sync for Buffer {}

/// A part of a registered buffer.
#[derive(Clone, Copy)]
pub struct Slice {
    pub at: *mut u8,
    pub length: u32,
}

/// `WSAEFAULT`: null. `WSAEINVAL`: no bytes.
pub fn register(at: *mut u8, length: u32) -> Result<RIO_BUFFERID> {
    match (at.is_null(), length) {
        (true, _) => Err(WsaError::WSAEFAULT),
        (false, 0) => Err(WsaError::WSAEINVAL),
        (false, length) => {
            let id = BUFFERS.insert(std::sync::Arc::new(Buffer { at, length }));
            Ok(ptr::without_provenance_mut(id))
        }
    }
}

pub fn deregister(id: RIO_BUFFERID) {
    drop(BUFFERS.remove(id.addr()));
}

/// `WSAEFAULT`: no such buffer. `WSAEINVAL`: not all of it is in there.
pub fn slice(part: &RIO_BUF) -> Result<Slice> {
    let buffer = BUFFERS.get(part.BufferId.addr()).ok_or(WsaError::WSAEFAULT)?;
    let end = part.Offset.checked_add(part.Length).ok_or(WsaError::WSAEINVAL)?;
    if end > buffer.length {
        return Err(WsaError::WSAEINVAL);
    }
    Ok(Slice { at: buffer.at.wrapping_add(part.Offset as usize), length: part.Length })
}
