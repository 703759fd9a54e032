//! The table that calls go through while a program is verified: it tells [`crate::report::verify`], and calls the provider's own.
//!
//! A function is not told which provider it stands in front of: that is the one that the handle is bound to. Functions without a handle
//! are the provider's own.

mod extensions;

use std::ffi::c_void;
use std::mem::transmute;
use std::ops::Range;
use std::time::Instant;

use windlass_abi::*;
use windlass_io::thread;

use crate::function::Function;
use crate::handles;
use crate::loader::instance;
use crate::report::verify::{self, Call, InRoutine, Operation, Verifier};

/// The table in front of this one.
pub(super) fn table(own: &ProcTable) -> ProcTable {
    ProcTable {
        lpWSPAccept: accept,
        lpWSPAsyncSelect: async_select,
        lpWSPBind: bind,
        lpWSPCloseSocket: close_socket,
        lpWSPConnect: connect,
        lpWSPDuplicateSocket: duplicate_socket,
        lpWSPEnumNetworkEvents: enum_network_events,
        lpWSPEventSelect: event_select,
        lpWSPGetOverlappedResult: get_overlapped_result,
        lpWSPGetPeerName: get_peer_name,
        lpWSPGetSockName: get_sock_name,
        lpWSPGetSockOpt: get_sock_opt,
        lpWSPIoctl: ioctl,
        lpWSPJoinLeaf: join_leaf,
        lpWSPListen: listen,
        lpWSPRecv: recv,
        lpWSPRecvDisconnect: recv_disconnect,
        lpWSPRecvFrom: recv_from,
        lpWSPSelect: select,
        lpWSPSend: send,
        lpWSPSendDisconnect: send_disconnect,
        lpWSPSendTo: send_to,
        lpWSPSetSockOpt: set_sock_opt,
        lpWSPShutdown: shutdown,
        ..*own
    }
}

/// How long a call may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Never,
    IfBlocking,
    Always,
}

/// Calls the provider of a socket, watched. The provider is entered again, should the handle be another's since.
///
/// # Safety
/// `errno` may be written; `body` calls one function of the table with arguments for this socket.
unsafe fn watch<R>(
    s: SOCKET,
    function: Function,
    waits: Waits,
    failed: R,
    errno: *mut i32,
    body: impl FnOnce(&ProcTable, &Verifier) -> R,
) -> R {
    let number = handles::look_up(s).instance();
    let inside = instance::at(number).enter(number);
    let own = inside.as_ref().and_then(|inside| inside.instance().own_table());
    let (Some(own), Some(verifier)) = (own, verify::current()) else {
        // Cleaned up since the call began.
        // SAFETY: the caller vouches for it.
        unsafe { errno.write_unaligned(WsaError::WSANOTINITIALISED.code()) };
        return failed;
    };
    let call = Call { s, function, waits: waits == Waits::IfBlocking, always_waits: waits == Waits::Always };
    verifier.enter(call);
    let begun = Instant::now();
    let result = body(&own, verifier);
    verifier.leave(call, begun.elapsed());
    result
}

/// Declares functions that are watched, and nothing else.
macro_rules! watched {
    ($(fn $name:ident($s:ident $(, $arg:ident: $ty:ty)*) -> $ret:ty = $slot:ident, $function:ident, $waits:ident, $failed:expr;)*) => {
        $(
            #[allow(clippy::too_many_arguments, reason = "the table has this signature")]
            unsafe extern "system" fn $name($s: SOCKET, $($arg: $ty,)* errno: *mut i32) -> $ret {
                // SAFETY: the arguments are handed on as they came.
                unsafe {
                    watch($s, Function::$function, Waits::$waits, $failed, errno, |own, _| {
                        (own.$slot)($s, $($arg,)* errno)
                    })
                }
            }
        )*
    };
}

