//! The DNS, asked through a server on the loopback interface.

mod support;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Mood, Names, Server};
use windlass_spi::abi::*;
use windlass_spi::address::internet_address_of;
use windlass_spi::namespace::host::{HostEntry, ServiceEntry};
use windlass_spi::namespace::{Namespace, Query, QuerySet};

type Found = Result<Vec<QuerySet>, WsaError>;

fn look_up(names: &Names, name: &str, class: GUID, flags: u32) -> Found {
    let set = QuerySet::query(Some(name), class);
    ask(names, Query { set, class: None, flags })
}

fn ask(names: &Names, query: Query) -> Found {
    let flags = query.flags;
    let lookup = names.dns.begin(query)?;
    let mut found = Vec::new();
    while let Some(set) = names.dns.next(&lookup, flags)? {
        found.push(set);
    }
    Ok(found)
}

fn host(names: &Names, name: &str) -> Result<(String, Vec<String>), WsaError> {
    let found = look_up(names, name, SVCID_INET_HOSTADDRBYNAME, LUP_RETURN_ALL & !LUP_RETURN_ALIASES)?;
    Ok((found[0].name.clone().unwrap(), addresses(&found[0])))
}

fn addresses(set: &QuerySet) -> Vec<String> {
    let of = |at: &windlass_spi::namespace::ServiceAddress| {
        internet_address_of(at.remote.unwrap().as_bytes()).unwrap().to_string()
    };
    set.addresses.iter().map(of).collect()
}

#[test]
fn gxy_1_a_host_has_the_addresses_of_both_families() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    let all = ["192.0.2.1:0", "192.0.2.2:0", "[2001:db8::1]:0"].map(String::from).to_vec();
    assert_eq!(host(&names, "one.example"), Ok(("one.example".into(), all)));
    let mut set = QuerySet::query(Some("one.example"), SVCID_INET_HOSTADDRBYNAME);
    set.protocols = vec![AFPROTOCOLS { iAddressFamily: AF_INET6, iProtocol: 0 }];
    let found = ask(&names, Query { set, class: None, flags: LUP_RETURN_ALL }).unwrap();
    assert_eq!(addresses(&found[0]), ["[2001:db8::1]:0"]);
}

// proves: LUP-9, GXY-2
#[test]
fn lup_9_aliases_are_results_of_their_own() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    let found = look_up(&names, "www.example", SVCID_INET_HOSTADDRBYNAME, LUP_RETURN_ALL).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].name.as_deref(), found[0].output_flags), (Some("web.example"), 0));
    assert_eq!((found[1].name.as_deref(), found[1].output_flags), (Some("www.example"), RESULT_IS_ALIAS));
    let blob = HostEntry::from_blob(found[0].blob.as_deref().unwrap()).unwrap();
    assert_eq!((&*blob.name, &blob.aliases[..]), ("web.example", &["www.example".to_string()][..]));
    assert_eq!((blob.family, &blob.addresses[..]), (AF_INET, &[vec![192, 0, 2, 80]][..]));
}

// proves: LUP-11
#[test]
fn lup_11_what_was_answered_is_not_asked_again_unless_the_cache_is_flushed() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    assert!(host(&names, "one.example").is_ok());
    let asked = server.questions();
    assert_eq!(asked, 2, "A and AAAA");
    for name in ["one.example", "ONE.example."] {
        assert!(host(&names, name).is_ok());
    }
    assert_eq!(host(&names, "no-such.example."), Err(WsaError::WSASERVICE_NOT_FOUND));
    assert_eq!(server.questions(), asked + 2);
    assert_eq!(host(&names, "no-such.example."), Err(WsaError::WSASERVICE_NOT_FOUND));
    assert_eq!(server.questions(), asked + 2, "absence is kept, too");
    look_up(&names, "one.example", SVCID_INET_HOSTADDRBYNAME, LUP_RETURN_ALL | LUP_FLUSHCACHE).unwrap();
    assert_eq!(server.questions(), asked + 4);
}

// proves: API-R16
#[test]
fn api_r16_what_the_machine_knows_is_asked_of_nobody() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    let both = ["192.0.2.100:0", "[2001:db8::100]:0"].map(String::from).to_vec();
    assert_eq!(host(&names, "KNOWN"), Ok(("known.example".into(), both)));
    assert_eq!(host(&names, "localhost").unwrap().1, ["[::1]:0", "127.0.0.1:0"]);
    assert_eq!(host(&names, "a.localhost").unwrap().1, ["[::1]:0", "127.0.0.1:0"]);
    assert_eq!(host(&names, "192.0.2.5").unwrap().1, ["192.0.2.5:0"]);
    assert_eq!(host(&names, "no-such-name.invalid"), Err(WsaError::WSASERVICE_NOT_FOUND));
    let own = look_up(&names, "", SVCID_HOSTNAME, LUP_RETURN_NAME).unwrap();
    let own = own[0].name.clone().unwrap();
    assert!(!own.is_empty());
    for name in ["", "..localmachine"] {
        assert!(!host(&names, name).unwrap().1.is_empty(), "{name:?}");
    }
    assert_eq!(server.questions(), 0);
}

