//! A started provider: its module, its table, and the gate in front of it.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_abi::{ProcTable, SOCKET_ERROR, WSAPROTOCOL_INFOW, WSPDATA, WSPDESCRIPTION_LEN, WSPPROC_TABLE, WsaError};
use windlass_catalog::ProtocolEntry;
use windlass_spi::rundown::{self, Domain, Pin};

use crate::handles::{self, Kind};
use crate::loader::module::Module;
use crate::loader::{descriptor, upcalls, watched};
use crate::ports;
use crate::report;
use crate::version;

/// A place for a provider. Places are reused, never freed, so that a thread with a stale number reads valid memory.
#[repr(align(64))]
pub(crate) struct Instance {
    /// Whether calls may enter.
    open: AtomicBool,
    /// Whether the place is in use.
    taken: AtomicBool,
    /// Written while the place is taken and not open yet, and nobody has it pinned; read by who has it pinned while it was open,
    /// and by who starts or ends it.
    table: UnsafeCell<MaybeUninit<ProcTable>>,
    /// The number of the start that the place serves; another provider in the same place has another.
    sequence: AtomicU64,
    /// See [`crate::loader::poll`]: 0 unknown, 1 none, else the address of the provider's WSAPoll.
    pub(super) poll: AtomicUsize,
    /// See [`crate::loader::ports`]: 0 unknown, 1 none, else the address of the provider's table for its sockets.
    pub(super) sockets: AtomicUsize,
    details: Mutex<Option<Box<Details>>>,
}

// SAFETY: the table is the only field that is not Sync; its own comment says who may touch it when.
unsafe impl Sync for Instance {}

/// What is known of the provider in a place, for everything that is not a call.
struct Details {
    /// Dropped, and so unmapped, with the rest.
    _module: Module,
    /// Those of the providers below, for a chain: calls that a layer leaves to them go straight there.
    _below: Vec<Module>,
    /// The entry that started it.
    entry: ProtocolEntry,
    /// The provider's own table, behind the one that calls go through.
    own: ProcTable,
    /// What WSPCleanup said.
    cleanup_error: i32,
}

static INSTANCES: [Instance; handles::INSTANCES] = [const { Instance::vacant() }; handles::INSTANCES];

/// No place at or above this was ever taken.
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// The pins of calls, keyed by the number of the place.
static CALLS: Domain = Domain::new();

/// The place of this number, which is below [`handles::INSTANCES`].
#[inline]
pub(crate) fn at(number: usize) -> &'static Instance {
    &INSTANCES[number]
}

/// Takes a free place; `None` if there is none.
pub(crate) fn allocate() -> Option<&'static Instance> {
    let free = |place: &&Instance| place.taken.compare_exchange(false, true, AcqRel, Relaxed).is_ok();
    let place = INSTANCES.iter().find(free)?;
    HIGHEST.fetch_max(place.number() + 1, Relaxed);
    Some(place)
}

/// The places that this thread is inside of, that of the innermost call first.
pub(crate) fn entered_here() -> impl Iterator<Item = &'static Instance> {
    rundown::pinned().into_iter().filter_map(|key| CALLS.item(key)).map(|number| at(number as usize))
}

/// For the child of a fork: no inherited provider can be entered, and no place of one is used again. Only atomic operations.
pub(crate) fn abandon_all() {
    for place in &INSTANCES[..HIGHEST.load(Relaxed)] {
        place.open.store(false, Release);
        place.taken.store(true, Release);
    }
}

/// Loads and starts the provider of an entry in a place that is taken: WSPStartup, version and table checks. Returns the number
/// of the start.
///
/// # Errors
/// `WSAEPROVIDERFAILEDINIT`: the module cannot be loaded, has no WSPStartup, or that fails (WSP-STARTUP-17).
/// `WSAEINVALIDPROVIDER`: the version is not 2.2 (WSP-STARTUP-16). `WSAEINVALIDPROCTABLE`: a function is missing (WSP-STARTUP-15).
/// In the last two cases the start was balanced by WSPCleanup; the module is unloaded in all.
///
/// `below` are the paths of the modules below the first layer of a chain. They stay mapped as long as the chain's own, whatever
/// the layers do; it is for the layers to load and start them.
pub(crate) fn start(place: &'static Instance, entry: &ProtocolEntry, below: &[String]) -> Result<u64, WsaError> {
    static SEQUENCE: AtomicU64 = AtomicU64::new(1);
    let (module, startup) = Module::load(entry.module_path()).ok_or(WsaError::WSAEPROVIDERFAILEDINIT)?;
    let _below = below.iter().filter_map(|path| Module::load(path)).map(|(module, _)| module).collect();
    let mut data = WSPDATA { wVersion: 0, wHighVersion: 0, szDescription: [0; WSPDESCRIPTION_LEN + 1] };
    let mut info: WSAPROTOCOL_INFOW = entry.info();
    let mut table = WSPPROC_TABLE::EMPTY;
    // SAFETY: the module's WSPStartup has this type (see Module::load); all pointers are to live locals.
    let code = unsafe { startup(version::HIGHEST, &mut data, &mut info, upcalls::TABLE.to_nullable(), &mut table) };
    if code != 0 {
        return Err(WsaError::WSAEPROVIDERFAILEDINIT);
    }
    let checked = match table.complete() {
        _ if data.wVersion != version::HIGHEST => Err(WsaError::WSAEINVALIDPROVIDER),
        Ok(complete) => Ok(complete),
        Err(_) => Err(WsaError::WSAEINVALIDPROCTABLE),
    };
    let complete = match checked {
        Ok(complete) => complete,
        Err(error) => {
            if let Some(cleanup) = table.lpWSPCleanup {
                let mut errno = 0;
                // SAFETY: WSPStartup succeeded and gave this function, which takes a pointer to an int.
                unsafe { cleanup(&mut errno) };
            }
            return Err(error);
        }
    };
    let table = if report::is_verifying() { watched::table(&complete) } else { complete };
    // SAFETY: the place is taken by this thread and not open: nobody reads the table.
    unsafe { (*place.table.get()).write(table) };
    report::provider_started(entry.id, &entry.name, entry.module_path());
    let sequence = SEQUENCE.fetch_add(1, Relaxed);
    place.sequence.store(sequence, Relaxed);
    *place.details() =
        Some(Box::new(Details { _module: module, _below, entry: entry.clone(), own: complete, cleanup_error: 0 }));
    Ok(sequence)
}

