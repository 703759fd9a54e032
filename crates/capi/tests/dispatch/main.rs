//! What arrives at a provider when a program calls the API, and what comes back (T-API-2 to T-API-5).
#![allow(unsafe_code, reason = "the exports and the provider's side of the SPI are made of raw pointers")]

#[path = "../../../runtime/tests/common/mod.rs"]
mod common;
mod recorder;
mod rows;

use common::in_own_process;
use recorder::{BIG, Call, LITTLE, fail_with, on_call, open, start, start_up, taken};
use rows::{Arrives, Row, at, memory};
use windlass_abi::*;
use ws2_32::startup::{WSACleanup, WSAGetLastError, WSASetLastError};
use ws2_32::{addresses, connection, options, readiness, socket, transfer};

fn all_dispatched() -> Vec<Row> {
    let mut rows = rows::bsd();
    rows.extend(rows::wsa());
    rows
}

impl Row {
    /// Whether a call is this row's: the function, its arguments, and an error slot of zero.
    fn describes(&self, call: &Call, s: SOCKET) -> bool {
        let mut wanted = self.arguments.clone();
        if self.takes_socket {
            wanted.insert(0, Arrives::Word(s));
        }
        let fits = |(wanted, got): (&Arrives, &usize)| match wanted {
            Arrives::Word(word) => word == got,
            Arrives::Ours => *got != 0 && !(memory(0)..memory(31)).contains(got),
        };
        call.function == self.function
            && call.arguments.len() == wanted.len()
            && wanted.iter().zip(&call.arguments).all(fits)
            && call.buffers == self.buffers
            && call.flags == self.flags
            && call.errno == Some(NO_ERROR)
    }
}

// proves: T-API-2, API-5, API-6, LC-ERR-7, LC-ERR-9, RT-1, RT-9, A-B01, A-B02, A-B03, A-B04, A-B05, A-B06, A-B07,
// A-B10, A-B13, A-B16, A-B17, A-B18, A-B19, A-B20, A-B21, A-B22, A-B23, A-B31, A-S01, A-S02, A-S06, A-S07, A-S08,
// A-S09, A-S10, A-S11, A-S12, A-S13, A-S14, A-S15, A-S16, A-S17, A-S18, A-S20, A-S21, A-S22, A-S24, A-S25, A-S26,
// A-S27, A-X11, API-S18
#[test]
fn api_4_each_export_calls_one_function_with_the_arguments_of_its_caller() {
    in_own_process(|| {
        start();
        for row in all_dispatched() {
            let s = open(BIG);
            let result = (row.call)(s);
            let calls = taken();
            assert!(calls.len() == 1 && row.describes(&calls[0], s), "{} of {s:#x}: {calls:#x?}", row.export);
            assert_ne!(result, row.failure, "{}: error {}", row.export, WSAGetLastError());
        }
    });
}

#[test]
fn t_api_2_every_function_of_the_table_has_a_row() {
    let rows = all_dispatched();
    // Version 2 has no blocking hooks (CONTRA-16); clean-up is not a socket's.
    let others = ["WSPCancelBlockingCall", "WSPCleanup"];
    for slot in WSPPROC_TABLE::SLOTS {
        let function = slot.strip_prefix("lp").unwrap();
        assert!(others.contains(&function) || rows.iter().any(|row| row.function == function), "{function}");
    }
}

// proves: A-B46, WSA-CLEANUP-9
#[test]
fn a_b46_the_last_clean_up_cleans_each_provider_up_once() {
    in_own_process(|| {
        start();
        start_up();
        open(BIG);
        assert_eq!(WSACleanup(), 0);
        assert_eq!(taken(), []);
        assert_eq!(WSACleanup(), 0);
        let names: Vec<_> = taken().iter().map(|call| call.function).collect();
        assert_eq!(names, ["WSPCleanup"]);
    });
}

// proves: T-API-5, LC-ERR-1, LC-ERR-6, RT-2, API-3
#[test]
fn t_api_5_an_error_of_the_provider_comes_back_as_it_is() {
    in_own_process(|| {
        start();
        let codes = [WSAENOBUFS, WSAEREFUSED, 12345, -7, NO_ERROR];
        for row in all_dispatched() {
            for code in codes {
                let s = open(BIG);
                WSASetLastError(1);
                fail_with(Some(code));
                let result = (row.call)(s);
                fail_with(None);
                let wanted = if code == NO_ERROR { WSASYSCALLFAILURE } else { code };
                assert_eq!((result, WSAGetLastError()), (row.failure, wanted), "{} fails with {code}", row.export);
                assert_eq!(taken().len(), 1, "{}", row.export);
            }
        }
    });
}

