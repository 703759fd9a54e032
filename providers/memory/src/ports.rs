//! Who has which port.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use windlass_spi::Result;
use windlass_spi::abi::WsaError;

use crate::catalog::Protocol;
use crate::network::Id;

/// The ports given to those who do not choose, in turn.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49_152..=65_535;

#[derive(Default)]
pub(crate) struct Ports {
    /// The latest last.
    holders: BTreeMap<(Protocol, u16), Vec<Holder>>,
    last_given: u16,
}

struct Holder {
    id: Id,
    ip: IpAddr,
    sharing: Sharing,
}

/// What a socket has said about a port that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// That it takes no such port.
    No,
    /// `SO_REUSEADDR`
    Reuse,
    /// `SO_EXCLUSIVEADDRUSE`
    Exclusive,
}

impl Ports {
    /// Gives a socket the port of a name, or one of its own for port zero: the port. `WSAEADDRINUSE`, `WSAEACCES`: the
    /// name overlaps with another's (WSP-BIND-4). `WSAENOBUFS`: there are no more ports.
    pub(crate) fn take(&mut self, protocol: Protocol, name: SocketAddr, id: Id, sharing: Sharing) -> Result<u16> {
        let port = match name.port() {
            0 => self.give(protocol)?,
            port => port,
        };
        let ip = name.ip();
        let holders = self.holders.entry((protocol, port)).or_default();
        let overlaps = |other: &IpAddr| *other == ip || other.is_unspecified() || ip.is_unspecified();
        let mut others = holders.iter().filter(|holder| overlaps(&holder.ip)).peekable();
        if others.peek().is_some() && sharing != Sharing::Reuse {
            return Err(WsaError::WSAEADDRINUSE);
        }
        if others.any(|holder| holder.sharing == Sharing::Exclusive) {
            return Err(WsaError::WSAEACCES);
        }
        holders.push(Holder { id, ip, sharing });
        Ok(port)
    }

    pub(crate) fn release(&mut self, protocol: Protocol, port: u16, id: Id) {
        if let Some(holders) = self.holders.get_mut(&(protocol, port)) {
            holders.retain(|holder| holder.id != id);
            if holders.is_empty() {
                self.holders.remove(&(protocol, port));
            }
        }
    }

    /// Who gets what is sent to a name: the latest at that very address, else the latest at every address.
    pub(crate) fn holder(&self, protocol: Protocol, name: SocketAddr) -> Option<Id> {
        let holders = self.holders.get(&(protocol, name.port()))?;
        let at = |wanted: IpAddr| holders.iter().rev().find(|holder| holder.ip == wanted).map(|holder| holder.id);
        at(name.ip()).or_else(|| at(protocol.family.any()))
    }

    fn give(&mut self, protocol: Protocol) -> Result<u16> {
        let last = if EPHEMERAL.contains(&self.last_given) { self.last_given } else { *EPHEMERAL.end() };
        let is_free = |port: &u16| !self.holders.contains_key(&(protocol, *port));
        let mut in_turn = EPHEMERAL.skip_while(|port| *port <= last).chain(EPHEMERAL.take_while(|port| *port <= last));
        self.last_given = in_turn.find(is_free).ok_or(WsaError::WSAENOBUFS)?;
        Ok(self.last_given)
    }
}
