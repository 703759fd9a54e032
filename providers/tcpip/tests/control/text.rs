//! Addresses as text (contract: transport, sections 5.1 and 5.29).

use windlass_abi::*;

use crate::support::{Winsock, encode};

fn text(bytes: &[u16]) -> String {
    String::from_utf16(bytes).unwrap()
}

// proves: WSP-A2S-1
#[test]
fn wsp_a2s_5_addresses_become_text_and_text_addresses() {
    let winsock = Winsock::start();
    for (family, plain) in [(AF_INET, "127.0.0.1:80"), (AF_INET6, "[fe80::1%3]:80")] {
        let address = winsock.string_to_address(plain, family, 128).unwrap();
        assert_eq!(text(&winsock.address_to_string(&address, family, 128).unwrap()), plain);
    }
    let v4 = winsock.string_to_address("10.1.2.3", AF_INET, 16).unwrap();
    assert_eq!(v4, encode("10.1.2.3:0".parse().unwrap()));
}

// proves: WSP-A2S-2
#[test]
fn wsp_a2s_3_too_little_room_tells_the_count_of_characters() {
    let winsock = Winsock::start();
    let address = encode("127.0.0.1:80".parse().unwrap());
    let whole = "127.0.0.1:80".len() as u32 + 1;
    for room in [0, 1, whole - 1] {
        assert_eq!(winsock.address_to_string(&address, AF_INET, room), Err((WsaError::WSAEFAULT, whole)));
    }
    assert_eq!(winsock.address_to_string(&address, AF_INET, whole).unwrap().len() as u32, whole - 1);
}

#[test]
fn wsp_a2s_4_what_is_no_address_is_refused() {
    let winsock = Winsock::start();
    let mut address = encode("127.0.0.1:80".parse().unwrap());
    assert_eq!(winsock.address_to_string(&address[..15], AF_INET, 99).unwrap_err().0, WsaError::WSAEINVAL);
    address[..2].copy_from_slice(&99u16.to_ne_bytes());
    assert_eq!(winsock.address_to_string(&address, AF_INET, 99).unwrap_err().0, WsaError::WSAEINVAL);
}

#[test]
fn wsp_s2a_2_too_little_room_tells_the_size() {
    let winsock = Winsock::start();
    for room in [0, 1, 15] {
        assert_eq!(winsock.string_to_address("1.2.3.4", AF_INET, room), Err((WsaError::WSAEFAULT, 16)));
    }
    assert_eq!(winsock.string_to_address("::1", AF_INET6, 27), Err((WsaError::WSAEFAULT, 28)));
}

#[test]
fn wsp_s2a_3_bad_text_or_family_is_refused() {
    let winsock = Winsock::start();
    let bad = |text: &str, family| winsock.string_to_address(text, family, 128).unwrap_err().0;
    assert_eq!(bad("", AF_INET), WsaError::WSAEINVAL);
    assert_eq!(bad("localhost", AF_INET), WsaError::WSAEINVAL);
    assert_eq!(bad("::1", AF_INET), WsaError::WSAEINVAL);
    assert_eq!(bad("1.2.3.4", AF_UNIX), WsaError::WSAEINVAL);
    assert_eq!(winsock.string_to_address("::1", AF_UNSPEC, 128).unwrap().len(), 28);
}
