//! The client's pointers, read and written with as little trust as can be: null is `WSAEFAULT`, a
//! negative length is `WSAEFAULT`, and nothing need be aligned.

use std::ffi::c_void;
use std::slice;

use windlass_abi::{SOCKADDR, WSABUF, WSAPROTOCOL_INFOW, WsaError};

use crate::address::Address;
use crate::transport::Result;

const FAULT: WsaError = WsaError::WSAEFAULT;

/// Reads a value.
///
/// # Safety
/// If it is not null, `at` can be read.
pub(super) unsafe fn read<V: Copy>(at: *const V) -> Result<V> {
    if at.is_null() {
        return Err(FAULT);
    }
    // SAFETY: not null, and the caller promises the rest.
    Ok(unsafe { at.read_unaligned() })
}

/// Checks that there is a place to store to.
pub(super) fn required<V>(at: *mut V) -> Result<*mut V> {
    if at.is_null() { Err(FAULT) } else { Ok(at) }
}

/// Stores a value, if there is a place for it.
///
/// # Safety
/// If it is not null, `at` can be written.
pub(super) unsafe fn store<V>(at: *mut V, value: V) {
    if !at.is_null() {
        // SAFETY: not null, and the caller promises the rest.
        unsafe { at.write_unaligned(value) };
    }
}

/// A socket address that the client passes in. One too short for a family is `WSAEFAULT`.
///
/// # Safety
/// If it is not null, `name` has `length` readable bytes for `'a`.
pub(super) unsafe fn name<'a>(name: *const SOCKADDR, length: i32) -> Result<&'a [u8]> {
    // SAFETY: the caller promises it.
    let bytes = unsafe { input(name.cast(), length) }?;
    if bytes.len() < 2 {
        return Err(FAULT);
    }
    // No address is longer, whatever the client says.
    Ok(&bytes[..bytes.len().min(Address::MAX)])
}

/// The room that the client has for an address, absent unless both pointers are there.
///
/// # Safety
/// If it is not null, `length` can be read.
pub(super) unsafe fn room(name: *mut SOCKADDR, length: *mut i32) -> Result<Option<usize>> {
    if name.is_null() || length.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the caller promises the rest.
    let room = unsafe { length.read_unaligned() };
    usize::try_from(room).map(Some).map_err(|_| FAULT)
}

/// Stores an address and its length. One that does not fit is `WSAEFAULT`, and nothing is stored.
///
/// # Safety
/// `name` has as many writable bytes as `length` says, which can be written too.
pub(super) unsafe fn store_name(address: &Address, name: *mut SOCKADDR, length: *mut i32) -> Result<()> {
    required(name)?;
    // SAFETY: the caller promises it.
    let room = unsafe { read(length) }?;
    if usize::try_from(room).map_err(|_| FAULT)? < address.len() {
        return Err(FAULT);
    }
    // SAFETY: there is room, and the address is not the client's memory.
    unsafe { name.cast::<u8>().copy_from_nonoverlapping(address.as_bytes().as_ptr(), address.len()) };
    // SAFETY: the caller promises it.
    unsafe { store(length, address.len() as i32) };
    Ok(())
}

/// Bytes that the client passes in. Null is an empty input if the length is zero.
///
/// # Safety
/// If it is not null, `at` has `length` readable bytes for `'a`.
pub(super) unsafe fn input<'a>(at: *const c_void, length: i32) -> Result<&'a [u8]> {
    match usize::try_from(length).map_err(|_| FAULT)? {
        0 => Ok(&[]),
        _ if at.is_null() => Err(FAULT),
        // SAFETY: not null, and the caller promises the rest.
        length => Ok(unsafe { slice::from_raw_parts(at.cast(), length) }),
    }
}

/// Bytes that the client wants filled. Null is an empty output if the length is zero.
///
/// # Safety
/// If it is not null, `at` has `length` writable bytes for `'a` that nothing else refers to.
pub(super) unsafe fn output<'a>(at: *mut c_void, length: i32) -> Result<&'a mut [u8]> {
    match usize::try_from(length).map_err(|_| FAULT)? {
        0 => Ok(&mut []),
        _ if at.is_null() => Err(FAULT),
        // SAFETY: not null, and the caller promises the rest.
        length => Ok(unsafe { slice::from_raw_parts_mut(at.cast(), length) }),
    }
}

/// User data: nothing if the pointer or the buffer is null (WSP-CONN-7).
///
/// # Safety
/// If it is not null, `data` can be read, and has its bytes for `'a`.
pub(super) unsafe fn data<'a>(data: *const WSABUF) -> Option<&'a [u8]> {
    // SAFETY: the caller promises it.
    let data = unsafe { read(data) }.ok()?;
    if data.buf.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    Some(unsafe { slice::from_raw_parts(data.buf, data.len as usize) })
}

/// The same, to be filled.
///
/// # Safety
/// As [`data`], and the bytes can be written and nothing else refers to them.
pub(super) unsafe fn data_mut<'a>(data: *mut WSABUF) -> Option<&'a mut [u8]> {
    // SAFETY: the caller promises it.
    let data = unsafe { read(data) }.ok()?;
    if data.buf.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    Some(unsafe { slice::from_raw_parts_mut(data.buf, data.len as usize) })
}

/// A copy of a catalog entry.
///
/// # Safety
/// If it is not null, `info` can be read.
pub(super) unsafe fn info(info: *const WSAPROTOCOL_INFOW) -> Result<WSAPROTOCOL_INFOW> {
    // SAFETY: the caller promises it.
    unsafe { read(info) }
}

/// A NUL-terminated UTF-16 string. One that is not UTF-16, or has no end in sight, is `WSAEINVAL`.
///
/// # Safety
/// If it is not null, `text` can be read up to its NUL.
pub(super) unsafe fn text(text: *const u16) -> Result<String> {
    const LONGEST: usize = 1024;
    required(text.cast_mut())?;
    let mut units = Vec::new();
    for at in 0..LONGEST {
        // SAFETY: nothing before this was the NUL.
        match unsafe { text.add(at).read_unaligned() } {
            0 => return String::from_utf16(&units).map_err(|_| WsaError::WSAEINVAL),
            unit => units.push(unit),
        }
    }
    Err(WsaError::WSAEINVAL)
}