#[test]
fn gxy_3_an_address_has_a_name() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    let reverse = |text| look_up(&names, text, SVCID_INET_HOSTADDRBYINETSTRING, LUP_RETURN_NAME | LUP_RETURN_BLOB);
    let found = reverse("192.0.2.7").unwrap();
    assert_eq!(found[0].name.as_deref(), Some("seven.example"));
    assert_eq!(HostEntry::from_blob(found[0].blob.as_deref().unwrap()).unwrap().addresses, [vec![192, 0, 2, 7]]);
    assert_eq!(reverse("2001:db8::100").unwrap()[0].name.as_deref(), Some("known.example"));
    assert_eq!(reverse("192.0.2.8"), Err(WsaError::WSASERVICE_NOT_FOUND));
}

// proves: GXY-3, GXY-4
#[test]
fn gxy_4_a_service_has_a_class_and_a_blob() {
    let names = Names::new(&[], "");
    for text in ["http/tcp", "WWW", "80/tcp", "80"] {
        let found = look_up(&names, text, SVCID_INET_SERVICEBYNAME, LUP_RETURN_ALL).unwrap();
        assert_eq!(found[0].class, Some(SVCID_TCP(80)));
        let entry = ServiceEntry::from_blob(found[0].blob.as_deref().unwrap()).unwrap();
        assert_eq!((&*entry.name, entry.port, &*entry.protocol), ("http", 80, "tcp"), "{text}");
    }
    assert_eq!(look_up(&names, "http/udp", SVCID_INET_SERVICEBYNAME, 0), Err(WsaError::WSANO_DATA));
    assert_eq!(look_up(&names, "5060", SVCID_INET_SERVICEBYNAME, 0).unwrap()[0].class, Some(SVCID_UDP(5060)));
}

// proves: CLS-9
#[test]
fn cls_9_records_are_found_by_the_class_of_their_type() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    let of = |name, class| look_up(&names, name, class, LUP_RETURN_ALL).unwrap();
    let srv = of("_sip._udp.example", SVCID_DNS_TYPE_SRV);
    assert_eq!(
        srv.iter().map(|set| set.query_string.as_deref().unwrap()).collect::<Vec<_>>(),
        ["four.example", "one.example"]
    );
    assert_eq!(srv[0].comment.as_deref(), Some("10 5 5060 four.example"));
    assert_eq!((addresses(&srv[0]), srv[0].addresses[0].socket_type), (vec!["192.0.2.4:5060".into()], SOCK_DGRAM));
    assert_eq!(srv[0].blob.as_deref().unwrap()[..6], [0, 10, 0, 5, 0x13, 0xc4]);
    let mx = of("example", SVCID_DNS_TYPE_MX);
    assert_eq!(
        (mx[0].comment.as_deref(), mx[0].query_string.as_deref()),
        (Some("10 mail.example"), Some("mail.example"))
    );
    assert_eq!(of("example", SVCID_DNS_TYPE_TEXT)[0].comment.as_deref(), Some("v=spf1 -all"));
    let alias = of("www.example", SVCID_DNS_TYPE_A);
    assert_eq!((alias[0].comment.as_deref(), addresses(&alias[1])), (Some("web.example"), vec!["192.0.2.80:0".into()]));
    assert_eq!(of("7.2.0.192.in-addr.arpa", SVCID_DNS_TYPE_PTR)[0].comment.as_deref(), Some("seven.example"));
    assert_eq!(look_up(&names, "four.example", SVCID_DNS_TYPE_AAAA, 0), Err(WsaError::WSANO_DATA));
    let web = of("four.example", SVCID_TCP(8080));
    assert_eq!(addresses(&web[0]), ["192.0.2.4:8080"]);
}

#[test]
fn an_answer_that_does_not_fit_comes_by_tcp() {
    let server = Server::start();
    server.mood(Mood::Truncate);
    let names = Names::new(&[server.address], "");
    assert_eq!(host(&names, "four.example").unwrap().1, ["192.0.2.4:0"]);
    assert_eq!(server.questions(), 4);
}

#[test]
fn what_is_no_answer_to_the_question_is_not_believed() {
    let server = Server::start();
    server.mood(Mood::Confuse);
    let names = Names::new(&[server.address], "");
    assert_eq!(host(&names, "four.example").unwrap().1, ["192.0.2.4:0"]);
}

