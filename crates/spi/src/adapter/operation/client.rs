//! The client's side of an operation: where its end is stored, and how it is indicated.

use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windlass_abi::{
    LPWSAOVERLAPPED_COMPLETION_ROUTINE, SOCKADDR, SOCKET, WSAEVENT, WSAOVERLAPPED, WSATHREADID,
    WSS_OPERATION_IN_PROGRESS, WsaError,
};

use super::{Completion, Started};
use crate::adapter::port::Link;
use crate::adapter::provider::ThreadTag;
use crate::adapter::upcalls::ThreadId;
use crate::adapter::{args, completion};
use crate::address::Address;
use crate::events::Event;
use crate::status;
use crate::transport::Result;

/// The pointers of a call that an operation may outlive, null where the function has none.
pub(in crate::adapter) struct Ends {
    pub overlapped: *mut WSAOVERLAPPED,
    pub routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    pub thread: *mut WSATHREADID,
    /// The thread's identity was opened for the operation, which closes it when it is over.
    pub opened: bool,
    /// Written by the call alone, not if the operation pends (OV-9).
    pub bytes: *mut u32,
    /// Likewise.
    pub flags: *mut u32,
    /// Written by the end of the operation (OV-9).
    pub from: *mut SOCKADDR,
    pub from_length: *mut i32,
}

impl Ends {
    /// No pointers but these.
    pub fn new(
        overlapped: *mut WSAOVERLAPPED,
        routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
        thread: *mut WSATHREADID,
        bytes: *mut u32,
    ) -> Self {
        let (flags, from, from_length) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        Self { overlapped, routine, thread, opened: false, bytes, flags, from, from_length }
    }
}

/// What an operation keeps of the client. Dropping it while the operation is pending aborts it.
pub(in crate::adapter) struct Client {
    overlapped: NonNull<WSAOVERLAPPED>,
    bytes: *mut u32,
    flags: *mut u32,
    from: *mut SOCKADDR,
    from_length: *mut i32,
    means: Means,
    /// The low bit of `hEvent` says that there is to be no packet (WPU-COR-4).
    no_packet: bool,
    link: Arc<Link>,
    /// Who started it.
    thread: ThreadTag,
    pending: bool,
}

/// How the end is indicated (OV-4), beside the packet if a port is associated.
enum Means {
    /// The client polls.
    Nothing,
    /// On a handle of the system.
    Event(Event),
    /// `hEvent` is the client's own (OV-4).
    Routine { routine: Routine, thread: ThreadId, opened: bool },
    /// On a handle that the runtime made, which alone knows whether a port is attached: `WPUCompleteOverlappedRequest`
    /// (OV-19).
    Runtime(SOCKET),
}

type Routine = unsafe extern "system" fn(u32, u32, *mut WSAOVERLAPPED, u32);

// SAFETY: the client leaves the memory to the operation until it is over, on whatever thread that is (OV-10).
unsafe impl Send for Client {}
// SAFETY: nothing can be done through a reference.
unsafe impl Sync for Client {}

impl Client {
    /// `WSAEFAULT`: the structure is not aligned, or there is a routine and no thread to run it. `WSAEINVAL`: a routine on a
    /// socket that is associated with a port, which excludes the other on Windows too.
    ///
    /// # Safety
    /// Every pointer is null or valid: `bytes` and `flags` until the call returns, the thread while this runs, the rest until the
    /// operation is over.
    pub unsafe fn new(ends: &Ends, handle: SOCKET, is_ifs: bool, link: &Arc<Link>) -> Result<Self> {
        let overlapped = NonNull::new(ends.overlapped).filter(|at| at.is_aligned()).ok_or(WsaError::WSAEFAULT)?;
        // SAFETY: not null, and the client's.
        let event = unsafe { (*overlapped.as_ptr()).hEvent };
        let means = match ends.routine {
            Some(_) if link.port().is_some() => return Err(WsaError::WSAEINVAL),
            Some(routine) => {
                // SAFETY: null or readable; copied, since it is on the caller's stack (RT-9).
                let thread = unsafe { args::read(ends.thread) }?;
                Means::Routine { routine, thread: ThreadId::from_raw(&thread), opened: ends.opened }
            }
            None if !is_ifs => Means::Runtime(handle),
            None => event_of(event).map_or(Means::Nothing, Means::Event),
        };
        let Ends { bytes, flags, from, from_length, .. } = *ends;
        let no_packet = event.addr() & 1 != 0;
        let (link, thread) = (link.clone(), ThreadTag::current());
        Ok(Self { overlapped, bytes, flags, from, from_length, means, no_packet, link, thread, pending: false })
    }

