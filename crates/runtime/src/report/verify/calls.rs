//! Which thread is inside which call, and which sockets wait. Pure: threads are numbers.

use std::collections::{HashMap, HashSet};

use windlass_abi::SOCKET;

use crate::function::Function;

/// The calls that are going on.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    inside: HashMap<SOCKET, Vec<(u64, Function)>>,
    nonblocking: HashSet<SOCKET>,
}

impl Calls {
    /// A thread goes into a call on a socket; calls of a thread nest.
    pub(crate) fn enter(&mut self, s: SOCKET, thread: u64, function: Function) {
        self.inside.entry(s).or_default().push((thread, function));
    }

    /// It has come out of the last one.
    pub(crate) fn leave(&mut self, s: SOCKET, thread: u64) {
        let Some(calls) = self.inside.get_mut(&s) else { return };
        if let Some(at) = calls.iter().rposition(|call| call.0 == thread) {
            calls.remove(at);
        }
        if calls.is_empty() {
            self.inside.remove(&s);
        }
    }

    /// A call of another thread on this socket.
    pub(crate) fn other(&self, s: SOCKET, thread: u64) -> Option<Function> {
        self.inside.get(&s)?.iter().find(|call| call.0 != thread).map(|call| call.1)
    }

    /// Whether calls on this socket may wait (MODE-1).
    pub(crate) fn is_blocking(&self, s: SOCKET) -> bool {
        !self.nonblocking.contains(&s)
    }

    /// Its mode was changed (MODE-2).
    pub(crate) fn set_blocking(&mut self, s: SOCKET, blocking: bool) {
        if blocking {
            self.nonblocking.remove(&s);
        } else {
            self.nonblocking.insert(s);
        }
    }

    /// A socket was accepted: it has the mode of the one that listens.
    pub(crate) fn accepted(&mut self, s: SOCKET, listening: SOCKET) {
        self.set_blocking(s, self.is_blocking(listening));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_threads_inside_are_found() {
        let mut calls = Calls::default();
        calls.enter(5, 1, Function::Accept);
        assert_eq!(calls.other(5, 1), None);
        assert_eq!(calls.other(5, 2), Some(Function::Accept));
        assert_eq!(calls.other(6, 2), None);
        calls.enter(5, 1, Function::WsaSend);
        calls.leave(5, 1);
        assert_eq!(calls.other(5, 2), Some(Function::Accept), "the inner one has ended");
        calls.leave(5, 1);
        calls.leave(5, 1);
        assert_eq!(calls.other(5, 2), None);
    }

    #[test]
    fn mode_1_sockets_begin_as_blocking() {
        let mut calls = Calls::default();
        assert!(calls.is_blocking(5));
        calls.set_blocking(5, false);
        calls.accepted(6, 5);
        assert!(!calls.is_blocking(5) && !calls.is_blocking(6));
        calls.set_blocking(5, true);
        assert!(calls.is_blocking(5) && !calls.is_blocking(6));
    }
}
