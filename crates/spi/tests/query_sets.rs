//! Query sets and service classes: what is packed into a buffer is read back, from wherever it lies, and nothing that a
//! provider writes leads out of the buffer.
#![allow(unsafe_code, reason = "reads and writes memory as C programs do")]
#![allow(non_snake_case, reason = "members have the names of the headers")]

use std::ptr::{null, null_mut};

use proptest::prelude::*;
use windlass_spi::abi::*;
use windlass_spi::address::Address;
use windlass_spi::namespace::{ClassInfo, Form, Image, Purpose, QuerySet, ServiceAddress, ServiceClass, Text, pack};

const FORMS: [Form; 4] = [Form::QUERY_SET_W, Form::QUERY_SET_A, Form::QUERY_SET_2W, Form::QUERY_SET_2A];

/// A buffer that is aligned for a pointer.
struct Buffer {
    words: Vec<u64>,
    len: usize,
}

impl Buffer {
    fn new(len: usize) -> Self {
        Self { words: vec![0xA5A5_A5A5_A5A5_A5A5; len.div_ceil(8)], len }
    }

    fn of(bytes: &[u8]) -> Self {
        let mut buffer = Self::new(bytes.len());
        // SAFETY: there is room for the bytes.
        unsafe { buffer.at().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        buffer
    }

    fn at(&mut self) -> *mut u8 {
        self.words.as_mut_ptr().cast()
    }

    fn pack(image: &Image) -> Self {
        let mut buffer = Self::new(image.len().unwrap() as usize);
        let mut len = buffer.len as u32;
        // SAFETY: the buffer has that many bytes.
        unsafe { pack(image, buffer.at(), &raw mut len) }.unwrap();
        assert_eq!(len as usize, buffer.len, "NEXT-12: unchanged");
        buffer
    }

    fn read(&mut self, form: Form) -> Result<QuerySet, WsaError> {
        // SAFETY: the buffer is ours.
        unsafe { QuerySet::from_buffer(self.at(), self.len, form) }
    }
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\0]{0,12}")
}

fn guid() -> impl Strategy<Value = Option<GUID>> {
    proptest::option::of(any::<u128>().prop_map(GUID::from_u128))
}

fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))
}

prop_compose! {
    fn service_address()(
        local in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..=128)),
        remote in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..=128)),
        socket_type in any::<i32>(),
        protocol in any::<i32>(),
    ) -> ServiceAddress {
        let address = |bytes: Option<Vec<u8>>| bytes.map(|bytes| Address::from_bytes(&bytes).unwrap());
        ServiceAddress { local: address(local), remote: address(remote), socket_type, protocol }
    }
}

prop_compose! {
    fn query_set()(
        (name, comment, context, query_string) in (text(), text(), text(), text()),
        (class, provider) in (guid(), guid()),
        version in proptest::option::of((any::<u32>(), any::<i32>())),
        (name_space, output_flags) in any::<(u32, u32)>(),
        protocols in proptest::collection::vec(any::<(i32, i32)>(), 0..4),
        addresses in proptest::collection::vec(service_address(), 0..4),
        blob in bytes(),
    ) -> QuerySet {
        let version = version.map(|(dwVersion, ecHow)| WSAVERSION { dwVersion, ecHow });
        let protocols =
            protocols.into_iter().map(|(iAddressFamily, iProtocol)| AFPROTOCOLS { iAddressFamily, iProtocol }).collect();
        QuerySet {
            name, class, version, comment, name_space, provider, context, protocols, query_string, addresses, output_flags, blob,
        }
    }
}

prop_compose! {
    fn class_info()(name in text(), (name_space, value_type) in any::<(u32, u32)>(), value in bytes()) -> ClassInfo {
        ClassInfo { name, name_space, value_type, value }
    }
}

prop_compose! {
    fn service_class()(
        id in any::<u128>(),
        name in text(),
        properties in proptest::collection::vec(class_info(), 0..4),
    ) -> ServiceClass {
        ServiceClass { id: GUID::from_u128(id), name, properties }
    }
}

/// What reading a result gives: no protocols, and a class only where there is room for it.
fn as_result(set: &QuerySet, form: Form) -> QuerySet {
    QuerySet { protocols: Vec::new(), class: set.class.filter(|_| form.has_class), ..set.clone() }
}

