use proptest::prelude::*;
use windlass_spi::address::Address;
use windlass_spi::namespace::ServiceAddress;
use windlass_spi::namespace::registration::Verb;

use super::*;

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\0]{0,12}")
}

fn address() -> impl Strategy<Value = Option<Address>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=128))
        .prop_map(|bytes| bytes.map(|bytes| Address::from_bytes(&bytes).unwrap()))
}

prop_compose! {
    fn query_set()(
        (name, comment, context, query_string) in (text(), text(), text(), text()),
        version in proptest::option::of(any::<(u32, i32)>()),
        provider in proptest::option::of(any::<u128>()),
        protocols in proptest::collection::vec(any::<(i32, i32)>(), 0..4),
        addresses in proptest::collection::vec((address(), address(), any::<(i32, i32)>()), 0..4),
        (name_space, output_flags) in any::<(u32, u32)>(),
        blob in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
    ) -> QuerySet {
        QuerySet {
            name, comment, context, query_string, name_space, output_flags, blob,
            class: None,
            version: version.map(|(number, how)| windlass_abi::WSAVERSION { dwVersion: number, ecHow: how }),
            provider: provider.map(GUID::from_u128),
            protocols: protocols.into_iter().map(|(family, protocol)| windlass_abi::AFPROTOCOLS { iAddressFamily: family, iProtocol: protocol }).collect(),
            addresses: addresses.into_iter().map(|(local, remote, (socket_type, protocol))| ServiceAddress { local, remote, socket_type, protocol }).collect(),
        }
    }
}

fn ask() -> impl Strategy<Value = Ask> {
    let verb = proptest::sample::select(vec![Verb::Register, Verb::Deregister, Verb::Delete]);
    prop_oneof![
        (query_set(), any::<u32>()).prop_map(|(query, flags)| Ask::Begin { query, flags }),
        any::<(u32, u32)>().prop_map(|(lookup, flags)| Ask::Next { lookup, flags }),
        any::<u32>().prop_map(|lookup| Ask::End { lookup }),
        (query_set(), verb, any::<bool>()).prop_map(|(registration, verb, multiple)| Ask::Set {
            registration,
            operation: SetOperation { verb, multiple }
        }),
        Just(Ask::Bye),
    ]
}

fn result() -> impl Strategy<Value = Result<Answer, WsaError>> {
    prop_oneof![
        (1..i32::MAX).prop_map(|code| Err(WsaError::from_code(code))),
        any::<u32>().prop_map(|lookup| Ok(Answer::Lookup(lookup))),
        query_set().prop_map(|set| Ok(Answer::Set(Box::new(set)))),
        Just(Ok(Answer::Done)),
    ]
}

fn sent(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.send(&mut bytes).unwrap();
    bytes
}

proptest! {
    // proves: PACK-7
    #[test]
    fn nsp2_call_10_requests_arrive_whole(number: u32, ask in ask()) {
        let request = Request { number, ask };
        prop_assert_eq!(Request::receive(&mut &sent(&request)[..]).unwrap(), request);
    }

    #[test]
    fn nsp2_call_9_replies_arrive_whole(number: u32, result in result()) {
        let reply = Reply { number, result };
        prop_assert_eq!(Reply::receive(&mut &sent(&reply)[..]).unwrap(), reply);
    }

    #[test]
    fn a_message_that_is_cut_off_is_none(number: u32, ask in ask(), cut: prop::sample::Index) {
        let bytes = sent(&Request { number, ask });
        let cut = cut.index(bytes.len());
        prop_assert!(Request::receive(&mut &bytes[..cut]).is_err());
        // Nor is one whose length lies.
        let mut short = bytes.clone();
        let length = (bytes.len() - 4) as u32;
        short[..4].copy_from_slice(&(length - 1).to_le_bytes());
        prop_assert!(Request::receive(&mut &short[..]).is_err());
    }

    #[test]
    fn harmed_bytes_are_refused_or_another_message(ask in ask(), harm in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..6)) {
        let mut bytes = sent(&Request { number: 1, ask });
        for (at, value) in harm {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(other) = Request::receive(&mut &bytes[..]) {
            prop_assert_eq!(Request::receive(&mut &sent(&other)[..]).unwrap(), other);
        }
        let _ = Reply::receive(&mut &bytes[..]);
        let _ = Hello::receive(&mut &bytes[..]);
    }
}

#[test]
fn either_side_may_be_newer() {
    let provider = GUID::from_u128(7);
    let hello = Hello::of(provider);
    assert_eq!(Hello::receive(&mut &sent(&hello)[..]).unwrap(), hello);
    assert_eq!(hello.agreed(), Some(VERSION));
    assert_eq!(Hello { lowest: 0, highest: VERSION + 3, provider }.agreed(), Some(VERSION));
    assert_eq!(Hello { lowest: VERSION + 1, highest: VERSION + 3, provider }.agreed(), None);
    assert_eq!(Hello { lowest: 0, highest: 0, provider }.agreed(), None);
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_it_is_read() {
    let error = Request::receive(&mut &u32::MAX.to_le_bytes()[..]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let blob = vec![0; MOST];
    let request = Request {
        number: 1,
        ask: Ask::Begin { query: QuerySet { blob: Some(blob), ..QuerySet::default() }, flags: 0 },
    };
    assert_eq!(request.send(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
