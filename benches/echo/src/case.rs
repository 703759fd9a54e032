//! What is measured.

use clap::ValueEnum;

/// What a server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Mode {
    /// Sends back what it receives, by TCP.
    Echo,
    /// Sends as much as it can to its one connection.
    Bulk,
    /// Sends back what it receives, by UDP.
    Udp,
    /// Closes every connection at once.
    Accept,
}

impl Mode {
    /// As servers are told.
    pub fn word(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Bulk => "bulk",
            Self::Udp => "udp",
            Self::Accept => "accept",
        }
    }
}

/// A server's mode and its load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    pub mode: Mode,
    /// Bytes of a message.
    pub size: usize,
    /// How many are open, with one message under way on each.
    pub connections: usize,
}

impl Case {
    /// Everything.
    pub fn all() -> Vec<Self> {
        let echoes = [64, 16384].into_iter().flat_map(|size| [1, 64, 1_000, 10_000].map(|count| echo(size, count)));
        // For the loops of WSAEventSelect, which have 63 connections at most.
        [echo(64, 32)].into_iter().chain(echoes).chain(others()).collect()
    }

    /// One of each kind.
    pub fn few() -> Vec<Self> {
        [echo(64, 32), echo(16384, 64)].into_iter().chain(others()).collect()
    }

    /// Bytes of a server's buffer: more than a message, as in real programs, so that what is received does not fill it
    /// and nobody has to look whether there is more.
    pub fn room(&self) -> usize {
        self.size * 2
    }

    /// What a reader is told.
    pub fn name(&self) -> String {
        let connections = match self.connections {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        };
        match self.mode {
            Mode::Echo => format!("TCP echo, {}, {connections}", bytes(self.size)),
            Mode::Bulk => "Bulk send, 1 connection".to_owned(),
            Mode::Udp => format!("UDP echo, {}, {} under way", bytes(self.size), self.connections),
            Mode::Accept => format!("Accepts, {} under way", self.connections),
        }
    }

    /// What is counted: one, and many.
    pub fn unit(&self) -> (&'static str, &'static str) {
        match self.mode {
            Mode::Echo | Mode::Udp => ("request", "requests"),
            Mode::Bulk => ("MiB", "MiB"),
            Mode::Accept => ("connection", "connections"),
        }
    }
}

fn echo(size: usize, connections: usize) -> Case {
    Case { mode: Mode::Echo, size, connections }
}

fn others() -> [Case; 3] {
    [
        Case { mode: Mode::Bulk, size: 65536, connections: 1 },
        Case { mode: Mode::Udp, size: 64, connections: 64 },
        Case { mode: Mode::Accept, size: 64, connections: 16 },
    ]
}

fn bytes(size: usize) -> String {
    if size.is_multiple_of(1024) { format!("{} KiB", size / 1024) } else { format!("{size} B") }
}
