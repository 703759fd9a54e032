//! What providers call: the 15 upcalls, and WPUCompleteOverlappedRequest (contract: upcalls).
//!
//! Each takes raw pointers as C has them, checks them, and stores the error where the provider wants it. None need be aligned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Release, SeqCst};

use windlass_abi::*;
use windlass_io::{event, thread as threads};
use windlass_spi::status;

use crate::handles;
use crate::loader::descriptor;
use crate::{base, messages, ports, process, providers, thread};

/// The table that every provider gets; each entry is there (UP-2).
pub(crate) const TABLE: UpcallTable = UpcallTable {
    lpWPUCloseEvent: close_event,
    lpWPUCloseSocketHandle: close_socket_handle,
    lpWPUCreateEvent: create_event,
    lpWPUCreateSocketHandle: create_socket_handle,
    lpWPUFDIsSet: fd_is_set,
    lpWPUGetProviderPath: get_provider_path,
    lpWPUModifyIFSHandle: modify_ifs_handle,
    lpWPUPostMessage: post_message,
    lpWPUQueryBlockingCallback: query_blocking_callback,
    lpWPUQuerySocketHandleContext: query_socket_handle_context,
    lpWPUQueueApc: queue_apc,
    lpWPUResetEvent: reset_event,
    lpWPUSetEvent: set_event,
    lpWPUOpenCurrentThread: open_current_thread,
    lpWPUCloseThread: close_thread,
};

unsafe extern "system" fn create_event(errno: *mut i32) -> WSAEVENT {
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, WSA_INVALID_EVENT, || event::create(event::Reset::Manual, false).map(HANDLE::from)) }
}

unsafe extern "system" fn close_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, FALSE, || event::close(handle.into()).map(|()| TRUE)) }
}

unsafe extern "system" fn set_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, FALSE, || event::set(handle.into()).map(|()| TRUE)) }
}

unsafe extern "system" fn reset_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, FALSE, || event::reset(handle.into()).map(|()| TRUE)) }
}

unsafe extern "system" fn create_socket_handle(entry_id: u32, context: usize, errno: *mut i32) -> SOCKET {
    let create = || {
        providers::with_running(entry_id, |instance, is_base| {
            let s = descriptor::reserve()?;
            let bound = handles::bind_created(s, instance.number(), entry_id, context);
            bound.inspect_err(|_| descriptor::release(s))?;
            if is_base {
                base::registered(s, entry_id);
            }
            Ok(s)
        })
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, INVALID_SOCKET, create) }
}

unsafe extern "system" fn close_socket_handle(s: SOCKET, errno: *mut i32) -> i32 {
    let close = || {
        // Out of the table first: the number is nobody's when it is given back (WPU-CSH-5).
        if !handles::give_up_created(s) {
            return Err(WsaError::WSAENOTSOCK);
        }
        ports::forget(s);
        base::closed(s);
        descriptor::release(s);
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, close) }
}

unsafe extern "system" fn modify_ifs_handle(entry_id: u32, proposed: SOCKET, errno: *mut i32) -> SOCKET {
    let bind = || {
        if !descriptor::is_open(proposed) {
            return Err(WsaError::WSAEINVAL);
        }
        providers::with_running(entry_id, |instance, is_base| {
            handles::bind_ifs(proposed, instance.number(), entry_id)?;
            if is_base {
                base::registered(proposed, entry_id);
            }
            Ok(proposed)
        })
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, INVALID_SOCKET, bind) }
}

unsafe extern "system" fn query_socket_handle_context(s: SOCKET, context: *mut usize, errno: *mut i32) -> i32 {
    let query = || {
        if context.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        let found = handles::context(s).ok_or(WsaError::WSAENOTSOCK)?;
        // SAFETY: not null, so the provider's.
        unsafe { context.write_unaligned(found) };
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, query) }
}

