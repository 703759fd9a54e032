//! Overlapped operations as a transport has them (contract: transport, section 4): whatever it does with one, the client learns
//! of its end once, or never.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use support::client::{self, Client, buffer, call, start};
use support::fake::{self, is_set};
use windlass_spi::abi::*;
use windlass_spi::operation::{Completion, Operation, Request, Started};
use windlass_spi::socket::OpenSocket;
use windlass_spi::transport::*;
use windlass_spi::{completion, entry, transport_entry};

/// Keeps operations until a test wants them.
struct Keeper;

static KEPT: Mutex<Vec<Operation>> = Mutex::new(Vec::new());
static ALONE: Mutex<()> = Mutex::new(());

fn kept() -> MutexGuard<'static, Vec<Operation>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the transport does with a send, by its first byte; any other is done at once.
const PEND: u8 = b'p';
const REFUSE: u8 = b'r';
const THROW: u8 = b't';

impl Transport for Keeper {
    type Socket = ();
    const DESCRIPTION: &'static str = "Keeper";

    fn start(_: &Startup<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn socket(&self, request: &SocketRequest<'_>) -> Result<NewSocket<()>> {
        static LAST: AtomicUsize = AtomicUsize::new(500);
        match request.socket_type {
            SOCK_SEQPACKET => Ok(NewSocket::NonIfs { state: () }),
            _ => Ok(NewSocket::Ifs { handle: LAST.fetch_add(1, Relaxed), state: () }),
        }
    }

    fn overlapped(&self, _: &OpenSocket<()>, mut operation: Operation) -> Result<Started> {
        let Request::Send { buffers, .. } = &operation.request else { return Err(WsaError::WSAEOPNOTSUPP) };
        let total = buffers.buffers().total() as u32;
        match buffers.buffers().to_contiguous()[0] {
            REFUSE => Err(WsaError::WSAECONNRESET),
            THROW => {
                operation.pend()?;
                kept().push(operation);
                panic!("on purpose");
            }
            PEND => {
                operation.pend()?;
                kept().push(operation);
                Ok(Started::Pending)
            }
            _ => Ok(operation.complete(Completion::of(total))),
        }
    }

    fn cancel(&self, _: &OpenSocket<()>, why: Cancel) {
        // One that forgets its operations at a close leaves them for the tests.
        if why == Cancel::CleanUp {
            // A success that comes too late.
            for operation in kept().drain(..) {
                operation.complete(Completion::of(9));
            }
        }
    }
}

transport_entry!(Keeper);

thread_local! {
    static CALLED: Cell<(u32, u32, u32, u32)> = const { Cell::new((0, 0, 0, 0)) };
}

unsafe extern "system" fn routine(error: u32, bytes: u32, _: *mut WSAOVERLAPPED, flags: u32) {
    CALLED.set((CALLED.get().0 + 1, error, bytes, flags));
}

fn run_apcs() -> usize {
    fake::run_apcs(|address, context| {
        // SAFETY: what the SDK has queued.
        unsafe { std::mem::transmute::<usize, unsafe extern "system" fn(usize)>(address)(context) }
    })
}

/// Nothing has been written to it.
fn untouched(event: WSAEVENT) -> WSAOVERLAPPED {
    WSAOVERLAPPED { Internal: 1, InternalHigh: 2, Offset: 3, OffsetHigh: 4, hEvent: event }
}

fn parts(overlapped: &WSAOVERLAPPED) -> (usize, usize, u32, u32) {
    (overlapped.Internal, overlapped.InternalHigh, overlapped.Offset, overlapped.OffsetHigh)
}

/// A thread that the fake runtime knows.
fn this_thread() -> WSATHREADID {
    let mut thread = WSATHREADID { ThreadHandle: ptr::null_mut(), Reserved: 0 };
    let open = fake::table().lpWPUOpenCurrentThread.unwrap();
    // SAFETY: live variables.
    assert_eq!(unsafe { open(&mut thread, &mut 0) }, 0);
    thread
}

struct Test {
    client: Client,
    _alone: MutexGuard<'static, ()>,
}

impl Test {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        CALLED.set((0, 0, 0, 0));
        let client = start(entry::<Keeper>(), &client::entry(1)).unwrap();
        Self { client, _alone: alone }
    }

