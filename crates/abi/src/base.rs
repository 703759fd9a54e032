//! Handles, integers and small structures that everything else is made of.

use core::ffi::c_void;

/// A socket handle. On Linux it is a file descriptor number.
pub type SOCKET = usize;
/// What a failing function that returns a socket returns (LC-NUM-1).
pub const INVALID_SOCKET: SOCKET = usize::MAX;
/// What a failing function that returns an int returns (LC-NUM-1, LC-NUM-2).
pub const SOCKET_ERROR: i32 = -1;
/// Success.
pub const NO_ERROR: i32 = 0;
pub const ERROR_SUCCESS: i32 = 0;

pub type BOOL = i32;
pub const FALSE: BOOL = 0;
pub const TRUE: BOOL = 1;

pub type HANDLE = *mut c_void;
pub const INVALID_HANDLE_VALUE: HANDLE = usize::MAX as HANDLE;
/// A window, or on Linux the id of a message sink registered with the runtime.
pub type HWND = *mut c_void;
pub type WPARAM = usize;
pub type LPARAM = isize;
/// A UTF-16 code unit.
pub type WCHAR = u16;

/// An event object of Winsock.
pub type WSAEVENT = HANDLE;
pub const WSA_INVALID_EVENT: WSAEVENT = core::ptr::null_mut();

/// Group of sockets; reserved, always zero.
pub type GROUP = u32;

/// A 128-bit identifier, in the mixed-endian layout of Windows.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct GUID {
    pub data1: u32,
    pub data2: u16,
    pub data3: u16,
    pub data4: [u8; 8],
}

impl GUID {
    /// The identifier whose hexadecimal text, without dashes, is this number.
    pub const fn from_u128(value: u128) -> Self {
        Self {
            data1: (value >> 96) as u32,
            data2: (value >> 80) as u16,
            data3: (value >> 64) as u16,
            data4: (value as u64).to_be_bytes(),
        }
    }

    /// The number whose hexadecimal text is this identifier's, without dashes.
    pub const fn to_u128(&self) -> u128 {
        ((self.data1 as u128) << 96)
            | ((self.data2 as u128) << 80)
            | ((self.data3 as u128) << 64)
            | u64::from_be_bytes(self.data4) as u128
    }
}

impl core::fmt::Display for GUID {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let n = self.to_u128();
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            self.data1,
            self.data2,
            self.data3,
            (n >> 48) as u16,
            n & 0xffff_ffff_ffff
        )
    }
}

impl core::fmt::Debug for GUID {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for GUID {
    type Err = ParseGuidError;

    /// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, with or without braces.
    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let mut value = 0u128;
        if text.len() != 36 {
            return Err(ParseGuidError);
        }
        for (at, byte) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(ParseGuidError);
                }
                continue;
            }
            let digit = (byte as char).to_digit(16).ok_or(ParseGuidError)?;
            value = value << 4 | digit as u128;
        }
        Ok(Self::from_u128(value))
    }
}

/// The text is not a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseGuidError;

impl core::fmt::Display for ParseGuidError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a GUID: expected xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
    }
}

impl core::error::Error for ParseGuidError {}

/// A counted byte buffer of one scatter or gather element. `len` is in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSABUF {
    pub len: u32,
    pub buf: *mut u8,
}

/// A counted block of bytes; `cbSize` is in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BLOB {
    pub cbSize: u32,
    pub pBlobData: *mut u8,
}

/// The identity of a thread, for asynchronous procedure calls (WSATHREADID-1). Opaque to providers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSATHREADID {
    pub ThreadHandle: HANDLE,
    pub Reserved: usize,
}

/// Packs a Winsock version as `MAKEWORD(major, minor)`.
pub const fn make_version(major: u8, minor: u8) -> u16 {
    major as u16 | (minor as u16) << 8
}

/// What `WSAStartup` returns about the implementation (WSA-STARTUP-12): 408 bytes on 64-bit systems.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSADATA {
    pub wVersion: u16,
    pub wHighVersion: u16,
    pub iMaxSockets: u16,
    pub iMaxUdpDg: u16,
    pub lpVendorInfo: *mut u8,
    pub szDescription: [u8; WSADESCRIPTION_LEN + 1],
    pub szSystemStatus: [u8; WSASYS_STATUS_LEN + 1],
}
pub const WSADESCRIPTION_LEN: usize = 256;
pub const WSASYS_STATUS_LEN: usize = 128;
