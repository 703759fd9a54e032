//! Sockets in two processes, and twice in one (contract: transport, section 5.8).
//!
//! The other process is this program again: it runs one of the tests that are otherwise ignored, takes its
//! orders from standard input and answers with lines that begin with a mark.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;

use windlass_abi::*;

use crate::support::upcalls::TestEvent;
use crate::support::{Result, Winsock, entry, eventually, families};

const MARK: &str = "@";

/// Another process that opens duplicates.
struct Other {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "duplicate::the_other_process", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut other = Self { process, orders, answers };
        assert_eq!(other.answer(), "ready");
        other
    }

    fn id(&self) -> u32 {
        self.process.id()
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        self.answer()
    }

    /// Has the process open the duplicate: its options and state, or the error.
    fn open(&mut self, info: &WSAPROTOCOL_INFOW, flags: u32) -> String {
        self.order(&format!("open {} {flags}", written(info)))
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the other process has ended");
            if let Some((_, answer)) = line.split_once(MARK) {
                return answer.trim().to_owned();
            }
        }
    }

    /// Lets the process end as it ends when its orders do.
    fn end(mut self) {
        assert_eq!(self.order("end"), "bye");
        assert!(self.process.wait().unwrap().success());
    }
}

fn written(info: &WSAPROTOCOL_INFOW) -> String {
    let fields = [
        info.iAddressFamily as u32,
        info.iSocketType as u32,
        info.dwProviderReserved,
        info.dwServiceFlags2,
        info.dwServiceFlags3,
        info.dwServiceFlags4,
    ];
    fields.map(|field| field.to_string()).join(" ")
}

fn read(fields: &[&str]) -> WSAPROTOCOL_INFOW {
    let field = |at: usize| fields[at].parse::<u32>().unwrap();
    WSAPROTOCOL_INFOW {
        dwProviderReserved: field(2),
        dwServiceFlags2: field(3),
        dwServiceFlags3: field(4),
        dwServiceFlags4: field(5),
        ..entry(field(0) as i32, field(1) as i32)
    }
}

/// What the other process does.
#[test]
#[ignore = "the other half of the tests of this file"]
fn the_other_process() {
    let say = |what: &str| println!("\n{MARK}{what}");
    let result = |result: Result<String>| match result {
        Ok(text) => say(&text),
        Err(error) => say(error.name()),
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let mut winsock = Some(Winsock::start());
    let mut s = INVALID_SOCKET;
    say("ready");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let running = || winsock.as_ref().unwrap();
        match words[0] {
            "open" => result(running().socket_from(&read(&words[1..7]), words[7].parse().unwrap()).map(|new| {
                s = new;
                "open".to_owned()
            })),
            "option" => {
                let [level, option] = [words[1], words[2]].map(|word| word.parse().unwrap());
                say(&running().int_option(s, level, option).to_string());
            }
            "send" => result(running().send(s, words[1].as_bytes(), 0).map(|sent| sent.to_string())),
            "recv" => result(running().recv(s, 99, 0).map(text)),
            "recvfrom" => result(running().recv_from(s, 99, 0).map(|(bytes, _)| text(bytes))),
            "name" => result(running().sock_name(s).map(|name| name.to_string())),
            "accept" => result(running().accept(s).map(|(accepted, _)| {
                running().close(s).unwrap();
                s = accepted;
                "accepted".to_owned()
            })),
            "duplicate" => {
                s = running().datagram(AF_INET).0;
                result(running().duplicate(s, words[1].parse().unwrap()).map(|info| written(&info)));
            }
            "close" => result(running().close(s).map(|()| "closed".to_owned())),
            "cleanup" => result(winsock.take().unwrap().cleanup().map(|()| "cleaned".to_owned())),
            "end" => {
                say("bye");
                break;
            }
            other => panic!("{other}"),
        }
    }
}

/// Whether somebody waits under the name of this duplicate.
fn is_handed_out(info: &WSAPROTOCOL_INFOW) -> bool {
    let name = format!("windlass/duplicate/{}/{:08x}", info.dwServiceFlags2, info.dwProviderReserved);
    std::fs::read_to_string("/proc/net/unix").unwrap().contains(&name)
}

