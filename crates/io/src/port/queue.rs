//! The packets of a port: a ring without locks, and a list behind it for what the ring does not hold.

use std::collections::VecDeque;
use std::fmt;

use super::Packet;
use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, between_seq_cst, lock, yield_now};

/// How many packets the ring of a port holds: 32 KiB.
pub(super) const RING: usize = 1024;

/// First in, first out, for any number of threads at either end.
///
/// What does not fit into the ring goes to a list, and while anything is there everything goes there, so that the packets of
/// one thread stay in order. Only the ring is taken from; whoever finds it empty moves the list into it. The list has two
/// ends with a lock each, so that those who put in do not wait while packets are moved.
pub(super) struct Queue {
    ring: Ring,
    /// Something is in the list. Changes under the lock of `newer`.
    spilled: AtomicBool,
    newer: Mutex<VecDeque<Packet>>,
    /// Locked before `newer`.
    older: Mutex<VecDeque<Packet>>,
}

/// So long as this each half of the list may stay when a burst is over: 1.5 MB that were needed once.
const KEPT: usize = 64 * RING;

impl Queue {
    /// A queue whose ring holds `capacity` packets, a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            spilled: AtomicBool::new(false),
            newer: Mutex::new(VecDeque::new()),
            older: Mutex::new(VecDeque::new()),
        }
    }

    /// Puts a packet in. A later [`is_empty`](Self::is_empty) of whoever is known not to have started it yet sees it.
    #[inline]
    pub(super) fn push(&self, packet: Packet) {
        if self.spilled.load(Ordering::Relaxed) || !self.ring.push(packet) {
            self.push_to_list(packet);
        }
    }

    /// Takes the oldest packet; `None` if at some moment of this call there was none.
    #[inline]
    pub(super) fn pop(&self) -> Option<Packet> {
        self.ring.pop().or_else(|| self.pop_from_list())
    }

    /// True if nothing is in it, and nobody is about to finish putting something in.
    pub(super) fn is_empty(&self) -> bool {
        // In this order: what leaves the list is in the ring before the list is known to be empty.
        !self.spilled.load(Ordering::SeqCst) && self.ring.is_empty()
    }

    /// Drops what is in it.
    pub(super) fn clear(&self) {
        while self.pop().is_some() {}
    }

    #[cold]
    fn push_to_list(&self, packet: Packet) {
        let mut newer = lock(&self.newer);
        // The list may have been emptied meanwhile.
        if self.spilled.load(Ordering::Relaxed) || !self.ring.push(packet) {
            newer.push_back(packet);
            self.spilled.store(true, Ordering::SeqCst);
            between_seq_cst();
        }
    }

    #[cold]
    fn pop_from_list(&self) -> Option<Packet> {
        if self.spilled.load(Ordering::SeqCst) {
            self.refill();
        }
        self.ring.pop()
    }

    fn refill(&self) {
        let mut older = lock(&self.older);
        loop {
            while let Some(&oldest) = older.front() {
                if !self.ring.push(oldest) {
                    return;
                }
                older.pop_front();
            }
            let mut newer = lock(&self.newer);
            if newer.is_empty() {
                older.shrink_to(KEPT);
                newer.shrink_to(KEPT);
                self.spilled.store(false, Ordering::SeqCst);
                return;
            }
            std::mem::swap(&mut *older, &mut *newer);
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}

/// A ring of slots that are handed from producers to consumers and back by their turns: position `p` of the queue uses slot
/// `p % capacity`, which is free for it when its turn is `p`, and full when it is `p + 1`.
struct Ring {
    tail: Alone<AtomicUsize>,
    head: Alone<AtomicUsize>,
    slots: Box<[Slot]>,
}

/// Has its cache lines to itself.
#[repr(align(128))]
struct Alone<T>(T);

/// Between its two turns a slot belongs to one thread, and the turns order what is in it.
#[repr(align(32))]
struct Slot {
    turn: AtomicUsize,
    key: AtomicUsize,
    overlapped: AtomicUsize,
    /// Bytes, and the status above them.
    result: AtomicU64,
}

impl Ring {
    fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two());
        let slot = |turn| Slot {
            turn: AtomicUsize::new(turn),
            key: AtomicUsize::new(0),
            overlapped: AtomicUsize::new(0),
            result: AtomicU64::new(0),
        };
        Self {
            tail: Alone(AtomicUsize::new(0)),
            head: Alone(AtomicUsize::new(0)),
            slots: (0..capacity).map(slot).collect(),
        }
    }

    /// False if it is full.
    #[inline]
    fn push(&self, packet: Packet) -> bool {
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(tail);
            let ahead = slot.turn.load(Ordering::Acquire).wrapping_sub(tail) as isize;
            if ahead < 0 {
                return false;
            }
            if ahead > 0 {
                tail = self.tail.0.load(Ordering::Relaxed);
                continue;
            }
            // From here on the queue is not empty; SeqCst, because the pusher looks for sleepers next.
            match self.tail.0.compare_exchange_weak(tail, tail.wrapping_add(1), Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => {
                    between_seq_cst();
                    slot.put(packet);
                    slot.turn.store(tail.wrapping_add(1), Ordering::Release);
                    return true;
                }
                Err(current) => tail = current,
            }
        }
    }

    #[inline]
    fn pop(&self) -> Option<Packet> {
        let mut head = self.head.0.load(Ordering::Relaxed);
        let mut rounds = 0;
        loop {
            let slot = self.slot(head);
            let full = head.wrapping_add(1);
            let ahead = slot.turn.load(Ordering::Acquire).wrapping_sub(full) as isize;
            if ahead == 0 {
                match self.head.0.compare_exchange_weak(head, full, Ordering::SeqCst, Ordering::Relaxed) {
                    Ok(_) => {
                        let packet = slot.packet();
                        slot.turn.store(head.wrapping_add(self.slots.len()), Ordering::Release);
                        return Some(packet);
                    }
                    Err(current) => head = current,
                }
            } else {
                if ahead < 0 {
                    if self.tail.0.load(Ordering::SeqCst) == head {
                        return None;
                    }
                    // Somebody is between taking the slot and filling it.
                    relax(&mut rounds);
                }
                head = self.head.0.load(Ordering::Relaxed);
            }
        }
    }

    fn is_empty(&self) -> bool {
        // In this order: equal means that it was empty when the tail was read.
        let head = self.head.0.load(Ordering::SeqCst);
        self.tail.0.load(Ordering::SeqCst) == head
    }

    #[inline]
    fn slot(&self, position: usize) -> &Slot {
        &self.slots[position & (self.slots.len() - 1)]
    }
}

impl Slot {
    #[inline]
    fn put(&self, packet: Packet) {
        self.key.store(packet.key, Ordering::Relaxed);
        self.overlapped.store(packet.overlapped, Ordering::Relaxed);
        self.result.store(u64::from(packet.bytes) | u64::from(packet.status) << 32, Ordering::Relaxed);
    }

    #[inline]
    fn packet(&self) -> Packet {
        let result = self.result.load(Ordering::Relaxed);
        Packet {
            key: self.key.load(Ordering::Relaxed),
            overlapped: self.overlapped.load(Ordering::Relaxed),
            bytes: result as u32,
            status: (result >> 32) as u32,
        }
    }
}

/// Waits a little for a thread that needs a few more instructions, unless it has lost its processor.
#[cold]
fn relax(rounds: &mut u32) {
    const SPINS: u32 = if cfg!(loom) { 0 } else { 64 };
    if *rounds < SPINS {
        *rounds += 1;
        std::hint::spin_loop();
    } else {
        yield_now();
    }
}
