//! The client's side of sessions with hosts in other processes.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use windlass_abi::{GUID, WsaError};
use windlass_spi::namespace::QuerySet;
use windlass_spi::namespace::registration::SetOperation;

use crate::lock;
use crate::place;
use crate::wire::{Answer, Ask, Hello, Message, Quiet, Reply, Request};

/// How long a host may take to answer what must not wait: the greeting, and Begin (NSP2-CALL-3).
const PATIENCE: Duration = Duration::from_secs(30);

/// The sessions of this process with hosts in others: one for each provider (SESS-1).
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<GUID, Arc<Connection>>>);

/// One session, which is one connection.
pub struct Connection {
    writer: Mutex<Quiet<UnixStream>>,
    answers: Mutex<Answers>,
    arrived: Condvar,
    reader: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Answers {
    asked: u32,
    /// Requests that somebody waits for, and what has come.
    open: HashMap<u32, Option<Result<Answer, WsaError>>>,
    /// What every wait comes to: the host is gone, or this process has ended the session.
    over: Option<WsaError>,
    /// The reader is done: the host has closed the connection.
    closed: bool,
}

/// A look-up in another process. Dropping it ends it.
pub struct RemoteLookup {
    connection: Arc<Connection>,
    number: u32,
    ended: AtomicBool,
}

impl Sessions {
    /// `NSPv2LookupServiceBegin`.
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: nobody advertises the provider, or not to this user (SESS-3, SESS-5), or its host does not
    /// answer. Else the provider's.
    pub fn begin(&self, provider: GUID, query: &QuerySet, flags: u32) -> Result<RemoteLookup, WsaError> {
        let connection = self.connection(provider)?;
        let ask = Ask::Begin { query: query.clone(), flags };
        match connection.ask(ask, Some(PATIENCE), || false)? {
            Answer::Lookup(number) => Ok(RemoteLookup { connection, number, ended: AtomicBool::new(false) }),
            _ => Err(connection.lied()),
        }
    }

    /// `NSPv2SetServiceEx`, up to its completion. Errors as [`begin`](Self::begin).
    pub fn set_service(
        &self,
        provider: GUID,
        registration: &QuerySet,
        operation: SetOperation,
    ) -> Result<(), WsaError> {
        let connection = self.connection(provider)?;
        match connection.ask(Ask::Set { registration: registration.clone(), operation }, None, || false)? {
            Answer::Done => Ok(()),
            _ => Err(connection.lied()),
        }
    }

    /// Ends every session in an orderly way; waits for the hosts to have done their part, but no longer than this.
    pub fn end(&self, limit: Duration) {
        let connections: Vec<_> = lock(&self.0).drain().map(|(_, connection)| connection).collect();
        for connection in &connections {
            connection.say_goodbye();
        }
        let deadline = Instant::now() + limit;
        for connection in connections {
            connection.finish(deadline);
        }
    }

    /// The session with a provider; one whose host has gone gives way to a new one (SESS-4).
    fn connection(&self, provider: GUID) -> Result<Arc<Connection>, WsaError> {
        let mut sessions = lock(&self.0);
        if let Some(connection) = sessions.get(&provider) {
            if lock(&connection.answers).over.is_none() {
                return Ok(Arc::clone(connection));
            }
            connection.finish(Instant::now());
        }
        sessions.remove(&provider);
        let connection = Connection::open(provider)?;
        sessions.insert(provider, Arc::clone(&connection));
        Ok(connection)
    }
}

impl Connection {
    /// A host that is not one, is not this user's, or speaks another version, is as good as none.
    fn open(provider: GUID) -> Result<Arc<Self>, WsaError> {
        let not_found = |_| WsaError::WSASERVICE_NOT_FOUND;
        let stream = place::connect(provider).map_err(not_found)?;
        let host = socket_peercred(&stream).map_err(|_| WsaError::WSASERVICE_NOT_FOUND)?;
        if host.uid != geteuid() && !host.uid.is_root() {
            return Err(WsaError::WSASERVICE_NOT_FOUND);
        }
        stream.set_read_timeout(Some(PATIENCE)).map_err(not_found)?;
        Hello::of(provider).send(&mut Quiet(&stream)).map_err(not_found)?;
        let hello = Hello::receive(&mut &stream).map_err(not_found)?;
        if hello.provider != provider || hello.agreed().is_none() {
            return Err(WsaError::WSASERVICE_NOT_FOUND);
        }
        stream.set_read_timeout(None).map_err(not_found)?;
        let incoming = stream.try_clone().map_err(not_found)?;
        let connection = Arc::new(Self {
            writer: Mutex::new(Quiet(stream)),
            answers: Mutex::default(),
            arrived: Condvar::new(),
            reader: Mutex::default(),
        });
        let reading = Arc::clone(&connection);
        let reader = thread::Builder::new().name("nsp2 answers".into()).spawn(move || reading.read(incoming));
        *lock(&connection.reader) = Some(reader.map_err(not_found)?);
        Ok(connection)
    }

