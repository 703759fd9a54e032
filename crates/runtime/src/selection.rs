//! Which catalog entry serves a request (contract: catalog, section 5).

use windlass_abi::{FROM_PROTOCOL_INFO, GROUP, WSAPROTOCOL_INFOW, WsaError};
use windlass_catalog::{ApplicationFilter, Criteria, ProtocolCatalog, ProtocolEntry, select, select_by_id};

/// The arguments of `socket` and `WSASocket`.
#[derive(Clone, Copy)]
pub struct SocketRequest<'a> {
    /// `af`, handed to the provider untouched.
    pub family: i32,
    /// `type`, handed to the provider untouched.
    pub socket_type: i32,
    /// `protocol`, handed to the provider untouched.
    pub protocol: i32,
    /// `lpProtocolInfo`: the entry that the program chose, if it did (SEL-1).
    pub info: Option<&'a WSAPROTOCOL_INFOW>,
    /// `g`.
    pub group: GROUP,
    /// `WSA_FLAG_*`. `socket` passes [`crate::thread::default_socket_flags`] (SEL-13).
    pub flags: u32,
}

/// The entry that serves a new socket.
///
/// # Errors
/// `WSAEINVAL`: the structure names no usable entry (SEL-2), or a value says "as in the structure"
/// and there is none; nothing is asked for (SEL-7). `WSAEAFNOSUPPORT`, `WSAESOCKTNOSUPPORT`,
/// `WSAEPROTONOSUPPORT` when nothing matches (SEL-8).
pub fn choose<'c>(
    catalog: &'c ProtocolCatalog,
    filter: ApplicationFilter,
    request: &SocketRequest<'_>,
) -> Result<&'c ProtocolEntry, WsaError> {
    if let Some(info) = request.info {
        return select_by_id(catalog, info.dwCatalogEntryId, filter);
    }
    let SocketRequest { family, socket_type, protocol, .. } = *request;
    if [family, socket_type, protocol].contains(&FROM_PROTOCOL_INFO) {
        return Err(WsaError::WSAEINVAL);
    }
    select(catalog, Criteria { family, socket_type, protocol }, filter)
}

/// What `WSPSocket` gets as `lpProtocolInfo`: the entry chosen (SEL-12), with what marks a duplicated socket if the
/// program brings one: the token, and the reserved flags, which are the provider's to fill then (WSP-DUP-1, WSP-SOCK-6).
pub fn info_for_socket(entry: &ProtocolEntry, request: &SocketRequest<'_>) -> WSAPROTOCOL_INFOW {
    let mut info = entry.info();
    if let Some(given) = request.info.filter(|given| given.dwProviderReserved != 0) {
        info.dwProviderReserved = given.dwProviderReserved;
        info.dwServiceFlags2 = given.dwServiceFlags2;
        info.dwServiceFlags3 = given.dwServiceFlags3;
        info.dwServiceFlags4 = given.dwServiceFlags4;
    }
    info
}

/// The entry whose provider converts between an address of this family and text: the one that the
/// program names, else the first of the family that this program may use (API-S16).
///
/// # Errors
/// `WSAEINVAL`: there is none.
pub fn choose_for_address<'c>(
    catalog: &'c ProtocolCatalog,
    filter: ApplicationFilter,
    family: i32,
    info: Option<&WSAPROTOCOL_INFOW>,
) -> Result<&'c ProtocolEntry, WsaError> {
    if let Some(info) = info {
        return select_by_id(catalog, info.dwCatalogEntryId, filter);
    }
    let fits = |entry: &&ProtocolEntry| entry.address_family == family && filter.permits_entry(catalog, entry);
    catalog.entries.iter().find(fits).ok_or(WsaError::WSAEINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::{AF_INET, AF_INET6, SOCK_STREAM};
    use windlass_catalog::builtin;

    fn request(family: i32, socket_type: i32, protocol: i32) -> SocketRequest<'static> {
        SocketRequest { family, socket_type, protocol, info: None, group: 0, flags: 0 }
    }

    fn chosen(request: &SocketRequest<'_>) -> Result<u32, WsaError> {
        choose(&builtin::protocols(), ApplicationFilter::All, request).map(|entry| entry.id)
    }

    #[test]
    fn sel_1_an_entry_that_is_named_is_taken_whatever_else_is_asked() {
        let info = WSAPROTOCOL_INFOW { dwCatalogEntryId: builtin::UDP_IPV6_ID, ..Default::default() };
        for other in [request(AF_INET, SOCK_STREAM, 0), request(-1, -1, -1), request(77, 88, 99)] {
            assert_eq!(chosen(&SocketRequest { info: Some(&info), ..other }), Ok(builtin::UDP_IPV6_ID));
        }
    }

    #[test]
    fn sel_2_an_unknown_entry_is_not_valid() {
        let info = WSAPROTOCOL_INFOW { dwCatalogEntryId: 4711, ..Default::default() };
        let named = SocketRequest { info: Some(&info), ..request(AF_INET, SOCK_STREAM, 0) };
        assert_eq!(chosen(&named), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn from_protocol_info_needs_the_structure() {
        for bad in [request(-1, 1, 0), request(2, -1, 0), request(2, 1, -1)] {
            assert_eq!(chosen(&bad), Err(WsaError::WSAEINVAL));
        }
    }

    #[test]
    fn sel_12_the_entry_goes_to_the_provider_with_the_token_of_a_duplicate() {
        let catalog = builtin::protocols();
        let entry = &catalog.entries[0];
        let given = WSAPROTOCOL_INFOW { dwProviderReserved: 42, dwServiceFlags3: 43, iProtocol: 9, ..entry.info() };
        let named = SocketRequest { info: Some(&given), ..request(-1, -1, -1) };
        let info = info_for_socket(entry, &named);
        assert_eq!((info.dwProviderReserved, info.dwServiceFlags3), (42, 43));
        let plain = WSAPROTOCOL_INFOW { dwServiceFlags3: 43, ..entry.info() };
        let plain = SocketRequest { info: Some(&plain), ..request(-1, -1, -1) };
        assert_eq!(info_for_socket(entry, &plain).dwServiceFlags3, 0);
        assert_eq!(info.iProtocol, entry.protocol);
        assert_eq!(info_for_socket(entry, &request(2, 1, 0)).dwProviderReserved, 0);
    }

    #[test]
    fn api_s16_the_first_entry_of_the_family_converts_addresses() {
        let catalog = builtin::protocols();
        let of = |family, info: Option<&WSAPROTOCOL_INFOW>| {
            choose_for_address(&catalog, ApplicationFilter::All, family, info).map(|entry| entry.id)
        };
        assert_eq!(of(AF_INET, None), Ok(builtin::TCP_IPV4_ID));
        assert_eq!(of(AF_INET6, None), Ok(builtin::TCP_IPV6_ID));
        assert_eq!(of(0xdead, None), Err(WsaError::WSAEINVAL));
        let named = WSAPROTOCOL_INFOW { dwCatalogEntryId: builtin::UDP_IPV4_ID, ..Default::default() };
        assert_eq!(of(AF_INET6, Some(&named)), Ok(builtin::UDP_IPV4_ID));
    }
}
