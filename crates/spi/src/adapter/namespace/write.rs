//! Images, written into a client's buffer.

use windlass_abi::WsaError;

use crate::adapter::args;
use crate::namespace::Image;
use crate::namespace::image::ALIGNMENT;
use crate::transport::Result;

/// Writes an image into a buffer of `*length` bytes, with pointers into that buffer. One that is too small, null or not
/// aligned for a pointer is `WSAEFAULT`, and `*length` becomes the size needed (NEXT-3, NEXT-5, PACK-2); on success it
/// stays as it was (NEXT-12).
///
/// # Safety
/// `length` must be null or can be read and written; `buffer` must be null or be writable for that many bytes.
pub unsafe fn pack(image: &Image, buffer: *mut u8, length: *mut u32) -> Result<()> {
    // SAFETY: as the caller vouches.
    let room = unsafe { args::read(length) }?;
    let needed = image.len()?;
    if room < needed || buffer.is_null() {
        // SAFETY: as the caller vouches.
        unsafe { args::store(length, needed) };
        return Err(WsaError::WSAEFAULT);
    }
    if !buffer.addr().is_multiple_of(ALIGNMENT) {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: there is room, and the image is not the client's memory.
    unsafe { buffer.copy_from_nonoverlapping(image.bytes().as_ptr(), image.bytes().len()) };
    for (at, target) in image.pointers() {
        // SAFETY: both lie within the image, and so within the buffer; pointers in an image are aligned, as the buffer is.
        unsafe { buffer.add(at).cast::<*mut u8>().write(buffer.add(target)) };
    }
    Ok(())
}
