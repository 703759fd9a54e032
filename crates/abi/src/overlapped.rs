//! Overlapped operations (contract: transport, section 4).

use crate::HANDLE;

/// The state of one overlapped operation: 32 bytes on 64-bit systems (OV-16).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSAOVERLAPPED {
    pub Internal: usize,
    pub InternalHigh: usize,
    pub Offset: u32,
    pub OffsetHigh: u32,
    pub hEvent: HANDLE,
}

/// `Internal` while the operation is pending (OV-17); the value of `STATUS_PENDING`.
pub const WSS_OPERATION_IN_PROGRESS: usize = 0x103;

/// The client's completion routine: error, bytes, overlapped, flags (OV-13).
pub type LPWSAOVERLAPPED_COMPLETION_ROUTINE =
    Option<unsafe extern "system" fn(dwError: u32, cbTransferred: u32, lpOverlapped: *mut WSAOVERLAPPED, dwFlags: u32)>;

/// A procedure queued to a thread with `WPUQueueApc`.
pub type LPWSAUSERAPC = Option<unsafe extern "system" fn(dwContext: usize)>;
