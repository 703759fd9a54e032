//! The structures and numbers of the ABI crate against those of `windows-sys`.

use std::collections::BTreeSet;
use std::mem::{offset_of, size_of};

use windlass_abi::*;

use crate::describe::without_const;
use crate::structs::Layout;
use crate::{constants, functions, structs};

#[test]
fn structures_are_those_of_windows() {
    // proves: CAT-PI-1, CAT-NS-1, CAT-NS-2, QS-2, QS-5, OV-16, WSP-ENUM-2, WSATHREADID-1, API-RIO-11
    for (ours, theirs) in structs::rust().into_iter().zip(structs::windows()) {
        assert_eq!(plain(ours), plain(theirs));
    }
}

/// The layout without the constness of pointers, which the sides write as they please.
fn plain(mut layout: Layout) -> Layout {
    for field in &mut layout.fields {
        field.kind = field.kind.take().map(|kind| without_const(&kind));
    }
    layout
}

#[test]
fn numbers_are_those_of_windows() {
    // proves: CAT-PI-2, CAT-PI-4, CAT-NS-4, LUP-1, LUP-2, LSPCAT-1, OPT-8, IO-1, IO-2, SET-1, API-S8
    for (&(name, ours), &(_, theirs)) in constants::RUST.iter().zip(constants::WINDOWS) {
        assert!(constants::same(ours, theirs), "{name} is {ours:#x}, on Windows {theirs:#x}");
    }
}

#[test]
fn function_types_are_those_of_windows() {
    for (&(name, ours), &(_, theirs)) in functions::TYPES.iter().zip(functions::WINDOWS_TYPES) {
        assert_eq!(without_const(&ours()), without_const(&theirs()), "{name}");
    }
}

#[test]
fn lc_num_1_failure_values() {
    // proves: LC-NUM-2
    assert_eq!((NO_ERROR, ERROR_SUCCESS, SOCKET_ERROR), (0, 0, -1));
    assert_eq!(INVALID_SOCKET, !0);
    assert!(WSA_INVALID_EVENT.is_null());
}

#[test]
fn lc_num_3_error_codes() {
    use WsaError::*;
    let codes = [
        (WSA_INVALID_HANDLE, 6),
        (WSA_NOT_ENOUGH_MEMORY, 8),
        (WSA_INVALID_PARAMETER, 87),
        (WSA_OPERATION_ABORTED, 995),
        (WSA_IO_INCOMPLETE, 996),
        (WSA_IO_PENDING, 997),
        (WSAEINTR, 10004),
        (WSAEACCES, 10013),
        (WSAEFAULT, 10014),
        (WSAEINVAL, 10022),
        (WSAEINPROGRESS, 10036),
        (WSAEOPNOTSUPP, 10045),
        (WSAENETDOWN, 10050),
        (WSAEPROCLIM, 10067),
        (WSASYSNOTREADY, 10091),
        (WSAVERNOTSUPPORTED, 10092),
        (WSANOTINITIALISED, 10093),
        (WSAENOMORE, 10102),
        (WSAECANCELLED, 10103),
        (WSAEINVALIDPROCTABLE, 10104),
        (WSAEINVALIDPROVIDER, 10105),
        (WSAEPROVIDERFAILEDINIT, 10106),
        (WSASYSCALLFAILURE, 10107),
        (WSASERVICE_NOT_FOUND, 10108),
        (WSATYPE_NOT_FOUND, 10109),
        (WSA_E_NO_MORE, 10110),
        (WSA_E_CANCELLED, 10111),
    ];
    for (error, code) in codes {
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(WsaError::from_code(code), error);
    }
}

#[test]
fn every_error_survives_the_way_through_its_code() {
    let codes: BTreeSet<i32> = WsaError::ALL.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), WsaError::ALL.len(), "two errors share a code");
    for &error in WsaError::ALL {
        assert_eq!(WsaError::from_code(error.code()), error);
        assert_eq!(error.to_string(), format!("{} ({})", error.name(), error.code()));
    }
    for unknown in [0, 1, -1, 9999, 10110 + 500, i32::MIN, i32::MAX] {
        let error = WsaError::from_code(unknown);
        assert_eq!((error, error.code(), error.name()), (WsaError::Other(unknown), unknown, ""));
    }
}

#[test]
fn wsp_startup_13_size_of_wspdata() {
    assert_eq!(size_of::<WSPDATA>(), 516);
}

#[test]
fn wsa_startup_12_size_of_wsadata() {
    assert_eq!(size_of::<WSADATA>(), 408);
}

#[test]
fn cat_pi_1_entries_have_no_pointers() {
    assert_eq!((size_of::<WSAPROTOCOL_INFOW>(), size_of::<WSAPROTOCOL_INFOA>()), (628, 372));
    assert_eq!(offset_of!(WSAPROTOCOL_INFOW, ProviderId), 20);
    assert_eq!(offset_of!(WSAPROTOCOL_INFOW, dwCatalogEntryId), 36);
    assert_eq!(offset_of!(WSAPROTOCOL_INFOW, ProtocolChain), 40);
    assert_eq!(offset_of!(WSAPROTOCOL_INFOW, dwProviderReserved), 112);
    assert_eq!(offset_of!(WSAPROTOCOL_INFOW, szProtocol), 116);
}

