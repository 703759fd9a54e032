//! Captures: what sockets send and receive, as packets that Wireshark reads. Pure: bytes and times in, bytes out.
//!
//! There are no packets to capture, so they are made up around the payloads: a handshake where a connection begins, segments with
//! sequence numbers that follow each other, datagrams, FIN or RST where it ends.

mod file;
mod flow;
mod packet;

pub use file::{header, packet as block};
pub use flow::{Direction, Flow};
pub use packet::{Flags, tcp, udp};
