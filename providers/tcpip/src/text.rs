//! Addresses as text (WSP-A2S-5, WSP-S2A-1).
//!
//! | family | text |
//! |---|---|
//! | AF_INET | `a.b.c.d`, or `a.b.c.d:port` |
//! | AF_INET6 | `addr` or `addr%scope`, or `[addr]:port` or `[addr%scope]:port` |
//!
//! Everything is numeric and decimal. A port or a scope of zero is not written; when read, a missing part
//! is zero. An IPv4 address has its four parts and no leading zeros: the old short and octal forms mean
//! different things to different readers, so they are refused here (`inet_addr` still knows them).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use windlass_abi::{AF_INET, AF_INET6, AF_UNSPEC, WsaError};
use windlass_spi::Result;
use windlass_spi::address::Address;

use crate::sockaddr::{self, Name, SocketAddress};
use crate::socket::Family;

/// `WSPAddressToString`: the text of a socket address in the Windows layout (WSP-A2S-1).
///
/// # Errors
/// WSAEINVAL: the family is not of this provider, or there are too few bytes for it (WSP-A2S-4).
pub fn format(address: &[u8]) -> Result<String> {
    for family in [Family::Ip4, Family::Ip6] {
        if let Ok(Name::Address(address)) = sockaddr::parse(address, family) {
            return Ok(write(&address));
        }
    }
    Err(WsaError::WSAEINVAL)
}

/// `WSPStringToAddress`: the address that a text stands for. AF_UNSPEC means whichever family the text is of
/// (WSP-S2A-3).
///
/// # Errors
/// WSAEINVAL: the family is not of this provider, or the text is not an address of it.
pub fn parse(text: &str, family: i32) -> Result<Address> {
    let address = match family {
        AF_INET => read_v4(text),
        AF_INET6 => read_v6(text),
        AF_UNSPEC => read_v4(text).or_else(|| read_v6(text)),
        _ => None,
    };
    address.map(|address| sockaddr::to_address(&address)).ok_or(WsaError::WSAEINVAL)
}

fn write(address: &SocketAddress) -> String {
    let mut text = String::new();
    let scope = match address {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let brackets = address.is_ipv6() && address.port() != 0;
    // Writing to a string cannot fail.
    if brackets {
        text.push('[');
    }
    let _ = write!(text, "{}", address.ip());
    if scope != 0 {
        let _ = write!(text, "%{scope}");
    }
    if brackets {
        text.push(']');
    }
    if address.port() != 0 {
        let _ = write!(text, ":{}", address.port());
    }
    text
}

fn read_v4(text: &str) -> Option<SocketAddress> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, number(port, u16::MAX.into())? as u16),
        None => (text, 0),
    };
    Some(SocketAddr::V4(SocketAddrV4::new(host.parse::<Ipv4Addr>().ok()?, port)))
}

fn read_v6(text: &str) -> Option<SocketAddress> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']')? {
            (host, "") => (host, 0),
            (host, port) => (host, number(port.strip_prefix(':')?, u16::MAX.into())? as u16),
        },
        None => (text, 0),
    };
    let (host, scope) = match host.split_once('%') {
        Some((host, scope)) => (host, number(scope, u32::MAX)?),
        None => (host, 0),
    };
    Some(SocketAddr::V6(SocketAddrV6::new(host.parse::<Ipv6Addr>().ok()?, port, 0, scope)))
}