watched! {
    fn bind(s, name: *const SOCKADDR, len: i32) -> i32 = lpWSPBind, Bind, Never, SOCKET_ERROR;
    fn connect(s, name: *const SOCKADDR, len: i32, caller: *mut WSABUF, callee: *mut WSABUF, sqos: *mut QOS, gqos: *mut QOS) -> i32
        = lpWSPConnect, WsaConnect, IfBlocking, SOCKET_ERROR;
    fn duplicate_socket(s, process: u32, info: *mut WSAPROTOCOL_INFOW) -> i32
        = lpWSPDuplicateSocket, WsaDuplicateSocket, Never, SOCKET_ERROR;
    fn enum_network_events(s, event: WSAEVENT, events: *mut WSANETWORKEVENTS) -> i32
        = lpWSPEnumNetworkEvents, WsaEnumNetworkEvents, Never, SOCKET_ERROR;
    fn get_overlapped_result(s, overlapped: *mut WSAOVERLAPPED, bytes: *mut u32, wait: BOOL, flags: *mut u32) -> BOOL
        = lpWSPGetOverlappedResult, WsaGetOverlappedResult, Never, FALSE;
    fn get_peer_name(s, name: *mut SOCKADDR, len: *mut i32) -> i32 = lpWSPGetPeerName, GetPeerName, Never, SOCKET_ERROR;
    fn get_sock_name(s, name: *mut SOCKADDR, len: *mut i32) -> i32 = lpWSPGetSockName, GetSockName, Never, SOCKET_ERROR;
    fn get_sock_opt(s, level: i32, name: i32, value: *mut u8, len: *mut i32) -> i32
        = lpWSPGetSockOpt, GetSockOpt, Never, SOCKET_ERROR;
    fn join_leaf(s, name: *const SOCKADDR, len: i32, caller: *mut WSABUF, callee: *mut WSABUF, sqos: *mut QOS, gqos: *mut QOS, flags: u32)
        -> SOCKET = lpWSPJoinLeaf, WsaJoinLeaf, IfBlocking, INVALID_SOCKET;
    fn listen(s, backlog: i32) -> i32 = lpWSPListen, Listen, Never, SOCKET_ERROR;
    fn recv_disconnect(s, data: *mut WSABUF) -> i32 = lpWSPRecvDisconnect, WsaRecvDisconnect, IfBlocking, SOCKET_ERROR;
    fn send_disconnect(s, data: *mut WSABUF) -> i32 = lpWSPSendDisconnect, WsaSendDisconnect, Never, SOCKET_ERROR;
    fn set_sock_opt(s, level: i32, name: i32, value: *const u8, len: i32) -> i32
        = lpWSPSetSockOpt, SetSockOpt, Never, SOCKET_ERROR;
    fn shutdown(s, how: i32) -> i32 = lpWSPShutdown, Shutdown, Never, SOCKET_ERROR;
}

unsafe extern "system" fn close_socket(s: SOCKET, errno: *mut i32) -> i32 {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        watch(s, Function::CloseSocket, Waits::Never, SOCKET_ERROR, errno, |own, verifier| {
            verifier.closing(s);
            let result = (own.lpWSPCloseSocket)(s, errno);
            if result != SOCKET_ERROR {
                verifier.closed(s);
            }
            result
        })
    }
}

unsafe extern "system" fn event_select(s: SOCKET, event: WSAEVENT, events: i32, errno: *mut i32) -> i32 {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        watch(s, Function::WsaEventSelect, Waits::Never, SOCKET_ERROR, errno, |own, verifier| {
            nonblocking(s, verifier, (own.lpWSPEventSelect)(s, event, events, errno))
        })
    }
}

unsafe extern "system" fn async_select(s: SOCKET, window: HWND, message: u32, events: i32, errno: *mut i32) -> i32 {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        watch(s, Function::WsaAsyncSelect, Waits::Never, SOCKET_ERROR, errno, |own, verifier| {
            nonblocking(s, verifier, (own.lpWSPAsyncSelect)(s, window, message, events, errno))
        })
    }
}

/// A registration for network events makes a socket nonblocking (MODE-2).
fn nonblocking(s: SOCKET, verifier: &Verifier, result: i32) -> i32 {
    if result != SOCKET_ERROR {
        verifier.set_blocking(s, false);
    }
    result
}

/// The client's condition function and its context, for the time of a call.
struct Condition {
    function: unsafe extern "system" fn(
        *mut WSABUF,
        *mut WSABUF,
        *mut QOS,
        *mut QOS,
        *mut WSABUF,
        *mut WSABUF,
        *mut GROUP,
        usize,
    ) -> i32,
    data: usize,
    s: SOCKET,
}

unsafe extern "system" fn accept(
    s: SOCKET,
    addr: *mut SOCKADDR,
    len: *mut i32,
    condition: LPCONDITIONPROC,
    data: usize,
    errno: *mut i32,
) -> SOCKET {
    let own_condition = condition.map(|function| Condition { function, data, s });
    let (condition, data): (LPCONDITIONPROC, usize) = match &own_condition {
        Some(own) => (Some(ask), (&raw const *own).expose_provenance()),
        None => (None, data),
    };
    // SAFETY: the arguments are handed on as they came, but for the condition, which is ours and lives as long as the call.
    unsafe {
        watch(s, Function::Accept, Waits::IfBlocking, INVALID_SOCKET, errno, |own, verifier| {
            let new = (own.lpWSPAccept)(s, addr, len, condition, data, errno);
            if new != INVALID_SOCKET {
                verifier.accepted(new, s);
            }
            new
        })
    }
}