// proves: WSP-DUP-2, WSP-DUP-9, WSP-SOCK-6
#[test]
fn wsp_dup_1_another_process_opens_the_socket() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    for &family in families() {
        let (here, there) = winsock.pair(family);
        let info = winsock.duplicate(there, other.id()).unwrap();
        assert_ne!(info.dwProviderReserved, 0);
        assert_eq!(info.dwCatalogEntryId, entry(family, SOCK_STREAM).dwCatalogEntryId);
        assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
        winsock.send(here, b"to-either", 0).unwrap();
        assert_eq!(other.order("recv"), "to-either");
        // Both ends of the pair speak.
        assert_eq!(other.order("send from-the-other"), "14");
        assert_eq!(winsock.recv(here, 99, 0).unwrap(), b"from-the-other");
        winsock.send(there, b"from-this", 0).unwrap();
        assert_eq!(winsock.recv(here, 99, 0).unwrap(), b"from-this");
        assert_eq!(other.order("close"), "closed");
        winsock.close_all([here, there]);
    }
    other.end();
}

// proves: API-S17
#[test]
fn wsp_dup_3_a_duplicate_is_opened_once() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    let (s, _) = winsock.datagram(AF_INET);
    let info = winsock.duplicate(s, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "WSAEINVAL");
    assert!(!is_handed_out(&info));
    // Another time is another duplicate.
    let again = winsock.duplicate(s, other.id()).unwrap();
    assert_ne!(written(&again), written(&info));
    assert_eq!(other.open(&again, WSA_FLAG_OVERLAPPED), "open");
    other.end();

    // In one process as well.
    let info = winsock.duplicate(s, std::process::id()).unwrap();
    let second = winsock.socket_from(&info, WSA_FLAG_OVERLAPPED).unwrap();
    assert_eq!(winsock.socket_from(&info, WSA_FLAG_OVERLAPPED), Err(WsaError::WSAEINVAL));
    winsock.close_all([s, second]);
}

// proves: WSP-CLOSE-7
#[test]
fn wsp_dup_5_the_socket_lives_until_its_last_descriptor_is_closed() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    // Closed before the other process opens it.
    let (here, there) = winsock.pair(AF_INET);
    let info = winsock.duplicate(there, other.id()).unwrap();
    winsock.close(there).unwrap();
    winsock.send(here, b"early", 0).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order("recv"), "early");
    assert_eq!(other.order("send still-here"), "10");
    assert_eq!(winsock.recv(here, 99, 0).unwrap(), b"still-here");
    assert_eq!(other.order("close"), "closed");
    assert_eq!(winsock.recv(here, 99, 0).unwrap(), b"", "and then it ends, gracefully");
    winsock.close(here).unwrap();
    other.end();
}

#[test]
fn wsp_dup_4_the_state_that_winsock_keeps_is_shared() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    let (here, there) = winsock.pair(AF_INET);
    winsock.set_nonblocking(there, true).unwrap();
    winsock.set_linger(there, Some(7));
    winsock.set_int(there, SOL_SOCKET, SO_RCVTIMEO, 5000);
    winsock.set_int(there, SOL_SOCKET, SO_DEBUG, 1);
    winsock.set_int(there, SOL_SOCKET, SO_OOBINLINE, 1);
    winsock.set_int(there, IPPROTO_TCP, TCP_NODELAY, 1);
    let info = winsock.duplicate(there, other.id()).unwrap();
    // What is set before it is opened counts.
    winsock.set_int(there, SOL_SOCKET, SO_RCVTIMEO, 6000);
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order("recv"), "WSAEWOULDBLOCK");
    for (level, option, value) in [
        (SOL_SOCKET, SO_DONTLINGER, "0"),
        (SOL_SOCKET, SO_RCVTIMEO, "6000"),
        (SOL_SOCKET, SO_DEBUG, "1"),
        (SOL_SOCKET, SO_OOBINLINE, "1"),
        (IPPROTO_TCP, TCP_NODELAY, "1"),
    ] {
        assert_eq!(other.order(&format!("option {level} {option}")), value, "option {option:#x}");
    }
    let seconds: u32 = other.order(&format!("option {SOL_SOCKET} {SO_CONNECT_TIME}")).parse().unwrap();
    assert!(seconds < 100);
    // A shutdown is the connection's, and told to a later duplicate.
    winsock.shutdown(there, SD_SEND).unwrap();
    let info = winsock.duplicate(there, other.id()).unwrap();
    assert_eq!(other.order("close"), "closed");
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order("send !"), "WSAESHUTDOWN");
    other.end();
    winsock.set_linger(there, None);
    winsock.close_all([here, there]);
}

