//! What it costs to find the provider of a handle and enter it, over calling the provider's function directly.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use windlass_abi::{AF_INET, INVALID_SOCKET, ProcTable, SOCK_STREAM, SOCKET};
use windlass_runtime::{self as runtime, Function, SocketRequest, builtin};

use crate::statistics::Batches;

const STEPS: usize = 20_000;

/// Measures the runtime linked into this program, on one thread and on two at once.
pub fn run(batches: usize) {
    builtin::register("tcpip", windlass_spi::entry::<windlass_tcpip::Tcpip>());
    runtime::startup(runtime::HIGHEST_VERSION).expect("Winsock starts");
    let request =
        SocketRequest { family: AF_INET, socket_type: SOCK_STREAM, protocol: 0, info: None, group: 0, flags: 0 };
    let socket = runtime::socket(&request, Function::Socket).expect("a socket");
    for threads in [1, 2] {
        let begin = Barrier::new(threads);
        let results = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| one(socket, &begin, batches))).collect();
            Batches::join(workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")))
        });
        let plural = if threads == 1 { "thread" } else { "threads" };
        results.report(&format!("find and enter the provider, {threads} {plural}"), 1.0);
    }
    runtime::close_socket(socket).expect("it is open");
    runtime::cleanup().expect("Winsock is started");
}

fn one(socket: SOCKET, begin: &Barrier, batches: usize) -> Batches {
    let table: ProcTable = *runtime::enter(socket, Function::Listen).expect("the socket is open");
    begin.wait();
    Batches::measure(
        batches,
        STEPS,
        || refused(&table),
        || {
            refused(&runtime::enter(black_box(socket), Function::Listen).expect("the socket is open"));
        },
    )
}

/// The shortest call there is: the provider knows no such handle.
fn refused(table: &ProcTable) {
    let mut errno = 0;
    // SAFETY: a function of the provider's table, with a pointer to a live int.
    black_box(unsafe { (black_box(table).lpWSPListen)(INVALID_SOCKET, 0, &raw mut errno) });
}