impl Instance {
    const fn vacant() -> Self {
        Self {
            open: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            sequence: AtomicU64::new(0),
            table: UnsafeCell::new(MaybeUninit::uninit()),
            poll: AtomicUsize::new(0),
            sockets: AtomicUsize::new(0),
            details: Mutex::new(None),
        }
    }

    /// The number that handles refer to the place by.
    pub(crate) fn number(&self) -> usize {
        let offset = std::ptr::from_ref(self).addr() - INSTANCES.as_ptr().addr();
        offset / size_of::<Self>()
    }

    /// Starts are numbered in their order, from 1.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Relaxed)
    }

    /// Whether calls are let in.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Acquire)
    }

    /// The provider's own table. For who is inside.
    pub(super) fn own_table(&self) -> Option<ProcTable> {
        self.details().as_ref().map(|details| details.own)
    }

    /// Lets calls in.
    pub(crate) fn open(&self) {
        self.poll.store(0, Relaxed);
        self.sockets.store(0, Relaxed);
        self.open.store(true, Release);
    }

    /// Lets no more calls in.
    pub(crate) fn close(&self) {
        self.open.store(false, Release);
    }

    /// Enters: the provider is not unloaded until the result is dropped. `None` if no calls are let in.
    #[inline(always)]
    pub(crate) fn enter(&'static self, number: usize) -> Option<Inside> {
        let pin = rundown::pin(CALLS.key(number as u32));
        // After the pin: either this sees the gate closed, or whoever closed it sees the pin.
        self.open.load(Acquire).then_some(Inside { _pin: pin, instance: self })
    }

    /// Calls WSPCleanup, once, for the one start (WSP-CLEANUP-4). The calls inside end by it.
    pub(crate) fn clean_up(&self) {
        let mut errno = 0;
        // SAFETY: this thread ends the instance, so it was started, the table was written, and nobody writes it.
        let table = unsafe { (*self.table.get()).assume_init_ref() };
        // SAFETY: a function of the provider's table, with a pointer to a live int.
        let failed = unsafe { (table.lpWSPCleanup)(&mut errno) } == SOCKET_ERROR;
        if let Some(details) = self.details().as_mut() {
            details.cleanup_error = match errno {
                _ if !failed => 0,
                0 => WsaError::WSASYSCALLFAILURE.code(),
                code => code,
            };
        }
    }

    /// Waits until no call is inside, and unloads the module (UNLOAD-2). Calls of this thread and calls in a callback are not
    /// waited for, and others not beyond the limit: the last of them to leave unloads then, and this returns false.
    pub(crate) fn drain_and_unload(&'static self, limit: Duration) -> bool {
        let key = CALLS.key(self.number() as u32);
        let remaining = rundown::drain_for(|pinned: NonZeroUsize| pinned == key, None, limit);
        let unloaded = remaining.is_empty();
        self.tell_cleaned_up(unloaded);
        remaining.then(move || self.unload());
        unloaded
    }

    /// Frees a place whose provider did not start.
    pub(crate) fn free(&self) {
        self.taken.store(false, Release);
    }

    fn unload(&'static self) {
        handles::release_all(self.number(), |s, kind| {
            if kind == Kind::Created {
                ports::forget(s);
                crate::base::closed(s);
                descriptor::release(s);
            }
        });
        let details = self.details().take();
        // Runs the module's finalisers, with no lock held.
        drop(details);
        self.free();
    }

    fn tell_cleaned_up(&self, unloaded: bool) {
        if let Some(details) = self.details().as_ref() {
            let entry = &details.entry;
            report::provider_cleaned_up(entry.id, &entry.name, details.cleanup_error, unloaded);
        }
    }

    fn details(&self) -> MutexGuard<'_, Option<Box<Details>>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is inside a provider.
pub(crate) struct Inside {
    _pin: Pin,
    instance: &'static Instance,
}

impl Inside {
    #[inline]
    pub(crate) fn table(&self) -> &ProcTable {
        // SAFETY: it was open after it was pinned, so the table was written before, and is not written again until
        // the pin is gone, for which `drain_and_unload` waits before it frees the place.
        unsafe { (*self.instance.table.get()).assume_init_ref() }
    }

    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
    }

    /// Whether this is inside the start of this number, not inside another provider that has got its place since.
    pub(crate) fn is_of(&self, sequence: u64) -> bool {
        self.instance.sequence() == sequence
    }
}
