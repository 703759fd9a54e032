//! Where traces go: lines and captures, whole whatever the threads do.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::event::Event;
use crate::options::Options;
use crate::pcap::{Direction, Flow, block, header};

/// Writes what it is told. What cannot be written is left out: a trace fails no program.
pub struct Recorder {
    json: bool,
    lines: Option<Mutex<Box<dyn Write + Send>>>,
    capture: Option<Mutex<Capture>>,
    begun: Instant,
    flows: AtomicU32,
}

struct Capture {
    file: Box<dyn Write + Send>,
    flows: HashMap<u64, Flow>,
}

/// What is captured of a socket.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A connection is there: between these, begun by this side or by the other.
    Connected {
        /// Of the socket.
        local: SocketAddr,
        /// Of its peer.
        remote: SocketAddr,
        /// Who began.
        by: Direction,
    },
    /// Bytes of a stream have moved.
    Stream(Direction, &'a [u8]),
    /// A datagram of the socket with this address has moved, to or from its peer.
    Datagram {
        /// Which way.
        direction: Direction,
        /// Of the socket.
        local: SocketAddr,
        /// The other side.
        peer: SocketAddr,
        /// Its payload.
        bytes: &'a [u8],
    },
    /// One side sends no more.
    Finished(Direction),
    /// One side broke the connection.
    Reset(Direction),
    /// The socket is gone.
    Closed,
}

impl Recorder {
    /// Opens the files; a capture begins with its header.
    pub fn open(options: &Options) -> io::Result<Self> {
        let lines: Option<Box<dyn Write + Send>> = match &options.file {
            _ if !options.lines => None,
            Some(path) => Some(Box::new(File::create(path)?)),
            None => Some(Box::new(io::stderr())),
        };
        let capture: Option<Box<dyn Write + Send>> = match &options.pcap {
            Some(path) => Some(Box::new(File::create(path)?)),
            None => None,
        };
        Self::over(options.json, lines, capture)
    }

    /// The same over any writers.
    pub fn over(
        json: bool,
        lines: Option<Box<dyn Write + Send>>,
        capture: Option<Box<dyn Write + Send>>,
    ) -> io::Result<Self> {
        let capture = match capture {
            Some(mut file) => {
                file.write_all(&header())?;
                Some(Mutex::new(Capture { file, flows: HashMap::new() }))
            }
            None => None,
        };
        Ok(Self { json, lines: lines.map(Mutex::new), capture, begun: Instant::now(), flows: AtomicU32::new(1) })
    }

    /// Since the recorder began.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether anybody reads lines: who does not ask need not make any.
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// Whether payloads are wanted.
    pub fn has_capture(&self) -> bool {
        self.capture.is_some()
    }

    /// Writes a line, in one piece.
    pub fn event(&self, event: &Event) {
        let Some(lines) = &self.lines else { return };
        let mut line = if self.json { event.json() } else { event.line() };
        line.push('\n');
        let mut lines = lock(lines);
        let _ = lines.write_all(line.as_bytes()).and_then(|()| lines.flush());
    }

    /// Writes the packets that stand for what a socket does.
    pub fn seen(&self, socket: u64, seen: Seen<'_>) {
        let Some(capture) = &self.capture else { return };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = self.flows.fetch_add(0x0101_0101, Relaxed);
        let mut capture = lock(capture);
        for packet in capture.packets(socket, seen, seed) {
            let _ = capture.file.write_all(&block(time, &packet));
        }
        let _ = capture.file.flush();
    }
}

impl Capture {
    fn packets(&mut self, socket: u64, seen: Seen<'_>, seed: u32) -> Vec<Vec<u8>> {
        match seen {
            Seen::Connected { local, remote, by } => {
                let mut flow = Flow::new(local, remote, seed);
                let packets = flow.open(by);
                self.flows.insert(socket, flow);
                packets
            }
            Seen::Datagram { direction, local, peer, bytes } => {
                vec![Flow::new(local, peer, 0).datagram(direction, None, bytes)]
            }
            Seen::Closed => {
                let flow = self.flows.remove(&socket);
                flow.map_or_else(Vec::new, |mut flow| flow.finish(Direction::Out))
            }
            Seen::Stream(direction, bytes) => self.of(socket, |flow| flow.stream(direction, bytes)),
            Seen::Finished(direction) => self.of(socket, |flow| flow.finish(direction)),
            Seen::Reset(direction) => self.of(socket, |flow| flow.reset(direction)),
        }
    }

    /// A connection that was never seen to begin has no addresses, and so no packets.
    fn of(&mut self, socket: u64, packets: impl FnOnce(&mut Flow) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        self.flows.get_mut(&socket).map_or_else(Vec::new, packets)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // In pieces, as a pipe may take them.
            let part = &bytes[..bytes.len().min(7)];
            lock(&self.0).extend(part);
            Ok(part.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event(thread: i32) -> Event {
        Event {
            at: Duration::ZERO,
            thread,
            call: "WSPSend",
            socket: None,
            arguments: Vec::new(),
            outcome: Outcome::Done(0),
            took: Duration::ZERO,
            completion: false,
        }
    }

    #[test]
    fn lines_of_many_threads_stay_whole() {
        let kept = Kept::default();
        let recorder = Recorder::over(true, Some(Box::new(kept.clone())), None).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let recorder = &recorder;
                scope.spawn(move || (0..50).for_each(|_| recorder.event(&event(thread))));
            }
        });
        let text = String::from_utf8(lock(&kept.0).clone()).unwrap();
        assert_eq!(text.lines().count(), 400);
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        }
    }

    #[test]
    fn a_capture_follows_its_sockets() {
        let kept = Kept::default();
        let recorder = Recorder::over(false, None, Some(Box::new(kept.clone()))).unwrap();
        assert!(recorder.has_capture() && !recorder.has_lines());
        let length = || lock(&kept.0).len();
        let only_header = length();
        assert_eq!(only_header, header().len());
        recorder.seen(5, Seen::Stream(Direction::Out, b"unknown"));
        assert_eq!(length(), only_header, "no addresses, no packets");
        let (local, remote) = (SocketAddr::from(([127, 0, 0, 1], 5)), SocketAddr::from(([127, 0, 0, 1], 6)));
        // Three packets of 20 bytes of IP and 20 of TCP, each in a block of 32.
        recorder.seen(5, Seen::Connected { local, remote, by: Direction::Out });
        assert_eq!(length(), only_header + 3 * 72);
        recorder.seen(5, Seen::Stream(Direction::In, b"four"));
        assert_eq!(length(), only_header + 5 * 72 + 4);
        recorder.seen(5, Seen::Closed);
        assert_eq!(length(), only_header + 7 * 72 + 4);
        recorder.seen(5, Seen::Stream(Direction::In, b"late"));
        let datagram = Seen::Datagram { direction: Direction::Out, local, peer: remote, bytes: b"" };
        recorder.seen(9, datagram);
        assert_eq!(length(), only_header + 7 * 72 + 4 + 60);
    }

    #[test]
    fn files_are_made_where_they_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (lines, pcap) = (folder.path().join("lines"), folder.path().join("x.pcapng"));
        let words = format!("json,file={},pcap={}", lines.display(), pcap.display());
        let recorder = Recorder::open(&Options::parse(&words).unwrap()).unwrap();
        recorder.event(&event(1));
        drop(recorder);
        assert!(std::fs::read_to_string(lines).unwrap().ends_with("}\n"));
        assert_eq!(std::fs::read(pcap).unwrap(), header());
        let nowhere = Options::parse("file=/nonexistent/x").unwrap();
        assert!(Recorder::open(&nowhere).is_err());
    }
}
