//! A runtime that does no more than its upcalls, and remembers them. Its tables carry no context, so
//! all tests of a process share it; each uses catalog entry ids of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use windlass_spi::abi::*;

/// `WPUModifyIFSHandle` and `WPUCreateSocketHandle` refuse this entry with `WSAENOBUFS`.
pub const REFUSED_ENTRY: u32 = 0xDEAD;
/// `WPUModifyIFSHandle` gives sockets of this entry another handle: this much higher.
pub const RENAMED_ENTRY: u32 = 0xBEEF;
pub const RENAMED_BY: SOCKET = 5000;

/// An upcall, as far as tests ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upcall {
    CreateEvent,
    CreateSocketHandle { entry: u32, handle: SOCKET },
    CloseSocketHandle { handle: SOCKET },
    ModifyIfsHandle { entry: u32, handle: SOCKET },
    SetEvent { event: usize },
    ResetEvent { event: usize },
    PostMessage { message: u32 },
}

#[derive(Default)]
struct Runtime {
    /// With the table that each upcall came through.
    log: Vec<(char, Upcall)>,
    created: BTreeMap<SOCKET, usize>,
    events: BTreeMap<usize, bool>,
    threads: BTreeSet<usize>,
    apcs: Vec<(usize, usize)>,
    last_handle: SOCKET,
    last_event: usize,
}

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

fn with<R>(act: impl FnOnce(&mut Runtime) -> R) -> R {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    act(runtime.get_or_insert_with(|| Runtime { last_handle: 100_000, last_event: 1000, ..Runtime::default() }))
}

/// The upcalls so far that the filter lets through, each with the letter of its table.
pub fn log(filter: impl Fn(&Upcall) -> bool) -> Vec<(char, Upcall)> {
    with(|runtime| runtime.log.iter().filter(|(_, upcall)| filter(upcall)).cloned().collect())
}

/// How often the runtime was asked to close this handle.
pub fn closes_of(handle: SOCKET) -> usize {
    log(|upcall| *upcall == Upcall::CloseSocketHandle { handle }).len()
}

/// An event object that is not set.
pub fn new_event() -> WSAEVENT {
    with(|runtime| {
        runtime.last_event += 8;
        runtime.events.insert(runtime.last_event, false);
        ptr::without_provenance_mut(runtime.last_event)
    })
}

/// Whether an event object is set.
pub fn is_set(event: WSAEVENT) -> bool {
    with(|runtime| runtime.events[&event.addr()])
}

/// Runs the APCs that were queued.
pub fn run_apcs(function: impl Fn(usize, usize)) -> usize {
    let apcs = with(|runtime| std::mem::take(&mut runtime.apcs));
    apcs.iter().for_each(|(address, context)| function(*address, *context));
    apcs.len()
}

/// The upcall table A.
pub fn table() -> WSPUPCALLTABLE {
    table_of::<'A'>()
}

/// A table whose upcalls are remembered under this letter.
pub fn table_of<const LETTER: char>() -> WSPUPCALLTABLE {
    WSPUPCALLTABLE {
        lpWPUCloseEvent: Some(close_event),
        lpWPUCloseSocketHandle: Some(close_socket_handle::<LETTER>),
        lpWPUCreateEvent: Some(create_event::<LETTER>),
        lpWPUCreateSocketHandle: Some(create_socket_handle::<LETTER>),
        lpWPUFDIsSet: Some(fd_is_set),
        lpWPUGetProviderPath: Some(get_provider_path),
        lpWPUModifyIFSHandle: Some(modify_ifs_handle::<LETTER>),
        lpWPUPostMessage: Some(post_message::<LETTER>),
        lpWPUQueryBlockingCallback: Some(query_blocking_callback),
        lpWPUQuerySocketHandleContext: Some(query_socket_handle_context),
        lpWPUQueueApc: Some(queue_apc),
        lpWPUResetEvent: Some(reset_event::<LETTER>),
        lpWPUSetEvent: Some(set_event::<LETTER>),
        lpWPUOpenCurrentThread: Some(open_current_thread),
        lpWPUCloseThread: Some(close_thread),
    }
}

/// Stores the error of a failing upcall.
fn fail<R>(errno: *mut i32, error: i32, result: R) -> R {
    // SAFETY: the SDK passes a live int.
    unsafe { *errno = error };
    result
}

extern "system" fn create_event<const LETTER: char>(_errno: *mut i32) -> WSAEVENT {
    with(|runtime| runtime.log.push((LETTER, Upcall::CreateEvent)));
    new_event()
}

extern "system" fn close_event(event: WSAEVENT, errno: *mut i32) -> BOOL {
    match with(|runtime| runtime.events.remove(&event.addr())) {
        Some(_) => TRUE,
        None => fail(errno, WSA_INVALID_HANDLE, FALSE),
    }
}

extern "system" fn set_event<const LETTER: char>(event: WSAEVENT, errno: *mut i32) -> BOOL {
    change_event(LETTER, event, true, errno)
}

extern "system" fn reset_event<const LETTER: char>(event: WSAEVENT, errno: *mut i32) -> BOOL {
    change_event(LETTER, event, false, errno)
}

fn change_event(letter: char, event: WSAEVENT, value: bool, errno: *mut i32) -> BOOL {
    let event = event.addr();
    let changed = with(|runtime| {
        let upcall = if value { Upcall::SetEvent { event } } else { Upcall::ResetEvent { event } };
        runtime.log.push((letter, upcall));
        runtime.events.get_mut(&event).map(|state| *state = value)
    });
    if changed.is_some() { TRUE } else { fail(errno, WSA_INVALID_HANDLE, FALSE) }
}