#[test]
fn servers_are_asked_in_turn() {
    let (good, bad) = (Server::start(), Server::start());
    let closed = {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    for (mood, error) in [(Mood::Fail, WsaError::WSATRY_AGAIN), (Mood::Refuse, WsaError::WSANO_RECOVERY)] {
        bad.mood(mood);
        let names = Names::new(&[closed, bad.address, good.address], "");
        assert_eq!(host(&names, "four.example").unwrap().1, ["192.0.2.4:0"], "{mood:?}");
        let names = Names::new(&[bad.address], "attempts:1");
        assert_eq!(host(&names, "four.example"), Err(error), "{mood:?}");
    }
    let names = Names::new(&[closed], "attempts:1");
    assert_eq!(host(&names, "four.example"), Err(WsaError::WSATRY_AGAIN));
}

#[test]
fn short_names_are_searched_for() {
    let server = Server::start();
    let names = Names::new(&[server.address], "");
    assert_eq!(host(&names, "short"), Ok(("short.search.example".into(), vec!["192.0.2.9:0".into()])));
    assert_eq!(host(&names, "short."), Err(WsaError::WSASERVICE_NOT_FOUND));
}

// proves: NSP1-5, END-2
#[test]
fn nsp1_5_the_end_wakes_the_thread_that_waits_for_a_server() {
    let server = Server::start();
    server.mood(Mood::Silent);
    let names = Names::new(&[server.address], "timeout:30 attempts:5");
    let set = QuerySet::query(Some("one.example"), SVCID_INET_HOSTADDRBYNAME);
    let lookup = names.dns.begin(Query { set, class: None, flags: LUP_RETURN_ALL }).unwrap();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| names.dns.next(&lookup, 0));
        while server.questions() < 2 {
            std::thread::yield_now();
        }
        names.dns.cancel(&lookup);
        assert_eq!(waiting.join().unwrap(), Err(WsaError::WSA_E_CANCELLED));
    });
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(matches!(names.dns.next(&lookup, 0), Ok(None) | Err(WsaError::WSA_E_CANCELLED)));
}

/// Where a server is installed, if it is. Users do not have its folder in their path.
fn installed(program: &str) -> Option<String> {
    let runs =
        |path: &String| Command::new(path).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    [program.to_owned(), format!("/usr/sbin/{program}")].into_iter().find(runs)
}

/// The same questions to a server that others wrote, where it is installed (scripts/setup does so).
#[test]
fn a_server_of_the_system_is_understood() {
    let Some(program) = installed("unbound") else {
        println!("unbound is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = folder.path().join("unbound.conf");
    let configuration = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  port: {port}\n  do-daemonize: no\n  chroot: \"\"\n  username: \"\"\n  \
         directory: \"{0}\"\n  pidfile: \"{0}/pid\"\n  use-syslog: no\n  num-threads: 1\n  do-ip6: no\n  \
         module-config: \"iterator\"\n  local-zone: \"example.\" static\n  local-data: \"one.example. 60 IN A 192.0.2.1\"\n  \
         local-data: \"one.example. 60 IN AAAA 2001:db8::1\"\n  local-data: \"alias.example. 60 IN CNAME one.example.\"\n  \
         local-data: \"_sip._tcp.example. 60 IN SRV 1 2 5060 one.example.\"\n  local-data: 'example. 60 IN TXT \"hello\"'\n  \
         local-data-ptr: \"192.0.2.1 60 one.example\"\nremote-control:\n  control-enable: no\n",
        folder.path().display(),
    );
    std::fs::write(&path, configuration).unwrap();
    let mut unbound = Command::new(program).arg("-c").arg(&path).stderr(Stdio::null()).spawn().unwrap();
    let server: SocketAddr = (IpAddr::from([127, 0, 0, 1]), port).into();
    let names = Names::new(&[server], "timeout:1 attempts:5");
    let limit = Instant::now() + Duration::from_secs(60);
    let found = loop {
        match host(&names, "one.example") {
            Err(WsaError::WSATRY_AGAIN) if Instant::now() < limit => std::thread::yield_now(),
            found => break found,
        }
    };
    let checks = || {
        assert_eq!(found, Ok(("one.example".into(), vec!["192.0.2.1:0".into(), "[2001:db8::1]:0".into()])));
        let srv = look_up(&names, "_sip._tcp.example", SVCID_DNS_TYPE_SRV, LUP_RETURN_ALL).unwrap();
        assert_eq!(srv[0].comment.as_deref(), Some("1 2 5060 one.example"));
        assert_eq!(addresses(&srv[0]), ["192.0.2.1:5060", "[2001:db8::1]:5060"]);
        assert_eq!(
            look_up(&names, "example", SVCID_DNS_TYPE_TEXT, LUP_RETURN_ALL).unwrap()[0].comment.as_deref(),
            Some("hello")
        );
        assert_eq!(host(&names, "none.example"), Err(WsaError::WSASERVICE_NOT_FOUND));
        let reverse = look_up(&names, "192.0.2.1", SVCID_INET_HOSTADDRBYINETSTRING, LUP_RETURN_NAME).unwrap();
        assert_eq!(reverse[0].name.as_deref(), Some("one.example"));
    };
    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(checks));
    unbound.kill().unwrap();
    unbound.wait().unwrap();
    checked.unwrap();
}