// proves: T-API-4, API-9
#[test]
fn t_api_4_what_is_no_socket_reaches_no_provider() {
    in_own_process(|| {
        start();
        let closed = open(BIG);
        assert_eq!(socket::closesocket(closed), 0);
        taken();
        let mut rows = all_dispatched();
        rows.retain(|row| row.takes_socket || row.export == "select");
        rows.extend(rows::others());
        for row in rows {
            // The last is the standard input's descriptor, or nobody's.
            for s in [INVALID_SOCKET, closed, SOCKET::MAX / 2, 0x7FFF_FFFF, 1 << 20, 0] {
                WSASetLastError(1);
                let result = (row.call)(s);
                assert_eq!((result, WSAGetLastError()), (row.failure, WSAENOTSOCK), "{} of {s:#x}", row.export);
                assert_eq!(taken(), [], "{} of {s:#x}", row.export);
            }
        }
    });
}

// proves: T-API-3, API-1, API-2, WSA-STARTUP-6
#[test]
fn t_api_3_before_start_up_only_helpers_work() {
    in_own_process(|| {
        let check = || {
            for row in all_dispatched().into_iter().chain(rows::others()) {
                WSASetLastError(1);
                let result = (row.call)(3);
                assert_eq!((result, WSAGetLastError()), (row.failure, WSANOTINITIALISED), "{}", row.export);
                assert_eq!(taken(), []);
            }
        };
        check();
        start();
        assert_eq!(WSACleanup(), 0);
        taken();
        check();
    });
}

/// Has a receiving function say that this was a part of a message.
fn give_a_part() {
    on_call(|call| {
        if call.function.starts_with("WSPRecv") {
            // SAFETY: the pointers of the runtime's call.
            unsafe {
                (call.arguments[3] as *mut u32).write(4);
                *(call.arguments[4] as *mut u32) |= MSG_PARTIAL;
            }
        }
    });
}

// proves: API-X60
#[test]
fn api_b2_a_part_of_a_message_is_an_error_where_no_flag_can_tell() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        give_a_part();
        let (received, flags) = (at::<u32>(1), at::<u32>(2));
        // SAFETY: the memory outlives the calls.
        unsafe {
            assert_eq!((transfer::recv(s, at(0), 10, 0), WSAGetLastError()), (SOCKET_ERROR, WSAEMSGSIZE));
            let result = transfer::recvfrom(s, at(0), 10, 0, at(3), at(4));
            assert_eq!((result, WSAGetLastError()), (SOCKET_ERROR, WSAEMSGSIZE));

            let mut buffer = WSABUF { len: 10, buf: at(0) };
            flags.write(0);
            assert_eq!(transfer::WSARecv(s, &raw mut buffer, 1, received, flags, at(20), None), 0);
            assert_eq!((received.read(), flags.read()), (4, MSG_PARTIAL));

            flags.write(0);
            assert_eq!(transfer::WSARecvEx(s, at(0), 10, flags.cast()), 4);
            assert_eq!(flags.read(), MSG_PARTIAL);
        }
    });
}

#[test]
fn api_b3_a_negative_length_reaches_no_provider() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        for len in [-1, i32::MIN] {
            // SAFETY: the memory outlives the calls, which do not get to it.
            let results = unsafe {
                [
                    transfer::send(s, at(0), len, 0),
                    transfer::recv(s, at(0), len, 0),
                    transfer::sendto(s, at(0), len, 0, at(1), 16),
                    transfer::recvfrom(s, at(0), len, 0, at(1), at(2)),
                    transfer::WSARecvEx(s, at(0), len, at(1)),
                ]
            };
            assert_eq!((results, WSAGetLastError()), ([SOCKET_ERROR; 5], WSAEFAULT));
            assert_eq!(taken(), []);
        }
    });
}

// proves: API-B9
#[test]
fn api_b9_a_socket_that_could_not_be_closed_stays_usable() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        fail_with(Some(WSAEWOULDBLOCK));
        assert_eq!((socket::closesocket(s), WSAGetLastError()), (SOCKET_ERROR, WSAEWOULDBLOCK));
        fail_with(None);
        assert_eq!(connection::listen(s, 1), 0);
        assert_eq!(socket::closesocket(s), 0);
        assert_eq!((socket::closesocket(s), WSAGetLastError()), (SOCKET_ERROR, WSAENOTSOCK));
    });
}

