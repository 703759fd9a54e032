//! Providers that are linked into the tests: they record what they are called with, and do what a test tells them.
#![allow(unsafe_code, reason = "the provider's side of the SPI is made of raw pointers")]

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use windlass_abi::*;

use super::{base_entry, install, provider_id};

/// How many providers there are.
pub const FAKES: usize = 4;

/// What a call looks like to a test's hook.
pub struct Call {
    pub name: &'static str,
    /// The socket of the call; `INVALID_SOCKET` if it has none.
    pub s: SOCKET,
    pub fake: &'static Fake,
}

/// What a function answers: its result, and what it stores as its error.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub result: usize,
    pub errno: i32,
}

pub const fn succeed() -> Option<Answer> {
    Some(Answer { result: 0, errno: 0 })
}

/// The result is -1 in any width.
pub const fn fail(errno: i32) -> Option<Answer> {
    Some(Answer { result: usize::MAX, errno })
}

/// Decides what a function answers; `None` for the default.
type Hook = Arc<dyn Fn(&Call) -> Option<Answer> + Send + Sync>;

/// How WSPStartup behaves.
#[derive(Clone)]
pub struct Startup {
    pub result: i32,
    pub version: u16,
    /// The slot of the table that is null.
    pub hole: Option<usize>,
}

/// One provider.
pub struct Fake {
    state: Mutex<Option<State>>,
    cancelled: Condvar,
}

struct State {
    /// The first of them, in order.
    calls: Vec<String>,
    counts: HashMap<&'static str, usize>,
    hooks: HashMap<&'static str, Hook>,
    startup: Startup,
    upcalls: Option<WSPUPCALLTABLE>,
    infos: Vec<WSAPROTOCOL_INFOW>,
    requests: Vec<[i32; 5]>,
    /// Open sockets, and whether the runtime made the handle.
    sockets: BTreeMap<SOCKET, bool>,
    /// Whether sockets are IFS handles.
    ifs: bool,
    /// Starts without a clean-up.
    starts: u64,
    /// Last clean-ups; blocking calls end when it changes.
    cleanups: u64,
    blocked: usize,
}

static FAKE_PROVIDERS: [Fake; FAKES] = [const { Fake { state: Mutex::new(None), cancelled: Condvar::new() } }; FAKES];

/// Provider n.
pub fn fake(n: usize) -> &'static Fake {
    &FAKE_PROVIDERS[n]
}

/// Links provider n in and installs base entry n for it; returns the entry's id.
pub fn install_fake(n: usize) -> u32 {
    register(n);
    install(provider_id(n), &module(n), &[base_entry(n)])[0]
}

/// Links provider n in.
pub fn register(n: usize) {
    let names = ["fake0", "fake1", "fake2", "fake3"];
    let entries: [WspStartupFn; FAKES] = [wsp_startup::<0>, wsp_startup::<1>, wsp_startup::<2>, wsp_startup::<3>];
    assert!(windlass_runtime::builtin::register(names[n], entries[n]));
}

/// The module path of provider n.
pub fn module(n: usize) -> String {
    format!("builtin:fake{n}")
}

