//! Every function of the dispatch table: arguments, error slots, and what the SDK answers itself.
#![allow(unsafe_code, reason = "calls providers through their C tables")]

mod support;

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;

use support::client::{self, Client, Result, buffer, call, members, set, start};
use support::fake;
use support::probe::{probe, started};
use windlass_spi::abi::*;
use windlass_spi::thread_error;

/// Calls each of the 30 functions on this handle, with null for every pointer but the error slot: the
/// error of each, or `None` where the call succeeds.
fn all_with_nulls(client: &Client, s: SOCKET) -> Vec<(&'static str, Option<WsaError>)> {
    fn n<T>() -> *mut T {
        ptr::null_mut()
    }
    macro_rules! each {
        ($($function:ident($($argument:expr),*) fails $failure:expr;)*) => {
            vec![$({
                let (result, errno) = call!(client, $function $(, $argument)*);
                (stringify!($function), (result == $failure).then(|| WsaError::from_code(errno)))
            }),*]
        };
    }
    let failed = SOCKET_ERROR;
    each! {
        lpWSPAccept(s, n(), n(), None, 0) fails INVALID_SOCKET;
        lpWSPAddressToString(n(), 0, n(), n(), n()) fails failed;
        lpWSPAsyncSelect(s, n(), 0, 0) fails failed;
        lpWSPBind(s, ptr::null(), 16) fails failed;
        lpWSPCancelBlockingCall() fails failed;
        lpWSPConnect(s, ptr::null(), 16, n(), n(), n(), n()) fails failed;
        lpWSPDuplicateSocket(s, 1, n()) fails failed;
        lpWSPEnumNetworkEvents(s, n(), n()) fails failed;
        lpWSPEventSelect(s, n(), FD_READ) fails failed;
        lpWSPGetOverlappedResult(s, n(), n(), TRUE, n()) fails FALSE;
        lpWSPGetPeerName(s, n(), n()) fails failed;
        lpWSPGetSockName(s, n(), n()) fails failed;
        lpWSPGetSockOpt(s, SOL_SOCKET, SO_TYPE, n(), n()) fails failed;
        lpWSPGetQOSByName(s, n(), n()) fails FALSE;
        lpWSPIoctl(s, FIONBIO, n(), 4, n(), 4, n(), n(), None, n()) fails failed;
        lpWSPJoinLeaf(s, ptr::null(), 16, n(), n(), n(), n(), 0) fails INVALID_SOCKET;
        lpWSPListen(s, 1) fails failed;
        lpWSPRecv(s, n(), 1, n(), n(), n(), None, n()) fails failed;
        lpWSPRecvDisconnect(s, n()) fails failed;
        lpWSPRecvFrom(s, n(), 1, n(), n(), n(), n(), n(), None, n()) fails failed;
        lpWSPSelect(0, n(), n(), n(), ptr::null()) fails failed;
        lpWSPSend(s, n(), 1, n(), 0, n(), None, n()) fails failed;
        lpWSPSendDisconnect(s, n()) fails failed;
        lpWSPSendTo(s, n(), 1, n(), 0, ptr::null(), 0, n(), None, n()) fails failed;
        lpWSPSetSockOpt(s, SOL_SOCKET, SO_TYPE, ptr::null(), 4) fails failed;
        lpWSPShutdown(s, 7) fails failed;
        lpWSPSocket(0, 0, 0, n(), 0, 0) fails INVALID_SOCKET;
        lpWSPStringToAddress(n(), 0, n(), n(), n()) fails failed;
        lpWSPCloseSocket(s) fails failed;
        lpWSPCleanup() fails failed;
    }
}

// proves: WSP-CLEANUP-24, TBL-2
#[test]
fn wsp_startup_5_nothing_works_before_a_start_or_after_the_last_clean_up() {
    let (client, _) = started::<1>();
    client.clean_up().unwrap();
    let answers = all_with_nulls(&client, 0);
    assert_eq!(answers.len(), WSPPROC_TABLE::SLOTS.len());
    for (function, error) in answers {
        assert_eq!(error, Some(WsaError::WSANOTINITIALISED), "{function}");
    }
}

