//! A started layer: its chains, and how its sockets and next providers come to their end.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use windlass_abi::{LINGER, SO_LINGER, SOCKET, SOL_SOCKET, WSAPROTOCOL_INFOW, WsaError, WspStartupFn};

use super::chain::{Chain, Place, has_ifs_handles};
use super::next::{Next, zero_below};
use super::pending::Pool;
use crate::adapter::upcalls::Upcalls;
use crate::layer::{Find, Kind, Layer, Overrides, Socket, Startup};
use crate::operation::{Operation, Started};
use crate::socket::OpenSocket;
use crate::transport::{
    Interest, NewSocket, Polled, Result, Selected, SocketRequest, Startup as TransportStartup, Transport,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A layer as the transport that the SDK runs: it shares the lifecycle of all providers.
pub struct Layered<L: Layer> {
    layer: L,
    pub(crate) functions: Overrides<L>,
    pub(super) pool: Pool,
    upcalls: Upcalls,
    chains: Mutex<Chains>,
    /// Known once the first chain is started.
    pub(super) find: OnceLock<Find<L>>,
}

#[derive(Default)]
struct Chains {
    /// The last clean-up has begun.
    closed: bool,
    known: Vec<Arc<Chain>>,
}

/// What the SDK keeps for a socket of a layer.
pub struct State<S> {
    /// The next provider's socket.
    pub(crate) below: SOCKET,
    pub(crate) chain: Arc<Chain>,
    pub(crate) own: S,
    /// Another process may have it too.
    pub(crate) shared: AtomicBool,
    /// Whether the next provider's socket is.
    pub(crate) closed: Arc<AtomicBool>,
    /// The next provider's extension functions: 0 unknown, 1 none.
    pub(crate) extensions: [AtomicUsize; super::extensions::COUNT],
}

impl<S> State<S> {
    pub(super) fn new(below: SOCKET, chain: Arc<Chain>, own: S, shared: bool) -> Self {
        let (shared, closed) = (AtomicBool::new(shared), Arc::default());
        Self { below, chain, own, shared, closed, extensions: Default::default() }
    }

    /// The next provider's functions, on its socket.
    pub(crate) fn next(&self) -> Next<'_> {
        Next { chain: &self.chain, socket: self.below }
    }

    /// Closes the next provider's socket so that its peer sees a reset, unless another process has it too (WSP-CLEANUP-14,
    /// WSP-CLEANUP-27). Blocking calls end, and pending operations.
    fn reset(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let next = self.next();
        if !self.shared.load(Ordering::Relaxed) {
            let linger = LINGER { l_onoff: 1, l_linger: 0 };
            // SAFETY: a plain structure of integers.
            let bytes: [u8; size_of::<LINGER>()] = unsafe { std::mem::transmute(linger) };
            // Not every socket has a connection to reset.
            let _ = next.set_sock_opt(SOL_SOCKET, SO_LINGER, &bytes);
        }
        // What it keeps goes with its own last clean-up.
        let _ = next.close();
    }
}

impl<L: Layer> Layered<L> {
    /// The author's layer.
    pub(crate) fn layer(&self) -> &L {
        &self.layer
    }

    /// The chain of this entry, started if it is not.
    pub(super) fn chain_or_start(&self, info: &WSAPROTOCOL_INFOW, own: WspStartupFn) -> Result<Arc<Chain>> {
        if let Some(known) = self.known(info.dwCatalogEntryId) {
            return Ok(known);
        }
        let place = Place::find(info, own)?;
        let is_ifs = match L::KIND {
            Kind::Ifs => true,
            Kind::NonIfs => false,
            Kind::AsInstalled => has_ifs_handles(&place.entry),
        };
        // The next provider's code runs in here, and no lock is held.
        let new = Arc::new(Chain::start(info, &place, is_ifs, &self.upcalls)?);
        let mut chains = self.chains();
        let known = chains.known.iter().find(|known| known.info.dwCatalogEntryId == info.dwCatalogEntryId).cloned();
        let closed = chains.closed;
        if known.is_none() && !closed {
            chains.known.push(new.clone());
        }
        drop(chains);
        match known {
            _ if closed => {
                new.end();
                Err(WsaError::WSANOTINITIALISED)
            }
            // Another thread has started it too.
            Some(known) => {
                new.end();
                Ok(known)
            }
            None => Ok(new),
        }
    }

    /// The chain that a call names by its protocol information; `WSAEINVAL` if it was not started.
    pub(super) fn chain(&self, info: &WSAPROTOCOL_INFOW) -> Result<Arc<Chain>> {
        self.known(info.dwCatalogEntryId).ok_or(WsaError::WSAEINVAL)
    }

    /// Every chain.
    pub(super) fn all_chains(&self) -> Vec<Arc<Chain>> {
        self.chains().known.clone()
    }

    fn known(&self, id: u32) -> Option<Arc<Chain>> {
        self.chains().known.iter().find(|chain| chain.info.dwCatalogEntryId == id).cloned()
    }

