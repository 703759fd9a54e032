//! A transport provider, linked into the tests, that records what its functions are called with and answers as told.
//! Its sockets are handles of the runtime (not IFS).

use std::collections::BTreeSet;
use std::mem::transmute_copy;
use std::sync::{Mutex, MutexGuard};

use windlass_abi::*;

use crate::common;

/// A call of one of the 30 functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// As in the header: `WSPBind`.
    pub function: &'static str,
    /// Each argument as a machine word, without the last one, the error slot.
    pub arguments: Vec<usize>,
    /// The address and length of each `WSABUF` that was given.
    pub buffers: Vec<(usize, u32)>,
    /// The flags that a receiving function was given.
    pub flags: Option<u32>,
    /// What the error slot held; `None` if there was none.
    pub errno: Option<i32>,
}

/// What a test has a function do, before it answers.
type Hook = Box<dyn FnMut(&Call) + Send>;

struct State {
    calls: Vec<Call>,
    /// The error that every function but WSPCleanup fails with; 0 fails without one.
    failure: Option<i32>,
    hook: Option<Hook>,
    upcalls: Option<UpcallTable>,
    /// That of the last start or socket.
    entry_id: u32,
    sockets: BTreeSet<SOCKET>,
}

static STATE: Mutex<State> = Mutex::new(State {
    calls: Vec::new(),
    failure: None,
    hook: None,
    upcalls: None,
    entry_id: 0,
    sockets: BTreeSet::new(),
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().expect("no test fails while it holds the lock")
}

/// The calls since the last time.
pub fn taken() -> Vec<Call> {
    std::mem::take(&mut state().calls)
}

/// Has every function fail with an error from here on, or succeed.
pub fn fail_with(errno: Option<i32>) {
    state().failure = errno;
}

/// Has something done in each call from here on.
pub fn on_call(hook: impl FnMut(&Call) + Send + 'static) {
    state().hook = Some(Box::new(hook));
}

/// The protocols of the two entries that [`install`] makes: IPv4 streams, whose byte order is the network's and Intel's.
pub const BIG: i32 = 1000;
pub const LITTLE: i32 = 1001;

/// Installs the provider as the only one, and starts Winsock.
pub fn start() {
    assert!(windlass_runtime::builtin::register("recorder", wsp_startup));
    let entry = |n| windlass_catalog::ProtocolEntry { service_flags: Default::default(), ..common::base_entry(n) };
    let little = windlass_catalog::ProtocolEntry { byte_order: LITTLEENDIAN, ..entry(1) };
    common::install(common::provider_id(0), "builtin:recorder", &[entry(0), little]);
    start_up();
}

/// WSAStartup as a program calls it.
pub fn start_up() {
    let mut data = std::mem::MaybeUninit::<WSADATA>::uninit();
    // SAFETY: there is room for the structure.
    assert_eq!(unsafe { ws2_32::startup::WSAStartup(0x0202, data.as_mut_ptr()) }, 0);
}

/// A socket of one of the entries; nothing of it is on record.
pub fn open(protocol: i32) -> SOCKET {
    let s = ws2_32::socket::socket(AF_INET, SOCK_STREAM, protocol);
    assert_ne!(s, INVALID_SOCKET, "error {}", ws2_32::startup::WSAGetLastError());
    taken();
    s
}

/// The entry that the newest socket is of, which has to be this one.
pub fn entry_of(newest: SOCKET) -> u32 {
    assert!(state().sockets.contains(&newest));
    state().entry_id
}

unsafe extern "system" fn wsp_startup(
    version: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
    table: *mut WSPPROC_TABLE,
) -> i32 {
    let Ok(upcalls) = upcalls.complete() else { return WSAEINVALIDPROCTABLE };
    // SAFETY: the runtime's structures.
    unsafe {
        let mut state = state();
        state.upcalls = Some(upcalls);
        state.entry_id = (*info).dwCatalogEntryId;
        (*data).wVersion = version;
        (*data).wHighVersion = version;
        table.write(self::table());
    }
    NO_ERROR
}

/// What a function does with a call: its result as a machine word, the error in the slot.
///
/// # Safety
/// `errno` must be null or writable; what the arguments point to must be readable.
unsafe fn answer(slot: usize, arguments: Vec<usize>, errno: *mut i32) -> usize {
    let function = WSPPROC_TABLE::SLOTS[slot].strip_prefix("lp").expect("so begin all slots");
    // SAFETY: as the caller vouches.
    let call = unsafe { record(function, arguments, errno.as_ref().copied()) };
    let hook = state().hook.take();
    if let Some(mut hook) = hook {
        hook(&call);
        state().hook.get_or_insert(hook);
    }
    state().calls.push(call.clone());
    let failure = state().failure.filter(|_| function != "WSPCleanup");
    let makes_bool = ["WSPGetOverlappedResult", "WSPGetQOSByName"].contains(&function);
    if let Some(code) = failure {
        if code != NO_ERROR {
            // SAFETY: as the caller vouches.
            unsafe { errno.write(code) };
        }
        return if makes_bool { 0 } else { usize::MAX };
    }
    match function {
        "WSPSocket" | "WSPAccept" | "WSPJoinLeaf" => make_socket(),
        "WSPCloseSocket" => close_socket(call.arguments[0]),
        "WSPCleanup" => {
            let sockets = std::mem::take(&mut state().sockets);
            sockets.into_iter().map(close_socket).fold(0, |any, failed| any | failed)
        }
        _ => makes_bool.into(),
    }
}

/// # Safety
/// What the arguments point to must be readable.
unsafe fn record(function: &'static str, arguments: Vec<usize>, errno: Option<i32>) -> Call {
    let transfers = ["WSPSend", "WSPSendTo", "WSPRecv", "WSPRecvFrom"].contains(&function);
    let mut call = Call { function, arguments, buffers: Vec::new(), flags: None, errno };
    if transfers && call.arguments[1] != 0 {
        // SAFETY: as the caller vouches.
        let buffers = unsafe { std::slice::from_raw_parts(call.arguments[1] as *const WSABUF, call.arguments[2]) };
        call.buffers = buffers.iter().map(|buffer| (buffer.buf as usize, buffer.len)).collect();
    }
    if function.starts_with("WSPRecv") && transfers && call.arguments[4] != 0 {
        // SAFETY: as the caller vouches.
        call.flags = Some(unsafe { (call.arguments[4] as *const u32).read() });
    }
    if function == "WSPSocket" {
        // SAFETY: as the caller vouches.
        state().entry_id = unsafe { (*(call.arguments[3] as *const WSAPROTOCOL_INFOW)).dwCatalogEntryId };
    }
    call
}

/// The upcalls of the last start.
pub fn upcalls() -> UpcallTable {
    state().upcalls.expect("the provider is started")
}

fn make_socket() -> SOCKET {
    let (upcalls, mut errno) = (upcalls(), 0);
    let entry_id = state().entry_id;
    // SAFETY: an upcall of the runtime, with a valid pointer.
    let s = unsafe { (upcalls.lpWPUCreateSocketHandle)(entry_id, 0, &raw mut errno) };
    assert_eq!(errno, NO_ERROR);
    state().sockets.insert(s);
    s
}

fn close_socket(s: SOCKET) -> usize {
    let (upcalls, mut errno) = (upcalls(), 0);
    state().sockets.remove(&s);
    // SAFETY: an upcall of the runtime, with a valid pointer.
    unsafe { (upcalls.lpWPUCloseSocketHandle)(s, &raw mut errno) as usize }
}

/// An argument or a result, as a machine word: a sign is kept, as a register does.
trait Word: Copy {
    fn to_word(self) -> usize;
    fn from_word(word: usize) -> Self;
}

macro_rules! words {
    ($([$($generic:tt)*] $ty:ty,)*) => {
        $(impl<$($generic)*> Word for $ty {
            fn to_word(self) -> usize {
                self as usize
            }

            fn from_word(word: usize) -> Self {
                word as Self
            }
        })*
    };
}

words! { [] i32, [] u32, [] usize, [T] *const T, [T] *mut T, }

/// A function of the client's.
impl<F: Copy> Word for Option<F> {
    fn to_word(self) -> usize {
        const { assert!(size_of::<Self>() == size_of::<usize>()) }
        // SAFETY: a nullable function pointer has the size of an address.
        unsafe { transmute_copy(&self) }
    }

    fn from_word(_: usize) -> Self {
        None
    }
}

/// A type of function in the table, and one of that type that records under the number of a slot.
trait Recording {
    fn of<const SLOT: usize>() -> Self;
}

macro_rules! recording {
    ($($arg:ident)*) => {
        impl<$($arg: Word,)* R: Word> Recording for unsafe extern "system" fn($($arg,)* *mut i32) -> R {
            fn of<const SLOT: usize>() -> Self {
                #[allow(non_snake_case, clippy::too_many_arguments, reason = "one name for an argument and its type")]
                unsafe extern "system" fn record<$($arg: Word,)* R: Word, const SLOT: usize>(
                    $($arg: $arg,)*
                    errno: *mut i32,
                ) -> R {
                    // SAFETY: the arguments are those of the runtime.
                    R::from_word(unsafe { answer(SLOT, vec![$($arg.to_word()),*], errno) })
                }
                record::<$($arg,)* R, SLOT>
            }
        }
    };
}

recording!();
recording!(A);
recording!(A B);
recording!(A B C);
recording!(A B C D);
recording!(A B C D E);
recording!(A B C D E F);
recording!(A B C D E F G);
recording!(A B C D E F G H);
recording!(A B C D E F G H I);
recording!(A B C D E F G H I J);

macro_rules! table {
    ($($slot:ident)*) => {{
        #[allow(non_camel_case_types, clippy::enum_variant_names, reason = "the slots of the table, counted")]
        enum Number { $($slot),* }
        WSPPROC_TABLE { $($slot: Some(Recording::of::<{ Number::$slot as usize }>()),)* }
    }};
}

/// The table, in its order.
fn table() -> WSPPROC_TABLE {
    table! {
        lpWSPAccept lpWSPAddressToString lpWSPAsyncSelect lpWSPBind lpWSPCancelBlockingCall lpWSPCleanup
        lpWSPCloseSocket lpWSPConnect lpWSPDuplicateSocket lpWSPEnumNetworkEvents lpWSPEventSelect
        lpWSPGetOverlappedResult lpWSPGetPeerName lpWSPGetSockName lpWSPGetSockOpt lpWSPGetQOSByName lpWSPIoctl
        lpWSPJoinLeaf lpWSPListen lpWSPRecv lpWSPRecvDisconnect lpWSPRecvFrom lpWSPSelect lpWSPSend
        lpWSPSendDisconnect lpWSPSendTo lpWSPSetSockOpt lpWSPShutdown lpWSPSocket lpWSPStringToAddress
    }
}
