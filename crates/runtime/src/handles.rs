//! From socket handles to providers: an array indexed by descriptor number.
//!
//! A slot is one atomic word, so that looking a handle up is one load, and every change is one compare-and-swap that fails
//! if anybody else was faster. A handle that was closed leaves a mark, by which a second close and a stale use can be
//! told from a number that never was a socket.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence};

use windlass_abi::{SOCKET, WsaError};

/// Descriptor numbers below this can be socket handles.
pub(crate) const CAPACITY: usize = 1 << 20;
/// Instances have numbers below this.
pub(crate) const INSTANCES: usize = 1 << INSTANCE_BITS;

/// What a slot says, at one moment.
///
/// From the low end: the catalog entry id (32 bits), the state (3), the instance (10), the generation (19), which grows
/// with each binding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding(u64);

/// What a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Never a socket.
    Empty,
    Open(Kind),
    /// The provider is closing it.
    Closing(Kind),
    Closed,
}

/// Who owns the descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The provider: bound by WPUModifyIFSHandle.
    Ifs,
    /// The runtime: made by WPUCreateSocketHandle.
    Created,
}

const STATE_SHIFT: u32 = 32;
const INSTANCE_SHIFT: u32 = 35;
const INSTANCE_BITS: u32 = 10;
const GENERATION_SHIFT: u32 = INSTANCE_SHIFT + INSTANCE_BITS;

const OPEN: u64 = 0b001 << STATE_SHIFT;
const CREATED: u64 = 0b010 << STATE_SHIFT;
const CLOSING: u64 = 0b100 << STATE_SHIFT;
const STATE: u64 = OPEN | CREATED | CLOSING;
const EMPTY: u64 = 0;
/// The mark of [`CREATED`] alone, without open or closing, is free to mean this.
const CLOSED: u64 = CREATED;

impl Binding {
    #[inline]
    pub(crate) fn is_open(self) -> bool {
        self.0 & OPEN != 0
    }

    #[inline]
    pub(crate) fn instance(self) -> usize {
        (self.0 >> INSTANCE_SHIFT) as usize & (INSTANCES - 1)
    }