#[test]
fn wsp_dup_1_listening_and_datagram_sockets_too() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    let (listener, at) = winsock.listener(AF_INET);
    let info = winsock.duplicate(listener, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order(&format!("option {SOL_SOCKET} {SO_ACCEPTCONN}")), "1");
    let client = winsock.socket(AF_INET, SOCK_STREAM);
    winsock.connect(client, at).unwrap();
    assert_eq!(other.order("accept"), "accepted");
    winsock.send(client, b"hello", 0).unwrap();
    assert_eq!(other.order("recv"), "hello");
    assert_eq!(other.order("close"), "closed");

    let (s, at) = winsock.datagram(AF_INET);
    let info = winsock.duplicate(s, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order("name").parse::<SocketAddr>().unwrap(), at);
    winsock.send_to(s, b"to-itself", at).unwrap();
    assert_eq!(other.order("recvfrom"), "to-itself");
    assert_eq!(other.order("close"), "closed");
    other.end();
    winsock.close_all([listener, client, s]);
}

#[test]
fn wsp_dup_6_the_flags_are_those_of_the_source() {
    let winsock = Winsock::start();
    for made_with in [0, WSA_FLAG_OVERLAPPED] {
        for opened_with in [0, WSA_FLAG_OVERLAPPED, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT] {
            let s = winsock.socket_with(AF_INET, SOCK_DGRAM, made_with).unwrap();
            let info = winsock.duplicate(s, std::process::id()).unwrap();
            let opened = winsock.socket_from(&info, opened_with);
            if made_with == opened_with & WSA_FLAG_OVERLAPPED {
                winsock.close(opened.unwrap()).unwrap();
            } else {
                assert_eq!(opened, Err(WsaError::WSAEINVAL), "{made_with} {opened_with}");
            }
            winsock.close(s).unwrap();
        }
    }
}

#[test]
fn wsp_dup_1_only_the_named_process_opens_it() {
    let winsock = Winsock::start();
    let (mut named, mut other) = (Other::start(), Other::start());
    let (s, _) = winsock.datagram(AF_INET);
    let info = winsock.duplicate(s, named.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "WSAEINVAL");
    assert_eq!(winsock.socket_from(&info, WSA_FLAG_OVERLAPPED), Err(WsaError::WSAEINVAL));
    // Nor the named one with a guess.
    for guess in [
        WSAPROTOCOL_INFOW { dwServiceFlags3: !info.dwServiceFlags3, ..info },
        WSAPROTOCOL_INFOW { dwServiceFlags4: !info.dwServiceFlags4, ..info },
        WSAPROTOCOL_INFOW { dwServiceFlags2: 0, ..info },
        WSAPROTOCOL_INFOW { dwServiceFlags2: u32::MAX, ..info },
        WSAPROTOCOL_INFOW { dwServiceFlags2: named.id(), ..info },
        WSAPROTOCOL_INFOW { dwProviderReserved: info.dwProviderReserved ^ 2, ..info },
    ] {
        assert_eq!(named.open(&guess, WSA_FLAG_OVERLAPPED), "WSAEINVAL", "{}", written(&guess));
    }
    assert_eq!(named.open(&info, WSA_FLAG_OVERLAPPED), "open");
    named.end();
    other.end();
    winsock.close(s).unwrap();
}

