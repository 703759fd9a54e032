//! A DNS server on the loopback interface, and a name space that asks it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use simple_dns::rdata::{A, AAAA, CNAME, MX, PTR, RData, SOA, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord};
use tempfile::TempDir;
use windlass_dns::{Dns, Resolver};

/// What the server does with a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Answer,
    /// By datagram nothing fits.
    Truncate,
    /// It says nothing.
    Silent,
    Fail,
    Refuse,
    /// It answers another question first.
    Confuse,
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    zone: HashMap<(String, u16), Vec<RData<'static>>>,
    mood: Mutex<Mood>,
    questions: AtomicUsize,
    ended: AtomicBool,
}

/// Seconds that its records live.
pub const TTL: u32 = 60;

fn name(text: &'static str) -> Name<'static> {
    Name::new(text).unwrap()
}

fn zone() -> HashMap<(String, u16), Vec<RData<'static>>> {
    let v4 = |last: u32| RData::A(A { address: 0xC000_0200 | last });
    let v6 = |last: u128| RData::AAAA(AAAA { address: 0x2001_0db8 << 96 | last });
    let srv = |priority, port, target| RData::SRV(SRV { priority, weight: 5, port, target: name(target) });
    let text = TXT::new().with_string("v=spf1 -all").unwrap();
    let entries: Vec<(&str, u16, Vec<RData<'static>>)> = vec![
        ("one.example", 1, vec![v4(1), v4(2)]),
        ("one.example", 28, vec![v6(1)]),
        ("four.example", 1, vec![v4(4)]),
        ("four.example", 28, vec![]),
        ("www.example", 1, vec![RData::CNAME(CNAME(name("web.example"))), v4(80)]),
        ("www.example", 28, vec![RData::CNAME(CNAME(name("web.example")))]),
        ("7.2.0.192.in-addr.arpa", 12, vec![RData::PTR(PTR(name("seven.example")))]),
        ("_sip._udp.example", 33, vec![srv(20, 5061, "one.example"), srv(10, 5060, "four.example")]),
        ("example", 15, vec![RData::MX(MX { preference: 10, exchange: name("mail.example") })]),
        ("example", 16, vec![RData::TXT(text)]),
        ("short.search.example", 1, vec![v4(9)]),
        ("short.search.example", 28, vec![]),
    ];
    entries.into_iter().map(|(name, kind, data)| ((name.to_owned(), kind), data)).collect()
}

impl Server {
    pub fn start() -> Self {
        // The same port for both.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let shared = Arc::new(Shared {
            zone: zone(),
            mood: Mutex::new(Mood::Answer),
            questions: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let (one, two) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || one.serve_datagrams(&udp)),
            std::thread::spawn(move || two.serve_streams(&tcp)),
        ];
        Self { address, shared, threads }
    }

    pub fn mood(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// How many questions came.
    pub fn questions(&self) -> usize {
        self.shared.questions.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"end", self.address);
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Shared {
    fn serve_datagrams(&self, socket: &UdpSocket) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let mood = *self.mood.lock().unwrap();
            if mood == Mood::Confuse {
                let mut other = Packet::parse(&buffer[..length]).unwrap().into_reply();
                other.set_id(other.id().wrapping_add(1));
                let _ = socket.send_to(&other.build_bytes_vec().unwrap(), from);
                let _ = socket.send_to(b"noise", from);
            }
            if let Some(reply) = self.reply(&buffer[..length], mood, false) {
                let _ = socket.send_to(&reply, from);
            }
        }
    }

    fn serve_streams(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question).unwrap();
            let reply = self.reply(&question, Mood::Answer, true).unwrap();
            // In two parts, as a network may.
            let message = [&(reply.len() as u16).to_be_bytes(), &reply[..]].concat();
            stream.write_all(&message[..5]).unwrap();
            stream.write_all(&message[5..]).unwrap();
        }
    }

    fn reply(&self, question: &[u8], mood: Mood, stream: bool) -> Option<Vec<u8>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let mut packet = Packet::parse(question).ok()?.into_reply();
        match mood {
            Mood::Silent => return None,
            Mood::Truncate if !stream => {
                packet.set_flags(PacketFlag::TRUNCATION);
                return packet.build_bytes_vec().ok();
            }
            Mood::Fail => *packet.rcode_mut() = RCODE::ServerFailure,
            Mood::Refuse => *packet.rcode_mut() = RCODE::Refused,
            Mood::Answer | Mood::Truncate | Mood::Confuse => self.answer(&mut packet),
        }
        packet.build_bytes_vec().ok()
    }

    fn answer(&self, packet: &mut Packet<'_>) {
        let asked = packet.questions[0].qname.clone().into_owned();
        let QTYPE::TYPE(kind) = packet.questions[0].qtype else { panic!("a type is asked for") };
        let key = asked.to_string().to_ascii_lowercase();
        let record = |name: &Name<'_>, data: &RData<'static>| {
            ResourceRecord::new(name.clone().into_owned(), CLASS::IN, TTL, data.clone())
        };
        if let Some(data) = self.zone.get(&(key.clone(), u16::from(kind))) {
            let mut name = asked;
            for data in data {
                packet.answers.push(record(&name, data));
                if let RData::CNAME(target) = data {
                    name = target.0.clone();
                }
            }
        } else if !self.zone.keys().any(|(known, _)| *known == key) {
            *packet.rcode_mut() = RCODE::NameError;
        }
        let soa = SOA {
            mname: name("ns.example"),
            rname: name("admin.example"),
            serial: 1,
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 30,
        };
        packet.name_servers.push(record(&name("example"), &RData::SOA(soa)));
    }
}

/// A name space with files of its own, which stay until this is dropped.
pub struct Names {
    pub dns: Dns,
    _folder: TempDir,
}

impl Names {
    /// One that asks these servers, with these options.
    pub fn new(servers: &[SocketAddr], options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let hosts = write("hosts", "192.0.2.100 known.example known\n2001:db8::100 known.example known\n");
        let services = write("services", "http 80/tcp www\nsip 5060/udp\n");
        let servers: String = servers.iter().map(|at| format!("nameserver [{}]:{}\n", at.ip(), at.port())).collect();
        let configuration = write("resolv.conf", &format!("{servers}search search.example\noptions {options}\n"));
        Self { dns: Dns::with(Resolver::new(hosts, services, configuration)), _folder: folder }
    }
}
