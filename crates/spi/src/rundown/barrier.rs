//! The closer's side of the barrier that pins leave out.

use super::sync::{AtomicU32, Ordering, fence};

/// How the order between a pin and the check that follows it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The closer interrupts every running thread with `membarrier`; pins cost nothing.
    Asymmetric,
    /// Both sides use a fence.
    Fenced,
}

/// The mode, decided once.
pub(super) struct Barrier {
    /// Zero if undecided.
    mode: AtomicU32,
}

impl Barrier {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { mode: AtomicU32::new(0) }
    }

    #[cfg(any(loom, test))]
    pub(super) fn with_mode(mode: Mode) -> Self {
        Self { mode: AtomicU32::new(encode(mode)) }
    }

    /// The mode. The first call asks the kernel; of several first calls at once one decides for all,
    /// since the registration holds for the whole process.
    pub(super) fn mode(&self) -> Mode {
        let mode = match self.mode.load(Ordering::Relaxed) {
            0 => {
                let mine = encode(system::register());
                match self.mode.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => mine,
                    Err(decided) => decided,
                }
            }
            decided => decided,
        };
        if mode == ASYMMETRIC { Mode::Asymmetric } else { Mode::Fenced }
    }

    /// Orders what this thread stored before what it loads next, against the light barrier of every
    /// other thread.
    pub(super) fn heavy(&self) {
        fence(Ordering::SeqCst);
        if self.mode() == Mode::Asymmetric {
            system::membarrier();
            fence(Ordering::SeqCst);
        }
    }
}

const ASYMMETRIC: u32 = 1;
const FENCED: u32 = 2;

const fn encode(mode: Mode) -> u32 {
    match mode {
        Mode::Asymmetric => ASYMMETRIC,
        Mode::Fenced => FENCED,
    }
}

#[cfg(all(target_os = "linux", not(loom)))]
mod system {
    use super::Mode;
    use rustix::thread::{MembarrierCommand, membarrier as call};

    pub(super) fn register() -> Mode {
        match call(MembarrierCommand::RegisterPrivateExpedited) {
            Ok(()) => Mode::Asymmetric,
            Err(_) => Mode::Fenced,
        }
    }

    pub(super) fn membarrier() {
        // A child may have to register again.
        let done = call(MembarrierCommand::PrivateExpedited).or_else(|_| {
            call(MembarrierCommand::RegisterPrivateExpedited)?;
            call(MembarrierCommand::PrivateExpedited)
        });
        // A registered process can only be refused by a filter installed later. Going on would free
        // what others still use.
        done.expect("membarrier was allowed when it was registered");
    }
}

#[cfg(any(not(target_os = "linux"), loom))]
mod system {
    use super::Mode;

    pub(super) fn register() -> Mode {
        Mode::Fenced
    }

    pub(super) fn membarrier() {}
}
