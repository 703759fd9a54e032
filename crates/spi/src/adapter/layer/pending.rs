//! Overlapped operations of a non-IFS layer: the next provider gets a structure of the SDK's, and the client is told of the end
//! once (LSP-1).
//!
//! The structure's event is one whose setting is a call (see [`Host`](super::host::Host)), so the end is passed on by the thread that
//! knows of it, with no other thread in between.

use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_abi::{SOCKADDR, SOCKADDR_STORAGE, WSAEVENT, WSAOVERLAPPED, WSS_OPERATION_IN_PROGRESS, WsaError};

use super::host::host;
use crate::adapter::instance::quietly;
use crate::adapter::operation::{Client, Completion, Operation, Request, Started};
use crate::adapter::upcalls::Upcalls;
use crate::address::Address;
use crate::events::Event;
use crate::status;
use crate::transport::Result;

/// What gets an operation back with its end.
pub(crate) type Then = Box<dyn FnOnce(Operation, Completion) + Send>;

/// The records of a layer. Each is used again and again; none is freed before the last clean-up.
pub(crate) struct Pool {
    upcalls: Upcalls,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    free: Vec<NonNull<Record>>,
    all: Vec<NonNull<Record>>,
}

// SAFETY: the records are shared, and Sync.
unsafe impl Send for Records {}

/// One operation below.
pub(crate) struct Record {
    overlapped: UnsafeCell<WSAOVERLAPPED>,
    /// Where the next provider stores where a datagram came from, if the client's own place is not handed to it.
    from: UnsafeCell<SOCKADDR_STORAGE>,
    from_length: UnsafeCell<i32>,
    event: WSAEVENT,
    phase: AtomicU8,
    /// Of the thread that starts the operation, until the phase is [`PENDING`]; then of the one that ends it.
    job: UnsafeCell<Option<Job>>,
    records: Arc<Mutex<Records>>,
}

// SAFETY: the next provider has the structure until the operation is over; `phase` says whose the job is.
unsafe impl Sync for Record {}

/// What is to be done at the end.
pub(super) enum Job {
    /// Tell the client.
    Tell(Client),
    /// Give the operation back, or else complete it.
    Give(Operation, Option<Then>),
}

const FREE: u8 = 0;
/// The call below has not returned.
const STARTING: u8 = 1;
/// It has, and the operation goes on.
const PENDING: u8 = 2;
/// It is over, and some thread is about to say so.
const OVER: u8 = 3;

impl Pool {
    pub fn new(upcalls: Upcalls) -> Self {
        Self { upcalls, records: Arc::default() }
    }