// proves: A-B07, A-B21, SEL-13
#[test]
fn sel_13_the_threads_open_type_decides_whether_sockets_are_overlapped() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        let (value, len) = (at::<i32>(0), at::<i32>(1));
        let set = |open_type: i32| {
            // SAFETY: the memory outlives the calls.
            unsafe {
                value.write(open_type);
                assert_eq!(options::setsockopt(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, value.cast(), 4), 0);
                value.write(-1);
                len.write(4);
                assert_eq!(options::getsockopt(s, SOL_SOCKET, SO_OPENTYPE, value.cast(), len), 0);
                assert_eq!((value.read(), len.read()), (open_type, 4));
            }
            assert_eq!(taken(), [], "the provider is not asked");
        };
        let flags = || {
            socket::socket(AF_INET, SOCK_STREAM, BIG);
            taken()[0].arguments[5]
        };
        for (open_type, wanted) in [(0, WSA_FLAG_OVERLAPPED), (SO_SYNCHRONOUS_ALERT, 0), (SO_SYNCHRONOUS_NONALERT, 0)] {
            set(open_type);
            assert_eq!(flags(), wanted as usize, "{open_type:#x}");
        }
        let elsewhere = std::thread::spawn(move || {
            socket::socket(AF_INET, SOCK_STREAM, BIG);
        });
        elsewhere.join().unwrap();
        assert_eq!(taken()[0].arguments[5], WSA_FLAG_OVERLAPPED as usize, "another thread has its own");
        // SAFETY: the memory outlives the calls.
        unsafe {
            assert_eq!(options::setsockopt(s, SOL_SOCKET, SO_OPENTYPE, value.cast(), 3), SOCKET_ERROR);
            assert_eq!(WSAGetLastError(), WSAEFAULT);
            len.write(3);
            assert_eq!(options::getsockopt(s, SOL_SOCKET, SO_OPENTYPE, value.cast(), len), SOCKET_ERROR);
            assert_eq!(WSAGetLastError(), WSAEFAULT);
        }
    });
}

// proves: SEL-11, SEL-12
#[test]
fn sel_1_the_entry_that_is_named_is_used_and_the_numbers_pass_untouched() {
    in_own_process(|| {
        start();
        let of = |protocol: i32| {
            let entry =
                common::change_catalog(|catalog| catalog.entries.iter().find(|e| e.protocol == protocol).cloned());
            entry.expect("it was installed").info()
        };
        let named = of(LITTLE);
        on_call(move |call| {
            // SAFETY: the pointer of the runtime's call.
            let given = unsafe { (call.arguments[3] as *const WSAPROTOCOL_INFOW).read() };
            assert_eq!((given.dwCatalogEntryId, given.iProtocol), (named.dwCatalogEntryId, LITTLE));
            assert_eq!(given.ProviderId, common::provider_id(0));
        });
        // SAFETY: the structure outlives the call.
        let s = unsafe { socket::WSASocketW(77, -88, 99, &raw const named, 0, 0) };
        assert_ne!(s, INVALID_SOCKET);
        let arguments = &taken()[0].arguments;
        assert_eq!(arguments[..3], [77, -88isize as usize, 99]);
        on_call(|_| {});
        fail_with(Some(WSAEMFILE));
        // SAFETY: as above.
        let s = unsafe { socket::WSASocketW(AF_INET, SOCK_STREAM, 0, &raw const named, 0, 0) };
        assert_eq!((s, WSAGetLastError(), taken().len()), (INVALID_SOCKET, WSAEMFILE, 1), "no other entry is tried");
    });
}

