//! From names to addresses and back: the machine itself, the files, the cache, the servers, in this order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use windlass_spi::Result;
use windlass_spi::abi::WsaError;
use windlass_spi::namespace::host::ServiceEntry;

use crate::ask::{Families, ServiceKey};
use crate::cache::Cache;
use crate::configuration::Configuration;
use crate::exchange::{self, Cancel};
use crate::files::{Host, Hosts, Services, Watched};
use crate::local;
use crate::wire::{A, AAAA, Answer, CNAME, Data, Outcome, PTR, Record};

/// The files and the cache. One is enough for a process.
pub struct Resolver {
    hosts: Watched<Hosts>,
    services: Watched<Services>,
    configuration: Watched<Configuration>,
    cache: Cache,
}

/// The most aliases that are followed.
const MOST_ALIASES: usize = 16;

impl Resolver {
    /// That of the system, unless the environment names other files.
    pub fn of_system() -> Self {
        let path = |variable: &str, usual: &str| std::env::var_os(variable).map_or_else(|| usual.into(), PathBuf::from);
        Self::new(
            path("WINDLASS_HOSTS", "/etc/hosts"),
            path("WINDLASS_SERVICES", "/etc/services"),
            path("WINDLASS_RESOLV_CONF", "/etc/resolv.conf"),
        )
    }

    /// One with these files: hosts, services, and the resolver's configuration.
    pub fn new(hosts: PathBuf, services: PathBuf, configuration: PathBuf) -> Self {
        Self {
            hosts: Watched::new(hosts, Hosts::parse),
            services: Watched::new(services, Services::parse),
            configuration: Watched::new(configuration, Configuration::parse),
            cache: Cache::default(),
        }
    }

    /// A host with its addresses of some families (API-R16).
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: there is no such name. `WSANO_DATA`: it has no such address. Else those of [`exchange::ask`].
    pub(crate) fn host(&self, name: &str, families: Families, fresh: bool, cancel: &Cancel) -> Result<Host> {
        let plain = name.strip_suffix('.').unwrap_or(name);
        if plain.is_empty() || plain.eq_ignore_ascii_case("..localmachine") {
            return limited(Host { name: local::name(), aliases: Vec::new(), addresses: local::addresses() }, families);
        }
        if let Ok(address) = plain.parse() {
            return limited(Host { name: plain.into(), aliases: Vec::new(), addresses: vec![address] }, families);
        }
        if is_within(plain, "localhost") {
            let addresses = vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
            return limited(Host { name: plain.into(), aliases: Vec::new(), addresses }, families);
        }
        // RFC 6761: there are no names in it, and nobody is to be asked.
        if is_within(plain, "invalid") {
            return Err(WsaError::WSASERVICE_NOT_FOUND);
        }
        if let Some(host) = self.hosts.get().by_name(plain)
            && let Ok(host) = limited(host, families)
        {
            return Ok(host);
        }
        if plain.eq_ignore_ascii_case(&local::name()) {
            return limited(Host { name: plain.into(), aliases: Vec::new(), addresses: local::addresses() }, families);
        }
        let kinds: &[u16] = match families {
            Families { v4: true, v6: true } => &[A, AAAA],
            Families { v4: true, .. } => &[A],
            _ => &[AAAA],
        };
        self.searched(name, kinds, fresh, cancel)
            .map(|answers| {
                let mut host = Host::default();
                for (asked, answer) in &answers {
                    let (official, aliases) = chain(asked, &answer.records);
                    for alias in aliases {
                        if !host.aliases.contains(&alias) {
                            host.aliases.push(alias);
                        }
                    }
                    if host.name.is_empty() {
                        host.name = official.clone();
                    }
                    let of = |record: &Record| match &record.data {
                        Data::Address(address) if record.name.eq_ignore_ascii_case(&official) => Some(*address),
                        _ => None,
                    };
                    host.addresses.extend(answer.records.iter().filter_map(of));
                }
                host
            })
            .and_then(|host| if host.addresses.is_empty() { Err(WsaError::WSANO_DATA) } else { Ok(host) })
    }

    /// The host of an address. Errors as [`host`](Self::host).
    pub(crate) fn reverse(&self, address: IpAddr, fresh: bool, cancel: &Cancel) -> Result<Host> {
        if let Some(host) = self.hosts.get().by_address(address) {
            return Ok(host);
        }
        if address.is_loopback() {
            return Ok(Host { name: "localhost".into(), aliases: Vec::new(), addresses: vec![address] });
        }
        if local::addresses().contains(&address) {
            return Ok(Host { name: local::name(), aliases: Vec::new(), addresses: vec![address] });
        }
        let answer = self.records(&reversed(address), PTR, fresh, cancel)?;
        let mut names = answer.records.iter().filter_map(|record| match &record.data {
            Data::Name { kind: PTR, name } => Some(name.clone()),
            _ => None,
        });
        let name = names.next().ok_or(WsaError::WSANO_DATA)?;
        Ok(Host { name, aliases: names.collect(), addresses: vec![address] })
    }

    /// The service of a name or a port. `WSANO_DATA`: the file has none.
    pub(crate) fn service(&self, by: &ServiceKey, protocol: Option<&str>) -> Result<ServiceEntry> {
        let services = self.services.get();
        let found = match by {
            ServiceKey::Name(name) => services.by_name(name, protocol),
            ServiceKey::Port(port) => services.by_port(*port, protocol),
        };
        found.cloned().ok_or(WsaError::WSANO_DATA)
    }

