//! The resolver's configuration: `resolv.conf`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// Whom to ask, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The servers, in the order they are asked.
    pub(crate) servers: Vec<SocketAddr>,
    /// What is appended to short names.
    pub(crate) search: Vec<String>,
    /// A name with at least so many dots is asked for as it is first.
    pub(crate) ndots: usize,
    /// How long one server is waited for.
    pub(crate) timeout: Duration,
    /// How often the list of servers is gone through.
    pub(crate) attempts: u32,
}

const DNS_PORT: u16 = 53;
/// As the C library: no more are used.
const MOST_SERVERS: usize = 3;
const MOST_DOMAINS: usize = 32;

impl Configuration {
    /// Reads the file. Without a server, that of this machine is asked.
    pub(crate) fn parse(text: &str) -> Self {
        let mut read =
            Self { servers: Vec::new(), search: Vec::new(), ndots: 1, timeout: Duration::from_secs(5), attempts: 2 };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => read.servers.extend(words.next().and_then(server)),
                Some("domain") => read.search = words.take(1).map(Into::into).collect(),
                Some("search") => read.search = words.take(MOST_DOMAINS).map(Into::into).collect(),
                Some("options") => words.for_each(|option| read.option(option)),
                _ => {}
            }
        }
        read.servers.truncate(MOST_SERVERS);
        if read.servers.is_empty() {
            read.servers.push((Ipv4Addr::LOCALHOST, DNS_PORT).into());
        }
        read
    }

    fn option(&mut self, option: &str) {
        let Some((name, value)) = option.split_once(':') else { return };
        let Ok(value) = value.parse::<u32>() else { return };
        match name {
            "ndots" => self.ndots = value.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(value.clamp(1, 30).into()),
            "attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }

    /// The names that a name stands for, in the order they are tried.
    pub(crate) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.into()];
        }
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        let searched = self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.')));
        let mut names: Vec<String> = searched.collect();
        if dots >= self.ndots {
            names.insert(0, name.into());
        } else {
            names.push(name.into());
        }
        names
    }
}

/// An address, with a scope, or in brackets and with a port.
fn server(text: &str) -> Option<SocketAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once("]:")?;
        return Some((address.parse::<IpAddr>().ok()?, port.parse().ok()?).into());
    }
    if let Some((address, scope)) = text.split_once('%') {
        return Some(SocketAddrV6::new(address.parse().ok()?, DNS_PORT, 0, scope.parse().ok()?).into());
    }
    Some((text.parse::<IpAddr>().ok()?, DNS_PORT).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_as_the_c_library_reads_it() {
        let read = Configuration::parse(
            "; c\n# c\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver [127.0.0.1]:5353\nnameserver 192.0.2.4\n\
             domain example.org\nsearch a.example b.example\noptions ndots:2 timeout:0 attempts:9 rotate nonsense:x\n",
        );
        let servers: Vec<SocketAddr> =
            ["192.0.2.1:53", "[2001:db8::1]:53", "127.0.0.1:5353"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(read.servers, servers);
        assert_eq!(read.search, ["a.example", "b.example"]);
        assert_eq!((read.ndots, read.timeout, read.attempts), (2, Duration::from_secs(1), 5));
        assert_eq!(Configuration::parse("").servers, ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn short_names_are_searched_for() {
        let read = Configuration::parse("search a.example b.example\n");
        assert_eq!(read.candidates("x"), ["x.a.example", "x.b.example", "x"]);
        assert_eq!(read.candidates("x.y"), ["x.y", "x.y.a.example", "x.y.b.example"]);
        assert_eq!(read.candidates("x."), ["x"]);
    }
}
