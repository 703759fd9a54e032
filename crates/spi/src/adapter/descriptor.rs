//! Descriptors whose file can be exchanged: what `AcceptEx` does to the socket that becomes the connection.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// An owned descriptor that keeps its number when it is made to refer to another file. Calls that use it at that moment
/// act on either file.
#[derive(Debug)]
pub struct Descriptor(OwnedFd);

impl Descriptor {
    /// Makes it refer to what `file` refers to, closed on exec; the old file is closed, unless another descriptor refers to
    /// it.
    ///
    /// # Errors
    /// The kernel's. The old file is still there then.
    #[cfg(target_os = "linux")]
    pub fn replace(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: open, since this owns it, and not closed by the second owner.
        let mut same = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(self.0.as_raw_fd()) });
        Ok(rustix::io::dup3(file, &mut same, rustix::io::DupFlags::CLOEXEC)?)
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Descriptor {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_number_stays_and_the_file_changes() {
        let (old, mut old_peer) = UnixStream::pair().unwrap();
        let (new, mut new_peer) = UnixStream::pair().unwrap();
        let descriptor = Descriptor::from(OwnedFd::from(old));
        let number = descriptor.as_fd().as_raw_fd();
        descriptor.replace(new.as_fd()).unwrap();
        drop(new);
        assert_eq!(descriptor.as_fd().as_raw_fd(), number);
        // The old file is closed, the new one is not.
        assert_eq!(old_peer.read(&mut [0]).unwrap(), 0);
        let mut stream = UnixStream::from(descriptor.0);
        stream.write_all(b"x").unwrap();
        let mut byte = [0];
        new_peer.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
}
