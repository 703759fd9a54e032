//! Functions of the table that misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windlass_spi::abi::*;

use crate::fault::{Fault, fault};
use crate::given;
use crate::upcalls::PENDING;

/// Puts the fault into a table.
pub fn spoil(table: &mut WSPPROC_TABLE) {
    match fault() {
        Some(Fault::Hole) => table.lpWSPSend = None,
        Some(Fault::ForgetsCount) => table.lpWSPCleanup = Some(cleanup_at_once),
        Some(Fault::CleanupHangs) => table.lpWSPCleanup = Some(cleanup_hangs),
        Some(Fault::CleanupFails) => table.lpWSPCleanup = Some(cleanup_fails),
        Some(Fault::LateUpcall) => table.lpWSPCleanup = Some(cleanup_and_call),
        Some(Fault::CleanupSetsEvents) => {
            table.lpWSPCleanup = Some(cleanup_and_set);
            table.lpWSPRecv = Some(recv_and_note);
        }
        Some(Fault::OthersHandle) => table.lpWSPSocket = Some(same_socket),
        Some(Fault::ClosesAnything) => table.lpWSPCloseSocket = Some(close_anything),
        Some(Fault::SilentErrors) => {
            table.lpWSPRecv = Some(recv_silently);
            table.lpWSPConnect = Some(connect_silently);
        }
        Some(Fault::OddResult) => table.lpWSPBind = Some(bind_oddly),
        Some(Fault::BytesBeyond) => table.lpWSPRecv = Some(recv_beyond),
        Some(Fault::AddressBeyond) => table.lpWSPGetSockName = Some(name_beyond),
        Some(Fault::RecvHangs) => table.lpWSPRecv = Some(recv_hangs),
        Some(Fault::Panics) => table.lpWSPSend = Some(send_panics),
        Some(Fault::Crashes) => table.lpWSPSend = Some(send_crashes),
        Some(Fault::Exits) => table.lpWSPSend = Some(send_exits),
        Some(Fault::Unwinds) => {
            // SAFETY: the same function but for what it may do; that is the fault.
            table.lpWSPSend = unsafe { std::mem::transmute::<*const (), LPWSPSEND>(send_unwinds as *const ()) };
        }
        _ => {}
    }
}

fn inner() -> ProcTable {
    given().expect("a function of the table is called after a start").inner
}

fn inner_cleanup(errno: *mut i32) -> i32 {
    // SAFETY: the client's own argument.
    unsafe { (inner().lpWSPCleanup)(errno) }
}

fn refuse(errno: *mut i32, code: i32) -> i32 {
    if !errno.is_null() {
        // SAFETY: not null, and the client's.
        unsafe { errno.write(code) };
    }
    SOCKET_ERROR
}

fn for_ever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

extern "system" fn cleanup_at_once(errno: *mut i32) -> i32 {
    static MORE: AtomicUsize = AtomicUsize::new(0);
    let result = inner_cleanup(errno);
    if result == 0 {
        // Whatever the count is.
        let mut unused = 0;
        while inner_cleanup(&mut unused) == 0 {
            MORE.fetch_add(1, Ordering::Relaxed);
        }
        return 0;
    }
    let owed = MORE.load(Ordering::Relaxed);
    if owed > 0 && MORE.compare_exchange(owed, owed - 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        0
    } else {
        result
    }
}

extern "system" fn cleanup_hangs(_: *mut i32) -> i32 {
    for_ever()
}

extern "system" fn cleanup_fails(errno: *mut i32) -> i32 {
    match inner_cleanup(errno) {
        0 => refuse(errno, WSAENETDOWN),
        failed => failed,
    }
}

extern "system" fn cleanup_and_call(errno: *mut i32) -> i32 {
    let result = inner_cleanup(errno);
    if let Some(given) = given() {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            let mut errno = 0;
            // SAFETY: the runtime's upcall, too late.
            unsafe { (given.upcalls.lpWPUCreateEvent)(&mut errno) };
        });
    }
    result
}

extern "system" fn cleanup_and_set(errno: *mut i32) -> i32 {
    let (result, upcalls) = (inner_cleanup(errno), given().map(|given| given.upcalls));
    for event in std::mem::take(&mut *PENDING.lock().unwrap_or_else(PoisonError::into_inner)) {
        let mut errno = 0;
        if let Some(upcalls) = upcalls {
            // SAFETY: the runtime's upcall.
            unsafe { (upcalls.lpWPUSetEvent)(std::ptr::with_exposed_provenance_mut(event), &mut errno) };
        }
    }
    result
}

