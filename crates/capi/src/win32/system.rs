//! The machine.
#![allow(unsafe_code, reason = "exports write to the client's memory")]

use windlass_abi::SYSTEM_INFO;

use crate::boundary::{call, store};

const PROCESSOR_ARCHITECTURE_AMD64: u16 = 9;
const PROCESSOR_ARCHITECTURE_ARM64: u16 = 12;
const PROCESSOR_ARCHITECTURE_UNKNOWN: u16 = 0xFFFF;

/// The lowest address that the system gives a program that does not ask for a lower one.
const LOWEST: usize = 0x1_0000;

/// What there is: pages, and processors that this process may use.
///
/// # Safety
/// `info` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetSystemInfo(info: *mut SYSTEM_INFO) {
    // SAFETY: as the caller vouches.
    call((), || unsafe { store(info, found()) });
}

/// The same: there is no emulation.
///
/// # Safety
/// `info` must be null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetNativeSystemInfo(info: *mut SYSTEM_INFO) {
    // SAFETY: as the caller vouches.
    unsafe { GetSystemInfo(info) };
}

fn found() -> SYSTEM_INFO {
    let page = rustix::param::page_size();
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    SYSTEM_INFO {
        wProcessorArchitecture: match () {
            () if cfg!(target_arch = "x86_64") => PROCESSOR_ARCHITECTURE_AMD64,
            () if cfg!(target_arch = "aarch64") => PROCESSOR_ARCHITECTURE_ARM64,
            () => PROCESSOR_ARCHITECTURE_UNKNOWN,
        },
        wReserved: 0,
        dwPageSize: page as u32,
        lpMinimumApplicationAddress: core::ptr::without_provenance_mut(LOWEST),
        lpMaximumApplicationAddress: core::ptr::without_provenance_mut((1 << 47) - page - 1),
        dwActiveProcessorMask: u64::MAX.checked_shr(64u32.saturating_sub(processors as u32)).unwrap_or(0) as usize,
        dwNumberOfProcessors: processors as u32,
        dwProcessorType: 0,
        dwAllocationGranularity: page as u32,
        wProcessorLevel: 0,
        wProcessorRevision: 0,
    }
}