impl Fake {
    fn state(&self) -> MutexGuard<'_, Option<State>> {
        let mut state = self.state.lock().unwrap();
        state.get_or_insert_with(|| State {
            calls: Vec::new(),
            counts: HashMap::new(),
            hooks: HashMap::new(),
            startup: Startup { result: 0, version: 0x0202, hole: None },
            upcalls: None,
            infos: Vec::new(),
            requests: Vec::new(),
            sockets: BTreeMap::new(),
            ifs: true,
            starts: 0,
            cleanups: 0,
            blocked: 0,
        });
        state
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(self.state().as_mut().unwrap())
    }

    /// The names of the functions that were called, in order; of the first ten thousand calls.
    pub fn calls(&self) -> Vec<String> {
        self.with(|state| state.calls.clone())
    }

    /// How often a function was called.
    pub fn count(&self, name: &str) -> usize {
        self.with(|state| state.counts.get(name).copied().unwrap_or(0))
    }

    pub fn on(&self, name: &'static str, hook: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) {
        self.with(|state| state.hooks.insert(name, Arc::new(hook)));
    }

    pub fn set_startup(&self, startup: Startup) {
        self.with(|state| state.startup = startup);
    }

    pub fn set_ifs(&self, ifs: bool) {
        self.with(|state| state.ifs = ifs);
    }

    /// The upcalls of the last start.
    pub fn upcalls(&self) -> UpcallTable {
        let table = self.with(|state| state.upcalls).expect("started once");
        match table.complete() {
            Ok(table) => table,
            Err(hole) => panic!("{hole} is null"),
        }
    }

    /// The structures of WSPStartup and WSPSocket, in order.
    pub fn infos(&self) -> Vec<WSAPROTOCOL_INFOW> {
        self.with(|state| state.infos.clone())
    }

    /// The other arguments of WSPSocket: af, type, protocol, group, flags.
    pub fn requests(&self) -> Vec<[i32; 5]> {
        self.with(|state| state.requests.clone())
    }

    pub fn sockets(&self) -> Vec<SOCKET> {
        self.with(|state| state.sockets.keys().copied().collect())
    }

    /// How many calls block inside.
    pub fn blocked(&self) -> usize {
        self.with(|state| state.blocked)
    }

    /// Blocks until the next last clean-up, as a receive without data does.
    pub fn block(&self) -> Option<Answer> {
        let mut guard = self.state();
        let before = guard.as_ref().unwrap().cleanups;
        if guard.as_ref().unwrap().starts == 0 {
            // The call was on its way in when the last clean-up came.
            return fail(WSANOTINITIALISED);
        }
        guard.as_mut().unwrap().blocked += 1;
        let mut guard = self.cancelled.wait_while(guard, |state| state.as_ref().unwrap().cleanups == before).unwrap();
        guard.as_mut().unwrap().blocked -= 1;
        fail(WSAEINTR)
    }

    fn called(&'static self, name: &'static str, s: SOCKET) -> Option<Answer> {
        let hook = self.with(|state| {
            *state.counts.entry(name).or_default() += 1;
            if state.calls.len() < 10_000 {
                state.calls.push(name.into());
            }
            state.hooks.get(name).cloned()
        });
        hook.and_then(|hook| hook(&Call { name, s, fake: self }))
    }

    fn make_socket(&self, entry_id: u32) -> Answer {
        let mut errno = 0;
        let upcalls = self.upcalls();
        let s = if self.with(|state| state.ifs) {
            let object = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
            // SAFETY: an upcall of the runtime, with a valid pointer.
            let s = unsafe { (upcalls.lpWPUModifyIFSHandle)(entry_id, object.as_raw_fd() as SOCKET, &mut errno) };
            if s != INVALID_SOCKET {
                // Ours by number from here.
                let _ = object.into_raw_fd();
            }
            s
        } else {
            // SAFETY: as above.
            unsafe { (upcalls.lpWPUCreateSocketHandle)(entry_id, 0xC0FFEE, &mut errno) }
        };
        let created = self.with(|state| !state.ifs);
        if s != INVALID_SOCKET && !self.with(|state| state.starts > 0 && state.sockets.insert(s, created).is_none()) {
            // The last clean-up came meanwhile.
            self.close_handle(s, created);
            return Answer { result: INVALID_SOCKET, errno: WSANOTINITIALISED };
        }
        Answer { result: s, errno }
    }

    /// Closes a socket, as WSPCloseSocket does by default.
    pub fn release(&self, s: SOCKET) -> Option<Answer> {
        match self.with(|state| state.sockets.remove(&s)) {
            None => fail(WSAENOTSOCK),
            Some(created) => {
                self.close_handle(s, created);
                succeed()
            }
        }
    }

    fn close_handle(&self, s: SOCKET, created: bool) {
        let mut errno = 0;
        if created {
            // SAFETY: an upcall of the runtime, with a valid pointer.
            let rc = unsafe { (self.upcalls().lpWPUCloseSocketHandle)(s, &mut errno) };
            // Unless the program closed a handle that it had not been given yet.
            assert!((rc, errno) == (0, 0) || errno == WSAENOTSOCK, "{errno}");
        } else {
            // SAFETY: the provider made this descriptor, and forgot it just now.
            unsafe { rustix::io::close(s as i32) };
        }
    }

    fn clean_up(&self) {
        let sockets = self.with(|state| {
            state.starts -= 1;
            if state.starts > 0 {
                return BTreeMap::new();
            }
            state.cleanups += 1;
            std::mem::take(&mut state.sockets)
        });
        self.cancelled.notify_all();
        for (s, created) in sockets {
            self.close_handle(s, created);
        }
    }
}

