//! From a call of the API into a provider and back (contract: transport, section 2).

use std::ffi::c_void;
use std::ops::Deref;
use std::sync::Arc;

use windlass_abi::{
    BOOL, FALSE, GUID, INVALID_SOCKET, ProcTable, SOCKET, SOCKET_ERROR, WSA_OPERATION_ABORTED, WSAECANCELLED, WSAEINTR,
    WSAPROTOCOL_INFOW, WSASYSCALLFAILURE, WsaError,
};
use windlass_catalog::ProtocolEntry;

use crate::base;
use crate::function::Function;
use crate::handles::{self, Binding, State};
use crate::loader::calls;
use crate::loader::instance::{self, Inside};
use crate::process;
use crate::providers;
use crate::report::{self, Counter, Violation};
use crate::session::Session;
use crate::thread;

/// A call that is inside a provider, which stays loaded until this is dropped (RT-1).
///
/// Dereferences to the provider's table. The caller presets an error slot to 0 (LC-ERR-7), calls one function, and
/// hands result and slot to [`finish`](Self::finish) or a sibling:
///
/// ```text
/// let entered = windlass_runtime::enter(s, Function::Send)?;
/// let mut errno = 0;
/// let rc = unsafe { (entered.lpWSPSend)(s, buffers, 1, &mut sent, flags, null_mut(), None, &mut thread_id, &mut errno) };
/// entered.finish(rc, errno)
/// ```
#[must_use = "the provider stays entered only while this lives"]
pub struct Entered {
    inside: Inside,
    function: Function,
    /// What the handle was bound to; absent for calls that are not about a socket.
    binding: Option<Binding>,
    entry_id: u32,
}

/// Finds the provider of a socket handle, and enters it. Takes no lock.
///
/// # Errors
/// `WSANOTINITIALISED`: Winsock is not started. `WSAENOTSOCK`: no open socket has this handle (API-9). Both are reported.
#[inline(always)]
pub fn enter(s: SOCKET, function: Function) -> Result<Entered, WsaError> {
    let binding = handles::look_up(s);
    if binding.is_open() {
        let number = binding.instance();
        if let Some(inside) = instance::at(number).enter(number) {
            // The place may have been another provider's when it was looked up; the handle says whose it is now.
            if handles::is_unchanged(s, binding) {
                return Ok(Entered { inside, function, binding: Some(binding), entry_id: binding.entry_id() });
            }
        }
    }
    enter_again(s, function)
}

/// The slow way: the handle is not usable, or changed at this very moment.
#[cold]
fn enter_again(s: SOCKET, function: Function) -> Result<Entered, WsaError> {
    loop {
        let binding = handles::look_up(s);
        let number = binding.instance();
        let inside = if binding.is_open() { instance::at(number).enter(number) } else { None };
        if !handles::is_unchanged(s, binding) {
            continue;
        }
        return match inside {
            Some(inside) => Ok(Entered { inside, function, binding: Some(binding), entry_id: binding.entry_id() }),
            None => Err(refuse(s, binding.state(), function)),
        };
    }
}

/// Why a handle cannot be used; reported.
fn refuse(s: SOCKET, state: State, function: Function) -> WsaError {
    if !process::is_started() {
        return process::not_started(function);
    }
    let kind = match (state, function) {
        (State::Empty, _) => Violation::UnknownHandle,
        (State::Closing(_) | State::Closed, Function::CloseSocket) => Violation::HandleClosedTwice,
        // Open, but of a provider that was cleaned up.
        _ => Violation::StaleHandle,
    };
    report::violation(kind, function, Some(s));
    WsaError::WSAENOTSOCK
}

/// Enters the provider of a catalog entry; starts it on first demand (WSA-STARTUP-10).
///
/// # Errors
/// Those of starting: `WSAEPROVIDERFAILEDINIT`, `WSAEINVALIDPROCTABLE`, `WSAEINVALIDPROVIDER`; no other entry is tried
/// (SEL-10). `WSANOTINITIALISED`.
pub(crate) fn enter_entry(
    session: &Arc<Session>,
    entry: &ProtocolEntry,
    function: Function,
) -> Result<Entered, WsaError> {
    loop {
        let (instance, sequence) = providers::demand(session, entry)?;
        let inside = instance.enter(instance.number());
        if let Some(inside) = inside.filter(|inside| inside.is_of(sequence)) {
            return Ok(Entered { inside, function, binding: None, entry_id: entry.id });
        }
        // It was cleaned up since: the session is ending, which the next demand finds out.
    }
}

