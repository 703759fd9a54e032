//! One [`Process`] for each process: a child made by fork gets one of its own (UNLOAD-6).

use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

use crate::loader::instance;
use crate::process::{self, Process};

static PROCESS: AtomicPtr<Process> = AtomicPtr::new(null_mut());

/// How many forks lie between this process and the one that loaded the runtime.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Tells what a thread keeps for this process from what it kept before a fork.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// What the runtime knows of this process; made when first asked for, and never freed.
pub(crate) fn current() -> &'static Process {
    let known = PROCESS.load(Acquire);
    let process = if known.is_null() { make() } else { known };
    // SAFETY: the pointer came from `Box::into_raw`, was published with release order, and is never freed.
    unsafe { &*process }
}

#[cold]
fn make() -> *mut Process {
    let mine = Box::into_raw(Box::new(Process::new()));
    match PROCESS.compare_exchange(null_mut(), mine, AcqRel, Acquire) {
        Ok(_) => mine,
        Err(earlier) => {
            // SAFETY: `mine` came from `Box::into_raw` just now, and nobody else has seen it.
            drop(unsafe { Box::from_raw(mine) });
            earlier
        }
    }
}

/// Makes sure that a child made by fork starts with nothing: count 0, and no provider that it could enter.
pub(crate) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the handler is async-signal-safe, and a function of this module: the C library forgets handlers of
        // modules that are unloaded. It fails only without memory; then a child inherits a Winsock that it must not use.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Runs in the child, whose other threads are gone and may have held any lock: nothing but atomic operations.
///
/// The parent's [`Process`] is left as it is, in memory that the child never touches again.
extern "C" fn in_child() {
    PROCESS.store(null_mut(), Release);
    GENERATION.fetch_add(1, Relaxed);
    process::forget_start();
    instance::abandon_all();
    windlass_io::thread::forked();
}
