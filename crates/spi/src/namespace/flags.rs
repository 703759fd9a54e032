//! The control flags of look-ups, and what they leave of a result.

use windlass_abi::*;

use super::QuerySet;

/// The `LUP_RETURN_*` bits that decide which parts of a result are there.
pub const RETURNED: u32 = LUP_RETURN_ALL & !LUP_RETURN_ALIASES;

/// The flags that a call of Next works with: of what Begin asked to be returned, it can only narrow (LUP-4); none at all
/// means the same as Begin (LUP-5). `LUP_FLUSHPREVIOUS` and `LUP_RES_SERVICE` act on their own (LUP-6).
pub fn combined(begin: u32, next: u32) -> u32 {
    let own = LUP_FLUSHPREVIOUS | LUP_RES_SERVICE;
    let returned = match next & LUP_RETURN_ALL {
        0 => begin & LUP_RETURN_ALL,
        asked => begin & asked,
    };
    begin & !LUP_RETURN_ALL & !LUP_FLUSHPREVIOUS | returned | next & own
}

/// Takes out of a result what the flags do not ask for.
pub fn restrict(result: &mut QuerySet, flags: u32) {
    let is_unwanted = |bit| flags & bit == 0;
    if is_unwanted(LUP_RETURN_NAME) {
        result.name = None;
    }
    if is_unwanted(LUP_RETURN_TYPE) {
        result.class = None;
    }
    if is_unwanted(LUP_RETURN_VERSION) {
        result.version = None;
    }
    if is_unwanted(LUP_RETURN_COMMENT) {
        result.comment = None;
    }
    if is_unwanted(LUP_RETURN_ADDR) {
        result.addresses.clear();
    }
    if is_unwanted(LUP_RETURN_BLOB) {
        result.blob = None;
    }
    if is_unwanted(LUP_RETURN_QUERY_STRING) {
        result.query_string = None;
    }
}

impl QuerySet {
    /// Whether a service of this version is what the query asks for (NSP1-10). Without a restriction every service is.
    pub fn admits_version(&self, version: Option<WSAVERSION>) -> bool {
        match (self.version, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(asked), Some(has)) => match asked.ecHow {
                COMP_NOTLESS => has.dwVersion >= asked.dwVersion,
                _ => has.dwVersion == asked.dwVersion,
            },
        }
    }

    /// Whether the query's families and protocols allow an address (FAN-13). `AF_UNSPEC` and protocol 0 stand for any.
    pub fn admits_protocol(&self, family: i32, protocol: i32) -> bool {
        self.protocols.is_empty()
            || self.protocols.iter().any(|allowed| {
                (allowed.iAddressFamily == AF_UNSPEC || allowed.iAddressFamily == family)
                    && (allowed.iProtocol == 0 || protocol == 0 || allowed.iProtocol == protocol)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lup_4_next_only_narrows() {
        let begin = LUP_DEEP | LUP_RETURN_NAME | LUP_RETURN_ADDR;
        assert_eq!(combined(begin, LUP_RETURN_NAME), LUP_DEEP | LUP_RETURN_NAME);
        assert_eq!(combined(LUP_RETURN_NAME, LUP_RETURN_NAME | LUP_RETURN_BLOB), LUP_RETURN_NAME);
    }

    #[test]
    fn lup_5_next_without_a_wish_is_as_begin() {
        assert_eq!(combined(LUP_DEEP | LUP_RETURN_ALL, LUP_CONTAINERS), LUP_DEEP | LUP_RETURN_ALL);
    }

    #[test]
    fn lup_6_some_flags_act_on_their_own() {
        assert_eq!(combined(LUP_RETURN_NAME, LUP_FLUSHPREVIOUS), LUP_RETURN_NAME | LUP_FLUSHPREVIOUS);
        assert_eq!(combined(LUP_FLUSHPREVIOUS, LUP_RES_SERVICE), LUP_RES_SERVICE);
    }

    #[test]
    fn nsp1_10_versions_are_equal_or_not_less() {
        let version = |number, how| Some(WSAVERSION { dwVersion: number, ecHow: how });
        let query = |version| QuerySet { version, ..QuerySet::default() };
        let has = version(5, COMP_EQUAL);
        assert!(query(None).admits_version(None));
        assert!(!query(version(5, COMP_EQUAL)).admits_version(None));
        for (asked, equal, not_less) in [(4, false, true), (5, true, true), (6, false, false)] {
            assert_eq!(query(version(asked, COMP_EQUAL)).admits_version(has), equal);
            assert_eq!(query(version(asked, COMP_NOTLESS)).admits_version(has), not_less);
        }
    }

    #[test]
    fn fan_13_a_protocol_constraint_knows_wildcards() {
        let only = |family, protocol| QuerySet {
            protocols: vec![AFPROTOCOLS { iAddressFamily: family, iProtocol: protocol }],
            ..QuerySet::default()
        };
        assert!(QuerySet::default().admits_protocol(AF_INET, IPPROTO_TCP));
        assert!(only(AF_UNSPEC, IPPROTO_TCP).admits_protocol(AF_INET6, IPPROTO_TCP));
        assert!(only(AF_INET, 0).admits_protocol(AF_INET, IPPROTO_UDP));
        assert!(!only(AF_INET, IPPROTO_TCP).admits_protocol(AF_INET, IPPROTO_UDP));
        assert!(!only(AF_INET, 0).admits_protocol(AF_INET6, IPPROTO_TCP));
    }

    #[test]
    fn pack_3_what_was_not_asked_for_is_absent() {
        let mut result = QuerySet {
            name: Some("n".into()),
            class: Some(SVCID_TCP(80)),
            comment: Some("c".into()),
            blob: Some(vec![1]),
            name_space: NS_DNS,
            ..QuerySet::default()
        };
        restrict(&mut result, LUP_RETURN_COMMENT);
        assert_eq!(result, QuerySet { comment: Some("c".into()), name_space: NS_DNS, ..QuerySet::default() });
    }
}
