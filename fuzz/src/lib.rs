//! One function for each reader of bytes that others wrote. Whatever the bytes are, it is answered, and what was understood
//! survives being written and read again.
//!
//! `cargo +nightly fuzz run NAME` feeds each of them; the tests of the C exports feed them a little in every run.
#![allow(unsafe_code, reason = "the C exports are called as a program calls them")]

use std::ffi::OsString;
use std::ptr::null_mut;
use std::sync::Once;

use windlass_abi::*;
use windlass_broker::wire::{Hello, Message, Reply, Request};
use windlass_catalog::{Catalog, NamespaceCatalog, ProtocolCatalog, ProtocolEntry, expand_with};
use windlass_spi::namespace::{Form, Image, QuerySet, ServiceClass, Text, pack};
use ws2_32::startup::{WSAGetLastError, WSAStartup};
use ws2_32::{addresses, helpers, names, socket};

/// The text of a catalog file, of either kind.
pub fn catalog_file(data: &[u8]) {
    fn read<C: Catalog + std::fmt::Debug>(text: &str) {
        let (catalog, problems) = C::parse(text);
        let Some(catalog) = catalog else {
            assert!(!problems.is_empty(), "a file that is refused has a fault");
            return;
        };
        let (again, _) = C::parse(&catalog.render());
        assert_eq!(again.as_ref(), Some(&catalog));
    }
    if let Ok(text) = str::from_utf8(data) {
        read::<ProtocolCatalog>(text);
        read::<NamespaceCatalog>(text);
    }
}

/// Protocol information that a client installs, any number of structures.
pub fn catalog_entries(data: &[u8]) {
    let infos = data.chunks_exact(size_of::<WSAPROTOCOL_INFOW>()).map(info_of);
    let Ok(entries) = infos.map(|info| ProtocolEntry::from_info(&info)).collect::<Result<Vec<_>, _>>() else { return };
    let mut catalog = ProtocolCatalog::built_in();
    let before = catalog.clone();
    match catalog.install(GUID::from_u128(1), "/lib/module.so", &entries) {
        Err(_) => assert_eq!(catalog, before, "nothing of a list that is refused"),
        Ok(()) => {
            assert!(catalog.is_valid());
            let (again, _) = ProtocolCatalog::parse(&catalog.render());
            assert_eq!(again, Some(catalog));
        }
    }
}

/// What a host and its clients say to each other, either way.
pub fn broker_message(data: &[u8]) {
    fn read<M: Message + PartialEq + std::fmt::Debug>(data: &[u8]) {
        let Ok(message) = M::receive(&mut &data[..]) else { return };
        let mut again = Vec::new();
        message.send(&mut again).expect("no longer than it was");
        assert_eq!(M::receive(&mut &again[..]).ok(), Some(message));
    }
    read::<Hello>(data);
    read::<Request>(data);
    read::<Reply>(data);
}

/// The path of a provider, with whatever it refers to.
pub fn provider_path(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    assert_eq!(expand_with(text, |_| None).as_os_str(), text, "what is not known stays");
    let emptied = expand_with(text, |_| Some(OsString::new()));
    assert!(emptied.as_os_str().len() <= text.len());
    expand_with(text, |name| {
        assert!(!name.is_empty() && !name.contains(['=', '\0']));
        Some(name.into())
    });
}

/// Text that a client takes for an address, in each function that reads one.
pub fn address_text(data: &[u8]) {
    start();
    let text: Vec<u8> = data.iter().copied().take_while(|byte| *byte != 0).chain([0]).collect();
    let wide: Vec<u16> = String::from_utf8_lossy(data).encode_utf16().take_while(|u| *u != 0).chain([0]).collect();
    let mut bytes = [0u8; 16];
    // SAFETY: the texts have a NUL; there is room for either address.
    unsafe {
        helpers::inet_addr(text.as_ptr());
        for family in [AF_INET, AF_INET6] {
            if helpers::inet_pton(family, text.as_ptr(), bytes.as_mut_ptr().cast()) == 1 {
                let mut out = [0u8; 46];
                assert!(!helpers::inet_ntop(family, bytes.as_ptr().cast(), out.as_mut_ptr(), out.len()).is_null());
                let mut again = [0u8; 16];
                assert_eq!(helpers::inet_pton(family, out.as_ptr(), again.as_mut_ptr().cast()), 1);
                assert_eq!(again, bytes);
            }
            helpers::InetPtonW(family, wide.as_ptr(), bytes.as_mut_ptr().cast());

            let mut found = [0u8; 128];
            let mut len = found.len() as i32;
            let name = found.as_mut_ptr().cast();
            let read = addresses::WSAStringToAddressA(text.as_ptr().cast_mut(), family, null_mut(), name, &raw mut len);
            if read == NO_ERROR {
                same_again(&found[..len as usize], family);
            }
            len = found.len() as i32;
            let name = found.as_mut_ptr().cast();
            addresses::WSAStringToAddressW(wide.as_ptr().cast_mut(), family, null_mut(), name, &raw mut len);
        }
        let mut list = null_mut();
        if names::getaddrinfo(text.as_ptr(), null_mut(), null_mut(), &raw mut list) == NO_ERROR {
            names::freeaddrinfo(list);
        }
    }
}

/// Writes an address as text and reads it back.
fn same_again(address: &[u8], family: i32) {
    let (mut text, mut room) = ([0u8; 128], 128);
    let (mut again, mut len) = ([0u8; 128], 128);
    let name = address.as_ptr().cast_mut().cast();
    // SAFETY: the pointers are to arrays of the sizes given.
    unsafe {
        let rc =
            addresses::WSAAddressToStringA(name, address.len() as u32, null_mut(), text.as_mut_ptr(), &raw mut room);
        assert_eq!(rc, NO_ERROR, "error {}", WSAGetLastError());
        assert_eq!(text[room as usize - 1], 0);
        let name = again.as_mut_ptr().cast();
        let rc = addresses::WSAStringToAddressA(text.as_mut_ptr(), family, null_mut(), name, &raw mut len);
        assert_eq!(rc, NO_ERROR, "error {}", WSAGetLastError());
    }
    assert_eq!(&again[..len as usize], address);
}

