//! The provider as a module that is loaded and unloaded.
#![allow(unsafe_code, reason = "loads the module and calls it through its C table")]

#[path = "../../../crates/spi/tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use libloading::os::unix::Library;
use support::client::{Client, start};
use windlass_memory::entries;
use windlass_spi::abi::{WSAPROTOCOL_INFOW, WspStartupFn};
use windlass_spi::address::Address;

const MODULE: &str = "libwsp_memory.so";

/// Built with this test, beside it.
fn module() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(MODULE)
}

fn is_mapped() -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().contains(MODULE)
}

fn entry() -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW { dwCatalogEntryId: 1, ..entries()[0] }
}

/// Loads the module and starts it.
fn load() -> (Library, Client) {
    // SAFETY: our own module, whose initialisers do nothing.
    let library = unsafe { Library::new(module()) }.unwrap();
    // SAFETY: the one export of a provider has this type.
    let startup = unsafe { library.get::<WspStartupFn>(b"WSPStartup\0") }.unwrap();
    let client = start(*startup, &entry()).unwrap();
    (library, client)
}

/// Two sockets talk, and one waits until it is cancelled.
fn work(client: &Client) {
    let port = Address::from(SocketAddr::from(([127, 0, 0, 1], 7)));
    let (l, s) = (client.socket(&entry()).unwrap(), client.socket(&entry()).unwrap());
    client.bind(l, port.as_bytes()).unwrap();
    client.listen(l).unwrap();
    client.connect(s, port.as_bytes()).unwrap();
    let a = client.accept(l).unwrap();
    client.send(s, b"hello").unwrap();
    assert_eq!(client.recv(a, 9), Ok(b"hello".to_vec()));
    client.close(l).unwrap();
    client.close(s).unwrap();
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

// proves: WSP-STARTUP-3, WSP-CLEANUP-17, WSP-CLEANUP-20
#[test]
fn wsp_cleanup_18_the_module_can_be_unloaded_at_once() {
    // These threads use the module, and are still there when it is unloaded.
    let (tasks, threads): (Vec<Sender<Client>>, Vec<_>) = (0..4)
        .map(|_| {
            let (send, receive): (Sender<Client>, Receiver<Client>) = channel();
            let (done, is_done) = channel();
            let thread = thread::spawn(move || {
                for client in receive {
                    let s = client.socket(&entry()).unwrap();
                    client.close(s).unwrap();
                    done.send(()).unwrap();
                }
            });
            (send, (thread, is_done))
        })
        .unzip();
    let mut early = 0;
    for round in 0..300 {
        let (library, client) = load();
        assert!(is_mapped());
        work(&client);
        for (task, (_, done)) in tasks.iter().zip(&threads) {
            task.send(client).unwrap();
            done.recv().unwrap();
        }
        client.clean_up().unwrap();
        library.close().unwrap();
        assert!(!is_mapped(), "unmapped in round {round}");
        if round == 50 {
            early = resident();
        }
    }
    let growth = resident().saturating_sub(early);
    assert!(growth < 256 * 1024, "grew by {growth} bytes in 250 rounds");
    drop(tasks);
    threads.into_iter().for_each(|(thread, _)| thread.join().unwrap());
}
