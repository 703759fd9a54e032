//! A structure and everything that it points to, as one run of bytes (PACK-1 to PACK-8).

use windlass_abi::WsaError;

use super::form::Text;
use crate::Result;

/// Bytes that are laid out as C wants them, with pointers that are still offsets from their start. It goes into any
/// buffer that is aligned for a pointer ([`pack`](super::pack)), into as many as are wanted (PACK-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    bytes: Vec<u8>,
    /// Where the pointers are, each an offset from the start until it is written.
    pointers: Vec<usize>,
}

/// The alignment of structures and socket addresses, and of a buffer (PACK-2).
pub(crate) const ALIGNMENT: usize = align_of::<usize>();

impl Image {
    /// An image that begins with a structure of this size.
    pub(crate) fn of(size: usize) -> Self {
        Self { bytes: vec![0; size], pointers: Vec::new() }
    }

    /// The size in bytes that a buffer needs, padding included. `WSA_NOT_ENOUGH_MEMORY` if lengths of 32 bits cannot
    /// say it (PACK-8).
    pub fn len(&self) -> Result<u32> {
        u32::try_from(self.bytes.len()).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)
    }

    /// Whether there is nothing in it; never so for an image of a structure.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes, with offsets for pointers.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each pointer: where it is, and the offset of what it points to.
    pub fn pointers(&self) -> impl Iterator<Item = (usize, usize)> {
        let target =
            |at: usize| usize::from_ne_bytes(self.bytes[at..at + ALIGNMENT].try_into().expect("a pointer's bytes"));
        self.pointers.iter().map(move |at| (*at, target(*at)))
    }

    /// Room for a structure, zeroed: its offset.
    pub(crate) fn allocate(&mut self, size: usize, alignment: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(alignment);
        self.bytes.resize(at + size, 0);
        at
    }

    /// Bytes at an alignment: their offset.
    pub(crate) fn append(&mut self, bytes: &[u8], alignment: usize) -> usize {
        let at = self.allocate(bytes.len(), alignment);
        self.bytes[at..].copy_from_slice(bytes);
        at
    }

    /// A text and its NUL (PACK-4). One with a NUL inside ends there for every reader.
    pub(crate) fn text(&mut self, text: &str, form: Text) -> usize {
        match form {
            Text::Wide => {
                let bytes: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes).collect();
                self.append(&bytes, align_of::<u16>())
            }
            Text::Ansi => {
                let at = self.append(text.as_bytes(), 1);
                self.bytes.push(0);
                at
            }
        }
    }

    /// The members of a structure that starts at `at`, in their order.
    pub(crate) fn members(&mut self, at: usize) -> Members<'_> {
        Members { image: self, at }
    }
}

/// Writes the members of a C structure one after the other, each at its alignment.
pub(crate) struct Members<'a> {
    image: &'a mut Image,
    at: usize,
}

impl Members<'_> {
    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    pub(crate) fn i16(&mut self, value: i16) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    /// A count or a length.
    pub(crate) fn count(&mut self, value: usize) -> Result<&mut Self> {
        Ok(self.u32(u32::try_from(value).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?))
    }

    /// A pointer to what is at this offset, or null (PACK-3).
    pub(crate) fn pointer(&mut self, target: Option<usize>) -> &mut Self {
        self.at = self.at.next_multiple_of(ALIGNMENT);
        if target.is_some() {
            self.image.pointers.push(self.at);
        }
        self.put(&target.unwrap_or(0).to_ne_bytes())
    }

    /// The end of a structure within a structure: what follows is aligned as a pointer.
    pub(crate) fn padded(&mut self) -> &mut Self {
        self.at = self.at.next_multiple_of(ALIGNMENT);
        self
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.at = self.at.next_multiple_of(bytes.len());
        self.image.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }
}
