//! Time limits, so that a provider that misbehaves cannot hold a program for ever.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const DRAIN_DEFAULT: Duration = Duration::from_secs(10);
const START_DEFAULT: Duration = Duration::from_secs(60);

static DRAIN: AtomicU64 = AtomicU64::new(DRAIN_DEFAULT.as_millis() as u64);
static START: AtomicU64 = AtomicU64::new(START_DEFAULT.as_millis() as u64);

/// How long the last clean-up waits, per provider, for the calls that are still inside it. A provider
/// whose calls do not end by then is kept mapped, and reported. 10 seconds by default.
pub fn drain() -> Duration {
    Duration::from_millis(DRAIN.load(Relaxed))
}

/// Changes [`drain`]; milliseconds count.
pub fn set_drain(limit: Duration) {
    DRAIN.store(millis(limit), Relaxed);
}

/// How long a thread waits for another one that starts or ends the provider it needs, before it
/// fails with `WSAEPROVIDERFAILEDINIT`. 60 seconds by default.
pub fn start() -> Duration {
    Duration::from_millis(START.load(Relaxed))
}

/// Changes [`start`]; milliseconds count.
pub fn set_start(limit: Duration) {
    START.store(millis(limit), Relaxed);
}

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}