unsafe extern "system" fn ask(
    caller: *mut WSABUF,
    caller_data: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
    callee: *mut WSABUF,
    callee_data: *mut WSABUF,
    group: *mut GROUP,
    data: usize,
) -> i32 {
    // SAFETY: what `accept` gave along, which is in the middle of its call.
    let own = unsafe { &*std::ptr::with_exposed_provenance::<Condition>(data) };
    verify::callback(Function::WsaAccept, Some(own.s));
    // SAFETY: the client's function, with the arguments that came for it and its own context.
    unsafe { (own.function)(caller, caller_data, sqos, gqos, callee, callee_data, group, own.data) }
}

unsafe extern "system" fn select(
    count: i32,
    read: *mut FD_SET,
    write: *mut FD_SET,
    except: *mut FD_SET,
    timeout: *const TIMEVAL,
    errno: *mut i32,
) -> i32 {
    // The provider was chosen by the first socket (API-11).
    // SAFETY: sets of the client's, null or counted.
    let first = [read, write, except].into_iter().find_map(|set| unsafe { first_member(set) });
    // SAFETY: null or the client's.
    let polls = !timeout.is_null() && unsafe { timeout.read_unaligned() }.is_zero();
    let waits = if polls { Waits::Never } else { Waits::Always };
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        watch(first.unwrap_or(INVALID_SOCKET), Function::Select, waits, SOCKET_ERROR, errno, |own, _| {
            (own.lpWSPSelect)(count, read, write, except, timeout, errno)
        })
    }
}

trait IsZero {
    fn is_zero(&self) -> bool;
}

impl IsZero for TIMEVAL {
    fn is_zero(&self) -> bool {
        self.tv_sec == 0 && self.tv_usec == 0
    }
}

/// # Safety
/// The set is null, or its first element is there if it counts any.
unsafe fn first_member(set: *const FD_SET) -> Option<SOCKET> {
    // SAFETY: the caller promises it.
    let any = !set.is_null() && unsafe { (&raw const (*set).fd_count).read_unaligned() } > 0;
    // SAFETY: as above.
    any.then(|| unsafe {
        set.wrapping_byte_add(std::mem::offset_of!(FD_SET, fd_array)).cast::<SOCKET>().read_unaligned()
    })
}

/// The arguments that overlapped functions have in common.
struct Overlapped {
    s: SOCKET,
    function: Function,
    waits: Waits,
    receives: bool,
    buffers: Vec<Range<usize>>,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    errno: *mut i32,
}

/// What stands in `Internal` during a call, to find out whether the provider has looked at the structure (OV-2).
const UNTOUCHED: usize = 0x57_4c_56;

impl Overlapped {
    /// # Safety
    /// The arguments are those of one call; `body` makes it with the routine that it gets.
    unsafe fn watch(self, body: impl FnOnce(&ProcTable, LPWSAOVERLAPPED_COMPLETION_ROUTINE) -> i32) -> i32 {
        let Self { s, function, waits, receives, buffers, overlapped, routine, errno } = self;
        let waits = if overlapped.is_null() { waits } else { Waits::Never };
        let address = if overlapped.is_aligned() { overlapped.addr() } else { 0 };
        let routine = routine.filter(|_| address != 0);
        let call = |own: &ProcTable, verifier: &Verifier| {
            verifier.begin(Operation {
                overlapped: address,
                buffers,
                receives,
                function,
                handle: s,
                thread: thread::key().value(),
                routine: routine.map_or(0, |routine| routine as *const () as usize),
                sum: None,
                watched: false,
                pending: false,
                over: false,
                abandoned: false,
            });
            if address == 0 {
                return body(own, routine);
            }
            // SAFETY: not null, aligned, and the client's, whose members belong to the provider now.
            let internal = unsafe { &raw mut (*overlapped).Internal };
            // SAFETY: as above.
            let before = unsafe { internal.replace(UNTOUCHED) };
            let result = body(own, routine.map(|_| ours as _));
            // SAFETY: the caller's slot, which the provider has written if it failed.
            let pends = result == SOCKET_ERROR && unsafe { errno.read_unaligned() } == WSA_IO_PENDING;
            if pends {
                verifier.goes_on(address);
                return result;
            }
            // SAFETY: not pending, so nobody else writes it.
            let touched = unsafe { internal.read() } != UNTOUCHED;
            if !touched {
                // SAFETY: as above.
                unsafe { internal.write(before) };
            }
            if result != SOCKET_ERROR && touched && routine.is_some() {
                verifier.awaits_routine(address);
            } else {
                verifier.ended_in_call(address);
            }
            result
        };
        // SAFETY: the caller promises it.
        unsafe { watch(s, function, waits, SOCKET_ERROR, errno, call) }
    }
}

