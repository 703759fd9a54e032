//! Time limits on the monotonic clock.

use std::time::{Duration, Instant};

use rustix::time::Timespec;

/// The moment at which a wait gives up, or never. It is fixed when the wait begins, so that interruptions
/// and wake-ups for nothing do not make the wait longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits without a limit.
    pub const NEVER: Deadline = Deadline(None);

    /// So long from now; `None` and whatever the clock cannot hold (`Duration::MAX`) mean never.
    pub fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// From milliseconds as Win32 counts them: 0xFFFFFFFF (`WSA_INFINITE`) means never.
    pub fn after_millis(millis: u32) -> Self {
        Self::after((millis != windlass_abi::WSA_INFINITE).then(|| Duration::from_millis(millis.into())))
    }

    /// At this moment.
    pub const fn at(moment: Instant) -> Self {
        Self(Some(moment))
    }

    /// What is left, zero when the moment has come; `None` means never.
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|moment| moment.saturating_duration_since(Instant::now()))
    }

    /// True once the moment has come.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|moment| Instant::now() >= moment)
    }

    /// What is left, as system calls take it.
    pub(crate) fn remaining_timespec(self) -> Option<Timespec> {
        // Longer than the kernel's type holds is as good as never.
        self.remaining().and_then(|left| Timespec::try_from(left).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_time_never_passes() {
        for deadline in [
            Deadline::NEVER,
            Deadline::after(None),
            Deadline::after(Some(Duration::MAX)),
            Deadline::after_millis(u32::MAX),
        ] {
            assert_eq!(deadline, Deadline::NEVER);
            assert!(!deadline.has_passed());
            assert_eq!(deadline.remaining(), None);
        }
    }

    #[test]
    fn no_time_has_passed_at_once() {
        let deadline = Deadline::after(Some(Duration::ZERO));
        assert!(deadline.has_passed());
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn what_remains_is_never_more_than_was_asked() {
        let deadline = Deadline::after_millis(60_000);
        let left = deadline.remaining().unwrap();
        assert!(left <= Duration::from_secs(60) && !deadline.has_passed());
    }
}