#[test]
fn wsp_dup_1_there_must_be_such_a_process() {
    let winsock = Winsock::start();
    let (s, _) = winsock.datagram(AF_INET);
    for nobody in [0, i32::MAX as u32, u32::MAX] {
        assert_eq!(winsock.duplicate(s, nobody).map(drop), Err(WsaError::WSAEINVAL), "process {nobody}");
    }
    winsock.close(s).unwrap();
}

#[test]
fn nothing_is_left_of_a_duplicate_whose_process_is_gone() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    let (here, there) = winsock.pair(AF_INET);
    let infos = [0; 3].map(|_| winsock.duplicate(there, other.id()).unwrap());
    assert!(infos.iter().all(is_handed_out));
    winsock.close(there).unwrap();
    // The duplicates keep the connection …
    winsock.send(here, b"!", 0).unwrap();
    other.process.kill().unwrap();
    other.process.wait().unwrap();
    // … until there is nobody who could open them.
    eventually("the end of the connection", || {
        matches!(winsock.recv(here, 9, 0), Ok(_) | Err(WsaError::WSAECONNRESET))
    });
    eventually("the end of the names", || !infos.iter().any(is_handed_out));
    winsock.close(here).unwrap();
}

// Two hand-outs at once: the end of the one that nobody opened does not hide that the other was opened.
#[test]
fn wsp_dup_5_a_hand_out_that_ends_leaves_the_others_their_socket() {
    let winsock = Winsock::start();
    let (mut gone, mut other) = (Other::start(), Other::start());
    let (here, there) = winsock.pair(AF_INET);
    let unused = winsock.duplicate(there, gone.id()).unwrap();
    let info = winsock.duplicate(there, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    gone.process.kill().unwrap();
    gone.process.wait().unwrap();
    eventually("the end of the name", || !is_handed_out(&unused));
    // A close that lingers would end the connection, if nobody else had it.
    winsock.set_linger(there, Some(1));
    winsock.close(there).unwrap();
    assert_eq!(other.order("send still"), "5");
    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"still");
    winsock.close(here).unwrap();
    other.end();
}

// proves: EV-11, WSP-DUP-4
#[test]
fn wsp_dup_4_descriptors_of_one_process_share_everything() {
    let winsock = Winsock::start();
    let (here, there) = winsock.pair(AF_INET);
    let info = winsock.duplicate(there, std::process::id()).unwrap();
    let second = winsock.socket_from(&info, WSA_FLAG_OVERLAPPED).unwrap();
    assert_ne!(second, there);
    let kept = winsock.option(second, SOL_SOCKET, SO_PROTOCOL_INFOW, size_of::<WSAPROTOCOL_INFOW>()).unwrap();
    assert_eq!(kept, winsock.option(there, SOL_SOCKET, SO_PROTOCOL_INFOW, kept.len()).unwrap());
    winsock.set_nonblocking(there, true).unwrap();
    assert_eq!(winsock.recv(second, 1, 0), Err(WsaError::WSAEWOULDBLOCK));
    winsock.set_int(second, SOL_SOCKET, SO_SNDTIMEO, 77);
    assert_eq!(winsock.int_option(there, SOL_SOCKET, SO_SNDTIMEO), 77);

    // One registration: the later one replaces the other's.
    let (first_event, second_event) = (TestEvent::new(), TestEvent::new());
    winsock.event_select(there, first_event.handle(), FD_READ).unwrap();
    winsock.event_select(second, second_event.handle(), FD_READ).unwrap();
    winsock.send(here, b"one", 0).unwrap();
    second_event.wait("FD_READ");
    assert!(!first_event.is_set());
    assert_eq!(winsock.enum_network_events(there, second_event.handle()).unwrap().lNetworkEvents, FD_READ);
    // It outlives the descriptor that it was made with.
    winsock.close(second).unwrap();
    winsock.recv(there, 9, 0).unwrap();
    winsock.send(here, b"two", 0).unwrap();
    second_event.wait("FD_READ");
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"two");
    winsock.close(there).unwrap();
    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"");
    winsock.close(here).unwrap();
}

