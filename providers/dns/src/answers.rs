//! What was found, as query sets.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::namespace::host::HostEntry;
use windlass_spi::namespace::{Query, QuerySet, ServiceAddress};

use crate::ask::{Ask, Families, Port};
use crate::exchange::Cancel;
use crate::files::Host;
use crate::local;
use crate::resolver::Resolver;
use crate::wire::{Data, Record, SRV};

/// The results of a look-up, in their order.
///
/// # Errors
/// Those of [`Resolver`].
pub(crate) fn answer(resolver: &Resolver, ask: &Ask, query: &Query, cancel: &Cancel) -> Result<VecDeque<QuerySet>> {
    let fresh = query.flags & LUP_FLUSHCACHE != 0;
    match ask {
        Ask::HostName => Ok([QuerySet { name: Some(local::name()), ..start(query) }].into()),
        Ask::Host { name, families, service } => {
            let host = resolver.host(name, *families, fresh, cancel)?;
            let port = service.unwrap_or(Port { number: 0, socket_type: SOCK_STREAM, protocol: IPPROTO_TCP });
            Ok(of_host(host, port, query))
        }
        Ask::Reverse(address) => {
            let port = Port { number: 0, socket_type: SOCK_STREAM, protocol: IPPROTO_TCP };
            Ok(of_host(resolver.reverse(*address, fresh, cancel)?, port, query))
        }
        Ask::Service { by, protocol } => {
            let service = resolver.service(by, protocol.as_deref())?;
            // The class by which its instances are found (GXY-4).
            let class = match &*service.protocol {
                "udp" => SVCID_UDP(service.port),
                _ => SVCID_TCP(service.port),
            };
            let blob = Some(service.image()?.bytes().to_vec());
            let set = QuerySet { name: Some(service.name), class: Some(class), blob, ..start(query) };
            Ok([set].into())
        }
        Ask::Records { name, kind } => {
            let answer = resolver.records(name, *kind, fresh, cancel)?;
            let mut records: Vec<&Record> = answer.records.iter().collect();
            records.sort_by_key(|record| match record.data {
                Data::Srv { priority, .. } => priority,
                Data::Mx { preference, .. } => preference,
                _ => 0,
            });
            // Where a service is matters only to who wants addresses.
            let wants_addresses = *kind == SRV && query.flags & LUP_RETURN_ADDR != 0;
            let of = |record: &Record| of_record(record, query, wants_addresses.then_some((resolver, cancel)));
            Ok(records.into_iter().map(of).collect())
        }
    }
}

fn start(query: &Query) -> QuerySet {
    QuerySet { class: query.set.class, name_space: NS_DNS, ..QuerySet::default() }
}

/// A host, and its other names as results of their own where they are wanted (LUP-9).
fn of_host(host: Host, port: Port, query: &Query) -> VecDeque<QuerySet> {
    let addresses: Vec<_> = host.addresses.iter().map(|address| at(*address, port)).collect();
    let blob = (query.flags & LUP_RETURN_BLOB != 0).then(|| blob(&host)).flatten();
    let mut results = VecDeque::new();
    results.push_back(QuerySet { name: Some(host.name), addresses, blob, ..start(query) });
    if query.flags & LUP_RETURN_ALIASES != 0 {
        let alias = |name| QuerySet { name: Some(name), output_flags: RESULT_IS_ALIAS, ..start(query) };
        results.extend(host.aliases.into_iter().map(alias));
    }
    results
}

/// The `HOSTENT` of a host: addresses of one family, IPv4 if there are any.
fn blob(host: &Host) -> Option<Vec<u8>> {
    let of = |family, take: fn(&IpAddr) -> Option<Vec<u8>>| {
        let addresses: Vec<_> = host.addresses.iter().filter_map(take).collect();
        let (name, aliases) = (host.name.clone(), host.aliases.clone());
        (!addresses.is_empty()).then_some(HostEntry { name, aliases, family, addresses })
    };
    let v4 = of(AF_INET, |address| match address {
        IpAddr::V4(v4) => Some(v4.octets().to_vec()),
        IpAddr::V6(_) => None,
    });
    let v6 = || {
        of(AF_INET6, |address| match address {
            IpAddr::V6(v6) => Some(v6.octets().to_vec()),
            IpAddr::V4(_) => None,
        })
    };
    Some(v4.or_else(v6)?.image().ok()?.bytes().to_vec())
}

/// For a client the address to connect to, for a server of that address the one to bind to (QS-3).
fn at(address: IpAddr, port: Port) -> ServiceAddress {
    let remote = SocketAddr::new(address, port.number);
    let local: SocketAddr = match address {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    ServiceAddress { local: Some(local.into()), ..ServiceAddress::remote(remote, port.socket_type, port.protocol) }
}

fn of_record(record: &Record, query: &Query, addresses: Option<(&Resolver, &Cancel)>) -> QuerySet {
    let stream = |number| Port { number, socket_type: SOCK_STREAM, protocol: IPPROTO_TCP };
    let (text, target, addresses) = match &record.data {
        Data::Address(address) => (address.to_string(), None, vec![at(*address, stream(0))]),
        Data::Name { name, .. } => (name.clone(), Some(name.clone()), Vec::new()),
        Data::Mx { preference, exchange } => (format!("{preference} {exchange}"), Some(exchange.clone()), Vec::new()),
        Data::Srv { priority, weight, port, target } => {
            let port = if is_over_udp(&record.name) {
                Port { number: *port, socket_type: SOCK_DGRAM, protocol: IPPROTO_UDP }
            } else {
                stream(*port)
            };
            let both = Families { v4: true, v6: true };
            let found =
                addresses.and_then(|(resolver, cancel)| resolver.host(&format!("{target}."), both, false, cancel).ok());
            let found = found.unwrap_or_default().addresses.into_iter().map(|address| at(address, port)).collect();
            (format!("{priority} {weight} {} {target}", port.number), Some(target.clone()), found)
        }
        Data::Text(strings) => (strings.join("\n"), None, Vec::new()),
        Data::Other { kind } => (format!("\\# {}, type {kind}", record.bytes.len()), None, Vec::new()),
    };
    QuerySet {
        name: Some(record.name.clone()),
        comment: Some(text),
        query_string: target,
        addresses,
        blob: Some(record.bytes.clone()),
        ..start(query)
    }
}

/// `_service._udp.domain`.
fn is_over_udp(name: &str) -> bool {
    name.split('.').nth(1).is_some_and(|label| label.eq_ignore_ascii_case("_udp"))
}