#[test]
fn a_handle_that_is_no_socket_is_said_to_be_none() {
    let (client, _) = started::<3>();
    // Without a handle, or the last of all.
    let others = [
        "lpWSPAddressToString",
        "lpWSPCancelBlockingCall",
        "lpWSPCleanup",
        "lpWSPSelect",
        "lpWSPSocket",
        "lpWSPStringToAddress",
    ];
    for s in [0, 1 << 40, INVALID_SOCKET, INVALID_SOCKET - 1] {
        for (function, error) in all_with_nulls(&client, s).into_iter().filter(|(name, _)| !others.contains(name)) {
            assert_eq!(error, Some(WsaError::WSAENOTSOCK), "{function} {s:#x}");
        }
        start(probe::<3>().0, &client::entry(3)).unwrap();
    }
    let mut read = set(&[3]);
    assert_eq!(client.select(Some(&mut read), None, None, None), Err(WsaError::WSAENOTSOCK));
    assert_eq!(members(&read), [3]);
    client.clean_up().unwrap();
}

#[test]
fn null_pointers_are_faults() {
    let (client, seen) = started::<5>();
    let s = client.socket(&client::entry(5)).unwrap();
    seen.hook("close", || Err(WsaError::WSAEWOULDBLOCK));
    use WsaError::*;
    let expected = [
        ("lpWSPAccept", None),
        ("lpWSPAddressToString", Some(WSAEFAULT)),
        ("lpWSPAsyncSelect", Some(WSAEOPNOTSUPP)),
        ("lpWSPBind", Some(WSAEFAULT)),
        ("lpWSPCancelBlockingCall", Some(WSAEINVAL)),
        ("lpWSPConnect", Some(WSAEFAULT)),
        ("lpWSPDuplicateSocket", Some(WSAEFAULT)),
        ("lpWSPEnumNetworkEvents", Some(WSAEFAULT)),
        ("lpWSPEventSelect", Some(WSAEINVAL)),
        ("lpWSPGetOverlappedResult", Some(WSAEFAULT)),
        ("lpWSPGetPeerName", Some(WSAEFAULT)),
        ("lpWSPGetSockName", Some(WSAEFAULT)),
        ("lpWSPGetSockOpt", Some(WSAEFAULT)),
        ("lpWSPGetQOSByName", Some(WSAEFAULT)),
        ("lpWSPIoctl", Some(WSAEFAULT)),
        ("lpWSPJoinLeaf", Some(WSAEFAULT)),
        ("lpWSPListen", None),
        ("lpWSPRecv", Some(WSAEFAULT)),
        ("lpWSPRecvDisconnect", Some(WSAEOPNOTSUPP)),
        ("lpWSPRecvFrom", Some(WSAEFAULT)),
        ("lpWSPSelect", Some(WSAEINVAL)),
        ("lpWSPSend", Some(WSAEFAULT)),
        ("lpWSPSendDisconnect", Some(WSAEOPNOTSUPP)),
        ("lpWSPSendTo", Some(WSAEFAULT)),
        ("lpWSPSetSockOpt", Some(WSAEFAULT)),
        ("lpWSPShutdown", Some(WSAEINVAL)),
        ("lpWSPSocket", Some(WSAEFAULT)),
        ("lpWSPStringToAddress", Some(WSAEFAULT)),
        ("lpWSPCloseSocket", Some(WSAEWOULDBLOCK)),
        ("lpWSPCleanup", None),
    ];
    for ((function, error), expected) in all_with_nulls(&client, s).into_iter().zip(expected) {
        assert_eq!((function, error), expected);
    }
}

