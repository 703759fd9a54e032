//! How the values of options lie in the client's memory: host order, 4 bytes for `BOOL` and `DWORD`.

use windlass_abi::WsaError;
use windlass_spi::Result;

/// Stores `bytes`; gives how many.
///
/// # Errors
/// WSAEFAULT: too little room (WSP-GSO-1).
pub fn store(room: &mut [u8], bytes: &[u8]) -> Result<usize> {
    room.get_mut(..bytes.len()).ok_or(WsaError::WSAEFAULT)?.copy_from_slice(bytes);
    Ok(bytes.len())
}

/// The `N` bytes at `offset`.
///
/// # Errors
/// WSAEFAULT: there are fewer.
pub fn load<const N: usize>(value: &[u8], offset: usize) -> Result<[u8; N]> {
    let end = offset.checked_add(N).ok_or(WsaError::WSAEFAULT)?;
    value.get(offset..end).and_then(|bytes| bytes.try_into().ok()).ok_or(WsaError::WSAEFAULT)
}

/// A `DWORD`.
///
/// # Errors
/// WSAEFAULT: fewer than 4 bytes (WSP-SSO-1).
pub fn load_dword(value: &[u8]) -> Result<u32> {
    load(value, 0).map(u32::from_ne_bytes)
}

/// A `BOOL`: anything but zero is true.
///
/// # Errors
/// WSAEFAULT: fewer than 4 bytes (WSP-SSO-1).
pub fn load_bool(value: &[u8]) -> Result<bool> {
    load_dword(value).map(|value| value != 0)
}
