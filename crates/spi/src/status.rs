//! `WSAOVERLAPPED.Internal` of an operation that is over: a status of NT, as Windows leaves it there (WPU-COR-5).
//!
//! The Winsock error itself is in `OffsetHigh` (OV-17). What programs look at is whether the status is still
//! `STATUS_PENDING`, whether it is zero, and whether it is `STATUS_CANCELLED`.

use windlass_abi::WsaError;

/// The operation succeeded.
pub const STATUS_SUCCESS: usize = 0;
/// The operation was cancelled: `WSA_OPERATION_ABORTED`.
pub const STATUS_CANCELLED: usize = 0xC000_0120;
/// What has no status of its own.
pub const STATUS_UNSUCCESSFUL: usize = 0xC000_0001;

/// The status for an error: never that of a pending operation.
pub fn of(error: WsaError) -> usize {
    match error {
        WsaError::WSA_OPERATION_ABORTED => STATUS_CANCELLED,
        // STATUS_BUFFER_OVERFLOW, a warning: the buffers hold what fitted.
        WsaError::WSAEMSGSIZE => 0x8000_0005,
        WsaError::WSAEFAULT => 0xC000_0005,
        WsaError::WSA_INVALID_HANDLE | WsaError::WSAENOTSOCK => 0xC000_0008,
        WsaError::WSAEINVAL => 0xC000_000D,
        WsaError::WSAEACCES => 0xC000_0022,
        WsaError::WSAENOBUFS => 0xC000_009A,
        WsaError::WSAESHUTDOWN => 0xC000_00B0,
        WsaError::WSAETIMEDOUT => 0xC000_00B5,
        WsaError::WSAEOPNOTSUPP => 0xC000_00BB,
        WsaError::WSAENETRESET => 0xC000_00C9,
        WsaError::WSAENOTCONN => 0xC000_0140,
        WsaError::WSAEADDRNOTAVAIL => 0xC000_0207,
        WsaError::WSAEADDRINUSE => 0xC000_020A,
        WsaError::WSAECONNRESET => 0xC000_020D,
        WsaError::WSAECONNREFUSED => 0xC000_0236,
        WsaError::WSAEDISCON => 0xC000_0237,
        WsaError::WSAENETUNREACH => 0xC000_023C,
        WsaError::WSAEHOSTUNREACH => 0xC000_023D,
        WsaError::WSAECONNABORTED => 0xC000_0241,
        _ => STATUS_UNSUCCESSFUL,
    }
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
}
