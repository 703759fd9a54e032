//! The client's `WSAMSG`: a datagram with its address and control data (API-X50, API-X57).

use windlass_abi::{MSG_CTRUNC, WSAMSG, WsaError};

use crate::adapter::args;
use crate::address::Address;
use crate::transport::Result;

/// Where the address, the control data and the flags of a received datagram go: the client's memory, which is the
/// operation's until it is over.
pub struct MessageArea {
    message: *mut WSAMSG,
    name: *mut u8,
    name_room: usize,
    control: *mut u8,
    control_room: usize,
}

// SAFETY: the client leaves the memory to the operation until it is over, on whatever thread that is (OV-10).
unsafe impl Send for MessageArea {}
// SAFETY: nothing can be done through a reference.
unsafe impl Sync for MessageArea {}

impl MessageArea {
    /// `WSAEFAULT`: a length without a place (API-X51).
    ///
    /// # Safety
    /// `message` is readable; it stays writable, as what it points to, until the value is gone.
    pub(in crate::adapter) unsafe fn new(message: *mut WSAMSG) -> Result<Self> {
        // SAFETY: the caller promises it.
        let found = unsafe { args::read(message) }?;
        check(&found)?;
        let name_room = usize::try_from(found.namelen).map_err(|_| WsaError::WSAEFAULT)?;
        let (control, control_room) = (found.Control.buf, found.Control.len as usize);
        Ok(Self { message, name: found.name.cast(), name_room, control, control_room })
    }

    /// The room for the address in bytes; absent if the client wants none.
    pub fn capacity(&self) -> Option<usize> {
        (!self.name.is_null()).then_some(self.name_room)
    }

    /// The room for control data in bytes.
    pub fn control_room(&self) -> usize {
        self.control_room
    }

    /// Stores what belongs to a datagram. Control data that does not fit is left out, and `MSG_CTRUNC` says so; the caller
    /// cuts it between two pieces, in [`control_room`](Self::control_room).
    pub fn store(&mut self, from: Option<&Address>, control: &[u8], flags: u32) {
        let (mut flags, mut control) = (flags, control);
        if control.len() > self.control_room {
            flags |= MSG_CTRUNC;
            control = &[];
        }
        if let Some(from) = from
            && !self.name.is_null()
            && from.len() <= self.name_room
        {
            // SAFETY: `new` demands the room.
            unsafe {
                self.name.copy_from_nonoverlapping(from.as_bytes().as_ptr(), from.len());
                (&raw mut (*self.message).namelen).write_unaligned(from.len() as i32);
            }
        }
        if !control.is_empty() {
            // SAFETY: `new` demands the room.
            unsafe { self.control.copy_from_nonoverlapping(control.as_ptr(), control.len()) };
        }
        // SAFETY: `new` demands it.
        unsafe {
            (&raw mut (*self.message).Control.len).write_unaligned(control.len() as u32);
            (&raw mut (*self.message).dwFlags).write_unaligned(flags);
        }
    }
}

/// Lengths need places (API-X51).
pub(in crate::adapter) fn check(message: &WSAMSG) -> Result<()> {
    let nameless = message.name.is_null() && message.namelen != 0;
    let placeless = message.Control.buf.is_null() && message.Control.len != 0;
    if nameless || placeless { Err(WsaError::WSAEFAULT) } else { Ok(()) }
}
