//! Time.
#![allow(unsafe_code, reason = "exports write to the client's memory")]

use rustix::time::{ClockId, Timespec, clock_gettime};
use windlass_abi::{BOOL, FALSE, FILETIME, TRUE};

use crate::boundary::{call, store, store_if_wanted};

use super::invalid;

/// Units of 100 nanoseconds in a second, which is what file times and the performance counter count.
const TICKS: i64 = 10_000_000;

/// Seconds from 1601, where file times begin, to 1970.
const EPOCH: i64 = 11_644_473_600;

fn ticks(time: Timespec) -> i64 {
    time.tv_sec * TICKS + i64::from(time.tv_nsec as i32) / 100
}

/// Milliseconds of [`GetTickCount64`], which wrap after 49.7 days.
#[unsafe(no_mangle)]
pub extern "system" fn GetTickCount() -> u32 {
    GetTickCount64() as u32
}

/// Milliseconds since the system started.
#[unsafe(no_mangle)]
pub extern "system" fn GetTickCount64() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// A clock that never goes back.
///
/// # Safety
/// `count` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn QueryPerformanceCounter(count: *mut i64) -> BOOL {
    // SAFETY: as the caller vouches.
    unsafe { answer(count, ticks(clock_gettime(ClockId::Monotonic))) }
}

/// What that clock counts in a second: 10,000,000.
///
/// # Safety
/// `frequency` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn QueryPerformanceFrequency(frequency: *mut i64) -> BOOL {
    // SAFETY: as the caller vouches.
    unsafe { answer(frequency, TICKS) }
}

/// # Safety
/// `to` must be null or writable.
unsafe fn answer(to: *mut i64, value: i64) -> BOOL {
    call(FALSE, || {
        // SAFETY: as the caller vouches.
        unsafe { store(to, value) }.or_else(|_| invalid())?;
        Ok(TRUE)
    })
}

/// The time of day, as 100 nanoseconds since 1601, UTC, as of the last tick of the system's clock.
///
/// # Safety
/// `time` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetSystemTimeAsFileTime(time: *mut FILETIME) {
    // SAFETY: as the caller vouches.
    unsafe { store_if_wanted(time, file_time(ClockId::RealtimeCoarse)) };
}

/// The same as precisely as the system knows it.
///
/// # Safety
/// `time` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetSystemTimePreciseAsFileTime(time: *mut FILETIME) {
    // SAFETY: as the caller vouches.
    unsafe { store_if_wanted(time, file_time(ClockId::Realtime)) };
}

fn file_time(clock: ClockId) -> FILETIME {
    let since = (ticks(clock_gettime(clock)) + EPOCH * TICKS) as u64;
    FILETIME { dwLowDateTime: since as u32, dwHighDateTime: (since >> 32) as u32 }
}