unsafe extern "system" fn wsp_startup<const N: usize>(
    version: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
    table: *mut WSPPROC_TABLE,
) -> i32 {
    let fake = fake(N);
    assert_eq!(version, 0x0202);
    // SAFETY: the runtime's structure.
    let info = unsafe { *info };
    fake.with(|state| {
        state.upcalls = Some(upcalls);
        state.infos.push(info);
    });
    if let Some(answer) = fake.called("WSPStartup", INVALID_SOCKET) {
        return answer.errno;
    }
    let startup = fake.with(|state| state.startup.clone());
    // SAFETY: the runtime's structures.
    unsafe {
        (*data).wVersion = startup.version;
        (*data).wHighVersion = startup.version;
        *table = table_of::<N>();
        if let Some(slot) = startup.hole {
            table.cast::<usize>().add(slot).write(0);
        }
    }
    if startup.result == 0 {
        fake.with(|state| state.starts += 1);
    }
    startup.result
}

/// The answer of a function, its error stored.
///
/// # Safety
/// `errno` may be written.
unsafe fn answer(default: Answer, answered: Option<Answer>, errno: *mut i32) -> usize {
    let answer = answered.unwrap_or(default);
    if answer.errno != 0 {
        // SAFETY: the caller promises it.
        unsafe { errno.write(answer.errno) };
    }
    answer.result
}

const REFUSED: Answer = Answer { result: usize::MAX, errno: WSAEOPNOTSUPP };

macro_rules! functions {
    ($($slot:ident: $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty, $socket:expr;)*) => {
        $(
            #[allow(non_snake_case, unused_variables, clippy::too_many_arguments, reason = "as in the header")]
            unsafe extern "system" fn $name<const N: usize>($($arg: $ty,)* errno: *mut i32) -> $ret {
                let answered = fake(N).called(stringify!($name), $socket);
                // SAFETY: the caller's slot.
                (unsafe { answer(REFUSED, answered, errno) }) as $ret
            }
        )*

        fn table_of<const N: usize>() -> WSPPROC_TABLE {
            WSPPROC_TABLE {
                $($slot: Some($name::<N>),)*
                lpWSPCleanup: Some(wsp_cleanup::<N>),
                lpWSPCloseSocket: Some(wsp_close_socket::<N>),
                lpWSPSocket: Some(wsp_socket::<N>),
                lpWSPRecv: Some(wsp_recv::<N>),
            }
        }
    };
}

