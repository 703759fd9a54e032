//! Plain files, the standard streams, and transfers on sockets by their Win32 names.
//!
//! Backslashes in paths separate folders, as slashes do; there are no drives. What others may do with an open file is not
//! limited: share modes are accepted and have no effect. Transfers on files are done in their calls, whatever
//! `FILE_FLAG_OVERLAPPED` says. On a socket ReadFile and WriteFile are WSARecv and WSASend.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::ffi::c_void;
use core::ptr::{null_mut, with_exposed_provenance};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{FileType, SeekFrom};
use windlass_abi::{
    BOOL, FALSE, HANDLE, INVALID_HANDLE_VALUE, SOCKET, SOCKET_ERROR, TRUE, WSABUF, WSAOVERLAPPED, WsaError,
};
use windlass_io::event::Event;
use windlass_io::file::{self, Creation, File, Options};
use windlass_io::{ERROR_ALREADY_EXISTS, Handle};
use windlass_runtime::{is_socket, thread};

use crate::boundary::{Result, array, array_mut, call, store, store_if_wanted};
use crate::text::{Unit, read};
use crate::transfer::{WSARecv, WSASend};

use super::{code, fail, invalid};

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const GENERIC_EXECUTE: u32 = 0x2000_0000;
const GENERIC_ALL: u32 = 0x1000_0000;
const FILE_READ_DATA: u32 = 1;
const FILE_WRITE_DATA: u32 = 2;
const FILE_APPEND_DATA: u32 = 4;

const FILE_FLAG_WRITE_THROUGH: u32 = 0x8000_0000;
const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// Opens or makes a file; `ERROR_ALREADY_EXISTS` is the thread error if one was there that need not have been.
///
/// Errors, with INVALID_HANDLE_VALUE: `ERROR_FILE_NOT_FOUND`, `ERROR_PATH_NOT_FOUND`, `ERROR_ACCESS_DENIED`,
/// `ERROR_FILE_EXISTS`, `ERROR_INVALID_PARAMETER`, `ERROR_TOO_MANY_OPEN_FILES`, and so on.
///
/// # Safety
/// `name` must be null or NUL-terminated; `security` is not followed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateFileA(
    name: *const u8,
    access: u32,
    _share: u32,
    _security: *const c_void,
    creation: u32,
    flags: u32,
    template: HANDLE,
) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { create(name, access, creation, flags, template) }
}

/// The same.
///
/// # Safety
/// As [`CreateFileA`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CreateFileW(
    name: *const u16,
    access: u32,
    _share: u32,
    _security: *const c_void,
    creation: u32,
    flags: u32,
    template: HANDLE,
) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { create(name, access, creation, flags, template) }
}

/// # Safety
/// As [`CreateFileA`].
unsafe fn create<U: Unit>(name: *const U, access: u32, creation: u32, flags: u32, template: HANDLE) -> HANDLE {
    call(INVALID_HANDLE_VALUE, || {
        // SAFETY: as the caller vouches.
        let path = unsafe { path(name) }?;
        let creation = match creation {
            1 => Creation::New,
            2 => Creation::Always,
            3 => Creation::OpenExisting,
            4 => Creation::OpenAlways,
            5 if access & (GENERIC_WRITE | GENERIC_ALL | FILE_WRITE_DATA) != 0 => Creation::TruncateExisting,
            _ => return invalid(),
        };
        if !template.is_null() {
            return fail(code::NOT_SUPPORTED);
        }
        let mut options = Options::empty();
        let has = |bits: u32, of: u32| of & bits != 0;
        options.set(Options::READ, has(GENERIC_READ | GENERIC_EXECUTE | GENERIC_ALL | FILE_READ_DATA, access));
        options.set(Options::WRITE, has(GENERIC_WRITE | GENERIC_ALL | FILE_WRITE_DATA, access));
        options.set(Options::APPEND, has(FILE_APPEND_DATA, access));
        options.set(Options::OVERLAPPED, has(FILE_FLAG_OVERLAPPED, flags));
        options.set(Options::WRITE_THROUGH, has(FILE_FLAG_WRITE_THROUGH, flags));
        options.set(Options::DELETE, has(FILE_FLAG_DELETE_ON_CLOSE, flags));
        let (handle, existed) = file::open(&path, options, creation)?;
        if matches!(creation, Creation::Always | Creation::OpenAlways) {
            thread::set_last_error(if existed { ERROR_ALREADY_EXISTS } else { 0 });
        }
        Ok(handle.into())
    })
}

