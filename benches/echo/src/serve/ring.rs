//! io_uring: one thread that submits and reaps, with deferred task work; each connection has a buffer of its own.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use io_uring::{IoUring, opcode, squeue, types};

use super::{CHUNK, DATAGRAM, DATAGRAMS, Mode, Socket, tell};

/// What a completion belongs to, beside the number of a slot.
#[derive(Clone, Copy)]
enum Kind {
    Accept,
    Receive,
    Send,
    Chunk,
    ReceiveFrom,
    SendTo,
    Close,
}

/// A connection: its descriptor, its buffer, and what of that is not sent yet.
struct Slot {
    fd: RawFd,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
}

/// A datagram under way. It is boxed: the kernel has its address.
struct Datagram {
    buffer: Box<[u8]>,
    vector: libc::iovec,
    name: libc::sockaddr_in,
    header: libc::msghdr,
}

struct Server {
    ring: IoUring,
    socket: RawFd,
    mode: Mode,
    size: usize,
    slots: Vec<Slot>,
    free: Vec<usize>,
    #[expect(clippy::vec_box, reason = "the kernel has their addresses")]
    datagrams: Vec<Box<Datagram>>,
}

pub fn run(socket: Socket, mode: Mode, size: usize, port: u16) -> io::Result<()> {
    let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().setup_cqsize(16384).build(1024)?;
    let fd = match &socket {
        Socket::Listener(socket) => socket.as_raw_fd(),
        Socket::Datagrams(socket) => socket.as_raw_fd(),
    };
    let mut server =
        Server { ring, socket: fd, mode, size, slots: Vec::new(), free: Vec::new(), datagrams: Vec::new() };
    tell(port);
    if mode == Mode::Udp {
        (0..DATAGRAMS).try_for_each(|_| server.add_datagram())?;
    } else {
        server.accept()?;
    }
    server.serve()
}

impl Server {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            loop {
                // One at a time: what a completion asks for may need the ring.
                let Some(entry) = self.ring.completion().next() else { break };
                self.completed(entry.user_data(), entry.result())?;
            }
        }
    }

    fn completed(&mut self, data: u64, result: i32) -> io::Result<()> {
        let at = (data >> 8) as usize;
        match kind(data) {
            Kind::Accept => {
                self.accept()?;
                if result >= 0 { self.welcome(result) } else { Ok(()) }
            }
            Kind::Receive if result > 0 => {
                (self.slots[at].from, self.slots[at].to) = (0, result as usize);
                self.send(at)
            }
            Kind::Send if result >= 0 => {
                self.slots[at].from += result as usize;
                if self.slots[at].from < self.slots[at].to { self.send(at) } else { self.receive(at) }
            }
            Kind::Receive | Kind::Send => self.close(at),
            Kind::Chunk if result > 0 => self.send(at),
            Kind::Chunk => std::process::exit(0),
            Kind::ReceiveFrom if result >= 0 => {
                self.datagrams[at].vector.iov_len = result as usize;
                self.send_to(at)
            }
            Kind::ReceiveFrom | Kind::SendTo => self.receive_from(at),
            Kind::Close => Ok(()),
        }
    }

    /// A connection is there.
    fn welcome(&mut self, fd: RawFd) -> io::Result<()> {
        if self.mode == Mode::Accept {
            return self.push(opcode::Close::new(types::Fd(fd)).build(), Kind::Close, 0);
        }
        // SAFETY: accept has just given it; it is closed by the ring only.
        let _ = rustix::net::sockopt::set_tcp_nodelay(unsafe { rustix::fd::BorrowedFd::borrow_raw(fd) }, true);
        let len = if self.mode == Mode::Bulk { CHUNK } else { self.size };
        let slot = Slot { fd, buffer: vec![0; len].into(), from: 0, to: len };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        if self.mode == Mode::Bulk { self.send(at) } else { self.receive(at) }
    }

    fn close(&mut self, at: usize) -> io::Result<()> {
        self.free.push(at);
        self.push(opcode::Close::new(types::Fd(self.slots[at].fd)).build(), Kind::Close, 0)
    }

    fn accept(&mut self) -> io::Result<()> {
        let entry = opcode::Accept::new(types::Fd(self.socket), std::ptr::null_mut(), std::ptr::null_mut()).build();
        self.push(entry, Kind::Accept, 0)
    }

    fn receive(&mut self, at: usize) -> io::Result<()> {
        let slot = &mut self.slots[at];
        let entry = opcode::Recv::new(types::Fd(slot.fd), slot.buffer.as_mut_ptr(), slot.buffer.len() as u32).build();
        self.push(entry, Kind::Receive, at)
    }

    fn send(&mut self, at: usize) -> io::Result<()> {
        let slot = &self.slots[at];
        let rest = &slot.buffer[slot.from..slot.to];
        let entry = opcode::Send::new(types::Fd(slot.fd), rest.as_ptr(), rest.len() as u32);
        let kind = if self.mode == Mode::Bulk { Kind::Chunk } else { Kind::Send };
        self.push(entry.flags(libc::MSG_NOSIGNAL).build(), kind, at)
    }

    fn add_datagram(&mut self) -> io::Result<()> {
        // SAFETY: zero is a good start for a message header and for an address.
        let (header, name) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let vector = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        let mut made = Box::new(Datagram { buffer: vec![0; DATAGRAM].into(), vector, name, header });
        made.vector.iov_base = made.buffer.as_mut_ptr().cast();
        made.header.msg_iov = &raw mut made.vector;
        made.header.msg_iovlen = 1;
        made.header.msg_name = (&raw mut made.name).cast();
        self.datagrams.push(made);
        self.receive_from(self.datagrams.len() - 1)
    }

    fn receive_from(&mut self, at: usize) -> io::Result<()> {
        let datagram = &mut self.datagrams[at];
        datagram.vector.iov_len = DATAGRAM;
        datagram.header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        let entry = opcode::RecvMsg::new(types::Fd(self.socket), &raw mut datagram.header).build();
        self.push(entry, Kind::ReceiveFrom, at)
    }

    fn send_to(&mut self, at: usize) -> io::Result<()> {
        let entry = opcode::SendMsg::new(types::Fd(self.socket), &raw const self.datagrams[at].header).build();
        self.push(entry, Kind::SendTo, at)
    }

    fn push(&mut self, entry: squeue::Entry, kind: Kind, at: usize) -> io::Result<()> {
        let entry = entry.user_data((at as u64) << 8 | kind as u64);
        // SAFETY: buffers, headers and names live in boxes until the operation has completed: a slot is used again
        // only after its last completion, and nothing else is freed before the process ends.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }
}

fn kind(data: u64) -> Kind {
    const ALL: [Kind; 7] =
        [Kind::Accept, Kind::Receive, Kind::Send, Kind::Chunk, Kind::ReceiveFrom, Kind::SendTo, Kind::Close];
    ALL[(data & 0xFF) as usize]
}
