//! Threads of a provider's own.
//!
//! The standard library's `spawn` leaves something behind in the thread that calls it, which runs when that thread ends;
//! the C library keeps the provider's module mapped until then, so that the last clean-up could not unload it
//! (WSP-CLEANUP-17). A helper thread leaves nothing behind.

use std::ffi::{CString, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use super::instance::quietly;

/// A running thread. Dropping it waits for its end.
#[derive(Debug)]
pub struct HelperThread {
    thread: libc::pthread_t,
}

type Body = Box<dyn FnOnce() + Send>;

impl HelperThread {
    /// Starts a thread. `name` is for debuggers: at most 15 bytes without a NUL are used. It gets no signals, which are the
    /// program's. A panic in `body` ends the thread and nothing else.
    ///
    /// # Errors
    /// What the system refuses a thread with.
    pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let body: Box<Body> = Box::new(Box::new(body));
        let mut thread = MaybeUninit::uninit();
        let argument = Box::into_raw(body);
        let masked = SignalsMasked::new();
        // SAFETY: `main` takes over the argument, which nobody else has.
        let code = unsafe { libc::pthread_create(thread.as_mut_ptr(), ptr::null(), main, argument.cast()) };
        drop(masked);
        if code != 0 {
            // SAFETY: there is no thread that could have taken it over.
            drop(unsafe { Box::from_raw(argument) });
            return Err(io::Error::from_raw_os_error(code));
        }
        // SAFETY: the thread was created, so its id was stored.
        let helper = Self { thread: unsafe { thread.assume_init() } };
        helper.set_name(name);
        Ok(helper)
    }

    fn set_name(&self, name: &str) {
        let end = name.floor_char_boundary(15);
        if let Ok(name) = CString::new(&name[..end]) {
            // SAFETY: the thread has not been joined, and the name is a C string. A thread without a name works too.
            unsafe { libc::pthread_setname_np(self.thread, name.as_ptr()) };
        }
    }
}

impl Drop for HelperThread {
    /// Waits for the end of the thread, unless this is it: then it goes on alone.
    fn drop(&mut self) {
        // SAFETY: the thread has been neither joined nor detached: only this does either, once.
        unsafe {
            if libc::pthread_equal(libc::pthread_self(), self.thread) != 0 {
                libc::pthread_detach(self.thread);
            } else {
                libc::pthread_join(self.thread, ptr::null_mut());
            }
        }
    }
}

extern "C" fn main(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` gave it up to this thread.
    let body = unsafe { Box::from_raw(argument.cast::<Body>()) };
    // Nobody asks how the thread ended.
    quietly(body);
    ptr::null_mut()
}

/// While this lives, a thread that is created starts with every signal blocked.
struct SignalsMasked(libc::sigset_t);

impl SignalsMasked {
    fn new() -> Self {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: both sets are ours; the calls cannot fail with these arguments, and fill them.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Self(before.assume_init())
        }
    }
}

impl Drop for SignalsMasked {
    fn drop(&mut self) {
        // SAFETY: the set is what the thread had before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn dropping_waits_for_the_end() {
        let done = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let done = done.clone();
                HelperThread::spawn("test", move || {
                    done.fetch_add(1, Ordering::Relaxed);
                })
                .unwrap()
            })
            .collect();
        drop(threads);
        assert_eq!(done.load(Ordering::Relaxed), 8);
    }

    #[test]
    fn a_panic_ends_the_thread_alone() {
        drop(HelperThread::spawn("a name longer than the system takes, äöü", || panic!("on purpose")).unwrap());
    }
}