/// Deletes a file; open handles of it stay good. Errors: as [`CreateFileA`].
///
/// # Safety
/// `name` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DeleteFileA(name: *const u8) -> BOOL {
    // SAFETY: as the caller vouches.
    call(FALSE, || file::delete(&unsafe { path(name) }?).map(|()| TRUE))
}

/// The same.
///
/// # Safety
/// `name` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DeleteFileW(name: *const u16) -> BOOL {
    // SAFETY: as the caller vouches.
    call(FALSE, || file::delete(&unsafe { path(name) }?).map(|()| TRUE))
}

/// # Safety
/// `name` must be null or NUL-terminated.
unsafe fn path<U: Unit>(name: *const U) -> Result<PathBuf> {
    // SAFETY: as the caller vouches.
    let name = unsafe { read(name) }.or_else(|_| fail(code::PATH_NOT_FOUND))?;
    match &*name {
        "" => fail(code::PATH_NOT_FOUND),
        null if null.eq_ignore_ascii_case("nul") => Ok("/dev/null".into()),
        _ => Ok(name.replace('\\', "/").into()),
    }
}

/// What a transfer is about.
enum Target {
    File(std::sync::Arc<File>),
    Socket(SOCKET),
}

impl Target {
    /// Errors: `ERROR_INVALID_HANDLE`.
    fn of(handle: HANDLE) -> Result<Self> {
        match File::of(Handle::from(handle)) {
            Ok(file) => Ok(Self::File(file)),
            Err(_) if is_socket(handle.addr()) => Ok(Self::Socket(handle.addr())),
            Err(error) => Err(error),
        }
    }
}

/// Reads from a file or a socket. At the end of a file nothing is read, which with an OVERLAPPED is `ERROR_HANDLE_EOF`.
///
/// Errors: `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`, `ERROR_INVALID_PARAMETER` (no place for the count and no OVERLAPPED,
/// or no OVERLAPPED for a file that has no position); `ERROR_IO_PENDING` (the operation goes on) and the errors of WSARecv on
/// a socket.
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ReadFile(
    handle: HANDLE,
    buffer: *mut c_void,
    count: u32,
    read: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    call(FALSE, || {
        let target = Target::of(handle)?;
        if read.is_null() && overlapped.is_null() {
            return invalid();
        }
        match target {
            Target::Socket(s) => {
                let (buffers, mut flags) = (WSABUF { len: count, buf: buffer.cast() }, 0);
                // SAFETY: the client's, passed on; the array is copied.
                let rc = unsafe { WSARecv(s, (&raw const buffers).cast_mut(), 1, read, &mut flags, overlapped, None) };
                socket_result(rc)
            }
            Target::File(file) => {
                // SAFETY: as the caller vouches.
                let buffer = unsafe { array_mut(buffer.cast::<u8>(), count as usize) }.or_else(|_| invalid())?;
                let wanted = !buffer.is_empty();
                // SAFETY: as the caller vouches.
                unsafe { transfer(&file, read, overlapped, |offset| file.read(buffer, offset), wanted) }
            }
        }
    })
}

