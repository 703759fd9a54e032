//! `WSAOVERLAPPED.Internal` of an operation that is over: a status of NT, as Windows leaves it there (WPU-COR-5).
//!
//! The Winsock error itself is in `OffsetHigh` (OV-17). What programs look at is whether the status is still
//! `STATUS_PENDING`, whether it is zero, and whether it is `STATUS_CANCELLED`; a packet of a completion port has nothing but the
//! status, and its error is found by it.

use windlass_abi::WsaError;

/// The operation succeeded.
pub const STATUS_SUCCESS: usize = 0;
/// The operation was cancelled: `WSA_OPERATION_ABORTED`.
pub const STATUS_CANCELLED: usize = 0xC000_0120;

/// Errors and their statuses, each once in either column.
const TABLE: [(WsaError, usize); 22] = [
    (WsaError::WSA_OPERATION_ABORTED, STATUS_CANCELLED),
    // STATUS_BUFFER_OVERFLOW, a warning: the buffers hold what fitted.
    (WsaError::WSAEMSGSIZE, 0x8000_0005),
    (WsaError::WSAEFAULT, 0xC000_0005),
    (WsaError::WSA_INVALID_HANDLE, 0xC000_0008),
    (WsaError::WSAEINVAL, 0xC000_000D),
    (WsaError::WSAENOTSOCK, 0xC000_0024),
    (WsaError::WSAEACCES, 0xC000_0022),
    (WsaError::WSAENOBUFS, 0xC000_009A),
    (WsaError::WSAESHUTDOWN, 0xC000_00B0),
    (WsaError::WSAETIMEDOUT, 0xC000_00B5),
    (WsaError::WSAEOPNOTSUPP, 0xC000_00BB),
    (WsaError::WSAENETRESET, 0xC000_00C9),
    (WsaError::WSAENOTCONN, 0xC000_0140),
    (WsaError::WSAEADDRNOTAVAIL, 0xC000_0207),
    (WsaError::WSAEADDRINUSE, 0xC000_020A),
    (WsaError::WSAECONNRESET, 0xC000_020D),
    (WsaError::WSAECONNREFUSED, 0xC000_0236),
    (WsaError::WSAEDISCON, 0xC000_0237),
    (WsaError::WSAENETUNREACH, 0xC000_023C),
    (WsaError::WSAEHOSTUNREACH, 0xC000_023D),
    (WsaError::WSAECONNABORTED, 0xC000_0241),
    (WsaError::WSAEWOULDBLOCK, 0xC000_00D8),
];

/// What has no status of its own is an error of Win32 made one: the facility of those, and the code.
const OF_WIN32: usize = 0xC007_0000;

/// The status for an error: never that of a pending operation.
pub fn of(error: WsaError) -> usize {
    let known = TABLE.iter().find(|(known, _)| *known == error);
    known.map_or(OF_WIN32 | (error.code() as usize & 0xFFFF), |(_, status)| *status)
}

/// The error of a status: none if it is a success, as everything is that is neither a warning nor an error.
pub fn error_of(status: usize) -> Option<WsaError> {
    /// ERROR_MR_MID_NOT_FOUND: Windows has this for what it does not know.
    const UNKNOWN: i32 = 317;
    let status = status as u32 as usize;
    if status < 0x8000_0000 {
        return None;
    }
    let known = TABLE.iter().find(|(_, known)| *known == status).map(|(error, _)| *error);
    known.or_else(|| {
        let is_win32 = status & 0xFFFF_0000 == OF_WIN32;
        Some(WsaError::from_code(if is_win32 { (status & 0xFFFF) as i32 } else { UNKNOWN }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::WSS_OPERATION_IN_PROGRESS;

    #[test]
    fn ov_17_no_error_looks_like_a_pending_operation_or_a_success() {
        for code in (0..20_000).filter(|code| *code != 0) {
            let status = of(WsaError::from_code(code));
            assert!(status != WSS_OPERATION_IN_PROGRESS && status != STATUS_SUCCESS, "{code}");
        }
        assert_eq!(of(WsaError::WSA_OPERATION_ABORTED), 0xC000_0120);
    }

    // proves: WPU-COR-5
    #[test]
    fn wpu_cor_5_every_error_comes_back_from_its_status() {
        for code in 1..20_000 {
            let error = WsaError::from_code(code);
            assert_eq!(error_of(of(error)), Some(error), "{code}");
        }
        for success in [STATUS_SUCCESS, WSS_OPERATION_IN_PROGRESS, 0x4000_0001] {
            assert_eq!(error_of(success), None);
        }
        assert_eq!(error_of(0xC000_0001).map(WsaError::code), Some(317));
    }
}
