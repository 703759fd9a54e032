//! The runtime's upcalls, safe to call.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_abi::{
    BOOL, FALSE, FD_SET, FD_SETSIZE, GUID, HWND, INVALID_SOCKET, LPBLOCKINGCALLBACK, MAX_PATH, SOCKET, UpcallTable,
    WSATHREADID, WsaError,
};

use crate::events::Event;
use crate::rundown;

type Result<T> = core::result::Result<T, WsaError>;

/// What the runtime offers to providers (contract: upcalls). Clones are cheap and all follow the
/// table that was supplied last (WSP-STARTUP-7).
///
/// Every method can be called from any thread (UPV-6), until the last clean-up returns (UPV-1).
/// An upcall that fails without naming a reason is `WSASYSCALLFAILURE` (LC-ERR-6).
#[derive(Clone)]
pub struct Upcalls {
    shared: Arc<Shared>,
}

struct Shared {
    /// Points into `supplied`.
    latest: AtomicPtr<UpcallTable>,
    /// Every table supplied so far, without repeats. None is dropped before the last clone is, so
    /// that an upcall needs no lock.
    supplied: Mutex<Vec<Arc<UpcallTable>>>,
    /// The last clean-up has begun: no operation is indicated any more.
    silenced: AtomicBool,
}

impl Upcalls {
    /// Wraps a copy of the table (WSP-STARTUP-2).
    ///
    /// # Safety
    /// Until the last clone is gone, the functions can be called with the arguments that the contract
    /// gives them.
    pub unsafe fn new(table: &UpcallTable) -> Self {
        let shared = Shared {
            latest: AtomicPtr::new(ptr::null_mut()),
            supplied: Mutex::default(),
            silenced: AtomicBool::new(false),
        };
        let upcalls = Self { shared: Arc::new(shared) };
        // SAFETY: the caller promises it.
        unsafe { upcalls.replace(table) };
        upcalls
    }

    /// Makes every clone use this table from now on (WSP-STARTUP-7, UPV-5).
    ///
    /// # Safety
    /// As [`new`](Self::new).
    pub unsafe fn replace(&self, table: &UpcallTable) {
        let mut supplied = self.shared.supplied.lock().unwrap_or_else(PoisonError::into_inner);
        let known = supplied.iter().position(|old| addresses(old) == addresses(table));
        let at = known.unwrap_or_else(|| {
            supplied.push(Arc::new(*table));
            supplied.len() - 1
        });
        self.shared.latest.store(Arc::as_ptr(&supplied[at]).cast_mut(), Ordering::Release);
    }

    /// From now on the end of an operation is stored and not indicated (WSP-CLEANUP-8).
    pub(crate) fn silence(&self) {
        self.shared.silenced.store(true, Ordering::SeqCst);
    }

    /// Whether the last clean-up has begun.
    pub(crate) fn is_silenced(&self) -> bool {
        self.shared.silenced.load(Ordering::SeqCst)
    }

    /// A copy of the table in use, to be handed on (UPV-7).
    pub(crate) fn raw(&self) -> UpcallTable {
        *self.table()
    }

    /// The table in use.
    fn table(&self) -> &UpcallTable {
        // SAFETY: points to a table that lives as long as `shared` and is never changed.
        unsafe { &*self.shared.latest.load(Ordering::Acquire) }
    }

    /// `WPUCloseEvent`: ends an event made with [`create_event`](Self::create_event).
    /// `WSA_INVALID_HANDLE` if it is none (WPU-EVT-2).
    pub fn close_event(&self, event: Event) -> Result<()> {
        // SAFETY: see `new`.
        done(|errno| unsafe { (self.table().lpWPUCloseEvent)(event.as_raw(), errno) })
    }

    /// `WPUCloseSocketHandle`: gives up a handle made with
    /// [`create_socket_handle`](Self::create_socket_handle); `WSAENOTSOCK` if it is none (WPU-CLSH-2).
    pub fn close_socket_handle(&self, socket: SOCKET) -> Result<()> {
        // SAFETY: see `new`.
        zero(|errno| unsafe { (self.table().lpWPUCloseSocketHandle)(socket, errno) })
    }

    /// `WPUCreateEvent`: a manual-reset event that is not signalled (WPU-EVT-1). The caller closes it.
    pub fn create_event(&self) -> Result<Event> {
        // SAFETY: see `new`.
        let (raw, error) = with_errno(|errno| unsafe { (self.table().lpWPUCreateEvent)(errno) });
        Event::from_raw(raw).ok_or(error)
    }

    /// `WPUCreateSocketHandle`: a handle of the runtime's own for a catalog entry, with a context
    /// (WPU-CSH-1). `WSAENOBUFS`, `WSAEMFILE`, or `WSAEINVAL` for an unknown entry.
    pub fn create_socket_handle(&self, catalog_entry_id: u32, context: usize) -> Result<SOCKET> {
        // SAFETY: see `new`.
        socket(|errno| unsafe { (self.table().lpWPUCreateSocketHandle)(catalog_entry_id, context, errno) })
    }

