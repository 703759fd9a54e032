//! What a name means when no name space provider has to be asked: numeric text, the loopback names, no name at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use windlass_abi::{
    AF_INET, AF_INET6, AF_UNSPEC, AI_CANONNAME, AI_NUMERICHOST, AI_PASSIVE, IN_ADDR, IN6_ADDR, NI_NAMEREQD,
    SOCKADDR_IN, SOCKADDR_IN6, WsaError,
};

/// What a caller of `getaddrinfo` wants, read from its hints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    pub flags: i32,
    pub family: i32,
    pub socket_type: i32,
    pub protocol: i32,
}

/// The addresses of a node and a service (API-R1 to API-R3, API-R15, API-R16).
///
/// # Errors
/// `WSAHOST_NOT_FOUND`: both are absent, or the name would need a name space provider.
/// `WSATYPE_NOT_FOUND`: the service is not a number. `WSAEAFNOSUPPORT`, `WSAEINVAL`: the hints.
pub fn resolve(node: Option<&str>, service: Option<&str>, hints: &Hints) -> Result<Vec<SocketAddr>, WsaError> {
    if node.is_none() && service.is_none() {
        return Err(WsaError::WSAHOST_NOT_FOUND);
    }
    if ![AF_UNSPEC, AF_INET, AF_INET6].contains(&hints.family) {
        return Err(WsaError::WSAEAFNOSUPPORT);
    }
    if hints.flags & AI_CANONNAME != 0 && node.is_none() {
        return Err(WsaError::WSAEINVAL);
    }
    let port = match service.unwrap_or("0").parse::<u16>() {
        Ok(port) => port,
        Err(_) => return Err(WsaError::WSATYPE_NOT_FOUND),
    };
    let mut found = addresses(node, hints.flags).ok_or(WsaError::WSAHOST_NOT_FOUND)?;
    found.retain(|address| match hints.family {
        AF_INET => address.is_ipv4(),
        AF_INET6 => address.is_ipv6(),
        _ => true,
    });
    found.iter_mut().for_each(|address| address.set_port(port));
    if found.is_empty() { Err(WsaError::WSAHOST_NOT_FOUND) } else { Ok(found) }
}

fn addresses(node: Option<&str>, flags: i32) -> Option<Vec<SocketAddr>> {
    let both = |six: Ipv6Addr, four: Ipv4Addr| vec![(six, 0).into(), (four, 0).into()];
    match node {
        None if flags & AI_PASSIVE != 0 => Some(both(Ipv6Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED)),
        None => Some(both(Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST)),
        Some(text) => match address(text) {
            Some(address) => Some(vec![address]),
            None if flags & AI_NUMERICHOST != 0 => None,
            None if text.eq_ignore_ascii_case("localhost") => Some(both(Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST)),
            None => None,
        },
    }
}

/// Numeric text, with a numeric scope for IPv6.
fn address(text: &str) -> Option<SocketAddr> {
    if let Some((address, scope)) = text.split_once('%') {
        let address = SocketAddrV6::new(address.parse().ok()?, 0, 0, scope.parse().ok()?);
        return Some(address.into());
    }
    text.parse::<IpAddr>().ok().map(|address| (address, 0).into())
}

/// The host and service text of an address (A-R07). Without a provider there is only numeric text, which is
/// the answer unless the caller insists on a name.
///
/// # Errors
/// `WSAHOST_NOT_FOUND`: the caller insists on a name.
pub fn name_of(address: SocketAddr, flags: i32) -> Result<(String, String), WsaError> {
    if flags & NI_NAMEREQD != 0 {
        return Err(WsaError::WSAHOST_NOT_FOUND);
    }
    let host = match address {
        SocketAddr::V6(six) if six.scope_id() != 0 => format!("{}%{}", six.ip(), six.scope_id()),
        other => other.ip().to_string(),
    };
    Ok((host, address.port().to_string()))
}

/// An address as Winsock lays it out.
pub enum Name {
    V4(SOCKADDR_IN),
    V6(SOCKADDR_IN6),
}