extern "system" fn recv_and_note(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    if !overlapped.is_null() {
        // SAFETY: not null, and the client's.
        let event = unsafe { (*overlapped).hEvent };
        PENDING.lock().unwrap_or_else(PoisonError::into_inner).push(event.expose_provenance());
    }
    // SAFETY: the client's own arguments.
    unsafe { (inner().lpWSPRecv)(s, buffers, count, received, flags, overlapped, routine, thread, errno) }
}

extern "system" fn same_socket(
    family: i32,
    kind: i32,
    protocol: i32,
    info: *mut WSAPROTOCOL_INFOW,
    group: GROUP,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    static LAST: Mutex<Option<SOCKET>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(s) = last.take() {
        return s;
    }
    // SAFETY: the client's own arguments.
    let s = unsafe { (inner().lpWSPSocket)(family, kind, protocol, info, group, flags, errno) };
    *last = (s != INVALID_SOCKET).then_some(s);
    s
}

extern "system" fn close_anything(s: SOCKET, errno: *mut i32) -> i32 {
    // SAFETY: the client's own arguments.
    unsafe { (inner().lpWSPCloseSocket)(s, errno) };
    0
}

extern "system" fn recv_silently(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    _: *mut i32,
) -> i32 {
    let mut kept = 0;
    // SAFETY: the client's own arguments, but for the error slot.
    unsafe { (inner().lpWSPRecv)(s, buffers, count, received, flags, overlapped, routine, thread, &mut kept) }
}

extern "system" fn connect_silently(
    s: SOCKET,
    name: *const SOCKADDR,
    length: i32,
    caller: *mut WSABUF,
    callee: *mut WSABUF,
    sqos: *mut QOS,
    gqos: *mut QOS,
    _: *mut i32,
) -> i32 {
    let mut kept = 0;
    // SAFETY: the client's own arguments, but for the error slot.
    unsafe { (inner().lpWSPConnect)(s, name, length, caller, callee, sqos, gqos, &mut kept) }
}

extern "system" fn bind_oddly(s: SOCKET, name: *const SOCKADDR, length: i32, errno: *mut i32) -> i32 {
    // SAFETY: the client's own arguments.
    match unsafe { (inner().lpWSPBind)(s, name, length, errno) } {
        0 => 0,
        _ => 7,
    }
}

extern "system" fn recv_beyond(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    // SAFETY: the client's own arguments.
    let result = unsafe { (inner().lpWSPRecv)(s, buffers, count, received, flags, overlapped, routine, thread, errno) };
    if result == 0 && !received.is_null() {
        // SAFETY: not null, and the client's.
        unsafe { received.write(1 << 20) };
    }
    result
}

extern "system" fn name_beyond(s: SOCKET, name: *mut SOCKADDR, length: *mut i32, errno: *mut i32) -> i32 {
    // SAFETY: the client's own arguments.
    let result = unsafe { (inner().lpWSPGetSockName)(s, name, length, errno) };
    if result == 0 {
        // SAFETY: the call has written to it.
        unsafe { length.write(4096) };
    }
    result
}

extern "system" fn recv_hangs(
    _: SOCKET,
    _: *mut WSABUF,
    _: u32,
    _: *mut u32,
    _: *mut u32,
    _: *mut WSAOVERLAPPED,
    _: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    _: *mut WSATHREADID,
    _: *mut i32,
) -> i32 {
    for_ever()
}

/// `WSPSend` that does this instead.
macro_rules! instead {
    ($name:ident, $abi:literal, $body:expr) => {
        extern $abi fn $name(
            _: SOCKET,
            _: *mut WSABUF,
            _: u32,
            _: *mut u32,
            _: u32,
            _: *mut WSAOVERLAPPED,
            _: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
            _: *mut WSATHREADID,
            _: *mut i32,
        ) -> i32 {
            $body
        }
    };
}

instead!(send_panics, "system", panic!("the provider's own fault"));
instead!(send_unwinds, "system-unwind", std::panic::resume_unwind(Box::new("thrown by the provider")));
instead!(send_crashes, "system", {
    // SAFETY: none: that is the fault.
    unsafe { std::ptr::without_provenance::<i32>(8).read_volatile() }
});
instead!(send_exits, "system", {
    // SAFETY: ends the process.
    unsafe { libc::_exit(3) }
});