    fn socket(&self, socket_type: i32) -> SOCKET {
        let info = WSAPROTOCOL_INFOW { iSocketType: socket_type, ..client::entry(1) };
        let (af, any) = (info.iAddressFamily, &mut info.clone());
        call!(self.client, lpWSPSocket, af, socket_type, 0, any, 0, WSA_FLAG_OVERLAPPED).0
    }

    /// A send that the transport treats as its first byte says; the result, and the count that it stored.
    fn send(
        &self,
        s: SOCKET,
        bytes: &[u8],
        overlapped: &mut WSAOVERLAPPED,
        routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    ) -> (Result<()>, u32) {
        let (mut buffers, mut sent, mut thread) = ([buffer(bytes)], 4711u32, this_thread());
        let (buffers, thread) = (buffers.as_mut_ptr(), &mut thread);
        let (result, errno) = call!(self.client, lpWSPSend, s, buffers, 1, &mut sent, 0, overlapped, routine, thread);
        (if result == 0 { Ok(()) } else { Err(WsaError::from_code(errno)) }, sent)
    }
}

const PENDING: Result<()> = Err(WsaError::WSA_IO_PENDING);
const CANCELLED: usize = 0xC000_0120;

// proves: OV-5, OV-17, WPU-COR-9
#[test]
fn ov_4_each_means_of_completion_is_used() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let event = fake::new_event();
    let mut overlapped = untouched(event);
    assert_eq!(test.send(s, b"now", &mut overlapped, None), (Ok(()), 3));
    assert!(is_set(event));
    assert_eq!(parts(&overlapped), (0, 3, 0, 0));

    let mut polled = untouched(ptr::null_mut());
    assert_eq!(test.send(s, b"plate", &mut polled, None), (PENDING, 4711));
    assert_eq!(polled.Internal, WSS_OPERATION_IN_PROGRESS);
    kept().pop().unwrap().complete(Completion { flags: 77, ..Completion::of(5) });
    assert_eq!(parts(&polled), (0, 5, 77, 0));

    // The event is the client's own if there is a routine.
    let spare = fake::new_event();
    let mut called = untouched(spare);
    assert_eq!(test.send(s, b"p", &mut called, Some(routine)), (PENDING, 4711));
    kept().pop().unwrap().complete(Completion { flags: 7, ..Completion::failed(WsaError::WSAECONNRESET) });
    assert_eq!(CALLED.get().0, 0, "only when the thread waits alertably");
    assert_eq!(run_apcs(), 1);
    assert_eq!(CALLED.get(), (1, WSAECONNRESET as u32, 0, 7));
    assert!(!is_set(spare));
    test.client.clean_up().unwrap();
}

// proves: OV-8
#[test]
fn ov_7_what_was_not_started_leaves_no_trace() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let event = fake::new_event();
    let mut overlapped = untouched(event);
    assert_eq!(test.send(s, &[REFUSE], &mut overlapped, None), (Err(WsaError::WSAECONNRESET), 4711));
    assert_eq!(parts(&overlapped), (1, 2, 3, 4));
    assert!(!is_set(event));
    assert_eq!(test.send(s, &[REFUSE], &mut overlapped, Some(routine)).0, Err(WsaError::WSAECONNRESET));
    assert_eq!(run_apcs(), 0);
    // No event has this number.
    let mut nowhere = untouched(ptr::without_provenance_mut(0x7770));
    assert_eq!(test.send(s, &[PEND], &mut nowhere, None).0, Err(WsaError::WSA_INVALID_HANDLE));
    assert_eq!(parts(&nowhere), (1, 2, 3, 4));
    // A structure where none can be, and a routine without a thread.
    let crooked = (&raw mut overlapped).wrapping_byte_add(1);
    let (mut buffers, mut sent) = ([buffer(b"now")], 0);
    let array = buffers.as_mut_ptr();
    let no_thread = ptr::null_mut();
    assert_eq!(call!(test.client, lpWSPSend, s, array, 1, &mut sent, 0, crooked, None, no_thread).1, WSAEFAULT);
    let (at, called) = (&raw mut overlapped, Some(routine as unsafe extern "system" fn(_, _, _, _)));
    assert_eq!(call!(test.client, lpWSPSend, s, array, 1, &mut sent, 0, at, called, no_thread).1, WSAEFAULT);
    assert_eq!(parts(&overlapped), (1, 2, 3, 4));
    test.client.clean_up().unwrap();
}