proptest! {
    // proves: PACK-1, PACK-2, PACK-3, PACK-4, PACK-7, NEXT-10, QS2-1
    #[test]
    fn pack_1_a_set_is_read_back_from_every_buffer(set in query_set()) {
        for form in FORMS {
            let image = set.image(form).unwrap();
            let (mut one, mut two) = (Buffer::pack(&image), Buffer::pack(&image));
            prop_assert_eq!(one.read(form), Ok(as_result(&set, form)));
            // In another place its pointers lead elsewhere.
            prop_assert_eq!(one.read(form), two.read(form));
            prop_assert_eq!(one.words[0] as u32 as usize, form.size());
        }
    }

    #[test]
    fn pack_1_a_moved_set_is_refused(set in query_set()) {
        // Protocols mean nothing in a result, wherever they are.
        let set = QuerySet { protocols: Vec::new(), ..set };
        let image = set.image(Form::QUERY_SET_W).unwrap();
        prop_assume!(image.pointers().next().is_some());
        let one = Buffer::pack(&image);
        let mut moved = Buffer { words: one.words.clone(), len: one.len };
        prop_assert_eq!(moved.read(Form::QUERY_SET_W), Err(WsaError::WSAEFAULT));
    }

    #[test]
    fn next_3_too_small_a_buffer_learns_the_size(set in query_set(), short in 1u32..200) {
        let image = set.image(Form::QUERY_SET_W).unwrap();
        let mut buffer = Buffer::new(image.len().unwrap() as usize);
        let mut len = buffer.len as u32 - short.min(buffer.len as u32);
        // SAFETY: the buffer has at least that many bytes.
        prop_assert_eq!(unsafe { pack(&image, buffer.at(), &raw mut len) }, Err(WsaError::WSAEFAULT));
        prop_assert_eq!(len as usize, buffer.len);
        prop_assert!(buffer.words.iter().all(|word| *word == 0xA5A5_A5A5_A5A5_A5A5), "nothing is written");
    }

    /// Whatever a provider leaves in a buffer, reading it stays inside, and ends.
    #[test]
    fn pack_1_any_bytes_are_read_or_refused(set in query_set(), harm in proptest::collection::vec(any::<(usize, u8)>(), 1..8)) {
        for form in FORMS {
            let mut buffer = Buffer::pack(&set.image(form).unwrap());
            let len = buffer.len;
            for (at, value) in &harm {
                // SAFETY: within the buffer.
                unsafe { buffer.at().add(at % len).write(*value) };
            }
            let _ = buffer.read(form);
        }
    }

    #[test]
    fn qs_5_a_class_is_read_back(class in service_class()) {
        for text in [Text::Wide, Text::Ansi] {
            let mut buffer = Buffer::pack(&class.image(text).unwrap());
            // SAFETY: the buffer is ours.
            let read = unsafe { ServiceClass::from_buffer(buffer.at(), buffer.len, text) };
            prop_assert_eq!(read, Ok(class.clone()));
            let mut moved = Buffer { words: buffer.words.clone(), len: buffer.len };
            // SAFETY: as above.
            prop_assert_eq!(unsafe { ServiceClass::from_buffer(moved.at(), moved.len, text) }, Err(WsaError::WSAEFAULT));
        }
    }
}

fn whole() -> QuerySet {
    let address = |last| std::net::SocketAddr::from(([192, 0, 2, last], 5060));
    QuerySet {
        name: Some("alice".into()),
        class: Some(SVCID_TCP(5060)),
        version: Some(WSAVERSION { dwVersion: 3, ecHow: COMP_NOTLESS }),
        comment: Some("at home".into()),
        name_space: NS_EMAIL,
        provider: Some(GUID::from_u128(7)),
        context: Some("\\".into()),
        protocols: vec![AFPROTOCOLS { iAddressFamily: AF_INET, iProtocol: IPPROTO_TCP }],
        query_string: Some("q".into()),
        addresses: vec![ServiceAddress {
            local: Some(address(1).into()),
            remote: Some(address(2).into()),
            socket_type: SOCK_STREAM,
            protocol: IPPROTO_TCP,
        }],
        output_flags: RESULT_IS_ADDED,
        blob: Some(vec![1, 2, 3]),
    }
}

// proves: QS-1, QS-2, QS2-1
#[test]
fn qs_2_the_members_are_where_the_headers_have_them() {
    let set = whole();
    let mut one = Buffer::pack(&set.image(Form::QUERY_SET_W).unwrap());
    // SAFETY: a set was packed there.
    let raw = unsafe { one.at().cast::<WSAQUERYSETW>().read() };
    // SAFETY: the members were packed.
    unsafe {
        assert_eq!(raw.dwSize as usize, size_of::<WSAQUERYSETW>());
        assert_eq!(*raw.lpServiceClassId, SVCID_TCP(5060));
        assert_eq!((*raw.lpVersion).dwVersion, 3);
        assert_eq!(*raw.lpszComment, u16::from(b'a'));
        assert_eq!((raw.dwNameSpace, *raw.lpNSProviderId), (NS_EMAIL, GUID::from_u128(7)));
        assert_eq!(*raw.lpszContext, u16::from(b'\\'));
        assert_eq!((raw.dwNumberOfProtocols, (*raw.lpafpProtocols).iProtocol), (1, IPPROTO_TCP));
        assert_eq!((*raw.lpszQueryString, raw.dwOutputFlags), (u16::from(b'q'), RESULT_IS_ADDED));
        let address = *raw.lpcsaBuffer;
        assert_eq!((raw.dwNumberOfCsAddrs, address.iSocketType, address.iProtocol), (1, SOCK_STREAM, IPPROTO_TCP));
        assert_eq!((address.LocalAddr.iSockaddrLength, address.RemoteAddr.iSockaddrLength), (16, 16));
        assert!(address.RemoteAddr.lpSockaddr.is_aligned());
        assert_eq!(*address.RemoteAddr.lpSockaddr.cast::<u8>().add(7), 2);
        assert_eq!(((*raw.lpBlob).cbSize, *(*raw.lpBlob).pBlobData.add(2)), (3, 3));
    }
    let mut two = Buffer::pack(&set.image(Form::QUERY_SET_2W).unwrap());
    // SAFETY: a set was packed there.
    let raw = unsafe { two.at().cast::<WSAQUERYSET2W>().read() };
    assert_eq!((raw.dwSize as usize, raw.dwNameSpace), (size_of::<WSAQUERYSET2W>(), NS_EMAIL));
    // SAFETY: the members were packed.
    assert_eq!(unsafe { ((*raw.lpVersion).dwVersion, (*raw.lpBlob).cbSize) }, (3, 3));
}

