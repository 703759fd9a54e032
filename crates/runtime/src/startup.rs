//! `WSAStartup` and `WSACleanup` (contract: lifecycle, section 1).

use windlass_abi::WsaError;
use windlass_io::port::Packet;

use crate::function::Function;
use crate::notifications;
use crate::overlapped;
use crate::process;
use crate::providers;
use crate::report;
use crate::version::{Negotiated, negotiate};

/// `WSAStartup`: adds a reference to Winsock. The first one reads the catalogs afresh; no provider is
/// started yet (WSA-STARTUP-7 to 10).
///
/// Never waits for a provider, and may be called from one: a clean-up that another thread is in the
/// middle of goes on beside the new session (WSA-CLEANUP-12).
///
/// # Errors
/// To be returned as the result, not through the thread error (LC-ERR-3). `WSAVERNOTSUPPORTED`: a request below 1.0
/// (WSA-STARTUP-4). `WSASYSNOTREADY`: a catalog exists but cannot be read. `WSAEPROCLIM`: too many start-ups.
pub fn startup(requested: u16) -> Result<Negotiated, WsaError> {
    let negotiated = negotiate(requested)?;
    crate::loader::fork::watch();
    // Extension functions of linked-in providers report errors through the thread (API-X2).
    windlass_spi::thread_error::install(crate::thread::set_last_error);
    windlass_spi::namespace::install_tellers(crate::loader::tellers::TELLERS);
    windlass_spi::completion::install(crate::loader::upcalls::complete_for_linked_in);
    windlass_spi::packets::install(|port, key, overlapped| {
        // A port that is closed has nobody to tell.
        let _ = windlass_io::port::post(port.into(), Packet { key, overlapped, bytes: 0, status: 0 });
    });
    windlass_spi::layer::install(crate::loader::hosts::HOST);
    windlass_spi::files::install(|handle| windlass_io::file::descriptor(handle.into()));
    process::current().add_reference()?;
    report::started();
    Ok(negotiated)
}

/// `WSACleanup`: takes one reference away; the last one ends Winsock for the process (WSA-CLEANUP-2, WSA-CLEANUP-3).
///
/// The last one marks Winsock as not started, ends every look-up, calls every started provider's WSPCleanup once, which cancels
/// what is pending and resets what is open, calls NSPCleanup of every name space provider, waits until no call is inside a provider, unloads the modules,
/// and drops the catalogs (WSA-CLEANUP-9). A provider that fails stops nothing (WSA-CLEANUP-10). One whose calls do not
/// end within [`crate::limits::drain`] stays mapped until they have, and is reported; so does one that the calling
/// thread is itself inside of (WSP-CLEANUP-25).
///
/// # Errors
/// `WSANOTINITIALISED`: no reference is held (WSA-CLEANUP-1).
pub fn cleanup() -> Result<(), WsaError> {
    let process = process::current();
    let last = process.drop_reference().map_err(|_| process::not_started(Function::WsaCleanup))?;
    report::cleaned_up(last.is_some());
    if let Some(session) = last {
        session.names.cancel();
        notifications::forget_all();
        // Unmapped once the transport providers are, so that a name space provider can rely on those to its end.
        let modules = providers::end_session(&session, || session.names.clean_up());
        drop(modules);
        overlapped::end_waits();
        process.session_ended(&session);
        report::send_counters();
    }
    Ok(())
}

/// Fails if Winsock is not started: for API functions that take no socket (API-1).
///
/// # Errors
/// `WSANOTINITIALISED`.
#[inline]
pub fn require_started(function: Function) -> Result<(), WsaError> {
    if process::is_started() { Ok(()) } else { Err(process::not_started(function)) }
}
