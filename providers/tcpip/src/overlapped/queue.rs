//! Operations that wait, in the order in which they were started (OV-12). Knows no kernel: whoever learns that a socket is
//! ready drives it.

use std::collections::VecDeque;

use windlass_abi::SOCKET;

/// The operations of one direction of a socket.
pub struct Queue<T> {
    /// Each with the descriptor that it was started on, whose close ends it.
    waiting: VecDeque<(SOCKET, T)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds an operation that could not be done at once, behind all others.
    pub fn push(&mut self, handle: SOCKET, operation: T) {
        // Most have one, and there are many queues.
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.reserve_exact(self.waiting.len().max(1));
        }
        self.waiting.push_back((handle, operation));
    }

    /// Tries the first operation, and each next one once the one before is over. The first that has to go on waiting ends it:
    /// none behind it may overtake.
    pub fn advance<R>(&mut self, mut attempt: impl FnMut(&mut T) -> Option<R>, mut finish: impl FnMut(T, R)) {
        while let Some((_, operation)) = self.waiting.front_mut() {
            let Some(result) = attempt(operation) else { return };
            if let Some((_, operation)) = self.waiting.pop_front() {
                finish(operation, result);
            }
        }
    }

    /// Takes out those that were started on a descriptor, or that `unwanted` names, in their order.
    pub fn take(&mut self, mut unwanted: impl FnMut(SOCKET, &T) -> bool) -> Vec<T> {
        let (taken, kept) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(handle, operation)| unwanted(*handle, operation));
        self.waiting = kept;
        let taken: VecDeque<_> = taken;
        taken.into_iter().map(|(_, operation)| operation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operations that want so many bytes each; the kernel has some.
    fn drive(queue: &mut Queue<(char, u32)>, mut bytes: u32) -> String {
        let mut done = String::new();
        queue.advance(
            |(_, wanted)| {
                let taken = bytes.min(*wanted);
                bytes -= taken;
                *wanted -= taken;
                (*wanted == 0).then_some(())
            },
            |(name, _), ()| done.push(name),
        );
        done
    }

    #[test]
    fn ov_12_none_overtakes_another() {
        let mut queue = Queue::default();
        for (name, wanted) in [('a', 3), ('b', 1), ('c', 5)] {
            queue.push(7, (name, wanted));
        }
        assert_eq!(drive(&mut queue, 2), "");
        assert_eq!(drive(&mut queue, 2), "ab");
        assert_eq!(drive(&mut queue, 4), "");
        queue.push(7, ('d', 0));
        assert_eq!(drive(&mut queue, 0), "", "d wants nothing, and waits all the same");
        assert_eq!(drive(&mut queue, 1), "cd");
        assert!(queue.is_empty());
    }

    #[test]
    fn wsp_close_2_takes_those_of_one_descriptor() {
        let mut queue = Queue::default();
        for (handle, name) in [(7, 'a'), (8, 'b'), (7, 'c'), (8, 'd')] {
            queue.push(handle, (name, 1));
        }
        let names = |taken: Vec<(char, u32)>| taken.into_iter().map(|(name, _)| name).collect::<String>();
        assert_eq!(names(queue.take(|handle, _| handle == 7)), "ac");
        assert_eq!(drive(&mut queue, 1), "b");
        assert_eq!(names(queue.take(|_, _| true)), "d");
    }
}