// proves: A-S28, A-S29, A-S30, A-S31
#[test]
fn api_s15_the_byte_order_is_that_of_the_sockets_protocol() {
    in_own_process(|| {
        start();
        let (big, little) = (open(BIG), open(LITTLE));
        let (long, short) = (at::<u32>(0), at::<u16>(1));
        // SAFETY: the memory outlives the calls.
        unsafe {
            for (s, wanted_long, wanted_short) in
                [(big, 0x0102_0304u32.to_be(), 0x0102u16.to_be()), (little, 0x0102_0304u32.to_le(), 0x0102u16.to_le())]
            {
                assert_eq!((addresses::WSAHtonl(s, 0x0102_0304, long), long.read()), (0, wanted_long));
                assert_eq!((addresses::WSANtohl(s, 0x0102_0304, long), long.read()), (0, wanted_long));
                assert_eq!((addresses::WSAHtons(s, 0x0102, short), short.read()), (0, wanted_short));
                assert_eq!((addresses::WSANtohs(s, 0x0102, short), short.read()), (0, wanted_short));
            }
            assert_eq!(addresses::WSAHtonl(big, 1, std::ptr::null_mut()), SOCKET_ERROR);
            assert_eq!(WSAGetLastError(), WSAEFAULT);
            assert_eq!(addresses::WSANtohs(big, 1, std::ptr::null_mut()), SOCKET_ERROR);
            assert_eq!(WSAGetLastError(), WSAEFAULT);
        }
        assert_eq!(taken(), [], "the provider is not asked");
    });
}

// proves: A-S23
#[test]
fn api_15_polling_a_provider_without_poll_selects() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        on_call(|call| {
            if call.function == "WSPSelect" {
                // Ready to write only; the sets are null or have the socket.
                for set in [call.arguments[1], call.arguments[3]] {
                    // SAFETY: the pointers of the runtime's call.
                    unsafe { (set as *mut FD_SET).as_mut().map(|set| set.fd_count = 0) };
                }
            }
        });
        let mut elements = [WSAPOLLFD { fd: s, events: POLLIN | POLLOUT, revents: -1 }; 2];
        elements[1].fd = INVALID_SOCKET;
        // SAFETY: the elements outlive the call.
        assert_eq!(unsafe { readiness::WSAPoll(elements.as_mut_ptr(), 2, 2500) }, 1);
        assert_eq!(elements.map(|element| element.revents), [POLLWRNORM, 0]);
        let calls = taken();
        let asked = calls.iter().find(|call| call.function == "WSPIoctl").expect("asked for its own function first");
        assert_eq!(asked.arguments[1], SIO_GET_EXTENSION_FUNCTION_POINTER as usize);
        assert_eq!(calls.last().unwrap().function, "WSPSelect");
        fail_with(Some(WSAENETDOWN));
        // SAFETY: as above.
        assert_eq!(unsafe { readiness::WSAPoll(elements.as_mut_ptr(), 2, 0) }, SOCKET_ERROR);
        assert_eq!(WSAGetLastError(), WSAENETDOWN);
    });
}

// proves: A-B07
#[test]
fn a_b07_protocol_information_for_the_a_form_is_converted() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        on_call(|call| {
            if call.function == "WSPGetSockOpt" {
                assert_eq!(call.arguments[1..3], [SOL_SOCKET as usize, SO_PROTOCOL_INFOW as usize]);
                // SAFETY: the pointers of the library's call.
                unsafe {
                    assert_eq!((call.arguments[4] as *const i32).read(), size_of::<WSAPROTOCOL_INFOW>() as i32);
                    let info = &mut *(call.arguments[3] as *mut WSAPROTOCOL_INFOW);
                    info.iProtocol = 42;
                    info.szProtocol[..2].copy_from_slice(&['x' as u16, 'é' as u16]);
                }
            }
        });
        let (info, len) = (at::<WSAPROTOCOL_INFOA>(0), at::<i32>(1));
        // SAFETY: the memory outlives the calls.
        unsafe {
            len.write(1000);
            assert_eq!(options::getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, info.cast(), len), 0);
            let got = info.read();
            assert_eq!((len.read(), got.iProtocol), (size_of::<WSAPROTOCOL_INFOA>() as i32, 42));
            assert_eq!(got.szProtocol[..4], *b"x\xC3\xA9\0");
            len.write(size_of::<WSAPROTOCOL_INFOA>() as i32 - 1);
            assert_eq!(options::getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, info.cast(), len), SOCKET_ERROR);
            assert_eq!(WSAGetLastError(), WSAEFAULT);
        }
    });
}

// proves: API-10, API-14
#[test]
fn api_10_select_without_a_socket_reaches_no_provider() {
    in_own_process(|| {
        start();
        open(BIG);
        let null = std::ptr::null_mut();
        let empty = at::<FD_SET>(0);
        // SAFETY: the memory outlives the calls.
        unsafe {
            (*empty).fd_count = 0;
            for set in [null, empty] {
                assert_eq!(readiness::select(0, set, set, set, std::ptr::null()), SOCKET_ERROR);
                assert_eq!(WSAGetLastError(), WSAEINVAL);
            }
        }
        assert_eq!(taken(), []);
    });
}

