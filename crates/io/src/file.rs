//! Plain files, and the standard streams.
//!
//! Every transfer is done in its call: the system has no other way that is the same for all files.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitflags::bitflags;
use rustix::fs::{self, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use windlass_abi::WsaError;

use crate::handle::Handle;
use crate::object::{self, Object};

bitflags! {
    /// What a handle of a file is for, and how it was asked to behave.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Options: u32 {
        /// It can be read.
        const READ = 1;
        /// It can be written.
        const WRITE = 2;
        /// Every write goes to the end.
        const APPEND = 4;
        /// Transfers name their place, and there is no position (`FILE_FLAG_OVERLAPPED`).
        const OVERLAPPED = 8;
        /// A write is over when the device has it.
        const WRITE_THROUGH = 16;
        /// The file is deleted with its last handle.
        const DELETE = 32;
    }
}

/// What to do about a file that is there, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Make it; it must not be there.
    New,
    /// Make it, or empty it.
    Always,
    /// Open it; it must be there.
    OpenExisting,
    /// Open it, or make it.
    OpenAlways,
    /// Empty it; it must be there.
    TruncateExisting,
}

/// An open file. Its handles, and the operations that use it, keep it open.
#[derive(Debug)]
pub struct File {
    fd: OwnedFd,
    options: Options,
    /// Deleted at the end.
    doomed: Option<PathBuf>,
}

/// Opens a file and makes a handle of it, to be ended by [`handle::close`](crate::handle::close). Says also whether the file
/// was there before. What others share of it is not limited.
///
/// Errors: those of Win32; `ERROR_FILE_NOT_FOUND`, `ERROR_PATH_NOT_FOUND`, `ERROR_ACCESS_DENIED` (also for a folder),
/// `ERROR_FILE_EXISTS`, `ERROR_TOO_MANY_OPEN_FILES`, WSA_NOT_ENOUGH_MEMORY, and so on.
pub fn open(path: &Path, options: Options, creation: Creation) -> Result<(Handle, bool), WsaError> {
    let mut flags = OFlags::CLOEXEC | OFlags::NOCTTY;
    flags |= match (options.contains(Options::READ), options.intersects(Options::WRITE | Options::APPEND)) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        // Without access, for its properties alone.
        (_, false) => OFlags::RDONLY,
    };
    if options.contains(Options::APPEND) && !options.contains(Options::WRITE) {
        flags |= OFlags::APPEND;
    }
    if options.contains(Options::WRITE_THROUGH) {
        flags |= OFlags::SYNC;
    }
    let (fd, existed) = create(path, flags, creation).map_err(|errno| error_at(path, errno))?;
    if fs::fstat(&fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory) {
        return Err(WsaError::Other(ACCESS_DENIED));
    }
    let doomed = options.contains(Options::DELETE).then(|| path.to_owned());
    let handle = object::insert(Object::File(Arc::new(File { fd, options, doomed })))?;
    Ok((handle, existed))
}

fn create(path: &Path, flags: OFlags, creation: Creation) -> rustix::io::Result<(OwnedFd, bool)> {
    let mode = Mode::from_raw_mode(0o666);
    let existing = |more: OFlags| fs::open(path, flags | more, mode).map(|fd| (fd, true));
    let new = || fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, mode).map(|fd| (fd, false));
    loop {
        let existing_only = match creation {
            Creation::New => return new(),
            Creation::OpenExisting => return existing(OFlags::empty()),
            Creation::TruncateExisting => return existing(OFlags::TRUNC),
            Creation::Always => OFlags::TRUNC,
            Creation::OpenAlways => OFlags::empty(),
        };
        match new() {
            Err(Errno::EXIST) => {}
            made => return made,
        }
        // It may be gone again by now.
        match existing(existing_only) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
    }
}

/// Makes a handle of another descriptor of a standard stream: 0, 1 or 2.
///
/// Errors: WSA_INVALID_HANDLE (it is closed), WSA_NOT_ENOUGH_MEMORY.
pub fn standard(fd: BorrowedFd<'_>) -> Result<Handle, WsaError> {
    let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3).map_err(|_| WsaError::WSA_INVALID_HANDLE)?;
    object::insert(Object::File(Arc::new(File { fd, options: Options::READ | Options::WRITE, doomed: None })))
}

/// Another descriptor of the file of a handle. Errors: WSA_INVALID_HANDLE, WSAEMFILE.
pub fn descriptor(handle: Handle) -> Result<OwnedFd, WsaError> {
    File::of(handle)?.fd.try_clone().map_err(|_| WsaError::WSAEMFILE)
}

/// Deletes a file, which goes when nobody has it open. Errors: as [`open`].
pub fn delete(path: &Path) -> Result<(), WsaError> {
    fs::unlink(path).map_err(|errno| error_at(path, errno))
}

impl File {
    /// The file of a handle. Errors: WSA_INVALID_HANDLE.
    pub fn of(handle: Handle) -> Result<Arc<Self>, WsaError> {
        match object::get(handle) {
            Some(Object::File(file)) => Ok(file),
            _ => Err(WsaError::WSA_INVALID_HANDLE),
        }
    }