unsafe extern "system" fn fd_is_set(s: SOCKET, set: *mut FD_SET) -> i32 {
    if set.is_null() {
        return 0;
    }
    // SAFETY: not null, so a counted set; only its first `fd_count` entries are read (API-13).
    let mut members = unsafe { members(set) };
    members.any(|member| member == s).into()
}

unsafe extern "system" fn get_provider_path(
    provider: *mut GUID,
    path: *mut u16,
    path_len: *mut i32,
    errno: *mut i32,
) -> i32 {
    let get = || {
        if provider.is_null() || path_len.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: not null, so the provider's GUID, perhaps unaligned.
        let provider = unsafe { provider.read_unaligned() };
        let found = process::current().find(|session| session.path_of(provider))?.ok_or(WsaError::WSAEINVAL)?;
        let text: Vec<u16> = found.encode_utf16().chain([0]).collect();
        // SAFETY: not null, so the provider's.
        let room = unsafe { path_len.read_unaligned() };
        // SAFETY: as above.
        unsafe { path_len.write_unaligned(text.len() as i32) };
        if path.is_null() || usize::try_from(room).map_or(true, |room| room < text.len()) {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: the provider says that `room` characters fit, which are enough; bytes need no alignment.
        unsafe { path.cast::<u8>().copy_from_nonoverlapping(text.as_ptr().cast(), 2 * text.len()) };
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, get) }
}

unsafe extern "system" fn post_message(window: HWND, message: u32, wparam: WPARAM, lparam: LPARAM) -> BOOL {
    (alive().is_ok() && messages::post(window.addr(), message, wparam, lparam)).into()
}

unsafe extern "system" fn query_blocking_callback(
    entry_id: u32,
    callback: *mut LPBLOCKINGCALLBACK,
    context: *mut usize,
    errno: *mut i32,
) -> i32 {
    let query = || {
        if callback.is_null() || context.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        process::current().find(|session| session.entry(entry_id))?.ok_or(WsaError::WSAEINVAL)?;
        let (hook, hook_context) = thread::blocking_hook();
        // SAFETY: not null, so the provider's.
        unsafe { callback.write_unaligned(hook) };
        // SAFETY: not null, so the provider's.
        unsafe { context.write_unaligned(hook_context) };
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, query) }
}

unsafe extern "system" fn queue_apc(
    thread_id: *mut WSATHREADID,
    apc: LPWSAUSERAPC,
    context: usize,
    errno: *mut i32,
) -> i32 {
    let queue = || {
        if thread_id.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        let apc = apc.ok_or(WsaError::WSAEINVAL)?;
        // SAFETY: not null, so the provider's; copied, since it may be gone after this call (WPU-APC-3).
        let target = unsafe { thread_id.read_unaligned() };
        let queued = Queued::new();
        let run = move || {
            // Dropped when the procedure has returned, or with it if it never runs.
            let _queued = queued;
            // SAFETY: the provider asks for this call with this context, in that thread (WPU-APC-1).
            unsafe { apc(context) };
        };
        threads::queue_apc(target.into(), Box::new(run))?;
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, queue) }
}

unsafe extern "system" fn open_current_thread(thread_id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    let open = || {
        if thread_id.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        let id = threads::open_current()?;
        // SAFETY: not null, so the provider's.
        unsafe { thread_id.write_unaligned(id.into()) };
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, open) }
}

unsafe extern "system" fn close_thread(thread_id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    let close = || {
        if thread_id.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: not null, so the provider's.
        threads::close(unsafe { thread_id.read_unaligned() }.into())?;
        Ok(NO_ERROR)
    };
    // SAFETY: `errno` is the provider's, null or valid.
    unsafe { upcall(errno, SOCKET_ERROR, close) }
}