// proves: LC-ERR-9
#[test]
fn lc_err_9_the_provider_judges_what_is_handed_on() {
    in_own_process(|| {
        start();
        let s = open(BIG);
        let null: *mut u8 = std::ptr::null_mut();
        // SAFETY: the recorder does not follow null.
        unsafe {
            connection::bind(s, null.cast(), -5);
            connection::accept(s, null.cast(), at(0));
            transfer::WSARecv(s, null.cast(), 3, null.cast(), null.cast(), null.cast(), None);
            socket::WSADuplicateSocketA(s, 1, null.cast());
            options::ioctlsocket(s, FIONBIO as i32, null.cast());
            addresses::WSAStringToAddressA(null.cast(), AF_INET, null.cast(), null.cast(), null.cast());
        }
        let calls = taken();
        let seen: Vec<_> = calls.iter().map(|call| (call.function, &call.arguments[1..3])).collect();
        let minus_five = -5isize as usize;
        assert_eq!(seen[0], ("WSPBind", &[0, minus_five][..]));
        assert_eq!(seen[1], ("WSPAccept", &[0, memory(0)][..]));
        assert_eq!(seen[2], ("WSPRecv", &[0, 3][..]));
        assert_eq!(seen[3], ("WSPDuplicateSocket", &[1, 0][..]));
        assert_eq!(seen[4].0, "WSPIoctl");
        assert_eq!(calls[4].arguments[2..6], [0, 0, 0, 0]);
        assert_eq!((seen[5].0, calls[5].arguments[0]), ("WSPStringToAddress", 0));
    });
}

// proves: RT-8
#[test]
fn rt_8_the_provider_gets_utf_16() {
    in_own_process(|| {
        start();
        on_call(|call| {
            if call.function == "WSPStringToAddress" {
                // SAFETY: the pointer of the library's call, to text with a NUL.
                let text = unsafe { std::slice::from_raw_parts(call.arguments[0] as *const u16, 4) };
                assert_eq!(text, [u16::from(b'a'), 0xE9, 0x20AC, 0]);
            }
        });
        let text = c"a\u{e9}\u{20ac}".as_ptr().cast_mut().cast();
        // SAFETY: the text and the memory outlive the call.
        let result = unsafe { addresses::WSAStringToAddressA(text, AF_INET, std::ptr::null_mut(), at(0), at(1)) };
        assert_eq!((result, taken().len()), (0, 1));
    });
}

/// Text of a provider that is longer than any usual address.
// proves: API-7, API-8, A-S24
#[test]
fn api_8_the_a_form_tells_the_room_that_its_own_text_needs() {
    in_own_process(|| {
        start();
        let long: Vec<u16> = std::iter::repeat_n(0x20AC, 200).chain([0]).collect();
        on_call(move |call| {
            if call.function == "WSPAddressToString" {
                let (room, text) = (call.arguments[4] as *mut u32, call.arguments[3] as *mut u16);
                // SAFETY: the pointers of the library's call.
                unsafe {
                    let fits = room.read() as usize >= long.len();
                    room.write(long.len() as u32);
                    fail_with(if fits { None } else { Some(WSAEFAULT) });
                    if fits {
                        text.copy_from_nonoverlapping(long.as_ptr(), long.len());
                    }
                }
            }
        });
        let (address, text, room) = (at::<SOCKADDR>(0), at::<u8>(1), at::<u32>(2));
        // SAFETY: the memory outlives the calls.
        unsafe {
            (*address).sa_family = AF_INET as u16;
            for len in [0, 600] {
                room.write(len);
                let result = addresses::WSAAddressToStringA(address, 16, std::ptr::null_mut(), text, room);
                assert_eq!((result, WSAGetLastError(), room.read()), (SOCKET_ERROR, WSAEFAULT, 601));
            }
            let result = addresses::WSAAddressToStringA(address, 16, std::ptr::null_mut(), text, room);
            assert_eq!((result, room.read()), (0, 601));
            assert_eq!(std::ffi::CStr::from_ptr(text.cast()).to_str().unwrap(), "\u{20ac}".repeat(200));
        }
    });
}