impl From<SocketAddr> for Name {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(four) => Self::V4(SOCKADDR_IN {
                sin_family: AF_INET as u16,
                sin_port: four.port().to_be(),
                sin_addr: IN_ADDR { s_addr: u32::from_ne_bytes(four.ip().octets()) },
                ..Default::default()
            }),
            SocketAddr::V6(six) => Self::V6(SOCKADDR_IN6 {
                sin6_family: AF_INET6 as u16,
                sin6_port: six.port().to_be(),
                sin6_flowinfo: six.flowinfo(),
                sin6_addr: IN6_ADDR { Byte: six.ip().octets() },
                sin6_scope_id: six.scope_id(),
            }),
        }
    }
}

impl From<&Name> for SocketAddr {
    fn from(name: &Name) -> Self {
        match name {
            Name::V4(four) => (Ipv4Addr::from(four.sin_addr.s_addr.to_ne_bytes()), u16::from_be(four.sin_port)).into(),
            Name::V6(six) => {
                let ip = Ipv6Addr::from(six.sin6_addr.Byte);
                SocketAddrV6::new(ip, u16::from_be(six.sin6_port), six.sin6_flowinfo, six.sin6_scope_id).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(node: Option<&str>, service: Option<&str>, hints: Hints) -> Result<Vec<String>, WsaError> {
        resolve(node, service, &hints).map(|found| found.iter().map(SocketAddr::to_string).collect())
    }

    #[test]
    fn api_r3_nothing_asked_is_host_not_found() {
        assert_eq!(texts(None, None, Hints::default()), Err(WsaError::WSAHOST_NOT_FOUND));
    }

    #[test]
    fn api_r16_numeric_text_loopback_names_and_no_name_need_no_provider() {
        let four = Hints { family: AF_INET, ..Hints::default() };
        assert_eq!(texts(Some("192.0.2.1"), Some("80"), four).unwrap(), ["192.0.2.1:80"]);
        assert_eq!(texts(Some("fe80::1%3"), Some("80"), Hints::default()).unwrap(), ["[fe80::1%3]:80"]);
        assert_eq!(texts(Some("LocalHost"), None, Hints::default()).unwrap(), ["[::1]:0", "127.0.0.1:0"]);
        assert_eq!(texts(None, Some("7"), four).unwrap(), ["127.0.0.1:7"]);
        let passive = Hints { flags: AI_PASSIVE, ..four };
        assert_eq!(texts(None, Some("7"), passive).unwrap(), ["0.0.0.0:7"]);
        let numeric = Hints { flags: AI_NUMERICHOST, ..four };
        assert_eq!(texts(Some("localhost"), None, numeric), Err(WsaError::WSAHOST_NOT_FOUND));
    }

    #[test]
    fn api_r1_each_refusal_has_its_code() {
        let with_family = |family| Hints { family, ..Hints::default() };
        assert_eq!(texts(Some("name.example"), None, Hints::default()), Err(WsaError::WSAHOST_NOT_FOUND));
        assert_eq!(texts(Some("127.0.0.1"), None, with_family(AF_INET6)), Err(WsaError::WSAHOST_NOT_FOUND));
        assert_eq!(texts(Some("127.0.0.1"), None, with_family(99)), Err(WsaError::WSAEAFNOSUPPORT));
        assert_eq!(texts(Some("127.0.0.1"), Some("http"), Hints::default()), Err(WsaError::WSATYPE_NOT_FOUND));
        assert_eq!(texts(Some("127.0.0.1"), Some("65536"), Hints::default()), Err(WsaError::WSATYPE_NOT_FOUND));
        let canonical = Hints { flags: AI_CANONNAME, ..Hints::default() };
        assert_eq!(texts(None, Some("1"), canonical), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn addresses_survive_the_winsock_layout() {
        for text in ["192.0.2.7:5060", "[2001:db8::1]:443", "[fe80::1%9]:1"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(SocketAddr::from(&Name::from(address)), address);
        }
        let scoped: SocketAddr = "[fe80::1%9]:1".parse().unwrap();
        assert_eq!(name_of(scoped, 0).unwrap(), ("fe80::1%9".to_owned(), "1".to_owned()));
        assert_eq!(name_of(scoped, NI_NAMEREQD), Err(WsaError::WSAHOST_NOT_FOUND));
    }
}
