//! The upcalls, at the C boundary.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use windlass_abi::*;
use windlass_io::event::{self, Reset};
use windlass_io::thread::{self, ThreadId};
use windlass_spi::status;

use crate::host::{self, APCS, begin, bind_handle, close_handle, create_handle, with};

/// A table whose upcalls are remembered under this letter.
pub fn table<const LETTER: char>() -> WSPUPCALLTABLE {
    UpcallTable {
        lpWPUCloseEvent: close_event::<LETTER>,
        lpWPUCloseSocketHandle: close_socket_handle::<LETTER>,
        lpWPUCreateEvent: create_event::<LETTER>,
        lpWPUCreateSocketHandle: create_socket_handle::<LETTER>,
        lpWPUFDIsSet: fd_is_set,
        lpWPUGetProviderPath: get_provider_path::<LETTER>,
        lpWPUModifyIFSHandle: modify_ifs_handle::<LETTER>,
        lpWPUPostMessage: post_message::<LETTER>,
        lpWPUQueryBlockingCallback: query_blocking_callback::<LETTER>,
        lpWPUQuerySocketHandleContext: query_socket_handle_context::<LETTER>,
        lpWPUQueueApc: queue_apc::<LETTER>,
        lpWPUResetEvent: reset_event::<LETTER>,
        lpWPUSetEvent: set_event::<LETTER>,
        lpWPUOpenCurrentThread: open_current_thread::<LETTER>,
        lpWPUCloseThread: close_thread::<LETTER>,
    }
    .to_nullable()
}

/// Stores the error of a result in the provider's slot, which may be null.
fn answer<R>(errno: *mut i32, failed: R, result: Result<R, WsaError>) -> R {
    result.unwrap_or_else(|error| {
        if !errno.is_null() {
            // SAFETY: not null, so the provider's, for the time of the upcall.
            unsafe { errno.write_unaligned(error.code()) };
        }
        failed
    })
}

/// What a pointer of the provider refers to.
fn read<T: Copy>(from: *const T) -> Result<T, WsaError> {
    if from.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, so the provider's, for the time of the upcall.
    Ok(unsafe { from.read_unaligned() })
}