    /// How it was opened.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The descriptor.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Reads at an offset, or at the position, which moves on; zero at the end.
    ///
    /// Errors: `ERROR_ACCESS_DENIED`, and so on.
    pub fn read(&self, buffer: &mut [u8], offset: Option<u64>) -> Result<usize, WsaError> {
        self.must_be(Options::READ)?;
        until_done(|| match offset {
            None => rustix::io::read(&self.fd, &mut *buffer),
            Some(offset) => rustix::io::pread(&self.fd, &mut *buffer, offset),
        })
    }

    /// Writes everything, at an offset, at the position, or at the end.
    ///
    /// Errors: `ERROR_ACCESS_DENIED`, `ERROR_DISK_FULL`, and so on; some may have been written.
    pub fn write(&self, bytes: &[u8], offset: Option<u64>) -> Result<usize, WsaError> {
        self.must_be(Options::WRITE | Options::APPEND)?;
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            written += until_done(|| match offset {
                None => rustix::io::write(&self.fd, rest),
                Some(offset) => rustix::io::pwrite(&self.fd, rest, offset + written as u64),
            })?;
        }
        Ok(written)
    }

    /// The length in bytes. Errors: `ERROR_INVALID_FUNCTION` (not a plain file).
    pub fn size(&self) -> Result<u64, WsaError> {
        let found = fs::fstat(&self.fd).map_err(error)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok(found.st_size.unsigned_abs()),
            _ => Err(WsaError::Other(INVALID_FUNCTION)),
        }
    }

    /// What it is.
    pub fn kind(&self) -> FileType {
        fs::fstat(&self.fd).map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode))
    }

    /// Moves the position, and gives the new one. Errors: `ERROR_NEGATIVE_SEEK`, `ERROR_SEEK_ON_DEVICE`.
    pub fn seek(&self, to: SeekFrom) -> Result<u64, WsaError> {
        fs::seek(&self.fd, to).map_err(|errno| match errno {
            Errno::INVAL => WsaError::Other(NEGATIVE_SEEK),
            Errno::SPIPE => WsaError::Other(SEEK_ON_DEVICE),
            other => error(other),
        })
    }

    /// Ends the file at the position. Errors: `ERROR_ACCESS_DENIED`.
    pub fn set_end(&self) -> Result<(), WsaError> {
        self.must_be(Options::WRITE)?;
        let at = self.seek(SeekFrom::Current(0))?;
        fs::ftruncate(&self.fd, at).map_err(error)
    }

    /// Waits until the device has what was written.
    pub fn flush(&self) -> Result<(), WsaError> {
        self.must_be(Options::WRITE | Options::APPEND)?;
        match fs::fsync(&self.fd) {
            // A stream has nothing to flush.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(errno) => Err(error(errno)),
        }
    }

    fn must_be(&self, any: Options) -> Result<(), WsaError> {
        if self.options.intersects(any) { Ok(()) } else { Err(WsaError::Other(ACCESS_DENIED)) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Some(path) = &self.doomed {
            // It may be gone already.
            let _ = fs::unlink(path);
        }
    }
}

fn until_done(mut call: impl FnMut() -> rustix::io::Result<usize>) -> Result<usize, WsaError> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done.map_err(error),
        }
    }
}

const INVALID_FUNCTION: i32 = 1;
const FILE_NOT_FOUND: i32 = 2;
const PATH_NOT_FOUND: i32 = 3;
const TOO_MANY_OPEN_FILES: i32 = 4;
const ACCESS_DENIED: i32 = 5;
const WRITE_FAULT: i32 = 29;
const GEN_FAILURE: i32 = 31;
const FILE_EXISTS: i32 = 80;
const BROKEN_PIPE: i32 = 109;
const DISK_FULL: i32 = 112;
const NEGATIVE_SEEK: i32 = 131;
const SEEK_ON_DEVICE: i32 = 132;
const FILENAME_EXCED_RANGE: i32 = 206;

/// The error of Win32 for one of the system, at a path.
fn error_at(path: &Path, errno: Errno) -> WsaError {
    let folder = path.parent().filter(|folder| *folder != Path::new(OsStr::new("")));
    match errno {
        // The file, or the way to it.
        Errno::NOENT if folder.is_some_and(|folder| !folder.is_dir()) => WsaError::Other(PATH_NOT_FOUND),
        other => error(other),
    }
}

fn error(errno: Errno) -> WsaError {
    WsaError::Other(match errno {
        Errno::NOENT => FILE_NOT_FOUND,
        Errno::NOTDIR | Errno::LOOP => PATH_NOT_FOUND,
        Errno::MFILE | Errno::NFILE => TOO_MANY_OPEN_FILES,
        Errno::ACCESS | Errno::PERM | Errno::ISDIR | Errno::ROFS | Errno::BADF | Errno::TXTBSY => ACCESS_DENIED,
        Errno::EXIST => FILE_EXISTS,
        Errno::PIPE => BROKEN_PIPE,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => DISK_FULL,
        Errno::NAMETOOLONG => FILENAME_EXCED_RANGE,
        Errno::NOMEM => return WsaError::WSA_NOT_ENOUGH_MEMORY,
        Errno::INVAL => return WsaError::WSA_INVALID_PARAMETER,
        Errno::IO => WRITE_FAULT,
        _ => GEN_FAILURE,
    })
}
