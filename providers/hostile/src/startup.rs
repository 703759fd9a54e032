//! `WSPStartup`, and what goes wrong in it.

use std::ffi::c_void;
use std::sync::PoisonError;
use std::time::Duration;

use windlass_spi::abi::*;

use crate::fault::{Fault, fault, has};
use crate::{GIVEN, Given, functions, upcalls};

/// The entry point. What the provider underneath answers, but for the fault.
///
/// # Safety
/// As `WSPStartup`.
#[unsafe(export_name = "WSPStartup")]
pub unsafe extern "system" fn wsp_startup(
    requested: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    table: WSPUPCALLTABLE,
    functions: *mut WSPPROC_TABLE,
) -> i32 {
    let Ok(given) = table.complete() else { return WSAEFAULT };
    match fault() {
        Some(Fault::StartFails) => return WSAEPROCLIM,
        Some(Fault::StartSlow) => std::thread::sleep(Duration::from_secs(6)),
        Some(Fault::StartMakesHandle) => make_handle(&given, info),
        Some(Fault::StartCallsBack) => call_back(),
        // Nobody closes it.
        Some(Fault::LeaksDescriptors) => drop(std::fs::File::open("/dev/null").map(std::mem::ManuallyDrop::new)),
        Some(Fault::LeavesThread) => {
            std::thread::spawn(|| std::thread::sleep(Duration::from_secs(2)));
        }
        Some(Fault::RawVersion) if requested < make_version(2, 2) => return WSAVERNOTSUPPORTED,
        _ => {}
    }
    let asked = if has(Fault::RawVersion) { make_version(2, 2) } else { requested };
    let first = crate::given().map(|given| given.upcalls);
    let upcalls = if has(Fault::FirstUpcalls) { first.unwrap_or(given) } else { given };
    let start = windlass_spi::entry::<windlass_tcpip::Tcpip>();
    // SAFETY: the caller's own arguments, and upcalls that hand on to the caller's.
    let code = unsafe { start(asked, data, info, upcalls::between(&upcalls), functions) };
    if code != 0 || functions.is_null() || data.is_null() {
        return code;
    }
    // SAFETY: not null, and the start has filled it.
    let Ok(inner) = (unsafe { *functions }).complete() else { return WSASYSCALLFAILURE };
    *GIVEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Given { inner, upcalls });
    // SAFETY: not null, and the client's.
    unsafe {
        functions::spoil(&mut *functions);
        if has(Fault::OldVersion) {
            (*data).wVersion = make_version(1, 1);
        }
    }
    0
}

fn make_handle(upcalls: &UpcallTable, info: *const WSAPROTOCOL_INFOW) {
    if info.is_null() {
        return;
    }
    let mut errno = 0;
    // SAFETY: the runtime's upcall, and the client's structure.
    unsafe { (upcalls.lpWPUCreateSocketHandle)((*info).dwCatalogEntryId, 1, &mut errno) };
}

/// Finds a function of the Winsock that the program has loaded.
fn winsock(name: &std::ffi::CStr) -> *mut c_void {
    // SAFETY: a name that ends with NUL.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Uses Winsock from within its own start of this provider.
fn call_back() {
    type Startup = unsafe extern "system" fn(u16, *mut u8) -> i32;
    type Socket = unsafe extern "system" fn(i32, i32, i32) -> SOCKET;
    type Cleanup = unsafe extern "system" fn() -> i32;
    let all = [c"WSAStartup", c"ws2_socket", c"WSACleanup"].map(winsock);
    if all.iter().any(|function| function.is_null()) {
        return;
    }
    // A WSADATA has 408 bytes.
    let mut data = [0u64; 64];
    // SAFETY: exports of these names have these types, and the structure has room.
    unsafe {
        let startup: Startup = std::mem::transmute(all[0]);
        let socket: Socket = std::mem::transmute(all[1]);
        let cleanup: Cleanup = std::mem::transmute(all[2]);
        startup(make_version(2, 2), data.as_mut_ptr().cast());
        // Of this very provider, which is not there yet.
        socket(AF_INET, SOCK_STREAM, 0);
        cleanup();
    }
}
