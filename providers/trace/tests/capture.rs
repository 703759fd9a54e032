//! Captures, read by parsers of others.

use std::net::SocketAddr;
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::{
    Block, PcapBlockOwned, PcapNGReader,
    traits::{PcapNGPacketBlock, PcapReaderIterator},
};
use windlass_trace::pcap::{Direction, Flow, block, header};

/// A packet as a reader sees it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    nanos: u64,
    from: SocketAddr,
    to: SocketAddr,
    /// Sequence number, acknowledged number, `S`, `A`, `F`, `R` for flags; none for UDP.
    tcp: Option<(u32, u32, String)>,
    payload: Vec<u8>,
}

fn read(file: &[u8]) -> Vec<Seen> {
    let mut reader = PcapNGReader::new(1 << 20, file).expect("a section header");
    let mut seen = Vec::new();
    loop {
        let used = match reader.next() {
            Ok((used, PcapBlockOwned::NG(found))) => {
                match found {
                    Block::EnhancedPacket(packet) => {
                        assert_eq!(packet.caplen, packet.origlen);
                        let nanos = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                        seen.push(packet_of(nanos, packet.packet_data()));
                    }
                    Block::InterfaceDescription(interface) => {
                        assert_eq!(interface.linktype.0, 101);
                        assert_eq!(interface.ts_resolution(), Some(1_000_000_000));
                    }
                    Block::SectionHeader(_) => {}
                    other => panic!("{other:?}"),
                }
                used
            }
            Err(pcap_parser::PcapError::Eof) => return seen,
            Err(pcap_parser::PcapError::Incomplete(_)) => {
                reader.refill().expect("more of the file");
                continue;
            }
            Ok(_) => panic!("the older format"),
            Err(error) => panic!("{error:?}"),
        };
        reader.consume(used);
    }
}