// proves: STUB-7
#[test]
fn a_function_that_is_not_implemented_says_so() {
    use windlass_spi::transport::*;
    use windlass_spi::{entry, transport_entry};
    struct Bare;
    impl Transport for Bare {
        type Socket = ();
        const DESCRIPTION: &'static str = "";
        fn start(_: &Startup<'_>) -> windlass_spi::Result<Self> {
            Ok(Self)
        }
        fn socket(&self, _: &SocketRequest<'_>) -> windlass_spi::Result<NewSocket<()>> {
            Ok(NewSocket::NonIfs { state: () })
        }
    }
    transport_entry!(Bare);
    let client = start(entry::<Bare>(), &client::entry(1)).unwrap();
    let s = client.socket(&client::entry(1)).unwrap();
    let name = [200u8, 0, 1, 2];
    use WsaError::*;
    assert_eq!(client.bind(s, &name), Err(WSAEOPNOTSUPP));
    assert_eq!(client.listen(s), Err(WSAEOPNOTSUPP));
    assert_eq!(client.connect(s, &name), Err(WSAEOPNOTSUPP));
    assert_eq!(client.accept(s), Err(WSAEOPNOTSUPP));
    assert_eq!(client.send(s, b"x"), Err(WSAEOPNOTSUPP));
    assert_eq!(client.send_to(s, b"x", &name), Err(WSAEOPNOTSUPP));
    assert_eq!(client.recv(s, 1), Err(WSAEOPNOTSUPP));
    assert_eq!(client.recv_from(s, 1), Err(WSAEOPNOTSUPP));
    assert_eq!(client.shutdown(s, SD_BOTH), Err(WSAEOPNOTSUPP));
    assert_eq!(client.select(Some(&mut set(&[s])), None, None, None), Err(WSAEOPNOTSUPP));
    assert_eq!(client.event_select(s, fake::new_event(), 1), Err(WSAEOPNOTSUPP));
    assert_eq!(client.enum_network_events(s, ptr::null_mut()), Err(WSAEOPNOTSUPP));
    assert_eq!(client.get_sock_name(s), Err(WSAEOPNOTSUPP));
    assert_eq!(client.get_peer_name(s), Err(WSAEOPNOTSUPP));
    assert_eq!(client.get_option(s, SOL_SOCKET, SO_TYPE), Err(WSAENOPROTOOPT));
    assert_eq!(client.set_option(s, SOL_SOCKET, SO_TYPE, 1), Err(WSAENOPROTOOPT));
    assert_eq!(client.ioctl(s, FIONBIO, 1), Err(WSAEINVAL));
    assert_eq!(client.address_to_string(&name, &client::entry(1)), Err(WSAEINVAL));
    assert_eq!(client.string_to_address("x", 200, &client::entry(1)), Err(WSAEINVAL));
    assert_eq!(call!(client, lpWSPDuplicateSocket, s, 1, &mut client::entry(1)).1, WSAEOPNOTSUPP.code());
    assert_eq!(poll_extension(&client, s), Err(WSAEINVAL), "it has no poll");
    client.close(s).unwrap();
    client.clean_up().unwrap();
}

#[test]
fn a_call_that_panics_is_a_system_failure() {
    let (client, seen) = started::<7>();
    let s = client.socket(&client::entry(7)).unwrap();
    for place in ["bind", "send", "recv", "socket", "accept", "ioctl"] {
        seen.hook(place, || panic!("on purpose"));
    }
    let failed = WsaError::WSASYSCALLFAILURE;
    assert_eq!(client.bind(s, &[200, 0]), Err(failed));
    assert_eq!(client.send(s, b"x"), Err(failed));
    assert_eq!(client.recv(s, 1), Err(failed));
    assert_eq!(client.socket(&client::entry(7)), Err(failed));
    assert_eq!(client.accept(s), Err(failed));
    assert_eq!(client.ioctl(s, FIONBIO, 1), Err(failed));
    client.close(s).unwrap();
    client.clean_up().unwrap();
}

// proves: OV-1, OV-3
#[test]
fn ov_2_a_socket_without_the_attribute_ignores_the_structure() {
    let (client, _) = started::<9>();
    let send = |s, overlapped: *mut WSAOVERLAPPED, routine| {
        let (mut buffers, mut sent) = ([buffer(b"abc")], 0u32);
        call!(client, lpWSPSend, s, buffers.as_mut_ptr(), 1, &mut sent, 0, overlapped, routine, ptr::null_mut())
    };
    unsafe extern "system" fn routine(_: u32, _: u32, _: *mut WSAOVERLAPPED, _: u32) {
        panic!("no routine of these calls may run");
    }
    let zero = ptr::null_mut();
    let mut overlapped = WSAOVERLAPPED { Internal: 1, InternalHigh: 2, Offset: 3, OffsetHigh: 4, hEvent: zero };
    let plain = client.socket_with(&client::entry(9), 0).unwrap();
    let able = client.socket_with(&client::entry(9), WSA_FLAG_OVERLAPPED).unwrap();
    for s in [plain, able] {
        assert_eq!(send(s, ptr::null_mut(), None).0, 0);
        assert_eq!(send(s, ptr::null_mut(), Some(routine)).0, 0);
    }
    assert_eq!(send(plain, &mut overlapped, Some(routine)).0, 0);
    assert_eq!(send(able, &mut overlapped, None), (SOCKET_ERROR, WSAEOPNOTSUPP));
    assert_eq!((overlapped.Internal, overlapped.InternalHigh, overlapped.OffsetHigh), (1, 2, 4));
    client.clean_up().unwrap();
}

