//! Names that the proxy resolves: each stands behind an address that is nobody's, which the program connects to.
//!
//! Addresses are of 198.18.0.0/15, which is for tests of networks (RFC 2544) and so never the address of a host.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

const FIRST: u32 = 0xC612_0000;
const COUNT: u32 = 1 << 17;

/// Names and their addresses, as many as there are addresses; after that the oldest make room.
#[derive(Debug, Default)]
pub struct Names(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    by_name: HashMap<String, u32>,
    by_number: HashMap<u32, String>,
    next: u32,
}

impl Names {
    /// The address that stands for a name; `None` if it is empty, or longer than a proxy takes.
    pub fn address_of(&self, name: &str) -> Option<Ipv4Addr> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() || name.len() > 255 {
            return None;
        }
        let mut all = self.all();
        let number = match all.by_name.get(&name) {
            Some(number) => *number,
            None => {
                let number = all.next % COUNT;
                all.next = all.next.wrapping_add(1);
                if let Some(old) = all.by_number.insert(number, name.clone()) {
                    all.by_name.remove(&old);
                }
                all.by_name.insert(name, number);
                number
            }
        };
        Some(Ipv4Addr::from(FIRST + number))
    }

    /// The name that stands behind an address.
    pub fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        let number = u32::from(address).checked_sub(FIRST)?;
        self.all().by_number.get(&number).cloned()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address() {
        let names = Names::default();
        let first = names.address_of("Host.Test").unwrap();
        assert_eq!(first, Ipv4Addr::new(198, 18, 0, 0));
        assert_eq!(names.address_of("host.test.").unwrap(), first);
        let second = names.address_of("other.test").unwrap();
        assert_ne!(first, second);
        assert_eq!(names.name_of(first).as_deref(), Some("host.test"));
        assert_eq!(names.name_of(Ipv4Addr::LOCALHOST), None);
        assert_eq!(names.name_of(Ipv4Addr::new(198, 18, 0, 2)), None, "not given yet");
        assert!(names.address_of("").is_none() && names.address_of(".").is_none());
        assert!(names.address_of(&"x".repeat(256)).is_none());
    }

    #[test]
    fn the_oldest_name_makes_room() {
        let names = Names::default();
        let first = names.address_of("first").unwrap();
        for number in 1..COUNT {
            names.address_of(&number.to_string()).unwrap();
        }
        assert_eq!(names.name_of(first).as_deref(), Some("first"));
        assert_eq!(names.address_of("one more").unwrap(), first);
        assert_eq!(names.name_of(first).as_deref(), Some("one more"));
    }
}
