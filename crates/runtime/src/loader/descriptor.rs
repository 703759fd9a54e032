//! Descriptors that the runtime knows by number only.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::process::{Resource, getrlimit};
use windlass_abi::{SOCKET, WsaError};

use crate::handles;

/// Borrows a descriptor if it is open at this moment.
///
/// The program may close it at any time, as with every number that it hands us: then system calls on it fail, or
/// mean another file of the same number. Memory is not at stake.
pub(crate) fn borrow(number: RawFd) -> Option<BorrowedFd<'static>> {
    if number < 0 {
        return None;
    }
    // SAFETY: the number is not -1. That it stays open while it is borrowed is not ours to ensure; descriptors carry no
    // memory safety, and each use checks the result of its system call.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_getfd(fd).is_ok().then_some(fd)
}

/// Whether a socket handle is the number of an open descriptor.
pub(crate) fn is_open(s: SOCKET) -> bool {
    RawFd::try_from(s).is_ok_and(|number| borrow(number).is_some())
}

/// Reserves a descriptor number for a handle that has no kernel object of its own, so that it is distinct from every
/// other handle and descriptor of the process (WPU-CSH-3, WPU-CSH-4). Numbers come round late (WPU-CSH-5).
///
/// # Errors
/// `WSAEMFILE`: too many descriptors. `WSAENOBUFS`: the kernel has no memory.
pub(crate) fn reserve() -> Result<SOCKET, WsaError> {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let range = range();
    let low = range.start + TURN.fetch_add(1, Relaxed) % (range.end - range.start);
    let object = eventfd(0, EventfdFlags::CLOEXEC).map_err(no_descriptor)?;
    let copy = fcntl_dupfd_cloexec(&object, low as RawFd)
        // Everything above is taken: begin anew from the bottom.
        .or_else(|_| fcntl_dupfd_cloexec(&object, range.start as RawFd))
        .or_else(|_| fcntl_dupfd_cloexec(&object, 0))
        .map_err(no_descriptor)?;
    let number = copy.as_raw_fd() as SOCKET;
    if number >= handles::CAPACITY {
        return Err(WsaError::WSAEMFILE);
    }
    let _ours_by_number_from_here = copy.into_raw_fd();
    Ok(number)
}

/// Gives back a number that [`reserve`] returned.
pub(crate) fn release(s: SOCKET) {
    if let Ok(number) = RawFd::try_from(s) {
        // SAFETY: `reserve` gave up the ownership of this number, and the handle table hands each out to one caller to
        // be released. A program that closes numbers which are not its own breaks the rule, at its own cost.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}

/// Where reserved numbers lie: above those of ordinary descriptors, but not so high that the kernel's own table
/// of descriptors becomes large.
fn range() -> std::ops::Range<u32> {
    const HIGHEST: u64 = 1 << 16;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(HIGHEST).clamp(4, HIGHEST) as u32;
    limit / 4..limit
}

fn no_descriptor(errno: Errno) -> WsaError {
    match errno {
        Errno::MFILE | Errno::INVAL => WsaError::WSAEMFILE,
        _ => WsaError::WSAENOBUFS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    // proves: WPU-CSH-3
    #[test]
    fn wpu_csh_4_reserved_numbers_are_descriptors_of_their_own() {
        let handles: Vec<_> = (0..50).map(|_| reserve().unwrap()).collect();
        assert_eq!(handles.iter().collect::<HashSet<_>>().len(), 50);
        assert!(handles.iter().all(|s| is_open(*s)));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(!handles.contains(&(file.as_raw_fd() as SOCKET)));
        handles.iter().for_each(|s| release(*s));
    }

    #[test]
    fn wpu_csh_5_a_number_does_not_come_back_at_once() {
        let first = reserve().unwrap();
        release(first);
        for _ in 0..100 {
            let next = reserve().unwrap();
            assert_ne!(next, first);
            release(next);
        }
    }

    #[test]
    fn impossible_numbers_are_not_open() {
        for s in [usize::MAX, usize::MAX >> 1, 1 << 31, 1 << 40] {
            assert!(!is_open(s));
        }
    }
}
