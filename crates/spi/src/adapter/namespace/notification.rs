//! The end of an asynchronous `NSPIoctl`, told as the client asked (NSPI-2 to NSPI-4).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use windlass_abi::*;

use crate::adapter::args;
use crate::status;
use crate::transport::Result;

/// Tells a client, once, that the answers of its look-up have changed. Clones stand for the same client.
#[derive(Clone)]
pub struct Notification(Arc<Mutex<Option<Target>>>);

/// Whom to tell, and how.
struct Target {
    overlapped: *mut WSAOVERLAPPED,
    means: Means,
}

// SAFETY: the client leaves its structure to the request until that is over, on whatever thread that is.
unsafe impl Send for Target {}

enum Means {
    Event,
    Apc { routine: Routine, thread: HANDLE },
    Port { port: HANDLE, key: usize },
}

type Routine = unsafe extern "system" fn(u32, u32, *mut WSAOVERLAPPED, u32);

/// The functions of the runtime that tell a client. A provider that is linked into it is given them ([`install`]); one that
/// is loaded finds them among the exports of the process.
#[derive(Clone, Copy)]
pub struct Tellers {
    /// `WSASetEvent`.
    pub set_event: unsafe extern "system" fn(WSAEVENT) -> BOOL,
    /// `QueueUserAPC`.
    pub queue_apc: unsafe extern "system" fn(LPWSAUSERAPC, HANDLE, usize) -> u32,
    /// `PostQueuedCompletionStatus`.
    pub post: unsafe extern "system" fn(HANDLE, u32, usize, *const WSAOVERLAPPED) -> BOOL,
}

static TELLERS: OnceLock<Option<Tellers>> = OnceLock::new();

/// For the runtime, before it starts a provider. The first ones stay.
pub fn install(tellers: Tellers) {
    let _ = TELLERS.set(Some(tellers));
}

impl Notification {
    /// Reads what the client wants. `WSAEFAULT`: a pointer is null or not aligned. `WSAEOPNOTSUPP`: by a window message, or
    /// there is no runtime in this process. `WSAEINVAL`: no such means.
    ///
    /// # Safety
    /// If they are not null, the structures can be read, and the client's `WSAOVERLAPPED` written until this is over.
    pub(super) unsafe fn new(completion: *const WSACOMPLETION, thread: *const WSATHREADID) -> Result<Self> {
        // SAFETY: the caller promises it.
        let completion = unsafe { args::read(completion) }?;
        if TELLERS.get_or_init(exported).is_none() {
            return Err(WsaError::WSAEOPNOTSUPP);
        }
        // SAFETY: the type says which of the parameters there are, and each is of plain numbers and pointers.
        let (overlapped, means) = unsafe {
            match completion.Type {
                NSP_NOTIFY_EVENT => (completion.Parameters.Event.lpOverlapped, Means::Event),
                NSP_NOTIFY_APC => {
                    let apc = completion.Parameters.Apc;
                    let routine = apc.lpfnCompletionProc.ok_or(WsaError::WSAEFAULT)?;
                    (apc.lpOverlapped, Means::Apc { routine, thread: args::read(thread)?.ThreadHandle })
                }
                NSP_NOTIFY_PORT => {
                    let port = completion.Parameters.Port;
                    (port.lpOverlapped, Means::Port { port: port.hPort, key: port.Key })
                }
                NSP_NOTIFY_HWND => return Err(WsaError::WSAEOPNOTSUPP),
                _ => return Err(WsaError::WSAEINVAL),
            }
        };
        if overlapped.is_null() || !overlapped.is_aligned() {
            return Err(WsaError::WSAEFAULT);
        }
        let target = Target { overlapped, means };
        target.internal().store(WSS_OPERATION_IN_PROGRESS, Ordering::Release);
        Ok(Self(Arc::new(Mutex::new(Some(target)))))
    }

    /// The answers have changed. Only the first call tells.
    pub fn changed(&self) {
        self.end(None);
    }

    /// The look-up has ended.
    pub(super) fn abort(&self) {
        self.end(Some(WsaError::WSA_OPERATION_ABORTED));
    }

    /// The request was refused: nothing is told.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn end(&self, error: Option<WsaError>) {
        let target = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(target), Some(tellers)) = (target, TELLERS.get_or_init(exported)) {
            target.tell(tellers, error);
        }
    }
}

impl Target {
    fn internal(&self) -> &AtomicUsize {
        // SAFETY: aligned (`new`), valid until the request is over, and clients that poll only read it.
        unsafe { AtomicUsize::from_ptr(&raw mut (*self.overlapped).Internal) }
    }

    fn tell(self, tellers: &Tellers, error: Option<WsaError>) {
        let code = error.map_or(0, WsaError::code) as u32;
        // SAFETY: the client's structure, which the request has until it is over (`new`).
        let event = unsafe {
            (*self.overlapped).OffsetHigh = code;
            (*self.overlapped).InternalHigh = 0;
            (*self.overlapped).hEvent
        };
        // From here on the structure is the client's again.
        self.internal().store(error.map_or(status::STATUS_SUCCESS, status::of), Ordering::Release);
        match self.means {
            Means::Event => {
                if !event.is_null() {
                    // SAFETY: takes any handle.
                    unsafe { (tellers.set_event)(event) };
                }
            }
            Means::Port { port, key } => {
                // SAFETY: takes any handle, and does not follow the pointer.
                unsafe { (tellers.post)(port, 0, key, self.overlapped) };
            }
            Means::Apc { routine, thread } => {
                let call = Box::into_raw(Box::new(Call { routine, code, overlapped: self.overlapped }));
                // SAFETY: takes any handle; the call is run once.
                if unsafe { (tellers.queue_apc)(Some(run), thread, call.expose_provenance()) } == 0 {
                    // SAFETY: nobody else has it: the thread has ended.
                    drop(unsafe { Box::from_raw(call) });
                }
            }
        }
    }
}

/// A completion routine with its arguments.
struct Call {
    routine: Routine,
    code: u32,
    overlapped: *mut WSAOVERLAPPED,
}

unsafe extern "system" fn run(context: usize) {
    // SAFETY: `tell` made it, and it is run once.
    let call = unsafe { Box::from_raw(std::ptr::with_exposed_provenance_mut::<Call>(context)) };
    // SAFETY: the client's routine, with the arguments that it takes.
    unsafe { (call.routine)(call.code, 0, call.overlapped, 0) };
}

#[cfg(unix)]
fn exported() -> Option<Tellers> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the signatures that the names have in the API.
    unsafe {
        Some(Tellers {
            set_event: *process.get(b"WSASetEvent\0").ok()?,
            queue_apc: *process.get(b"QueueUserAPC\0").ok()?,
            post: *process.get(b"PostQueuedCompletionStatus\0").ok()?,
        })
    }
}

#[cfg(not(unix))]
fn exported() -> Option<Tellers> {
    None
}

/// The completion that asks for a poll, or for nothing else than the call's own result.
///
/// # Safety
/// If it is not null, the structure can be read.
pub(super) unsafe fn is_poll(completion: *const WSACOMPLETION) -> bool {
    // SAFETY: the caller promises it.
    completion.is_null() || unsafe { completion.read_unaligned() }.Type == NSP_NOTIFY_IMMEDIATELY
}
