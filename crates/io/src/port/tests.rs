use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{scope, spawn};
use std::time::{Duration, Instant};

use rustix::io::{Errno, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;
use crate::wait::{Slept, sleep_ex};
use crate::{event, lock, thread, until};

const SOON: Duration = Duration::from_millis(5);
const NOW: Duration = Duration::ZERO;

fn numbered(number: usize) -> Packet {
    Packet { key: number, overlapped: !number, bytes: number as u32, status: 0xC000_0120 }
}

fn within(time: Duration) -> Deadline {
    Deadline::after(Some(time))
}

/// The number of the next packet, if there is one now.
fn next(port: Handle) -> Option<usize> {
    match get(port, within(NOW), false) {
        Ok(packet) => {
            assert_eq!(packet, numbered(packet.key));
            Some(packet.key)
        }
        Err(why) => {
            assert_eq!(why, NoPacket::TimedOut);
            None
        }
    }
}

/// How many threads sleep in the line of a port.
fn sleepers(port: Handle) -> usize {
    Port::of(port).unwrap().0.gate.sleepers()
}

/// How many threads sleep in its epoll set, or are about to.
fn watchers(port: Handle) -> usize {
    Port::of(port).unwrap().0.gate.watchers()
}

#[test]
fn packets_come_out_as_they_went_in_and_in_order() {
    let port = create(1).unwrap();
    assert_eq!(next(port), None);
    // More than the ring holds, and again after it was full.
    for count in [1, queue::RING, 3 * queue::RING + 7, 5] {
        (0..count).for_each(|number| post(port, numbered(number)).unwrap());
        (0..count).for_each(|number| assert_eq!(next(port), Some(number)));
        assert_eq!(next(port), None);
    }
    close(port).unwrap();
}

#[test]
fn many_packets_are_taken_at_once_from_the_front() {
    let port = create(0).unwrap();
    (0..10).for_each(|number| post(port, numbered(number)).unwrap());
    let mut packets = [numbered(99); 7];
    assert_eq!(get_many(port, &mut [], within(NOW), false), Ok(0));
    assert_eq!(get_many(port, &mut packets, Deadline::NEVER, false), Ok(7));
    assert_eq!(packets, std::array::from_fn(numbered));
    assert_eq!(get_many(port, &mut packets, Deadline::NEVER, true), Ok(3));
    assert_eq!(packets.map(|packet| packet.key), [7, 8, 9, 3, 4, 5, 6]);
    assert_eq!(get_many(port, &mut packets, within(SOON), false), Err(NoPacket::TimedOut));
    close(port).unwrap();
}

#[test]
fn a_wait_lasts_until_its_deadline() {
    let port = create(0).unwrap();
    let start = Instant::now();
    let ended = get(port, within(4 * SOON), false).unwrap_err();
    assert_eq!((ended, ended.code()), (NoPacket::TimedOut, 258));
    assert!(start.elapsed() >= 4 * SOON);
    close(port).unwrap();
}

#[test]
fn bad_handles_are_refused_by_every_function() {
    let closed = create(0).unwrap();
    // Known to this thread in both ways.
    post(closed, numbered(1)).unwrap();
    assert_eq!(next(closed), Some(1));
    spawn(move || close(closed).unwrap()).join().unwrap();
    let event = event::create(event::Reset::Manual, true).unwrap();
    for bad in [closed, event, Handle::from_value(0), Handle::from_value(7), Handle::from_value(usize::MAX)] {
        assert_eq!(post(bad, numbered(1)), Err(WsaError::WSA_INVALID_HANDLE));
        let ended = get(bad, Deadline::NEVER, false).unwrap_err();
        assert_eq!((ended, ended.code()), (NoPacket::InvalidHandle, 6));
        assert_eq!(get_many(bad, &mut [], Deadline::NEVER, true), Err(NoPacket::InvalidHandle));
        assert_eq!(close(bad), Err(WsaError::WSA_INVALID_HANDLE));
        assert_eq!(Port::of(bad).err(), Some(WsaError::WSA_INVALID_HANDLE));
    }
    event::close(event).unwrap();
}

#[test]
fn the_last_handle_closes_the_port() {
    let first = create(0).unwrap();
    let second = crate::handle::duplicate(first).unwrap();
    let third = Port::of(first).unwrap().open().unwrap();
    let port = Port::of(first).unwrap();
    post(second, numbered(1)).unwrap();
    close(first).unwrap();
    assert_eq!(post(first, numbered(2)), Err(WsaError::WSA_INVALID_HANDLE));
    assert_eq!(next(third), Some(1));
    crate::handle::close(second).unwrap();
    assert_eq!(post(second, numbered(2)), Err(WsaError::WSA_INVALID_HANDLE));
    post(third, numbered(3)).unwrap();
    crate::handle::close(third).unwrap();
    assert_eq!(get(third, Deadline::NEVER, false), Err(NoPacket::InvalidHandle));
    port.post(numbered(4));
    assert_eq!(port.open(), Err(WsaError::WSA_INVALID_HANDLE));
}

#[test]
fn closing_a_port_abandons_its_waits() {
    for with_sources in [false, true] {
        for alertable in [false, true] {
            let port = create(2).unwrap();
            let (echo, _peer) = Echo::pair();
            let association = with_sources.then(|| echo.associate(port, 5).unwrap());
            scope(|s| {
                let waits: Vec<_> = (0..4).map(|_| s.spawn(move || get(port, Deadline::NEVER, alertable))).collect();
                let asleep = if with_sources { (2, 2) } else { (4, 0) };
                until(|| (sleepers(port), watchers(port)) == asleep);
                close(port).unwrap();
                for wait in waits {
                    let ended = wait.join().unwrap().unwrap_err();
                    assert_eq!((ended, ended.code()), (NoPacket::Abandoned, 735));
                }
            });
            drop(association);
        }
    }
}

#[test]
fn sleeping_threads_are_released_last_in_first_out() {
    const THREADS: usize = 4;
    let port = create(THREADS as u32).unwrap();
    let (sender, receiver) = channel();
    let (here, arrived) = channel();
    scope(|s| {
        let _closed_whatever_happens = Closed(port);
        for number in 0..THREADS {
            let (sender, here) = (sender.clone(), here.clone());
            s.spawn(move || {
                here.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
                let packet = get(port, Deadline::NEVER, false).unwrap();
                sender.send((number, packet.key)).unwrap();
            });
            let thread = arrived.recv().unwrap();
            // One that is in the line but not asleep yet looks at the queue once more, and would take what is another's.
            until(|| sleepers(port) == number + 1 && is_asleep(thread.get()));
        }
        for packet in 0..THREADS {
            post(port, numbered(packet)).unwrap();
            assert_eq!(receiver.recv(), Ok((THREADS - 1 - packet, packet)));
        }
    });
}

/// Closes a port at its end, so that no thread sleeps there for ever when an assertion fails.
struct Closed(Handle);

impl Drop for Closed {
    fn drop(&mut self) {
        close(self.0).unwrap();
    }
}

/// Whether the kernel has put a thread of this process to sleep.
fn is_asleep(thread: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
}

#[test]
fn no_more_threads_than_the_concurrency_are_released() {
    for concurrency in [1, 2, 3] {
        let port = create(concurrency as u32).unwrap();
        let (begun, go_on) = (AtomicUsize::new(0), AtomicBool::new(false));
        scope(|s| {
            for _ in 0..5 {
                s.spawn(|| {
                    get(port, Deadline::NEVER, false).unwrap();
                    begun.fetch_add(1, Ordering::AcqRel);
                    until(|| go_on.load(Ordering::Acquire));
                });
            }
            until(|| sleepers(port) == 5);
            (0..5).for_each(|number| post(port, numbered(number)).unwrap());
            until(|| begun.load(Ordering::Acquire) == concurrency);
            // The others are in the line still, and a test finds nothing, although packets are there.
            assert_eq!(sleepers(port), 5 - concurrency);
            assert_eq!(next(port), None);
            assert_eq!(begun.load(Ordering::Acquire), concurrency);
            // The exit of a thread makes room for another.
            go_on.store(true, Ordering::Release);
        });
        assert_eq!(begun.into_inner(), 5);
        close(port).unwrap();
    }
}

#[test]
fn a_thread_that_blocks_makes_room_for_another() {
    let port = create(1).unwrap();
    let event = event::create(event::Reset::Manual, false).unwrap();
    (0..2).for_each(|number| post(port, numbered(number)).unwrap());
    let second = AtomicBool::new(false);
    scope(|s| {
        let first = s.spawn(|| {
            assert_eq!(next(port), Some(0));
            s.spawn(|| {
                assert_eq!(get(port, Deadline::NEVER, false), Ok(numbered(1)));
                second.store(true, Ordering::Release);
                event::set(event).unwrap();
                // Active until the end of this thread.
            });
            until(|| sleepers(port) == 1);
            assert!(!second.load(Ordering::Acquire));
            // The packet comes out while this waits for what comes of it.
            crate::wait::wait_for(&[event], false, None, false).unwrap();
        });
        first.join().unwrap();
    });
    assert!(second.into_inner());
    close(port).unwrap();
}

#[test]
fn a_thread_is_active_in_one_port_only() {
    let ports = [create(1).unwrap(), create(1).unwrap()];
    for port in ports {
        (0..3).for_each(|number| post(port, numbered(number)).unwrap());
    }
    assert_eq!(next(ports[0]), Some(0));
    assert_eq!(spawn(move || next(ports[0])).join().unwrap(), None, "one is active");
    assert_eq!(next(ports[1]), Some(0));
    assert_eq!(spawn(move || next(ports[0])).join().unwrap(), Some(1), "it has gone to the other port");
    assert_eq!(spawn(move || next(ports[1])).join().unwrap(), None);
    assert_eq!(next(ports[0]), Some(2));
    assert_eq!(next(ports[0]), None);
    assert_eq!(next(ports[1]), Some(1), "a wait without a packet leaves it active nowhere");
    ports.into_iter().for_each(|port| close(port).unwrap());
}

#[test]
fn alertable_waits_run_apcs_and_packets_come_first() {
    // proves: WPU-APC-6
    let port = create(0).unwrap();
    let (echo, peer) = Echo::pair();
    for with_sources in [false, true] {
        let association = with_sources.then(|| echo.associate(port, 5).unwrap());
        let ran = Arc::new(AtomicUsize::new(0));
        let apc = || {
            let ran = ran.clone();
            Box::new(move || _ = ran.fetch_add(1, Ordering::Relaxed))
        };
        let me = thread::current().id().unwrap();
        thread::queue_apc(me, apc()).unwrap();
        post(port, numbered(1)).unwrap();
        assert_eq!(get(port, Deadline::NEVER, true), Ok(numbered(1)));
        assert_eq!(get(port, within(NOW), false), Err(NoPacket::TimedOut));
        assert_eq!(ran.load(Ordering::Relaxed), 0);
        let ended = get(port, within(NOW), true).unwrap_err();
        assert_eq!((ended, ended.code(), ran.load(Ordering::Relaxed)), (NoPacket::IoCompletion, 0xC0, 1));
        // And in the middle of a wait, in which it is woken for packets too.
        let (sender, receiver) = channel();
        scope(|s| {
            let waits = s.spawn(move || {
                sender.send(thread::current().id().unwrap()).unwrap();
                [0; 3].map(|_| get(port, Deadline::NEVER, true))
            });
            let id = receiver.recv().unwrap();
            until(|| sleepers(port) + watchers(port) == 1);
            thread::queue_apc(id, apc()).unwrap();
            until(|| ran.load(Ordering::Relaxed) == 2);
            until(|| sleepers(port) + watchers(port) == 1);
            post(port, numbered(2)).unwrap();
            until(|| sleepers(port) + watchers(port) == 1);
            if with_sources {
                write(&peer, b"x").unwrap();
            } else {
                post(port, Packet { key: 5, overlapped: 1, bytes: 1, status: 0 }).unwrap();
            }
            let last = Packet { key: 5, overlapped: 1, bytes: 1, status: 0 };
            assert_eq!(waits.join().unwrap(), [Err(NoPacket::IoCompletion), Ok(numbered(2)), Ok(last)]);
        });
        drop(association);
    }
    assert_eq!(sleep_ex(Some(NOW), true), Slept::TimedOut);
    close(port).unwrap();
}

/// A source that echoes what it receives and reports each piece with its number.
struct Echo {
    socket: OwnedFd,
    told: Mutex<Vec<Readiness>>,
    pieces: AtomicUsize,
    bytes: AtomicUsize,
}

impl Echo {
    fn pair() -> (Arc<Self>, OwnedFd) {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        let echo = Self { socket, told: Mutex::default(), pieces: AtomicUsize::new(0), bytes: AtomicUsize::new(0) };
        (Arc::new(echo), peer)
    }

    fn associate(self: &Arc<Self>, port: Handle, key: usize) -> Result<Association, WsaError> {
        use std::os::fd::AsRawFd;
        Port::of(port).unwrap().associate(self.socket.as_raw_fd() as usize, key, self.clone())
    }
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn ready(&self, events: Readiness, out: &mut Completions<'_>) {
        lock(&self.told).push(events);
        let mut piece = [0; 64];
        loop {
            match read(&self.socket, &mut piece) {
                Ok(0) | Err(Errno::AGAIN | Errno::CONNRESET) => return,
                Ok(len) => {
                    self.bytes.fetch_add(len, Ordering::Relaxed);
                    let number = self.pieces.fetch_add(1, Ordering::Relaxed) + 1;
                    // The peer of a test may be gone, and reads all it is sent otherwise.
                    let _ = write(&self.socket, &piece[..len]);
                    out.push(number, len as u32, 0);
                }
                Err(errno) => panic!("{errno}"),
            }
        }
    }
}

#[test]
fn threads_that_wait_do_the_work_of_sources() {
    let port = create(1).unwrap();
    let (echo, peer) = Echo::pair();
    let association = echo.associate(port, 42).unwrap();
    assert_eq!((association.key(), association.sticky()), (42, Readiness::empty()));
    assert_eq!(get(port, within(NOW), false), Err(NoPacket::TimedOut));
    write(&peer, b"hello").unwrap();
    assert_eq!(read(&peer, &mut [0; 8]), Err(Errno::AGAIN), "nobody waits yet");
    assert_eq!(get(port, within(NOW), false), Ok(Packet { key: 42, overlapped: 1, bytes: 5, status: 0 }));
    let mut back = [0; 8];
    assert_eq!(read(&peer, &mut back), Ok(5));
    // Others find it by another way, and packets that are posted come between.
    association.post(7, 8, 9);
    write(&peer, b"!").unwrap();
    Port::of(port).unwrap().pump();
    assert_eq!(get(port, Deadline::NEVER, false), Ok(Packet { key: 42, overlapped: 7, bytes: 8, status: 9 }));
    assert_eq!(get(port, Deadline::NEVER, false), Ok(Packet { key: 42, overlapped: 2, bytes: 1, status: 0 }));
    drop(association);
    assert_eq!(Arc::strong_count(&echo), 1, "the port has let go of it");
    close(port).unwrap();
}

#[test]
fn a_port_of_busy_threads_serves_its_sources_too() {
    let port = create(1).unwrap();
    let (echo, peer) = Echo::pair();
    let _association = echo.associate(port, 5).unwrap();
    write(&peer, b"x").unwrap();
    post(port, numbered(0)).unwrap();
    // There is always a packet; the source comes out of turn.
    let turns = (1..).take_while(|&number| {
        post(port, numbered(number)).unwrap();
        get(port, Deadline::NEVER, false).unwrap().key != 5
    });
    assert!(turns.take(1000).count() < 1000);
    close(port).unwrap();
}

#[test]
fn a_handle_is_associated_with_one_port_only() {
    let ports = [create(0).unwrap(), create(0).unwrap()];
    let (echo, _peer) = Echo::pair();
    let association = echo.associate(ports[0], 1).unwrap();
    for port in ports {
        assert_eq!(echo.associate(port, 2).err(), Some(WsaError::WSA_INVALID_PARAMETER));
    }
    assert_eq!(WsaError::WSA_INVALID_PARAMETER.code(), 87);
    drop(association);
    // A new socket under the same number is another.
    let association = echo.associate(ports[1], 3).unwrap();
    association.post(1, 2, 3);
    assert_eq!(get(ports[1], Deadline::NEVER, false), Ok(Packet { key: 3, overlapped: 1, bytes: 2, status: 3 }));
    drop(association);
    ports.into_iter().for_each(|port| close(port).unwrap());
}

#[test]
fn wpu_csh_7_handles_without_a_descriptor_are_associated_too() {
    let port = create(0).unwrap();
    const SOCKET: usize = 0x7FFF_0001;
    let association = Port::of(port).unwrap().attach(SOCKET, 11).unwrap();
    assert!(Port::of(port).unwrap().attach(SOCKET, 12).is_err());
    association.post(1, 2, 3);
    assert_eq!(get(port, Deadline::NEVER, false), Ok(Packet { key: 11, overlapped: 1, bytes: 2, status: 3 }));
    association.port().post(numbered(4));
    assert_eq!(next(port), Some(4));
    close(port).unwrap();
    association.post(1, 2, 3);
}

#[test]
fn the_end_of_a_peer_is_told_with_every_event() {
    let port = create(0).unwrap();
    let (echo, peer) = Echo::pair();
    let association = echo.associate(port, 5).unwrap();
    write(&peer, b"last words").unwrap();
    rustix::net::shutdown(&peer, rustix::net::Shutdown::Write).unwrap();
    assert_eq!(get(port, Deadline::NEVER, false).unwrap().bytes, 10);
    assert!(association.sticky().contains(Readiness::READ_CLOSED));
    drop(peer);
    let _ = get(port, within(NOW), false);
    assert!(association.sticky().contains(Readiness::READ_CLOSED | Readiness::CLOSED));
    assert!(lock(&echo.told).iter().all(|told| told.contains(Readiness::READ_CLOSED)));
    drop(association);
    close(port).unwrap();
}

/// A source that drops its own association when it is told anything.
struct Suicide {
    socket: OwnedFd,
    association: Mutex<Option<Association>>,
    calls: AtomicUsize,
}

impl Source for Suicide {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
    fn ready(&self, _: Readiness, out: &mut Completions<'_>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let association = lock(&self.association).take();
        drop(association);
        out.push(1, 0, 0);
    }
}

#[test]
fn a_source_may_end_its_association_itself() {
    let port = create(0).unwrap();
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let source = Arc::new(Suicide { socket, association: Mutex::default(), calls: AtomicUsize::new(0) });
    let association = Port::of(port).unwrap().associate(usize::MAX - 5, 9, source.clone()).unwrap();
    *lock(&source.association) = Some(association);
    assert_eq!(get(port, Deadline::NEVER, false).unwrap().key, 9);
    assert_eq!(Arc::strong_count(&source), 1);
    write(&peer, b"x").unwrap();
    assert_eq!(get(port, within(SOON), false), Err(NoPacket::TimedOut));
    assert_eq!(source.calls.load(Ordering::Relaxed), 1);
    close(port).unwrap();
}