// proves: A-U00, A-U01, A-U02, A-U03, A-U04, A-U05, A-U06, A-U07, A-U08, A-U09, A-U10, A-U11, A-U12, A-U13, A-U14
#[test]
fn up_2_each_upcall_works_for_a_provider() {
    in_own_process(|| {
        use std::os::fd::IntoRawFd;
        start();
        let entry = recorder::entry_of(open(BIG));
        let up = recorder::upcalls();
        let mut errno = 0;
        // SAFETY: pointers are to locals that outlive the calls.
        unsafe {
            let event = (up.lpWPUCreateEvent)(&raw mut errno);
            assert!(!event.is_null());
            assert_eq!((up.lpWPUSetEvent)(event, &raw mut errno), TRUE);
            assert_eq!(
                ws2_32::events::WSAWaitForMultipleEvents(1, &raw const event, FALSE, 0, FALSE),
                WSA_WAIT_EVENT_0
            );
            assert_eq!((up.lpWPUResetEvent)(event, &raw mut errno), TRUE);
            assert_eq!(
                ws2_32::events::WSAWaitForMultipleEvents(1, &raw const event, FALSE, 0, FALSE),
                WSA_WAIT_TIMEOUT
            );
            assert_eq!((up.lpWPUCloseEvent)(event, &raw mut errno), TRUE);

            let made = (up.lpWPUCreateSocketHandle)(entry, 4711, &raw mut errno);
            let mut context = 0;
            assert_eq!((up.lpWPUQuerySocketHandleContext)(made, &raw mut context, &raw mut errno), 0);
            assert_eq!(context, 4711);
            assert_eq!(connection::listen(made, 1), 0);
            assert_eq!((up.lpWPUCloseSocketHandle)(made, &raw mut errno), 0);
            assert_eq!((connection::listen(made, 1), WSAGetLastError()), (SOCKET_ERROR, WSAENOTSOCK));

            let file = std::fs::File::open("/dev/null").unwrap().into_raw_fd() as SOCKET;
            assert_eq!((up.lpWPUModifyIFSHandle)(entry, file, &raw mut errno), file);
            assert_eq!(connection::listen(file, 1), 0);

            let mut set = FD_SET { fd_count: 1, fd_array: [file; FD_SETSIZE] };
            assert_ne!((up.lpWPUFDIsSet)(file, &raw mut set), 0);
            assert_eq!((up.lpWPUFDIsSet)(file + 1, &raw mut set), 0);

            let (mut id, mut path, mut len) = (common::provider_id(0), [0u16; 64], 64);
            assert_eq!((up.lpWPUGetProviderPath)(&raw mut id, path.as_mut_ptr(), &raw mut len, &raw mut errno), 0);
            assert_eq!(String::from_utf16(&path[..len as usize - 1]).unwrap(), "builtin:recorder");

            assert_eq!((up.lpWPUPostMessage)(at(5), 1, 2, 3), FALSE);
            windlass_runtime::messages::register(memory(5), std::sync::Arc::new(|m, w, l| (m, w, l) == (1, 2, 3)));
            assert_eq!((up.lpWPUPostMessage)(at(5), 1, 2, 3), TRUE);

            let (mut callback, mut hook_context) = (Some(never as _), 1);
            let rc = (up.lpWPUQueryBlockingCallback)(entry, &raw mut callback, &raw mut hook_context, &raw mut errno);
            assert_eq!((rc, callback.is_none()), (0, true), "version 2 has no hook");

            let mut thread = WSATHREADID { ThreadHandle: std::ptr::null_mut(), Reserved: 0 };
            assert_eq!((up.lpWPUOpenCurrentThread)(&raw mut thread, &raw mut errno), 0);
            let mut ran = 0usize;
            let context = (&raw mut ran).expose_provenance();
            assert_eq!((up.lpWPUQueueApc)(&raw mut thread, Some(count_up), context, &raw mut errno), 0);
            assert_eq!(ran, 0);
            assert_eq!(ws2_32::win32::SleepEx(0, TRUE), WSA_WAIT_IO_COMPLETION);
            assert_eq!((&raw const ran).read_volatile(), 1);
            assert_eq!((up.lpWPUCloseThread)(&raw mut thread, &raw mut errno), 0);
        }
        assert_eq!(errno, 0);
    });
}

unsafe extern "system" fn never(_: usize) -> BOOL {
    unreachable!("nobody asks for it")
}

unsafe extern "system" fn count_up(context: usize) {
    // SAFETY: the context is a counter of the test, which waits.
    unsafe { *std::ptr::with_exposed_provenance_mut::<usize>(context) += 1 };
}