/// `WPUCompleteOverlappedRequest`, which is exported and not in the table (UP-1): stores the byte count, then the status, and
/// then sets the event, if there is one, and queues a packet at the port, if one is associated (WPU-COR-3, WPU-COR-4). The provider has stored error and flags before (WPU-COR-6).
///
/// # Errors
/// Nothing has been stored then. `WSANOTINITIALISED`: no provider is started. `WSAEINVAL`: the handle was not made by
/// WPUCreateSocketHandle (WPU-COR-1). `WSAEFAULT`: no structure, or one that is not aligned.
///
/// # Safety
/// `overlapped` is null, or the structure of an operation that is over and has not been completed (WPU-COR-7).
pub unsafe fn complete_overlapped_request(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    error: u32,
    bytes: u32,
) -> Result<(), WsaError> {
    alive()?;
    handles::context(s).ok_or(WsaError::WSAEINVAL)?;
    if overlapped.is_null() || !overlapped.is_aligned() {
        return Err(WsaError::WSAEFAULT);
    }
    let status = if error == 0 { status::STATUS_SUCCESS } else { status::of(WsaError::from_code(error as i32)) };
    // SAFETY: not null, so the client's until the status is stored; who polls reads the status before anything else (WPU-COR-8).
    let event = unsafe {
        let event = (*overlapped).hEvent;
        (*overlapped).InternalHigh = bytes as usize;
        AtomicUsize::from_ptr(&raw mut (*overlapped).Internal).store(status, Release);
        event
    };
    let no_packet = event.addr() & 1 != 0;
    let event = event.map_addr(|address| address & !1);
    if !event.is_null() {
        // The client may have closed it; then nobody waits for it.
        let _ = event::set(event.into());
    }
    if !no_packet {
        ports::post(s, overlapped.expose_provenance(), bytes, status);
    }
    Ok(())
}

/// The same for providers that are linked in, as they call it.
pub(crate) unsafe extern "system" fn complete_for_linked_in(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    error: u32,
    bytes: u32,
    errno: *mut i32,
) -> i32 {
    // SAFETY: `errno` is the provider's, null or valid; the rest is promised by the provider.
    unsafe {
        upcall(errno, SOCKET_ERROR, || complete_overlapped_request(s, overlapped, error, bytes).map(|()| NO_ERROR))
    }
}

/// The procedures that providers have queued and that have neither run to their end nor been dropped.
static QUEUED: AtomicUsize = AtomicUsize::new(0);

/// Counts one of them.
struct Queued;

impl Queued {
    fn new() -> Self {
        QUEUED.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        QUEUED.fetch_sub(1, SeqCst);
    }
}

/// Whether a thread may yet run a procedure of some provider's: modules must stay mapped then (WSP-CLEANUP-10).
pub(super) fn procedures_are_queued() -> bool {
    QUEUED.load(SeqCst) != 0
}

/// Upcalls work while any provider is between the beginning of its start and the end of its last clean-up (UPV-1 to UPV-4).
fn alive() -> Result<(), WsaError> {
    if providers::any_alive() { Ok(()) } else { Err(WsaError::WSANOTINITIALISED) }
}

/// Runs the body of an upcall. An error, a panic too, goes to `errno`; a null one discards it.
///
/// # Safety
/// `errno` is null, or may be written.
pub(super) unsafe fn upcall<R>(errno: *mut i32, failed: R, body: impl FnOnce() -> Result<R, WsaError>) -> R {
    let result =
        alive().and_then(|()| catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(WsaError::WSASYSCALLFAILURE)));
    result.unwrap_or_else(|error| {
        if !errno.is_null() {
            // SAFETY: the caller promises that it may be written.
            unsafe { errno.write_unaligned(error.code()) };
        }
        failed
    })
}

/// The sockets in a counted set.
///
/// # Safety
/// `set` points to a set whose first `fd_count` entries are there, however many that are, until the answer is dropped.
unsafe fn members(set: *const FD_SET) -> impl Iterator<Item = SOCKET> {
    // SAFETY: the caller promises it.
    let count = unsafe { (&raw const (*set).fd_count).read_unaligned() } as usize;
    let first = set.wrapping_byte_add(std::mem::offset_of!(FD_SET, fd_array)).cast::<SOCKET>();
    // SAFETY: the caller promises that so many entries follow.
    (0..count).map(move |at| unsafe { first.add(at).read_unaligned() })
}
