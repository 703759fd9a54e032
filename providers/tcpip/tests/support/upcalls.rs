//! Upcalls as the runtime makes them, as far as this provider uses them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use windlass_abi::*;
use windlass_io::Handle;
use windlass_io::event::{self, Reset};
use windlass_io::thread::{self, ThreadId};

thread_local! {
    static HOOK: Cell<(LPBLOCKINGCALLBACK, usize)> = const { Cell::new((None, 0)) };
    static LAST_ERROR: Cell<i32> = const { Cell::new(0) };
    static HOLD: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Has `hold` run when the calling thread's next call is about to wait: inside the provider, which does not know.
pub fn hold_next_wait(hold: impl FnOnce() + 'static) {
    HOLD.set(Some(Box::new(hold)));
}

/// `WSASetLastError`, which extension functions report by.
pub fn set_last_error(error: i32) {
    LAST_ERROR.set(error);
}

/// `WSAGetLastError`.
pub fn last_error() -> WsaError {
    WsaError::from_code(LAST_ERROR.get())
}

/// Installs the calling thread's blocking hook, or none.
pub fn set_blocking_hook(hook: LPBLOCKINGCALLBACK, context: usize) {
    HOOK.set((hook, context));
}

/// Number, and the two parameters.
type Message = (u32, WPARAM, LPARAM);

/// The messages of each window that was opened.
static WINDOWS: Mutex<BTreeMap<usize, Vec<Message>>> = Mutex::new(BTreeMap::new());

/// Makes messages for this window be kept.
pub fn open_window(window: HWND) {
    WINDOWS.lock().unwrap_or_else(PoisonError::into_inner).insert(window.addr(), Vec::new());
}

/// The messages that came since the last time.
pub fn take_messages(window: HWND) -> Vec<Message> {
    let mut windows = WINDOWS.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(windows.get_mut(&window.addr()).expect("the window is open"))
}

/// A manual-reset event, closed when dropped.
pub struct TestEvent(Handle);

impl TestEvent {
    pub fn new() -> Self {
        Self(event::create(Reset::Manual, false).unwrap())
    }

    pub fn handle(&self) -> WSAEVENT {
        self.0.into()
    }

    pub fn is_set(&self) -> bool {
        event::Event::of(self.0).unwrap().is_signalled()
    }

    pub fn reset(&self) {
        event::reset(self.0).unwrap();
    }
}

impl Drop for TestEvent {
    fn drop(&mut self) {
        event::close(self.0).unwrap();
    }
}

/// The table.
pub fn table() -> WSPUPCALLTABLE {
    UpcallTable {
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
    }
    .to_nullable()
}

/// Stores the error of a result, and says whether there was none.
///
/// # Safety
/// `errno` can be written.
unsafe fn ok<T>(result: Result<T, WsaError>, errno: *mut i32) -> Option<T> {
    result
        .inspect_err(|error| {
            // SAFETY: the caller promises it.
            unsafe { errno.write(error.code()) }
        })
        .ok()
}

unsafe extern "system" fn close_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(event::close(handle.into()), errno) }.is_some().into()
}

unsafe extern "system" fn create_event(errno: *mut i32) -> WSAEVENT {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(event::create(Reset::Manual, false), errno) }.map_or(null_mut(), Into::into)
}

unsafe extern "system" fn reset_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(event::reset(handle.into()), errno) }.is_some().into()
}

unsafe extern "system" fn set_event(handle: WSAEVENT, errno: *mut i32) -> BOOL {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(event::set(handle.into()), errno) }.is_some().into()
}

unsafe extern "system" fn close_socket_handle(_: SOCKET, errno: *mut i32) -> i32 {
    // This provider has no handles of the runtime.
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok::<()>(Err(WsaError::WSAENOTSOCK), errno) };
    SOCKET_ERROR
}

unsafe extern "system" fn create_socket_handle(_: u32, _: usize, errno: *mut i32) -> SOCKET {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok::<()>(Err(WsaError::WSAENOBUFS), errno) };
    INVALID_SOCKET
}

unsafe extern "system" fn fd_is_set(s: SOCKET, set: *mut FD_SET) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    let set = unsafe { &*set };
    set.fd_array[..set.fd_count as usize].contains(&s).into()
}

unsafe extern "system" fn get_provider_path(_: *mut GUID, _: *mut u16, _: *mut i32, errno: *mut i32) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok::<()>(Err(WsaError::WSAEINVAL), errno) };
    SOCKET_ERROR
}

unsafe extern "system" fn modify_ifs_handle(_: u32, proposed: SOCKET, _: *mut i32) -> SOCKET {
    proposed
}

unsafe extern "system" fn post_message(window: HWND, message: u32, wparam: WPARAM, lparam: LPARAM) -> BOOL {
    match WINDOWS.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&window.addr()) {
        Some(messages) => {
            messages.push((message, wparam, lparam));
            TRUE
        }
        None => FALSE,
    }
}

unsafe extern "system" fn query_blocking_callback(
    _: u32,
    hook: *mut LPBLOCKINGCALLBACK,
    context: *mut usize,
    _: *mut i32,
) -> i32 {
    if let Some(hold) = HOLD.take() {
        hold();
    }
    let (function, argument) = HOOK.get();
    // SAFETY: what the provider passes can be read and written.
    unsafe {
        hook.write(function);
        context.write(argument);
    }
    0
}

unsafe extern "system" fn query_socket_handle_context(_: SOCKET, _: *mut usize, errno: *mut i32) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok::<()>(Err(WsaError::WSAENOTSOCK), errno) };
    SOCKET_ERROR
}

unsafe extern "system" fn queue_apc(id: *mut WSATHREADID, apc: LPWSAUSERAPC, context: usize, errno: *mut i32) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    let id = ThreadId::from(unsafe { *id });
    let Some(apc) = apc else {
        // SAFETY: what the provider passes can be read and written.
        unsafe { ok::<()>(Err(WsaError::WSAEFAULT), errno) };
        return SOCKET_ERROR;
    };
    // SAFETY: what the provider passes can be read and written.
    let queued = thread::queue_apc(id, Box::new(move || unsafe { apc(context) }));
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(queued, errno) }.map_or(SOCKET_ERROR, |()| 0)
}

unsafe extern "system" fn open_current_thread(id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    match unsafe { ok(thread::open_current(), errno) } {
        Some(opened) => {
            // SAFETY: what the provider passes can be read and written.
            unsafe { id.write(opened.into()) };
            0
        }
        None => SOCKET_ERROR,
    }
}

unsafe extern "system" fn close_thread(id: *mut WSATHREADID, errno: *mut i32) -> i32 {
    // SAFETY: what the provider passes can be read and written.
    let id = ThreadId::from(unsafe { *id });
    // SAFETY: what the provider passes can be read and written.
    unsafe { ok(thread::close(id), errno) }.map_or(SOCKET_ERROR, |()| 0)
}
