//! Control events: signals that functions of the client handle, on a thread of this library.
#![allow(unsafe_code, reason = "handles signals, and calls the client's functions")]

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use core::ffi::c_int;
use core::mem::MaybeUninit;

use windlass_abi::{BOOL, FALSE, TRUE, WsaError};

use crate::boundary::{Result, call};

use super::invalid;

/// A client's function. It is called on a thread of its own.
pub type Handler = unsafe extern "system" fn(u32) -> BOOL;

/// The signals and their events.
const EVENTS: [(c_int, u32); 4] = [
    (libc::SIGINT, 0),  // CTRL_C_EVENT
    (libc::SIGQUIT, 1), // CTRL_BREAK_EVENT
    (libc::SIGHUP, 2),  // CTRL_CLOSE_EVENT
    (libc::SIGTERM, 6), // CTRL_SHUTDOWN_EVENT
];

/// What the signal handler writes the numbers of signals to; -1 before there is anything.
static PIPE: AtomicI32 = AtomicI32::new(-1);

static CONSOLE: Mutex<Console> = Mutex::new(Console { handlers: Vec::new(), ignores: false, before: None });

struct Console {
    /// The last is asked first.
    handlers: Vec<Handler>,
    /// CTRL_C_EVENT does nothing.
    ignores: bool,
    /// What the signals did before the first handler, in the order of [`EVENTS`]; none before the thread is started.
    before: Option<[libc::sigaction; EVENTS.len()]>,
}

fn console() -> MutexGuard<'static, Console> {
    CONSOLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a handler, asked before those that are there, or removes one. Without a function: whether CTRL+C is ignored.
/// A signal that was ignored when the first handler came stays ignored.
///
/// Errors: `ERROR_INVALID_PARAMETER` (to remove what was not added), `ERROR_NOT_ENOUGH_MEMORY` (no thread, no
/// descriptor).
///
/// # Safety
/// `handler` must be null or a function that any thread may call until it is removed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SetConsoleCtrlHandler(handler: Option<Handler>, add: BOOL) -> BOOL {
    call(FALSE, || {
        let mut console = console();
        console.listen()?;
        match (handler, add != FALSE) {
            (None, add) => console.ignores = add,
            (Some(handler), true) => console.handlers.push(handler),
            (Some(handler), false) => {
                let at = console.handlers.iter().rposition(|known| core::ptr::fn_addr_eq(*known, handler));
                console.handlers.remove(at.map_or_else(invalid, Ok)?);
            }
        }
        Ok(TRUE)
    })
}

impl Console {
    /// Has the signals sent to our thread, once.
    fn listen(&mut self) -> Result<()> {
        if self.before.is_some() {
            return Ok(());
        }
        let (reader, writer) = pipe()?;
        let thread = std::thread::Builder::new().name("control-events".into()).spawn(move || serve(&reader));
        thread.map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
        PIPE.store(writer.as_raw_fd(), Ordering::Release);
        // It is open as long as the process lives.
        core::mem::forget(writer);
        self.before = Some(EVENTS.map(|(signal, _)| take(signal)));
        Ok(())
    }
}

/// A pipe whose writing end never blocks.
fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
    rustix::io::ioctl_fionbio(&writer, true).map_err(|_| WsaError::WSA_NOT_ENOUGH_MEMORY)?;
    Ok((reader, writer))
}

/// Handles a signal from here on, unless it is ignored; what it did before.
fn take(signal: c_int) -> libc::sigaction {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zero is a good start for an action; the function does only what a signal handler may.
    unsafe {
        libc::sigaction(signal, core::ptr::null(), before.as_mut_ptr());
        let before = before.assume_init();
        if before.sa_sigaction != libc::SIG_IGN {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, core::ptr::null_mut());
        }
        before
    }
}

/// Tells the thread. It may interrupt anything.
extern "C" fn on_signal(signal: c_int) {
    let byte = signal as u8;
    // SAFETY: one byte, and errno, which the interrupted code may be about to read, is put back.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(PIPE.load(Ordering::Acquire), (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// The life of our thread.
fn serve(reader: &OwnedFd) {
    let mut signal = [0];
    loop {
        match rustix::io::read(reader, &mut signal) {
            Ok(1) => dispatch(signal[0].into()),
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

/// Asks the handlers, each without a lock of ours, so that it may add and remove handlers.
fn dispatch(signal: c_int) {
    let Some(at) = EVENTS.iter().position(|(known, _)| *known == signal) else { return };
    let (handlers, ignored, before) = {
        let console = console();
        let ignored = console.ignores && signal == libc::SIGINT;
        (console.handlers.clone(), ignored, console.before.map(|before| before[at]))
    };
    // SAFETY: whoever added it vouches for it.
    let handled = ignored || handlers.iter().rev().any(|handler| unsafe { handler(EVENTS[at].1) } != FALSE);
    if let (false, Some(before)) = (handled, before) {
        // SAFETY: what was there is put back, for what it does to the process to happen; if it survives, we go on.
        unsafe {
            libc::sigaction(signal, &raw const before, core::ptr::null_mut());
            libc::kill(libc::getpid(), signal);
            take(signal);
        }
    }
}
