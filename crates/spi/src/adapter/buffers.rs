//! The client's scatter and gather buffers, as slices.

use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use windlass_abi::{WSABUF, WsaError};

/// How many buffers go through the caller's scratch space; more are gathered on the heap.
pub const INLINE: usize = 16;

/// The buffers of a send, in the order of the client's array. They stay the client's.
pub struct SendBuffers<'a> {
    raw: Raw<'a>,
}

/// The buffers of a receive, filled in the order of the client's array (WSP-RECV-1). They stay the
/// client's.
pub struct RecvBuffers<'a> {
    raw: Raw<'a>,
}

impl<'a> SendBuffers<'a> {
    /// Checks and takes the client's array.
    ///
    /// No buffers are `WSAEINVAL` (WSP-RECV-11); a null array, or a null buffer that claims to have
    /// bytes, is `WSAEFAULT`.
    ///
    /// # Safety
    /// If it is not null, `array` has `count` elements, each with `len` readable bytes, for `'a`.
    #[inline]
    pub unsafe fn from_raw(array: *const WSABUF, count: u32) -> Result<Self, WsaError> {
        // SAFETY: the caller promises it.
        unsafe { Raw::new(array, count) }.map(|raw| Self { raw })
    }

    /// The number of buffers: at least one.
    pub fn len(&self) -> usize {
        self.raw.array.len()
    }

    /// Never: there is at least one buffer.
    pub fn is_empty(&self) -> bool {
        self.raw.array.is_empty()
    }

    /// The number of bytes in all buffers.
    #[inline]
    pub fn total(&self) -> usize {
        self.raw.total
    }

    /// The buffer, if there is only one.
    #[inline]
    pub fn single(&self) -> Option<&'a [u8]> {
        match self.raw.array {
            // SAFETY: `from_raw` demands it.
            [buffer] => Some(unsafe { bytes(buffer) }),
            _ => None,
        }
    }

    /// Every buffer in turn.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        // SAFETY: `from_raw` demands it.
        self.raw.array.iter().map(|buffer| unsafe { bytes(buffer) })
    }

    /// All buffers for a vectored system call: in `scratch` if they fit, else on the heap. The system
    /// takes at most 1024 at a time.
    pub fn as_io_slices<'s>(&self, scratch: &'s mut [IoSlice<'a>; INLINE]) -> Slices<'s, IoSlice<'a>> {
        Slices::gather(scratch, self.len(), self.iter().map(IoSlice::new))
    }

    /// All bytes in one piece, without a copy if there is one buffer.
    pub fn to_contiguous(&self) -> std::borrow::Cow<'a, [u8]> {
        match self.single() {
            Some(bytes) => bytes.into(),
            None => self.iter().collect::<Vec<_>>().concat().into(),
        }
    }
}

impl<'a> RecvBuffers<'a> {
    /// Checks and takes the client's array, with the errors of [`SendBuffers::from_raw`].
    ///
    /// # Safety
    /// If it is not null, `array` has `count` elements, each with `len` writable bytes that nothing
    /// else refers to, for `'a`.
    #[inline]
    pub unsafe fn from_raw(array: *const WSABUF, count: u32) -> Result<Self, WsaError> {
        // SAFETY: the caller promises it.
        unsafe { Raw::new(array, count) }.map(|raw| Self { raw })
    }

    /// The number of buffers: at least one.
    pub fn len(&self) -> usize {
        self.raw.array.len()
    }

    /// Never: there is at least one buffer.
    pub fn is_empty(&self) -> bool {
        self.raw.array.is_empty()
    }

    /// The room in all buffers, in bytes.
    #[inline]
    pub fn total(&self) -> usize {
        self.raw.total
    }

    /// The buffer, if there is only one.
    #[inline]
    pub fn single(&mut self) -> Option<&mut [u8]> {
        match self.raw.array {
            // SAFETY: `from_raw` demands it, and the borrow of `self` keeps it alone.
            [buffer] => Some(unsafe { bytes_mut(buffer) }),
            _ => None,
        }
    }

    /// Every buffer in turn.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        // SAFETY: `from_raw` demands it, and the borrow of `self` keeps them alone.
        self.raw.array.iter().map(|buffer| unsafe { bytes_mut(buffer) })
    }

    /// All buffers for a vectored system call: in `scratch` if they fit, else on the heap. The system
    /// takes at most 1024 at a time.
    pub fn as_io_slices<'s, 'b: 's>(
        &'b mut self,
        scratch: &'s mut [IoSliceMut<'b>; INLINE],
    ) -> Slices<'s, IoSliceMut<'b>> {
        let count = self.len();
        Slices::gather(scratch, count, self.iter_mut().map(IoSliceMut::new))
    }

    /// Copies `data` into the buffers from the first one on: the number of bytes that fitted.
    pub fn scatter(&mut self, data: &[u8]) -> usize {
        self.scatter_at(0, data)
    }

    /// Copies `data` into the buffers after leaving out `offset` bytes: the number of bytes that fitted.
    pub fn scatter_at(&mut self, offset: usize, data: &[u8]) -> usize {
        let (mut skip, mut rest) = (offset, data);
        for buffer in self.iter_mut() {
            let start = skip.min(buffer.len());
            skip -= start;
            let room = &mut buffer[start..];
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
        }
        data.len() - rest.len()
    }
}

/// A list of slices for a vectored system call.
pub enum Slices<'s, T> {
    /// In the caller's scratch space.
    Inline(&'s mut [T]),
    /// Too many for that.
    Heap(Vec<T>),
}

impl<'s, T> Slices<'s, T> {
    fn gather(scratch: &'s mut [T; INLINE], count: usize, slices: impl Iterator<Item = T>) -> Self {
        if count > INLINE {
            return Self::Heap(slices.collect());
        }
        for (slot, slice) in scratch.iter_mut().zip(slices) {
            *slot = slice;
        }
        Self::Inline(&mut scratch[..count])
    }
}