    /// Asks, and waits for the answer, until `given_up` says so after a wake-up.
    fn ask(&self, ask: Ask, limit: Option<Duration>, given_up: impl Fn() -> bool) -> Result<Answer, WsaError> {
        let number = {
            let mut answers = lock(&self.answers);
            answers.over.map_or(Ok(()), Err)?;
            answers.asked = answers.asked.wrapping_add(1);
            let number = answers.asked;
            answers.open.insert(number, None);
            number
        };
        let sent = Request { number, ask }.send(&mut *lock(&self.writer));
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut answers = lock(&self.answers);
        let answer = loop {
            if let Some(Some(_)) = answers.open.get(&number) {
                break answers.open.remove(&number).flatten();
            }
            if given_up() {
                break Some(Err(WsaError::WSA_E_CANCELLED));
            }
            match &sent {
                Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                    break Some(Err(WsaError::WSA_NOT_ENOUGH_MEMORY));
                }
                Err(_) => break Some(Err(WsaError::WSASERVICE_NOT_FOUND)),
                Ok(()) => {}
            }
            if let Some(why) = answers.over {
                break Some(Err(why));
            }
            answers = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.arrived.wait(answers).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break None,
                Some(left) => self.arrived.wait_timeout(answers, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        };
        answers.open.remove(&number);
        answer.unwrap_or(Err(WsaError::WSASERVICE_NOT_FOUND))
    }

    fn read(&self, stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        while let Ok(Reply { number, result }) = Reply::receive(&mut stream) {
            // What nobody waits for any more is late.
            if let Some(place) = lock(&self.answers).open.get_mut(&number) {
                *place = Some(result);
            }
            self.arrived.notify_all();
        }
        lock(&self.answers).closed = true;
        self.end(WsaError::WSASERVICE_NOT_FOUND);
        let _ = stream.get_ref().shutdown(Shutdown::Both);
    }

    fn end(&self, why: WsaError) {
        lock(&self.answers).over.get_or_insert(why);
        self.arrived.notify_all();
    }

    /// The host has answered with something else than was asked for: it is no host.
    fn lied(&self) -> WsaError {
        self.end(WsaError::WSASERVICE_NOT_FOUND);
        let _ = lock(&self.writer).0.shutdown(Shutdown::Both);
        WsaError::WSASERVICE_NOT_FOUND
    }

    fn say_goodbye(&self) {
        self.end(WsaError::WSA_E_CANCELLED);
        let _ = Request { number: 0, ask: Ask::Bye }.send(&mut *lock(&self.writer));
    }

    /// Waits until the host has closed the connection, and lets go of it.
    fn finish(&self, deadline: Instant) {
        let Some(reader) = lock(&self.reader).take() else { return };
        let left = deadline.saturating_duration_since(Instant::now());
        drop(self.arrived.wait_timeout_while(lock(&self.answers), left, |answers| !answers.closed));
        let _ = lock(&self.writer).0.shutdown(Shutdown::Both);
        let _ = reader.join();
    }
}

impl RemoteLookup {
    /// `NSPv2LookupServiceNextEx`, up to its completion.
    ///
    /// # Errors
    /// `WSA_E_CANCELLED`: [`cancel`](Self::cancel) came, or the session is over. `WSASERVICE_NOT_FOUND`: the host is gone. Else the
    /// provider's.
    pub fn next(&self, flags: u32) -> Result<QuerySet, WsaError> {
        let ended = || self.ended.load(Ordering::SeqCst);
        if ended() {
            return Err(WsaError::WSA_E_CANCELLED);
        }
        match self.connection.ask(Ask::Next { lookup: self.number, flags }, None, ended)? {
            Answer::Set(set) => Ok(*set),
            _ => Err(self.connection.lied()),
        }
    }

    /// `NSPv2LookupServiceEnd`, once.
    pub fn cancel(&self) {
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        // Who waits looks again.
        drop(lock(&self.connection.answers));
        self.connection.arrived.notify_all();
        let end = Request { number: 0, ask: Ask::End { lookup: self.number } };
        let _ = end.send(&mut *lock(&self.connection.writer));
    }
}

impl Drop for RemoteLookup {
    fn drop(&mut self) {
        self.cancel();
    }
}
