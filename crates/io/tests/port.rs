//! Completion ports under attack: many threads, every packet exactly once, nobody left asleep.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::scope;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use windlass_abi::WsaError;
use windlass_io::port::{self, Association, Completions, NoPacket, Packet, Port, Readiness, Source};
use windlass_io::{Deadline, Handle, thread};

/// The last packet of a thread.
const LAST: Packet = Packet { key: usize::MAX, overlapped: 0, bytes: 0, status: 0 };

fn packet(poster: usize, number: usize) -> Packet {
    Packet { key: poster, overlapped: number, bytes: number as u32, status: !number as u32 }
}

/// Fails unless every packet of every poster came exactly once.
struct Ledger(Vec<Vec<AtomicU32>>);

impl Ledger {
    fn new(posters: usize, each: usize) -> Self {
        Self((0..posters).map(|_| (0..each).map(|_| AtomicU32::new(0)).collect()).collect())
    }

    fn enter(&self, got: Packet) {
        assert_eq!(got, packet(got.key, got.overlapped), "torn");
        assert_eq!(self.0[got.key][got.overlapped].fetch_add(1, Ordering::Relaxed), 0, "twice");
    }

    fn check(&self) {
        for number in self.0.iter().flatten() {
            assert_eq!(number.load(Ordering::Relaxed), 1, "lost");
        }
    }
}

/// What one thread sees of each poster comes in order.
struct Order(Vec<Option<usize>>);

impl Order {
    fn check(&mut self, got: Packet) {
        let last = &mut self.0[got.key];
        assert!(last.is_none_or(|last| last < got.overlapped), "out of order");
        *last = Some(got.overlapped);
    }
}

/// Waits in the manner of this number: for ever, shortly, or not at all, for one packet or several, alertably or not.
fn take(handle: Handle, manner: usize, packets: &mut [Packet; 5]) -> usize {
    let deadline = match manner % 4 {
        0 => Deadline::after(Some(Duration::ZERO)),
        1 => Deadline::after(Some(Duration::from_micros(50))),
        _ => Deadline::NEVER,
    };
    let room = if manner.is_multiple_of(3) { 5 } else { 1 };
    match port::get_many(handle, &mut packets[..room], deadline, manner.is_multiple_of(5)) {
        Ok(taken) => taken,
        Err(why) => {
            assert!(matches!(why, NoPacket::TimedOut | NoPacket::IoCompletion), "{why:?}");
            0
        }
    }
}

