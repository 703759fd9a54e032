//! Posting to a completion port and dequeuing from it, against a channel and against an eventfd for each packet.

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::thread;

use crossbeam_channel::unbounded;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};
use windlass_io::port::{self, Packet};
use windlass_io::{Deadline, Handle};

use crate::statistics::Batches;

/// Packets in a step on one thread.
const FEW: usize = 64;
/// Packets in a step from one thread to another.
const MANY: usize = 50_000;

/// Measures one thread that posts and dequeues, and one that posts to another.
pub fn run(batches: usize) {
    let handle = port::create(2).expect("a port");
    let (sender, receiver) = unbounded();
    let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::SEMAPHORE).expect("an eventfd");
    let send = |number| sender.send(packet(number)).expect("a receiver");
    let receive = || black_box(receiver.recv().expect("a sender"));

    let channel = || {
        for number in 0..FEW {
            send(number);
            receive();
        }
    };
    let descriptor = || {
        for _ in 0..FEW {
            add(&counter);
            take(&counter);
        }
    };
    let ours = || {
        for number in 0..FEW {
            post(handle, number);
            get(handle);
        }
    };
    let each = FEW as f64;
    Batches::measure(batches, 100, channel, ours).report("post and get, 1 thread, over a channel", each);
    Batches::measure(batches, 10, descriptor, ours).report("the same over an eventfd", each);

    let channel = || two(|| (0..MANY).for_each(send), || (0..MANY).for_each(|_| _ = receive()));
    let descriptor = || two(|| (0..MANY).for_each(|_| add(&counter)), || (0..MANY).for_each(|_| take(&counter)));
    let posts = || (0..MANY).for_each(|number| post(handle, number));
    let ours = || two(posts, || (0..MANY).for_each(|_| get(handle)));
    let many = || two(posts, || get_all(handle, MANY));
    let (few, each) = (batches.div_ceil(4), MANY as f64);
    Batches::measure(few, 1, channel, ours).report("post on one thread, get on another, channel", each);
    Batches::measure(few, 1, channel, many).report("the same, 64 packets at a time", each);
    Batches::measure(few, 1, descriptor, ours).report("the same one by one, over an eventfd", each);
    port::close(handle).expect("the port is open");
}

/// Runs both on a thread each, until both are done.
fn two(one: impl FnOnce() + Send, other: impl FnOnce()) {
    thread::scope(|scope| {
        scope.spawn(one);
        other();
    });
}

fn packet(number: usize) -> Packet {
    Packet { key: number, overlapped: !number, bytes: number as u32, status: 0 }
}

fn post(handle: Handle, number: usize) {
    port::post(handle, packet(number)).expect("the port is open");
}

fn get(handle: Handle) {
    black_box(port::get(handle, Deadline::NEVER, false).expect("the port is open"));
}

fn get_all(handle: Handle, count: usize) {
    let mut packets = [Packet::default(); 64];
    let mut left = count;
    while left > 0 {
        let room = packets.len().min(left);
        left -= port::get_many(handle, &mut packets[..room], Deadline::NEVER, false).expect("the port is open");
        black_box(&packets);
    }
}

fn add(counter: &OwnedFd) {
    write(counter, &1u64.to_ne_bytes()).expect("room in the counter");
}

fn take(counter: &OwnedFd) {
    read(counter, &mut [0; 8]).expect("a number");
}
