//! What has to be done in the child of a fork.

use std::sync::Once;

/// Has `handler` run in every child made by fork from now on, on the one thread that there is. It must
/// be async-signal-safe. Of several handlers the first one counts.
pub(crate) fn run_in_children(handler: extern "C" fn()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler is a function of this module, which the C library forgets when it is unloaded.
        // Without memory for it, what the parent's threads had pinned is waited for in a child.
        unsafe { libc::pthread_atfork(None, None, Some(handler)) };
    });
}