#[test]
fn wsp_recv_11_no_buffers_is_invalid() {
    let (client, _) = started::<11>();
    let s = client.socket(&client::entry(11)).unwrap();
    let (mut buffers, mut count, mut flags) = ([buffer(b"abc")], 0u32, 0u32);
    let (at, n) = (buffers.as_mut_ptr(), ptr::null_mut());
    let (thread, name) = (ptr::null_mut(), ptr::null_mut());
    assert_eq!(call!(client, lpWSPRecv, s, at, 0, &mut count, &mut flags, n, None, thread).1, WSAEINVAL);
    assert_eq!(call!(client, lpWSPSend, s, at, 0, &mut count, 0, n, None, thread).1, WSAEINVAL);
    let length = ptr::null_mut();
    assert_eq!(
        call!(client, lpWSPRecvFrom, s, at, 0, &mut count, &mut flags, name, length, n, None, thread).1,
        WSAEINVAL
    );
    assert_eq!(client.recv_with(s, 10, MSG_PEEK), Ok((b"peeked".to_vec(), MSG_PARTIAL)));
    client.clean_up().unwrap();
}

// proves: WSP-RFROM-2
#[test]
fn negative_and_short_lengths_are_faults() {
    let (client, _) = started::<13>();
    let s = client.socket(&client::entry(13)).unwrap();
    let name = [200u8, 0, 1, 2, 3];
    for length in [-1, i32::MIN, 0, 1] {
        assert_eq!(call!(client, lpWSPBind, s, name.as_ptr().cast(), length).1, WSAEFAULT, "{length}");
    }
    let mut room = [0xAAu8; 16];
    for mut length in [-1, 0, 4] {
        let (result, errno) = call!(client, lpWSPGetSockName, s, room.as_mut_ptr().cast(), &mut length);
        assert_eq!((result, errno, room), (SOCKET_ERROR, WSAEFAULT, [0xAA; 16]), "{length}");
        assert_eq!(
            call!(client, lpWSPAccept, s, room.as_mut_ptr().cast(), &mut length, None, 0),
            (INVALID_SOCKET, WSAEFAULT),
            "{length}"
        );
    }
    assert_eq!(client.get_sock_name(s), Ok(vec![200, 0, 7, 7, 7]));
    let (mut buffers, mut count, mut flags) = ([buffer(b"abc")], 0u32, 0u32);
    let (n, thread) = (ptr::null_mut(), ptr::null_mut());
    let (at, from, length) = (buffers.as_mut_ptr(), room.as_mut_ptr().cast(), ptr::null_mut());
    assert_eq!(
        call!(client, lpWSPRecvFrom, s, at, 1, &mut count, &mut flags, from, length, n, None, thread).1,
        WSAEFAULT
    );
    assert_eq!(call!(client, lpWSPSetSockOpt, s, 1, 1, name.as_ptr(), -1).1, WSAEFAULT);
    for mut length in [-1, 0, 3] {
        assert_eq!(call!(client, lpWSPGetSockOpt, s, 1, 4, room.as_mut_ptr(), &mut length).1, WSAEFAULT);
    }
    client.clean_up().unwrap();
}

// proves: WSP-GSO-1, OPT-6
#[test]
fn opt_1_the_catalog_entry_is_an_option() {
    let (client, _) = started::<15>();
    let info = WSAPROTOCOL_INFOW { iProtocol: 4711, ..client::entry(15) };
    let s = client.socket(&info).unwrap();
    let size = size_of::<WSAPROTOCOL_INFOW>() as i32;
    let get = |room: i32| {
        let (mut answer, mut length) = (WSAPROTOCOL_INFOW::default(), room);
        let at = ptr::from_mut(&mut answer).cast();
        let (result, errno) = call!(client, lpWSPGetSockOpt, s, SOL_SOCKET, SO_PROTOCOL_INFOW, at, &mut length);
        (result, errno, length, answer.dwCatalogEntryId, answer.iProtocol)
    };
    assert_eq!(get(size), (0, 0, size, 15, 4711));
    assert_eq!(get(size + 100), (0, 0, size, 15, 4711));
    assert_eq!(get(size - 1), (SOCKET_ERROR, WSAEFAULT, size - 1, 0, 0));
    let value = ptr::from_ref(&info).cast();
    assert_eq!(call!(client, lpWSPSetSockOpt, s, SOL_SOCKET, SO_PROTOCOL_INFOW, value, size).1, WSAENOPROTOOPT);
    // Any other option is the transport's.
    let (mut value, mut length) = ([0u8; 16], 16);
    assert_eq!(call!(client, lpWSPGetSockOpt, s, 1, 4, value.as_mut_ptr(), &mut length).0, 0);
    assert_eq!((length, &value[..5]), (4, &[1, 1, 1, 1, 0][..]));
    client.clean_up().unwrap();
}

