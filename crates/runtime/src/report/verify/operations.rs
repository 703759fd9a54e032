//! The overlapped operations that are under way, and what must not happen to their memory meanwhile. Pure: addresses are numbers.

use std::ops::Range;

use windlass_abi::SOCKET;

use crate::function::Function;
use crate::report::Violation;

/// The bytes of a `WSAOVERLAPPED`.
pub(crate) const STRUCTURE: usize = size_of::<windlass_abi::WSAOVERLAPPED>();

/// An operation from before its call until its end is known.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The address of its structure, by which it is known.
    pub overlapped: usize,
    pub buffers: Vec<Range<usize>>,
    /// Whether the buffers are written to, or read.
    pub receives: bool,
    pub function: Function,
    pub handle: SOCKET,
    /// The thread that made the call.
    pub thread: u64,
    /// The address of the client's completion routine, zero without one.
    pub routine: usize,
    /// The sum of what is to be sent.
    pub sum: Option<u64>,
    /// Its end will be told; otherwise the structure says when it is over.
    pub watched: bool,
    /// The call has returned, and the operation goes on.
    pub pending: bool,
    /// It is over, and the routine has not run yet.
    pub over: bool,
    /// The last clean-up came since: its memory is the client's, and whether its routine runs is not known.
    pub abandoned: bool,
}

impl Operation {
    fn structure(&self) -> Range<usize> {
        self.overlapped..self.overlapped + STRUCTURE
    }

    fn touches(&self, memory: &Range<usize>) -> bool {
        self.buffers.iter().any(|buffer| overlap(buffer, memory))
    }
}

/// The operations of a process.
#[derive(Debug, Default)]
pub(crate) struct Operations(Vec<Operation>);

/// A way in which two operations are in each other's way: what is broken, and by whom it is held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub kind: Violation,
    pub handle: SOCKET,
    pub function: Function,
}

impl Operations {
    /// What a new call does to the operations that are under way.
    pub(crate) fn conflicts(&self, new: &Operation) -> Vec<Conflict> {
        let conflict = |kind, old: &Operation| Conflict { kind, handle: old.handle, function: old.function };
        let mut found = Vec::new();
        if let Some(old) = self
            .0
            .iter()
            .find(|old| new.overlapped != 0 && !old.abandoned && overlap(&old.structure(), &new.structure()))
        {
            found.push(conflict(Violation::OverlappedReused, old));
        }
        let both = |old: &&Operation| {
            !old.over && (old.receives || new.receives) && new.buffers.iter().any(|buffer| old.touches(buffer))
        };
        found.extend(self.0.iter().find(both).map(|old| conflict(Violation::BufferReused, old)));
        found
    }

    /// A call begins. To be [withdrawn](Self::withdraw) if nothing comes of it.
    pub(crate) fn submit(&mut self, new: Operation) {
        self.0.push(new);
    }

    /// The call started nothing, or has ended it itself; the last one with this structure.
    pub(crate) fn withdraw(&mut self, overlapped: usize) {
        if let Some(at) = self.0.iter().rposition(|old| old.overlapped == overlapped) {
            self.0.remove(at);
        }
    }

    /// The operation goes on, and its end will be told.
    pub(crate) fn watched(&mut self, overlapped: usize) {
        if let Some(new) = self.0.iter_mut().rfind(|old| old.overlapped == overlapped) {
            new.watched = true;
        }
    }

    /// The call has returned, and the operation goes on, if it is not over already.
    pub(crate) fn pending(&mut self, overlapped: usize) {
        if let Some(new) = self.0.iter_mut().rfind(|old| old.overlapped == overlapped) {
            new.pending = true;
        }
    }

    /// The operation is over: its memory is the client's, but for the structure that its routine is going to get.
    pub(crate) fn over(&mut self, overlapped: usize) {
        let Some(at) = self.0.iter().position(|old| old.overlapped == overlapped && !old.over) else { return };
        match self.0[at].routine {
            0 => drop(self.0.remove(at)),
            _ => self.0[at].over = true,
        }
    }

    /// The client's routine, which is about to run: the operation is no more.
    pub(crate) fn take_routine(&mut self, overlapped: usize) -> Option<usize> {
        let at = self.0.iter().position(|old| old.overlapped == overlapped && old.routine != 0)?;
        Some(self.0.remove(at).routine)
    }

