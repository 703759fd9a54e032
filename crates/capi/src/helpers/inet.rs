//! Text forms of IPv4 and IPv6 addresses: `inet_addr` (API-B4), `inet_pton` (API-B5), `inet_ntop` (API-B6).

use std::net::{Ipv4Addr, Ipv6Addr};

use windlass_abi::{AF_INET, AF_INET6, WsaError};

/// What `inet_addr` returns for text that is not an address.
pub const INADDR_NONE: u32 = 0xFFFF_FFFF;

/// `inet_addr`: one to four parts, each decimal, octal or hexadecimal; the last fills what is left.
/// The answer is in network byte order.
pub fn inet_addr(text: &[u8]) -> u32 {
    if text == b" " {
        return 0;
    }
    match dotted(text) {
        Some(value) => value.to_be(),
        None => INADDR_NONE,
    }
}

fn dotted(text: &[u8]) -> Option<u32> {
    let text = match text.iter().position(u8::is_ascii_whitespace) {
        Some(end) => &text[..end],
        None => text,
    };
    let mut parts = [0u32; 4];
    let mut count = 0;
    for part in text.split(|byte| *byte == b'.') {
        *parts.get_mut(count)? = number(part)?;
        count += 1;
    }
    let (leading, last) = (&parts[..count - 1], parts[count - 1]);
    if leading.iter().any(|part| *part > 0xFF) {
        return None;
    }
    let room = 32 - 8 * leading.len() as u32;
    if room < 32 && last >> room != 0 {
        return None;
    }
    let high = leading.iter().enumerate().fold(0, |sum, (at, part)| sum | part << (24 - 8 * at));
    Some(high | last)
}

/// A number with C's prefixes: `0x` hexadecimal, `0` octal.
fn number(text: &[u8]) -> Option<u32> {
    let text = str::from_utf8(text).ok()?;
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// `inet_pton`: the bytes of the address, `None` if the text is not one.
pub fn pton(family: i32, text: &str) -> Result<Option<Vec<u8>>, WsaError> {
    match family {
        AF_INET => Ok(text.parse::<Ipv4Addr>().ok().map(|ip| ip.octets().to_vec())),
        AF_INET6 => Ok(text.parse::<Ipv6Addr>().ok().map(|ip| ip.octets().to_vec())),
        _ => Err(WsaError::WSAEAFNOSUPPORT),
    }
}

/// How many bytes an address of this family has, for `inet_ntop`.
pub fn address_len(family: i32) -> Result<usize, WsaError> {
    match family {
        AF_INET => Ok(4),
        AF_INET6 => Ok(16),
        _ => Err(WsaError::WSAEAFNOSUPPORT),
    }
}

/// `inet_ntop`: the text of an address of 4 or 16 bytes.
pub fn ntop(address: &[u8]) -> String {
    match *address {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d).to_string(),
        _ => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(address);
            Ipv6Addr::from(bytes).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_b4_inet_addr_accepts_one_to_four_parts_in_three_radices() {
        let expected = u32::from_ne_bytes([4, 3, 2, 16]);
        for text in ["4.3.2.16", "004.003.002.020", "0x4.0x3.0x2.0x10", "4.3.528", "4.197136", "67306000", "0X4.3.2.16"]
        {
            assert_eq!(inet_addr(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(inet_addr(b"4.3.2.16 and more"), expected);
        assert_eq!(inet_addr(b"255.255.255.255"), INADDR_NONE);
        assert_eq!(inet_addr(b"0"), 0);
        assert_eq!(inet_addr(b" "), 0);
    }

    #[test]
    fn api_b4_inet_addr_refuses_malformed_text() {
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.256",
            "1.2.65536",
            "1.16777216",
            "4294967296",
            "0x",
            "08",
            "1.2.3.x",
            "+1.2.3.4",
            "-1",
            "1,2,3,4",
            "0x+1",
            "\u{661}.2.3.4",
        ] {
            assert_eq!(inet_addr(text.as_bytes()), INADDR_NONE, "{text:?}");
        }
        assert_eq!(inet_addr(&[0xFF, b'.', b'1']), INADDR_NONE);
    }

    #[test]
    fn api_b5_pton_wants_four_decimal_parts_and_no_scope() {
        assert_eq!(pton(AF_INET, "127.0.0.1"), Ok(Some(vec![127, 0, 0, 1])));
        assert_eq!(pton(AF_INET6, "::1").unwrap().unwrap()[15], 1);
        for text in ["127.1", "0x7f.0.0.1", "127.0.0.1:80", " 127.0.0.1", ""] {
            assert_eq!(pton(AF_INET, text), Ok(None), "{text:?}");
        }
        for text in ["fe80::1%1", "[::1]:80", "::1::", "1.2.3.4", ""] {
            assert_eq!(pton(AF_INET6, text), Ok(None), "{text:?}");
        }
        assert_eq!(pton(17, "127.0.0.1"), Err(WsaError::WSAEAFNOSUPPORT));
    }

    #[test]
    fn api_b6_ntop_writes_the_shortest_form() {
        assert_eq!(ntop(&[10, 0, 0, 255]), "10.0.0.255");
        assert_eq!(ntop(&Ipv6Addr::LOCALHOST.octets()), "::1");
        assert_eq!(ntop(&Ipv6Addr::UNSPECIFIED.octets()), "::");
    }
}