    /// The records of one type of a domain, which is not searched for. Errors as [`host`](Self::host).
    pub(crate) fn records(&self, name: &str, kind: u16, fresh: bool, cancel: &Cancel) -> Result<Arc<Answer>> {
        let plain = name.strip_suffix('.').unwrap_or(name);
        let mut answers = self.asked(plain, &[kind], fresh, cancel)?;
        let answer = answers.pop().ok_or(WsaError::WSANO_RECOVERY)?;
        match answer.outcome {
            Outcome::Exists if answer.records.is_empty() => Err(WsaError::WSANO_DATA),
            Outcome::Exists => Ok(answer),
            _ => Err(WsaError::WSASERVICE_NOT_FOUND),
        }
    }

    /// The answers for the first of the names that a name stands for which exists, with the name.
    fn searched(&self, name: &str, kinds: &[u16], fresh: bool, cancel: &Cancel) -> Result<Vec<(String, Arc<Answer>)>> {
        let mut without_data = false;
        for candidate in self.configuration.get().candidates(name) {
            let answers = self.asked(&candidate, kinds, fresh, cancel)?;
            if answers.iter().any(|answer| answer.outcome == Outcome::Exists && !answer.records.is_empty()) {
                return Ok(answers.into_iter().map(|answer| (candidate.clone(), answer)).collect());
            }
            without_data |= answers.iter().any(|answer| answer.outcome == Outcome::Exists);
        }
        Err(if without_data { WsaError::WSANO_DATA } else { WsaError::WSASERVICE_NOT_FOUND })
    }

    /// The answers for some types of a name, from the cache where it has them.
    fn asked(&self, name: &str, kinds: &[u16], fresh: bool, cancel: &Cancel) -> Result<Vec<Arc<Answer>>> {
        let now = Instant::now();
        let known = |kind: &u16| if fresh { None } else { self.cache.get(name, *kind, now) };
        let mut answers: Vec<_> = kinds.iter().map(known).collect();
        let missing: Vec<u16> =
            kinds.iter().zip(&answers).filter(|(_, answer)| answer.is_none()).map(|(kind, _)| *kind).collect();
        if !missing.is_empty() {
            let mut asked = exchange::ask(&self.configuration.get(), name, &missing, cancel)?.into_iter();
            for (slot, kind) in answers.iter_mut().zip(kinds) {
                if slot.is_none() {
                    let answer = Arc::new(asked.next().ok_or(WsaError::WSANO_RECOVERY)?);
                    self.cache.put(name, *kind, &answer, Instant::now());
                    *slot = Some(answer);
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

/// Whether a name is a domain or within it.
fn is_within(name: &str, domain: &str) -> bool {
    let is_dotted = |rest: &[u8]| rest.is_empty() || rest.ends_with(b".");
    name.len() >= domain.len()
        && name.as_bytes()[name.len() - domain.len()..].eq_ignore_ascii_case(domain.as_bytes())
        && is_dotted(&name.as_bytes()[..name.len() - domain.len()])
}

/// The host with its addresses of the families that are wanted.
fn limited(mut host: Host, families: Families) -> Result<Host> {
    host.addresses.retain(|address| families.admit(*address));
    if host.addresses.is_empty() { Err(WsaError::WSANO_DATA) } else { Ok(host) }
}

/// Follows the aliases of a name: the name at their end, and those on the way.
fn chain(asked: &str, records: &[Record]) -> (String, Vec<String>) {
    let (mut name, mut aliases) = (asked.to_owned(), Vec::new());
    while aliases.len() < MOST_ALIASES {
        let next = records.iter().find_map(|record| match &record.data {
            Data::Name { kind: CNAME, name: target } if record.name.eq_ignore_ascii_case(&name) => Some(target),
            _ => None,
        });
        let Some(next) = next else { break };
        aliases.push(std::mem::replace(&mut name, next.clone()));
    }
    (name, aliases)
}

/// The domain that says which host has an address.
fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels: String = digits.map(|digit| format!("{digit:x}.")).collect();
            labels + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_domains() {
        assert_eq!(reversed("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        let six = reversed("2001:db8::1".parse().unwrap());
        assert!(six.starts_with("1.0.0.0.") && six.ends_with("8.b.d.0.1.0.0.2.ip6.arpa") && six.len() == 72, "{six}");
    }

    #[test]
    fn aliases_are_followed_and_no_ring_for_ever() {
        let alias = |from: &str, to: &str| Record {
            name: from.into(),
            ttl: 1,
            data: Data::Name { kind: CNAME, name: to.into() },
            bytes: Vec::new(),
        };
        assert_eq!(chain("A", &[alias("b", "c"), alias("a", "b")]), ("c".into(), vec!["A".into(), "b".into()]));
        assert_eq!(chain("a", &[alias("a", "b"), alias("b", "a")]).1.len(), MOST_ALIASES);
    }

    #[test]
    fn domains_end_at_dots() {
        assert!(is_within("localhost", "localhost") && is_within("a.LocalHost", "localhost"));
        assert!(!is_within("notlocalhost", "localhost") && !is_within("host", "localhost"));
    }
}