/// Writes to a file or a socket.
///
/// Errors: as [`ReadFile`], `ERROR_DISK_FULL`, and those of WSASend on a socket.
///
/// # Safety
/// As the page of the function asks.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WriteFile(
    handle: HANDLE,
    buffer: *const c_void,
    count: u32,
    written: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
) -> BOOL {
    call(FALSE, || {
        let target = Target::of(handle)?;
        if written.is_null() && overlapped.is_null() {
            return invalid();
        }
        match target {
            Target::Socket(s) => {
                let buffers = WSABUF { len: count, buf: buffer.cast_mut().cast() };
                // SAFETY: the client's, passed on; the array is copied.
                let rc = unsafe { WSASend(s, (&raw const buffers).cast_mut(), 1, written, 0, overlapped, None) };
                socket_result(rc)
            }
            Target::File(file) => {
                // SAFETY: as the caller vouches.
                let bytes = unsafe { array(buffer.cast::<u8>(), count as usize) }.or_else(|_| invalid())?;
                // SAFETY: as the caller vouches.
                unsafe { transfer(&file, written, overlapped, |offset| file.write(bytes, offset), false) }
            }
        }
    })
}

/// The error that the file functions have for one of Winsock.
fn socket_result(rc: i32) -> Result<BOOL> {
    if rc != SOCKET_ERROR {
        return Ok(TRUE);
    }
    match WsaError::from_code(thread::last_error()) {
        WsaError::WSAECONNRESET => fail(code::NETNAME_DELETED),
        WsaError::WSAECONNABORTED => fail(code::CONNECTION_ABORTED),
        WsaError::WSAEMSGSIZE => fail(code::MORE_DATA),
        other => Err(other),
    }
}

/// A transfer on a file, and its completion: it is over when the call returns.
///
/// # Safety
/// `moved` and `overlapped` must be null or writable.
unsafe fn transfer(
    file: &File,
    moved: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    carry_out: impl FnOnce(Option<u64>) -> Result<usize>,
    end_is_an_error: bool,
) -> Result<BOOL> {
    // SAFETY: as the caller vouches.
    unsafe { store_if_wanted(moved, 0) };
    if overlapped.is_null() {
        if file.options().contains(Options::OVERLAPPED) {
            return invalid();
        }
        let count = carry_out(None)?;
        // SAFETY: as the caller vouches; not null, which the exports check.
        unsafe { store(moved, count as u32) }?;
        return Ok(TRUE);
    }
    if !overlapped.is_aligned() {
        return invalid();
    }
    // SAFETY: not null, aligned, and the caller vouches for it.
    let (low, high, event) = unsafe { ((*overlapped).Offset, (*overlapped).OffsetHigh, (*overlapped).hEvent) };
    let event = match event.map_addr(|address| address & !1) {
        none if none.is_null() => None,
        event => Some(Event::of(event.into())?),
    };
    if let Some(event) = &event {
        event.reset();
    }
    let offset = u64::from(high) << 32 | u64::from(low);
    // The highest offset means the end, for writes.
    let offset = if offset == u64::MAX { file.size()? } else { offset };
    let count = match carry_out(Some(offset))? {
        0 if end_is_an_error => return fail(code::HANDLE_EOF),
        count => count,
    };
    if !file.options().contains(Options::OVERLAPPED) {
        file.seek(SeekFrom::Start(offset + count as u64))?;
    }
    // SAFETY: as above; whoever polls reads the status last.
    unsafe {
        (*overlapped).InternalHigh = count;
        AtomicUsize::from_ptr(&raw mut (*overlapped).Internal).store(0, Ordering::Release);
        store_if_wanted(moved, count as u32);
    }
    if let Some(event) = &event {
        event.set();
    }
    Ok(TRUE)
}

/// The length of a file in bytes. Errors: `ERROR_INVALID_HANDLE`, `ERROR_INVALID_FUNCTION` (not a plain file),
/// `ERROR_INVALID_PARAMETER` (null).
///
/// # Safety
/// `size` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetFileSizeEx(handle: HANDLE, size: *mut i64) -> BOOL {
    call(FALSE, || {
        let found = File::of(handle.into())?.size()?;
        // SAFETY: as the caller vouches.
        unsafe { store(size, found as i64) }.or_else(|_| invalid())?;
        Ok(TRUE)
    })
}

