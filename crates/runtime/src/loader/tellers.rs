//! How a name space provider that is linked in tells a client of a change (NSPI-2): what the exports of these names do.

use windlass_abi::{BOOL, FALSE, HANDLE, LPWSAUSERAPC, TRUE, WSAEVENT, WSAOVERLAPPED};
use windlass_io::port::{self, Packet};
use windlass_io::{event, thread};
use windlass_spi::namespace::Tellers;

/// The functions.
pub(crate) const TELLERS: Tellers = Tellers { set_event, queue_apc, post };

unsafe extern "system" fn set_event(handle: WSAEVENT) -> BOOL {
    if event::set(handle.into()).is_ok() { TRUE } else { FALSE }
}

unsafe extern "system" fn queue_apc(procedure: LPWSAUSERAPC, target: HANDLE, context: usize) -> u32 {
    let Some(procedure) = procedure else { return 0 };
    let Ok(target) = thread::by_handle(target.into()) else { return 0 };
    // SAFETY: the provider asks for this call with this context, in that thread.
    target.queue(Box::new(move || unsafe { procedure(context) })).is_ok().into()
}

unsafe extern "system" fn post(handle: HANDLE, bytes: u32, key: usize, overlapped: *const WSAOVERLAPPED) -> BOOL {
    let packet = Packet { key, overlapped: overlapped.expose_provenance(), bytes, status: 0 };
    if port::post(handle.into(), packet).is_ok() { TRUE } else { FALSE }
}
