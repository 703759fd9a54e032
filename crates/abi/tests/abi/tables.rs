//! The function tables of transports: their order, and the form without null pointers.

use std::mem::{offset_of, size_of};

use windlass_abi::*;

#[test]
fn tbl_1_order_of_the_functions() {
    // proves: WSP-STARTUP-14, TBL-3
    let order = [
        "Accept",
        "AddressToString",
        "AsyncSelect",
        "Bind",
        "CancelBlockingCall",
        "Cleanup",
        "CloseSocket",
        "Connect",
        "DuplicateSocket",
        "EnumNetworkEvents",
        "EventSelect",
        "GetOverlappedResult",
        "GetPeerName",
        "GetSockName",
        "GetSockOpt",
        "GetQOSByName",
        "Ioctl",
        "JoinLeaf",
        "Listen",
        "Recv",
        "RecvDisconnect",
        "RecvFrom",
        "Select",
        "Send",
        "SendDisconnect",
        "SendTo",
        "SetSockOpt",
        "Shutdown",
        "Socket",
        "StringToAddress",
    ];
    let slots: Vec<_> = WSPPROC_TABLE::SLOTS.iter().map(|slot| slot.strip_prefix("lpWSP").unwrap()).collect();
    assert_eq!(slots, order);
    assert_eq!(size_of::<WSPPROC_TABLE>(), 30 * 8);
    assert_eq!(offset_of!(WSPPROC_TABLE, lpWSPGetSockOpt), 14 * 8);
    assert_eq!(offset_of!(WSPPROC_TABLE, lpWSPGetQOSByName), 15 * 8);
}

#[test]
fn the_upcalls_are_in_order() {
    // proves: UP-4
    let order = [
        "CloseEvent",
        "CloseSocketHandle",
        "CreateEvent",
        "CreateSocketHandle",
        "FDIsSet",
        "GetProviderPath",
        "ModifyIFSHandle",
        "PostMessage",
        "QueryBlockingCallback",
        "QuerySocketHandleContext",
        "QueueApc",
        "ResetEvent",
        "SetEvent",
        "OpenCurrentThread",
        "CloseThread",
    ];
    let slots: Vec<_> = WSPUPCALLTABLE::SLOTS.iter().map(|slot| slot.strip_prefix("lpWPU").unwrap()).collect();
    assert_eq!(slots, order);
    assert_eq!(offset_of!(WSPUPCALLTABLE, lpWPUCloseThread), 14 * 8);
}

extern "system" fn on_event(_: WSAEVENT, _: *mut i32) -> BOOL {
    TRUE
}
extern "system" fn on_socket(_: SOCKET, _: *mut i32) -> i32 {
    0
}
extern "system" fn create_event(_: *mut i32) -> WSAEVENT {
    WSA_INVALID_EVENT
}
extern "system" fn create_handle(_: u32, _: usize, _: *mut i32) -> SOCKET {
    0
}
extern "system" fn is_set(_: SOCKET, _: *mut FD_SET) -> i32 {
    0
}
extern "system" fn path(_: *mut GUID, _: *mut u16, _: *mut i32, _: *mut i32) -> i32 {
    0
}
extern "system" fn modify_handle(_: u32, s: SOCKET, _: *mut i32) -> SOCKET {
    s
}
extern "system" fn post(_: HWND, _: u32, _: WPARAM, _: LPARAM) -> BOOL {
    TRUE
}
extern "system" fn blocking(_: u32, _: *mut LPBLOCKINGCALLBACK, _: *mut usize, _: *mut i32) -> i32 {
    0
}
extern "system" fn context(_: SOCKET, _: *mut usize, _: *mut i32) -> i32 {
    0
}
extern "system" fn queue(_: *mut WSATHREADID, _: LPWSAUSERAPC, _: usize, _: *mut i32) -> i32 {
    0
}
extern "system" fn on_thread(_: *mut WSATHREADID, _: *mut i32) -> i32 {
    0
}

const UPCALLS: WSPUPCALLTABLE = WSPUPCALLTABLE {
    lpWPUCloseEvent: Some(on_event),
    lpWPUCloseSocketHandle: Some(on_socket),
    lpWPUCreateEvent: Some(create_event),
    lpWPUCreateSocketHandle: Some(create_handle),
    lpWPUFDIsSet: Some(is_set),
    lpWPUGetProviderPath: Some(path),
    lpWPUModifyIFSHandle: Some(modify_handle),
    lpWPUPostMessage: Some(post),
    lpWPUQueryBlockingCallback: Some(blocking),
    lpWPUQuerySocketHandleContext: Some(context),
    lpWPUQueueApc: Some(queue),
    lpWPUResetEvent: Some(on_event),
    lpWPUSetEvent: Some(on_event),
    lpWPUOpenCurrentThread: Some(on_thread),
    lpWPUCloseThread: Some(on_thread),
};

#[test]
fn a_table_without_holes_is_complete() {
    let complete = UPCALLS.complete().expect("no slot is null");
    assert_eq!(size_of::<UpcallTable>(), size_of::<WSPUPCALLTABLE>());
    let back = complete.to_nullable();
    assert_eq!(back.first_hole(), None);
    assert_eq!(back.lpWPUCreateEvent.map(|f| f as usize), Some(create_event as *const () as usize));
    assert_eq!(complete.lpWPUQueueApc as usize, queue as *const () as usize);
}

#[test]
fn a_table_with_a_hole_names_it() {
    assert_eq!(WSPPROC_TABLE::EMPTY.complete().err(), Some("lpWSPAccept"));
    assert_eq!(WSPUPCALLTABLE::EMPTY.first_hole(), Some("lpWPUCloseEvent"));
    macro_rules! each_hole {
        ($($slot:ident)*) => {
            $(let mut table = UPCALLS;
            table.$slot = None;
            assert_eq!(table.complete().err(), Some(stringify!($slot)));)*
        };
    }
    each_hole! {
        lpWPUCloseEvent lpWPUCloseSocketHandle lpWPUCreateEvent lpWPUCreateSocketHandle lpWPUFDIsSet
        lpWPUGetProviderPath lpWPUModifyIFSHandle lpWPUPostMessage lpWPUQueryBlockingCallback
        lpWPUQuerySocketHandleContext lpWPUQueueApc lpWPUResetEvent lpWPUSetEvent lpWPUOpenCurrentThread
        lpWPUCloseThread
    }
}