fn read(set: &WSAQUERYSETW, purpose: Purpose) -> Result<QuerySet, WsaError> {
    // SAFETY: the tests give structures whose pointers are null, misaligned or good.
    unsafe { QuerySet::from_raw(set, purpose) }
}

#[test]
fn fan_14_the_copy_does_not_share_memory() {
    let set = whole();
    let mut buffer = Buffer::pack(&set.image(Form::QUERY_SET_W).unwrap());
    // SAFETY: a set was packed there.
    let copy = unsafe { QuerySet::from_raw(buffer.at().cast(), Purpose::Result) }.unwrap();
    buffer.words.fill(u64::MAX);
    assert_eq!(copy, as_result(&set, Form::QUERY_SET_W));
}

// proves: FAN-11, SET-7
#[test]
fn fan_11_a_caller_s_structure_is_checked() {
    let mut buffer = Buffer::pack(&whole().image(Form::QUERY_SET_W).unwrap());
    // SAFETY: a set was packed there.
    let good = unsafe { buffer.at().cast::<WSAQUERYSETW>().read() };
    // SAFETY: null is no structure.
    assert_eq!(unsafe { QuerySet::from_raw(null(), Purpose::Query) }, Err(WsaError::WSAEFAULT));
    assert_eq!(read(&WSAQUERYSETW { dwSize: 119, ..good }, Purpose::Query), Err(WsaError::WSAEINVAL));
    assert!(read(&WSAQUERYSETW { dwSize: 4000, ..good }, Purpose::Query).is_ok(), "NC-2: the size of a buffer");
    let odd = |pointer: *mut u16| pointer.wrapping_byte_add(1);
    let bad = [
        WSAQUERYSETW { lpszServiceInstanceName: odd(good.lpszServiceInstanceName), ..good },
        WSAQUERYSETW { lpServiceClassId: good.lpServiceClassId.wrapping_byte_add(1), ..good },
        WSAQUERYSETW { lpafpProtocols: null_mut(), ..good },
        WSAQUERYSETW { lpBlob: good.lpBlob.wrapping_byte_add(4), ..good },
    ];
    for (at, set) in bad.iter().enumerate() {
        assert_eq!(read(set, Purpose::Query), Err(WsaError::WSAEFAULT), "{at}");
    }
    let addresses = WSAQUERYSETW { lpcsaBuffer: null_mut(), ..good };
    assert_eq!(read(&addresses, Purpose::Registration), Err(WsaError::WSAEFAULT));
    // What the purpose ignores may be anything.
    let nowhere = std::ptr::without_provenance_mut::<u8>(3);
    let query = WSAQUERYSETW {
        lpszComment: nowhere.cast(),
        lpcsaBuffer: nowhere.cast(),
        dwNumberOfCsAddrs: 9,
        dwOutputFlags: 9,
        ..good
    };
    let understood = read(&query, Purpose::Query).unwrap();
    assert_eq!((understood.comment, understood.addresses, understood.output_flags), (None, vec![], 0));
    let registration = WSAQUERYSETW {
        lpafpProtocols: nowhere.cast(),
        dwNumberOfProtocols: 9,
        lpszQueryString: nowhere.cast(),
        dwOutputFlags: 9,
        ..good
    };
    let understood = read(&registration, Purpose::Registration).unwrap();
    assert_eq!((understood.protocols, understood.query_string, understood.output_flags), (vec![], None, 0));
}

// proves: PACK-2, PACK-8
#[test]
fn pack_2_a_misaligned_buffer_is_refused() {
    let image = whole().image(Form::QUERY_SET_W).unwrap();
    let mut buffer = Buffer::new(image.len().unwrap() as usize + 8);
    let mut len = buffer.len as u32 - 4;
    // SAFETY: there is room behind the fourth byte.
    assert_eq!(unsafe { pack(&image, buffer.at().add(4), &raw mut len) }, Err(WsaError::WSAEFAULT));
    // SAFETY: null is no buffer, and no length.
    unsafe {
        assert_eq!(pack(&image, null_mut(), &raw mut len), Err(WsaError::WSAEFAULT));
        assert_eq!(pack(&image, buffer.at(), null_mut()), Err(WsaError::WSAEFAULT));
    }
    assert_eq!(len, image.len().unwrap());
    let mut short = Buffer::of(&[0; 16]);
    assert!(short.read(Form::QUERY_SET_W).is_err());
}
