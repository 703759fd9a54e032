//! Structures of Win32 that have no part in Winsock.

use core::ffi::c_void;

/// 100 nanoseconds since 1601, UTC, in two halves.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FILETIME {
    pub dwLowDateTime: u32,
    pub dwHighDateTime: u32,
}

/// What `GetSystemInfo` tells: 48 bytes on 64-bit systems. `dwPageSize` and `dwAllocationGranularity` are in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SYSTEM_INFO {
    pub wProcessorArchitecture: u16,
    pub wReserved: u16,
    pub dwPageSize: u32,
    pub lpMinimumApplicationAddress: *mut c_void,
    pub lpMaximumApplicationAddress: *mut c_void,
    pub dwActiveProcessorMask: usize,
    pub dwNumberOfProcessors: u32,
    pub dwProcessorType: u32,
    pub dwAllocationGranularity: u32,
    pub wProcessorLevel: u16,
    pub wProcessorRevision: u16,
}

/// One packet of a completion port: 32 bytes on 64-bit systems.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OVERLAPPED_ENTRY {
    pub lpCompletionKey: usize,
    pub lpOverlapped: *mut crate::WSAOVERLAPPED,
    pub Internal: usize,
    pub dwNumberOfBytesTransferred: u32,
}