/// A decimal number without sign: at least one digit, no more than the largest value.
fn number(text: &str, largest: u32) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value| *value <= largest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(text: &str, family: i32) -> Result<Vec<u8>> {
        parse(text, family).map(|address| address.as_bytes().to_vec())
    }

    fn round_trip(text: &str, family: i32) -> String {
        format(&bytes(text, family).unwrap()).unwrap()
    }

    // proves: WSP-A2S-1
    #[test]
    fn wsp_a2s_5_formats() {
        for text in ["0.0.0.0", "127.0.0.1", "255.255.255.255:65535", "10.1.2.3:80"] {
            assert_eq!(round_trip(text, AF_INET), text);
        }
        for text in ["::", "::1", "fe80::1%7", "[::1]:80", "[fe80::1%4294967295]:65535", "::ffff:1.2.3.4"] {
            assert_eq!(round_trip(text, AF_INET6), text);
        }
        // A port of zero is left out.
        assert_eq!(round_trip("1.2.3.4:0", AF_INET), "1.2.3.4");
        assert_eq!(round_trip("[::1]:0", AF_INET6), "::1");
        assert_eq!(round_trip("[::1]", AF_INET6), "::1");
        assert_eq!(round_trip("::1%0", AF_INET6), "::1");
    }

    #[test]
    fn wsp_s2a_1_missing_parts_are_zero() {
        let v4 = bytes("1.2.3.4", AF_INET).unwrap();
        assert_eq!(v4.len(), 16);
        assert_eq!(v4[2..8], [0, 0, 1, 2, 3, 4]);
        let v6 = bytes("[::1%3]:258", AF_INET6).unwrap();
        assert_eq!(v6.len(), 28);
        assert_eq!(v6[2..8], [1, 2, 0, 0, 0, 0]);
        assert_eq!(v6[24..], 3u32.to_ne_bytes());
    }

    #[test]
    fn wsp_s2a_3_unspecified_family_takes_either() {
        assert_eq!(bytes("1.2.3.4:5", AF_UNSPEC), bytes("1.2.3.4:5", AF_INET));
        assert_eq!(bytes("[::2]:5", AF_UNSPEC), bytes("[::2]:5", AF_INET6));
        assert_eq!(bytes("::2", 1), Err(WsaError::WSAEINVAL));
        assert_eq!(bytes("::2", AF_INET), Err(WsaError::WSAEINVAL));
        assert_eq!(bytes("1.2.3.4", AF_INET6), Err(WsaError::WSAEINVAL));
    }

    // proves: WSP-S2A-3
    #[test]
    fn bad_texts_are_refused() {
        let bad = [
            "",
            " ",
            ".",
            ":",
            "[",
            "]",
            "[]",
            "%",
            "1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "0x7f.0.0.1",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:-1",
            "1.2.3.4:+1",
            "1.2.3.4: 1",
            " 1.2.3.4",
            "1.2.3.4 ",
            "1.2.3.4:1:2",
            "1.2.3.4%1",
            "[1.2.3.4]:1",
            ":::",
            "::1::",
            "g::1",
            "12345::",
            "::1%",
            "::1%eth0",
            "::1%-1",
            "::1%4294967296",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "[::1]:65536",
            "[::1]:1:2",
            "[[::1]]:1",
            "[::1%]:1",
            "[::1]%1",
            "[::1]:1%1",
            "localhost",
            "1.2.3.4\0",
            "\u{661}.2.3.4",
            "1.2.3.4:\u{661}",
            "::1%\u{661}",
            "１.2.3.4",
        ];
        for text in bad {
            for family in [AF_INET, AF_INET6, AF_UNSPEC] {
                assert_eq!(bytes(text, family), Err(WsaError::WSAEINVAL), "{text:?} in family {family}");
            }
        }
    }

    #[test]
    fn wsp_a2s_4_bad_addresses_are_refused() {
        let v4 = bytes("1.2.3.4", AF_INET).unwrap();
        let v6 = bytes("::1", AF_INET6).unwrap();
        for whole in [&v4, &v6] {
            assert!(format(whole).is_ok());
            for short in 0..whole.len() {
                assert_eq!(format(&whole[..short]), Err(WsaError::WSAEINVAL), "{short} bytes");
            }
        }
        // The kernel's own number for IPv6 means nothing to Winsock.
        assert_eq!(format(&[&10u16.to_ne_bytes()[..], &v6[2..]].concat()), Err(WsaError::WSAEINVAL));
        // A structure larger than the address, such as SOCKADDR_STORAGE, is fine.
        assert_eq!(format(&[&v4[..], &[0xaa; 112]].concat()).unwrap(), "1.2.3.4");
    }

    proptest! {
        #[test]
        fn every_address_is_read_back(ip: u128, port: u16, scope: u32, four: bool) {
            let address = if four {
                SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(ip as u32), port))
            } else {
                SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope))
            };
            let text = write(&address);
            let (encoded, length) = sockaddr::encode(&address);
            prop_assert_eq!(bytes(&text, AF_UNSPEC).unwrap(), encoded[..length].to_vec());
        }

        #[test]
        fn any_text_is_answered(text: String, family in prop_oneof![Just(AF_INET), Just(AF_INET6), Just(AF_UNSPEC)]) {
            let _ = parse(&text, family);
        }

        #[test]
        fn texts_near_addresses_are_answered_and_read_back(text in "[0-9a-f:.%\\[\\]]{0,24}") {
            if let Ok(address) = parse(&text, AF_UNSPEC) {
                let again = format(address.as_bytes()).unwrap();
                prop_assert_eq!(bytes(&again, AF_UNSPEC).unwrap(), address.as_bytes().to_vec());
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = format(&bytes);
        }
    }
}
