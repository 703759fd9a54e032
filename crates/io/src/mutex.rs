//! Mutexes that can be waited for: owned by a thread, as often over as it takes them, abandoned by its exit.

use std::sync::Arc;

use windlass_abi::WsaError;

use crate::handle::Handle;
use crate::object::{self, Object};
use crate::signal::{Ownership, Signal};
use crate::thread;
use crate::waitable::Waitable;

/// A mutex object. Cloning refers to the same one. It is taken by [`wait_for`](crate::wait::wait_for).
#[derive(Clone, Debug)]
pub struct Mutex(Arc<Waitable>);

impl Mutex {
    /// A mutex, owned by the calling thread or by nobody.
    pub fn new(owned: bool) -> Self {
        let mutex = Self(Arc::new(Waitable::new(Signal::Mutex(Ownership::default()))));
        if owned {
            let thread = thread::key();
            mutex.0.quiet(|signal| signal.acquire(thread));
            thread::remember(&mutex.0);
        }
        mutex
    }

    /// The mutex of a handle. Errors: WSA_INVALID_HANDLE.
    pub fn of(handle: Handle) -> Result<Self, WsaError> {
        match object::get(handle) {
            Some(Object::Mutex(mutex)) => Ok(mutex),
            _ => Err(WsaError::WSA_INVALID_HANDLE),
        }
    }

    /// Lets go of it once; when the owner has done so as often as it took it, the wait that came first gets it. Never
    /// blocks.
    ///
    /// Errors: ERROR_NOT_OWNER.
    pub fn release(&self) -> Result<(), WsaError> {
        let thread = thread::key();
        if self.0.signal(|signal| signal.let_go(thread))? {
            thread::forget(&self.0);
        }
        Ok(())
    }

    pub(crate) fn waitable(&self) -> &Arc<Waitable> {
        &self.0
    }
}

/// Makes a mutex and a handle of it, to be ended by [`handle::close`](crate::handle::close). Errors:
/// WSA_NOT_ENOUGH_MEMORY.
pub fn create(owned: bool) -> Result<Handle, WsaError> {
    object::insert(Object::Mutex(Mutex::new(owned)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Outcome, wait_for};
    use std::thread::spawn;
    use std::time::Duration;

    const NOT_OWNER: Result<(), WsaError> = Err(WsaError::Other(crate::ERROR_NOT_OWNER));

    fn test(handle: Handle) -> Outcome {
        wait_for(&[handle], false, Some(Duration::ZERO), false).unwrap()
    }

    /// What another thread finds, which lets go again if it got the mutex.
    fn test_elsewhere(handle: Handle) -> Outcome {
        let found = move || {
            let outcome = test(handle);
            if outcome != Outcome::TimedOut {
                Mutex::of(handle).unwrap().release().unwrap();
            }
            outcome
        };
        spawn(found).join().unwrap()
    }

    #[test]
    fn the_owner_takes_it_again_and_lets_go_as_often() {
        let handle = create(true).unwrap();
        let mutex = Mutex::of(handle).unwrap();
        assert_eq!(test(handle), Outcome::Signalled(0));
        assert_eq!(test(handle), Outcome::Signalled(0));
        for _ in 0..3 {
            assert_eq!(test_elsewhere(handle), Outcome::TimedOut);
            assert_eq!(
                spawn({
                    let mutex = mutex.clone();
                    move || mutex.release()
                })
                .join()
                .unwrap(),
                NOT_OWNER
            );
            mutex.release().unwrap();
        }
        assert_eq!(mutex.release(), NOT_OWNER);
        assert_eq!(test_elsewhere(handle), Outcome::Signalled(0));
        crate::handle::close(handle).unwrap();
    }

    #[test]
    fn a_thread_that_exits_abandons_what_it_owns_and_nothing_else() {
        let (held, given_back) = (create(false).unwrap(), create(false).unwrap());
        spawn(move || {
            (0..3).for_each(|_| assert_eq!(test(held), Outcome::Signalled(0)));
            assert_eq!(test(given_back), Outcome::Signalled(0));
            Mutex::of(given_back).unwrap().release().unwrap();
        })
        .join()
        .unwrap();
        assert_eq!(test(given_back), Outcome::Signalled(0));
        assert_eq!(test(held), Outcome::Abandoned(0));
        assert_eq!(test(held), Outcome::Signalled(0), "it is told once");
        let mutex = Mutex::of(held).unwrap();
        mutex.release().unwrap();
        mutex.release().unwrap();
        assert_eq!(mutex.release(), NOT_OWNER, "the depth is the new owner's");
        [held, given_back].into_iter().for_each(|handle| crate::handle::close(handle).unwrap());
    }

    #[test]
    fn an_owned_mutex_may_be_closed() {
        spawn(|| crate::handle::close(create(true).unwrap()).unwrap()).join().unwrap();
    }
}