/// Asks for the poll of the provider.
fn poll_extension(client: &Client, s: SOCKET) -> Result<usize> {
    let (mut guid, mut function, mut returned) = (WSAID_WSAPOLL, 0usize, 0u32);
    let (in_at, out_at) = (ptr::from_mut(&mut guid).cast(), ptr::from_mut(&mut function).cast());
    let code = SIO_GET_EXTENSION_FUNCTION_POINTER;
    let (n, thread) = (ptr::null_mut(), ptr::null_mut());
    match call!(client, lpWSPIoctl, s, code, in_at, 16, out_at, 8, &mut returned, n, None, thread) {
        (0, _) => {
            assert_eq!(returned, 8);
            Ok(function)
        }
        (_, errno) => Err(WsaError::from_code(errno)),
    }
}

#[test]
fn io_5_extension_functions_are_found_by_their_id() {
    let (client, _) = started::<16>();
    let s = client.socket(&client::entry(16)).unwrap();
    assert_ne!(poll_extension(&client, s).unwrap(), 0);
    let ask = |guid: &GUID, input: u32, output: u32| {
        let (mut guid, mut function, mut returned) = (*guid, 0usize, 0u32);
        let (in_at, out_at): (*mut c_void, *mut c_void) =
            (ptr::from_mut(&mut guid).cast(), ptr::from_mut(&mut function).cast());
        let (code, n, thread) = (SIO_GET_EXTENSION_FUNCTION_POINTER, ptr::null_mut(), ptr::null_mut());
        call!(client, lpWSPIoctl, s, code, in_at, input, out_at, output, &mut returned, n, None, thread).1
    };
    assert_eq!(ask(&WSAID_ACCEPTEX, 16, 8), WSAEINVAL);
    assert_eq!(ask(&WSAID_WSAPOLL, 15, 8), WSAEFAULT);
    assert_eq!(ask(&WSAID_WSAPOLL, 16, 7), WSAEFAULT);
    client.clean_up().unwrap();
}

// proves: WSP-IOCTL-4
#[test]
fn io_7_the_length_is_stored_on_failure_too() {
    let (client, _) = started::<17>();
    let s = client.socket(&client::entry(17)).unwrap();
    // The probe gives the input back, reversed; input and output may be one buffer.
    let mut bytes = *b"abcd";
    let (at, n, thread): (*mut c_void, _, _) = (bytes.as_mut_ptr().cast(), ptr::null_mut(), ptr::null_mut());
    let mut returned = 0u32;
    assert_eq!(call!(client, lpWSPIoctl, s, 1, at, 4, at, 4, &mut returned, n, None, thread).0, 0);
    assert_eq!((&bytes, returned), (b"dcba", 4));
    returned = 0;
    assert_eq!(call!(client, lpWSPIoctl, s, 1, at, 4, at, 3, &mut returned, n, None, thread).1, WSAEFAULT);
    assert_eq!(returned, 4);
    assert_eq!(call!(client, lpWSPIoctl, s, 1, n.cast(), 4, at, 4, &mut returned, n, None, thread).1, WSAEFAULT);
    assert_eq!(call!(client, lpWSPIoctl, s, 1, at, u32::MAX, at, 4, &mut returned, n, None, thread).1, WSAEFAULT);
    client.clean_up().unwrap();
}

static THREAD_ERROR: AtomicI32 = AtomicI32::new(0);

