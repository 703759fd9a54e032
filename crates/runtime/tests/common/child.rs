//! Children made by fork.
#![allow(unsafe_code, reason = "fork")]

/// Runs `body` in a child made by fork; it must return true.
pub fn in_child(body: impl FnOnce() -> bool) {
    // SAFETY: the child calls nothing that the C library forbids there in practice: its allocator is safe to use after fork.
    match unsafe { libc::fork() } {
        -1 => panic!("fork"),
        0 => {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
            // SAFETY: ends the child at once, without what the parent registered to be done at its end.
            unsafe { libc::_exit(if good { 0 } else { 1 }) }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for a child of this process.
            let waited = unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!((waited, status), (child, 0), "the child failed");
        }
    }
}
