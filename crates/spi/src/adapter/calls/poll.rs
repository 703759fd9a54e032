//! The extension function `WSAPoll`.

use std::time::Duration;

use windlass_abi::{POLLERR, POLLHUP, POLLNVAL, POLLPRI, POLLWRBAND, SOCKET, SOCKET_ERROR, WSAPOLLFD, WsaError};

use super::select::Calls;
use super::{args, caught, enter};
use crate::adapter::entry::Entry;
use crate::adapter::thread_error;
use crate::transport::{Polled, Result, Transport};

/// `WSAPoll`, for the sockets of this provider. Errors go to the thread (API-X2).
///
/// A bit that cannot be asked for is `WSAEINVAL`; a negative handle is skipped; one that is no open
/// socket of this provider is `POLLNVAL`; if no valid socket remains, `WSAEINVAL` (API-S7 to API-S10).
pub unsafe extern "system" fn wsa_poll<E: Entry>(array: *mut WSAPOLLFD, count: u32, timeout: i32) -> i32 {
    // SAFETY: the client's, null or writable.
    let ready = caught(|| unsafe { poll::<E>(array, count, timeout) });
    ready.unwrap_or_else(|error| {
        thread_error::set(error);
        SOCKET_ERROR
    })
}

/// # Safety
/// If it is not null, `array` has `count` elements.
unsafe fn poll<E: Entry>(array: *mut WSAPOLLFD, count: u32, timeout: i32) -> Result<i32> {
    const CANNOT_ASK: i16 = POLLPRI | POLLWRBAND | POLLERR | POLLHUP | POLLNVAL;
    let provider = E::provider().enter()?;
    if count != 0 {
        args::required(array)?;
    }
    // SAFETY: not null, and the caller promises the rest.
    let asked: Vec<WSAPOLLFD> = (0..count as usize).map(|at| unsafe { array.add(at).read_unaligned() }).collect();
    if asked.iter().any(|element| element.events & CANNOT_ASK != 0) {
        return Err(WsaError::WSAEINVAL);
    }
    let mut revents = vec![0; asked.len()];
    let (mut calls, mut places) = (Calls(Vec::new()), Vec::new());
    for (at, element) in asked.iter().enumerate().filter(|(_, element)| !is_negative(element.fd)) {
        match enter::<E>(element.fd) {
            Ok(call) => {
                calls.0.push(call);
                places.push(at);
            }
            Err(WsaError::WSAENOTSOCK) => revents[at] = POLLNVAL,
            Err(error) => return Err(error),
        }
    }
    if calls.0.is_empty() {
        return Err(WsaError::WSAEINVAL);
    }
    // What is known already is known at once.
    let known = revents.iter().any(|bits| *bits != 0);
    let timeout = match u64::try_from(timeout) {
        _ if known => Some(Duration::ZERO),
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(_) => None,
    };
    let entries = calls.0.iter().zip(&places);
    let mut entries: Vec<_> =
        entries.map(|(call, at)| Polled { socket: &*call.socket, events: asked[*at].events, revents: 0 }).collect();
    provider.transport.poll(&mut entries, timeout)?;
    for (entry, at) in entries.iter().zip(&places) {
        revents[*at] = entry.revents;
    }
    for (at, bits) in revents.iter().enumerate() {
        // SAFETY: it was read before.
        unsafe { (&raw mut (*array.add(at)).revents).write_unaligned(*bits) };
    }
    Ok(revents.iter().filter(|bits| **bits != 0).count() as i32)
}

/// The top bit marks an element to be skipped (API-S9).
fn is_negative(handle: SOCKET) -> bool {
    handle > SOCKET::MAX >> 1
}
