//! Name spaces: query sets, service classes and catalog entries.
//! Contract: namespace, sections 1, 2 and 7; catalog, section 1.2.

use core::ffi::c_void;

use crate::*;

// Name space ids (CAT-NS-4).
pub const NS_ALL: u32 = 0;
pub const NS_DEFAULT: u32 = 0;
pub const NS_SAP: u32 = 1;
pub const NS_NDS: u32 = 2;
pub const NS_PEER_BROWSE: u32 = 3;
pub const NS_SLP: u32 = 5;
pub const NS_DHCP: u32 = 6;
pub const NS_TCPIP_LOCAL: u32 = 10;
pub const NS_TCPIP_HOSTS: u32 = 11;
pub const NS_DNS: u32 = 12;
pub const NS_NETBT: u32 = 13;
pub const NS_WINS: u32 = 14;
pub const NS_NLA: u32 = 15;
pub const NS_BTH: u32 = 16;
pub const NS_LOCALNAME: u32 = 19;
pub const NS_NBP: u32 = 20;
pub const NS_MS: u32 = 30;
pub const NS_STDA: u32 = 31;
pub const NS_NTDS: u32 = 32;
pub const NS_EMAIL: u32 = 37;
pub const NS_PNRPNAME: u32 = 38;
pub const NS_PNRPCLOUD: u32 = 39;
pub const NS_X500: u32 = 40;
pub const NS_NIS: u32 = 41;
pub const NS_NISPLUS: u32 = 42;
pub const NS_WRQ: u32 = 50;
pub const NS_NETDES: u32 = 60;

// dwControlFlags (LUP-1, LUP-2).
pub const LUP_DEEP: u32 = 0x1;
pub const LUP_CONTAINERS: u32 = 0x2;
pub const LUP_NOCONTAINERS: u32 = 0x4;
pub const LUP_NEAREST: u32 = 0x8;
pub const LUP_RETURN_NAME: u32 = 0x10;
pub const LUP_RETURN_TYPE: u32 = 0x20;
pub const LUP_RETURN_VERSION: u32 = 0x40;
pub const LUP_RETURN_COMMENT: u32 = 0x80;
pub const LUP_RETURN_ADDR: u32 = 0x100;
pub const LUP_RETURN_BLOB: u32 = 0x200;
pub const LUP_RETURN_ALIASES: u32 = 0x400;
pub const LUP_RETURN_QUERY_STRING: u32 = 0x800;
pub const LUP_RETURN_ALL: u32 = 0xFF0;
pub const LUP_FLUSHCACHE: u32 = 0x1000;
pub const LUP_FLUSHPREVIOUS: u32 = 0x2000;
pub const LUP_NON_AUTHORITATIVE: u32 = 0x4000;
/// For queries of service instances; the same bit as `LUP_SECURE` (LUP-3).
pub const LUP_RES_SERVICE: u32 = 0x8000;
/// For queries of names; the same bit as `LUP_RES_SERVICE` (LUP-3).
pub const LUP_SECURE: u32 = 0x8000;
pub const LUP_RETURN_PREFERRED_NAMES: u32 = 0x1_0000;
pub const LUP_DNS_ONLY: u32 = 0x2_0000;
pub const LUP_RETURN_RESPONSE_FLAGS: u32 = 0x4_0000;
pub const LUP_ADDRCONFIG: u32 = 0x10_0000;
pub const LUP_DUAL_ADDR: u32 = 0x20_0000;
pub const LUP_FILESERVER: u32 = 0x40_0000;
pub const LUP_DISABLE_IDN_ENCODING: u32 = 0x80_0000;
pub const LUP_API_ANSI: u32 = 0x100_0000;
pub const LUP_EXTENDED_QUERYSET: u32 = 0x200_0000;
pub const LUP_SECURE_WITH_FALLBACK: u32 = 0x400_0000;
pub const LUP_EXCLUSIVE_CUSTOM_SERVERS: u32 = 0x800_0000;
pub const LUP_REQUIRE_SECURE: u32 = 0x1000_0000;
pub const LUP_RETURN_TTL: u32 = 0x2000_0000;
pub const LUP_FORCE_CLEAR_TEXT: u32 = 0x4000_0000;
pub const LUP_RESOLUTION_HANDLE: u32 = 0x8000_0000;

// dwOutputFlags of a result.
pub const RESULT_IS_ALIAS: u32 = 0x1;
pub const RESULT_IS_ADDED: u32 = 0x10;
pub const RESULT_IS_CHANGED: u32 = 0x20;
pub const RESULT_IS_DELETED: u32 = 0x40;