// proves: API-S7, API-S9, API-S10, API-15
#[test]
fn api_x2_the_poll_extension_reports_to_the_thread() {
    let (client, _) = started::<18>();
    thread_error::install(|code| THREAD_ERROR.store(code, Relaxed));
    let s = client.socket(&client::entry(18)).unwrap();
    let address = poll_extension(&client, s).unwrap();
    // SAFETY: the extension function of this id has this signature.
    let poll: unsafe extern "system" fn(*mut WSAPOLLFD, u32, i32) -> i32 =
        unsafe { std::mem::transmute(ptr::with_exposed_provenance::<c_void>(address)) };
    let poll = |array: &mut [WSAPOLLFD]| {
        // SAFETY: as many elements.
        let result = unsafe { poll(array.as_mut_ptr(), array.len() as u32, 0) };
        if result == SOCKET_ERROR { Err(WsaError::from_code(THREAD_ERROR.load(Relaxed))) } else { Ok(result) }
    };
    let element = |fd, events| WSAPOLLFD { fd, events, revents: 0x7777 };
    let mut array =
        [element(s, POLLWRNORM), element(INVALID_SOCKET, POLLIN), element(1 << 20, POLLIN), element(s, POLLIN)];
    assert_eq!(poll(&mut array), Ok(2));
    assert_eq!(array.map(|element| element.revents), [POLLWRNORM, 0, POLLNVAL, 0]);
    for wrong in [POLLPRI, POLLWRBAND, POLLERR, POLLHUP, POLLNVAL] {
        assert_eq!(poll(&mut [element(s, POLLIN | wrong)]), Err(WsaError::WSAEINVAL));
    }
    assert_eq!(poll(&mut [element(INVALID_SOCKET, POLLIN)]), Err(WsaError::WSAEINVAL));
    assert_eq!(poll(&mut []), Err(WsaError::WSAEINVAL));
    client.clean_up().unwrap();
    assert_eq!(poll(&mut [element(s, POLLIN)]), Err(WsaError::WSANOTINITIALISED));
}

// proves: WSP-SELECT-3, WSP-SELECT-4
#[test]
fn wsp_select_2_takes_sets_with_at_least_one_socket_among_them() {
    let (client, _) = started::<19>();
    let sockets: Vec<SOCKET> = (0..100).map(|_| client.socket(&client::entry(19)).unwrap()).collect();
    let even = |s: &&SOCKET| s.is_multiple_of(2);
    let select = |read: Option<&mut FD_SET>| client.select(read, None, None, Some(TIMEVAL::default()));
    assert_eq!(select(None), Err(WsaError::WSAEINVAL));
    assert_eq!(select(Some(&mut set(&[]))), Err(WsaError::WSAEINVAL));
    let ready: Vec<SOCKET> = sockets.iter().filter(even).copied().take(1).collect();
    let (mut read, mut empty) = (set(&ready), set(&[]));
    assert_eq!(client.select(Some(&mut empty), Some(&mut set(&[])), None, None), Err(WsaError::WSAEINVAL));
    assert_eq!(client.select(Some(&mut read), Some(&mut empty), None, Some(TIMEVAL::default())), Ok(1));
    assert_eq!(members(&empty), &[][..]);

    // The probe finds even numbers readable, and nothing else. Duplicates count, and stay in order.
    let mut duplicates = sockets[..30].to_vec();
    duplicates.extend_from_slice(&sockets[..30]);
    let ready: Vec<SOCKET> = duplicates.iter().filter(even).copied().collect();
    let (mut read, mut write, mut except) = (set(&duplicates), set(&sockets[..3]), set(&sockets[3..5]));
    let count = client.select(Some(&mut read), Some(&mut write), Some(&mut except), Some(TIMEVAL::default()));
    assert_eq!(count, Ok(ready.len() as i32));
    assert_eq!(members(&read), ready);
    assert_eq!((members(&write), members(&except)), (&[][..], &[][..]));

    // A set larger than its type.
    #[repr(C)]
    struct Large {
        count: u32,
        sockets: [SOCKET; 100],
    }
    let mut large = Large { count: 100, sockets: sockets.clone().try_into().unwrap() };
    let at = ptr::from_mut(&mut large).cast();
    let n = ptr::null_mut();
    let count = call!(client, lpWSPSelect, 0, at, n, n, &TIMEVAL::default()).0;
    let ready: Vec<SOCKET> = sockets.iter().filter(even).copied().collect();
    assert_eq!((count as usize, &large.sockets[..large.count as usize]), (ready.len(), &ready[..]));
    client.clean_up().unwrap();
}

#[test]
fn wsp_select_5_refuses_a_negative_time() {
    let (client, _) = started::<21>();
    let s = client.socket(&client::entry(21)).unwrap();
    for (tv_sec, tv_usec) in [(-1, 0), (0, -1), (i32::MIN, i32::MIN)] {
        let answer = client.select(Some(&mut set(&[s])), None, None, Some(TIMEVAL { tv_sec, tv_usec }));
        assert_eq!(answer, Err(WsaError::WSAEINVAL));
    }
    client.clean_up().unwrap();
}