impl<T> Deref for Slices<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Inline(slices) => slices,
            Self::Heap(slices) => slices,
        }
    }
}

impl<T> DerefMut for Slices<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Inline(slices) => slices,
            Self::Heap(slices) => slices,
        }
    }
}

/// A client's array whose pointers have been checked as far as they can be.
struct Raw<'a> {
    array: &'a [WSABUF],
    total: usize,
    client: PhantomData<&'a mut [u8]>,
}

impl Raw<'_> {
    /// # Safety
    /// As [`SendBuffers::from_raw`].
    #[inline]
    unsafe fn new(array: *const WSABUF, count: u32) -> Result<Self, WsaError> {
        if count == 0 {
            return Err(WsaError::WSAEINVAL);
        }
        if array.is_null() || !array.is_aligned() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: not null, and the caller promises `count` elements.
        let array = unsafe { std::slice::from_raw_parts(array, count as usize) };
        let mut total = 0usize;
        for buffer in array {
            if buffer.buf.is_null() && buffer.len != 0 {
                return Err(WsaError::WSAEFAULT);
            }
            total += buffer.len as usize;
        }
        Ok(Self { array, total, client: PhantomData })
    }
}

/// # Safety
/// The buffer has `len` readable bytes for `'a`.
#[inline]
unsafe fn bytes<'a>(buffer: &WSABUF) -> &'a [u8] {
    if buffer.len == 0 {
        return &[];
    }
    // SAFETY: not null (`Raw::new`), and the caller promises the bytes.
    unsafe { std::slice::from_raw_parts(buffer.buf, buffer.len as usize) }
}

/// # Safety
/// The buffer has `len` writable bytes for `'a` that nothing else refers to.
#[inline]
unsafe fn bytes_mut<'a>(buffer: &WSABUF) -> &'a mut [u8] {
    if buffer.len == 0 {
        return &mut [];
    }
    // SAFETY: not null (`Raw::new`), and the caller promises the bytes.
    unsafe { std::slice::from_raw_parts_mut(buffer.buf, buffer.len as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(parts: &mut [Vec<u8>]) -> Vec<WSABUF> {
        parts.iter_mut().map(|part| WSABUF { len: part.len() as u32, buf: part.as_mut_ptr() }).collect()
    }

    #[test]
    fn wsp_recv_11_no_buffers_is_invalid() {
        // SAFETY: nothing is read.
        let empty = unsafe { SendBuffers::from_raw(std::ptr::null(), 0) };
        assert_eq!(empty.err(), Some(WsaError::WSAEINVAL));
        // SAFETY: nothing is read.
        let null = unsafe { RecvBuffers::from_raw(std::ptr::null(), 1) };
        assert_eq!(null.err(), Some(WsaError::WSAEFAULT));
        let hole = [WSABUF { len: 1, buf: std::ptr::null_mut() }];
        // SAFETY: one element.
        assert_eq!(unsafe { SendBuffers::from_raw(hole.as_ptr(), 1) }.err(), Some(WsaError::WSAEFAULT));
        let nothing = [WSABUF { len: 0, buf: std::ptr::null_mut() }];
        // SAFETY: one element without bytes.
        let nothing = unsafe { SendBuffers::from_raw(nothing.as_ptr(), 1) }.unwrap();
        assert_eq!((nothing.total(), nothing.single()), (0, Some(&[][..])));
    }

    #[test]
    fn gathers_few_buffers_without_heap_and_many_with_it() {
        for count in [1usize, 2, INLINE, INLINE + 1, 100] {
            let mut parts: Vec<Vec<u8>> = (0..count).map(|n| vec![n as u8; n % 5]).collect();
            let whole = parts.concat();
            let raw = array(&mut parts);
            // SAFETY: the parts live until the end of the loop's body.
            let buffers = unsafe { SendBuffers::from_raw(raw.as_ptr(), raw.len() as u32) }.unwrap();
            let mut scratch = [IoSlice::new(&[]); INLINE];
            let slices = buffers.as_io_slices(&mut scratch);
            assert_eq!(matches!(slices, Slices::Heap(_)), count > INLINE);
            assert_eq!(slices.len(), count);
            assert_eq!(slices.iter().flat_map(|s| s.to_vec()).collect::<Vec<_>>(), whole);
            assert_eq!(&*buffers.to_contiguous(), whole);
            assert_eq!(buffers.total(), whole.len());
        }
    }

    #[test]
    fn wsp_recv_1_fills_buffers_in_order_without_holes() {
        let mut parts = vec![vec![0u8; 3], vec![], vec![0; 2], vec![0; 4]];
        let raw = array(&mut parts);
        // SAFETY: the parts are not touched before the buffers are gone.
        let mut buffers = unsafe { RecvBuffers::from_raw(raw.as_ptr(), raw.len() as u32) }.unwrap();
        assert_eq!(buffers.scatter(b"abcd"), 4);
        assert_eq!(buffers.scatter_at(4, b"efghijkl"), 5);
        assert_eq!(parts.concat(), b"abcdefghi");
    }

    #[test]
    fn receives_through_io_slices() {
        let mut parts = vec![vec![0u8; 2]; 20];
        let raw = array(&mut parts);
        // SAFETY: the parts are not touched before the buffers are gone.
        let mut buffers = unsafe { RecvBuffers::from_raw(raw.as_ptr(), raw.len() as u32) }.unwrap();
        let mut scratch = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        for slice in buffers.as_io_slices(&mut scratch).iter_mut() {
            slice.fill(9);
        }
        assert_eq!(parts.concat(), vec![9; 40]);
    }
}