/// Takes a packet apart; its checksums are right.
fn packet_of(nanos: u64, bytes: &[u8]) -> Seen {
    let packet = SlicedPacket::from_ip(bytes).expect("an IP packet");
    let (from, to) = match packet.net.as_ref().expect("IP") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
            (header.source_addr().into(), header.destination_addr().into())
        }
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        other => panic!("{other:?}"),
    };
    let ips: (std::net::IpAddr, std::net::IpAddr) = (from, to);
    match packet.transport.expect("a transport") {
        TransportSlice::Tcp(tcp) => {
            let header = tcp.to_header();
            let right = match ips {
                (std::net::IpAddr::V4(from), std::net::IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), tcp.payload())
                }
                (std::net::IpAddr::V6(from), std::net::IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), tcp.payload())
                }
                _ => panic!("{ips:?}"),
            };
            assert_eq!(header.checksum, right.expect("a length that fits"));
            let flags = [(header.syn, 'S'), (header.ack, 'A'), (header.fin, 'F'), (header.rst, 'R')];
            let flags = flags.iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
            Seen {
                nanos,
                from: SocketAddr::new(from, header.source_port),
                to: SocketAddr::new(to, header.destination_port),
                tcp: Some((header.sequence_number, header.acknowledgment_number, flags)),
                payload: tcp.payload().to_vec(),
            }
        }
        TransportSlice::Udp(udp) => {
            let header = udp.to_header();
            let right = match ips {
                (std::net::IpAddr::V4(from), std::net::IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
                }
                (std::net::IpAddr::V6(from), std::net::IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
                }
                _ => panic!("{ips:?}"),
            };
            assert_eq!(header.checksum, right.expect("a length that fits"));
            Seen {
                nanos,
                from: SocketAddr::new(from, header.source_port),
                to: SocketAddr::new(to, header.destination_port),
                tcp: None,
                payload: udp.payload().to_vec(),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn capture(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<Seen> {
    let mut file = header();
    for (number, packet) in packets.into_iter().enumerate() {
        file.extend(block(Duration::new(1_700_000_000, number as u32), &packet));
    }
    read(&file)
}

fn pair(v6: bool) -> (SocketAddr, SocketAddr) {
    let text = if v6 { ["[::1]:5000", "[::1]:80"] } else { ["127.0.0.1:5000", "127.0.0.2:80"] };
    (text[0].parse().unwrap(), text[1].parse().unwrap())
}

#[test]
fn a_connection_has_a_handshake_numbers_that_follow_and_an_end() {
    for v6 in [false, true] {
        let (local, remote) = pair(v6);
        let mut flow = Flow::new(local, remote, 1000);
        let mut packets = flow.open(Direction::Out);
        packets.extend(flow.stream(Direction::Out, b"question"));
        packets.extend(flow.stream(Direction::In, b"answer!"));
        packets.extend(flow.finish(Direction::Out));
        packets.extend(flow.finish(Direction::In));
        assert!(flow.finish(Direction::In).is_empty(), "once");
        let seen = capture(packets);
        assert_eq!(seen[0].nanos, 1_700_000_000_000_000_000);
        let flags: Vec<_> = seen.iter().map(|seen| seen.tcp.as_ref().unwrap().2.as_str()).collect();
        assert_eq!(flags, ["S", "SA", "A", "A", "A", "A", "A", "AF", "A", "AF", "A"]);
        assert!(seen[0].from == local && seen[0].to == remote && seen[1].from == remote && seen[1].to == local);
        assert_follows(&seen);
        let payload =
            |from| -> Vec<u8> { seen.iter().filter(|s| s.from == from).flat_map(|s| s.payload.clone()).collect() };
        assert_eq!((payload(local), payload(remote)), (b"question".to_vec(), b"answer!".to_vec()));
    }
}

/// Every sequence number is where the last packet of its side ended, and what is acknowledged is what came.
fn assert_follows(seen: &[Seen]) {
    let mut next: std::collections::HashMap<SocketAddr, u32> = std::collections::HashMap::new();
    for packet in seen {
        let (sequence, acknowledged, flags) = packet.tcp.as_ref().unwrap();
        if let Some(expected) = next.get(&packet.from) {
            assert_eq!(sequence, expected, "{packet:?}");
        }
        if flags.contains('A') {
            assert_eq!(acknowledged, &next[&packet.to], "{packet:?}");
        }
        let counted = packet.payload.len() as u32 + u32::from(flags.contains('S')) + u32::from(flags.contains('F'));
        next.insert(packet.from, sequence.wrapping_add(counted));
    }
}

#[test]
fn what_is_longer_than_a_packet_is_several() {
    let (local, remote) = pair(false);
    // Near the end of the numbers.
    let mut flow = Flow::new(local, remote, u32::MAX - 10);
    let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    let seen = capture(flow.stream(Direction::Out, &bytes));
    assert_follows(&seen);
    let sent: Vec<u8> = seen.iter().filter(|s| s.from == local).flat_map(|s| s.payload.clone()).collect();
    assert_eq!(sent, bytes);
}

#[test]
fn datagrams_go_to_whom_they_are_sent() {
    for v6 in [false, true] {
        let (local, remote) = pair(v6);
        let flow = Flow::new(local, remote, 0);
        let other = SocketAddr::new(remote.ip(), 99);
        let packets = [
            flow.datagram(Direction::Out, Some(other), b"out"),
            flow.datagram(Direction::In, None, b""),
            flow.datagram(Direction::Out, None, &vec![7; 65_507]),
        ];
        let seen = capture(packets);
        assert_eq!((seen[0].from, seen[0].to, &seen[0].payload[..]), (local, other, &b"out"[..]));
        assert_eq!((seen[1].from, seen[1].to, seen[1].payload.len()), (remote, local, 0));
        assert_eq!(seen[2].payload.len(), 65_507);
    }
}

#[test]
fn a_reset_is_the_last_packet() {
    let (local, remote) = pair(false);
    let mut flow = Flow::new(local, remote, 5);
    assert!(flow.reset(Direction::In).is_empty(), "nothing to break");
    let mut packets = flow.open(Direction::In);
    packets.extend(flow.reset(Direction::In));
    let seen = capture(packets);
    assert_eq!(seen[0].from, remote, "the other side began");
    assert_eq!(seen[3].tcp.as_ref().unwrap().2, "AR");
    assert_follows(&seen);
}
