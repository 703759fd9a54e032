//! `WSAPoll`: by the provider's own function, else with WSPSelect (API-15, API-S7 to API-S11).

use windlass_abi::{
    POLLERR, POLLHUP, POLLNVAL, POLLRDBAND, POLLRDNORM, POLLWRNORM, SOCKET, TIMEVAL, WSAPOLLFD, WsaError,
};

use crate::dispatch::{Entered, enter};
use crate::function::Function;
use crate::loader::poll as provider;
use crate::sockets::is_socket;
use crate::startup::require_started;

/// Waits until something is ready, or `timeout` milliseconds are over (negative: no limit). Returns how many elements have
/// `revents` (API-S7).
///
/// The whole call goes to the provider of the first element that is a socket, as with `select` (API-11). A negative handle is
/// skipped (API-S9); a handle that is no socket gets `POLLNVAL` (API-S10), and the call returns at once.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: an event that cannot be asked for, or no element is a socket (API-S9); the provider's own.
pub fn poll(elements: &mut [WSAPOLLFD], timeout: i32) -> Result<i32, WsaError> {
    require_started(Function::WsaPoll)?;
    if !elements.iter().all(|element| can_be_asked(element.events)) {
        return Err(WsaError::WSAEINVAL);
    }
    // Decided once: handles may come and go meanwhile.
    let roles: Vec<Role> = elements.iter().map(|element| Role::of(element.fd)).collect();
    let first = roles.iter().position(|role| *role == Role::Socket).ok_or(WsaError::WSAEINVAL)?;
    let entered = enter(elements[first].fd, Function::WsaPoll)?;
    let sockets = elements.iter().zip(&roles).filter(|(_, role)| **role == Role::Socket);
    let mut asked: Vec<_> = sockets.map(|(element, _)| WSAPOLLFD { revents: 0, ..*element }).collect();
    let timeout = if roles.contains(&Role::Unknown) { 0 } else { timeout };
    match provider::extension(&entered, elements[first].fd) {
        Some(function) => provider::call(entered, function, &mut asked, timeout)?,
        None => with_select(entered, &mut asked, timeout)?,
    }
    let mut answers = asked.iter().map(|answer| answer.revents);
    for (element, role) in elements.iter_mut().zip(&roles) {
        element.revents = match role {
            Role::Skipped => 0,
            Role::Unknown => POLLNVAL,
            Role::Socket => answers.next().unwrap_or(POLLNVAL),
        };
    }
    Ok(elements.iter().filter(|element| element.revents != 0).count() as i32)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Skipped,
    Unknown,
    Socket,
}

impl Role {
    fn of(s: SOCKET) -> Self {
        match s {
            _ if s.cast_signed() < 0 => Self::Skipped,
            _ if is_socket(s) => Self::Socket,
            _ => Self::Unknown,
        }
    }
}

/// Whether a program may ask for these events: neither `POLLPRI` and `POLLWRBAND` nor what is only reported (API-S9).
fn can_be_asked(events: i16) -> bool {
    events & !(POLLRDNORM | POLLRDBAND | POLLWRNORM) == 0
}

/// Asks a provider without WSAPoll. Everything is in the except set too, where a failed connect shows (API-S11); with `POLLRDBAND`
/// asked for, that cannot be told from data out of band. Nor can the end of a stream from data: it is reported as readable.
fn with_select(entered: Entered, elements: &mut [WSAPOLLFD], timeout: i32) -> Result<(), WsaError> {
    let wanting = |bit: i16| elements.iter().filter(move |element| element.events & bit != 0).map(|element| element.fd);
    let mut read: Vec<SOCKET> = wanting(POLLRDNORM).collect();
    let mut write: Vec<SOCKET> = wanting(POLLWRNORM).collect();
    let mut except: Vec<SOCKET> = elements.iter().map(|element| element.fd).collect();
    provider::select(entered, [&mut read, &mut write, &mut except], limit(timeout))?;
    for element in elements {
        element.revents = ready_events(*element, &read, &write, &except);
    }
    Ok(())
}

fn ready_events(element: WSAPOLLFD, read: &[SOCKET], write: &[SOCKET], except: &[SOCKET]) -> i16 {
    let asked = |bit: i16| element.events & bit != 0;
    let mut events = 0;
    if asked(POLLRDNORM) && read.contains(&element.fd) {
        events |= POLLRDNORM;
    }
    if asked(POLLWRNORM) && write.contains(&element.fd) {
        events |= POLLWRNORM;
    }
    if except.contains(&element.fd) {
        events |= if asked(POLLRDBAND) { POLLRDBAND } else { POLLERR | POLLHUP };
    }
    events
}

/// The limit as select has it; none for a negative number.
fn limit(milliseconds: i32) -> Option<TIMEVAL> {
    (milliseconds >= 0).then(|| TIMEVAL { tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::{INVALID_SOCKET, POLLIN, POLLOUT, POLLPRI, POLLWRBAND};

    #[test]
    fn api_s9_what_cannot_be_asked_for() {
        for good in [0, POLLIN, POLLOUT, POLLRDNORM, POLLRDBAND, POLLIN | POLLOUT] {
            assert!(can_be_asked(good), "{good:#x}");
        }
        for bad in [POLLPRI, POLLWRBAND, POLLERR, POLLHUP, POLLNVAL, POLLIN | POLLPRI, i16::MIN] {
            assert!(!can_be_asked(bad), "{bad:#x}");
        }
    }

    #[test]
    fn api_s9_a_negative_handle_is_skipped() {
        assert_eq!(Role::of(INVALID_SOCKET), Role::Skipped);
        assert_eq!(Role::of(1 << 63), Role::Skipped);
        assert_eq!(Role::of((1 << 63) - 1), Role::Unknown);
    }

    #[test]
    fn api_s7_milliseconds_become_a_timeval() {
        assert_eq!(limit(-1), None);
        assert_eq!(limit(i32::MIN), None);
        assert_eq!(limit(0), Some(TIMEVAL { tv_sec: 0, tv_usec: 0 }));
        assert_eq!(limit(2500), Some(TIMEVAL { tv_sec: 2, tv_usec: 500_000 }));
        assert_eq!(limit(i32::MAX), Some(TIMEVAL { tv_sec: 2_147_483, tv_usec: 647_000 }));
    }

    #[test]
    fn api_s11_sets_become_events() {
        let element = |events| WSAPOLLFD { fd: 5, events, revents: 0 };
        assert_eq!(ready_events(element(POLLIN | POLLOUT), &[5], &[5], &[]), POLLRDNORM | POLLWRNORM);
        assert_eq!(ready_events(element(POLLOUT), &[5], &[], &[]), 0);
        assert_eq!(ready_events(element(POLLOUT), &[], &[], &[5]), POLLERR | POLLHUP);
        assert_eq!(ready_events(element(POLLIN), &[], &[], &[5]), POLLRDBAND);
        assert_eq!(ready_events(element(POLLIN), &[6], &[6], &[6]), 0);
    }
}
