//! What the tests of the runtime share: processes of their own, catalogs, and a provider that records.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod child;
pub mod fake;
pub mod module;
pub mod upcall;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use windlass_abi::{AF_INET, GUID, SOCK_STREAM, SOCKET, WsaError};
use windlass_catalog::{ProtocolCatalog, ProtocolChain, ProtocolEntry, ServiceFlags, Store};
use windlass_runtime::{Function, SocketRequest};

/// Set in the process of a test; names its test.
const CHILD: &str = "WINDLASS_TEST_IN_OWN_PROCESS";
/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test in a process of its own, since there is one Winsock in each, with a private catalog that is empty at first. To
/// be called with a closure written in the test function itself, whose name is the test's.
pub fn in_own_process<F: FnOnce()>(body: F) {
    in_own_process_with(|_| {}, body);
}

/// The same with changes to how the process is started. Returns whether this is the process that started it, where the body
/// did not run.
pub fn in_own_process_with<F: FnOnce()>(prepare: impl FnOnce(&mut Command), body: F) -> bool {
    let name = test_name(std::any::type_name::<F>());
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        empty_catalog();
        body();
        return false;
    }
    let catalog = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(CHILD, name).env("WINDLASS_CATALOG", catalog.path());
    prepare(&mut command);
    run(command, name);
    true
}

fn run(mut command: Command, name: &str) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = reader.join().unwrap().unwrap() + &errors.join().unwrap().unwrap();
    match status {
        None => panic!("{name} hangs in its own process:\n{text}"),
        Some(status) => assert!(status.success() && text.contains("1 passed"), "{name}: {status}\n{text}"),
    }
}

/// `test_name` of `crate::test_name::{{closure}}`.
fn test_name(closure: &'static str) -> &'static str {
    let path = closure.strip_suffix("::{{closure}}").expect("a closure written in the test function");
    path.split_once("::").expect("a crate and a path").1
}

/// The provider ids of the tests.
pub const fn provider_id(n: usize) -> GUID {
    GUID::from_u128(0xF00D_0000 + n as u128)
}

/// A base entry of a stream protocol, IPv4, protocol number 1000 + n.
pub fn base_entry(n: usize) -> ProtocolEntry {
    ProtocolEntry {
        name: format!("fake {n}"),
        chain: ProtocolChain::Base,
        address_family: AF_INET,
        socket_type: SOCK_STREAM,
        protocol: 1000 + n as i32,
        service_flags: ServiceFlags::IFS_HANDLES,
        max_sockaddr: 16,
        min_sockaddr: 16,
        version: 2,
        ..ProtocolEntry::default()
    }
}

fn empty_catalog() {
    change_catalog(|catalog| catalog.entries.clear());
}

/// Changes the private catalog.
pub fn change_catalog<R>(change: impl FnOnce(&mut ProtocolCatalog) -> R) -> R {
    let changed = Store::from_env()
        .change(Duration::from_secs(10), |catalog: &mut ProtocolCatalog| Ok::<_, WsaError>(change(catalog)));
    changed.unwrap().value
}

/// Installs a provider; returns the ids of its entries.
pub fn install(provider: GUID, module: &str, entries: &[ProtocolEntry]) -> Vec<u32> {
    change_catalog(|catalog| {
        catalog.install(provider, module, entries).unwrap();
        catalog.entries_of(provider).map(|entry| entry.id).collect()
    })
}

/// A socket of base entry n.
pub fn open(n: usize) -> Result<SOCKET, WsaError> {
    windlass_runtime::socket(&request(n), Function::Socket)
}

/// What asks for base entry n.
pub fn request(n: usize) -> SocketRequest<'static> {
    SocketRequest {
        family: AF_INET,
        socket_type: SOCK_STREAM,
        protocol: 1000 + n as i32,
        info: None,
        group: 0,
        flags: 1,
    }
}

pub const VERSION: u16 = 0x0202;

pub fn start() {
    windlass_runtime::startup(VERSION).unwrap();
}

pub fn end() {
    windlass_runtime::cleanup().unwrap();
}

/// Waits until something is true.
#[track_caller]
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// The descriptors of this process.
pub fn open_descriptors() -> usize {
    let list = std::fs::File::open("/proc/self/fd").unwrap();
    let _ = list.as_raw_fd();
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The threads of this process.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Whether a file is mapped into this process.
pub fn is_mapped(path: &std::path::Path) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().any(|line| line.ends_with(path.to_str().unwrap()))
}
