//! Identifiers: text, layout and the well-known ones.

use windlass_abi::*;
use windows_sys::Win32::Networking::WinSock as win;

#[test]
fn text_becomes_an_identifier_and_back() {
    let text = "b5367df1-cbac-11cf-95ca-00805f48a192";
    let id: GUID = text.parse().unwrap();
    assert_eq!(id, WSAID_ACCEPTEX);
    assert_eq!((id.data1, id.data2, id.data3), (0xb5367df1, 0xcbac, 0x11cf));
    assert_eq!(id.data4, [0x95, 0xca, 0, 0x80, 0x5f, 0x48, 0xa1, 0x92]);
    assert_eq!(id.to_string(), text);
    assert_eq!("{B5367DF1-CBAC-11CF-95CA-00805F48A192}".parse(), Ok(id));
    assert_eq!(GUID::from_u128(id.to_u128()), id);
    assert_eq!(format!("{:?}", GUID::default()), "00000000-0000-0000-0000-000000000000");
}

#[test]
fn other_text_is_refused() {
    let bad = [
        "",
        "{}",
        "b5367df1",
        "b5367df1-cbac-11cf-95ca-00805f48a19",
        "b5367df1-cbac-11cf-95ca-00805f48a1922",
        "b5367df1cbac-11cf-95ca-00805f48a192-",
        "b5367df1-cbac-11cf-95ca-00805f48a19g",
        "{b5367df1-cbac-11cf-95ca-00805f48a192",
        "b5367df1-cbac-11cf-95ca-00805f48a192}",
        " b5367df1-cbac-11cf-95ca-00805f48a192",
        "+5367df1-cbac-11cf-95ca-00805f48a192",
        "b5367df1-cbac-11cf-95ca-00805f48a1é",
    ];
    for text in bad {
        assert_eq!(text.parse::<GUID>(), Err(ParseGuidError), "{text:?}");
    }
}

#[test]
fn extension_functions_have_the_identifiers_of_windows() {
    macro_rules! same {
        ($($name:ident)*) => {
            $(let theirs = win::$name;
            let ours = GUID { data1: theirs.data1, data2: theirs.data2, data3: theirs.data3, data4: theirs.data4 };
            assert_eq!($name, ours, stringify!($name));)*
        };
    }
    same! {
        WSAID_ACCEPTEX WSAID_GETACCEPTEXSOCKADDRS WSAID_TRANSMITFILE WSAID_CONNECTEX WSAID_DISCONNECTEX
        WSAID_TRANSMITPACKETS WSAID_WSARECVMSG WSAID_WSASENDMSG WSAID_WSAPOLL WSAID_MULTIPLE_RIO
    }
}

#[test]
fn cls_9_well_known_service_classes() {
    assert_eq!(SVCID_TCP(21).to_string(), "00090015-0000-0000-c000-000000000046");
    assert_eq!(SVCID_UDP(53).to_string(), "000a0035-0000-0000-c000-000000000046");
    assert_eq!(SVCID_TCP(65535).to_string(), "0009ffff-0000-0000-c000-000000000046");
    assert_eq!(SVCID_NETWARE(4).to_string(), "000b0004-0000-0000-c000-000000000046");
    assert_eq!(SVCID_HOSTNAME.to_string(), "0002a800-0000-0000-c000-000000000046");
    assert_eq!(SVCID_INET_HOSTADDRBYINETSTRING.to_string(), "0002a801-0000-0000-c000-000000000046");
    assert_eq!(SVCID_INET_HOSTADDRBYNAME.to_string(), "0002a803-0000-0000-c000-000000000046");
}