    pub fn pend(&mut self) -> Result<()> {
        let event = match &self.means {
            Means::Event(event) => Some(*event),
            Means::Runtime(_) => {
                // SAFETY: `new` demands it.
                event_of(unsafe { (*self.overlapped.as_ptr()).hEvent })
            }
            Means::Nothing | Means::Routine { .. } => None,
        };
        if let Some(event) = event {
            self.link.upcalls.reset_event(event)?;
        }
        self.begin_pending();
        Ok(())
    }

    fn begin_pending(&mut self) {
        self.internal().store(WSS_OPERATION_IN_PROGRESS, Ordering::Release);
        // They are the caller's again when the call returns.
        self.bytes = ptr::null_mut();
        self.flags = ptr::null_mut();
        self.pending = true;
        completion::tell_observer(self.overlapped.as_ptr(), false);
    }

    /// Resets the event, as a start does. `WSA_INVALID_HANDLE`: it is none.
    pub fn reset_event(&self) -> Result<()> {
        if matches!(self.means, Means::Routine { .. }) {
            return Ok(());
        }
        // SAFETY: `new` demands it.
        match event_of(unsafe { (*self.overlapped.as_ptr()).hEvent }) {
            Some(event) => self.link.upcalls.reset_event(event),
            None => Ok(()),
        }
    }

    /// The operation goes on below already, so it does here, whatever the event is. Once.
    pub fn pend_anyway(&mut self) {
        if !self.pending && self.pend().is_err() {
            self.begin_pending();
        }
    }

    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// The address of the structure.
    pub fn address(&self) -> usize {
        self.overlapped.as_ptr().addr()
    }

    /// Who started it.
    pub fn thread(&self) -> ThreadTag {
        self.thread
    }

    /// Stores where a datagram came from.
    pub fn store_source(&self, from: &Address) {
        if !self.from.is_null() {
            // The room was checked before anything was received.
            // SAFETY: `new` demands it.
            let _ = unsafe { args::store_name(from, self.from, self.from_length) };
        }
    }

    /// Whether somebody may wait for the end elsewhere than at a port.
    pub fn is_waited_for(&self) -> bool {
        !matches!(self.means, Means::Nothing)
    }

    pub fn complete(mut self, completion: &Completion) -> Started {
        if self.link.upcalls.is_silenced() {
            // The client is not told, so that it must not find a success either: this ends as all that the last clean-up
            // finds pending, also if the call that has started it goes on still (WSP-CLEANUP-9).
            if !self.pending {
                // Of what is no event there is nothing to reset.
                let _ = self.pend();
            }
            self.abort_silently();
            return Started::Pending;
        }
        let at_once = !self.leave_pending();
        self.no_packet |= at_once && self.link.skips_success();
        if let Some(from) = &completion.from {
            self.store_source(from);
        }
        // SAFETY: `new` demands it; they are null once the operation has pended.
        unsafe {
            args::store(self.bytes, completion.bytes);
            args::store(self.flags, completion.flags);
        }
        self.end(completion, true);
        Started::Completed
    }

    pub fn abort_silently(mut self) {
        self.leave_pending();
        self.end(&Completion::failed(WsaError::WSA_OPERATION_ABORTED), false);
    }

    /// False if it did not pend.
    fn leave_pending(&mut self) -> bool {
        let pended = std::mem::take(&mut self.pending);
        if pended {
            completion::tell_observer(self.overlapped.as_ptr(), true);
        }
        pended
    }