/// Moves the position of a file: from its start (0), from where it is (1), or from its end (2).
///
/// Errors: `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`, `ERROR_NEGATIVE_SEEK`, `ERROR_SEEK_ON_DEVICE`.
///
/// # Safety
/// `position` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SetFilePointerEx(handle: HANDLE, distance: i64, position: *mut i64, method: u32) -> BOOL {
    call(FALSE, || {
        let file = File::of(handle.into())?;
        let to = match method {
            0 => SeekFrom::Start(u64::try_from(distance).or_else(|_| fail(code::NEGATIVE_SEEK))?),
            1 => SeekFrom::Current(distance),
            2 => SeekFrom::End(distance),
            _ => return invalid(),
        };
        let at = file.seek(to)?;
        // SAFETY: as the caller vouches.
        unsafe { store_if_wanted(position, at as i64) };
        Ok(TRUE)
    })
}

/// Ends a file at its position. Errors: `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`.
#[unsafe(no_mangle)]
pub extern "system" fn SetEndOfFile(handle: HANDLE) -> BOOL {
    call(FALSE, || File::of(handle.into())?.set_end().map(|()| TRUE))
}

/// Waits until the device has what was written. Errors: `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`.
#[unsafe(no_mangle)]
pub extern "system" fn FlushFileBuffers(handle: HANDLE) -> BOOL {
    call(FALSE, || File::of(handle.into())?.flush().map(|()| TRUE))
}

/// What a handle refers to: 1 a file of a disk, 2 a terminal or device, 3 a pipe or socket, 0 something else, with
/// `ERROR_INVALID_HANDLE` if it is no handle.
#[unsafe(no_mangle)]
pub extern "system" fn GetFileType(handle: HANDLE) -> u32 {
    call(0, || {
        Ok(match Target::of(handle)? {
            Target::Socket(_) => 3,
            Target::File(file) => match file.kind() {
                FileType::RegularFile => 1,
                FileType::CharacterDevice | FileType::BlockDevice => 2,
                FileType::Fifo | FileType::Socket => 3,
                _ => 0,
            },
        })
    })
}

/// The standard input (-10), output (-11) or error (-12): a handle that is made once. Null if the stream is closed.
///
/// Errors, with INVALID_HANDLE_VALUE: `ERROR_INVALID_HANDLE` (another number), `ERROR_NOT_ENOUGH_MEMORY`.
#[unsafe(no_mangle)]
pub extern "system" fn GetStdHandle(which: u32) -> HANDLE {
    static STREAMS: [OnceLock<usize>; 3] = [const { OnceLock::new() }; 3];
    call(INVALID_HANDLE_VALUE, || {
        let at = (-10i32).wrapping_sub(which.cast_signed());
        let Some(stream) = usize::try_from(at).ok().and_then(|at| STREAMS.get(at)) else {
            return Err(WsaError::WSA_INVALID_HANDLE);
        };
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let fds: [BorrowedFd<'_>; 3] = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
        let handle = *stream.get_or_init(|| file::standard(fds[at as usize]).map_or(0, Handle::value));
        Ok(if handle == 0 { null_mut() } else { with_exposed_provenance::<c_void>(handle).cast_mut() })
    })
}

/// Another descriptor of a file, the caller's to close; -1 if the handle is none. Not a function of Windows: a provider that is
/// loaded finds the files of clients by it.
#[unsafe(no_mangle)]
pub extern "system" fn WindlassFileDescriptor(handle: HANDLE) -> i32 {
    call(-1, || file::descriptor(handle.into()).map(std::os::fd::IntoRawFd::into_raw_fd))
}
