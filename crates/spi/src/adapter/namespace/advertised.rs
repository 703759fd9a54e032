//! A version 2 provider as its host advertises it: the table, called in safe Rust.
//!
//! For who calls such a provider, a host's runtime; an author of one has nothing to do with it.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::{self, NonNull};

use windlass_abi::{GUID, NSPV2_ROUTINE, SOCKET_ERROR, WSAQUERYSET2W, WsaError};

use super::write::pack;
use crate::namespace::image::ALIGNMENT;
use crate::namespace::registration::SetOperation;
use crate::namespace::{Form, Image, QuerySet};
use crate::transport::Result;

/// How the thread's error is read and set: version 2 functions publish their errors there (LC-ERR-4).
#[derive(Clone, Copy)]
pub struct ThreadError {
    /// `WSAGetLastError`.
    pub get: fn() -> i32,
    /// `WSASetLastError`.
    pub set: fn(i32),
}

/// What a provider stored for a session: opaque, never followed, never leaves the process (NSP2-SES-3, NSP2-SES-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionArgument(usize);

impl SessionArgument {
    /// That of a provider that keeps no sessions (NSP2-SES-7).
    pub const NONE: Self = Self(0);
}

/// A look-up as the provider knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupHandle(usize);

impl LookupHandle {
    /// The handle of this value.
    pub fn from_number(number: usize) -> Self {
        Self(number)
    }
}

/// A copy of an advertised table, for one provider id (NSP2-ADV-7). What an optional entry lacks is a stub here
/// (NSP2-ADV-4).
pub struct Advertised {
    id: GUID,
    table: NSPV2_ROUTINE,
    error: ThreadError,
}

/// Members up to here must be there (NSP2-TBL-2).
const MANDATORY: usize = offset_of!(NSPV2_ROUTINE, NSPv2LookupServiceEnd) + size_of::<usize>();

impl Advertised {
    /// Copies a table, as far as its `cbSize` reaches.
    ///
    /// `WSAEINVAL`: it is null, too short, or lacks Begin, NextEx or End (NSP2-ADV-2, NSP2-ADV-3, NSP2-TBL-2).
    ///
    /// # Safety
    /// `table` is null or readable for its `cbSize`, and its functions are what the interface says as long as this lives.
    pub unsafe fn from_raw(id: GUID, table: *const NSPV2_ROUTINE, error: ThreadError) -> Result<Self> {
        if table.is_null() || !table.is_aligned() {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: not null, and every table has its size.
        let size = unsafe { (*table).cbSize } as usize;
        if size < MANDATORY {
            return Err(WsaError::WSAEINVAL);
        }
        let mut copy = NSPV2_ROUTINE {
            cbSize: 0,
            dwMajorVersion: 0,
            dwMinorVersion: 0,
            NSPv2Startup: None,
            NSPv2Cleanup: None,
            NSPv2LookupServiceBegin: None,
            NSPv2LookupServiceNextEx: None,
            NSPv2LookupServiceEnd: None,
            NSPv2SetServiceEx: None,
            NSPv2ClientSessionRundown: None,
        };
        let whole = size.min(size_of::<NSPV2_ROUTINE>()) / size_of::<usize>() * size_of::<usize>();
        // SAFETY: the caller vouches for that many bytes; the copy has room for them; a function that is cut off stays null.
        unsafe { ptr::copy_nonoverlapping(table.cast::<u8>(), (&raw mut copy).cast(), whole) };
        let complete = copy.NSPv2LookupServiceBegin.is_some()
            && copy.NSPv2LookupServiceNextEx.is_some()
            && copy.NSPv2LookupServiceEnd.is_some();
        if complete { Ok(Self { id, table: copy, error }) } else { Err(WsaError::WSAEINVAL) }
    }

    /// The provider that is advertised.
    pub fn id(&self) -> GUID {
        self.id
    }

    /// `NSPv2Startup`: what the provider keeps for the session. `WSAEOPNOTSUPP`: it keeps none (NSP2-SES-7).
    pub fn startup(&self) -> Result<SessionArgument> {
        let startup = self.table.NSPv2Startup.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let mut id = self.id;
        let mut argument = ptr::null_mut();
        // SAFETY: the interface's function, with pointers that are valid for the call.
        self.call(|| unsafe { startup(&mut id, &mut argument) })?;
        Ok(SessionArgument(argument.expose_provenance()))
    }

    /// `NSPv2Cleanup`.
    pub fn cleanup(&self, argument: SessionArgument) -> Result<()> {
        let cleanup = self.table.NSPv2Cleanup.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let mut id = self.id;
        // SAFETY: as above; the argument is what the provider stored.
        self.call(|| unsafe { cleanup(&mut id, pointer(argument.0)) })
    }

    /// `NSPv2ClientSessionRundown`, which has no result, whatever its author may think (NSP2-RUN-1, NSP2-RUN-9).
    pub fn rundown(&self, argument: SessionArgument) {
        if let Some(rundown) = self.table.NSPv2ClientSessionRundown {
            let mut id = self.id;
            // SAFETY: as above.
            unsafe { rundown(&mut id, pointer(argument.0)) };
        }
    }

    /// `NSPv2LookupServiceBegin`.
    pub fn begin(&self, query: &QuerySet, flags: u32, argument: SessionArgument) -> Result<LookupHandle> {
        let begin = self.table.NSPv2LookupServiceBegin.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let query = SetBuffer::of(query)?;
        let (mut id, mut handle) = (self.id, ptr::null_mut());
        // SAFETY: as above; the set is the caller's for the call (NSP2-CALL-10).
        self.call(|| unsafe { begin(&mut id, query.as_ptr(), flags, pointer(argument.0), &mut handle) })?;
        Ok(LookupHandle(handle.expose_provenance()))
    }

    /// `NSPv2LookupServiceEnd`.
    pub fn end(&self, lookup: LookupHandle) -> Result<()> {
        let end = self.table.NSPv2LookupServiceEnd.ok_or(WsaError::WSAEOPNOTSUPP)?;
        // SAFETY: the interface's function, with a handle that the provider made.
        self.call(|| unsafe { end(pointer(lookup.0)) })
    }

    /// `NSPv2LookupServiceNextEx`: the result comes into the buffer, and its code by the asynchronous call's completion.
    /// The buffer is kept until then (ASYNC-6).
    pub fn next_ex(&self, call: usize, lookup: LookupHandle, flags: u32, result: &ResultBuffer) {
        if let Some(next) = self.table.NSPv2LookupServiceNextEx {
            // SAFETY: as above; the caller keeps the buffer until the call is completed.
            unsafe { next(pointer(call), pointer(lookup.0), flags, result.0.length(), result.0.set()) };
        }
    }

    /// `NSPv2SetServiceEx`. `WSAEOPNOTSUPP`: it has none, and the call will not be completed (STUB-5).
    pub fn set_service_ex(
        &self,
        call: usize,
        registration: &SetBuffer,
        operation: SetOperation,
        argument: SessionArgument,
    ) -> Result<()> {
        let set = self.table.NSPv2SetServiceEx.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let (operation, flags) = operation.to_raw();
        let mut id = self.id;
        // SAFETY: as above; the caller keeps the set until the call is completed.
        unsafe { set(pointer(call), &mut id, registration.as_ptr(), operation, flags, pointer(argument.0)) };
        Ok(())
    }

    /// Calls a function that returns 0, or -1 and the thread's error; any other number is the error itself (STUB-4), and a
    /// failure without one is `WSASYSCALLFAILURE` (LC-ERR-6).
    fn call(&self, function: impl FnOnce() -> i32) -> Result<()> {
        (self.error.set)(0);
        let code = match function() {
            0 => return Ok(()),
            SOCKET_ERROR => (self.error.get)(),
            code => code,
        };
        Err(if code == 0 { WsaError::WSASYSCALLFAILURE } else { WsaError::from_code(code) })
    }
}

fn pointer(number: usize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(number)
}

/// A query set in memory of its own, as a provider reads it.
pub struct SetBuffer(Room);

impl SetBuffer {
    /// `WSA_NOT_ENOUGH_MEMORY`: it is too large.
    pub fn of(set: &QuerySet) -> Result<Self> {
        let image: Image = set.image(Form::QUERY_SET_2W)?;
        let room = Room::new(image.len()?);
        // SAFETY: the room is as large as the image, and nobody else has it yet.
        unsafe { pack(&image, room.set().cast(), room.length()) }?;
        Ok(Self(room))
    }