/// In place of the client's completion routine.
unsafe extern "system" fn ours(error: u32, bytes: u32, overlapped: *mut WSAOVERLAPPED, flags: u32) {
    let routine = verify::current().and_then(|verifier| verifier.take_routine(overlapped.addr()));
    let Some(routine) = routine else { return };
    verify::callback(Function::WsaRecv, None);
    let _inside = InRoutine::new();
    // SAFETY: it was made from a routine of this type.
    let routine: unsafe extern "system" fn(u32, u32, *mut WSAOVERLAPPED, u32) =
        unsafe { transmute(std::ptr::with_exposed_provenance::<()>(routine)) };
    // SAFETY: the client's routine, with the arguments that came for it.
    unsafe { routine(error, bytes, overlapped, flags) };
}

/// # Safety
/// `array` is null or has so many buffers.
unsafe fn ranges(array: *const WSABUF, count: u32) -> Vec<Range<usize>> {
    if array.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller promises it.
    let buffers = (0..count as usize).map(|at| unsafe { array.add(at).read_unaligned() });
    buffers
        .filter(|buffer| buffer.len > 0)
        .map(|buffer| buffer.buf.addr()..buffer.buf.addr().saturating_add(buffer.len as usize))
        .collect()
}

unsafe extern "system" fn send(
    s: SOCKET,
    array: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's array, as it came.
    let buffers = unsafe { ranges(array, count) };
    let (function, waits, receives) = (Function::WsaSend, Waits::IfBlocking, false);
    let call = Overlapped { s, function, waits, receives, buffers, overlapped, routine, errno };
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        call.watch(|own, routine| (own.lpWSPSend)(s, array, count, sent, flags, overlapped, routine, thread, errno))
    }
}

unsafe extern "system" fn send_to(
    s: SOCKET,
    array: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    to: *const SOCKADDR,
    len: i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's array, as it came.
    let buffers = unsafe { ranges(array, count) };
    let (function, waits, receives) = (Function::WsaSendTo, Waits::IfBlocking, false);
    let call = Overlapped { s, function, waits, receives, buffers, overlapped, routine, errno };
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        call.watch(|own, routine| {
            (own.lpWSPSendTo)(s, array, count, sent, flags, to, len, overlapped, routine, thread, errno)
        })
    }
}

unsafe extern "system" fn recv(
    s: SOCKET,
    array: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's array, as it came.
    let buffers = unsafe { ranges(array, count) };
    let (function, waits, receives) = (Function::WsaRecv, Waits::IfBlocking, true);
    let call = Overlapped { s, function, waits, receives, buffers, overlapped, routine, errno };
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        call.watch(|own, routine| (own.lpWSPRecv)(s, array, count, received, flags, overlapped, routine, thread, errno))
    }
}

unsafe extern "system" fn recv_from(
    s: SOCKET,
    array: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    from: *mut SOCKADDR,
    len: *mut i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's array, as it came.
    let buffers = unsafe { ranges(array, count) };
    let (function, waits, receives) = (Function::WsaRecvFrom, Waits::IfBlocking, true);
    let call = Overlapped { s, function, waits, receives, buffers, overlapped, routine, errno };
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        call.watch(|own, routine| {
            (own.lpWSPRecvFrom)(s, array, count, received, flags, from, len, overlapped, routine, thread, errno)
        })
    }
}

unsafe extern "system" fn ioctl(
    s: SOCKET,
    code: u32,
    input: *mut c_void,
    input_len: u32,
    output: *mut c_void,
    output_len: u32,
    stored: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let (function, waits, receives) = (Function::WsaIoctl, Waits::Never, true);
    let call = Overlapped { s, function, waits, receives, buffers: Vec::new(), overlapped, routine, errno };
    // SAFETY: the arguments are handed on as they came.
    let result = unsafe {
        call.watch(|own, routine| {
            (own.lpWSPIoctl)(s, code, input, input_len, output, output_len, stored, overlapped, routine, thread, errno)
        })
    };
    if result != SOCKET_ERROR && code == FIONBIO && input_len as usize >= size_of::<u32>() {
        if let Some(verifier) = verify::current() {
            // SAFETY: the provider has read as much.
            verifier.set_blocking(s, unsafe { input.cast::<u32>().read_unaligned() } == 0);
        }
    } else if result != SOCKET_ERROR && code == SIO_GET_EXTENSION_FUNCTION_POINTER && overlapped.is_null() {
        // SAFETY: the provider has read the identifier.
        let guid = unsafe { input.cast::<GUID>().read_unaligned() };
        if let Some(function) = extensions::in_front_of(guid) {
            // SAFETY: the provider has written an address there.
            unsafe { output.cast::<usize>().write_unaligned(function) };
        }
    }
    result
}