/// Packets from some threads to others.
fn storm(packets: usize, posters: usize, takers: usize, concurrency: u32, watched: bool) {
    let each = packets / posters;
    let handle = port::create(concurrency).unwrap();
    let idle = watched.then(|| Idle::associate(handle));
    let ledger = Ledger::new(posters, each);
    let active = AtomicUsize::new(0);
    scope(|s| {
        for taker in 0..takers {
            let (ledger, active) = (&ledger, &active);
            s.spawn(move || {
                let me = thread::current().id().unwrap();
                let mut order = Order(vec![None; posters]);
                let mut packets = [LAST; 5];
                for manner in taker.. {
                    if manner % 64 == 0 {
                        thread::queue_apc(me, Box::new(|| ())).unwrap();
                    }
                    let taken = take(handle, manner, &mut packets);
                    if taken > 0 {
                        let now = active.fetch_add(1, Ordering::AcqRel) + 1;
                        assert!(now <= concurrency as usize, "{now} threads are active");
                    }
                    let mut over = false;
                    for &got in &packets[..taken] {
                        if got == LAST {
                            // For the next one, if it is not for this.
                            if over {
                                port::post(handle, LAST).unwrap();
                            }
                            over = true;
                        } else {
                            ledger.enter(got);
                            order.check(got);
                        }
                    }
                    if taken > 0 {
                        active.fetch_sub(1, Ordering::AcqRel);
                    }
                    if over {
                        return;
                    }
                }
            });
        }
        scope(|s| {
            for poster in 0..posters {
                s.spawn(move || {
                    for number in 0..each {
                        port::post(handle, packet(poster, number)).unwrap();
                        if number % 1000 == 0 {
                            // Lets the takers run dry now and then.
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        (0..takers).for_each(|_| port::post(handle, LAST).unwrap());
    });
    ledger.check();
    drop(idle);
    port::close(handle).unwrap();
}

#[test]
fn a_million_packets_come_exactly_once_and_in_order() {
    storm(1_000_000, 4, 4, 2, false);
    for (posters, takers, concurrency) in [(1, 1, 1), (4, 4, 4), (2, 4, 3), (4, 3, 1)] {
        storm(100_000, posters, takers, concurrency, false);
    }
}

#[test]
fn a_million_packets_come_exactly_once_beside_an_epoll_set() {
    storm(1_000_000, 4, 4, 2, true);
    for (posters, takers, concurrency) in [(1, 1, 1), (4, 4, 4), (2, 4, 3), (4, 3, 1)] {
        storm(100_000, posters, takers, concurrency, true);
    }
}

#[test]
fn no_wake_up_is_lost_between_ports() {
    // One packet for each ring of threads: if a single wake-up is lost, all sleep for ever.
    const ROUNDS: usize = 20_000;
    for watched in [false, true] {
        let ports = [0; 3].map(|_| port::create(1).unwrap());
        let idle = watched.then(|| ports.map(Idle::associate));
        scope(|s| {
            for (at, &mine) in ports.iter().enumerate() {
                let next = ports[(at + 1) % ports.len()];
                s.spawn(move || {
                    for round in 0..ROUNDS {
                        let alertable = round % 7 == at;
                        assert_eq!(port::get(mine, Deadline::NEVER, alertable), Ok(packet(at, round)));
                        let (to, round) = ((at + 1) % 3, if at == 2 { round + 1 } else { round });
                        port::post(next, packet(to, round)).unwrap();
                    }
                });
            }
            port::post(ports[0], packet(0, 0)).unwrap();
        });
        drop(idle);
        ports.into_iter().for_each(|handle| port::close(handle).unwrap());
    }
}

#[test]
fn a_port_that_is_closed_strands_nobody() {
    for round in 0..400 {
        let handle = port::create(round % 3 + 1).unwrap();
        let idle = (round % 2 == 0).then(|| Idle::associate(handle));
        scope(|s| {
            for taker in 0..4 {
                s.spawn(move || {
                    loop {
                        match port::get(handle, Deadline::NEVER, taker % 2 == 0) {
                            Ok(got) => assert_eq!(got, packet(1, 2)),
                            Err(why) => {
                                assert!(matches!(why, NoPacket::Abandoned | NoPacket::InvalidHandle), "{why:?}");
                                return;
                            }
                        }
                    }
                });
            }
            s.spawn(move || (0..2000).take_while(|_| port::post(handle, packet(1, 2)).is_ok()).count());
            (0..round % 4).for_each(|_| std::thread::yield_now());
            port::close(handle).unwrap();
            assert_eq!(port::close(handle), Err(WsaError::WSA_INVALID_HANDLE));
        });
        drop(idle);
    }
}

/// A connected pair of sockets that do not block.
fn pair() -> (OwnedFd, OwnedFd) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap()
}

/// A source that is never ready.
struct Idle(OwnedFd);

impl Idle {
    fn associate(handle: Handle) -> (Association, OwnedFd) {
        let (socket, peer) = pair();
        let number = socket.as_raw_fd() as usize;
        // It can be written to at once, which is told once.
        let association = Port::of(handle).unwrap().associate(number, 0, Arc::new(Idle(socket))).unwrap();
        (association, peer)
    }
}

impl Source for Idle {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
    fn ready(&self, events: Readiness, _: &mut Completions<'_>) {
        assert_eq!(events, Readiness::WRITE);
    }
}

/// A source that sends back what it receives, and reports the bytes.
struct Echo {
    socket: OwnedFd,
    /// Its association is dropped.
    ended: AtomicBool,
    /// A thread is in it.
    entered: AtomicBool,
    /// What could not be sent yet.
    rest: Mutex<Vec<u8>>,
    reported: AtomicUsize,
}

impl Echo {
    fn new(socket: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            socket,
            ended: AtomicBool::new(false),
            entered: AtomicBool::new(false),
            rest: Mutex::default(),
            reported: AtomicUsize::new(0),
        })
    }
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn ready(&self, events: Readiness, out: &mut Completions<'_>) {
        assert!(!events.is_empty());
        assert!(!self.ended.load(Ordering::Acquire), "told after its end");
        assert!(!self.entered.swap(true, Ordering::AcqRel), "told twice at a time");
        let mut rest = self.rest.lock().unwrap();
        loop {
            while !rest.is_empty() {
                match write(&self.socket, &rest) {
                    Ok(sent) => drop(rest.drain(..sent)),
                    Err(_) => break,
                }
            }
            let mut piece = [0; 512];
            match read(&self.socket, &mut piece) {
                Ok(0) | Err(Errno::AGAIN | Errno::CONNRESET) => break,
                Ok(len) => {
                    rest.extend_from_slice(&piece[..len]);
                    self.reported.fetch_add(len, Ordering::Relaxed);
                    out.push(out.key(), len as u32, 0);
                }
                Err(errno) => panic!("{errno}"),
            }
        }
        drop(rest);
        self.entered.store(false, Ordering::Release);
    }
}

/// Sends so many bytes and receives them back.
fn converse(peer: &OwnedFd, bytes: usize) {
    let (mut sent, mut received) = (0, 0);
    while received < bytes {
        let piece: Vec<u8> = (sent..bytes.min(sent + 300)).map(|at| at as u8).collect();
        if !piece.is_empty() {
            match write(peer, &piece) {
                Ok(len) => sent += len,
                Err(errno) => assert_eq!(errno, Errno::AGAIN),
            }
        }
        let mut back = [0; 512];
        match read(peer, &mut back) {
            Ok(len) => {
                assert!(len > 0);
                assert!(back[..len].iter().enumerate().all(|(at, &byte)| byte == (received + at) as u8));
                received += len;
            }
            Err(errno) => {
                assert_eq!(errno, Errno::AGAIN);
                let mut fds = [PollFd::new(peer, PollFlags::IN)];
                poll(&mut fds, None).unwrap();
            }
        }
    }
}

#[test]
fn sockets_come_and_go_under_load_and_no_byte_is_lost() {
    const CLIENTS: usize = 4;
    const CONNECTIONS: usize = 250;
    for (workers, concurrency) in [(1, 1), (4, 2), (3, 4)] {
        let handle = port::create(concurrency).unwrap();
        let reported = AtomicUsize::new(0);
        let echoed = AtomicUsize::new(0);
        scope(|s| {
            for worker in 0..workers {
                let reported = &reported;
                s.spawn(move || {
                    let mut packets = [LAST; 5];
                    for manner in worker.. {
                        let taken = take(handle, manner, &mut packets);
                        let last = packets[..taken].iter().filter(|&&got| got == LAST).count();
                        for got in packets[..taken].iter().filter(|&&got| got != LAST) {
                            assert_eq!((got.key, got.status), (got.overlapped, 0));
                            reported.fetch_add(got.bytes as usize, Ordering::Relaxed);
                        }
                        (1..last).for_each(|_| port::post(handle, LAST).unwrap());
                        if last > 0 {
                            return;
                        }
                    }
                });
            }
            scope(|s| {
                for client in 0..CLIENTS {
                    let echoed = &echoed;
                    s.spawn(move || {
                        for number in 0..CONNECTIONS {
                            let (socket, peer) = pair();
                            let echo = Echo::new(socket);
                            let name = echo.socket.as_raw_fd() as usize;
                            let port = Port::of(handle).unwrap();
                            let association = port.associate(name, client, echo.clone()).unwrap();
                            converse(&peer, number % 7 * 400);
                            if number % 3 == 0 {
                                // Something happens to it while it goes.
                                write(&peer, b"parting").unwrap();
                            }
                            drop(association);
                            echo.ended.store(true, Ordering::Release);
                            assert_eq!(Arc::strong_count(&echo), 1, "still held");
                            echoed.fetch_add(echo.reported.load(Ordering::Relaxed), Ordering::Relaxed);
                            let _ = write(&peer, b"too late");
                        }
                    });
                }
            });
            (0..workers).for_each(|_| port::post(handle, LAST).unwrap());
        });
        // What is reported is queued before the last packets.
        assert_eq!(reported.into_inner(), echoed.into_inner());
        port::close(handle).unwrap();
    }
}

#[test]
fn ports_do_not_leak_descriptors_or_sources() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for _ in 0..300 {
        let handle = port::create(0).unwrap();
        let (socket, peer) = pair();
        let echo = Echo::new(socket);
        let association = Port::of(handle).unwrap().associate(usize::MAX, 3, echo.clone()).unwrap();
        write(&peer, b"x").unwrap();
        assert_eq!(port::get(handle, Deadline::NEVER, false).unwrap().bytes, 1);
        port::close(handle).unwrap();
        drop(association);
        assert_eq!(Arc::strong_count(&echo), 1);
    }
    // Other tests run meanwhile, and have a few of their own.
    assert!(descriptors() < before + 100, "descriptors stay open after their ports");
}
