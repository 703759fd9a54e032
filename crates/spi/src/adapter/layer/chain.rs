//! The place of a layer in a chain, and the next provider.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_abi::{
    LPWSPSTARTUP, MAX_PROTOCOL_CHAIN, ProcTable, UpcallTable, WSAPROTOCOL_INFOW, WSPDATA, WSPDESCRIPTION_LEN,
    WSPPROC_TABLE, WsaError, WspStartupFn, XP1_IFS_HANDLES, make_version,
};

use super::host::host;
use crate::adapter::upcalls::Upcalls;
use crate::transport::Result;

/// One chain that the layer serves.
pub(crate) struct Chain {
    /// The chain entry: what sockets of the chain say that they are.
    pub info: WSAPROTOCOL_INFOW,
    /// The protocol information for the next provider: that of the chain if it is a layer, else its own (WSP-STARTUP-19).
    pub below: WSAPROTOCOL_INFOW,
    /// The functions of the next provider.
    pub table: ProcTable,
    /// Whether the layer passes handles through here.
    pub is_ifs: bool,
    ended: AtomicBool,
}

/// Where a layer finds itself in a chain.
pub(crate) struct Place {
    /// Its own catalog entry.
    pub entry: WSAPROTOCOL_INFOW,
    next: WSAPROTOCOL_INFOW,
    next_is_base: bool,
}

impl Place {
    /// Finds the layer with this entry point. It stands in a chain once, whatever the names and GUIDs of its entries.
    ///
    /// # Errors
    /// `WSAEINVAL`: it is not in the chain, in it twice, or at its end.
    pub fn find(chain: &WSAPROTOCOL_INFOW, own: WspStartupFn) -> Result<Self> {
        let length = usize::try_from(chain.ProtocolChain.ChainLen).unwrap_or(0);
        if !(2..=MAX_PROTOCOL_CHAIN).contains(&length) {
            return Err(WsaError::WSAEINVAL);
        }
        let parts: Vec<Part> =
            chain.ProtocolChain.ChainEntries[..length].iter().map(|id| Part::of(*id)).collect::<Result<_>>()?;
        let (last, layers) = parts.split_last().ok_or(WsaError::WSAEINVAL)?;
        let is_own = |part: &&Part| part.startup.is_some_and(|startup| ptr::fn_addr_eq(startup, own));
        let mine: Vec<usize> = layers.iter().enumerate().filter(|(_, part)| is_own(part)).map(|(at, _)| at).collect();
        let [at] = mine[..] else { return Err(WsaError::WSAEINVAL) };
        let next = parts.get(at + 1).unwrap_or(last);
        Ok(Self { entry: parts[at].info, next: next.info, next_is_base: at + 2 == length })
    }
}

/// An element of a chain. The runtime keeps its module mapped for as long as the chain runs.
struct Part {
    info: WSAPROTOCOL_INFOW,
    /// Absent if its module cannot be loaded.
    startup: LPWSPSTARTUP,
}

impl Part {
    fn of(id: u32) -> Result<Self> {
        let mut part = Self { info: WSAPROTOCOL_INFOW::default(), startup: None };
        let mut errno = 0;
        // SAFETY: the runtime's function; the pointers are to live locals.
        match unsafe { (host()?.provider)(id, &mut part.info, &mut part.startup, &mut errno) } {
            0 => Ok(part),
            _ => Err(WsaError::from_code(errno)),
        }
    }
}

impl Chain {
    /// Starts the next provider, once, with the runtime's own upcalls (WSP-STARTUP-22).
    ///
    /// # Errors
    /// That of finding it; its own; `WSAEINVALIDPROVIDER`, `WSAEINVALIDPROCTABLE`: it speaks another version, or a function is missing. It
    /// has been cleaned up again then.
    pub fn start(chain: &WSAPROTOCOL_INFOW, place: &Place, is_ifs: bool, upcalls: &Upcalls) -> Result<Self> {
        let part = Part::of(place.next.dwCatalogEntryId)?;
        let startup = part.startup.ok_or(WsaError::WSAEPROVIDERFAILEDINIT)?;
        let below = if place.next_is_base { place.next } else { *chain };
        let table = start(startup, below, &upcalls.raw())?;
        Ok(Self { info: *chain, below, table, is_ifs, ended: AtomicBool::new(false) })
    }

    /// The protocol information for the next provider in a call that has one, with what marks a duplicate (WSP-STARTUP-20).
    pub fn info_below(&self, given: &WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOW {
        Self::marked(self.below, given)
    }

    /// The same on the way up: what the next provider filled for a duplicate, as an entry of the chain (WSP-DUP-8).
    pub fn info_above(&self, given: &WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOW {
        Self::marked(self.info, given)
    }

    fn marked(info: WSAPROTOCOL_INFOW, given: &WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOW {
        WSAPROTOCOL_INFOW {
            dwServiceFlags2: given.dwServiceFlags2,
            dwServiceFlags3: given.dwServiceFlags3,
            dwServiceFlags4: given.dwServiceFlags4,
            dwProviderReserved: given.dwProviderReserved,
            ..info
        }
    }

    /// Cleans the next provider up, for the one start of it (WSP-CLEANUP-22); once.
    pub fn end(&self) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            let mut errno = 0;
            // SAFETY: a function of the next provider's table, which was started; the pointer is to a live local.
            unsafe { (self.table.lpWSPCleanup)(&mut errno) };
        }
    }
}

/// Whether an entry says that its handles are the system's.
pub(super) fn has_ifs_handles(entry: &WSAPROTOCOL_INFOW) -> bool {
    entry.dwServiceFlags1 & XP1_IFS_HANDLES != 0
}

fn start(startup: WspStartupFn, mut info: WSAPROTOCOL_INFOW, upcalls: &UpcallTable) -> Result<ProcTable> {
    const VERSION: u16 = make_version(2, 2);
    let mut data = WSPDATA { wVersion: 0, wHighVersion: 0, szDescription: [0; WSPDESCRIPTION_LEN + 1] };
    let mut table = WSPPROC_TABLE::EMPTY;
    // SAFETY: the entry point of a provider; the pointers are to live locals.
    let code = unsafe { startup(VERSION, &mut data, &mut info, upcalls.to_nullable(), &mut table) };
    if code != 0 {
        return Err(WsaError::from_code(code));
    }
    let checked = match table.complete() {
        _ if data.wVersion != VERSION => Err(WsaError::WSAEINVALIDPROVIDER),
        Ok(complete) => Ok(complete),
        Err(_) => Err(WsaError::WSAEINVALIDPROCTABLE),
    };
    if checked.is_err()
        && let Some(cleanup) = table.lpWSPCleanup
    {
        let mut errno = 0;
        // SAFETY: WSPStartup succeeded and gave this function, which takes a pointer to an int.
        unsafe { cleanup(&mut errno) };
    }
    checked
}
