//! A child process: its signals, its end, and what it says on the report socket meanwhile.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit};

use crate::failure::Failure;

/// Signals that are passed on to the child. Stopping and continuing are left to the terminal, which addresses
/// the child as well.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

/// `si_code` of a signal that the kernel sent, as the terminal does for Ctrl-C: to its whole foreground group,
/// the child included.
const SI_KERNEL: i32 = 0x80;

/// The forwarded signals, taken out of normal delivery for as long as this value lives.
pub struct Signals {
    set: SigSet,
    queue: SignalFd,
}

impl Signals {
    /// Children inherit the blocked signals and must give them back: start them with [`command`].
    pub fn take() -> io::Result<Self> {
        let set: SigSet = FORWARDED.into_iter().collect();
        set.thread_block()?;
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { set, queue })
    }

    fn forward_to(&self, child: Pid) -> io::Result<()> {
        while let Some(info) = self.queue.read_signal()? {
            if info.ssi_code == SI_KERNEL {
                continue;
            }
            let number = i32::try_from(info.ssi_signo).ok();
            if let Some(signal) = number.and_then(rustix::process::Signal::from_named_raw) {
                // The child may have ended; its status then tells more than this error.
                let _ = rustix::process::kill_process(child, signal);
            }
        }
        Ok(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Only fails for a mask that does not exist.
        let _ = self.set.thread_unblock();
    }
}

/// The hidden command that [`command`] goes through.
pub const EXEC: &str = "__exec";

/// A child process that runs `program`, found in PATH when its name has no slash.
///
/// Signals are blocked while a child is started, so that none is lost between its start and the first wait. This
/// same program takes the place of the child first, unblocks them ([`exec`]) and becomes `program`.
pub fn command<A: AsRef<OsStr>>(program: &OsStr, arguments: &[A]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(EXEC).arg("--").arg(program).args(arguments);
    command
}

/// Becomes `words[0]`, with no forwarded signal blocked. Returns only when that fails.
pub fn exec<A: AsRef<OsStr>>(words: &[A]) -> Failure {
    let Some((program, arguments)) = words.split_first() else {
        return Failure::usage("nothing to run");
    };
    let forwarded: SigSet = FORWARDED.into_iter().collect();
    if let Err(e) = forwarded.thread_unblock() {
        return Failure::new(e);
    }
    let error = Command::new(program).args(arguments).exec();
    let status = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
    Failure::with_status(status, format!("{}: {error}", program.as_ref().display()))
}

/// Exit status when the program is there but does not start, as in a shell.
pub const CANNOT_RUN: u8 = 126;

/// Exit status when there is no such program, as in a shell.
pub const NOT_FOUND: u8 = 127;

/// Takes what a child says; returns false once nothing more can come.
pub trait Listener {
    fn socket(&self) -> BorrowedFd<'_>;
    fn listen(&mut self) -> bool;
}

/// Waits for the end of `child`, forwards signals and listens meanwhile. The child is reaped when this returns `Ok`.
pub fn supervise(
    child: &mut Child,
    signals: &Signals,
    mut listener: Option<&mut dyn Listener>,
) -> io::Result<ExitStatus> {
    let pid = Pid::from_child(child);
    let ended: OwnedFd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut listening = listener.is_some();
    loop {
        let mut fds =
            vec![PollFd::new(&ended, PollFlags::IN), PollFd::from_borrowed_fd(signals.queue.as_fd(), PollFlags::IN)];
        if let Some(listener) = listener.as_deref().filter(|_| listening) {
            fds.push(PollFd::from_borrowed_fd(listener.socket(), PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        if ready[1] {
            signals.forward_to(pid)?;
        }
        // Whatever the child said before its end is here by the time that its end is.
        if (ready[0] || ready.get(2) == Some(&true))
            && let Some(listener) = listener.as_deref_mut().filter(|_| listening)
        {
            listening = listener.listen();
        }
        if ready[0] {
            return child.wait();
        }
    }
}

/// Ends this process as the child ended: by the same signal, or with the same status.
pub fn end_like(status: ExitStatus, signals: Signals) -> u8 {
    drop(signals);
    let Some(number) = status.signal() else {
        return status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    };
    if let Some(signal) = rustix::process::Signal::from_named_raw(number) {
        // The child has left a core file if one is wanted; it is the one that matters.
        let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
    // A signal that this process ignores or handles, such as SIGPIPE.
    u8::try_from(128 + number).unwrap_or(u8::MAX)
}

/// The name of a signal: `SIGKILL`.
pub fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}