    fn as_ptr(&self) -> *mut WSAQUERYSET2W {
        self.0.set()
    }
}

/// Room for a result, which the provider fills until it completes the call.
pub struct ResultBuffer(Room);

impl ResultBuffer {
    /// So many bytes, at least those of an empty set.
    pub fn new(bytes: u32) -> Self {
        Self(Room::new(bytes.max(size_of::<WSAQUERYSET2W>() as u32)))
    }

    /// The length that the provider told: what it needs, if the room was too small (NSP2-CALL-5).
    pub fn length(&self) -> u32 {
        // SAFETY: within the room; the provider wrote last before it completed the call.
        unsafe { self.0.length().read_volatile() }
    }

    /// The result. None of its pointers is believed (PACK-1).
    pub fn read(&self) -> Result<QuerySet> {
        // SAFETY: the room has that many bytes; the provider is done with it.
        unsafe { QuerySet::from_buffer(self.0.set().cast(), self.0.bytes as usize, Form::QUERY_SET_2W) }
    }
}

/// Zeroed memory, aligned for a set: a length, and so many bytes.
struct Room {
    words: NonNull<[u64]>,
    bytes: u32,
}

// SAFETY: the memory belongs to the room alone.
unsafe impl Send for Room {}
// SAFETY: through a reference only pointers are had; who writes through them has the room to itself meanwhile.
unsafe impl Sync for Room {}

impl Room {
    fn new(bytes: u32) -> Self {
        const { assert!(align_of::<u64>() >= ALIGNMENT) };
        let words = vec![0u64; 1 + (bytes as usize).div_ceil(size_of::<u64>())].into_boxed_slice();
        let room = Self { words: NonNull::from(Box::leak(words)), bytes };
        // SAFETY: within the first word.
        unsafe { room.length().write(bytes) };
        room
    }

    fn length(&self) -> *mut u32 {
        self.words.as_ptr().cast()
    }

    fn set(&self) -> *mut WSAQUERYSET2W {
        // SAFETY: the slice has a first word.
        unsafe { self.words.as_ptr().cast::<u64>().add(1) }.cast()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: the slice that `new` leaked, once.
        drop(unsafe { Box::from_raw(self.words.as_ptr()) });
    }
}