    /// Starts an operation below. `call` gets the record, whose structure it hands to the next provider.
    ///
    /// # Errors
    /// What `call` says: nothing was told to the client, unless the operation had been pending before.
    pub fn start(&self, mut job: Job, call: impl FnOnce(&Record, &mut Job) -> Result<()>) -> Result<Started> {
        if let Job::Tell(client) = &job {
            // Nobody could be told, and below this would show too late.
            client.reset_event()?;
        }
        let record = self.take()?;
        record.begin();
        let started = call(record, &mut job);
        let kept = matches!(job, Job::Give(_, Some(_)));
        let pends = matches!(started, Err(WsaError::WSA_IO_PENDING));
        if let (false, Err(error)) = (pends, started) {
            record.release();
            return job.fail(error);
        }
        if pends || kept {
            job.pend();
        }
        // SAFETY: nobody else touches the job until the phase is PENDING.
        unsafe { *record.job.get() = Some(job) };
        let goes_on =
            pends && record.phase.compare_exchange(STARTING, PENDING, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // Some providers store the end and then set the event; the call that was between the two has found no job.
        let ended = if goes_on { Started::Pending } else { record.end() };
        Ok(if pends || kept { Started::Pending } else { ended })
    }

    /// At the last clean-up, when the next providers have ended: what has not been told of is over (WSP-CLEANUP-9).
    pub fn abort_all(&self) {
        let records = std::mem::take(&mut *lock(&self.records));
        for at in records.all {
            // SAFETY: records are freed here alone.
            let record = unsafe { at.as_ref() };
            let pending = record.phase.compare_exchange(PENDING, OVER, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if pending {
                // SAFETY: this thread ends the operation.
                match unsafe { (*record.job.get()).take() } {
                    Some(Job::Tell(client)) => client.abort_silently(),
                    Some(Job::Give(operation, _)) => operation.abort_silently(),
                    None => {}
                }
            }
            if let Some(event) = Event::from_raw(record.event) {
                let _ = self.upcalls.close_event(event);
            }
            // What the next provider has not given back is its own for good.
            if record.phase.load(Ordering::Acquire) == FREE {
                // SAFETY: made by `take`, and nobody refers to it: the next provider has ended.
                drop(unsafe { Box::from_raw(at.as_ptr()) });
            }
        }
    }

    fn take(&self) -> Result<&Record> {
        if let Some(record) = lock(&self.records).free.pop() {
            // SAFETY: freed by `abort_all` alone, which no call is inside of.
            return Ok(unsafe { record.as_ref() });
        }
        let overlapped =
            WSAOVERLAPPED { Internal: 0, InternalHigh: 0, Offset: 0, OffsetHigh: 0, hEvent: ptr::null_mut() };
        let record = Box::new(Record {
            overlapped: UnsafeCell::new(overlapped),
            // SAFETY: plain bytes.
            from: UnsafeCell::new(unsafe { std::mem::zeroed() }),
            from_length: UnsafeCell::new(0),
            event: ptr::null_mut(),
            phase: AtomicU8::new(FREE),
            job: UnsafeCell::new(None),
            records: self.records.clone(),
        });
        let record = Box::into_raw(record);
        let mut errno = 0;
        let context = record.expose_provenance();
        let event = match host() {
            // SAFETY: the runtime's function; `set` fits the context, which outlives the event.
            Ok(host) => unsafe { (host.create_call_event)(Some(set), context, &mut errno) },
            Err(_) => ptr::null_mut(),
        };
        if event.is_null() {
            // SAFETY: nobody else has it.
            drop(unsafe { Box::from_raw(record) });
            return Err(WsaError::WSAENOBUFS);
        }
        // SAFETY: nobody else has it yet.
        unsafe { (*record).event = event };
        lock(&self.records).all.extend(NonNull::new(record));
        // SAFETY: as above.
        Ok(unsafe { &*record })
    }
}

impl Record {
    fn begin(&self) {
        self.phase.store(STARTING, Ordering::Relaxed);
        // SAFETY: the record is free, so nobody else has the structure.
        unsafe {
            *self.overlapped.get() = WSAOVERLAPPED {
                Internal: WSS_OPERATION_IN_PROGRESS,
                InternalHigh: 0,
                Offset: 0,
                OffsetHigh: 0,
                hEvent: self.event,
            };
            *self.from_length.get() = size_of::<SOCKADDR_STORAGE>() as i32;
        }
    }

    /// The structure, for the next provider. `offset` is what the client's says, which some functions read.
    pub fn overlapped(&self, offset: [u32; 2]) -> *mut WSAOVERLAPPED {
        let at = self.overlapped.get();
        // SAFETY: the call has not been made, so nobody else has the structure.
        unsafe { [(*at).Offset, (*at).OffsetHigh] = offset };
        at
    }

    /// Room for an address, and its length.
    pub fn from(&self) -> (*mut SOCKADDR, *mut i32) {
        (self.from.get().cast(), self.from_length.get())
    }

    /// Tells of the end. For the one thread that made the phase [`OVER`], or that started what is over already.
    fn end(&self) -> Started {
        let completion = self.completion();
        // SAFETY: as above.
        let job = unsafe { (*self.job.get()).take() };
        let from = self.address();
        self.release();
        let mut ended = Started::Completed;
        if let Some(job) = job {
            quietly(|| ended = job.end(completion, from));
        }
        ended
    }

    fn release(&self) {
        self.phase.store(FREE, Ordering::Release);
        lock(&self.records).free.push(NonNull::from(self));
    }

    fn completion(&self) -> Completion {
        let at = self.overlapped.get();
        // SAFETY: the operation is over, so the next provider does not write (OV-17).
        let (bytes, flags, code) = unsafe { ((*at).InternalHigh, (*at).Offset, (*at).OffsetHigh) };
        let error = status::error_of(self.status()).map(|told| match code {
            0 => told,
            code => WsaError::from_code(code as i32),
        });
        Completion { error, bytes: bytes as u32, flags, from: None }
    }

    fn status(&self) -> usize {
        // SAFETY: aligned, and read while others may store it.
        unsafe { AtomicUsize::from_ptr(&raw mut (*self.overlapped.get()).Internal) }.load(Ordering::Acquire)
    }

    fn address(&self) -> Option<Address> {
        // SAFETY: the operation is over.
        let length = usize::try_from(unsafe { *self.from_length.get() }).unwrap_or(0).min(Address::MAX);
        // SAFETY: so many bytes are there.
        Address::from_bytes(unsafe { std::slice::from_raw_parts(self.from.get().cast(), length) }).ok()
    }
}

impl Job {
    fn pend(&mut self) {
        match self {
            Self::Tell(client) => client.pend_anyway(),
            Self::Give(operation, _) => operation.pend_anyway(),
        }
    }

    fn end(self, completion: Completion, from: Option<Address>) -> Started {
        match self {
            Self::Tell(client) => client.complete(&completion),
            Self::Give(operation, then) => {
                let wants = matches!(operation.request, Request::RecvFrom { capacity: Some(_), .. });
                let completion = Completion { from: from.filter(|_| wants).map(Box::new), ..completion };
                match then {
                    Some(then) => {
                        then(operation, completion);
                        Started::Pending
                    }
                    None => operation.complete(completion),
                }
            }
        }
    }

    /// The call below failed. A client that believes the operation to be pending has to be told.
    fn fail(self, error: WsaError) -> Result<Started> {
        match self {
            Self::Give(operation, _) => match operation.is_pending() {
                true => Ok(operation.complete(Completion::failed(error))),
                false => Err(error),
            },
            Self::Tell(_) => Err(error),
        }
    }
}

/// The event was set.
unsafe extern "system" fn set(context: usize) {
    let record: *const Record = ptr::with_exposed_provenance(context);
    // SAFETY: the context of the event, which is closed before the record goes.
    let record = unsafe { &*record };
    // Set by somebody who knows of no end.
    if record.status() == WSS_OPERATION_IN_PROGRESS {
        return;
    }
    let become_over = |from| record.phase.compare_exchange(from, OVER, Ordering::AcqRel, Ordering::Acquire).is_ok();
    if become_over(PENDING) {
        record.end();
    } else if !become_over(STARTING) && become_over(PENDING) {
        // The call has just returned.
        record.end();
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}
