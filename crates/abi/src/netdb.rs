//! Host, service and protocol names (contract: api, section 4; namespace, section 10).

use core::ffi::c_void;

use crate::{GUID, SOCKADDR, WSAOVERLAPPED};

/// A host: its names and addresses. The address list ends with a null pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HOSTENT {
    pub h_name: *mut u8,
    pub h_aliases: *mut *mut u8,
    pub h_addrtype: i16,
    /// Bytes of each address.
    pub h_length: i16,
    pub h_addr_list: *mut *mut u8,
}

/// A service. On 64-bit Windows `s_proto` comes before `s_port`, unlike on 32 bits.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SERVENT {
    pub s_name: *mut u8,
    pub s_aliases: *mut *mut u8,
    #[cfg(target_pointer_width = "64")]
    pub s_proto: *mut u8,
    /// In network byte order.
    pub s_port: i16,
    #[cfg(not(target_pointer_width = "64"))]
    pub s_proto: *mut u8,
}

/// A protocol.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PROTOENT {
    pub p_name: *mut u8,
    pub p_aliases: *mut *mut u8,
    pub p_proto: i16,
}

/// A network.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct netent {
    pub n_name: *mut u8,
    pub n_aliases: *mut *mut u8,
    pub n_addrtype: i16,
    pub n_net: u32,
}

/// Bytes that always hold a HOSTENT with its data.
pub const MAXGETHOSTSTRUCT: usize = 1024;

macro_rules! addrinfo {
    ($($(#[$doc:meta])* $name:ident($text:ty) { $($field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name {
                pub ai_flags: i32,
                pub ai_family: i32,
                pub ai_socktype: i32,
                pub ai_protocol: i32,
                /// Bytes of `ai_addr`.
                pub ai_addrlen: usize,
                pub ai_canonname: *mut $text,
                pub ai_addr: *mut SOCKADDR,
                $(pub $field: $ty,)*
            }
        )*
    };
}

addrinfo! {
    /// One result of `getaddrinfo`: 48 bytes on 64-bit systems.
    ADDRINFOA(u8) {
        ai_next: *mut ADDRINFOA,
    }
    /// One result of `GetAddrInfoW`.
    ADDRINFOW(u16) {
        ai_next: *mut ADDRINFOW,
    }
    /// One result of `GetAddrInfoExA`.
    ADDRINFOEXA(u8) {
        ai_blob: *mut c_void,
        ai_bloblen: usize,
        ai_provider: *mut GUID,
        ai_next: *mut ADDRINFOEXA,
    }
    /// One result of `GetAddrInfoExW`.
    ADDRINFOEXW(u16) {
        ai_blob: *mut c_void,
        ai_bloblen: usize,
        ai_provider: *mut GUID,
        ai_next: *mut ADDRINFOEXW,
    }
    /// The same with the full name, where `AI_EXTENDED` asks for it.
    ADDRINFOEX2W(u16) {
        ai_blob: *mut c_void,
        ai_bloblen: usize,
        ai_provider: *mut GUID,
        ai_next: *mut ADDRINFOEX2W,
        ai_version: i32,
        ai_fqdn: *mut u16,
    }
}

pub const ADDRINFOEX_VERSION_2: i32 = 2;
pub const ADDRINFOEX_VERSION_3: i32 = 3;
pub const ADDRINFOEX_VERSION_4: i32 = 4;
pub const ADDRINFOEX_VERSION_5: i32 = 5;
pub const ADDRINFOEX_VERSION_6: i32 = 6;

// Flags of getaddrinfo and its kin.
pub const AI_PASSIVE: i32 = 0x1;
pub const AI_CANONNAME: i32 = 0x2;
pub const AI_NUMERICHOST: i32 = 0x4;
pub const AI_NUMERICSERV: i32 = 0x8;
pub const AI_DNS_ONLY: i32 = 0x10;
pub const AI_FORCE_CLEAR_TEXT: i32 = 0x20;
pub const AI_BYPASS_DNS_CACHE: i32 = 0x40;
pub const AI_RETURN_TTL: i32 = 0x80;
pub const AI_ALL: i32 = 0x100;
pub const AI_ADDRCONFIG: i32 = 0x400;
pub const AI_V4MAPPED: i32 = 0x800;
pub const AI_NON_AUTHORITATIVE: i32 = 0x4000;
pub const AI_SECURE: i32 = 0x8000;
pub const AI_RETURN_PREFERRED_NAMES: i32 = 0x1_0000;
pub const AI_FQDN: i32 = 0x2_0000;
pub const AI_FILESERVER: i32 = 0x4_0000;
pub const AI_DISABLE_IDN_ENCODING: i32 = 0x8_0000;
pub const AI_SECURE_WITH_FALLBACK: i32 = 0x10_0000;
pub const AI_EXCLUSIVE_CUSTOM_SERVERS: i32 = 0x20_0000;
pub const AI_RETURN_RESPONSE_FLAGS: i32 = 0x1000_0000;
pub const AI_REQUIRE_SECURE: i32 = 0x2000_0000;
pub const AI_RESOLUTION_HANDLE: i32 = 0x4000_0000;
pub const AI_EXTENDED: i32 = 0x8000_0000_u32 as i32;

// Flags of getnameinfo.
pub const NI_NOFQDN: i32 = 0x1;
pub const NI_NUMERICHOST: i32 = 0x2;
pub const NI_NAMEREQD: i32 = 0x4;
pub const NI_NUMERICSERV: i32 = 0x8;
pub const NI_DGRAM: i32 = 0x10;
/// Characters, with the NUL, of the longest host name.
pub const NI_MAXHOST: usize = 1025;
/// Characters, with the NUL, of the longest service name.
pub const NI_MAXSERV: usize = 32;

// What the getaddrinfo family returns: Winsock codes by their standard names (API-R1).
pub const EAI_AGAIN: i32 = crate::WSATRY_AGAIN;
pub const EAI_BADFLAGS: i32 = crate::WSAEINVAL;
pub const EAI_FAIL: i32 = crate::WSANO_RECOVERY;
pub const EAI_FAMILY: i32 = crate::WSAEAFNOSUPPORT;
pub const EAI_MEMORY: i32 = crate::WSA_NOT_ENOUGH_MEMORY;
pub const EAI_NOSECURENAME: i32 = crate::WSA_SECURE_HOST_NOT_FOUND;
pub const EAI_NODATA: i32 = EAI_NONAME;
pub const EAI_NONAME: i32 = crate::WSAHOST_NOT_FOUND;
pub const EAI_SERVICE: i32 = crate::WSATYPE_NOT_FOUND;
pub const EAI_SOCKTYPE: i32 = crate::WSAESOCKTNOSUPPORT;
pub const EAI_IPSECPOLICY: i32 = crate::WSA_IPSEC_NAME_POLICY_ERROR;

// Codes of the older host functions.
pub const HOST_NOT_FOUND: i32 = crate::WSAHOST_NOT_FOUND;
pub const TRY_AGAIN: i32 = crate::WSATRY_AGAIN;
pub const NO_RECOVERY: i32 = crate::WSANO_RECOVERY;
pub const NO_DATA: i32 = crate::WSANO_DATA;
pub const NO_ADDRESS: i32 = NO_DATA;

/// Called when a `GetAddrInfoEx` finishes (API-R7).
pub type LPLOOKUPSERVICE_COMPLETION_ROUTINE =
    Option<unsafe extern "system" fn(dwError: u32, dwBytes: u32, lpOverlapped: *mut WSAOVERLAPPED)>;