/// What `WSASetService` does (SET-1).
pub type WSAESETSERVICEOP = i32;
pub const RNRSERVICE_REGISTER: WSAESETSERVICEOP = 0;
pub const RNRSERVICE_DEREGISTER: WSAESETSERVICEOP = 1;
pub const RNRSERVICE_DELETE: WSAESETSERVICEOP = 2;
/// Flag of `WSASetService`: the addresses given are some of several (SET-2).
pub const SERVICE_MULTIPLE: u32 = 1;

/// How a version is compared (NSP1-10).
pub type WSAECOMPARATOR = i32;
pub const COMP_EQUAL: WSAECOMPARATOR = 0;
pub const COMP_NOTLESS: WSAECOMPARATOR = 1;

/// In a registration: the provider chooses the protocol (QS-2).
pub const IPROTOCOL_ANY: i32 = -1;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WSAVERSION {
    pub dwVersion: u32,
    pub ecHow: WSAECOMPARATOR,
}

/// A constraint of a query; `AF_UNSPEC` matches every family.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AFPROTOCOLS {
    pub iAddressFamily: i32,
    pub iProtocol: i32,
}

/// Where a service is: 40 bytes on 64-bit systems (QS-2, QS-3).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CSADDR_INFO {
    pub LocalAddr: SOCKET_ADDRESS,
    pub RemoteAddr: SOCKET_ADDRESS,
    pub iSocketType: i32,
    pub iProtocol: i32,
}

