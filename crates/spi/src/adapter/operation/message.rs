//! The client's `WSAMSG`: a datagram with its address and control data (API-X50, API-X57).

use std::ptr;

use windlass_abi::{MSG_CTRUNC, WSAMSG, WsaError};

use crate::adapter::args;
use crate::adapter::rio::Slice;
use crate::address::Address;
use crate::transport::Result;

/// Where the address, the control data and the flags of a received datagram go: the client's memory, which is the
/// operation's until it is over.
pub struct MessageArea {
    name: *mut u8,
    name_room: usize,
    control: *mut u8,
    control_room: usize,
    /// Where the lengths and the flags go; null where they are not wanted.
    name_length: *mut i32,
    control_length: *mut u32,
    flags: *mut u32,
    /// What the length of control data counts beside the data.
    control_head: u32,
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
        // SAFETY: only addresses of parts are made; it was readable.
        let (name_length, control_length, flags) =
            unsafe { (&raw mut (*message).namelen, &raw mut (*message).Control.len, &raw mut (*message).dwFlags) };
        Ok(Self {
            name: found.name.cast(),
            name_room,
            control: found.Control.buf,
            control_room: found.Control.len as usize,
            name_length,
            control_length,
            flags,
            control_head: 0,
        })
    }

    /// The parts of a request of registered I/O, each absent if the client does not want it. The control data begins with its
    /// length, in eight bytes that the length counts too.
    ///
    /// `WSAEINVAL`: a part without room.
    ///
    /// # Safety
    /// The parts are writable until the value is gone.
    pub(in crate::adapter) unsafe fn of_slices(
        name: Option<Slice>,
        control: Option<Slice>,
        flags: Option<Slice>,
    ) -> Result<Self> {
        const HEAD: u32 = 8;
        let none = Slice { at: ptr::null_mut(), length: 0 };
        let (has_control, has_flags) = (control.is_some(), flags.is_some());
        let (name, control, flags) = (name.unwrap_or(none), control.unwrap_or(none), flags.unwrap_or(none));
        if has_control && control.length < HEAD || has_flags && (flags.length as usize) < size_of::<u32>() {
            return Err(WsaError::WSAEINVAL);
        }
        let data = if has_control { control.at.wrapping_add(HEAD as usize) } else { ptr::null_mut() };
        Ok(Self {
            name: name.at,
            name_room: name.length as usize,
            control: data,
            control_room: control.length.saturating_sub(HEAD) as usize,
            name_length: ptr::null_mut(),
            control_length: control.at.cast(),
            flags: flags.at.cast(),
            control_head: HEAD,
        })
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
                args::store(self.name_length, from.len() as i32);
            }
        }
        if !control.is_empty() {
            // SAFETY: `new` demands the room.
            unsafe { self.control.copy_from_nonoverlapping(control.as_ptr(), control.len()) };
        }
        // SAFETY: `new` demands it.
        unsafe {
            args::store(self.control_length, self.control_head + control.len() as u32);
            args::store(self.flags, flags);
        }
    }
}

/// Lengths need places (API-X51).
pub(in crate::adapter) fn check(message: &WSAMSG) -> Result<()> {
    let nameless = message.name.is_null() && message.namelen != 0;
    let placeless = message.Control.buf.is_null() && message.Control.len != 0;
    if nameless || placeless { Err(WsaError::WSAEFAULT) } else { Ok(()) }
}