functions! {
    lpWSPAccept: WSPAccept(s: SOCKET, addr: *mut SOCKADDR, len: *mut i32, c: LPCONDITIONPROC, d: usize) -> SOCKET, s;
    lpWSPAddressToString: WSPAddressToString(a: *mut SOCKADDR, n: u32, i: *mut WSAPROTOCOL_INFOW, t: *mut u16, l: *mut u32) -> i32, INVALID_SOCKET;
    lpWSPAsyncSelect: WSPAsyncSelect(s: SOCKET, w: HWND, m: u32, e: i32) -> i32, s;
    lpWSPBind: WSPBind(s: SOCKET, name: *const SOCKADDR, len: i32) -> i32, s;
    lpWSPCancelBlockingCall: WSPCancelBlockingCall() -> i32, INVALID_SOCKET;
    lpWSPConnect: WSPConnect(s: SOCKET, name: *const SOCKADDR, len: i32, a: *mut WSABUF, b: *mut WSABUF, c: *mut QOS, d: *mut QOS) -> i32, s;
    lpWSPDuplicateSocket: WSPDuplicateSocket(s: SOCKET, p: u32, i: *mut WSAPROTOCOL_INFOW) -> i32, s;
    lpWSPEnumNetworkEvents: WSPEnumNetworkEvents(s: SOCKET, e: WSAEVENT, n: *mut WSANETWORKEVENTS) -> i32, s;
    lpWSPEventSelect: WSPEventSelect(s: SOCKET, e: WSAEVENT, n: i32) -> i32, s;
    lpWSPGetOverlappedResult: WSPGetOverlappedResult(s: SOCKET, o: *mut WSAOVERLAPPED, t: *mut u32, w: BOOL, f: *mut u32) -> BOOL, s;
    lpWSPGetPeerName: WSPGetPeerName(s: SOCKET, name: *mut SOCKADDR, len: *mut i32) -> i32, s;
    lpWSPGetSockName: WSPGetSockName(s: SOCKET, name: *mut SOCKADDR, len: *mut i32) -> i32, s;
    lpWSPGetSockOpt: WSPGetSockOpt(s: SOCKET, l: i32, o: i32, v: *mut u8, n: *mut i32) -> i32, s;
    lpWSPGetQOSByName: WSPGetQOSByName(s: SOCKET, n: *mut WSABUF, q: *mut QOS) -> BOOL, s;
    lpWSPIoctl: WSPIoctl(s: SOCKET, c: u32, i: *mut c_void, n: u32, o: *mut c_void, m: u32, r: *mut u32, ov: *mut WSAOVERLAPPED, f: LPWSAOVERLAPPED_COMPLETION_ROUTINE, t: *mut WSATHREADID) -> i32, s;
    lpWSPJoinLeaf: WSPJoinLeaf(s: SOCKET, name: *const SOCKADDR, len: i32, a: *mut WSABUF, b: *mut WSABUF, c: *mut QOS, d: *mut QOS, f: u32) -> SOCKET, s;
    lpWSPListen: WSPListen(s: SOCKET, backlog: i32) -> i32, s;
    lpWSPRecvDisconnect: WSPRecvDisconnect(s: SOCKET, d: *mut WSABUF) -> i32, s;
    lpWSPRecvFrom: WSPRecvFrom(s: SOCKET, b: *mut WSABUF, n: u32, r: *mut u32, f: *mut u32, a: *mut SOCKADDR, l: *mut i32, ov: *mut WSAOVERLAPPED, c: LPWSAOVERLAPPED_COMPLETION_ROUTINE, t: *mut WSATHREADID) -> i32, s;
    lpWSPSelect: WSPSelect(n: i32, r: *mut FD_SET, w: *mut FD_SET, e: *mut FD_SET, t: *const TIMEVAL) -> i32, INVALID_SOCKET;
    lpWSPSend: WSPSend(s: SOCKET, b: *mut WSABUF, n: u32, r: *mut u32, f: u32, ov: *mut WSAOVERLAPPED, c: LPWSAOVERLAPPED_COMPLETION_ROUTINE, t: *mut WSATHREADID) -> i32, s;
    lpWSPSendDisconnect: WSPSendDisconnect(s: SOCKET, d: *mut WSABUF) -> i32, s;
    lpWSPSendTo: WSPSendTo(s: SOCKET, b: *mut WSABUF, n: u32, r: *mut u32, f: u32, a: *const SOCKADDR, l: i32, ov: *mut WSAOVERLAPPED, c: LPWSAOVERLAPPED_COMPLETION_ROUTINE, t: *mut WSATHREADID) -> i32, s;
    lpWSPSetSockOpt: WSPSetSockOpt(s: SOCKET, l: i32, o: i32, v: *const u8, n: i32) -> i32, s;
    lpWSPShutdown: WSPShutdown(s: SOCKET, how: i32) -> i32, s;
    lpWSPStringToAddress: WSPStringToAddress(t: *mut u16, f: i32, i: *mut WSAPROTOCOL_INFOW, a: *mut SOCKADDR, l: *mut i32) -> i32, INVALID_SOCKET;
}

unsafe extern "system" fn wsp_cleanup<const N: usize>(errno: *mut i32) -> i32 {
    let answered = fake(N).called("WSPCleanup", INVALID_SOCKET);
    fake(N).clean_up();
    // SAFETY: the caller's slot.
    (unsafe { answer(Answer { result: 0, errno: 0 }, answered, errno) }) as i32
}

