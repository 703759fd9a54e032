//! What all calls share: one tries, and waits for a change; another makes it, and tells.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use windlass_spi::upcalls::Upcalls;

use crate::network::Network;

/// One network for all sockets, and one condition for all who wait.
pub(crate) struct Shared {
    network: Mutex<Network>,
    changed: Condvar,
    pub(crate) upcalls: Upcalls,
}

impl Shared {
    pub(crate) fn new(upcalls: Upcalls) -> Self {
        Self { network: Mutex::default(), changed: Condvar::new(), upcalls }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the network at once, and tells whom it concerns.
    pub(crate) fn act<R>(&self, act: impl FnOnce(&mut Network) -> R) -> R {
        let mut network = self.lock();
        let result = act(&mut network);
        self.tell(network);
        result
    }

    /// Tries again with every change, until there is an answer. Nothing once the time is over.
    pub(crate) fn until<R>(
        &self,
        limit: Option<Duration>,
        mut attempt: impl FnMut(&mut Network) -> Option<R>,
    ) -> Option<R> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut network = self.lock();
        loop {
            if let Some(answer) = attempt(&mut network) {
                self.tell(network);
                return Some(answer);
            }
            if network.has_changed() {
                // Part of it is done, and somebody may wait for that.
                self.tell(network);
                network = self.lock();
                continue;
            }
            network = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(network).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return None,
                Some(left) => self.changed.wait_timeout(network, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Wakes those who wait, and sets the events of those who asked for it.
    fn tell(&self, mut network: MutexGuard<'_, Network>) {
        let (changed, events) = network.take_changes();
        drop(network);
        if changed {
            self.changed.notify_all();
        }
        for event in events {
            // An event that its owner has closed has nobody to tell.
            let _ = self.upcalls.set_event(event);
        }
    }
}