#[test]
fn ov_16_overlapped() {
    assert_eq!(size_of::<WSAOVERLAPPED>(), 32);
    assert_eq!((offset_of!(WSAOVERLAPPED, Offset), offset_of!(WSAOVERLAPPED, hEvent)), (16, 24));
}

#[test]
fn wsp_enum_2_network_events() {
    assert_eq!((size_of::<WSANETWORKEVENTS>(), offset_of!(WSANETWORKEVENTS, iErrorCode)), (44, 4));
}

#[test]
fn nsp_startup_4_table_of_version_1() {
    assert_eq!(size_of::<NSP_ROUTINE>(), 88);
    // What a provider of before Windows XP fills (NSP-STARTUP-5).
    assert_eq!(offset_of!(NSP_ROUTINE, NSPIoctl), 80);
}

#[test]
fn nsp2_tbl_1_table_of_version_2() {
    assert_eq!(size_of::<NSPV2_ROUTINE>(), 72);
    assert_eq!(offset_of!(NSPV2_ROUTINE, NSPv2Startup), 16);
    assert_eq!(offset_of!(NSPV2_ROUTINE, NSPv2ClientSessionRundown), 64);
}

#[test]
fn qs2_1_version_2_sets_have_no_class() {
    assert_eq!((size_of::<WSAQUERYSETW>(), size_of::<WSAQUERYSET2W>()), (120, 112));
    assert_eq!(offset_of!(WSAQUERYSETW, lpVersion), 24);
    assert_eq!(offset_of!(WSAQUERYSET2W, lpVersion), 16);
    assert_eq!(offset_of!(WSAQUERYSETW, lpBlob), 112);
    assert_eq!(offset_of!(WSAQUERYSET2W, lpBlob), 104);
}

#[test]
fn qs_2_addresses_of_services() {
    assert_eq!(size_of::<CSADDR_INFO>(), 40);
    assert_eq!(IPROTOCOL_ANY, -1);
}

#[test]
fn qs_5_service_classes() {
    assert_eq!((size_of::<WSASERVICECLASSINFOW>(), size_of::<WSANSCLASSINFOW>()), (32, 32));
}

#[test]
fn cat_ns_1_name_space_entries() {
    // proves: CAT-NS-2
    assert_eq!((size_of::<WSANAMESPACE_INFOW>(), size_of::<WSANAMESPACE_INFOEXW>()), (40, 56));
    assert_eq!(offset_of!(WSANAMESPACE_INFOW, lpszIdentifier), 32);
    assert_eq!(offset_of!(WSANAMESPACE_INFOEXW, ProviderSpecific), 40);
}

#[test]
fn cat_ns_6_email_blobs() {
    assert_eq!(size_of::<NAPI_PROVIDER_INSTALLATION_BLOB>(), 20);
    assert_eq!(size_of::<NAPI_DOMAIN_DESCRIPTION_BLOB>(), 16);
    assert_eq!((ProviderType_Application, ProviderType_Service), (1, 2));
    assert_eq!((ProviderLevel_None, ProviderLevel_Secondary, ProviderLevel_Primary), (0, 1, 2));
}

#[test]
fn one_look_up_flag_has_two_names() {
    assert_eq!((LUP_RES_SERVICE, LUP_SECURE), (0x8000, 0x8000));
}

#[test]
fn time_values_and_sets_are_those_of_64_bit_windows() {
    assert_eq!(size_of::<TIMEVAL>(), 8);
    assert_eq!((size_of::<FD_SET>(), offset_of!(FD_SET, fd_array)), (520, 8));
}

/// Every structure and number of the crate is in the tables that the tests compare.
#[test]
fn nothing_of_the_crate_is_left_out() {
    let checked_structs: BTreeSet<&str> = structs::rust().iter().map(|layout| layout.name).collect();
    let checked_numbers: BTreeSet<&str> = constants::RUST.iter().map(|&(name, _)| name).collect();
    // The parts of unions are compared through the structure that holds them; the complete tables have no C form.
    let parts = [
        "ProcTable",
        "UpcallTable",
        "TRANSMIT_PACKETS_FILE",
        "RIO_NOTIFICATION_EVENT",
        "RIO_NOTIFICATION_IOCP",
        "WSACOMPLETION_WINDOW",
        "WSACOMPLETION_EVENT",
        "WSACOMPLETION_APC",
        "WSACOMPLETION_PORT",
        "ParseGuidError",
    ];
    // Not numbers, or not in any header; tested on their own.
    let others = [
        "INVALID_HANDLE_VALUE",
        "WSA_INVALID_EVENT",
        "IN6ADDR_ANY",
        "IN6ADDR_LOOPBACK",
        "IPROTOCOL_ANY",
        "RIO_INVALID_BUFFERID",
        "RIO_INVALID_CQ",
        "RIO_INVALID_RQ",
    ];
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let Some(item) = line.strip_prefix("pub ") else { continue };
            if let Some(name) = item.strip_prefix("struct ").map(identifier) {
                assert!(checked_structs.contains(name) || parts.contains(&name), "struct {name} is in no table");
            } else if let Some(rest) = item.strip_prefix("const ") {
                let name = identifier(rest);
                let guid = name.starts_with("WSAID_") || name.starts_with("SVCID_");
                if !rest.starts_with("fn ") && !guid {
                    assert!(checked_numbers.contains(name) || others.contains(&name), "{name} is in no table");
                }
            }
        }
    }
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}
