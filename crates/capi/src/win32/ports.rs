//! Completion ports, and the sockets that are associated with them.
#![allow(unsafe_code, reason = "exports write to the client's memory")]

use core::ptr::null_mut;

use windlass_abi::{
    BOOL, FALSE, HANDLE, INVALID_HANDLE_VALUE, OVERLAPPED_ENTRY, SOCKET, TRUE, WSAOVERLAPPED, WsaError,
};
use windlass_io::port::{self, NoPacket, Packet};
use windlass_io::{Deadline, Handle};
use windlass_runtime as runtime;
use windlass_spi::status;

use crate::boundary::{Result, array_mut, call, store, store_if_wanted};

use super::invalid;
use super::results::of_a_handle;

/// Makes a port; `concurrency` is how many threads may be active in it at once, 0 for one a processor. With a socket, the
/// existing port or the new one gets the packets of its operations, with this key, until the socket is closed.
///
/// Errors: `ERROR_INVALID_PARAMETER` (an existing port without a socket; the socket is associated already, or is not
/// overlapped), `ERROR_INVALID_HANDLE` (no port, or no socket), `ERROR_NOT_SUPPORTED` (the socket's provider cannot),
/// `ERROR_NOT_ENOUGH_MEMORY`.
#[unsafe(no_mangle)]
pub extern "system" fn CreateIoCompletionPort(file: HANDLE, existing: HANDLE, key: usize, concurrency: u32) -> HANDLE {
    call(null_mut(), || {
        if file == INVALID_HANDLE_VALUE {
            return if existing.is_null() { Ok(port::create(concurrency)?.into()) } else { invalid() };
        }
        if !existing.is_null() {
            return associate(file.addr(), existing.into(), key).map(|()| existing);
        }
        let new = port::create(concurrency)?;
        let associated = associate(file.addr(), new, key);
        if associated.is_err() {
            // It was made for this.
            let _ = port::close(new);
        }
        associated.map(|()| new.into())
    })
}

fn associate(s: SOCKET, port: Handle, key: usize) -> Result<()> {
    runtime::ports::associate(s, port, key).or_else(of_a_handle)
}

/// Queues a packet, passed on as it is. Errors: `ERROR_INVALID_HANDLE`.
///
/// # Safety
/// `overlapped` is any number, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn PostQueuedCompletionStatus(
    handle: HANDLE,
    bytes: u32,
    key: usize,
    overlapped: *const WSAOVERLAPPED,
) -> BOOL {
    call(FALSE, || {
        port::post(handle.into(), Packet { key, overlapped: overlapped.expose_provenance(), bytes, status: 0 })?;
        Ok(TRUE)
    })
}

/// Takes a packet. FALSE with a null `*overlapped`: none was taken, and the thread error says why. FALSE otherwise: the
/// packet of an operation that failed with the thread error.
///
/// Errors: `WAIT_TIMEOUT`, `ERROR_ABANDONED_WAIT_0` (the port was closed), `ERROR_INVALID_HANDLE`,
/// `ERROR_INVALID_PARAMETER` (a null pointer), `ERROR_NO_SYSTEM_RESOURCES`.
///
/// # Safety
/// The pointers must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetQueuedCompletionStatus(
    handle: HANDLE,
    bytes: *mut u32,
    key: *mut usize,
    overlapped: *mut *mut WSAOVERLAPPED,
    milliseconds: u32,
) -> BOOL {
    call(FALSE, || {
        if bytes.is_null() || key.is_null() || overlapped.is_null() {
            return invalid();
        }
        // SAFETY: not null, and the caller vouches for it.
        unsafe { store(overlapped, null_mut()) }?;
        let packet = port::get(handle.into(), Deadline::after_millis(milliseconds), false).map_err(reason)?;
        // SAFETY: as above.
        unsafe {
            store(bytes, packet.bytes)?;
            store(key, packet.key)?;
            store(overlapped, core::ptr::with_exposed_provenance_mut(packet.overlapped))?;
        }
        match status::error_of(packet.status as usize) {
            None => Ok(TRUE),
            Some(error) => Err(error),
        }
    })
}

/// Takes as many packets as there are and `count` allows, at least one; `*removed` says how many.
///
/// Errors: those of [`GetQueuedCompletionStatus`], and `WAIT_IO_COMPLETION` if it is alertable and a procedure call ran.
///
/// # Safety
/// The pointers must be null or writable, `entries` for `count`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetQueuedCompletionStatusEx(
    handle: HANDLE,
    entries: *mut OVERLAPPED_ENTRY,
    count: u32,
    removed: *mut u32,
    milliseconds: u32,
    alertable: BOOL,
) -> BOOL {
    call(FALSE, || {
        if count == 0 || removed.is_null() {
            return invalid();
        }
        // SAFETY: as the caller vouches.
        let entries = unsafe { array_mut(entries, count as usize) }.or_else(|_| invalid())?;
        // SAFETY: not null, and the caller vouches for it.
        unsafe { store_if_wanted(removed, 0) };
        let taken = take(handle.into(), entries, Deadline::after_millis(milliseconds), alertable != FALSE)?;
        // SAFETY: as above.
        unsafe { store_if_wanted(removed, taken as u32) };
        Ok(TRUE)
    })
}

/// How many packets are taken at once: those that a stack holds.
const BATCH: usize = 64;

/// Takes packets into a client's array; how many, at least one.
pub(crate) fn take(
    handle: Handle,
    entries: &mut [OVERLAPPED_ENTRY],
    deadline: Deadline,
    alertable: bool,
) -> Result<usize> {
    let mut packets = [Packet::default(); BATCH];
    let room = entries.len().min(BATCH);
    let taken = port::get_many(handle, &mut packets[..room], deadline, alertable).map_err(reason)?;
    for (entry, packet) in entries.iter_mut().zip(&packets[..taken]) {
        *entry = OVERLAPPED_ENTRY {
            lpCompletionKey: packet.key,
            lpOverlapped: core::ptr::with_exposed_provenance_mut(packet.overlapped),
            Internal: packet.status as usize,
            dwNumberOfBytesTransferred: packet.bytes,
        };
    }
    Ok(taken)
}

fn reason(none: NoPacket) -> WsaError {
    WsaError::from_code(none.code() as i32)
}
