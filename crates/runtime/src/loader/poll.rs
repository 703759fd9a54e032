//! The calls behind `WSAPoll`.

use std::mem::{offset_of, transmute};
use std::ptr::{null, with_exposed_provenance};
use std::sync::atomic::Ordering::Relaxed;

use windlass_abi::{FD_SET, LPFN_WSAPOLL, SOCKET, SOCKET_ERROR, TIMEVAL, WSAID_WSAPOLL, WSAPOLLFD, WsaError};

use crate::dispatch::{Entered, error_of};
use crate::loader::calls;
use crate::thread;

/// A provider's own WSAPoll.
pub(crate) struct Extension(usize);

/// What an instance remembers of a provider that has no WSAPoll.
const NONE: usize = 1;

/// The WSAPoll of an entered provider, if it has one: asked for once, with one of its sockets, in each start (API-15).
pub(crate) fn extension(entered: &Entered, s: SOCKET) -> Option<Extension> {
    let known = &entered.instance().poll;
    if known.load(Relaxed) == 0 {
        known.store(calls::extension(entered, s, WSAID_WSAPOLL).max(NONE), Relaxed);
    }
    let address = known.load(Relaxed);
    (address != NONE).then_some(Extension(address))
}

/// Calls a provider's WSAPoll. It reports an error through the thread (API-X2).
pub(crate) fn call(
    entered: Entered,
    function: Extension,
    elements: &mut [WSAPOLLFD],
    timeout: i32,
) -> Result<(), WsaError> {
    let count = u32::try_from(elements.len()).map_err(|_| WsaError::WSAEINVAL)?;
    let address = with_exposed_provenance::<()>(function.0);
    // SAFETY: the provider gave this address for its WSAPoll, and Option<fn> has the size of an address.
    let function = unsafe { transmute::<*const (), LPFN_WSAPOLL>(address) }.ok_or(WsaError::WSAEOPNOTSUPP)?;
    thread::set_last_error(0);
    // SAFETY: the provider is entered, and the array has so many elements.
    let rc = unsafe { function(elements.as_mut_ptr(), count, timeout) };
    let failed = rc == SOCKET_ERROR;
    entered.result(failed, if failed { thread::last_error() } else { 0 })
}

/// Calls WSPSelect; the sets keep what is ready. An empty set is handed over as null.
pub(crate) fn select(entered: Entered, sets: [&mut Vec<SOCKET>; 3], limit: Option<TIMEVAL>) -> Result<(), WsaError> {
    let mut counted = sets.each_ref().map(|set| CountedSet::new(set));
    let [read, write, except] = counted.each_mut().map(CountedSet::as_ptr);
    let limit = limit.as_ref().map_or(null(), |limit| &raw const *limit);
    let mut errno = 0;
    // SAFETY: the provider is entered; each set is null or counted, with room for what it counts; the other pointers
    // are null or to live locals.
    let rc = unsafe { (entered.lpWSPSelect)(0, read, write, except, limit, &mut errno) };
    if rc == SOCKET_ERROR {
        return Err(error_of(errno));
    }
    for (set, counted) in sets.into_iter().zip(&counted) {
        *set = counted.members();
    }
    Ok(())
}

/// An fd_set of any size: the count, which fills one word with its padding, and the sockets (API-13).
struct CountedSet(Vec<SOCKET>);

const _: () = assert!(offset_of!(FD_SET, fd_array) == size_of::<SOCKET>());

impl CountedSet {
    fn new(sockets: &[SOCKET]) -> Self {
        let mut set = Self([0].into_iter().chain(sockets.iter().copied()).collect());
        // SAFETY: the first word has the alignment of the count, and room for it.
        unsafe { set.0.as_mut_ptr().cast::<u32>().write(sockets.len() as u32) };
        set
    }

    fn as_ptr(&mut self) -> *mut FD_SET {
        if self.0.len() == 1 { std::ptr::null_mut() } else { self.0.as_mut_ptr().cast() }
    }

    /// What is in the set; never more than there was.
    fn members(&self) -> Vec<SOCKET> {
        // SAFETY: as in `new`.
        let count = unsafe { self.0.as_ptr().cast::<u32>().read() } as usize;
        self.0[1..].iter().copied().take(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_13_a_set_may_be_larger_than_64() {
        let sockets: Vec<SOCKET> = (100..300).collect();
        let mut set = CountedSet::new(&sockets);
        assert_eq!(set.members(), sockets);
        let raw = set.as_ptr();
        // SAFETY: the set is there, with 200 sockets.
        unsafe {
            assert_eq!((*raw).fd_count, 200);
            assert_eq!((*raw).fd_array[63], 163);
            (*raw).fd_count = 2;
        }
        assert_eq!(set.members(), [100, 101]);
        assert!(CountedSet::new(&[]).as_ptr().is_null());
    }
}
