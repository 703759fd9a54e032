//! The client's buffers for as long as an operation needs them: its array of them is copied, since the client may use
//! the array again at once (OV-10); the bytes stay where they are.

use windlass_abi::WSABUF;

use crate::adapter::buffers::{RecvBuffers, SendBuffers};
use crate::transport::Result;

/// The buffers of a send that may pend.
pub struct SendArray(Array);

/// The buffers of a receive that may pend.
pub struct RecvArray(Array);

/// A copy of the client's array, less what is done with. There is always one buffer left.
struct Array {
    buffers: Copied,
    /// The first one that is not done with.
    at: usize,
}

/// One buffer needs no allocation.
enum Copied {
    One([WSABUF; 1]),
    Many(Box<[WSABUF]>),
}

// SAFETY: the client leaves the bytes to the operation, on whatever thread that is (OV-10).
unsafe impl Send for Array {}
// SAFETY: what can be done through a reference is reading.
unsafe impl Sync for Array {}

impl SendArray {
    /// Copies the client's array, with the errors of [`SendBuffers::from_raw`].
    ///
    /// # Safety
    /// As there, and the bytes stay readable until this is dropped.
    pub(in crate::adapter) unsafe fn new(array: *const WSABUF, count: u32) -> Result<Self> {
        // SAFETY: the caller promises it.
        let _ = unsafe { SendBuffers::from_raw(array, count) }?;
        // SAFETY: checked above, and the caller promises the rest.
        Ok(Self(unsafe { Array::copy(array, count) }))
    }

    /// What is left to send.
    pub fn buffers(&self) -> SendBuffers<'_> {
        let left = self.0.left();
        // SAFETY: `new` demands it of all buffers, and `advance` only takes away.
        unsafe { SendBuffers::from_raw(left.as_ptr(), left.len() as u32) }.expect("they were checked when copied")
    }

    /// The same as the client's array has it.
    pub(in crate::adapter) fn raw(&self) -> &[WSABUF] {
        self.0.left()
    }

    /// Leaves out so many bytes that have been sent.
    pub fn advance(&mut self, bytes: usize) {
        self.0.advance(bytes);
    }
}

impl RecvArray {
    /// Copies the client's array, with the errors of [`RecvBuffers::from_raw`].
    ///
    /// # Safety
    /// As there, and the bytes stay writable, with nothing else that refers to them, until this is dropped.
    pub(in crate::adapter) unsafe fn new(array: *const WSABUF, count: u32) -> Result<Self> {
        // SAFETY: the caller promises it.
        let _ = unsafe { RecvBuffers::from_raw(array, count) }?;
        // SAFETY: checked above, and the caller promises the rest.
        Ok(Self(unsafe { Array::copy(array, count) }))
    }

    /// What is left to fill.
    pub fn buffers(&mut self) -> RecvBuffers<'_> {
        let left = self.0.left();
        // SAFETY: `new` demands it of all buffers, `advance` only takes away, and the borrow of `self` keeps them alone.
        unsafe { RecvBuffers::from_raw(left.as_ptr(), left.len() as u32) }.expect("they were checked when copied")
    }

    /// The same as the client's array has it.
    pub(in crate::adapter) fn raw(&self) -> &[WSABUF] {
        self.0.left()
    }

    /// Leaves out so many bytes that have been filled.
    pub fn advance(&mut self, bytes: usize) {
        self.0.advance(bytes);
    }
}

impl Array {
    /// # Safety
    /// The array has `count` elements, at least one.
    unsafe fn copy(array: *const WSABUF, count: u32) -> Self {
        // SAFETY: the caller promises it.
        let buffers = unsafe { std::slice::from_raw_parts(array, count as usize) };
        let buffers = match buffers {
            [one] => Copied::One([*one]),
            many => Copied::Many(many.into()),
        };
        Self { buffers, at: 0 }
    }

    fn left(&self) -> &[WSABUF] {
        match &self.buffers {
            Copied::One(one) => one,
            Copied::Many(many) => &many[self.at..],
        }
    }

    fn advance(&mut self, mut bytes: usize) {
        let all: &mut [WSABUF] = match &mut self.buffers {
            Copied::One(one) => one,
            Copied::Many(many) => many,
        };
        loop {
            let buffer = &mut all[self.at];
            let done = bytes.min(buffer.len as usize);
            buffer.len -= done as u32;
            if done > 0 {
                // SAFETY: the buffer has at least that many bytes.
                buffer.buf = unsafe { buffer.buf.add(done) };
            }
            bytes -= done;
            if buffer.len != 0 || self.at + 1 == all.len() {
                debug_assert_eq!(bytes, 0, "more than there was");
                return;
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(parts: &mut [Vec<u8>]) -> Vec<WSABUF> {
        parts.iter_mut().map(|part| WSABUF { len: part.len() as u32, buf: part.as_mut_ptr() }).collect()
    }

    #[test]
    fn ov_10_the_array_is_copied_and_what_is_done_with_left_out() {
        for lengths in [&[10][..], &[3, 0, 4, 3], &[0, 0, 10, 0]] {
            let mut next = 0u8;
            let mut parts: Vec<Vec<u8>> = lengths
                .iter()
                .map(|length| {
                    (0..*length)
                        .map(|_| {
                            next += 1;
                            next
                        })
                        .collect()
                })
                .collect();
            for step in 1..=10 {
                let mut raw = array(&mut parts);
                // SAFETY: the parts outlive the copy.
                let mut copy = unsafe { SendArray::new(raw.as_ptr(), raw.len() as u32) }.unwrap();
                raw.fill(WSABUF { len: 77, buf: std::ptr::null_mut() });
                let mut left: Vec<u8> = (1..=10).collect();
                while !left.is_empty() {
                    assert_eq!(&*copy.buffers().to_contiguous(), left, "{lengths:?} by {step}");
                    let taken = step.min(left.len());
                    left.drain(..taken);
                    copy.advance(taken);
                }
                assert_eq!(copy.buffers().total(), 0);
            }
        }
    }

    #[test]
    fn wsp_recv_1_goes_on_filling_where_it_stopped() {
        let mut parts = vec![vec![0u8; 3], vec![], vec![0; 5]];
        let raw = array(&mut parts);
        // SAFETY: the parts are not touched before the copy is gone.
        let mut copy = unsafe { RecvArray::new(raw.as_ptr(), raw.len() as u32) }.unwrap();
        for piece in [&b"ab"[..], b"cde", b"fgh"] {
            assert_eq!(copy.buffers().scatter(piece), piece.len());
            copy.advance(piece.len());
        }
        assert_eq!(parts.concat(), b"abcdefgh");
    }
}
