//! WPUCompleteOverlappedRequest (contract: upcalls, section 4).
#![allow(unsafe_code, reason = "upcalls are C functions")]

mod common;

use std::ptr::null_mut;

use common::fake::fake;
use common::upcall::{started, up};
use common::*;
use windlass_abi::*;
use windlass_runtime::complete_overlapped_request;

#[test]
fn wpu_cor_1_completion_is_for_created_handles_only() {
    in_own_process(|| {
        let (up, id) = started();
        let ifs = fake(0).sockets()[0];
        let (created, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        let mut overlapped = pending(null_mut());
        // SAFETY: the structure is there, or null.
        let complete = |s, overlapped| unsafe { complete_overlapped_request(s, overlapped, 0, 0) };
        for bad in [ifs, INVALID_SOCKET, 0] {
            assert_eq!(complete(bad, &mut overlapped), Err(WsaError::WSAEINVAL));
        }
        assert_eq!(overlapped.Internal, WSS_OPERATION_IN_PROGRESS);
        assert_eq!(complete(created, null_mut()), Err(WsaError::WSAEFAULT));
        assert_eq!(complete(created, (&raw mut overlapped).wrapping_byte_add(1)), Err(WsaError::WSAEFAULT));
        assert_eq!(complete(created, &mut overlapped), Ok(()));
        assert_eq!((overlapped.Internal, overlapped.InternalHigh), (0, 0));
        end();
    });
}

/// The structure of an operation that is under way.
fn pending(event: WSAEVENT) -> WSAOVERLAPPED {
    WSAOVERLAPPED { Internal: WSS_OPERATION_IN_PROGRESS, InternalHigh: 77, Offset: 3, OffsetHigh: 4, hEvent: event }
}

// proves: WPU-COR-3, WPU-COR-5, WPU-COR-6, OV-17, OV-18, OV-19
#[test]
fn wpu_cor_4_the_event_is_set_if_there_is_one() {
    in_own_process(|| {
        let (up, id) = started();
        let (created, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        let (event, _) = up!(up, lpWPUCreateEvent());
        // The low bit speaks to completion ports.
        for hint in [0, 1] {
            for (error, status) in
                [(0, 0), (WSA_OPERATION_ABORTED, 0xC000_0120), (WSAECONNRESET, 0xC000_020D), (4711, 0xC007_1267)]
            {
                assert_eq!(up!(up, lpWPUResetEvent(event)), (TRUE, 0));
                let mut overlapped = pending(event.map_addr(|address| address | hint));
                // SAFETY: the structure is there.
                unsafe { complete_overlapped_request(created, &mut overlapped, error as u32, 5) }.unwrap();
                assert_eq!((overlapped.Internal, overlapped.InternalHigh), (status, 5));
                assert_eq!((overlapped.Offset, overlapped.OffsetHigh), (3, 4), "the provider's own");
                assert!(windlass_io::event::Event::of(event.into()).unwrap().is_signalled());
            }
        }
        // An event that is none takes nothing from the completion.
        let mut overlapped = pending(std::ptr::without_provenance_mut(0x7000));
        // SAFETY: the structure is there.
        unsafe { complete_overlapped_request(created, &mut overlapped, 0, 5) }.unwrap();
        assert_eq!(overlapped.Internal, 0);
        end();
    });
}

#[test]
fn wpu_cor_8_who_sees_the_status_sees_the_bytes() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    in_own_process(|| {
        let (up, id) = started();
        let (created, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        for round in 1..2000u32 {
            let mut overlapped = pending(null_mut());
            let at = (&raw mut overlapped).expose_provenance();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let overlapped = std::ptr::with_exposed_provenance_mut::<WSAOVERLAPPED>(at);
                    // SAFETY: the structure outlives the scope; the status is accessed atomically, the bytes after it.
                    unsafe {
                        let status = AtomicUsize::from_ptr(&raw mut (*overlapped).Internal);
                        while status.load(Ordering::Acquire) == WSS_OPERATION_IN_PROGRESS {
                            std::hint::spin_loop();
                        }
                        assert_eq!((*overlapped).InternalHigh, round as usize);
                    }
                });
                let overlapped = std::ptr::with_exposed_provenance_mut::<WSAOVERLAPPED>(at);
                // SAFETY: as above.
                unsafe { complete_overlapped_request(created, overlapped, 0, round) }.unwrap();
            });
        }
        end();
    });
}

// proves: WPU-CSH-7, WPU-COR-3, WPU-COR-4, WPU-COR-5, OV-19
#[test]
fn wpu_csh_7_completions_of_created_handles_are_queued_at_their_port() {
    use windlass_io::port::{self, NoPacket, Packet};
    use windlass_runtime::ports::associate;
    const KEY: usize = 0xFACE;
    in_own_process(|| {
        let (up, id) = started();
        let (created, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        let (event, _) = up!(up, lpWPUCreateEvent());
        let ports = [port::create(0).unwrap(), port::create(0).unwrap()];
        associate(created, ports[0], KEY).unwrap();
        for at in ports {
            assert_eq!(associate(created, at, 1), Err(WsaError::WSA_INVALID_PARAMETER));
        }
        let now = || windlass_io::Deadline::after(Some(std::time::Duration::ZERO));
        for (hint, error, status) in [(0, 0, 0), (0, WSAECONNRESET, 0xC000_020D), (1, 0, 0)] {
            for event in [null_mut(), event] {
                let mut overlapped = pending(event.map_addr(|address| address | hint));
                // SAFETY: the structure is there.
                unsafe { complete_overlapped_request(created, &mut overlapped, error as u32, 5) }.unwrap();
                let at = (&raw mut overlapped).addr();
                let expected = match hint {
                    0 => Ok(Packet { key: KEY, overlapped: at, bytes: 5, status }),
                    _ => Err(NoPacket::TimedOut),
                };
                assert_eq!(port::get(ports[0], now(), false), expected);
            }
        }
        // The number of a socket that was given up is another socket's.
        assert_eq!(up!(up, lpWPUCloseSocketHandle(created)), (0, 0));
        assert_eq!(associate(created, ports[0], KEY), Err(WsaError::WSAENOTSOCK));
        let (again, _) = up!(up, lpWPUCreateSocketHandle(id, 0));
        associate(again, ports[1], KEY).unwrap();
        // The last clean-up forgets it.
        end();
        assert_eq!(port::get(ports[1], now(), false), Err(NoPacket::TimedOut));
    });
}
