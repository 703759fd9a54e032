//! What a query asks for; pure.

use std::net::IpAddr;

use windlass_spi::Result;
use windlass_spi::abi::*;
use windlass_spi::namespace::Query;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The addresses of a host, with the port of a service if there is one.
    Host { name: String, families: Families, service: Option<Port> },
    /// The name of the host that has an address.
    Reverse(IpAddr),
    /// A service by its name or by its port.
    Service { by: ServiceKey, protocol: Option<String> },
    /// The name of this machine.
    HostName,
    /// The records of a type.
    Records { name: String, kind: u16 },
}

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    pub(crate) v4: bool,
    pub(crate) v6: bool,
}

/// A port of a transport, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) number: u16,
    pub(crate) socket_type: i32,
    pub(crate) protocol: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServiceKey {
    Name(String),
    Port(u16),
}

impl Families {
    pub(crate) fn admit(self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }
}

impl Ask {
    /// Reads a query. `WSASERVICE_NOT_FOUND`: the class is not one of ours. `WSANO_DATA`: containers are wanted, and there are
    /// none (LUP-7), or no family that has addresses. `WSAEINVAL`: the name is no address, or too long for a name.
    pub(crate) fn of(query: &Query) -> Result<Self> {
        if query.flags & LUP_CONTAINERS != 0 {
            return Err(WsaError::WSANO_DATA);
        }
        let class = query.set.class.ok_or(WsaError::WSAEINVAL)?;
        let name = query.set.name.clone().unwrap_or_default();
        if name.len() > LONGEST_NAME {
            return Err(WsaError::WSAEINVAL);
        }
        if class == SVCID_HOSTNAME {
            return Ok(Self::HostName);
        }
        if class == SVCID_INET_HOSTADDRBYNAME {
            return Ok(Self::Host { name, families: families(query)?, service: None });
        }
        if class == SVCID_INET_HOSTADDRBYINETSTRING {
            let address = name.split_once('%').map_or(&*name, |(address, _)| address);
            return address.parse().map(Self::Reverse).map_err(|_| WsaError::WSAEINVAL);
        }
        if class == SVCID_INET_SERVICEBYNAME {
            return service(&name);
        }
        if let Some(kind) = dns_record_type(&class) {
            return Ok(Self::Records { name, kind });
        }
        let port = class.data1 as u16;
        let service = match class {
            tcp if tcp == SVCID_TCP(port) => Port { number: port, socket_type: SOCK_STREAM, protocol: IPPROTO_TCP },
            udp if udp == SVCID_UDP(port) => Port { number: port, socket_type: SOCK_DGRAM, protocol: IPPROTO_UDP },
            _ => return Err(WsaError::WSASERVICE_NOT_FOUND),
        };
        Ok(Self::Host { name, families: families(query)?, service: Some(service) })
    }
}

/// The characters of the longest name that is asked for.
const LONGEST_NAME: usize = 1024;

/// The families that the query allows; both without a limit.
fn families(query: &Query) -> Result<Families> {
    let families = Families { v4: query.set.admits_protocol(AF_INET, 0), v6: query.set.admits_protocol(AF_INET6, 0) };
    if families.v4 || families.v6 { Ok(families) } else { Err(WsaError::WSANO_DATA) }
}

/// `name/protocol`, `port/protocol`, or either without the protocol (GXY-3).
fn service(text: &str) -> Result<Ask> {
    let (service, protocol) = match text.split_once('/') {
        Some((service, protocol)) => (service, Some(protocol.to_ascii_lowercase())),
        None => (text, None),
    };
    if service.is_empty() {
        return Err(WsaError::WSAEINVAL);
    }
    let by = service.parse().map_or_else(|_| ServiceKey::Name(service.into()), ServiceKey::Port);
    Ok(Ask::Service { by, protocol: protocol.filter(|protocol| !protocol.is_empty()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_spi::namespace::QuerySet;

    fn ask(name: &str, class: GUID, flags: u32) -> Result<Ask> {
        Ask::of(&Query { set: QuerySet::query(Some(name), class), class: None, flags })
    }

    #[test]
    fn gxy_3_services_by_name_or_port_with_or_without_a_protocol() {
        let service = |text| ask(text, SVCID_INET_SERVICEBYNAME, 0);
        let of = |by, protocol: Option<&str>| Ok(Ask::Service { by, protocol: protocol.map(Into::into) });
        assert_eq!(service("http/TCP"), of(ServiceKey::Name("http".into()), Some("tcp")));
        assert_eq!(service("80/tcp"), of(ServiceKey::Port(80), Some("tcp")));
        assert_eq!(service("80"), of(ServiceKey::Port(80), None));
        assert_eq!(service("/tcp"), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn lup_7_there_are_no_containers() {
        assert_eq!(ask("a", SVCID_INET_HOSTADDRBYNAME, LUP_CONTAINERS), Err(WsaError::WSANO_DATA));
    }

    #[test]
    fn cls_9_classes_of_others_are_not_found() {
        assert_eq!(ask("a", SVCID_NETWARE(4), 0), Err(WsaError::WSASERVICE_NOT_FOUND));
        assert_eq!(ask("a", GUID::from_u128(5), 0), Err(WsaError::WSASERVICE_NOT_FOUND));
        assert_eq!(ask("a", SVCID_DNS_TYPE_SRV, 0), Ok(Ask::Records { name: "a".into(), kind: 33 }));
        assert!(matches!(ask("a", SVCID_TCP(53), 0), Ok(Ask::Host { service: Some(Port { number: 53, .. }), .. })));
        assert_eq!(ask("not an address", SVCID_INET_HOSTADDRBYINETSTRING, 0), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn fan_13_the_families_of_a_query_limit_the_addresses() {
        let mut set = QuerySet::query(Some("a"), SVCID_INET_HOSTADDRBYNAME);
        set.protocols = vec![AFPROTOCOLS { iAddressFamily: AF_INET6, iProtocol: 0 }];
        let asked = Ask::of(&Query { set: set.clone(), class: None, flags: 0 }).unwrap();
        assert!(matches!(asked, Ask::Host { families: Families { v4: false, v6: true }, .. }));
        set.protocols[0].iAddressFamily = 99;
        assert_eq!(Ask::of(&Query { set, class: None, flags: 0 }), Err(WsaError::WSANO_DATA));
    }
}
