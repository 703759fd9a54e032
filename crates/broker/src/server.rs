//! A provider's host, listening for clients of other processes.
//!
//! Each client has one connection, which is its session: it begins with the first call and ends in an orderly way when the client says
//! so, and otherwise when the connection breaks, however the client died. A thread reads a client's requests; what may wait for the
//! provider has a thread of its own meanwhile.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use windlass_abi::{GUID, WsaError};

use crate::host::{Host, Lookup};
use crate::lock;
use crate::place::{self, Claim};
use crate::session::{ClientId, End};
use crate::wire::{Answer, Ask, Hello, Message, Quiet, Reply, Request};

/// How many look-ups, and how many calls that wait, a client may have at once.
const MOST_OPEN: usize = 256;

/// A provider that other processes can reach, until this is closed.
pub struct Server {
    provider: GUID,
    shared: Arc<Shared>,
    listener: UnixListener,
    accepting: JoinHandle<()>,
    _claim: Claim,
}

#[derive(Default)]
struct Shared {
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    closed: bool,
    connected: HashMap<ClientId, (UnixStream, Option<JoinHandle<()>>)>,
}

impl Server {
    /// Listens for clients of a provider that `host` advertises.
    ///
    /// # Errors
    /// `WSAEINVAL`: another process advertises it (NSP2-ADV-11). `WSAEACCES`: the folder of hosts is not this user's.
    /// `WSAEFAULT`: the system refuses (NSP2-ADV-6).
    pub fn start(host: &'static Host, provider: GUID) -> Result<Self, WsaError> {
        let (claim, listener) = place::claim(provider).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => WsaError::WSAEINVAL,
            std::io::ErrorKind::PermissionDenied => WsaError::WSAEACCES,
            _ => WsaError::WSAEFAULT,
        })?;
        let shared = Arc::new(Shared::default());
        let incoming = listener.try_clone().map_err(|_| WsaError::WSAEFAULT)?;
        let accepting = {
            let shared = Arc::clone(&shared);
            let accept = move || accept(host, provider, &incoming, &shared);
            thread::Builder::new().name("nsp2 host".into()).spawn(accept).map_err(|_| WsaError::WSAEFAULT)?
        };
        Ok(Self { provider, shared, listener, accepting, _claim: claim })
    }

    /// The provider that is reached.
    pub fn provider(&self) -> GUID {
        self.provider
    }

    /// Lets no client in any more, and lets go of those that are there. To be called once the provider is unadvertised, so that
    /// no thread is inside it; a thread that is this one is not waited for.
    pub fn close(self) {
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        let clients = {
            let mut clients = self.shared.clients();
            clients.closed = true;
            std::mem::take(&mut clients.connected)
        };
        for (stream, _) in clients.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let threads = clients.into_values().filter_map(|(_, thread)| thread);
        for thread in threads.chain([self.accepting]) {
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        lock(&self.clients)
    }
}

fn accept(host: &'static Host, provider: GUID, listener: &UnixListener, shared: &Arc<Shared>) {
    static NEXT: AtomicU64 = AtomicU64::new(ClientId::OWN.0 + 1);
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if shared.clients().closed => return,
            // Too many files are open, or the client has gone already. `InvalidInput` is what a listener that was shut down says.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return,
            Err(_) => {
                thread::yield_now();
                continue;
            }
        };
        // Eligible clients are those of the same user; others learn nothing (SESS-5).
        if !socket_peercred(&stream).is_ok_and(|peer| peer.uid == geteuid()) {
            continue;
        }
        let client = ClientId(NEXT.fetch_add(1, Ordering::Relaxed));
        let Ok(theirs) = stream.try_clone() else { continue };
        let mut clients = shared.clients();
        if clients.closed {
            return;
        }
        clients.connected.insert(client, (stream, None));
        let serve = {
            let shared = Arc::clone(shared);
            move || {
                serve(host, provider, client, &theirs);
                // A server that closes waits for this thread; otherwise nobody does.
                shared.clients().connected.remove(&client);
            }
        };
        match thread::Builder::new().name("nsp2 client".into()).spawn(serve) {
            Ok(thread) => clients.connected.entry(client).and_modify(|(_, place)| *place = Some(thread)),
            Err(_) => {
                clients.connected.remove(&client);
                continue;
            }
        };
    }
}