    /// The operations whose end nobody tells, and that are over as their structures have it.
    pub(crate) fn forget_unwatched(&mut self, is_over: impl Fn(usize) -> bool) {
        self.0.retain(|old| old.watched || !old.pending || old.routine != 0 || !is_over(old.overlapped));
    }

    /// What is broken by giving this memory back, and which operation has it.
    pub(crate) fn freed(&self, memory: &Range<usize>) -> Option<(Violation, Operation)> {
        self.broken(|old| old.pending, |part| overlap(part, memory))
    }

    /// The same for the part of a thread's stack below its pointer, of the operations of that thread.
    pub(crate) fn left_on_stack(&self, thread: u64, free: &Range<usize>) -> Option<(Violation, Operation)> {
        let gone = |part: &Range<usize>| overlap(part, free);
        self.broken(|old| old.thread == thread && old.pending, gone)
    }

    /// Whether a thread has operations that go on: their memory may be on its stack.
    pub(crate) fn uses_stack_of(&self, thread: u64) -> bool {
        self.0.iter().any(|old| old.thread == thread && old.pending)
    }

    /// A thread ended, and its routines with it.
    pub(crate) fn thread_ended(&mut self, thread: u64) {
        self.0.retain(|old| old.thread != thread || !old.over);
        self.0.iter_mut().filter(|old| old.thread == thread).for_each(|old| old.routine = 0);
    }

    /// The last clean-up has ended every operation. Routines that were queued before may run yet.
    pub(crate) fn session_ended(&mut self) {
        self.0.retain(|old| old.routine != 0);
        for old in &mut self.0 {
            (old.pending, old.over, old.abandoned) = (false, true, true);
        }
    }

    /// The pending sends whose bytes were summed up.
    pub(crate) fn sends(&self) -> impl Iterator<Item = &Operation> {
        self.0.iter().filter(|old| old.pending && !old.over && !old.receives && old.sum.is_some())
    }

    /// Looks no more at what this one sends.
    pub(crate) fn stop_summing(&mut self, overlapped: usize) {
        self.0.iter_mut().filter(|old| old.overlapped == overlapped).for_each(|old| old.sum = None);
    }

