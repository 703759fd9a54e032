//! The mutexes that a thread owns, which its exit abandons.

use std::sync::{Arc, Weak};

use super::{CURRENT, HAS_RECORD};
use crate::waitable::Waitable;

/// The calling thread owns this mutex from here on.
pub(crate) fn remember(mutex: &Arc<Waitable>) {
    HAS_RECORD.set(true);
    // A thread so late in its exit that it has no record abandons nothing: what it takes, it must give back.
    let _ = CURRENT.try_with(|current| {
        let mut mutexes = current.get().mutexes.borrow_mut();
        if !mutexes.iter().any(|owned| is(owned, mutex)) {
            mutexes.push(Arc::downgrade(mutex));
        }
    });
}

/// The calling thread owns it no longer.
pub(crate) fn forget(mutex: &Arc<Waitable>) {
    let _ = CURRENT.try_with(|current| {
        // Those that are gone go with it.
        current.get().mutexes.borrow_mut().retain(|owned| owned.strong_count() > 0 && !is(owned, mutex));
    });
}

/// How many mutexes the calling thread owns.
pub fn owned_mutexes() -> usize {
    if !HAS_RECORD.get() {
        return 0;
    }
    let owned = CURRENT
        .try_with(|current| current.get().mutexes.borrow().iter().filter(|owned| owned.strong_count() > 0).count());
    owned.unwrap_or(0)
}

fn is(owned: &Weak<Waitable>, mutex: &Arc<Waitable>) -> bool {
    std::ptr::eq(owned.as_ptr(), Arc::as_ptr(mutex))
}