macro_rules! text_forms {
    ($($(#[$doc:meta])* $a:ident, $w:ident { $($body:tt)* })*) => {
        $(
            text_forms!(@fields u8 [] $(#[$doc])* $a { $($body)* });
            text_forms!(@fields u16 [] $(#[$doc])* $w { $($body)* });
        )*
    };
    (@fields $char:ty [$($done:tt)*] $(#[$doc:meta])* $name:ident { $field:ident: TEXT, $($rest:tt)* }) => {
        text_forms!(@fields $char [$($done)* pub $field: *mut $char,] $(#[$doc])* $name { $($rest)* });
    };
    (@fields $char:ty [$($done:tt)*] $(#[$doc:meta])* $name:ident { $field:ident: $ty:ty, $($rest:tt)* }) => {
        text_forms!(@fields $char [$($done)* pub $field: $ty,] $(#[$doc])* $name { $($rest)* });
    };
    (@fields $char:ty [$($done:tt)*] $(#[$doc:meta])* $name:ident {}) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub struct $name { $($done)* }
    };
}

text_forms! {
    /// A query, a registration or a result: 120 bytes on 64-bit systems. `dwNumberOfProtocols` and
    /// `dwNumberOfCsAddrs` count elements (QS-1).
    WSAQUERYSETA, WSAQUERYSETW {
        dwSize: u32,
        lpszServiceInstanceName: TEXT,
        lpServiceClassId: *mut GUID,
        lpVersion: *mut WSAVERSION,
        lpszComment: TEXT,
        dwNameSpace: u32,
        lpNSProviderId: *mut GUID,
        lpszContext: TEXT,
        dwNumberOfProtocols: u32,
        lpafpProtocols: *mut AFPROTOCOLS,
        lpszQueryString: TEXT,
        dwNumberOfCsAddrs: u32,
        lpcsaBuffer: *mut CSADDR_INFO,
        dwOutputFlags: u32,
        lpBlob: *mut BLOB,
    }
    /// The same for version 2 providers, without the class: 112 bytes on 64-bit systems. A version 1
    /// set must be converted, never cast (QS2-1).
    WSAQUERYSET2A, WSAQUERYSET2W {
        dwSize: u32,
        lpszServiceInstanceName: TEXT,
        lpVersion: *mut WSAVERSION,
        lpszComment: TEXT,
        dwNameSpace: u32,
        lpNSProviderId: *mut GUID,
        lpszContext: TEXT,
        dwNumberOfProtocols: u32,
        lpafpProtocols: *mut AFPROTOCOLS,
        lpszQueryString: TEXT,
        dwNumberOfCsAddrs: u32,
        lpcsaBuffer: *mut CSADDR_INFO,
        dwOutputFlags: u32,
        lpBlob: *mut BLOB,
    }
    /// One property of a service class in one name space (QS-5).
    WSANSCLASSINFOA, WSANSCLASSINFOW {
        lpszName: TEXT,
        dwNameSpace: u32,
        dwValueType: u32,
        dwValueSize: u32,
        lpValue: *mut c_void,
    }
    /// A catalog entry of a name space provider: 40 bytes on 64-bit systems (CAT-NS-1).
    WSANAMESPACE_INFOA, WSANAMESPACE_INFOW {
        NSProviderId: GUID,
        dwNameSpace: u32,
        fActive: BOOL,
        dwVersion: u32,
        lpszIdentifier: TEXT,
    }
    /// The same with the provider's own data: 56 bytes on 64-bit systems (CAT-NS-2).
    WSANAMESPACE_INFOEXA, WSANAMESPACE_INFOEXW {
        NSProviderId: GUID,
        dwNameSpace: u32,
        fActive: BOOL,
        dwVersion: u32,
        lpszIdentifier: TEXT,
        ProviderSpecific: BLOB,
    }
}

/// A service class and its properties: 32 bytes on 64-bit systems (QS-5).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSASERVICECLASSINFOA {
    pub lpServiceClassId: *mut GUID,
    pub lpszServiceClassName: *mut u8,
    pub dwCount: u32,
    /// `dwCount` properties.
    pub lpClassInfos: *mut WSANSCLASSINFOA,
}

/// A service class and its properties: 32 bytes on 64-bit systems (QS-5).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSASERVICECLASSINFOW {
    pub lpServiceClassId: *mut GUID,
    pub lpszServiceClassName: *mut u16,
    pub dwCount: u32,
    /// `dwCount` properties.
    pub lpClassInfos: *mut WSANSCLASSINFOW,
}

/// Who serves an e-mail domain and how (CAT-NS-6). Offsets are in bytes from the start of the blob.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NAPI_PROVIDER_INSTALLATION_BLOB {
    pub dwVersion: u32,
    pub dwProviderType: u32,
    pub fSupportsWildCard: u32,
    pub cDomains: u32,
    pub OffsetFirstDomain: u32,
}

/// One domain of a `NAPI_PROVIDER_INSTALLATION_BLOB`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NAPI_DOMAIN_DESCRIPTION_BLOB {
    pub AuthLevel: u32,
    pub cchDomainName: u32,
    pub OffsetNextDomainDescription: u32,
    pub OffsetThisDomainName: u32,
}

pub const ProviderType_Application: u32 = 1;
pub const ProviderType_Service: u32 = 2;
pub const ProviderLevel_None: u32 = 0;
pub const ProviderLevel_Secondary: u32 = 1;
pub const ProviderLevel_Primary: u32 = 2;

// Well-known service classes (CLS-9).

/// `0002xxxx-0000-0000-C000-000000000046` and its like.
const fn service_class(first: u32) -> GUID {
    GUID::from_u128((first as u128) << 96 | 0xC000_0000_0000_0046)
}

/// The class of the services on a TCP port, in host byte order.
pub const fn SVCID_TCP(port: u16) -> GUID {
    service_class(0x0009_0000 | port as u32)
}

/// The class of the services on a UDP port, in host byte order.
pub const fn SVCID_UDP(port: u16) -> GUID {
    service_class(0x000A_0000 | port as u32)
}

/// The class of the NetWare services of a type.
pub const fn SVCID_NETWARE(sap_id: u16) -> GUID {
    service_class(0x000B_0000 | sap_id as u32)
}

/// The name of this machine.
pub const SVCID_HOSTNAME: GUID = service_class(0x0002_A800);
/// The host that has an address; the query is the address as text.
pub const SVCID_INET_HOSTADDRBYINETSTRING: GUID = service_class(0x0002_A801);
/// The service that has a name, and the other way round.
pub const SVCID_INET_SERVICEBYNAME: GUID = service_class(0x0002_A802);
/// The addresses of a host.
pub const SVCID_INET_HOSTADDRBYNAME: GUID = service_class(0x0002_A803);

/// The records of a type in the DNS: the class of TCP port 53 with the type in its third part.
pub const fn SVCID_DNS(record_type: u16) -> GUID {
    GUID { data3: record_type, ..SVCID_TCP(53) }
}

/// The other way round: the type of the records, if the class is one of those.
pub const fn dns_record_type(class: &GUID) -> Option<u16> {
    let like = GUID { data3: 0, ..*class };
    if like.to_u128() == SVCID_TCP(53).to_u128() && class.data3 != 0 { Some(class.data3) } else { None }
}

pub const SVCID_DNS_TYPE_A: GUID = SVCID_DNS(1);
pub const SVCID_DNS_TYPE_NS: GUID = SVCID_DNS(2);
pub const SVCID_DNS_TYPE_CNAME: GUID = SVCID_DNS(5);
pub const SVCID_DNS_TYPE_SOA: GUID = SVCID_DNS(6);
pub const SVCID_DNS_TYPE_PTR: GUID = SVCID_DNS(12);
pub const SVCID_DNS_TYPE_MX: GUID = SVCID_DNS(15);
pub const SVCID_DNS_TYPE_TEXT: GUID = SVCID_DNS(16);
pub const SVCID_DNS_TYPE_AAAA: GUID = SVCID_DNS(28);
pub const SVCID_DNS_TYPE_SRV: GUID = SVCID_DNS(33);

const _: () = {
    assert!(size_of::<WSAQUERYSETW>() == 15 * size_of::<usize>());
    assert!(size_of::<WSAQUERYSET2W>() == 14 * size_of::<usize>());
};