    fn broken(
        &self,
        which: impl Fn(&Operation) -> bool,
        gone: impl Fn(&Range<usize>) -> bool,
    ) -> Option<(Violation, Operation)> {
        self.0.iter().filter(|old| which(old)).find_map(|old| {
            if gone(&old.structure()) {
                Some((Violation::OverlappedFreed, old.clone()))
            } else if !old.over && old.buffers.iter().any(&gone) {
                Some((Violation::BufferFreed, old.clone()))
            } else {
                None
            }
        })
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// A sum of bytes that tells one text from another: FNV-1a.
pub(crate) fn sum(so_far: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(so_far, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where a sum begins.
pub(crate) const SUM: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(overlapped: usize, buffer: Range<usize>, receives: bool) -> Operation {
        Operation {
            overlapped,
            buffers: vec![buffer],
            receives,
            function: if receives { Function::WsaRecv } else { Function::WsaSend },
            handle: 5,
            thread: 1,
            routine: 0,
            sum: (!receives).then_some(7),
            watched: true,
            pending: true,
            over: false,
            abandoned: false,
        }
    }

    fn kinds(operations: &Operations, new: &Operation) -> Vec<Violation> {
        operations.conflicts(new).iter().map(|conflict| conflict.kind).collect()
    }

    #[test]
    fn ov_11_a_structure_serves_one_operation_at_a_time() {
        let mut all = Operations::default();
        let first = operation(1000, 5000..5100, true);
        assert_eq!(kinds(&all, &first), []);
        all.submit(first);
        assert_eq!(kinds(&all, &operation(1000, 6000..6100, true)), [Violation::OverlappedReused]);
        assert_eq!(kinds(&all, &operation(1016, 6000..6100, true)), [Violation::OverlappedReused], "partly");
        assert_eq!(kinds(&all, &operation(1000 + STRUCTURE, 6000..6100, true)), []);
        all.over(1000);
        assert_eq!(kinds(&all, &operation(1000, 6000..6100, true)), []);
    }

    #[test]
    fn ov_10_a_buffer_that_is_written_to_serves_one_call_at_a_time() {
        let mut all = Operations::default();
        all.submit(operation(1000, 5000..5100, true));
        all.submit(operation(2000, 8000..8100, false));
        assert_eq!(kinds(&all, &operation(3000, 5099..5200, false)), [Violation::BufferReused]);
        assert_eq!(kinds(&all, &operation(3000, 8000..8100, true)), [Violation::BufferReused]);
        assert_eq!(kinds(&all, &operation(3000, 8000..8100, false)), [], "two may read the same");
        assert_eq!(kinds(&all, &operation(3000, 5100..5200, true)), []);
        assert_eq!(
            kinds(&all, &operation(0, 5000..5001, true)),
            [Violation::BufferReused],
            "a call without a structure"
        );
    }

    #[test]
    fn the_structure_stays_in_use_until_its_routine_has_run() {
        let mut all = Operations::default();
        all.submit(Operation { routine: 77, ..operation(1000, 5000..5100, true) });
        all.over(1000);
        assert_eq!(kinds(&all, &operation(1000, 9000..9001, true)), [Violation::OverlappedReused]);
        assert_eq!(kinds(&all, &operation(2000, 5000..5100, true)), [], "the buffer is the client's again");
        assert_eq!(all.take_routine(1000), Some(77));
        assert_eq!(all.take_routine(1000), None);
        assert_eq!(kinds(&all, &operation(1000, 5000..5100, true)), []);
    }

    #[test]
    fn memory_that_is_given_back_is_looked_for_in_structures_and_buffers() {
        let mut all = Operations::default();
        all.submit(operation(1000, 5000..5100, true));
        assert_eq!(all.freed(&(900..1001)).unwrap().0, Violation::OverlappedFreed);
        assert_eq!(all.freed(&(5050..5051)).unwrap().0, Violation::BufferFreed);
        assert!(all.freed(&(2000..5000)).is_none());
        assert_eq!(all.left_on_stack(1, &(0..1100)).unwrap().0, Violation::OverlappedFreed);
        assert!(all.left_on_stack(2, &(0..1100)).is_none(), "of another thread");
    }

    #[test]
    fn what_nobody_tells_is_asked_of_the_structure() {
        let mut all = Operations::default();
        all.submit(Operation { watched: false, ..operation(1000, 5000..5100, true) });
        all.submit(operation(2000, 6000..6100, true));
        all.forget_unwatched(|_| false);
        assert!(all.freed(&(1000..1001)).is_some());
        all.forget_unwatched(|_| true);
        assert!(all.freed(&(1000..1001)).is_none() && all.freed(&(2000..2001)).is_some());
    }

    #[test]
    fn api_19_routines_end_with_their_thread() {
        let mut all = Operations::default();
        all.submit(Operation { routine: 77, ..operation(1000, 5000..5100, true) });
        all.submit(Operation { routine: 77, ..operation(2000, 6000..6100, true) });
        all.over(1000);
        all.thread_ended(1);
        assert_eq!(kinds(&all, &operation(1000, 9000..9001, true)), []);
        all.over(2000);
        assert_eq!(kinds(&all, &operation(2000, 9000..9001, true)), []);
    }

    #[test]
    fn wsp_cleanup_10_a_routine_that_was_queued_may_run_after_the_last_clean_up() {
        let mut all = Operations::default();
        all.submit(Operation { routine: 77, ..operation(1000, 5000..5100, true) });
        all.submit(operation(2000, 6000..6100, true));
        all.session_ended();
        for (structure, buffer) in [(1000, 6000), (2000, 5000)] {
            assert_eq!(kinds(&all, &operation(structure, buffer..buffer + 1, true)), [], "the memory is the client's");
        }
        assert!(all.freed(&(0..9000)).is_none());
        assert_eq!(all.take_routine(1000), Some(77));
    }

    #[test]
    fn sums_differ_where_bytes_do() {
        assert_eq!(sum(sum(SUM, b"wind"), b"lass"), sum(SUM, b"windlass"));
        assert_ne!(sum(SUM, b"windlass"), sum(SUM, b"windlast"));
    }
}