/// Bytes that a client takes for a socket address. The first one says how much room it gives.
pub fn socket_address(data: &[u8]) {
    start();
    let Some((room, address)) = data.split_first() else { return };
    let (mut text, mut service) = ([b'#'; 260], [b'#'; 260]);
    let mut len = u32::from(*room);
    let name = address.as_ptr().cast_mut().cast();
    // SAFETY: the pointers are to arrays of at least the sizes given.
    unsafe {
        let len_in = address.len() as u32;
        addresses::WSAAddressToStringA(name, len_in, null_mut(), text.as_mut_ptr(), &raw mut len);
        assert!(text[usize::from(*room)..].iter().all(|byte| *byte == b'#'), "written beyond the room");
        text.fill(b'#');
        let (host, room_32) = (text.as_mut_ptr(), u32::from(*room));
        names::getnameinfo(name, len_in as i32, host, room_32, service.as_mut_ptr(), room_32, 0);
    }
    let beyond = usize::from(*room);
    assert!(text[beyond..].iter().chain(&service[beyond..]).all(|byte| *byte == b'#'), "written beyond the room");
}

/// Protocol information that a client makes a socket of, as if another process had handed it over.
pub fn protocol_info(data: &[u8]) {
    start();
    let mut info = info_of(data);
    for id in [info.dwCatalogEntryId, 1001 + info.dwCatalogEntryId % 4] {
        info.dwCatalogEntryId = id;
        // SAFETY: the structure is ours.
        let s = unsafe {
            let any = FROM_PROTOCOL_INFO;
            socket::WSASocketW(any, any, any, &raw const info, 0, WSA_FLAG_OVERLAPPED)
        };
        if s != INVALID_SOCKET {
            assert_eq!(socket::closesocket(s), NO_ERROR);
        }
    }
}

/// A result that a name space provider left in a buffer. The first byte says which form it is taken for; words that begin
/// with `PP` are pointers into the buffer.
pub fn query_set(data: &[u8]) {
    let Some((form, data)) = data.split_first() else { return };
    let forms = [Form::QUERY_SET_W, Form::QUERY_SET_A, Form::QUERY_SET_2W, Form::QUERY_SET_2A];
    let form = forms[usize::from(*form) % forms.len()];
    // SAFETY: the buffer is as long as is said.
    let read = |buffer: &mut [u64], len| unsafe { QuerySet::from_buffer(buffer.as_mut_ptr().cast(), len, form) };
    let Ok(set) = read(&mut with_pointers(data), data.len()) else { return };
    let (mut buffer, len) = packed(&set.image(form).expect("what was read is not too large"));
    assert_eq!(read(&mut buffer, len), Ok(set));
}

/// The same for a service class.
pub fn service_class(data: &[u8]) {
    let Some((form, data)) = data.split_first() else { return };
    let text = if form % 2 == 0 { Text::Wide } else { Text::Ansi };
    // SAFETY: the buffer is as long as is said.
    let read = |buffer: &mut [u64], len| unsafe { ServiceClass::from_buffer(buffer.as_mut_ptr().cast(), len, text) };
    let Ok(class) = read(&mut with_pointers(data), data.len()) else { return };
    let (mut buffer, len) = packed(&class.image(text).expect("what was read is not too large"));
    assert_eq!(read(&mut buffer, len), Ok(class));
}

/// A buffer for these bytes, in which offsets that are marked have become pointers.
fn with_pointers(data: &[u8]) -> Vec<u64> {
    let mut words: Vec<u64> = data
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        })
        .collect();
    let start = words.as_ptr().addr() as u64;
    for word in &mut words {
        if *word >> 48 == 0x5050 {
            *word = start.wrapping_add(*word & 0xffff_ffff);
        }
    }
    words
}

fn packed(image: &Image) -> (Vec<u64>, usize) {
    let mut len = image.len().expect("a small image");
    let mut words = vec![0u64; len.div_ceil(8) as usize];
    // SAFETY: there is room.
    unsafe { pack(image, words.as_mut_ptr().cast(), &raw mut len) }.expect("there is room");
    (words, len as usize)
}

/// What another process tells of a socket that it hands over.
#[cfg(fuzzing)]
pub fn duplication_record(data: &[u8]) {
    windlass_tcpip::read_duplication_record(data);
}

/// A structure of numbers, which any bytes are; zeros behind them.
fn info_of(data: &[u8]) -> WSAPROTOCOL_INFOW {
    let mut info = WSAPROTOCOL_INFOW::default();
    let len = data.len().min(size_of_val(&info));
    // SAFETY: the structure has numbers only, and is as large.
    unsafe { (&raw mut info).cast::<u8>().copy_from_nonoverlapping(data.as_ptr(), len) };
    info
}

/// Starts Winsock, with the built-in catalog unless the process has a private one.
fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut data = std::mem::MaybeUninit::<WSADATA>::uninit();
        if std::env::var_os("WINDLASS_CATALOG").is_none() {
            // SAFETY: the targets run in one thread, and this is the first.
            unsafe { std::env::set_var("WINDLASS_CATALOG", std::env::temp_dir().join("windlass-fuzz-has-no-catalog")) };
        }
        // SAFETY: there is room for the structure.
        assert_eq!(unsafe { WSAStartup(0x0202, data.as_mut_ptr()) }, NO_ERROR);
    });
}
