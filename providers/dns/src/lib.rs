//! The name space of the DNS, with what the machine itself knows: its own name and addresses, the hosts file and the
//! services file. It answers before any server is asked where they do (API-R16).
//!
//! | class of a query | its name | its answer |
//! |---|---|---|
//! | `SVCID_INET_HOSTADDRBYNAME` | a host | its name and addresses; a `HOSTENT` as blob |
//! | `SVCID_INET_HOSTADDRBYINETSTRING` | an address as text | the host's name; a `HOSTENT` as blob |
//! | `SVCID_INET_SERVICEBYNAME` | `http/tcp`, `80/tcp` or `http` | the service's name and class; a `SERVENT` as blob |
//! | `SVCID_HOSTNAME` | none | the name of this machine |
//! | `SVCID_TCP(port)`, `SVCID_UDP(port)` | a host | where the service is on it |
//! | `SVCID_DNS(type)` | a domain | each record: its text as comment, its data as blob; for SRV, MX and their like the target as query string, and for addresses and SRV the addresses |
//!
//! The families and protocols of a query limit the addresses. The system's resolver configuration is read
//! (`/etc/resolv.conf`, with `nameserver [address]:port` as an addition), again when it has changed. Answers are kept for as
//! long as their records live; `LUP_FLUSHCACHE` asks anew. No thread is started: a look-up's servers are asked by the
//! thread that asks for its first result, and its end wakes that thread.
//!
//! `WINDLASS_RESOLV_CONF`, `WINDLASS_HOSTS` and `WINDLASS_SERVICES` name other files than those of the system.

mod answers;
mod ask;
mod cache;
mod configuration;
mod exchange;
mod files;
mod local;
mod resolver;
mod wire;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use windlass_spi::abi::{GUID, WsaError};
use windlass_spi::namespace::{Namespace, Query, QuerySet};
use windlass_spi::{Result, namespace_entry};

use ask::Ask;
use exchange::Cancel;
pub use resolver::Resolver;

/// The provider.
pub struct Dns {
    resolver: Resolver,
}

/// One look-up: what is asked, and the answers once there are any.
pub struct Lookup {
    ask: Ask,
    query: Query,
    cancel: Cancel,
    answers: Mutex<Option<VecDeque<QuerySet>>>,
}

impl Dns {
    /// A name space with files of its own.
    pub fn with(resolver: Resolver) -> Self {
        Self { resolver }
    }
}

impl Namespace for Dns {
    type Lookup = Lookup;

    fn start(_provider: GUID) -> Result<Self> {
        Ok(Self { resolver: Resolver::of_system() })
    }

    fn begin(&self, query: Query) -> Result<Lookup> {
        let ask = Ask::of(&query)?;
        Ok(Lookup { ask, query, cancel: Cancel::default(), answers: Mutex::default() })
    }

    fn next(&self, lookup: &Lookup, _flags: u32) -> Result<Option<QuerySet>> {
        let mut answers = lookup.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *answers {
            Some(rest) => Ok(rest.pop_front()),
            None => {
                let found = answers::answer(&self.resolver, &lookup.ask, &lookup.query, &lookup.cancel);
                let (first, rest) = match found {
                    Ok(mut found) => (found.pop_front().ok_or(WsaError::WSANO_DATA), found),
                    Err(error) => (Err(error), VecDeque::new()),
                };
                *answers = Some(rest);
                first.map(Some)
            }
        }
    }

    fn cancel(&self, lookup: &Lookup) {
        lookup.cancel.cancel();
    }
}

namespace_entry!(Dns);
