//! The hosts file and the services file, read again when they have changed.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use windlass_spi::namespace::host::ServiceEntry;

/// A file's content as last read, parsed.
pub(crate) struct Watched<T> {
    path: PathBuf,
    parse: fn(&str) -> T,
    known: Mutex<Option<(Stamp, Arc<T>)>>,
}

/// What tells one content of a file from another: inode, size, and time of change in nanoseconds. `None`: there is no file.
type Stamp = Option<(u64, u64, i128)>;

impl<T> Watched<T> {
    pub(crate) fn new(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self { path, parse, known: Mutex::default() }
    }

    /// The content as it is now; a file that cannot be read is empty.
    pub(crate) fn get(&self) -> Arc<T> {
        let of = |file: fs::Metadata| {
            (file.ino(), file.size(), i128::from(file.mtime()) << 32 | i128::from(file.mtime_nsec()))
        };
        let stamp = fs::metadata(&self.path).ok().map(of);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((then, content)) if *then == stamp => Arc::clone(content),
            _ => {
                let text = fs::read(&self.path).unwrap_or_default();
                let content = Arc::new((self.parse)(&String::from_utf8_lossy(&text)));
                *known = Some((stamp, Arc::clone(&content)));
                content
            }
        }
    }
}

/// The words of each line, without comments.
fn lines(text: &str) -> impl Iterator<Item = impl Iterator<Item = &str>> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
}

/// The hosts file: each line's address and names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<(IpAddr, Vec<String>)>);

/// What the file says of a name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Hosts {
    pub(crate) fn parse(text: &str) -> Self {
        let hosts = lines(text).filter_map(|mut words| {
            let address = words.next()?.parse().ok()?;
            let names: Vec<String> = words.map(Into::into).collect();
            (!names.is_empty()).then_some((address, names))
        });
        Self(hosts.collect())
    }

    /// The host of a name; the first name of its first line is the official one.
    pub(crate) fn by_name(&self, name: &str) -> Option<Host> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let mut found: Option<Host> = None;
        for (address, names) in &self.0 {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let host = found.get_or_insert_with(|| Host { name: names[0].clone(), ..Host::default() });
            if !host.addresses.contains(address) {
                host.addresses.push(*address);
            }
            for alias in names {
                if !alias.eq_ignore_ascii_case(&host.name)
                    && !host.aliases.iter().any(|a| a.eq_ignore_ascii_case(alias))
                {
                    host.aliases.push(alias.clone());
                }
            }
        }
        found
    }

    /// The host of an address.
    pub(crate) fn by_address(&self, address: IpAddr) -> Option<Host> {
        let (_, names) = self.0.iter().find(|(known, _)| *known == address)?;
        Some(Host { name: names[0].clone(), aliases: names[1..].to_vec(), addresses: vec![address] })
    }
}

/// The services file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Services(Vec<ServiceEntry>);

impl Services {
    pub(crate) fn parse(text: &str) -> Self {
        let services = lines(text).filter_map(|mut words| {
            let name = words.next()?.to_owned();
            let (port, protocol) = words.next()?.split_once('/')?;
            let (port, protocol) = (port.parse().ok()?, protocol.to_owned());
            Some(ServiceEntry { name, aliases: words.map(Into::into).collect(), port, protocol })
        });
        Self(services.collect())
    }

    pub(crate) fn by_name(&self, name: &str, protocol: Option<&str>) -> Option<&ServiceEntry> {
        let is_named = |entry: &ServiceEntry| {
            entry.name.eq_ignore_ascii_case(name) || entry.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
        };
        self.find(protocol, is_named)
    }

    pub(crate) fn by_port(&self, port: u16, protocol: Option<&str>) -> Option<&ServiceEntry> {
        self.find(protocol, |entry| entry.port == port)
    }

    fn find(&self, protocol: Option<&str>, fits: impl Fn(&ServiceEntry) -> bool) -> Option<&ServiceEntry> {
        let is_of =
            |entry: &ServiceEntry| protocol.is_none_or(|protocol| entry.protocol.eq_ignore_ascii_case(protocol));
        self.0.iter().find(|entry| is_of(entry) && fits(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_addresses_of_all_its_lines() {
        let hosts = Hosts::parse(
            "# nothing\n192.0.2.1 one.example one # comment\n\n::1 x\n2001:db8::1\tONE uno\nbad line\n192.0.2.9\n",
        );
        let one = hosts.by_name("One").unwrap();
        assert_eq!(one.name, "one.example");
        assert_eq!(one.aliases, ["one", "uno"]);
        assert_eq!(one.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        assert_eq!(hosts.by_name("one.example.").unwrap().aliases, ["one"], "lines that have the name");
        assert_eq!(hosts.by_name("two"), None);
        assert_eq!(hosts.by_address("2001:db8::1".parse().unwrap()).unwrap().name, "ONE");
    }

    // proves: GXY-3
    #[test]
    fn gxy_3_services_are_found_whatever_the_case() {
        let services =
            Services::parse("http 80/tcp www # World Wide Web\nhttp 80/udp\ndomain 53/udp\nbroken\nbad x/tcp\n");
        assert_eq!(services.by_name("WWW", Some("TCP")).unwrap().port, 80);
        assert_eq!(services.by_name("http", None).unwrap().protocol, "tcp");
        assert_eq!(services.by_port(53, None).unwrap().name, "domain");
        assert_eq!(services.by_port(53, Some("tcp")), None);
        assert_eq!(services.by_name("broken", None), None);
    }

    #[test]
    fn a_file_that_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let hosts = Watched::new(path.clone(), Hosts::parse);
        assert_eq!(hosts.get().by_name("a"), None);
        fs::write(&path, "192.0.2.1 a\n").unwrap();
        assert!(hosts.get().by_name("a").is_some());
        fs::write(&path, "192.0.2.1 a b\n").unwrap();
        assert!(hosts.get().by_name("b").is_some());
        fs::remove_file(&path).unwrap();
        assert_eq!(hosts.get().by_name("a"), None);
    }
}
