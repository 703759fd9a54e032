//! What checks have in their hands: the provider's entry point, its entries, and sockets in the states that they need.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use windlass_abi::*;
use windlass_catalog::ProtocolEntry;
use windlass_io::event::{self, Reset};
use windlass_io::wait::{Slept, sleep_ex};

use crate::boundary::layers;
use crate::boundary::module::Module;
use crate::child::Linked;
use crate::client::{Provider, Reply, start};
use crate::findings::{Step, Stop, fail, fatal, skip};
use crate::host;
use crate::subject::{Kind, Subject, loopback};
use crate::system::{PATIENCE, sleeps, this_thread, within};

/// What all checks use.
pub struct Probe {
    pub subject: Subject,
    pub startup: WspStartupFn,
    module: Module,
}

impl Probe {
    /// Loads the module (WSP-STARTUP-3).
    pub fn new(subject: Subject, linked: &Linked) -> Step<Self> {
        layers::install(&subject.parts, linked);
        let (module, startup) = Module::load(&subject.module, linked)?;
        Ok(Self { subject, startup, module })
    }

    /// The file of the module; `None` for one that is linked in.
    pub fn module(&self) -> Option<&std::path::Path> {
        self.module.path()
    }

    /// Unloads the module.
    pub fn unload(self) -> Step {
        self.module.unload()
    }

    /// Entries of one kind that the checker knows addresses for.
    pub fn of(&self, kind: Kind) -> Step<Vec<&ProtocolEntry>> {
        let is_mine =
            |entry: &&ProtocolEntry| Kind::of(entry) == Some(kind) && loopback(entry.address_family, 0).is_some();
        let found: Vec<_> = self.subject.entries.iter().filter(is_mine).collect();
        if found.is_empty() {
            skip(format!("no entry serves {} over AF_INET or AF_INET6", kind.name()))
        } else {
            Ok(found)
        }
    }

    /// Any entry.
    pub fn entry(&self) -> &ProtocolEntry {
        &self.subject.entries[0]
    }

    /// One start for version 2.2.
    pub fn start(&self, entry: &ProtocolEntry) -> Step<Provider> {
        self.start_with(entry, host::table::<'A'>())
    }

    pub fn start_with(&self, entry: &ProtocolEntry, upcalls: WSPUPCALLTABLE) -> Step<Provider> {
        let reply = start(self.startup, make_version(2, 2), &entry.info(), upcalls);
        let call = reply.call.clone();
        let (_, table) = match reply.result {
            Ok(made) => made,
            Err(error) => return fatal("WSP-STARTUP-8", call, error, "success: version 2.2 is what runtimes ask for"),
        };
        match table.complete() {
            Ok(table) => Ok(Provider { table }),
            Err(hole) => fatal("WSP-STARTUP-14", call, format!("{hole} is null"), "all 30 functions"),
        }
    }

    /// Runs a body on a started provider for each entry of a kind, and cleans up.
    pub fn each(&self, kind: Kind, body: impl Fn(&On) -> Step) -> Step {
        for entry in self.of(kind)? {
            self.on(entry, &body)?;
        }
        Ok(())
    }

    /// Runs a body on a started provider for one entry, and cleans up.
    pub fn on(&self, entry: &ProtocolEntry, body: impl Fn(&On) -> Step) -> Step {
        let on = On { provider: self.start(entry)?, entry: entry.clone(), info: entry.info() };
        let ended = body(&on);
        if matches!(ended, Err(Stop::Failed)) {
            // A clean-up may wait for ever for what has failed, and nobody would hear of that.
            return ended;
        }
        on.provider.clean_up().must("WSP-CLEANUP-1")?;
        ended
    }
}

/// A started provider and the entry that a check is about.
#[derive(Clone)]
pub struct On {
    pub provider: Provider,
    pub entry: ProtocolEntry,
    pub info: WSAPROTOCOL_INFOW,
}

impl std::ops::Deref for On {
    type Target = Provider;
    fn deref(&self) -> &Provider {
        &self.provider
    }
}

impl On {
    pub fn family(&self) -> i32 {
        self.entry.address_family
    }

    /// The loopback address with this port.
    pub fn at(&self, port: u16) -> Vec<u8> {
        loopback(self.family(), port).unwrap_or_default()
    }

    pub fn new_socket(&self) -> Step<SOCKET> {
        self.socket(&self.info).must("WSP-SOCK-2")
    }

    /// A socket bound to the loopback address, and its address.
    pub fn bound(&self) -> Step<(SOCKET, Vec<u8>)> {
        let s = self.new_socket()?;
        self.bind(s, &self.at(0)).must("WSP-BIND-3")?;
        Ok((s, self.sock_name(s).must("WSP-GSN-1")?))
    }

    pub fn listener(&self) -> Step<(SOCKET, Vec<u8>)> {
        let (s, name) = self.bound()?;
        self.listen(s, 5).must("WSP-LISTEN-1")?;
        Ok((s, name))
    }