    fn chains(&self) -> MutexGuard<'_, Chains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Layer> Transport for Layered<L> {
    type Socket = State<L::Socket>;
    const DESCRIPTION: &'static str = L::DESCRIPTION;
    const HAS_POLL: bool = true;

    fn start(startup: &TransportStartup<'_>) -> Result<Self> {
        let own = super::entry::being_started().ok_or(WsaError::WSASYSCALLFAILURE)?;
        let place = Place::find(startup.info, own)?;
        let name = &place.entry.szProtocol;
        let name = String::from_utf16_lossy(&name[..name.iter().position(|unit| *unit == 0).unwrap_or(name.len())]);
        let options = name.split_once(':').map_or("", |(_, options)| options);
        let upcalls = startup.upcalls.clone();
        let layer = L::start(&Startup { options, chain: startup.info, entry: &place.entry, upcalls: upcalls.clone() })?;
        let mut functions = Overrides::none();
        L::overrides(&mut functions);
        Ok(Self {
            layer,
            functions,
            pool: Pool::new(upcalls.clone()),
            upcalls,
            chains: Mutex::default(),
            find: OnceLock::new(),
        })
    }

    fn cleanup(&self) {
        self.pool.abort_all();
        self.layer.cleanup();
    }

    /// Sockets are made by the functions of the table.
    fn socket(&self, _: &SocketRequest<'_>) -> Result<NewSocket<Self::Socket>> {
        Err(WsaError::WSAEOPNOTSUPP)
    }

    fn overlapped(&self, socket: &OpenSocket<Self::Socket>, operation: Operation) -> Result<Started> {
        let function = self.functions.overlapped.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let find = *self.find.get().ok_or(WsaError::WSASYSCALLFAILURE)?;
        function(&self.layer, &Socket { open: socket, layered: self, find }, operation)
    }

    /// The next providers end everything, without a word to the client: closing sockets one by one would indicate what pends on
    /// them (WSP-CLEANUP-8, WSP-CLEANUP-12).
    fn cancel_all(&self) {
        self.chains().closed = true;
        for chain in self.all_chains() {
            chain.end();
        }
    }

    fn abort(&self, socket: &OpenSocket<Self::Socket>) {
        // Once the next provider has ended, the number may be another socket's.
        if !self.chains().closed {
            socket.reset();
        }
    }

    /// A next provider that others have started too goes on, and so do the calls in it.
    const PATIENCE: Option<Duration> = Some(Duration::from_millis(500));

    fn press(&self, socket: &OpenSocket<Self::Socket>) {
        socket.reset();
    }

    fn cancel_blocking_call(&self) -> Result<()> {
        let cancelled = self.all_chains().into_iter().filter(|chain| {
            // SAFETY: a function of the next provider's table; the slot is ours.
            zero_below(|errno| unsafe { (chain.table.lpWSPCancelBlockingCall)(errno) }).is_ok()
        });
        if cancelled.count() > 0 { Ok(()) } else { Err(WsaError::WSAEINVAL) }
    }

    fn select(&self, entries: &mut [Selected<'_, Self::Socket>], timeout: Option<Duration>) -> Result<()> {
        let chain = one_provider(entries.iter().map(|entry| entry.socket))?;
        let set = |wanted| {
            let members = entries.iter().filter(move |entry| entry.interest == wanted);
            members.map(|entry| entry.socket.below).collect::<Vec<_>>()
        };
        let mut sets = [Interest::Read, Interest::Write, Interest::Except].map(set);
        super::calls::select_below(&chain.table, &mut sets, timeout)?;
        for entry in entries {
            let at = match entry.interest {
                Interest::Read => 0,
                Interest::Write => 1,
                Interest::Except => 2,
            };
            entry.ready = sets[at].contains(&entry.socket.below);
        }
        Ok(())
    }

    fn poll(&self, entries: &mut [Polled<'_, Self::Socket>], timeout: Option<Duration>) -> Result<()> {
        one_provider(entries.iter().map(|entry| entry.socket))?;
        let Some(first) = entries.first() else { return Ok(()) };
        let asked = entries.iter().map(|entry| (entry.socket.below, entry.events)).collect::<Vec<_>>();
        let found = super::extensions::poll_below(first.socket, &asked, timeout)?;
        for (entry, revents) in entries.iter_mut().zip(found) {
            entry.revents = revents;
        }
        Ok(())
    }
}

/// The chain of the sockets of one call, which goes to one function of one next provider (WSP-SELECT-1).
fn one_provider<'a, S: 'a>(mut sockets: impl Iterator<Item = &'a OpenSocket<State<S>>>) -> Result<Arc<Chain>> {
    let first = sockets.next().ok_or(WsaError::WSAEINVAL)?;
    let function = |socket: &OpenSocket<State<S>>| socket.chain.table.lpWSPSelect as usize;
    if sockets.all(|socket| function(socket) == function(first)) {
        Ok(first.chain.clone())
    } else {
        Err(WsaError::WSAENOTSOCK)
    }
}