    pub(crate) fn entry_id(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn state(self) -> State {
        let kind = if self.0 & CREATED != 0 { Kind::Created } else { Kind::Ifs };
        match self.0 & STATE {
            EMPTY => State::Empty,
            CLOSED => State::Closed,
            open if open & OPEN != 0 => State::Open(kind),
            _ => State::Closing(kind),
        }
    }

    /// Whether an instance has this handle: open, or being closed.
    fn is_bound(self) -> bool {
        self.0 & (OPEN | CLOSING) != 0
    }

    fn with_state(self, state: u64) -> Self {
        Self(self.0 & !STATE | state)
    }

    fn closing(self) -> Self {
        Self(self.0 ^ (OPEN | CLOSING))
    }

    fn next(self, instance: usize, entry_id: u32, state: u64) -> Self {
        let generation = (self.0 >> GENERATION_SHIFT) + 1;
        Self(generation << GENERATION_SHIFT | (instance as u64) << INSTANCE_SHIFT | state | u64::from(entry_id))
    }
}

struct Slot {
    binding: AtomicU64,
    /// What the provider gave WPUCreateSocketHandle; written before the binding.
    context: AtomicUsize,
}

/// Zero pages until they are used.
static SLOTS: [Slot; CAPACITY] =
    [const { Slot { binding: AtomicU64::new(EMPTY), context: AtomicUsize::new(0) } }; CAPACITY];

/// Which parts of the array were ever used.
static USED: [AtomicBool; CAPACITY / PART] = [const { AtomicBool::new(false) }; CAPACITY / PART];
const PART: usize = 1024;

/// How many handles each instance has.
static BOUND: [AtomicU32; INSTANCES] = [const { AtomicU32::new(0) }; INSTANCES];

/// What the slot of a handle says; an empty binding for a number that cannot be one.
#[inline]
pub(crate) fn look_up(s: SOCKET) -> Binding {
    match SLOTS.get(s) {
        Some(slot) => Binding(slot.binding.load(Acquire)),
        None => Binding(EMPTY),
    }
}

/// Whether the slot still says so.
#[inline]
pub(crate) fn is_unchanged(s: SOCKET, binding: Binding) -> bool {
    look_up(s) == binding
}

/// Binds a handle to an instance, whatever it was bound to before: the last registration counts (RT-5, WPU-MIH-4). One that the
/// runtime made, and an IFS layer passes on, stays what it is, with its context.
///
/// # Errors
/// `WSAEMFILE`: the number is too high.
pub(crate) fn bind_ifs(s: SOCKET, instance: usize, entry_id: u32) -> Result<(), WsaError> {
    bind(s, instance, entry_id, OPEN)
}

/// Binds a descriptor of the runtime's own, with the provider's context (WPU-CSH-1).
///
/// # Errors
/// `WSAEMFILE`: the number is too high.
pub(crate) fn bind_created(s: SOCKET, instance: usize, entry_id: u32, context: usize) -> Result<(), WsaError> {
    SLOTS.get(s).ok_or(WsaError::WSAEMFILE)?.context.store(context, Relaxed);
    bind(s, instance, entry_id, OPEN | CREATED)
}

fn bind(s: SOCKET, instance: usize, entry_id: u32, state: u64) -> Result<(), WsaError> {
    let slot = SLOTS.get(s).ok_or(WsaError::WSAEMFILE)?;
    USED[s / PART].store(true, Relaxed);
    BOUND[instance].fetch_add(1, Relaxed);
    let next = |old: u64| {
        let made = if Binding(old).is_bound() { old & CREATED } else { 0 };
        Some(Binding(old).next(instance, entry_id, state | made).0)
    };
    let old = slot.binding.fetch_update(AcqRel, Acquire, next);
    let old = Binding(old.unwrap_or_else(|old| old));
    if old.is_bound() {
        BOUND[old.instance()].fetch_sub(1, Relaxed);
    }
    Ok(())
}

/// Takes an open handle out before the provider closes it: nobody else finds it from here on. Returns the binding as it is
/// now; `None` if somebody was faster.
pub(crate) fn begin_close(s: SOCKET, open: Binding) -> Option<Binding> {
    let closing = open.closing();
    change(s, open, closing).then_some(closing)
}

/// Puts a handle back that the provider did not close. Does nothing if the provider gave it up meanwhile, or the number is
/// another socket already.
pub(crate) fn undo_close(s: SOCKET, closing: Binding) -> bool {
    change(s, closing, closing.closing())
}

/// Marks a handle as closed. Does nothing, and returns false, if the provider gave it up meanwhile, or the number is another
/// socket already (WPU-MIH-5).
pub(crate) fn finish_close(s: SOCKET, closing: Binding) -> bool {
    release(s, closing)
}

/// The binding is over, if it still stands: the descriptor was closed by somebody who does not tell.
pub(crate) fn forget(s: SOCKET, binding: Binding) {
    if binding.is_bound() {
        release(s, binding);
    }
}

/// Gives up a handle made by [`bind_created`]; false if it is none (WPU-CLSH-1, WPU-CLSH-2).
pub(crate) fn give_up_created(s: SOCKET) -> bool {
    loop {
        let binding = look_up(s);
        match binding.state() {
            State::Open(Kind::Created) | State::Closing(Kind::Created) => {
                if release(s, binding) {
                    return true;
                }
            }
            _ => return false,
        }
    }
}

/// The context of a handle made by [`bind_created`], also while it is being closed. Takes no lock (WPU-QSC-2).
#[inline]
pub(crate) fn context(s: SOCKET) -> Option<usize> {
    let slot = SLOTS.get(s)?;
    loop {
        let before = slot.binding.load(Acquire);
        let context = slot.context.load(Relaxed);
        // The context belongs to this binding only if the binding is the same after it was read.
        fence(Acquire);
        let after = slot.binding.load(Relaxed);
        if before == after {
            return (before & CREATED != 0 && before & STATE != CLOSED).then_some(context);
        }
    }
}

/// How many handles an instance has, open or being closed.
pub(crate) fn count(instance: usize) -> u32 {
    BOUND[instance].load(Relaxed)
}

/// Marks every handle of an instance as closed, and calls `each` for it. For an instance that binds no more.
pub(crate) fn release_all(instance: usize, mut each: impl FnMut(SOCKET, Kind)) {
    if count(instance) == 0 {
        return;
    }
    for part in (0..USED.len()).filter(|part| USED[*part].load(Relaxed)) {
        for s in part * PART..(part + 1) * PART {
            let binding = look_up(s);
            let (State::Open(kind) | State::Closing(kind)) = binding.state() else { continue };
            if binding.instance() == instance && release(s, binding) {
                each(s, kind);
            }
        }
    }
}

fn release(s: SOCKET, bound: Binding) -> bool {
    let released = change(s, bound, bound.with_state(CLOSED));
    if released {
        BOUND[bound.instance()].fetch_sub(1, Relaxed);
    }
    released
}

fn change(s: SOCKET, from: Binding, to: Binding) -> bool {
    SLOTS.get(s).is_some_and(|slot| slot.binding.compare_exchange(from.0, to.0, Release, Relaxed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Numbers far above those of the descriptors that other tests have, a different one for each test.
    const S: SOCKET = 700_000;

    #[test]
    fn a_handle_is_empty_open_closing_closed() {
        assert_eq!(look_up(S).state(), State::Empty);
        bind_ifs(S, 1000, 77).unwrap();
        let open = look_up(S);
        assert_eq!((open.state(), open.instance(), open.entry_id()), (State::Open(Kind::Ifs), 1000, 77));
        assert!(open.is_open());
        assert_eq!(count(1000), 1);
        let closing = begin_close(S, open).unwrap();
        assert_eq!(look_up(S).state(), State::Closing(Kind::Ifs));
        assert!(begin_close(S, open).is_none());
        assert!(undo_close(S, closing));
        assert!(is_unchanged(S, open));
        let closing = begin_close(S, open).unwrap();
        assert!(finish_close(S, closing));
        assert_eq!(look_up(S).state(), State::Closed);
        assert!(!look_up(S).is_open());
        assert_eq!(count(1000), 0);
        assert!(!undo_close(S, closing));
    }

    #[test]
    fn wpu_mih_5_a_number_that_is_reused_while_it_is_being_closed_stays_bound() {
        let s = S + 1;
        bind_ifs(s, 1001, 1).unwrap();
        let closing = begin_close(s, look_up(s)).unwrap();
        bind_ifs(s, 1002, 2).unwrap();
        assert!(!finish_close(s, closing));
        let open = look_up(s);
        assert_eq!((open.state(), open.instance(), open.entry_id()), (State::Open(Kind::Ifs), 1002, 2));
        assert_eq!((count(1001), count(1002)), (0, 1));
    }

    // proves: WPU-MIH-4
    #[test]
    fn rt_5_the_last_registration_counts() {
        let s = S + 2;
        bind_ifs(s, 1003, 1).unwrap();
        let first = look_up(s);
        bind_ifs(s, 1004, 2).unwrap();
        assert_eq!(look_up(s).instance(), 1004);
        assert!(!is_unchanged(s, first));
        assert_eq!((count(1003), count(1004)), (0, 1));
    }

    // proves: WPU-CLSH-2
    #[test]
    fn wpu_qsc_1_only_created_handles_have_a_context() {
        let s = S + 3;
        assert_eq!(context(s), None);
        bind_created(s, 1005, 1, 0xabcd).unwrap();
        assert_eq!(context(s), Some(0xabcd));
        let closing = begin_close(s, look_up(s)).unwrap();
        assert_eq!(context(s), Some(0xabcd), "still there while the provider closes it");
        assert!(give_up_created(s));
        assert!(!give_up_created(s));
        assert_eq!(context(s), None);
        assert!(!undo_close(s, closing));
        bind_ifs(s, 1005, 1).unwrap();
        assert_eq!(context(s), None);
        assert!(!give_up_created(s));
    }

    // proves: LSP-2
    #[test]
    fn wpu_mih_4_a_handle_of_the_runtimes_stays_one_when_a_layer_takes_it_over() {
        let s = S + 4;
        bind_created(s, 1008, 1, 0xabcd).unwrap();
        bind_ifs(s, 1009, 2).unwrap();
        let open = look_up(s);
        assert_eq!((open.state(), open.instance(), open.entry_id()), (State::Open(Kind::Created), 1009, 2));
        assert_eq!(context(s), Some(0xabcd));
        assert!(give_up_created(s));
        assert_eq!((count(1008), count(1009)), (0, 0));
    }

    #[test]
    fn release_all_takes_the_handles_of_one_instance() {
        let handles = S + 5000..S + 8000;
        for s in handles.clone() {
            bind_ifs(s, 1006 + s % 2, 1).unwrap();
        }
        let mut released = Vec::new();
        release_all(1006, |s, kind| released.push((s, kind)));
        assert_eq!(released.len(), 1500);
        assert!(released.iter().all(|(s, kind)| s % 2 == 0 && *kind == Kind::Ifs));
        for s in handles {
            let expected = if s % 2 == 0 { State::Closed } else { State::Open(Kind::Ifs) };
            assert_eq!(look_up(s).state(), expected);
        }
        assert_eq!((count(1006), count(1007)), (0, 1500));
    }

    #[test]
    fn numbers_out_of_range_are_no_sockets() {
        for s in [CAPACITY, usize::MAX, usize::MAX / 2] {
            assert_eq!(look_up(s).state(), State::Empty);
            assert_eq!(bind_ifs(s, 0, 1), Err(WsaError::WSAEMFILE));
            assert_eq!(context(s), None);
        }
    }
}
