//! What `send` and `recv` add to the system calls: 64 bytes sent to oneself and received.

use std::os::fd::BorrowedFd;
use std::sync::Barrier;
use std::thread;

use rustix::net::{RecvFlags, SendFlags};
use windlass_abi::{SOCK_DGRAM, SOCK_STREAM, SOCKET};

use crate::library::Winsock;
use crate::pairs::Pair;
use crate::statistics::Batches;

const SIZE: usize = 64;
const STEPS: usize = 400;
/// One step is a send and a receive.
const CALLS: f64 = 2.0;

/// Measures TCP and UDP on one thread and on two at once.
pub fn run(winsock: &Winsock, batches: usize) {
    winsock.start();
    for (protocol, kind) in [("UDP", SOCK_DGRAM), ("TCP", SOCK_STREAM)] {
        for threads in [1, 2] {
            let begin = Barrier::new(threads);
            let results = thread::scope(|scope| {
                let workers: Vec<_> =
                    (0..threads).map(|_| scope.spawn(|| one(winsock, kind, &begin, batches))).collect();
                Batches::join(workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")))
            });
            let plural = if threads == 1 { "thread" } else { "threads" };
            results.report(&format!("send or recv, 64 B, {protocol}, {threads} {plural}"), CALLS);
        }
    }
    winsock.clean_up();
}

fn one(winsock: &Winsock, kind: i32, begin: &Barrier, batches: usize) -> Batches {
    let pair = Pair::new(winsock, kind);
    begin.wait();
    Batches::measure(batches, STEPS, || bare(&pair), || ours(winsock, &pair))
}

fn bare(pair: &Pair<'_>) {
    let mut buffer = [0u8; SIZE];
    let sent = rustix::net::send(descriptor(pair.from), &buffer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    assert_eq!(sent, Ok(SIZE));
    let received = rustix::net::recv(descriptor(pair.to), &mut buffer[..], RecvFlags::DONTWAIT);
    assert_eq!(received.map(|(_, len)| len), Ok(SIZE));
}

fn ours(winsock: &Winsock, pair: &Pair<'_>) {
    let mut buffer = [0u8; SIZE];
    // SAFETY: the buffer is ours and as long as we say.
    unsafe {
        assert_eq!((winsock.send)(pair.from, buffer.as_ptr(), SIZE as i32, 0), SIZE as i32);
        assert_eq!((winsock.recv)(pair.to, buffer.as_mut_ptr(), SIZE as i32, 0), SIZE as i32);
    }
}

/// On Linux a socket is a descriptor.
fn descriptor(socket: SOCKET) -> BorrowedFd<'static> {
    // SAFETY: the pair keeps its sockets open for as long as it is measured.
    unsafe { BorrowedFd::borrow_raw(socket as i32) }
}
