//! The C edge: panics and null pointers end here, as Winsock errors.
//!
//! Every export runs inside one of the `call` functions. Pointers that a client gives are read and
//! written only through the helpers below and those of `text`, which answer `WSAEFAULT` for null.
#![allow(unsafe_code, reason = "the C boundary dereferences the client's pointers")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use windlass_abi::{NO_ERROR, SOCKET_ERROR, WsaError};
use windlass_runtime::thread;

/// The result of the work behind an export.
pub type Result<T> = core::result::Result<T, WsaError>;

/// Runs an export that reports through the thread error (API-3).
#[inline]
pub fn call<R>(failure: R, body: impl FnOnce() -> Result<R>) -> R {
    match unwound(body) {
        Ok(value) => value,
        Err(error) => {
            thread::set_last_error(error.code());
            failure
        }
    }
}

/// Runs an export that returns the code itself (API-3); the thread error gets it too.
pub fn call_code(body: impl FnOnce() -> Result<()>) -> i32 {
    match unwound(body) {
        Ok(()) => NO_ERROR,
        Err(error) => {
            thread::set_last_error(error.code());
            error.code()
        }
    }
}

/// Runs an export that reports through `lpErrno` and the thread error (LC-ERR-5).
///
/// # Safety
/// `errno` must be null or point to an int that can be written.
pub unsafe fn call_errno(errno: *mut i32, body: impl FnOnce() -> Result<i32>) -> i32 {
    let result = match errno.is_null() {
        true => Err(WsaError::WSAEFAULT),
        false => unwound(body),
    };
    match result {
        Ok(value) => value,
        Err(error) => {
            thread::set_last_error(error.code());
            if !errno.is_null() {
                // SAFETY: not null, and the caller vouches for it.
                unsafe { errno.write_unaligned(error.code()) };
            }
            SOCKET_ERROR
        }
    }
}

#[inline]
fn unwound<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(WsaError::WSASYSCALLFAILURE))
}

/// Reads one value.
///
/// # Safety
/// `from` must be null or readable.
pub unsafe fn load<T: Copy>(from: *const T) -> Result<T> {
    if from.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and the caller vouches for it.
    Ok(unsafe { from.read_unaligned() })
}

/// Writes one value.
///
/// # Safety
/// `to` must be null or writable.
pub unsafe fn store<T>(to: *mut T, value: T) -> Result<()> {
    if to.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and the caller vouches for it.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// Writes one value where the client may leave the pointer out.
///
/// # Safety
/// `to` must be null or writable.
pub unsafe fn store_if_wanted<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, and the caller vouches for it.
        unsafe { to.write_unaligned(value) };
    }
}

/// Writes values one after the other; nothing where there are none, whatever the pointer.
///
/// # Safety
/// `to` must be null or writable for that many.
pub unsafe fn store_all<T: Copy>(to: *mut T, values: &[T]) -> Result<()> {
    match (values.len(), to.is_null()) {
        (0, _) => Ok(()),
        (_, true) => Err(WsaError::WSAEFAULT),
        (len, false) => {
            // SAFETY: not null, and the caller vouches for the room; bytes need no alignment.
            unsafe { to.cast::<u8>().copy_from_nonoverlapping(values.as_ptr().cast(), len * size_of::<T>()) };
            Ok(())
        }
    }
}

/// The elements of an array; empty where the length is zero, whatever the pointer. One that is not aligned is `WSAEFAULT`.
///
/// # Safety
/// `from` must be null or point to `len` elements that outlive the answer.
pub unsafe fn array<'a, T>(from: *const T, len: usize) -> Result<&'a [T]> {
    match len {
        0 => Ok(&[]),
        _ if from.is_null() || !from.is_aligned() => Err(WsaError::WSAEFAULT),
        // SAFETY: not null, aligned, and the caller vouches for the elements.
        _ => Ok(unsafe { core::slice::from_raw_parts(from, len) }),
    }
}

/// The same for an array that is read and written.
///
/// # Safety
/// As [`array`], and nothing else uses the elements meanwhile.
pub unsafe fn array_mut<'a, T>(from: *mut T, len: usize) -> Result<&'a mut [T]> {
    match len {
        0 => Ok(&mut []),
        _ if from.is_null() || !from.is_aligned() => Err(WsaError::WSAEFAULT),
        // SAFETY: not null, aligned, and the caller vouches for the elements.
        _ => Ok(unsafe { core::slice::from_raw_parts_mut(from, len) }),
    }
}

/// The elements before the one that is zero, at any alignment.
///
/// # Safety
/// `from` must be null or readable up to that element.
pub unsafe fn until_zero<T: Copy + Default + PartialEq>(from: *const T) -> Result<Vec<T>> {
    if from.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, and nothing behind the zero is read.
    let elements = (0..).map(|at| unsafe { from.add(at).read_unaligned() });
    Ok(elements.take_while(|element| *element != T::default()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lc_err_5_the_error_goes_to_any_address_and_to_the_thread() {
        let mut room = [0u8; 8];
        let odd = room.as_mut_ptr().wrapping_add(1 - room.as_ptr().addr() % 2).cast::<i32>();
        // SAFETY: within the room.
        assert_eq!(unsafe { call_errno(odd, || Err(WsaError::WSAEINVAL)) }, SOCKET_ERROR);
        // SAFETY: as above.
        assert_eq!(unsafe { odd.read_unaligned() }, WsaError::WSAEINVAL.code());
        assert_eq!(thread::last_error(), WsaError::WSAEINVAL.code());
        // SAFETY: null is no slot.
        assert_eq!(unsafe { call_errno(core::ptr::null_mut(), || Ok(7)) }, SOCKET_ERROR);
        assert_eq!(thread::last_error(), WsaError::WSAEFAULT.code());
    }

    #[test]
    fn a_panic_is_an_error_of_the_thread() {
        assert_eq!(call(SOCKET_ERROR, || panic!("on purpose")), SOCKET_ERROR);
        assert_eq!(thread::last_error(), WsaError::WSASYSCALLFAILURE.code());
    }
}
