//! Messages of the DNS: questions written, answers read. What a server sends is not believed further than it can be read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};
use windlass_spi::Result;
use windlass_spi::abi::WsaError;

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const PTR: u16 = 12;
pub(crate) const SRV: u16 = 33;
pub(crate) const AAAA: u16 = 28;

/// The largest answer by datagram that is asked for, in bytes: what crosses every network whole.
pub(crate) const DATAGRAM: u16 = 1232;

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// Seconds that it may be kept.
    pub(crate) ttl: u32,
    pub(crate) data: Data,
    /// The data as it is on the wire, names whole.
    pub(crate) bytes: Vec<u8>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Address(IpAddr),
    /// CNAME, PTR, NS.
    Name {
        kind: u16,
        name: String,
    },
    Mx {
        preference: u16,
        exchange: String,
    },
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: String,
    },
    Text(Vec<String>),
    Other {
        kind: u16,
    },
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) records: Vec<Record>,
    /// Seconds that the absence of an answer may be kept.
    pub(crate) negative_ttl: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The name exists, whether it has such records or not.
    Exists,
    /// There is no such name.
    NoSuchName,
    /// The server could not find out.
    Failed,
    /// The server would not say.
    Refused,
}

/// What became of bytes that came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// They are no answer to this question.
    Foreign,
    /// The answer did not fit; it is to be asked for by TCP.
    Truncated,
    Answer(Answer),
}

/// A question as bytes. `WSAEINVAL`: no such name can be asked for.
pub(crate) fn question(id: u16, name: &str, kind: u16) -> Result<Vec<u8>> {
    let name = Name::new(name).map_err(|_| WsaError::WSAEINVAL)?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let kind = QTYPE::TYPE(TYPE::from(kind));
    packet.questions.push(Question::new(name, kind, QCLASS::CLASS(CLASS::IN), false));
    *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: DATAGRAM, version: 0 });
    packet.build_bytes_vec().map_err(|_| WsaError::WSAEINVAL)
}

/// Reads an answer to a question.
pub(crate) fn read(bytes: &[u8], id: u16, name: &str, kind: u16) -> Received {
    let Ok(packet) = Packet::parse(bytes) else { return Received::Foreign };
    let is_ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && matches!(&packet.questions[..], [question] if text(&question.qname).eq_ignore_ascii_case(name)
            && question.qtype == QTYPE::TYPE(TYPE::from(kind)));
    if !is_ours {
        return Received::Foreign;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Received::Truncated;
    }
    let outcome = match packet.rcode() {
        RCODE::NoError => Outcome::Exists,
        RCODE::NameError => Outcome::NoSuchName,
        RCODE::ServerFailure => Outcome::Failed,
        _ => Outcome::Refused,
    };
    let records = packet.answers.iter().filter(|record| record.class == CLASS::IN).map(record).collect();
    let minimum = packet.name_servers.iter().find_map(|record| match &record.rdata {
        RData::SOA(soa) => Some(soa.minimum.min(record.ttl)),
        _ => None,
    });
    Received::Answer(Answer { outcome, records, negative_ttl: minimum })
}

fn record(from: &ResourceRecord<'_>) -> Record {
    let data = match &from.rdata {
        RData::A(a) => Data::Address(Ipv4Addr::from(a.address).into()),
        RData::AAAA(aaaa) => Data::Address(Ipv6Addr::from(aaaa.address).into()),
        RData::CNAME(name) => Data::Name { kind: CNAME, name: text(&name.0) },
        RData::PTR(name) => Data::Name { kind: PTR, name: text(&name.0) },
        RData::NS(name) => Data::Name { kind: 2, name: text(&name.0) },
        RData::MX(mx) => Data::Mx { preference: mx.preference, exchange: text(&mx.exchange) },
        RData::SRV(srv) => {
            Data::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: text(&srv.target) }
        }
        RData::TXT(txt) => Data::Text(strings(txt)),
        other => Data::Other { kind: other.type_code().into() },
    };
    Record { name: text(&from.name), ttl: from.ttl, bytes: bytes(from), data }
}

fn text(name: &Name<'_>) -> String {
    name.to_string()
}

/// The strings of a TXT record; bytes that are no UTF-8 are replaced.
fn strings(txt: &simple_dns::rdata::TXT<'_>) -> Vec<String> {
    txt.iter_raw()
        .map(|(key, value)| {
            let whole = match value {
                Some(value) => [key, b"=", value].concat(),
                None => key.to_vec(),
            };
            String::from_utf8_lossy(&whole).into_owned()
        })
        .collect()
}

/// The data of a record as it is on the wire, without compression: a record alone in a message ends with it.
fn bytes(record: &ResourceRecord<'_>) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.answers.push(record.clone());
    let Ok(message) = packet.build_bytes_vec() else { return Vec::new() };
    // Header, name, type, class, ttl, length.
    let name = record.name.get_labels().iter().map(|label| label.len() + 1).sum::<usize>() + 1;
    message.get(12 + name + 10..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_question_is_read() {
        let asked = question(7, "a.example", A).unwrap();
        let reply = |change: &dyn Fn(&mut Packet<'_>)| {
            let mut packet = Packet::parse(&asked).unwrap().into_reply();
            change(&mut packet);
            packet.build_bytes_vec().unwrap()
        };
        let plain = reply(&|_| {});
        assert!(matches!(read(&plain, 7, "A.Example", A), Received::Answer(_)));
        assert_eq!(read(&plain, 8, "a.example", A), Received::Foreign);
        assert_eq!(read(&plain, 7, "b.example", A), Received::Foreign);
        assert_eq!(read(&plain, 7, "a.example", AAAA), Received::Foreign);
        assert_eq!(read(&asked, 7, "a.example", A), Received::Foreign, "a question is no answer");
        let cut = reply(&|packet| packet.set_flags(PacketFlag::TRUNCATION));
        assert_eq!(read(&cut, 7, "a.example", A), Received::Truncated);
        for end in 0..plain.len() {
            assert_eq!(read(&plain[..end], 7, "a.example", A), Received::Foreign);
        }
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        assert_eq!(question(1, &"a".repeat(64), A), Err(WsaError::WSAEINVAL));
        assert_eq!(question(1, &"a.".repeat(200), A), Err(WsaError::WSAEINVAL));
    }
}