/// The calls of one client.
fn serve(host: &'static Host, provider: GUID, client: ClientId, stream: &UnixStream) {
    let session = Session { host, provider, client, writer: Mutex::new(Quiet(stream)), lookups: Mutex::default() };
    session.run(&mut BufReader::new(stream));
    let _ = stream.shutdown(Shutdown::Both);
}

struct Session<'a> {
    host: &'static Host,
    provider: GUID,
    client: ClientId,
    writer: Mutex<Quiet<&'a UnixStream>>,
    lookups: Mutex<Lookups>,
}

#[derive(Default)]
struct Lookups {
    made: u32,
    open: HashMap<u32, Arc<Lookup<'static>>>,
    /// Calls that wait.
    waiting: usize,
}

impl Session<'_> {
    fn run(&self, reader: &mut BufReader<&UnixStream>) {
        let Ok(hello) = Hello::receive(reader) else { return };
        let answered = Hello::of(self.provider).send(&mut *lock(&self.writer)).is_ok();
        if hello.provider != self.provider || hello.agreed().is_none() || !answered {
            return;
        }
        thread::scope(|scope| {
            let end = loop {
                let Ok(Request { number, ask }) = Request::receive(reader) else { break End::Lost };
                match ask {
                    Ask::Bye => break End::Orderly,
                    Ask::End { lookup } => {
                        let ended = lock(&self.lookups).open.remove(&lookup);
                        ended.inspect(|lookup| lookup.cancel());
                    }
                    Ask::Begin { query, flags } => self.reply(number, self.begin(&query, flags)),
                    Ask::Next { lookup, flags } => {
                        let Some(found) = lock(&self.lookups).open.get(&lookup).cloned() else {
                            self.reply(number, Err(WsaError::WSA_INVALID_HANDLE));
                            continue;
                        };
                        self.wait(scope, number, move || found.next(flags).map(|set| Answer::Set(Box::new(set))));
                    }
                    Ask::Set { registration, operation } => {
                        let set = move || {
                            let set = self.host.set_service(self.client, self.provider, &registration, operation);
                            set.map(|()| Answer::Done)
                        };
                        self.wait(scope, number, set);
                    }
                }
            };
            // The threads of this scope wait for calls that this cancels.
            self.host.end_session(self.client, self.provider, end, None);
        });
    }

    fn begin(&self, query: &windlass_spi::namespace::QuerySet, flags: u32) -> Result<Answer, WsaError> {
        if lock(&self.lookups).open.len() >= MOST_OPEN {
            return Err(WsaError::WSA_NOT_ENOUGH_MEMORY);
        }
        let lookup = self.host.begin(self.client, self.provider, query, flags)?;
        let mut lookups = lock(&self.lookups);
        lookups.made = lookups.made.wrapping_add(1);
        let number = lookups.made;
        lookups.open.insert(number, Arc::new(lookup));
        Ok(Answer::Lookup(number))
    }

    /// Makes a call that may wait, in a thread of its own.
    fn wait<'scope, 'env>(
        &'env self,
        scope: &'scope thread::Scope<'scope, 'env>,
        number: u32,
        call: impl FnOnce() -> Result<Answer, WsaError> + Send + 'scope,
    ) where
        'env: 'scope,
    {
        {
            let mut lookups = lock(&self.lookups);
            if lookups.waiting >= MOST_OPEN {
                drop(lookups);
                return self.reply(number, Err(WsaError::WSA_NOT_ENOUGH_MEMORY));
            }
            lookups.waiting += 1;
        }
        let body = move || {
            let result = call();
            lock(&self.lookups).waiting -= 1;
            self.reply(number, result);
        };
        if thread::Builder::new().name("nsp2 call".into()).spawn_scoped(scope, body).is_err() {
            lock(&self.lookups).waiting -= 1;
            self.reply(number, Err(WsaError::WSA_NOT_ENOUGH_MEMORY));
        }
    }

    /// A client that does not listen any more is found out by the reader.
    fn reply(&self, number: u32, result: Result<Answer, WsaError>) {
        let reply = Reply { number, result };
        let writer = &mut *lock(&self.writer);
        if reply.send(writer).is_err_and(|error| error.kind() == std::io::ErrorKind::InvalidInput) {
            // Too long for the wire.
            let _ = Reply { number, result: Err(WsaError::WSA_NOT_ENOUGH_MEMORY) }.send(writer);
        }
    }
}