extern "system" fn create_socket_handle<const LETTER: char>(entry: u32, context: usize, errno: *mut i32) -> SOCKET {
    if entry == REFUSED_ENTRY {
        return fail(errno, WSAENOBUFS, INVALID_SOCKET);
    }
    with(|runtime| {
        runtime.last_handle += 1;
        let handle = runtime.last_handle;
        runtime.created.insert(handle, context);
        runtime.log.push((LETTER, Upcall::CreateSocketHandle { entry, handle }));
        handle
    })
}

extern "system" fn close_socket_handle<const LETTER: char>(handle: SOCKET, errno: *mut i32) -> i32 {
    let removed = with(|runtime| {
        runtime.log.push((LETTER, Upcall::CloseSocketHandle { handle }));
        runtime.created.remove(&handle)
    });
    if removed.is_some() { 0 } else { fail(errno, WSAENOTSOCK, SOCKET_ERROR) }
}

extern "system" fn query_socket_handle_context(handle: SOCKET, context: *mut usize, errno: *mut i32) -> i32 {
    match with(|runtime| runtime.created.get(&handle).copied()) {
        Some(value) => {
            // SAFETY: the SDK passes a live word.
            unsafe { *context = value };
            0
        }
        None => fail(errno, WSAENOTSOCK, SOCKET_ERROR),
    }
}

extern "system" fn modify_ifs_handle<const LETTER: char>(entry: u32, handle: SOCKET, errno: *mut i32) -> SOCKET {
    if entry == REFUSED_ENTRY {
        return fail(errno, WSAENOBUFS, INVALID_SOCKET);
    }
    with(|runtime| runtime.log.push((LETTER, Upcall::ModifyIfsHandle { entry, handle })));
    if entry == RENAMED_ENTRY { handle + RENAMED_BY } else { handle }
}

extern "system" fn fd_is_set(socket: SOCKET, set: *mut FD_SET) -> i32 {
    // SAFETY: the SDK passes a whole set.
    let set = unsafe { &*set };
    set.fd_array[..set.fd_count as usize].contains(&socket).into()
}

extern "system" fn get_provider_path(provider: *mut GUID, path: *mut u16, length: *mut i32, errno: *mut i32) -> i32 {
    // SAFETY: the SDK passes a live GUID.
    if unsafe { (*provider).data1 } == 0 {
        return fail(errno, WSAEINVAL, SOCKET_ERROR);
    }
    // Longer than MAX_PATH, so that whoever asks must ask again.
    let text: Vec<u16> = "%HOME%/".encode_utf16().chain(std::iter::repeat_n(u16::from(b'x'), 300)).chain([0]).collect();
    // SAFETY: the SDK passes a live int.
    let room = unsafe { std::mem::replace(&mut *length, text.len() as i32) };
    if (room as usize) < text.len() {
        return fail(errno, WSAEFAULT, SOCKET_ERROR);
    }
    // SAFETY: there is room.
    unsafe { path.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    0
}

extern "system" fn post_message<const LETTER: char>(window: HWND, message: u32, _: WPARAM, _: LPARAM) -> BOOL {
    with(|runtime| runtime.log.push((LETTER, Upcall::PostMessage { message })));
    (!window.is_null()).into()
}

/// The hook that entry 1 has: it stops after three rounds.
pub extern "system" fn hook(_context: usize) -> BOOL {
    TRUE
}

extern "system" fn query_blocking_callback(
    entry: u32,
    callback: *mut LPBLOCKINGCALLBACK,
    context: *mut usize,
    errno: *mut i32,
) -> i32 {
    let found: (LPBLOCKINGCALLBACK, usize) = match entry {
        0 => return fail(errno, WSAEINVAL, SOCKET_ERROR),
        1 => (Some(hook), 77),
        _ => (None, 0),
    };
    // SAFETY: the SDK passes live variables.
    unsafe { (*callback, *context) = found };
    0
}

extern "system" fn queue_apc(thread: *mut WSATHREADID, apc: LPWSAUSERAPC, context: usize, errno: *mut i32) -> i32 {
    // SAFETY: the SDK passes a live identity.
    let thread = unsafe { (*thread).Reserved };
    with(|runtime| {
        if !runtime.threads.contains(&thread) {
            return fail(errno, WSAEFAULT, SOCKET_ERROR);
        }
        runtime.apcs.push((apc.unwrap() as usize, context));
        0
    })
}

extern "system" fn open_current_thread(thread: *mut WSATHREADID, _errno: *mut i32) -> i32 {
    with(|runtime| {
        let number = runtime.threads.last().map_or(1, |last| last + 1);
        runtime.threads.insert(number);
        // SAFETY: the SDK passes a live identity.
        unsafe { *thread = WSATHREADID { ThreadHandle: ptr::null_mut(), Reserved: number } };
    });
    0
}

extern "system" fn close_thread(thread: *mut WSATHREADID, errno: *mut i32) -> i32 {
    // SAFETY: the SDK passes a live identity.
    let number = unsafe { (*thread).Reserved };
    if with(|runtime| runtime.threads.remove(&number)) { 0 } else { fail(errno, WSAEINVAL, SOCKET_ERROR) }
}
