//! Memory that others wrote: anywhere, if a client vouches for it, or within one buffer, if a provider filled that.

use std::marker::PhantomData;
use std::ops::Range;

use windlass_abi::{AFPROTOCOLS, GUID, WSAVERSION, WsaError};

use crate::namespace::form::Text;
use crate::transport::Result;

/// Where pointers may point to. Everything that is read through one is checked against it.
#[derive(Clone)]
pub(super) struct Memory<'a> {
    /// The addresses of the one buffer, if there is one.
    bounds: Option<Range<usize>>,
    lifetime: PhantomData<&'a [u8]>,
}

/// Types that any bytes are a value of.
pub(super) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for GUID {}
impl Plain for WSAVERSION {}
impl Plain for AFPROTOCOLS {}
impl Plain for *const u8 {}

/// No text is longer, in characters; a missing NUL is found sooner or later.
const LONGEST_TEXT: usize = 1 << 16;

impl Memory<'_> {
    /// Trusts pointers that are not null.
    ///
    /// # Safety
    /// For the lifetime, every pointer that is not null and is reached from what is read can be read for as many elements
    /// as are said to be there; text up to its NUL.
    pub(super) unsafe fn anywhere() -> Self {
        Self { bounds: None, lifetime: PhantomData }
    }

    /// Trusts no pointer that leaves these bytes (PACK-1).
    ///
    /// # Safety
    /// For the lifetime, the bytes can be read, and nobody writes them.
    pub(super) unsafe fn within(start: *const u8, length: usize) -> Self {
        Self { bounds: Some(start.addr()..start.addr() + length), lifetime: PhantomData }
    }

    /// The value at a place. `WSAEFAULT`: null, or not within the memory.
    pub(super) fn read<T: Plain>(&self, at: *const u8) -> Result<T> {
        self.check(at, size_of::<T>())?;
        // SAFETY: it is readable, as whoever made the memory vouches; any bytes are a value of the type.
        Ok(unsafe { at.cast::<T>().read_unaligned() })
    }

    /// The same where the pointer may be null.
    pub(super) fn read_if<T: Plain>(&self, at: *const u8) -> Result<Option<T>> {
        if at.is_null() { Ok(None) } else { self.aligned::<T>(at)?.read(at).map(Some) }
    }

    /// So many elements of an array. `WSAEFAULT`: null although there are some, or not within the memory.
    pub(super) fn array<T: Plain>(&self, at: *const u8, count: usize) -> Result<Vec<T>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let length = count.checked_mul(size_of::<T>()).ok_or(WsaError::WSAEFAULT)?;
        self.aligned::<T>(at)?.check(at, length)?;
        let element = |index: usize| at.wrapping_add(index * size_of::<T>());
        (0..count).map(|index| self.read(element(index))).collect()
    }

    /// A text up to its NUL, or none if the pointer is null. `WSAEINVAL`: malformed, or without an end.
    pub(super) fn text(&self, at: *const u8, text: Text) -> Result<Option<String>> {
        let decoded = match text {
            _ if at.is_null() => return Ok(None),
            Text::Wide => String::from_utf16(&self.aligned::<u16>(at)?.until_zero(at)?).ok(),
            Text::Ansi => String::from_utf8(self.until_zero(at)?).ok(),
        };
        decoded.map(Some).ok_or(WsaError::WSAEINVAL)
    }

    /// The members of a structure, one after the other.
    pub(super) fn members(&self, at: *const u8, size: usize) -> Result<Members<'_>> {
        self.aligned::<usize>(at)?.check(at, size)?;
        Ok(Members { memory: self, start: at, offset: 0 })
    }

    fn until_zero<T: Plain + Default + PartialEq>(&self, at: *const u8) -> Result<Vec<T>> {
        let mut units = Vec::new();
        for index in 0..LONGEST_TEXT {
            match self.read::<T>(at.wrapping_add(index * size_of::<T>()))? {
                zero if zero == T::default() => return Ok(units),
                unit => units.push(unit),
            }
        }
        Err(WsaError::WSAEINVAL)
    }

    /// PACK-2: what is not aligned is `WSAEFAULT`.
    fn aligned<T>(&self, at: *const u8) -> Result<&Self> {
        if at.is_null() || !at.cast::<T>().is_aligned() { Err(WsaError::WSAEFAULT) } else { Ok(self) }
    }

    fn check(&self, at: *const u8, length: usize) -> Result<()> {
        let end = at.addr().checked_add(length).ok_or(WsaError::WSAEFAULT)?;
        let is_inside = self.bounds.as_ref().is_none_or(|bounds| bounds.start <= at.addr() && end <= bounds.end);
        if at.is_null() || !is_inside { Err(WsaError::WSAEFAULT) } else { Ok(()) }
    }
}

/// Reads the members of a C structure, each at its alignment.
pub(super) struct Members<'a> {
    memory: &'a Memory<'a>,
    start: *const u8,
    offset: usize,
}

impl Members<'_> {
    pub(super) fn next<T: Plain>(&mut self) -> Result<T> {
        self.offset = self.offset.next_multiple_of(align_of::<T>());
        let value = self.memory.read(self.start.wrapping_add(self.offset))?;
        self.offset += size_of::<T>();
        Ok(value)
    }

    pub(super) fn pointer(&mut self) -> Result<*const u8> {
        self.next()
    }

    /// A count or a length.
    pub(super) fn count(&mut self) -> Result<usize> {
        Ok(self.next::<u32>()? as usize)
    }
}