// proves: WSP-SOCK-7, WSP-DUP-1
#[test]
fn wsp_sock_6_a_token_opens_the_shared_socket() {
    let (client, _) = started::<23>();
    let s = client.socket(&client::entry(23)).unwrap();
    let mut info = WSAPROTOCOL_INFOW::default();
    assert_eq!(call!(client, lpWSPDuplicateSocket, s, 99, &mut info).0, 0);
    assert_eq!((info.dwCatalogEntryId, info.dwProviderReserved), (23, 99));
    let shared = client.socket(&info).unwrap();
    // What the socket says of itself carries no token.
    let (mut answer, mut length) = (WSAPROTOCOL_INFOW::default(), 628);
    let at = ptr::from_mut(&mut answer).cast();
    assert_eq!(call!(client, lpWSPGetSockOpt, shared, SOL_SOCKET, SO_PROTOCOL_INFOW, at, &mut length).0, 0);
    assert_eq!((answer.dwCatalogEntryId, answer.dwProviderReserved), (23, 0));
    // A token of zero could not be told from an ordinary entry.
    let (result, errno) = call!(client, lpWSPDuplicateSocket, s, 0, &mut info);
    assert_eq!((result, errno), (SOCKET_ERROR, WSASYSCALLFAILURE));
    assert_eq!(call!(client, lpWSPSocket, 0, 0, 0, &mut info, 1, 0).1, WSAEINVAL, "groups are reserved");
    client.clean_up().unwrap();
}

// proves: WSP-A2S-2
#[test]
fn wsp_a2s_3_says_how_much_room_is_needed() {
    let (client, _) = started::<25>();
    let mut info = client::entry(25);
    let name = [200u8, 0, 1, 2];
    let ask = |room: u32| {
        let (mut text, mut length, mut info) = ([0xAAAAu16; 16], room, info);
        let at = name.as_ptr().cast_mut().cast();
        let (result, errno) = call!(client, lpWSPAddressToString, at, 4, &mut info, text.as_mut_ptr(), &mut length);
        (result, errno, length, text[0])
    };
    let first = u16::from(b'p');
    // "probe:4" and the NUL.
    assert_eq!(ask(0), (SOCKET_ERROR, WSAEFAULT, 8, 0xAAAA));
    assert_eq!(ask(7), (SOCKET_ERROR, WSAEFAULT, 8, 0xAAAA));
    assert_eq!(ask(8), (0, 0, 8, first));
    assert_eq!(ask(16), (0, 0, 8, first));
    let mut length = 0;
    let (at, none) = (name.as_ptr().cast_mut().cast(), ptr::null_mut());
    assert_eq!(call!(client, lpWSPAddressToString, at, 4, &mut info, none, &mut length).1, WSAEFAULT);
    assert_eq!(length, 8);
    assert_eq!(client.address_to_string(&name, &info), Ok("probe:4".into()));
    client.clean_up().unwrap();
}

#[test]
fn wsp_s2a_2_says_how_much_room_is_needed() {
    let (client, _) = started::<27>();
    let info = client::entry(27);
    let ask = |text: &[u16], room: i32| {
        let (mut address, mut length, mut info, mut text) = ([0xAAu8; 16], room, info, text.to_vec());
        let at = address.as_mut_ptr().cast();
        let (result, errno) = call!(client, lpWSPStringToAddress, text.as_mut_ptr(), 2, &mut info, at, &mut length);
        (result, errno, length, address[0])
    };
    let text: Vec<u16> = "probe:6\0".encode_utf16().collect();
    assert_eq!(ask(&text, 5), (SOCKET_ERROR, WSAEFAULT, 6, 0xAA));
    assert_eq!(ask(&text, 0), (SOCKET_ERROR, WSAEFAULT, 6, 0xAA));
    assert_eq!(ask(&text, -1), (SOCKET_ERROR, WSAEFAULT, -1, 0xAA));
    assert_eq!(ask(&text, 6), (0, 0, 6, 2));
    assert_eq!(ask(&[0xD800, 0], 16).1, WSAEINVAL, "half a surrogate pair");
    assert_eq!(ask(&vec![0x61; 4000], 16).1, WSAEINVAL, "no end in sight");
    client.clean_up().unwrap();
}