    /// Stores the result, and indicates it.
    fn end(&mut self, completion: &Completion, tell: bool) {
        let code = completion.error.map_or(0, WsaError::code);
        let overlapped = self.overlapped.as_ptr();
        // SAFETY: `new` demands it. These two are the provider's alone (OV-18).
        unsafe {
            (*overlapped).OffsetHigh = code as u32;
            (*overlapped).Offset = completion.flags;
        }
        match &self.means {
            Means::Runtime(handle) if tell => {
                let (bytes, code) = (completion.bytes, code as u32);
                // SAFETY: `new` demands it.
                if unsafe { completion::complete_overlapped_request(*handle, overlapped, code, bytes) }.is_err() {
                    // There is no such runtime, or the handle is gone: nobody but who polls can be told.
                    self.store(completion);
                }
            }
            Means::Event(event) if tell => {
                let event = *event;
                self.store(completion);
                // The client may have closed it; then nobody waits for it.
                let _ = self.link.upcalls.set_event(event);
                self.post(completion);
            }
            Means::Routine { routine, thread, .. } if tell => {
                let call = Call {
                    routine: *routine,
                    code: code as u32,
                    bytes: completion.bytes,
                    overlapped,
                    flags: completion.flags,
                };
                self.store(completion);
                // The thread may have ended: its routines go with it (WPU-APC-5, API-19).
                let _ = self.link.upcalls.queue_apc(thread, move || call.run());
            }
            Means::Nothing if tell => {
                self.store(completion);
                self.post(completion);
            }
            Means::Nothing | Means::Event(_) | Means::Routine { .. } | Means::Runtime(_) => self.store(completion),
        }
        if let Means::Routine { thread, opened: true, .. } = &self.means {
            // What was queued stays queued (WPU-OCT-3).
            let _ = self.link.upcalls.close_thread(ThreadId::from_raw(&thread.as_raw()));
        }
    }

    /// Queues the packet. Whoever takes it may use the structure again, so nothing follows.
    fn post(&self, completion: &Completion) {
        if let Some(port) = self.link.port()
            && !self.no_packet
        {
            port.post(self.overlapped.as_ptr().expose_provenance(), completion.bytes, status_of(completion));
        }
    }

    /// The byte count, and then the status: the client's memory is its own again (WPU-COR-3, WPU-COR-8).
    fn store(&self, completion: &Completion) {
        let status = status_of(completion);
        // SAFETY: `new` demands it.
        unsafe { (*self.overlapped.as_ptr()).InternalHigh = completion.bytes as usize };
        self.internal().store(status, Ordering::Release);
    }

    fn internal(&self) -> &AtomicUsize {
        // SAFETY: aligned (`new`), valid until the operation is over, and clients that poll only read it.
        unsafe { AtomicUsize::from_ptr(&raw mut (*self.overlapped.as_ptr()).Internal) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.pending {
            self.leave_pending();
            self.end(&Completion::failed(WsaError::WSA_OPERATION_ABORTED), !self.link.upcalls.is_silenced());
        }
    }
}

/// The event of an operation: its handle without the bit that is for completion ports (WPU-COR-4).
fn event_of(handle: WSAEVENT) -> Option<Event> {
    Event::from_raw(handle.map_addr(|address| address & !1))
}

fn status_of(completion: &Completion) -> usize {
    completion.error.map_or(status::STATUS_SUCCESS, status::of)
}

/// A completion routine with its arguments: runs in the thread that made the call (OV-13, OV-14).
struct Call {
    routine: Routine,
    code: u32,
    bytes: u32,
    overlapped: *mut WSAOVERLAPPED,
    flags: u32,
}

// SAFETY: only carries the pointer to the routine, which is the client's.
unsafe impl Send for Call {}

impl Call {
    fn run(self) {
        let Self { routine, code, bytes, overlapped, flags } = self;
        // SAFETY: the client's routine, with the arguments that it takes.
        unsafe { routine(code, bytes, overlapped, flags) };
    }
}

/// What a query finds in an operation's structure.
pub(in crate::adapter) enum Found {
    Pending,
    Over { error: Option<WsaError>, bytes: u32, flags: u32 },
}

/// Looks whether an operation is over (WSP-GOR-1), any number of times (WSP-GOR-5).
///
/// # Safety
/// If it is not null, `overlapped` can be read.
pub(in crate::adapter) unsafe fn query(overlapped: *mut WSAOVERLAPPED) -> Result<Found> {
    let at = NonNull::new(overlapped).filter(|at| at.is_aligned()).ok_or(WsaError::WSAEFAULT)?.as_ptr();
    // SAFETY: aligned, and the caller promises the rest.
    let internal = unsafe { AtomicUsize::from_ptr(&raw mut (*at).Internal) };
    if internal.load(Ordering::Acquire) == WSS_OPERATION_IN_PROGRESS {
        return Ok(Found::Pending);
    }
    // SAFETY: the operation is over, so nobody writes.
    let (code, bytes, flags) = unsafe { ((*at).OffsetHigh, (*at).InternalHigh, (*at).Offset) };
    let error = (code != 0).then(|| WsaError::from_code(code as i32));
    Ok(Found::Over { error, bytes: bytes as u32, flags })
}
