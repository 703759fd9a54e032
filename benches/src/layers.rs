//! What layers cost: 64 bytes sent to oneself and received, over chains of pass-through layers, IFS or not, beside the system calls.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use windlass_abi::SOCK_DGRAM;
use windlass_catalog::{DEFAULT_PATIENCE, Location, ProtocolCatalog, ProtocolTriple, ServiceFlags, Store, random_guid};

use crate::library::{Winsock, beside_this_program};
use crate::pairs::Pair;
use crate::statistics::Batches;

const SIZE: usize = 64;
const STEPS: usize = 400;
/// One step is a send and a receive.
const CALLS: f64 = 2.0;

/// Measures no layer, one, two and five of either kind.
pub fn run(winsock: &Winsock, batches: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, ifs) in [("IFS", true), ("non-IFS", false)] {
        for depth in [0, 1, 2, 5] {
            let place = folder.path().join(format!("{kind}{depth}"));
            chain(&place, depth, ifs);
            // SAFETY: no other thread runs.
            unsafe { std::env::set_var(windlass_catalog::PRIVATE_VARIABLE, &place) };
            winsock.start();
            measure(winsock, batches).report(&format!("send or recv, 64 B, UDP, {depth} {kind} layers"), CALLS);
            winsock.clean_up();
        }
    }
    // SAFETY: no other thread runs.
    unsafe { std::env::remove_var(windlass_catalog::PRIVATE_VARIABLE) };
}

fn measure(winsock: &Winsock, batches: usize) -> Batches {
    let pair = Pair::new(winsock, SOCK_DGRAM);
    let (from, to) = (bare_socket(), bare_socket());
    from.connect(to.local_addr().expect("it is bound")).expect("a peer");
    let bare = || {
        let mut buffer = [0u8; SIZE];
        assert_eq!(from.send(&buffer).ok(), Some(SIZE));
        assert_eq!(to.recv(&mut buffer).ok(), Some(SIZE));
    };
    let ours = || {
        let mut buffer = [0u8; SIZE];
        // SAFETY: the buffer is ours and as long as we say.
        unsafe {
            assert_eq!((winsock.send)(pair.from, buffer.as_ptr(), SIZE as i32, 0), SIZE as i32);
            assert_eq!((winsock.recv)(pair.to, buffer.as_mut_ptr(), SIZE as i32, 0), SIZE as i32);
        }
    };
    Batches::measure(batches, STEPS, bare, ours)
}

fn bare_socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a socket")
}

/// A catalog in which chains of so many layers come first. Each layer is a copy of the module, which the loader takes for another.
fn chain(place: &Path, depth: usize, ifs: bool) {
    fs::create_dir(place).expect("a folder");
    let flags = if ifs { ServiceFlags::IFS_HANDLES } else { ServiceFlags::empty() };
    let changed =
        Store::open(Location::Private(place.to_owned())).change(DEFAULT_PATIENCE, |catalog: &mut ProtocolCatalog| {
            let kinds: Vec<_> = catalog.entries.iter().map(ProtocolTriple::of).collect();
            for at in 0..depth {
                let module: PathBuf = place.join(format!("liblayer{at}.so"));
                fs::copy(beside_this_program("libwsp_pass.so"), &module).expect("a copy");
                let (id, name) = (random_guid()?, format!("layer {at}"));
                catalog.install_and_chains(id, &module.to_string_lossy(), &name, flags, Some(&kinds), random_guid)?;
            }
            Ok::<_, windlass_abi::WsaError>(())
        });
    changed.expect("a catalog");
}
