//! The two addresses in the buffer of `AcceptEx` (API-X11).
//!
//! A block holds the length of an address, and the address eight bytes on. The interface asks for 16 bytes more than
//! the address, and leaves their use to the provider.

use std::ptr;

use windlass_abi::{SOCKADDR, WsaError};

use crate::address::Address;
use crate::transport::Result;

/// Where a block's address begins.
const HEAD: usize = 8;
/// What the interface asks for beside the address.
const EXTRA: usize = 16;

/// Where the addresses of an accepted connection go: the client's memory, which is the operation's until it is over.
pub struct AcceptArea {
    local: Block,
    remote: Block,
}

struct Block {
    at: *mut u8,
    length: usize,
}

// SAFETY: the client leaves the memory to the operation until it is over, on whatever thread that is (OV-10).
unsafe impl Send for AcceptArea {}
// SAFETY: nothing can be done through a reference.
unsafe impl Sync for AcceptArea {}

impl AcceptArea {
    /// `longest` is the length of the provider's longest address. A local block of no bytes is left out.
    ///
    /// `WSAEFAULT`: no remote block. `WSAEINVAL`: a block too short for the address (API-X10).
    ///
    /// # Safety
    /// `at` has `local + remote` writable bytes, until the value is gone.
    pub(in crate::adapter) unsafe fn new(at: *mut u8, local: usize, remote: usize, longest: usize) -> Result<Self> {
        if remote == 0 {
            return Err(WsaError::WSAEFAULT);
        }
        let too_short = |length: usize| length != 0 && length < longest + EXTRA;
        if too_short(local) || too_short(remote) {
            return Err(WsaError::WSAEINVAL);
        }
        Ok(Self { local: Block { at, length: local }, remote: Block { at: at.wrapping_add(local), length: remote } })
    }

    /// Stores the addresses of a connection.
    pub fn store(&mut self, local: &Address, remote: &Address) {
        self.local.store(local);
        self.remote.store(remote);
    }
}

impl Block {
    fn store(&self, address: &Address) {
        if self.length < HEAD + address.len() {
            return;
        }
        // SAFETY: `new` demands the room, and the address is not the client's memory.
        unsafe {
            self.at.cast::<u32>().write_unaligned(address.len() as u32);
            self.at.add(HEAD).copy_from_nonoverlapping(address.as_bytes().as_ptr(), address.len());
        }
    }
}

/// Finds the address in a block that [`AcceptArea`] has filled; null and zero if there is none.
///
/// # Safety
/// `at` has `length` readable bytes.
pub(in crate::adapter) unsafe fn address_in(at: *mut u8, length: usize) -> (*mut SOCKADDR, i32) {
    if at.is_null() || length < HEAD {
        return (ptr::null_mut(), 0);
    }
    // SAFETY: the caller promises it.
    let found = unsafe { at.cast::<u32>().read_unaligned() };
    match found as usize {
        1.. if found as usize <= length - HEAD => (at.wrapping_add(HEAD).cast(), found as i32),
        _ => (ptr::null_mut(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_x11_what_is_stored_is_found() {
        let mut room = [0u8; 64];
        let address = |fill: u8| Address::from_bytes(&[fill; 16]).unwrap();
        // SAFETY: the room is there.
        let mut area = unsafe { AcceptArea::new(room.as_mut_ptr(), 32, 32, 16) }.unwrap();
        area.store(&address(1), &address(2));
        for (at, fill) in [(0, 1), (32, 2)] {
            // SAFETY: within the room.
            let (found, length) = unsafe { address_in(room.as_mut_ptr().add(at), 32) };
            assert_eq!(length, 16);
            // SAFETY: as above.
            assert_eq!(unsafe { std::slice::from_raw_parts(found.cast::<u8>(), 16) }, [fill; 16]);
        }
        // SAFETY: null and what nobody filled are no addresses.
        assert_eq!(unsafe { address_in(ptr::null_mut(), 32) }, (ptr::null_mut(), 0));
        room.fill(0xFF);
        // SAFETY: within the room.
        assert_eq!(unsafe { address_in(room.as_mut_ptr(), 32) }, (ptr::null_mut(), 0));
    }

    #[test]
    fn api_x10_blocks_have_a_least_length() {
        // SAFETY: the area is never filled.
        let made = |local, remote| unsafe { AcceptArea::new(ptr::null_mut(), local, remote, 16) }.map(drop);
        assert_eq!(made(32, 32), Ok(()));
        assert_eq!(made(0, 32), Ok(()));
        assert_eq!(made(32, 0), Err(WsaError::WSAEFAULT));
        assert_eq!(made(16, 32), Err(WsaError::WSAEINVAL));
        assert_eq!(made(32, 31), Err(WsaError::WSAEINVAL));
    }
}