#[test]
fn ov_6_a_pending_operation_that_is_dropped_is_told_as_aborted() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let event = fake::new_event();
    let mut overlapped = untouched(event);
    assert_eq!(test.send(s, &[PEND], &mut overlapped, None).0, PENDING);
    drop(kept().pop());
    assert_eq!(parts(&overlapped), (CANCELLED, 0, 0, WSA_OPERATION_ABORTED as u32));
    assert!(is_set(event));
    test.client.clean_up().unwrap();
}

// proves: WSP-CLEANUP-9
#[test]
fn wsp_cleanup_8_nothing_is_told_whatever_the_transport_does() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let event = fake::new_event();
    let (mut by_event, mut by_routine) = (untouched(event), untouched(ptr::null_mut()));
    assert_eq!(test.send(s, &[PEND], &mut by_event, None).0, PENDING);
    assert_eq!(test.send(s, &[PEND], &mut by_routine, Some(routine)).0, PENDING);
    test.client.clean_up().unwrap();
    // The transport completed them with a success, as if there were no clean-up. Nobody is told of it, so that it is none.
    assert_eq!(parts(&by_event), (CANCELLED, 0, 0, WSA_OPERATION_ABORTED as u32));
    assert_eq!(parts(&by_routine), (CANCELLED, 0, 0, WSA_OPERATION_ABORTED as u32));
    assert!(!is_set(event));
    assert_eq!(run_apcs(), 0);

    let again = start(entry::<Keeper>(), &client::entry(1)).unwrap();
    let test = Test { client: again, ..test };
    let s = test.socket(SOCK_STREAM);
    assert_eq!(test.send(s, b"now", &mut by_event, None).0, Ok(()));
    assert!(is_set(event), "a new start tells again");
    test.send(s, &[PEND], &mut by_event, None).0.unwrap_err();
    kept().pop().unwrap().abort_silently();
    assert_eq!(parts(&by_event), (CANCELLED, 0, 0, WSA_OPERATION_ABORTED as u32));
    assert!(!is_set(event));
    test.client.clean_up().unwrap();
}

// proves: WPU-APC-5
#[test]
fn api_19_the_routine_of_a_thread_that_is_gone_is_dropped() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let mut overlapped = untouched(ptr::null_mut());
    let (mut buffers, mut sent) = ([buffer(&[PEND])], 0);
    let (array, mut thread) = (buffers.as_mut_ptr(), this_thread());
    let called = Some(routine as unsafe extern "system" fn(_, _, _, _));
    let (_, errno) = call!(test.client, lpWSPSend, s, array, 1, &mut sent, 0, &mut overlapped, called, &mut thread);
    assert_eq!(errno, WSA_IO_PENDING);
    // SAFETY: a live identity.
    assert_eq!(unsafe { fake::table().lpWPUCloseThread.unwrap()(&mut thread, &mut 0) }, 0);
    kept().pop().unwrap().complete(Completion::of(1));
    assert_eq!((parts(&overlapped), run_apcs()), ((0, 1, 0, 0), 0));
    test.client.clean_up().unwrap();
}

static COMPLETED: Mutex<Vec<(SOCKET, u32, u32)>> = Mutex::new(Vec::new());

unsafe extern "system" fn complete(s: SOCKET, at: *mut WSAOVERLAPPED, error: u32, bytes: u32, errno: *mut i32) -> i32 {
    if bytes == 13 {
        // SAFETY: the SDK passes a live int.
        unsafe { *errno = WSAEINVAL };
        return SOCKET_ERROR;
    }
    COMPLETED.lock().unwrap().push((s, error, bytes));
    // SAFETY: the structure of an operation that is over.
    unsafe { (*at).Internal = 4242 };
    0
}

// proves: WPU-COR-2, WPU-COR-6, OV-18
#[test]
fn ov_19_on_a_handle_of_the_runtime_the_runtime_completes() {
    let test = Test::new();
    completion::install(complete);
    let s = test.socket(SOCK_SEQPACKET);
    let event = fake::new_event();
    let mut overlapped = untouched(event);
    assert_eq!(test.send(s, b"now", &mut overlapped, None), (Ok(()), 3));
    assert_eq!(test.send(s, &[PEND], &mut overlapped, None).0, PENDING);
    kept().pop().unwrap().complete(Completion::failed(WsaError::WSAECONNRESET));
    let reset = WSAECONNRESET as u32;
    assert_eq!(*COMPLETED.lock().unwrap(), [(s, 0, 3), (s, reset, 0)]);
    assert_eq!((overlapped.Internal, overlapped.OffsetHigh), (4242, reset));
    assert!(!is_set(event), "that is the runtime's");
    // A routine needs no runtime.
    assert_eq!(test.send(s, b"now", &mut overlapped, Some(routine)).0, Ok(()));
    assert_eq!(run_apcs(), 1);
    assert_eq!(COMPLETED.lock().unwrap().len(), 2);
    // One that refuses: the status tells at least who polls.
    assert_eq!(test.send(s, &[b'x'; 13], &mut overlapped, None).0, Ok(()));
    assert_eq!((overlapped.Internal, overlapped.InternalHigh), (0, 13));
    test.client.clean_up().unwrap();
}