unsafe extern "system" fn wsp_socket<const N: usize>(
    af: i32,
    kind: i32,
    protocol: i32,
    info: *mut WSAPROTOCOL_INFOW,
    g: GROUP,
    flags: u32,
    errno: *mut i32,
) -> SOCKET {
    // SAFETY: the runtime's structure.
    let info = unsafe { *info };
    fake(N).with(|state| {
        state.infos.push(info);
        state.requests.push([af, kind, protocol, g as i32, flags as i32]);
    });
    let answered = fake(N).called("WSPSocket", INVALID_SOCKET);
    let answered = answered.unwrap_or_else(|| fake(N).make_socket(info.dwCatalogEntryId));
    // SAFETY: the caller's slot.
    unsafe { answer(answered, None, errno) }
}

unsafe extern "system" fn wsp_close_socket<const N: usize>(s: SOCKET, errno: *mut i32) -> i32 {
    let answered = fake(N).called("WSPCloseSocket", s).or_else(|| fake(N).release(s));
    // SAFETY: the caller's slot.
    (unsafe { answer(REFUSED, answered, errno) }) as i32
}

unsafe extern "system" fn wsp_recv<const N: usize>(
    s: SOCKET,
    _buffers: *mut WSABUF,
    _count: u32,
    _received: *mut u32,
    _flags: *mut u32,
    _overlapped: *mut WSAOVERLAPPED,
    _routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    _thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let answered = fake(N).called("WSPRecv", s).or_else(|| fake(N).block());
    // SAFETY: the caller's slot.
    (unsafe { answer(REFUSED, answered, errno) }) as i32
}

/// What the tests call: API functions as an export makes them, on the runtime's functions.
pub mod api {
    use super::*;
    use std::ptr::null_mut;
    use windlass_runtime::{Function, enter, thread};

    fn call(s: SOCKET, function: Function, body: impl FnOnce(&ProcTable, *mut i32) -> i32) -> i32 {
        match enter(s, function) {
            Ok(entered) => {
                let mut errno = 0;
                let rc = body(&entered, &mut errno);
                entered.finish(rc, errno)
            }
            Err(error) => thread::fail(error),
        }
    }

    fn result(rc: i32) -> Result<i32, i32> {
        if rc == SOCKET_ERROR { Err(thread::last_error()) } else { Ok(rc) }
    }

    /// `listen`
    pub fn listen(s: SOCKET) -> Result<i32, i32> {
        // SAFETY: a function of an entered provider.
        result(call(s, Function::Listen, |table, errno| unsafe { (table.lpWSPListen)(s, 5, errno) }))
    }

    /// `recv`
    pub fn recv(s: SOCKET) -> Result<i32, i32> {
        let mut byte = 0u8;
        let mut buffer = WSABUF { len: 1, buf: &mut byte };
        let (mut received, mut flags) = (0, 0);
        result(call(s, Function::Recv, |table, errno| {
            // SAFETY: a function of an entered provider; all pointers are to live locals or null.
            unsafe {
                (table.lpWSPRecv)(s, &mut buffer, 1, &mut received, &mut flags, null_mut(), None, null_mut(), errno)
            }
        }))
    }

    /// `send`
    pub fn send(s: SOCKET) -> Result<i32, i32> {
        let mut byte = 0u8;
        let mut buffer = WSABUF { len: 1, buf: &mut byte };
        let mut sent = 0;
        result(call(s, Function::Send, |table, errno| {
            // SAFETY: a function of an entered provider; all pointers are to live locals or null.
            unsafe { (table.lpWSPSend)(s, &mut buffer, 1, &mut sent, 0, null_mut(), None, null_mut(), errno) }
        }))
    }

    /// `accept`
    pub fn accept(s: SOCKET) -> Result<SOCKET, i32> {
        let entered = enter(s, Function::Accept).map_err(|error| error.code())?;
        let mut errno = 0;
        // SAFETY: a function of an entered provider.
        let new = unsafe { (entered.lpWSPAccept)(s, null_mut(), null_mut(), None, 0, &mut errno) };
        let new = entered.finish_socket(new, errno);
        if new == INVALID_SOCKET { Err(thread::last_error()) } else { Ok(new) }
    }
}
