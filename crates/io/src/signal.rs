//! The states of objects that can be waited for.

use windlass_abi::WsaError;

use crate::thread::Key;

/// The state that decides whether a wait is satisfied.
#[derive(Debug)]
pub(crate) enum Signal {
    ManualEvent(bool),
    AutoEvent(bool),
    /// How many waits it satisfies now, and how many at most.
    Semaphore {
        count: u32,
        max: u32,
    },
    Mutex(Ownership),
}

/// Who owns a mutex, and how often over.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    owner: Option<Key>,
    /// Zero without an owner. No program lives to count beyond 64 bits.
    depth: u64,
    /// The last owner exited without letting go.
    abandoned: bool,
}

/// What came with an object that satisfied a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoils {
    /// A mutex is owned now.
    pub(crate) owned: bool,
    /// Its last owner had abandoned it.
    pub(crate) abandoned: bool,
}

impl Signal {
    /// Whether it satisfies a wait of any thread.
    pub(crate) fn is_signalled(&self) -> bool {
        match self {
            Signal::ManualEvent(set) | Signal::AutoEvent(set) => *set,
            Signal::Semaphore { count, .. } => *count > 0,
            Signal::Mutex(ownership) => ownership.owner.is_none(),
        }
    }

    /// Whether it satisfies a wait of this thread: whoever owns a mutex already does not wait for it.
    pub(crate) fn satisfies(&self, thread: Key) -> bool {
        match self {
            Signal::Mutex(ownership) => ownership.owner.is_none_or(|owner| owner == thread),
            _ => self.is_signalled(),
        }
    }

    /// What a wait that this satisfies will have.
    pub(crate) fn spoils(&self) -> Spoils {
        match self {
            Signal::Mutex(ownership) => Spoils { owned: true, abandoned: ownership.abandoned },
            _ => Spoils::default(),
        }
    }

    /// What a satisfied wait does to the state.
    pub(crate) fn acquire(&mut self, thread: Key) {
        match self {
            Signal::ManualEvent(_) => {}
            Signal::AutoEvent(set) => *set = false,
            Signal::Semaphore { count, .. } => *count -= 1,
            Signal::Mutex(ownership) => {
                *ownership = Ownership { owner: Some(thread), depth: ownership.depth + 1, abandoned: false };
            }
        }
    }

    pub(crate) fn set_event(&mut self, to: bool) {
        match self {
            Signal::ManualEvent(set) | Signal::AutoEvent(set) => *set = to,
            _ => unreachable!("only events are set"),
        }
    }

    /// Adds to the count of a semaphore, and gives the count before. Errors: ERROR_TOO_MANY_POSTS, and no change.
    pub(crate) fn add(&mut self, more: u32) -> Result<u32, WsaError> {
        let Signal::Semaphore { count, max } = self else { unreachable!("only semaphores are released by counts") };
        let before = *count;
        let after = before.checked_add(more).filter(|after| *after <= *max);
        *count = after.ok_or(WsaError::Other(crate::ERROR_TOO_MANY_POSTS))?;
        Ok(before)
    }

    /// Lets go of a mutex once; true if it is free now. Errors: ERROR_NOT_OWNER.
    pub(crate) fn let_go(&mut self, thread: Key) -> Result<bool, WsaError> {
        let Signal::Mutex(ownership) = self else { unreachable!("only mutexes are owned") };
        if ownership.owner != Some(thread) {
            return Err(WsaError::Other(crate::ERROR_NOT_OWNER));
        }
        ownership.depth -= 1;
        if ownership.depth == 0 {
            ownership.owner = None;
        }
        Ok(ownership.depth == 0)
    }

    /// Frees a mutex whose owner exits.
    pub(crate) fn abandon(&mut self, thread: Key) {
        if let Signal::Mutex(ownership) = self
            && ownership.owner == Some(thread)
        {
            *ownership = Ownership { owner: None, depth: 0, abandoned: true };
        }
    }
}
