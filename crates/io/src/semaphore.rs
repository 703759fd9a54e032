//! Semaphores: objects that satisfy as many waits as their count says.

use std::sync::Arc;

use windlass_abi::WsaError;

use crate::handle::Handle;
use crate::object::{self, Object};
use crate::signal::Signal;
use crate::waitable::Waitable;

/// A semaphore. Cloning refers to the same one.
#[derive(Clone, Debug)]
pub struct Semaphore(Arc<Waitable>);

impl Semaphore {
    /// A semaphore of this count, which never exceeds `max`.
    ///
    /// Errors: WSA_INVALID_PARAMETER (`max` is zero or beyond 31 bits, or smaller than `initial`).
    pub fn new(initial: u32, max: u32) -> Result<Self, WsaError> {
        if max == 0 || max > i32::MAX as u32 || initial > max {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        Ok(Self(Arc::new(Waitable::new(Signal::Semaphore { count: initial, max }))))
    }

    /// The semaphore of a handle. Errors: WSA_INVALID_HANDLE.
    pub fn of(handle: Handle) -> Result<Self, WsaError> {
        match object::get(handle) {
            Some(Object::Semaphore(semaphore)) => Ok(semaphore),
            _ => Err(WsaError::WSA_INVALID_HANDLE),
        }
    }

    /// Adds to the count, satisfies the waits that can be, oldest first, and gives the count before. Never blocks.
    ///
    /// Errors: WSA_INVALID_PARAMETER (nothing to add), ERROR_TOO_MANY_POSTS (the count would exceed its maximum; it is
    /// left as it was).
    pub fn release(&self, count: u32) -> Result<u32, WsaError> {
        if count == 0 {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        self.0.signal(|signal| signal.add(count))
    }

    pub(crate) fn waitable(&self) -> &Arc<Waitable> {
        &self.0
    }
}

/// Makes a semaphore and a handle of it, to be ended by [`handle::close`](crate::handle::close).
///
/// Errors: those of [`Semaphore::new`], WSA_NOT_ENOUGH_MEMORY.
pub fn create(initial: u32, max: u32) -> Result<Handle, WsaError> {
    object::insert(Object::Semaphore(Semaphore::new(initial, max)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Outcome, wait_for};
    use std::time::Duration;

    fn test(handle: Handle) -> Outcome {
        wait_for(&[handle], false, Some(Duration::ZERO), false).unwrap()
    }

    #[test]
    fn counts_are_taken_one_by_one_and_never_exceed_the_maximum() {
        let handle = create(2, 3).unwrap();
        let semaphore = Semaphore::of(handle).unwrap();
        assert_eq!(
            [test(handle), test(handle), test(handle)],
            [Outcome::Signalled(0), Outcome::Signalled(0), Outcome::TimedOut]
        );
        assert_eq!(semaphore.release(2), Ok(0));
        assert_eq!(semaphore.release(2), Err(WsaError::Other(crate::ERROR_TOO_MANY_POSTS)));
        assert_eq!(semaphore.release(u32::MAX), Err(WsaError::Other(crate::ERROR_TOO_MANY_POSTS)));
        assert_eq!(semaphore.release(0), Err(WsaError::WSA_INVALID_PARAMETER));
        assert_eq!(semaphore.release(1), Ok(2), "what was refused changed nothing");
        crate::handle::close(handle).unwrap();
        assert_eq!(Semaphore::of(handle).err(), Some(WsaError::WSA_INVALID_HANDLE));
    }

    #[test]
    fn impossible_counts_are_refused() {
        for (initial, max) in [(0, 0), (1, 0), (3, 2), (0, 1 << 31), (u32::MAX, u32::MAX)] {
            assert_eq!(create(initial, max), Err(WsaError::WSA_INVALID_PARAMETER), "{initial} of {max}");
        }
    }
}