// Whoever is last does what linger asks for, also if nobody can tell who that is.
#[test]
fn wsp_close_5_one_of_two_closes_at_once_is_the_last() {
    let winsock = Winsock::start();
    for _ in 0..300 {
        let (here, there) = winsock.pair(AF_INET);
        let info = winsock.duplicate(there, std::process::id()).unwrap();
        let second = winsock.socket_from(&info, WSA_FLAG_OVERLAPPED).unwrap();
        winsock.set_linger(there, Some(0));
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            for s in [there, second] {
                let (winsock, start) = (&winsock, &start);
                scope.spawn(move || {
                    start.wait();
                    winsock.close(s).unwrap();
                });
            }
        });
        assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAECONNRESET));
        winsock.close(here).unwrap();
    }
}

// proves: WSP-CLEANUP-14
#[test]
fn wsp_cleanup_27_a_clean_up_leaves_the_connection_to_others() {
    let winsock = Winsock::start();
    let mut other = Other::start();
    let (here, there) = winsock.pair(AF_INET);
    let info = winsock.duplicate(there, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    assert_eq!(other.order("cleanup"), "cleaned");
    winsock.send(here, b"still", 0).unwrap();
    assert_eq!(winsock.recv(there, 9, 0).unwrap(), b"still");
    winsock.send(there, b"alive", 0).unwrap();
    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"alive");
    // The reset that the other process asked for has not stayed behind.
    winsock.close(there).unwrap();
    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"");
    winsock.close(here).unwrap();
    other.end();

    // The last one resets.
    let mut other = Other::start();
    let (here, there) = winsock.pair(AF_INET);
    let info = winsock.duplicate(there, other.id()).unwrap();
    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
    winsock.close(there).unwrap();
    assert_eq!(other.order("cleanup"), "cleaned");
    assert_eq!(winsock.recv(here, 9, 0), Err(WsaError::WSAECONNRESET));
    winsock.close(here).unwrap();
    other.end();
}

// proves: WSP-CLEANUP-21
#[test]
fn wsp_cleanup_18_a_duplicate_that_nobody_opened_ends_with_its_owner() {
    let winsock = Winsock::start();
    for last_order in ["cleanup", "end", "kill"] {
        let mut owner = Other::start();
        let [first, second] = [0; 2].map(|_| {
            let answer = owner.order(&format!("duplicate {}", std::process::id()));
            read(&answer.split(' ').collect::<Vec<_>>())
        });
        let s = winsock.socket_from(&first, WSA_FLAG_OVERLAPPED).unwrap();
        assert!(is_handed_out(&second));
        match last_order {
            "cleanup" => assert_eq!(owner.order("cleanup"), "cleaned"),
            "end" => assert_eq!(owner.order("end"), "bye"),
            _ => owner.process.kill().unwrap(),
        }
        if last_order != "cleanup" {
            owner.process.wait().unwrap();
        }
        assert!(!is_handed_out(&second));
        assert_eq!(winsock.socket_from(&second, WSA_FLAG_OVERLAPPED), Err(WsaError::WSAEINVAL));
        // The one that was opened lives on.
        let at = winsock.sock_name(s).unwrap();
        winsock.send_to(s, b"!", at).unwrap();
        assert_eq!(winsock.recv_from(s, 9, 0).unwrap().0, b"!");
        winsock.close(s).unwrap();
        drop(owner.orders);
        if last_order == "cleanup" {
            owner.process.wait().unwrap();
        }
    }
}

#[test]
fn many_duplicates_at_once() {
    let winsock = Winsock::start();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut other = Other::start();
                for _ in 0..25 {
                    let (here, there) = winsock.pair(AF_INET);
                    let info = winsock.duplicate(there, other.id()).unwrap();
                    winsock.close(there).unwrap();
                    assert_eq!(other.open(&info, WSA_FLAG_OVERLAPPED), "open");
                    assert_eq!(other.order("send over"), "4");
                    assert_eq!(winsock.recv(here, 9, 0).unwrap(), b"over");
                    assert_eq!(other.order("close"), "closed");
                    winsock.close(here).unwrap();
                }
                other.end();
            });
        }
    });
}