    /// `WPUFDIsSet`: whether the set contains the socket (WPU-FD-1). A set that claims more than
    /// `FD_SETSIZE` sockets contains none.
    pub fn fd_is_set(&self, socket: SOCKET, set: &FD_SET) -> bool {
        if set.fd_count as usize > FD_SETSIZE {
            return false;
        }
        // SAFETY: see `new`; the function only reads the set.
        unsafe { (self.table().lpWPUFDIsSet)(socket, ptr::from_ref(set).cast_mut()) != 0 }
    }

    /// `WPUGetProviderPath`: the path of a provider's module, UTF-16 without the NUL and with its
    /// environment strings unexpanded (WPU-GPP-1). `WSAEINVAL` for an unknown provider.
    pub fn get_provider_path(&self, provider: &GUID) -> Result<Vec<u16>> {
        let mut provider = *provider;
        let mut path = vec![0u16; MAX_PATH];
        loop {
            let mut length = path.len() as i32;
            // SAFETY: see `new`; `path` has `length` units.
            let got = zero(|errno| unsafe {
                (self.table().lpWPUGetProviderPath)(&mut provider, path.as_mut_ptr(), &mut length, errno)
            });
            match got {
                Ok(()) => {
                    path.truncate(path.iter().position(|unit| *unit == 0).unwrap_or(path.len()));
                    return Ok(path);
                }
                Err(WsaError::WSAEFAULT) if length as usize > path.len() && length <= 0x8000 => {
                    path.resize(length as usize, 0);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// `WPUModifyIFSHandle`: registers a handle of the operating system for a catalog entry, and
    /// returns the handle to use from now on (WPU-MIH-1). `WSAEINVAL` if either is not valid.
    pub fn modify_ifs_handle(&self, catalog_entry_id: u32, proposed: SOCKET) -> Result<SOCKET> {
        // SAFETY: see `new`.
        socket(|errno| unsafe { (self.table().lpWPUModifyIFSHandle)(catalog_entry_id, proposed, errno) })
    }

    /// `WPUPostMessage`: queues a message to a sink without blocking (WPU-PM-1). False if it cannot.
    pub fn post_message(&self, window: usize, message: u32, wparam: usize, lparam: isize) -> bool {
        let window: HWND = ptr::with_exposed_provenance_mut(window);
        // SAFETY: see `new`.
        unsafe { (self.table().lpWPUPostMessage)(window, message, wparam, lparam) != FALSE }
    }

    /// `WPUQueryBlockingCallback`: the calling thread's blocking hook; nothing if it has none, so that
    /// the provider waits as it likes (WPU-QBC-1). `WSAEINVAL` for an unknown entry.
    pub fn query_blocking_callback(&self, catalog_entry_id: u32) -> Result<Option<BlockingHook>> {
        let (mut hook, mut context): (LPBLOCKINGCALLBACK, usize) = (None, 0);
        // SAFETY: see `new`.
        zero(|errno| unsafe {
            (self.table().lpWPUQueryBlockingCallback)(catalog_entry_id, &mut hook, &mut context, errno)
        })?;
        Ok(hook.map(|function| BlockingHook { function, context, thread: std::marker::PhantomData }))
    }

    /// `WPUQuerySocketHandleContext`: the context given when the handle was made; `WSAENOTSOCK` if it
    /// is no such handle (WPU-QSC-1).
    pub fn query_socket_handle_context(&self, socket: SOCKET) -> Result<usize> {
        let mut context = 0;
        // SAFETY: see `new`.
        zero(|errno| unsafe { (self.table().lpWPUQuerySocketHandleContext)(socket, &mut context, errno) })?;
        Ok(context)
    }

    /// `WPUQueueApc`: has `work` run on that thread, in an alertable wait (WPU-APC-1). `WSAEFAULT` if
    /// the thread is gone. Work for a thread that ends first is never run, and nothing takes work back: a transport in a
    /// module of its own sees to it that none is left when its clean-up returns (WSP-CLEANUP-10).
    pub fn queue_apc(&self, thread: &ThreadId, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut id = thread.id;
        let work: Box<Apc> = Box::new(Box::new(work));
        let context = Box::into_raw(work);
        // SAFETY: see `new`; `run_apc` fits the context, and takes it over.
        let queued = zero(|errno| unsafe {
            (self.table().lpWPUQueueApc)(&mut id, Some(run_apc), context.expose_provenance(), errno)
        });
        if queued.is_err() {
            // SAFETY: the runtime did not take the context, so it is still ours.
            drop(unsafe { Box::from_raw(context) });
        }
        queued
    }

    /// `WPUResetEvent`. `WSA_INVALID_HANDLE` if it is no event (WPU-EVT-2).
    pub fn reset_event(&self, event: Event) -> Result<()> {
        // SAFETY: see `new`.
        done(|errno| unsafe { (self.table().lpWPUResetEvent)(event.as_raw(), errno) })
    }

    /// `WPUSetEvent`. `WSA_INVALID_HANDLE` if it is no event (WPU-EVT-2).
    pub fn set_event(&self, event: Event) -> Result<()> {
        // SAFETY: see `new`.
        done(|errno| unsafe { (self.table().lpWPUSetEvent)(event.as_raw(), errno) })
    }

    /// `WPUOpenCurrentThread`: the identity of the calling thread (WPU-OCT-1). Give it back with
    /// [`close_thread`](Self::close_thread).
    pub fn open_current_thread(&self) -> Result<ThreadId> {
        let mut id = WSATHREADID { ThreadHandle: ptr::null_mut(), Reserved: 0 };
        // SAFETY: see `new`.
        zero(|errno| unsafe { (self.table().lpWPUOpenCurrentThread)(&mut id, errno) })?;
        Ok(ThreadId { id })
    }

    /// `WPUCloseThread`: once for each [`open_current_thread`](Self::open_current_thread) (WPU-OCT-2);
    /// `WSAEINVAL` for an identity from elsewhere (WPU-OCT-4).
    pub fn close_thread(&self, thread: ThreadId) -> Result<()> {
        let mut id = thread.id;
        // SAFETY: see `new`.
        zero(|errno| unsafe { (self.table().lpWPUCloseThread)(&mut id, errno) })
    }
}

/// The identity of a thread, for [`Upcalls::queue_apc`]. A name, not an owner (WSATHREADID-1).
pub struct ThreadId {
    id: WSATHREADID,
}

// SAFETY: opaque to providers, copied by value, valid on every thread (WSATHREADID-1, UPV-6).
unsafe impl Send for ThreadId {}
// SAFETY: as above; nothing can be changed through a reference.
unsafe impl Sync for ThreadId {}

impl ThreadId {
    /// Copies the identity that came with a call, which is on the caller's stack (RT-9).
    pub fn from_raw(id: &WSATHREADID) -> Self {
        Self { id: *id }
    }

    /// The identity as the C side has it.
    pub fn as_raw(&self) -> WSATHREADID {
        self.id
    }
}

/// The blocking hook of the calling thread.
pub struct BlockingHook {
    function: <LPBLOCKINGCALLBACK as Unwrapped>::Function,
    context: usize,
    /// The hook belongs to the thread that asked.
    thread: std::marker::PhantomData<*const ()>,
}

impl BlockingHook {
    /// Runs the hook once. False: the call was cancelled and ends with `WSAEINTR` (MODE-8, WPU-QBC-3).
    pub fn call(&self) -> bool {
        // SAFETY: the runtime supplied both for this thread.
        rundown::in_callback(|| unsafe { (self.function)(self.context) != FALSE })
    }
}

trait Unwrapped {
    type Function;
}

impl<F> Unwrapped for Option<F> {
    type Function = F;
}

type Apc = Box<dyn FnOnce() + Send>;

/// Runs what [`Upcalls::queue_apc`] queued.
unsafe extern "system" fn run_apc(context: usize) {
    // SAFETY: made by `queue_apc`, and an APC runs once (WPU-APC-4).
    let work = unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<Apc>(context)) };
    // The runtime that called this is not ours to unwind. The panic has been reported already.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
}

/// Two tables are the same if their functions are.
fn addresses(table: &UpcallTable) -> [usize; 15] {
    [
        table.lpWPUCloseEvent as usize,
        table.lpWPUCloseSocketHandle as usize,
        table.lpWPUCreateEvent as usize,
        table.lpWPUCreateSocketHandle as usize,
        table.lpWPUFDIsSet as usize,
        table.lpWPUGetProviderPath as usize,
        table.lpWPUModifyIFSHandle as usize,
        table.lpWPUPostMessage as usize,
        table.lpWPUQueryBlockingCallback as usize,
        table.lpWPUQuerySocketHandleContext as usize,
        table.lpWPUQueueApc as usize,
        table.lpWPUResetEvent as usize,
        table.lpWPUSetEvent as usize,
        table.lpWPUOpenCurrentThread as usize,
        table.lpWPUCloseThread as usize,
    ]
}

fn with_errno<T>(call: impl FnOnce(*mut i32) -> T) -> (T, WsaError) {
    let mut errno = 0;
    let result = call(&mut errno);
    let error = if errno == 0 { WsaError::WSASYSCALLFAILURE } else { WsaError::from_code(errno) };
    (result, error)
}

/// For upcalls that return a BOOL.
fn done(call: impl FnOnce(*mut i32) -> BOOL) -> Result<()> {
    let (result, error) = with_errno(call);
    if result == FALSE { Err(error) } else { Ok(()) }
}

/// For upcalls that return zero.
fn zero(call: impl FnOnce(*mut i32) -> i32) -> Result<()> {
    let (result, error) = with_errno(call);
    if result == 0 { Ok(()) } else { Err(error) }
}

/// For upcalls that return a socket.
fn socket(call: impl FnOnce(*mut i32) -> SOCKET) -> Result<SOCKET> {
    let (result, error) = with_errno(call);
    if result == INVALID_SOCKET { Err(error) } else { Ok(result) }
}
