//! The values that programs hold objects by.

use std::fmt;

use windlass_abi::{HANDLE, WsaError};

use crate::object::{self, Object};

/// A handle of an object of this process: an event, a semaphore, a mutex, a thread, a file, a thread identity.
///
/// A handle that an object really has is a positive 31-bit number with bit 30 set, so it is never equal to
/// a file descriptor or a socket, and fits where old code keeps handles in an `int`. Its two low bits are
/// zero: in an OVERLAPPED the low bit of `hEvent` says "no packet" (WPU-COR-4). Between them lie an index
/// and a generation, so that a handle that was closed names nothing (WPU-EVT-2), until some 260,000 other
/// objects have come and gone.
///
/// Any value can be made into a `Handle`; one that names no object is refused where it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Handle(usize);

const TAG: usize = 1 << 30;
const INDEX_BITS: u32 = 20;
const INDEX_SHIFT: u32 = 2;
const GENERATION_SHIFT: u32 = INDEX_SHIFT + INDEX_BITS;

/// How many objects can be open at once.
pub const MAX_OBJECTS: u32 = 1 << INDEX_BITS;

impl Handle {
    pub(crate) const fn new(index: u32, generation: u8) -> Self {
        Self(TAG | (index as usize) << INDEX_SHIFT | (generation as usize) << GENERATION_SHIFT)
    }

    /// Index and generation, if this has the shape of a handle.
    pub(crate) const fn parts(self) -> Option<(u32, u8)> {
        if self.0 >> 30 != 1 || self.0 & 0b11 != 0 {
            return None;
        }
        let index = (self.0 >> INDEX_SHIFT) as u32 & (MAX_OBJECTS - 1);
        Some((index, (self.0 >> GENERATION_SHIFT) as u8))
    }

    /// What `GetCurrentThread` returns: the calling thread, whoever that is where the handle is used.
    pub const CURRENT_THREAD: Handle = Handle(usize::MAX - 1);

    /// Whether this has the shape of a handle, and names nothing now: as far as can be told, an object had it.
    pub fn was_closed(self) -> bool {
        self.parts().is_some() && object::get(self).is_none()
    }

    /// The value as a pointer-sized number.
    pub const fn value(self) -> usize {
        self.0
    }

    /// The handle of this value.
    pub const fn from_value(value: usize) -> Self {
        Self(value)
    }
}

/// Ends a handle of an object of any kind but a thread identity; it names nothing from here on. The object lives as long
/// as another handle, a wait or an operation refers to it.
///
/// Errors: WSA_INVALID_HANDLE.
pub fn close(handle: Handle) -> Result<(), WsaError> {
    match object::remove_if(handle, is_own).ok_or(WsaError::WSA_INVALID_HANDLE)? {
        // Those who use the port remember its handles.
        Object::Port(opening) => opening.close(handle),
        other => drop(other),
    }
    Ok(())
}

/// Another handle of the same object; of [`Handle::CURRENT_THREAD`] one that names the calling thread everywhere.
///
/// Errors: WSA_INVALID_HANDLE, WSA_NOT_ENOUGH_MEMORY.
pub fn duplicate(handle: Handle) -> Result<Handle, WsaError> {
    if handle == Handle::CURRENT_THREAD {
        return crate::thread::current().open();
    }
    match object::get(handle).filter(is_own).ok_or(WsaError::WSA_INVALID_HANDLE)? {
        Object::Port(opening) => opening.port().open(),
        other => object::insert(other),
    }
}

/// Whether the handle is its holder's to close.
fn is_own(object: &Object) -> bool {
    !matches!(object, Object::Identity(_))
}

impl From<HANDLE> for Handle {
    fn from(handle: HANDLE) -> Self {
        Self(handle.addr())
    }
}

impl From<Handle> for HANDLE {
    fn from(handle: Handle) -> Self {
        std::ptr::without_provenance_mut(handle.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handle_is_positive_31_bits_with_bit_30_and_even() {
        for index in [0, 1, 77, MAX_OBJECTS - 1] {
            for generation in [0, 1, 255] {
                let handle = Handle::new(index, generation);
                assert!(handle.value() < 1 << 31 && handle.value() >= 1 << 30);
                assert_eq!(handle.value() & 0b11, 0);
                assert_eq!(handle.parts(), Some((index, generation)));
                assert_eq!(Handle::from(HANDLE::from(handle)), handle);
            }
        }
    }

    #[test]
    fn other_values_are_no_handles() {
        let good = Handle::new(5, 9).value();
        for value in [0, 1, 3, 1023, good | 1, good | 2, good | 1 << 31, good | 1 << 32, usize::MAX] {
            assert_eq!(Handle::from_value(value).parts(), None, "{value:#x}");
        }
    }
}