impl Entered {
    /// The catalog entry that the call goes to: that of the socket, or the one chosen.
    pub fn entry_id(&self) -> u32 {
        self.entry_id
    }

    /// The function of the API that made the call.
    pub fn function(&self) -> Function {
        self.function
    }

    /// The catalog entry that the call goes to, as the process sees it; `None` if it is not in the snapshot any more.
    pub fn info(&self) -> Option<WSAPROTOCOL_INFOW> {
        let entry = process::current().find(|session| session.entry(self.entry_id));
        entry.ok().flatten().map(|entry| entry.info())
    }

    /// Ends a call that returns an int: an error goes to the thread (RT-2). Returns `rc`.
    #[inline]
    pub fn finish(self, rc: i32, errno: i32) -> i32 {
        self.end(rc == SOCKET_ERROR, errno);
        rc
    }

    /// Ends a call that returns a BOOL. Returns `ok`.
    #[inline]
    pub fn finish_bool(self, ok: BOOL, errno: i32) -> BOOL {
        self.end(ok == FALSE, errno);
        ok
    }

    /// Ends a call that returns a new socket: WSPSocket, WSPAccept, or WSPJoinLeaf, which may also return the socket `s` that
    /// it was given. Returns the socket, or `INVALID_SOCKET` with the error in the thread, also for a handle that is not
    /// registered: `WSANOTINITIALISED` if the last clean-up took it away at once, else `WSASYSCALLFAILURE`, the provider's mistake.
    #[inline]
    pub fn finish_socket(self, new: SOCKET, errno: i32) -> SOCKET {
        self.new_socket(new, errno).unwrap_or_else(|error| {
            thread::set_last_error(error.code());
            INVALID_SOCKET
        })
    }

    /// See [`finish_socket`](Self::finish_socket).
    pub(crate) fn new_socket(self, new: SOCKET, errno: i32) -> Result<SOCKET, WsaError> {
        base::made(new);
        if new == INVALID_SOCKET {
            return Err(error_of(errno));
        }
        // A layer may have handed it to another provider of its chain: any registration makes it usable.
        if !handles::look_up(new).is_open() {
            let ending = !self.inside.instance().is_open();
            return Err(if ending { WsaError::WSANOTINITIALISED } else { WsaError::WSASYSCALLFAILURE });
        }
        report::socket_opened(new, self.function);
        Ok(new)
    }

    /// Ends a call whose result the caller handles itself: the error that the API function has, if it failed (LC-ERR-6).
    #[inline]
    pub fn result(self, failed: bool, errno: i32) -> Result<(), WsaError> {
        self.count(failed, errno);
        if failed { Err(error_of(errno)) } else { Ok(()) }
    }

    /// The address of an extension function of the provider, asked for with `s`, one of its sockets (API-X1). It can be called
    /// while this lives.
    ///
    /// # Errors
    /// `WSAEOPNOTSUPP`: the provider has none (API-X3).
    pub fn extension(&self, s: SOCKET, guid: GUID) -> Result<*const c_void, WsaError> {
        match calls::extension(self, s, guid) {
            0 => Err(WsaError::WSAEOPNOTSUPP),
            address => Ok(std::ptr::with_exposed_provenance(address)),
        }
    }

    /// What the handle was bound to when its provider was entered.
    pub(crate) fn binding(&self) -> Option<Binding> {
        self.binding
    }

    pub(crate) fn instance(&self) -> &'static instance::Instance {
        self.inside.instance()
    }

    #[inline]
    fn end(&self, failed: bool, errno: i32) {
        self.count(failed, errno);
        if failed {
            thread::set_last_error(code_of(errno));
        }
    }

    #[inline]
    fn count(&self, failed: bool, errno: i32) {
        if report::is_on() && self.function.is_transfer() {
            count_transfer(failed, errno);
        }
    }
}

impl Deref for Entered {
    type Target = ProcTable;

    #[inline]
    fn deref(&self) -> &ProcTable {
        self.inside.table()
    }
}

/// The code for the thread error: a failure without a code is the provider's mistake (LC-ERR-6).
#[inline]
fn code_of(errno: i32) -> i32 {
    if errno == 0 { WSASYSCALLFAILURE } else { errno }
}

pub(crate) fn error_of(errno: i32) -> WsaError {
    WsaError::from_code(code_of(errno))
}

#[cold]
fn count_transfer(failed: bool, errno: i32) {
    match errno {
        _ if !failed => report::count(Counter::OperationsCompleted),
        WSAEINTR | WSA_OPERATION_ABORTED | WSAECANCELLED => report::count(Counter::OperationsAborted),
        // Nothing moved, or it is not over yet.
        _ => {}
    }
}