// proves: OV-7
#[test]
fn a_panic_of_the_transport_is_no_pending_operation() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let mut overlapped = untouched(ptr::null_mut());
    assert_eq!(test.send(s, &[THROW], &mut overlapped, None).0, Err(WsaError::WSASYSCALLFAILURE));
    kept().pop().unwrap().abort_silently();
    assert_eq!(overlapped.Internal, CANCELLED);
    test.client.clean_up().unwrap();
}

#[test]
fn wsp_gor_1_asks_the_structure() {
    let test = Test::new();
    let s = test.socket(SOCK_STREAM);
    let mut overlapped = untouched(ptr::null_mut());
    let ask = |overlapped: *mut WSAOVERLAPPED, wait| {
        let (mut bytes, mut flags) = (4711u32, 4712u32);
        let at = (&raw mut bytes, &raw mut flags);
        let (yes, errno) = call!(test.client, lpWSPGetOverlappedResult, s, overlapped, at.0, wait, at.1);
        (yes != FALSE, errno, bytes, flags)
    };
    assert_eq!(test.send(s, &[PEND], &mut overlapped, None).0, PENDING);
    assert_eq!(ask(&mut overlapped, FALSE), (false, WSA_IO_INCOMPLETE, 4711, 4712));
    // There is no event to wait for (WSP-GOR-3).
    assert_eq!(ask(&mut overlapped, TRUE), (false, WSA_INVALID_HANDLE, 4711, 4712));
    kept().pop().unwrap().complete(Completion { flags: 6, ..Completion::of(5) });
    assert_eq!(ask(&mut overlapped, FALSE), (true, 0, 5, 6));
    assert_eq!(ask(&mut overlapped, TRUE), (true, 0, 5, 6));
    assert_eq!(test.send(s, &[PEND], &mut overlapped, None).0, PENDING);
    kept().pop().unwrap().complete(Completion { bytes: 3, ..Completion::failed(WsaError::WSAEMSGSIZE) });
    assert_eq!(ask(&mut overlapped, FALSE), (false, WSAEMSGSIZE, 4711, 4712));
    assert_eq!(ask(ptr::null_mut(), FALSE).1, WSAEFAULT);
    assert_eq!(ask((&raw mut overlapped).wrapping_byte_add(1), FALSE).1, WSAEFAULT);
    test.client.clean_up().unwrap();
}

#[test]
fn an_observer_is_told_of_operations_that_go_on_and_of_their_end() {
    static TOLD: Mutex<Vec<(usize, bool)>> = Mutex::new(Vec::new());
    let test = Test::new();
    completion::observe(|at, over| TOLD.lock().unwrap().push((at.addr(), over)));
    let s = test.socket(SOCK_STREAM);
    let mut overlapped = untouched(ptr::null_mut());
    let at = (&raw const overlapped).addr();
    let told = || {
        let mut told = TOLD.lock().unwrap();
        let mine: Vec<_> = told.drain(..).filter(|(address, _)| *address == at).map(|(_, over)| over).collect();
        mine
    };
    test.send(s, b"now", &mut overlapped, None).0.unwrap();
    assert_eq!(told(), [], "over within the call");
    test.send(s, &[PEND], &mut overlapped, None).0.unwrap_err();
    assert_eq!(told(), [false]);
    kept().pop().unwrap().complete(Completion::of(1));
    assert_eq!(told(), [true]);
    test.send(s, &[PEND], &mut overlapped, None).0.unwrap_err();
    drop(kept().pop());
    assert_eq!(told(), [false, true]);
    test.send(s, &[PEND], &mut overlapped, None).0.unwrap_err();
    kept().pop().unwrap().abort_silently();
    assert_eq!(told(), [false, true]);
    test.client.clean_up().unwrap();
}