fn store<T: Copy>(to: *mut T, value: T) -> Result<(), WsaError> {
    if to.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: not null, so the provider's, for the time of the upcall.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

extern "system" fn close_event<const L: char>(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    let close = || {
        begin("CloseEvent", L, handle.addr())?;
        event::close(handle.into())?;
        with(|state| state.events.remove(&handle.addr()));
        Ok(TRUE)
    };
    answer(errno, FALSE, close())
}

extern "system" fn create_event<const L: char>(errno: *mut i32) -> WSAEVENT {
    let create = || {
        begin("CreateEvent", L, 0)?;
        let handle: WSAEVENT = event::create(Reset::Manual, false)?.into();
        with(|state| state.events.insert(handle.addr()));
        Ok(handle)
    };
    answer(errno, null_mut(), create())
}

extern "system" fn reset_event<const L: char>(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    answer(
        errno,
        FALSE,
        begin("ResetEvent", L, handle.addr()).and_then(|()| event::reset(handle.into())).map(|()| TRUE),
    )
}

extern "system" fn set_event<const L: char>(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    answer(errno, FALSE, begin("SetEvent", L, handle.addr()).and_then(|()| event::set(handle.into())).map(|()| TRUE))
}

extern "system" fn create_socket_handle<const L: char>(entry: u32, context: usize, errno: *mut i32) -> SOCKET {
    let create = begin("CreateSocketHandle", L, entry as usize).and_then(|()| create_handle(entry, context));
    answer(errno, INVALID_SOCKET, create)
}

extern "system" fn close_socket_handle<const L: char>(s: SOCKET, errno: *mut i32) -> i32 {
    answer(errno, SOCKET_ERROR, begin("CloseSocketHandle", L, s).and_then(|()| close_handle(s)).map(|()| 0))
}

extern "system" fn modify_ifs_handle<const L: char>(entry: u32, proposed: SOCKET, errno: *mut i32) -> SOCKET {
    answer(
        errno,
        INVALID_SOCKET,
        begin("ModifyIFSHandle", L, entry as usize).and_then(|()| bind_handle(entry, proposed)),
    )
}

extern "system" fn query_socket_handle_context<const L: char>(s: SOCKET, to: *mut usize, errno: *mut i32) -> i32 {
    let query = || {
        begin("QuerySocketHandleContext", L, s)?;
        let of = |state: &mut host::State| state.handles.get(&s).and_then(|known| known.created.as_ref().map(|c| c.1));
        store(to, with(of).ok_or(WsaError::WSAENOTSOCK)?)?;
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, query())
}

extern "system" fn fd_is_set(s: SOCKET, set: *mut FD_SET) -> i32 {
    let Ok(set) = read(set) else { return 0 };
    set.fd_array[..(set.fd_count as usize).min(FD_SETSIZE)].contains(&s).into()
}

extern "system" fn get_provider_path<const L: char>(_: *mut GUID, _: *mut u16, _: *mut i32, errno: *mut i32) -> i32 {
    answer(errno, SOCKET_ERROR, begin("GetProviderPath", L, 0).and(Err(WsaError::WSAEINVAL)))
}

extern "system" fn post_message<const L: char>(window: HWND, _: u32, _: WPARAM, _: LPARAM) -> BOOL {
    begin("PostMessage", L, window.addr()).is_ok().into()
}

extern "system" fn query_blocking_callback<const L: char>(
    entry: u32,
    callback: *mut LPBLOCKINGCALLBACK,
    context: *mut usize,
    errno: *mut i32,
) -> i32 {
    let query = || {
        begin("QueryBlockingCallback", L, entry as usize)?;
        store(callback, None)?;
        store(context, 0)?;
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, query())
}

extern "system" fn queue_apc<const L: char>(
    id: *mut WSATHREADID,
    apc: LPWSAUSERAPC,
    context: usize,
    errno: *mut i32,
) -> i32 {
    let queue = || {
        begin("QueueApc", L, context)?;
        let id = ThreadId::from(read(id)?);
        let apc = apc.ok_or(WsaError::WSAEINVAL)?;
        APCS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the provider asks for this call with this context, in that thread (WPU-APC-1).
        thread::queue_apc(id, Box::new(move || unsafe { apc(context) }))?;
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, queue())
}

extern "system" fn open_current_thread<const L: char>(id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    let open = || {
        begin("OpenCurrentThread", L, 0)?;
        store(id, thread::open_current()?.into())?;
        with(|state| state.threads += 1);
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, open())
}

extern "system" fn close_thread<const L: char>(id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    let close = || {
        begin("CloseThread", L, 0)?;
        thread::close(ThreadId::from(read(id)?))?;
        with(|state| state.threads -= 1);
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, close())
}

/// `WPUCompleteOverlappedRequest`: the byte count, the status, and then the event (WPU-COR-3).
///
/// # Safety
/// The structure is null, or that of an operation that is over (WPU-COR-7); `errno` is null or can be written.
pub unsafe extern "system" fn complete(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    error: u32,
    bytes: u32,
    errno: *mut i32,
) -> i32 {
    let complete = || {
        begin("CompleteOverlappedRequest", '-', s)?;
        if !with(|state| state.handles.get(&s).is_some_and(|known| known.created.is_some())) {
            return Err(WsaError::WSAEINVAL);
        }
        let event = read(overlapped)?.hEvent.map_addr(|address| address & !1);
        with(|state| *state.completions.entry(overlapped.addr()).or_default() += 1);
        let status = if error == 0 { status::STATUS_SUCCESS } else { status::of(WsaError::from_code(error as i32)) };
        // SAFETY: not null, so the client's until the status is stored.
        unsafe {
            (*overlapped).InternalHigh = bytes as usize;
            AtomicUsize::from_ptr(&raw mut (*overlapped).Internal).store(status, Ordering::Release);
        }
        if !event.is_null() {
            // The client may have closed it; then nobody waits for it.
            let _ = event::set(event.into());
        }
        Ok(0)
    };
    answer(errno, SOCKET_ERROR, complete())
}
