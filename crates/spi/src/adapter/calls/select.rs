//! `WSPSelect`.

use std::time::Duration;

use windlass_abi::{FD_SET, SOCKET, SOCKET_ERROR, TIMEVAL, WsaError};

use super::{args, enter, finish};
use crate::adapter::entry::Entry;
use crate::adapter::provider::SocketCall;
use crate::transport::{Interest, Result, Selected, Transport};

/// `WSPSelect`.
pub unsafe extern "system" fn wsp_select<E: Entry>(
    _nfds: i32,
    read: *mut FD_SET,
    write: *mut FD_SET,
    except: *mut FD_SET,
    timeout: *const TIMEVAL,
    errno: *mut i32,
) -> i32 {
    let body = || {
        // Says so if the provider is not running, even without a socket.
        let provider = E::provider().enter()?;
        let sets = [(read, Interest::Read), (write, Interest::Write), (except, Interest::Except)];
        let sets = sets.into_iter().filter(|(set, _)| !set.is_null());
        // SAFETY: not null, and the client's.
        let sets: Vec<Set> = sets.map(|(set, interest)| unsafe { Set::read(set, interest) }).collect();
        // Stricter than the page is nobody: programs pass the sets that they have no use for, emptied.
        if sets.iter().all(|set| set.sockets.is_empty()) {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: the client's, null or readable.
        let timeout = unsafe { limit(timeout) }?;
        let mut calls = Calls(Vec::new());
        for handle in sets.iter().flat_map(|set| &set.sockets) {
            calls.0.push(enter::<E>(*handle)?);
        }
        let interests = sets.iter().flat_map(|set| set.sockets.iter().map(|_| set.interest));
        let entries = calls.0.iter().zip(interests);
        let mut entries: Vec<_> =
            entries.map(|(call, interest)| Selected { socket: &*call.socket, interest, ready: false }).collect();
        provider.transport.select(&mut entries, timeout)?;
        let mut ready = entries.iter().map(|entry| entry.ready);
        let mut count = 0;
        for set in sets {
            let left: Vec<SOCKET> = set.sockets.iter().copied().filter(|_| ready.next() == Some(true)).collect();
            count += left.len();
            // SAFETY: it was read before, and is not longer now.
            unsafe { set.rewrite(&left) };
        }
        Ok(count as i32)
    };
    // SAFETY: the client's, null or writable.
    unsafe { finish(errno, SOCKET_ERROR, body) }
}

/// A set of the client, and what was in it. Only its count says how long it is (WSP-SELECT-3).
struct Set {
    set: *mut FD_SET,
    interest: Interest,
    sockets: Vec<SOCKET>,
}

impl Set {
    /// # Safety
    /// The set can be read as far as its count says.
    unsafe fn read(set: *mut FD_SET, interest: Interest) -> Self {
        // SAFETY: the caller promises it.
        let count = unsafe { (&raw const (*set).fd_count).read_unaligned() } as usize;
        let first = Self::first(set);
        // SAFETY: the caller promises it.
        let sockets = (0..count).map(|at| unsafe { first.add(at).read_unaligned() }).collect();
        Self { set, interest, sockets }
    }

    /// # Safety
    /// The set can be written, and had at least as many sockets.
    unsafe fn rewrite(&self, sockets: &[SOCKET]) {
        for (at, socket) in sockets.iter().enumerate() {
            // SAFETY: the caller promises it.
            unsafe { Self::first(self.set).add(at).write_unaligned(*socket) };
        }
        // SAFETY: the caller promises it.
        unsafe { (&raw mut (*self.set).fd_count).write_unaligned(sockets.len() as u32) };
    }

    /// The first socket; a pointer of the whole set, which may be longer than its type.
    fn first(set: *mut FD_SET) -> *mut SOCKET {
        set.wrapping_byte_add(std::mem::offset_of!(FD_SET, fd_array)).cast()
    }
}

/// The calls that a select is made of. The last one in goes out first, which is the quick way for pins.
pub(super) struct Calls<T: Transport>(pub(super) Vec<SocketCall<T>>);

impl<T: Transport> Drop for Calls<T> {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

/// How long to wait: for ever if null, `WSAEINVAL` if negative (WSP-SELECT-5).
///
/// # Safety
/// If it is not null, `timeout` can be read.
unsafe fn limit(timeout: *const TIMEVAL) -> Result<Option<Duration>> {
    if timeout.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller promises it.
    let time = unsafe { args::read(timeout) }?;
    let part = |value: i32| u64::try_from(value).map_err(|_| WsaError::WSAEINVAL);
    Ok(Some(Duration::from_secs(part(time.tv_sec)?) + Duration::from_micros(part(time.tv_usec)?)))
}