// proves: WSP-ESEL-2
#[test]
fn wsp_esel_4_a_mask_needs_an_event() {
    let (client, _) = started::<29>();
    let s = client.socket(&client::entry(29)).unwrap();
    let event = fake::new_event();
    assert_eq!(client.event_select(s, ptr::null_mut(), FD_READ), Err(WsaError::WSAEINVAL));
    assert_eq!(client.event_select(s, ptr::null_mut(), 0), Ok(()));
    assert_eq!(client.event_select(s, event, 0), Ok(()));
    assert!(!fake::is_set(event));
    assert_eq!(client.event_select(s, event, FD_READ), Ok(()));
    assert!(fake::is_set(event));
    let mut events = WSANETWORKEVENTS { lNetworkEvents: -1, iErrorCode: [0x5A5A; FD_MAX_EVENTS] };
    assert_eq!(call!(client, lpWSPEnumNetworkEvents, s, event, &mut events).0, 0);
    let mut codes = [0x5A5A; FD_MAX_EVENTS];
    codes[FD_CLOSE_BIT] = WSAECONNRESET;
    assert_eq!((events.lNetworkEvents, events.iErrorCode), (FD_CLOSE, codes), "the others stay (WSP-ENUM-3)");
    client.clean_up().unwrap();
}

// proves: WSP-ACCEPT-5, WSP-ACCEPT-6, WSP-ACCEPT-9
#[test]
fn wsp_accept_7_the_condition_function_decides() {
    extern "system" fn condition(
        caller: *mut WSABUF,
        caller_data: *mut WSABUF,
        sqos: *mut QOS,
        gqos: *mut QOS,
        callee: *mut WSABUF,
        callee_data: *mut WSABUF,
        _: *mut GROUP,
        data: usize,
    ) -> i32 {
        assert!(caller_data.is_null() && sqos.is_null() && gqos.is_null());
        // SAFETY: the SDK passes these three, filled in.
        let (caller, callee, reply) = unsafe { (&*caller, &*callee, &*callee_data) };
        // SAFETY: as long as they say.
        let (caller, callee) = unsafe {
            (
                std::slice::from_raw_parts(caller.buf, caller.len as usize),
                std::slice::from_raw_parts(callee.buf, callee.len as usize),
            )
        };
        assert_eq!((caller, callee, reply.len), (&[200, 0, 1, 2, 3][..], &[200, 0, 9][..], 0));
        data as i32
    }
    let (client, seen) = started::<2>();
    let s = client.socket_with(&client::entry(2), 0).unwrap();
    let peer = vec![200, 0, 1, 2, 3];
    let ask = |answer: i32| client.accept_from(s, Some(condition), answer as usize);
    assert_eq!(ask(CF_REJECT), (Err(WsaError::WSAECONNREFUSED), peer.clone()));
    assert_eq!(ask(CF_DEFER), (Err(WsaError::WSATRY_AGAIN), peer.clone()));
    assert_eq!(ask(7), (Err(WsaError::WSAEINVAL), peer.clone()));
    let (accepted, name) = ask(CF_ACCEPT);
    assert_eq!(name, peer);
    assert_eq!(client.send(accepted.unwrap(), b"abc"), Ok(3));
    assert!(client.accept(s).is_ok());
    assert_eq!(seen.sockets.load(Relaxed), 3);
    client.clean_up().unwrap();
}

#[test]
fn wsp_conn_7_says_that_the_peer_sent_no_data() {
    let (client, _) = started::<4>();
    let s = client.socket(&client::entry(4)).unwrap();
    let mut reply = buffer(b"abc");
    let (name, n) = ([200u8, 0], ptr::null_mut());
    let (result, errno) =
        call!(client, lpWSPConnect, s, name.as_ptr().cast(), 2, n, &mut reply, ptr::null_mut(), ptr::null_mut());
    assert_eq!((result, errno, reply.len), (SOCKET_ERROR, WSAEOPNOTSUPP, 0));
    client.clean_up().unwrap();
}

#[test]
fn error_slots_are_left_alone_on_success_and_may_be_null() {
    let (client, _) = started::<6>();
    let s = client.socket(&client::entry(6)).unwrap();
    let mut errno = 4711;
    // SAFETY: a function of a started provider.
    assert_eq!(unsafe { (client.table.lpWSPListen)(s, 1, &mut errno) }, 0);
    assert_eq!(errno, 4711);
    // SAFETY: as above; the slot may be null (WSP-CLEANUP-26).
    assert_eq!(unsafe { (client.table.lpWSPShutdown)(s, 9, ptr::null_mut()) }, SOCKET_ERROR);
    client.clean_up().unwrap();
}