    /// Two streams connected to each other: who connected, and who accepted.
    pub fn pair(&self) -> Step<(SOCKET, SOCKET)> {
        let (listener, name) = self.listener()?;
        let here = self.new_socket()?;
        self.connect(here, &name).must("WSP-CONN-2")?;
        let there = self.accept(listener).must("WSP-ACCEPT-1")?;
        self.close(listener).must("WSP-CLOSE-1")?;
        Ok((here, there))
    }

    /// Receives exactly this much, from a stream.
    pub fn recv_exactly(&self, s: SOCKET, count: usize) -> Step<Vec<u8>> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.recv(s, count - all.len()).must("WSP-RECV-2")? {
                more if more.is_empty() => {
                    return fatal(
                        "WSP-RECV-2",
                        format!("WSPRecv({s})"),
                        "the end of the stream",
                        format!("{count} bytes that the peer has sent"),
                    );
                }
                more => all.extend(more),
            }
        }
        Ok(all)
    }

    /// Waits until the socket is readable.
    pub fn await_readable(&self, s: SOCKET) -> Step {
        let (count, _) = self.select([Some(&[s]), None, None], Some(seconds(PATIENCE))).must("WSP-SELECT-6")?;
        if count == 1 {
            Ok(())
        } else {
            fatal("WSP-SELECT-6", format!("WSPSelect(read [{s}])"), count, "1: there is something to read")
        }
    }

    pub fn close_all(&self, sockets: impl IntoIterator<Item = SOCKET>) -> Step {
        sockets.into_iter().try_for_each(|s| self.close(s).must("WSP-CLOSE-1"))
    }
}

pub fn seconds(time: Duration) -> TIMEVAL {
    TIMEVAL { tv_sec: time.as_secs() as i32, tv_usec: time.subsec_micros() as i32 }
}

/// A manual-reset event of the client (API: WSACreateEvent), never closed.
pub struct Event(windlass_io::Handle);

impl Event {
    pub fn new() -> Step<Self> {
        event::create(Reset::Manual, false).map(Self).map_err(|error| Stop::Skip(format!("no event: {error}")))
    }

    pub fn handle(&self) -> WSAEVENT {
        self.0.into()
    }

    pub fn is_set(&self) -> bool {
        event::Event::of(self.0).is_ok_and(|event| event.is_signalled())
    }

    pub fn set(&self) {
        let _ = event::set(self.0);
    }

    pub fn reset(&self) {
        let _ = event::reset(self.0);
    }

    /// Whether it is set in time.
    pub fn comes(&self) -> bool {
        within(PATIENCE, || self.is_set())
    }
}

/// Runs the APCs of this thread until this is so; whether it came to be in time.
pub fn alertably_until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    within(limit, || {
        while sleep_ex(Some(Duration::ZERO), true) == Slept::IoCompletion {}
        is_so()
    })
}

/// A call in a thread of its own.
pub struct Blocked<T> {
    result: Receiver<T>,
    what: String,
}

/// Runs a body in a thread of its own.
pub fn spawned<T: Send + 'static>(what: &str, body: impl FnOnce() -> T + Send + 'static) -> Blocked<T> {
    let (answer, result) = channel();
    std::thread::spawn(move || answer.send(body()));
    Blocked { result, what: what.into() }
}

/// Makes a call in a thread of its own, and returns when that thread sleeps in the kernel. A call that ends instead has not
/// blocked, which [`Blocked::still`] tells.
pub fn blocked<T: Send + 'static>(what: &str, call: impl FnOnce() -> T + Send + 'static) -> Step<Blocked<T>> {
    let (tell, told) = channel();
    let (answer, result) = channel();
    let thread = std::thread::spawn(move || {
        let _ = tell.send(this_thread());
        let _ = answer.send(call());
    });
    let at = told.recv().map_err(|_| Stop::Skip("no thread".into()))?;
    within(PATIENCE, || thread.is_finished() || sleeps(&at));
    // Once more: it may have slept on the way.
    std::thread::sleep(Duration::from_millis(5));
    within(PATIENCE, || thread.is_finished() || sleeps(&at));
    Ok(Blocked { result, what: what.into() })
}

impl<T> Blocked<T> {
    /// The result, if it comes in time; else that is a failure of this rule.
    pub fn ends(self, rule: &str, wanted: &str) -> Step<T> {
        match self.result.recv_timeout(PATIENCE) {
            Ok(value) => Ok(value),
            Err(_) => fatal(rule, &self.what, "it does not return", wanted),
        }
    }

    /// Whether the call goes on; if not, its result.
    pub fn still(&self) -> Result<(), T> {
        self.result.try_recv().map_or(Ok(()), Err)
    }
}

/// A blocking call that has not blocked is a failure.
pub fn goes_on<T>(call: &Blocked<Reply<T>>, rule: &str) -> Step {
    match call.still() {
        Ok(()) => Ok(()),
        Err(Reply { result: Err(WsaError::WSAEOPNOTSUPP), call }) => {
            skip(format!("{call} is not offered (WSAEOPNOTSUPP)"))
        }
        Err(reply) => {
            fail(rule, &reply.call, reply.came_back(), "the call blocks: there is nothing to return");
            Err(Stop::Failed)
        }
    }
}
